"""A loop written by hand for this model alone, compiled by Numba: what a general engine is measured against.

Every draw is a Philox4x32-10 block (Salmon et al. 2011, doi:10.1145/2063384.2063405) of (patient, kind of
draw, how many before), so any patient can be lived alone and in any order, as in Lifecourse.
"""

from __future__ import annotations

import math

import numba
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
)

NAME = "Numba, by hand"

LOW = np.uint64(0xFFFFFFFF)
MULTIPLY_0, MULTIPLY_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
ADD_0, ADD_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
HALF, SHIFT = np.uint64(32), np.uint64(12)

jit = numba.njit(nogil=True, error_model="numpy")
wait = jit(workload.wait)
_buffers: list[Columns] = []  # kept from call to call, as an engine keeps its own


def simulate(patients: int, seed: int) -> Columns:
    """Live the lives of the patients. The next call overwrites what this one returns."""
    most = patients * (int(HORIZON / INTERVAL) + 2)
    if not _buffers or len(_buffers[0].time) < most:
        fields = np.empty(most, np.int32), np.empty(most), np.empty(most, np.int8), np.empty(most)
        _buffers[:] = [Columns(*fields)]
    columns = _buffers[0]
    rows = live(np.uint64(seed), workload.ages(patients, seed), *columns)
    return columns.at(slice(rows))


@jit
def philox(seed, patient, draw, count):
    """A block of 128 random bits, as two words."""
    a, b, c, d = np.uint64(count), np.uint64(draw), np.uint64(patient), np.uint64(0)
    key_0, key_1 = seed & LOW, seed >> HALF
    for _ in range(10):
        first, second = MULTIPLY_0 * a, MULTIPLY_1 * c
        a, b, c, d = (second >> HALF) ^ b ^ key_0, second & LOW, (first >> HALF) ^ d ^ key_1, first & LOW
        key_0, key_1 = (key_0 + ADD_0) & LOW, (key_1 + ADD_1) & LOW
    return (b << HALF) | a, (d << HALF) | c


@jit
def unit(bits):
    """A number between 0 and 1, neither included."""
    return (float(bits >> SHIFT) + 0.5) * 2.0**-52


@jit
def exponential(seed, patient, draw):
    return -math.log(unit(philox(seed, patient, draw, 0)[0]))


@jit
def normal(seed, patient, draw, count):
    """By Box and Muller, from one block."""
    first, second = philox(seed, patient, draw, count)
    return math.sqrt(-2.0 * math.log(unit(first))) * math.cos(2.0 * math.pi * unit(second))


@jit
def live(seed, ages, patients, times, events, values):
    row = 0
    for patient in range(len(ages)):
        age = ages[patient]
        onset = wait(exponential(seed, patient, 0), ILLNESS_AT_0, ILLNESS_GROWTH, age)
        death = wait(exponential(seed, patient, 1), DEATH_AT_0, DEATH_GROWTH, age)
        encounter = math.inf
        count = 0
        while True:
            if death <= onset and death <= encounter:
                time, event = death, DEATH
            elif onset <= encounter:
                time, event = onset, ILLNESS
            else:
                time, event = encounter, ENCOUNTER
            if time >= HORIZON:
                break
            value = 0.0
            if event == ILLNESS:
                onset, encounter = math.inf, time + INTERVAL
                threshold = exponential(seed, patient, 2)
                death = time + wait(threshold, DEATH_AT_0 * ILL_RATIO, DEATH_GROWTH, age + time)
            elif event == ENCOUNTER:
                noise = normal(seed, patient, 3, count)
                value = VALUE_AT_0 + VALUE_GROWTH * (age + time) + VALUE_SD * noise
                count += 1
                encounter = time + INTERVAL
            patients[row], times[row], events[row], values[row] = patient, time, event, value
            row += 1
            if event == DEATH:
                break
    return row
