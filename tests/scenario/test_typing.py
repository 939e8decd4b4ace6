"""Syntax trees to typed expressions: what each text becomes, of which type."""

# ruff: noqa: E501 - tables of cases, one on a line

from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.scenario.diagnostics import ScenarioError
from sim.scenario.expressions import parse, unparse
from sim.scenario.model import DATE, DURATION, NUMBER, RATE, TRUTH, YEARS, Expr, Span, Type
from sim.scenario.typing import Context, Scope, Symbol, check

Read = Callable[..., Expr]

SEX = Type("category", levels=("female", "male"))
SEVERITY = Type("category", levels=("mild", "moderate", "severe"))
DEPRIVATION = Type("category", levels=("least", "middle", "most"))
MMHG = Type("number", unit="mmHg")
MMOL = Type("number", unit="mmol/L")


def const(value: float, of: Type = NUMBER) -> Expr:
    return Expr("const", (), value, of)


AGE = Expr("age", (), None, YEARS)
SBP = Expr("last", (), "asthma.sbp", MMHG)
ONSET = Expr("parameter", (), "asthma.onset", RATE)
FIRST_AGE = Expr("parameter", (), "asthma.first_age", DURATION)
ATOPIC = Expr("variable", (), "asthma.atopic", TRUTH)
SEX_READ = Expr("variable", (), "population.sex", SEX)
SEVERITY_READ = Expr("variable", (), "asthma.severity", SEVERITY)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("3", const(3.0)),
        ("-3", const(-3.0)),
        ("- 2 days", const(-2.0, DURATION)),
        ("0.5 per day", const(0.5, RATE)),
        ("2010-01-01", const(14_610.0, DATE)),
        ("true", const(1.0, TRUTH)),
        ("8.5 mmol/L", const(8.5, MMOL)),
        ("age", AGE),
        ("year", Expr("year", (), None, NUMBER)),
        ("month", Expr("month", (), None, NUMBER)),
        ("today", Expr("today", (), None, DATE)),
        ("sex", SEX_READ),
        ("male", Expr("eq", (SEX_READ, const(1.0, SEX)), None, TRUTH)),
        ("female", Expr("eq", (SEX_READ, const(0.0, SEX)), None, TRUTH)),
        ("sex != female", Expr("ne", (SEX_READ, const(0.0, SEX)), None, TRUTH)),
        ("severity == severe", Expr("eq", (SEVERITY_READ, const(2.0, SEVERITY)), None, TRUTH)),
        ("severe == severity", Expr("eq", (const(2.0, SEVERITY), SEVERITY_READ), None, TRUTH)),
        ("felt(severity) == mild", Expr("eq", (SEVERITY_READ, const(0.0, SEVERITY)), None, TRUTH)),
        ("atopic", ATOPIC),
        ("asthma.atopic", ATOPIC),
        ("smoker", Expr("variable", (), "population.smoker", TRUTH)),
        ("onset", ONSET),
        ("uptake", Expr("lookup", (Expr("variable", (), "population.deprivation", DEPRIVATION),), "asthma.uptake")),
        ("conception", Expr("lookup", (AGE, SEX_READ), "asthma.conception", RATE)),
        ("in(active)", Expr("in", (), "asthma.active", TRUTH)),
        ("ever(episode)", Expr("ever", (), "depression.episode", TRUTH)),
        ("in(remission)", Expr("in", (), "asthma.remission", TRUTH)),
        ("in(depression.remission)", Expr("in", (), "depression.remission", TRUTH)),
        ("felt(active)", Expr("in", (), "asthma.active", TRUTH)),
        ("time_in(active)", Expr("time_in", (), "asthma.active", DURATION)),
        ("years_in(active)", Expr("years_in", (), "asthma.active", YEARS)),
        ("taking(inhaler)", Expr("taking", (), "asthma.inhaler", NUMBER)),
        ("prescribed(inhaler)", Expr("prescribed", (), "asthma.inhaler", TRUTH)),
        ("diagnosed(asthma)", Expr("diagnosed", (), "asthma.asthma", TRUTH)),
        ("running(review)", Expr("running", (), "asthma.review", TRUTH)),
        ("last(sbp)", SBP),
        ("first(sbp)", Expr("first", (), "asthma.sbp", MMHG)),
        ("usual(ldl)", Expr("usual", (), "asthma.ldl", MMOL)),
        ("mean(sbp)", Expr("mean", (), "asthma.sbp", MMHG)),
        ("mean(sbp, within=1 week)", Expr("mean", (const(7.0, DURATION),), "asthma.sbp", MMHG)),
        ("tested(sbp)", Expr("tested", (), "asthma.sbp", TRUTH)),
        ("tested(sbp, within=2 days)", Expr("tested", (const(2.0, DURATION),), "asthma.sbp", TRUTH)),
        ("count(nebuliser)", Expr("count", (), "asthma.nebuliser", NUMBER)),
        ("count(clinic, within=1 day)", Expr("count", (const(1.0, DURATION),), "clinic", NUMBER)),
        ("since(attack)", Expr("since", (), "asthma.attack", DURATION)),
        ("not taking(inhaler)", Expr("not", (
            Expr("gt", (Expr("taking", (), "asthma.inhaler", NUMBER), const(0.0)), None, TRUTH),
        ), None, TRUTH)),
        ("known(last(sbp))", Expr("known", (SBP,), None, TRUTH)),
        # arithmetic
        ("onset * 2", Expr("mul", (ONSET, const(2.0)), None, RATE)),
        ("onset * age", Expr("mul", (ONSET, AGE), None, RATE)),
        ("onset * atopic", Expr("mul", (ONSET, ATOPIC), None, RATE)),
        ("onset * first_age", Expr("mul", (ONSET, FIRST_AGE), None, NUMBER)),
        ("first_age / 2", Expr("div", (FIRST_AGE, const(2.0)), None, DURATION)),
        ("first_age / 1 day", Expr("div", (FIRST_AGE, const(1.0, DURATION)), None, NUMBER)),
        ("onset / onset", Expr("div", (ONSET, ONSET), None, NUMBER)),
        ("1 / first_age", Expr("div", (const(1.0), FIRST_AGE), None, RATE)),
        ("1 / onset", Expr("div", (const(1.0), ONSET), None, DURATION)),
        ("0.45 * age", Expr("mul", (const(0.45), AGE), None, NUMBER)),
        ("age - 50", Expr("sub", (AGE, const(50.0, YEARS)), None, YEARS)),
        ("1.1 * last(sbp)", Expr("mul", (const(1.1), SBP), None, NUMBER)),
        ("last(sbp) - 120", Expr("sub", (SBP, const(120.0, MMHG)), None, MMHG)),
        ("100 + age - last(sbp)", Expr("sub", (Expr("add", (const(100.0, YEARS), AGE), None, YEARS), SBP), None, MMHG)),
        ("atopic + smoker", Expr("add", (ATOPIC, Expr("variable", (), "population.smoker", TRUTH)), None, NUMBER)),
        ("-atopic", Expr("neg", (ATOPIC,), None, NUMBER)),
        ("-onset", Expr("neg", (ONSET,), None, RATE)),
        ("today + 1 day", Expr("add", (Expr("today", (), None, DATE), const(1.0, DURATION)), None, DATE)),
        ("1 day + today", Expr("add", (const(1.0, DURATION), Expr("today", (), None, DATE)), None, DATE)),
        ("today - 1970-01-02", Expr("sub", (Expr("today", (), None, DATE), const(1.0, DATE)), None, DURATION)),
        ("2 ** last(sbp)", Expr("pow", (const(2.0), SBP), None, NUMBER)),
        ("exp(age)", Expr("exp", (AGE,), None, NUMBER)),
        ("floor(age)", Expr("floor", (AGE,), None, YEARS)),
        ("abs(first_age)", Expr("abs", (FIRST_AGE,), None, DURATION)),
        ("max(0, last(sbp))", Expr("max", (const(0.0, MMHG), SBP), None, MMHG)),
        ("min(1, 2, 3)", Expr("min", (Expr("min", (const(1.0), const(2.0))), const(3.0)))),
        # comparisons and choices
        ("last(sbp) >= 140", Expr("ge", (SBP, const(140.0, MMHG)), None, TRUTH)),
        ("last(sbp) > 140 mm[Hg]", Expr("gt", (SBP, const(140.0, MMHG)), None, TRUTH)),
        ("last(sbp) > target", Expr("gt", (SBP, Expr("parameter", (), "asthma.target", MMHG)), None, TRUTH)),
        ("atopic == smoker", Expr("eq", (ATOPIC, Expr("variable", (), "population.smoker", TRUTH)), None, TRUTH)),
        ("onset if atopic else 0", Expr("if", (ATOPIC, ONSET, const(0.0, RATE)), None, RATE)),
        ("5 if atopic else age", Expr("if", (ATOPIC, const(5.0, YEARS), AGE), None, YEARS)),
        ("last(sbp) or_else 120", Expr("or_else", (SBP, const(120.0, MMHG)), None, MMHG)),
        ("not atopic", Expr("not", (ATOPIC,), None, TRUTH)),
        ("atopic and atopic", Expr("and", (ATOPIC, ATOPIC), None, TRUTH)),
        (
            "1 < age < 2",
            Expr(
                "and",
                (
                    Expr("lt", (const(1.0, YEARS), AGE), None, TRUTH),
                    Expr("lt", (AGE, const(2.0, YEARS)), None, TRUTH),
                ),
                None,
                TRUTH,
            ),
        ),
        # years beside durations
        ("age >= 18 years", Expr("ge", (AGE, const(18.0, YEARS)), None, TRUTH)),
        ("years_in(active) < 6 months", Expr("lt", (Expr("years_in", (), "asthma.active", YEARS), const(0.5, YEARS)), None, TRUTH)),
        ("first_age <= age", Expr("le", (Expr("div", (FIRST_AGE, const(365.25, DURATION))), AGE), None, TRUTH)),
        ("age / 10 years", Expr("div", (AGE, const(10.0)), None, NUMBER)),
    ],
)  # fmt: skip
def test_what_a_text_becomes(read: Read, text: str, expression: Expr) -> None:
    assert read(text) == expression


