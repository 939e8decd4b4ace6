"""What tests share.

For records, runs and the command: a scenario of all kinds of things, and random lives in place of the
engine's. For the rest: small worlds written as texts, and the lives that the engine makes of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

import sim.engine
from sim.engine.log import (
    APPOINTMENT,
    CONDITION,
    DEATH,
    ENCOUNTER,
    EVENT,
    IMMUNIZATION,
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
    Drug,
    Event,
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

# Elsewhere hypothesis looks for new examples every time; what decides about a change is the same each time.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

Floats = NDArray[np.float64]

SPAN = Span("scenario.yaml", 1, 1)
SECONDS_A_DAY = 86_400
WIDE = 2**62  # an identifier from here on does not fit a float


def _state(name: str, *groups: str) -> State:
    return State(name, groups=groups, sets=(), lasts=None, exits=(), site=name, span=SPAN)


def _event(name: str) -> Event:
    return Event(name, Expr("const", (), 0.01, Type("rate")), (), name, SPAN)


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
            Drug("sugar.metformin", (Code("rxnorm", "6809"),), "", SPAN, ("500 mg", "1000 mg"), (0.5, 1.0)),
            Drug("lungs.inhaler", (Code("rxnorm", "435"),), "", SPAN, ("1 puff",), (1.0,)),
        ),
        groups=(),
        providers=(
            Provider("clinic", "ambulatory", None, (), None, SPAN),
            Provider("hospital", "inpatient", None, (), None, SPAN),
        ),
        pathways=(
            Pathway(
                "sugar",
                (
                    DiseaseAxis(
                        "sugar.course", (_state("sugar.none"), _state("sugar.type_2", "sugar.diabetic"))
                    ),
                ),
                (),
                (_event("sugar.fall"), _event("sugar.hypo")),
            ),
            Pathway(
                "lungs",
                (DiseaseAxis("lungs.course", (_state("lungs.none"), _state("lungs.ill"))),),
                (),
                (_event("lungs.fall"),),
            ),
        ),
        behaviours=(),
        imperfections=(),
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
        APPOINTMENT: len(scenario.providers),
        EVENT: 3,
    }

    def rows(random: np.random.Generator, patient: int) -> list[tuple[object, ...]]:
        found = []
        time = 10957 * SECONDS_A_DAY
        for seq in range(0, 2 * int(random.integers(0, 40)), 2):
            kind = int(random.integers(0, 10))
            time += int(random.integers(0, 10**6))
            code, aux, value = int(random.integers(counts.get(kind, 1))), -1, np.nan
            encounter = NULL if random.random() < 0.3 else WIDE + patient * 1000 + seq // 10
            end = NULL if random.random() < 0.5 else time + int(random.integers(0, 10**6))
            if kind == ENCOUNTER:
                encounter, aux = WIDE + patient * 1000 + seq, int(random.integers(-1, 3))
                value = float(time - int(random.integers(0, 10**6)))
            elif kind == OBSERVATION:
                value = round(random.normal(), 1)
            elif kind == MEDICATION:
                aux = int(random.integers(-1, 3))
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
            elif kind == APPOINTMENT:
                aux, value = int(random.integers(-1, 5)), float(random.integers(-2, 3))
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
                sex = int(random.integers(2))
                people.append((patient, sex, birth, 10957 * SECONDS_A_DAY, left, died, attempts, 1.0))
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


# ---- small worlds, and the lives in them

FRAME = """
scenario: small world
window: {from: 1950-01-01, to: 2050-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
providers: {clinic: {class: ambulatory}, ward: {class: inpatient}}
"""
KINDS = {
    "state": STATE,
    "condition": CONDITION,
    "drug": MEDICATION,
    "procedure": PROCEDURE,
    "vaccine": IMMUNIZATION,
    "biomarker": OBSERVATION,
    "provider": ENCOUNTER,
    "variable": VARIABLE,
    "event": EVENT,
}


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., Scenario]:
    """`world(pathway)`: the scenario of one pathway, `world`, given as text without its first line.

    `frame` is the text of scenario.yaml, `tables` are texts by file name, `parameters` as for `load`.
    """
    from sim.scenario import load

    def world(
        pathway: str,
        *,
        frame: str = FRAME,
        tables: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> Scenario:
        (tmp_path / "scenario.yaml").write_text(frame)
        (tmp_path / "world.yaml").write_text(f"pathway: world\n{pathway}")
        for name, text in (tables or {}).items():
            (tmp_path / name).write_text(text)
        return load(tmp_path, parameters)

    return world


@pytest.fixture
def live(world: Callable[..., Scenario]) -> Callable[..., Lives]:
    """`live(pathway, patients)`: the lives of that many patients, or of a range of them, in a `world`."""

    def live(pathway: str, patients: int | range = 1, *, seed: int = 1, **of_world: object) -> Lives:
        from sim.engine import simulate
        from sim.program import compile

        scenario = world(pathway, **of_world)
        numbers = range(patients) if isinstance(patients, int) else patients
        return Lives(scenario, *simulate(compile(scenario), numbers, seed))

    return live


@dataclass(frozen=True)
class Lives:
    """Lives of a scenario, asked by name; a thing of the pathway `world` by its bare one."""

    scenario: Scenario
    people: People
    log: Log

    def rows(self, kind: str, name: str = "") -> Log:
        """Rows of a kind of thing (a key of KINDS, or "death"), of one thing where `name` is given."""
        if kind == "death":
            return self.where(self.log.kind == DEATH)
        chosen = self.log.kind == KINDS[kind]
        return self.where(chosen & (self.log.code == self._code(kind, name)) if name else chosen)

    def where(self, chosen: NDArray[np.bool_]) -> Log:
        return Log(*(column[chosen] for column in self.log))

    def days(self, rows: Log, end: bool = False) -> Floats:
        """When rows start (or end), in days since their patient's birth; the engine writes whole seconds."""
        births = self.people.birth[np.searchsorted(self.people.patient, rows.patient)]
        return (rows.end if end else rows.start) / SECONDS_A_DAY - births

    def times(self, kind: str, name: str = "") -> Floats:
        """When a thing happened, in days since birth, in the order of the log."""
        return self.days(self.rows(kind, name))

    def first(self, kind: str, name: str = "") -> Floats:
        """When it first happened to each of `people`, in days since birth; inf where never."""
        rows = self.rows(kind, name)
        first = np.full(len(self.people.patient), np.inf)
        np.minimum.at(first, np.searchsorted(self.people.patient, rows.patient), self.days(rows))
        return first

    def story(self, patient: int = 0) -> list[tuple[str, float]]:
        """What happened to a patient, but for births into states: names, and days since birth to 0.0001."""
        rows = self.where((self.log.patient == patient) & ~((self.log.kind == STATE) & (self.log.aux < 0)))
        return [
            (self._name(kind, code), round(float(day) + 0.5 / SECONDS_A_DAY, 4))
            for kind, code, day in zip(rows.kind, rows.code, self.days(rows), strict=True)
        ]

    def _names(self, kind: str) -> list[str]:
        s = self.scenario
        states = [state for pathway in s.pathways for axis in pathway.axes for state in axis.states]
        of: dict[str, tuple[Any, ...]] = {
            "state": tuple(states),
            "condition": s.conditions,
            "drug": s.drugs,
            "procedure": s.procedures,
            "vaccine": s.vaccines,
            "biomarker": (*s.biomarkers, *s.examinations),
            "provider": s.providers,
            "variable": s.variables,
            "event": tuple(event for pathway in s.pathways for event in pathway.events),
        }
        return [thing.name.removeprefix("world.") for thing in of[kind]]

    def _code(self, kind: str, name: str) -> int:
        return -1 if name == "dead" else self._names(kind).index(name)

    def _name(self, kind: int, code: int) -> str:
        if kind == DEATH or code < 0:
            return "death" if kind == DEATH else "dead"
        return self._names(next(name for name, number in KINDS.items() if number == kind))[code]
