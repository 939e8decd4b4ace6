"""Drugs as authors get them wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import load
from sim.scenario.expressions import unparse
from tests.scenario.conftest import Examine

FRAME = """
scenario: small
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [p.yaml]
"""
GOOD = """pathway: p
biomarkers: {level: {unit: mg, value: taking(tablet)}}
drugs:
  tablet: {doses: [5 mg, 10 mg], adherence: 0.8, works_in: 2 weeks, given_up: {rate: 0.5 per year}}
  plain: {}
ladders: {both: [[tablet], [tablet, plain]]}
care:
  treat:
    starts: {when: age >= 40 and not top_dose(tablet)}
    steps:
      - {prescribe: tablet, dose: 10 mg}
      - {increase: tablet}
      - {switch: plain, to: tablet}
      - {step_up: both}
"""

FILES = {"scenario.yaml": FRAME, "p.yaml": GOOD}


def test_what_taking_means_is_written_out(examine: Examine) -> None:
    scenario, findings = examine()
    assert {f.rule for f in findings} == {"drug-never-stopped"}
    assert scenario
    assert unparse(scenario.biomarkers[0].value) == (
        "taking(p.tablet) * p.tablet_adherence if since(p.tablet) >= 2 weeks and in(p.tablet_kept) else 0"
    )
    assert scenario.drugs[0].doses == ("5 mg", "10 mg")
    assert scenario.drugs[0].shares == (0.5, 1.0)


def test_a_drug_without_doses_is_at_its_top_dose(examine: Examine, tmp_path: Path) -> None:
    examine({"p.yaml": GOOD.replace("top_dose(tablet)", "top_dose(plain)")})
    assert load(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "rule", "message", "at", "fix"),
    [
        ("[5 mg, 10 mg]", "[10 mg, 5 mg]", "not-ascending", "from the lowest", "5 mg", ""),
        ("[5 mg, 10 mg]", "[5 mg, 10 mL]", "wrong-unit", "one unit", "10 mL", ""),
        ("[5 mg, 10 mg]", "[5, 10 mg]", "not-a-dose", "with its unit", "5,", "5 mg"),
        ("[5 mg, 10 mg]", "[0 mg, 10 mg]", "not-a-dose", "above zero", "0 mg", ""),
        ("[5 mg, 10 mg]", "[5 days, 10 mg]", "not-a-dose", "with its unit", "5 days", ""),
        ("dose: 10 mg", "dose: 20 mg", "unknown-dose", "not one of the doses", "20 mg", "5 mg, 10 mg"),
        ("dose: 10 mg", "dose: high", "unknown-name", "`high`", "high", ""),
        ("increase: tablet", "increase: plain", "no-doses", "no other dose", "plain}", ""),
        ("{prescribe: tablet,", "{prescribe: plain,", "no-doses", "has no doses", "10 mg}", ""),
        ("increase: tablet", "increase: tabelt", "unknown-name", "no drug", "tabelt", "`tablet`"),
        ("to: tablet", "to: plain", "same-drug", "to itself", "plain}\n      - {step", ""),
        (", to: tablet", "", "missing-key", "`to:` is missing", "{switch", ""),
        ("step_up: both", "step_up: tablet", "wrong-kind", "`tablet` is a drug", "tablet}\n", ""),
        ("[tablet, plain]", "[tablet, pain]", "unknown-name", "no drug", "pain", "`plain`"),
        ("[[tablet], [tablet, plain]]", "[[tablet], []]", "empty-ladder", "each a drug", "both: ", "[a, b]"),
        ("[[tablet], [tablet, plain]]", "[]", "empty-ladder", "has rungs", "both: ", "[a, b]"),
        ("adherence: 0.8", "adherence: 80", "not-a-probability", "this adherence is 80", "80", ""),
        ("adherence: 0.8", "adherence: 3 days", "wrong-type", "between 0 and 1", "3 days", ""),
        ("works_in: 2 weeks", "works_in: 14", "wrong-type", "is a duration", "14", "2 weeks"),
        ("{rate: 0.5 per year}", "0.5 per year", "wrong-shape", "a map", "0.5 per year", "rate"),
        ("{rate: 0.5 per year}", "{rate: 0.5}", "missing-unit", "rate", "0.5}", ""),
        ("{rate: 0.5 per year}", "{while: age > 40}", "missing-key", "`rate:`", "given_up", ""),
        ("0.5 per year}", "1 per year, while: in(bed)}", "unknown-name", "no state `bed`", "bed", ""),
        ("doses:", "dosis:", "unknown-key", "`dosis`", "dosis", "`doses`"),
        ("drugs:", "variables: {tablet_adherence: 1}\ndrugs:", "same-name", "a drug", "tablet_ad", ""),
    ],
)
def test_mistakes(examine: Examine, old: str, new: str, rule: str, message: str, at: str, fix: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    scenario, findings = examine({"p.yaml": text})
    assert scenario is None
    found = next((f for f in findings if f.rule == rule), None)
    assert found, findings
    assert message in found.message
    assert fix in found.fix
    lines = text.splitlines(keepends=True)
    offset = sum(map(len, lines[: found.span.line - 1])) + found.span.column - 1
    assert text[offset:].startswith(at), text[offset : offset + 20]
