"""Queues: how long patients wait, how many wait at a time, how much of what providers offer is used.

From the tables `appointments` and `encounters`, of which a few columns are read, a piece at a time; less than
100 bytes a row stay in memory.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.agents.desks import ALWAYS, appointments
from sim.measure.rows import Reader, by_provider, identifiers, numbers, outcomes, seconds
from sim.measure.steps import DAY, WEEK, Integers, Steps, open_time, present
from sim.records.names import OUTCOMES
from sim.runs.result import Run

CLASSES = 12  # priorities at most that make classes: more of them are a measure of something
ATTENDED, MISSED = OUTCOMES.index("attended"), OUTCOMES.index("missed")


class MeasureError(ValueError):
    """What a run does not show; the message is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long some have waited, in seconds. A quantile between two of them is interpolated linearly."""

    mean: float
    median: float
    quantile_90: float
    quantile_95: float
    longest: float


@dataclass(frozen=True, slots=True)
class Group:
    """The requests of one priority (None: all) made in the period, and what came of them by the window's end.

    `waits` are those of the attended, from request to start: seconds, rising.
    """

    priority: float | None
    requests: int
    attended: int
    missed: int
    gave_up: int
    cancelled: int
    died: int
    waiting: int
    waits: Integers

    def summary(self) -> Waits | None:
        """The waits in short; None where nobody was attended."""
        if not len(self.waits):
            return None
        quantiles = np.quantile(self.waits, [0.5, 0.9, 0.95, 1.0])
        return Waits(float(self.waits.mean()), *map(float, quantiles))


@dataclass(frozen=True, slots=True)
class Little:
    """Little's law, `length` = `rate` x `wait`, of those who wait at some time of the period (Little 1961,
    doi:10.1287/opre.9.3.383).

    `length` is the mean over time of how many wait, by the appointments' `requested` and `ended`. `rate` (per
    second) and `wait` (seconds) come from each one's waiting within the period, which for the attended ends
    with the start of their encounter. Both sides agree where the tables do.
    """

    length: float
    rate: float
    wait: float


@dataclass(frozen=True, slots=True)
class Queue:
    """A provider whose visits are booked.

    `at_a_time` is the number of servers, `per_week` of appointments; both None: hours alone. `utilisation` is
    the share of the servers' open time taken by encounters, or of the appointments by requests, attended or
    missed; None without capacity. `arrivals` are requests a week. `classes` are the groups by priority, the
    higher first; none where there are more than CLASSES `priorities`. `length` is how many wait at a time.
    """

    name: str
    kind: str
    at_a_time: int | None
    per_week: float | None
    hours: tuple[tuple[float, float], ...]
    utilisation: float | None
    mean_length: float
    longest: int
    arrivals: float
    little: Little
    everyone: Group
    priorities: int
    classes: tuple[Group, ...]
    length: Steps


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues of a run, measured from `begins`, the `start` of the window and the warm-up, to `end`.

    Times are seconds since 1970-01-01.
    """

    start: int
    begins: int
    end: int
    queues: tuple[Queue, ...]


class _Requests(NamedTuple):
    """A provider's appointments; `ended` is the window's end for those who wait."""

    requested: Integers
    ended: Integers
    outcome: NDArray[np.int16]
    priority: NDArray[np.float64]
    encounter: Integers


class _Encounters(NamedTuple):
    """A provider's encounters; `end` is the window's end for those that are open."""

    number: Integers
    start: Integers
    end: Integers


def measure(run: Run, warm_up: float = 0.0) -> Queues:
    """Measure the queues of all providers with capacity or hours, in the order of the scenario.

    `warm_up`: the days at the start of the window that are left out. Raises MeasureError where no provider
    has capacity or hours, where the warm-up leaves nothing, and where the tables contradict each other.
    """
    providers = run.manifest.get("providers", {})
    booked = {name: offer for name, offer in providers.items() if offer["hours"] or _limited(offer)}
    if not booked:
        raise MeasureError(f"{run.folder} has no queues: none of its providers has capacity or hours")
    start, end = (_midnight(day) for day in run.manifest["window"])
    begins = start + round(warm_up * DAY)
    if begins >= end:
        days = f"{warm_up:g} days leaves nothing of a window of {(end - start) // DAY:,} days"
        raise MeasureError(f"a warm-up of {days}")
    period, until = (begins, end), partial(seconds, missing=end)
    asked: dict[str, Reader] = {
        "requested": seconds,
        "ended": until,
        "outcome": outcomes,
        "priority": numbers,
        "encounter_id": identifiers,
    }
    seen: dict[str, Reader] = {"encounter_id": identifiers, "start": seconds, "end": until}
    requests = by_provider(run, "appointments", asked, list(booked))
    encounters = by_provider(run, "encounters", seen, list(booked))
    found = (
        _queue(name, offer, _Requests(*those_asked), _Encounters(*those_seen), start, period)
        for (name, offer), those_asked, those_seen in zip(booked.items(), requests, encounters, strict=True)
    )
    return Queues(start, begins, end, tuple(found))


