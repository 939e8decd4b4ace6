"""Variation within a person: an Ornstein-Uhlenbeck process that is a function of time, not of who looks
when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

Live = Callable[..., Any]
N = 4000
WORLD = """
biomarkers:
  glucose: {unit: mmol/L, value: 5, decimals: 9, within_person: "ou(sd=2, half_life=%s)"}
  pressure: {unit: mmHg, value: 120, decimals: 9, within_person: "ou(sd=2, half_life=%s)"}
care:
  tests:
    starts: {when: age >= 10}
    steps: [{every: %s, at_most: %d, steps: {test: [glucose, pressure]}}]
"""


def noises(live: Live, half_life: str, every: str, times: int, more: str = "", n: int = N) -> Any:
    """The noise, in standard deviations, of each patient and test: of glucose, and of pressure."""
    lives = live(WORLD % (half_life, half_life, every, times) + more, n)
    glucose, pressure = (
        lives.rows("biomarker", name).value.reshape(n, times) for name in ("glucose", "pressure")
    )
    return (glucose - 5) / 2, (pressure - 120) / 2


def test_it_is_stationary_and_forgets_by_half_each_half_life(live: Live) -> None:
    """Tests a day apart, each on a node of its own (a sixteenth of the half-life), over two blocks of the
    bridge and more: the correlation is 2 ** (-lag / 16 days) wherever one starts, at a block's border too.
    White noise, a random walk, or a half-life off by a tenth would all show.
    """
    days = 600
    x, _ = noises(live, "16 days", "1 day", days)
    assert (abs(x.mean(axis=0)) < 6 / np.sqrt(N)).all()
    assert (abs(x.var(axis=0) - 1) < 6 * np.sqrt(2 / N)).all()
    assert stats.kstest(x[:, ::256].ravel(), stats.norm.cdf).pvalue > 1e-6
    for lag in (1, 2, 4, 8, 16, 32, 64, 128):
        r = 2.0 ** (-lag / 16)
        products = (x[:, :-lag] * x[:, lag:]).mean(axis=0)
        # each start by itself, and all together: the mean over starts is far sharper
        assert (abs(products - r) < 6 * np.sqrt((1 + r * r) / N)).all()
        of_patients = (x[:, :-lag] * x[:, lag:]).mean(axis=1)
        assert abs(of_patients.mean() - r) < 5 * of_patients.std() / np.sqrt(N)


@pytest.mark.parametrize("half_life", ["3 hours", "30 days", "10 years"])
def test_at_any_time_the_correlation_is_near(live: Live, half_life: str) -> None:
    """Between nodes the value stays, so that correlations are off by less than that of one grid step, 4 %."""
    days = {"3 hours": 0.125, "30 days": 30.0, "10 years": 3652.5}[half_life]
    step = days * 0.37
    x, _ = noises(live, half_life, f"{step!r} days", 12)
    for lag in (1, 2, 5, 11):
        r = 2.0 ** (-lag * 0.37)
        of_patients = (x[:, :-lag] * x[:, lag:]).mean(axis=1)
        assert abs(of_patients.mean() - r) < 5 * of_patients.std() / np.sqrt(N) + (1 - 2 ** (-1 / 16)) * r


def test_patients_and_biomarkers_are_independent(live: Live) -> None:
    x, y = noises(live, "16 days", "1 day", 50)
    assert abs(np.corrcoef(x[:, 0], y[:, 0])[0, 1]) < 5 / np.sqrt(N)
    assert abs(np.corrcoef(x[:-1, 0], x[1:, 0])[0, 1]) < 5 / np.sqrt(N)
    lagged = (x[:, 0] * y[:, 10]).mean()
    assert abs(lagged) < 5 / np.sqrt(N)


def test_one_more_test_changes_no_other_value(live: Live) -> None:
    """Nor does measuring at other times first."""
    x, y = noises(live, "16 days", "10 days", 30, n=50)
    lives = live(
        WORLD % ("16 days", "16 days", "10 days", 30)
        + """
  more:
    starts: {when: age >= 9.99}
    steps: [{every: 3 hours, at_most: 500, steps: {test: glucose}}]
""",
        50,
    )
    assert len(lives.rows("biomarker", "glucose").value) == 50 * 530
    pressure = lives.rows("biomarker", "pressure")
    assert np.array_equal(pressure.value.reshape(50, 30), y * 2 + 120)
    # in time there are other tests of glucose between those of pressure, and at the same moments
    glucose = lives.rows("biomarker", "glucose")
    found = {
        (patient, start): value
        for patient, start, value in zip(glucose.patient, glucose.start, glucose.value, strict=True)
    }
    moments = zip(pressure.patient, pressure.start, strict=True)
    assert [found[moment] for moment in moments] == pytest.approx((x * 2 + 5).ravel(), abs=1e-12)


def test_usual_values_are_without_noise_and_results_have_it(live: Live) -> None:
    lives = live(
        """
biomarkers:
  glucose:
    unit: mmol/L
    value: 5 + 1 * in(ill)
    within_person: ou(sd=0.4, half_life=3 days)
    measurement_error: normal(0, 0.3)
    decimals: 6
  seen: {unit: mmol/L, value: usual(glucose), decimals: 6}
disease: {course: {well: {-> ill: {after: 20 years}}, ill: {}}}
care:
  tests:
    starts: [{when: age >= 10}, {when: age >= 30}]
    steps: {test: [glucose, seen]}
""",
        N,
    )
    seen = lives.rows("biomarker", "seen").value.reshape(N, 2)
    assert (seen == [5, 6]).all()
    results = lives.rows("biomarker", "glucose").value.reshape(N, 2)
    assert stats.kstest((results - seen).ravel(), stats.norm(0, 0.5).cdf).pvalue > 1e-6
    assert abs(np.corrcoef(results.T)[0, 1]) < 5 / np.sqrt(N)
