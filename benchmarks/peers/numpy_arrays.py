"""All patients at once, as NumPy arrays: fast and exact, as long as a model has so few kinds of events."""

from __future__ import annotations

import numpy as np
from peers import workload
from peers.workload import (
    DEATH,
    DEATH_AT_0,
    DEATH_GROWTH,
    ENCOUNTER,
    HORIZON,
    ILL_RATIO,
    ILLNESS,
    ILLNESS_AT_0,
    ILLNESS_GROWTH,
    INTERVAL,
    VALUE_AT_0,
    VALUE_GROWTH,
    VALUE_SD,
    Columns,
    Values,
)

NAME = "NumPy, arrays"


def simulate(patients: int, seed: int) -> Columns:
    """Live the lives of the patients; the log is sorted by patient and time."""
    random = np.random.default_rng(seed)
    age = workload.ages(patients, seed)
    onset = _wait(random.standard_exponential(patients), ILLNESS_AT_0, ILLNESS_GROWTH, age)
    death = _wait(random.standard_exponential(patients), DEATH_AT_0, DEATH_GROWTH, age)
    ill = np.flatnonzero((onset < death) & (onset < HORIZON))
    since, threshold = onset[ill], random.standard_exponential(len(ill))
    death[ill] = since + _wait(threshold, DEATH_AT_0 * ILL_RATIO, DEATH_GROWTH, age[ill] + since)
    dead = np.flatnonzero(death < HORIZON)

    rounds = np.ceil((np.minimum(death[ill], HORIZON) - since) / INTERVAL).astype(np.int64) - 1
    seen = np.repeat(ill, rounds)
    nth = np.arange(len(seen)) - np.repeat(np.cumsum(rounds) - rounds, rounds) + 1
    time = onset[seen] + INTERVAL * nth
    value = random.normal(VALUE_AT_0 + VALUE_GROWTH * (age[seen] + time), VALUE_SD)

    log = Columns(
        np.concatenate([ill, seen, dead]).astype(np.int32),
        np.concatenate([since, time, death[dead]]),
        np.repeat(np.array([ILLNESS, ENCOUNTER, DEATH], np.int8), [len(ill), len(seen), len(dead)]),
        np.concatenate([np.zeros(len(ill)), value, np.zeros(len(dead))]),
    )
    return log.at(np.lexsort((log.time, log.patient)))


def _wait(threshold: Values, at_0: float, growth: float, age: Values) -> Values:
    return np.log1p(growth * threshold / (at_0 * np.exp(growth * age))) / growth
