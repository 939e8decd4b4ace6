"""Tests whose results are no numbers, as authors get them wrong."""

from __future__ import annotations

import pytest

from tests.scenario.conftest import Examine

FRAME = """
scenario: small
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [p.yaml]
"""
GOOD = """pathway: p
variables: {smoker: bernoulli(0.3)}
disease: {colon: {normal: {-> cancer: {rate: 0.1 per year}}, cancer: {}}}
biomarkers:
  level: {unit: mg, value: 1, measurement_error: "normal(0, 1)"}
  other: {unit: mg, value: 1, measurement_error: "normal(0, 1)"}
  third: {unit: mg, value: 1, measurement_error: "normal(0, 1)"}
  exact: {unit: mg, value: 1}
tests:
  panel_of_two: {panel: [level, other], errors_correlate: -0.9}
  panel_of_three: {panel: [level, other, third, exact], errors_correlate: 0.6}
  fit:
    positive: {cancer: 0.8, smoker and age > 50: 0.1, otherwise: 0.04}
    takes: 8 days
  scope:
    result:
      cancer: {tumour: 0.97, nothing: rest}
      otherwise: {nothing: 1}
care:
  screen:
    starts: {when: age >= 40 and not positive(fit)}
    steps:
      - test: [fit, scope, level, panel_of_two, panel_of_three]
      - {if: tested(panel_of_two), then: []}
      - {if: last(scope) == tumour, then: []}
"""


# What is wrong in these ways has more that goes wrong.
LEAVE_MORE = ("duplicate-key", "same-name", "test-kind", "wrong-shape", "wrong-kind", "unknown-name")

FILES = {"scenario.yaml": FRAME, "p.yaml": GOOD}


def test_it_is_good(examine: Examine) -> None:
    scenario, findings = examine()
    assert findings == ()
    assert scenario
    fit, scope = scenario.examinations
    assert [panel.biomarkers for panel in scenario.panels] == [
        ("p.level", "p.other"),
        ("p.level", "p.other", "p.third", "p.exact"),
    ]
    assert fit.type.kind == "truth"
    assert scope.type.levels == ("tumour", "nothing")


