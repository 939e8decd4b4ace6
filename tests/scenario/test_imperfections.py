"""Imperfections as they are written, resolved, and got wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sim.scenario import Diagnostic, check, load, resolved_form
from sim.scenario.fingerprint import fingerprint
from sim.scenario.model import Imperfection, Scenario, Target

FRAME = """
scenario: lung
window: {from: 2000-01-01, to: 2010-01-01}
population:
  size: 10
  born: {from: 1930-01-01, to: 1990-01-01}
  sex: {female: 0.5, male: 0.5}
  variables: {smoker: bernoulli(0.3)}
pathways: [lung.yaml]
providers: {clinic: {class: ambulatory}, hospital: {class: inpatient}}
imperfections:
"""
LUNG = """
pathway: lung
parameters: {forgetful: {by: sex, value: {female: 0.1, male: 0.2}, source: made up}}
formulas: {old: age > 60, lately: since(clinic) < 1 year}
disease: {course: {well: {-> ill: {rate: 0.2 per year}}, ill: {}}}
biomarkers:
  sugar: {unit: mmol/L, value: 7}
  sbp: {unit: mmHg, value: 130}
conditions: {cough: {}, cold: {}}
drugs: {syrup: {allow: {drug-never-stopped: a test}}}
care:
  yearly:
    starts: {rate: 0.5 per year}
    steps:
      visit: clinic
      steps: [{test: [sugar, sbp]}, {diagnose: cough}, {diagnose: cold}, {prescribe: syrup}]
