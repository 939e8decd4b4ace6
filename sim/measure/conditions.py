"""The expressions of the language over whole lives: at every time at once, by the algebra of histories.

Meanings are those of docs/reference/semantics.md, with unknown NaN. A comparison of a clock with something
that changes in steps is solved for, so nothing is looked at on a grid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sim.measure.histories import (
    DAY,
    FIRST,
    YEAR,
    History,
    Integers,
    Value,
    Values,
    combined,
    counting,
    during,
    patients,
    reached,
    stepping,
)
from sim.measure.lives import ENDLESS, Lives, Stays
from sim.records.looks import look_up
from sim.scenario.model import Expr
from sim.scenario.seasons import written_out
from sim.scenario.statistics import Thing
from sim.scenario.tellable import CLOCKS

_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


def value(lives: Lives, e: Expr) -> Value:
    """The history of an expression that the tables can tell, see sim.scenario.tellable."""
    return lives.kept(("value", e), lambda: _value(lives, e))


def truth(lives: Lives, e: Expr) -> Value:
    """The same of a truth value, with unknown taken for false: 1 and 0."""
    return combined(lambda p: p == 1.0, value(lives, e))


def _value(lives: Lives, e: Expr) -> Value:
    if e.op in _MIRRORED:
        left, right = e.args
        if left.op in CLOCKS:
            return _clock(lives, e.op, left, value(lives, right))
        if right.op in CLOCKS:
            return _clock(lives, _MIRRORED[e.op], right, value(lives, left))
    if e.op in _FUNCTIONS:
        return combined(_FUNCTIONS[e.op], *(value(lives, arg) for arg in e.args))
    return _READERS[e.op](lives, e)


# ---- clocks


def _clock(lives: Lives, op: str, clock: Expr, bound: Value) -> Value:
    """A comparison of a clock with what changes in steps; `>` and `>=` are one, since clocks run."""
    unit = YEAR if clock.op in ("age", "years_in") else DAY
    anchor = _anchor(lives, clock)
    threshold = combined(lambda since, by: since + by * unit, anchor, bound)
    late = reached(lives.line, threshold)
    if clock.op in ("time_in", "years_in"):  # 0 outside the state, not unknown
        late = combined(lambda now, by: np.where(np.isnan(now), by <= 0.0, now), late, bound)
    if op in ("gt", "ge"):
        return combined(lambda now: now == 1.0, late)
    return combined(lambda now: now == 0.0, late)


def _anchor(lives: Lives, clock: Expr) -> Value:
    """What a clock counts from, in seconds since 1970; NaN while it does not run."""
    match clock.op:
        case "age":
            return History(lives.line.starts, lives.birth.astype(np.float64))
        case "today":
            return 0.0
        case "since":
            keys = lives.happenings(_thing(lives, str(clock.value)))
            return stepping(lives.line, keys, lives.line.times(keys).astype(np.float64), np.nan)
    stays = lives.stays("state", str(clock.value))
    ended = stays.to < ENDLESS
    keys = np.concatenate([stays.to[ended], stays.start])  # of one that follows at once the start counts
    times = lives.line.times(stays.start).astype(np.float64)
    return stepping(lives.line, keys, np.concatenate([np.full(int(ended.sum()), np.nan), times]), np.nan)


def _calendar(lives: Lives, unit: str, since: Integers) -> History:
    """Numbers of the years or months since 1970 began, turning at 00:00 of each one's first day."""
    first = _since_1970(since, unit)
    last = _since_1970(lives.left, unit)
    count = last - first + 1
    who = np.repeat(lives.everyone, count)
    number = (
        np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    )
    times = number.astype(f"datetime64[{unit}]").astype("datetime64[s]").astype(np.int64)
    keys = lives.line.keys(who, np.maximum(times, since[who]), FIRST)
    return stepping(lives.line, keys, number.astype(np.float64), np.nan)


def _since_1970(seconds: Integers, unit: str) -> Integers:
    return seconds.astype("datetime64[s]").astype(f"datetime64[{unit}]").astype(np.int64)


def _year(lives: Lives, e: Expr) -> Value:
    years = _calendar(lives, "Y", lives.line.origin)
    return History(years.keys, years.values + 1970.0)


def _month(lives: Lives, e: Expr) -> Value:
    months = _calendar(lives, "M", lives.line.origin)
    return History(months.keys, months.values % 12.0 + 1.0)


# ---- what the tables tell


def _intervals(lives: Lives, stays: Stays) -> History:
    ends = np.where(stays.to == ENDLESS, stays.start | ((1 << 49) - 1), stays.to)  # the end of the line
    return during(lives.line, stays.start, ends)


def holds(lives: Lives, kind: str, names: tuple[str, ...]) -> Value:
    """Whether any of some things of a kind lasts."""

    def make() -> Value:
        found: list[Value] = [_intervals(lives, lives.stays(kind, name)) for name in names]
        return combined(lambda *parts: np.maximum.reduce(parts), *found)

    return lives.kept(("holds", kind, names), make)


