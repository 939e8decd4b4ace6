"""From sums to statistics: values, and how each group of patients moves them.

An estimator gives for every cell its value and the *influence* of every group: how much the value would rise
if that group's share of everything were a little larger, times that share. By Taylor's linearisation (Wolter
2007, chapter 6; Deville 1999) the variance is G / (G - 1) times the sum of the squared influences over the G
groups that have anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sim.measure.contributions import DIED, HAPPENED
from sim.measure.histories import DAY, Integers, Values
from sim.measure.sums import GROUPS, Followed, Sums, Tallies, Totals
from sim.scenario.statistics import Statistic

NORMAL = 1.959963984540054  # the 97.5 % quantile of the standard normal


@dataclass(frozen=True, slots=True)
class Estimated:
    """A statistic in every cell: arrays of as many, `influence` (cells, GROUPS). NaN where there is none.

    `numerator` and `denominator` are weighted; NaN where a statistic has none. `low` and `high` are given
    where an interval has a way of its own, else NaN.
    """

    value: Values
    influence: Values
    numerator: Values
    denominator: Values
    low: Values
    high: Values


def _plain(value: Values, influence: Values, numerator: Values, denominator: Values) -> Estimated:
    nothing = np.full(len(value), np.nan)
    return Estimated(value, influence, numerator, denominator, nothing, nothing)


# ---- functions of totals


def _of_totals(
    sums: Totals, value: Values, gradient: list[Values], numerator: Values, denominator: Values
) -> Estimated:
    """`gradient`: for each column the derivative of the value by its total, by cell."""
    influence = np.einsum("mk,mkg->kg", np.array(gradient), sums.sums)
    return _plain(value, influence, numerator, denominator)


def ratio(sums: Totals) -> Estimated:
    """The second column by the first."""
    whole, part = sums.totals
    value = part / whole
    return _of_totals(sums, value, [-value / whole, 1 / whole], part, whole)


def mean(sums: Totals) -> Estimated:
    count, total, _ = sums.totals
    value = total / count
    return _of_totals(sums, value, [-value / count, 1 / count, 0 * count], total, count)


def sd(sums: Totals) -> Estimated:
    """The standard deviation with n - 1, n the sum of the weights."""
    count, total, squares = sums.totals
    variance = np.maximum(squares - total**2 / count, 0.0) / (count - 1)
    value = np.sqrt(variance)
    by_variance = 0.5 / value
    gradient = [((total / count) ** 2 - variance), -2 * total / count, np.ones(len(count))]
    gradient = [by_variance * part / (count - 1) for part in gradient]
    return _of_totals(sums, value, gradient, np.full(len(count), np.nan), count)


def correlation(sums: Totals) -> Estimated:
    """Pearson's correlation."""
    n, x, y, xx, yy, xy = sums.totals
    a, b, c = xx / n - (x / n) ** 2, yy / n - (y / n) ** 2, xy / n - x / n * y / n
    value = c / np.sqrt(a * b)
    by_a, by_b, by_c = -value / (2 * a), -value / (2 * b), 1 / np.sqrt(a * b)
    gradient = [
        (
            by_a * (2 * (x / n) ** 2 - xx / n)
            + by_b * (2 * (y / n) ** 2 - yy / n)
            + by_c * (2 * x * y / n**2 - xy / n)
        )
        / n,
        (by_a * -2 * x / n - by_c * y / n) / n,
        (by_b * -2 * y / n - by_c * x / n) / n,
        by_a / n,
        by_b / n,
        by_c / n,
    ]
    return _of_totals(sums, value, gradient, np.full(len(n), np.nan), n)


def odds_ratio(sums: Totals) -> Estimated:
    neither, b, a, both = sums.totals
    value = neither * both / (a * b)
    gradient = [value / neither, -value / b, -value / a, value / both]
    return _of_totals(sums, value, gradient, both, sums.totals.sum(axis=0))


def relative_risk(sums: Totals) -> Estimated:
    """Of the first condition, among those with the second against those without it."""
    neither, b, a, both = sums.totals
    value = both / (both + b) / (a / (a + neither))
    gradient = [
        value / (a + neither),
        -value / (both + b),
        value * (1 / (a + neither) - 1 / a),
        value * (1 / both - 1 / (both + b)),
    ]
    return _of_totals(sums, value, gradient, both, sums.totals.sum(axis=0))


# ---- quantiles


