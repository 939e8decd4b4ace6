"""The workload that all peers run: illness and death with Gompertz hazards, a check-up every year while ill.

People of 20 to 60 years, evenly spread, are followed for 40 years or until death. A healthy person of age a
falls ill at the rate 5e-4 exp(0.06 a) a year and dies at the rate 5e-5 exp(0.09 a) a year; an ill one dies at
2.5 times that. Every year from falling ill on there is an encounter with a laboratory value, 120 + 0.5 a +
normal(0, 15). Every peer ends with a log of (patient, time in years, event, value).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

YOUNGEST, OLDEST, HORIZON = 20.0, 60.0, 40.0  # years
ILLNESS_AT_0, ILLNESS_GROWTH = 5e-4, 0.06  # per year
DEATH_AT_0, DEATH_GROWTH, ILL_RATIO = 5e-5, 0.09, 2.5
INTERVAL = 1.0  # years from one encounter to the next
VALUE_AT_0, VALUE_GROWTH, VALUE_SD = 120.0, 0.5, 15.0

ILLNESS, ENCOUNTER, DEATH = 1, 2, 3  # events

MOST_ERRORS = 5.0  # standard errors that an outcome may be off by

Values = NDArray[np.float64]


class Columns(NamedTuple):
    """A log as arrays, one item an event."""

    patient: NDArray[np.int32]
    time: Values
    event: NDArray[np.int8]
    value: Values

    def at(self, rows: slice | NDArray[np.intp]) -> Columns:
        """Some of the events, or in another order."""
        return Columns(self.patient[rows], self.time[rows], self.event[rows], self.value[rows])


Log = Columns | list[tuple[int, float, int, float]]


class Outcome(NamedTuple):
    """What became of patients: share dead, share ever ill, encounters per patient; or deviations of these."""

    dead: float
    ever_ill: float
    encounters: float


def ages(patients: int, seed: int) -> Values:
    """The ages of the patients at the start, years."""
    return np.random.default_rng(seed).uniform(YOUNGEST, OLDEST, patients)


def wait(threshold: float, at_0: float, growth: float, age: float) -> float:
    """Years from `age` until the hazard at_0 exp(growth age), added up, reaches `threshold`."""
    return math.log1p(growth * threshold / (at_0 * math.exp(growth * age))) / growth


def outcome(log: Log, patients: int) -> Outcome:
    """What a log says became of the patients."""
    events = log.event if isinstance(log, Columns) else np.array([row[2] for row in log], np.int8)
    counts = np.bincount(events, minlength=DEATH + 1) / patients
    return Outcome(float(counts[DEATH]), float(counts[ILLNESS]), float(counts[ENCOUNTER]))


def expected() -> tuple[Outcome, Outcome]:
    """What becomes of patients, by Gauss-Legendre quadrature over age, onset and number of the encounter: the
    means, and the standard deviations between patients."""
    ages, weights = _quadrature(YOUNGEST, OLDEST)
    weights = weights / (OLDEST - YOUNGEST)

    def deaths_to(time: Values | float) -> Values:
        return _cumulative(DEATH_AT_0, DEATH_GROWTH, ages, time)

    def healthy_to(time: Values | float) -> Values:
        return np.exp(-_cumulative(ILLNESS_AT_0, ILLNESS_GROWTH, ages, time) - deaths_to(time))

    def ill_since(onset: Values, lasting: Values | float) -> Values:
        """The density of falling ill at `onset` and living on for so long."""
        rate = ILLNESS_AT_0 * np.exp(ILLNESS_GROWTH * (ages + onset))
        later_deaths = deaths_to(onset + lasting) - deaths_to(onset)
        return rate * healthy_to(onset) * np.exp(-ILL_RATIO * later_deaths)

    def share(until: float, lasting: float | None = None) -> float:
        """Of all patients, those who fall ill before `until` and live on for so long, or to the end."""
        onset, lengths = (nodes[:, None] for nodes in _quadrature(0.0, until))
        lived = ill_since(onset, HORIZON - onset if lasting is None else lasting)
        return float((weights * lengths * lived).sum())

    ever_ill = share(HORIZON, lasting=0.0)
    alive = float((weights * healthy_to(HORIZON)).sum()) + share(HORIZON)
    at_least = [share(HORIZON - years, years) for years in np.arange(INTERVAL, HORIZON, INTERVAL)]
    encounters = sum(at_least)
    square = sum((2 * count - 1) * part for count, part in enumerate(at_least, 1))
    deviations = (
        math.sqrt(alive * (1 - alive)),
        math.sqrt(ever_ill * (1 - ever_ill)),
        math.sqrt(square - encounters**2),
    )
    return Outcome(1 - alive, ever_ill, encounters), Outcome(*deviations)


def disagreement(found: Outcome, patients: int) -> float:
    """How many standard errors the worst of a peer's figures lies from what is expected."""
    means, deviations = expected()
    errors = (
        abs(figure - mean) / deviation * math.sqrt(patients)
        for figure, mean, deviation in zip(found, means, deviations, strict=True)
    )
    return max(errors)


def _cumulative(at_0: float, growth: float, age: Values, time: Values | float) -> Values:
    """The hazard at_0 exp(growth a) added up from `age` over `time` years."""
    return at_0 / growth * np.exp(growth * age) * np.expm1(growth * time)


def _quadrature(low: float, high: float) -> tuple[Values, Values]:
    nodes, weights = np.polynomial.legendre.leggauss(40)
    return low + (nodes + 1) / 2 * (high - low), weights * (high - low) / 2
