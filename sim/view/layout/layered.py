"""A graph in layers, from the top down (Sugiyama, Tagawa and Toda 1981): no groups, no edge upward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from sim.view.layout.order import Segment, ordered
from sim.view.layout.positions import positions
from sim.view.layout.ranks import ranks

ACROSS, DOWN = 26.0, 26.0  # the least room between two items side by side, and between two layers
SLOPE = 0.16  # of the way across that edges make, as more room between two layers
MOST_DOWN = 70.0
PASSAGE = 10.0  # the width of what an edge needs to pass
APART, MARGIN = 16.0, 12.0  # of ends on one side of an item; to its corners


class Point(NamedTuple):
    """Right of, and below, the upper left corner."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Item:
    """What stands in a layer. `place`: first, last, or None where its edges put it; a `pinned` one stands at
    the left.
    """

    width: float
    height: float
    place: str | None = None
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """From an item to one with a higher number; `from_` and `to` are where on them it is fixed, as distances
    from their middles, or None. The greater the `weight`, the straighter it is.
    """

    high: int
    low: int
    from_: float | None = None
    to: float | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Layers:
    """The upper left corners of the items, the routes of the edges, and what room all take."""

    corners: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def layered(items: Sequence[Item], edges: Sequence[Edge]) -> Layers:
    """The items in layers. Between two points of a route with one x it is straight, else a curve that leaves
    and arrives vertically, and lies between two layers.
    """
    first = {n for n, item in enumerate(items) if item.place == "first"}
    last = {n for n, item in enumerate(items) if item.place == "last"}
    rank = ranks(len(items), [(e.high, e.low) for e in edges], first, last)
    widths = [item.width for item in items]
    layers: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for n in range(len(items)):
        layers[rank[n]].append(n)
    chains, segments = [], []
    for edge in edges:
        chain = [edge.high]
        for level in range(rank[edge.high] + 1, rank[edge.low]):
            chain.append(len(widths))
            layers[level].append(len(widths))
            widths.append(PASSAGE)
        chain.append(edge.low)
        chains.append(chain)
        for high, low in pairwise(chain):
            segments.append(
                Segment(
                    high,
                    low,
                    edge.from_ if high == edge.high else None,
                    edge.to if low == edge.low else None,
                    edge.weight,
                )
            )
    bends = set(range(len(items), len(widths)))
    layers = ordered(layers, segments, {n for n, item in enumerate(items) if item.pinned})
    middle = positions(layers, widths, segments, bends, ACROSS)
    across = _ends(items, edges, chains, middle)
    tops, heights = _rows(layers, items, chains, across)
    corners = tuple(
        Point(middle[n] - item.width / 2, tops[rank[n]] + (heights[rank[n]] - item.height) / 2)
        for n, item in enumerate(items)
    )
    routes = tuple(
        _route(edge, items, corners, rank, xs, tops, heights) for edge, xs in zip(edges, across, strict=True)
    )
    width = max((middle[cell] + widths[cell] / 2 for layer in layers for cell in layer), default=0.0)
    return Layers(corners, routes, width, tops[-1] + heights[-1] if tops else 0.0)


def _ends(
    items: Sequence[Item], edges: Sequence[Edge], chains: Sequence[Sequence[int]], middle: Sequence[float]
) -> list[list[float]]:
    """Where each edge is, from the layer of its upper end to that of its lower. Ends that are not fixed are
    spread over the side of their item in the order of where they lead.
    """
    across = [[middle[cell] for cell in chain] for chain in chains]
    for n, item in enumerate(items):
        for end, inward, fixed in ((0, 1, "from_"), (-1, -2, "to")):
            mine = [e for e, chain in enumerate(chains) if chain[end] == n]
            free = [e for e in mine if getattr(edges[e], fixed) is None]
            free.sort(key=lambda e: (middle[chains[e][inward]], e))
            step = min(APART, max(0.0, item.width - 2 * MARGIN) / max(1, len(free) - 1))
            for place, e in enumerate(free):
                across[e][end] += (place - (len(free) - 1) / 2) * step
            for e in mine:
                across[e][end] += getattr(edges[e], fixed) or 0.0
    for n, item in enumerate(items):  # what is nearly straight becomes so, where nothing is beside it
        for end, inward, fixed in ((0, 1, "from_"), (-1, -2, "to")):
            mine = [e for e, chain in enumerate(chains) if chain[end] == n]
            if len(mine) == 1 and getattr(edges[mine[0]], fixed) is None:
                xs = across[mine[0]]
                if abs(xs[inward] - middle[n]) <= 0.3 * item.width:
                    xs[end] = xs[inward]
    return across


def _rows(
    layers: Sequence[Sequence[int]],
    items: Sequence[Item],
    chains: Sequence[Sequence[int]],
    across: Sequence[Sequence[float]],
) -> tuple[list[float], list[float]]:
    """The top and the height of each layer; the further edges go aside below one, the more room there is."""
    rank = {cell: level for level, layer in enumerate(layers) for cell in layer}
    aside = [0.0] * len(layers)
    for chain, xs in zip(chains, across, strict=True):
        for n, cell in enumerate(chain[:-1]):
            aside[rank[cell]] = max(aside[rank[cell]], abs(xs[n + 1] - xs[n]))
    heights = [max((items[c].height for c in layer if c < len(items)), default=0.0) for layer in layers]
    tops, y = [], 0.0
    for height, far in zip(heights, aside, strict=True):
        tops.append(y)
        y += height + min(MOST_DOWN, DOWN + SLOPE * far)
    return tops, heights


def _route(
    edge: Edge,
    items: Sequence[Item],
    corners: Sequence[Point],
    rank: Sequence[int],
    xs: Sequence[float],
    tops: Sequence[float],
    heights: Sequence[float],
) -> tuple[Point, ...]:
    """Down from the upper item: straight through layers, aside between them."""
    points = [Point(xs[0], corners[edge.high].y + items[edge.high].height)]
    for n, x in enumerate(xs):
        level = rank[edge.high] + n
        if n:
            points.append(Point(x, tops[level]))
        if n < len(xs) - 1:
            points.append(Point(x, tops[level] + heights[level]))
    points.append(Point(xs[-1], corners[edge.low].y))
    kept = [points[0]]
    for point in points[1:]:
        if point != kept[-1]:
            kept.append(point)
    return tuple(kept)