def _thing(lives: Lives, name: str) -> Thing:
    """The thing of a qualified name, of which the word that reads it does not say the kind."""
    texts = lives.texts
    kinds: dict[str, Mapping[str, object]] = {
        "state": texts.states,
        "event": texts.events,
        "condition": texts.conditions,
        "drug": texts.drugs,
        "procedure": texts.procedures,
        "vaccine": texts.vaccines,
        "provider": texts.providers,
        "protocol": texts.plans,
        "test": texts.observations,
    }
    for group in texts.scenario.groups:
        if group.name == name:
            kind = next(kind for kind in kinds if group.members[0] in kinds[kind])
            return Thing(kind, group.members)
    return Thing(next(kind for kind in kinds if name in kinds[kind]), (name,))


def _count(lives: Lives, e: Expr) -> Value:
    return _counted(lives, lives.happenings(_thing(lives, str(e.value))), e)


def _tested(lives: Lives, e: Expr) -> Value:
    count = _counted(lives, lives.results(str(e.value)).keys, e)
    return combined(lambda n: n > 0.0, count)


def _counted(lives: Lives, keys: Integers, e: Expr) -> Value:
    """How many there have been, of `within` those that are not longer ago."""
    changes = np.ones(len(keys))
    if e.args:
        window = value(lives, e.args[0])
        assert isinstance(window, float)
        times = lives.line.times(keys) + int(np.floor(window * DAY))
        gone = lives.line.keys(patients(keys), times, FIRST)
        keys, changes = np.concatenate([keys, gone]), np.repeat([1.0, -1.0], len(keys))
    return counting(lives.line, keys, changes)


def _ever(lives: Lives, e: Expr) -> Value:
    starts = lives.stays("state", str(e.value)).start
    return combined(lambda n: n > 0.0, counting(lives.line, starts, np.ones(len(starts))))


def _last(lives: Lives, e: Expr) -> Value:
    name = str(e.value)
    return stepping(lives.line, lives.results(name).keys, lives.result_values(name), np.nan)


def _first(lives: Lives, e: Expr) -> Value:
    name = str(e.value)
    keys = lives.results(name).keys
    who = patients(keys)
    first = np.append(True, who[1:] != who[:-1]) if len(keys) else np.empty(0, np.bool_)
    return stepping(lives.line, keys[first], lives.result_values(name)[first], np.nan)


def _top_dose(lives: Lives, e: Expr) -> Value:
    name = str(e.value)
    doses = lives.texts.doses[name]
    if not doses:
        return holds(lives, "drug", (name,))
    return _intervals(lives, lives.at_dose(name, doses[-1]))


# ---- tables


def _lookup(lives: Lives, e: Expr) -> Value:
    table = lives.texts.tables[str(e.value)]

    def look(*keys: Any) -> Values:
        size = np.broadcast_shapes(*(np.shape(key) for key in keys))
        count = size[0] if size else 1
        found = look_up(table, [np.broadcast_to(key, (count,)).astype(np.float64) for key in keys], count)
        return found if size else found[0]

    return combined(look, *(value(lives, arg) for arg in e.args))


_READERS: dict[str, Callable[[Lives, Expr], Value]] = {
    "const": lambda lives, e: float(e.value or 0.0),
    "parameter": lambda lives, e: lives.texts.parameters[str(e.value)],
    "variable": lambda lives, e: lives.variable(str(e.value)),
    "year": _year,
    "month": _month,
    "season": lambda lives, e: value(lives, written_out(e)),
    "in": lambda lives, e: holds(lives, "state", (str(e.value),)),
    "ever": _ever,
    "diagnosed": lambda lives, e: holds(lives, "condition", (str(e.value),)),
    "prescribed": lambda lives, e: holds(lives, "drug", (str(e.value),)),
    "running": lambda lives, e: holds(lives, "protocol", (str(e.value),)),
    "top_dose": _top_dose,
    "count": _count,
    "tested": _tested,
    "last": _last,
    "first": _first,
    "lookup": _lookup,
}


def _or_else(x: Values, y: Values) -> Values:
    return np.where(np.isnan(x), y, x)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "neg": np.negative,
    "not": lambda x: x != 1.0,
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "floor": np.floor,
    "known": lambda x: ~np.isnan(x),
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "min": np.minimum,
    "max": np.maximum,
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y,
    "eq": lambda x, y: x == y,
    "ne": lambda x, y: (x < y) | (x > y),
    "and": lambda x, y: (x == 1.0) & (y == 1.0),
    "or": lambda x, y: (x == 1.0) | (y == 1.0),
    "or_else": _or_else,
    "if": lambda c, x, y: np.where(c == 1.0, x, y),
}
