"""The quantile functions against mpmath and scipy, in order, without jumps; the hazards by their inverses."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine import quantiles
from sim.engine.elementary import log
from sim.engine.quantiles import (
    exponential_hazard,
    exponential_time,
    gompertz_hazard,
    gompertz_time,
    weibull_hazard,
    weibull_time,
)
from sim.scenario.model import DISTRIBUTIONS

INF, NAN = math.inf, math.nan
ULP = 2.0**-53

# On the grid of `streams.uniform`: both ends, the seams of the algorithms, and a spread.
_SEAMS = [0.0, 1e-14, 1e-9, 1e-5, 0.075, 0.499999, 0.5, 0.500001, 0.925, 1 - 1e-9, 1 - 2**-52]
US = sorted((math.floor(u * 2**52) + 0.5) * 2.0**-52 for u in [*_SEAMS, *np.random.default_rng(1).random(60)])
PARAMETERS = {
    "uniform": [(2.0, 5.0), (-1e9, 1e-9), (3.0, 3.0)],
    "normal": [(0.0, 1.0), (120.0, 15.0), (5.0, 0.0)],
    "truncated_normal": [
        (0.0, 1.0, -1.0, 2.0),
        (0.0, 1.0, -INF, INF),
        (0.0, 1.0, 3.0, 4.0),
        (0.0, 1.0, 8.0, INF),
        (0.0, 1.0, -30.0, -29.0),
        (0.0, 1.0, -1.0, 9.0),
        (100.0, 20.0, 0.0, 101.0),
        (0.0, 1.0, 0.3, 0.3 + 1e-9),
    ],
    "lognormal": [(2.0, 0.5), (1e-3, 3.0), (7.0, 0.0)],
    "exponential": [(0.1,), (3000.0,)],
    "weibull": [(1.0, 5.0), (0.2, 10.0), (7.3, 0.4)],
    "gompertz": [(2.3e-4, 1e-7), (1e-12, 0.01), (0.0, 0.02), (-0.01, 0.5), (-0.5, 0.01)],
    "gamma": [
        (0.01, 1.0),
        (0.3, 2.0),
        (0.999, 1.0),
        (1.0, 3.0),
        (2.5, 0.1),
        (40.0, 1.0),
        (2e3, 1.0),
        (9.9e4, 1.0),
    ],
    "beta": [(0.05, 0.3), (0.5, 0.5), (1.0, 1.0), (2.0, 5.0), (30.0, 0.7), (0.5, 1e4), (300.0, 500.0)],
    "loglogistic": [(0.4, 2.0), (1.0, 3.0), (8.0, 0.1)],
    "gengamma": [(0.3, 2.0, 0.7), (1.0, 3.0, 2.5), (40.0, 1.0, 1.3)],
    "poisson": [(0.0,), (0.1,), (4.2,), (29.9,), (30.0,), (250.0,), (9e4,)],
}
CASES = [(name, parameters) for name, cases in PARAMETERS.items() for parameters in cases]


@pytest.fixture(autouse=True)
def precision() -> None:
    mpmath.mp.prec = 150


def m(x: float) -> mpmath.mpf:
    return mpmath.mpf(x)


def test_every_distribution_that_draws_a_number_has_a_quantile_function() -> None:
    for name, parameters in DISTRIBUTIONS.items():
        if parameters and name != "bernoulli":
            code = getattr(quantiles, name).__wrapped__.__code__
            assert code.co_varnames[: code.co_argcount] == ("u", *parameters)


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_draws_rise_with_the_uniform(name: str, parameters: tuple[float, ...]) -> None:
    draws = [getattr(quantiles, name)(u, *parameters) for u in US]
    assert all(a <= b for a, b in pairwise(draws))


def cumulative_normal(z: mpmath.mpf) -> mpmath.mpf:
    return mpmath.erfc(-z / mpmath.sqrt(2)) / 2


def normal_quantile(u: float) -> mpmath.mpf:
    z = m(scipy.stats.norm.ppf(u))
    for _ in range(4):
        z -= (cumulative_normal(z) - m(u)) / mpmath.npdf(z)
    return z


CLOSED: dict[str, Callable[..., mpmath.mpf]] = {
    "uniform": lambda u, low, high: m(low) + m(u) * (m(high) - m(low)),
    "normal": lambda u, mean, sd: mean + sd * normal_quantile(u),
    "lognormal": lambda u, median, sigma: median * mpmath.exp(sigma * normal_quantile(u)),
    "exponential": lambda u, mean: -mean * mpmath.log(1 - m(u)),
    "loglogistic": lambda u, shape, scale: scale * (m(u) / (1 - m(u))) ** (1 / m(shape)),
    "weibull": lambda u, shape, scale: scale * (-mpmath.log(1 - m(u))) ** (1 / m(shape)),
    "gompertz": lambda u, shape, rate: (
        -mpmath.log(1 - m(u)) / rate
        if shape == 0
        else INF
        if m(shape) * -mpmath.log(1 - m(u)) <= -m(rate)
        else mpmath.log1p(m(shape) * -mpmath.log(1 - m(u)) / m(rate)) / m(shape)
    ),
}


@pytest.mark.parametrize(("name", "parameters"), [case for case in CASES if case[0] in CLOSED])
def test_closed_forms(name: str, parameters: tuple[float, ...]) -> None:
    for u in US:
        exact = CLOSED[name](u, *parameters)
        size = max(abs(exact), *map(abs, parameters)) if name in ("uniform", "normal") else abs(exact)
        rounding = 8.0
        if name in ("lognormal", "weibull", "loglogistic"):  # the rounding of an exponent, in a power of e
            rounding += 4 * abs(float(mpmath.log(exact / parameters[name != "lognormal"])))
        draw = getattr(quantiles, name)(u, *parameters)
        assert draw == exact or abs(draw - exact) <= rounding * ULP * size


@pytest.mark.parametrize("parameters", PARAMETERS["truncated_normal"])
def test_truncated_normal(parameters: tuple[float, ...]) -> None:
    mean, sd, low, high = parameters
    a, b = (m(low) - mean) / sd, (m(high) - mean) / sd
    for u in US:
        draw = quantiles.truncated_normal(u, *parameters)
        assert low <= draw <= high
        z = (m(draw) - mean) / sd
        below, above = (
            cumulative_normal(z) - cumulative_normal(a),
            cumulative_normal(b) - cumulative_normal(z),
        )
        error = (below * (1 - m(u)) - above * m(u)) / mpmath.npdf(z)
        assert abs(error) < 1e-15 * max(10, abs(z))


def gamma_error(u: float, shape: float, x: float) -> mpmath.mpf:
    """The relative error of x as the gamma quantile of u, from that of its probability."""
    a, x_ = m(shape), m(x)
    missing = (
        mpmath.gammainc(a, 0, x_, regularized=True) - m(u)
        if x < shape
        else (1 - m(u)) - mpmath.gammainc(a, x_, mpmath.inf, regularized=True)
    )
    return missing / mpmath.exp(a * mpmath.log(x_) - x_ - mpmath.loggamma(a))


@pytest.mark.parametrize("shape", [0.01, 0.3, 0.999, 1.0, 1.001, 2.5, 40.0, 2e3])
def test_gamma(shape: float) -> None:
    for u in US:
        draw = quantiles.gamma(u, shape, 1.0)
        if draw > 1e-15:
            assert abs(gamma_error(u, shape, draw)) < 1e-13
        elif draw > 1e-300:
            assert draw == pytest.approx(
                float(mpmath.exp((mpmath.log(m(u)) + mpmath.loggamma(1 + m(shape))) / shape))
            )
        assert quantiles.gamma(u, shape, 8.0) == pytest.approx(8 * draw, rel=1e-15)


def test_gamma_of_large_shape() -> None:
    """From a shape of 1e5 up an expansion takes over: it meets the iteration, and meets an integral."""
    for u in US:
        iterated, expanded = quantiles.gamma(u, 99999.99999999999, 1.0), quantiles.gamma(u, 1e5, 1.0)
        assert iterated == pytest.approx(expanded, rel=2e-14)
    shape = 3e5

    def density(t: mpmath.mpf) -> mpmath.mpf:
        return mpmath.exp((shape - 1) * mpmath.log(t) - t - mpmath.loggamma(shape))

    for u in (1e-12, 0.01, 0.4, 0.9, 1 - 2**-40):
        x = quantiles.gamma(u, shape, 1.0)
        end = x + (-14 if u < 0.5 else 14) * math.sqrt(shape)
        tail = mpmath.quad(density, mpmath.linspace(min(x, end), max(x, end), 15))
        assert abs(tail - (u if u < 0.5 else 1 - m(u))) / density(m(x)) / x < 1e-14


@pytest.mark.parametrize("parameters", [*PARAMETERS["beta"], (0.02, 0.02), (0.3, 2e3), (1e3, 1e3)])
def test_beta(parameters: tuple[float, float]) -> None:
    a, b = map(m, parameters)
    mpmath.mp.prec = 300
    for u in US:
        draw = quantiles.beta(u, *parameters)
        assert 0 <= draw <= 1
        if not 1e-15 < draw < 1 - 1e-15:
            continue
        x = m(draw)
        density = x ** (a - 1) * (1 - x) ** (b - 1) / mpmath.beta(a, b)
        if draw * (a + b + 2) < a + 1:
            missing = density * x * (1 - x) / a * mpmath.hyp2f1(a + b, 1, a + 1, x) - m(u)
        else:
            missing = (1 - m(u)) - density * x * (1 - x) / b * mpmath.hyp2f1(a + b, 1, b + 1, 1 - x)
        assert abs(missing / density) < 1e-12 * draw


def test_beta_at_the_ends_of_its_range() -> None:
    assert quantiles.beta(0.3, 1e-4, 1e-4) == 0.0
    assert quantiles.beta(0.7, 1e-4, 1e-4) == 1.0
    assert quantiles.beta(0.5, 1e6, 1e6) == pytest.approx(0.5, rel=1e-12)
    assert quantiles.beta(0.25, 1e-3, 1e-3) == pytest.approx(
        float((m(0.25) * m(1e-3) * mpmath.beta(m(1e-3), m(1e-3))) ** 1000), rel=1e-10
    )


@pytest.mark.parametrize("mean", [0.0, 0.1, 4.2, 29.9, 30.0, 250.0, 9e4])
def test_poisson_is_the_least_that_reaches_the_uniform(mean: float) -> None:
    for u in [*US, *scipy.stats.poisson.cdf(range(40), max(mean, 1.0))[:-1]]:
        if not 0 < u < 1:
            continue
        k = quantiles.poisson(u, mean)
        above = scipy.stats.poisson.sf([k - 1, k], mean)
        assert above[0] > (1 - u) * (1 - 1e-12) - 1e-15
        assert above[1] <= (1 - u) * (1 + 1e-12) + 1e-15


def test_poisson_of_large_mean_is_off_by_one_at_most_and_hardly_ever() -> None:
    u = (np.arange(20000) + 0.5) / 20000
    for mean in (1e5, 3e6):
        off = np.array([quantiles.poisson(v, mean) for v in u]) - scipy.stats.poisson.ppf(u, mean)
        assert np.abs(off).max() <= 1
        assert np.count_nonzero(off) <= 5


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("uniform", (2.0, 1.0)), ("uniform", (0.0, INF)), ("normal", (0.0, -1.0)), ("normal", (0.0, INF)),
        ("truncated_normal", (0.0, 1.0, 2.0, 1.0)), ("truncated_normal", (0.0, -1.0, 0.0, 1.0)),
        ("truncated_normal", (0.0, 1.0, 40.0, 50.0)), ("truncated_normal", (0.0, 0.0, 1.0, 2.0)),
        ("truncated_normal", (0.0, 1.0, INF, INF)), ("lognormal", (0.0, 1.0)), ("lognormal", (1.0, -1.0)),
        ("exponential", (0.0,)), ("exponential", (-1.0,)), ("weibull", (0.0, 1.0)), ("weibull", (1.0, 0.0)),
        ("weibull", (-1.0, 1.0)), ("gompertz", (1.0, -1.0)), ("gompertz", (INF, 1.0)), ("gamma", (0.0, 1.0)),
        ("gamma", (1.0, 0.0)), ("gamma", (INF, 1.0)), ("beta", (0.0, 1.0)), ("beta", (1.0, 2e6)),
        ("poisson", (-1.0,)), ("poisson", (2e15,)),
    ],
)  # fmt: skip
def test_parameters_that_are_no_distribution_give_nan(name: str, parameters: tuple[float, ...]) -> None:
    assert math.isnan(getattr(quantiles, name)(0.3, *parameters))


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_a_parameter_that_is_nan_gives_nan(name: str, parameters: tuple[float, ...]) -> None:
    for i in range(len(parameters)):
        assert math.isnan(getattr(quantiles, name)(0.3, *parameters[:i], NAN, *parameters[i + 1 :]))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [case for case in CASES if case[0] != "poisson" and case != ("uniform", (3.0, 3.0))],
)
def test_no_jump_where_the_algorithm_or_a_parameter_passes_a_seam(
    name: str, parameters: tuple[float, ...]
) -> None:
    """The next float of any argument moves the draw by its rounding and no more."""
    quantile = getattr(quantiles, name)
    for u in US[5:-5]:
        draw = quantile(u, *parameters)
        if abs(draw) < 1e-15 or draw == INF:
            continue
        for i in range(len(parameters)):
            nudged = list(parameters)
            nudged[i] += math.ulp(nudged[i]) * (1 if nudged[i] >= 0 else -1)
            assert quantile(u, *nudged) == pytest.approx(
                draw, rel=1e-12, abs=1e-14 * max(map(abs, parameters))
            )


def test_a_sojourn_is_the_time_at_which_the_hazard_reaches_its_threshold() -> None:
    for u in US:
        threshold = -log(1.0 - u)
        assert quantiles.exponential(u, 7.0) == exponential_time(threshold, 7.0)
        assert quantiles.weibull(u, 1.7, 30.0) == weibull_time(threshold, 1.7, 30.0)
        assert quantiles.gompertz(u, 0.01, 0.02) == gompertz_time(threshold, 0.01, 0.02)


positive = st.floats(1e-3, 1e3)


@settings(deadline=None)
@given(st.floats(1e-6, 50), positive, positive)
def test_hazard_and_time_undo_each_other(h: float, shape: float, scale: float) -> None:
    assert exponential_hazard(exponential_time(h, scale), scale) == pytest.approx(h, rel=1e-15)
    time = weibull_time(h, shape, scale)
    if 1e-300 < time < 1e300:
        assert weibull_hazard(time, shape, scale) == pytest.approx(h, rel=1e-15 * (1 + shape) * 4 + 1e-14)
    time = gompertz_time(h, shape, scale)
    assert gompertz_hazard(time, shape, scale) == pytest.approx(h, rel=1e-14 * (1 + shape * time))


@settings(deadline=None)
@given(st.floats(0, 1e5), st.floats(-0.1, 0.1), st.floats(1e-9, 1.0))
def test_gompertz_hazard_is_its_formula(t: float, shape: float, rate: float) -> None:
    exponent = m(shape) * m(t)
    exact = m(rate) * t * (mpmath.expm1(exponent) / exponent if exponent else 1)
    hazard = gompertz_hazard(t, shape, rate)
    assert hazard == pytest.approx(float(exact), rel=1e-15 * (4 + abs(shape * t)), abs=1e-323)


@settings(deadline=None)
@given(st.just(0.0) | st.floats(1e-9, 1e3), st.floats(0.05, 20), positive)
def test_weibull_hazard_is_its_formula(t: float, shape: float, scale: float) -> None:
    assert weibull_hazard(t, shape, scale) == pytest.approx(
        float((m(t) / m(scale)) ** m(shape)), rel=1e-15 * (1 + shape), abs=1e-300
    )


def test_hazards_at_the_ends() -> None:
    assert gompertz_hazard(INF, -0.5, 0.2) == 0.4
    assert gompertz_time(0.4, -0.5, 0.2) == INF
    assert gompertz_time(math.nextafter(0.4, 0), -0.5, 0.2) < INF
    assert gompertz_hazard(INF, 0.0, 0.2) == gompertz_hazard(INF, 0.1, 0.2) == INF
    assert (
        gompertz_hazard(10.0, 0.3, 0.0)
        == gompertz_hazard(0.0, 0.3, 0.2)
        == gompertz_time(0.0, 0.3, 0.0)
        == 0.0
    )
    assert gompertz_time(1e-9, 0.3, 0.0) == gompertz_time(INF, 0.3, 0.2) == INF
    assert gompertz_time(3.0, 5e-324, 0.5) == gompertz_time(3.0, 0.0, 0.5) == 6.0
    assert weibull_hazard(0.0, 0.5, 2.0) == weibull_time(0.0, 0.5, 2.0) == 0.0
    assert weibull_hazard(INF, 0.5, 2.0) == weibull_time(INF, 0.5, 2.0) == INF
    for wrong in (
        exponential_hazard(-1.0, 1.0), exponential_time(1.0, 0.0), weibull_hazard(1.0, 1.0, -1.0),
        weibull_time(-1.0, 1.0, 1.0), gompertz_hazard(-1.0, 0.0, 1.0), gompertz_time(1.0, NAN, 1.0),
    ):  # fmt: skip
        assert math.isnan(wrong)
