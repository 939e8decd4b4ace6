"""Expressions as closures over a life: the same operations as the compiled runtime's, in the tree's order.

How a clock is read depends on who reads (`Reading`): a look at this moment reads it exactly; a trigger too,
but notes when a comparison with it will turn; a rate sees ages, years and times since in the middle of their
own year. Unknown is NaN, truth 1.0 or 0.0, a category the index of its level.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from sim.agents.clocks import completed_years, month_at, new_years_day, year_at
from sim.agents.faults import Failure
from sim.engine import elementary, faults, quantiles
from sim.scenario.model import DAYS_PER_YEAR, Expr, Scenario, Table
from sim.scenario.seasons import tables_of, written_out

if TYPE_CHECKING:
    from sim.agents.life import Life

Reading = Literal["look", "trigger", "rate"]
Value = Callable[["Life"], float]
Fact = tuple[str, str]  # what changes at events: ("count", a thing), ("axis", an axis), ("variable", ...) ...

ALL = 1.0 + 1e-9  # what probabilities may add up to: 1, but for rounding
CLOCKS = ("age", "year", "today", "time_in", "years_in", "since")
MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


@dataclass(frozen=True)
class Meaning:
    """What an expression means to who reads it.

    `facts` are what it reads of what changes at events, `clocks` those of "age" and "year" that it reads as a
    rate sees them.
    """

    value: Value
    facts: frozenset[Fact]
    clocks: frozenset[str]


class Dictionary:
    """What the expressions of one scenario mean; each is worked out once.

    `remembered` are the things whose every happening must be kept.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.parameters = {p.name: p.value for p in scenario.parameters}
        self.tables = tables_of(scenario)
        self.biomarkers = {b.name: b for b in scenario.biomarkers}
        axes = [axis for pathway in scenario.pathways for axis in pathway.axes]
        self.shares = {drug.name: drug.shares for drug in scenario.drugs}
        self.axis_of = {name: axis.name for axis in axes for name in axis.groups}
        self.axis_of |= {state.name: axis.name for axis in axes for state in axis.states}
        self.members = {group: frozenset(names) for axis in axes for group, names in axis.groups.items()}
        self.levels = {s.name: float(i) for axis in axes for i, s in enumerate(axis.states)}
        self.remembered = frozenset(_remembered(replace(scenario, tables=())))
        self._known: dict[tuple[int, Reading], tuple[Expr, Meaning]] = {}

    def meaning(self, e: Expr, reading: Reading) -> Meaning:
        """The meaning of `e`; a draw in it takes its uniform from where the life stands."""
        key = (id(e), reading)
        if key not in self._known:
            reader = _Reader(self, reading)
            value = reader.read(e)
            self._known[key] = (e, Meaning(value, frozenset(reader.facts), frozenset(reader.clocks)))
        return self._known[key][1]


def _remembered(part: object) -> Iterator[str]:
    """The things of which an expression in a part of a scenario reads more than the first or last."""
    if isinstance(part, Expr) and (part.op == "mean" or (part.op == "count" and part.args)):
        yield str(part.value)
    if isinstance(part, tuple):
        for piece in part:
            yield from _remembered(piece)
    elif is_dataclass(part):
        for piece in fields(part):
            yield from _remembered(getattr(part, piece.name))


