"""The words of a scenario: what stands in the tables for each code number of the log.

A name is written bare (`hba1c`) if no other of its kind in the scenario ends so, else qualified
(`diabetes.hba1c`). Conditions, biomarkers, drugs, procedures, variables, events and axes are such kinds. A
state stands beside its axis, so among the states of that axis alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.engine.log import (
    CONDITION,
    DEATH,
    ENCOUNTER,
    MEDICATION,
    OBSERVATION,
    PROCEDURE,
)
from sim.records.arrays import text_array
from sim.records.digest import NULL_WORD, text_word
from sim.records.schema import IMPERFECTIONS, LOGGED, Table, logged, patients
from sim.records.selection import EVERYTHING, Selection
from sim.scenario.model import Allergy, Biomarker, Code, Coded, Scenario
from sim.scenario.whole import discharges, plans

DEAD = "dead"  # the state entered by dying
OUTCOMES = ("attended", "missed", "gave up", "cancelled", "died")  # of an appointment
YES_OR_NO = ("negative", "positive")  # results of a test, by their truth
_COLUMNS = {CONDITION: "condition", OBSERVATION: "observation", MEDICATION: "drug", PROCEDURE: "procedure"}
OTHER = "other"  # the cause of a death that no pathway accounts for


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The text for each code 0, 1, ..., and in the last place that for -1.

    `texts`: the distinct texts, an Arrow array; `positions` int8 or, for many, int32: where in `texts` that
    of a code is, -1 for null; `words` uint64: the digest's word for it.
    """

    texts: pa.StringArray
    positions: NDArray[np.signedinteger]
    words: NDArray[np.uint64]

    @property
    def constant(self) -> bool:
        """Whether it has one text for every code, or none for any."""
        return bool((self.words == self.words[0]).all())


def vocabulary(texts: Iterable[str | None], missing: str | None = None) -> Vocabulary:
    """The vocabulary of these texts, in the order of their codes, with `missing` for the code -1."""
    by_code = (*texts, missing)
    distinct = [text for text in dict.fromkeys(by_code) if text is not None]
    position = {text: i for i, text in enumerate(distinct)}
    width = np.int8 if len(distinct) <= np.iinfo(np.int8).max else np.int32
    return Vocabulary(
        text_array(distinct),
        np.array([-1 if text is None else position[text] for text in by_code], width),
        np.array([NULL_WORD if text is None else text_word(text) for text in by_code], np.uint64),
    )


def bare(names: Sequence[str], reserved: Iterable[str] = ()) -> list[str]:
    """The names without their qualifiers, but where two would be the same, or one a reserved word."""
    last = [name.rpartition(".")[2] for name in names]
    uses = Counter([*last, *reserved])
    return [short if uses[short] == 1 else name for name, short in zip(names, last, strict=True)]


@dataclass(frozen=True, slots=True)
class Named:
    """Something with a name and codes, as the tables call it. `kind` is the column that it stands in."""

    kind: str
    name: str
    codes: tuple[Code, ...]
    display: str | None
    unit: str | None


def named(scenario: Scenario) -> tuple[Named, ...]:
    """Everything in the scenario that may have codes, in the order in which the log counts each kind."""
    return (
        *_named("condition", scenario.conditions, reserved=[OTHER]),
        *_named("observation", (*scenario.biomarkers, *scenario.examinations)),
        *_named("panel", scenario.panels),
        *_named("drug", scenario.drugs),
        *_named("procedure", scenario.procedures),
        *_named("vaccine", scenario.vaccines),
        *_plans(scenario),
    )


def _plans(scenario: Scenario) -> Iterator[Named]:
    protocols = plans(scenario)
    for name, protocol in zip(bare([p.name for p in protocols]), protocols, strict=True):
        assert protocol.plan
        yield Named("plan", name, protocol.plan.codes, protocol.plan.display, None)


def _named(kind: str, things: Sequence[Coded | Biomarker], reserved: Iterable[str] = ()) -> Iterator[Named]:
    for name, thing in zip(bare([thing.name for thing in things], reserved), things, strict=True):
        display = thing.display if isinstance(thing, Coded) else ""
        unit = thing.unit if isinstance(thing, Biomarker) else ""
        yield Named(kind, name, thing.codes, display or None, unit or None)


