"""Two lives of the same people, laid side by side: who is affected, and what comes earlier, later, or never.

The people of two runs with one seed are the same, and have the same luck in all that a difference between the
scenarios does not touch (common random numbers). So each person is their own control: a standard error here
is that of a mean of differences within persons, patients independent of each other, as in a matched study.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.measure.happenings import KINDS, Integers, Reader, Rows, mixed, places
from sim.measure.shards import Shard
from sim.records.names import DEAD
from sim.scenario.model import DAYS_PER_YEAR

DAY = 86_400
NEVER = np.iinfo(np.int64).max
EXAMPLES = 3  # patients named for each thing that differs first
UNTOLD = ("variable", "appointment")  # kinds whose happenings are not told one by one

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its standard error; NaN where it cannot be told."""

    value: float
    se: float


@dataclass(frozen=True, slots=True)
class Shift:
    """When something first happens under B, compared with A, and how often.

    `a` and `b` are how many people it happens to at all, `never` those to whom it happens under A alone,
    `newly` under B alone. Of those to whom it happens under both, it comes `earlier` or `later` for so many;
    `shift` is their mean change in days (negative: earlier), `moved` the median, to the day, of those for
    whom it changes. `share` is the change of the share of people to whom it happens, `often` that of how
    often it does, a person.
    """

    kind: str
    name: str
    a: int
    b: int
    never: int
    newly: int
    earlier: int
    later: int
    shift: Estimate
    moved: float
    share: Estimate
    often: Estimate

    @property
    def changed(self) -> bool:
        """Whether anybody's first is at another time, or its number another."""
        return bool(self.never or self.newly or self.earlier or self.later or self.often.se)


@dataclass(frozen=True, slots=True)
class Results:
    """The mean of all results of a test under A and under B, and their difference."""

    name: str
    a: float
    b: float
    difference: Estimate


@dataclass(frozen=True, slots=True)
class First:
    """What differs first in the lives of `people`, and some of their numbers."""

    what: str
    people: int
    examples: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Paired:
    """What two runs of the same people show.

    `people` are in both; `only_a` and `only_b` are in the record of one alone, and `others` are in both, but
    with another sex or birth, since a life of theirs was drawn again: these are left out of all that follows.
    `years` are life-years that B has more than A, within the window, and `years_each` those of a person.
    """

    people: int
    only_a: int
    only_b: int
    others: int
    affected: int
    first: tuple[First, ...]
    died_a: int
    died_b: int
    averted: First
    caused: First
    years: Estimate
    years_each: Estimate
    shifts: tuple[Shift, ...]
    results: tuple[Results, ...]


def paired(shards: Iterable[tuple[Shard, Shard]]) -> Paired:
    """Compare two runs, a shard of each at a time, both of the same patients.

    Memory depends on the size of a shard and on how many things there are, not on how many people.
    """
    comparison = _Comparison()
    for a, b in shards:
        comparison.add(a, b)
    return comparison.found()


@dataclass
class _Tally:
    """Sums over people of one thing."""

    counts: Counter[str] = field(default_factory=Counter)
    days: Counter[int] = field(default_factory=Counter)  # changed by so many days, rounded
    shift: Values = field(default_factory=lambda: np.zeros(2))  # sum and sum of squares
    often: Values = field(default_factory=lambda: np.zeros(2))
    results: Values = field(default_factory=lambda: np.zeros((5, 5)))  # products of 1, sums and counts

    def add(self, first: tuple[Integers, Integers], count: tuple[Integers, Integers]) -> None:
        a, b = (time != NEVER for time in first)
        both = a & b
        change = first[1][both] - first[0][both]
        moved = change[change != 0]
        days, people = np.unique(np.rint(moved / DAY).astype(np.int64), return_counts=True)
        self.days.update(dict(zip(days.tolist(), people.tolist(), strict=True)))
        self.counts.update(
            a=int(a.sum()),
            b=int(b.sum()),
            both=int(both.sum()),
            earlier=int((change < 0).sum()),
            later=int((change > 0).sum()),
        )
        self.shift += _moments(change / DAY)
        self.often += _moments((count[1] - count[0]).astype(np.float64))

    def measured(self, sums: list[Values]) -> None:
        """Add people's sums and numbers of results, under A and under B."""
        columns = np.stack([np.ones(len(sums[0])), *sums])
        self.results += columns @ columns.T


@dataclass
class _Side:
    """Who of a shard is compared, and what happens to them."""

    entered: Integers
    left: Integers
    died: NDArray[np.bool_]
    rows: list[Rows]


