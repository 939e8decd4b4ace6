"""Drawings of the shipped scenarios and of thirty states: whole, readable, the same every time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

import sim
from sim.measure.flows import flows
from sim.measure.queues import MeasureError
from sim.measure.shards import of_run
from sim.measure.words import Texts
from sim.scenario.documents import examine
from sim.scenario.model import Scenario
from sim.scenario.names import Documents
from sim.view import diagram
from sim.view.diagram.disease import Way
from sim.view.diagram.page import Chart

ROOT = Path(__file__).parents[2]
THIRTY = Path(__file__).parent / "thirty_states"
SCENARIOS = [THIRTY, *sorted(path.parent for path in (ROOT / "scenarios").glob("*/scenario.yaml"))]
SVG = "{http://www.w3.org/2000/svg}"


@cache
def read(folder: Path) -> tuple[Scenario, Documents]:
    scenario, documents, findings = examine(folder)
    assert scenario is not None, findings
    assert documents is not None
    return scenario, documents


@cache
def charts(folder: Path) -> tuple[Chart, ...]:
    return diagram.charts(*read(folder))


def chart(folder: Path, name: str) -> Chart:
    return next(chart for chart in charts(folder) if chart.name == name)


def way(chart: Chart, source: str, target: str) -> Way:
    (found,) = (
        way
        for axis in chart.axes
        for way in axis.ways
        if way.source == f"{chart.name}.{source}" and way.entered == target
    )
    return found


def shown(way: Way) -> list[str]:
    return [line.text for line in way.label.lines]


def pages(folder: Path) -> list[str]:
    found = [diagram.page(chart) for chart in charts(folder)]
    return [*found, diagram.picture(diagram.overview(*read(folder)))]


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_no_text_lies_on_another_or_beyond_the_page(folder: Path) -> None:
    """Each text is drawn as wide as it says: `textLength`."""
    for page in pages(folder):
        root = ElementTree.fromstring(page)
        width, height = float(root.attrib["width"]), float(root.attrib["height"])
        boxes = []
        for text in root.iter(f"{SVG}text"):
            x, wide = float(text.attrib["x"]), float(text.attrib.get("textLength", 0.0))
            size, base = float(text.attrib["font-size"]), float(text.attrib["y"])
            left = x - wide / 2 if text.attrib.get("text-anchor") == "middle" else x
            boxes.append((left, base - 0.8 * size, left + wide, base + 0.2 * size))
        assert len(boxes) > 2
        for left, top, right, low in boxes:
            assert left >= 0
            assert top >= 0
            assert right <= width
            assert low <= height
        for one, other in combinations(boxes, 2):
            across = min(one[2], other[2]) - max(one[0], other[0])
            down = min(one[3], other[3]) - max(one[1], other[1])
            assert across < 0.2 or down < 0.2, (one, other)


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_the_same_drawing_is_the_same_bytes(folder: Path) -> None:
    once = pages(folder)
    scenario, documents, _ = examine(folder)
    assert scenario is not None
    assert documents is not None
    again = [diagram.page(chart) for chart in diagram.charts(scenario, documents)]
    assert once == [*again, diagram.picture(diagram.overview(scenario, documents))]


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_a_drawing_says_what_it_is_and_its_links_lead_somewhere(folder: Path) -> None:
    for page in pages(folder):
        root = ElementTree.fromstring(page)
        names = {child.attrib.get("id") for child in root.iter()}
        assert root.attrib["role"] == "img"
        assert root[0].tag == f"{SVG}title"
        assert root[0].text
        assert root[1].tag == f"{SVG}desc"
        assert {root[0].attrib["id"], root[1].attrib["id"]} == set(root.attrib["aria-labelledby"].split())
        identities = [child.attrib["id"] for child in root.iter() if "id" in child.attrib]
        assert len(identities) == len(set(identities))
        for link in root.iter(f"{SVG}a"):
            assert link.attrib["href"].removeprefix("#") in names


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_everything_is_drawn(folder: Path) -> None:
    """Every state, every pair of states with an exit between them, every protocol."""
    scenario, _ = read(folder)
    for pathway, found in zip(scenario.pathways, charts(folder), strict=True):
        states = {state.name for axis in pathway.axes for state in axis.states}
        places = {place.name for axis in found.axes for place in axis.places if place.kind == "state"}
        assert places == states
        ends = {
            (state.name, exit_.target.rpartition(".")[2], exit_.cause and exit_.cause.rpartition(".")[2])
            for axis in pathway.axes
            for state in axis.states
            for exit_ in state.exits
        }
        drawn = {
            (f"{pathway.name}.{left}", way.entered, way.cause and way.cause.rpartition(".")[2])
            for axis in found.axes
            for way in axis.ways
            for left in way.left
        }
        assert drawn == ends
        author = next(p for p in read(folder)[1].pathways if p.pathway.text == pathway.name)
        assert [flow.name for flow in found.care] == [f"{pathway.name}.{name}" for name in author.care]


def test_rates_stand_in_the_authors_words_and_units() -> None:
    found = chart(THIRTY, "colorectal")
    assert shown(way(found, "normal", "serrated")) == [
        "0.1 × onset × frailty",
        "while age ≥ 40",
        "onset = 4 per 1000 person-years",
    ]
    assert shown(way(found, "advanced_distal", "silent_1")) == ["grows = 0.03 per year"]
    assert shown(way(found, "small_distal", "normal")) == ["upon polypectomy, chance 0.95"]
    assert shown(way(found, "resected", "followed")) == ["the rest"]
    assert shown(way(found, "small_rectal", "advanced_rectal")) == [
        "after weibull(shape=1.5, scale=25 years)"
    ]
    long = way(found, "normal", "small_distal")
    assert "0.4 × onset × frailty × ageing ** (age - 50)" in long.label.tip
    assert "ageing = 1.05" in long.label.tip


def test_a_value_given_for_the_drawing_is_the_one_that_is_shown() -> None:
    scenario, documents, _ = examine(THIRTY, {"onset": "7 per 1000 person-years"})
    assert scenario is not None
    assert documents is not None
    found = next(c for c in diagram.charts(scenario, documents) if c.name == "colorectal")
    assert "onset = 0.007 per year" in shown(way(found, "normal", "serrated"))


def test_factors_lead_to_what_they_multiply_also_across_pathways() -> None:
    found = chart(THIRTY, "colorectal")
    (axis,) = found.axes
    targets = {factor.targets: [line.text for line in factor.label.lines] for factor in axis.factors}
    assert targets == {
        ("colorectal.cancer",): ["× aspirin_effect ** taking(aspirin)", "× 0.9 if female else 1.1"],
        ("colorectal.chemotherapy -> colorectal.progressive",): ["× 1.3  while age ≥ 75"],
    }
    heart = chart(ROOT / "scenarios" / "cardiometabolic", "heart")
    failing = next(f for a in heart.axes for f in a.factors if f.targets == ("heart.heart_failing",))
    assert any(line.text.startswith("diabetes care: × ") for line in failing.label.lines)
    elsewhere = chart(ROOT / "scenarios" / "cardiometabolic", "diabetes_care").elsewhere
    assert [label.lines[0].text.partition(":")[0] for label in elsewhere] == ["heart failing"]


def test_a_protocol_says_who_starts_it() -> None:
    found = chart(ROOT / "scenarios" / "elective_surgery", "hip_care")
    referral = next(flow for flow in found.care if flow.name == "hip_care.referral")
    assert [(line.verb, line.text) for label in referral.starts for line in label.lines] == [
        ("started by", "gp review")
    ]


def test_the_picture_in_the_guide_is_up_to_date(tmp_path: Path) -> None:
    """Else `python docs/images/make.py` draws it again."""
    guide = (ROOT / "docs" / "guides" / "drawing.md").read_text()
    for name, text in re.findall(r"^```yaml\n# file: (\S+)\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (gout,) = charts(tmp_path / "gout")
    assert diagram.page(gout) == (ROOT / "docs" / "images" / "drawing.svg").read_text()


# ---- with a run


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[Chart, ...], sim.Run]:
    scenario, documents = read(THIRTY)
    folder = tmp_path_factory.mktemp("runs") / "run"
    run = sim.run(scenario, patients=300, seed=2, out=folder, threads=1)
    return diagram.charts(scenario, documents, flows(of_run(run), Texts(scenario)), "2000 to 2020"), run


def test_counts_on_arrows_into_a_state_add_up_to_its_entries(
    counted: tuple[tuple[Chart, ...], sim.Run],
) -> None:
    found, run = counted
    states = run.table("truth/states").merge(run.table("patients"), on="patient_id")
    seen = states[(states["time"] >= states["entered"]) & states["from"].notna() & states["axis"].notna()]
    for one in found:
        for axis in one.axes:
            into: Counter[str] = Counter()
            for way in axis.ways:
                into[way.entered] += (one.flows or {})[axis.name][way.name]
            name = axis.name.rpartition(".")[2]
            entries = Counter(seen[seen["axis"] == name]["to"]) if axis.ways else Counter()
            passed = into.pop("conceived", 0)  # passed at once, so not in the table
            assert into == entries
            assert passed == into["losing"] + into["expecting"]


def test_what_is_counted_is_written(counted: tuple[tuple[Chart, ...], sim.Run]) -> None:
    found, _ = counted
    colorectal = next(one for one in found if one.name == "colorectal")
    steps = (colorectal.flows or {})["colorectal.bowel"]
    fallen = way(colorectal, "normal", "small_distal")
    many = steps[fallen.name]
    assert many > 1
    written = [line.text for line in fallen.label.lines if line.style == "count"]
    assert written[0] == f"{many:,} people"
    assert written[1].endswith(" per 1000 person-years")
    assert written[2].startswith("median age ")
    normal = next(p for a in colorectal.axes for p in a.places if p.name == "colorectal.normal")
    assert any("at the end (" in line.text for line in normal.label.lines)
    assert colorectal.run.startswith("299 people, 2000 to 2020; ")


def test_the_run_of_another_scenario_is_refused(counted: tuple[tuple[Chart, ...], sim.Run]) -> None:
    scenario, documents = read(ROOT / "scenarios" / "diabetes")
    found = flows(of_run(counted[1]), Texts(scenario))
    with pytest.raises(MeasureError, match="the run is one of another scenario: it has "):
        diagram.charts(scenario, documents, found)
