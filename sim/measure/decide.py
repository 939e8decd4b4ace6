"""Whether a sentence holds: how many patients it takes to say so, at a stated rate of false alarms.

A sentence is a claim about what a scenario would show of infinitely many patients. Patients are simulated in
growing numbers; at each look the sentence's quantity has a confidence interval. An interval inside what is
expected decides that it holds, one wholly outside that it fails; else more patients are needed.

Looking again and again must not add up to false alarms. The looks are planned beforehand, and each spends an
equal share of the rate (alpha spending: Lan and DeMets 1983, Biometrika 70:659). The shares add up to the
rate by Boole's inequality, which asks nothing of how the looks depend on each other. (Intervals that hold for
all times at once, Robbins 1970 and Howard, Ramdas, McAuliffe and Sekhon 2021, would not need a most; with
looks that double there are few, and sharing costs less.)

At one in a million the normal distribution says little about means of few events, so it is not used:

* A share has the interval of Clopper and Pearson (1934), at the effective number of people of Korn and
  Graubard (1998, Survey Methodology 24:193), p (1 - p) over the variance. Of people who count once each that
  is their number, and the interval exact.
* A rate, or whatever cannot be below zero, has that of Garwood (1936), at the effective number of events of
  Fay and Feuer (1997, Statistics in Medicine 16:791), the square of the rate over its variance. Their upper
  limit, which reckons with a person who adds more than those seen, is that of rare shares of time as well.
* Anything else has the normal one.
* All are made longer as Student's t is than the normal distribution, since a variance is an estimate, too.
* Where the skewness of what is averaged is known, an end that is nearer than that of a shifted and scaled
  Poisson count with the same three moments gives way to it (a correction to second order, as Hall's 1992,
  JRSS B 54:221; it never shortens an interval, since a single outlier makes the skewness large).
* What is computed from several has the squared distances to their limits in place of their variances (MOVER:
  Zou and Donner 2008, Statistics in Medicine 27:1693), so that it inherits their asymmetry.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.engine.elementary import normal_quantile
from sim.engine.quantiles import beta, gamma

FALSE_ALARMS = 1e-6  # of a sentence, in all looks
FIRST = 1_000  # patients at the first look
MOST = 128_000  # patients at the last
SYMMETRIC = 1e-8  # squared skewness, below which there is none
LARGEST_BETA = 1e6

Floats = NDArray[np.float64]
Interval = tuple[float, float]
Verdict = Literal["holds", "fails", "undecided"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic of some patients. `variance` is that of the estimate, as `groups` independent groups of
    them tell it, `skewness` that of its distribution (0 where unknown); `people` are those who count in it.
    It lies from `low` to `high` by its nature.

    `unit` is the most that one person, or one event of a rate, can add to it. A `quotient` is normal, if
    anything is, in its logarithm.
    """

    value: float
    variance: float
    people: float
    low: float = -math.inf
    high: float = math.inf
    skewness: float = 0.0
    groups: float = math.inf
    unit: float = math.inf
    quotient: bool = False


def looks(first: int = FIRST, most: int = MOST) -> tuple[int, ...]:
    """How many patients there are at each look: from `first` on twice as many each time, at last `most`."""
    sizes = [min(first, most)]
    while sizes[-1] < most:
        sizes.append(min(2 * sizes[-1], most))
    return tuple(sizes)


def interval(estimate: Estimate, error: float) -> Interval:
    """The interval that misses the truth with probability `error`, half of it on each side."""
    if math.isnan(estimate.value) or estimate.people < 1.0 or estimate.groups < 2.0:
        return estimate.low, estimate.high
    if estimate.low == 0.0:
        low, high = _of_share(estimate, error) if estimate.high == 1.0 else _of_rate(estimate, error)
    else:
        low, high = _of_mean(estimate, error)
    if estimate.skewness != 0.0 and estimate.variance > 0.0:
        corrected = _of_skewed(estimate, error)
        low, high = min(low, corrected[0]), max(high, corrected[1])
    longer = _student(error, estimate.groups - 1.0) / -normal_quantile(error / 2.0)
    low, high = (estimate.value + longer * (end - estimate.value) for end in (low, high))
    return max(low, estimate.low), min(high, estimate.high)


def _of_share(e: Estimate, error: float) -> Interval:
    spread = e.value * (1.0 - e.value)
    people = spread / e.variance if e.variance > 0.0 and spread > 0.0 else e.people
    people = min(people, LARGEST_BETA)
    inside, outside = e.value * people, (1.0 - e.value) * people
    low = beta(error / 2.0, inside, outside + 1.0) if inside > 0.0 else 0.0
    high = beta(1.0 - error / 2.0, inside + 1.0, outside) if outside > 0.0 else 1.0
    if spread > 0.0 and e.unit < math.inf:
        if _has_seen_less(e.value, spread / people, e.unit * (1.0 - e.value)):
            high = max(high, _most(e.value, spread / people, e.unit, error))
        if _has_seen_less(1.0 - e.value, spread / people, e.unit * e.value):
            low = min(low, 1.0 - _most(1.0 - e.value, spread / people, e.unit, error))
    return low, high


