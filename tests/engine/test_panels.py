"""Panels: biomarkers measured together, whose errors go together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

Live = Callable[..., Any]

PATHWAY = """
sources: {{invented: invented}}
parameters: {{r: {{value: {r}, source: invented}}}}
biomarkers:
  alpha: {{unit: mmHg, value: 100, measurement_error: "normal(0, 4)", decimals: 6}}
  beta_: {{unit: mmHg, value: 50, measurement_error: "uniform(-3, 3)", decimals: 6}}
  gamma_: {{unit: mmHg, value: 20, measurement_error: "gamma(mean=2, sd=1)", decimals: 6}}
  exact: {{unit: mmHg, value: 7}}
tests:
  all: {{panel: [gamma_, alpha, exact, beta_]{correlate}}}
care: {{once: {{starts: {{when: age >= 10}}, steps: {{test: all}}}}}}
"""
PATIENTS = 6000


def measured(live: Live, r: float, correlate: str = ", errors_correlate: r") -> dict[str, np.ndarray]:
    lives = live(PATHWAY.format(r=r, correlate=correlate), PATIENTS)
    return {name: lives.rows("biomarker", name).value for name in ("alpha", "beta_", "gamma_", "exact")}


@pytest.mark.parametrize("r", [0.6, -0.4])
def test_errors_have_the_correlation_declared_and_their_own_distributions(live: Live, r: float) -> None:
    """In normal scores: each error taken back to its uniform, and that to a standard normal quantile."""
    found = measured(live, r)
    uniforms = {
        "alpha": stats.norm.cdf(found["alpha"] - 100, scale=4),
        "beta_": stats.uniform.cdf(found["beta_"] - 50, loc=-3, scale=6),
        "gamma_": stats.gamma.cdf(found["gamma_"] - 20, a=4, scale=0.5),
    }
    for u in uniforms.values():
        assert stats.kstest(u, "uniform").pvalue > 1e-6
    scores = {name: stats.norm.ppf(np.clip(u, 1e-9, 1 - 1e-9)) for name, u in uniforms.items()}
    for one, other in (("alpha", "beta_"), ("alpha", "gamma_"), ("beta_", "gamma_")):
        seen = float(np.corrcoef(scores[one], scores[other])[0, 1])
        assert abs(seen - r) < 5 * (1 - r * r) / np.sqrt(PATIENTS), (one, other, seen)
    assert set(found["exact"]) == {7.0}


def test_without_correlation_errors_are_independent(live: Live) -> None:
    found = measured(live, 0.0, "")
    seen = float(np.corrcoef(found["alpha"], found["beta_"])[0, 1])
    assert abs(seen) < 5 / np.sqrt(PATIENTS)


def test_a_panel_is_tested_where_all_of_it_is(live: Live) -> None:
    lives = live(
        """
biomarkers: {one: {unit: mg, value: 1}, two: {unit: mg, value: 2}}
tests: {both: {panel: [one, two]}}
procedures: {before: {}, half: {}, whole: {}, late: {}}
care:
  once:
    starts: {when: age >= 10}
    steps:
      - {if: tested(both), then: {perform: before}}
      - test: one
      - {if: tested(both), then: {perform: half}}
      - test: both
      - {if: "tested(both) and tested(both, within=10 days)", then: {perform: whole}}
      - wait: 11 days
      - test: two
      - {if: "tested(both, within=10 days)", then: {perform: late}}
"""
    )
    assert [name for name, _ in lives.story()] == ["one", "one", "two", "whole", "two"]
