"""Mesa: each patient is an agent that schedules its events with the model's discrete-event simulator."""

from __future__ import annotations

import mesa
from mesa.experimental.devs import DEVSimulator, SimulationEvent
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

NAME = f"Mesa {mesa.__version__}"

Rows = list[tuple[int, float, int, float]]


def simulate(patients: int, seed: int) -> Rows:
    """Live the lives of the patients; the log is in order of time."""
    clock = DEVSimulator()
    model = Cohort(patients, seed, clock)
    clock.run_until(HORIZON)
    return model.log


class Patient(mesa.Agent):
    """A life: an illness or a death to come, then encounters until the death."""

    def __init__(self, model: Cohort, number: int, age: float) -> None:
        super().__init__(model)
        self.number, self.age = number, age
        self.encounter: SimulationEvent | None = None
        onset = wait(self.random.expovariate(1.0), ILLNESS_AT_0, ILLNESS_GROWTH, age)
        death = wait(self.random.expovariate(1.0), DEATH_AT_0, DEATH_GROWTH, age)
        if onset < death:
            model.clock.schedule_event_absolute(self.fall_ill, onset)
        else:
            model.clock.schedule_event_absolute(self.die, death)

    def fall_ill(self) -> None:
        clock = self.model.clock
        self.write(ILLNESS)
        threshold = self.random.expovariate(1.0)
        later = wait(threshold, DEATH_AT_0 * ILL_RATIO, DEATH_GROWTH, self.age + clock.time)
        clock.schedule_event_relative(self.die, later)
        self.encounter = clock.schedule_event_relative(self.attend, INTERVAL)

    def attend(self) -> None:
        clock = self.model.clock
        mean = VALUE_AT_0 + VALUE_GROWTH * (self.age + clock.time)
        self.write(ENCOUNTER, self.random.gauss(mean, VALUE_SD))
        self.encounter = clock.schedule_event_relative(self.attend, INTERVAL)

    def die(self) -> None:
        self.write(DEATH)
        if self.encounter:
            self.model.clock.cancel_event(self.encounter)
        self.remove()

    def write(self, event: int, value: float = 0.0) -> None:
        self.model.log.append((self.number, self.model.clock.time, event, value))


class Cohort(mesa.Model):
    """All patients, and their log."""

    def __init__(self, patients: int, seed: int, clock: DEVSimulator) -> None:
        super().__init__(seed=seed)
        self.clock = clock
        self.log: Rows = []
        clock.setup(self)
        for number, age in enumerate(workload.ages(patients, seed).tolist()):
            Patient(self, number, age)