@pytest.mark.parametrize(
    ("text", "expected", "context", "expression"),
    [
        ("140", MMHG, "value", const(140.0, MMHG)),
        ("0", RATE, "rate", const(0.0, RATE)),
        ("0", DURATION, "draw", const(0.0, DURATION)),
        ("age", DURATION, "draw", Expr("mul", (AGE, const(365.25, DURATION)), None, DURATION)),
        ("5 years", YEARS, "draw", const(5.0, YEARS)),
        ("atopic", NUMBER, "condition", ATOPIC),
        ("severe if atopic else mild", SEVERITY, "draw",
         Expr("if", (ATOPIC, const(2.0, SEVERITY), const(0.0, SEVERITY)), None, SEVERITY)),
        ("1.1 * last(sbp)", MMHG, "condition", Expr("mul", (const(1.1), SBP), None, NUMBER)),
    ],
)  # fmt: skip
def test_what_is_expected_shapes_the_result(
    read: Read, text: str, expected: Type, context: Context, expression: Expr
) -> None:
    assert read(text, expected, context) == expression


def test_a_formula_is_written_out(read: Read) -> None:
    gestation = Expr(
        "add", (Expr("time_in", (), "asthma.attack", DURATION), const(14.0, DURATION)), None, DURATION
    )
    assert read("gestation > 20 weeks") == Expr("gt", (gestation, const(140.0, DURATION)), None, TRUTH)


