"""Names that read each other: in which order they can be worked out, and where they go in circles."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping


def in_order(names: Iterable[str], reads: Mapping[str, Iterable[str]]) -> list[str]:
    """The names as given, but each after those it reads; without those that are in a circle or read one.

    Of the names that read nothing that is left, the first comes next (Kahn 1962, "Topological sorting of
    large networks").
    """
    position = {name: i for i, name in enumerate(names)}
    left = {name: {r for r in reads[name] if r in position} for name in position}
    readers: dict[str, list[str]] = {name: [] for name in position}
    for name, wanted in left.items():
        for read in wanted:
            readers[read].append(name)
    ready = [position[name] for name, wanted in left.items() if not wanted]
    given, order = list(position), list[str]()
    heapq.heapify(ready)
    while ready:
        name = given[heapq.heappop(ready)]
        order.append(name)
        for reader in readers[name]:
            left[reader].discard(name)
            if not left[reader]:
                heapq.heappush(ready, position[reader])
    return order


def cycles(edges: Mapping[str, list[str]]) -> list[list[str]]:
    """One circle through each group of names that lead to themselves: first name, ..., first name again."""
    found: list[list[str]] = []
    for start in edges:
        if not any(start in path for path in found) and (path := _cycle(start, edges)):
            found.append(path)
    return found


def _cycle(start: str, edges: Mapping[str, list[str]]) -> list[str] | None:
    stack = [start]
    came_from: dict[str, str] = {}
    while stack:
        node = stack.pop()
        for target in edges.get(node, ()):
            if target == start:
                path = [start]
                while node != start:
                    path.append(node)
                    node = came_from[node]
                return [*path, start][::-1]
            if target not in came_from:
                came_from[target] = node
                stack.append(target)
    return None
