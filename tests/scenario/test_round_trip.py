"""A typed expression written out reads back as itself, and the text of `unparse` means what it says."""

# ruff: noqa: E501 - tables of cases, one on a line

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario.diagnostics import Diagnostic, ScenarioError
from sim.scenario.expressions import unparse
from sim.scenario.model import DATE, DURATION, RATE, TRUTH, Expr, Type

SEVERITY = Type("category", levels=("mild", "moderate", "severe"))

TYPES = {
    "number": None,
    "truth": TRUTH,
    "duration": DURATION,
    "rate": RATE,
    "date": DATE,
    "category": SEVERITY,
    "pressure": Type("number", unit="mmHg"),
}

LEAVES = {
    "number": ["3", "0.5", "1e-3", "age", "year", "proneness", "fatality", "taking(inhaler)", "count(attack)", "uptake",
               "years_in(active)", "older", "atopic", "male", "floor(age)", "month",
               "season(peak=march, amplitude=0.3)", "lookup(uptake, most)"],
    "truth": ["atopic", "smoker", "male", "true", "in(active)", "ever(attack)", "diagnosed(asthma)", "running(review)",
              "month == may", "prescribed(inhaler)", "tested(sbp)", "sex == female", "known(last(ldl))"],
    "duration": ["80 days", "6 weeks", "1 year", "2.5 hours", "first_age", "time_in(active)", "since(attack)",
                 "gestation"],
    "rate": ["0.02 per year", "1 per day", "2 per 1000 person-years", "onset", "conception"],
    "date": ["2010-01-01", "1969-12-31", "today"],
    "category": ["severity", "mild", "severe"],
    "pressure": ["last(sbp)", "usual(sbp)", "first(sbp)", "mean(sbp)", "target", "140 mmHg", "120"],
}  # fmt: skip

# What each kind can be made of; the letters stand for kinds.
SHAPES = {
    "number": ["{number} + {number}", "{number} - {number}", "{number} * {number}", "{number} / {number}",
               "{number} ** {number}", "-{number}", "exp({number})", "log({number})", "abs({number})",
               "min({number}, {number}, {number})", "{rate} * {duration}", "{duration} / {duration}", "{rate} / {rate}",
               "{number} if {truth} else {number}", "{number} or_else {number}", "{truth} + {number}",
               "{number} ** ({pressure} / 20)", "count(attack, within={duration})", "risk * {number}"],
    "truth": ["{truth} and {truth}", "{truth} or {truth}", "not {truth}", "{number} < {number}", "{rate} >= {rate}",
              "{number} <= {number} < {number}", "{duration} > {duration}", "{date} < {date}", "known({number})",
              "{pressure} > {pressure}", "severity == {category}", "{category} != severity", "{truth} == {truth}",
              "years_in(active) < {duration}", "{truth} if {truth} else {truth}", "tested(sbp, within={duration})"],
    "duration": ["{duration} + {duration}", "{duration} - {duration}", "{duration} * {number}", "{duration} / (2 * {number})",
                 "{number} * {duration}", "1 / {rate}", "{date} - {date}", "-{duration}", "max({duration}, {duration})",
                 "{duration} if {truth} else {duration}", "{duration} or_else {duration}", "abs({duration})"],
    "rate": ["{rate} + {rate}", "{rate} - {rate}", "{rate} * {number}", "{number} * {rate}", "{rate} / {number}",
             "proneness / {duration}", "0 if {truth} else {rate}", "{rate} if {truth} else {rate}", "min({rate}, {rate})",
             "lookup(conception, age={number})", "{rate} * season(peak=july, amplitude=min(1, fatality))"],
    "date": ["{date} + {duration}", "{date} - {duration}", "{duration} + {date}", "{date} if {truth} else {date}",
             "{date} + years_in(active)"],
    "category": ["{category} if {truth} else {category}", "severity or_else {category}"],
    "pressure": ["{pressure} + {pressure}", "{pressure} - {pressure}", "max({pressure}, {pressure})", "-{pressure}",
                 "{pressure} if {truth} else {pressure}", "{pressure} or_else {pressure}"],
}  # fmt: skip

