"""One uniform to one draw, by inversion; and the cumulative hazards of the sojourn distributions.

A function named as a distribution is its quantile function: of u in (0, 1) from `streams.uniform` (1 - u must
be exact), then of the parameters in the order of `sim.scenario.model.DISTRIBUTIONS`. All rise with u and are
smooth in the parameters, to within their stated error. Parameters that are no distribution give NaN.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.engine.elementary import exp, expm1, log, log1p, normal_cdf, normal_quantile, normal_tail, power
from sim.engine.inner import inner
from sim.engine.special import incomplete_beta, incomplete_gamma, lgamma

Floats = NDArray[np.float64]

_STEPS = 100  # of Newton's method, which takes some five
_CLOSE = 1e-10  # a step of Newton's method after which the next would be below rounding


@inner
def uniform(u: float, low: float, high: float) -> float:
    """low + u * (high - low), kept within [low, high]; needs low <= high, finite."""
    width = high - low
    if not 0.0 <= width < math.inf:
        return math.nan
    return _clamp(low + u * width, low, high)


@inner
def normal(u: float, mean: float, sd: float) -> float:
    """Normal; needs sd >= 0."""
    if not 0.0 <= sd < math.inf:
        return math.nan
    return mean + sd * normal_quantile(u)


@inner
def truncated_normal(u: float, mean: float, sd: float, low: float, high: float) -> float:
    """Normal given that it is in [low, high], which may be infinite on either side; needs sd >= 0.

    NaN too where all of [low, high] is some 36 sd out: the tail beyond its nearer end is below 1e-290.
    Error 1e-14 sd, beyond 10 sd 1e-15 of the distance, beside the rounding of low - mean and high - mean.
    """
    if not (0.0 <= sd < math.inf and -math.inf < mean < math.inf and low <= high):
        return math.nan
    if sd == 0.0:
        return mean if low <= mean <= high else math.nan
    a = (low - mean) / sd
    b = (high - mean) / sd
    if not (normal_tail(a) > 1e-290 and normal_cdf(b) > 1e-290):
        return math.nan
    mass = normal_tail(a) - normal_tail(b) if a > 0.0 else normal_cdf(b) - normal_cdf(a)
    below = normal_cdf(a) + u * mass
    above = normal_tail(b) + (1.0 - u) * mass
    z = normal_quantile(below) if below < above else -normal_quantile(above)
    return _clamp(mean + sd * z, low, high)


@inner
def lognormal(u: float, median: float, sigma: float) -> float:
    """Lognormal: median * exp(sigma * z) with a standard normal z; needs median > 0 and sigma >= 0."""
    if not (0.0 < median < math.inf and 0.0 <= sigma < math.inf):
        return math.nan
    return median * exp(sigma * normal_quantile(u))


@inner
def exponential(u: float, mean: float) -> float:
    """Exponential; needs mean > 0."""
    return exponential_time(-log(1.0 - u), mean)


@inner
def weibull(u: float, shape: float, scale: float) -> float:
    """Weibull, of survival exp(-(t / scale)**shape); needs both > 0."""
    return weibull_time(-log(1.0 - u), shape, scale)


@inner
def gompertz(u: float, shape: float, rate: float) -> float:
    """Gompertz, of hazard rate * exp(shape * t); needs rate >= 0. Can be inf."""
    return gompertz_time(-log(1.0 - u), shape, rate)


@inner
def gamma(u: float, shape: float, scale: float) -> float:
    """Gamma, of mean shape * scale; needs both > 0. Relative error 1e-13 above 1e-15 * scale."""
    if not (0.0 < shape < math.inf and 0.0 < scale < math.inf):
        return math.nan
    z = normal_quantile(u)
    if shape >= 1e5:
        return scale * _large_gamma(shape, z)
    least = (log(u) + lgamma(shape + 1.0)) / shape  # as P(a, x) <= x**a / gamma(a + 1)
    if least < -40.0:
        return scale * exp(least)
    right = u > 0.5
    tail = 1.0 - u if right else u
    root = 1.0 - 1.0 / (9.0 * shape) + z / (3.0 * math.sqrt(shape))
    guess = shape * (root * root * root)  # Wilson and Hilferty 1931
    if shape < 1.0:
        guess = -log(tail) - lgamma(shape) if right else 0.0  # as Q(a, x) <= exp(-x) / gamma(a) for x > 1
    x = _clamp(guess, exp(least), math.inf)
    for _ in range(_STEPS):
        p, q, slope = incomplete_gamma(shape, x)
        step = -_newton_step(q, slope, tail) if right else _newton_step(p, slope, tail)
        x *= exp(step)
        if abs(step) < _CLOSE:
            break
    return scale * x


@inner
def gengamma(u: float, shape: float, scale: float, power: float) -> float:
    """Stacy's generalised gamma: scale * G**(1 / power), with a gamma G of that shape; needs all > 0."""
    if not (0.0 < power < math.inf and 0.0 < scale < math.inf):
        return math.nan
    return scale * _root(gamma(u, shape, 1.0), power)