@dataclass
class _Reader:
    dictionary: Dictionary
    reading: Reading
    facts: set[Fact] = field(default_factory=set)
    clocks: set[str] = field(default_factory=set)

    def read(self, e: Expr) -> Value:
        if e.op in ("lt", "le", "gt", "ge"):
            return self.comparison(e)
        if e.op in _UNARY:
            return _unary(_UNARY[e.op], self.read(e.args[0]), e)
        if e.op in _BINARY:
            return _binary(_BINARY[e.op], self.read(e.args[0]), self.read(e.args[1]), e)
        method: Callable[[Expr], Value] = getattr(self, f"_{e.op}")
        return method(e)

    def fact(self, kind: str, name: object) -> str:
        self.facts.add((kind, str(name)))
        return str(name)

    # ---- constants, choices

    def _const(self, e: Expr) -> Value:
        assert isinstance(e.value, float | int)
        value = float(e.value)
        return lambda life: value

    def _parameter(self, e: Expr) -> Value:
        value = self.dictionary.parameters[str(e.value)]
        assert value is not None
        return lambda life: value

    def _if(self, e: Expr) -> Value:
        condition, then, otherwise = map(self.read, e.args)
        return lambda life: then(life) if condition(life) == 1.0 else otherwise(life)

    def _and(self, e: Expr) -> Value:
        a, b = map(self.read, e.args)
        return lambda life: 1.0 if a(life) == 1.0 and b(life) == 1.0 else 0.0

    def _or(self, e: Expr) -> Value:
        a, b = map(self.read, e.args)
        return lambda life: 1.0 if a(life) == 1.0 or b(life) == 1.0 else 0.0

    def _not(self, e: Expr) -> Value:
        a = self.read(e.args[0])
        return lambda life: 0.0 if a(life) == 1.0 else 1.0

    def _known(self, e: Expr) -> Value:
        a = self.read(e.args[0])
        return lambda life: 0.0 if math.isnan(a(life)) else 1.0

    def _or_else(self, e: Expr) -> Value:
        a, b = map(self.read, e.args)

        def value(life: Life) -> float:
            first, second = a(life), b(life)
            return second if math.isnan(first) else first

        return value

    # ---- clocks

    def _age(self, e: Expr) -> Value:
        if self.reading == "rate":
            self.clocks.add("age")
            return lambda life: life.seen_age + 0.5
        return lambda life: life.now / DAYS_PER_YEAR

    def _year(self, e: Expr) -> Value:
        if self.reading == "rate":
            self.clocks.add("year")
            return lambda life: life.seen_year + 0.5
        return lambda life: float(year_at(life.now, life.birth))

    def _month(self, e: Expr) -> Value:
        def month(life: Life) -> float:
            number, over = month_at(life.now, life.birth)
            life.turns = min(life.turns, over)
            return float(number)

        return month

    def _season(self, e: Expr) -> Value:
        return self.read(written_out(e))

    def _today(self, e: Expr) -> Value:
        return lambda life: life.birth + life.now

    def _since(self, e: Expr) -> Value:
        thing = self.fact("since", e.value)
        if self.reading == "rate":
            return lambda life: _middle_of_year(life, life.since.get(thing, math.nan)) * DAYS_PER_YEAR
        return lambda life: life.now - life.since.get(thing, math.nan)

    def _time_in(self, e: Expr) -> Value:
        return self.while_in(e, self._since(e))

    def _years_in(self, e: Expr) -> Value:
        state = self.fact("since", e.value)
        if self.reading == "rate":
            return self.while_in(e, lambda life: _middle_of_year(life, life.since[state]))
        return self.while_in(e, lambda life: (life.now - life.since[state]) / DAYS_PER_YEAR)

    def while_in(self, e: Expr, elapsed: Value) -> Value:
        inside = self._in(e)
        return lambda life: elapsed(life) if inside(life) == 1.0 else 0.0

    def comparison(self, e: Expr) -> Value:
        """A comparison with a clock is decided by one sum everywhere: now against anchor + bound."""
        op, (a, b) = e.op, e.args
        if _clock(b) is not None and _clock(a) is None:
            op, a, b = MIRRORED[op], b, a
        clock = _clock(a)
        seen = clock is not None and clock.op in ("age", "year") and self.reading == "rate"
        civil = clock is not None and clock.op == "year" and self.reading == "look"
        if clock is None or _clock(b) is not None or seen or civil:
            return _compared(op, self.read(a), self.read(b))
        bound = self.read(b)
        if a.type.unit == "years":
            years = bound
            bound = lambda life: years(life) * DAYS_PER_YEAR  # noqa: E731
        return self.reached(clock, op, bound)

    def reached(self, clock: Expr, op: str, bound: Value) -> Value:
        turn = self.turn(op)
        if clock.op == "age":
            return lambda life: turn(life, 0.0 + bound(life))
        if clock.op == "today":
            return lambda life: turn(life, 0.0 + (bound(life) - life.birth))
        if clock.op == "year":
            after = op in ("gt", "le")
            return lambda life: turn(life, 0.0 + (new_years_day(bound(life), after) - life.birth))
        thing = self.fact("since", clock.value)
        if clock.op == "since":
            return lambda life: turn(life, life.since.get(thing, math.nan) + bound(life))
        inside, outside = self._in(clock), _compared(op, lambda life: 0.0, bound)

        def in_state(life: Life) -> float:
            if inside(life) == 1.0:
                return turn(life, life.since[thing] + bound(life))
            return outside(life)

        return in_state

    def turn(self, op: str) -> Callable[[Life, float], float]:
        """Whether now is at, beyond, ... a time; who does not look, but waits, notes that time."""
        if self.reading == "look":
            exact = _COMPARISONS[op]
            return lambda life, when: 1.0 if exact(life.now, when) else 0.0
        crossed = op in ("ge", "gt")

        def noted(life: Life, when: float) -> float:
            if math.isnan(when):
                return 0.0
            if life.now < when:
                life.turns = min(life.turns, when)
            return 1.0 if (life.now >= when) == crossed else 0.0

        return noted

    # ---- facts

    def _variable(self, e: Expr) -> Value:
        if e.value == "population.sex":
            return lambda life: life.sex
        name = self.fact("variable", e.value)
        return lambda life: life.variables.get(name, math.nan)

    def _in(self, e: Expr) -> Value:
        state = str(e.value)
        axis = self.fact("axis", self.dictionary.axis_of[state])
        inside = self.dictionary.members.get(state, frozenset({state}))
        return lambda life: 1.0 if life.states.get(axis) in inside else 0.0

    def _previous_state(self, e: Expr) -> Value:
        axis, levels = str(e.value), self.dictionary.levels
        return lambda life: levels[life.left[axis]] if axis in life.left else math.nan

    def _ever(self, e: Expr) -> Value:
        thing = self.fact("count", e.value)
        return lambda life: 1.0 if thing in life.counts else 0.0

    def _prescribed(self, e: Expr) -> Value:
        drug = self.fact("prescribed", e.value)
        return lambda life: 1.0 if drug in life.prescribed else 0.0

    def _taking(self, e: Expr) -> Value:
        shares = self.dictionary.shares[str(e.value)]
        if not shares:
            return self._prescribed(e)
        drug = self.fact("taking", e.value)
        return lambda life: shares[life.doses[drug]] if drug in life.doses else 0.0

    def _top_dose(self, e: Expr) -> Value:
        taking = self._taking(e)
        return lambda life: 1.0 if taking(life) == 1.0 else 0.0

    def _diagnosed(self, e: Expr) -> Value:
        condition = self.fact("diagnosed", e.value)
        return lambda life: 1.0 if condition in life.diagnosed else 0.0

    def _running(self, e: Expr) -> Value:
        protocol = self.fact("running", e.value)
        return lambda life: 1.0 if protocol in life.running else 0.0

    def _last(self, e: Expr) -> Value:
        biomarker = self.fact("last", e.value)
        return lambda life: life.last.get(biomarker, math.nan)

    def _first(self, e: Expr) -> Value:
        biomarker = self.fact("first", e.value)
        return lambda life: life.first.get(biomarker, math.nan)

    def _usual(self, e: Expr) -> Value:
        biomarker = self.dictionary.biomarkers[str(e.value)]
        value = self.read(biomarker.value)
        return lambda life: _smaller(_larger(value(life), biomarker.low), biomarker.high)

    def _tested(self, e: Expr) -> Value:
        if not e.args:
            return self._ever(e)
        biomarker, within = self.fact("since", e.value), self.read(e.args[0])
        turn = self.turn("le")
        return lambda life: turn(life, life.since.get(biomarker, math.nan) + within(life))

    def _count(self, e: Expr) -> Value:
        thing = self.fact("count", e.value)
        if not e.args:
            return lambda life: float(life.counts.get(thing, 0))
        recent = self.recent(thing, self.read(e.args[0]))
        return lambda life: float(len(recent(life)))

    def _mean(self, e: Expr) -> Value:
        biomarker = self.fact("count", e.value)
        recent = self.recent(biomarker, self.read(e.args[0]) if e.args else lambda life: math.inf)

        def mean(life: Life) -> float:
            results = recent(life)
            total = 0.0
            for result in results:
                total += result
            return total / len(results) if results else math.nan

        return mean

    def recent(self, thing: str, within: Value) -> Callable[[Life], list[float]]:
        """The values of a thing not older than `within`, the latest first; notes when the next leaves."""
        waits = self.reading != "look"

        def found(life: Life) -> list[float]:
            days, values = within(life), list[float]()
            for when, value in reversed(life.history.get(thing, ())):
                until = when + days
                if until < life.now or (until == life.now and waits):
                    break
                values.append(value)
                life.turns = min(life.turns, until)
            return values

        return found

    def _lookup(self, e: Expr) -> Value:
        table, keys = self.dictionary.tables[str(e.value)], [self.read(a) for a in e.args]

        def value(life: Life) -> float:
            found = look_up(table, [key(life) for key in keys])
            if math.isnan(found):
                raise Failure(faults.OUTSIDE_TABLE, e.span)
            return found

        return value

    # ---- draws

    def _draw(self, e: Expr) -> Value:
        if e.value == "categorical":
            return self.categorical(e)
        parameters = [self.read(a) for a in e.args]
        if e.value == "bernoulli":
            return lambda life: 1.0 if life.uniform() < probability(parameters[0](life), e.args[0]) else 0.0
        quantile = _empirical if e.value == "empirical" else getattr(quantiles, str(e.value))

        def drawn(life: Life) -> float:
            value: float = quantile(life.uniform(), *[parameter(life) for parameter in parameters])
            if math.isnan(value):
                raise Failure(faults.BAD_DISTRIBUTION, e.span)
            return value

        return drawn

    def categorical(self, e: Expr) -> Value:
        last = next((i for i, share in enumerate(e.args) if share.op == "rest"), len(e.args) - 1)
        shares = [(i, self.read(share), share) for i, share in enumerate(e.args) if i != last]

        def level(life: Life) -> float:
            u, total = life.uniform(), 0.0
            for index, share, written in shares:
                total = probability(total + probability(share(life), written), e)
                if u < total:
                    return float(index)
            return float(last)

        return level


