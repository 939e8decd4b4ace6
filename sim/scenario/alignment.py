"""Which items of two lists go together, in their order.

It is a global alignment (Needleman and Wunsch 1970) without a cost for gaps, so that an item put in is one
difference and not one of all that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def align(
    first: Sequence[T], second: Sequence[T], likeness: Callable[[T, T], float]
) -> list[tuple[T | None, T | None]]:
    """The pairs of items, in order, whose `likeness` (0 for none) adds up to the most; None beside what has
    no other. What only the first list has comes before what only the second has.
    """
    like = [[likeness(a, b) for b in second] for a in first]
    best = [[0.0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in range(len(first) - 1, -1, -1):
        for j in range(len(second) - 1, -1, -1):
            together = best[i + 1][j + 1] + like[i][j] if like[i][j] > 0 else 0.0
            best[i][j] = max(together, best[i + 1][j], best[i][j + 1])
    pairs, i, j = list[tuple[T | None, T | None]](), 0, 0
    while i < len(first) and j < len(second):
        if like[i][j] > 0 and best[i][j] == best[i + 1][j + 1] + like[i][j]:
            pairs.append((first[i], second[j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            pairs.append((first[i], None))
            i += 1
        else:
            pairs.append((None, second[j]))
            j += 1
    return [*pairs, *((a, None) for a in first[i:]), *((None, b) for b in second[j:])]


def matched(
    first: Sequence[T], second: Sequence[T], name: Callable[[T], str]
) -> list[tuple[T | None, T | None]]:
    """Items of the same name together, in the order of the second list; first those of the first alone."""
    old, new = {name(a): a for a in first}, {name(b): b for b in second}
    gone = [(a, None) for key, a in old.items() if key not in new]
    return [*gone, *((old.get(key), b) for key, b in new.items())]
