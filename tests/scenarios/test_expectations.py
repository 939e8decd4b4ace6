"""What is expected of the shipped scenarios holds, and would not if they were wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sim.measure.trials import trial
from sim.scenario import cases

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["diabetes", "cardiometabolic", "elective_surgery"])
def test_it_holds(name: str) -> None:
    found = [result for case in cases(SCENARIOS / name) for result in trial(case)]
    assert len(found) >= 5
    assert [(r.expectation.sentence.text, r.verdict) for r in found if r.verdict != "holds"] == []


@pytest.mark.slow
def test_half_an_effect_is_found() -> None:
    """Half of what diabetes does to kidneys, and its sentence fails."""
    (case,) = (
        c for c in cases(SCENARIOS / "diabetes", {"diabetic_albuminuria": "0.010 per year"}) if not c.changed
    )
    these = tuple(e for e in case.expectations if "harms kidneys" in e.about)
    assert len(these) == 1
    (result,) = trial(replace(case, expectations=these))
    assert result.verdict == "fails"
