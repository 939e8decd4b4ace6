"""A population of patients: Mesa agents whose lives go by one SimPy clock."""

from __future__ import annotations

import copy
import datetime
import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import mesa
import pandas as pd
import simpy

from sim.agents.births import Births
from sim.agents.desks import desks
from sim.agents.facts import EPOCH, Facts
from sim.agents.faults import Failure
from sim.agents.life import Life, Teller
from sim.agents.world import World
from sim.engine.faults import Fault, LifeError
from sim.scenario.model import Scenario

Date = str | datetime.date  # "2010-06-30", or a date
PARTS = 100  # of a run, between looks at its progress
AFTER_PROVIDERS = 2  # what patients do comes, at one time, after what SimPy's resources do


class Patient(mesa.Agent, Facts):
    """Someone in the population, as a Mesa agent: a life, and the process in which it goes on.

    What is so of the patient can be asked as `Facts` says.
    """

    model: Population

    def __init__(self, model: Population, life: Life) -> None:
        super().__init__(model)
        self.number, self.life = life.patient, life
        self._process = model.clock.process(self._live())
        life.wake = self._wake

    @property
    def time(self) -> float:
        """Days since birth, by the population's clock."""
        return self.model.clock.now - self.life.birth

    # ---- going on

    def _live(self) -> Generator[simpy.Event, None, None]:
        life, clock = self.life, self.model.clock
        while life.alive:
            due = life.next_due()
            in_window = life.birth + due < self.model.end
            try:
                yield Alarm(clock, life, due) if in_window else clock.event()
            except simpy.Interrupt:  # somebody else has set it going
                continue
            with _named(life.patient):
                life.advance()
        self.remove()

    def _wake(self) -> None:
        self._process.interrupt()


class Alarm(simpy.Event):
    """An event at a time of a life; patients whose times are the same come in the order of their numbers."""

    def __init__(self, clock: simpy.Environment, life: Life, time: float) -> None:
        super().__init__(clock)
        self._ok, self._value = True, None
        delay = max(life.birth + time - clock.now, 0.0)
        clock.schedule(self, AFTER_PROVIDERS + life.patient, delay)  # type: ignore[arg-type]


@contextmanager
def _named(patient: int) -> Iterator[None]:
    """A failure with the number of the patient who shows it."""
    try:
        yield
    except Failure as failure:
        raise LifeError(Fault(failure.message, failure.span, patient)) from failure


class Population(mesa.Model):
    """The patients of a scenario, from the start of its window on.

    A Mesa model: `agents` is the AgentSet of the `Patient`s who are alive and in the population now, to be
    selected, grouped and aggregated. Time is SimPy's: `clock` is the environment, in days since 1970-01-01.

    `patients`: their numbers, or how many; default the scenario's size. `seed` in [0, 2**64). `tellers` are
    told what happens in the lives of the patients of these numbers. On the dates
    `at`, in the window or at its end, values are stored before anything else of that day: those of the
    functions `of_patients` for each patient, and of `of_population`, by name; see `collected`.

    Raises LifeError, here and while it runs, and ValueError for a seed or date that makes no sense.
    """

    def __init__(
        self,
        scenario: Scenario | World,
        patients: int | Iterable[int] | None = None,
        seed: int = 0,
        *,
        at: Sequence[Date] = (),
        tellers: Mapping[int, Teller] | None = None,
        of_patients: Mapping[str, Callable[[Patient], Any]] | None = None,
        of_population: Mapping[str, Callable[[Population], Any]] | None = None,
    ) -> None:
        super().__init__(rng=seed)
        self.world = scenario if isinstance(scenario, World) else World(scenario)
        patients = self.world.scenario.population.size if patients is None else patients
        start, self.end = self.world.scenario.window
        self.clock = simpy.Environment(start)
        self.desks = desks(self.world.scenario, self.clock)
        self._of_patients, self._of_population = dict(of_patients or {}), dict(of_population or {})
        self._patient_values: list[dict[str, Any]] = []
        self._values: list[dict[str, Any]] = []
        self._dates = sorted(map(_days, at))
        for date in self._dates:
            if not start <= date <= self.end:
                window = f"{_date(start)} to {_date(self.end)}"
                raise ValueError(f"{_date(date)} is not in the window, {window}")
        self.lives: list[Life] = []
        births = Births(self.world, seed)
        for number in range(patients) if isinstance(patients, int) else patients:
            with _named(number):
                life = births.life(number, (tellers or {}).get(number))
            if life is not None:
                self.lives.append(life)
                self._expect(life)

    def _expect(self, life: Life) -> None:
        """Let a life go on, from now or from its entry into the population."""
        life.desks = self.desks
        if not life.alive:
            return
        if life.birth + life.entry <= self.clock.now:
            self._enter(life)
            return
        entry = Alarm(self.clock, life, life.entry)
        assert entry.callbacks is not None
        entry.callbacks.append(lambda _: self._enter(life))

    def _enter(self, life: Life) -> None:
        Patient(self, life)

    # ---- time

    @property
    def today(self) -> datetime.date:
        """The date on the clock."""
        return _date(self.clock.now)

    def run_until(self, date: Date) -> None:
        """Go on to 00:00 of a date, or to the window's end if that is earlier; what is due then is left.

        ValueError for a date that lies behind.
        """
        days = _days(date)
        if days < self.clock.now:
            raise ValueError(f"it is {self.today} already; {date} lies behind")
        self._go(days)

    def step(self) -> None:
        """Go on by a day."""
        self._go(self.clock.now + 1.0)

    def run(self, progress: Callable[[float], None] = lambda done: None) -> None:
        """Go on to the window's end; `progress` is told the share of the time that lies behind."""
        start, end = self.clock.now, self.end
        for part in range(1, PARTS + 1):
            self._go(start + (end - start) * part / PARTS)
            progress(part / PARTS)

    def _go(self, to: float) -> None:
        to = min(to, self.end)
        while self._dates and self._dates[0] <= to:
            self._run_clock(self._dates[0])
            self._collect(self._dates.pop(0))
        self._run_clock(to)

    def _run_clock(self, to: float) -> None:
        if to > self.clock.now:
            self.clock.run(to)

    def release(self) -> None:
        """Forget the lives, once they have been looked at: Mesa keeps every model as long as Python runs."""
        self.remove_all_agents()
        self.lives.clear()
        self.clock = simpy.Environment(self.end)
        getattr(mesa.Agent, "_ids", {}).pop(self, None)

    # ---- what is collected

    def _collect(self, date: float) -> None:
        today = pd.Timestamp(_date(date))
        self._values.append({"date": today, **_values(self._of_population, self)})
        for patient in self.agents:
            row = {"date": today, "patient_id": patient.number, **_values(self._of_patients, patient)}
            self._patient_values.append(row)

    def collected(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What was stored so far: a row for each date, and a row for each date and patient."""
        by_patient = pd.DataFrame(self._patient_values, columns=["date", "patient_id", *self._of_patients])
        return pd.DataFrame(self._values, columns=["date", *self._of_population]), by_patient


def _values(functions: Mapping[str, Callable[[Any], Any]], of: object) -> dict[str, Any]:
    """Copies of what the functions return, which later changes cannot reach."""
    return {name: copy.deepcopy(function(of)) for name, function in functions.items()}


def _date(days: float) -> datetime.date:
    return EPOCH + datetime.timedelta(days=math.floor(days))


def _days(date: Date) -> float:
    """Days since 1970-01-01."""
    if isinstance(date, str):
        date = datetime.date.fromisoformat(date)
    return float((date - EPOCH).days)
