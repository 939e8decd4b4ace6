"""How far to the right each cell of a layer stands, so that edges are short and long ones straight.

Layer by layer, a cell wishes to stand at the mean of what it is joined to. The wishes of one layer are
granted as nearly as the room between cells allows, in weighted squares, which is isotonic regression: the
pool of adjacent violators gives it exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from sim.view.layout.order import Segment

SWEEPS = 24


def positions(
    layers: Sequence[Sequence[int]],
    widths: Sequence[float],
    segments: Sequence[Segment],
    bends: set[int],
    gap: float,
) -> list[float]:
    """The middle of each cell. No two of a layer are nearer than `gap`; `bends` are the cells that edges only
    pass, which are kept above each other.
    """
    middle = [0.0] * len(widths)
    for layer in layers:
        at = 0.0
        for cell in layer:
            middle[cell] = at + widths[cell] / 2
            at += widths[cell] + gap
    wishes: list[tuple[dict[int, list[tuple[int, float, float]]], bool]] = [({}, True), ({}, False)]
    for s in segments:
        weight = s.weight * (1.0, 2.0, 8.0)[(s.high in bends) + (s.low in bends)]
        shift = (s.from_ or 0.0) - (s.to or 0.0)
        wishes[0][0].setdefault(s.low, []).append((s.high, shift, weight))
        wishes[1][0].setdefault(s.high, []).append((s.low, -shift, weight))
    both = {
        cell: wishes[0][0].get(cell, []) + wishes[1][0].get(cell, []) for layer in layers for cell in layer
    }
    for sweep in range(SWEEPS):
        joined, downward = (both, sweep % 2 == 0) if sweep >= SWEEPS // 2 else wishes[sweep % 2]
        for layer in layers if downward else reversed(layers):
            _settle(layer, middle, widths, joined, gap)
    _straighten(layers, middle, widths, segments, bends, gap)
    left = min((middle[c] - widths[c] / 2 for layer in layers for c in layer), default=0.0)
    return [m - left for m in middle]


def _settle(
    layer: Sequence[int],
    middle: list[float],
    widths: Sequence[float],
    joined: dict[int, list[tuple[int, float, float]]],
    gap: float,
) -> None:
    """Move the cells of a layer as near to what they are joined to as their order allows."""
    targets, weights = [], []
    for cell in layer:
        wishes = joined.get(cell)
        if wishes:
            total = sum(weight for _, _, weight in wishes)
            targets.append(sum(weight * (middle[far] + shift) for far, shift, weight in wishes) / total)
            weights.append(total)
        else:
            targets.append(middle[cell])
            weights.append(0.01)
    room = [0.0]
    for one, other in pairwise(layer):
        room.append(room[-1] + (widths[one] + widths[other]) / 2 + gap)
    fitted = isotonic([t - r for t, r in zip(targets, room, strict=True)], weights)
    for cell, value, r in zip(layer, fitted, room, strict=True):
        middle[cell] = value + r


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The rising sequence nearest to `values` in weighted squares (pool of adjacent violators)."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        count = 1
        while pools and pools[-1][0] >= value:
            before, heavy, many = pools.pop()
            value = (before * heavy + value * weight) / (heavy + weight)
            weight, count = weight + heavy, count + many
        pools.append((value, weight, count))
    return [value for value, _, count in pools for _ in range(count)]


def _straighten(
    layers: Sequence[Sequence[int]],
    middle: list[float],
    widths: Sequence[float],
    segments: Sequence[Segment],
    bends: set[int],
    gap: float,
) -> None:
    """Put the bends of a long edge right above each other where there is room."""
    beside: dict[int, tuple[float, float]] = {}  # the room of each bend

    def measure(layer: Sequence[int]) -> None:
        for n, cell in enumerate(layer):
            low, high = float("-inf"), float("inf")
            if n:
                low = middle[layer[n - 1]] + (widths[layer[n - 1]] + widths[cell]) / 2 + gap
            if n + 1 < len(layer):
                high = middle[layer[n + 1]] - (widths[layer[n + 1]] + widths[cell]) / 2 - gap
            beside[cell] = (low, high)

    row = {cell: layer for layer in layers for cell in layer}
    below = {s.high: s.low for s in segments if s.high in bends and s.low in bends}
    for start in sorted(bends - set(below.values())):
        chain = [start]
        while chain[-1] in below:
            chain.append(below[chain[-1]])
        for cell in chain:
            measure(row[cell])
        low = max(beside[cell][0] for cell in chain)
        high = min(beside[cell][1] for cell in chain)
        wish = sorted(middle[cell] for cell in chain)[len(chain) // 2]
        if low <= high:
            for cell in chain:
                middle[cell] = min(max(wish, low), high)
