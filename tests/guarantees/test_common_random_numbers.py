"""Promise 2: every draw has a name, so that two scenarios give the same people two lives."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.engine import simulate
from sim.engine.log import (
    CONDITION,
    ENCOUNTER,
    EVENT,
    MEDICATION,
    NULL,
    OBSERVATION,
    PROCEDURE,
    STATE,
    VARIABLE,
    Log,
    People,
)
from sim.program import compile
from sim.scenario import Scenario, load

ROOT = Path(__file__).parents[2]
COMPLETE = ROOT / "tests" / "scenario" / "data" / "complete"  # every construct of the language
DIABETES = ROOT / "scenarios" / "diabetes"
World = Callable[..., Scenario]

UNRELATED = """
pathway: {name}
variables: {{mood: "normal(0, 1)"}}
disease:
  low_spirits:
    fine: {{-> low: {{rate: 0.1 per year * exp(0.1 * mood) * (age + 1) / 50}}}}
    low: {{lasts: "gamma(mean=200 days, sd=90 days)", -> fine: {{share: 0.8}}, -> low: {{share: rest}}}}
biomarkers:
  score: {{unit: "{{score}}", value: 3 + 4 * in(low), within_person: "ou(sd=1, half_life=9 days)"}}
conditions: {{low_spirits_found: {{snomed: "35489007"}}}}
drugs: {{tablets: {{rxnorm: "312940"}}}}
procedures: {{listening: {{snomed: "225323000"}}}}
care:
  comes:
    starts: [{{rate: 1 per year, while: in(low)}}, {{when: age >= 41}}]
    steps:
      - visit: cabin
        steps:
          - {{test: score}}
          - if: last(score) > 5
            then: [{{diagnose: low_spirits_found}}, {{prescribe: tablets, for: 90 days}}]
          - {{perform: listening, chance: 0.4}}
      - every: 2 months
        at_most: 4
        first: uniform(1 week, 2 weeks)
        steps: {{visit: cabin, chance: 0.7}}
"""


def names(scenario: Scenario) -> dict[int, list[str]]:
    """What the codes of each kind of row stand for."""
    return {
        ENCOUNTER: [x.name for x in scenario.providers],
        CONDITION: [x.name for x in scenario.conditions],
        OBSERVATION: [x.name for x in scenario.biomarkers],
        MEDICATION: [x.name for x in scenario.drugs],
        PROCEDURE: [x.name for x in scenario.procedures],
        STATE: [state.name for p in scenario.pathways for axis in p.axes for state in axis.states],
        VARIABLE: [x.name for x in scenario.variables],
        EVENT: [e.name for p in scenario.pathways for e in p.events],
    }


def lives(scenario: Scenario, patients: int = 2000, seed: int = 3) -> tuple[Scenario, People, Log]:
    people, log = simulate(compile(scenario), range(patients), seed)
    return scenario, people, log


def rows(of: tuple[Scenario, People, Log], without: str = "") -> list[tuple[object, ...]]:
    """Every row but for its `seq`, with names for codes; none of the pathway `without`."""
    scenario, _, log = of
    name = names(scenario)
    conditions = name[CONDITION]

    def named(kind: int, code: int) -> str:
        if kind not in name:  # a death, whose code is its cause
            return conditions[code] if code >= 0 else ""
        return name[kind][code] if code >= 0 else "dead"

    found = []
    for kind, patient, start, end, code, aux, encounter, value in zip(
        *(column.tolist() for column in log._replace(seq=log.kind)[:2]),
        *(column.tolist() for column in log[3:]),
        strict=True,
    ):
        what = named(kind, code)
        if without and (what.startswith(f"{without}.") or what == "cabin"):
            continue
        reason = (conditions[aux] if aux >= 0 else "") if kind == ENCOUNTER else ""
        left = (name[STATE][aux] if aux >= 0 else "") if kind == STATE else ""
        cause = conditions[int(value)] if kind == STATE and code < 0 else value
        found.append((kind, patient, what, start, end, reason, left, encounter, cause))
    return found


def with_unrelated(folder: Path, to: Path, name: str, first: bool) -> Scenario:
    """The scenario of `folder`, and beside it a pathway that has nothing to do with it, called `name`."""
    shutil.copytree(folder, to)
    (to / "unrelated.yaml").write_text(UNRELATED.format(name=name))
    text = (to / "scenario.yaml").read_text()
    for old in ("pathways: [pathways/metabolic.yaml", "pathways:\n  - pathways/primary_care.yaml"):
        before, after = old.rsplit("pathways/", 1)
        item = "unrelated.yaml, " if "[" in old else "unrelated.yaml\n  - "
        text = text.replace(old, f"{before}{item}pathways/{after}")
    text = text.replace("providers:\n", "providers:\n  cabin: {class: ambulatory}\n")
    if not first:  # the same two, but last in their lists
        text = text.replace("unrelated.yaml, ", "").replace("unrelated.yaml\n  - ", "")
        text = text.replace("lungs.yaml]", "lungs.yaml, unrelated.yaml]")
        text = text.replace(
            "  - pathways/diabetes_care.yaml\n", "  - pathways/diabetes_care.yaml\n  - unrelated.yaml\n"
        )
    (to / "scenario.yaml").write_text(text)
    return load(to)


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
@pytest.mark.parametrize("name", ["aaa", "zzz"])
@pytest.mark.parametrize("folder", [COMPLETE, DIABETES], ids=lambda folder: folder.name)
def test_an_unrelated_pathway_changes_no_other_row(
    folder: Path, tmp_path: Path, name: str, first: bool
) -> None:
    """Ids of encounters, thresholds, noise, errors and all: only `seq` counts on. Wherever its name sorts,
    too."""
    alone = lives(load(folder), 1000)
    beside = lives(with_unrelated(folder, tmp_path / "beside", name, first), 1000)
    assert len(beside[2].kind) > len(alone[2].kind) + 5000
    assert rows(beside, without=name) == rows(alone)
    assert all(np.array_equal(a, b) for a, b in zip(alone[1], beside[1], strict=True))


# ---- one change


STUDY = """
parameters:
  onset: {value: 0.02 per year, source: made up}
  uptake: {value: 0.3, source: made up}
  effect: {value: 0.5, source: made up}
