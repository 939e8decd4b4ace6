"""Visits that must be asked for: opening hours, queues, appointments kept and missed.

Who waits in a queue is decided by `Desk`s, which patients share (see `desks`); before the window, and where
one patient is followed alone, capacity is without limit.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sim.agents.clocks import next_session, session_at
from sim.agents.faults import Failure
from sim.agents.rows import AUX, Row
from sim.engine import faults
from sim.engine.log import APPOINTMENT, ATTENDED, GAVE_UP, MISSED, WAITING
from sim.scenario.model import Provider, Visit

if TYPE_CHECKING:
    from sim.agents.care import Activation
    from sim.agents.life import Life
    from sim.agents.world import Watch


@dataclass(frozen=True)
class Until:
    """What a step says when the protocol waits: until then, or (inf) until something sets it going."""

    time: float


Said = Any  # Until | Activation | None
"""What steps say: wait until then; go on with that protocol first; or that an event is over."""


class Desk(Protocol):
    """Where patients wait for a provider of limited capacity."""

    def join(self, request: Request) -> None:
        """Wait from now on; `request.turn_comes` says when the turn has come."""

    def leave(self, request: Request) -> None:
        """Leave the queue, or the place that was taken."""


@dataclass(eq=False)
class Request:
    """A visit that was asked for. `order` is its place in a queue, lowest first; `watch` may end the wait."""

    life: Life
    provider: str
    protocol: str
    row: Row | None
    order: tuple[float, float, float, int]
    watch: Watch | None
    desk: Desk | None
    outcome: int = WAITING

    def end(self, outcome: int) -> None:
        """The waiting is over. Whoever is not seen leaves the queue."""
        self.outcome = outcome
        self.life.tell("appointment", request=self)
        self.life.close(self.row)
        if self.row:
            self.row[AUX] = outcome
        if self.watch:
            self.life.schedule(self.watch.slot, math.inf)
        if outcome != ATTENDED:
            self.leave()

    def leave(self) -> None:
        """Nothing more is wanted of the provider."""
        if self.desk:
            self.desk.leave(self)

    def turn_comes(self, date: float) -> None:
        """The turn has come, on a date of the shared clock."""
        if self.outcome == WAITING:
            now = max(self.life.now, date - self.life.birth)
            self.life.schedule(self.life.world.protocol_slots[self.protocol], now)
            self.life.wake()


def appointment(life: Life, activation: Activation, step: Visit) -> Generator[Said, None, Request | None]:
    """Ask for a visit, and again where it is missed; the request whose turn was taken, or None."""
    left, name = step.rebook_times, activation.protocol.name
    while True:
        life.rounds[step.site] = nth = life.rounds.get(step.site, 0) + 1
        request, starts = _ask(life, activation, step, nth)
        if starts > life.now:
            site = f"{step.site}/hours"
            life.tell("wait", protocol=name, step=step, until=starts, purpose="turn", site=site)
            activation.request = request
            yield Until(starts)
            activation.request = None
            life.because("step", step=step, protocol=name)
        if request.outcome == GAVE_UP:
            return None
        if step.attend is None or life.takes(step.attend, f"{step.site}/attend", nth):
            request.end(ATTENDED)
            return request
        request.end(MISSED)
        if step.rebook_after is None or left == 0:
            return None
        left = None if left is None else left - 1
        site = f"{step.site}/rebook"
        until = life.now + life.days(step.rebook_after, site, nth)
        life.tell("wait", protocol=name, step=step, until=until, purpose="rebook", site=site)
        yield Until(until)
        life.because("step", step=step, protocol=name)


def _ask(life: Life, activation: Activation, step: Visit, nth: int) -> tuple[Request, float]:
    """Ask for a visit: the request, and when it begins; inf where that is for a desk to say."""
    provider = life.world.providers[step.provider]
    priority = 0.0 if step.priority is None else life.look(step.priority)
    if math.isnan(priority):
        assert step.priority is not None
        raise Failure(faults.BAD_PRIORITY, step.priority.span)
    number = life.world.numbers["provider", provider.name]
    row = life.record(APPOINTMENT, number, aux=WAITING, value=priority)
    life.tell("ask", step=step, priority=priority, row=row)
    desk = life.desks.get(provider.name) if life.recording else None
    tie = life.uniform_at(f"{step.site}/queue", nth) if desk else 0.0
    watch = life.world.waits.get(step.site) if desk else None
    order = (-priority, life.birth + life.now, tie, life.patient)
    request = Request(life, provider.name, activation.protocol.name, row, order, watch, desk)
    if desk is None:
        return request, _opens(life, provider, step, nth)
    desk.join(request)
    if watch:
        life.true.discard(watch.number)
        life.look_later(watch)
    return request, math.inf


def _opens(life: Life, provider: Provider, step: Visit, nth: int) -> float:
    """Now, if the provider is open; else some time in the next session, each as likely."""
    today = life.birth + life.now
    if not provider.hours or session_at(provider.hours, today):
        return life.now
    start, end = next_session(provider.hours, today)
    u = life.uniform_at(f"{step.site}/hours", nth)
    return max(life.now, start + u * (end - start) - life.birth)
