"""How many went which way: along each way between two states, how many of whom, and when; who stands where at
the end.

A way is counted while patients are in view, and so is the time at risk of it, that in the state which it
leads from. Of each step two numbers stay in memory, its age and the time before it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.measure.histories import DAY, Integers
from sim.measure.lives import Lives
from sim.measure.shards import Shard, Words
from sim.measure.words import Texts
from sim.records.names import DEAD
from sim.scenario.model import DAYS_PER_YEAR

YEAR = DAYS_PER_YEAR * DAY
_STATES, _EVENTS = "truth/states", "truth/events"

Floats = NDArray[np.float32]


class Way(NamedTuple):
    """As the tables call them: the axis, the state that is left, the one that is entered (`dead` is one), and
    of a death the cause.
    """

    axis: str
    from_: str
    to: str
    cause: str | None


@dataclass(frozen=True, slots=True)
class Flow:
    """How many `steps` were made by how many `people`, in so many `years` at risk; at which `ages`, and after
    what `times` in the state before (of an event none), in years.
    """

    steps: int
    people: int
    years: float
    ages: Floats
    times: Floats

    @property
    def rate(self) -> float:
        """Steps per 1000 person-years at risk; NaN where there are none."""
        return 1000.0 * self.steps / self.years if self.years else float("nan")

    @property
    def median_age(self) -> float:
        """In years; NaN where nobody went."""
        return float(np.median(self.ages)) if len(self.ages) else float("nan")

    @property
    def median_time(self) -> float:
        """In the state before, in years; NaN where nobody went."""
        return float(np.median(self.times)) if len(self.times) else float("nan")


@dataclass(frozen=True, slots=True)
class Flows:
    """All of a run: how many `people` are in view at some time, and of them `alive` at the end; `ways`; how
    many are `standing` in each (axis, state) at the end; `years` spent in each; `events` by name.
    """

    people: int
    alive: int
    ways: dict[Way, Flow]
    standing: dict[tuple[str, str], int]
    years: dict[tuple[str, str], float]
    events: dict[str, Flow]


def flows(shards: Iterable[Shard], texts: Texts) -> Flows:
    """Which ways patients went while they were in view."""
    people = alive = 0
    seconds, everyone = defaultdict[tuple[str, str], float](float), 0.0
    standing = Counter[tuple[str, str]]()
    ways, events = defaultdict[Way, list[Flow]](list), defaultdict[str, list[Flow]](list)
    for shard in shards:
        lives = Lives(shard, texts)
        people += len(lives.ids)
        alive += int((~lives.died).sum())
        everyone += float((lives.left - lives.entered).sum())
        _count_states(lives, seconds, standing, ways)
        _count_events(lives, events)
    years = {key: total / YEAR for key, total in seconds.items()}
    return Flows(
        people,
        alive,
        {way: _together(parts, years[way.axis, way.from_]) for way, parts in ways.items()},
        dict(standing),
        years,
        {name: _together(parts, everyone / YEAR) for name, parts in events.items()},
    )


def _together(parts: list[Flow], years: float) -> Flow:
    return Flow(
        sum(part.steps for part in parts),
        sum(part.people for part in parts),
        years,
        np.concatenate([part.ages for part in parts]),
        np.concatenate([part.times for part in parts]),
    )


def _count_states(
    lives: Lives,
    seconds: dict[tuple[str, str], float],
    standing: Counter[tuple[str, str]],
    ways: dict[Way, list[Flow]],
) -> None:
    """Add what the table of states says of the patients of a shard."""
    words = {name: lives.words(_STATES, name) for name in ("axis", "from", "to", "cause")}
    rows = np.flatnonzero(words["axis"].places >= 0)  # a death of no axis ends all, which `left` tells
    who, time = lives.patient(_STATES)[rows], lives.times(_STATES, "time")[rows]
    axis = words["axis"].places[rows]
    order = np.lexsort((axis, who))  # stable: rows of one axis stay in their order
    rows, who, time, axis = rows[order], who[order], time[order], axis[order]
    last = np.append((axis[1:] != axis[:-1]) | (who[1:] != who[:-1]), True)[: len(rows)]
    ends = np.where(last, lives.left[who], np.append(time[1:], 0)[: len(rows)])
    stayed = np.maximum(0, ends - np.maximum(time, lives.entered[who]))
    stands = last & ~lives.died[who]
    for (axis_name, state), mine in _each(rows, words["axis"], words["to"]):
        assert axis_name is not None
        assert state is not None
        if state != DEAD:
            seconds[axis_name, state] += float(stayed[mine].sum())
            standing[axis_name, state] += int(stands[mine].sum())
    went = (words["from"].places[rows] >= 0) & (time >= lives.entered[who]) & (time <= lives.left[who])
    before = np.append(0, time[:-1])[: len(rows)]
    chosen = np.flatnonzero(went)
    for key, mine in _each(rows[chosen], *words.values()):
        at = chosen[mine]
        ways[Way(*key)].append(  # type: ignore[arg-type]
            _flow(who[at], time[at] - lives.birth[who[at]], time[at] - before[at])
        )


def _count_events(lives: Lives, events: dict[str, list[Flow]]) -> None:
    if not lives.shard.has(_EVENTS, "event"):
        return
    who, time = lives.patient(_EVENTS), lives.times(_EVENTS, "time")
    seen = np.flatnonzero((time >= lives.entered[who]) & (time <= lives.left[who]))
    for (name,), mine in _each(seen, lives.words(_EVENTS, "event")):
        at = seen[mine]
        assert name is not None
        events[name].append(_flow(who[at], time[at] - lives.birth[who[at]], np.empty(0, np.int64)))


def _flow(who: Integers, lived: Integers, waited: Integers) -> Flow:
    """Steps of these patients, at these seconds since birth and since the state was entered."""
    return Flow(
        len(who),
        len(np.unique(who)),
        0.0,
        (lived / YEAR).astype(np.float32),
        (waited / YEAR).astype(np.float32),
    )


def _each(rows: Integers, *columns: Words) -> Iterator[tuple[tuple[str | None, ...], NDArray[np.intp]]]:
    """Each combination of texts that some rows have, with the places of those among `rows`."""
    if not len(rows):
        return
    keys = np.stack([column.places[rows] for column in columns])
    found, inverse = np.unique(keys, axis=1, return_inverse=True)
    inverse = inverse.reshape(-1)
    for number in range(found.shape[1]):
        names = tuple(
            column.texts[place] if place >= 0 else None
            for column, place in zip(columns, found[:, number], strict=True)
        )
        yield names, np.flatnonzero(inverse == number)
