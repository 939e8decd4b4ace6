"""What holding the two runtimes against each other, and each against the semantics, has found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sim import agents, engine
from sim.engine.log import NULL, OBSERVATION, PROCEDURE
from sim.program import compile
from sim.scenario.model import Scenario

Rows = Callable[[str], Any]


@pytest.fixture(params=["kernel", "agents"])
def rows(request: pytest.FixtureRequest, world: Callable[..., Scenario]) -> Rows:
    """The rows of patient 0's life in a pathway, by either runtime."""

    def rows(pathway: str) -> Any:
        scenario = world(pathway)
        if request.param == "kernel":
            return engine.simulate(compile(scenario), range(1), 0)[1]
        return agents.simulate(scenario, range(1), 0)[1]

    return rows


def procedures(rows: Any) -> list[int]:
    return rows.code[rows.kind == PROCEDURE].tolist()


def test_an_unknown_number_over_zero_is_unknown(rows: Rows) -> None:
    found = rows("""
biomarkers: {sugar: {unit: mmol/L, value: "5", range: 0 to 20}}
procedures: {high: {}, not_known: {}}
care:
  look:
    starts: {when: age >= 1}
    steps:
      - if: last(sugar) / (age - age) > 5
        then: {perform: high}
        else: {perform: not_known}
""")
    assert procedures(found) == [1]


def test_a_year_that_is_unknown_is_not_reached(rows: Rows) -> None:
    found = rows("""
procedures: {reached: {}, set_now: {}}
biomarkers: {goal: {unit: "1", value: "1980", range: 0 to 3000, decimals: 0}}
care:
  tell:
    starts: {when: year >= last(goal)}
    steps: {perform: reached}
  decide:
    starts: {when: age >= 10}
    steps: [{perform: set_now}, {test: goal}]
""")
    assert procedures(found) == [1, 0]
    when = found.start[found.kind == PROCEDURE]
    assert np.datetime64(int(when[1]), "s").astype("datetime64[D]") == np.datetime64("1980-01-01")


def test_a_protocol_that_ends_and_starts_again_at_one_instant_waits_its_turn(rows: Rows) -> None:
    found = rows("""
procedures: {first: {}, other: {}}
care:
  beside:
    starts: {upon: first}
    steps: {perform: other}
  again:
    starts: {when: not running(again)}
    until: count(first) == 1 and count(again) == 1
    steps: [{perform: first}, {wait: 100 years}]
""")
    assert procedures(found) == [0, 1, 0, 1]


def test_a_rider_that_waits_in_a_visit_of_its_own_stays_in_it(rows: Rows) -> None:
    found = rows("""
biomarkers: {sugar: {unit: mmol/L, value: "5", range: 0 to 20}}
care:
  visits:
    starts: {when: age >= 1}
    steps: {visit: clinic, steps: {test: sugar}}
  rides:
    starts: {during: clinic}
    steps:
      - test: sugar
      - visit: ward
        steps: [{test: sugar}, {wait: 2 days}, {test: sugar}]
      - test: sugar
""")
    tests = found.encounter[found.kind == OBSERVATION].tolist()
    clinic, rides, ward, later, alone = tests
    assert clinic == rides != ward == later != NULL
    assert alone == NULL
