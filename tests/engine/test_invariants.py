"""Whatever an author puts together, lives keep the rules that records stand on."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from sim.engine import LifeError, simulate
from sim.engine.log import (
    CONDITION,
    DEATH,
    ENCOUNTER,
    EVENT,
    MEDICATION,
    NULL,
    STATE,
    VARIABLE,
    Log,
    People,
)
from sim.program import compile
from sim.scenario import Scenario, load

PATIENTS = 12
Draw = Callable[[st.SearchStrategy[Any]], Any]

FRAMES = {
    "born": """
scenario: a small world
window: {from: 1990-01-01, to: 2020-01-01}
population: {size: 1, born: {from: 1930-01-01, to: 2010-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
providers: {clinic: {class: ambulatory}, ward: {class: inpatient}}
mortality: {table: q.csv}
""",
    "alive on a date, entered later": """
scenario: a small world
window: {from: 1990-01-01, to: 2020-01-01}
population:
  size: 1
  alive_on: {date: 1985-01-01, ages: ages.csv}
  sex: {female: 0.5, male: 0.5}
  entry: uniform(10 years, 40 years)
pathways: [world.yaml]
providers: {clinic: {class: ambulatory}, ward: {class: inpatient}}
""",
}
TABLES = {"q.csv": "age,q\n0-59,0.01\n60+,0.1\n", "ages.csv": "age,population\n0-69,1\n"}
THINGS = """
variables: {frailty: "gamma(mean=1, sd=0.5)", level: "categorical(low=0.5, high=rest)"}
biomarkers:
  weight:
    unit: kg
    value: 70 + 0.1 * age + 5 * frailty - 10 * taking(syrup)
    within_person: ou(sd=2, half_life=20 days)
    measurement_error: normal(0, 1)
    range: 40 to 120
conditions: {cough: {snomed: "49727002"}, gout: {snomed: "90560007"}}
procedures: {talk: {snomed: "225323000"}}
drugs: {syrup: {rxnorm: "312617"}}
"""
RATES = (
    "0.05 per year",
    "0.5 per year",
    "0.002 per year * age",
    "0.2 per year * frailty",
    "0.005 per year * (year - 1920)",
    "0.1 per year * (3 if level == high else 1)",
    "0.05 per year * (1 + 5 * taking(syrup)) * (age + 1) / 50",
    "0.02 per year * (1 + count(clinic, within=1 year))",
    "0.0005 per year * usual(weight) * exp(frailty * age / 100)",
    "0.1 per year * ((last(weight) or_else 70) / 70)",
    "0.2 per year * (since(talk) < 100 days)",
)
AFTERS = (
    "weibull(shape=1.5, scale=9 years)",
    "gompertz(shape=0.1 per year, rate=0.02 per year)",
    "exponential(mean=5 years)",
    "400 days",
    "uniform(1 day, 900 days)",
)
STAYS = ("30 days", "gamma(mean=300 days, sd=100 days)", "0.2 years * frailty + 1 day")
CONDITIONS = (
    "age >= 30",
    "last(weight) > 76",
    "diagnosed(cough)",
    "not prescribed(syrup)",
    "tested(weight, within=1 year)",
    "since(clinic) >= 200 days",
    "count(talk, within=2 years) < 2",
    "year >= 2001 and level == low",
)
WAITS = ("1 hour", "10 days", "exponential(mean=40 days)", "uniform(1 day, 3 years)")


@st.composite
def axes(draw: Draw, number: int) -> dict[str, Any]:
    names = [f"s{number}{i}" for i in range(draw(st.integers(2, 4)))]
    lasting = [name for name in names if name == names[-1] or draw(st.integers(0, 4)) > 0]
    states: dict[str, Any] = {}
    for name in names:
        state: dict[str, Any] = {}
        if draw(st.booleans()):
            state["set"] = {"frailty": "uniform(0.5, 2)"}
        targets = [other for other in lasting if other != name] or [name]
        if name not in lasting or draw(st.integers(0, 3)) == 0:
            if name in lasting:
                state["lasts"] = draw(st.sampled_from(STAYS))
            to = draw(st.lists(st.sampled_from(targets), min_size=1, max_size=2, unique=True))
            for target in to[:-1]:
                state[f"-> {target}"] = {"share": 0.3}
            if draw(st.integers(0, 5)) == 0:
                state["-> dead"] = {"share": 0.05, "cause": "gout"}
            state[f"-> {to[-1]}"] = {"share": "rest"}
        else:
            for target in draw(st.lists(st.sampled_from(targets), min_size=1, max_size=2, unique=True)):
                state[f"-> {target}"] = draw(exits())
            if draw(st.integers(0, 3)) == 0:
                state["-> dead"] = {"rate": "0.01 per year * frailty", "cause": "cough"}
        states[name] = state
    return states


@st.composite
def exits(draw: Draw) -> dict[str, Any]:
    match draw(st.sampled_from(["rate", "after", "upon"])):
        case "rate":
            found = {"rate": draw(st.sampled_from(RATES))}
        case "after":
            return {"after": draw(st.sampled_from(AFTERS))}
        case _:
            return {"upon": draw(st.sampled_from(["talk", "clinic", "cough", "syrup"])), "chance": 0.5}
    if draw(st.booleans()):
        found["while"] = draw(st.sampled_from(["age >= 20", "not taking(syrup) > 0", "frailty < 1.5"]))
    return found


@st.composite
def steps(draw: Draw, later: list[str], depth: int) -> list[dict[str, Any]]:
    """`later` are protocols that stand further down, so that no `do` leads back."""
    return [draw(step(later, depth)) for _ in range(draw(st.integers(1, 3)))]


@st.composite
def step(draw: Draw, later: list[str], depth: int) -> dict[str, Any]:
    inner = steps(later, depth - 1)
    plain: list[st.SearchStrategy[dict[str, Any]]] = [
        st.just({"test": "weight"}),
        st.sampled_from([{"diagnose": "cough"}, {"diagnose": "gout", "resolves": "after 90 days"}]),
        st.sampled_from([{"resolve": "cough"}, {"resolve": "gout"}, {"stop": "syrup"}]),
        st.sampled_from(
            [
                {"prescribe": "syrup"},
                {"prescribe": "syrup", "for": "30 days"},
                {"prescribe": "syrup", "for": "28 days", "refills": 2},
            ]
        ),
        st.just({"perform": "talk"}),
        st.builds(lambda wait: {"wait": wait}, st.sampled_from(WAITS)),
        st.just({"set": {"level": "high if frailty > 1 else low"}}),
    ]
    if later:
        plain.append(
            st.builds(
                lambda verb, p: {verb: p}, st.sampled_from(["do", "start", "stop"]), st.sampled_from(later)
            )
        )
    nested = [
        st.builds(lambda p, s: {"visit": p, "steps": s}, st.sampled_from(["clinic", "ward"]), inner),
        st.builds(lambda c, t, e: {"if": c, "then": t, "else": e}, st.sampled_from(CONDITIONS), inner, inner),
        st.builds(
            lambda c, s, t, o: {
                "choose": [{"if": c, "then": s}, {"share": 0.4, "then": t}, {"otherwise": o}]
            },
            st.sampled_from(CONDITIONS),
            inner,
            inner,
            inner,
        ),
        st.builds(
            lambda every, first, until, s: {
                "every": every,
                "first": first,
                "until": until,
                "at_most": 5,
                "steps": s,
            },
            st.sampled_from(["20 days", "3 months if diagnosed(cough) else 1 year"]),
            st.sampled_from(["now", "later", "uniform(1 day, 60 days)"]),
            st.sampled_from(CONDITIONS),
            inner,
        ),
    ]
    found = dict(draw(st.one_of(plain if depth == 0 else plain + nested + nested)))
    if "if" not in found and draw(st.integers(0, 3)) == 0:
        found["chance"] = 0.6
    return found


@st.composite
def protocols(draw: Draw, later: list[str], states: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    starts = st.one_of(
        st.builds(lambda c: {"when": c}, st.sampled_from([*CONDITIONS, *(f"in({s})" for s in states)])),
        st.builds(lambda r: {"rate": r}, st.sampled_from(RATES)),
        st.builds(lambda t: {"upon": t}, st.sampled_from([*states, "talk", "clinic", "cough", "syrup"])),
    )
    first: list[dict[str, Any]] = [{"wait": draw(st.sampled_from(WAITS))}]  # so that no cascade is endless
    match draw(st.sampled_from(["starts", "starts", "while", "during"])):
        case "starts":
            found["starts"] = draw(st.lists(starts, min_size=1, max_size=2))
        case "while":
            found["while"] = draw(st.sampled_from([*CONDITIONS, *(f"in({s})" for s in states)]))
        case _:
            found["starts"] = [{"during": "clinic"}]
            first = []
    if draw(st.booleans()):
        found["until"] = draw(st.sampled_from(CONDITIONS))
    found["steps"] = first + draw(steps(later, 2))
    return found


@st.composite
def pathways(draw: Draw) -> str:
    disease = {f"axis{i}": draw(axes(i)) for i in range(draw(st.integers(1, 2)))}
    states = [state for axis in disease.values() for state in axis]
    names = [f"p{i}" for i in range(draw(st.integers(1, 4)))]
    care = {name: draw(protocols(names[i + 1 :], states)) for i, name in enumerate(names)}
    return THINGS + yaml.safe_dump({"disease": disease, "care": care}, sort_keys=False)


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(pathways(), st.sampled_from(sorted(FRAMES)), st.integers(0, 2**64 - 1))
def test_lives_keep_the_rules(pathway: str, frame: str, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {
            "scenario.yaml": FRAMES[frame],
            "world.yaml": f"pathway: world\n{pathway}",
            **TABLES,
        }.items():
            (Path(folder) / name).write_text(text)
        scenario = load(folder)
    program = compile(scenario)
    try:
        people, log = simulate(program, range(PATIENTS), seed)
    except LifeError as error:
        if "no life drawn reaches the date" not in str(error):
            raise
        reject()  # some of these worlds are too deadly
    rows_are_in_order(people, log)
    nothing_is_outside_the_time_on_record(people, log)
    states_form_paths(scenario, log)
    encounters_own_their_rows(people, log)
    one_row_is_open_at_a_time(log)
    for patient in (3, 7):
        _, alone = simulate(program, range(patient, patient + 1), seed)
        chosen = log.patient == patient
        assert all(np.array_equal(a, b[chosen]) for a, b in zip(alone, log, strict=True))


def of_patients(people: People, log: Log) -> list[tuple[int, Log]]:
    """(position in `people`, rows) of each."""
    return [
        (i, Log(*(column[log.patient == patient] for column in log)))
        for i, patient in enumerate(people.patient)
    ]


def rows_are_in_order(people: People, log: Log) -> None:
    """`seq` counts from 0, times rise with it; only what the window found there already began before."""
    assert (np.diff(people.patient) > 0).all()
    assert (np.diff(log.patient) >= 0).all()
    assert set(log.patient) <= set(people.patient)
    for i, rows in of_patients(people, log):
        assert np.array_equal(rows.seq, np.arange(len(rows.seq)))
        prevalent = np.isin(rows.kind, (CONDITION, MEDICATION)) & (rows.start < people.entered[i])
        assert (np.diff(rows.start[~prevalent]) >= 0).all()


def nothing_is_outside_the_time_on_record(people: People, log: Log) -> None:
    for i, rows in of_patients(people, log):
        entered, left = people.entered[i], people.left[i]
        truth = np.isin(rows.kind, (STATE, VARIABLE, EVENT))
        found_there = np.isin(rows.kind, (CONDITION, MEDICATION)) & (rows.encounter == NULL)
        assert (rows.start[~truth & ~found_there] >= entered).all()
        assert (rows.start >= np.floor(people.birth[i] * 86_400)).all()
        assert (rows.start <= left).all()
        ended = rows.end != NULL
        assert (rows.end[ended] >= np.maximum(rows.start[ended], entered)).all()
        assert (rows.end[ended] <= left).all()
        deaths = np.flatnonzero(rows.kind == DEATH)
        assert len(deaths) == people.died[i]
        if people.died[i]:
            assert deaths[0] == len(rows.kind) - 1  # the last of all
            assert rows.start[-1] == left


def states_form_paths(scenario: Scenario, log: Log) -> None:
    """Each axis starts at birth and goes on from where it was; no instant state is stayed in."""
    axis_of, instant = [], []
    for pathway in scenario.pathways:
        for number, axis in enumerate(pathway.axes):
            for state in axis.states:
                axis_of.append(number)
                instant.append(state.lasts is None and any(e.kind == "share" for e in state.exits))
    current: dict[tuple[int, int], int] = {}
    for i in np.flatnonzero(log.kind == STATE):
        patient, code, left = int(log.patient[i]), int(log.code[i]), int(log.aux[i])
        axis = axis_of[code if code >= 0 else left]
        assert current.get((patient, axis), -1) == left
        assert code < 0 or not instant[code]
        current[patient, axis] = code


def encounters_own_their_rows(people: People, log: Log) -> None:
    visits = np.flatnonzero(log.kind == ENCOUNTER)
    at = {int(log.encounter[i]): i for i in visits}
    assert len(at) == len(visits)
    for i in np.flatnonzero((log.encounter != NULL) & (log.kind != ENCOUNTER)):
        visit = at[int(log.encounter[i])]
        assert log.patient[visit] == log.patient[i]
        assert log.seq[visit] < log.seq[i]
        assert log.start[visit] <= log.start[i]
        assert log.end[visit] == NULL or log.start[i] <= log.end[visit]
    died = dict(zip(people.patient.tolist(), people.died.tolist(), strict=True))
    assert not any(died[int(log.patient[i])] for i in visits if log.end[i] == NULL)


def one_row_is_open_at_a_time(log: Log) -> None:
    last: dict[tuple[int, int, int], int] = {}
    for i in np.flatnonzero(np.isin(log.kind, (CONDITION, MEDICATION))):
        key = (int(log.patient[i]), int(log.kind[i]), int(log.code[i]))
        if key in last:
            assert NULL != log.end[last[key]] <= log.start[i]
        last[key] = int(i)
