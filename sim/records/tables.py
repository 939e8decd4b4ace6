"""From the engine's log of some patients to their tables, and the sums of the digest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.engine.log import (
    ALLERGY,
    CONDITION,
    DISCHARGES,
    ENCOUNTER,
    MEDICATION,
    NULL,
    OBSERVATION,
    PANELS,
    Log,
    People,
)
from sim.records import digest
from sim.records.arrays import coded_array, number_array, text_array, truth_array
from sim.records.imperfections import Touched
from sim.records.names import Names, named
from sim.records.schema import (
    CODES,
    DATE,
    NUMBER,
    TIME,
    TRUTH,
    Column,
    Table,
)
from sim.records.selection import EVERYTHING, Selection
from sim.records.split import by_kind
from sim.scenario.model import Allergy, Scenario

Values = NDArray[Any]
Field = Callable[[str], Values]  # the values of a source, one per row

# What the log does not hold as a field: how it follows from those that it does.
_DERIVED: dict[str, Callable[[Names, Field], Values]] = {
    "moved": lambda names, field: np.where(field("code") >= 0, field("code"), field("aux")),
    "cause": lambda names, field: field("value").astype(np.int32),
    "discharge": lambda names, field: (field("aux") + 1) // DISCHARGES - 1,
    "requested": lambda names, field: field("value").astype(np.int64),
    "number": lambda names, field: np.where(names.first_level[field("code")] < 0, field("value"), np.nan),
    "unit": lambda names, field: _units(names.first_foreign, field),
    "thing": lambda names, field: _things(names.first_thing[field("kind")], field),
    "measured": lambda names, field: np.where(names.first_seen[field("code")] < 0, field("value"), np.nan),
    "seen": lambda names, field: _levels(names.first_seen[field("code")], field("value")),
    "result": lambda names, field: np.where(_seen(names, field) < 0, _observed(field), np.nan),
    "panel": lambda names, field: (field("aux") + 1) // PANELS - 1,
    "measured with": lambda names, field: _of(OBSERVATION, field, (field("aux") + 1) // PANELS - 1),
    "result seen": lambda names, field: _levels(_seen(names, field), _observed(field)),
    "asked": lambda names, field: _asked(field("kind") == ENCOUNTER, field("value")),
    "reason": lambda names, field: _reasons(field("kind") == ENCOUNTER, field("aux")),
    "discharged": lambda names, field: _of(ENCOUNTER, field, (field("aux") + 1) // DISCHARGES - 1),
    "dosed": lambda names, field: _of(MEDICATION, field, field("aux")),
    "level": lambda names, field: _levels(names.first_level[field("code")], field("value")),
}


def tables(
    names: Names, people: People, log: Log, touched: Touched | None = None
) -> Iterator[tuple[str, pa.Table, digest.Sums]]:
    """Each table of `names` of some patients: its name, its rows in the log's order, its digest's sums.

    Text columns are dictionary arrays of strings. A column that may not be null is marked so, and writing it
    would fail if it were. The last is `truth/imperfections`, where it is told what was `touched`. The tables
    come one by one so that the memory of one serves the next.
    """
    yield names.patients.name, *_table(names.patients, names, _people(people))
    rows, starts = by_kind(_with_allergies(names, log))
    for kind, table in names.logged.items():
        yield table.name, *_table(table, names, _logged(names, rows, slice(starts[kind], starts[kind + 1])))
    if touched is not None and names.imperfections is not None:
        yield names.imperfections.name, *_table(names.imperfections, names, _spoiled(names, touched))


def _with_allergies(names: Names, log: Log) -> Log:
    """The log with rows of their own for those of the conditions that are allergies."""
    if not names.allergies.any():
        return log
    kind = log.kind.copy()
    conditions = np.flatnonzero(kind == CONDITION)
    kind[conditions[names.allergies[log.code[conditions]]]] = ALLERGY
    return log._replace(kind=kind)


def codes(scenario: Scenario, selection: Selection = EVERYTHING) -> pa.Table:
    """The table `codes`: a row for each code of each thing that has a name in the tables, at least one.

    Of its columns it has those selected.
    """
    everything = named(scenario)  # conditions come first
    allergies = {
        thing
        for thing, condition in zip(everything, scenario.conditions, strict=False)
        if isinstance(condition, Allergy)
    }
    rows = [
        (
            "allergy" if thing in allergies else thing.kind,
            thing.name,
            code.system if code else None,
            code.code if code else None,
            thing.display,
            thing.unit,
        )
        for thing in everything
        for code in thing.codes or (None,)
    ]
    columns = [text_array([row[i] for row in rows]) for i in range(len(CODES.columns))]
    everything_of_it = pa.Table.from_arrays(columns, schema=CODES.schema)
    table = selection.of(CODES) or CODES
    return everything_of_it.select([column.name for column in table.columns])


def _table(table: Table, names: Names, field: Field) -> tuple[pa.Table, digest.Sums]:
    keys = digest.row_keys(field("patient"), field("seq"))
    arrays, sums = [], {}
    for column in table.columns:
        values = _canonical(column, field(column.source))
        arrays.append(_array(names, column, values))
        if column.source not in ("patient", "seq"):
            sums[table.name, column.name] = _sum(names, column, keys, values)
    types = zip(table.columns, arrays, strict=True)
    schema = pa.schema([pa.field(column.name, array.type, column.nullable) for column, array in types])
    return pa.Table.from_arrays(arrays, schema=schema), sums


def _people(people: People) -> Field:
    def field(source: str) -> Values:
        if source == "seq":
            return np.zeros(len(people.patient), np.int32)
        values: Values = getattr(people, source)
        return values.astype(np.int32) if source == "sex" else np.ascontiguousarray(values)

    return field


def _logged(names: Names, log: Log, rows: slice) -> Field:
    @cache
    def field(source: str) -> Values:
        if source in _DERIVED:
            return _DERIVED[source](names, field)
        values: Values = getattr(log, source)[rows]
        return values.astype(np.int32) if source == "kind" else values

    return field


def _spoiled(names: Names, touched: Touched) -> Field:
    of_rows = _logged(names, touched.rows, slice(None))
    return lambda source: touched.imperfection if source == "imperfection" else of_rows(source)


def _observed(field: Field) -> Values:
    return np.where(field("kind") == OBSERVATION, field("value"), np.nan)


def _seen(names: Names, field: Field) -> Values:
    """The code of the first result of what is observed, -1 of numbers and where nothing is observed."""
    return names.first_seen[np.where(field("kind") == OBSERVATION, field("code"), -1)]


def _units(first_foreign: np.int32, field: Field) -> Values:
    unit = (field("aux") + 1) % PANELS - 1
    return np.where(unit >= 0, first_foreign + unit, field("code"))


def _things(first: Values, field: Field) -> Values:
    return np.where(field("code") < 0, np.int32(-1), first + field("code"))


def _asked(known: Values, value: Values) -> Values:
    return np.where(known, np.where(known, value, 0.0).astype(np.int64), NULL)


def _reasons(encounter: Values, aux: Values) -> Values:
    return np.where(encounter, (aux + 1) % DISCHARGES - 1, np.int32(-1)).astype(np.int32)


def _of(kind: int, field: Field, codes: Values) -> Values:
    """The codes in rows of a kind, -1 in others."""
    return np.where(field("kind") == kind, codes, np.int32(-1)).astype(np.int32)


def _levels(first: Values, value: Values) -> Values:
    return np.where(first < 0, -1, first + np.where(first < 0, 0, value).astype(np.int32)).astype(np.int32)


def _canonical(column: Column, values: Values) -> Values:
    """Days and seconds, in which the engine reckons, as the dates and microseconds that are stored."""
    if column.type == TIME:
        microseconds = values * 1_000_000
        if column.nullable:
            microseconds[values == NULL] = NULL
        return microseconds
    if column.type == DATE:
        return np.floor(values).astype(np.int32)
    return values


def _array(names: Names, column: Column, values: Values) -> pa.Array:
    if column.vocabulary:
        vocabulary = names.vocabularies[column.vocabulary]
        return coded_array(vocabulary.positions[values], vocabulary.texts)
    if column.type == TRUTH:
        return truth_array(values)
    if not column.nullable:
        return number_array(values, column.type)
    return number_array(values, column.type, ~np.isnan(values) if column.type == NUMBER else values != NULL)


def _sum(names: Names, column: Column, keys: digest.Keys, values: Values) -> int:
    if column.vocabulary:
        return digest.coded_column_sum(keys, names.vocabularies[column.vocabulary].words, values)
    if column.type == NUMBER:
        return digest.column_sum(keys, digest.float_words(values))
    return digest.column_sum(keys, values.astype(np.int64, copy=False).view(np.uint64))
