"""`lookup` and `season`, as authors write and mistake them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import load, resolved_form
from sim.scenario.expressions import unparse
from tests.scenario.conftest import Examine
from tests.scenario.test_resolved_form import without_places, written

FRAME = """
scenario: small
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [p.yaml]
"""
GOOD = """pathway: p
sources: {s: made up}
parameters:
  risk: {by: [age, sex, bmi], table: risk.csv, source: s}
  size: {value: 0.5, source: s}
variables:
  heavy: {value: bernoulli(0.1)}
disease:
  course:
    well:
      -> ill: {rate: "0.01 per year * lookup(risk, bmi=25, age=40)"}
    ill:
      -> well:
        rate: 0.1 per year * season(peak=may, amplitude=size) * (1 if heavy else 2)
        while: month >= june
"""
TABLE = """bmi,age,sex,value
18.5-24.9,0-99,female,1
25-39.99,0-99,female,2
18.5-24.9,0-99,male,3
25-39.99,0-99,male,4
"""

FILES = {"scenario.yaml": FRAME, "p.yaml": GOOD, "risk.csv": TABLE}


def test_keys_that_are_not_given_are_the_patients(examine: Examine) -> None:
    scenario, findings = examine()
    assert findings == ()
    assert scenario
    (state, other) = scenario.pathways[0].axes[0].states
    assert unparse(state.exits[0].expression) == "0.01 per year * lookup(p.risk, 40, sex, 25)"  # type: ignore[arg-type]
    assert "season(peak=may, amplitude=p.size)" in unparse(other.exits[0].expression)  # type: ignore[arg-type]
    assert scenario.tables[0].axes[2].breaks == (18.5, 25.0, 40.0)


def test_the_resolved_form_is_the_same_scenario(examine: Examine, tmp_path: Path) -> None:
    examine()
    again = written(resolved_form(tmp_path), tmp_path, tmp_path / "again")
    assert without_places(load(again)) == without_places(load(tmp_path))


@pytest.mark.parametrize(
    ("old", "new", "rule", "message", "fix"),
    [
        ("bmi=25, age=40", "age=40", "wrong-arguments", "the key `bmi` is not given", "bmi=..."),
        ("bmi=25, age=40", "bmo=25", "wrong-arguments", "no key `bmo`", "did you mean `bmi`?"),
        ("bmi=25, age=40", "bmi=25, bmi=26", "", "", ""),
        ("bmi=25, age=40", "40, age=40, bmi=25", "wrong-arguments", "`age` is given twice", ""),
        ("bmi=25, age=40", "40, female, 25, 3", "wrong-arguments", "no more keys than age, sex, bmi", ""),
        ("bmi=25, age=40", "bmi=25, age=3 per year", "wrong-type", "", ""),
        ("bmi=25, age=40", "bmi=2 days", "wrong-type", "the key `bmi` is a number", ""),
        ("bmi=25, age=40", "bmi=25, sex=3", "wrong-type", "the key `sex` is one of female, male", ""),
        (
            "bmi=25, age=40",
            "bmi=18",
            "outside-table",
            "bmi 18 lies outside the table, from 18.5 to below 40",
            "",
        ),
        ("bmi=25, age=40", "bmi=size * 10", "outside-table", "bmi 5 lies outside", ""),
        ("lookup(risk, bmi=25, age=40)", "risk", "keys-to-give", "read by bmi", "lookup(p.risk, bmi=...)"),
        ("lookup(risk, bmi=25, age=40)", "lookup(40)", "wrong-arguments", "reads a table", ""),
        ("lookup(risk, bmi=25, age=40)", "lookup(size, bmi=25)", "wrong-kind", "", ""),
        ("lookup(risk, bmi=25, age=40)", "lookup", "wrong-arguments", "needs arguments", "lookup(...)"),
        ("peak=may", "peak=maj", "unknown-level", "`maj`", "did you mean `may`?"),
        ("peak=may, ", "", "wrong-arguments", "its `peak`", "season(peak=september, amplitude=0.5)"),
        ("peak=may", "peak=5", "wrong-arguments", "by its name", ""),
        ("amplitude=size", "amplitude=1.5", "impossible-amplitude", "the amplitude is 1.5", "0 to 1"),
        ("amplitude=size", "size=0.5", "wrong-arguments", "an `amplitude`", ""),
        ("month >= june", "month >= jun", "unknown-level", "`jun`", "did you mean `june`?"),
        ("month >= june", "age >= june", "unknown-name", "there is no `june`", ""),
    ],
)
def test_mistakes(examine: Examine, old: str, new: str, rule: str, message: str, fix: str) -> None:
    assert old in GOOD
    scenario, findings = examine({"p.yaml": GOOD.replace(old, new, 1)})
    errors = [f for f in findings if f.severity == "error"]
    assert scenario is None, findings
    assert len(errors) == 1, errors
    if rule:
        assert errors[0].rule == rule
        assert message in errors[0].message
        assert fix in errors[0].fix


@pytest.mark.parametrize(
    ("old", "new", "rule"), [("18.5-24.9", "slim", "table-range"), ("bmi", "bmo", "table-columns")]
)
def test_a_column_must_be_there_and_hold_numbers(examine: Examine, old: str, new: str, rule: str) -> None:
    _, findings = examine({"risk.csv": TABLE.replace(old, new)})
    assert [f.rule for f in findings if f.severity == "error"] == [rule]


def test_a_variable_that_is_a_number_is_a_key_in_ranges(examine: Examine) -> None:
    own = GOOD.replace("variables:\n", "variables:\n  bmi: uniform(20, 30)\n")
    own = own.replace("lookup(risk, bmi=25, age=40)", "risk")
    scenario, findings = examine({"p.yaml": own})
    assert findings == ()
    assert scenario
    rate = scenario.pathways[0].axes[0].states[0].exits[0].expression
    assert unparse(rate) == "0.01 per year * lookup(p.risk, age, sex, p.bmi)"  # type: ignore[arg-type]
    _, findings = examine({"p.yaml": own.replace("uniform(20, 30)", "bernoulli(0.3)")})
    assert "wrong-type" in [f.rule for f in findings]
