"""A program and a seed laid out in memory for the engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.engine.calendar import civil_year
from sim.engine.evaluate import DAYS_PER_YEAR
from sim.engine.life import MOST_WAITING
from sim.engine.noise import bridge_weights
from sim.engine.streams import site_key
from sim.program import layout as at
from sim.program.program import Program
from sim.scenario.model import Table

Words = NDArray[np.int64]
HISTORY_AT_FIRST = 1024  # entries


@dataclass
class _Memory:
    words: list[Words]
    size: int = 0
    header: dict[int, int] = field(default_factory=dict)

    def put(self, name: int, words: Words) -> None:
        self.header[name] = self.size
        self.words.append(words)
        self.size += len(words)

    def integers(self, name: int, values: Sequence[int] | NDArray[np.generic]) -> None:
        self.put(name, np.asarray(values, np.int64).reshape(-1))

    def floats(self, name: int, values: Sequence[float] | NDArray[np.generic]) -> None:
        self.put(name, np.asarray(values, np.float64).reshape(-1).view(np.int64))

    def table(self, name: int, rows: NDArray[np.generic], width: int) -> None:
        """A table of integers or floats whose rows are `width` words apart."""
        kind = np.float64 if rows.dtype == np.float64 else np.int64
        padded = np.zeros((len(rows), width), kind)
        padded[:, : rows.shape[1]] = rows
        self.put(name, padded.reshape(-1).view(np.int64))


NARROW_TABLES = {
    at.CODE: "code",
    at.STEPS: "steps",
    at.SLOTS: "slots",
    at.TIMERS: "timers",
    at.AXES: "axes",
    at.SHARES: "shares",
    at.ASSIGNMENTS: "assignments",
    at.THINGS: "things",
    at.LISTENERS: "listeners",
    at.MEMBERSHIPS: "memberships",
    at.WATCHES: "watches",
    at.PROTOCOLS: "protocols",
    at.PROVIDERS: "providers",
    at.BIOMARKERS: "biomarkers",
    at.RANGES: "ranges",
    at.CONDITIONS: "conditions",
    at.DRUGS: "drugs",
    at.PROCEDURES: "procedures",
    at.VARIABLES: "variables",
    at.EVENTS: "events",
}
WIDE_TABLES = {at.HAZARDS: "hazards", at.STATES: "states", at.LOOKUPS: "lookups"}
LISTS = {at.READERS: "readers", at.DEPENDENTS: "dependents", at.RIDERS: "riders"}
COUNTS = {
    at.N_HAZARDS: "hazards",
    at.N_WATCHES: "watches",
    at.N_AXES: "axes",
    at.N_VARIABLES: "variables",
    at.N_PROTOCOLS: "protocols",
    at.N_CONDITIONS: "conditions",
    at.N_DRUGS: "drugs",
}


@dataclass(frozen=True)
class Ledger:
    """What to keep account of: deaths of these conditions (by position), by civil year and age.

    `years` is the range of civil years, `ages` the number of ages from 0, the last one open.
    """

    conditions: frozenset[int]
    years: range
    ages: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the ledger: (days alive, cumulative hazard), (female, male), years, ages."""
        return 2, 2, len(self.years), self.ages


def load(program: Program, seed: int, history: int = HISTORY_AT_FIRST, ledger: Ledger | None = None) -> Words:
    """The memory of one worker: int64 words, some of which the engine reads as float64.

    `history` is the room for entries of histories. Raises ValueError for a seed outside [0, 2**64).
    """
    t = program.tables
    memory = _Memory([t.cells.view(np.int64)], len(t.cells))
    for name, source in NARROW_TABLES.items():
        memory.table(name, getattr(t, source), at.NARROW)
    for name, source in WIDE_TABLES.items():
        memory.table(name, getattr(t, source), at.WIDE)
    for name, source in LISTS.items():
        memory.integers(name, getattr(t, source))
    memory.floats(at.BREAKS, t.breaks)
    memory.floats(at.VALUES, t.values)
    memory.integers(at.KEYS, np.array([site_key(seed, s) for s in program.sites], np.uint64).view(np.int64))
    memory.floats(at.TEMPLATE, t.cells)
    memory.floats(at.BRIDGE, noise_weights(program))
    _room_for_a_life(memory, program, history)
    people = program.scenario.population
    edges, below, female = np.array([0.0, 1.0]), np.array([[0.0, 1.0]] * 2), people.female
    if people.ages is not None:
        edges, below, share = age_structure(next(x for x in program.scenario.tables if x.name == people.ages))
        female = share if female is None else female
    memory.floats(at.EDGES, edges)
    memory.floats(at.BELOW, below)
    first_birth = people.born[0] if people.born else (people.alive_on or 0.0) - edges[-1] * DAYS_PER_YEAR
    tabulations, size = tabulation_rows(program, first_birth)
    memory.table(at.TABULATIONS, tabulations, at.NARROW)
    memory.floats(at.RATES, np.zeros(size))

    if ledger is not None:
        memory.floats(at.LEDGER, np.zeros(ledger.shape))
        memory.integers(at.COUNTED, [int(c in ledger.conditions) for c in range(len(t.conditions))])

    m = np.concatenate(memory.words)
    for name, start in memory.header.items():
        m[name] = start
    for name, source in COUNTS.items():
        m[name] = len(getattr(t, source))
    m[at.N_SLOTS] = _power_of_two(len(t.slots))
    m[at.N_EDGES], m[at.N_HISTORY] = len(edges), history
    m[at.N_VISITS] = program.visits
    m[at.N_TABULATIONS] = len(t.tabulations)
    m[at.N_YEARS] = civil_year(program.scenario.window[1]) - civil_year(first_birth) + 1
    m[at.FIXED], m[at.ENTRY_CODE] = program.fixed, program.entry_code
    m[at.INCLUDE_AT_START], m[at.INCLUDE_AT_END], m[at.WEIGHT] = program.cohort
    for name, stream in ((at.KEY_OF_SEX, "sex"), (at.KEY_OF_BIRTH, "birth")):
        m[name] = np.array(site_key(seed, f"population/{stream}"), np.uint64).view(np.int64)
    if ledger is not None:
        m[at.LEDGER_FIRST_YEAR], m[at.LEDGER_YEARS] = ledger.years.start, len(ledger.years)
        m[at.LEDGER_AGES] = ledger.ages
    x = m.view(np.float64)
    x[at.FEMALE] = female
    x[at.BORN_FROM], x[at.BORN_TO] = people.born or (math.nan, math.nan)
    x[at.ALIVE_ON] = math.nan if people.alive_on is None else people.alive_on
    x[at.ENTRY_DATE] = math.nan if people.entry_date is None else people.entry_date
    x[at.WINDOW_FROM], x[at.WINDOW_TO] = program.scenario.window
    return m


