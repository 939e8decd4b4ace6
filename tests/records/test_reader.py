"""A table's file, read no further than what is asked for."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sim.records.reader import Reader
from sim.records.writer import Part

SCHEMA = pa.schema(
    [
        pa.field("patient_id", pa.int64(), nullable=False),
        pa.field("seq", pa.int32(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("value", pa.float64()),
    ]
)
ROWS = st.lists(  # how many rows each patient has, in row groups
    st.lists(st.integers(0, 3), min_size=1, max_size=5), max_size=5
)


class Counting(io.BytesIO):
    """A file that counts the bytes read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self.count += len(found)
        return found


def file_of(groups: list[list[int]], width: int = 1) -> tuple[bytes, list[dict[str, Any]]]:
    """The bytes of a file, and all its rows; patients are 10, 11, ..."""
    part, patient, rows = Part(), 10, []
    part.add(SCHEMA.empty_table())
    for group in groups:
        some = []
        for count in group:
            for seq in range(count):
                name = None if seq == 2 else f"{patient % 2}" * width
                some.append({"patient_id": patient, "seq": seq, "name": name, "value": patient + seq / 3})
            patient += 1
        part.add(pa.Table.from_pylist(some, SCHEMA))
        rows += some
    return part.finish().to_pybytes(), rows


@given(ROWS, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=5))
def test_the_rows_of_any_patients_are_found_in_any_order(
    groups: list[list[int]], asked: list[tuple[int, int]]
) -> None:
    content, rows = file_of(groups)
    reader = Reader(io.BytesIO(content))
    for first, end in asked:
        expected = [row for row in rows if first <= row["patient_id"] < end]
        assert reader.rows(range(first, end)).to_pylist() == expected
        assert reader.column("value", range(first, end)).to_pylist() == [row["value"] for row in expected]


def test_no_more_is_read_than_the_row_groups_that_hold_the_patients() -> None:
    content, _ = file_of([[3] * 1000 for _ in range(40)])
    source = Counting(content)
    reader = Reader(source)
    footer = source.count
    assert reader.rows(range(20_500, 20_501)).num_rows == 3
    assert 0 < source.count - footer < 2 * len(content) / 40
    before = source.count
    assert reader.rows(range(20_600, 20_700)).num_rows == 300
    assert source.count == before  # the same row group again
