"""The engine's own functions against mpmath, on random points and where their algorithms change over."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from sim.engine import elementary
from sim.engine.elementary import exp, expm1, log, log1p, normal_cdf, normal_quantile, normal_tail, power

mpmath.mp.prec = 120
INF, NAN = math.inf, math.nan
EXPONENTS = np.arange(-1074, 1024)
EXP_SEAMS = np.array([x for x in (EXPONENTS + 0.5) * math.log(2) if -745 < x < 709.7])
LOG_SEAMS = math.sqrt(0.5) * 2.0 ** np.arange(-1021, 1024)
finite = st.floats(allow_nan=False, allow_infinity=False)


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def neighbours(centres: ArrayLike, reach: int) -> NDArray[np.float64]:
    """A row of consecutive floats, 2 * reach + 1 of them, around each centre, by rising magnitude."""
    bits = np.asarray(centres, float).view(np.int64)[:, None] + np.arange(-reach, reach + 1)
    return bits.view(np.float64)


def worst_ulp(
    function: Callable[..., float], exact: Callable[..., mpmath.mpf], points: Iterable[tuple[float, ...]]
) -> float:
    """The largest distance of the function from the exact value, in units of the exact value's last place."""
    worst = 0.0
    for point in points:
        truth = exact(*map(mpmath.mpf, map(float, point)))
        worst = max(worst, float(abs(function(*point) - truth) / mpmath.mpf(math.ulp(float(truth)))))
    return worst


def singly(*parts: ArrayLike) -> list[tuple[float]]:
    return [(float(x),) for part in parts for x in np.ravel(part)]


def test_log_is_within_an_ulp() -> None:
    r = random(1)
    close_to_1 = 1 + r.normal(size=3000) * 10.0 ** r.uniform(-15, -1, 3000)
    usual = np.concatenate([np.exp(r.uniform(-745, 709, 4000)), r.uniform(0.5, 2, 4000)])
    points = singly(usual, close_to_1, neighbours(LOG_SEAMS, 1))
    assert worst_ulp(log, mpmath.log, points) < 0.8


def test_exp_is_within_an_ulp() -> None:
    r = random(2)
    subnormal = r.uniform(-745.1, -708, 3000)
    points = singly(r.uniform(-708, 709.7, 4000), r.normal(size=4000), subnormal, neighbours(EXP_SEAMS, 1))
    assert worst_ulp(exp, mpmath.exp, points) < 0.9


def test_log1p_is_within_an_ulp_and_a_half() -> None:
    r = random(3)
    small = 10.0 ** r.uniform(-20, 0, 3000)
    seams = neighbours([-0.2928, 0.4142, 1.0, 2.0**53, 2.0**60], 20)
    points = singly(r.uniform(-1, 3, 4000), small, -small, 10.0 ** r.uniform(0, 25, 2000), seams)
    assert worst_ulp(log1p, mpmath.log1p, points) < 1.5


def test_expm1_is_within_two_ulp() -> None:
    r = random(4)
    small = 10.0 ** r.uniform(-20, 0, 3000)
    seams = neighbours([-38.0, -0.3465, 0.3465, 38.0, *EXP_SEAMS[np.abs(EXP_SEAMS) < 39]], 10)
    points = singly(r.uniform(-40, 40, 4000), small, -small, r.uniform(40, 709, 1000), seams)
    assert worst_ulp(expm1, mpmath.expm1, points) < 2


def test_power_is_within_an_ulp() -> None:
    r = random(5)
    base = np.concatenate([np.exp(r.uniform(-745, 709, 4000)), np.abs(1 + r.normal(size=4000) * 1e-6)])
    exponent = r.uniform(-708, 709, 8000) / np.log(base)
    usual = zip(r.uniform(0, 50, 4000), r.uniform(-5, 5, 4000), strict=True)
    seams = [(x, y) for x in neighbours(LOG_SEAMS[::10], 1).ravel() for y in (0.3, -0.7)]
    points = [*zip(base, exponent, strict=True), *usual, *seams]
    assert worst_ulp(power, mpmath.power, points) < 0.95


@pytest.mark.parametrize(
    ("function", "seams", "low", "high"),
    [(exp, EXP_SEAMS, -745.0, 709.0), (log, LOG_SEAMS, 1e-300, 10.0), (log1p, [0.4142, 1.0], 0.0, 1.0)],
)
def test_neighbouring_floats_are_never_put_in_the_wrong_order(
    function: Callable[[float], float], seams: ArrayLike, low: float, high: float
) -> None:
    r = random(6)
    grid = neighbours(np.concatenate([seams, r.uniform(low, high, 2000), 10.0 ** r.uniform(-9, 0, 1000)]), 15)
    steps = np.diff([[function(float(x)) for x in row] for row in grid], axis=1)
    assert np.all(steps * np.sign(grid[:, 1:]) >= 0)
    assert np.any(steps > 0)


@settings(deadline=None)
@given(finite, finite)
def test_exp_keeps_order(a: float, b: float) -> None:
    assert exp(min(a, b)) <= exp(max(a, b))


@settings(deadline=None)
@given(st.floats(-700, 700))
def test_log_undoes_exp(x: float) -> None:
    assert log(exp(x)) == pytest.approx(x, rel=3e-16, abs=3e-16)