def _room_for_a_life(memory: _Memory, program: Program, history: int) -> None:
    t = program.tables
    slots, dependents = _power_of_two(len(t.slots)), len(t.hazards) + len(t.watches)
    memory.floats(at.DUE, np.zeros(slots))
    memory.integers(at.WINNERS, np.zeros(2 * slots))
    memory.integers(at.WAITING, np.zeros(MOST_WAITING))
    for name in (at.DIRTY, at.IS_DIRTY):
        memory.integers(name, np.zeros(dependents))
    memory.integers(at.WATCHED, np.zeros(len(t.watches)))
    memory.integers(at.MOVED, np.zeros(len(t.axes)))
    memory.table(at.VISITS, np.zeros((program.visits, at.NARROW), np.int64), at.NARROW)
    memory.table(at.PROGRESS, np.zeros((len(t.protocols), at.WIDE), np.int64), at.WIDE)
    memory.integers(at.CONDITION_ROWS, np.zeros(len(t.conditions)))
    memory.integers(at.DRUG_ROWS, np.zeros(len(t.drugs)))
    memory.table(at.GOING, np.zeros((len(t.hazards), at.WIDE)), at.WIDE)
    memory.table(at.HISTORY, np.zeros((history, at.NARROW)), at.NARROW)


def _power_of_two(n: int) -> int:
    return 1 << max(n - 1, 0).bit_length()


def noise_weights(program: Program) -> list[float]:
    """The bridges of all biomarkers with within-person noise, one after another as BIOMARKER_BRIDGE says."""
    weights: list[float] = []
    for row, ranges in zip(program.tables.biomarkers, program.tables.ranges, strict=True):
        if row[at.BIOMARKER_SITE] >= 0:
            levels, grid = int(row[at.BIOMARKER_LEVELS]), float(ranges[at.NOISE_GRID])
            for pair in bridge_weights(levels, grid, float(ranges[at.NOISE_HALF_LIFE])):
                weights += pair
    return weights


def age_structure(table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Edges of the age groups (years), share of each sex below each edge (2, edges), and the share of women.

    Both sexes have the table's one structure where it has no axis `sex`, and the share is then one half.
    """
    *_, ages = table.axes
    counts = np.array(table.values).reshape(-1, ages.size)
    counts = np.vstack([counts, counts]) if len(counts) == 1 else counts
    sums = np.cumsum(counts, axis=1)
    totals = sums[:, -1]
    below = np.concatenate([np.zeros((2, 1)), sums], axis=1) / totals[:, None]
    below[:, -1] = 1.0
    return np.array(ages.breaks, np.float64), below, float(totals[0] / totals.sum())


# ---- the tabular parts of rates


def tabulation_sizes(program: Program, first_birth: float) -> list[tuple[int, int, int]]:
    """How many sexes, civil years and completed ages the tabular part of each rate reads."""
    end = program.scenario.window[1]
    years = civil_year(end) - civil_year(first_birth) + 1
    ages = math.ceil((end - first_birth) / DAYS_PER_YEAR) + 1
    return [
        (2 if g & at.SEX_ROWS else 1, years if g & at.YEAR_GRID else 1, ages if g & at.AGE_GRID else 1)
        for g in program.tables.tabulations[:, at.TABULATION_GRIDS]
    ]


def tabulation_rows(program: Program, first_birth: float) -> tuple[NDArray[np.int64], int]:
    """The rows of TABULATIONS, and how many rates there are in all.

    Where a rate reads both year and age, a row of the table is what a birth cohort meets as it ages, so that
    a life reads along two rows and not across all.
    """
    rows, start = np.zeros((len(program.tables.tabulations), 8), np.int64), 0
    rows[:, :2] = program.tables.tabulations
    for row, (sexes, years, ages) in zip(rows, tabulation_sizes(program, first_birth), strict=True):
        both = years > 1 and ages > 1
        size = (years + ages - 1) * ages if both else years * ages
        row[at.TABULATION_START] = start + (ages * (ages - 1) if both else 0)
        row[at.TABULATION_SEX_STRIDE] = size if sexes > 1 else 0
        row[at.TABULATION_YEAR_STRIDE] = ages if years > 1 else 0
        row[at.TABULATION_AGE_STRIDE] = 1 - ages if both else int(ages > 1)
        row[at.TABULATION_FIRST_YEAR] = civil_year(first_birth)
        row[at.TABULATION_AGES] = ages
        start += sexes * size
    return rows, start
