"""The peers that need nothing but what the project needs do what the numerical integration says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from peers import numba_loop, numpy_arrays, python_heap, workload
from peers.workload import DEATH, ENCOUNTER, HORIZON, ILLNESS, Columns, Log

PATIENTS = 20_000

Simulate = Callable[[int, int], Log]


@pytest.fixture(params=[numba_loop, numpy_arrays, python_heap], ids=lambda module: module.NAME)
def simulate(request: pytest.FixtureRequest) -> Simulate:
    found: Simulate = request.param.simulate
    return found


def test_agrees_with_integration(simulate: Simulate) -> None:
    log = simulate(PATIENTS, 3)
    assert workload.disagreement(workload.outcome(log, PATIENTS), PATIENTS) < workload.MOST_ERRORS


def test_values_and_times_are_those_of_the_workload(simulate: Simulate) -> None:
    log = simulate(PATIENTS, 4)
    patient, time, event, value = log if isinstance(log, Columns) else map(np.array, zip(*log, strict=True))
    onset = np.full(PATIENTS, np.nan)
    onset[patient[event == ILLNESS]] = time[event == ILLNESS]
    encounter = event == ENCOUNTER
    since = time[encounter] - onset[patient[encounter]]
    assert (np.abs(since - np.round(since)) < 1e-9).all()
    assert (since > 0.5).all()
    assert ((time >= 0) & (time < HORIZON)).all()
    assert np.bincount(patient[event == DEATH], minlength=PATIENTS).max() == 1

    age = workload.ages(PATIENTS, 4)[patient[encounter]] + time[encounter]
    noise = (value[encounter] - 120 - 0.5 * age) / 15
    count = len(noise)
    assert abs(noise.mean()) < 5 / np.sqrt(count)
    assert abs((noise**2).mean() - 1) < 5 * np.sqrt(2 / count)


def test_the_deviations_between_patients_are_those_of_a_simulation() -> None:
    patients = 200_000
    log = numpy_arrays.simulate(patients, 5)
    encounters = np.bincount(log.patient[log.event == ENCOUNTER], minlength=patients)
    _, deviations = workload.expected()
    assert encounters.std() == pytest.approx(deviations.encounters, rel=0.01)


def test_philox_known_answer() -> None:
    """The first vector of Random123's kat_vectors: counter and key 0."""
    first, second = numba_loop.philox(np.uint64(0), 0, 0, 0)
    assert (int(first), int(second)) == (0xE169C58D6627E8D5, 0x9B00DBD8BC57AC4C)


def test_a_wrong_outcome_is_seen() -> None:
    means, _ = workload.expected()
    assert workload.disagreement(means, PATIENTS) < 1e-9
    assert workload.disagreement(means._replace(encounters=means.encounters * 1.1), PATIENTS) > 5