def test_a_formula_stands_where_it_is_named_and_its_parts_where_it_is_written(read: Read) -> None:
    comparison = read("gestation > 20 weeks")
    formula, weeks = comparison.args
    assert formula.span == Span("asthma.yaml", 7, 12, len("gestation"))
    assert formula.args[0].span == Span("asthma.yaml", 90, 5, len("time_in(attack)"))
    assert weeks.span == Span("asthma.yaml", 7, 12 + len("gestation > "), len("20 weeks"))


def test_places_of_typed_nodes(read: Read) -> None:
    text = "last(sbp) > 140 and age - first_age >= 1 year"
    places: dict[str, str] = {}

    def note(e: Expr) -> None:
        assert e.span is not None
        start = e.span.column - 12
        places.setdefault(f"{e.op} {e.value or ''}".strip(), text[start : start + e.span.length])
        for arg in e.args:
            note(arg)

    note(read(text))
    assert places["and"] == text
    assert places["gt"] == "last(sbp) > 140"
    assert places["last asthma.sbp"] == "last(sbp)"
    assert places["sub"] == "age - first_age"
    assert places["div"] == places["parameter asthma.first_age"] == "first_age"


# ---- distributions


@pytest.mark.parametrize(
    ("text", "name", "args", "of"),
    [
        ("uniform(2 hours, 24 hours)", "uniform", "2 hours, 1 day", DURATION),
        ("uniform(2010-01-01, 2011-01-01)", "uniform", "2010-01-01, 2011-01-01", DATE),
        ("normal(266 days, 10 days)", "normal", "38 weeks, 10 days", DURATION),
        ("normal(sd=2, mean=1)", "normal", "1, 2", NUMBER),
        ("normal(120 mmHg, 10)", "normal", "120 mmHg, 10 mmHg", MMHG),
        ("truncated_normal(15, 4, low=8, high=27)", "truncated_normal", "15, 4, 8, 27", NUMBER),
        ("truncated_normal(9 days, 4 days, 0, 2 weeks)", "truncated_normal", "9 days, 4 days, 0 years, 2 weeks",
         DURATION),
        ("lognormal(median=6 days, sigma=0.5)", "lognormal", "6 days, 0.5", DURATION),
        ("lognormal(mean=4, sd=3)", "lognormal",
         "4 / sqrt(3 / 4 * abs(3 / 4) + 1), sqrt(log(3 / 4 * abs(3 / 4) + 1))", NUMBER),
        ("gamma(shape=2, scale=3 days)", "gamma", "2, 3 days", DURATION),
        ("gamma(mean=8 days, sd=4 days)", "gamma",
         "8 days / 4 days * abs(8 days / 4 days), 4 days * (4 days / 8 days)", DURATION),
        ("beta(a=2, b=3)", "beta", "2, 3", NUMBER),
        ("beta(mean=0.5, sd=0.25)", "beta",
         "0.5 * (0.5 * (1 - 0.5) / (0.25 * abs(0.25)) - 1), (1 - 0.5) * (0.5 * (1 - 0.5) / (0.25 * abs(0.25)) - 1)", NUMBER),
        ("exponential(10 years)", "exponential", "10 years", DURATION),
        ("weibull(shape=1.5, scale=25 years)", "weibull", "1.5, 25 years", DURATION),
        ("gompertz(shape=0.09 per year, rate=0.0001 per year)", "gompertz", "0.09 per year, 0.0001 per year",
         DURATION),
        ("poisson(mean=3)", "poisson", "3", NUMBER),
        ("bernoulli(0.28 if male else 0.22)", "bernoulli", "0.28 if sex == male else 0.22", TRUTH),
        ("categorical(mild=0.7, moderate=0.25, severe=0.05)", "categorical", "0.7, 0.25, 0.05", SEVERITY),
        ("categorical(least=0.1, middle=fatality, most=rest)", "categorical", "0.1, asthma.fatality, rest",
         DEPRIVATION),
    ],
)  # fmt: skip
def test_distributions(read: Read, text: str, name: str, args: str, of: Type) -> None:
    draw = read(text, None, "draw")
    assert (draw.op, draw.value, draw.type) == ("draw", name, of)
    assert ", ".join(unparse(arg) for arg in draw.args) == args


