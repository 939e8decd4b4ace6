"""Where measures read lives: some patients at a time, of a run on the disk or still in memory.

A `Shard` is all rows of at most MOST patients, a column at a time. Whoever measures asks for the columns that
it needs, and for nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from sim.engine.log import NULL, Log, People
from sim.records.names import Names
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
    for paths in _parts(run):
        files = {table: _File(path) for table, path in paths.items()}
        ids = files["patients"].ids()
        for group in ids:
            for first in range(0, len(group), MOST):
                some = group[first : first + MOST]
                yield _OnDisk(run, files, int(some[0]), int(some[-1]))


def of_patients(run: Run, patients: range) -> Shard:
    """The shard of some patients of a run, at most MOST, all of one file of each table."""
    first, size = run.manifest["patients"]["first"], run.manifest["shard_size"]
    paths = _parts(run)[(patients.start - first) // size]
    return _OnDisk(run, {table: _File(path) for table, path in paths.items()}, patients[0], patients[-1])


def _parts(run: Run) -> list[dict[str, Path]]:
    """The files of a run's tables about patients, those of the same patients together, in order."""
    parts: dict[int, dict[str, Path]] = {}
    for file in run.manifest["files"]:
        table, _, name = file["path"].rpartition("/")
        if name.startswith("part-") and table != "codes":
            number = int(name.removeprefix("part-").removesuffix(".parquet"))
            parts.setdefault(number, {})[table] = run.folder / file["path"]
    return [paths for _, paths in sorted(parts.items())]


class _File:
    """A Parquet file, and which patients each of its row groups holds."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def file(self) -> parquet.ParquetFile:
        texts = [f.name for f in parquet.read_schema(self.path) if pa.types.is_string(f.type)]
        return parquet.ParquetFile(self.path, read_dictionary=texts)

    @cached_property
    def schema(self) -> pa.Schema:
        return self.file.schema_arrow

    @cached_property
    def bounds(self) -> list[tuple[int, int]]:
        at = self.schema.names.index("patient_id")
        groups = (self.file.metadata.row_group(i).column(at) for i in range(self.file.num_row_groups))
        return [(group.statistics.min, group.statistics.max) for group in groups]

    def ids(self) -> list[Integers]:
        """The patients in each row group."""
        groups = range(self.file.num_row_groups)
        return [self.file.read_row_group(i, ["patient_id"])[0].to_numpy() for i in groups]

    def rows(self, first: int, last: int, column: str) -> pa.ChunkedArray:
        """A column of the row groups that hold patients from `first` to `last`."""
        groups = [i for i, (low, high) in enumerate(self.bounds) if low <= last and high >= first]
        return self.file.read_row_groups(groups, [column], use_threads=False).column(0)


class _OnDisk(_Arrow):
    def __init__(self, run: Run, files: Mapping[str, _File], first: int, last: int) -> None:
        self._run = run
        self._files, self._first, self._last = files, first, last
        self._slices: dict[str, tuple[int, int]] = {}

    def column(self, table: str, column: str) -> pa.ChunkedArray | None:
        self._run.need(table, [column])
        file = self._files.get(table)
        if file is None or column not in file.schema.names:
            return None
        first, end = self._slice(table, file)
        return file.rows(self._first, self._last, column).slice(first, end - first)

    def _slice(self, table: str, file: _File) -> tuple[int, int]:
        if table not in self._slices:
            ids = file.rows(self._first, self._last, "patient_id").to_numpy()
            first, end = np.searchsorted(ids, (self._first, self._last + 1))
            self._slices[table] = int(first), int(end)
        return self._slices[table]
