"""What is kept of lives that have been measured: sums that add up over patients in any order.

Each is kept by cell (a class of what a statistic is told apart by) and by *group*: the patients are dealt
into GROUPS groups by their numbers. Between the groups one sees how much a statistic varies, as if each were
one observation (random groups; Wolter 2007, Introduction to Variance Estimation, chapter 2). Fewer patients
than groups are each a group of their own, and the standard error is then the usual one, patients as clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.measure.histories import Integers, Values

GROUPS = 1024  # so that a standard error is itself known to 2.2 %: 1 / sqrt(2 * 1023)
PENDING = 1 << 17  # rows that wait before they are put together


@dataclass(frozen=True, slots=True)
class Contributions:
    """What some patients contribute: for each row the group, the weight, the cell, and numbers.

    `who` tells patients apart. Rows outside all cells are not there.
    """

    who: Integers
    group: Integers
    weight: Values
    cell: Integers
    columns: tuple[Values, ...]


class Totals:
    """Weighted totals of columns of numbers, by cell and group: `sums` (columns, cells, GROUPS)."""

    def __init__(self, columns: int, cells: int) -> None:
        self.sums = np.zeros((columns, cells, GROUPS))
        self.people = np.zeros((cells, GROUPS), np.int64)

    def add(self, rows: Contributions) -> None:
        _, cells, _ = self.sums.shape
        place = rows.cell * GROUPS + rows.group
        for total, column in zip(self.sums, rows.columns, strict=True):
            total += np.bincount(place, rows.weight * column, cells * GROUPS).reshape(cells, GROUPS)
        self.people += people(rows, cells)

    def merge(self, other: Totals) -> None:
        self.sums += other.sums
        self.people += other.people

    @property
    def totals(self) -> Values:
        """(columns, cells)"""
        found: Values = self.sums.sum(axis=2)
        return found


class Tallies:
    """How often each number has come up, by cell and group: results are rounded, and come up again.

    `place` is cell * GROUPS + group; `value` and `weight` beside it.
    """

    def __init__(self, cells: int) -> None:
        self.people = np.zeros((cells, GROUPS), np.int64)
        self.place = np.empty(0, np.int32)
        self.value = np.empty(0)
        self.weight = np.empty(0)
        self.count = 0
        self._pending: list[tuple[NDArray[np.int32], Values, Values]] = []
        self._waiting = 0

    def add(self, rows: Contributions) -> None:
        place = (rows.cell * GROUPS + rows.group).astype(np.int32)
        self._wait(place, rows.columns[0], rows.weight)
        self.count += len(place)
        self.people += people(rows, len(self.people))

    def merge(self, other: Tallies) -> None:
        other.settle()
        self._wait(other.place, other.value, other.weight)
        self.count += other.count
        self.people += other.people

    def _wait(self, place: NDArray[np.int32], value: Values, weight: Values) -> None:
        self._pending.append((place, value, weight))
        self._waiting += len(place)
        if self._waiting > max(PENDING, len(self.place)):
            self.settle()

    def settle(self) -> None:
        """Put together what waits."""
        if not self._pending:
            return
        parts = [(self.place, self.value, self.weight), *self._pending]
        place, value, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((value, place))
        place, value, weight = place[order], value[order], weight[order]
        new = np.append(True, (place[1:] != place[:-1]) | (value[1:] != value[:-1]))[: len(place)]
        first = np.flatnonzero(new)
        self.place, self.value = place[first], value[first]
        self.weight = np.add.reduceat(weight, first) if len(first) else weight
        self._pending, self._waiting = [], 0


class Followed:
    """People who are followed: `entry` and `exit` in seconds since what they are followed from.

    `cause` is what ended it: 0 nothing that is known. Someone is at risk at s if entry < s <= exit. `place`
    is cell * GROUPS + group.
    """

    def __init__(self, cells: int) -> None:
        self.people = np.zeros((cells, GROUPS), np.int64)
        self._parts: list[tuple[NDArray[np.int32], Integers, Integers, NDArray[np.int8], Values]] = []

    def add(self, rows: Contributions) -> None:
        entry, exit, cause = rows.columns
        place = (rows.cell * GROUPS + rows.group).astype(np.int32)
        part = (place, entry.astype(np.int64), exit.astype(np.int64), cause.astype(np.int8), rows.weight)
        self._parts.append(part)
        self.people += people(rows, len(self.people))

    def merge(self, other: Followed) -> None:
        self._parts += other._parts
        self.people += other.people

    def all(self) -> tuple[NDArray[np.int32], Integers, Integers, NDArray[np.int8], Values]:
        """(place, entry, exit, cause, weight) of everybody, sorted by place, exit and entry."""
        if not self._parts:
            nothing = np.empty(0, np.int64)
            return nothing.astype(np.int32), nothing, nothing, nothing.astype(np.int8), np.empty(0)
        place, entry, exit, cause, weight = (np.concatenate(c) for c in zip(*self._parts, strict=True))
        order = np.lexsort((weight, cause, entry, exit, place))
        return place[order], entry[order], exit[order], cause[order], weight[order]


Sums = Totals | Tallies | Followed


def people(rows: Contributions, cells: int) -> NDArray[np.int64]:
    """How many patients there are by cell and group."""
    _, first = np.unique(rows.who * cells + rows.cell, return_index=True)
    place = rows.cell[first] * GROUPS + rows.group[first]
    return np.bincount(place, minlength=cells * GROUPS).reshape(cells, GROUPS)


def joined(rows: Sequence[Contributions]) -> Contributions:
    """Rows after rows."""
    return Contributions(
        np.concatenate([r.who for r in rows]),
        np.concatenate([r.group for r in rows]),
        np.concatenate([r.weight for r in rows]),
        np.concatenate([r.cell for r in rows]),
        tuple(np.concatenate(columns) for columns in zip(*(r.columns for r in rows), strict=True)),
    )
