"""What can ever happen in a scenario, and how old people are at least when it does.

Nothing is taken to happen until something that can happen brings it about: an exit whose rate may be above
zero, out of a state that can be entered; a protocol whose trigger may be true. What is left never happens.
Conditions are looked at by the bounds of what they read (bounds.py), so `age < 20 and age > 30` is never
true, nor is one that asks for a state that nobody enters. What is said to be impossible is; not everything
impossible is found.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sim.scenario import model
from sim.scenario.bounds import ANY, EITHER, FALSE, NOTHING, TRUE, Bounds, Known, Leaf, World, bounds, cases
from sim.scenario.dates import holds
from sim.scenario.model import DAYS_PER_YEAR, Axis, Exit, Expr, Protocol, Scenario, Span, State, Step
from sim.scenario.names import SEX_NAME
from sim.scenario.whole import fields_of

AGE: Leaf = ("age", None)
YEAR: Leaf = ("year", None)
TODAY: Leaf = ("today", None)


@dataclass
class Seen:
    """What was found of the places in the files: those that are `live`, and why others never are (`dead`: a
    rule and a message).

    A place may stand for several things, the exit of a group for one of each state: it is dead if all are.
    `outside` says what may be asked of a table that it does not hold, `ages` how old people are where a rate
    is above zero.
    """

    live: set[Span] = field(default_factory=set)
    dead: dict[Span, tuple[str, str]] = field(default_factory=dict)
    outside: dict[tuple[str, str], tuple[Span, str]] = field(default_factory=dict)
    ages: dict[Span, Bounds] = field(default_factory=dict)


class Reach:
    """`earliest` is the age in years at which each thing first happens, at least, by its qualified name: a
    state entered, a condition diagnosed, a protocol run, a variable set. What is not in it never happens.
    """

    def __init__(self, scenario: Scenario, steps: Sequence[Step]):
        """`steps` are all there are in the scenario."""
        self.scenario = scenario
        self.earliest: dict[str, float] = {}
        self._axes = {s.name: a.states for p in scenario.pathways for a in p.axes for s in a.states}
        self._groups = _groups(scenario)
        self._parameters = {p.name: p.value for p in scenario.parameters}
        self._drawn = {SEX_NAME, *(v.name for v in scenario.variables if v.draw is not None)}
        self._values = _values(scenario, steps)
        self._variables: dict[str, Bounds] = {SEX_NAME: EITHER}
        self._ranges = {b.name: Bounds(b.low, b.high) for b in scenario.biomarkers}
        self._ranges |= {step.biomarker: ANY for step in steps if isinstance(step, model.Record)}
        tables = {t.name: t for t in scenario.tables}
        self._clocks = _clocks(scenario)
        self._anything = World(self._any, lambda _, known: known, tables, lambda *_: None)
        self._start = self._entry()
        self._clocks[AGE] = Bounds(self._start, self._clocks[AGE].high)
        self._world = World(self._leaf, self._told, tables, self._outside)
        self._here = Seen()  # of what is being looked at
        self.seen = self._follow()

    # ---- what can be read

    def _leaf(self, read: Leaf) -> Bounds:
        op, name = read[0], str(read[1])
        if op == "variable":
            unset = name in self._values and name not in self._drawn and name not in self.earliest
            return NOTHING if unset else self._any(read)
        if op in _HAPPENINGS and name not in self.earliest:
            return NOTHING if op in ("since", "last", "first", "mean") else FALSE
        return self._any(read)

    def _any(self, read: Leaf) -> Bounds:
        """The bounds of what is read if all things happen."""
        if read in self._clocks:
            return self._clocks[read]
        op, name = read[0], str(read[1])
        match op:
            case "variable":
                return self._variable(name)
            case "parameter":
                value = self._parameters.get(name)
                return ANY if value is None else Bounds(value, value)
            case "time_in" | "years_in" | "count":
                return Bounds(0.0, math.inf)
            case "since":
                return Bounds(0.0, math.inf, True)
            case "last" | "first" | "mean":
                return Bounds(*self._ranges.get(name, ANY)[:2], True)
            case "usual":
                return self._ranges.get(name, ANY)
        return EITHER if op in _HAPPENINGS or op == "rest" else ANY

    def _variable(self, name: str) -> Bounds:
        if name not in self._variables:
            self._variables[name] = ANY  # while it is worked out, should it read itself
            found = [b for e in self._values.get(name, ()) if (b := bounds(e, self._anything, {})) != NOTHING]
            low, high = (min(b.low for b in found), max(b.high for b in found)) if found else ANY[:2]
            self._variables[name] = Bounds(low, high, name not in self._drawn)
        return self._variables[name]

    def _told(self, read: Leaf, known: Known) -> Known:
        """Who is in one state is in no other of its axis, and as old as one must be to be there."""
        op, name = read[0], str(read[1])
        if op not in ("in", "ever", "diagnosed", "prescribed", "running"):
            return known
        more = dict(known)
        if op == "in":
            for state in self._axes.get(name, ()):
                if name not in (state.name, *state.groups):
                    more["in", state.name] = FALSE
            more |= {("in", group): TRUE for group in self._groups.get(name, ())}
        return _older(more, self.earliest.get(name, 0.0), self._clocks[AGE])

    def _outside(self, e: Expr, axis: Axis, key: Bounds) -> None:
        first, last = axis.breaks[0], axis.breaks[-1]
        what = f"below {first:g}" if key.low < first else f"from {last:g} on"
        if e.span is not None and axis.name in ("age", "year"):
            message = f"people reach a time of life that the table has not: {axis.name} {what}"
            self._here.outside.setdefault((str(e.value), axis.name), (e.span, message))

    def _entry(self) -> float:
        """The age before which nothing happens to anybody."""
        population = self.scenario.population
        if population.entry is not None:
            return max(bounds(population.entry, self._anything, {}).low, 0.0) / DAYS_PER_YEAR
        if population.entry_date is not None and population.born is not None:
            return max(population.entry_date - population.born[1], 0.0) / DAYS_PER_YEAR
        return 0.0

    # ---- what follows from what

    def _follow(self) -> Seen:
        """Let everything happen that can, until nothing new does; what was seen of the places at last."""
        looks: dict[str, tuple[str | None, Callable[[Known], None]]] = {}
        readers: dict[str, list[str]] = {}
        waiting, again = deque[str](), set[str]()

        def look(name: str, of: str | None, read: object, at: Callable[[Known], None]) -> None:
            looks[name] = (of, at)
            for thing in {of, *_read(read)} - {None}:
                readers.setdefault(str(thing), []).append(name)
            waiting.append(name)

        def arrive(thing: str, age: float) -> None:
            for name in (thing, *self._groups.get(thing, ())):
                if age < self.earliest.get(name, math.inf) - 1e-9:
                    self.earliest[name] = age
                    for reader in readers.get(name, ()):
                        if reader not in again:
                            again.add(reader)
                            waiting.append(reader)

        self._arrive = arrive
        for pathway in self.scenario.pathways:
            for axis in pathway.axes:
                for state in axis.states:
                    look(f"in {state.name}", state.name, state, partial(self._in_state, state))
                arrive(axis.states[0].name, self._start)
            for event in pathway.events:
                look(f"event {event.name}", None, event, partial(self._event, event))
            for protocol in pathway.protocols:
                triggers = (protocol.starts, protocol.while_)
                look(f"start {protocol.name}", None, triggers, partial(self._starts, protocol))
                steps = partial(self._steps, protocol.steps)
                look(f"run {protocol.name}", protocol.name, protocol.steps, steps)
        again |= set(waiting)
        found: dict[str, Seen] = {}
        while waiting:
            name = waiting.popleft()
            again.discard(name)
            owner, at = looks[name]
            if owner is None or owner in self.earliest:
                found[name] = self._here = Seen()
                at(_older({}, self.earliest.get(owner or "", self._start), self._clocks[AGE]))
        whole = Seen()
        for one in found.values():
            whole.live |= one.live
            whole.dead |= one.dead
            whole.outside |= one.outside
            whole.ages |= one.ages
        return whole

    def _tell(self, span: Span | None, age: float | None, rule: str, message: str) -> None:
        if span is not None and age is not None:
            self._here.live.add(span)
        elif span is not None:
            self._here.dead[span] = (rule, message)

    # ---- the disease

    def _in_state(self, state: State, known: Known) -> None:
        here = self._told(("in", state.name), {**known, ("in", state.name): TRUE})
        for assignment in state.sets:
            self._arrive(assignment.variable, _age(here, self._start))
        later = here if state.lasts is None else self._after(state.lasts, here)
        at_once = [e for e in state.exits if self._is_at_once(e, state, here)]
        for exit_ in state.exits:
            age, why = self._exit(exit_, later if exit_.kind == "share" else here)
            if at_once and exit_ not in at_once:
                age, why = None, f"`{_bare(state.name)}` is left at once by another exit"
            self._tell(exit_.span, age, "never-fires", f"this exit never happens: {why}")
            if age is not None and exit_.target != "dead":
                self._arrive(exit_.target, age)

    def _is_at_once(self, exit_: Exit, state: State, known: Known) -> bool:
        """Whether an exit is taken at the moment at which the state is entered, come what may."""
        if exit_.expression is None or exit_.chance is not None:
            return False
        if exit_.kind == "share":
            return state.lasts is not None and bounds(state.lasts, self._world, known).high <= 0.0
        of = bounds(exit_.expression, self._world, known)
        return (exit_.kind == "fixed" and of.high <= 0.0) or (exit_.kind == "when" and of == TRUE)

    def _exit(self, exit_: Exit, known: Known) -> tuple[float | None, str]:
        """The age from which an exit can happen (None: never), and why it cannot."""
        if (chance := exit_.probability) is not None and self._live(chance, known) is None:
            return None, "its chance is 0"
        e = exit_.expression
        match exit_.kind:
            case "upon":
                return self._upon(str(exit_.thing), known)
            case "when":
                assert e is not None
                true, _ = cases(e, self._world, known)
                return (None if true is None else _age(true, self._start)), "what it waits for is never true"
            case "fixed":
                assert e is not None
                return _age(self._after(e, known), self._start), ""
            case "rate":
                assert e is not None
                return self._rate(e, known, exit_.span), "its rate is 0 for everybody, always"
            case "after":
                e = exit_.times
        there = known if e is None or e.op == "rest" else self._live(e, known)
        why = "its share is 0" if exit_.kind == "share" else "its rate is 0 for everybody, always"
        return (None if there is None else _age(there, self._start)), why

    def _upon(self, thing: str, known: Known) -> tuple[float | None, str]:
        if thing in self.earliest:
            return max(self.earliest[thing], _age(known, self._start)), ""
        return None, f"`{_bare(thing)}` never happens"

    def _event(self, event: model.Event, known: Known) -> None:
        age = self._rate(event.rate, known, event.span)
        message = f"`{_bare(event.name)}` never happens: its rate is 0 for everybody, always"
        self._tell(event.span, age, "never-fires", message)
        if age is not None:
            self._arrive(event.name, age)
            for assignment in event.sets:
                self._arrive(assignment.variable, age)

    def _rate(self, e: Expr, known: Known, span: Span) -> float | None:
        """The age from which a rate may be above zero; None where it never is."""
        there = self._live(e, known)
        if there is None:
            return None
        self._here.ages[span] = there.get(AGE, self._clocks[AGE])
        return _age(there, self._start)

    def _live(self, e: Expr, known: Known) -> Known | None:
        """What is known where a rate, a factor or a probability may be above zero; None where it never is."""
        if e.op == "if" and e.args[2].op == "const" and e.args[2].value == 0.0:
            true, _ = cases(e.args[0], self._world, known)
            return None if true is None else self._live(e.args[1], true)
        if e.op == "mul":
            first = self._live(e.args[0], known)
            return None if first is None else self._live(e.args[1], first)
        return None if bounds(e, self._world, known).high <= 0.0 else known

    def _after(self, duration: Expr, known: Known) -> Known:
        """What is known when a time has passed."""
        least = max(bounds(duration, self._world, known).low, 0.0) / DAYS_PER_YEAR
        age = _age(known, self._start) + (least if least < math.inf else 0.0)
        return _older(self._lasting(known), age, self._clocks[AGE])

    def _lasting(self, known: Known) -> Known:
        """What of it stays known when time goes on: that people are so old, and the year such, at least."""
        clocks = (read for read in (AGE, YEAR, TODAY) if read in known)
        return {read: Bounds(known[read].low, self._clocks[read].high) for read in clocks}

    # ---- care

    def _starts(self, protocol: Protocol, known: Known) -> None:
        if protocol.valid is not None:
            valid, _ = cases(holds(protocol.valid, protocol.span), self._world, known)
            if valid is None:
                return
            known = valid
        ages: list[float | None] = []
        for start in protocol.starts:
            age, why = self._started(start, known)
            self._tell(start.span, age, "never-fires", f"this never starts `{_bare(protocol.name)}`: {why}")
            ages.append(age)
        if protocol.while_ is not None:
            true, _ = cases(protocol.while_, self._world, known)
            ages.append(None if true is None else _age(true, self._start))
        if not ages and self.scenario.behaviours:
            ages.append(self._start)  # Python may start it
        for age in ages:
            if age is not None:
                self._arrive(protocol.name, age)

    def _started(self, start: model.Start, known: Known) -> tuple[float | None, str]:
        if start.expression is None:
            return self._upon(str(start.thing), known)
        if start.kind == "when":
            there, _ = cases(start.expression, self._world, known)
            return (None if there is None else _age(there, self._start)), "what it waits for is never true"
        return self._rate(start.expression, known, start.span), "its rate is 0 for everybody, always"

    def _steps(self, steps: Iterable[Step], known: Known) -> None:
        for step in steps:
            if step.chance is not None and self._live(step.chance, known) is None:
                self._tell(step.chance.span or step.span, None, "never-taken", "the chance of this step is 0")
                continue
            known = self._step(step, known)

    def _step(self, step: Step, known: Known) -> Known:
        """Let a step happen; what is known after it."""
        age = _age(known, self._start)
        match step:
            case model.Visit():
                self._arrive(step.provider, age)
                self._steps(step.missed, known)
                self._steps(step.steps, known)
            case model.Test():
                self._arrive(step.biomarker, age)
            case model.Record():
                self._arrive(step.biomarker, age)
            case model.MeasurePanel():
                for biomarker in (step.panel, *step.biomarkers):
                    self._arrive(biomarker, age)
            case model.Examine():
                self._arrive(step.test, age)
            case model.Diagnose():
                self._arrive(step.condition, age)
            case model.Prescribe():
                self._arrive(step.drug, age)
            case model.Perform():
                self._arrive(step.procedure, age)
            case model.Vaccinate():
                self._arrive(step.vaccine, age)
            case model.Do() | model.StartProtocol():
                self._arrive(step.protocol, age)
            case model.Set():
                self._arrive(step.assignment.variable, age)
            case model.Wait():
                return self._after(step.duration, known)
            case model.WaitUntil(condition=until, at_most=None):
                true, _ = cases(until, self._world, known)
                message = "this is never true, so what follows never comes"
                self._tell(until.span, _found(true), "never-taken", message)
            case model.At(thing=thing):
                message = f"`{_bare(thing)}` never happens, so there is nothing to count from"
                self._tell(step.span, self.earliest.get(thing), "never-taken", message)
                self._steps(step.steps, known)
            case model.Every():
                self._steps(step.steps, known)
            case model.If():
                self._ways(step, known)
            case model.Choose():
                self._choice(step, known)
        return known

    def _ways(self, step: model.If, known: Known) -> None:
        true, false = cases(step.condition, self._world, known)
        if step.condition.span is not None or true is None:
            self._tell(step.condition.span or step.span, _found(true), "never-taken", "this is never true")
        if true is not None:
            self._steps(step.then, self._lasting(true))
        if step.otherwise and false is None:
            span = step.otherwise[0].span
            self._tell(
                span, None, "never-taken", "this is never reached: the condition of its `if:` is always true"
            )
        elif false is not None:
            self._steps(step.otherwise, self._lasting(false))

    def _choice(self, step: model.Choose, known: Known) -> None:
        left: Known | None = known
        for branch in step.branches:
            if left is None:
                if branch.expression is not None and branch.expression.span is not None:
                    message = "this is never reached: a branch above it is always taken"
                    self._tell(branch.expression.span, None, "never-taken", message)
                continue
            there: Known | None = left
            if branch.kind == "if":
                assert branch.expression is not None
                there, left = cases(branch.expression, self._world, left)
                self._tell(branch.expression.span, _found(there), "never-taken", "this is never true")
            if there is not None:
                self._steps(branch.steps, self._lasting(there))


_HAPPENINGS = frozenset(
    {"in", "ever", "time_in", "years_in", "taking", "prescribed", "top_dose", "diagnosed", "running"}
    | {"last", "first", "mean", "tested", "count", "since"}
)


def _groups(scenario: Scenario) -> dict[str, list[str]]:
    """The groups in which each thing is."""
    found: dict[str, list[str]] = {}
    for pathway in scenario.pathways:
        for state in (s for axis in pathway.axes for s in axis.states):
            found[state.name] = list(state.groups)
    for group in scenario.groups:
        for member in group.members:
            found.setdefault(member, []).append(group.name)
    return found


def _values(scenario: Scenario, steps: Sequence[Step]) -> dict[str, list[Expr]]:
    """The expressions that may give each variable its value."""
    found = {v.name: [v.draw] if v.draw is not None else [] for v in scenario.variables}
    sets = [step.assignment for step in steps if isinstance(step, model.Set)]
    for pathway in scenario.pathways:
        sets += (a for axis in pathway.axes for state in axis.states for a in state.sets)
        sets += (a for event in pathway.events for a in event.sets)
    for assignment in sets:
        found.setdefault(assignment.variable, []).append(assignment.expression)
    return found


def _clocks(scenario: Scenario) -> dict[Leaf, Bounds]:
    """The ages and times that people can live through: from the first birth to the window's end."""
    population, end = scenario.population, scenario.window[1]
    first = population.born[0] if population.born else end
    for table in scenario.tables:
        if table.name == population.ages and population.alive_on is not None:
            first = population.alive_on - table.axes[-1].breaks[-1] * DAYS_PER_YEAR
    years = (math.floor(1970.0 + day / DAYS_PER_YEAR + 1e-6) for day in (first, end))
    return {
        AGE: Bounds(0.0, max((end - first) / DAYS_PER_YEAR, 0.0)),
        YEAR: Bounds(next(years), next(years) + 0.5),
        TODAY: Bounds(first, end),
        ("month", None): Bounds(1.0, 12.0),
    }


def _read(thing: object) -> set[str]:
    """The names that a part of a scenario asks for."""
    waiting, names = list[Any]([thing]), set[str]()
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):
            waiting += part
        elif isinstance(part, Expr):
            waiting += part.args
            if isinstance(part.value, str):
                names.add(part.value)
        else:
            waiting += (getattr(part, field) for field in fields_of(part.__class__))
            if isinstance(part, Exit | model.Start) and part.thing:
                names.add(part.thing)
    return names


def _older(known: Known, age: float, whole: Bounds) -> Known:
    """What is known, and that people are of that `age` at least."""
    now = known.get(AGE, whole)
    return {**known, AGE: Bounds(max(now.low, age), now.high)}


def _age(known: Known, otherwise: float) -> float:
    return known[AGE].low if AGE in known else otherwise


def _found(known: Known | None) -> float | None:
    return None if known is None else 0.0


def _bare(name: str) -> str:
    return name.rpartition(".")[2]
