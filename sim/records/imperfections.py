"""Spoils the record: what is written of lives, never the lives.

Every imperfection looks at the perfect record and decides for each row by draws of its own, keyed by (seed,
`imperfections/NAME`, patient, seq). So none depends on another, on shards or on the runtime. What is written
of a row is then changed by all that chose it, in the order of the scenario; then copied; and left out where
one of them loses it. No `seq` changes: a lost row leaves a gap, a copy has that of its row.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.engine import faults
from sim.engine.compilation import jit
from sim.engine.log import (
    CONDITION,
    DEATH,
    ENCOUNTER,
    MEDICATION,
    NULL,
    OBSERVATION,
    PANELS,
    PROCEDURE,
    Log,
    People,
)
from sim.engine.streams import site_key, uniform
from sim.records.looks import SECONDS_PER_DAY, Floats, Lives, Meanings, Rows
from sim.records.names import foreign_units
from sim.scenario.model import Biomarker, Coded, Expr, Imperfection, Provider, Scenario

KINDS = {
    "encounters": ENCOUNTER,
    "conditions": CONDITION,
    "observations": OBSERVATION,
    "medications": MEDICATION,
    "procedures": PROCEDURE,
    "deaths": DEATH,
}
_OF_NUMBERS = ("rounded", "wrong_unit", "wrong_code")  # spoil only those of the observations that are numbers


class Touched(NamedTuple):
    """Which rows were spoiled: a place for each row and `imperfection`, its number in the scenario.

    `rows` are these rows as they stand in the perfect record, by patient, seq and imperfection.
    """

    imperfection: NDArray[np.int32]
    rows: Log


class Spoiler:
    """What spoils the records of a scenario's patients, for one seed."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.imperfections = scenario.imperfections
        self.seed = seed
        self.meanings = Meanings(scenario)
        self.end = int(scenario.window[1] * SECONDS_PER_DAY)
        self.scales = np.array([float(10**biomarker.decimals) for biomarker in scenario.biomarkers])
        self.codes = _codes(scenario)
        self.biomarkers = len(scenario.biomarkers)
        self.units = foreign_units(scenario)

    def spoil(self, people: People, log: Log) -> tuple[Log, Touched]:
        """The record as it was written instead of `log`, and what was touched.

        Raises sim.engine.LifeError where an expression of an imperfection is at fault.
        """
        lives, page = Lives(self.meanings, people, log), _Page(log)
        touched = []
        for imperfection in self.imperfections:
            rows = self.chosen(imperfection, lives)
            match imperfection.kind:
                case "missing":
                    page.lost[rows] = True
                case "late":
                    self.delay(imperfection, lives, page, rows)
                case "duplicated":
                    page.copies[rows] += 1
                case "rounded":
                    page.value[rows] = _rounded(page.value[rows], imperfection.to or 1.0)
                case "wrong_unit":
                    self.convert(imperfection, page, rows)
                case "wrong_code":
                    rows = self.confuse(imperfection, lives, page, rows)
            touched.append(rows)
        return page.written(), _touched(touched, log)

    def chosen(self, imperfection: Imperfection, lives: Lives) -> Rows:
        """The rows that an imperfection touches."""
        log = lives.log
        meant = np.zeros(len(log.kind), np.bool_)
        for target in imperfection.targets:
            rows_of_table = log.kind == KINDS[target.table]
            if target.thing is None:
                meant |= rows_of_table
            else:
                meant |= rows_of_table & (log.code == self.codes[target.table][target.thing])
        if imperfection.kind in _OF_NUMBERS:
            meant &= (log.kind != OBSERVATION) | (log.code < self.biomarkers)
        rows = np.flatnonzero(meant)
        if imperfection.chance is None:
            return rows
        p = lives.probability(imperfection.chance, rows)
        return rows[self.uniforms(imperfection.site, lives, rows) < p]

    def uniforms(self, site: str, lives: Lives, rows: Rows) -> Floats:
        key = np.uint64(site_key(self.seed, site))
        return uniforms(key, lives.log.patient[rows], lives.log.seq[rows])

    def delay(self, imperfection: Imperfection, lives: Lives, page: _Page, rows: Rows) -> None:
        """Write a later time; an end before it moves up to it. Nothing is written after the window."""
        by: Expr | None = imperfection.by
        assert by is not None
        days = lives.value(by, rows, self.uniforms(f"{imperfection.site}/by", lives, rows))
        lives.fail(rows, ~((days >= 0.0) & np.isfinite(days)), faults.BAD_TIME, by.span)
        start = page.start[rows] + np.floor(days * SECONDS_PER_DAY).astype(np.int64)
        page.start[rows] = start
        page.lost[rows[start >= self.end]] = True
        end = page.end[rows]
        page.end[rows] = np.where(end == NULL, NULL, np.maximum(start, end))

    def convert(self, imperfection: Imperfection, page: _Page, rows: Rows) -> None:
        if imperfection.factor is not None:
            own = imperfection.decimals is None
            scale = self.scales[page.code[rows]] if own else float(10 ** (imperfection.decimals or 0))
            page.value[rows] = np.floor(page.value[rows] * imperfection.factor * scale + 0.5) / scale
        if imperfection.unit is not None:
            panels = (page.aux[rows] + 1) // PANELS * PANELS
            page.aux[rows] = panels + self.units.index(imperfection.unit)

    def confuse(self, imperfection: Imperfection, lives: Lives, page: _Page, rows: Rows) -> Rows:
        """Write another thing, each of those listed as likely; returns the rows where it is another."""
        codes = self.codes[imperfection.targets[0].table]
        listed = np.array([codes[name] for name in imperfection.becomes], page.code.dtype)
        drawn = self.uniforms(f"{imperfection.site}/becomes", lives, rows)
        another = listed[(drawn * len(listed)).astype(np.int64)]
        wrong = another != lives.log.code[rows]
        page.code[rows[wrong]] = another[wrong]
        return rows[wrong]


