"""Differences between two scenarios, as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from sim.scenario.differences import Difference, Differences, Side

_READERS = 3  # of a text that many things read, named


def lines(differences: Differences, width: int) -> Iterator[str]:
    """What differs, a pathway after the other."""
    ordered = sorted(differences.found, key=_place_of_pathway(differences))
    for pathway, found in groupby(ordered, key=lambda d: d.pathway):
        yield pathway
        for thing, several in groupby(found, key=lambda d: d.thing):
            yield from _thing(thing, list(several), width)
        yield ""
    if differences.other_luck:
        yield "The same, but with another luck: what is drawn in another name. `name:` keeps a step's."
        for pathway, thing, a, b in differences.other_luck:
            yield f"  {pathway}: {thing}"
            yield f"      {a} / {b}"
        yield ""
    yield _total(differences)


def _place_of_pathway(differences: Differences) -> Any:
    order = list(dict.fromkeys(d.pathway for d in differences.found))
    return lambda d: order.index(d.pathway)


def _thing(thing: str, found: list[Difference], width: int) -> Iterator[str]:
    for d in found:
        mark = "+" if d.a is None and not d.what else "-" if d.b is None and not d.what else " "
        said = thing.rpartition(" > ")[2].partition(":")[0] == d.what
        yield f"{mark} {thing}{'' if said or not d.what else '  ' + d.what}"
        for name, side in (("A", d.a), ("B", d.b)):
            if side or d.what:
                yield from _side(name, side, width)
        if d.note:
            yield from textwrap.wrap(d.note, width - 6, initial_indent=" " * 6, subsequent_indent=" " * 6)
        if d.read_by:
            more = len(d.read_by) - _READERS
            readers = [*d.read_by[:_READERS], *([f"and {more} more"] if more > 0 else [])]
            text = f"acts on {'; '.join(readers)}"
            yield from textwrap.wrap(text, width - 6, initial_indent=" " * 6, subsequent_indent=" " * 8)


def _side(name: str, side: Side | None, width: int) -> Iterator[str]:
    text, place = (side.text, side.place) if side else ("-", "")
    if len(text) + len(place) + 10 <= width:
        yield f"    {name} {text}{' ' * max(2, min(width, 100) - 6 - len(text) - len(place))}{place}".rstrip()
        return
    yield from textwrap.wrap(text, width - 6, initial_indent=f"    {name} ", subsequent_indent=" " * 6)
    yield f"      {place}"


def _total(differences: Differences) -> str:
    count = len(differences.found)
    if not differences:
        return "the same in meaning"
    pathways = len({d.pathway for d in differences.found})
    where = f" in {pathways} pathways" if pathways > 1 else ""
    luck = f", {len(differences.other_luck)} with another luck" if differences.other_luck else ""
    return f"{count} difference{'s' * (count != 1)}{where}{luck}"


def plain(differences: Differences) -> dict[str, Any]:
    """The same for machines."""
    luck = [
        {"pathway": pathway, "thing": thing, "a": a, "b": b}
        for pathway, thing, a, b in differences.other_luck
    ]
    return {"differences": [asdict(d) for d in differences.found], "other_luck": luck}
