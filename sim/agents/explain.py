"""Expressions taken apart: what they read, what each part is worth at a moment of a life, what is unknown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sim.agents.expressions import Reading
from sim.agents.faults import Failure
from sim.agents.hazards import FORMS, Hazard
from sim.engine import elementary
from sim.scenario import units
from sim.scenario.model import DAYS_PER_YEAR, RATE, Expr, Type
from sim.scenario.unparse import unparse

if TYPE_CHECKING:
    from sim.agents.life import Life
    from sim.agents.world import World

READS = frozenset(
    {"age", "year", "month", "today", "variable", "parameter", "lookup", "in", "ever", "time_in", "years_in"}
    | {"taking", "prescribed", "diagnosed", "running", "last", "first", "usual", "mean", "tested", "count"}
    | {"since", "top_dose", "previous_state"}
)
"""What reads something, as opposed to what calculates with it."""
OLDEST = 130 * DAYS_PER_YEAR  # a hazard due later is never due
LONG = 10  # characters of an exact duration; where it needs more it is rounded
UNITS = {  # that a duration may be told in, from how many of them on, in days
    "years": (2, DAYS_PER_YEAR),
    "months": (2, DAYS_PER_YEAR / 12),
    "days": (2, 1.0),
    "hours": (2, 1.0 / 24),
    "minutes": (2, 1.0 / 1440),
    "seconds": (0, 1.0 / 86400),
}


@dataclass(frozen=True)
class Part:
    """A piece of an expression: as it is written, the same with the values of what it reads, its value.

    `value` is in base units (see `sim.scenario.model`), NaN where it is unknown. A `simple` part is a single
    thing that is read, or a constant: what is read tells its value already.
    """

    text: str
    read: str
    value: float
    type: Type
    simple: bool = False

    @property
    def shown(self) -> str:
        """The value in words."""
        return shown(self.value, self.type)


@dataclass(frozen=True)
class Answer:
    """A truth value: whether it holds, the parts that decide it, and what was unknown in it."""

    text: str
    holds: bool
    deciding: tuple[Part, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class HazardNow:
    """A hazard at a moment: it leads from a state ("" for none) to a state or protocol ("" for death).

    `rate` is per day, the product of `factors`. It fires when its threshold, -log(uniform), is `used` up,
    which began at age `began` (days) and comes at `due` if no event does: inf for never, None where its rate
    has no value before.
    """

    site: str
    state: str
    to: str
    rate: float
    factors: tuple[Part, ...]
    uniform: float
    threshold: float
    used: float
    began: float
    due: float | None


# ---- values and names


def shown(value: float, of: Type) -> str:
    """A value in base units as a reader expects it: rates per year, durations in a unit that suits them,
    categories by name, truth as yes and no."""
    if math.isnan(value):
        return "unknown"
    match of.kind:
        case "truth":
            return "yes" if value else "no"
        case "category":
            return of.levels[int(value)]
        case "rate":
            return f"{number(value * DAYS_PER_YEAR)} per year"
        case "duration":
            return duration(value)
        case "date" if abs(value) < 700_000:
            return units.date_from_days(value)
    unit = "" if of.unit == "years" else of.unit
    return f"{number(value)} {unit}".rstrip()


def number(value: float) -> str:
    """Four significant digits, or all before the point and one after it."""
    return f"{value:.1f}".removesuffix(".0") if 1000 <= abs(value) < 1e15 else f"{value:.4g}"


def duration(days: float) -> str:
    """Exact where that is short, else three significant digits."""
    if days == math.inf:
        return "without end"
    exact = units.spell(days, Type("duration"))
    if days == 0.0 or len(exact) <= LONG:
        return "0 days" if days == 0.0 else exact
    unit, days_each = next((name, each) for name, (least, each) in UNITS.items() if abs(days) >= least * each)
    return f"{days / days_each:.3g} {unit}"


class Names:
    """What things of a scenario are called: without their pathway where nothing else is called so."""

    def __init__(self, world: World) -> None:
        d = world.dictionary
        known = {name for _, name in world.numbers} | set(d.parameters) | set(d.tables)
        uses = Counter(_bare(name) for name in known)
        self._short = {name: _bare(name) for name in known if uses[_bare(name)] == 1}

    def __getitem__(self, name: object) -> str:
        return self._short.get(str(name), str(name))


def _bare(name: str) -> str:
    return name.rpartition(".")[2]


# ---- expressions


class Explainer:
    """Takes expressions apart, as `reading` understands them, in a life at this moment.

    A rate sees the completed age and civil year `seen`. Nothing of the life changes, and nothing is drawn.
    """

    def __init__(
        self, life: Life, names: Names, reading: Reading = "look", seen: tuple[int, int] = (0, 0)
    ) -> None:
        self.life, self.names, self.reading, self.seen = life, names, reading, seen

    def value(self, e: Expr) -> float:
        """The value of an expression without draws; NaN also where it has none."""
        life = self.life
        before = (life.turns, life.seen_age, life.seen_year, life.site, life.count)
        life.seen_age, life.seen_year = self.seen
        try:
            return life.world.dictionary.meaning(e, self.reading).value(life)
        except Failure:
            return math.nan
        finally:
            life.turns, life.seen_age, life.seen_year, life.site, life.count = before

    def part(self, e: Expr, value: float | None = None) -> Part:
        """An expression and its value, which is given where it draws."""
        value = self.value(e) if value is None else value
        simple = e.op in READS or e.op == "const"
        return Part(unparse(self._written(e)), self.read(e), value, e.type, simple)

    def read(self, e: Expr) -> str:
        """The text of an expression, each thing that it reads followed by its value."""
        return unparse(self._valued(e))

    def factors(self, e: Expr) -> tuple[Part, ...]:
        """What is multiplied in a rate; their product is its value. Where a `while` is false nothing else is
        read."""
        if e.op == "mul":
            return self.factors(e.args[0]) + self.factors(e.args[1])
        if e.op == "if" and e.args[2].op == "const" and e.args[2].value == 0.0:
            condition = self.part(e.args[0])
            holds = condition.value == 1.0
            return (*(self.factors(e.args[1]) if holds else ()), condition)
        return (self.part(e),)

    def answer(self, e: Expr, holds: bool | None = None) -> Answer:
        """Why a truth value is what it is."""
        holds = self.value(e) == 1.0 if holds is None else holds
        unknown = tuple(dict.fromkeys(self._unknown(e)))
        return Answer(unparse(self._written(e)), holds, tuple(self._deciding(e, holds)), unknown)

    def _deciding(self, e: Expr, holds: bool) -> Iterator[Part]:
        """Of an `and` that holds every part, of one that does not its first that fails; so for `or`. Each is
        told with its own truth, whatever is denied around it."""
        if e.op == "not":
            yield from self._deciding(e.args[0], not holds)
        elif e.op in ("and", "or"):
            one_decides = holds == (e.op == "or")
            for arg in e.args:
                here = self.value(arg) == 1.0
                if not one_decides or here == holds:
                    yield from self._deciding(arg, here)
                    if one_decides:
                        return
        else:
            part = self.part(e)
            yield part if part.simple else replace(part, read=f"{part.read} [{part.shown}]")

    def _unknown(self, e: Expr) -> Iterator[str]:
        """What is unknown of what is read on the way to the value of `e`."""
        if e.op in ("and", "or"):
            first, second = e.args
            yield from self._unknown(first)
            if (self.value(first) == 1.0) == (e.op == "and"):
                yield from self._unknown(second)
        elif e.op == "if":
            yield from self._unknown(e.args[0])
            yield from self._unknown(e.args[1 if self.value(e.args[0]) == 1.0 else 2])
        elif e.op in READS:
            if math.isnan(self.value(e)):
                yield unparse(self._written(e))
        else:
            for arg in e.args:
                yield from self._unknown(arg)

    # ---- texts

    def _written(self, e: Expr) -> Expr:
        """`e` with short names, a table with its keys, and numbers without their units."""
        args = tuple(self._written(arg) for arg in e.args)
        if e.op == "const" and e.type.kind == "number":
            return replace(e, type=Type("number"))
        if e.op == "lookup":
            return _text(f"{self.names[e.value]}({', '.join(map(unparse, args))})")
        if e.op in READS and e.value not in (None, "population.sex"):
            return replace(e, args=args, value=self.names[e.value])
        return replace(e, args=args)

    def _valued(self, e: Expr) -> Expr:
        """The same with the value of each thing read, and of an `if` the branch taken."""
        if e.op in READS:
            args = tuple(self._valued(arg) for arg in e.args)
            written = self._written(replace(e, args=args))
            unitless = Type("number") if e.type.kind == "number" else e.type
            value = shown(self.value(e), unitless)
            return _text(f"{unparse(written)} {f'[{value}]' if e.type.kind == 'truth' else value}")
        if e.op == "if" and not draws(e):
            condition, then, otherwise = e.args
            holds = self.value(condition) == 1.0
            taken = self._valued(then if holds else otherwise)
            decided = ", ".join(part.read for part in self._deciding(condition, holds))
            return _text(f"({unparse(taken)} as {decided})")
        if e.op == "const":
            return self._written(e)
        return replace(e, args=tuple(self._valued(arg) for arg in e.args))


def _text(text: str) -> Expr:
    """What stands in a text as it is."""
    return Expr("parameter", (), text)


def draws(e: Expr) -> bool:
    """Whether there is a draw in an expression."""
    return e.op == "draw" or any(map(draws, e.args))


# ---- hazards


def hazard_now(life: Life, names: Names, hazard: Hazard, now: float) -> HazardNow:
    """A hazard that is under way, at `now` (days since birth): no event has come since the life's own now."""
    rule = hazard.rule
    before = life.now, life.turns, life.seen_age, life.seen_year
    life.now = now
    try:
        ahead = hazard.copy()
        ahead.follow(life, now)
        age, year = ahead.age, ahead.year
        factors = Explainer(life, names, "rate", (age, year)).factors(rule.rate.expression)
        rate = ahead.rate
        if rule.form:
            factors = (_sojourn(life, names, ahead, now), *factors)
            rate = math.prod(part.value for part in factors)
        threshold = -elementary.log(hazard.uniform)
        left = ahead.threshold - ahead.used(now)
        due = _due(life, ahead)
    finally:
        life.now, life.turns, life.seen_age, life.seen_year = before
    used = min(max(threshold - left, 0.0), threshold)
    return HazardNow(
        rule.site, rule.state, rule.to, rate, factors, hazard.uniform, threshold, used, hazard.began, due
    )


def _sojourn(life: Life, names: Names, hazard: Hazard, now: float) -> Part:
    """The hazard of an `after` with a distribution, by the time since the state was entered."""
    rule = hazard.rule
    assert rule.form
    elapsed = now - hazard.entered
    rate = rule.form.rate(elapsed, *hazard.parameters)
    name = next(name for name, form in FORMS.items() if form is rule.form)
    part = Explainer(life, names).part(Expr("draw", rule.parameters, name, RATE), rate)
    return replace(part, read=f"{part.read} after {duration(elapsed)}")


def _due(life: Life, hazard: Hazard) -> float | None:
    """When a hazard fires if no event comes before; `hazard` is used up by asking."""
    stop = OLDEST
    try:
        while True:
            when = hazard.foresee(life, stop)
            if hazard.fires or when > stop:
                return when if when <= stop else math.inf
            hazard.follow(life, when)
    except Failure:
        return None
