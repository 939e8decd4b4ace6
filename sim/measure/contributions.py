"""What the patients of a shard contribute to a statistic; docs/reference/statistics.md defines each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sim.measure.conditions import holds, truth
from sim.measure.histories import (
    DAY,
    FIRST,
    YEAR,
    History,
    Integers,
    Value,
    Values,
    aligned,
    combined,
    lived,
    patients,
    stepping,
)
from sim.measure.lives import ENDLESS, Lives, Stays, joined
from sim.measure.sums import GROUPS, Contributions
from sim.scenario.statistics import HOLDS, Numbers, Statistic, Thing

Bools = NDArray[np.bool_]
Duration = Callable[[str], int]
"""The seconds of a statistic's time by its name, 0 where it has none."""


class Cells:
    """The cell of every patient at every time; NaN where they are in none."""

    def __init__(self, lives: Lives, number: Value) -> None:
        self.lives = lives
        self.number = (
            number
            if isinstance(number, History)
            else History(lives.line.starts, np.full(len(lives.ids), number))
        )

    def rows(self, keys: Integers, cell: Values, chosen: Bools | None, *columns: Values) -> Contributions:
        """The contributions of things at `keys` that are in a cell, and `chosen`."""
        keep = ~np.isnan(cell) if chosen is None else chosen & ~np.isnan(cell)
        who = patients(keys[keep])
        lives = self.lives
        return Contributions(
            who,
            lives.ids[who] % GROUPS,
            lives.weight[who],
            cell[keep].astype(np.int64),
            tuple(column[keep] for column in columns),
        )

    def before(self, keys: Integers) -> Values:
        """The cells just before keys."""
        return self.number.before(keys)


def contributions(lives: Lives, cells: Cells, statistic: Statistic, time: Duration) -> Contributions:
    """Of all patients of a shard, in the columns that the statistic's estimator in estimators.py reads."""
    return _COLLECTORS[statistic.name](lives, cells, statistic, time)


# ---- time and people


def _time(lives: Lives, cells: Cells, *indicators: Value) -> tuple[Integers, Values, list[Values], Values]:
    """The pieces of observed time: keys, cells, values of the indicators, seconds."""
    keys, (observed, cell, *held) = aligned(lives.observed, cells.number, *indicators)
    same = np.append(patients(keys[1:]) == patients(keys[:-1]), False)
    seconds = np.where(same, np.append(np.diff(lived(keys)), 0), 0).astype(np.float64)
    inside = (observed == 1.0) & (seconds > 0)
    return keys[inside], cell[inside], [values[inside] for values in held], seconds[inside]


def _at(lives: Lives, cells: Cells, date: float, *indicators: Value) -> tuple[Integers, Values, list[Values]]:
    """Those observed on a date: keys, cells, values of the indicators. The window's last day is its end."""
    when = int(date) * DAY
    there = (lives.entered <= when) & ((when < lives.left) | ((when == lives.left) & ~lives.died))
    who = lives.everyone[there]
    keys = lives.line.keys(who, np.full(len(who), when), FIRST)
    return keys, cells.number.at(keys), [_values(i, keys) for i in indicators]


def _values(indicator: Value, keys: Integers) -> Values:
    return indicator.at(keys) if isinstance(indicator, History) else np.full(len(keys), indicator)


def _before(indicator: Value, keys: Integers) -> Values:
    return indicator.before(keys) if isinstance(indicator, History) else np.full(len(keys), indicator)


