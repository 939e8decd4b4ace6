"""What an expression says of many rows is what the readable runtime says of each, one life at a time."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim.agents.expressions import Dictionary
from sim.engine import LifeError
from sim.engine.log import (
    CONDITION,
    ENCOUNTER,
    MEDICATION,
    NULL,
    OBSERVATION,
    STATE,
    VARIABLE,
    Log,
    People,
)
from sim.records.looks import Lives, Meanings, look_up
from sim.scenario.expressions import parse
from sim.scenario.model import DURATION, NUMBER, Axis, Expr, Scenario, Span, Table, Type
from sim.scenario.typing import Scope, Symbol, check

SPAN = Span("scenario.yaml", 1, 1)
SECONDS = 86_400
CLINICS = Type("category", levels=("clinic", "hospital"))

EXPRESSIONS = [
    "severity + 1",
    "severity - age / 10",
    "severity * severity",
    "1 / severity",
    "2 ** severity",
    "-severity",
    "abs(severity)",
    "exp(severity)",
    "log(exp(severity))",
    "sqrt(abs(severity))",
    "floor(severity)",
    "min(severity, 0.5)",
    "max(severity, 0.5, age / 50)",
    "severity or_else 3",
    "known(severity)",
    "severity < 0",
    "severity >= 0",
    "severity != floor(severity)",
    "0 < severity <= 1",
    "not severity < 0",
    "smoker and severity > 0",
    "smoker or severity > 0",
    "not smoker",
    "smoker == male",
    "0.2 if smoker else severity",
    "log(severity) if severity > 0 else 0",
    "0 if sex == female else 1",
    "ethnicity == b",
    "ethnicity != b",
    "grade == mild or grade == bad",
    "age",
    "age >= 30",
    "year",
    "2003 <= year < 2006",
    "month",
    "month == 3",
    "today < 2004-07-01",
    "in(ill)",
    "in(lungs.none)",
    "in(type_2) and not in(ill)",
    "ever(ill)",
    "ever(type_2) + ever(ill)",
    "in(diabetic)",
    "ever(diabetic) and not in(diabetic)",
    "diagnosed(asthma)",
    "diagnosed(diabetes) or diagnosed(lungs.other)",
    "prescribed(metformin) - prescribed(inhaler)",
    "onset * 365.25 days + severity",
]

Simulate = Callable[[object, range, int], tuple[People, Log]]


@pytest.fixture(scope="module")
def scope(scenario: Scenario) -> Scope:
    things = {
        "state": [
            name
            for p in scenario.pathways
            for axis in p.axes
            for name in (*axis.groups, *(state.name for state in axis.states))
        ],
        "condition": [thing.name for thing in scenario.conditions],
        "drug": [thing.name for thing in scenario.drugs],
    }
    symbols = [Symbol(kind, name) for kind, names in things.items() for name in names]  # type: ignore[arg-type]
    symbols += [Symbol("variable", v.name, v.type) for v in scenario.variables]
    symbols += [Symbol("parameter", p.name, p.type) for p in scenario.parameters]
    symbols += [Symbol("variable", "record.value", NUMBER), Symbol("variable", "record.provider", CLINICS)]
    return Scope(tuple(symbols), "record")


def life(scenario: Scenario, people: People, log: Log, row: int) -> Any:
    """What the readable runtime would remember of a patient when a row is written."""
    states = [(axis.name, state.name) for p in scenario.pathways for axis in p.axes for state in axis.states]
    groups = {s.name: s.groups for p in scenario.pathways for axis in p.axes for s in axis.states}
    patient, second = log.patient[row], log.start[row]
    person = people.patient.tolist().index(patient)
    birth = float(people.birth[person])
    found = SimpleNamespace(
        turns=math.inf, sex=float(people.sex[person]), birth=birth, variables={}, states={}, counts={}
    )
    found.now = (second + 1) / SECONDS - birth
    listed: dict[tuple[int, str], bool] = {}
    for other in range(row):
        if log.patient[other] != patient:
            continue
        code, lasts = log.code[other], log.end[other] == NULL or log.end[other] > second
        match log.kind[other]:
            case k if k == VARIABLE:
                found.variables[scenario.variables[code].name] = float(log.value[other])
            case k if k == STATE and code >= 0:
                axis, state = states[code]
                found.states[axis] = state
                found.counts |= dict.fromkeys((state, *groups[state]), 1)
            case k if k == CONDITION:
                listed[CONDITION, scenario.conditions[code].name] = lasts
            case k if k == MEDICATION:
                listed[MEDICATION, scenario.drugs[code].name] = lasts
    found.diagnosed = {name for (kind, name), lasts in listed.items() if lasts and kind == CONDITION}
    found.prescribed = {name for (kind, name), lasts in listed.items() if lasts and kind == MEDICATION}
    return found


def _stretched(times: Any) -> Any:
    """Over years instead of months."""
    opening = 10957 * SECONDS
    return np.where(times == NULL, NULL, opening + 20 * (times - opening))


def test_each_row_is_read_as_a_life_is(scenario: Scenario, scope: Scope, simulate: Simulate) -> None:
    people, log = simulate(None, range(40), 5)
    log = log._replace(start=_stretched(log.start), end=_stretched(log.end))
    rows = np.flatnonzero(log.kind < STATE)
    assert len(rows) > 100
    lives, dictionary = Lives(Meanings(scenario), people, log), Dictionary(scenario)
    told = [life(scenario, people, log, row) for row in rows]
    for text in EXPRESSIONS:
        e = check(parse(text, SPAN), scope, None, "row")
        alone = np.array([dictionary.meaning(e, "look").value(one) for one in told])
        together = lives.value(e, rows)
        np.testing.assert_array_equal(together, alone, err_msg=text)
        assert len(set(np.nan_to_num(together, nan=-77.0))) > 1, text


def test_value_and_provider_are_those_of_the_row(
    scenario: Scenario, scope: Scope, simulate: Simulate
) -> None:
    people, log = simulate(None, range(12), 5)
    rows = np.flatnonzero(log.kind < STATE)
    lives = Lives(Meanings(scenario), people, log)
    where = {log.encounter[i]: float(log.code[i]) for i in np.flatnonzero(log.kind == ENCOUNTER)}

    def value(text: str) -> list[float]:
        return lives.value(check(parse(text, SPAN), scope, None, "row"), rows).tolist()

    expected = [log.value[i] if log.kind[i] == OBSERVATION else math.nan for i in rows]
    np.testing.assert_array_equal(value("value"), expected)
    providers = [where.get(log.encounter[i], math.nan) for i in rows]
    np.testing.assert_array_equal(value("provider"), providers)
    assert set(providers) >= {0.0, 1.0}
    assert value("provider == hospital") == [float(p == 1.0) for p in providers]


def one_row(start: int, birth: float) -> tuple[People, Log]:
    def column(value: object, kind: type) -> Any:
        return np.array([value], kind)

    people = People(
        column(0, np.int64), column(1, np.int8), column(birth, np.float64), *(column(0, np.int64),) * 2,
        column(False, np.bool_), column(1, np.int32), column(1.0, np.float64),
    )  # fmt: skip
    log = Log(
        column(OBSERVATION, np.int8), column(0, np.int64), column(0, np.int32), column(start, np.int64),
        column(NULL, np.int64), column(0, np.int32), column(-1, np.int32), column(NULL, np.int64),
        column(7.0, np.float64),
    )  # fmt: skip
    return people, log


@pytest.mark.parametrize("birth", [-7305.0 + k * 2.0**-20 for k in (0, 1, 12_345, 777_777)])
def test_a_row_of_a_birthday_is_on_it(scenario: Scenario, scope: Scope, birth: float) -> None:
    birthday = birth + 40 * 365.25
    old = check(parse("age >= 40", SPAN), scope, None, "row")
    for days, expected in ((birthday, 1.0), (birthday - 2 / SECONDS, 0.0)):
        lives = Lives(Meanings(scenario), *one_row(math.floor(days * SECONDS), birth))
        assert lives.value(old, np.array([0])) == expected


@pytest.mark.parametrize("date", ["1965-03-01", "1970-01-01", "1999-12-31", "2000-02-29", "2024-12-01"])
def test_the_calendar(scenario: Scenario, scope: Scope, date: str) -> None:
    day = datetime.date.fromisoformat(date)
    seconds = (day - datetime.date(1970, 1, 1)).days * SECONDS
    for second in (seconds, seconds + SECONDS - 1):
        lives = Lives(Meanings(scenario), *one_row(second, -7305.0))
        for text, expected in (("year", day.year), ("month", day.month)):
            assert lives.value(check(parse(text, SPAN), scope, None, "row"), np.array([0])) == expected


def test_a_table_is_read_in_one_go() -> None:
    axes = (Axis("sex", levels=("female", "male")), Axis("age", breaks=(0.0, 18.0, 65.0)))
    table = Table("t", axes, (1.0, 2.0, 3.0, 4.0), False, SPAN)
    sex, age = np.array([0.0, 1.0, 1.0, 0.0, np.nan]), np.array([17.9, 18.0, 65.0, np.nan, 5.0])
    nan = math.nan
    np.testing.assert_array_equal(look_up(table, [sex, age], 5), [1.0, 4.0, nan, nan, nan])
    clamped = Table("t", axes, table.values, True, SPAN)
    np.testing.assert_array_equal(look_up(clamped, [sex, age], 5), [1.0, 4.0, 4.0, nan, nan])


def test_what_has_no_result_is_a_fault_of_the_first_patient_who_shows_it(
    scenario: Scenario, scope: Scope, simulate: Simulate
) -> None:
    people, log = simulate(None, range(12), 5)
    rows = np.flatnonzero(log.kind == OBSERVATION)
    e = check(parse("log(value)", SPAN), scope, None, "row")
    with pytest.raises(LifeError, match="not a number") as raised:
        Lives(Meanings(scenario), people, log).value(e, rows)
    first = next(i for i in rows if log.value[i] < 0)
    assert raised.value.fault.patient == log.patient[first]


def test_a_draw_is_by_inversion(scenario: Scenario, scope: Scope, simulate: Simulate) -> None:
    people, log = simulate(None, range(12), 5)
    rows = np.flatnonzero(log.kind == OBSERVATION)
    u = np.linspace(0.01, 0.99, len(rows))
    lives = Lives(Meanings(scenario), people, log)
    e: Expr = check(parse("exponential(3 days) if value > 0 else 1 day", SPAN), scope, DURATION, "row draw")
    expected = np.where(log.value[rows] > 0, -3 * np.log1p(-u), 1.0)
    np.testing.assert_allclose(lives.value(e, rows, u), expected, rtol=1e-12)
    e = check(parse("uniform(1 day, 2 days)", SPAN), scope, DURATION, "row draw")
    np.testing.assert_allclose(lives.value(e, rows, u), 1 + u, rtol=1e-12)
