"""Within-person noise: a stationary Ornstein-Uhlenbeck process as a function of (patient, biomarker, time).

Nodes on a dyadic grid of time are drawn each from a key of its own. Those 2**levels grid steps apart (at
least 16 half-lives, where the correlation is below 2**-16 and taken as zero) are independent; between them
the process is a bridge: a midpoint given its neighbours is normal with mean r / (1 + r**2) times their sum
and variance (1 - r**2) / (1 + r**2), r the correlation over half the distance (the conditional normal of a
Gauss-Markov process). Between grid steps (at most a sixteenth of a half-life) the value stays. So one more
look changes no other.
"""

from __future__ import annotations

import math

import numpy as np

from sim.engine import elementary as own
from sim.engine.inner import inner
from sim.engine.memory import item, narrow, place, spot
from sim.engine.streams import uniform
from sim.program import layout as at


def bridge_weights(levels: int, grid: float, half_life: float) -> list[tuple[float, float]]:
    """For each level, the weight of the sum of the neighbours and the sd of a midpoint, for sd 1."""
    weights = []
    for level in range(levels):
        half_distance = grid * 2.0 ** (levels - level - 1)
        r = own.exp(-0.6931471805599453 * half_distance / half_life)
        weights.append((r / (1.0 + r * r), math.sqrt((1.0 - r * r) / (1.0 + r * r))))
    return weights


@inner
def node(key, index, attempt, patient):
    return own.normal_quantile(uniform(key, index, attempt, patient))


@inner
def within_person(m, x, biomarker):
    """The noise of a biomarker now, with sd 1."""
    b = place(m, at.BIOMARKERS, biomarker, 0)
    key, levels = np.uint64(item(m, at.KEYS, m[b + at.BIOMARKER_SITE])), m[b + at.BIOMARKER_LEVELS]
    grid = x[place(m, at.RANGES, biomarker, at.NOISE_GRID)]
    attempt, patient = np.int64(x[at.ATTEMPT]), np.int64(x[at.PATIENT])
    weights = spot(m, at.BRIDGE, narrow(m, at.BIOMARKERS, biomarker, at.BIOMARKER_BRIDGE))
    index = np.int64(math.floor(x[at.NOW] / grid))
    low = (index >> levels) << levels
    high = low + (1 << levels)
    at_low = node(key, low, attempt, patient)
    if index == low:
        return at_low
    at_high = node(key, high, attempt, patient)
    for level in range(levels):
        middle = (low + high) >> 1
        weight, sd = x[weights + 2 * level], x[weights + 2 * level + 1]
        at_middle = weight * (at_low + at_high) + sd * node(key, middle, attempt, patient)
        if index == middle:
            return at_middle
        if index < middle:
            high, at_high = middle, at_middle
        else:
            low, at_low = middle, at_middle
    return at_low
