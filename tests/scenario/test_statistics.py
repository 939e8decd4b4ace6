"""What statistics may say, and what is said of those that mean nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import sim
from sim.scenario.diagnostics import Diagnostic, ScenarioError
from sim.scenario.loader import Scalar
from sim.scenario.model import DURATION, NUMBER, RATE, TRUTH, YEARS, Expr, Scenario, Span, Type
from sim.scenario.scope import Scope
from sim.scenario.scope_of import scope_of
from sim.scenario.statistics import Sentence, Split, sentence, split

FOLDER = Path(__file__).parents[2] / "scenarios" / "cardiometabolic"


@cache
def known() -> tuple[Scenario, Scope]:
    scenario = sim.load(FOLDER)
    return scenario, scope_of(scenario)


def scalar(text: str) -> Scalar:
    place = Span("measures.yaml", 3, 11)
    return Scalar(text, text, place, text, place)


def read(text: str, expected: Type | None = None) -> Sentence:
    scenario, scope = known()
    return sentence(scalar(text), scope, scenario, expected)


def read_split(text: str) -> Split:
    scenario, scope = known()
    return split(scalar(text), scope, scenario)


def wrong(text: str, expected: Type | None = None) -> Diagnostic:
    with pytest.raises(ScenarioError) as raised:
        read(text, expected)
    (found,) = raised.value.diagnostics
    return found


@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("prevalence(diabetes, at=2010-01-01)", NUMBER),
        ("incidence(type_2_diabetes, among=age >= 40 and male)", RATE),
        ("rate(clinic) * 1000", RATE),
        ("cumulative_incidence(death, after=stroke, within=5 years)", NUMBER),
        ("survival(after=stroke, until=death(stroke), at=1 year)", NUMBER),
        ("restricted_mean(after=stroke, until=death, within=5 years)", DURATION),
        ("share(in(old_infarction), at=hospital, later=6 months)", NUMBER),
        ("mean(sbp) - mean(dbp)", Type("number", unit="mmHg")),
        ("quantile(between(type_2_diabetes, metformin), 0.9)", DURATION),
        ("median(lasted(hospital))", DURATION),
        ("mean(age_at(stroke))", YEARS),
        ("persistence(metformin, at=1 year, gap=30 days)", NUMBER),
        ("switching(simvastatin, to=atorvastatin, within=1 year)", NUMBER),
        ("odds_ratio(hypertension, diabetes)", NUMBER),
        ("correlation(sbp, dbp, among=not prescribed(lisinopril))", NUMBER),
    ],
)
def test_types(text: str, of: Type) -> None:
    assert read(text).expression.type == of


def test_bare_names_are_what_they_are() -> None:
    (state,) = read("prevalence(diabetes, among=metformin or hypertension)").statistics
    assert state.conditions == (Expr("in", (), "glycaemia.diabetes", TRUTH),)
    assert (
        state
        == read(
            "prevalence(in(diabetes), among=prescribed(metformin) or diagnosed(hypertension))"
        ).statistics[0]
    )


def test_a_sentence_keeps_equal_statistics_once() -> None:
    made = read("rate(clinic) < 2 * rate(clinic) < rate(hospital) + 3 per year", TRUTH)
    assert [s.things[0].names for s in made.statistics] == [("clinic",), ("hospital",)]


@pytest.mark.parametrize(
    ("text", "rule", "column", "fix"),
    [
        ("prevalance(diabetes)", "unknown-name", 1, "did you mean `prevalence`?"),
        ("prevalence(diabetis)", "unknown-name", 12, "did you mean `diabetes`?"),
        ("prevalence(diabetes, amung=male)", "wrong-arguments", 22, "did you mean `among`?"),
        ("prevalence(usual(sbp) > 140)", "not-in-tables", 12, "last(x), the latest result"),
        ("prevalence(taking(metformin))", "not-in-tables", 12, "prescribed(x)"),
        ("rate(routine_visit)", "not-in-tables", 6, "give `routine_visit` a `plan:`"),
        ("prevalence(age + 1 > 5)", "not-exact", 12, "age alone on one side"),
        ("cumulative_incidence(stroke, within=5 years)", "wrong-arguments", 1, "after=thing"),
        ("survival(after=death, until=stroke, at=5 years)", "wrong-kind", 16, ""),
        ("median(waited(metformin))", "wrong-kind", 15, ""),
        ("mean(clinic)", "wrong-kind", 6, ""),
        ("prevalence(prevalence(diabetes) > 0.5)", "misplaced-word", 12, "a condition"),
        ("age", "about-one", 1, "among=age"),
        ("last(sbp)", "about-one", 1, "prevalence(last(...))"),
        ("1 + 2", "no-statistic", 1, "prevalence(...)"),
        ("mean(sbp) > 140", "wrong-type", 1, "mean(...)"),
        ("prevalence(diabetes, at=2070-01-01)", "outside-window", 25, ""),
        ("quantile(sbp, 90)", "not-a-probability", 15, "0.9"),
        ("prevalence(diabetes", "syntax", 11, ""),
    ],
)
def test_what_is_wrong_is_said(text: str, rule: str, column: int, fix: str) -> None:
    found = wrong(text)
    assert (found.rule, found.span.line, found.span.column - 10) == (rule, 3, column)
    assert fix in found.fix
    assert bool(found.fix) == bool(fix)


def test_units_meet_as_in_all_expressions() -> None:
    assert wrong("mean(sbp) > 140 mmol/L", TRUTH).rule == "wrong-unit"
    assert wrong("rate(clinic) > 2", TRUTH).rule == "missing-unit"
    assert wrong("mean(sbp)", TRUTH).rule == "wrong-type"


def test_splits() -> None:
    assert read_split("sex").levels == ("female", "male")
    assert read_split("diabetes").levels == ("no", "yes")
    ages = read_split("age(20, 40, 60)")
    assert (ages.name, ages.breaks) == ("age", (20.0, 40.0, 60.0))
    assert read_split("year").levels == ()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("age", "needs-ranges"),
        ("age(40, 20)", "wrong-arguments"),
        ("sex(1)", "wrong-type"),
        ("sexx", "unknown-name"),
    ],
)
def test_wrong_splits(text: str, rule: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        read_split(text)
    assert raised.value.diagnostics[0].rule == rule
