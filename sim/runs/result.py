"""A run that is on the disk: its manifest and its tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as parquet

from sim.records import manifest
from sim.records.schema import LOGGED, PATIENTS
from sim.records.selection import need
from sim.scenario.model import Scenario
from sim.scenario.stored import restored

if TYPE_CHECKING:
    import pandas

SCENARIO = "scenario/resolved.json.gz"  # the scenario that was run, see sim.scenario.stored


class Run:
    """The run in a folder, as made by `run` in this process or any other.

    Raises FileNotFoundError, in a sentence, if the folder holds none.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.manifest: dict[str, Any] = manifest.read(self.folder)

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario that was run, resolved. Raises ValueError, in a sentence, where it cannot be read."""
        try:
            return restored((self.folder / SCENARIO).read_bytes())
        except FileNotFoundError:
            message = f"{self.folder} does not hold the scenario that it was made from ({SCENARIO})"
            raise ValueError(message) from None

    @property
    def digest(self) -> str:
        """The digest of the whole content, 64 hexadecimal digits."""
        return str(self.manifest["digest"])

    @property
    def rows(self) -> dict[str, int]:
        """The number of rows of each table."""
        return dict(self.manifest["rows"])

    @property
    def observed_rows(self) -> int:
        """The number of rows of the patients' record: without `truth/` and `codes`."""
        observed = {table.name for table in (PATIENTS, *LOGGED.values()) if table.observed}
        return sum(rows for name, rows in self.rows.items() if name in observed)

    def table(self, name: str, columns: Sequence[str] | None = None) -> pandas.DataFrame:
        """A table, or some of its columns, as a pandas DataFrame. Raises KeyError if there is none such,
        and LeftOutError where the run was made without it.

        Identifiers are of pandas' type Int64, which is whole numbers even where some are missing.
        """
        import pandas

        return self.arrow(name, columns).to_pandas(types_mapper={pa.int64(): pandas.Int64Dtype()}.get)

    def arrow(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The same as an Arrow table."""
        return pa.concat_tables(
            parquet.read_table(path, columns=columns) for path in self._parts(name, columns)
        )

    def batches(self, name: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of a table, a piece at a time, so that a large one needs no room; text is coded.

        Raises KeyError if there is no such table.
        """
        for path in self._parts(name, columns):
            schema = parquet.read_schema(path)
            texts = [column for column in columns if pa.types.is_string(schema.field(column).type)]
            with parquet.ParquetFile(path, read_dictionary=texts) as file:
                yield from file.iter_batches(columns=list(columns))

    def need(self, table: str, columns: Sequence[str] | None = None) -> None:
        """Raises LeftOutError, in a sentence, where the run was made without the table or such a column."""
        for column in columns or (None,):
            need(self.manifest.get("left_out", ()), table, column)

    def _parts(self, name: str, columns: Sequence[str] | None) -> list[Path]:
        """The files of a table that is to have certain columns, in order."""
        self.need(name, columns)
        if name not in self.rows:
            raise KeyError(f"no table {name!r}; there are {', '.join(self.rows)}")
        paths = (file["path"] for file in self.manifest["files"])
        return [self.folder / path for path in paths if path.rpartition("/")[0] == name]

    def __repr__(self) -> str:
        count = self.manifest["patients"]["recorded"]
        return f"Run({str(self.folder)!r}): {count:,} patients, {self.observed_rows:,} rows of record"
