"""Promise 1: a life is a function of (scenario, seed, patient number), whoever else is simulated, when and
where.

Run as a program, this file prints a digest of the lives of a scenario.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.engine import Engine, simulate
from sim.engine.log import Log, People
from sim.program import Program, compile
from sim.scenario import load

ROOT = Path(__file__).parents[2]
COMPLETE = ROOT / "tests" / "scenario" / "data" / "complete"  # every construct of the language
DIABETES = ROOT / "scenarios" / "diabetes"
SCENARIOS = pytest.mark.parametrize("folder", [COMPLETE, DIABETES], ids=lambda folder: folder.name)
Simulated = tuple[People, Log]


def program_of(folder: Path) -> Program:
    return compile(load(folder))


def kept(simulated: Simulated) -> Simulated:
    """A copy: an Engine's next call overwrites what it gave."""
    people, log = simulated
    return People(*(column.copy() for column in people)), Log(*(column.copy() for column in log))


def of(simulated: Simulated, patients: range) -> Simulated:
    people, log = simulated
    in_people, in_log = ((x.patient >= patients.start) & (x.patient < patients.stop) for x in simulated)
    return People(*(column[in_people] for column in people)), Log(*(column[in_log] for column in log))


def same(one: Simulated, other: Simulated) -> bool:
    """To the bit; NaN is NaN."""
    return all(
        a.dtype == b.dtype and a.tobytes() == b.tobytes()
        for a, b in zip((*one[0], *one[1]), (*other[0], *other[1]), strict=True)
    )


def digest(simulated: Simulated) -> str:
    total = hashlib.sha256()
    for column in (*simulated[0], *simulated[1]):
        total.update(np.ascontiguousarray(column).tobytes())
    return total.hexdigest()


# ---- alone or among others


@SCENARIOS
def test_alone_or_inside_ten_thousand(folder: Path) -> None:
    program = program_of(folder)
    whole = simulate(program, range(10_000), 3)
    some = range(500, 1000)
    alone = simulate(program, some, 3)
    assert len(alone[1].kind) > 1000
    assert same(alone, of(whole, some))
    for patient in (0, 777, 9999):
        one = range(patient, patient + 1)
        assert same(simulate(program, one, 3), of(whole, one))


@SCENARIOS
def test_in_any_order_and_any_pieces(folder: Path) -> None:
    """One engine lives many ranges, one after another, of any size: nothing of a life is left for the
    next."""
    program = program_of(folder)
    whole = kept(simulate(program, range(2000), 3))
    engine = Engine(program, 3)
    edges = [0, 1, 2, 9, 342, 675, 1008, 1999, 2000]
    pieces = [range(a, b) for a, b in itertools.pairwise(edges)]
    for order in (pieces, pieces[::-1]):
        assert all(same(engine.simulate(piece), of(whole, piece)) for piece in order)


@SCENARIOS
def test_on_several_threads_at_once(folder: Path) -> None:
    program = program_of(folder)
    whole = kept(simulate(program, range(4000), 3))
    pieces = [range(start, start + 500) for start in range(0, 4000, 500)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda piece: kept(simulate(program, piece, 3)), pieces))
    assert all(same(one, of(whole, piece)) for one, piece in zip(found, pieces, strict=True))


def test_seeds_and_patients_differ() -> None:
    program = program_of(COMPLETE)
    one, other = simulate(program, range(500), 3), simulate(program, range(500), 4)
    assert not np.intersect1d(one[0].birth, other[0].birth).size
    assert len(np.unique(one[0].birth)) == len(one[0].birth) > 400


def test_a_patient_s_number_may_be_large() -> None:
    """All 64 bits of it count: 2**32 + 7 is not 7."""
    program = program_of(COMPLETE)
    small = simulate(program, range(100), 3)
    for first in (2**32, 2**40):
        large = simulate(program, range(first, first + 100), 3)
        assert set(large[1].patient) <= set(large[0].patient) <= set(range(first, first + 100))
        assert not np.intersect1d(small[0].birth, large[0].birth).size


def test_a_life_that_outgrows_the_engine_s_memory_is_as_any_other(world: Callable[..., Any]) -> None:
    """Log and history grow, and the life is lived again: with the lives before it, alone, or in pieces."""
    program = compile(
        world(
            """
variables: {busy: bernoulli(0.3)}
biomarkers: {pulse: {unit: bpm, value: 70, measurement_error: "normal(0, 5)"}}
care:
  visits:
    starts: {when: age >= 10}
    steps:
      - every: 12 hours if busy else 1 year
        until: "age >= 50 or count(clinic, within=30 years) >= 1500"
        steps:
          - visit: clinic
            steps: [{test: pulse}, {test: pulse}, {test: pulse}, {test: pulse}, {test: pulse}]
"""
        )
    )
    whole = kept(simulate(program, range(40), 3))
    assert np.bincount(whole[1].patient).max() > 5000
    assert len(whole[1].kind) > 100_000
    engine = Engine(program, 3)
    for piece in (range(3), range(3, 40)):
        assert same(engine.simulate(piece), of(whole, piece))
    busiest = int(np.bincount(whole[1].patient).argmax())
    one = range(busiest, busiest + 1)
    assert same(simulate(program, one, 3), of(whole, one))


