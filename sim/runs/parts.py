"""Parts of a sensible size whatever the size of a shard: small files of neighbouring shards put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as parquet

from sim.records.writer import File, Part

FEW = 8  # so many files of a table are no burden, and a small run should not wait
LARGE = 12 << 20  # bytes: what is as large stays as it is, since writing the largest tables twice is dear
ENOUGH = 64 << 20  # bytes: when files together have so many, the next begins another part
ROWS = 1 << 17  # of a row group, at least: fewer are put together with the next


class Files(Protocol):
    """Where the files are."""

    def write(self, path: str, content: pa.Buffer | bytes) -> File: ...

    def open(self, path: str) -> BinaryIO: ...


def part_path(table: str, first: int, last: int | None = None) -> str:
    """The path of a shard's part of a table, or of that of the shards from `first` to `last`."""
    return f"{table}/part-{first:06}{'' if last is None else f'-{last:06}'}.parquet"


def join(store: Files, files: Iterable[File]) -> list[File]:
    """What shall stand in place of the parts of neighbouring shards: `files`, with small ones put together,
    except in tables that have but FEW.

    The new files are written, the old ones still there: once the new ones are recorded, those that are not
    among them can go. Which are put together follows from their sizes alone, and a new file's bytes from the
    old ones', so that doing it twice does no harm. `files` are in the order of shards; one part and a row
    group are in memory at a time.
    """
    tables: dict[str, list[File]] = {}
    for file in files:
        tables.setdefault(str(PurePosixPath(file.path).parent), []).append(file)
    return [
        some[0] if len(some) == 1 else _joined(store, table, some)
        for table, parts in tables.items()
        for some in (_together(parts) if len(parts) > FEW else [[part] for part in parts])
    ]


def _together(parts: Sequence[File]) -> Iterator[list[File]]:
    some: list[File] = []
    for file in parts:
        if some and (file.bytes >= LARGE or sum(one.bytes for one in some) >= ENOUGH):
            yield some
            some = []
        some.append(file)
        if file.bytes >= LARGE:
            yield some
            some = []
    if some:
        yield some


def _joined(store: Files, table: str, files: Sequence[File]) -> File:
    part = Part()
    for rows in _coalesced(group for file in files for group in _row_groups(store, file.path)):
        part.add(rows)
    numbers = [int(number) for file in files for number in PurePosixPath(file.path).stem.split("-")[1:]]
    made = store.write(part_path(table, numbers[0], numbers[-1]), part.finish())
    first, last = files[0], files[-1]
    if first.first is None or last.first is None or last.count is None:
        return made
    return replace(made, first=first.first, count=last.first + last.count - first.first)


def _row_groups(store: Files, path: str) -> Iterator[pa.Table]:
    """The row groups of a file, text coded; of one without rows an empty table."""
    with store.open(path) as source:
        plain = parquet.ParquetFile(source)
        texts = [field.name for field in plain.schema_arrow if pa.types.is_string(field.type)]
        file = parquet.ParquetFile(source, metadata=plain.metadata, read_dictionary=texts)
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, use_threads=False)
        if not file.num_row_groups:
            yield file.read_row_groups([])


def _coalesced(groups: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Row groups of at least ROWS rows, but the last."""
    some: list[pa.Table] = []
    rows = 0
    for group in groups:
        some.append(group)
        rows += group.num_rows
        if rows >= ROWS:
            yield _concatenated(some)
            some, rows = [], 0
    if some:
        yield _concatenated(some)


def _concatenated(tables: list[pa.Table]) -> pa.Table:
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables).unify_dictionaries()