"""

Checked = Callable[[str], tuple[Scenario | None, tuple[Diagnostic, ...]]]


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    """A scenario with these imperfections, one on a line, and what was found in it."""

    def checked(imperfections: str) -> tuple[Scenario | None, tuple[Diagnostic, ...]]:
        lines = "".join(f"  {line}\n" for line in imperfections.splitlines())
        (tmp_path / "scenario.yaml").write_text(FRAME + lines)
        (tmp_path / "lung.yaml").write_text(LUNG)
        return check(tmp_path)

    return checked


ALL = """\
a: {missing: observations}
b: {missing: [cough, clinic, deaths, syrup], chance: forgetful if old or in(ill) or diagnosed(cold) else 0.5}
c: {late: sugar, by: "gamma(mean=3 days, sd=1 day)", chance: 0.5 if value > 8 mmol/L else 0}
d: {duplicated: medications, chance: 0.1 if provider == hospital else 0.2 * prescribed(syrup)}
e: {rounded: sbp, to: 5 mmHg, chance: "min(1, value / 300)"}
f: {wrong_unit: sugar, factor: 18.016, unit: mg/dL, decimals: 0, chance: 0.1 * (year < 2005 and month > 6)}
g: {wrong_code: cough, becomes: cold, chance: 0.1 * smoker * ever(ill) if today < 2004-05-01 else 0}
h: {wrong_unit: observations, factor: 10}"""


def test_what_they_mean(checked: Checked) -> None:
    scenario, findings = checked(ALL)
    assert [f.rule for f in findings] == ["unused-formula"]
    assert scenario
    found = {i.name: i for i in scenario.imperfections}
    assert list(found) == list("abcdefgh")
    assert found["a"] == Imperfection(
        *("a", "missing", (Target("observations", None),), None, None, None, None, None, None, ()),
        site="imperfections/a",
        span=found["a"].span,
    )
    assert found["b"].targets == (
        Target("conditions", "lung.cough"),
        Target("encounters", "clinic"),
        Target("deaths", None),
        Target("medications", "lung.syrup"),
    )
    assert (found["f"].factor, found["f"].unit, found["f"].decimals) == (18.016, "mg/dL", 0)
    assert (found["e"].to, found["g"].becomes) == (5.0, ("lung.cold",))


def test_the_resolved_form_reads_back_the_same(checked: Checked, tmp_path: Path) -> None:
    scenario, _ = checked(ALL)
    assert scenario
    folder = tmp_path / "resolved"
    for path, text in resolved_form(tmp_path).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    again = load(folder).imperfections
    assert [replace(i, span=scenario.imperfections[0].span) for i in again] == [
        replace(i, span=scenario.imperfections[0].span) for i in scenario.imperfections
    ]


def test_they_decide_no_life(checked: Checked) -> None:
    one, _ = checked("a: {missing: observations}")
    other, _ = checked(ALL)
    assert one
    assert other
    assert fingerprint(one) == fingerprint(other)


MISTAKES = [
    # of a kind
    ("a: {chance: 0.1}", "imperfection-kind", "this has none"),
    ("a: {missing: sugar, late: sugar, by: 1 day}", "imperfection-kind", "missing and late"),
    ("a: {mising: sugar}", "unknown-key", "did you mean `missing`?"),
    ("a: {missing: sugar, chnce: 0.1}", "unknown-key", "did you mean `chance`?"),
    ("a: {missing: , chance: 0.1}", "wrong-shape", "a name belongs here"),
    ("a: {missing: [], chance: 0.1}", "wrong-shape", "names what is spoiled"),
    ("a: {missing: sugar, by: 1 day}", "misplaced-key", "`by:` does not belong to `missing:`"),
    ("a: {late: sugar}", "missing-key", "by: exponential(3 days)"),
    ("a: {rounded: sbp}", "missing-key", "to: 10"),
    ("a: {wrong_code: cough}", "missing-key", "`becomes:` is missing"),
    ("a: {wrong_unit: sugar}", "missing-key", "factor: 18.016, unit: mg/dL"),
    ("missing: sugar", "wrong-shape", "a map belongs here"),
    # of what
    ("a: {missing: observation}", "unknown-name", "did you mean `observations`?"),
    ("a: {missing: suger}", "unknown-name", "did you mean `sugar`?"),
    ("a: {missing: smoker}", "unknown-name", "no thing on record"),
    ("a: {missing: patients}", "unknown-name", "no table"),
    ("a: {rounded: cough, to: 5}", "wrong-kind", "spoils results"),
    ("a: {wrong_unit: conditions, factor: 2}", "wrong-kind", "spoils results"),
    ("a: {wrong_code: cough, becomes: colt}", "unknown-name", "did you mean `cold`?"),
    ("a: {wrong_code: cough, becomes: syrup}", "wrong-kind", "a condition belongs here"),
    ("a: {wrong_code: cough, becomes: [cold, cough]}", "same-name", "would not be wrong"),
    ("a: {wrong_code: [cough, syrup], becomes: cold}", "wrong-kind", "one kind of thing"),
    # how often
    ("a: {missing: sugar, chance: 5%}", "wrong-unit", "a share of 1"),
    ("a: {missing: sugar, chance: 1.5}", "not-a-probability", "between 0 and 1"),
    ("a: {missing: sugar, chance: bernoulli(0.1)}", "draw-not-allowed", "an imperfection's chance"),
    ("a: {missing: sugar, chance: 0.1 if value > 8 mmHg else 0}", "wrong-unit", "cannot be compared"),
    ("a: {missing: [sugar, sbp], chance: 0.1 if value > 8 else 0}", "no-value", "one biomarker at a time"),
    ("a: {missing: cough, chance: 0.1 if value > 8 else 0}", "no-value", "is a result"),
    ("a: {missing: sugar, chance: 0.1 * smokr}", "unknown-name", "did you mean `smoker`?"),
    (
        "a: {missing: sugar, chance: 0.1 * (provider == clinc)}",
        "unknown-level",
        "did you mean `clinic`?",
    ),
    ("a: {missing: sugar, chance: 0.1 if last(sugar) > 8 else 0}", "not-of-a-row", "cannot read `last`"),
    ("a: {missing: sugar, chance: 0.1 if lately else 0}", "not-of-a-row", "cannot read `since`"),
    ("a: {missing: sugar, chance: 0.1 * in(il)}", "unknown-name", "did you mean `ill`?"),
    # options
    ("a: {late: sugar, by: 3}", "missing-unit", "3 days"),
    ("a: {rounded: sbp, to: 0}", "not-positive", "above zero"),
    ("a: {rounded: sbp, to: 5 mmol/L}", "wrong-unit", "in mmHg belongs here"),
    ("a: {rounded: sbp, to: 5 if smoker else 10}", "not-constant", "the same for all rows"),
    ("a: {wrong_unit: sugar, factor: 2, decimals: 20}", "not-a-range", "0 to 12"),
    ("a: {wrong_unit: sugar, unit: mg/dLL}", "unusual-unit", "did you mean `mg/dL`?"),
]


@pytest.mark.parametrize(("written", "rule", "said"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistakes(checked: Checked, written: str, rule: str, said: str) -> None:
    _, findings = checked(written)
    found = [f for f in findings if not f.rule.startswith("unused")]
    assert rule in [f.rule for f in found], found
    assert len(found) == 1, found
    assert said in f"{found[0].message} {found[0].fix}"
    assert found[0].span.line in (FRAME.count("\n"), FRAME.count("\n") + 1)


def test_everything_wrong_is_found_in_one_go(checked: Checked) -> None:
    _, findings = checked("a: {missing: suger}\nb: {missing: sugar, chance: 2}\nc: {late: sugar}")
    assert [f.rule for f in findings if f.severity == "error"] == [
        "unknown-name",
        "not-a-probability",
        "missing-key",
    ]


def test_what_only_an_imperfection_reads_is_used(checked: Checked) -> None:
    _, findings = checked("a: {missing: sugar, chance: forgetful * smoker if old else 0}")
    assert {f.message for f in findings} == {"nothing reads the formula `lung.lately`"}
