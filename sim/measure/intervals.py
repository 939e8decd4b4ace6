"""95% intervals: symmetric on the scale on which a statistic is nearly normal."""

from __future__ import annotations

import numpy as np

from sim.measure.estimators import NORMAL, Estimated
from sim.measure.histories import Values
from sim.scenario.statistics import Statistic

ALPHA = 0.025  # on each side

_SHARES = {
    *("prevalence", "share", "cumulative_incidence", "survival", "persistence", "switching"),
}
_RATIOS = {"incidence", "rate", "odds_ratio", "relative_risk", "sd"}


def intervals(
    statistic: Statistic, found: Estimated, errors: Values, people: Values
) -> tuple[Values, Values]:
    """The lower and upper ends in every cell.

    Logit for shares, logarithm for rates, ratios and standard deviations, Fisher's z for correlations, as it
    is for means; of quantiles Woodruff's. Where nothing happened, or all did, the other end is the exact one
    of Poisson or of Clopper and Pearson, with people for trials.
    """
    value = found.value
    if not np.isnan(found.low).all():
        return found.low, found.high
    with np.errstate(all="ignore"):
        if statistic.name in _SHARES:
            odds = value / (1.0 - value)
            step = NORMAL * errors / (value * (1.0 - value))
            low, high = odds * np.exp(-step), odds * np.exp(step)
            low, high = low / (1.0 + low), high / (1.0 + high)
            exact = ALPHA ** (1.0 / people)
            low, high = np.where(value <= 0.0, 0.0, low), np.where(value <= 0.0, 1.0 - exact, high)
            return np.where(value >= 1.0, exact, low), np.where(value >= 1.0, 1.0, high)
        if statistic.name in _RATIOS:
            step = np.exp(NORMAL * errors / value)
            low, high = value / step, value * step
            if statistic.name in ("incidence", "rate"):
                high = np.where(value == 0.0, -np.log(ALPHA) / found.denominator, high)
                low = np.where(value == 0.0, 0.0, low)
            return low, high
        if statistic.name == "correlation":
            z, step = np.arctanh(value), NORMAL * errors / (1.0 - value**2)
            return np.tanh(z - step), np.tanh(z + step)
        return value - NORMAL * errors, value + NORMAL * errors
