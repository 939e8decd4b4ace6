"""Programs run for a range of patients: arrays that grow as needed, and faults turned into sentences."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.engine import faults
from sim.engine.compilation import no_collection
from sim.engine.faults import MOST_ATTEMPTS, PATIENCE, Fault, LifeError
from sim.engine.kernel import PERSON, live_all
from sim.engine.life import ROW
from sim.engine.load import Ledger, load
from sim.engine.log import Log, People
from sim.program import layout as at
from sim.program.program import Program
from sim.scenario.model import Span

ROWS_AT_FIRST = 1 << 16


def simulate(program: Program, patients: range, seed: int) -> tuple[People, Log]:
    """Live the lives of `patients` (numbers from 0 on, step 1).

    A life is a function of (program, seed, patient number) alone. The interpreter lock is not held meanwhile.
    Rows are in order of patient and `seq`. Raises LifeError, and ValueError for a seed outside [0, 2**64).
    """
    return Engine(program, seed).simulate(patients)


class Engine:
    """A program and a seed in memory, to simulate one range of patients after another; one thread at a time
    may use it.

    The rows of a Log are views of the engine's own: the next call of `simulate` overwrites them.
    """

    def __init__(self, program: Program, seed: int, ledger: Ledger | None = None):
        self.program = program
        self.seed = seed
        self._ledger = ledger
        self._memory = load(program, seed, ledger=ledger)
        self._log = np.empty(ROWS_AT_FIRST, ROW)

    def simulate(self, patients: range) -> tuple[People, Log]:
        """As the function `simulate`."""
        people = np.recarray(len(patients), PERSON)
        conditioned = self.program.scenario.population.conditioned
        while True:
            m = self._memory
            m[at.N_ROWS] = len(self._log)
            with no_collection():
                done, seen, rows, fault = live_all(
                    m,
                    m.view(np.float64),
                    self._log.view(np.int64),
                    people,
                    patients.start,
                    len(patients),
                    MOST_ATTEMPTS * (PATIENCE if conditioned else 1),
                )
            if fault == at.FINE:
                break
            if fault == at.LOG_FULL:
                needed = 1.2 * len(self._log) / max(done, 1) * len(patients)
                self._log = np.empty(int(max(2 * len(self._log), needed)), ROW)
            elif fault == at.HISTORY_FULL:
                self._memory = load(self.program, self.seed, 2 * int(m[at.N_HISTORY]), self._ledger)
            else:
                where = int(m.view(np.float64)[at.FAULT_PLACE])
                raise LifeError(describe(self.program, fault, where, patients.start + done))
        log = self._log[:rows]
        return People(*(people[name][:seen] for name in People._fields)), Log(
            *(log[name] for name in Log._fields)
        )

    def ledger(self) -> NDArray[np.float64]:
        """The account of the patients last simulated, in the shape of the Ledger asked for: days, and
        hazard."""
        assert self._ledger is not None
        start, shape = self._memory[at.LEDGER], self._ledger.shape
        return self._memory.view(np.float64)[start : start + math.prod(shape)].reshape(shape).copy()


SENTENCES = {
    at.NOT_A_NUMBER: faults.NOT_A_NUMBER,
    at.BAD_RATE: faults.BAD_RATE,
    at.BAD_TIME: faults.BAD_TIME,
    at.BAD_PROBABILITY: faults.BAD_PROBABILITY,
    at.OUTSIDE_TABLE: faults.OUTSIDE_TABLE,
    at.CASCADE: faults.CASCADE,
    at.TOO_MANY_ATTEMPTS: faults.TOO_MANY_ATTEMPTS,
    at.BAD_SOJOURN: faults.BAD_SOJOURN,
    at.NOT_TABULATED: faults.NOT_TABULATED,
    at.UNKNOWN_RESULT: faults.UNKNOWN_RESULT,
    at.BAD_SHARE: faults.BAD_SHARE,
    at.BAD_DISTRIBUTION: faults.BAD_DISTRIBUTION,
}


def describe(program: Program, fault: int, place: int, patient: int) -> Fault:
    """Put a fault into words; `place` is what the engine noted with it."""
    tables = program.tables
    span: Span | None = None
    if fault in (at.BAD_RATE, at.NOT_TABULATED):
        code, table = tables.hazards[place, [at.HAZARD_CODE, at.HAZARD_TABLE]]
        row = int(code if code >= 0 else tables.tabulations[table, 0])
        span = program.spans[end_of(program, row)]
    elif fault in (at.BAD_TIME, at.UNKNOWN_RESULT, at.BAD_SHARE, at.BAD_SOJOURN):
        span = program.spans[end_of(program, place)]
    elif fault in (at.NOT_A_NUMBER, at.BAD_PROBABILITY, at.OUTSIDE_TABLE, at.BAD_DISTRIBUTION):
        span = program.spans[place]
    elif fault == at.CASCADE:
        span = span_of_slot(program, place)
    elif fault == at.TOO_MANY_ATTEMPTS:
        span = program.scenario.population.span
        if program.scenario.population.conditioned:
            return Fault(faults.NOBODY_INCLUDED, span, patient)
    return Fault(SENTENCES[fault], span, patient)


def span_of_slot(program: Program, slot: int) -> Span | None:
    """Where in the scenario what is due at a slot of the calendar is written."""
    scenario, tables = program.scenario, program.tables
    if slot < 0:
        return scenario.population.span
    kind, argument = tables.slots[slot]
    protocols = [p for pathway in scenario.pathways for p in pathway.protocols]
    if kind == at.PROTOCOL:
        return protocols[argument].span
    if kind == at.WATCH:
        return program.spans[end_of(program, int(tables.watches[argument, at.WATCH_CODE]))]
    if kind == at.SOJOURN:
        return program.spans[end_of(program, int(tables.timers[argument, at.TIMER_CODE]))]
    if kind in (at.EXIT, at.TRIGGER, at.EVENT):
        code = tables.hazards[argument, [at.HAZARD_CODE, at.HAZARD_SECOND]].max()
        table = int(tables.hazards[argument, at.HAZARD_TABLE])
        row = int(code) if code >= 0 else int(tables.tabulations[table, at.TABULATION_CODE])
        return program.spans[end_of(program, row)]
    return (scenario.drugs if kind == at.SUPPLY else scenario.conditions)[argument].span


def end_of(program: Program, row: int) -> int:
    """The row that returns the value of the expression that starts at `row`; its span is the whole
    expression's."""
    while program.tables.code[row, 0] != at.RETURN:
        row += 1
    return row
