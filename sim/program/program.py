"""A Program: a scenario as flat arrays that a machine can run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.scenario.model import Scenario, Span

Ints = NDArray[np.int32]


class Tables(NamedTuple):
    """The program proper: int32 tables, whose columns `sim.program.layout` names, and a few float64
    arrays."""

    code: Ints
    cells: NDArray[np.float64]  # a life's words and cells at its start, then constants, then temporaries
    steps: Ints
    slots: Ints
    hazards: Ints
    timers: Ints
    states: Ints
    axes: Ints
    shares: Ints
    assignments: Ints
    things: Ints
    listeners: Ints
    memberships: Ints
    readers: Ints
    dependents: Ints
    watches: Ints
    protocols: Ints
    providers: Ints
    riders: Ints
    biomarkers: Ints
    ranges: NDArray[np.float64]
    conditions: Ints
    drugs: Ints
    procedures: Ints
    variables: Ints
    events: Ints
    lookups: Ints
    breaks: NDArray[np.float64]
    values: NDArray[np.float64]
    tabulations: Ints


@dataclass(frozen=True)
class Program:
    """A compiled scenario. It pickles, and lives the same lives elsewhere.

    `tables` are its arrays, `sites` the names of its random streams, `spans` the place of each row of code,
    `fixed` how many cells a life changes (constants and temporaries lie behind them).
    """

    scenario: Scenario
    tables: Tables
    sites: tuple[str, ...]
    spans: tuple[Span | None, ...]
    fixed: int
    entry_code: int  # code of the age at entry, or -1
    visits: int  # steps that are visits
    cohort: tuple[int, int, int] = (-1, -1, -1)  # code: included at the start, at the end, the weight; or -1

    @property
    def hash(self) -> str:
        """BLAKE2b-128 of all that decides a life but the seed and the patient's number, as 32 hex digits."""
        digest = hashlib.blake2b(digest_size=16)
        for name, array in self.tables._asdict().items():
            digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        rest = (self.fixed, self.entry_code, self.visits, self.sites, _population_text(self.scenario))
        digest.update(repr(rest).encode())
        if max(self.cohort) >= 0:
            digest.update(repr(self.cohort).encode())
        return digest.hexdigest()


def _population_text(scenario: Scenario) -> str:
    """What of the population decides a life, as text: size and places in files do not."""
    p = scenario.population
    table = next((t for t in scenario.tables if t.name == p.ages), None)
    ages = (table.axes, table.values) if table else None
    return repr((scenario.window, p.female, p.born, p.alive_on, p.entry_date, ages))
