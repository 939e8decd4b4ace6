"""A run that is on the disk: its manifest and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as parquet

from sim.records import manifest
from sim.records.schema import TABLES

if TYPE_CHECKING:
    import pandas


class Run:
    """The run in a folder, as made by `run` in this process or any other.

    Raises FileNotFoundError, in a sentence, if the folder holds none.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.manifest: dict[str, Any] = manifest.read(self.folder)

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
        return sum(self.rows[table.name] for table in TABLES if table.observed)

    def table(self, name: str, columns: Sequence[str] | None = None) -> pandas.DataFrame:
        """A table, or some of its columns, as a pandas DataFrame. Raises KeyError if there is none such.

        Identifiers are of pandas' type Int64, which is whole numbers even where some are missing.
        """
        import pandas

        return self.arrow(name, columns).to_pandas(types_mapper={pa.int64(): pandas.Int64Dtype()}.get)

    def arrow(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The same as an Arrow table."""
        if name not in self.rows:
            raise KeyError(f"no table {name!r}; there are {', '.join(self.rows)}")
        paths = [file["path"] for file in self.manifest["files"] if file["path"].rpartition("/")[0] == name]
        return pa.concat_tables(parquet.read_table(self.folder / path, columns=columns) for path in paths)

    def __repr__(self) -> str:
        count = self.manifest["patients"]["recorded"]
        return f"Run({str(self.folder)!r}): {count:,} patients, {self.observed_rows:,} rows of record"
