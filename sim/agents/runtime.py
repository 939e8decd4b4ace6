"""The readable runtime in place of the compiled one: the same calls, the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from sim.agents import sampling
from sim.agents.life import Life, Teller
from sim.agents.population import Population
from sim.agents.world import World
from sim.engine.log import Log, People
from sim.scenario.model import Scenario

Progress = Callable[[int, int], None]  # patients done, patients in all
T = TypeVar("T", People, Log)
PEOPLE = (np.int64, np.int8, np.float64, np.int64, np.int64, np.bool_, np.int32, np.float64)
LOG = (np.int8, np.int64, np.int32, np.int64, np.int64, np.int32, np.int32, np.int64, np.float64)


def simulate(scenario: Scenario, patients: range, seed: int) -> tuple[People, Log]:
    """Live the lives of `patients` (numbers from 0 on); see `Agents.simulate`."""
    return Agents(scenario, seed).simulate(patients)


class Agents:
    """A scenario and a seed, to simulate one range of patients after another."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.world, self.seed = World(scenario), seed

    def simulate(self, patients: range, progress: Progress | None = None) -> tuple[People, Log]:
        """Live the lives of `patients`, who share the providers' capacity with each other and nobody else.

        Without shared capacity a life is a function of (scenario, seed, patient number) alone, and the rows
        are those of the compiled runtime. They are in order of patient and `seq`. Raises LifeError, and
        ValueError for a seed outside [0, 2**64).

        `progress` is told how many patients are done: a quarter of the work is to get them to the window.
        """
        population = live(self.world, patients, self.seed, progress)
        found = tables(population)
        population.release()
        return found


def live(
    world: World,
    patients: range,
    seed: int,
    progress: Progress | None = None,
    tellers: Mapping[int, Teller] | None = None,
) -> Population:
    """The population of `patients` at the window's end; `tellers` were told of the lives of their numbers."""
    progress = progress or (lambda done, total: None)
    population = Population(world, _told(patients, progress), seed, tellers=tellers)
    population.run(lambda done: progress(round(len(patients) * (1 + 3 * done) / 4), len(patients)))
    return population


def _told(patients: range, progress: Progress) -> Iterator[int]:
    for patient in patients:
        progress((patient - patients.start) // 4, len(patients))
        yield patient


def tables(population: Population) -> tuple[People, Log]:
    """The people who are kept, once the window has ended, and the rows of their lives, in order of
    patient.
    """
    window = population.world.scenario.window
    everyone = sorted(population.lives, key=lambda life: life.patient)
    weights = [sampling.weight(life) for life in everyone]
    lives = [life for life, weight in zip(everyone, weights, strict=True) if weight]
    people = [
        (*_person(life, window), weight) for life, weight in zip(lives, filter(None, weights), strict=True)
    ]
    rows = [(kind, life.patient, *rest) for life in lives for kind, *rest in life.rows]
    return _columns(People, PEOPLE, people), _columns(Log, LOG, rows)


def _person(life: Life, window: tuple[float, float]) -> tuple[object, ...]:
    start, stop = (date - life.birth for date in window)
    left = stop if life.alive else life.now
    entered = life.seconds(max(life.entry, start))
    return (
        life.patient,
        int(life.sex),
        life.birth,
        entered,
        life.seconds(left),
        not life.alive,
        life.attempt + 1,
    )


def _columns(structure: type[T], types: Sequence[type[np.generic]], rows: Sequence[Sequence[object]]) -> T:
    columns = zip(*rows, strict=True) if rows else ((),) * len(types)
    return structure(*(np.array(column, kind) for column, kind in zip(columns, types, strict=True)))
