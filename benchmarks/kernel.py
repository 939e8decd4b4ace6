"""Lifecourse's kernel and the same small model in other hands, in processor time.

The model and what is known of it: peers/workload.py; for Lifecourse it is written in illness_death/. Each
must first agree with the numerical integration, then they are timed in turns.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from peers import mesa_events, numba_loop, numpy_arrays, python_heap, simpy_processes, workload
from peers.workload import Outcome
from timing import ROOT, cold_and_warm, in_turns, machine, print_table, ratios, spread

import sim
from sim import engine, program
from sim.engine import log as kinds

LIFECOURSE = "Lifecourse"
SCENARIO = ROOT / "benchmarks" / "illness_death"
SEED = 7
SLOW = 5  # an object for each event is so slow that a fraction of the patients will do
FIRST_BY_HAND = "from peers import numba_loop; numba_loop.simulate(1, 0)"
FIRST = f"""
import sim
from sim import engine, program
engine.Engine(program.compile(sim.load({str(SCENARIO)!r})), 0).simulate(range(1))
"""


@dataclass(frozen=True)
class Contestant:
    """Something that lives the lives of so many patients; `outcome` says what a log has to say of them."""

    patients: int
    simulate: Callable[[], Any]
    outcome: Callable[[Any], Outcome]
    rows: Callable[[Any], int]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--patients", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=9)
    given = arguments.parse_args()

    contestants = {LIFECOURSE: lifecourse(given.patients)}
    for module in (numba_loop, numpy_arrays):
        contestants[module.NAME] = peer(module.simulate, given.patients)
    for module in (python_heap, simpy_processes, mesa_events):
        contestants[module.NAME] = peer(module.simulate, given.patients // SLOW)

    print(machine())
    rows = {name: agreed_rows(name, contestant) for name, contestant in contestants.items()}
    taken = in_turns({name: contestant.simulate for name, contestant in contestants.items()}, given.rounds)
    report(contestants, rows, taken)
    report_first_patient(rounds=3)


def lifecourse(patients: int) -> Contestant:
    """The engine, which is used again and again as a run does on each of its threads."""
    scenario = sim.load(SCENARIO)
    states = [state.name for path in scenario.pathways for axis in path.axes for state in axis.states]
    ill = states.index("illness.ill")
    lives = engine.Engine(program.compile(scenario), SEED)

    def outcome(log: kinds.Log) -> Outcome:
        counts = (
            np.count_nonzero(log.kind == kinds.DEATH),
            np.count_nonzero((log.kind == kinds.STATE) & (log.code == ill)),
            np.count_nonzero(log.kind == kinds.ENCOUNTER),
        )
        return Outcome(*(count / patients for count in counts))

    return Contestant(
        patients, lambda: lives.simulate(range(patients))[1], outcome, lambda log: len(log.kind)
    )


def peer(simulate: Callable[[int, int], workload.Log], patients: int) -> Contestant:
    def rows(log: workload.Log) -> int:
        return len(log.time) if isinstance(log, workload.Columns) else len(log)

    return Contestant(
        patients, lambda: simulate(patients, SEED), lambda log: workload.outcome(log, patients), rows
    )


def agreed_rows(name: str, contestant: Contestant) -> int:
    """How many rows there are in the log, which says what it must, or this ends here. Compiles, too."""
    log = contestant.simulate()
    found = contestant.outcome(log)
    errors = workload.disagreement(found, contestant.patients)
    figures = ", ".join(f"{value:.4f} {key.replace('_', ' ')}" for key, value in found._asdict().items())
    print(f"{name}: {figures}; {errors:.1f} standard errors off at most")
    if errors > workload.MOST_ERRORS:
        sys.exit(f"{name} does not do what it should: {workload.expected()[0]} is expected")
    return contestant.rows(log)


def report(contestants: dict[str, Contestant], rows: dict[str, int], taken: dict[str, list[float]]) -> None:
    per_patient = {name: [s / contestants[name].patients for s in taken[name]] for name in contestants}
    print_table(
        ("", "patients", "CPU s", "patients/s", "rows/s", "over Lifecourse"),
        [
            (
                name,
                f"{contestants[name].patients:,}",
                f"{median(taken[name]):.3f}",
                f"{1 / median(per_patient[name]):,.0f}",
                f"{rows[name] / median(taken[name]):,.0f}",
                spread(ratios(per_patient[name], per_patient[LIFECOURSE])),
            )
            for name in contestants
        ],
    )
    print("Medians; the last column is CPU time per patient over that of Lifecourse (the least to the most).")


def report_first_patient(rounds: int) -> None:
    by_hand, _ = cold_and_warm(["-c", FIRST_BY_HAND], rounds)
    cold, warm = cold_and_warm(["-c", FIRST], rounds)
    print_table(
        ("first patient of a new process", "wall s", "CPU s"),
        [
            (name, spread([p.wall for p in processes]), spread([p.cpu for p in processes]))
            for name, processes in {
                f"{numba_loop.NAME}, compiled anew": by_hand,
                f"{LIFECOURSE}, compiled anew": cold,
                f"{LIFECOURSE}, compiled before": warm,
            }.items()
        ],
    )


if __name__ == "__main__":
    main()
