"""data/complete uses every construct of the language; what it must come to is worked out by hand here."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sim.scenario import Scenario, check, load, model
from sim.scenario.expressions import unparse
from sim.scenario.model import (
    DAYS_PER_YEAR,
    NUMBER,
    RATE,
    Choose,
    Code,
    Diagnose,
    Every,
    Expr,
    If,
    Prescribe,
    Protocol,
    Set,
    State,
    Step,
    Table,
    Type,
    Visit,
    Wait,
)

COMPLETE = Path(__file__).parent / "data" / "complete"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    found, findings = check(COMPLETE)
    assert findings == ()
    assert found is not None
    return found


def state(scenario: Scenario, name: str) -> State:
    return next(s for p in scenario.pathways for a in p.axes for s in a.states if s.name == name)


def protocol(scenario: Scenario, name: str) -> Protocol:
    return next(p for pathway in scenario.pathways for p in pathway.protocols if p.name == name)


def table(scenario: Scenario, name: str) -> Table:
    return next(t for t in scenario.tables if t.name == name)


def sites(steps: tuple[Step, ...]) -> list[str]:
    found = []
    for step in steps:
        found.append(step.site)
        for inner in ("steps", "then", "otherwise"):
            found += sites(getattr(step, inner, ()))
        for branch in getattr(step, "branches", ()):
            found += sites(branch.steps)
    return found


def test_frame(scenario: Scenario) -> None:
    assert scenario.name == "everything that is built"
    assert scenario.window == (10957.0, 14610.0)  # days from 1970-01-01 to 2000 and to 2010
    population = scenario.population
    assert (population.size, population.female, population.born) == (10_000, None, None)
    assert (population.alive_on, population.ages, population.entry_date) == (10957.0, "ages", None)
    assert population.entry == Expr("const", (), 18 * DAYS_PER_YEAR, Type("duration"))
    assert [(p.name, p.kind) for p in scenario.providers][:2] == [
        ("clinic", "ambulatory"),
        ("telephone", "virtual"),
    ]
    assert [name for name, _ in scenario.files] == [
        "scenario.yaml",
        "pathways/metabolic.yaml",
        "pathways/lungs.yaml",
        "tables/heart.csv",
        "tables/worse.csv",
        "tables/ages.csv",
        "tables/mortality.csv",
        "tables/rest.csv",
    ]


def test_the_folder_and_its_file_are_the_same_scenario(scenario: Scenario) -> None:
    assert load(COMPLETE / "scenario.yaml") == scenario
    assert load(str(COMPLETE)) == scenario


def test_variables_are_drawn_after_those_they_read(scenario: Scenario) -> None:
    names = [v.name for v in scenario.variables]
    assert names == [
        "population.sex",
        "population.smoker",
        "population.habit",  # written first, reads smoker
        "population.bmi",
        "population.deprivation",
        "metabolic.frailty",
        "metabolic.own_level",
        "metabolic.severity",  # only ever set
        "metabolic.talks",
    ]
    by_name = {v.name: v for v in scenario.variables}
    assert by_name["metabolic.severity"].draw is None
    assert by_name["metabolic.severity"].type == Type("category", levels=("mild", "severe"))
    assert by_name["population.sex"].type.levels == ("female", "male")


def test_parameters(scenario: Scenario) -> None:
    by_name = {p.name: p for p in scenario.parameters}
    onset = by_name["metabolic.onset"]
    assert onset.value == pytest.approx(0.006 / DAYS_PER_YEAR, rel=1e-15)
    assert onset.type == RATE
    assert onset.source == "10.1000/182"
    assert onset.ci95 == pytest.approx((0.004 / DAYS_PER_YEAR, 0.009 / DAYS_PER_YEAR), rel=1e-15)
    assert by_name["scenario.care_seeking"].source == "an invented number: tests only"
    assert by_name["lungs.copd_rate"].source == "overrides the scenario's key of this name"
    assert by_name["metabolic.recall"].ci95 == (
        DAYS_PER_YEAR / 2,
        2 * DAYS_PER_YEAR,
    )  # bare numbers in its unit
    assert by_name["metabolic.threshold"].type == Type("number", unit="mmol/L")
    assert by_name["metabolic.uptake"].value is None


def test_a_prior_follows_from_an_interval_by_its_support(scenario: Scenario) -> None:
    by_name = {p.name: p for p in scenario.parameters}

    def prior(name: str) -> tuple[str, list[float]]:
        e = by_name[name].prior
        assert e is not None
        return str(e.value), [float(a.value or 0) for a in e.args]

    name, (median, sigma) = prior("metabolic.onset")
    assert name == "lognormal"
    assert median * math.exp(1.959963984540054 * sigma) == pytest.approx(0.009 / DAYS_PER_YEAR)
    assert median / math.exp(1.959963984540054 * sigma) == pytest.approx(0.004 / DAYS_PER_YEAR)
    name, (mean, sd) = prior("metabolic.shift")
    assert name == "normal"
    assert (mean - 1.959963984540054 * sd, mean + 1.959963984540054 * sd) == pytest.approx((-0.4, 0.1))
    name, (a, b) = prior("scenario.care_seeking")
    assert name == "beta"
    assert a / (a + b) == pytest.approx(0.8)
    assert math.sqrt(a * b / (a + b) ** 2 / (a + b + 1)) == pytest.approx(0.2 / 2 / 1.959963984540054)
    assert prior("metabolic.threshold") == ("normal", [7.0, 0.2])


def test_tables(scenario: Scenario) -> None:
    heart = table(scenario, "metabolic.heart_rate")
    assert [(a.name, a.levels, a.breaks) for a in heart.axes] == [
        ("age", (), (0.0, 40.0, 65.0, math.inf)),
        ("sex", ("female", "male"), ()),
    ]
    assert heart.values == pytest.approx(
        [v / DAYS_PER_YEAR / 1000 for v in (0.1, 0.3, 1.0, 3.0, 5.0, 9.0)], rel=1e-15
    )
    worse = table(scenario, "metabolic.worse_from")
    assert worse.clamp
    assert worse.axes[0].breaks == (2000.0, 2005.0, 2006.0, math.inf)
    relapse = table(scenario, "metabolic.relapse")
    assert relapse.values == pytest.approx((0.1 / DAYS_PER_YEAR, 0.2 / DAYS_PER_YEAR), rel=1e-15)
    ages = table(scenario, "ages")
    assert ages.axes[0].levels == ("female", "male")
    assert ages.values == (400.0, 300.0, 150.0, 410.0, 290.0, 110.0)


def test_mortality_is_a_hazard_and_the_last_age_is_open(scenario: Scenario) -> None:
    assert scenario.mortality is not None
    assert scenario.mortality.less == ("lungs.copd", "metabolic.heart_attack")
    assert scenario.mortality.background_hash == "0123abcd"
    mortality = table(scenario, "mortality")
    assert [a.name for a in mortality.axes] == ["sex", "year", "age"]
    assert mortality.axes[2].breaks == (0.0, 60.0, 100.0, math.inf)
    female_2000 = mortality.values[:3]
    assert female_2000[:2] == pytest.approx(
        [-math.log1p(-q) / DAYS_PER_YEAR for q in (0.001, 0.02)], rel=1e-14
    )
    assert female_2000[2] == female_2000[1]  # q = 1 in the last age: the hazard of the age before
    rest = table(scenario, "background")
    expected = [v / DAYS_PER_YEAR for v in (0.0009, 0.018, 0.0018, 0.027)]
    assert rest.values == pytest.approx(expected, rel=1e-15)


def test_rates_carry_their_while_and_their_modifiers(scenario: Scenario) -> None:
    (onset,) = state(scenario, "metabolic.normal_glucose").exits
    assert (onset.kind, onset.target, onset.site) == (
        "rate",
        "metabolic.diabetic",
        "metabolic/glucose_state/normal_glucose/-> diabetic",
    )
    assert onset.expression is not None
    assert onset.expression.op == "if"
    assert onset.expression.args[2] == Expr("const", (), 0.0, RATE)
    (copd,) = state(scenario, "lungs.clear").exits
    assert copd.expression is not None
    assert unparse(copd.expression.args[1]) == (
        "lungs.copd_rate * lookup(metabolic.worse_from, year) * exp(0.04 * (age - 50))"
        " * (1.1 if in(metabolic.diabetic) else 1)"
    )
    (attack,) = state(scenario, "metabolic.sound").exits
    assert attack.expression is not None
    assert unparse(attack.expression) == (
        "lookup(metabolic.heart_rate, age, sex) * 0.9 * 1.2 ** (usual(metabolic.glucose) - 5 mmol/L)"
    )


def test_exits_of_every_kind(scenario: Scenario) -> None:
    back, bypass, worse = state(scenario, "metabolic.diabetic").exits
    assert [back.site, bypass.site] == [
        "metabolic/glucose_state/diabetic/-> normal_glucose/1",
        "metabolic/glucose_state/diabetic/-> normal_glucose/2",
    ]
    assert (bypass.kind, bypass.thing) == ("upon", "metabolic.bypass")
    assert bypass.expression == Expr("const", (), 0.6)
    assert (worse.kind, worse.expression and worse.expression.value) == ("after", "gompertz")
    assert worse.times is not None
    assert unparse(worse.times) == "1 if not taking(metabolic.insulin) > 0.5 else 0"
    again, sound = state(scenario, "metabolic.old").exits
    assert (again.kind, sound.kind) == ("after", "fixed")
    assert again.times is not None
    assert unparse(again.times) == (
        "(1.5 if population.habit else 1) * 1.2 ** (usual(metabolic.glucose) - 5 mmol/L)"
    )
    survived, dead = state(scenario, "metabolic.attack").exits
    assert (survived.kind, dead.target, dead.cause) == ("share", "dead", "metabolic.heart_attack")
    assert dead.expression is not None
    assert dead.expression.op == "rest"
    acute = state(scenario, "metabolic.acute")
    assert acute.lasts == Expr(
        "draw",
        (Expr("const", (), 20.0, Type("duration")), Expr("const", (), 30.0, Type("duration"))),
        "uniform",
        Type("duration"),
    )
    (severity,) = state(scenario, "metabolic.diabetic").sets
    assert (severity.variable, severity.site) == (
        "metabolic.severity",
        "metabolic/glucose_state/diabetic/set/severity",
    )


def test_biomarkers(scenario: Scenario) -> None:
    glucose, ratio = scenario.biomarkers
    assert glucose.codes == (Code("loinc", "1558-6"),)
    assert (glucose.unit, glucose.low, glucose.high, glucose.decimals) == ("mmol/L", 2.0, 40.0, 1)
    assert glucose.noise_half_life == Expr("const", (), 4.0, Type("duration"))
    assert glucose.measurement_error is not None
    assert (ratio.low, ratio.high, ratio.noise_sd, ratio.measurement_error) == (
        -math.inf,
        math.inf,
        None,
        None,
    )


def test_codes_and_displays(scenario: Scenario) -> None:
    conditions = {c.name: c for c in scenario.conditions}
    assert conditions["metabolic.diabetes"].display == "Type 2 diabetes"
    attack = conditions["metabolic.heart_attack"]
    assert attack.display == "heart attack"
    assert attack.codes == (Code("snomed", "22298006"), Code("icd10", "I21.9"))
    assert [d.name for d in scenario.drugs] == ["metabolic.metformin", "metabolic.insulin"]


def test_starts(scenario: Scenario) -> None:
    rate, upon = protocol(scenario, "metabolic.presentation").starts
    assert rate.expression is not None
    assert unparse(rate.expression) == (
        "0.5 per year * scenario.care_seeking"
        " if in(metabolic.diabetic) and not diagnosed(metabolic.diabetes) else 0 per year"
    )
    assert (rate.site, upon.site) == ("metabolic/presentation/starts/1", "metabolic/presentation/starts/2")
    assert (upon.kind, upon.thing) == ("upon", "metabolic.attack")
    (when,) = protocol(scenario, "metabolic.screening").starts
    assert (when.kind, when.expression and when.expression.op) == ("when", "ge")
    (during,) = protocol(scenario, "metabolic.opportunistic").starts
    assert (during.kind, during.thing) == ("during", "telephone")
    treat = protocol(scenario, "metabolic.treat")
    assert treat.starts == ()
    assert treat.while_ is not None


def test_steps_are_named_by_verb_and_object(scenario: Scenario) -> None:
    assert sites(protocol(scenario, "metabolic.work_up").steps) == [
        "metabolic/work_up/test/glucose+ratio/1",
        "metabolic/work_up/test/glucose/1",
        "metabolic/work_up/test/ratio/1",
        "metabolic/work_up/if/1",
        "metabolic/work_up/wait/1",
        "metabolic/work_up/test/glucose/2",
        "metabolic/work_up/choose/1",
        "metabolic/work_up/diagnose/diabetes/1",
        "metabolic/work_up/start/treat/1",
        "metabolic/work_up/diagnose/diabetes/2",
    ]
    assert sites(protocol(scenario, "metabolic.screening").steps) == [
        "metabolic/screening/every/1",
        "screening visit",
        "metabolic/screening/do/work_up/1",
    ]


def test_steps(scenario: Scenario) -> None:
    both, decide = protocol(scenario, "metabolic.work_up").steps
    assert isinstance(both, If)
    assert both.condition == Expr("const", (), 1.0, Type("truth"))
    assert both.chance == Expr("const", (), 0.95)
    assert [s.biomarker for s in both.then if isinstance(s, model.Test)] == [
        "metabolic.glucose",
        "metabolic.ratio",
    ]
    assert isinstance(decide, If)
    wait, _, choose = decide.then
    assert isinstance(wait, Wait)
    assert isinstance(choose, Choose)
    assert [b.kind for b in choose.branches] == ["if", "if", "otherwise"]

    metformin, insulin, follow_up = protocol(scenario, "metabolic.treat").steps
    assert isinstance(metformin, Prescribe)
    assert metformin.supply is not None
    assert unparse(metformin.supply) == "90 days * 4"
    assert isinstance(insulin, Prescribe)
    assert insulin.supply is None
    assert isinstance(follow_up, Every)
    assert follow_up.first == follow_up.interval  # later
    (visit,) = follow_up.steps
    assert isinstance(visit, Visit)
    assert (visit.provider, visit.reason) == ("telephone", "metabolic.diabetes")
    severity, talks, _, shares = visit.steps
    assert isinstance(severity, Set)
    assert isinstance(talks, Set)
    assert severity.assignment.expression.type == Type("category", levels=("mild", "severe"))
    assert talks.assignment.site == "metabolic/treat/set/talks/1/value"
    assert isinstance(shares, Choose)
    assert [b.kind for b in shares.branches] == ["share", "share"]

    screening = protocol(scenario, "metabolic.screening").steps[0]
    assert isinstance(screening, Every)
    assert screening.at_most == 20
    assert screening.first is not None
    assert screening.first.op == "draw"
    emergency = protocol(scenario, "metabolic.admission").steps[0]
    assert isinstance(emergency, Visit)
    (diagnose,) = emergency.steps
    assert isinstance(diagnose, Diagnose)
    assert diagnose.resolves_after == Expr("const", (), 28.0, Type("duration"))


def test_formulas_are_written_out(scenario: Scenario) -> None:
    (onset,) = state(scenario, "metabolic.normal_glucose").exits
    assert onset.expression is not None
    assert "1.02 ** (population.bmi - 25) * metabolic.frailty" in unparse(onset.expression)
    assert onset.expression.args[1].type == RATE
    assert NUMBER in {a.type for a in onset.expression.args[1].args}
