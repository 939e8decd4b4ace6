"""Results that are no numbers: how they are recorded, told, heard of and spoiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sim.agents import simulate
from sim.agents.story import story
from sim.records.imperfections import Spoiler
from sim.records.names import names
from sim.records.tables import codes, tables
from sim.scenario.diagnostics import ScenarioError
from sim.scenario.model import Scenario
from sim.view import story as view

World = Callable[..., Scenario]
FRAME = """
scenario: small world
window: {from: 1950-01-01, to: 2050-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
providers: {clinic: {class: ambulatory}}
"""
PATHWAY = """
disease: {chest: {sound: {-> ill: {after: 20 years}}, ill: {}}}
biomarkers: {crp: {code: {loinc: 1988-5}, unit: mg/L, value: 47}}
tests:
  swab: {code: {loinc: 94500-6}, positive: {ill: 1, otherwise: 0}}
  film: {snomed: "399208008", result: {ill: {shadow: 1, clear: 0}, otherwise: {clear: 1}}, takes: 2 days}
conditions: {pneumonia: {icd10: J18.9}}
care:
  see:
    starts: [{when: age >= 10}, {when: age >= 30}]
    steps: {visit: clinic, steps: {test: [crp, swab, film]}}
"""


def observations(scenario: Scenario, *, spoil: bool = False) -> list[dict[str, Any]]:
    people, log = simulate(scenario, range(1), 1)
    touched = None
    if spoil:
        log, touched = Spoiler(scenario, 1).spoil(people, log)
    made = {name: table for name, table, _ in tables(names(scenario), people, log, touched)}
    return made["observations"].to_pylist()


def test_what_is_seen_stands_as_text_beside_numbers(world: World) -> None:
    scenario = world(PATHWAY, frame=FRAME)
    rows = observations(scenario)
    kept = ("observation", "system", "code", "value", "unit", "value_text")
    assert [tuple(row[column] for column in kept) for row in rows] == [
        ("crp", "loinc", "1988-5", 47.0, "mg/L", None),
        ("swab", "loinc", "94500-6", None, None, "negative"),
        ("film", "snomed", "399208008", None, None, "clear"),
        ("crp", "loinc", "1988-5", 47.0, "mg/L", None),
        ("swab", "loinc", "94500-6", None, None, "positive"),
        ("film", "snomed", "399208008", None, None, "shadow"),
    ]
    assert len({row["encounter_id"] for row in rows}) == 2
    assert [row["name"] for row in codes(scenario).to_pylist()] == ["pneumonia", "crp", "swab", "film"]


def test_they_are_told_with_what_was_true_and_the_draw(world: World) -> None:
    scenario = world(PATHWAY, frame=FRAME)
    told = "\n".join(view.lines(story(scenario, 0, 1), 200, False))
    assert "swab: negative" in told
    assert "swab: positive" in told
    assert "in(ill): positive 1, u " in told
    assert "film: shadow" in told
    assert "otherwise: shadow 0, clear 1 [rest], u " in told
    assert "the result takes 2 days, to " in told


def test_a_moment_has_them_among_the_results(world: World) -> None:
    told = story(world(PATHWAY, frame=FRAME), 0, 1, at=11 * 365.25)
    assert told.moment
    assert [(name, amount.shown) for name, amount, _ in told.moment.results] == [
        ("world.crp", "47 mg/L"),
        ("world.swab", "no"),
        ("world.film", "clear"),
    ]


def test_behaviours_hear_of_them_and_read_them_in_words(world: World) -> None:
    code = {
        "ears.py": """
import sim
class Ears(sim.Behaviour):
    def happened(self, patient, event):
        if event.kind == "observation" and event.name != "world.crp":
            name = event.name.removeprefix("world.")
            said = patient.result(name)
            old = patient.age > 20
            assert (said, event.value) == {
                ("swab", False): (False, 0.0), ("swab", True): (True, 1.0),
                ("film", False): ("clear", 1.0), ("film", True): ("shadow", 0.0)}[name, old]
            assert patient.result("swab") is old
            if name == "swab" and not old:
                assert patient.result("film") is None
            patient.memory[name] = patient.count("test", name)
            if len(patient.memory) == 2 and old and name == "film":
                patient.diagnose("pneumonia")
"""
    }
    scenario = world(PATHWAY, frame=FRAME + "behaviours: ears:Ears\n", tables=code)
    people, log = simulate(scenario, range(1), 1)
    made = {name: table for name, table, _ in tables(names(scenario), people, log)}
    assert len(made["conditions"]) == 1


def test_only_what_makes_sense_can_spoil_them(world: World) -> None:
    """Numbers alone are rounded; a test that is no number can be missing, late or there twice."""
    spoiled = """
imperfections:
  tens: {rounded: observations, to: 10}
  lost: {missing: swab}
  twice: {duplicated: film}
"""
    rows = observations(world(PATHWAY, frame=FRAME + spoiled), spoil=True)
    assert [(row["observation"], row["value"], row["value_text"]) for row in rows] == [
        ("crp", 50.0, None),
        ("film", None, "clear"),
        ("film", None, "clear"),
        ("crp", 50.0, None),
        ("film", None, "shadow"),
        ("film", None, "shadow"),
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("{rounded: swab, to: 10}", "results that are numbers"),
        ("{wrong_unit: film, factor: 2}", "results that are numbers"),
        ("{wrong_code: film, becomes: crp}", "no meaning under another name"),
        ("{missing: swab, chance: 1 if value > 0 else 0}", "not results of one unit"),
    ],
)
def test_nonsense_is_an_error(world: World, wrong: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        world(PATHWAY, frame=f"{FRAME}imperfections: {{x: {wrong}}}\n")


def test_a_panel_is_noted_beside_its_results(world: World) -> None:
    """Also where an imperfection writes another unit, and where a row was lost."""
    pathway = """
biomarkers: {sbp: {unit: mmHg, value: 120}, dbp: {unit: mmHg, value: 80}}
tests: {bp: {panel: [sbp, dbp], code: {loinc: 85354-9}}, more: {panel: [dbp, sbp]}}
care:
  see: {starts: {when: age >= 10}, steps: [{test: sbp}, {test: bp}, {test: more}]}
"""
    spoiled = """
imperfections: {unit: {wrong_unit: sbp, unit: kPa}, other: {wrong_unit: sbp, unit: Pa}, lost: {missing: dbp}}
"""
    scenario = world(pathway, frame=FRAME + spoiled)
    assert [(row["observation"], row["panel"]) for row in observations(scenario)] == [
        ("sbp", None),
        ("sbp", "bp"),
        ("dbp", "bp"),
        ("dbp", "more"),
        ("sbp", "more"),
    ]
    written = observations(scenario, spoil=True)
    assert [(row["observation"], row["unit"], row["panel"]) for row in written] == [
        ("sbp", "Pa", None),
        ("sbp", "Pa", "bp"),
        ("sbp", "Pa", "more"),
    ]
    people, log = simulate(scenario, range(1), 1)
    log, touched = Spoiler(scenario, 1).spoil(people, log)
    made = {name: table for name, table, _ in tables(names(scenario), people, log, touched)}
    lost = [row for row in made["truth/imperfections"].to_pylist() if row["imperfection"] == "lost"]
    assert [(row["name"], row["panel"]) for row in lost] == [("dbp", "bp"), ("dbp", "more")]
    assert ("panel", "bp", "85354-9") in [
        (row["kind"], row["name"], row["code"]) for row in codes(scenario).to_pylist()
    ]
