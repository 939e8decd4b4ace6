"""The population as a Mesa model: selected, grouped, stepped and collected while it runs."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import numpy as np
import pytest

from sim.agents import Patient, Population, simulate
from sim.agents.runtime import tables
from sim.engine import LifeError
from sim.engine import simulate as simulate_by_kernel
from sim.engine.log import DEATH, STATE
from sim.program import compile
from sim.scenario.model import Scenario

WORLD = """
variables: {smoker: bernoulli(0.3)}
conditions: {flu: {icd10: J11}, old_age: {icd10: R54}}
disease:
  health:
    well: {-> ill: {rate: 0.05 per year}}
    ill: {-> well: {after: exponential(mean=2 years)}, -> dead: {rate: 0.02 per year, cause: old_age}}
biomarkers:
  sugar:
    unit: mmol/L
    value: 5 + 2 * in(ill)
    within_person: ou(sd=0.4, half_life=30 days)
    range: 0 to 20
care:
  checks:
    starts: {when: age >= 20}
    steps:
      every: 1 year
      steps: {visit: clinic, steps: [{test: sugar}, {if: in(ill), then: {diagnose: flu}}]}
"""
FRAME = """
scenario: small world
window: {from: 2000-01-01, to: 2020-01-01}
population: {size: 300, born: {from: 1940-01-01, to: 2010-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
providers: {clinic: {class: ambulatory}}
"""
SECONDS_PER_DAY = 86_400


@pytest.fixture
def scenario(world: Callable[..., Scenario]) -> Scenario:
    return world(WORLD, frame=FRAME)


def days(date: str) -> int:
    return (datetime.date.fromisoformat(date) - datetime.date(1970, 1, 1)).days


def state_at(rows, patient: int, seconds: int) -> int:
    """The state that a patient is in, by the kernel's rows."""
    mine = (rows.kind == STATE) & (rows.patient == patient) & (rows.start < seconds)
    return int(rows.code[mine][-1])


def test_agents_at_a_date_are_those_that_the_kernel_says_are_alive_and_in_their_states(
    scenario: Scenario,
) -> None:
    people, rows = simulate_by_kernel(compile(scenario), range(300), 3)
    population = Population(scenario, seed=3)
    for date in ("2000-01-01", "2007-05-06", "2019-12-31"):
        population.run_until(date)
        now = days(date) * SECONDS_PER_DAY
        here = (people.entered <= now) & (~people.died | (people.left >= now))
        alive = set(people.patient[here].tolist())
        assert {patient.number for patient in population.agents} == alive
        ill = {p.number for p in population.agents.select(lambda p: p.state("health") == "ill")}
        assert ill == {patient for patient in alive if state_at(rows, patient, now) == 1}
        assert 0 < len(ill) < len(alive)


def test_an_agent_set_groups_and_aggregates(scenario: Scenario) -> None:
    population = Population(scenario, seed=3)
    population.run_until("2010-01-01")
    by_sex = population.agents.groupby("sex")
    ages = {sex: np.mean([p.age for p in population.agents if p.sex == sex]) for sex in ("female", "male")}
    assert dict(by_sex.agg("age", np.mean)) == ages
    assert sum(by_sex.count().values()) == len(population.agents)
    assert max(population.agents.get("age")) < 70.01


def test_a_run_in_steps_is_the_run_at_once(scenario: Scenario) -> None:
    population = Population(scenario, seed=3)
    for _ in range(10):
        population.step()
    assert population.today == datetime.date(2000, 1, 11)
    population.run_until("2004-02-29")
    population.run_until(datetime.date(2011, 7, 1))
    population.run()
    people, rows = tables(population)
    once_people, once_rows = simulate(scenario, range(300), 3)
    for column, once in zip((*people, *rows), (*once_people, *once_rows), strict=True):
        np.testing.assert_array_equal(column, once)
    assert (rows.kind == DEATH).any()


def test_time_does_not_go_back_or_beyond_the_window(scenario: Scenario) -> None:
    population = Population(scenario, patients=5)
    population.run_until("2010-01-01")
    with pytest.raises(ValueError, match="2021-01-01 is not in the window"):
        Population(scenario, patients=5, at=["2021-01-01"])
    with pytest.raises(ValueError, match="2010-01-01 already"):
        population.run_until("2009-12-31")
    population.run_until("2010-01-01")
    population.run_until("2099-01-01")
    assert population.today == datetime.date(2020, 1, 1)
    population.step()
    assert population.today == datetime.date(2020, 1, 1)


def test_what_is_collected_on_a_date_stays_as_it_was(scenario: Scenario) -> None:
    dates = ["2012-01-01", "2005-06-30", "2020-01-01"]
    population = Population(
        scenario,
        seed=3,
        at=dates,
        of_patients={"sugar": lambda p: p.last("sugar"), "states": lambda p: p.life.states},
        of_population={"ill": lambda m: len(m.agents.select(lambda p: p.state("health") == "ill"))},
    )
    population.run()
    of_population, of_patients = population.collected()
    assert of_population.date.dt.strftime("%Y-%m-%d").tolist() == ["2005-06-30", "2012-01-01", "2020-01-01"]
    again = Population(scenario, seed=3)
    for date, ill in zip(of_population.date, of_population.ill, strict=True):
        again.run_until(date.date())
        then = of_patients[of_patients.date == date].set_index("patient_id")
        assert set(then.index) == {p.number for p in again.agents}
        for patient in again.agents:
            assert then.states[patient.number] == patient.life.states
            np.testing.assert_equal(then.sugar[patient.number], patient.last("sugar"))
        assert ill == sum(p.state("health") == "ill" for p in again.agents)


def test_patients_join_when_they_are_born_and_leave_when_they_die(scenario: Scenario) -> None:
    population = Population(scenario, seed=3)
    there = {patient.number for patient in population.agents}
    population.run()
    lives = {life.patient: life for life in population.lives}
    for number, life in lives.items():
        assert (number in there) == (life.birth <= days("2000-01-01"))
        agent = next((p for p in population.agents if p.number == number), None)
        assert (agent is not None) == life.alive
    assert any(not life.alive for life in lives.values())
    assert len(lives) > len(there)


def test_a_patient_is_asked_by_bare_and_by_qualified_names(scenario: Scenario) -> None:
    population = Population(scenario, seed=3)
    population.run_until("2015-01-01")
    patient: Patient = population.agents.select(lambda p: p.count("biomarker", "sugar") > 3)[0]
    assert patient.state("health") == patient.state("world.health")
    assert patient.variable("smoker") in (0.0, 1.0)
    assert 0.0 <= patient.last("sugar") <= 20.0
    assert not patient.waits_for("clinic")
    with pytest.raises(KeyError, match="no biomarker"):
        patient.last("suger")


def test_a_fault_names_the_patient_who_shows_it(world: Callable[..., Scenario]) -> None:
    faulty = """
variables: {x: "uniform(0, 1)"}
disease: {a: {one: {-> two: {rate: 1 per year * (0.9 - x)}}, two: {}}}
"""
    scenario = world(faulty)
    with pytest.raises(LifeError, match=r"world\.yaml:\d+:\d+.*rate") as caught:
        Population(scenario, patients=200).run()
    with pytest.raises(LifeError) as by_kernel:
        simulate_by_kernel(compile(scenario), range(200), 0)
    assert caught.value.fault == by_kernel.value.fault