def _of_rate(e: Estimate, error: float) -> Interval:
    if e.value <= 0.0 or e.variance <= 0.0:
        return 0.0, _most(0.0, 0.0, e.unit, error) if e.value == 0.0 else math.inf
    events = e.value * e.value / e.variance
    low = e.value * gamma(error / 2.0, events, 1.0) / events
    high = _most(e.value, e.variance, max(e.unit if e.unit < math.inf else 0.0, e.variance / e.value), error)
    if e.quotient:
        factor = math.exp(-normal_quantile(error / 2.0) * math.sqrt(e.variance) / e.value)
        low, high = min(low, e.value / factor), max(high, e.value * factor)
    return low, high


def _has_seen_less(value: float, variance: float, unit: float) -> bool:
    """Whether what has been seen adds less, one by one, than `unit`."""
    return variance / value < 0.95 * unit


def _most(value: float, variance: float, unit: float, error: float) -> float:
    """The upper limit of Fay and Feuer: what has not been seen may add as much as one `unit`."""
    if unit == math.inf:
        return math.inf
    mean, spread = value + unit, variance + unit * unit
    return gamma(1.0 - error / 2.0, mean * mean / spread, 1.0) * spread / mean


def _of_mean(e: Estimate, error: float) -> Interval:
    if e.variance <= 0.0:
        return e.low, e.high
    half = -normal_quantile(error / 2.0) * math.sqrt(e.variance)
    return e.value - half, e.value + half


def _of_skewed(e: Estimate, error: float) -> Interval:
    events = 1.0 / max(e.skewness * e.skewness, SYMMETRIC)
    if e.skewness > 0.0:
        return _around_count(e.value, e.variance, events, error)
    low, high = _around_count(-e.value, e.variance, events, error)
    return -high, -low


def _around_count(value: float, variance: float, events: float, error: float) -> Interval:
    """The interval where the value is a Poisson count of so many events, shifted and scaled."""
    one = math.sqrt(variance / events)
    low = gamma(error / 2.0, events, 1.0) - events
    high = gamma(1.0 - error / 2.0, events + 1.0, 1.0) - events
    return value + one * low, value + one * high


def _student(error: float, freedom: float) -> float:
    """How many standard errors Student's t is from 0 at least, with a probability of `error`."""
    if freedom > 2.0 * LARGEST_BETA:
        return -normal_quantile(error / 2.0)
    x = beta(error, freedom / 2.0, 0.5)
    return math.sqrt(freedom * (1.0 - x) / x)


def together(
    value: float, gradient: Floats, estimates: Sequence[Estimate], correlation: Floats, error: float
) -> Interval:
    """The interval of a quantity that is computed from several statistics.

    `gradient` (k,) are its derivatives by them, `correlation` (k, k) is that of their estimates.
    """
    down, up = np.array([_distances(e, error) for e in estimates]).T
    down, up = np.where(gradient > 0.0, down, up), np.where(gradient > 0.0, up, down)
    low, high = (_length(np.where(gradient == 0.0, 0.0, gradient * to), correlation) for to in (down, up))
    return value - low, value + high


def _distances(e: Estimate, error: float) -> tuple[float, float]:
    low, high = interval(e, error)
    return e.value - low, high - e.value


def _length(parts: Floats, correlation: Floats) -> float:
    if not np.isfinite(parts).all():
        return math.inf
    return math.sqrt(max(float(parts @ correlation @ parts), 0.0))


def decided(found: Interval, expected: Interval) -> Verdict:
    """What an interval says about a claim that the truth lies between two bounds, neither included."""
    if found[0] > expected[0] and found[1] < expected[1]:
        return "holds"
    return "fails" if found[1] <= expected[0] or found[0] >= expected[1] else "undecided"


def needed(patients: int, value: float, found: Interval, expected: Interval) -> float:
    """How many patients would decide about, were the truth the `value` found on so many; inf if no number
    would: an interval is as wide as one over the root of their number.
    """
    low, high = value - found[0], found[1] - value
    if expected[0] < value < expected[1]:
        shares = [low / (value - expected[0]), high / (expected[1] - value)]
    elif value < expected[0]:
        shares = [high / (expected[0] - value)]
    elif value > expected[1]:
        shares = [low / (value - expected[1])]
    else:
        return math.inf
    return patients * max(shares) ** 2