def _empirical(u: float, *pairs: float) -> float:
    return quantiles.empirical(u, np.array(pairs), 0, len(pairs))


def probability(value: float, e: Expr) -> float:
    """`value`, which must be a probability."""
    if not 0.0 <= value <= ALL:
        raise Failure(faults.BAD_PROBABILITY, e.span)
    return value


def look_up(table: Table, keys: list[float]) -> float:
    """The value of a table; NaN outside one that does not clamp."""
    where = 0
    for axis, key in zip(table.axes, keys, strict=True):
        if axis.levels:
            if not 0.0 <= key < axis.size:
                return math.nan
            here = int(key)
        else:
            if not axis.breaks[0] <= key < axis.breaks[-1] and (not table.clamp or math.isnan(key)):
                return math.nan
            here = min(max(bisect_right(axis.breaks, key) - 1, 0), axis.size - 1)
        where = where * axis.size + here
    return table.values[where]


def _middle_of_year(life: Life, anchor: float) -> float:
    """Completed years since `anchor` + 1/2, until the next is complete."""
    if math.isnan(anchor):
        return math.nan
    years = completed_years(anchor, life.now)
    life.turns = min(life.turns, anchor + DAYS_PER_YEAR * (years + 1.0))
    return years + 0.5


def _clock(e: Expr) -> Expr | None:
    """The clock that `e` is, allowing for a conversion between years and days."""
    if e.op in CLOCKS:
        return e
    if e.op == "mul" and e.args[0].op in CLOCKS and e.args[1].op == "const" and e.type.kind == "duration":
        return e.args[0]
    return None


