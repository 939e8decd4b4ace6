"""One heap of events in plain Python: the least that a simulation of Python objects can cost."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from random import Random

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

NAME = "Python, heapq"


def simulate(patients: int, seed: int) -> list[tuple[int, float, int, float]]:
    """Live the lives of the patients; the log is in order of time."""
    random = Random(seed)
    ages = workload.ages(patients, seed).tolist()
    heap = []
    for patient, age in enumerate(ages):
        onset = wait(random.expovariate(1.0), ILLNESS_AT_0, ILLNESS_GROWTH, age)
        death = wait(random.expovariate(1.0), DEATH_AT_0, DEATH_GROWTH, age)
        heap.append((onset, patient, ILLNESS) if onset < death else (death, patient, DEATH))
    heapify(heap)
    dead = [False] * patients
    log = []
    while heap:
        time, patient, event = heappop(heap)
        if time >= HORIZON:
            break
        if dead[patient]:
            continue
        value = 0.0
        if event == DEATH:
            dead[patient] = True
        else:
            age = ages[patient] + time
            if event == ILLNESS:
                threshold = random.expovariate(1.0)
                death = time + wait(threshold, DEATH_AT_0 * ILL_RATIO, DEATH_GROWTH, age)
                heappush(heap, (death, patient, DEATH))
            else:
                value = random.gauss(VALUE_AT_0 + VALUE_GROWTH * age, VALUE_SD)
            heappush(heap, (time + INTERVAL, patient, ENCOUNTER))
        log.append((patient, time, event, value))
    return log