# ---- expressions as authors of pathways write them


@pytest.mark.parametrize(
    ("text", "expected", "context"),
    [
        ("onset * (3 if atopic else 1) * exp(-0.06 * age)", RATE, "rate"),
        ("onset * (2 if age < 18 else 1)", RATE, "rate"),
        ("1.5 per year", RATE, "rate"),
        ("onset * proneness * exp(-0.2 * years_in(remission))", RATE, "rate"),
        ("onset * proneness * exp(0.075 * (age - 60)) * (0.5 if female else 1)", RATE, "rate"),
        ("0.55 ** taking(inhaler)", NUMBER, "rate"),
        ("1.8 ** ((usual(sbp) - 120) / 20)", NUMBER, "rate"),
        ("0.78 ** (3.4 - usual(ldl))", NUMBER, "rate"),
        ("in(active) and not diagnosed(asthma)", TRUTH, "rate"),
        ("age >= 12 and taking(inhaler) > 0", TRUTH, "rate"),
        ("today >= 2012-04-01", TRUTH, "rate"),
        ("2005 <= year < 2010", TRUTH, "rate"),
        ("female and not taking(inhaler)", TRUTH, "rate"),
        ("fatality * (8 if severity == severe else 1)", NUMBER, "condition"),
        ("0.12 * 1.04 ** (age - 65)", NUMBER, "condition"),
        ("450 * (1 - 0.12 * in(active)) * (1 - 0.35 * in(attack))", MMHG, "value"),
        ("104 + 0.45 * age + 0.6 * (proneness - 25) + proneness", MMHG, "value"),
        ("45 + 0.25 * usual(sbp)", MMHG, "value"),
        ("3 + (proneness - 3) * (1 - 0.3 * taking(inhaler)) if in(attack) else 3", MMHG, "value"),
        ("45 - 3 * years_in(active) - 12 * in(active) - 20 * in(attack)", MMHG, "value"),
        ("-9 mmHg * taking(inhaler)", MMHG, "value"),
        ("time_in(attack) + 14 days", DURATION, "formula"),
        ("1 - 0.95 ** exp(0.06 * (age - 55) + 0.018 * (last(sbp) - 130) + 0.3 * diagnosed(asthma))", None, "formula"),
        ("count(exacerbation, within=1 year) >= 2", TRUTH, "condition"),
        ("felt(severity) == severe", TRUTH, "condition"),
        ("age >= 40 and not tested(sbp, within=1 year) and not running(review)", TRUTH, "watch"),
        ("first_age <= age < 75 and not diagnosed(asthma) and not running(review)", TRUTH, "watch"),
        ("not felt(active)", TRUTH, "watch"),
        ("age >= 75 or prescribed(inhaler)", TRUTH, "watch"),
        ("2010-01-01 <= today < 2020-01-01", TRUTH, "watch"),
        ("mean(sbp, within=3 months) >= 140", TRUTH, "condition"),
        ("since(nebuliser) < 4 weeks and prescribed(inhaler)", TRUTH, "watch"),
        ("last(ldl) >= 8.5 mmol/L", TRUTH, "condition"),
        ("risk >= fatality", TRUTH, "condition"),
        ("3 months if last(sbp) > target else 1 year", DURATION, "draw"),
        ("28 days", DURATION, "draw"),
        ("uniform(1 week, 4 weeks)", DURATION, "draw"),
        ("uniform(1 week, 2 weeks) if severity == severe else 4 weeks", DURATION, "draw"),
        ("normal(0, 15)", MMHG, "draw"),
        ("uptake", NUMBER, "condition"),
        ("conception", RATE, "rate"),
        ("in(active) or in(attack)", TRUTH, "watch"),
    ],
)  # fmt: skip
def test_pathway_expressions_check_and_read_back(
    read: Read, text: str, expected: Type | None, context: Context
) -> None:
    expression = read(text, expected, context)
    assert read(unparse(expression), expected, context) == expression


def test_levels_come_before_other_names(read: Read, scope: Scope) -> None:
    drinks = Type("category", levels=("active", "year", "never"))
    wider = Scope((Symbol("variable", "asthma.drinking", drinks), Symbol("state", "asthma.active")), "asthma")
    for level, name in enumerate(drinks.levels):
        equality = check(parse(f"drinking == {name}", Span("x", 1, 1)), wider, TRUTH, "condition")
        assert equality.args[1] == const(float(level), drinks)


def test_another_pathway_sees_its_own_names_first() -> None:
    symbols = (Symbol("state", "a.ill"), Symbol("state", "b.ill"), Symbol("condition", "a.flu"))
    text = parse("in(ill) and diagnosed(flu)", Span("x", 1, 1))
    for pathway in "ab":
        both = check(text, Scope(symbols, pathway), TRUTH, "condition")
        assert [e.value for e in both.args] == [f"{pathway}.ill", "a.flu"]
    with pytest.raises(ScenarioError, match=r"`ill` can be state a\.ill, state b\.ill"):
        check(text, Scope(symbols, "c"), TRUTH, "condition")