def quantile(sums: Tallies, p: float) -> Estimated:
    """The quantile of definition 7 of Hyndman and Fan (1996), weights as frequencies.

    Its interval is that of the share below it, turned into values (Woodruff 1952).
    """
    sums.settle()
    cells = len(sums.people)
    value, low, high, error, count = (np.full(cells, np.nan) for _ in range(5))
    influence = np.zeros((cells, GROUPS))
    for cell in range(cells):
        first, end = np.searchsorted(sums.place, (cell * GROUPS, (cell + 1) * GROUPS))
        if first == end:
            continue
        rows = slice(first, end)
        order = np.argsort(sums.value[rows], kind="stable")
        values, weights = sums.value[rows][order], sums.weight[rows][order]
        below = np.cumsum(weights)
        count[cell] = below[-1]
        at = partial(_quantile, values, below)
        value[cell] = at(p)
        inside = weights * (values <= value[cell])
        group = sums.place[rows][order] % GROUPS
        share = inside.sum() / below[-1]
        moved = np.bincount(group, inside - share * weights, GROUPS) / below[-1]
        spread = _error(moved, int((sums.people[cell] > 0).sum()))
        if np.isnan(spread):
            continue
        low[cell], high[cell] = at(max(p - NORMAL * spread, 0.0)), at(min(p + NORMAL * spread, 1.0))
        error[cell] = (high[cell] - low[cell]) / (2 * NORMAL)
        if spread > 0:
            influence[cell] = -moved * (error[cell] / spread)
    return Estimated(value, influence, np.full(cells, np.nan), count, low, high)


def _quantile(values: Values, below: Values, p: float) -> float:
    """Of sorted values, `below` being the weight up to each, itself included."""
    place = (below[-1] - 1) * p
    lower = np.floor(place)
    one, other = np.searchsorted(below, (lower, min(lower + 1, below[-1] - 1)), side="right")
    last = len(values) - 1
    one, other = min(int(one), last), min(int(other), last)
    return float(values[one] + (place - lower) * (values[other] - values[one]))


# ---- people who are followed


def cumulative_incidence(sums: Followed, horizon: float) -> Estimated:
    """Aalen and Johansen (1978), death competing."""
    return _followed(sums, horizon, _incidence)


def survival(sums: Followed, horizon: float) -> Estimated:
    """Kaplan and Meier (1958): death is censoring, unless it is what is waited for."""
    return _followed(sums, horizon, _survival)


def restricted_mean(sums: Followed, horizon: float) -> Estimated:
    """The area under the curve of Kaplan and Meier up to the horizon, in days (Irwin 1949)."""
    return _followed(sums, horizon, _restricted_mean)


@dataclass(frozen=True, slots=True)
class _Risk:
    """The risk sets of a cell at the times at which something happened.

    `at_risk` is weighted; `hazard` of all causes, `hazard_1` of what is waited for. `before` and `after` are
    the share that has seen neither, just before and after each time.
    """

    times: Integers
    at_risk: Values
    hazard: Values
    hazard_1: Values
    before: Values
    after: Values


Curve = Callable[[_Risk, float], tuple[float, Values, Values]]
"""The value, and its derivatives by the hazards at each time: of what is waited for, and of all causes."""


def _incidence(risk: _Risk, horizon: float) -> tuple[float, Values, Values]:
    curve = np.cumsum(risk.before * risk.hazard_1)
    total = float(curve[-1]) if len(curve) else 0.0
    return total, risk.before, -(total - curve) * _still(risk)


def _survival(risk: _Risk, horizon: float) -> tuple[float, Values, Values]:
    total, one, other = _incidence(risk, horizon)
    return 1.0 - total, -one, -other


def _restricted_mean(risk: _Risk, horizon: float) -> tuple[float, Values, Values]:
    widths = np.diff(np.append(risk.times, horizon))
    areas = risk.after * widths
    total = float((risk.times[0] if len(risk.times) else horizon) + areas.sum())
    still_to_come = np.cumsum(areas[::-1])[::-1]
    return total / DAY, np.zeros(len(areas)), -still_to_come * _still(risk) / DAY


def _still(risk: _Risk) -> Values:
    """1 / (1 - hazard), 0 where nobody is left."""
    left = 1.0 - risk.hazard
    return np.divide(1.0, left, out=np.zeros(len(left)), where=left > 0.0)


def _followed(sums: Followed, horizon: float, curve: Curve) -> Estimated:
    place, entry, exit, cause, weight = sums.all()
    if curve is not _incidence:
        cause = np.where(cause == DIED, 0, cause).astype(np.int8)
    cells = len(sums.people)
    value, events, people = (np.full(cells, np.nan) for _ in range(3))
    influence = np.zeros((cells, GROUPS))
    for cell in range(cells):
        rows = slice(*np.searchsorted(place, (cell * GROUPS, (cell + 1) * GROUPS)))
        here = (entry[rows], exit[rows], cause[rows], weight[rows])
        if not len(here[0]) or not _is_followed(*here, horizon):
            continue
        value[cell], each = _one_curve(*here, horizon, curve)
        influence[cell] = np.bincount(place[rows] % GROUPS, each, GROUPS)
        events[cell] = here[3][here[2] == HAPPENED].sum()
        people[cell] = here[3].sum()
    return _plain(value, influence, events, people)


