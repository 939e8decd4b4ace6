"""The pathways of a scenario on one page: what each holds, and what of others each reads and modifies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from sim.scenario.model import Expr, Pathway, Scenario
from sim.scenario.names import Documents
from sim.scenario.schema import Pathway as AuthorPathway
from sim.view.diagram.placed import GAP, MARGIN, WIDTH, packed
from sim.view.diagram.svg import Canvas, size_of, text_height, text_width
from sim.view.diagram.words import Label, Line, cut, lines, spoken
from sim.view.layout import Box, Link, Node, arrange

COLUMNS = 46
CELL = 26.0  # of the table
MOST_ARROWS = 3  # for each pathway; more would not be told apart
ARROWS_KEY = "Arrows lead from what is read to who reads it; dashed ones to whose rates are modified."
TABLE_KEY = "A row says how many names a pathway reads of each other; yellow: who also modifies its rates."


@dataclass(frozen=True, slots=True)
class Summary:
    """A pathway in a box: `reads` are the names that it reads of each other pathway."""

    name: str
    label: Label
    reads: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Overview:
    title: str
    about: str
    pathways: tuple[Summary, ...]
    modifies: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Who, whom, and which of its rates."""


def overview(scenario: Scenario, documents: Documents) -> Overview:
    """What the pathways of a scenario have to do with each other."""
    modifies = tuple(_modifies(scenario, documents))
    authors = {author.pathway.text: author for author in documents.pathways}
    summaries = []
    for pathway in scenario.pathways:
        mine = [(by, rates) for by, to, rates in modifies if to == pathway.name]
        summaries.append(_summary(pathway, authors[pathway.name], _reads(scenario, pathway), mine))
    return Overview(scenario.name, scenario.about, tuple(summaries), modifies)


def _summary(
    pathway: Pathway,
    author: AuthorPathway,
    reads: dict[str, tuple[str, ...]],
    modified: list[tuple[str, tuple[str, ...]]],
) -> Summary:
    shown = [Line(spoken(pathway.name), "name")]
    for axis in author.disease:
        states = next(a.states for a in pathway.axes if a.name == f"{pathway.name}.{axis}")
        names = " · ".join(spoken(state.name) for state in states)
        shown += _listed(spoken(axis), names)
    if author.biomarkers or author.tests:
        shown += _listed("tests", ", ".join(spoken(name) for name in (*author.biomarkers, *author.tests)))
    if author.care:
        shown += _listed("care", ", ".join(spoken(name) for name in author.care))
    for other, read in reads.items():
        shown += _listed(f"reads {spoken(other)}:", ", ".join(map(spoken, read)), "quiet")
    for other, rates in modified:
        shown += _listed(f"modified by {spoken(other)}:", ", ".join(map(spoken, rates)), "quiet")
    return Summary(pathway.name, Label(tuple(shown), author.about), reads)


def _listed(verb: str, text: str, style: str = "text") -> list[Line]:
    first, *others = cut(text, COLUMNS, 2)
    return [Line(first, style, verb=verb), *(Line(f"  {other}", style) for other in others)]


def _reads(scenario: Scenario, pathway: Pathway) -> dict[str, tuple[str, ...]]:
    """The names of other pathways that one reads, by pathway, in the order of the scenario."""
    found: dict[str, dict[str, None]] = {other.name: {} for other in scenario.pathways}
    own = [b for b in scenario.biomarkers if b.name.startswith(f"{pathway.name}.")]
    variables = [v for v in scenario.variables if v.name.startswith(f"{pathway.name}.")]
    drugs = {f"{drug.name}{use}": drug.name for drug in scenario.drugs for use in _USES}
    for name in _names((pathway, own, variables)):
        name = drugs.get(name, name)
        space = name.partition(".")[0]
        if space in found and space != pathway.name:
            found[space][name] = None
    return {space: tuple(names) for space, names in found.items() if names}


_USES = ("_adherence", "_kept", "_given_up")  # what `taking` a drug reads
_NAMING = (
    "thing",
    "provider",
    "condition",
    "drug",
    "procedure",
    "vaccine",
    "biomarker",
    "test",
    "protocol",
    "variable",
    "reason",
)


def _names(value: Any, field: str = "") -> Iterator[str]:
    """Every qualified name that something resolved speaks of, but for its own and those of parameters."""
    if isinstance(value, Expr):
        if isinstance(value.value, str) and value.op not in ("parameter", "draw", "lookup"):
            yield value.value
        for arg in value.args:
            yield from _names(arg)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _names(item, field)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _names(getattr(value, each.name), each.name)
    elif isinstance(value, str) and field in _NAMING:
        yield value


