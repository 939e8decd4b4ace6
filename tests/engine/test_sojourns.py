"""Cumulative hazards of sojourns, their inverses and their derivatives: against SciPy and mpmath."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import scipy.stats

from sim.agents.hazards import FORMS
from sim.engine import quantiles, sojourns
from sim.scenario.model import SOJOURNS

Float = Callable[..., float]
HAZARDS = (1e-12, 1e-6, 0.01, 0.4, 0.6931, 0.6932, 1.5, 6.0, 40.0, 599.0, 601.0, 689.0, 900.0, 1e5)
FAMILIES: dict[str, tuple[Float, Float, Float]] = {
    "lognormal": (sojourns.lognormal_hazard, sojourns.lognormal_time, sojourns.lognormal_rate),
    "loglogistic": (sojourns.loglogistic_hazard, sojourns.loglogistic_time, sojourns.loglogistic_rate),
    "gengamma": (sojourns.gengamma_hazard, sojourns.gengamma_time, sojourns.gengamma_rate),
}
CASES = [
    *(("lognormal", (3.0, sigma)) for sigma in (0.05, 0.7, 2.5)),
    *(("loglogistic", (shape, 3.0)) for shape in (0.4, 1.0, 6.0)),
    *(("gengamma", (a, 3.0, p)) for a in (0.3, 0.999, 1.0, 2.5, 40.0, 2e3) for p in (1.0, 0.6, 2.3)),
    ("gengamma", (9e4, 3.0, 1.0)),
    ("gengamma", (3e5, 3.0, 1.0)),
]


def log_survival(name: str, t: float, parameters: tuple[float, ...]) -> float:
    """To 40 digits, by mpmath."""
    mpmath.mp.dps = 60
    x = mpmath.mpf(t)
    if name == "lognormal":
        z = mpmath.log(x / parameters[0]) / parameters[1]
        return float(mpmath.log(mpmath.erfc(z / mpmath.sqrt(2)) / 2))
    if name == "loglogistic":
        return float(-mpmath.log1p((x / parameters[1]) ** parameters[0]))
    a, scale, p = parameters
    y = (x / scale) ** mpmath.mpf(p)
    if y < a:  # where the survival is near 1
        return float(mpmath.log1p(-mpmath.gammainc(a, 0, y, regularized=True)))
    return float(mpmath.log(mpmath.gammainc(a, y, regularized=True)))


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_the_hazard_is_that_of_the_survival(name: str, parameters: tuple[float, ...]) -> None:
    hazard, time, _ = FAMILIES[name]
    for h in HAZARDS:
        t = time(h, *parameters)
        if not 1e-200 < t < 1e200 or (name == "gengamma" and (parameters[0] > 1e3 or h > 1e3)):
            continue
        condition = 1 + abs(math.log(t / 3.0)) / (parameters[1] if name == "lognormal" else 1.0)
        exact = -log_survival(name, t, parameters)
        assert hazard(t, *parameters) == pytest.approx(exact, rel=3e-13 * condition)


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_time_and_hazard_undo_each_other(name: str, parameters: tuple[float, ...]) -> None:
    hazard, time, rate = FAMILIES[name]
    before = 0.0
    for h in HAZARDS:
        t = time(h, *parameters)
        assert t >= before
        before = t
        if 1e-200 < t < 1e200:
            slope = rate(t, *parameters) * t / h  # how the rounding of t shows in h
            assert hazard(t, *parameters) == pytest.approx(h, rel=2e-12 + 1e-15 * slope)


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_the_rate_is_the_derivative(name: str, parameters: tuple[float, ...]) -> None:
    hazard, time, rate = FAMILIES[name]
    for h in (0.01, 0.4, 0.6932, 1.5, 6.0, 40.0, 900.0):
        t = time(h, *parameters)
        if 1e-200 < t < 1e200:
            step = 1e-4 * h / rate(t, *parameters)
            slope = (hazard(t + step, *parameters) - hazard(t - step, *parameters)) / (2 * step)
            assert rate(t, *parameters) == pytest.approx(slope, rel=1e-4)


SCIPY = {
    "lognormal": lambda median, sigma: scipy.stats.lognorm(sigma, scale=median),
    "loglogistic": lambda shape, scale: scipy.stats.fisk(shape, scale=scale),
    "gengamma": lambda shape, scale, power: scipy.stats.gengamma(shape, power, scale=scale),
}


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_draws_and_hazards_agree_with_scipy(name: str, parameters: tuple[float, ...]) -> None:
    other = SCIPY[name](*parameters)
    for u in (2.0**-53, 1e-6, 0.1, 0.5, 0.9, 1 - 2.0**-40):
        drawn = getattr(quantiles, name)(u, *parameters)
        assert drawn == pytest.approx(other.ppf(u), rel=1e-8)
        if 1e-200 < drawn < 1e200:
            threshold = -math.log1p(-u)
            assert FAMILIES[name][1](threshold, *parameters) == pytest.approx(drawn, rel=1e-12)


EVERY = {
    "exponential": ((3.0,), scipy.stats.expon(scale=3.0)),
    "weibull": ((0.7, 3.0), scipy.stats.weibull_min(0.7, scale=3.0)),
    "gompertz": ((0.4, 0.05), scipy.stats.gompertz(0.05 / 0.4, scale=1 / 0.4)),
    "gamma": ((2.5, 3.0), scipy.stats.gamma(2.5, scale=3.0)),
    "lognormal": ((3.0, 0.7), scipy.stats.lognorm(0.7, scale=3.0)),
    "loglogistic": ((1.8, 3.0), scipy.stats.fisk(1.8, scale=3.0)),
    "gengamma": ((0.6, 3.0, 1.7), scipy.stats.gengamma(0.6, 1.7, scale=3.0)),
}


@pytest.mark.parametrize("name", SOJOURNS)
def test_every_sojourn_has_a_hazard_its_inverse_and_its_derivative(name: str) -> None:
    parameters, other = EVERY[name]
    form = FORMS[name]
    for h in (1e-6, 0.01, 0.4, 0.6932, 1.5, 6.0):  # SciPy has no far tails; those are held to mpmath above
        t = form.time(h, *parameters)
        assert other.sf(t) == pytest.approx(math.exp(-h), rel=1e-9)
        assert form.hazard(t, *parameters) == pytest.approx(h, rel=1e-9)
        assert form.rate(t, *parameters) == pytest.approx(other.pdf(t) / other.sf(t), rel=1e-8)


def test_the_ends() -> None:
    for name, parameters in CASES:
        hazard, time, _ = FAMILIES[name]
        assert hazard(0.0, *parameters) == time(0.0, *parameters) == 0.0
        assert hazard(math.inf, *parameters) == time(math.inf, *parameters) == math.inf
        for i in range(len(parameters)):
            for wrong in (0.0, -1.0, math.inf, math.nan):
                spoilt = (*parameters[:i], wrong, *parameters[i + 1 :])
                assert math.isnan(hazard(1.0, *spoilt))
                assert math.isnan(time(1.0, *spoilt))
    assert math.isnan(sojourns.gengamma_hazard(1.0, 1.1e6, 1.0, 1.0))
    assert sojourns.gengamma_rate(0.0, 0.5, 3.0, 1.0) == math.inf
    assert sojourns.gengamma_rate(0.0, 0.5, 3.0, 2.0) == pytest.approx(2 / 3 / math.sqrt(math.pi))
    assert sojourns.loglogistic_rate(0.0, 1.0, 4.0) == 0.25
    assert sojourns.lognormal_rate(0.0, 1.0, 1.0) == sojourns.loglogistic_rate(0.0, 2.0, 4.0) == 0.0


def test_quantiles_are_met_and_joined_by_lines() -> None:
    points = np.array([0.0, 1.0, 25.0, 3.0, 50.0, 3.0, 97.5, 7.0, 100.0, 12.0])
    for u in (2.0**-53, 0.1, 0.25, 0.3, 0.5, 0.7, 0.975, 0.99, 1 - 2.0**-53):
        expected = np.interp(100 * u, points[::2], points[1::2])
        assert quantiles.empirical(u, points, 0, 10) == pytest.approx(expected, rel=1e-14)
    points[3] = 4.0  # above the next
    assert math.isnan(quantiles.empirical(0.3, points, 0, 10))


def test_the_uniform_of_a_score() -> None:
    for score in (-8.0, -1.0, 0.0, 0.3, 5.0):
        assert quantiles.of_score(score) == pytest.approx(scipy.stats.norm.cdf(score), rel=1e-14)
    assert quantiles.of_score(-40.0) == 2.0**-53
    assert quantiles.of_score(40.0) == 1 - 2.0**-53