# ---- arithmetic: what has no value though its operands are known is a fault


def _smaller(p: float, q: float) -> float:
    return q if q < p or math.isnan(q) else p


def _larger(p: float, q: float) -> float:
    return q if q > p or math.isnan(q) else p


def _quotient(p: float, q: float) -> float:
    if q == 0.0:
        return math.nan if p == 0.0 or math.isnan(p) else math.copysign(math.inf, p)
    return p / q


_UNARY: dict[str, Callable[[float], float]] = {
    "neg": lambda p: -p,
    "abs": abs,
    "exp": elementary.exp,
    "log": elementary.log,
    "sqrt": lambda p: math.sqrt(p) if p >= 0.0 else math.nan,
    "floor": lambda p: float(np.floor(p)),
}
_BINARY: dict[str, Callable[[float, float], float]] = {
    "add": lambda p, q: p + q,
    "sub": lambda p, q: p - q,
    "mul": lambda p, q: p * q,
    "div": _quotient,
    "pow": elementary.power,
    "min": _smaller,
    "max": _larger,
    "eq": lambda p, q: 1.0 if p == q else 0.0,
    "ne": lambda p, q: 1.0 if p < q or p > q else 0.0,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "lt": lambda p, q: p < q,
    "le": lambda p, q: p <= q,
    "gt": lambda p, q: p > q,
    "ge": lambda p, q: p >= q,
}


def _unary(operation: Callable[[float], float], operand: Value, e: Expr) -> Value:
    def value(life: Life) -> float:
        p = operand(life)
        result = operation(p)
        if math.isnan(result) and not math.isnan(p):
            raise Failure(faults.NOT_A_NUMBER, e.span)
        return result

    return value


def _binary(operation: Callable[[float, float], float], left: Value, right: Value, e: Expr) -> Value:
    def value(life: Life) -> float:
        p, q = left(life), right(life)
        result = operation(p, q)
        if math.isnan(result) and not (math.isnan(p) or math.isnan(q)):
            raise Failure(faults.NOT_A_NUMBER, e.span)
        return result

    return value


def _compared(op: str, left: Value, right: Value) -> Value:
    holds = _COMPARISONS[op]
    return lambda life: 1.0 if holds(left(life), right(life)) else 0.0
