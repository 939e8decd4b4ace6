"""Where two tables differ, cell by cell."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise, product

from sim.scenario.model import Axis, Table
from sim.scenario.units import digits
from sim.scenario.unlike import same_number


def unlike_cells(a: Table, b: Table, exact: bool) -> str:
    """How the cells of two tables differ, in words; "" where they do not.

    Ranges that one table splits and the other does not are compared piece by piece, unless `exact`: numbers
    of people are not the same when a range is split.
    """
    if [axis.name for axis in a.axes] != [axis.name for axis in b.axes]:
        return f"by {_names(a)} / by {_names(b)}"
    told = []
    for one, other in zip(a.axes, b.axes, strict=True):
        if one.levels != other.levels or _ends(one) != _ends(other) or (exact and one != other):
            told.append(f"{one.name}: {_axis(one)} / {_axis(other)}")
    if a.clamp != b.clamp:
        told.append("clamp: true / false" if a.clamp else "clamp: false / true")
    pieces = [_pieces(one, other) for one, other in zip(a.axes, b.axes, strict=True)]
    changed, cells = list[tuple[float, str, float, float]](), 0
    for cell in product(*pieces):
        x = _value(a, [place for place, _, _ in cell])
        y = _value(b, [place for _, place, _ in cell])
        cells += 1
        if not same_number(x, y):
            names = ", ".join(name for _, _, name in cell)
            changed.append((abs(y - x), names, x, y))
    if changed:
        _, names, x, y = max(changed, key=lambda found: found[0])
        ratios = [y / x for _, _, x, y in changed if x]
        spread = f", by factors of {min(ratios):.3g} to {max(ratios):.3g}" if ratios else ""
        told.append(f"{len(changed)} of {cells} cells{spread}; most at {names}: {_short(x)} / {_short(y)}")
    return "; ".join(told)


def _names(table: Table) -> str:
    return ", ".join(axis.name for axis in table.axes)


def _ends(axis: Axis) -> tuple[float, ...]:
    return (axis.breaks[0], axis.breaks[-1]) if axis.breaks else ()


def _axis(axis: Axis) -> str:
    if axis.levels:
        return ", ".join(axis.levels)
    return f"{axis.size} ranges from {digits(axis.breaks[0])} to {digits(axis.breaks[-1])}"


def _pieces(one: Axis, other: Axis) -> list[tuple[int, int, str]]:
    """What both axes cover, in pieces that neither splits: the index in each, and the name."""
    if one.levels or other.levels:
        common = [level for level in one.levels if level in other.levels]
        return [(one.levels.index(level), other.levels.index(level), level) for level in common]
    edges = sorted({*one.breaks, *other.breaks})
    low, high = max(one.breaks[0], other.breaks[0]), min(one.breaks[-1], other.breaks[-1])
    return [
        (
            _index(one.breaks, start),
            _index(other.breaks, start),
            f"{one.name} {digits(start)} to {digits(end)}",
        )
        for start, end in pairwise(edges)
        if low <= start and end <= high
    ]


def _index(breaks: Sequence[float], at: float) -> int:
    return bisect_right(breaks, at) - 1


def _value(table: Table, cell: Sequence[int]) -> float:
    at = 0
    for axis, place in zip(table.axes, cell, strict=True):
        at = at * axis.size + place
    return table.values[at]


def _short(value: float) -> str:
    return f"{value:.4g}"
