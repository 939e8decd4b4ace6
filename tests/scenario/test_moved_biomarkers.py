"""`modifies:` of biomarkers: what it says, across files, and as authors get it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario.expressions import unparse
from tests.scenario.conftest import Examine

FRAME = """
scenario: small
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [p.yaml, q.yaml]
"""
FIRST = """pathway: p
biomarkers:
  sbp: {unit: mmHg, value: 120}
  dbp: {unit: mmHg, value: 40 + usual(sbp) / 3}
disease: {fibres: {fit: {-> unfit: {rate: 0.1 per year}}, unfit: {}}}
modifies:
  - {biomarker: sbp, add: 5, while: in(unfit)}
"""
SECOND = """pathway: q
formulas: {half: usual(sbp) / 2}
drugs: {tablet: {}}
modifies:
  - {biomarker: sbp, times: 1 - 0.1 * taking(tablet), source: made up}
  - {biomarker: sbp, add: -2 mmHg}
"""

FILES = {"scenario.yaml": FRAME, "p.yaml": FIRST, "q.yaml": SECOND}


def test_files_move_what_others_own(examine: Examine) -> None:
    scenario, findings = examine({"q.yaml": SECOND.replace("formulas: {half: usual(sbp) / 2}\n", "")})
    assert findings == ()
    assert scenario
    assert unparse(scenario.biomarkers[0].value) == (
        "120 mmHg * (1 - 0.1 * taking(q.tablet)) + (5 mmHg if in(p.unfit) else 0 mmHg) + -2 mmHg"
    )


@pytest.mark.parametrize(
    ("old", "new", "rule", "message", "at"),
    [
        ("add: -2 mmHg", "add: half", "circular-definition", "p.sbp -> p.sbp", "half}"),
        ("add: -2 mmHg", "add: usual(dbp)", "circular-definition", "p.dbp", "usual(dbp)"),
        ("add: -2 mmHg", "add: last(sbp)", "record-in-truth", "is on the record", "last(sbp)"),
        ("add: -2 mmHg", "add: -2 mg", "wrong-unit", "a number in mmHg belongs here", "-2 mg"),
        ("add: -2 mmHg", 'add: "normal(0, 1)"', "draw-not-allowed", "cannot draw", "normal"),
        ("add: -2 mmHg", "add: 1, times: 2", "misplaced-key", "multiplies or adds", "add: 1"),
        (
            "{biomarker: sbp, add: -2 mmHg}",
            "{biomarker: sbp}",
            "missing-key",
            "`times:` or `add:`",
            "{biomarker",
        ),
        (
            "{biomarker: sbp, add: -2 mmHg}",
            "{biomarker: spb, add: 1}",
            "unknown-name",
            "biomarker `spb`",
            "spb",
        ),
        (
            "{biomarker: sbp, add: -2 mmHg}",
            "{rate: unfit, add: 1}",
            "misplaced-key",
            "only multiplied",
            "add",
        ),
        ("{biomarker: sbp, add: -2 mmHg}", "{add: 1}", "missing-key", "`rate:` or `biomarker:`", "{add"),
        (
            "sbp, add: -2 mmHg",
            "sbp, rate: unfit, add: 1",
            "misplaced-key",
            "a rate or on a biomarker",
            "rate",
        ),
        ("times: 1 - 0.1 * taking(tablet)", "times: 1e300 * 1e300", "not-finite", "no finite value", "1e300"),
    ],
)
def test_mistakes(examine: Examine, old: str, new: str, rule: str, message: str, at: str) -> None:
    text = SECOND.replace(old, new)
    assert text != SECOND
    _, findings = examine({"q.yaml": text})
    errors = [f for f in findings if f.severity == "error"]
    assert [f.rule for f in errors] == [rule]
    assert message in errors[0].message
    place = errors[0].span
    shown = {"p.yaml": FIRST, "q.yaml": text}[Path(place.file).name].splitlines()[place.line - 1]
    assert shown[place.column - 1 :].startswith(at)
