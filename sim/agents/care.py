"""Care: protocols that start, wait, call one another and end; visits; what is done in them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.agents.appointments import Request, Said, Until, appointment
from sim.agents.expressions import probability
from sim.agents.faults import Failure
from sim.agents.rows import AUX, OF_ENCOUNTER, Row
from sim.agents.verbs import note_finding, perform, take_test, write_plan
from sim.engine import faults, streams
from sim.engine.log import CANCELLED, DISCHARGES, ENCOUNTER, GAVE_UP, NULL
from sim.scenario.model import (
    At,
    Choose,
    Do,
    Every,
    Examine,
    If,
    MeasurePanel,
    Protocol,
    StartProtocol,
    Step,
    StopProtocol,
    Visit,
    Wait,
    WaitUntil,
)

if TYPE_CHECKING:
    from sim.agents.life import Life
    from sim.agents.world import Watch


@dataclass(frozen=True)
class Encounter:
    """A visit under way: its id, NULL before the record begins, its open row, the turn that it took, and what
    is done in it after its steps.
    """

    id: int
    row: Row | None
    turn: Request | None
    rest: Iterator[Said]


@dataclass(eq=False)
class Activation:
    """A protocol under way.

    caller       who waits for it (`do`), or, if it is `riding`, whose visit it is part of
    callee       whom it waits for
    inherited    the id of the encounter that it was called in, or rides on, or NULL
    visits       its visits under way, the innermost last
    ends         whether it is over with the first of them
    request      what it waits for its turn with
    plan         the open row of its care plan
    waits_at     the `wait_until` that it waits at
    """

    protocol: Protocol
    steps: Iterator[Said]
    caller: Activation | None = None
    riding: bool = False
    callee: Activation | None = None
    inherited: int = NULL
    visits: list[Encounter] = field(default_factory=list)
    ends: bool = False
    request: Request | None = None
    plan: Row | None = None
    waits_at: WaitUntil | None = None

    @property
    def encounter(self) -> int:
        """The id of the encounter that its steps happen in, or NULL."""
        return self.visits[-1].id if self.visits else self.inherited


# ---- starting and ending


def start(life: Life, name: str) -> None:
    """Start a protocol, its first step due now; nothing where it is running already."""
    if begin(life, name):
        life.schedule(life.world.protocol_slots[name], life.now)


def begin(life: Life, name: str, caller: Activation | None = None, riding: bool = False) -> Activation | None:
    """Put a protocol before its first step; None, and nothing done, where it is running already, or not valid
    now."""
    if name in life.running:
        life.tell("runs already", protocol=name)
        return None
    protocol = life.world.protocols[name]
    if protocol.valid and not protocol.valid[0] - life.birth <= life.now < protocol.valid[1] - life.birth:
        life.tell("not valid", protocol=name)
        return None
    activation = Activation(protocol, iter(()), caller, riding)
    activation.steps = _steps(life, activation, protocol.steps, life.counts.get(name, 0) + 1)
    if caller:
        activation.inherited = caller.encounter
    life.running[name] = activation
    life.touch("running", name)
    if life.recording:
        write_plan(life, activation)
    life.tell("start", protocol=name, caller=caller.protocol.name if caller else None, row=activation.plan)
    life.happen(name)
    if name in life.world.until:
        watch = life.world.until[name]
        life.true.discard(watch.number)
        life.look_later(watch)
    return activation


def finish(life: Life, activation: Activation) -> Activation | None:
    """A protocol is over, and so are those it waits for; returns who waited for it."""
    caller = activation.caller
    if caller and not activation.riding:
        caller.callee = None
    over: Activation | None = activation
    while over:
        name = over.protocol.name
        del life.running[name]
        life.touch("running", name)
        life.schedule(life.world.protocol_slots[name], math.inf)
        if name in life.world.until:
            life.schedule(life.world.until[name].slot, math.inf)
        if over.request:
            over.request.end(CANCELLED)
        life.close(over.plan)
        life.tell("end", protocol=name)
        over.caller, over.callee, over = None, None, over.callee
    return caller


def end(life: Life, name: str) -> None:
    """End a running protocol from outside: now, or when the visit under way is over."""
    activation = life.running.get(name)
    if activation is None:
        return
    inner: Activation | None = activation
    while inner:
        if inner.visits:
            activation.ends = True
            return
        inner = inner.callee
    caller = finish(life, activation)
    if caller:
        life.schedule(life.world.protocol_slots[caller.protocol.name], life.now)


def look_at_watch(life: Life, watch: Watch) -> None:
    """See whether a watch holds; act on its turning true (or false, for a protocol's `while`)."""
    activation = life.running.get(watch.protocol)
    request = activation.request if activation else None
    if watch.kind == "until" and activation is None:
        return
    if watch.kind == "gives_up" and not (request and request.watch is watch):
        return
    if watch.kind == "wait_until" and not (activation and activation.waits_at is watch.step):
        return
    if watch.leaves and life.states.get(watch.leaves.axis) != watch.leaves.state:
        return
    life.turns = math.inf
    holds = watch.holds(life) == 1.0
    life.schedule(watch.slot, life.turns)
    if watch.kind == "wait_until":
        if holds:
            life.true.add(watch.number)
            life.schedule(life.world.protocol_slots[watch.protocol], life.now)
        return
    if holds == (watch.number in life.true):
        return
    life.true ^= {watch.number}
    life.because("watch", watch=watch)
    if watch.leaves:
        if holds:
            life.leave_when(watch.leaves)
    elif watch.kind == "gives_up":
        if holds and request:
            request.end(GAVE_UP)
            life.schedule(life.world.protocol_slots[watch.protocol], life.now)
    elif holds and watch.kind != "until":
        if watch.kind == "while" and activation:
            activation.ends = False
        start(life, watch.protocol)
    elif watch.kind != "when":
        end(life, watch.protocol)


def watch_is_due(life: Life, watch: Watch) -> None:
    look_at_watch(life, watch)
    life.settle()


# ---- going on


def go_on(life: Life, name: str) -> None:
    """Carry out steps of a protocol until it waits or ends, and those of protocols it waits for or that ride
    along. Each step is an event: its consequences come before the next.
    """
    current: Activation | None = life.running[name]
    while current and life.alive and life.running.get(current.protocol.name) is current:
        said = next(current.steps, StopIteration)
        if said is StopIteration:
            life.because("all done", protocol=current.protocol.name)
            current = finish(life, current)
        elif isinstance(said, Activation):
            current = said
        elif isinstance(said, Until):
            life.schedule(life.world.protocol_slots[current.protocol.name], said.time)
        life.settle()
        if isinstance(said, Until) and life.alive:
            assert current is not None
            current = let_go(_outermost(current))


def _outermost(activation: Activation) -> Activation:
    """The head of those that wait for an activation, not going past one that only rides on a visit."""
    while activation.caller and not activation.riding:
        activation = activation.caller
    return activation


def let_go(rider: Activation) -> Activation | None:
    """A rider that waits is on its own from here: the visit goes on without it. Returns who visits."""
    visitor = rider.caller
    if visitor:
        rider.caller, rider.riding = None, False
        part: Activation | None = rider
        while part:
            part.inherited = NULL
            part = None if part.visits else part.callee
    return visitor


# ---- steps


def _steps(life: Life, activation: Activation, steps: Sequence[Step], count: int) -> Iterator[Said]:
    """Carry out steps. `count` is how often the block around them has been entered in this life."""
    name = activation.protocol.name
    for step in steps:
        life.because("step", step=step, protocol=name)
        if step.chance is not None and not life.takes(step.chance, f"{step.site}/chance", count):
            life.tell("left out", step=step)
            continue
        match step:
            case Visit():
                yield from _visit(life, activation, step, count)
            case WaitUntil():
                yield from _wait_until(life, activation, step, count)
            case At():
                yield from _at(life, activation, step)
            case Every():
                yield from _every(life, activation, step, count)
            case If():
                holds = life.look(step.condition) == 1.0
                life.tell("if", step=step, holds=holds)
                yield from _steps(life, activation, step.then if holds else step.otherwise, count)
            case Choose():
                yield from _steps(life, activation, _chosen(life, step, count), count)
            case Wait():
                until = life.now + life.days(step.duration, step.site, count)
                life.tell("wait", protocol=name, step=step, until=until, purpose="wait", site=step.site)
                yield Until(until)
            case MeasurePanel():
                for biomarker in step.biomarkers:
                    life.because("step", step=step, protocol=name)
                    site = f"{step.site}/{biomarker}"
                    measured = life.world.biomarkers[biomarker]
                    take_test(life, measured, site, activation.encounter, count, step.panel)
                    yield None
            case Examine():
                yield from _examine(life, activation, step, count)
            case Do():
                callee = begin(life, step.protocol, activation)
                if callee:
                    activation.callee = callee
                    life.schedule(life.world.protocol_slots[activation.protocol.name], math.inf)
                yield callee
            case StartProtocol():
                start(life, step.protocol)
                yield None
            case StopProtocol():
                end(life, step.protocol)
                yield None
            case _:
                perform(life, step, activation.encounter, count)
                yield None


def _wait_until(life: Life, activation: Activation, step: WaitUntil, count: int) -> Iterator[Said]:
    """Wait for an expression to turn true, if it is not, but not for ever."""
    watch = life.world.waits[step.site]
    life.turns = math.inf
    if watch.holds(life) == 1.0:
        life.tell("waited", step=step, holds=True)
        return
    life.schedule(watch.slot, life.turns)
    life.true.discard(watch.number)
    until, name = math.inf, activation.protocol.name
    if step.at_most is not None:
        until = life.now + life.days(step.at_most, step.site, count)
    life.tell("wait until", protocol=name, step=step, until=until)
    activation.waits_at = step
    yield Until(until)
    activation.waits_at = None
    life.because("step", step=step, protocol=name)
    life.tell("waited", step=step, holds=watch.number in life.true)


def _at(life: Life, activation: Activation, step: At) -> Iterator[Said]:
    """Rounds at set times after a thing; those that have gone by are left out."""
    begin, rounds, name = life.since.get(step.thing, math.nan), 0, activation.protocol.name
    for time in step.times:
        due = begin + life.look(time)
        if not abs(due) < math.inf:
            raise Failure(faults.BAD_TIME, time.span)
        if due < life.now:
            life.tell("too late", time=time, due=due)
            continue
        rounds += 1
        life.rounds[step.site] = life.rounds.get(step.site, 0) + 1
        if due > life.now:
            life.tell("wait", protocol=name, step=step, until=due, purpose="time", site=step.site)
            yield Until(due)
            life.because("step", step=step, protocol=name)
        yield from _steps(life, activation, step.steps, life.rounds[step.site])
        life.because("step", step=step, protocol=name)
    life.tell("rounds over", step=step, rounds=rounds)


def _examine(life: Life, activation: Activation, step: Examine, count: int) -> Iterator[Said]:
    """A test. Where the result takes its time, the visits around it are over before it is waited for."""
    test, name = life.world.examinations[step.test], activation.protocol.name
    shown, encounter = life.look(test.result, step.site, count), activation.encounter
    life.tell("sample", test=test, site=step.site)
    if test.takes is not None:
        site = f"{step.site}/takes"
        until = life.now + life.days(test.takes, site, count)
        for visit in activation.visits[::-1]:
            yield from visit.rest
        if until > life.now:
            life.tell("wait", protocol=name, step=step, until=until, purpose="result", site=site)
            yield Until(until)
            life.because("step", step=step, protocol=name)
    note_finding(life, test, shown, step.site, encounter)
    yield None


def _every(life: Life, activation: Activation, step: Every, count: int) -> Iterator[Said]:
    """Rounds, from start to start."""
    due, rounds, site = life.now, 0, f"{step.site}/first"
    if step.first is not None:
        due += life.days(step.first, site, count)
    name = activation.protocol.name

    def is_over() -> bool:
        return rounds == step.at_most or (step.until is not None and life.look(step.until) == 1.0)

    while not is_over():
        if due > life.now:
            life.tell("wait", protocol=name, step=step, until=due, purpose="round", site=site)
            yield Until(due)
            life.because("step", step=step, protocol=name)
            if is_over():
                break
        rounds += 1
        life.rounds[step.site] = life.rounds.get(step.site, 0) + 1
        yield from _steps(life, activation, step.steps, life.rounds[step.site])
        site = step.site
        interval = life.days(step.interval, site, life.rounds[step.site])
        if interval == 0.0:
            raise Failure(faults.BAD_TIME, step.interval.span)
        due = max(life.now, due + interval)
        life.because("step", step=step, protocol=name)
    life.tell("rounds over", step=step, rounds=rounds)


def _chosen(life: Life, step: Choose, count: int) -> tuple[Step, ...]:
    """The steps of the first branch that holds; all shares together use one uniform."""
    u, total = math.nan, 0.0
    for branch in step.branches:
        e = branch.expression
        if e is None or e.op == "rest":
            holds = True
        elif branch.kind == "if":
            holds = life.look(e) == 1.0
        else:
            u = life.uniform_at(step.site, count) if math.isnan(u) else u
            total = probability(total + probability(life.look(e), e), e)
            holds = u < total
        if holds:
            life.tell("choose", step=step, branch=branch)
            return branch.steps
    life.tell("choose", step=step, branch=None)
    return ()


def _visit(life: Life, activation: Activation, step: Visit, count: int) -> Iterator[Said]:
    """A visit, once its turn has come if it must be asked for, with all that rides on it."""
    asked, turn = life.now, None
    provider = life.world.providers[step.provider]
    if step.asks(provider):
        turn = yield from appointment(life, activation, step)
        if turn is None:
            yield from _steps(life, activation, step.missed, count)
            return
    lasts, until = step.lasts or provider.lasts, life.now
    if lasts is not None:
        until += life.days(lasts, f"{step.site}/lasts", count)
    rest = _rest_of_visit(life, activation, step, count, until)
    _open(life, activation, step, count, asked, turn, rest)
    life.happen(step.provider)
    yield None
    yield from _steps(life, activation, step.steps, count)
    yield from rest


def _rest_of_visit(
    life: Life, activation: Activation, step: Visit, count: int, until: float
) -> Iterator[Said]:
    """What rides on a visit, the time that it lasts at least, and its end."""
    for rider in life.world.riders.get(step.provider, ()):
        life.because("during", provider=step.provider)
        riding = begin(life, rider.name, activation, riding=True)
        if riding:
            yield riding
    if life.now < until:
        name, site = activation.protocol.name, f"{step.site}/lasts"
        life.tell("wait", protocol=name, step=step, until=until, purpose="lasts", site=site)
        yield Until(until)
    _close(life, activation, step, count)
    yield None


def _open(
    life: Life,
    activation: Activation,
    step: Visit,
    count: int,
    asked: float,
    turn: Request | None,
    rest: Iterator[Said],
) -> None:
    number, row = NULL, None
    if life.recording:
        number = streams.identifier(life.streams.key(step.site), count, life.patient)
        provider = life.world.numbers["provider", step.provider]
        reason = life.world.numbers["condition", step.reason] if step.reason else -1
        asked_second = float(life.seconds(asked))
        row = life.write(ENCOUNTER, provider, aux=reason, encounter=number, value=asked_second)
        if turn and turn.row:
            turn.row[OF_ENCOUNTER] = number
    activation.visits.append(Encounter(number, row, turn, rest))
    life.tell("visit", step=step, asked=asked, row=row)


def _close(life: Life, activation: Activation, step: Visit, count: int) -> None:
    """The visit is over, and so are protocols around it that were to end with it."""
    visit, to = activation.visits.pop(), None
    if step.discharge:
        drawn = life.look(step.discharge, f"{step.site}/discharge", count)
        to = step.discharge.type.levels[int(drawn)]
        if visit.row:
            visit.row[AUX] += DISCHARGES * (1 + life.world.numbers["discharge", to])
    life.close(visit.row)
    if visit.turn:
        visit.turn.leave()
    life.tell("visit over", protocol=activation.protocol.name, step=step, discharge=to)
    life.because("visit over", provider=step.provider)
    around: Activation | None = activation
    over = None
    while around:
        over = around if around.ends else over
        around = None if around.riding else around.caller
    if over:
        end(life, over.protocol.name)