# ---- compiled or not, for this processor or any


def in_another_process(folder: Path, patients: int, **environment: str) -> str:
    run = subprocess.run(
        [sys.executable, "-W", "error", __file__, str(folder), str(patients)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


WORLD = """
variables:
  frailty: gamma(mean=1, sd=0.5)
  share: beta(mean=0.3, sd=0.1)
  few: poisson(4)
  kind: categorical(plain=0.5, odd=rest)
  some: truncated_normal(0, 1, -1, 2)
  size: lognormal(median=3, sigma=0.4)
disease:
  course:
    well:
      -> ill: [{rate: 0.001 per year * age * frailty}, {upon: operation, chance: share}]
      -> well: {rate: 0.05 per year}
    ill:
      set: {size: "size * uniform(1, 2)"}
      -> worse: {rate: 0.05 per year * years_in(ill) * (2 if kind == odd else 1)}
      -> well:
        after: "weibull(shape=1.5, scale=9 years)"
        while: not taking(syrup) > 0
    worse:
      lasts: gamma(mean=2 years, sd=1 year)
      -> brief: {share: 0.7}
      -> dead: {share: rest, cause: cough}
    brief:
      -> well: {share: share}
      -> ill: {share: rest}
  wear:
    new:
      -> old:
        after: gompertz(shape=0.08 per year, rate=0.002 per year)
    old: {-> dead: {rate: "0.001 per year * usual(weight) * (1 + count(clinic, within=1 year))", cause: gout}}
biomarkers:
  weight:
    unit: kg
    value: 70 + size ** 0.5 + 5 * in(ill) + 0.1 * age
    within_person: ou(sd=2, half_life=20 days)
    measurement_error: normal(0, 1)
    range: 40 to 120
conditions: {cough: {snomed: "49727002"}, gout: {snomed: "90560007"}}
procedures: {operation: {snomed: "387713003"}}
drugs: {syrup: {rxnorm: "312617"}}
modifies: [{rate: well -> ill, times: 0.5, while: taking(syrup) > 0}]
care:
  presents:
    starts: [{rate: 0.3 per year, while: in(ill)}, {upon: old}, {when: since(clinic) >= 3 years}]
    until: age >= 90
    steps:
      - visit: clinic
        reason: cough
        steps:
          - {test: weight}
          - {do: looks}
          - choose:
              - {if: last(weight) > 78, then: {prescribe: syrup, for: 30 days, refills: 2}}
              - {share: 0.3, then: {perform: operation, chance: share}}
              - otherwise: {start: follows}
  looks:
    steps: [{diagnose: cough, resolves: after 20 days, chance: 0.6}, {wait: "exponential(mean=2 hours)"}]
  follows:
    steps:
      - every: 3 months if diagnosed(cough) else 7 months
        first: uniform(1 day, 5 weeks)
        at_most: 6
        until: mean(weight, within=1 year) > 80
        steps: [{visit: ward, chance: 0.8, steps: {test: weight}}]
  rides: {starts: {during: ward}, steps: [{test: weight, chance: 0.2}, {set: {few: few + 1}}]}
  cares: {while: prescribed(syrup) and few < 40, steps: [{every: 10 days, steps: {visit: ward}}]}
"""


def test_plain_python_lives_the_same_lives(world: Callable[..., Any], tmp_path: Path) -> None:
    """The engine's code is Python; not compiled, it gives the same bits, of every column."""
    scenario = world(WORLD)
    compiled = simulate(compile(scenario), range(40), 3)
    assert len(np.unique(compiled[1].kind)) == 8  # of all kinds of rows
    assert len(compiled[1].kind) > 3000
    assert in_another_process(tmp_path, 40, NUMBA_DISABLE_JIT="1") == digest(compiled)
    assert in_another_process(COMPLETE, 40, NUMBA_DISABLE_JIT="1") == digest(
        simulate(program_of(COMPLETE), range(40), 3)
    )


@pytest.mark.slow
def test_plain_python_lives_the_same_lives_with_diabetes() -> None:
    lives = simulate(program_of(DIABETES), range(25), 3)
    assert in_another_process(DIABETES, 25, NUMBA_DISABLE_JIT="1") == digest(lives)


@pytest.mark.slow
def test_any_processor_lives_the_same_lives(world: Callable[..., Any], tmp_path: Path) -> None:
    """Compiled for a processor of no particular kind: no fused multiplication, other vector units."""
    generic = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    lives = simulate(compile(world(WORLD)), range(2000), 3)
    assert in_another_process(tmp_path, 2000, **generic) == digest(lives)
    lives = simulate(program_of(DIABETES), range(2000), 3)
    assert in_another_process(DIABETES, 2000, **generic) == digest(lives)


if __name__ == "__main__":
    print(digest(simulate(program_of(Path(sys.argv[1])), range(int(sys.argv[2])), 3)))
