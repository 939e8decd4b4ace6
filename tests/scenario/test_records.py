"""Vaccines, records and plans, as authors write and mistake them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import load, resolved_form
from tests.scenario.conftest import Examine
from tests.scenario.test_resolved_form import without_places, written

FRAME = """
scenario: small
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [p.yaml]
"""
GOOD = """pathway: p
conditions: {cough: {snomed: "49727002"}}
vaccines: {flu: {cvx: "140", display: Influenza}}
biomarkers: {pain: {unit: "{score}", range: 0 to 10}, weight: {unit: kg, value: 70}}
care:
  asks:
    starts: {when: age >= 40 and not ever(flu)}
    plan: {snomed: "182836005", reason: cough}
    steps: [{vaccinate: flu}, {record: pain, value: "normal(3, 1)"}, {test: weight}]
"""

FILES = {"scenario.yaml": FRAME, "p.yaml": GOOD}


def test_the_resolved_form_is_the_same_scenario(examine: Examine, tmp_path: Path) -> None:
    scenario, findings = examine()
    assert findings == ()
    assert scenario
    again = written(resolved_form(tmp_path), tmp_path, tmp_path / "again")
    assert without_places(load(again)) == without_places(load(tmp_path))


@pytest.mark.parametrize(
    ("old", "new", "rule", "message"),
    [
        ("vaccinate: flu", "vaccinate: flue", "unknown-name", "there is no vaccine `flue`"),
        ("vaccinate: flu", "perform: flu", "wrong-kind", "`flu` is a vaccine"),
        ("record: pain", "record: cough", "wrong-kind", "a biomarker belongs here"),
        ('value: "normal(3, 1)"', "value: 3 kg", "wrong-unit", "{score}"),
        (', value: "normal(3, 1)"', "", "missing-key", "`value:`"),
        ("{test: weight}", "{test: pain}", "not-measured", "nothing to measure"),
        ("age >= 40", "usual(pain) > 3", "not-measured", "only ever recorded"),
        ("range: 0 to 10", 'measurement_error: "normal(0, 1)"', "misplaced-key", "no `value:`"),
        ("reason: cough", "reason: flu", "wrong-kind", "`flu` is a vaccine"),
        ("reason: cough", "because: cough", "unknown-key", "`because`"),
        ("not ever(flu)", "not ever(cough)", "wrong-kind", "`cough` is a condition"),
        ("vaccines: {flu", "vaccines: {cough: {}, flu", "same-name", "`cough` is defined under"),
    ],
)
def test_mistakes(examine: Examine, old: str, new: str, rule: str, message: str) -> None:
    assert old in GOOD
    scenario, findings = examine({"p.yaml": GOOD.replace(old, new, 1)})
    assert scenario is None
    errors = [f for f in findings if f.severity == "error"]
    assert rule in [e.rule for e in errors], errors
    assert any(message in e.message for e in errors), errors
