"""Histories of values, of many patients at once: step functions, and what is reckoned with them.

All patients of a shard lie end to end on one line of whole numbers: a *key* is a patient, a second of the
life, counted from 00:00 of the day of birth, and within a second a place: 0, then 1 + `seq` for each row. So
what happened earlier in the same second comes before, and a step function is two arrays, keys and values.
Clocks turn at place 0: what happens on a birthday happens at the new age.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Values = NDArray[np.float64]
Bools = NDArray[np.bool_]

DAY = 86_400
YEAR = 31_557_600  # s: 365.25 days
FIRST, LAST = 0, (1 << 16) - 1  # places in a second
_SECONDS = 33  # bits: 272 years
_PLACES = 16  # bits


@dataclass(frozen=True, slots=True)
class Line:
    """The line of some patients: `origin` is 00:00 of each one's day of birth, in seconds since 1970."""

    origin: Integers

    @property
    def starts(self) -> Integers:
        """The first key of each patient."""
        return np.arange(len(self.origin), dtype=np.int64) << (_SECONDS + _PLACES)

    def keys(self, patient: Integers, times: Integers, place: Integers | int) -> Integers:
        """The keys of times in seconds since 1970; those before birth or 272 years after it are moved to
        then.
        """
        lived = np.clip(times - self.origin[patient], 0, (1 << _SECONDS) - 1)
        found: Integers = (patient << (_SECONDS + _PLACES)) | (lived << _PLACES) | np.minimum(place, LAST)
        return found

    def times(self, keys: Integers) -> Integers:
        """The seconds since 1970 of keys."""
        return lived(keys) + self.origin[patients(keys)]


def patients(keys: Integers) -> Integers:
    """Whose keys they are: places among the patients of the line."""
    found: Integers = keys >> (_SECONDS + _PLACES)
    return found


def lived(keys: Integers) -> Integers:
    """Seconds since 00:00 of the day of birth."""
    found: Integers = (keys >> _PLACES) & ((1 << _SECONDS) - 1)
    return found


@dataclass(frozen=True, slots=True)
class History:
    """`values[i]` from `keys[i]` on, until the next key. `keys` rise; each patient has one at the start.

    NaN is unknown; truth is 1 and 0.
    """

    keys: Integers
    values: Values

    def before(self, keys: Integers) -> Values:
        """The value just before each of `keys`; not for the first key of a patient."""
        return self.values[np.searchsorted(self.keys, keys, side="left") - 1]

    def at(self, keys: Integers) -> Values:
        """The value at each of `keys`, with what happens there."""
        return self.values[np.searchsorted(self.keys, keys, side="right") - 1]


Value = History | float
"""A history, or what is always so for everybody."""


def aligned(*parts: Value) -> tuple[Integers, list[Values]]:
    """The keys at which any of some histories changes, at least one of them no constant, and their values."""
    histories = [part for part in parts if isinstance(part, History)]
    keys = histories[0].keys
    if any(history.keys is not keys for history in histories):
        keys = union([history.keys for history in histories])
    return keys, [
        _on(part, keys) if isinstance(part, History) else np.full(len(keys), part) for part in parts
    ]


def _on(history: History, keys: Integers) -> Values:
    return history.values if history.keys is keys else history.at(keys)


def combined(function: Callable[..., Any], *parts: Value) -> Value:
    """What a function makes of the values of histories at every time: numbers, or truth values."""
    with np.errstate(all="ignore"):
        if not any(isinstance(part, History) for part in parts):
            return float(np.asarray(function(*(np.asarray(part) for part in parts)), np.float64))
        keys, values = aligned(*parts)
        return squeezed(keys, np.asarray(function(*values), np.float64))


def union(sets: list[Integers]) -> Integers:
    """All the keys of sorted arrays, each once."""
    keys = np.concatenate(sets)
    keys.sort(kind="stable")
    return keys[np.append(keys[1:] != keys[:-1], True)] if len(keys) else keys


def squeezed(keys: Integers, values: Values) -> History:
    """The history without steps to the same value."""
    same = (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
    keep = np.append(True, ~same | (patients(keys[1:]) != patients(keys[:-1])))
    return History(keys[keep], values[keep]) if not keep.all() else History(keys, values)


def stepping(line: Line, keys: Integers, values: Values, initial: float) -> History:
    """The history that takes `values` at `keys`, in any order; of several at one key the last counts."""
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    last = np.append(keys[1:] != keys[:-1], True) if len(keys) else np.empty(0, np.bool_)
    return _with_starts(line, keys[last], values[last], initial)


def counting(line: Line, keys: Integers, changes: Values) -> History:
    """The history of a count, 0 at first, that changes by `changes` at `keys`, in any order."""
    order = np.argsort(keys, kind="stable")
    keys, total = keys[order], np.cumsum(changes[order])
    last = np.append(keys[1:] != keys[:-1], True) if len(keys) else np.empty(0, np.bool_)
    keys, total = keys[last], total[last]
    first = np.searchsorted(keys, line.starts)
    so_far = np.append(0.0, total)[first]
    return _with_starts(line, keys, total - so_far[patients(keys)], 0.0)


def _with_starts(line: Line, keys: Integers, values: Values, initial: float) -> History:
    starts = line.starts
    new = starts[np.searchsorted(keys, starts, "right") == np.searchsorted(keys, starts, "left")]
    if len(new):
        places = np.searchsorted(keys, new)
        keys, values = np.insert(keys, places, new), np.insert(values, places, initial)
    return squeezed(keys, values)


def during(line: Line, starts: Integers, ends: Integers) -> History:
    """1 within any of the intervals from a start to an end, both keys of one patient, else 0."""
    real = ends > starts
    starts, ends = starts[real], ends[real]
    changes = np.concatenate([np.ones(len(starts)), -np.ones(len(ends))])
    count = counting(line, np.concatenate([starts, ends]), changes)
    return squeezed(count.keys, (count.values > 0.5).astype(np.float64))


def reached(line: Line, threshold: Value) -> Value:
    """Whether now is `threshold` or later, a history of seconds since 1970; unknown where that is."""
    if isinstance(threshold, float):
        threshold = History(line.starts, np.full(len(line.origin), threshold))
    keys, who = threshold.keys, patients(threshold.keys)
    known = ~np.isnan(threshold.values)
    times = np.floor(np.where(known, threshold.values, 0.0))
    limits = np.clip(times, -(2.0**40), 2.0**40).astype(np.int64)
    turns = line.keys(who, limits, FIRST)
    late = limits - line.origin[who] >= 1 << _SECONDS
    ends = np.append(keys[1:], np.iinfo(np.int64).max)
    inside = known & ~late & (turns > keys) & (turns < ends)
    values = np.where(known, (turns <= keys) & ~late, np.nan)
    all_keys = np.concatenate([keys, turns[inside]])
    order = np.argsort(all_keys, kind="stable")
    all_values = np.concatenate([values, np.ones(int(inside.sum()))])
    return squeezed(all_keys[order], all_values[order])
