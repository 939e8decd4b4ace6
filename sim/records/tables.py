"""From the engine's log of some patients to their tables, and the sums of the digest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

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
from sim.records.arrays import coded_array, number_array, positions_of, text_array, truth_array
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
from sim.records.split import by_kind, taken
from sim.scenario.model import Allergy, Scenario

Values = NDArray[Any]
Field = Callable[[str], Values]  # the values of a source, one per row


class Derived(NamedTuple):
    """How a source follows from those that it `reads`, which are fields of the log."""

    reads: tuple[str, ...]
    function: Callable[..., Values]  # of the names, and of what is read


_DERIVED = {  # what the log does not hold as a field
    "moved": Derived(("code", "aux"), lambda names, code, aux: _moved(code, aux)),
    "cause": Derived(("value",), lambda names, value: value.astype(np.int32)),
    "discharge": Derived(("aux",), lambda names, aux: (aux + 1) // DISCHARGES - 1),
    "requested": Derived(("value",), lambda names, value: value.astype(np.int64)),
    "number": Derived(
        ("code", "value"), lambda names, code, value: np.where(names.first_level[code] < 0, value, np.nan)
    ),
    "unit": Derived(("code", "aux"), lambda names, code, aux: _units(names.first_foreign, code, aux)),
    "thing": Derived(("kind", "code"), lambda names, kind, code: _things(names.first_thing[kind], code)),
    "measured": Derived(
        ("code", "value"), lambda names, code, value: np.where(names.first_seen[code] < 0, value, np.nan)
    ),
    "seen": Derived(("code", "value"), lambda names, code, value: _levels(names.first_seen[code], value)),
    "result": Derived(
        ("kind", "code", "value"),
        lambda names, kind, code, value: np.where(
            _seen(names, kind, code) < 0, _observed(kind, value), np.nan
        ),
    ),
    "panel": Derived(("aux",), lambda names, aux: (aux + 1) // PANELS - 1),
    "measured with": Derived(
        ("kind", "aux"), lambda names, kind, aux: _of(OBSERVATION, kind, (aux + 1) // PANELS - 1)
    ),
    "result seen": Derived(
        ("kind", "code", "value"),
        lambda names, kind, code, value: _levels(_seen(names, kind, code), _observed(kind, value)),
    ),
    "asked": Derived(("kind", "value"), lambda names, kind, value: _asked(kind == ENCOUNTER, value)),
    "reason": Derived(("aux",), lambda names, aux: (aux + 1) % DISCHARGES - 1),
    "given reason": Derived(("kind", "aux"), lambda names, kind, aux: _reasons(kind == ENCOUNTER, aux)),
    "discharged": Derived(
        ("kind", "aux"), lambda names, kind, aux: _of(ENCOUNTER, kind, (aux + 1) // DISCHARGES - 1)
    ),
    "dosed": Derived(("kind", "aux"), lambda names, kind, aux: _of(MEDICATION, kind, aux)),
    "level": Derived(("code", "value"), lambda names, code, value: _levels(names.first_level[code], value)),
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
    if names.logged:
        rows, starts = by_kind(_kinds(names, log))
        for kind, table in names.logged.items():
            of_table = _taken(table, names, log, rows[starts[kind] : starts[kind + 1]])
            yield table.name, *_table(table, names, _logged(names, of_table))
    if touched is not None and names.imperfections is not None:
        yield names.imperfections.name, *_table(names.imperfections, names, _spoiled(names, touched))


def _kinds(names: Names, log: Log) -> Values:
    """The kinds of the rows, with one of their own for those of the conditions that are allergies."""
    if not names.allergies.any():
        return log.kind
    kind = log.kind.copy()
    conditions = np.flatnonzero(kind == CONDITION)
    kind[conditions[names.allergies[log.code[conditions]]]] = ALLERGY
    return kind


def _taken(table: Table, names: Names, log: Log, rows: Values) -> Log:
    """Rows of a log, with the fields that a table is made of."""
    read: set[str] = set()
    for column in table.columns:
        if not _constant(names, column):
            source = _source(names, column)
            read.update(_DERIVED[source].reads if source in _DERIVED else (source,))
    return taken(log, rows, *(field in read for field in ("end", "aux", "encounter", "value")))


def _constant(names: Names, column: Column) -> bool:
    """Whether all rows have the same in a column, so that nothing need be looked at."""
    return bool(column.vocabulary) and names.vocabularies[column.vocabulary].constant


def _source(names: Names, column: Column) -> str:
    """The source of a column; a simpler one where the scenario has nothing that makes a difference."""
    match column.source:
        case "measured" if (names.first_seen < 0).all():
            return "value"
        case "number" if (names.first_level < 0).all():
            return "value"
        case "unit" if not names.foreign:
            return "code"
    return column.source


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
    constant = cache(partial(digest.constant_column_sum, keys))
    arrays, sums = [], {}
    for column in table.columns:
        if _constant(names, column):
            vocabulary = names.vocabularies[column.vocabulary]
            positions = np.full(len(keys.first), vocabulary.positions[0])
            arrays.append(coded_array(positions, vocabulary.texts))
            sums[table.name, column.name] = constant(vocabulary.words[0])
            continue
        values = _canonical(column, field(_source(names, column)))
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


def _logged(names: Names, log: Log) -> Field:
    def field(source: str) -> Values:
        if source in _DERIVED:
            reads, function = _DERIVED[source]
            return function(names, *(getattr(log, field) for field in reads))
        values: Values = getattr(log, source)
        return values.astype(np.int32) if source == "kind" else values

    return field


def _spoiled(names: Names, touched: Touched) -> Field:
    of_rows = _logged(names, touched.rows)
    return lambda source: touched.imperfection if source == "imperfection" else of_rows(source)


def _observed(kind: Values, value: Values) -> Values:
    return np.where(kind == OBSERVATION, value, np.nan)


def _seen(names: Names, kind: Values, code: Values) -> Values:
    """The code of the first result of what is observed, -1 of numbers and where nothing is observed."""
    return names.first_seen[np.where(kind == OBSERVATION, code, -1)]


def _moved(code: Values, aux: Values) -> Values:
    return np.where(code >= 0, code, aux)


def _units(first_foreign: np.int32, code: Values, aux: Values) -> Values:
    unit = (aux + 1) % PANELS - 1
    return np.where(unit >= 0, first_foreign + unit, code)


def _things(first: Values, code: Values) -> Values:
    return np.where(code < 0, np.int32(-1), first + code)


def _asked(known: Values, value: Values) -> Values:
    return np.where(known, np.where(known, value, 0.0).astype(np.int64), NULL)


def _reasons(encounter: Values, aux: Values) -> Values:
    return np.where(encounter, (aux + 1) % DISCHARGES - 1, np.int32(-1)).astype(np.int32)


def _of(wanted: int, kind: Values, codes: Values) -> Values:
    """The codes in rows of a kind, -1 in others."""
    return np.where(kind == wanted, codes, np.int32(-1)).astype(np.int32)


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
        return coded_array(positions_of(values, vocabulary.positions), vocabulary.texts)
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