@inner
def loglogistic(u: float, shape: float, scale: float) -> float:
    """Log-logistic, of survival 1 / (1 + (t / scale)**shape); needs both > 0."""
    if not (0.0 < shape < math.inf and 0.0 < scale < math.inf):
        return math.nan
    return scale * _root(u / (1.0 - u), shape)


@inner
def _root(x: float, order: float) -> float:
    return power(x, 1.0 / order)


@inner
def empirical(u: float, x: Floats, first: int, size: int) -> float:
    """Linear between quantiles, `size` numbers from x[first] on: percent, value, percent, value, ...

    The percents rise from 0 to 100; needs finite values that do not fall.
    """
    percent = 100.0 * u
    for i in range(first, first + size - 2, 2):
        low, high = x[i + 1], x[i + 3]
        if not 0.0 <= high - low < math.inf:
            return math.nan
        if percent < x[i + 2]:
            share = (percent - x[i]) / (x[i + 2] - x[i])
            return _clamp(low + share * (high - low), low, high)
    return x[first + size - 1]


@inner
def of_score(score: float) -> float:
    """The uniform whose standard normal quantile is `score`, kept off 0 and 1."""
    return _clamp(normal_cdf(score), 2.0**-53, 1.0 - 2.0**-53)


@inner
def _large_gamma(a: float, z: float) -> float:
    """The quantile of a gamma of large shape at the standard normal's z: its Cornish-Fisher expansion."""
    r = math.sqrt(a)
    w = z * z
    x = a + r * z + (w - 1.0) / 3.0
    x += z * (w - 7.0) / (36.0 * r)
    x -= (w * (3.0 * w + 7.0) - 16.0) / (810.0 * a)
    x += z * (w * (9.0 * w + 256.0) - 433.0) / (38880.0 * a * r)
    return x + (w * (w * (12.0 * w - 243.0) - 923.0) + 1472.0) / (204120.0 * a * a)


@inner
def _newton_step(value: float, slope: float, target: float) -> float:
    """A step of Newton's method on log(value), of positive slope, towards log(target), but by at most 2."""
    if value == 0.0 or slope == 0.0:
        return 2.0 if value < target else -2.0
    return _clamp(value / slope * log1p((target - value) / value), -2.0, 2.0)


@inner(inline="always")
def _clamp(x: float, low: float, high: float) -> float:
    """x, or the end of [low, high] that it is beyond; `min` and `max` may differ in the sign of a zero."""
    if x < low:
        return low
    return high if x > high else x


@inner
def beta(u: float, a: float, b: float) -> float:
    """Beta, of mean a / (a + b); needs 0 < a, b <= 1e6. Relative error 1e-12 above 1e-15."""
    if not (0.0 < a <= 1e6 and 0.0 < b <= 1e6):
        return math.nan
    # The bounds of log(x / (1 - x)) from I_x(a, b) <= (x / (1 - x))**a / (a B(a, b)), and so from the right.
    log_beta = lgamma(a) + lgamma(b) - lgamma(a + b)
    least = (log(u) + log(a) + log_beta) / a
    most = -(log(1.0 - u) + log(b) + log_beta) / b
    if least < -650.0:
        return exp(least)
    if most > 650.0:
        return 1.0
    right = u > 0.5
    tail = 1.0 - u if right else u
    spread = math.sqrt((1.0 + 1.0 / a) / a + (1.0 + 1.0 / b) / b)
    odds = exp(_clamp(log(a / b) + spread * normal_quantile(u), least, most))
    for _ in range(_STEPS):
        p, q, slope = incomplete_beta(a, b, odds / (1.0 + odds), 1.0 / (1.0 + odds))
        step = -_newton_step(q, slope, tail) if right else _newton_step(p, slope, tail)
        odds *= exp(step)
        if abs(step) < _CLOSE:
            break
    return odds / (1.0 + odds) if odds < 1.0 else 1.0 - 1.0 / (1.0 + odds)


