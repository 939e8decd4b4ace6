"""Cycles among names."""

from __future__ import annotations


def cycles(edges: dict[str, list[str]]) -> list[list[str]]:
    """One cycle through each group of names that lead to themselves: first name, ..., first name again."""
    found: list[list[str]] = []
    for start in edges:
        if not any(start in path for path in found) and (path := _cycle(start, edges)):
            found.append(path)
    return found


def _cycle(start: str, edges: dict[str, list[str]]) -> list[str] | None:
    stack = [(start, [start])]
    seen: set[str] = set()
    while stack:
        node, path = stack.pop()
        for target in edges.get(node, ()):
            if target == start:
                return [*path, start]
            if target not in seen:
                seen.add(target)
                stack.append((target, [*path, target]))
    return None
