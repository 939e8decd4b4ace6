"""Mermaid text, held to the grammar of its flowcharts as far as it is used here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scenario.documents import examine
from sim.view import diagram
from sim.view.diagram.mermaid import quoted

ROOT = Path(__file__).parents[2]
THIRTY = Path(__file__).parent / "thirty_states"
SCENARIOS = [THIRTY, *sorted(path.parent for path in (ROOT / "scenarios").glob("*/scenario.yaml"))]

# A string holds no quote, no sign of Markdown strings or HTML but breaks, and # in entity codes alone.
_STRING = r'"(?:[^"`<>#&]|<br/>|#(?:\d+|[a-z]+);)*"'
_NODE = re.compile(
    rf"(n\d+)(?:\[{_STRING}\]|\(\[{_STRING}\]\)|\({_STRING}\)|\[/{_STRING}/\]|\{{\{{{_STRING}\}}\}}):::(\w+)"
)
_FRAME = re.compile(rf"subgraph (g\d+)\[{_STRING}\]")
_ARROW = re.compile(rf"([ng]\d+) (?:-->|-\.->)(?:\|{_STRING}\|)? ([ng]\d+)")
_BELOW = re.compile(r"(g\d+) ~~~ (g\d+)")
_CLASS = re.compile(r"classDef (\w+) fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}")


def check(text: str) -> tuple[int, int]:
    """Every line is one that Mermaid knows; what an arrow joins is there. How many nodes and arrows."""
    first, title, about, *lines = text.splitlines()
    assert first == "flowchart TD"
    assert re.fullmatch(r"  accTitle: [^#;{}]+", title)
    assert re.fullmatch(r"  accDescr: [^#;{}]+", about)
    known, used, classes, joined, depth = set(), set(), set(), [], 0
    for line in lines:
        line = line.strip()
        if match := _NODE.fullmatch(line):
            assert match[1] not in known
            known.add(match[1])
            used.add(match[2])
        elif match := _FRAME.fullmatch(line):
            assert match[1] not in known
            known.add(match[1])
            depth += 1
        elif match := _ARROW.fullmatch(line) or _BELOW.fullmatch(line):
            joined += match.groups()
        elif match := _CLASS.fullmatch(line):
            classes.add(match[1])
        elif line == "end":
            depth -= 1
        else:
            assert line == "direction TB", line
    assert depth == 0
    assert set(joined) <= known
    assert used <= classes
    return len(known), len(joined) // 2


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_charts_are_mermaid(folder: Path) -> None:
    scenario, documents, _ = examine(folder)
    assert scenario is not None
    assert documents is not None
    for pathway, chart in zip(scenario.pathways, diagram.charts(scenario, documents), strict=True):
        nodes, arrows = check(diagram.flowchart(chart))
        assert nodes >= sum(len(axis.states) for axis in pathway.axes)
        assert arrows >= sum(len(axis.ways) for axis in chart.axes)
    check(diagram.flowchart_of_pathways(diagram.overview(scenario, documents)))


@given(st.text())
def test_any_text_can_be_quoted(text: str) -> None:
    assert re.fullmatch(_STRING, f'"{quoted(text)}"', re.DOTALL)


def test_signs_come_back() -> None:
    assert quoted('a < b & "c" #1') == "a #lt; b #amp; #quot;c#quot; #35;1"
