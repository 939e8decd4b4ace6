"""What is defined nowhere: the message says where it would be."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import check

SCENARIO = """\
scenario: x
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 10, born: {from: 1950-01-01, to: 1960-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [x.yaml]
"""


@pytest.mark.parametrize(
    ("section", "fix"),
    [
        (
            "care: {p: {starts: {when: age > 3}, steps: {visit: practice}}}",
            "define it under `providers:` of scenario.yaml: practice: {class: ambulatory}",
        ),
        ("care: {p: {starts: {when: age > 3}, steps: {perform: scan}}}", "define it under `procedures:`"),
        ("formulas: {f: 1 if in(ill) else 2}", "define it under an axis of `disease:`"),
        ("formulas: {f: smoker}", "define it under `parameters:`, `variables:` or `formulas:`"),
        ("conditions: {hay fever: {}}", "did you mean `hay_fever`?"),
    ],
)
def test_it_is_said_where_it_would_be_defined(tmp_path: Path, section: str, fix: str) -> None:
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    (tmp_path / "x.yaml").write_text(f"pathway: x\n{section}\n")
    _, findings = check(tmp_path)
    assert fix in [finding.fix for finding in findings if finding.severity == "error"]