class _Comparison:
    def __init__(self) -> None:
        self.reader = Reader()
        self.tallies: dict[int, _Tally] = {}
        self.counts: Counter[str] = Counter()
        self.years = np.zeros(2)
        self.first: Counter[str] = Counter()
        self.examples: dict[str, list[int]] = {}

    def add(self, *shards: Shard) -> None:
        ids = [shard.whole("patients", "patient_id") for shard in shards]
        both = np.intersect1d(ids[0], ids[1], assume_unique=True)
        at = [places(one, both) for one in ids]
        same = np.ones(len(both), bool)
        for of in (_sex, _birth):
            one, other = (of(shard)[rows] for shard, rows in zip(shards, at, strict=True))
            same &= one == other
        patients = both[same]
        self.counts.update(
            people=len(patients),
            only_a=len(ids[0]) - len(both),
            only_b=len(ids[1]) - len(both),
            others=len(both) - len(patients),
        )
        if not len(patients):
            return
        a, b = (self._side(shard, patients, rows[same]) for shard, rows in zip(shards, at, strict=True))
        self._lives(patients, a, b)
        self._affected(patients, a, b)
        self._things(len(patients), a, b)
        self._results(len(patients), shards, a, b)

    def _side(self, shard: Shard, patients: Integers, at: Integers) -> _Side:
        entered, left = (shard.whole("patients", column)[at] for column in ("entered", "left"))
        died = shard.numbers("patients", "died")[at] == 1.0
        return _Side(entered, left, died, list(self.reader.rows(shard, patients)))

    def _lives(self, patients: Integers, a: _Side, b: _Side) -> None:
        self.counts.update(died_a=int(a.died.sum()), died_b=int(b.died.sum()))
        self.years += _moments(((b.left - b.entered) - (a.left - a.entered)) / (DAY * DAYS_PER_YEAR))
        for what, found in (("averted", a.died & ~b.died), ("caused", b.died & ~a.died)):
            self.counts[what] += int(found.sum())
            self._name(what, patients[found])

    def _name(self, what: str, patients: Integers) -> None:
        known = self.examples.setdefault(what, [])
        known += patients[: EXAMPLES - len(known)].tolist()

    def _affected(self, patients: Integers, a: _Side, b: _Side) -> None:
        """Find the rows that only one side has, and the first of them in each life."""
        rows = [row for side in (a, b) for row in side.rows]
        who = np.concatenate([row.who for row in rows])
        time, seq = (np.concatenate([getattr(row, name) for row in rows]) for name in ("time", "seq"))
        label = np.concatenate([2 * row.label + row.ends for row in rows])
        key = mixed(np.concatenate([row.hash for row in rows]), who)
        sign = np.repeat([1, -1], [sum(len(row.who) for row in side.rows) for side in (a, b)])
        kept = np.flatnonzero(who >= 0)
        order = kept[np.argsort(key[kept], kind="stable")]
        starts = np.flatnonzero(np.append(True, key[order][1:] != key[order][:-1])) if len(order) else order
        unmatched = np.add.reduceat(sign[order], starts) if len(order) else order
        found = order[starts[unmatched != 0]]
        found = found[np.lexsort((label[found] & 1, seq[found], time[found], who[found]))]
        earliest = found[np.flatnonzero(np.append(True, who[found][1:] != who[found][:-1]))[: len(found)]]
        self.counts["affected"] += len(earliest)
        for code in np.unique(label[earliest]).tolist():
            these = earliest[label[earliest] == code]
            what = self.reader.names.texts[code // 2] + " ends" * (code % 2)
            self.first[what] += len(these)
            self._name(what, patients[who[these]])

    def _things(self, people: int, a: _Side, b: _Side) -> None:
        of_a, of_b = (_by_label(side.rows) for side in (a, b))
        for label in of_a.keys() | of_b.keys():
            seen = [_first(people, *of.get(label, _NOTHING)) for of in (of_a, of_b)]
            tally = self.tallies.setdefault(label, _Tally())
            tally.add((seen[0][0], seen[1][0]), (seen[0][1], seen[1][1]))

    def _results(self, people: int, shards: tuple[Shard, ...], a: _Side, b: _Side) -> None:
        """Add up the results of tests that are numbers."""
        sums: dict[int, list[Values]] = {}
        for at, (shard, side) in enumerate(zip(shards, (a, b), strict=True)):
            values = shard.numbers("observations", "value")
            for rows in (rows for rows in side.rows if rows.kind.name == "test"):
                kept = np.flatnonzero((rows.who >= 0) & ~np.isnan(values))
                for label in np.unique(rows.label[kept]).tolist():
                    these = kept[rows.label[kept] == label]
                    mine = sums.setdefault(label, [np.zeros(people) for _ in range(4)])
                    mine[2 * at] = np.bincount(rows.who[these], values[these], people).astype(np.float64)
                    mine[2 * at + 1] = np.bincount(rows.who[these], minlength=people).astype(np.float64)
        for label, found in sums.items():
            self.tallies.setdefault(label, _Tally()).measured(found)

    # ---- in the end

    def found(self) -> Paired:
        counts, people = self.counts, self.counts["people"]
        each = _mean(self.years, people)
        things = [
            (kind, name, tally)
            for label, tally in self.tallies.items()
            for kind, _, name in [self.reader.names.texts[label].partition(" ")]
            if kind not in UNTOLD and name.rpartition(": ")[2] != DEAD  # which its cause tells
        ]
        things.sort(key=lambda thing: (_ORDER.index(thing[0]), thing[1]))
        first = sorted(self.first, key=lambda what: (-self.first[what], what))
        return Paired(
            people=people,
            only_a=counts["only_a"],
            only_b=counts["only_b"],
            others=counts["others"],
            affected=counts["affected"],
            first=tuple(First(what, self.first[what], tuple(self.examples[what])) for what in first),
            died_a=counts["died_a"],
            died_b=counts["died_b"],
            averted=First("averted", counts["averted"], tuple(self.examples.get("averted", ()))),
            caused=First("caused", counts["caused"], tuple(self.examples.get("caused", ()))),
            years=Estimate(each.value * people, each.se * people),
            years_each=each,
            shifts=tuple(_shift(kind, name, tally, people) for kind, name, tally in things),
            results=tuple(
                _difference(name, tally, people) for _, name, tally in things if tally.results[0, 0]
            ),
        )


_ORDER = tuple(kind.name for kind in KINDS)
_NOTHING: tuple[Integers, Integers] = (np.empty(0, np.int64), np.empty(0, np.int64))


def _by_label(rows: list[Rows]) -> dict[int, tuple[Integers, Integers]]:
    """The places of patients and the times at which each thing happens."""
    found = {}
    for some in rows:
        kept = np.flatnonzero(some.who >= 0)
        if some.ends or not len(kept):
            continue
        order = kept[np.argsort(some.label[kept], kind="stable")]
        labels, starts = np.unique(some.label[order], return_index=True)
        for label, these in zip(labels.tolist(), np.split(order, starts[1:]), strict=True):
            found[label] = some.who[these], some.time[these]
    return found


def _first(people: int, who: Integers, time: Integers) -> tuple[Integers, Integers]:
    """For each person the first time, and how many there are."""
    first = np.full(people, NEVER)
    np.minimum.at(first, who, time)
    return first, np.bincount(who, minlength=people)


def _sex(shard: Shard) -> NDArray[np.bool_]:
    words = shard.words("patients", "sex")
    return np.array([text == "male" for text in words.texts], bool)[words.places]


def _birth(shard: Shard) -> Integers:
    return shard.whole("patients", "birth_date")


def _moments(values: Values) -> Values:
    return np.array([values.sum(), values @ values])


def _mean(moments: Values, people: int) -> Estimate:
    """The mean of a sum over so many, and its standard error."""
    if not people:
        return Estimate(np.nan, np.nan)
    mean = moments[0] / people
    spread = max(moments[1] / people - mean * mean, 0.0)
    return Estimate(float(mean), float(np.sqrt(spread / (people - 1))) if people > 1 else np.nan)


def _shift(kind: str, name: str, tally: _Tally, people: int) -> Shift:
    counts = tally.counts
    never, newly = counts["a"] - counts["both"], counts["b"] - counts["both"]
    share = _mean(np.array([newly - never, newly + never], np.float64), people)
    return Shift(
        kind,
        name,
        counts["a"],
        counts["b"],
        never,
        newly,
        counts["earlier"],
        counts["later"],
        _mean(tally.shift, counts["both"]),
        _median(tally.days),
        share,
        _mean(tally.often, people),
    )


def _median(days: Counter[int]) -> float:
    """The median of numbers that are counted."""
    if not days:
        return np.nan
    values = np.array(sorted(days))
    upto = np.cumsum([days[value] for value in values.tolist()])
    middle = [(upto[-1] - 1) // 2, upto[-1] // 2]
    return float(values[np.searchsorted(upto, middle, side="right")].mean())


def _difference(name: str, tally: _Tally, people: int) -> Results:
    """The difference of two ratios of sums over people, whose variance is that of its linearisation (Taylor),
    a person being the unit.
    """
    _, sum_a, count_a, sum_b, count_b = tally.results[0].tolist()
    a, b = (total / count if count else np.nan for total, count in ((sum_a, count_a), (sum_b, count_b)))
    if not count_a or not count_b or people < 2:
        return Results(name, a, b, Estimate(b - a, np.nan))
    slope = np.array([0.0, -1 / count_a, a / count_a, 1 / count_b, -b / count_b])
    variance = max(slope @ tally.results @ slope, 0.0) * people / (people - 1)
    return Results(name, a, b, Estimate(b - a, float(np.sqrt(variance))))
