"""Where measures read lives: some patients at a time, of a run on the disk or still in memory.

A `Shard` is all rows of at most MOST patients, a column at a time. Whoever measures asks for the columns that
it needs, and for nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.engine.log import NULL, Log, People
from sim.records.names import Names
from sim.records.reader import Reader
from sim.records.schema import CODES
from sim.records.tables import tables
from sim.runs.result import Run

MOST = 1 << 14  # patients at a time: what the keys of sim.measure.histories have room for

Integers = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Words:
    """A column of text: for each row the place of its text among `texts`, -1 for null."""

    places: NDArray[np.int32]
    texts: tuple[str, ...]


class Shard(Protocol):
    """The rows of some patients, in the order of the tables."""

    def numbers(self, table: str, column: str) -> Values:
        """A column of numbers or truth values; NaN for null. No rows where there is no such table."""

    def whole(self, table: str, column: str) -> Integers:
        """A column of whole numbers, of times in seconds or of dates in days since 1970-01-01; NULL for
        null.
        """

    def words(self, table: str, column: str) -> Words:
        """A column of text."""

    def has(self, table: str, column: str) -> bool:
        """Whether there is such a column."""


class _Arrow(ABC):
    """A shard of Arrow columns."""

    @abstractmethod
    def column(self, table: str, column: str) -> pa.Array | pa.ChunkedArray | None:
        """The column, or None where there is none."""

    def has(self, table: str, column: str) -> bool:
        return self.column(table, column) is not None

    def numbers(self, table: str, column: str) -> Values:
        found = self.column(table, column)
        if found is None:
            return np.empty(0)
        if pa.types.is_boolean(found.type):
            found = found.cast(pa.uint8())
        return found.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)

    def whole(self, table: str, column: str) -> Integers:
        found = self.column(table, column)
        if found is None:
            return np.empty(0, np.int64)
        if pa.types.is_date(found.type):
            found = found.cast(pa.int32())
        of_time = pa.types.is_timestamp(found.type)
        values = found.cast(pa.int64())
        known = None if not values.null_count else values.is_valid().to_numpy(zero_copy_only=False)
        filled = values if known is None else values.fill_null(0)
        numbers = filled.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
        if of_time:
            numbers = numbers // 1_000_000
        return numbers if known is None else np.where(known, numbers, NULL)

    def words(self, table: str, column: str) -> Words:
        found = self.column(table, column)
        if found is None:
            return Words(np.empty(0, np.int32), ())
        if isinstance(found, pa.ChunkedArray):
            found = found.unify_dictionaries().combine_chunks()
        places = found.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
        return Words(places, tuple(found.dictionary.to_pylist()))


class _InMemory(_Arrow):
    def __init__(self, columns: Mapping[str, pa.Table]) -> None:
        self._tables = columns

    def column(self, table: str, column: str) -> pa.ChunkedArray | None:
        found = self._tables.get(table)
        return None if found is None or column not in found.column_names else found.column(column)


def of_lives(names: Names, people: People, log: Log) -> Iterator[_InMemory]:
    """The shards of lives as a runtime returns them, recorded without imperfections."""
    for first in range(0, len(people.patient), MOST):
        columns: list[Any] = [column[first : first + MOST] for column in people]
        some = People(*columns)
        ends = some.patient[0], some.patient[-1] + 1
        rows = slice(*np.searchsorted(log.patient, ends))
        columns = [column[rows] for column in log]
        made = tables(names, some, Log(*columns))
        yield _InMemory({name: table for name, table, _ in made})


def of_tables(made: Mapping[str, pa.Table]) -> Shard:
    """The shard of tables, with the columns that a run has, of at most MOST patients; text is coded."""
    return _InMemory(made)


def of_run(run: Run) -> Iterator[Shard]:
    """The shards of a run, in order; each reads its files only as far as it is asked.

    A shard raises LeftOutError, in a sentence, where it is asked for what the run was made without.
    """
    files = Files(run)
    for first, end in pairwise(files.cuts()):
        yield files.shard(range(first, end))


class Files:
    """The files of a run's tables about patients, whose edges need not be the same patients."""

    def __init__(self, run: Run) -> None:
        self._run = run
        tables = [table for table in run.rows if table != CODES.name]
        self._parts = {table: [_Part(*part) for part in run.parts(table)] for table in tables}

    def cuts(self) -> Iterator[int]:
        """The first patients of shards that are as good to read as any, and where the last one ends.

        A shard is a row group of the largest table, so that it takes little room, but at most MOST patients.
        """
        largest = max(self._parts, key=lambda table: self._run.rows[table])
        before, end = self._run.patients.start, self._run.patients.stop
        yield before
        for part in self._parts[largest]:
            for first in (*(low for low, _ in part.reader.bounds), min(part.patients.stop, end)):
                yield from range(before + MOST, first, MOST)
                if first > before:
                    yield first
                before = max(before, first)
        yield from range(before + MOST, end, MOST)
        if before < end:
            yield end

    def shard(self, patients: range) -> Shard:
        """The shard of some patients, at most MOST. Those asked for must rise from one to the next."""
        for parts in self._parts.values():
            for part in parts:
                if part.patients.stop <= patients.start:
                    part.close()
        return _OnDisk(self._run, self._parts, patients)


class _Part:
    """A file and the patients that it is about; open from when it is needed until it is closed."""

    def __init__(self, patients: range, path: Path) -> None:
        self.patients, self._path = patients, path

    @cached_property
    def reader(self) -> Reader:
        return Reader(self._path)

    def close(self) -> None:
        self.__dict__.pop("reader", None)


class _OnDisk(_Arrow):
    def __init__(self, run: Run, parts: Mapping[str, Sequence[_Part]], patients: range) -> None:
        self._run = run
        self._parts, self._patients = parts, patients

    def column(self, table: str, column: str) -> pa.ChunkedArray | None:
        self._run.need(table, [column])
        first, end = self._patients.start, self._patients.stop
        parts = [p for p in self._parts.get(table, ()) if p.patients.start < end and p.patients.stop > first]
        if not parts or column not in parts[0].reader.schema.names:
            return None
        pieces = [part.reader.column(column, self._patients) for part in parts]
        chunks = [chunk for piece in pieces for chunk in piece.chunks]
        return pa.chunked_array(chunks, pieces[0].type)