def _is_followed(
    entry: Integers, exit: Integers, cause: NDArray[np.int8], weight: Values, horizon: float
) -> bool:
    """Whether anybody is followed up to the horizon, or nobody is left before: else it is not known."""
    last = exit == exit.max()
    return bool(exit.max() >= horizon or (cause[last] > 0).all())


def _one_curve(
    entry: Integers, exit: Integers, cause: NDArray[np.int8], weight: Values, horizon: float, curve: Curve
) -> tuple[float, Values]:
    """The value, and the influence of each person."""
    times, at = np.unique(exit[cause > 0], return_inverse=True)
    ended = np.bincount(at, weight[cause > 0], len(times))
    happened = np.bincount(at, weight[cause > 0] * (cause[cause > 0] == HAPPENED), len(times))
    at_risk: Values = _weight_from(exit, weight, times) - _weight_from(entry, weight, times)
    hazard, hazard_1 = ended / at_risk, happened / at_risk
    after = np.asarray(np.cumprod(1.0 - hazard), np.float64)
    risk = _Risk(times, at_risk, hazard, hazard_1, np.append(1.0, after)[: len(times)], after)
    value, *slopes = curve(risk, horizon)
    by_1, by_all = (slope / at_risk for slope in slopes)
    expected = np.append(0.0, np.cumsum(by_1 * hazard_1 + by_all * hazard))
    first, last = np.searchsorted(times, entry, side="right"), np.searchsorted(times, exit, side="right")
    each: Values = expected[first] - expected[last]
    each[cause > 0] += by_all[at] + by_1[at] * (cause[cause > 0] == HAPPENED)
    return value, weight * each


def _weight_from(moments: Integers, weight: Values, times: Integers) -> Values:
    """For each of `times` the weight of those whose moment is then or later."""
    order = np.argsort(moments, kind="stable")
    total = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)
    found: Values = total[np.searchsorted(moments[order], times, side="left")]
    return found


# ---- standard errors


def _error(influence: Values, groups: int) -> float:
    """The standard error from the influences of so many groups that have anybody."""
    return float(np.sqrt(groups / (groups - 1) * (influence**2).sum())) if groups > 1 else np.nan


def errors(estimated: Estimated, sums: Sums) -> Values:
    """The standard error in every cell."""
    groups = (sums.people > 0).sum(axis=1)
    return np.array([_error(i, int(g)) for i, g in zip(estimated.influence, groups, strict=True)])


# ---- by name


def estimate(statistic: Statistic, sums: Sums, time: Callable[[str], int]) -> Estimated:
    """A statistic of what has been summed up. Numbers of no cell, and quotients by nothing, are NaN."""
    with np.errstate(all="ignore"):
        if isinstance(sums, Totals):
            found = _TOTALS[statistic.name][1](sums)
            return found if statistic.date is not None else _in_days(statistic.name, found)
        if isinstance(sums, Tallies):
            return quantile(sums, 0.5 if statistic.p is None else statistic.p)
        return _CURVES[statistic.name](sums, float(time("within") or time("at")))


def _in_days(name: str, found: Estimated) -> Estimated:
    """What has been summed up in seconds, in which sums are exact."""
    if name in ("incidence", "rate"):
        value, influence = found.value * DAY, found.influence * DAY
        return replace(found, value=value, influence=influence, denominator=found.denominator / DAY)
    if name in ("prevalence", "odds_ratio", "relative_risk"):
        return replace(found, numerator=found.numerator / DAY, denominator=found.denominator / DAY)
    return found


def nothing(statistic: Statistic, cells: int) -> Sums:
    """The sums of nobody."""
    if statistic.name in _TOTALS:
        return Totals(_TOTALS[statistic.name][0], cells)
    return Tallies(cells) if statistic.name in ("median", "quantile") else Followed(cells)


_TOTALS: dict[str, tuple[int, Callable[[Totals], Estimated]]] = {
    "prevalence": (2, ratio),
    "incidence": (2, ratio),
    "rate": (2, ratio),
    "share": (2, ratio),
    "mean": (3, mean),
    "sd": (3, sd),
    "correlation": (6, correlation),
    "odds_ratio": (4, odds_ratio),
    "relative_risk": (4, relative_risk),
}
_CURVES: dict[str, Callable[[Followed, float], Estimated]] = {
    "cumulative_incidence": cumulative_incidence,
    "switching": cumulative_incidence,
    "survival": survival,
    "persistence": survival,
    "restricted_mean": restricted_mean,
}
