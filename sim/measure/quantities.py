"""Intervals of what a sentence computes from its statistics.

A sum of multiples of statistics (two that are compared are one: their difference) has its interval from those
of the statistics and their correlation. For anything else, a quotient for one, each statistic has an interval
of its share of the error, and the limits are those that arithmetic can reach in them: longer, but true of any
expression.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sim.measure.accumulator import Estimate as Measured
from sim.measure.decide import Estimate, Floats, Interval, interval, together
from sim.measure.sums import GROUPS
from sim.scenario.algebra import constant
from sim.scenario.expectations import nature
from sim.scenario.model import TRUTH, Expr, Scenario
from sim.scenario.statistics import Statistic


def value_and_interval(
    quantity: Expr,
    statistics: Sequence[Statistic],
    measured: Sequence[Measured],
    scenario: Scenario,
    error: float,
) -> tuple[float, Interval]:
    """What a quantity of a sentence is, and the interval that misses the truth with probability `error`.

    `measured` are the estimates of the sentence's `statistics` over lives of the scenario; the quantity reads
    no parameters. NaN, and all numbers, where a statistic is not known.
    """
    value = value_of(quantity, [m.value for m in measured])
    estimates = [estimate(m, s, scenario) for m, s in zip(measured, statistics, strict=True)]
    factors = linear(quantity, len(statistics))
    if factors is None:
        found = limits(quantity, [interval(e, error / len(estimates)) for e in estimates])
    else:
        found = together(value, factors[:-1], estimates, correlation(measured), error)
    return value, (-math.inf, math.inf) if math.isnan(value) or any(map(math.isnan, found)) else found


def value_of(quantity: Expr, values: Sequence[float]) -> float:
    """The number that a quantity is, where its statistics have `values`; NaN where there is none."""
    low, high = limits(quantity, [(value, value) for value in values])
    return low if low == high else math.nan


def estimate(measured: Measured, statistic: Statistic, scenario: Scenario) -> Estimate:
    """What is known of a statistic, for its interval."""
    low, high = nature(statistic)
    psi = measured.influence
    squares = float((psi**2).sum())
    return Estimate(
        value=measured.value,
        variance=measured.error**2,
        people=measured.people,
        low=low,
        high=high,
        skewness=float((psi**3).sum()) / squares**1.5 if squares > 0.0 else 0.0,
        groups=min(measured.people, GROUPS),
        unit=_unit(measured, statistic, scenario),
        quotient=statistic.name in ("odds_ratio", "relative_risk"),
    )


def _unit(measured: Measured, statistic: Statistic, scenario: Scenario) -> float:
    """The most that one person, or one event of a rate, adds; infinite where that has no end."""
    many = statistic.numbers is not None and statistic.numbers.type != TRUTH
    if many or not measured.denominator > 0.0:
        return math.inf
    over_time = statistic.name == "prevalence" and statistic.date is None
    most = scenario.window[1] - scenario.window[0] if over_time else 1.0
    thinned = scenario.population.oversample
    return most * (thinned.times if thinned else 1.0) / measured.denominator


def correlation(measured: Sequence[Measured]) -> Floats:
    """Of the estimates (k, k); what does not vary goes with nothing."""
    psi = np.array([m.influence for m in measured])
    products = psi @ psi.T
    lengths = np.sqrt(np.diag(products))
    lengths = np.where(lengths > 0.0, lengths, np.inf)
    found: Floats = products / np.outer(lengths, lengths)
    np.fill_diagonal(found, 1.0)
    return found


# ---- expressions of statistics


def linear(e: Expr, count: int) -> Floats | None:
    """The factors (count + 1,) of the statistics and the rest, where an expression is a sum of multiples."""
    found = np.zeros(count + 1)
    if e.op == "statistic":
        found[int(str(e.value))] = 1.0
        return found
    if e.op == "const":
        found[-1] = float(str(e.value))
        return found
    parts = [linear(arg, count) for arg in e.args]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    match e.op, known:
        case "neg", [one]:
            return -one
        case "add", [one, other]:
            return one + other
        case "sub", [one, other]:
            return one - other
        case "mul", [one, other] if not other[:-1].any():
            return one * other[-1]
        case "mul", [one, other] if not one[:-1].any():
            return other * one[-1]
        case "div", [one, other] if not other[:-1].any() and other[-1] != 0.0:
            return one / other[-1]
    return None


def limits(e: Expr, boxes: Sequence[Interval]) -> Interval:
    """The least and the most that an expression can be, its statistics being anywhere in `boxes`.

    All operations rise or fall in each operand alone, so that the ends are among those of the operands.
    """
    if e.op == "statistic":
        return boxes[int(str(e.value))]
    if e.op == "const":
        return float(str(e.value)), float(str(e.value))
    parts = [limits(arg, boxes) for arg in e.args]
    if e.op == "div" and parts[1][0] <= 0.0 <= parts[1][1]:
        return -math.inf, math.inf
    if e.op == "abs" and parts[0][0] < 0.0 < parts[0][1]:
        return 0.0, max(-parts[0][0], parts[0][1])
    corners: list[tuple[float, ...]] = [()]
    for part in parts:
        corners = [(*corner, end) for corner in corners for end in part]
    ends = [_applied(e.op, corner) for corner in corners]
    return (math.nan, math.nan) if any(map(math.isnan, ends)) else (min(ends), max(ends))


def _applied(op: str, values: tuple[float, ...]) -> float:
    found = constant(Expr(op, tuple(Expr("const", (), value) for value in values)))
    return math.nan if found is None else found
