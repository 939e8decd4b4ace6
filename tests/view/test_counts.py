"""What tables tell of arrows where they do not tell all: states passed at once, exits of groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.measure.flows import Flow, Flows, Way
from sim.measure.queues import MeasureError
from sim.scenario.documents import examine
from sim.view import diagram
from sim.view.diagram.page import Chart

SCENARIO = """\
scenario: passed
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 20, born: {from: 1930-01-01, to: 1990-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [passed.yaml]
"""
PATHWAY = """\
pathway: passed
disease:
  course:
    well:
      -> fork: {rate: 0.1 per year}
      -> ill: {rate: 0.1 per year}
    fork:
      -> ill: {share: 0.5}
      -> worse: {share: rest}
    sick:
      -> well: {rate: 1 per year}
      states:
        ill: {}
        worse: {}
"""


def flow(steps: int, years: float) -> Flow:
    return Flow(steps, steps, years, np.full(steps, 50, np.float32), np.full(steps, 2, np.float32))


def chart(folder: Path, ways: dict[tuple[str, str], Flow], sick: float = 50.0) -> Chart:
    (folder / "scenario.yaml").write_text(SCENARIO)
    (folder / "passed.yaml").write_text(PATHWAY)
    scenario, documents, findings = examine(folder)
    assert scenario is not None, findings
    assert documents is not None
    years = {("course", "well"): 100.0, ("course", "ill"): 0.8 * sick, ("course", "worse"): 0.2 * sick}
    named = {Way("course", *ends, None): flow for ends, flow in ways.items()}
    (found,) = diagram.charts(scenario, documents, Flows(90, 80, named, {("course", "ill"): 8}, years, {}))
    return found


def counted(found: Chart) -> dict[str, list[str]]:
    (axis,) = found.axes
    return {
        way.name.replace("passed.", ""): [line.text for line in way.label.lines if line.style == "count"]
        for way in axis.ways
    }


def test_states_passed_at_once_are_counted_where_there_is_one_path(tmp_path: Path) -> None:
    found = chart(tmp_path, {("well", "worse"): flow(7, 100.0)})
    assert counted(found) == {
        "well -> fork": ["7 people", "70 per 1000 person-years", "median age 50.0, after 2 years"],
        "well -> ill": ["nobody"],
        "fork -> ill": ["nobody"],
        "fork -> worse": ["7 people", "100 % of those who left", "median age 50.0"],
        "sick -> well": ["nobody"],
    }


def test_what_goes_fast_is_told_as_a_share(tmp_path: Path) -> None:
    """A rate of hundreds a year says little of a state that lasts days."""
    ways = {("ill", "well"): flow(4, 0.0)}
    slow = counted(chart(tmp_path, ways))["sick -> well"]
    assert slow[1] == "80 per 1000 person-years"
    fast = counted(chart(tmp_path, ways, sick=0.02))["sick -> well"]
    assert fast == ["4 people", "100 % of those who left", "median age 50.0, after 2 years"]


def test_what_cannot_be_told_apart_is_said_so(tmp_path: Path) -> None:
    found = chart(tmp_path, {("well", "worse"): flow(7, 100.0), ("well", "ill"): flow(3, 100.0)})
    told = counted(found)
    assert told["well -> ill"] == told["fork -> ill"] == ["at most 3 more, by one way or another"]
    assert told["well -> fork"][0] == "7 people"
    assert "at most 3 more, by one way or another" in told["well -> fork"]


def test_exits_of_a_group_are_those_of_its_states(tmp_path: Path) -> None:
    found = chart(tmp_path, {("ill", "well"): flow(4, 40.0), ("worse", "well"): flow(1, 10.0)})
    assert counted(found)["sick -> well"] == [
        "5 times",
        "100 per 1000 person-years",
        "median age 50.0, after 2 years",
    ]
    (axis,) = found.axes
    labels = {place.name.partition(".")[2]: [x.text for x in place.label.lines] for place in axis.places}
    assert labels["sick"] == ["sick", "8 at the end (10.0 %)"]
    assert labels["ill"] == ["ill", "8 at the end (10.0 %)"]
    assert labels["worse"] == ["worse", "0 at the end (0.0 %)"]
    assert labels["fork"] == ["fork", "passed at once"]


def test_a_step_where_no_arrow_leads_is_of_another_scenario(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match="somebody went from ill to worse"):
        chart(tmp_path, {("ill", "worse"): flow(1, 40.0)})
