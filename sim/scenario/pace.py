"""Rates that are too fast to be meant, and those that change too fast for the steps in which a rate sees
time.

Both are worked out for one person: what is drawn lies in the middle of its distribution, a biomarker is what
it is without disease, and nothing is the case but what the rate itself waits for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from sim.scenario.algebra import evaluated
from sim.scenario.bounds import Bounds
from sim.scenario.diagnostics import Findings
from sim.scenario.model import DAYS_PER_YEAR, Expr, Scenario, Span, Table

FAST = 10.0  # per year
STEEP = 0.2  # of change from one step to the next
OLD = 100.0  # years; few live longer, and what happens to them then is rarely meant
STEPS = {"age": 1.0, "year": 1.0, "years_in": 1.0, "time_in": DAYS_PER_YEAR, "since": DAYS_PER_YEAR}
"""What a rate sees in steps, and how long these are in its unit."""

_LOOKS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "lookup"})
Clocks = Mapping[str, float]


def warn_of_pace(scenario: Scenario, ages: Mapping[Span, Bounds], findings: Findings) -> None:
    """Warnings `fast-rate` and `steep-rate`; `ages` are those at which each rate, by its place, is above
    zero.
    """
    person = _Person(scenario)
    for rate, span, is_short in _rates(scenario):
        if span not in ages:
            continue
        youngest, oldest = ages[span].low, min(ages[span].high, OLD)
        looked_at = sorted({max(min(age, oldest), youngest) for age in (0.0, 20.0, 40.0, 60.0, 80.0, OLD)})
        clocks = _clocks(rate)
        values = [(person.value(rate, {"age": age}) * DAYS_PER_YEAR, age) for age in looked_at]
        fastest, age = max((v for v in values if math.isfinite(v[0])), default=(0.0, 0.0))
        if fastest > FAST and not is_short and not _is_a_stay(rate):
            at = f" at the age of {age:.0f}" if min(values)[0] < fastest else ""
            message = f"this rate is {fastest:,.4g} per year{at}"
            findings.warning(
                "fast-rate", message, span, "is its unit right? a short stay can be `1 / (a duration)`"
            )
        for clock in clocks:
            starts = looked_at[:-1] if clock == "age" else [person.clocks[clock]]
            change = max((person.change(rate, clock, start) for start in starts), default=0.0)
            if change > STEEP:
                message = (
                    f"a rate sees `{clock}` in steps of a year; this one changes by {change:.0%} in a step"
                )
                findings.warning("steep-rate", message, span, _INSTEAD.get(clock, _INSTEAD["since"]))
                break


_INSTEAD = {
    "age": "is the factor per year of age right? what jumps at an age is exact with `if` or a table",
    "year": "is the factor per year right? what jumps on a date is exact with `if`",
    "since": "an `after:` with a distribution is exact, and so is `if` with a time",
}


def _rates(scenario: Scenario) -> Iterator[tuple[Expr, Span, bool]]:
    """Every rate and where it stands, without what it waits for, and whether it is that of a state that
    `lasts` only so long; that of several things once.
    """
    told = set[Span]()
    for pathway in scenario.pathways:
        states = [state for axis in pathway.axes for state in axis.states]
        found = [
            (x.expression, x.span, s.lasts is not None) for s in states for x in s.exits if x.kind == "rate"
        ]
        found += [
            (s.expression, s.span, False) for p in pathway.protocols for s in p.starts if s.kind == "rate"
        ]
        found += [(event.rate, event.span, False) for event in pathway.events]
        for rate, span, is_short in found:
            if rate is not None and span not in told:
                told.add(span)
                while rate.op == "if" and rate.args[2].op == "const" and rate.args[2].value == 0.0:
                    rate = rate.args[1]
                yield rate, span, is_short


def _clocks(e: Expr) -> set[str]:
    """The clocks that an expression calculates with, beyond comparing them."""
    if e.op in _LOOKS:
        return set()
    found = {e.op} & STEPS.keys()
    return found.union(*map(_clocks, e.args)) if e.args else found


def _is_a_stay(rate: Expr) -> bool:
    """Whether a rate is written as so many in a time, which shows that it is meant to be fast."""
    stay = rate.op == "div" and rate.args[1].type.kind == "duration"
    return stay or any(_is_a_stay(arg) for arg in rate.args)


class _Person:
    """Gives every expression a value. `clocks` are what the clocks show unless something else is said."""

    def __init__(self, scenario: Scenario):
        self.parameters = {p.name: p.value for p in scenario.parameters}
        self.draws = {v.name: v.draw for v in scenario.variables}
        self.biomarkers = {b.name: b for b in scenario.biomarkers}
        self.tables = {t.name: t for t in scenario.tables}
        self.variables = dict[str, float]()
        self.clocks = {
            "age": 50.0,
            "year": 1970.0 + scenario.window[0] / DAYS_PER_YEAR,
            "today": scenario.window[0],
            "month": 6.0,
            "time_in": 0.5 * DAYS_PER_YEAR,
            "since": 0.5 * DAYS_PER_YEAR,
            "years_in": 0.5,
        }

    def change(self, rate: Expr, clock: str, start: float) -> float:
        """By which share a rate changes while a clock goes one step on; what compares it stays as it is."""
        before = {clock: start}
        one = self.value(rate, before)
        other = self.value(rate, {clock: start + STEPS[clock]}, before)
        return abs(other / one - 1.0) if one > 0.0 and math.isfinite(other / one) else 0.0

    def value(self, e: Expr, clocks: Clocks, looks: Clocks | None = None) -> float:
        """The value at `clocks`, NaN where it has none; what is compared or looked up is so at `looks`."""
        looks = clocks if looks is None else looks
        if not e.args:
            return self.leaf(e, clocks)
        if e.op in _LOOKS:
            clocks = looks
        if e.op == "if":
            return self.value(e.args[1 if self.value(e.args[0], looks) > 0.0 else 2], clocks, looks)
        values = [self.value(a, clocks, looks) for a in e.args]
        if e.op == "lookup":
            return _cell(self.tables.get(str(e.value)), values)
        match e.op:
            case "draw":
                return _middle(str(e.value), values)
            case "or_else":
                return values[1] if math.isnan(values[0]) else values[0]
            case "season":
                return 1.0
        return evaluated(e.op, values)

    def leaf(self, e: Expr, clocks: Clocks) -> float:
        name = str(e.value)
        match e.op:
            case "const":
                assert isinstance(e.value, float)
                return e.value
            case "parameter":
                value = self.parameters.get(name)
                return math.nan if value is None else value
            case "variable":
                return self.variable(name)
            case "usual" | "last" | "first" | "mean" if name in self.biomarkers:
                b = self.biomarkers[name]
                return max(b.low, min(b.high, self.value(b.value, clocks)))
        return clocks.get(e.op, self.clocks.get(e.op, 0.0))  # nothing else is the case

    def variable(self, name: str) -> float:
        if name not in self.variables:
            draw = self.draws.get(name)
            self.variables[name] = math.nan if draw is None else self.value(draw, {})
        return self.variables[name]


def _cell(table: Table | None, keys: list[float]) -> float:
    """What a table holds for some keys; the nearest where they lie outside."""
    at = 0
    for axis, key in zip(table.axes, keys, strict=True) if table else ():
        inside = (
            sum(key >= edge for edge in axis.breaks[1:]) if axis.breaks else int(key if key == key else 0)
        )
        at = at * axis.size + max(0, min(inside, axis.size - 1))
    return table.values[at] if table else math.nan


def _middle(distribution: str, args: list[float]) -> float:
    """The median of a distribution, or its mean where that is simpler."""
    one, other = args[0] if args else 0.0, args[1] if len(args) > 1 else 0.0
    match distribution:
        case "uniform":
            return (one + other) / 2
        case "truncated_normal":
            return max(args[2], min(args[3], one))
        case "normal" | "lognormal" | "exponential" | "poisson":
            return one
        case "gamma":
            return one * other
        case "weibull" | "loglogistic" | "gengamma":
            return other
        case "beta":
            return one / (one + other) if one + other else math.nan
        case "empirical":
            return args[len(args) // 4 * 2 + 1]
    return 0.0 if distribution in ("bernoulli", "categorical") else math.nan