variables: {frailty: "gamma(mean=1, sd=0.5)"}
disease:
  lungs:
    well: {-> ill: {rate: onset * frailty}}
    ill: {-> dead: {rate: 0.05 per year, cause: cough}}
  joints:
    supple: {-> stiff: {rate: 0.03 per year}}
    stiff: {-> supple: {rate: 0.2 per year}}
biomarkers:
  pressure: {unit: mmHg, value: 120 - 20 * taking(syrup), decimals: 6, measurement_error: "normal(0, 5)"}
conditions: {cough: {snomed: "49727002"}, gout: {snomed: "90560007"}}
procedures: {talk: {snomed: "225323000"}}
drugs: {syrup: {rxnorm: "312617"}}
modifies: [{rate: well -> ill, times: effect, while: taking(syrup) > 0}]
care:
  joint_care:
    starts: {rate: 0.5 per year, while: in(stiff)}
    steps: [{visit: clinic, steps: [{diagnose: gout, resolves: after 90 days}]}]
  screening:
    starts: {when: age >= 30}
    steps:
      - every: 1 year
        at_most: 40
        steps:
          - visit: clinic
            chance: uptake
            steps: [{test: pressure}, {perform: talk, chance: 0.5}]
  treatment:
    starts: {when: age >= 35.5}
    steps: [{prescribe: syrup, for: 20 years, chance: uptake}]
