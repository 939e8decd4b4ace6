"""Between which bounds the value of an expression lies, for all the people a scenario may have.

Interval arithmetic (Moore 1966, "Interval Analysis") over what is known of each thing that an expression
reads. The bounds hold for every life; they need not be met by one. Where a condition is known to be true,
what it says about a clock, a variable or a state narrows the bounds of what stands behind it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sim.scenario.model import Axis, Expr, Table


class Bounds(NamedTuple):
    """From `low` to `high`; `unknown` if it may be unknown as well. Nothing at all if `low > high`."""

    low: float
    high: float
    unknown: bool = False


ANY = Bounds(-math.inf, math.inf)
NOTHING = Bounds(math.inf, -math.inf, True)
EITHER, TRUE, FALSE = Bounds(0.0, 1.0), Bounds(1.0, 1.0), Bounds(0.0, 0.0)

Leaf = tuple[str, float | str | None]
"""What an expression reads, by its op and name: ("age", None), ("in", "pathway.state")."""

Known = Mapping[Leaf, Bounds]
"""What is known at a place of some of the things that it reads; nothing of the others."""


@dataclass(frozen=True)
class World:
    """What can be read. `leaf` gives the bounds of what is read by a name or a clock; `told` what else is
    known once something read is true (being in a state is not being in another of its axis); `outside` hears
    of a lookup whose key may lie outside the table.
    """

    leaf: Callable[[Leaf], Bounds]
    told: Callable[[Leaf, Known], Known]
    tables: Mapping[str, Table]
    outside: Callable[[Expr, Axis, Bounds], None]


def bounds(e: Expr, world: World, known: Known) -> Bounds:
    """The bounds of `e`; a truth value lies between 0 and 1."""
    if e.op == "const":
        assert isinstance(e.value, float)
        return Bounds(e.value, e.value)
    if not e.args:
        read = (e.op, e.value)
        return known.get(read) or world.leaf(read)
    if e.op in ("and", "or", "not"):
        return _joined(e, world, known)
    if e.op == "if":
        return _either(e, world, known)
    parts = [bounds(a, world, known) for a in e.args]
    if e.op == "or_else":
        return _hull(*parts) if parts[0].unknown else parts[0]
    if e.op == "known":
        return FALSE if parts[0].low > parts[0].high else EITHER if parts[0].unknown else TRUE
    if e.op == "lookup":
        return _looked_up(e, world, parts)
    if e.op == "draw":
        return _drawn(e, parts)
    if e.op not in _ARITHMETIC and e.op not in _COMPARED:  # read within a time
        return world.leaf((e.op, e.value))
    unknown = False
    for part in parts:
        if part.low > part.high:
            return FALSE if e.op in _COMPARED else NOTHING
        unknown = unknown or part.unknown
    if e.op in _COMPARED:
        found = _COMPARED[e.op](*parts)
        return EITHER if unknown and found is TRUE else found
    low, high = _ARITHMETIC[e.op](*parts)
    return Bounds(low, high, unknown)


def cases(e: Expr, world: World, known: Known) -> tuple[Known | None, Known | None]:
    """What is known where the truth value `e` is true, and where it is not; None for what cannot be."""
    match e.op:
        case "not":
            return cases(e.args[0], world, known)[::-1]
        case "and":
            first, fails = cases(e.args[0], world, known)
            both, second_fails = (None, None) if first is None else cases(e.args[1], world, first)
            return both, _together(fails, second_fails)
        case "or":
            holds, left = cases(e.args[0], world, known)
            second, neither = (None, None) if left is None else cases(e.args[1], world, left)
            return _together(holds, second), neither
        case "if":
            there = zip(cases(e.args[0], world, known), e.args[1:], strict=True)
            ways = [(None, None) if k is None else cases(way, world, k) for k, way in there]
            (true, false), (also, neither) = ways
            return _together(true, also), _together(false, neither)
    if e.op in _COMPARED:
        parts = tuple(bounds(a, world, known) for a in e.args)
        true = _holding(e.op, e.args, parts, known)
        if any(p.unknown for p in parts):
            return true, known
        return true, _holding(_OPPOSITE[e.op], e.args, parts, known)
    of = bounds(e, world, known)
    true = None if of.high <= 0.0 else known
    false = None if of.low >= 1.0 and not of.unknown else known
    if e.args or e.op == "const":
        return true, false
    read = (e.op, e.value)
    true = None if true is None else world.told(read, {**known, read: TRUE})
    return true, None if false is None else {**known, read: FALSE}


def _either(e: Expr, world: World, known: Known) -> Bounds:
    there = zip(cases(e.args[0], world, known), e.args[1:], strict=True)
    return _hull(*(bounds(way, world, k) for k, way in there if k is not None))


def _joined(e: Expr, world: World, known: Known) -> Bounds:
    can, can_fail = cases(e, world, known)
    return FALSE if can is None else TRUE if can_fail is None else EITHER


def _holding(op: str, args: tuple[Expr, ...], parts: tuple[Bounds, ...], known: Known) -> Known | None:
    """What is known where a comparison of `args`, which have the bounds `parts`, holds."""
    if any(p.low > p.high for p in parts) or _COMPARED[op](*parts) == FALSE:
        return None
    (one, other), (this, that) = args, parts
    found = _limited(op, one, this, that, known)
    return None if found is None else _limited(_MIRRORED[op], other, that, this, found)


def _limited(op: str, e: Expr, now: Bounds, limit: Bounds, known: Known) -> Known | None:
    """What is known where `e`, which has the bounds `now`, compares so with something within `limit`."""
    if e.args or e.op == "const":
        return known
    low, high = now.low, now.high
    match op:
        case "lt" | "le":
            high = min(high, math.nextafter(limit.high, -math.inf) if op == "lt" else limit.high)
        case "gt" | "ge":
            low = max(low, math.nextafter(limit.low, math.inf) if op == "gt" else limit.low)
        case "eq":
            low, high = max(low, limit.low), min(high, limit.high)
        case "ne" if limit.low == limit.high and e.type.kind in ("category", "truth"):
            low += low == limit.low
            high -= high == limit.low
    return None if low > high else {**known, (e.op, e.value): Bounds(low, high)}


def _together(one: Known | None, other: Known | None) -> Known | None:
    """What is known in both cases."""
    if one is None or other is None or one is other:
        return other if one is None else one
    shared = one.keys() & other.keys()
    return {read: one[read] if one[read] is other[read] else _hull(one[read], other[read]) for read in shared}


def _hull(*parts: Bounds) -> Bounds:
    low, high, unknown = NOTHING.low, NOTHING.high, False
    for part in parts:
        low, high, unknown = min(low, part.low), max(high, part.high), unknown or part.unknown
    return Bounds(low, high, unknown) if low <= high else NOTHING


# ---- operations

_COMPARED: dict[str, Callable[[Bounds, Bounds], Bounds]] = {
    "lt": lambda x, y: TRUE if x.high < y.low else FALSE if x.low >= y.high else EITHER,
    "le": lambda x, y: TRUE if x.high <= y.low else FALSE if x.low > y.high else EITHER,
    "gt": lambda x, y: TRUE if x.low > y.high else FALSE if x.high <= y.low else EITHER,
    "ge": lambda x, y: TRUE if x.low >= y.high else FALSE if x.high < y.low else EITHER,
    "eq": lambda x, y: (
        TRUE if x.low == x.high == y.low == y.high else FALSE if x.high < y.low or y.high < x.low else EITHER
    ),
    "ne": lambda x, y: (
        FALSE if x.low == x.high == y.low == y.high else TRUE if x.high < y.low or y.high < x.low else EITHER
    ),
}
_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}
_OPPOSITE = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}


def _exp(x: float) -> float:
    return math.inf if x > 709.0 else math.exp(x)


def _log(x: float) -> float:
    return math.log(x) if 0.0 < x < math.inf else x if x > 0.0 else -math.inf


def _root(x: float) -> float:
    return math.sqrt(x) if x > 0.0 else 0.0


def _floor(x: float) -> float:
    return float(math.floor(x)) if math.isfinite(x) else x


def _times(x: float, y: float) -> float:
    return 0.0 if x == 0.0 or y == 0.0 else x * y


def _product(x: Bounds, y: Bounds) -> tuple[float, float]:
    corners = [_times(a, b) for a in (x.low, x.high) for b in (y.low, y.high)]
    return min(corners), max(corners)


def _quotient(x: Bounds, y: Bounds) -> tuple[float, float]:
    if y.low <= 0.0 <= y.high:
        return (0.0 if x.low >= 0.0 and y.low == 0.0 else -math.inf), math.inf
    return _product(x, Bounds(1.0 / y.high, 1.0 / y.low))


def _power(x: Bounds, y: Bounds) -> tuple[float, float]:
    if x.low < 0.0:
        even = y.low == y.high and y.low % 2.0 == 0.0
        return (0.0 if even else -math.inf), math.inf
    corners = [_raised(a, b) for a in (x.low, x.high) for b in (y.low, y.high)]
    return min(corners), max(corners)


def _raised(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except (OverflowError, ValueError):
        return math.inf


def _size(x: Bounds) -> tuple[float, float]:
    low, high = sorted((abs(x.low), abs(x.high)))
    return (0.0 if x.low <= 0.0 <= x.high else low), high


def _sum(x: Bounds, y: Bounds) -> tuple[float, float]:
    return x.low + y.low, x.high + y.high


_ARITHMETIC: dict[str, Callable[..., tuple[float, float]]] = {
    "exp": lambda x: (_exp(x.low), _exp(x.high)),
    "log": lambda x: (_log(x.low), _log(x.high)),
    "sqrt": lambda x: (_root(x.low), _root(x.high)),
    "floor": lambda x: (_floor(x.low), _floor(x.high)),
    "season": lambda x: (1.0 - x.high, 1.0 + x.high),
    "neg": lambda x: (-x.high, -x.low),
    "abs": _size,
    "add": _sum,
    "sub": lambda x, y: _sum(x, Bounds(-y.high, -y.low)),
    "mul": _product,
    "div": _quotient,
    "pow": _power,
    "min": lambda x, y: (min(x.low, y.low), min(x.high, y.high)),
    "max": lambda x, y: (max(x.low, y.low), max(x.high, y.high)),
}


def _looked_up(e: Expr, world: World, keys: list[Bounds]) -> Bounds:
    """The least and the greatest of the cells that may be read; of none, the nearest."""
    table = world.tables.get(str(e.value))
    if table is None:
        return ANY
    cells = [0]
    for axis, key in zip(table.axes, keys, strict=True):
        if axis.levels:
            fitting = [i for i in range(axis.size) if key.low <= i <= key.high]
        else:
            ends = list(zip(axis.breaks, axis.breaks[1:], strict=False))
            fitting = [i for i, (start, end) in enumerate(ends) if start <= key.high and key.low < end]
            fitting = fitting or [0 if key.high < axis.breaks[0] else axis.size - 1]
            if (
                not table.clamp
                and key.low <= key.high
                and not axis.breaks[0] <= key.low <= key.high <= axis.breaks[-1]
            ):
                world.outside(e, axis, key)
        cells = [cell * axis.size + i for cell in cells for i in fitting]
    values = [value for cell in cells if not math.isnan(value := table.values[cell])]
    return Bounds(min(values), max(values)) if values else ANY


def _drawn(e: Expr, args: list[Bounds]) -> Bounds:
    match e.value:
        case "uniform":
            return Bounds(args[0].low, args[1].high)
        case "truncated_normal":
            return Bounds(args[2].low, args[3].high)
        case "bernoulli":
            return Bounds(float(args[0].low >= 1.0), float(args[0].high > 0.0))
        case "categorical":
            possible = [i for i, share in enumerate(args) if share.high > 0.0]
            return Bounds(float(min(possible, default=0)), float(max(possible, default=0)))
        case "empirical":
            return Bounds(args[1].low, args[-1].high)
        case "normal":
            return ANY
        case "beta":
            return EITHER
    return Bounds(0.0, math.inf)