def _conditions(lives: Lives, cells: Cells, s: Statistic, time: Duration) -> Contributions:
    """Columns: seconds (or people on a date) in each combination of the conditions; all in all first.

    Of one condition: (all, with it). Of two, A and B: (neither, B alone, A alone, both).
    """
    indicators = [truth(lives, condition) for condition in s.conditions]
    if s.date is None:
        keys, cell, held, amount = _time(lives, cells, *indicators)
    else:
        keys, cell, held = _at(lives, cells, s.date, *indicators)
        amount = np.ones(len(keys))
    if len(held) == 1:
        return cells.rows(keys, cell, None, amount, amount * held[0])
    a, b = held
    parts = [(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b]
    return cells.rows(keys, cell, None, *(amount * part for part in parts))


def _incidence(lives: Lives, cells: Cells, s: Statistic, time: Duration) -> Contributions:
    """Columns: (seconds at risk, first happenings)."""
    keys = lives.happenings(s.things[0])
    first = keys[_firsts(keys)]
    at_risk = stepping(lives.line, first, np.zeros(len(first)), 1.0)
    return _with_time(lives, cells, first, at_risk)


def _rate(lives: Lives, cells: Cells, s: Statistic, time: Duration) -> Contributions:
    """Columns: (seconds, happenings)."""
    return _with_time(lives, cells, lives.happenings(s.things[0]), 1.0)


def _with_time(lives: Lives, cells: Cells, happened: Integers, at_risk: Value) -> Contributions:
    keys, cell, (risk,), seconds = _time(lives, cells, at_risk)
    keys, cell, seconds = keys[risk == 1.0], cell[risk == 1.0], seconds[risk == 1.0]
    happened = happened[lives.in_view(happened)]
    events = np.repeat([0.0, 1.0], [len(keys), len(happened)])
    amounts = np.concatenate([seconds, np.zeros(len(happened))])
    cell = np.concatenate([cell, cells.before(happened)])
    return cells.rows(np.concatenate([keys, happened]), cell, None, amounts, events)


def _firsts(keys: Integers) -> Bools:
    who = patients(keys)
    return np.append(True, who[1:] != who[:-1])[: len(who)]


# ---- people who are followed

HAPPENED, DIED = 1, 2
NEVER = 1 << 40  # seconds: longer than any life


def _followed(lives: Lives, cells: Cells, s: Statistic, time: Duration) -> Contributions:
    """Columns: (entry, exit, cause): 1 what is waited for, 2 death where that is something else."""
    assert s.after
    thing = s.things[0]
    anchors = lives.happenings(s.after)
    anchors = anchors[_firsts(anchors)]
    if thing.kind in HOLDS:
        anchors = anchors[_before(holds(lives, thing.kind, thing.names), anchors) != 1.0]
    after = _next(lives, anchors, lives.happenings(thing))
    return _follow(lives, cells, anchors, after, time("within") or time("at"))


def _next(lives: Lives, anchors: Integers, happened: Integers) -> Integers:
    """The seconds from each anchor to what happened next, NEVER where nothing did."""
    at = np.searchsorted(happened, anchors, side="right")
    found = np.append(happened, 0)[at]
    known = (at < len(happened)) & (patients(found) == patients(anchors))
    return np.where(known, lived(found) - lived(anchors), NEVER)


def _follow(
    lives: Lives,
    cells: Cells,
    anchors: Integers,
    after: Integers,
    horizon: int,
    lost: Integers | None = None,
) -> Contributions:
    """From each one's anchor to what comes first: what is waited for, so many seconds `after` it, death, the
    last sight, or being `lost` so many seconds after it.
    """
    who, start = patients(anchors), lives.line.times(anchors)
    entry = np.where(start >= lives.entered[who], -1, lives.entered[who] - start)
    end, cause = lives.left[who] - start, np.where(lives.died[who], DIED, 0)
    if lost is not None:
        cause, end = np.where(lost < end, 0, cause), np.minimum(lost, end)
    cause = np.where(after <= end, HAPPENED, cause)
    exit = np.minimum(after, end)
    cause = np.where(exit > horizon, 0, cause)
    exit = np.minimum(exit, horizon)
    columns = (entry.astype(np.float64), exit.astype(np.float64), cause.astype(np.float64))
    return cells.rows(anchors, cells.before(anchors), exit > entry, *columns)


def _new_courses(lives: Lives, drug: Thing, gap: int) -> Stays:
    """The first course of each patient who begins one in view, with none before; of a group, of any of it."""
    parts = [lives.stays("drug", name) for name in drug.names]
    start = np.concatenate([part.start for part in parts])
    order = np.argsort(start, kind="stable")
    courses = joined(Stays(start[order], np.concatenate([part.to for part in parts])[order]), lives.line, gap)
    first = _firsts(courses.start)
    new = first & lives.in_view(courses.start)
    return Stays(courses.start[new], courses.to[new])


def _persistence(lives: Lives, cells: Cells, s: Statistic, time: Duration) -> Contributions:
    """Columns as of those followed; what is waited for is the end of the course.

    An end is one only when the gap after it has been seen; who is lost within the gap is lost at its start.
    """
    gap = time("gap")
    courses = _new_courses(lives, s.things[0], gap)
    who, start = patients(courses.start), lives.line.times(courses.start)
    ended = courses.to < ENDLESS
    lasted = np.where(ended, lived(courses.to) - lived(courses.start), NEVER)
    seen = ended & (lasted + gap <= lives.left[who] - start)
    after, lost = np.where(seen, lasted, NEVER), np.where(seen, NEVER, lasted)
    return _follow(lives, cells, courses.start, after, time("at"), lost)


def _switching(lives: Lives, cells: Cells, s: Statistic, time: Duration) -> Contributions:
    """Columns as of those followed; what is waited for is being on the other drug, and not on this."""
    drug, to = s.things
    anchors = _new_courses(lives, drug, 0).start
    on, other = holds(lives, "drug", drug.names), holds(lives, "drug", to.names)
    anchors = anchors[_before(other, anchors) != 1.0]
    switched = combined(lambda one, two: (two == 1.0) & (one != 1.0), on, other)
    assert isinstance(switched, History)
    after = _next(lives, anchors, switched.keys[switched.values == 1.0])
    return _follow(lives, cells, anchors, after, time("within"))


def _share(lives: Lives, cells: Cells, s: Statistic, time: Duration) -> Contributions:
    """Columns: (times asked, times so)."""
    assert s.after
    anchors, later = lives.happenings(s.after), time("later")
    anchors = anchors[lives.in_view(anchors)]
    who = patients(anchors)
    then = lives.line.times(anchors) + later
    asked = then <= lives.left[who]
    keys = lives.line.keys(who, then, FIRST) if later else anchors
    held = _values(truth(lives, s.conditions[0]), keys)
    return cells.rows(anchors, cells.before(anchors), asked, np.ones(len(keys)), held)


# ---- numbers


def numbers(lives: Lives, of: Numbers) -> tuple[Integers, Values]:
    """Keys and values of many numbers: results in their unit, durations in days, ages in years."""
    thing = of.things[0]
    match of.of:
        case "results":
            keys, values = lives.results(thing.names[0]).keys, lives.result_values(thing.names[0])
            known = ~np.isnan(values)
            return keys[known], values[known]
        case "waited":
            return _waited(lives, thing)
        case "between":
            return _between(lives, *of.things)
        case "age_at":
            keys = lives.happenings(thing)
            keys = keys[lives.in_view(keys)]
            return keys, (lives.line.times(keys) - lives.birth[patients(keys)]) / YEAR
    return _lasted(lives, thing)


def _waited(lives: Lives, thing: Thing) -> tuple[Integers, Values]:
    rows = lives.rows("encounters", "provider", thing.names, "start")
    asked = lives.times("encounters", "requested")[rows.row]
    days = (lives.line.times(rows.keys) - asked) / DAY
    return lives.line.keys(patients(rows.keys), asked, FIRST), days


def _between(lives: Lives, one: Thing, other: Thing) -> tuple[Integers, Values]:
    keys, ends = lives.happenings(one), lives.happenings(other)
    keys, ends = keys[lives.in_view(keys)], ends[lives.in_view(ends)]
    at = np.searchsorted(ends, keys, side="right")
    found = np.append(ends, np.iinfo(np.int64).max)[at]
    known = (at < len(ends)) & (patients(found) == patients(keys))
    keys, found = keys[known], found[known]
    return keys, (lived(found) - lived(keys)) / DAY


def _lasted(lives: Lives, thing: Thing) -> tuple[Integers, Values]:
    parts = [lives.stays(thing.kind, name) for name in thing.names]
    start = np.concatenate([part.start for part in parts])
    to = np.concatenate([part.to for part in parts])
    start, to = start[to < ENDLESS], to[to < ENDLESS]
    seen = lives.in_view(to)
    return start[seen], (lived(to[seen]) - lived(start[seen])) / DAY


def _numbers(lives: Lives, cells: Cells, s: Statistic, time: Duration) -> Contributions:
    """Columns: (1, x, x squared) of means and standard deviations; (x,) of quantiles."""
    assert s.numbers
    keys, values = lives.kept(("numbers of", s.numbers), lambda: numbers(lives, s.numbers))  # type: ignore[arg-type]
    cell = cells.before(np.maximum(keys, lives.line.starts[patients(keys)] + 1))
    if s.name in ("median", "quantile"):
        return cells.rows(keys, cell, None, values)
    return cells.rows(keys, cell, None, np.ones(len(values)), values, values * values)


def _correlation(lives: Lives, cells: Cells, s: Statistic, time: Duration) -> Contributions:
    """Columns: (1, x, y, x squared, y squared, x y) of the last results of each encounter with both."""
    encounters = lives.times("observations", "encounter_id")
    found = []
    for thing in s.things:
        rows, values = lives.results(thing.names[0]), lives.result_values(thing.names[0])
        of = encounters[rows.row]
        known = (of >= 0) & ~np.isnan(values)
        of, keys, values = of[known], rows.keys[known], values[known]
        order = np.lexsort((keys, of))
        of, keys, values = of[order], keys[order], values[order]
        last = np.append(of[1:] != of[:-1], True)[: len(of)]
        found.append((of[last], keys[last], values[last]))
    (of, keys, x), (other, _, y) = found
    _, here, there = np.intersect1d(of, other, assume_unique=True, return_indices=True)
    keys, x, y = keys[here], x[here], y[there]
    return cells.rows(keys, cells.before(keys), None, np.ones(len(x)), x, y, x * x, y * y, x * y)


_Collector = Callable[[Lives, Cells, Statistic, Duration], Contributions]
_COLLECTORS: dict[str, _Collector] = {
    "prevalence": _conditions,
    "odds_ratio": _conditions,
    "relative_risk": _conditions,
    "incidence": _incidence,
    "rate": _rate,
    "cumulative_incidence": _followed,
    "survival": _followed,
    "restricted_mean": _followed,
    "persistence": _persistence,
    "switching": _switching,
    "share": _share,
    "mean": _numbers,
    "sd": _numbers,
    "median": _numbers,
    "quantile": _numbers,
    "correlation": _correlation,
}