"""
FRAME = """
scenario: a study
window: {from: 1950-01-01, to: 2050-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
providers: {clinic: {class: ambulatory}, ward: {class: inpatient}}
"""


def chosen(found: list[tuple[object, ...]], *things: str) -> list[tuple[object, ...]]:
    """The rows about some things; of an encounter, those of another protocol cannot be told apart by name."""
    return [row for row in found if str(row[2]).removeprefix("world.") in things]


def until(found: list[tuple[Any, ...]], ends: dict[int, int]) -> list[tuple[object, ...]]:
    """What is known of the rows at the time that `ends` gives for each patient."""
    return [
        (*row[:4], row[4] if row[4] < ends[row[1]] else NULL, *row[5:])
        for row in found
        if row[3] < ends[row[1]]
    ]


def test_a_parameter_leaves_unrelated_draws_as_they_were(world: World) -> None:
    """`onset` decides who falls ill and dies; joints, tests and chances up to then are the same in both
    lives."""
    one = lives(world(STUDY, frame=FRAME))
    other = lives(world(STUDY, frame=FRAME, parameters={"onset": "0.04 per year"}))
    assert all(
        np.array_equal(getattr(one[1], field), getattr(other[1], field))
        for field in ("patient", "sex", "birth", "entered")
    )
    assert (one[1].left != other[1].left).sum() > 200
    ends = dict(zip(one[1].patient.tolist(), np.minimum(one[1].left, other[1].left).tolist(), strict=True))
    things = ("frailty", "supple", "stiff", "gout", "pressure", "talk", "clinic")
    kept = [until(chosen(rows(of), *things), ends) for of in (one, other)]
    assert len(kept[0]) > 40_000
    assert kept[0] == kept[1]


def test_a_rate_doubled_brings_everyone_s_onset_forward(world: World) -> None:
    """The threshold is kept: twice the rate, half the time, for each and every one."""
    text = STUDY.replace("{rate: 0.05 per year, cause: cough}", "{rate: 0 per year, cause: cough}")
    onsets = []
    for value in ("0.02 per year", "0.04 per year"):
        scenario, people, log = lives(world(text, frame=FRAME, parameters={"onset": value, "effect": "1"}))
        ill = (log.kind == STATE) & (log.code == names(scenario)[STATE].index("world.ill"))
        onset = np.full(2000, np.inf)
        onset[log.patient[ill]] = log.start[ill] - people.birth[log.patient[ill]] * 86_400
        onsets.append(onset)
    slow, fast = onsets
    assert np.isfinite(fast).mean() > 0.7
    both = np.isfinite(slow)
    assert np.abs(fast[both] - slow[both] / 2).max() < 2  # seconds
    assert (np.isfinite(fast) >= both).all()


def test_a_greater_chance_keeps_all_who_came_before(world: World) -> None:
    """Who takes a step with chance 0.3 takes it with 0.5: the same uniform, at every visit."""
    still = STUDY.replace("{rate: 0.05 per year, cause: cough}", "{rate: 0 per year, cause: cough}")
    few, many = (
        {
            row[1:]
            for row in rows(lives(world(still, frame=FRAME, parameters={"uptake": uptake})))
            if row[0] == ENCOUNTER
        }
        for uptake in ("0.3", "0.5")
    )
    assert few < many
    assert len(many) > 1.5 * len(few) - 10_000


def test_an_inserted_step_moves_no_other_draw(world: World) -> None:
    """A stream is named by protocol, verb and object, not by where the step stands."""
    more = STUDY.replace(
        "steps: [{test: pressure}, {perform: talk, chance: 0.5}]",
        "steps: [{diagnose: gout, chance: 0.01}, {wait: 1 minute}, {test: pressure}, "
        "{perform: talk, chance: 0.5}]",
    ).replace("      - every: 1 year\n", "      - {wait: 0 days}\n      - every: 1 year\n")
    assert more != STUDY
    things = ("frailty", "well", "ill", "dead", "supple", "stiff", "talk", "pressure", "syrup")
    one, other = (chosen(rows(lives(world(text, frame=FRAME))), *things) for text in (STUDY, more))
    assert len(one) > 10_000
    assert [row[:3] for row in one] == [row[:3] for row in other]
    assert [row[7:] for row in one] == [row[7:] for row in other]  # encounter ids and values
    late = {b[3] - a[3] for a, b in zip(one, other, strict=True)}  # type: ignore[operator]
    assert late <= {0, 59, 60, 61}  # seconds


def test_a_branch_not_taken_uses_up_no_draw_of_a_later_visit(world: World) -> None:
    """Draws are counted by entries into their block, whether the branch was reached or not."""
    text = """
variables: {v: %s}
biomarkers: {pressure: {unit: mmHg, value: 120, decimals: 9, measurement_error: "normal(0, 5)"}}
care:
  visits:
    starts: {when: age >= 10}
    steps:
      - every: 1 year
        at_most: 10
        steps:
          - if: v == 1 or age >= 15
            then: {test: pressure}
"""
    always, later = (
        [row for row in rows(lives(world(text % v, frame=FRAME), 200)) if row[0] == OBSERVATION]
        for v in (1, 0)
    )
    assert len(always) == 2000
    assert len(later) == 1000
    assert set(later) <= set(always)
