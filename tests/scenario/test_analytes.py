"""Clinical units of one analyte: how they convert, and what authors may write beside each other."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scenario.analytes import ANALYTES, conversion
from sim.scenario.expressions import unparse
from sim.scenario.model import If
from sim.scenario.whole import parts
from tests.scenario.conftest import Examine

# Pairs as they are printed side by side, rounded: thresholds of the ADA (glucose, HbA1c) and NCEP ATP III
# (lipids), the NGSP's table of HbA1c, the AMA's factor of creatinine.
PUBLISHED = [
    ("glucose", "mg/dL", 70, "mmol/L", 3.9, 1),
    ("glucose", "mg/dL", 126, "mmol/L", 7.0, 1),
    ("glucose", "mg/dL", 200, "mmol/L", 11.1, 1),
    ("cholesterol", "mg/dL", 100, "mmol/L", 2.59, 2),
    ("cholesterol", "mg/dL", 200, "mmol/L", 5.17, 2),
    ("cholesterol", "mg/dL", 240, "mmol/L", 6.21, 2),
    ("triglycerides", "mg/dL", 150, "mmol/L", 1.69, 2),
    ("triglycerides", "mg/dL", 500, "mmol/L", 5.65, 2),
    ("creatinine", "mg/dL", 1.0, "umol/L", 88.4, 1),
    ("creatinine", "mg/dL", 1.3, "µmol/L", 115, 0),
    ("creatinine", "mg/dL", 1.0, "mg/L", 10, 6),
    ("hba1c", "%", 5.0, "mmol/mol", 31, 0),
    ("hba1c", "%", 5.7, "mmol/mol", 39, 0),
    ("hba1c", "%", 6.5, "mmol/mol", 48, 0),
    ("hba1c", "%", 7.0, "mmol/mol", 53, 0),
    ("hba1c", "%", 9.0, "mmol/mol", 75, 0),
    ("hba1c", "mmol/mol", 48, "%", 6.5, 1),
    ("hba1c", "mmol/mol", 86, "%", 10.0, 1),
]


@pytest.mark.parametrize(("analyte", "unit", "value", "to", "published", "decimals"), PUBLISHED)
def test_published_pairs(
    analyte: str, unit: str, value: float, to: str, published: float, decimals: int
) -> None:
    line = conversion(analyte, unit, to)
    assert line
    assert round(float(Fraction(value) * line[0] + line[1]), decimals) == published


UNITS = [(analyte, one, two) for analyte, lines in ANALYTES.items() for one in lines for two in lines]


@given(st.sampled_from(UNITS), st.floats(0.01, 1000))
def test_there_and_back(units: tuple[str, str, str], value: float) -> None:
    analyte, one, two = units
    there, back = conversion(analyte, one, two), conversion(analyte, two, one)
    assert there
    assert back
    exact = Fraction(value)
    assert (exact * there[0] + there[1]) * back[0] + back[1] == exact


def test_what_is_no_unit_of_an_analyte_does_not_convert() -> None:
    assert conversion("glucose", "mmHg", "mmol/L") is None
    assert conversion("water", "mg/dL", "mmol/L") is None
    assert conversion("hba1c", "%", "mmol/L") is None


FRAME = """
scenario: small
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [p.yaml]
"""
GOOD = """pathway: p
sources: {ada: ADA}
parameters: {limit: {value: 7 mmol/L, source: ada}}
variables: {own: "normal(5.2 mmol/L, 0.4 mmol/L)"}
biomarkers:
  sugar:
    {analyte: glucose, unit: mg/dL, value: own + 1 mmol/L, measurement_error: "normal(0, 0.1 mmol/L)",
     range: 1 mmol/L to 600}
  plasma: {analyte: glucose, unit: mmol/L, value: 5}
  a1c:
    {analyte: hba1c, unit: "%", value: 40 mmol/mol, measurement_error: "normal(0, 0.1)",
     range: 20 mmol/mol to 15}
  fat: {unit: mmol/L, value: 2}
modifies:
  - {biomarker: sugar, add: 2 mmol/L}
care:
  look:
    starts: {when: last(sugar) > 7 mmol/L}
    steps:
      - {if: last(sugar) >= limit, then: []}
      - {if: last(a1c) >= 48 mmol/mol, then: []}
      - {if: last(sugar) > last(plasma), then: []}
      - {if: 100 < last(sugar) < 12 mmol/L, then: []}
      - {if: "max(last(sugar), 7 mmol/L) > 0", then: []}
"""

FILES = {"scenario.yaml": FRAME, "p.yaml": GOOD}


def test_other_units_are_converted_where_they_stand(examine: Examine) -> None:
    """By 18.0156 mg/dL to the mmol/L of glucose, and by NGSP = 0.09148 IFCC + 2.152."""
    scenario, findings = examine()
    assert {f.severity for f in findings} == {"warning"}  # nothing ever measures it
    assert scenario
    sugar, _, a1c, _ = scenario.biomarkers
    assert unparse(sugar.value) == "(p.own + 1 mmol/L) * 18.0156 + 36.0312 mg/dL"
    assert sugar.measurement_error
    assert unparse(sugar.measurement_error) == "normal(mean=0 mmol/L, sd=0.1 mmol/L) * 18.0156"
    assert sugar.low == 18.0156
    assert unparse(a1c.value) == "5.8112 %"
    assert a1c.low == pytest.approx(3.9816, rel=1e-12)
    assert [unparse(step.condition) for step in parts(scenario.pathways, If)] == [
        "last(p.sugar) >= p.limit * 18.0156",
        "last(p.a1c) >= 6.54304 %",
        "last(p.sugar) > last(p.plasma) * 18.0156",
        "100 mg/dL < last(p.sugar) and last(p.sugar) < 216.1872 mg/dL",
        "max(last(p.sugar), 126.1092 mg/dL) > 0 mg/dL",
    ]


@pytest.mark.parametrize(
    ("old", "new", "rule", "message", "at", "fix"),
    [
        ("analyte: hba1c", "analyte: hba1", "unknown-analyte", "no analyte whose units", "hba1", "hba1c"),
        (
            'hba1c, unit: "%"',
            "hba1c, unit: mmol/L",
            "wrong-unit",
            "not measured in mmol/L",
            "mmol/L",
            "mmol/mol",
        ),
        (
            "last(sugar) > 7 mmol/L",
            "last(sugar) > 7 mmHg",
            "wrong-unit",
            "mg/dL and a number in mmHg",
            "last",
            "",
        ),
        (
            "last(sugar) > 7 mmol/L",
            "last(fat) > 7 mg/dL",
            "wrong-unit",
            "mmol/L and a number in mg/dL",
            "last",
            "",
        ),
        ("a1c) >= 48", "a1c) + 1 mmol/mol >= 48", "wrong-unit", "differ by a shift", "1 mmol/mol", "in %"),
        ('"normal(0, 0.1)"', '"normal(0, 1 mmol/mol)"', "wrong-unit", "not one in mmol/mol", "normal", ""),
        (
            "sugar, add: 2 mmol/L",
            "a1c, add: 2 mmol/mol",
            "wrong-unit",
            "not one in mmol/mol",
            "2 mmol/mol",
            "",
        ),
    ],
)
def test_mistakes(examine: Examine, old: str, new: str, rule: str, message: str, at: str, fix: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    _, findings = examine({"p.yaml": text})
    errors = [f for f in findings if f.severity == "error"]
    error = next(f for f in errors if f.rule == rule)
    assert message in error.message
    assert fix in error.fix
    assert text.splitlines()[error.span.line - 1][error.span.column - 1 :].startswith(at)
