"""`correlations:` that cannot be, each with its rule and its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import check, constants, load
from sim.scenario.copula import NotPositiveDefiniteError, cholesky, scores

SCENARIO = """
scenario: small
window: {from: 2000-01-01, to: 2010-01-01}
population:
  size: 1
  born: {from: 1930-01-01, to: 1990-01-01}
  sex: {female: 0.5, male: 0.5}
  variables: {smoker: bernoulli(0.3)}
  correlations: [{between: [smoker, p.x], r: 0.1}]
parameters: {k: {value: 0.25, source: a made up one}}
correlations: [{between: [p.y, p.x], r: k}]
pathways: [p.yaml]
"""
PATHWAY = """
pathway: p
variables: {x: "normal(0, 1)", y: "normal(0, 1)", z: "normal(0, 1)", w: x + 1}
disease: {course: {well: {}}}
"""


def write(folder: Path, correlations: str) -> Path:
    (folder / "scenario.yaml").write_text(SCENARIO)
    (folder / "p.yaml").write_text(PATHWAY + correlations)
    return folder


def test_all_files_together(tmp_path: Path) -> None:
    scenario = load(write(tmp_path, "correlations: [{among: [x, z], matrix: [[1, 0.5], [0.5, 1]]}]"))
    found = {c.between: constants.value(c.r, scenario) for c in scenario.correlations}
    assert found == {
        ("p.y", "p.x"): 0.25,
        ("population.smoker", "p.x"): 0.1,
        ("p.x", "p.z"): 0.5,
    }
    assert set(scores(scenario)) == {"p/variables/y", "p/variables/z", "population/variables/smoker"}
    changed = load(tmp_path, {"k": "0.1"})
    assert scores(changed)["p/variables/y"][0] == ("p/variables/x", 0.1)


@pytest.mark.parametrize(
    ("entry", "rule", "message"),
    [
        ("{between: [x, z]}", "correlation-kind", "`r:` between two"),
        ("{between: [x, z], matrix: [[1]]}", "correlation-kind", "`r:` between two"),
        ("{between: [x, y, z], r: 0.1}", "correlation-kind", "here are 3"),
        ("{between: [x, x], r: 0.1}", "correlation-kind", "one variable twice"),
        ("{between: [x, q], r: 0.1}", "unknown-name", "`q`"),
        ("{between: [x, w], r: 0.1}", "not-drawn", "`w` is not drawn"),
        ("{between: [x, sex], r: 0.1}", "not-drawn", "`sex` is not drawn"),
        ("{between: [x, z], r: 1}", "not-a-correlation", "this correlation is 1"),
        ("{between: [x, z], r: 40}", "not-a-correlation", "this correlation is 40"),
        ("{between: [x, z], r: y}", "not-constant", "parameters alone"),
        ("{between: [x, z], r: 0.1, source: nowhere}", "unknown-source", "`nowhere`"),
        ("{between: [x, y], r: 0.3}", "two-correlations", "given twice"),
        ("{between: [x, z], r: 0.2, p: 0.3}", "unknown-key", "`p`"),
        ("{among: [x, z], matrix: [[1, 0.1]]}", "not-a-matrix", "2 rows of 2"),
        ("{among: [x, z], matrix: [[1, 0.1], [0.2, 1]]}", "not-a-matrix", "not symmetric"),
        ("{among: [x, z], matrix: [[2, 0.1], [0.1, 1]]}", "not-a-matrix", "with itself is 1"),
        ("{between: [y, z], r: 0.9}\n  - {between: [x, z], r: -0.9}", "impossible-correlations", "`p.z`"),
    ],
)
def test_mistakes(tmp_path: Path, entry: str, rule: str, message: str) -> None:
    scenario, findings = check(write(tmp_path, f"correlations:\n  - {entry}\n"))
    assert scenario is None
    errors = [f for f in findings if f.severity == "error"]
    assert [f.rule for f in errors] == [rule]
    assert message in errors[0].message
    assert errors[0].span.file.endswith("p.yaml")
    assert errors[0].span.line == 6 + entry.count("\n")


def test_cholesky() -> None:
    rows = cholesky({("a", "b"): 0.5, ("c", "b"): -0.25, ("d", "e"): 0.1})
    assert rows["a"] == {"a": 1.0}
    for one in rows:
        for other in rows:
            product = sum(weight * rows[other].get(name, 0.0) for name, weight in rows[one].items())
            r = {"ab": 0.5, "bc": -0.25, "de": 0.1}.get("".join(sorted(one + other)), float(one == other))
            assert product == pytest.approx(r, abs=1e-15)
    with pytest.raises(NotPositiveDefiniteError):
        cholesky({("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): 0.0})
