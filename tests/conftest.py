"""What the tests of records, runs and the command share: a scenario of all kinds of things, and its lives."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import get_args, get_type_hints

import numpy as np
import pytest

import sim.engine
from sim.engine.log import (
    CONDITION,
    DEATH,
    ENCOUNTER,
    MEDICATION,
    NULL,
    OBSERVATION,
    PROCEDURE,
    STATE,
    VARIABLE,
    Log,
    People,
)
from sim.scenario.model import (
    TRUTH,
    Biomarker,
    Code,
    Coded,
    DiseaseAxis,
    Expr,
    Parameter,
    Pathway,
    Population,
    Provider,
    Scenario,
    Span,
    State,
    Type,
    Variable,
)

SPAN = Span("scenario.yaml", 1, 1)
SECONDS_A_DAY = 86_400
WIDE = 2**62  # an identifier from here on does not fit a float


def _state(name: str) -> State:
    return State(name, sets=(), lasts=None, exits=(), site=name, span=SPAN)


def _biomarker(name: str, code: str, unit: str) -> Biomarker:
    codes = (Code("loinc", code), Code("local", code)) if code else ()
    return Biomarker(name, codes, unit, Expr("const", (), 5.0), None, None, None, 0.0, 100.0, 1, name, SPAN)


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    """Two pathways that share bare names; things with several codes, one and none; all kinds of variables."""
    return Scenario(
        name="Sugar & Lungs",
        about="",
        folder=".",
        window=(10957.0, 18262.0),
        population=Population(25, 0.5, (-7305.0, 10957.0), None, None, None, None, SPAN),
        mortality=None,
        parameters=(Parameter("sugar.onset", 0.01, Type("rate"), None, None, "assumption", SPAN),),
        tables=(),
        variables=(
            Variable("population.smoker", None, TRUTH, SPAN),
            Variable("population.ethnicity", None, Type("category", levels=("a", "b", "é ü")), SPAN),
            Variable("lungs.severity", None, Type("number"), SPAN),
            Variable("lungs.grade", None, Type("category", levels=("mild", "bad")), SPAN),
        ),
        biomarkers=(
            _biomarker("sugar.hba1c", "4548-4", "%"),
            _biomarker("sugar.weight", "", "kg"),
            _biomarker("lungs.fev1", "20150-9", "L"),
            _biomarker("lungs.weight", "29463-7", "kg"),
        ),
        conditions=(
            Coded(
                "sugar.diabetes", (Code("snomed", "44054006"), Code("icd10", "E11")), "Type 2 diabetes", SPAN
            ),
            Coded("lungs.asthma", (Code("snomed", "195967001"),), "", SPAN),
            Coded("lungs.other", (), "", SPAN),
        ),
        procedures=(Coded("lungs.spirometry", (Code("snomed", "127783003"),), "Spirometry", SPAN),),
        drugs=(
            Coded("sugar.metformin", (Code("rxnorm", "6809"),), "", SPAN),
            Coded("lungs.inhaler", (Code("rxnorm", "435"),), "", SPAN),
        ),
        providers=(Provider("clinic", "ambulatory", SPAN), Provider("hospital", "inpatient", SPAN)),
        pathways=(
            Pathway(
                "sugar", (DiseaseAxis("sugar.course", (_state("sugar.none"), _state("sugar.type_2"))),), ()
            ),
            Pathway("lungs", (DiseaseAxis("lungs.course", (_state("lungs.none"), _state("lungs.ill"))),), ()),
        ),
        files=(("scenario.yaml", "0" * 64),),
    )


Simulate = Callable[[object, range, int], tuple[People, Log]]


@pytest.fixture(scope="session")
def simulate(scenario: Scenario) -> Simulate:
    """Random lives, each a function of seed and patient alone; one patient in five is not in the record."""
    counts = {
        ENCOUNTER: len(scenario.providers),
        CONDITION: len(scenario.conditions),
        OBSERVATION: len(scenario.biomarkers),
        MEDICATION: len(scenario.drugs),
        PROCEDURE: len(scenario.procedures),
        STATE: 4,
    }

    def rows(random: np.random.Generator, patient: int) -> list[tuple[object, ...]]:
        found = []
        time = 10957 * SECONDS_A_DAY
        for seq in range(0, 2 * int(random.integers(0, 40)), 2):
            kind = int(random.integers(0, 8))
            time += int(random.integers(0, 10**6))
            code, aux, value = int(random.integers(counts.get(kind, 1))), -1, np.nan
            encounter = NULL if random.random() < 0.3 else WIDE + patient * 1000 + seq // 10
            end = NULL if random.random() < 0.5 else time + int(random.integers(0, 10**6))
            if kind == ENCOUNTER:
                encounter, aux = WIDE + patient * 1000 + seq, int(random.integers(-1, 3))
            elif kind == OBSERVATION:
                value = round(random.normal(), 1)
            elif kind == DEATH:
                code = int(random.integers(-1, 3))
            elif kind == STATE:
                code, aux = int(random.integers(-1, 4)), int(random.integers(-1, 4))
                value = float(random.integers(-1, 3)) if code == -1 else -1.0
            elif kind == VARIABLE:
                code = int(random.integers(4))
                value = float(
                    [random.integers(2), random.integers(3), random.normal(), random.integers(2)][code]
                )
            found.append((kind, patient, seq, time, end, code, aux, encounter, value))
        return found

    def simulate(program: object, patients: range, seed: int) -> tuple[People, Log]:
        people, log = [], []
        for patient in patients:
            random = np.random.default_rng([seed, patient])
            if random.random() < 0.8:
                birth = float(random.uniform(-7305, 10957))
                left = int(random.integers(10957, 18262)) * SECONDS_A_DAY
                died, attempts = bool(random.random() < 0.5), int(random.integers(1, 3))
                people.append(
                    (patient, int(random.integers(2)), birth, 10957 * SECONDS_A_DAY, left, died, attempts)
                )
                log += rows(random, patient)
        return _columns(People, people), _columns(Log, log)

    return simulate


def _columns(structure: type, rows: list[tuple[object, ...]]):  # type: ignore[no-untyped-def]
    """The rows as one array a field, of the type that the field is declared with."""
    types = [get_args(get_args(hint)[1])[0] for hint in get_type_hints(structure).values()]
    columns = zip(*rows, strict=True) if rows else [()] * len(types)
    return structure(*(np.array(list(column), kind) for column, kind in zip(columns, types, strict=True)))


class StandIn:
    """In place of the engine: lives by `sim.engine.simulate`; the rows of a call are gone with the next."""

    def __init__(self, program: object, seed: int) -> None:
        self.program, self.seed = program, seed
        self.rows: tuple[np.ndarray, ...] = ()

    def simulate(self, patients: range) -> tuple[People, Log]:
        for column in self.rows:
            column[...] = 0
        people, self.rows = sim.engine.simulate(self.program, patients, self.seed)  # type: ignore[arg-type]
        return people, self.rows


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, simulate: Simulate) -> None:
    """Let runs use the random lives in place of the engine's."""
    monkeypatch.setattr("sim.engine.simulate", simulate)
    monkeypatch.setattr("sim.engine.Engine", StandIn)
    monkeypatch.setattr(
        "sim.program.compile", lambda scenario: SimpleNamespace(scenario=scenario, hash="ab" * 32)
    )
