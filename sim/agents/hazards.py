"""Hazards: a threshold, used up at a rate that changes at events, at birthdays and at new years.

The random time change (modified next reaction method, Anderson 2007, doi:10.1063/1.2799998): an exit fires
when its cumulative hazard since it began reaches -log(u).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sim.agents.clocks import start_of_year, year_at
from sim.agents.expressions import Dictionary, Fact, Value
from sim.agents.faults import Failure
from sim.engine import elementary, faults, quantiles, sojourns
from sim.scenario.hazards import split_rate
from sim.scenario.model import DAYS_PER_YEAR, Expr

if TYPE_CHECKING:
    from sim.agents.life import Life
    from sim.agents.world import Slot


class Form(NamedTuple):
    """A distribution of sojourns by its cumulative hazard, of the time and of its parameters (in the order of
    DISTRIBUTIONS), and by the inverse of that.

    `rate` is the hazard itself, its derivative.
    """

    hazard: Callable[..., float]
    time: Callable[..., float]
    rate: Callable[..., float]


def _weibull_rate(time: float, shape: float, scale: float) -> float:
    if time == 0.0 and shape < 1.0:
        return math.inf
    return shape / scale * (time / scale) ** (shape - 1.0)


FORMS = {
    "weibull": Form(quantiles.weibull_hazard, quantiles.weibull_time, _weibull_rate),
    "gompertz": Form(
        quantiles.gompertz_hazard,
        quantiles.gompertz_time,
        lambda time, shape, rate: rate * elementary.exp(shape * time),
    ),
    "exponential": Form(
        quantiles.exponential_hazard,
        quantiles.exponential_time,
        lambda time, mean: 1.0 / mean,
    ),
    "lognormal": Form(sojourns.lognormal_hazard, sojourns.lognormal_time, sojourns.lognormal_rate),
    "loglogistic": Form(sojourns.loglogistic_hazard, sojourns.loglogistic_time, sojourns.loglogistic_rate),
    "gengamma": Form(sojourns.gengamma_hazard, sojourns.gengamma_time, sojourns.gengamma_rate),
    "gamma": Form(  # the generalised one of power 1
        lambda time, shape, scale: sojourns.gengamma_hazard(time, shape, scale, 1.0),
        lambda hazard, shape, scale: sojourns.gengamma_time(hazard, shape, scale, 1.0),
        lambda time, shape, scale: sojourns.gengamma_rate(time, shape, scale, 1.0),
    ),
}


@dataclass(frozen=True)
class Times:
    """Where and when the first part of a rate is read: a stand-in for a life, whose sex and years it has."""

    sex: float
    seen_age: int
    seen_year: int


class Rate:
    """A rate, or a factor on a hazard, in its two parts; see `sim.scenario.hazards`."""

    def __init__(self, e: Expr, dictionary: Dictionary) -> None:
        self.expression = e
        self.first, self.second = split_rate(e)
        parts = [dictionary.meaning(part, "rate") for part in (self.first, self.second) if part]
        self.facts: frozenset[Fact] = frozenset().union(*(part.facts for part in parts))
        clocks = frozenset[str]().union(*(part.clocks for part in parts))
        self.by_age, self.by_year = "age" in clocks, "year" in clocks
        self.factor: Value | None = dictionary.meaning(self.second, "rate").value if self.second else None
        self.factor_has_clocks = bool(self.second and dictionary.meaning(self.second, "rate").clocks)
        self._first = dictionary.meaning(self.first, "rate") if self.first else None
        self._table: dict[tuple[float, int, int], float] = {}

    def first_part(self, sex: float, age: int, year: int) -> float:
        """What follows from sex, completed age and civil year; NaN where it has no value."""
        if self._first is None:
            return 1.0
        key = (sex, age if "age" in self._first.clocks else 0, year if "year" in self._first.clocks else 0)
        if key not in self._table:
            try:
                self._table[key] = self._first.value(Times(*key))  # type: ignore[arg-type]
            except Failure:
                self._table[key] = math.nan
        return self._table[key]

    def at(self, factor: float, sex: float, age: int, year: int) -> float:
        """The rate where the second part is `factor`."""
        rate = factor
        if self._first is not None and factor != 0.0:
            first = self.first_part(sex, age, year)
            if math.isnan(first):
                raise Failure(faults.NOT_TABULATED, (self.second or self.expression).span)
            rate = first * factor if first != 0.0 else 0.0
        if not 0.0 <= rate < math.inf:
            raise Failure(faults.BAD_RATE, (self.second or self.expression).span)
        return rate


@dataclass(frozen=True)
class HazardRule:
    """What a scenario says of one hazard: of an exit, of a protocol's start, or of background mortality.

    `state` is the state it leaves, "" for others; `to` the state or protocol that it leads to, "" for death
    by background mortality. `parameters` are those of `after` with a distribution. One that `repeats` draws
    a new threshold when it fires.
    """

    number: int
    slot: Slot
    site: str
    state: str
    to: str
    rate: Rate
    form: Form | None
    parameters: tuple[Expr, ...]
    fires: Callable[[Life], None]
    repeats: bool


class Hazard:
    """A hazard of one life, under way.

    `threshold` is what was left of it at time `reference`; `rate` has held since. `factor` is the second part
    of the rate as it was last read, to be read again at `renewal`; `looked` is when the rate was last looked
    at, `age` and `year` those of the piece of time since then. It has been under way since `began`.
    """

    __slots__ = (
        "age",
        "began",
        "entered",
        "factor",
        "fires",
        "looked",
        "parameters",
        "rate",
        "reference",
        "renewal",
        "rule",
        "threshold",
        "uniform",
        "year",
    )

    def __init__(self, rule: HazardRule, life: Life, now: float, count: int) -> None:
        self.rule = rule
        self.uniform = life.uniform_at(rule.site, count)
        self.threshold = -elementary.log(self.uniform)
        self.began = self.reference = now
        self.entered = life.since.get(rule.state, 0.0)
        self.parameters = _parameters(rule, life) if rule.form else ()
        self.fires = False
        self.look_at(life, now)
        self.rate = self.rate_now(life)

    def look_at(self, life: Life, now: float) -> None:
        """Note the piece of time that `now` lies in, and read the second part of the rate."""
        rate = self.rule.rate
        self.looked = now
        self.age = math.floor(now / DAYS_PER_YEAR) if rate.by_age else 0
        self.year = year_at(now, life.birth) if rate.by_year else 0
        self.read_factor(life, now)

    def read_factor(self, life: Life, now: float) -> None:
        before, life.now = life.now, now
        life.seen_age, life.seen_year, life.turns = self.age, self.year, math.inf
        self.factor = self.rule.rate.factor(life) if self.rule.rate.factor else 1.0
        self.renewal = life.turns
        life.now = before

    def rate_now(self, life: Life) -> float:
        return self.rule.rate.at(self.factor, life.sex, self.age, self.year)

    # ---- the threshold

    def used(self, end: float) -> float:
        """How much of the threshold is used up between `reference` and `end`."""
        if self.rate == 0.0:
            return 0.0
        if self.rule.form is None:
            return self.rate * (end - self.reference)
        hazard = self.rule.form.hazard
        since = hazard(self.reference - self.entered, *self.parameters)
        return self.rate * (hazard(end - self.entered, *self.parameters) - since)

    def reached(self) -> float:
        """When the threshold is reached if the rate stays; inf for never."""
        if self.rate == 0.0:
            return math.inf
        if self.rule.form is None:
            return self.reference + self.threshold / self.rate
        hazard, time, _ = self.rule.form
        whole = hazard(self.reference - self.entered, *self.parameters) + self.threshold / self.rate
        return max(self.reference, self.entered + time(whole, *self.parameters))

    def change_rate(self, life: Life, now: float) -> None:
        """From `now` on the rate is the one that holds now. If it is the same, nothing is touched."""
        rate = self.rate_now(life)
        if rate != self.rate:
            self.threshold = max(self.threshold - self.used(now), 0.0)
            self.reference, self.rate = now, rate

    # ---- pieces of time: between birthdays, new years and moments at which the second part turns

    def end_of_piece(self, life: Life) -> float:
        rate = self.rule.rate
        birthday = DAYS_PER_YEAR * (self.age + 1) if rate.by_age else math.inf
        new_year = start_of_year(self.year + 1) - life.birth if rate.by_year else math.inf
        return min(birthday, new_year, self.renewal)

    def next_piece(self, life: Life, now: float) -> None:
        """A piece of time has ended `now`, and another begins."""
        rate = self.rule.rate
        renewed = now == self.renewal
        if rate.by_age and now == DAYS_PER_YEAR * (self.age + 1):
            self.age += 1
        if rate.by_year and now == start_of_year(self.year + 1) - life.birth:
            self.year += 1
        self.looked = now
        if renewed or rate.factor_has_clocks:
            self.read_factor(life, now)
        self.change_rate(life, now)

    def foresee(self, life: Life, stop: float) -> float:
        """When something is due if no event comes before: to fire, or a piece's end; after `stop`: inf.

        Pieces whose second part stays as it is are walked through at once, since nothing else can be due in
        them.
        """
        ahead = self.copy()
        for end in ahead._ends(life, stop):
            if ahead.rate > 0.0 and ahead.used(end) >= ahead.threshold:
                self.fires = True
                return min(ahead.reached(), end)
            if end == ahead.renewal or self.rule.rate.factor_has_clocks:
                self.fires = False
                return end
            try:
                ahead.next_piece(life, end)
            except Failure:  # a fault if the life gets there
                self.fires = False
                return end
        self.fires = True
        return ahead.reached()

    def follow(self, life: Life, now: float) -> None:
        """End all pieces that end by `now`."""
        for end in self._ends(life, now):
            self.next_piece(life, end)

    def _ends(self, life: Life, stop: float) -> Iterator[float]:
        while not self.idle and (end := self.end_of_piece(life)) <= stop:
            yield end

    @property
    def idle(self) -> bool:
        """Whether nothing but an event can change the rate from zero."""
        return self.factor == 0.0 and self.renewal == math.inf and not self.rule.rate.factor_has_clocks

    def copy(self) -> Hazard:
        copy = Hazard.__new__(Hazard)
        for name in Hazard.__slots__:
            setattr(copy, name, getattr(self, name))
        return copy

    def look_again(self, life: Life, now: float) -> None:
        """An event may have changed what the rate reads."""
        self.follow(life, now)
        self.look_at(life, now)
        self.change_rate(life, now)


def _parameters(rule: HazardRule, life: Life) -> tuple[float, ...]:
    """The parameters of the distribution of an `after`, as they are when the state is entered."""
    values = tuple(life.look(e) for e in rule.parameters)
    for place, (value, written) in enumerate(zip(values, rule.parameters, strict=True)):
        least, most = 0.0, sys.float_info.max
        if place == 0 and rule.form is FORMS["gompertz"]:
            least = -math.inf  # its hazard may fall with time: the shape may be negative
        if place == 0 and rule.form in (FORMS["gamma"], FORMS["gengamma"]):
            most = sojourns.LARGEST_SHAPE
        if not least < value <= most:
            raise Failure(faults.BAD_SOJOURN, written.span)
    return values