def _modifies(scenario: Scenario, documents: Documents) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Which pathway modifies which rates of which other."""
    owners = _owners(documents)
    for author in documents.pathways:
        space = author.pathway.text
        found: dict[str, dict[str, None]] = {}
        for modifier in author.modifies:
            name = modifier.rate or modifier.biomarker
            if name is None:
                continue
            end = name.text.split("->")[-1].strip()
            head, _, last = end.rpartition(".")
            owner = head or (
                space
                if last in owners.get(space, ())
                else next((o for o in owners if last in owners[o]), space)
            )
            if owner != space:
                found.setdefault(owner, {})[name.text] = None
        for owner in (p.name for p in scenario.pathways):
            if owner in found:
                yield space, owner, tuple(found[owner])


def _owners(documents: Documents) -> dict[str, set[str]]:
    from sim.scenario.schema import states_and_groups

    return {
        p.pathway.text: {name for axis in p.disease.values() for name, _ in states_and_groups(axis)}
        | set(p.events)
        | set(p.care)
        | set(p.biomarkers)
        for p in documents.pathways
    }


def picture(found: Overview) -> str:
    """The SVG document: a box for each pathway, and an arrow to it from what it reads, a dashed one from what
    modifies it; where these are many, a table in their place.
    """
    canvas = Canvas()
    head = [Line(found.title, "title"), *lines(found.about, "quiet", 150, 3)]
    canvas.lines(MARGIN, MARGIN, head)
    top = MARGIN + sum(map(text_height, head)) + GAP
    ties = _ties(found)
    many = len(ties) > MOST_ARROWS * len(found.pathways)
    width, height = (_table if many else _arrows)(canvas, found, ties, top)
    key = Line(TABLE_KEY if many else ARROWS_KEY, "quiet")
    canvas.text(MARGIN, top + height + GAP, key)
    right = max([width, text_width(key), *map(text_width, head)]) + 2 * MARGIN
    told = "\n".join(
        " ".join(f"{line.verb} {line.text}".strip() for line in s.label.lines) for s in found.pathways
    )
    low = top + height + GAP + text_height(key) + MARGIN
    return canvas.document(right, low, found.title, f"{found.about}\n{told}".strip())


def _ties(found: Overview) -> dict[tuple[str, str], tuple[bool, str]]:
    """Of a pathway that acts on another: whether it modifies it, and all that is read or modified."""
    modified = {(by, to): rates for by, to, rates in found.modifies}
    ties = {}
    for summary in found.pathways:
        for other in found.pathways:
            pair = (other.name, summary.name)
            read = summary.reads.get(other.name, ())
            parts = [f"{spoken(summary.name)} reads {', '.join(map(spoken, read))} of {spoken(other.name)}"]
            parts = parts if read else []
            if pair in modified:
                rates = ", ".join(map(spoken, modified[pair]))
                parts.append(f"{spoken(other.name)} modifies {rates} of {spoken(summary.name)}")
            if parts:
                ties[pair] = (pair in modified, "\n".join(parts))
    return ties


def _arrows(
    canvas: Canvas, found: Overview, ties: dict[tuple[str, str], tuple[bool, str]], top: float
) -> tuple[float, float]:
    nodes = [Node(s.name, *size_of(s.label.lines, 14.0, 10.0)) for s in found.pathways]
    arrangement = arrange(nodes, [Link(*pair) for pair in ties])
    for (modifies, tip), route in zip(ties.values(), arrangement.routes, strict=True):
        canvas.begin(tip)
        moved = tuple(type(p)(p.x + MARGIN, p.y + top) for p in route)
        canvas.arrow(moved, "dashed" if modifies else "")
        canvas.end()
    for summary in found.pathways:
        _box(canvas, summary, Box(*arrangement.boxes[summary.name]), MARGIN, top)
    return arrangement.width, arrangement.height


def _box(canvas: Canvas, summary: Summary, box: Box, x: float, y: float) -> None:
    canvas.begin(summary.label.tip, summary.name)
    canvas.box(box.x + x, box.y + y, box.width, box.height, "state")
    canvas.lines(box.x + x + 14.0, box.y + y + 10.0, summary.label.lines)
    canvas.end()


def _table(
    canvas: Canvas, found: Overview, ties: dict[tuple[str, str], tuple[bool, str]], top: float
) -> tuple[float, float]:
    """A row for each pathway, a column for each that it reads or is modified by; below, the boxes."""
    names = [Line(spoken(s.name), "text") for s in found.pathways]
    side = max(map(text_width, names)) + 16.0
    heads = [max(text_width(name) + 12.0, CELL) for name in names]
    x = MARGIN + side
    for name, wide in zip(names, heads, strict=True):
        canvas.text(x + wide / 2, top, name, "middle")
        x += wide
    y = top + text_height(names[0]) + 6.0
    for summary, name in zip(found.pathways, names, strict=True):
        canvas.text(MARGIN, y + (CELL - text_height(name)) / 2, name)
        x = MARGIN + side
        for other, wide in zip(found.pathways, heads, strict=True):
            if tie := ties.get((other.name, summary.name)):
                canvas.begin(tie[1])
                canvas.box(x + 2.0, y + 2.0, wide - 4.0, CELL - 4.0, "factor" if tie[0] else "state")
                count = Line(str(len(summary.reads.get(other.name, ())) or "×"), "text")
                canvas.text(x + wide / 2, y + (CELL - text_height(count)) / 2, count, "middle")
                canvas.end()
            x += wide
        y += CELL
    y += GAP
    sizes = [size_of(s.label.lines, 14.0, 10.0) for s in found.pathways]
    places, high = packed(sizes, max(WIDTH, sum(heads) + side))
    for summary, (px, py), size in zip(found.pathways, places, sizes, strict=True):
        _box(canvas, summary, Box(px, py, *size), MARGIN, y)
    right = max(px + size[0] for (px, _), size in zip(places, sizes, strict=True))
    return max(right, sum(heads) + side), y + high - top