class _Page:
    """What is written for each row of a log."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.start, self.end, self.value = log.start.copy(), log.end.copy(), log.value.copy()
        self.code, self.aux = log.code.copy(), log.aux.copy()
        self.lost = np.zeros(len(log.kind), np.bool_)
        self.copies = np.zeros(len(log.kind), np.int64)

    def written(self) -> Log:
        changed = self.log._replace(
            start=self.start, end=self.end, value=self.value, code=self.code, aux=self.aux
        )
        return _of(changed, np.repeat(np.arange(len(self.lost)), np.where(self.lost, 0, 1 + self.copies)))


def _codes(scenario: Scenario) -> dict[str, dict[str, int]]:
    """By table: the code numbers of the things in it."""
    things: dict[str, tuple[Biomarker | Coded | Provider, ...]] = {
        "encounters": scenario.providers,
        "conditions": scenario.conditions,
        "observations": (*scenario.biomarkers, *scenario.examinations),
        "medications": scenario.drugs,
        "procedures": scenario.procedures,
        "deaths": scenario.conditions,
    }
    return {table: {thing.name: code for code, thing in enumerate(some)} for table, some in things.items()}


def _touched(rows: list[Rows], log: Log) -> Touched:
    numbers = np.repeat(np.arange(len(rows), dtype=np.int32), [len(some) for some in rows])
    places = np.concatenate(rows)
    order = np.lexsort((numbers, places))
    return Touched(numbers[order], _of(log, places[order]))


def _of(log: Log, rows: Rows) -> Log:
    columns: list[Any] = [column[rows] for column in log]
    return Log(*columns)


def _rounded(values: Floats, to: float) -> Floats:
    """To the nearest multiple of `to`, halves up, with the bits of its decimal spelling."""
    exponent = int(Decimal(repr(to)).as_tuple().exponent)
    scale = float(10 ** max(0, -exponent))
    return np.floor(values / to + 0.5) * round(to * scale) / scale


@jit
def uniforms(key: np.uint64, patient: NDArray[np.int64], seq: NDArray[np.int32]) -> Floats:
    """The uniforms in (0, 1) of rows: those of the patient at the site of `key`, with `seq` as the count."""
    found = np.empty(len(patient), np.float64)
    for i in range(len(patient)):
        found[i] = uniform(key, np.int64(seq[i]), 0, patient[i])
    return found
