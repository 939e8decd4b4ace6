"""In which order items stand in their layers, so that few edges cross.

The layer-by-layer sweep of Sugiyama, Tagawa and Toda (1981) with barycentres, and exchanges of neighbours as
in Gansner, Koutsofios, North and Vo (1993), both from the order in which the items came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of an edge, from a cell to one in the next layer; `from_` and `to` are where on the cells it
    is fixed, as distances from their middles, or None.
    """

    high: int
    low: int
    from_: float | None = None
    to: float | None = None
    weight: float = 1.0


def ordered(layers: list[list[int]], segments: Sequence[Segment], pinned: set[int]) -> list[list[int]]:
    """The layers in an order with few crossings. The `pinned` stay at the left."""
    best, fewest = layers, crossings(layers, segments)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        layers = _exchanged(_swept(layers, segments, pinned, down=sweep % 2 == 0), segments, pinned)
        found = crossings(layers, segments)
        if found < fewest:
            best, fewest = layers, found
    return best


def crossings(layers: list[list[int]], segments: Sequence[Segment]) -> int:
    """How many pairs of segments cross."""
    place = _places(layers)
    rank = {cell: number for number, layer in enumerate(layers) for cell in layer}
    between: list[list[tuple[float, float]]] = [[] for _ in layers]
    for segment in segments:
        ends = (place[segment.high] + _shift(segment.from_), place[segment.low] + _shift(segment.to))
        between[rank[segment.high]].append(ends)
    return sum(_inversions(ends) for ends in between)


def _inversions(ends: list[tuple[float, float]]) -> int:
    ends = sorted(ends)
    return sum(
        1
        for n, (high, low) in enumerate(ends)
        for other, down in ends[n + 1 :]
        if other > high and down < low
    )


def _shift(offset: float | None) -> float:
    """Where on its cell an end is, as a part of a place in the order."""
    return 0.0 if offset is None else max(-0.45, min(0.45, offset / 1000))


def _places(layers: list[list[int]]) -> dict[int, float]:
    return {cell: float(place) for layer in layers for place, cell in enumerate(layer)}


def _swept(
    layers: list[list[int]], segments: Sequence[Segment], pinned: set[int], down: bool
) -> list[list[int]]:
    """Each layer in the order of the barycentres of what its cells are joined to in the layer before."""
    joined: dict[int, list[tuple[int, float | None]]] = {}
    for segment in segments:
        near, far, at = (
            (segment.low, segment.high, segment.from_) if down else (segment.high, segment.low, segment.to)
        )
        joined.setdefault(near, []).append((far, at))
    place, result = _places(layers), [list(layer) for layer in layers]
    for number in range(len(layers)) if down else reversed(range(len(layers))):
        layer = result[number]
        middle = {
            cell: sum(place[far] + _shift(at) for far, at in joined[cell]) / len(joined[cell])
            if cell in joined
            else place[cell]
            for cell in layer
        }
        layer.sort(key=lambda cell: (cell not in pinned, middle[cell], place[cell]))
        place.update({cell: float(n) for n, cell in enumerate(layer)})
    return result


def _exchanged(layers: list[list[int]], segments: Sequence[Segment], pinned: set[int]) -> list[list[int]]:
    """Neighbours change places as long as that takes crossings away."""
    up: dict[int, list[tuple[int, float, float]]] = {}
    down: dict[int, list[tuple[int, float, float]]] = {}
    for s in segments:
        up.setdefault(s.low, []).append((s.high, _shift(s.from_), _shift(s.to)))
        down.setdefault(s.high, []).append((s.low, _shift(s.to), _shift(s.from_)))
    place = _places(layers)

    def crossed(left: int, right: int) -> int:
        """How many pairs of their segments cross, with `left` at the left."""
        return sum(
            place[far] + at > place[other] + there
            for side in (up, down)
            for far, at, _ in side.get(left, ())
            for other, there, _ in side.get(right, ())
        )

    better = True
    rounds = 0
    while better and rounds < SWEEPS:
        better, rounds = False, rounds + 1
        for layer in layers:
            for n in range(len(layer) - 1):
                left, right = layer[n], layer[n + 1]
                if left in pinned or crossed(left, right) <= crossed(right, left):
                    continue
                layer[n], layer[n + 1] = right, left
                place[left], place[right] = n + 1.0, float(n)
                better = True
    return layers
