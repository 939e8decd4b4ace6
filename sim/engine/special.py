"""The incomplete gamma and beta functions, for the quantiles that need them, made from `elementary`.

Each comes with its complement and with its derivative by the logarithm (gamma) or the logit (beta) of x. In
those variables the densities are log-concave, hence log P and log Q are concave, and Newton's method on
them converges.
"""

from __future__ import annotations

import math

from sim.engine.elementary import exp, log, log1p
from sim.engine.inner import inner

_TERMS = 20000  # enough for parameters up to 1e6
_PRECISION = 1e-16
_TINY = 1e-300
_HALF_LOG_2PI = 0.9189385332046728
_INVERSE_SQRT_2PI = 0.3989422804014327


@inner
def lgamma(x: float) -> float:
    """The logarithm of the gamma function for x > 0, else NaN; error 4e-15, relative where it is above 1."""
    if not 0.0 < x < math.inf:
        return x if x > 0.0 else math.nan
    return (x - 0.5) * log(x) - x + _HALF_LOG_2PI + stirling_rest(x)


@inner
def stirling_rest(x: float) -> float:
    """lgamma(x) less (x - 1/2) log x - x + log(2 pi) / 2, for 0 < x < inf; error as of `lgamma`."""
    y = x
    if x < 10.0:
        n = 10 - int(x)
        y = x + n
        ratio = 1.0
        for i in range(n):
            ratio *= y / (x + i)
    r = 1.0 / y
    w = r * r
    # sum of B(2k) / (2k (2k - 1) y**(2k - 1)) for k = 1 to 7, with the Bernoulli numbers B
    tail = 1 / 1260 + w * (-1 / 1680 + w * (1 / 1188 + w * (-691 / 360360 + w / 156)))
    rest = r * (1 / 12 + w * (-1 / 360 + w * tail))
    if x < 10.0:
        rest += (x - 0.5) * log(y / x) + (log(ratio) - n)
    return rest


@inner
def incomplete_gamma(a: float, x: float) -> tuple[float, float, float]:
    """P(a, x), Q(a, x) = 1 - P and dP / dlog x, for 0 < a <= 1e6 and 0 < x < inf.

    P where x < a + 1, else Q, has a relative error below 1e-12, and below 1e-13 where a < 1e4 and it is
    above 1e-100.
    """
    slope = exp(-a * _excess((x - a) / a, x / a) - stirling_rest(a)) * (_INVERSE_SQRT_2PI * math.sqrt(a))
    # which is x**a exp(-x) / gamma(a)
    if x < a + 1.0:
        p = slope / a * _gamma_series(a, x)
        return p, 1.0 - p, slope
    q = slope * _gamma_fraction(a, x)
    return 1.0 - q, q, slope


@inner
def log_gamma_tail(a: float, x: float) -> tuple[float, float]:
    """log Q(a, x) and -dlog Q / dlog x, for x >= a + 1, also where Q underflows; error as of Q, relative."""
    fraction = _gamma_fraction(a, x)
    slope = -a * _excess((x - a) / a, x / a) - stirling_rest(a) + log(_INVERSE_SQRT_2PI * math.sqrt(a))
    return slope + log(fraction), 1.0 / fraction


@inner
def _gamma_series(a: float, x: float) -> float:
    """1 + x / (a + 1) + x**2 / ((a + 1) (a + 2)) + ..."""
    total = 1.0
    term = 1.0
    n = a
    for _ in range(_TERMS):
        n += 1.0
        term *= x / n
        total += term
        if term < total * _PRECISION:
            break
    return total


@inner
def _gamma_fraction(a: float, x: float) -> float:
    """1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / (x + 5 - a - ...))), by Lentz's method."""
    b = x + 1.0 - a
    c = 1.0 / _TINY
    d = 1.0 / b
    fraction = d
    for i in range(1, _TERMS):
        numerator = i * (a - i)
        b += 2.0
        d = 1.0 / _not_zero(b + numerator * d)
        c = _not_zero(b + numerator / c)
        fraction *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            break
    return fraction


@inner
def incomplete_beta(a: float, b: float, x: float, y: float) -> tuple[float, float, float]:
    """P = I_x(a, b), Q = 1 - P and dP / dlogit x, for 0 < a, b <= 1e6 and x in (0, 1) with y = 1 - x.

    P where x < (a + 1) / (a + b + 2), else Q, has a relative error below 1e-12, and below 1e-13 where
    a, b < 1e4 and it is above 1e-100.
    """
    n = a + b
    deviation = x * b - y * a
    excess = a * _excess(deviation / a, x * (n / a)) + b * _excess(-deviation / b, y * (n / b))
    rests = stirling_rest(n) - stirling_rest(a) - stirling_rest(b)
    slope = exp(rests - excess) * (_INVERSE_SQRT_2PI * math.sqrt(a / n * b))  # x**a y**b / B(a, b)
    if x * (n + 2.0) < a + 1.0:
        p = slope / a * _beta_fraction(a, b, x)
        return p, 1.0 - p, slope
    q = slope / b * _beta_fraction(b, a, y)
    return 1.0 - q, q, slope


@inner
def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of I_x(a, b) in DLMF 8.17.22, less its factor, by Lentz's method."""
    c = 1.0
    d = 1.0 / _not_zero(1.0 - (a + b) / (a + 1.0) * x)
    fraction = d
    for m in range(1, _TERMS):
        k = a + 2.0 * m
        even = m / (k - 1.0) * ((b - m) / k) * x
        d = 1.0 / _not_zero(1.0 + even * d)
        c = _not_zero(1.0 + even / c)
        fraction *= c * d
        odd = -(a + m) / k * ((a + b + m) / (k + 1.0)) * x
        d = 1.0 / _not_zero(1.0 + odd * d)
        c = _not_zero(1.0 + odd / c)
        fraction *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            break
    return fraction


@inner
def _excess(deviation: float, ratio: float) -> float:
    """d - log(1 + d) for a deviation d, with 1 + d given too, as where it is small d does not tell it."""
    return deviation - (log1p(deviation) if -0.5 < deviation < 1.0 else log(ratio))


@inner(inline="always")
def _not_zero(x: float) -> float:
    return x if abs(x) > _TINY else _TINY
