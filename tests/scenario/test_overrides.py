"""`parameters`, which the command line calls `--set`: other values for the parameters of a scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import ScenarioError, load
from sim.scenario.model import DAYS_PER_YEAR

SMALL = Path(__file__).parent / "data" / "small"


@pytest.mark.parametrize(
    ("name", "text", "per_year"),
    [
        ("onset", "0.02", 0.02),
        ("lung.onset", "0.02 per year", 0.02),
        ("onset", "20 per 1000 person-years", 0.02),
        ("onset", "2 * 0.01 per year", 0.02),
        ("onset", "0", 0.0),
    ],
)
def test_a_value_is_in_the_parameters_unit(name: str, text: str, per_year: float) -> None:
    (onset, *_) = load(SMALL, {name: text}).parameters
    assert onset.name == "lung.onset"
    assert onset.value == pytest.approx(per_year / DAYS_PER_YEAR, rel=1e-15)
    assert onset.ci95 == load(SMALL).parameters[0].ci95


@pytest.mark.parametrize(
    ("name", "text", "rule", "part"),
    [
        ("onst", "1", "unknown-name", "there is no parameter `onst`"),
        ("onset", "3 days", "wrong-type", "a rate belongs here"),
        ("onset", "3 +", "syntax", "missing at the end"),
        ("onset", "", "empty-expression", "empty"),
        ("onset", "frailty", "not-constant", "reads nothing else"),
        ("trend", "2", "wrong-kind", "`trend` is a table"),
        ("smoker", "true", "wrong-kind", "`smoker` is a variable"),
    ],
)
def test_a_wrong_value_is_told(name: str, text: str, rule: str, part: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        load(SMALL, {name: text})
    (found,) = raised.value.diagnostics
    assert found.rule == rule
    assert part in found.message
    assert found.span.file == f"--set {name}"


def test_an_unknown_name_finds_its_neighbour() -> None:
    with pytest.raises(ScenarioError) as raised:
        load(SMALL, {"onst": "1"})
    assert raised.value.diagnostics[0].fix == "did you mean `onset`?"
