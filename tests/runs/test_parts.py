"""Small files of neighbouring shards put together."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.records.reader import Reader
from sim.records.writer import File, Part
from sim.runs import parts
from sim.runs.parts import join, part_path

SCHEMA = pa.schema(
    [
        pa.field("patient_id", pa.int64(), nullable=False),
        pa.field("seq", pa.int32(), nullable=False),
        pa.field("name", pa.string()),
    ]
)
SHARDS = st.lists(  # how many rows each patient has, by row group, by shard
    st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), max_size=3), min_size=1, max_size=8
)
FIRST = 7  # patient


class InMemory:
    """Files by path."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def write(self, path: str, content: pa.Buffer | bytes) -> File:
        self.files[path] = bytes(content)
        return File(path, len(self.files[path]), hashlib.sha256(content).hexdigest())

    def open(self, path: str) -> io.BytesIO:
        return io.BytesIO(self.files[path])

    def rows(self, file: File) -> pa.Table:
        return parquet.read_table(self.open(file.path))


def written(store: InMemory, table: str, shards: list[list[list[int]]], first: int = FIRST) -> list[File]:
    """The files of a table, each of whose shards has a vocabulary of its own."""
    files, patient = [], first
    for number, groups in enumerate(shards):
        part, start = Part(), patient
        part.add(coded([], number))
        for group in groups:
            rows = [(patient + i, seq) for i, count in enumerate(group) for seq in range(count)]
            part.add(coded(rows, number))
            patient += len(group)
        patient += 2  # who have no rows
        file = store.write(part_path(table, number), part.finish())
        files.append(replace(file, first=start, count=patient - start))
    return files


def coded(rows: list[tuple[int, int]], number: int) -> pa.Table:
    names = [None if seq == 3 else f"{number} {seq}" for _, seq in rows]
    columns = [
        pa.array([patient for patient, _ in rows], pa.int64()),
        pa.array([seq for _, seq in rows], pa.int32()),
        pa.array(names, pa.string()).dictionary_encode(),
    ]
    schema = SCHEMA.set(2, pa.field("name", columns[2].type))
    return pa.Table.from_arrays(columns, schema=schema)


@settings(deadline=None)
@given(SHARDS, st.integers(0, 3), st.integers(500, 3000), st.integers(500, 6000), st.integers(1, 40))
def test_joined_files_say_the_same_for_any_shards(
    shards: list[list[list[int]]], few: int, large: int, enough: int, rows: int
) -> None:
    store = InMemory()
    files = [*written(store, "truth/states", shards), *written(store, "deaths", shards[::-1])]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("FEW", few), ("LARGE", large), ("ENOUGH", enough), ("ROWS", rows)):
            patch.setattr(parts, name, value)
        made = join(store, files)
        everything = dict(store.files)
        assert join(store, files) == made
        assert store.files == everything  # once more is the same
    for table in ("truth/states", "deaths"):
        before, after = ([f for f in some if f.path.startswith(f"{table}/")] for some in (files, made))
        assert pa.concat_tables(map(store.rows, after)) == pa.concat_tables(map(store.rows, before))
        about = [(f.first, f.first + f.count) for f in after if f.first is not None and f.count is not None]
        assert [first for first, _ in about] == [FIRST, *(end for _, end in about[:-1])]
        assert about[-1][1] == before[-1].first + before[-1].count  # type: ignore[operator]
        assert after == before or len(before) > few
        assert [f for f in after if f.bytes >= large and f in before] == [
            f for f in before if f.bytes >= large
        ]
        for file, (first, end) in zip(after, about, strict=True):
            content = parquet.ParquetFile(store.open(file.path))
            assert content.schema_arrow == SCHEMA
            groups = [content.metadata.row_group(i).num_rows for i in range(content.num_row_groups)]
            assert file in before or all(count >= rows for count in groups[:-1])
            bounds = Reader(store.open(file.path)).bounds
            edges = [first - 1, *(number for bound in bounds for number in bound), end]
            assert edges == sorted(edges)
            assert all(a < b for a, b in zip(edges[::2], edges[1::2], strict=True))  # nobody in two groups


def test_neighbours_are_put_together_until_it_is_enough() -> None:
    def sized(*sizes: int) -> list[list[int]]:
        files = [File(part_path("deaths", number), size << 20, "") for number, size in enumerate(sizes)]
        return [[file.bytes >> 20 for file in some] for some in parts._together(files)]

    assert sized(*[10] * 9) == [[10] * 7, [10] * 2]
    assert sized(1, 2, 12, 3, 11, 200, 4) == [[1, 2], [12], [3, 11], [200], [4]]


def test_a_joined_file_is_named_after_its_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "FEW", 0)
    store = InMemory()
    files = written(store, "deaths", [[[1]]] * 3)
    once = join(store, files)
    more = [replace(f, path=f.path.replace("part-00000", "part-00001")) for f in files]
    store.files |= {new.path: store.files[old.path] for old, new in zip(files, more, strict=True)}
    assert [file.path for file in once] == ["deaths/part-000000-000002.parquet"]
    assert [file.path for file in join(store, [*once, *more])] == ["deaths/part-000000-000012.parquet"]
    assert join(store, once) == once


def test_a_file_alone_and_a_few_of_a_table_stay() -> None:
    store = InMemory()
    codes = store.write("codes/part-000000.parquet", b"not even read")
    files = written(store, "deaths", [[[1]]] * 8)
    assert join(store, [codes, *files]) == [codes, *files]
    files = written(store, "deaths", [[[1]]] * 9)
    assert [file.path for file in join(store, [codes, *files])][1:] == ["deaths/part-000000-000008.parquet"]
