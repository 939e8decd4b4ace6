"""lgamma and the incomplete functions against mpmath, on both sides of where their algorithms change over."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from sim.engine.special import incomplete_beta, incomplete_gamma, lgamma

RANGES = [(0.02, 1.0), (1.0, 100.0), (100.0, 3000.0)]


@pytest.fixture(autouse=True)
def precision() -> None:
    mpmath.mp.prec = 120


def log_uniform(r: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(r.uniform(np.log(low), np.log(high))))


def test_lgamma() -> None:
    r = np.random.default_rng(1)
    for x in [1e-300, 1.0, 2.0, 9.999999, 10.0, 1e300, *(log_uniform(r, 1e-9, 1e7) for _ in range(2000))]:
        exact = mpmath.loggamma(mpmath.mpf(x))
        assert abs(lgamma(x) - exact) < 4e-15 * max(1, abs(exact))
    assert [lgamma(math.inf), lgamma(0.0), lgamma(-1.5), lgamma(math.nan)] == pytest.approx(
        [math.inf, math.nan, math.nan, math.nan], nan_ok=True
    )


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_incomplete_gamma(low: float, high: float) -> None:
    r = np.random.default_rng(2)
    for _ in range(200):
        a = log_uniform(r, low, high)
        x = min(float(a * np.exp(r.uniform(-6, 6) * np.sqrt((1 + 1 / a) / a))), a + 200)
        p, q, slope = incomplete_gamma(a, x)
        a_, x_ = mpmath.mpf(a), mpmath.mpf(x)
        density = mpmath.exp(a_ * mpmath.log(x_) - x_ - mpmath.loggamma(a_))
        assert abs(slope / density - 1) < 1e-13
        assert p + q == pytest.approx(1, abs=1e-15)
        if x < a + 1:
            assert abs(p / mpmath.gammainc(a_, 0, x_, regularized=True) - 1) < 1e-13
        else:
            assert abs(q / mpmath.gammainc(a_, x_, mpmath.inf, regularized=True) - 1) < 1e-13


def exact_beta(a: float, b: float, x: mpmath.mpf) -> mpmath.mpf:
    """I_x(a, b) by a series of positive terms (DLMF 8.17.8)."""
    a_, b_ = mpmath.mpf(a), mpmath.mpf(b)
    factor = x**a_ * (1 - x) ** b_ / (a_ * mpmath.beta(a_, b_))
    return factor * mpmath.hyp2f1(a_ + b_, 1, a_ + 1, x)


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_incomplete_beta(low: float, high: float) -> None:
    r = np.random.default_rng(3)
    mpmath.mp.prec = 400  # so that 1 - x is exact
    for _ in range(100):
        a, b = log_uniform(r, low, high), log_uniform(r, low, high)
        logit = np.log(a / b) + r.uniform(-6, 6) * np.sqrt((1 + 1 / a) / a + (1 + 1 / b) / b)
        logit = float(np.clip(logit, -150, 150))
        x, y = 1 / (1 + math.exp(-logit)), 1 / (1 + math.exp(logit))
        p, q, slope = incomplete_beta(a, b, x, y)
        x_ = mpmath.mpf(x) if x < 0.5 else 1 - mpmath.mpf(y)
        density = x_ ** mpmath.mpf(a) * (1 - x_) ** mpmath.mpf(b) / mpmath.beta(a, b)
        assert abs(slope / density - 1) < 1e-13
        assert p + q == pytest.approx(1, abs=1e-15)
        if x < (a + 1) / (a + b + 2):
            assert abs(p / exact_beta(a, b, x_) - 1) < 1e-13
        else:
            assert abs(q / exact_beta(b, a, 1 - x_) - 1) < 1e-13


@pytest.mark.parametrize("a", [1e4, 1e6])
@pytest.mark.parametrize("sds", [-6.0, -1.0, 0.0, 2.0, 6.0])
def test_large_parameters(a: float, sds: float) -> None:
    """Against integrals, as mpmath's own functions do not converge there."""
    lower = sds < 0

    def tail(log_density: Callable[[mpmath.mpf], mpmath.mpf], x: float, sd: float) -> mpmath.mpf:
        steps = [x + (-1 if lower else 1) * k * sd for k in (0, 0.5, 1, 2, 4, 8, 16)]
        return abs(mpmath.quad(lambda t: mpmath.exp(log_density(t)), steps))

    x = a + sds * math.sqrt(a)
    exact = tail(lambda t: (a - 1) * mpmath.log(t) - t - mpmath.loggamma(a), x, math.sqrt(a))
    p, q, _ = incomplete_gamma(a, x)
    assert abs((p if lower else q) / exact - 1) < 1e-12

    b = a / 3
    log_beta = mpmath.log(mpmath.beta(mpmath.mpf(a), mpmath.mpf(b)))
    sd = math.sqrt(0.75 * 0.25 / (a + b))
    x = 0.75 + sds * sd
    exact = tail(lambda t: (a - 1) * mpmath.log(t) + (b - 1) * mpmath.log(1 - t) - log_beta, x, sd)
    p, q, _ = incomplete_beta(a, b, x, 1 - x)
    assert abs((p if lower else q) / exact - 1) < 1e-12
