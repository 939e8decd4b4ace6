"""What an author wrote, found again by its place: the words, and the keys that lead to them."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from sim.scenario.loader import Mapping, Node, Scalar, Sequence, place
from sim.scenario.model import Span
from sim.scenario.names import SCENARIO, Documents

Keys = tuple[str | int, ...]
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Text:
    """Words of the author: in which pathway (or "scenario"), under which keys, and where."""

    space: str
    keys: Keys
    text: str
    span: Span

    @property
    def listed(self) -> bool:
        """Whether it is in a list, where a number is all that it goes by."""
        return any(isinstance(key, int) for key in self.keys)


class Written:
    """All that the author of a scenario wrote."""

    def __init__(self, documents: Documents) -> None:
        self.by_keys: dict[tuple[str, Keys], Text] = {}
        self.nodes: dict[tuple[str, int, int], tuple[str, Keys, Node]] = {}
        self.scalars: dict[str, list[tuple[int, int, Text, str]]] = defaultdict(list)
        spaces: list[tuple[str, Mapping]] = [(SCENARIO, documents.scenario.node)]
        spaces += [(pathway.pathway.text, pathway.node) for pathway in documents.pathways]
        for space, node in spaces:
            self._keep(space, (), node)
        for found in self.scalars.values():
            found.sort(key=lambda item: item[:2])

    def _keep(self, space: str, keys: Keys, node: Node) -> None:
        at = place(node)
        self.nodes.setdefault((at.file, at.line, at.column), (space, keys, node))
        if isinstance(node, Scalar):
            text = Text(space, keys, " ".join(node.text.split()), node.span)
            self.by_keys.setdefault((space, keys), text)
            self.scalars[at.file].append((node.origin.line, node.origin.column, text, node.written))
        elif isinstance(node, Mapping):
            if keys[-1:] == ("value",):  # one for each level
                pairs = (f"{key}: {value.text}" for key, value in node.items() if isinstance(value, Scalar))
                self.by_keys.setdefault((space, keys), Text(space, keys, ", ".join(pairs), node.span))
            for key, value in node.items():
                self._keep(space, (*keys, key), value)
        else:
            assert isinstance(node, Sequence)
            if len(keys) == 2 and keys[0] == "ladders":
                self.by_keys[space, keys] = Text(space, keys, _list(node), place(node))
            for number, value in enumerate(node):
                self._keep(space, (*keys, number), value)

    def thing(self, span: Span) -> tuple[str, Keys] | None:
        """The space and keys of a map or a text, by the place of its key or of its beginning."""
        found = self.nodes.get((span.file, span.line, span.column))
        return found[:2] if found else None

    def ladder(self, span: Span | None) -> tuple[str, Text] | None:
        """How a step at a place is written that climbs a ladder, and the ladder."""
        found = self.nodes.get((span.file, span.line, span.column)) if span else None
        if found is None or not isinstance(found[2], Mapping):
            return None
        for verb in ("step_up", "step_down"):
            name = found[2].get(verb)
            if isinstance(name, Scalar):
                space, dot, ladder = name.text.rpartition(".")
                text = self.by_keys.get((space if dot else found[0], ("ladders", ladder)))
                return (f"{verb}: {name.text}", text) if text else None
        return None

    def under(self, span: Span | None, keys: Keys) -> Text | None:
        """A text in the thing at a place, by the keys that lead on from there."""
        found = self.thing(span) if span else None
        return self.by_keys.get((found[0], (*found[1], *keys))) if found else None

    def at(self, span: Span | None) -> Text | None:
        """The text that a place is in; where it is in none, that of the key there, whatever it holds."""
        if span is None:
            return None
        found = self._scalar(span)
        if found:
            return found[2]
        thing = self.thing(span)
        return Text(*thing, str(thing[1][-1]), span) if thing and thing[1] else None

    def _scalar(self, span: Span) -> tuple[int, int, Text, str] | None:
        known = self.scalars.get(span.file, [])
        before = bisect_right(known, (span.line, span.column), key=lambda item: item[:2]) - 1
        if before < 0:
            return None
        line, column, _, written = found = known[before]
        lines = written.count("\n")
        inside = span.column < column + len(written) if lines == 0 else True
        return found if span.line <= line + lines and inside else None

    def formula(self, span: Span | None) -> Text | None:
        """The formula whose name stands at a place."""
        found = self._scalar(span) if span else None
        if span is None or found is None:
            return None
        line, column, text, written = found
        if span.line == line:
            rest = written[span.column - column :]
        else:
            lines = written.split("\n")
            rest = lines[min(span.line - line, len(lines) - 1)][span.column - 1 :]
        word = _WORD.match(rest)
        if word is None:
            return None
        pathway, dot, name = word[0].rpartition(".")
        spaces = [pathway] if dot else [text.space, *dict.fromkeys(space for space, _ in self.by_keys)]
        for space in spaces:
            for keys in (("formulas", name), ("formulas", name, "value")):
                if (space, keys) in self.by_keys:
                    return self.by_keys[space, keys]
        return None


def _list(node: Node) -> str:
    """A list as it is written on one line."""
    if isinstance(node, Sequence):
        return f"[{', '.join(map(_list, node))}]"
    return node.text if isinstance(node, Scalar) else ""


def where(span: Span | None) -> str:
    """A place as file:line, relative to the working directory where that is shorter."""
    if span is None:
        return ""
    if span.file.startswith("--set "):
        return span.file
    relative = os.path.relpath(span.file)
    return f"{span.file if relative.startswith('..') else Path(relative).as_posix()}:{span.line}"
