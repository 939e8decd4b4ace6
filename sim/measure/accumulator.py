"""Statistics over lives that come a shard at a time, from a run on the disk or as they are lived.

Interface (stable): `Accumulator(scenario, statistics, splits)`, its `add`, `merge`, `estimates`; `Estimate`;
`value_of(expression, estimates, scenario)`.

    accumulator = Accumulator(scenario, sentence.statistics)
    for shard in of_run(run):                    # or of_lives(names(scenario), *runtime.simulate(range(100)))
        accumulator.add(shard)
    [[estimate]] = accumulator.estimates()

Whatever the shards and their order, the numbers are the same, up to the rounding of sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np

from sim.measure.conditions import truth, value
from sim.measure.contributions import Cells, contributions
from sim.measure.estimators import NORMAL, errors, estimate, nothing
from sim.measure.histories import DAY, FIRST, YEAR, Value, Values, combined, stepping
from sim.measure.intervals import intervals
from sim.measure.lives import Lives
from sim.measure.shards import Shard
from sim.measure.sums import GROUPS, Sums
from sim.measure.words import Texts
from sim.scenario import constants
from sim.scenario.algebra import constant
from sim.scenario.model import Expr, Scenario
from sim.scenario.statistics import Split, Statistic
from sim.scenario.units import date_from_days

MOST_CELLS = 10_000


class TooManyClassesError(ValueError):
    """A statistic told apart by more than memory holds; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, how sure it is, and what it was made of.

    In base units: rates per day, durations in days. `low` and `high` bound the 95% interval. `numerator` and
    `denominator` are weighted, and NaN where a statistic has none; person-time is in days. `people` are
    counted one by one. `influence` (GROUPS,) is what each group of patients adds, see estimators.py: the
    covariance of two estimates is the sum of their products times G / (G - 1).
    """

    value: float
    error: float
    low: float
    high: float
    numerator: float
    denominator: float
    people: int
    influence: Values = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes that a split makes: their names, and which number each value of its expression has."""

    name: str
    labels: tuple[str, ...]
    number: Callable[[Values], Values]


def classes_of(split: Split, scenario: Scenario) -> Classes:
    """The classes of a split. Of years they are those of the window."""
    if split.breaks:
        labels = _ranges(split.breaks)
        if split.expression.op == "age":  # of which `_split_value` tells the range
            return Classes(split.name, labels, partial(_from, 0, len(labels)))
        return Classes(split.name, labels, partial(_within, np.array(split.breaks)))
    if split.levels:
        return Classes(split.name, split.levels, partial(_from, 0, len(split.levels)))
    if split.expression.op == "month":
        return Classes(split.name, tuple(map(str, range(1, 13))), partial(_from, 1, 12))
    first, last = (int(date_from_days(day)[:4]) for day in (scenario.window[0], scenario.window[1] - 1))
    years = range(first, last + 1)
    return Classes(split.name, tuple(map(str, years)), partial(_from, first, len(years)))


def classes_of_all(splits: Sequence[Split], scenario: Scenario) -> tuple[Classes, ...]:
    """The classes of several splits. Raises TooManyClassesError where together they make too many."""
    found = tuple(classes_of(split, scenario) for split in splits)
    count = math.prod(len(of.labels) for of in found)
    if count > MOST_CELLS:
        raise TooManyClassesError(f"that makes {count:,} classes; {MOST_CELLS:,} is the most")
    return found


def _ranges(breaks: tuple[float, ...]) -> tuple[str, ...]:
    """The names of the ranges: 20-39 of whole numbers, 1.5 to 2 of others."""
    texts = [f"{edge:g}" for edge in breaks]
    whole = all(edge == int(edge) for edge in breaks)
    between = [
        (f"{low:g}" if high == low + 1 else f"{low:g}-{high - 1:g}") if whole else f"{low:g} to {high:g}"
        for low, high in pairwise(breaks)
    ]
    return (f"below {texts[0]}", *between, f"{texts[-1]} and over")


def _within(breaks: Values, values: Values) -> Values:
    return np.where(np.isnan(values), np.nan, np.searchsorted(breaks, values, side="right"))


def _from(first: int, count: int, values: Values) -> Values:
    number = values - first
    return np.where((number >= 0) & (number < count), number, np.nan)


