"""SimPy: each patient is a process, a generator that waits for what comes next."""

from __future__ import annotations

from collections.abc import Generator
from random import Random

import simpy
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
    wait,
)

NAME = f"SimPy {simpy.__version__}"

Rows = list[tuple[int, float, int, float]]


def simulate(patients: int, seed: int) -> Rows:
    """Live the lives of the patients; the log is in order of time."""
    clock, random, log = simpy.Environment(), Random(seed), Rows()
    for patient, age in enumerate(workload.ages(patients, seed).tolist()):
        clock.process(_life(clock, random, log, patient, age))
    clock.run(until=HORIZON)
    return log


def _life(
    clock: simpy.Environment, random: Random, log: Rows, patient: int, age: float
) -> Generator[simpy.Event, None, None]:
    onset = wait(random.expovariate(1.0), ILLNESS_AT_0, ILLNESS_GROWTH, age)
    death = wait(random.expovariate(1.0), DEATH_AT_0, DEATH_GROWTH, age)
    if onset < death:
        yield clock.timeout(onset)
        log.append((patient, clock.now, ILLNESS, 0.0))
        threshold = random.expovariate(1.0)
        death = onset + wait(threshold, DEATH_AT_0 * ILL_RATIO, DEATH_GROWTH, age + onset)
        while clock.now + INTERVAL < death:
            yield clock.timeout(INTERVAL)
            value = random.gauss(VALUE_AT_0 + VALUE_GROWTH * (age + clock.now), VALUE_SD)
            log.append((patient, clock.now, ENCOUNTER, value))
    yield clock.timeout(death - clock.now)
    log.append((patient, clock.now, DEATH, 0.0))
