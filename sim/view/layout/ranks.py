"""In which layer each item stands."""

from __future__ import annotations

from collections.abc import Sequence


def ranks(count: int, edges: Sequence[tuple[int, int]], first: set[int], last: set[int]) -> list[int]:
    """The layer of each of `count` items, from 0: every edge leads down, to an item with a higher number.

    Items stand as high as their edges let them; those with more edges down than up then sink as far as they
    can, so that edges are short. `first` stand in a layer of their own at the top, `last` in one below all.
    """
    up, down = neighbours(count, edges)
    rank = [0] * count
    for item in range(count):
        highest = 0 if item in first or not first else 1
        rank[item] = max([highest, *(rank[other] + 1 for other in up[item])])
    bottom = max((rank[i] for i in range(count) if i not in last), default=-1) + 1
    for item in last:
        rank[item] = bottom
    for item in reversed(range(count)):
        if len(down[item]) > len(up[item]) and item not in first:
            rank[item] = min(rank[other] for other in down[item]) - 1
    return rank


def neighbours(count: int, edges: Sequence[tuple[int, int]]) -> tuple[list[list[int]], list[list[int]]]:
    """The upper and the lower ends of each item's edges."""
    up: list[list[int]] = [[] for _ in range(count)]
    down: list[list[int]] = [[] for _ in range(count)]
    for high, low in edges:
        up[low].append(high)
        down[high].append(low)
    return up, down