@pytest.mark.parametrize(
    ("old", "new", "rule", "message", "at", "fix"),
    [
        ("cancer: 0.8", "cancer: 1.8", "not-a-probability", "is 1.8", "1.8", ""),
        ("cancer: 0.8", "cancre: 0.8", "unknown-name", "there is no `cancre`", "cancre", "cancer"),
        ("cancer: 0.8", "colon: 0.8", "wrong-kind", "is an axis", "colon", "in(...)"),
        ("cancer: 0.8", "diagnosed(x): 0.8", "unknown-name", "condition `x`", "x", ""),
        ("cancer: 0.8", "prescribed(fit): 0.8", "wrong-kind", "is a test", "fit", "last(fit)"),
        ("cancer: 0.8", "last(level) > 1: 0.8", "record-in-truth", "is on the record", "last(level)", ""),
        (
            "cancer: 0.8",
            "cancer: 0.8 if tested(fit) else 0",
            "record-in-truth",
            "on the record",
            "tested",
            "",
        ),
        (
            "cancer: 0.8",
            "cancer: bernoulli(0.5)",
            "draw-not-allowed",
            "what a test sees cannot draw",
            "b",
            "",
        ),
        (", otherwise: 0.04", "", "missing-key", "minus the specificity", "positive", "otherwise"),
        ("{cancer: 0.8, smoker", "{otherwise: 0, smoker", "duplicate-key", "otherwise", "otherwise", ""),
        (
            "{cancer: 0.8, smoker and age > 50: 0.1, otherwise: 0.04}",
            "{otherwise: 0.04, cancer: 0.8}",
            "unreachable-entry",
            "nothing after `otherwise:`",
            "cancer",
            "before",
        ),
        ("{tumour: 0.97, nothing: rest}", "{tumour: 0.97}", "shares-sum", "add up to 0.97", "cancer", "rest"),
        ("{tumour: 0.97, nothing: rest}", "0.97", "wrong-shape", "a map", "0.97", ""),
        ("{nothing: 1}", "{nothing: rest, tumour: rest}", "two-rests", "more than one", "rest", ""),
        ("    takes: 8 days", "    takes: 8", "missing-unit", "a duration", "8", "8 days"),
        ("    takes: 8 days", "    result: {otherwise: {a: 1}}", "test-kind", "has `positive:`", "fit", ""),
        (
            "not positive(fit)",
            "not positive(scope)",
            "wrong-kind",
            "does not say yes or no",
            "pos",
            "last(scope) ==",
        ),
        ("not positive(fit)", "not positive(level)", "wrong-kind", "is a biomarker", "level", "last(level)"),
        ("not positive(fit)", "mean(fit) > 0", "wrong-kind", "is a test", "fit", "last(fit)"),
        ("not positive(fit)", "usual(fit) > 0", "wrong-kind", "is a test", "fit", "last(fit)"),
        ("not positive(fit)", "fit", "wrong-kind", "is a test, not a value", "fit", "last(fit)"),
        ("scope) == tumour", "scope) == tumor", "unknown-level", "is not a level", "tumor", "tumour"),
        ("scope) == tumour", "scope) > tumour", "wrong-type", "have no order", "last", ""),
        (
            "test: [fit, ",
            "test: [cancer, ",
            "wrong-kind",
            "biomarker or test or panel belongs",
            "cancer",
            "",
        ),
        (
            "0.6}",
            "-0.6}",
            "not-a-correlation",
            "3 errors can have correlations between -0.5 and 1",
            "-0.6",
            "",
        ),
        ("-0.9", "-1", "not-a-correlation", "2 errors can have correlations between -1 and 1", "-1", ""),
        ("-0.9", "age", "not-constant", "reads parameters alone", "age", ""),
        ("[level, other], err", "[level, exact], err", "nothing-to-correlate", "less than two", "-0.9", ""),
        ("[level, other], err", "[level, level], err", "same-name", "twice", "level]", ""),
        (
            "[level, other], err",
            "level, err",
            "wrong-shape",
            "two biomarkers or more",
            "panel:",
            "[sbp, dbp]",
        ),
        ("[level, other], err", "[level, fit], err", "wrong-kind", "is a test", "fit]", ""),
        ("[level, other], err", "[level, othr], err", "unknown-name", "biomarker `othr`", "othr", "other"),
        (
            "{panel: [level, other], ",
            "{panel: [level, other], takes: 1 day, ",
            "misplaced-key",
            "",
            "takes",
            "",
        ),
        ("tested(panel_of_two)", "last(panel_of_two) > 1", "wrong-kind", "is a panel", "panel_of_two", ""),
        ("tested(panel_of_two)", "count(panel_of_two) > 1", "wrong-kind", "is a panel", "panel_of_two", ""),
        (
            "    takes: 8 days",
            "    errors_correlate: 0.5",
            "misplaced-key",
            "a panel's biomarkers",
            "errors",
            "",
        ),
        ("  scope:\n", "  level:\n", "same-name", "defined under `biomarkers:`", "level", ""),
    ],
)
def test_mistakes(examine: Examine, old: str, new: str, rule: str, message: str, at: str, fix: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    _, findings = examine({"p.yaml": text})
    errors = [f for f in findings if f.severity == "error"]
    assert rule in [f.rule for f in errors], [(f.rule, f.message) for f in findings]
    error = next(f for f in errors if f.rule == rule)
    assert message in error.message
    assert fix in error.fix
    assert text.splitlines()[error.span.line - 1][error.span.column - 1 :].startswith(at)
    if rule not in LEAVE_MORE:
        assert len(errors) == 1, [(f.rule, f.message) for f in errors]