DRAWS = [
    "normal({number}, 2)", "normal({duration}, 2 days)", "uniform({pressure}, {pressure})", "bernoulli({truth})",
    "lognormal(median={duration}, sigma={number})", "lognormal(mean={pressure}, sd={pressure})",
    "gamma(mean={duration}, sd={duration})", "beta(mean=0.5, sd=0.1 * {truth} + 0.1)", "exponential({duration})",
    "truncated_normal({number}, 3, low={number}, high={number})", "gompertz({rate}, {rate})", "poisson({number})",
    "categorical(mild={truth}, moderate=0, severe=rest)", "weibull(1.5, {duration})",
    "loglogistic(2, {duration})", "gengamma(shape={number}, scale={duration}, power=2)",
    "empirical(p0={duration}, p2_5={duration}, p50={duration}, p100={duration})",
]  # fmt: skip


@st.composite
def texts(draw: st.DrawFn, kind: str, depth: int = 4) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(LEAVES[kind]))
    return draw(filled(draw(st.sampled_from(SHAPES[kind])), depth - 1))


@st.composite
def filled(draw: st.DrawFn, shape: str, depth: int) -> str:
    """`shape` with each {kind} replaced by an expression of that kind, in parentheses unless it is one word."""
    for kind in LEAVES:
        while f"{{{kind}}}" in shape:
            text = draw(texts(kind, depth))
            shape = shape.replace(f"{{{kind}}}", text if text.isidentifier() else f"({text})", 1)
    return shape


# What a well-typed text may still be refused for: constants that have no value, and what has no order or equality.
ALLOWED = {
    "division-by-zero",
    "not-finite",
    "exponent-too-large",
    "impossible-distribution",
    "impossible-window",
    "too-deep",
}


def read_back(read: Callable[..., Expr], text: str, *arguments: object) -> None:
    try:
        expression = read(text, *arguments)
    except ScenarioError as error:
        refused = {d.rule for d in error.diagnostics}
    else:
        refused = set()
        assert_reads_back(read, expression, *arguments)
    assert refused <= ALLOWED


def assert_reads_back(read: Callable[..., Expr], expression: Expr, *arguments: object) -> None:
    again = read(unparse(expression), *arguments)
    assert again == expression
    assert unparse(again) == unparse(expression)


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_typed_expressions_read_back(read: Callable[..., Expr], data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(TYPES)))
    read_back(read, data.draw(texts(kind)), TYPES[kind], "condition")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_draws_read_back(read: Callable[..., Expr], data: st.DataObject) -> None:
    draw = data.draw(filled(data.draw(st.sampled_from(DRAWS)), 2))
    condition = data.draw(texts("truth", 2))
    read_back(read, draw, None, "draw")
    read_back(read, f"{draw} if ({condition}) else {draw}", None, "draw")


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_ill_typed_expressions_are_refused_in_their_place(
    read: Callable[..., Expr], data: st.DataObject
) -> None:
    shape = data.draw(st.sampled_from([*DRAWS, *(shape for shapes in SHAPES.values() for shape in shapes)]))
    for kind in LEAVES:
        shape = shape.replace(f"{{{kind}}}", f"{{{data.draw(st.sampled_from(sorted(LEAVES)))}}}", 1)
    text = data.draw(filled(shape, 2))
    expected = data.draw(st.sampled_from(list(TYPES.values())))
    context = data.draw(st.sampled_from(["rate", "draw", "condition", "value", "formula", "watch"]))
    diagnostics: list[Diagnostic] = []
    try:
        assert isinstance(read(text, expected, context), Expr)
    except ScenarioError as error:
        diagnostics += error.diagnostics
    for diagnostic in diagnostics:
        assert (diagnostic.span.file, diagnostic.span.line) == ("asthma.yaml", 7)
        assert 12 <= diagnostic.span.column < 12 + len(text)


def test_the_resolved_text_is_what_an_author_would_write(read: Callable[..., Expr]) -> None:
    texts = {
        "onset * (3 if atopic else 1)": "asthma.onset * (3 if asthma.atopic else 1)",
        "0.012 per year * 2": "0.012 per year * 2",
        "last(sbp)>=140": "last(asthma.sbp) >= 140 mmHg",
        "male and age >= 18 years": "sex == male and age >= 18",
        "gestation >= 20 weeks": "time_in(asthma.attack) + 2 weeks >= 20 weeks",
        "first_age <= age < 75": "asthma.first_age / 1 year <= age and age < 75",
        "(1 - (2 - 3)) * -(4 + 5)": "(1 - (2 - 3)) * -(4 + 5)",
        "(-2) ** 2 ** 3": "(-2) ** 2 ** 3",
        "conception * uptake": (
            "lookup(asthma.conception, age, sex) * lookup(asthma.uptake, population.deprivation)"
        ),
    }
    assert {text: unparse(read(text)) for text in texts} == texts