@dataclass(frozen=True, slots=True)
class Names:
    """Every vocabulary of a scenario, by the name that `sim.records.schema` gives it.

    `first_level` int32, per variable: the code of its first level in the vocabulary "level", -1 without any.
    `first_seen` int32, per observation: the code of its first result in the vocabulary "seen", -1 of numbers
    and in the last place.
    `first_thing` int32, per kind of the log's rows: the code of the first in the vocabulary "thing".
    `allergies`: which of the conditions are some.
    `first_foreign`: the code in the vocabulary "observation.unit" of the first that an imperfection writes.
    `patients` is the table of patients, which has weights in some scenarios.
    `logged`: the tables of the log's rows that are made, by their kind.
    `imperfections`: the table of what was spoiled, None where there is none or it is not made.
    """

    vocabularies: Mapping[str, Vocabulary]
    first_level: NDArray[np.int32]
    first_seen: NDArray[np.int32]
    first_thing: NDArray[np.int32]
    first_foreign: np.int32
    patients: Table
    logged: Mapping[int, Table]
    imperfections: Table | None
    allergies: NDArray[np.bool_]

    @property
    def foreign(self) -> bool:
        """Whether an imperfection writes units."""
        return bool(len(self.vocabularies["observation.unit"].positions) - 1 > self.first_foreign)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables about patients that are made, in the order in which they are."""
        spoiled = () if self.imperfections is None else (self.imperfections,)
        return (self.patients, *self.logged.values(), *spoiled)


def foreign_units(scenario: Scenario) -> list[str]:
    """The units that an imperfection writes, in the order in which `aux` of an observation counts them."""
    return list(dict.fromkeys(i.unit for i in scenario.imperfections if i.unit is not None))


def names(scenario: Scenario, selection: Selection = EVERYTHING) -> Names:
    """The vocabularies of a scenario, in the order in which the log counts, and the tables selected."""
    found = {"sex": vocabulary(["female", "male"])}
    everything = named(scenario)
    for kind in ("condition", "observation", "drug", "procedure", "vaccine", "plan"):
        things = [thing for thing in everything if thing.kind == kind]
        first = [thing.codes[0] if thing.codes else None for thing in things]
        found[kind] = vocabulary(thing.name for thing in things)
        found[f"{kind}.system"] = vocabulary(code.system if code else None for code in first)
        found[f"{kind}.code"] = vocabulary(code.code if code else None for code in first)
    for column in ("", ".system", ".code"):
        found[f"allergy{column}"] = found[f"condition{column}"]  # they are counted together
    found["panel"] = vocabulary(thing.name for thing in everything if thing.kind == "panel")
    found["cause"] = vocabulary((t.name for t in everything if t.kind == "condition"), missing=OTHER)
    found["provider"] = vocabulary(provider.name for provider in scenario.providers)
    found["provider.class"] = vocabulary(provider.kind for provider in scenario.providers)
    found["outcome"] = vocabulary(OUTCOMES)
    found["dose"] = vocabulary(dose for drug in scenario.drugs for dose in drug.doses)
    found["discharge"] = vocabulary(discharges(scenario))

    axes = [axis for pathway in scenario.pathways for axis in pathway.axes]
    axis_names = bare([axis.name for axis in axes])
    states = [state for axis in axes for state in bare([state.name for state in axis.states])]
    found["axis"] = vocabulary(name for name, axis in zip(axis_names, axes, strict=True) for _ in axis.states)
    found["state"] = vocabulary(states)
    found["state entered"] = vocabulary(states, missing=DEAD)

    events = [event.name for pathway in scenario.pathways for event in pathway.events]
    found["event"] = vocabulary(bare(events))
    results: list[tuple[str, ...]] = [() for _ in scenario.biomarkers]
    results += [x.type.levels or YES_OR_NO for x in scenario.examinations]
    found["seen"] = vocabulary(result for some in results for result in some)

    levels = [variable.type.levels for variable in scenario.variables]
    found["variable"] = vocabulary(bare([variable.name for variable in scenario.variables]))
    found["level"] = vocabulary(level for some in levels for level in some)

    units = [thing.unit for thing in everything if thing.kind == "observation"]
    found["observation.unit"] = vocabulary([*units, *foreign_units(scenario)])
    found["table"] = vocabulary(table.name for _, table in sorted(LOGGED.items()))
    found["imperfection"] = vocabulary(imperfection.name for imperfection in scenario.imperfections)
    found["imperfection.kind"] = vocabulary(imperfection.kind for imperfection in scenario.imperfections)
    kinds = {row: [t.name for t in everything if t.kind == column] for row, column in _COLUMNS.items()}
    kinds |= {ENCOUNTER: [provider.name for provider in scenario.providers], DEATH: kinds[CONDITION]}
    found["thing"] = vocabulary((name for row in sorted(kinds) for name in kinds[row]), missing=OTHER)
    people = selection.of(patients(scenario))
    assert people is not None
    made = {kind: selection.of(table) for kind, table in logged(scenario).items()}
    return Names(
        found,
        _firsts(levels),
        _firsts([*results, ()]),
        np.cumsum([0, *(len(kinds[row]) for row in sorted(kinds))], dtype=np.int32)[:-1],
        np.int32(len(units)),
        people,
        {kind: table for kind, table in made.items() if table is not None},
        selection.of(IMPERFECTIONS) if scenario.imperfections else None,
        np.array([isinstance(condition, Allergy) for condition in scenario.conditions], np.bool_),
    )


def _firsts(words: Sequence[Sequence[str]]) -> NDArray[np.int32]:
    """Where the words of each thing start among those of all, -1 for one without."""
    starts = np.cumsum([0, *map(len, words)], dtype=np.int32)[:-1]
    return np.where(np.array([bool(some) for some in words], np.bool_), starts, -1).astype(np.int32)
