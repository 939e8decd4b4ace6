"""A table's Parquet file, read no further than the patients and columns that are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as parquet


class Reader:
    """A file whose rows are sorted by patient, each patient's in one row group; text is coded.

    Of each column the row group read last is kept: whoever goes through the patients in order, a few at a
    time, has every row group decoded once, wherever it begins and ends.
    """

    def __init__(self, source: Path | BinaryIO) -> None:
        plain = parquet.ParquetFile(source)
        self.schema: pa.Schema = plain.schema_arrow
        texts = [field.name for field in self.schema if pa.types.is_string(field.type)]
        self._file = parquet.ParquetFile(source, metadata=plain.metadata, read_dictionary=texts)
        at = self.schema.names.index("patient_id")
        groups = (plain.metadata.row_group(i).column(at).statistics for i in range(plain.num_row_groups))
        self.bounds: list[tuple[int, int]] = [(group.min, group.max) for group in groups]
        self._last: dict[str, tuple[int, pa.ChunkedArray]] = {}
        self._found: tuple[range, list[int], int, int] = range(0), [], 0, 0

    def column(self, name: str, patients: range) -> pa.ChunkedArray:
        """A column's values in the rows of some patients."""
        groups, first, count = self._rows(patients)
        return self._column(name, groups).slice(first, count)

    def rows(self, patients: range) -> pa.Table:
        """The rows of some patients, text as such."""
        columns = [
            self.column(name, patients).cast(self.schema.field(name).type) for name in self.schema.names
        ]
        return pa.Table.from_arrays(columns, schema=self.schema)

    def _rows(self, patients: range) -> tuple[list[int], int, int]:
        """The row groups that may hold the patients, the place of their first row in these, and how many."""
        asked, groups, first, count = self._found
        if asked != patients:
            held = enumerate(self.bounds)
            groups = [i for i, (low, high) in held if low < patients.stop and high >= patients.start]
            ids = self._column("patient_id", groups).to_numpy()
            first, end = (int(place) for place in ids.searchsorted((patients.start, patients.stop)))
            count = end - first
            self._found = patients, groups, first, count
        return groups, first, count

    def _column(self, name: str, groups: list[int]) -> pa.ChunkedArray:
        pieces = [self._group(name, group) for group in groups]
        if not pieces:
            return self._file.read_row_groups([], [name]).column(0)
        return pa.chunked_array([chunk for piece in pieces for chunk in piece.chunks], pieces[0].type)

    def _group(self, name: str, group: int) -> pa.ChunkedArray:
        last, values = self._last.get(name, (-1, None))
        if last != group:
            values = self._file.read_row_group(group, [name], use_threads=False).column(0)
            self._last[name] = group, values
        return values