class Accumulator:
    """Adds up lives, and tells statistics of them, each in all the cells that `splits` make.

    The cells are in the order of the products of the classes, those of the last split fastest.
    """

    def __init__(
        self, scenario: Scenario, statistics: Sequence[Statistic], splits: Sequence[Split] = ()
    ) -> None:
        self.statistics, self.splits = tuple(statistics), tuple(splits)
        self.classes = classes_of_all(splits, scenario)
        self.cells = math.prod(len(of.labels) for of in self.classes)
        self._scenario = scenario
        self._sums = {each: nothing(each, self.cells) for each in map(_summed, self.statistics)}

    def add(self, shard: Shard) -> None:
        """Add the lives of a shard, of whom none has been added."""
        self.add_lives(Lives(shard, self._texts))

    @cached_property
    def _texts(self) -> Texts:
        return Texts(self._scenario)

    def add_lives(self, lives: Lives) -> None:
        """The same of lives that other accumulators look at as well."""
        if not len(lives.ids):
            return
        for statistic, sums in self._sums.items():
            cells = lives.kept(
                ("cells", statistic.among, self.splits),
                lambda s=statistic: self._cells(lives, s),  # type: ignore[misc]
            )
            found = contributions(lives, cells, statistic, partial(self._time, statistic))
            if len(found.who):
                sums.add(found)

    def merge(self, other: Accumulator) -> None:
        """Add all that another one of the same statistics has added."""
        for statistic, sums in self._sums.items():
            sums.merge(other._sums[statistic])  # type: ignore[arg-type]

    def estimates(self) -> list[list[Estimate]]:
        """For each statistic, for each cell, what there is so far."""
        return [self._estimates(each, self._sums[_summed(each)]) for each in self.statistics]

    # ---- small pieces

    def _cells(self, lives: Lives, statistic: Statistic) -> Cells:
        among: Value = 1.0 if statistic.among is None else truth(lives, statistic.among)
        values = [_split_value(lives, split) for split in self.splits]

        def number(inside: Any, *parts: Any) -> Any:
            found = np.where(np.asarray(inside) == 1.0, 0.0, np.nan)
            for part, of in zip(parts, self.classes, strict=True):
                found = found * len(of.labels) + of.number(np.asarray(part, np.float64))
            return found

        return Cells(lives, combined(number, among, *values))

    def _time(self, statistic: Statistic, name: str) -> int:
        given = statistic.time(name)
        return 0 if given is None else round(constants.value(given, self._scenario) * DAY)

    def _estimates(self, statistic: Statistic, sums: Sums) -> list[Estimate]:
        found = estimate(statistic, sums, partial(self._time, statistic))
        people, error = sums.people.sum(axis=1), errors(found, sums)
        low, high = intervals(statistic, found, error, people.astype(np.float64))
        columns = (found.value, error, low, high, found.numerator, found.denominator)
        rows = zip(*(column.tolist() for column in columns), people.tolist(), found.influence, strict=True)
        return [Estimate(*row) for row in rows]


def _summed(statistic: Statistic) -> Statistic:
    """The statistic that stands for all with the same sums: mean and sd have one, and so have quantiles."""
    name = {"sd": "mean", "median": "quantile"}.get(statistic.name, statistic.name)
    return replace(statistic, name=name, p=None)


def _split_value(lives: Lives, split: Split) -> Value:
    """What a split is told by; of ages the number of the range."""
    if split.expression.op != "age":
        return value(lives, split.expression)
    edges = np.array(split.breaks)
    who = np.repeat(lives.everyone, len(edges))
    times = lives.birth[who] + np.tile(np.floor(edges * YEAR).astype(np.int64), len(lives.ids))
    numbers = np.tile(np.arange(1.0, len(edges) + 1.0), len(lives.ids))
    return stepping(lives.line, lives.line.keys(who, times, FIRST), numbers, 0.0)


# ---- sentences


def value_of(expression: Expr, estimates: Sequence[Estimate], scenario: Scenario) -> Estimate:
    """What arithmetic over statistics comes to: `expression` is a number, such as that of a `Sentence`.

    The standard error is by Taylor's linearisation, with the covariances of the statistics. Whatever is not a
    statistic alone has no numerator and denominator. Unknown, NaN, where one that it reads is.
    """
    if expression.op == "statistic":
        return estimates[int(str(expression.value))]
    read = sorted({int(str(node.value)) for node in _nodes(expression) if node.op == "statistic"})
    known = [estimates[place] for place in read]
    at = np.array([estimate.value for estimate in known])
    values = {p.name: p.value for p in scenario.parameters if p.value is not None}

    def number(moved: Values) -> float:
        spelled = _with_statistics(expression, dict(zip(read, moved.tolist(), strict=True)))
        found = constant(constants.with_values(spelled, values))
        return np.nan if found is None else found

    influence, people = np.zeros(GROUPS), max(estimate.people for estimate in known)
    for place, estimate_ in enumerate(known):
        step = np.zeros(len(at))
        step[place] = max(estimate_.error, abs(estimate_.value), 1e-12) * 1e-4
        slope = (number(at + step) - number(at - step)) / (2 * step[place])
        influence += slope * estimate_.influence
    total = number(at)
    groups = int((influence != 0).sum())
    error = float(np.sqrt(groups / (groups - 1) * (influence**2).sum())) if groups > 1 else np.nan
    low, high = total - NORMAL * error, total + NORMAL * error
    return Estimate(total, error, low, high, np.nan, np.nan, people, influence)


def _nodes(e: Expr) -> Iterator[Expr]:
    yield e
    for arg in e.args:
        yield from _nodes(arg)


def _with_statistics(e: Expr, values: Mapping[int, float]) -> Expr:
    if e.op == "statistic":
        return Expr("const", (), values[int(str(e.value))], e.type)
    return replace(e, args=tuple(_with_statistics(arg, values) for arg in e.args)) if e.args else e
