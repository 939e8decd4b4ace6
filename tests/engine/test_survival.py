"""Times in states as an analysis of survival sees them: with lifelines, under random censoring."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import autograd.numpy
import lifelines
import numpy as np
import pytest
from lifelines.fitters import ParametricUnivariateFitter
from scipy import stats

YEAR = 365.25
SECOND = 1 / 86_400 / YEAR
PEOPLE = 4000


class Gompertz(ParametricUnivariateFitter):  # type: ignore[misc]
    """Of the hazard rate_ * exp(shape_ * t), which lifelines does not have itself."""

    _fitted_parameter_names = ["rate_", "shape_"]  # noqa: RUF012

    def _cumulative_hazard(self, parameters: Any, times: Any) -> Any:
        rate, shape = parameters
        return rate / shape * autograd.numpy.expm1(shape * times)


def prentice(shape: float, scale: float, power: float) -> list[float]:
    """Stacy's generalised gamma in the parameters of Prentice (1974): mu, log(sigma), lambda."""
    return [math.log(scale) + math.log(shape) / power, -math.log(power * math.sqrt(shape)), shape**-0.5]


def in_pieces(times: Any) -> Any:
    return np.exp(-np.interp(times, [0.0, 5.0, 20.0, 120.0], [0.0, 0.05, 1.55, 4.55]))


PIECES, QUANTILES = [0.0, 5.0, 30.0, 60.0], [0.0, 0.1, 0.5, 1.0]
SOJOURNS: dict[str, tuple[str, Callable[[Any], Any], Any, list[float]]] = {
    "exponential": (
        "exponential(mean=25 years)",
        stats.expon(scale=25).sf,
        lifelines.ExponentialFitter(),
        [25],
    ),
    "weibull": (
        "weibull(shape=1.7, scale=30 years)",
        stats.weibull_min(1.7, scale=30).sf,
        lifelines.WeibullFitter(),
        [30, 1.7],
    ),
    "gompertz": (
        "gompertz(shape=0.08 per year, rate=0.005 per year)",
        stats.gompertz(0.005 / 0.08, scale=1 / 0.08).sf,
        Gompertz(),
        [0.005, 0.08],
    ),
    "lognormal": (
        "lognormal(median=25 years, sigma=0.8)",
        stats.lognorm(0.8, scale=25).sf,
        lifelines.LogNormalFitter(),
        [math.log(25), 0.8],
    ),
    "loglogistic": (
        "loglogistic(shape=1.8, scale=25 years)",
        stats.fisk(1.8, scale=25).sf,
        lifelines.LogLogisticFitter(),
        [25, 1.8],
    ),
    "gamma": (
        "gamma(mean=30 years, sd=15 years)",
        stats.gamma(4.0, scale=7.5).sf,
        lifelines.GeneralizedGammaFitter(),
        prentice(4.0, 7.5, 1.0),
    ),
    "gengamma": (
        "gengamma(shape=0.7, scale=40 years, power=1.6)",
        stats.gengamma(0.7, 1.6, scale=40).sf,
        lifelines.GeneralizedGammaFitter(),
        prentice(0.7, 40.0, 1.6),
    ),
    "piecewise": (
        "piecewise(0.01 per year, 5 years, 0.1 per year, 20 years, 0.03 per year)",
        in_pieces,
        lifelines.PiecewiseExponentialFitter([5, 20]),
        [1 / 0.01, 1 / 0.1, 1 / 0.03],
    ),
    "empirical": (
        "empirical(p0=0 years, p10=5 years, p50=30 years, p100=60 years)",
        lambda times: 1 - np.interp(times, PIECES, QUANTILES),
        None,
        [],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SOJOURNS)
def test_times_in_a_state_are_estimated_back(live: Callable[..., Any], name: str) -> None:
    """Whoever leaves for elsewhere first, or is still there at the end, is censored."""
    after, survival, fitter, parameters = SOJOURNS[name]
    lives = live(
        f"""
disease:
  course:
    there: {{-> gone: {{after: "{after}"}}, -> lost: {{rate: 0.02 per year}}}}
    gone: {{}}
    lost: {{}}
""",
        PEOPLE,
    )
    gone, lost = lives.first("state", "gone"), lives.first("state", "lost")
    end = lives.people.left / 86_400 - lives.people.birth
    times = np.maximum(np.minimum(np.minimum(gone, lost), end) / YEAR, SECOND)
    seen = np.isfinite(gone)
    assert 0.3 < seen.mean() < 0.9

    estimate = lifelines.KaplanMeierFitter().fit(times, seen)
    at = np.quantile(times[seen], [0.05, 0.2, 0.4, 0.6, 0.8, 0.95])
    expected = survival(at)
    greenwood = np.array([_variance(times, seen, t) for t in at])
    errors = np.asarray(estimate.predict(at)) - expected
    assert (np.abs(errors) < 5 * expected * np.sqrt(greenwood)).all()

    if fitter:
        fitter.fit(times, seen)
        errors = fitter.params_.to_numpy() - parameters
        assert (np.abs(errors) < 5 * np.sqrt(np.diag(fitter.variance_matrix_))).all()


def _variance(times: Any, seen: Any, t: float) -> float:
    """Greenwood's relative variance of the estimated survival at `t`; no two times are the same."""
    at_risk = len(times) - np.arange(len(times))
    ordered = np.argsort(times)
    left = seen[ordered] & (times[ordered] <= t)
    return float((left / (at_risk * np.maximum(at_risk - 1, 1))).sum())
