"""How many there are at a time, and opening hours: what queues are reckoned with. Times are seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DAY = 86_400
WEEK = 7 * DAY
FIRST_MONDAY = 4 * DAY  # 1970-01-05

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Steps:
    """A number that changes in steps: `values[i]` from `times[i]` until the next, the last for ever.

    `times` rise. Nothing is known before the first of them.
    """

    times: Integers
    values: Integers

    def at(self, times: Integers) -> Integers:
        """The number at each of `times`."""
        return self.values[np.searchsorted(self.times, times, side="right") - 1]

    def integrals(self, times: Integers) -> Integers:
        """The integral from the first time to each of `times`, exactly."""
        areas = np.concatenate([[0], np.cumsum(self.values[:-1] * np.diff(self.times))])
        place = np.searchsorted(self.times, times, side="right") - 1
        found: Integers = areas[place] + self.values[place] * (times - self.times[place])
        return found

    def means(self, edges: Integers) -> NDArray[np.float64]:
        """The mean over time from each edge to the next."""
        return np.diff(self.integrals(edges)) / np.diff(edges)

    def extremes(self, edges: Integers) -> tuple[Integers, Integers]:
        """The least and the most from each edge, included, to the next, excluded."""
        first = np.searchsorted(self.times, edges[:-1], side="right") - 1
        after = np.searchsorted(self.times, edges[1:], side="left")
        bounds = np.column_stack([first, after]).ravel()  # of which every second slice is between two edges
        values = np.append(self.values, 0)
        return np.minimum.reduceat(values, bounds)[::2], np.maximum.reduceat(values, bounds)[::2]


def present(from_: Integers, to: Integers, since: int) -> Steps:
    """How many are there at a time, each from `from_` to `to`, none of them before `since`.

    What comes and goes within one second is never there.
    """
    times = np.sort(np.concatenate([[since], from_, to]))
    times = times[np.append(times[1:] != times[:-1], True)]
    come = np.searchsorted(np.sort(from_), times, side="right")
    gone = np.searchsorted(np.sort(to), times, side="right")
    return Steps(times, come - gone)


def open_time(hours: Sequence[tuple[float, float]], times: Integers) -> NDArray[np.float64]:
    """How many seconds a provider is open from 1970-01-05 to each of `times` (less than 0 before).

    `hours` are sessions of a week in order, in days since Monday 00:00; none is always.
    """
    since = times - FIRST_MONDAY
    if not hours:
        return since.astype(np.float64)
    week, into = np.divmod(since, WEEK)
    edges = np.rint(np.array(hours) * DAY)
    lengths = np.cumsum(edges[:, 1] - edges[:, 0])
    passed = np.column_stack([np.concatenate([[0.0], lengths[:-1]]), lengths])
    return week * lengths[-1] + np.interp(into, edges.ravel(), passed.ravel())
