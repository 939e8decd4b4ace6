"""Tables as Parquet files that every reader takes: plain types, nothing of Arrow in the file."""

from __future__ import annotations

import hashlib
import inspect
import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

COUNTED = ("patient_id", "seq")  # rise by little from row to row
AT_ONCE = 1 << 14  # rows of a column that are encoded at a time
PAGE = 1 << 17  # rows of a column that are compressed at a time, at most: as small pages a file is larger
STATISTICS = ("patient_id", "time", "start")  # by these a reader skips what it does not want


@dataclass(frozen=True, slots=True)
class File:
    """A file of a run: its path in the run's folder, its size and the SHA-256 hash of its bytes.

    Of a part of a table also the patients whose rows it holds: the `first` number and how many from there,
    counting those who have none.
    """

    path: str
    bytes: int
    sha256: str
    first: int | None = None
    count: int | None = None


class Part:
    """A Parquet file in the making, in memory. Each table added becomes a row group, unless it is empty.

    Zstandard at level 1; dictionaries for text and for results, which are rounded and so repeat; deltas for
    numbers that rise by little. Times and identifiers are left to Zstandard: as deltas they would take twice
    as long and as much room, since all that happens in an encounter repeats them. One thread.
    """

    def __init__(self) -> None:
        self._sink = pa.BufferOutputStream()
        self._writer: parquet.ParquetWriter | None = None

    def add(self, table: pa.Table) -> None:
        """Append the rows of a table; all tables must have the columns of the first."""
        if self._writer is None:
            self._writer = _writer(self._sink, table.schema)
        if table.num_rows:
            self._writer.write_table(table, row_group_size=table.num_rows)

    def finish(self) -> pa.Buffer:
        """The bytes of the file. Nothing can be added any more; at least one table must have been."""
        assert self._writer is not None
        self._writer.close()
        return self._sink.getvalue()


def _writer(sink: pa.NativeFile, schema: pa.Schema) -> parquet.ParquetWriter:
    coded = [f.name for f in schema if pa.types.is_dictionary(f.type) or pa.types.is_floating(f.type)]
    deltas = {name: "DELTA_BINARY_PACKED" for name in COUNTED if name in schema.names}
    # until there was this option a page had as many rows as one of a megabyte holds
    limited = "max_rows_per_page" in inspect.signature(parquet.write_table).parameters
    return parquet.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=coded,
        column_encoding=deltas or None,
        write_statistics=[name for name in STATISTICS if name in schema.names],
        store_schema=False,
        write_batch_size=AT_ONCE,
        **({"max_rows_per_page": PAGE} if limited else {}),
    )


def write(folder: Path, path: str, content: pa.Buffer | bytes) -> File:
    """Write a file under `folder`, whole or not at all: aside, to the disk, then renamed. Raises OSError."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.partial")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(target)
    return File(path, len(content), hashlib.sha256(content).hexdigest())