def _midnight(day: str) -> int:
    return (datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days * DAY


def _limited(offer: Mapping[str, Any]) -> bool:
    return "at_a_time" in offer or "per_week" in offer


def _queue(
    name: str,
    offer: Mapping[str, Any],
    requests: _Requests,
    encounters: _Encounters,
    start: int,
    period: tuple[int, int],
) -> Queue:
    begins, end = period
    edges = np.array(period)
    length = present(requests.requested, requests.ended, start)
    started = _started(name, requests, encounters)
    counted = requests.requested >= begins
    everyone = _group(None, counted, requests, started)
    priorities = np.unique(requests.priority[counted])[::-1]
    classes = priorities if len(priorities) <= CLASSES else priorities[:0]
    return Queue(
        name,
        offer["class"],
        offer.get("at_a_time"),
        offer.get("per_week"),
        tuple((from_, to) for from_, to in offer["hours"]),
        _utilisation(offer, requests, encounters, period),
        float(length.means(edges)[0]),
        int(length.extremes(edges)[1][0]),
        everyone.requests / (end - begins) * WEEK,
        _little(float(length.means(edges)[0]), requests.requested, started, period),
        everyone,
        len(priorities),
        tuple(_group(float(p), counted & (requests.priority == p), requests, started) for p in classes),
        length,
    )


def _started(name: str, requests: _Requests, encounters: _Encounters) -> Integers:
    """When each one's waiting ended: with the start of the encounter that came of it, if one did."""
    attended = requests.outcome == ATTENDED
    order = np.argsort(encounters.number)
    ids = encounters.number[order]
    wanted = requests.encounter[attended]
    places = np.searchsorted(ids, wanted)
    if not np.array_equal(ids[places[places < len(ids)]], wanted):
        raise MeasureError(f"an appointment at {name} was attended, and its encounter is not in the table")
    started = requests.ended.copy()
    started[attended] = encounters.start[order][places]
    return started


def _group(
    priority: float | None, chosen: NDArray[np.bool_], requests: _Requests, started: Integers
) -> Group:
    outcome = requests.outcome[chosen]
    waiting, attended, missed, gave_up, cancelled, died = np.bincount(outcome + 1, minlength=6).tolist()
    seen = chosen & (requests.outcome == ATTENDED)
    waits = np.sort(started[seen] - requests.requested[seen])
    return Group(priority, len(outcome), attended, missed, gave_up, cancelled, died, waiting, waits)


def _utilisation(
    offer: Mapping[str, Any], requests: _Requests, encounters: _Encounters, period: tuple[int, int]
) -> float | None:
    begins, end = period
    opened = float(np.diff(open_time(offer["hours"], np.array(period)))[0])
    if not _limited(offer) or not opened:
        return None
    if "at_a_time" in offer:
        from_ = open_time(offer["hours"], np.clip(encounters.start, *period))
        to = open_time(offer["hours"], np.clip(encounters.end, *period))
        return float((to - from_).sum()) / (offer["at_a_time"] * opened)
    hours = tuple((float(from_), float(to)) for from_, to in offer["hours"]) or ALWAYS
    dates = takewhile(lambda date: date < end / DAY, appointments(offer["per_week"], hours, begins / DAY))
    offered = sum(1 for _ in dates)
    used = np.isin(requests.outcome, [ATTENDED, MISSED]) & (requests.ended >= begins) & (requests.ended < end)
    return float(used.sum()) / offered if offered else None


def _little(length: float, requested: Integers, started: Integers, period: tuple[int, int]) -> Little:
    begins, end = period
    there = (requested >= begins) | (started > begins)
    waits = np.clip(started[there], *period) - np.clip(requested[there], *period)
    return Little(length, len(waits) / (end - begins), float(waits.mean()) if len(waits) else 0.0)
