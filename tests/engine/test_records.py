"""Vaccines, what is recorded without being measured, and care plans: rows of the log, by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sim import engine
from sim.engine import LifeError
from sim.engine.log import CAREPLAN, NULL
from sim.program import compile
from sim.scenario.model import Scenario

Live = Callable[..., Any]
World = Callable[..., Scenario]
YEAR = 365.25
THINGS = """
vaccines: {flu: {cvx: "140"}, tetanus: {cvx: "115"}}
"""


def test_a_vaccine_is_given_each_time(care: Live) -> None:
    lives = care(
        THINGS
        + """
care:
  jabs:
    starts: {when: age >= 10}
    steps:
      - every: 1 year
        at_most: 3
        steps: [{if: ever(tetanus), then: {perform: scan}}, {vaccinate: flu}, {vaccinate: tetanus}]
  after: {starts: {upon: tetanus}, steps: {if: count(tetanus) == 2, then: {perform: talk}}}
  late: {starts: {when: since(flu) >= 2 years}, steps: {perform: letter}}
"""
    )
    assert lives.times("vaccine", "flu") == pytest.approx(YEAR * np.array([10, 11, 12]), abs=1e-4)
    assert lives.times("vaccine", "tetanus") == pytest.approx(YEAR * np.array([10, 11, 12]), abs=1e-4)
    assert lives.times("procedure", "scan") == pytest.approx(YEAR * np.array([11, 12]), abs=1e-4)
    assert lives.times("procedure", "talk") == pytest.approx([11 * YEAR], abs=1e-4)
    assert lives.times("procedure", "letter") == pytest.approx([14 * YEAR], abs=1e-4)


def test_a_value_is_recorded_as_a_result(live: Live) -> None:
    lives = live(
        """
biomarkers:
  pain: {unit: "{score}", range: 0 to 10, decimals: 0}
  weight:
    unit: kg
    value: 50 + age
    measurement_error: normal(0, 5)
    within_person: ou(sd=3, half_life=2 days)
procedures: {talk: {}}
care:
  asks:
    starts: {when: age >= 10}
    steps:
      - {record: pain, value: 3.5}
      - {record: pain, value: last(pain) * 9}
      - {record: weight, value: 61.26 kg}
      - if: mean(pain) == 7 and first(pain) == 4 and last(weight) == 61.3 and tested(weight)
        then: {perform: talk}
"""
    )
    assert lives.rows("biomarker", "pain").value.tolist() == [4, 10]
    assert lives.rows("biomarker", "weight").value.tolist() == [61.3]
    assert len(lives.rows("procedure", "talk").start) == 1


def test_what_is_recorded_may_be_drawn(live: Live) -> None:
    lives = live(
        """
biomarkers: {pain: {unit: "{score}", decimals: 3}}
care: {asks: {starts: {when: age >= 10}, steps: {record: pain, value: "normal(20, 2)"}}}
""",
        2000,
    )
    values = lives.rows("biomarker", "pain").value
    assert abs(values.mean() - 20) < 5 * 2 / np.sqrt(2000)
    assert abs(values.std() - 2) < 5 * 2 / np.sqrt(4000)


def test_an_unknown_value_is_a_fault_of_the_step(world: World) -> None:
    scenario = world(
        """
biomarkers: {pain: {unit: "{score}"}}
care: {asks: {starts: {when: age >= 10}, steps: {record: pain, value: last(pain) + 1}}}
"""
    )
    with pytest.raises(LifeError, match="result") as raised:
        engine.simulate(compile(scenario), range(1), 1)
    assert raised.value.fault.span
    assert raised.value.fault.span.line == 4


def test_a_care_plan_lasts_as_long_as_its_protocol(care: Live) -> None:
    lives = care(
        """
care:
  coughs:
    starts: {when: age >= 10}
    steps: [{diagnose: cough, resolves: after 10 days}, {wait: 1 year}, {diagnose: cough}]
  cough_care:
    while: diagnosed(cough)
    plan: {snomed: "182836005", reason: cough}
    steps: {wait: 100 years}
  once: {starts: {upon: cough}, plan: {}, steps: {wait: 3 days}}
  not_a_plan: {starts: {upon: cough}, steps: {wait: 3 days}}
"""
    )
    rows = lives.where(lives.log.kind == CAREPLAN)
    start, end = 10 * YEAR, 11 * YEAR
    assert rows.code.tolist() == [1, 0, 1, 0]  # what waits upon it comes before triggers
    assert rows.aux.tolist() == [-1, 0, -1, 0]
    assert lives.days(rows) == pytest.approx([start, start, end, end], abs=1e-4)
    assert lives.days(rows, end=True)[:3] == pytest.approx([start + 3, start + 10, end + 3], abs=1e-4)
    assert rows.end[3] == NULL


def test_plans_that_run_when_the_record_begins_are_in_it(care: Live) -> None:
    frame = """
scenario: small world
window: {from: 1970-01-01, to: 1980-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
"""
    lives = care(
        """
care:
  early: {starts: {when: age >= 10}, plan: {}, steps: {wait: 5 years}}
  long: {starts: {when: age >= 11}, plan: {}, steps: {wait: 15 years}}
""",
        frame=frame,
    )
    rows = lives.where(lives.log.kind == CAREPLAN)
    assert rows.code.tolist() == [1]
    assert lives.days(rows) == pytest.approx([11 * YEAR], abs=1e-4)
    assert lives.days(rows, end=True) == pytest.approx([26 * YEAR], abs=1e-4)
