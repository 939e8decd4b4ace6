"""Which runtime lives a run's lives, and how a run asks it for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from sim import engine, program
from sim.engine.log import Log, People
from sim.scenario.fingerprint import fingerprint
from sim.scenario.model import Scenario
from sim.scenario.runtimes import only_agents

Name = Literal["kernel", "agents"]
T = TypeVar("T", People, Log)
Progress = Callable[[int, int], None]  # patients done, patients in all


class Runtime(Protocol):
    """Lives the lives of ranges of patients; any thread may ask."""

    hash: str  # of what is lived

    def simulate(self, patients: range) -> tuple[People, Log]:
        """The lives of some patients of the run, whose rows last until the thread asks again."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The runtime of a run, and in words why it is that one."""

    name: Name
    why: str


def choose(scenario: Scenario, asked: Name | None = None) -> Choice:
    """The runtime asked for, else the kernel where it can."""
    if asked is not None:
        return Choice(asked, "it was asked for")
    reasons = only_agents(scenario)
    if not reasons:
        return Choice("kernel", "it is the fast one, and can run all that is in this scenario")
    more = f", and {len(reasons) - 1} more" * (len(reasons) > 1)
    return Choice("agents", f"{reasons[0].message} ({reasons[0].span}{more})")


def start(name: Name, scenario: Scenario, patients: range, seed: int, progress: Progress) -> Runtime:
    """A runtime, ready to live the lives of `patients`.

    Where patients share capacity all of them are lived here, with `progress`. Raises ScenarioError
    `agents-only` where the kernel is asked for what it cannot do, and sim.engine.LifeError.
    """
    if name == "kernel":
        return _Kernel(scenario, seed)
    if any(provider.capacity is not None for provider in scenario.providers):
        return _Cohort(scenario, patients, seed, progress)
    return _Agents(scenario, seed)


class _Kernel(threading.local):
    """An engine for each thread, whose memory serves one range after another."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        compiled = program.compile(scenario)
        self.hash = compiled.hash
        self.simulate = engine.Engine(compiled, seed).simulate


class _Agents:
    def __init__(self, scenario: Scenario, seed: int) -> None:
        from sim.agents import Agents

        self.hash = _hash(scenario)
        self.simulate = Agents(scenario, seed).simulate


class _Cohort:
    """Patients who share capacity: all are lived together, then told of a range at a time."""

    def __init__(self, scenario: Scenario, patients: range, seed: int, progress: Progress) -> None:
        from sim.agents import Agents

        self.hash = _hash(scenario)
        self._people, self._log = Agents(scenario, seed).simulate(patients, progress)

    def simulate(self, patients: range) -> tuple[People, Log]:
        return _of(self._people, patients), _of(self._log, patients)


def _of(structure: T, patients: range) -> T:
    """The rows of some patients, of whom those of each are together and in order."""
    first, last = np.searchsorted(structure.patient, (patients.start, patients.stop))
    columns: list[Any] = [column[first:last] for column in structure]
    return type(structure)(*columns)


def _hash(scenario: Scenario) -> str:
    """That of the compiled scenario, so that the runtimes agree, where there is one."""
    return fingerprint(scenario) if only_agents(scenario) else program.compile(scenario).hash
