"""A run that is on the disk: its manifest and its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as parquet

from sim.records import manifest
from sim.records.reader import Reader
from sim.records.schema import CODES, LOGGED, PATIENTS
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
        return _frame(self.arrow(name, columns))

    def arrow(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The same as an Arrow table."""
        return pa.concat_tables(
            parquet.read_table(path, columns=columns) for _, path in self.parts(name, columns)
        )

    def patient(self, number: int) -> dict[str, pandas.DataFrame]:
        """All rows of one patient, by table; only the row groups that hold the patient are read.

        The tables are empty of a number that is not in the record, since whoever it was died before or came
        after. Raises KeyError for one that is not of this run.
        """
        held = self.patients
        if number not in held:
            raise KeyError(f"no patient {number}; there are {held.start} to {held.stop - 1}")
        found = {}
        for name in self.rows:
            if name != CODES.name:
                readers = [Reader(path) for patients, path in self.parts(name) if number in patients]
                some = range(number, number + 1)
                found[name] = _frame(pa.concat_tables(reader.rows(some) for reader in readers))
        return found

    @property
    def patients(self) -> range:
        """The numbers of the patients, also of those who are not in the record."""
        first, count = (self.manifest["patients"][key] for key in ("first", "count"))
        return range(first, first + count)

    def batches(self, name: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of a table, a piece at a time, so that a large one needs no room; text is coded.

        Raises KeyError if there is no such table.
        """
        for _, path in self.parts(name, columns):
            schema = parquet.read_schema(path)
            texts = [column for column in columns if pa.types.is_string(schema.field(column).type)]
            with parquet.ParquetFile(path, read_dictionary=texts) as file:
                yield from file.iter_batches(columns=list(columns))

    def need(self, table: str, columns: Sequence[str] | None = None) -> None:
        """Raises LeftOutError, in a sentence, where the run was made without the table or such a column."""
        for column in columns or (None,):
            need(self.manifest.get("left_out", ()), table, column)

    def parts(self, name: str, columns: Sequence[str] | None = None) -> list[tuple[range, Path]]:
        """The files of a table that is to have certain columns, in order, and the numbers of the patients
        that each is about.

        Of runs that did not write these down, and in `codes`, that is everybody. Raises KeyError if there is
        no such table, and LeftOutError where the run was made without it or such a column.
        """
        self.need(name, columns)
        if name not in self.rows:
            raise KeyError(f"no table {name!r}; there are {', '.join(self.rows)}")
        files = (file for file in self.manifest["files"] if file["path"].rpartition("/")[0] == name)
        return [(_about(file), self.folder / file["path"]) for file in files]

    def __repr__(self) -> str:
        count = self.manifest["patients"]["recorded"]
        return f"Run({str(self.folder)!r}): {count:,} patients, {self.observed_rows:,} rows of record"


def _frame(table: pa.Table) -> pandas.DataFrame:
    import pandas

    return table.to_pandas(types_mapper={pa.int64(): pandas.Int64Dtype()}.get)


def _about(file: Mapping[str, Any]) -> range:
    first, count = file.get("first"), file.get("count")
    return range(2**63) if first is None or count is None else range(first, first + count)