@pytest.mark.parametrize(
    ("function", "cases"),
    [
        (log, {0.0: -INF, 1.0: 0.0, INF: INF, -1.0: NAN, -INF: NAN, NAN: NAN, 5e-324: -744.4400719213812}),
        (exp, {0.0: 1.0, INF: INF, -INF: 0.0, NAN: NAN, 709.79: INF, -745.14: 0.0, -745.13: 5e-324}),
        (log1p, {0.0: 0.0, -1.0: -INF, -1.5: NAN, INF: INF, NAN: NAN, 5e-324: 5e-324}),
        (expm1, {0.0: 0.0, INF: INF, -INF: -1.0, NAN: NAN, 5e-324: 5e-324, 710.0: INF}),
        (normal_tail, {0.0: 0.5, INF: 0.0, -INF: 1.0, NAN: NAN, 1e9: 0.0, -1e9: 1.0}),
        (normal_cdf, {0.0: 0.5, INF: 1.0, -INF: 0.0, NAN: NAN}),
        (normal_quantile, {0.0: -INF, 1.0: INF, 0.5: 0.0, -0.1: NAN, 1.1: NAN, NAN: NAN}),
    ],
)
def test_special_values(function: Callable[[float], float], cases: dict[float, float]) -> None:
    for x, value in cases.items():
        assert function(x) == pytest.approx(value, rel=0, abs=0, nan_ok=True), x


@pytest.mark.parametrize(
    ("x", "y", "value"),
    [
        (0.0, 0.0, 1.0), (NAN, 0.0, 1.0), (1.0, NAN, 1.0), (1.0, INF, 1.0), (NAN, 1.0, NAN), (2.0, NAN, NAN),
        (0.0, 2.5, 0.0), (0.0, -2.5, INF), (INF, 2.0, INF), (INF, -2.0, 0.0), (2.0, INF, INF),
        (0.5, INF, 0.0), (2.0, -INF, 0.0), (0.5, -INF, INF), (-2.0, 3.0, -8.0), (-2.0, 4.0, 16.0),
        (-2.0, 0.5, NAN), (-2.0, 1e300, INF), (2.0, 1024.0, INF), (2.0, -1074.0, 5e-324), (2.0, -1075.0, 0.0),
        (5e-324, 0.5, 2.0**-537), (5e-324, 1.0, 5e-324), (10.0, 308.0, 1e308), (1e308, 1e308, INF),
        (4.0, 1e-320, 1.0), (-2.0, -1.0, -0.5),
    ],
)  # fmt: skip
def test_special_powers(x: float, y: float, value: float) -> None:
    assert power(x, y) == pytest.approx(value, rel=0, abs=0, nan_ok=True)


def test_whole_powers_that_fit_a_float_are_exact() -> None:
    for base in range(2, 200):
        for exponent in range(1, 53):
            if base**exponent < 2**53:
                assert power(float(base), float(exponent)) == base**exponent
                assert power(float(base**exponent), 1.0 / exponent) == pytest.approx(base, rel=1e-14)
        assert power(float(base * base), 0.5) == base


@settings(deadline=None)
@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_the_first_power_is_the_number(x: float) -> None:
    assert power(x, 1.0) == x


def exact_tail(x: mpmath.mpf) -> mpmath.mpf:
    return mpmath.erfc(x / mpmath.sqrt(2)) / 2


def test_normal_tail_keeps_its_relative_accuracy() -> None:
    points = np.concatenate([random(7).uniform(-9, 37, 3000), random(8).normal(size=2000)])
    errors = [abs(float(normal_tail(float(x)) / exact_tail(mpmath.mpf(float(x))) - 1)) for x in points]
    assert max(errors) < 1e-15
    assert all(normal_cdf(float(x)) == normal_tail(-float(x)) for x in points)


def test_normal_quantile_is_as_accurate_as_its_paper_says() -> None:
    r = random(9)
    seams = [0.075, 0.925, math.exp(-25)]
    for p in map(float, np.concatenate([r.random(2000), np.exp(r.uniform(-690, 0, 2000)), seams])):
        z = normal_quantile(p)
        exact = mpmath.mpf(z)
        for _ in range(3):  # Newton's method from so close is exact
            exact -= (exact_tail(-exact) - mpmath.mpf(p)) / mpmath.npdf(exact)
        assert abs(float(z - exact)) <= 1e-15 * abs(float(exact))


def test_normal_quantile_is_odd_and_in_order_on_the_grid_of_the_streams() -> None:
    centres = np.concatenate([random(10).random(2000), [0.075, 0.5, math.exp(-25), 2.0**-45]])
    grid = (np.floor(centres * 2**52)[:, None] + np.arange(-8, 9) + 0.5) * 2.0**-52
    z = np.array([[normal_quantile(float(u)) for u in row] for row in grid])
    assert np.all(np.diff(z, axis=1) >= 0)
    assert np.any(np.diff(z, axis=1) > 0)
    assert all(normal_quantile(1 - u) == -normal_quantile(u) for u in map(float, grid.ravel()))


@settings(deadline=None)
@given(st.floats())
def test_bits_go_out_and_come_back(x: float) -> None:
    assert math.isnan(x) or elementary.float_of(elementary.bits_of(x)) == x
    assert elementary.bits_of(math.pi) == 0x400921FB54442D18
