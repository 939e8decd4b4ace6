"""Files of a run."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from sim.records.writer import File, Part, write


def test_each_table_added_is_a_row_group_and_empty_ones_are_none() -> None:
    part = Part()
    for numbers in ([1, 2], [], [3]):
        part.add(pa.table({"patient_id": pa.array(numbers, pa.int64())}))
    file = parquet.ParquetFile(part.finish())
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [2, 1]
    assert file.read().column("patient_id").to_pylist() == [1, 2, 3]


def test_write_tells_what_is_on_the_disk(tmp_path: Path) -> None:
    written = write(tmp_path, "truth/states/part-000000.parquet", b"bytes")
    content = (tmp_path / "truth/states/part-000000.parquet").read_bytes()
    assert content == b"bytes"
    assert written == File("truth/states/part-000000.parquet", 5, hashlib.sha256(b"bytes").hexdigest())
    assert [path.name for path in tmp_path.rglob("*.*")] == ["part-000000.parquet"]


def test_a_file_that_did_not_reach_the_disk_is_not_there_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path, "patients/part-000000.parquet", b"bytes")
    assert not (tmp_path / "patients/part-000000.parquet").exists()
