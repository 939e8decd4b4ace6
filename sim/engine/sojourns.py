"""Sojourn distributions by their cumulative hazards, beside those in `quantiles` that have closed forms.

Each comes as a cumulative hazard at t >= 0, the time at which that reaches h >= 0, and the hazard itself.
Tails are no difference from 1, and hold where the survival has underflowed. Impossible parameters give NaN.
"""

from __future__ import annotations

import math

from sim.engine.elementary import exp, expm1, log, log1p, normal_cdf, normal_quantile, normal_tail, power
from sim.engine.inner import inner
from sim.engine.quantiles import gamma
from sim.engine.special import incomplete_gamma, lgamma, log_gamma_tail

_HALF_LOG_2PI = 0.9189385332046728
_LOG_2 = 0.6931471805599453
_STEPS = 100  # of Newton's method, which takes some five
_CLOSE = 1e-10  # a step of Newton's method after which the next would be below rounding
_FAR = 37.0  # standard deviations: beyond, the normal's tail is summed as a series
_HUGE = 1e200  # hazards beyond which that of a gamma is its time
LARGEST_SHAPE = 1e6  # of a gamma
LARGEST = 1.7976931348623157e308


@inner
def lognormal_hazard(t: float, median: float, sigma: float) -> float:
    """The cumulative hazard of a lognormal; relative error 1e-14, times 1 + |z| where it is small.

    Needs median, sigma > 0. z = log(t / median) / sigma.
    """
    if not (t >= 0.0 and 0.0 < median < math.inf and 0.0 < sigma < math.inf):
        return math.nan
    return -_log_normal_tail(log(t / median) / sigma)


@inner
def lognormal_time(h: float, median: float, sigma: float) -> float:
    """The time at which `lognormal_hazard` reaches h."""
    if not (h >= 0.0 and 0.0 < median < math.inf and 0.0 < sigma < math.inf):
        return math.nan
    if h == 0.0 or h == math.inf:
        return h
    if h < _LOG_2:
        z = normal_quantile(-expm1(-h))
    elif h < 600.0:
        z = -normal_quantile(exp(-h))
    else:
        z = math.sqrt(2.0 * h)  # too far, as the tail is below exp(-z**2 / 2); Newton's method comes back
        for _ in range(_STEPS):
            step = (_log_normal_tail(z) + h) / _normal_hazard(z)
            z += step
            if abs(step) < _CLOSE * z:
                break
    return median * exp(sigma * z)


@inner
def lognormal_rate(t: float, median: float, sigma: float) -> float:
    """The hazard of a lognormal."""
    if t == 0.0:
        return 0.0
    return _normal_hazard(log(t / median) / sigma) / (sigma * t)


@inner
def _log_normal_tail(z: float) -> float:
    """The logarithm of the probability that a standard normal exceeds z."""
    if z < 0.0:
        return log1p(-normal_cdf(z))
    if z < _FAR:
        return log(normal_tail(z))
    return -0.5 * z * z - log(z) - _HALF_LOG_2PI + log1p(-_mills_rest(z))


@inner
def _mills_rest(z: float) -> float:
    """1 - z P(Z > z) / density(z), by its asymptotic series, for z of 37 or more; error 2e-15."""
    w = 1.0 / (z * z)
    return w * (1.0 - w * (3.0 - w * (15.0 - w * (105.0 - w * 945.0))))


@inner
def _normal_hazard(z: float) -> float:
    """density(z) / P(Z > z) of a standard normal."""
    if z < _FAR:
        return exp(-0.5 * z * z - _HALF_LOG_2PI) / normal_tail(z)
    return z / (1.0 - _mills_rest(z))


@inner
def loglogistic_hazard(t: float, shape: float, scale: float) -> float:
    """The cumulative hazard of a log-logistic: log(1 + (t / scale)**shape); needs both > 0. Error 4 ulp."""
    if not (t >= 0.0 and 0.0 < shape < math.inf and 0.0 < scale < math.inf):
        return math.nan
    odds = power(t / scale, shape)
    return shape * log(t / scale) if odds == math.inf and t < math.inf else log1p(odds)


@inner
def loglogistic_time(h: float, shape: float, scale: float) -> float:
    """The time at which `loglogistic_hazard` reaches h; inf beyond the largest float."""
    if not (h >= 0.0 and 0.0 < shape < math.inf and 0.0 < scale < math.inf):
        return math.nan
    return scale * (power(expm1(h), 1.0 / shape) if h < 700.0 else exp(h / shape))


@inner
def loglogistic_rate(t: float, shape: float, scale: float) -> float:
    """The hazard of a log-logistic; inf at 0 where the shape is below 1."""
    if t == 0.0:
        return _rate_at_0(shape, 1.0 / scale)
    odds = power(t / scale, shape)
    return shape / t / (1.0 + 1.0 / odds)


@inner
def gengamma_hazard(t: float, shape: float, scale: float, exponent: float) -> float:
    """The cumulative hazard of Stacy's generalised gamma: -log Q(shape, (t / scale)**exponent).

    Needs all > 0 and shape <= 1e6. Relative error 1e-12 (1e-13 where shape < 1e4); but for a shape below 1
    where (t / scale)**exponent < 1 + shape, an error of 1e-15 / shape.
    """
    if not (t >= 0.0 and 0.0 < shape <= LARGEST_SHAPE and 0.0 < scale < math.inf):
        return math.nan
    if not 0.0 < exponent < math.inf:
        return math.nan
    x = power(t / scale, exponent)
    if x == 0.0 or x > _HUGE:
        return x
    if x < shape + 1.0:
        below, _, _ = incomplete_gamma(shape, x)
        return -log1p(-below)
    tail, _ = log_gamma_tail(shape, x)
    return -tail


@inner
def gengamma_time(h: float, shape: float, scale: float, exponent: float) -> float:
    """The time at which `gengamma_hazard` reaches h."""
    if not (h >= 0.0 and 0.0 < shape <= LARGEST_SHAPE and 0.0 < scale < math.inf):
        return math.nan
    if not 0.0 < exponent < math.inf:
        return math.nan
    return scale * power(_gamma_time(h, shape), 1.0 / exponent)


@inner
def _gamma_time(h: float, a: float) -> float:
    """The x for which -log Q(a, x) is h."""
    if h == 0.0 or h > _HUGE:
        return h
    if h < _LOG_2:
        return gamma(-expm1(-h), a, 1.0)
    x = a + math.sqrt(2.0 * a * h) + h  # too far: Chernoff's bound. log Q is concave in log x
    for _ in range(_STEPS):
        if x < a + 1.0:
            _, above, density = incomplete_gamma(a, x)
            tail, slope = log(above), density / above
        else:
            tail, slope = log_gamma_tail(a, x)
        step = max((tail + h) / slope, -2.0)
        x *= exp(step)
        if abs(step) < _CLOSE:
            break
    return x


@inner
def gengamma_rate(t: float, shape: float, scale: float, exponent: float) -> float:
    """The hazard of a generalised gamma; inf at 0 where shape * exponent is below 1."""
    x = power(t / scale, exponent)
    if x == 0.0:
        return _rate_at_0(shape * exponent, exponent / scale * exp(-lgamma(shape)))
    if x < shape + 1.0:
        _, above, density = incomplete_gamma(shape, x)
        return density / above * exponent / t
    _, slope = log_gamma_tail(shape, x)
    return slope * exponent / t


@inner
def _rate_at_0(order: float, constant: float) -> float:
    """The limit at 0 of a hazard that begins as constant * t**(order - 1)."""
    if order < 1.0:
        return math.inf
    return constant if order == 1.0 else 0.0