@inner
def poisson(u: float, mean: float) -> float:
    """Poisson: the least k whose cumulative probability is at least u; needs 0 <= mean <= 1e15.

    From a mean of 1e5 up by expansion alone, then off by one with a probability below 1e-5.
    """
    if not 0.0 <= mean <= 1e15:
        return math.nan
    if mean < 30.0:
        return _small_poisson(u, mean)
    z = normal_quantile(u)
    root = math.sqrt(mean)
    x = mean + z * root + (z * z - 1.0) / 6.0 + z * (1.0 - z * z) / (72.0 * root)  # Cornish-Fisher
    k = float(math.ceil(x - 0.5)) if x > 0.5 else 0.0
    if mean >= 1e5:
        return k
    for _ in range(_STEPS):
        if _poisson_reaches(k, mean, u):
            break
        k += 1.0
    for _ in range(_STEPS):
        if k == 0.0 or not _poisson_reaches(k - 1.0, mean, u):
            break
        k -= 1.0
    return k


@inner
def _small_poisson(u: float, mean: float) -> float:
    k = 0.0
    probability = exp(-mean)
    total = probability
    while total < u and probability > 1e-18:
        k += 1.0
        probability *= mean / k
        total += probability
    return k


@inner
def _poisson_reaches(k: float, mean: float, u: float) -> bool:
    above, below, _ = incomplete_gamma(k + 1.0, mean)
    return below >= u if u < 0.5 else above <= 1.0 - u


@inner
def exponential_hazard(t: float, mean: float) -> float:
    """The cumulative hazard of an exponential at t >= 0: t / mean."""
    if not (t >= 0.0 and 0.0 < mean < math.inf):
        return math.nan
    return t / mean


@inner
def exponential_time(h: float, mean: float) -> float:
    """The time at which `exponential_hazard` reaches h >= 0."""
    if not (h >= 0.0 and 0.0 < mean < math.inf):
        return math.nan
    return h * mean


@inner
def weibull_hazard(t: float, shape: float, scale: float) -> float:
    """The cumulative hazard of a Weibull at t >= 0: (t / scale)**shape."""
    if not (t >= 0.0 and 0.0 < shape < math.inf and 0.0 < scale < math.inf):
        return math.nan
    return power(t / scale, shape)


@inner
def weibull_time(h: float, shape: float, scale: float) -> float:
    """The time at which `weibull_hazard` reaches h >= 0."""
    if not (h >= 0.0 and 0.0 < shape < math.inf and 0.0 < scale < math.inf):
        return math.nan
    return scale * power(h, 1.0 / shape)


@inner
def gompertz_hazard(t: float, shape: float, rate: float) -> float:
    """The cumulative hazard of a Gompertz at t >= 0: rate * (exp(shape * t) - 1) / shape, or rate * t."""
    if not (t >= 0.0 and 0.0 <= rate < math.inf and -math.inf < shape < math.inf):
        return math.nan
    if t == 0.0 or rate == 0.0:
        return 0.0
    x = shape * t if shape != 0.0 else 0.0
    if x == 0.0:
        return rate * t
    return rate * t * (expm1(x) / x) if -1.0 < x < 1.0 else rate / shape * expm1(x)


@inner
def gompertz_time(h: float, shape: float, rate: float) -> float:
    """The time at which `gompertz_hazard` reaches h >= 0; inf where it never does."""
    if not (h >= 0.0 and 0.0 <= rate < math.inf and -math.inf < shape < math.inf):
        return math.nan
    if h == 0.0 or rate == 0.0:
        return 0.0 if h == 0.0 else math.inf
    x = shape * (h / rate) if shape != 0.0 else 0.0
    if x == 0.0:
        return h / rate
    if x <= -1.0:
        return math.inf
    return h / rate * (log1p(x) / x) if -0.5 < x < 1.0 else log1p(x) / shape
