"""Providers of limited capacity as SimPy resources, in which patients queue.

Who comes next follows from the order of the requests: higher priority, then the older one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator
from typing import Any

import simpy
from simpy.resources.resource import PriorityRequest

from sim.agents.appointments import Request
from sim.agents.clocks import ALMOST, FIRST_MONDAY, WEEK, Hours, next_on_grid, next_session, session_at
from sim.scenario.constants import value
from sim.scenario.model import Provider, Scenario

ALWAYS: Hours = ((0.0, WEEK),)
AFTER_PATIENTS = math.inf  # where an event comes among those of one time, see simpy.Environment.schedule


class Turn(simpy.Event):
    """A time at which somebody's turn may come: all who ask at that time have asked by then."""

    def __init__(self, clock: simpy.Environment, delay: float = 0.0) -> None:
        super().__init__(clock)
        self._ok, self._value = True, None
        clock.schedule(self, AFTER_PATIENTS, delay)  # type: ignore[arg-type]


class Desk(simpy.PriorityResource):
    """A queue, and places that are taken in its order."""

    def __init__(self, clock: simpy.Environment, places: int) -> None:
        super().__init__(clock, places)
        self._requests: dict[Request, PriorityRequest] = {}

    def join(self, request: Request) -> None:
        """Take a place that is free, or wait for one."""
        place = self.request(priority=request.order)  # type: ignore[arg-type]
        assert place.callbacks is not None
        place.callbacks.append(lambda _: request.turn_comes(self._env.now))
        self._requests[request] = place

    def leave(self, request: Request) -> None:
        """Give back a place that was taken, or leave the queue."""
        place = self._requests.pop(request, None)
        if place is None:
            return
        if place.triggered:
            self.release(place)
        else:
            place.cancel()


class Servers(Desk):
    """So many patients at a time, each until the visit is over; none begins while it is closed."""

    def __init__(self, clock: simpy.Environment, servers: int, hours: Hours) -> None:
        super().__init__(clock, servers)
        self._hours = hours
        self._will_look, self._looks = False, False
        if hours:
            clock.process(self._open(clock))

    def _do_put(self, event: Any) -> bool:  # type: ignore[override]
        if not self._looks:
            self._look_later()
            return False
        super()._do_put(event)
        return bool(event.triggered)  # whether to see to the next in the queue

    def _look_later(self) -> None:
        if self._will_look or self.count == self.capacity:
            return
        self._will_look = True
        turn = Turn(self._env)
        assert turn.callbacks is not None
        turn.callbacks.append(lambda _: self._look())

    def _look(self) -> None:
        self._will_look = False
        if not self._hours or session_at(self._hours, self._env.now):
            self._looks = True
            self._trigger_put(None)
            self._looks = False

    def _open(self, clock: simpy.Environment) -> Generator[simpy.Event, None, None]:
        while True:
            opens, _ = next_session(self._hours, clock.now)
            yield clock.timeout(next_on_grid(opens) - clock.now)
            self._trigger_put(None)


class Appointments(Desk):
    """So many patients a week, at even distances through the hours; one that nobody waits for is lost."""

    def __init__(self, clock: simpy.Environment, per_week: float, hours: Hours) -> None:
        super().__init__(clock, 1)
        self._is_free = False
        clock.process(self._offer(clock, per_week, hours or ALWAYS))

    def _do_put(self, event: Any) -> bool:  # type: ignore[override]
        if self._is_free:
            self._is_free = False
            event.succeed()
        return False

    def _offer(
        self, clock: simpy.Environment, per_week: float, hours: Hours
    ) -> Generator[simpy.Event, None, None]:
        for date in appointments(per_week, hours, clock.now):
            yield Turn(clock, max(date - clock.now, 0.0))
            self._is_free = True
            self._trigger_put(None)
            self._is_free = False


def appointments(per_week: float, hours: Hours, start: float) -> Generator[float, None, None]:
    """The dates of appointments from `start` on: in the middle of equal parts of the open time, rounded up to
    the grid of dates."""
    open_time = sum(to - from_ for from_, to in hours)
    part = open_time / per_week
    first = math.floor(math.floor((start - FIRST_MONDAY) / WEEK - 1.0) * per_week)
    for number in itertools.count(first):
        week, into = divmod((number + 0.5) * part + ALMOST, open_time)
        for from_, to in hours:
            if into < to - from_:
                date = next_on_grid(FIRST_MONDAY + WEEK * week + from_ + into)
                if date >= start:
                    yield date
                break
            into -= to - from_


def desks(scenario: Scenario, clock: simpy.Environment) -> dict[str, Desk]:
    """A desk for every provider of limited capacity, by its name."""
    return {p.name: _desk(p, scenario, clock) for p in scenario.providers if p.capacity is not None}


def _desk(provider: Provider, scenario: Scenario, clock: simpy.Environment) -> Desk:
    assert provider.capacity is not None
    capacity = value(provider.capacity, scenario)
    if provider.capacity.type.kind == "rate":
        return Appointments(clock, capacity * WEEK, provider.hours)
    return Servers(clock, int(capacity), provider.hours)
