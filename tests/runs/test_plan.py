"""How a run is cut into shards, and where it lands."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.runs.plan import free_folder, plan, slug


@given(st.integers(0, 10**6), st.integers(1, 5000), st.integers(1, 700))
def test_shards_are_the_patients_in_order(first: int, count: int, size: int) -> None:
    shards = list(plan(range(first, first + count), size).shards())
    assert list(chain(*(shard.patients for shard in shards))) == list(range(first, first + count))
    assert [shard.index for shard in shards] == list(range(len(shards)))
    assert all(len(shard.patients) == size for shard in shards[:-1])


@pytest.mark.parametrize(("patients", "size"), [(1, 1000), (10_000, 1250), (10_001, 1251), (10**6, 16_000)])
def test_the_usual_shard_depends_on_the_patients_alone(patients: int, size: int) -> None:
    assert plan(patients).shard_size == size


@pytest.mark.parametrize("patients", [0, -1, range(5, 5), range(-1, 5), range(0, 10, 2)])
def test_patients_that_are_none_are_refused(patients: int | range) -> None:
    with pytest.raises(ValueError, match="patients must be"):
        plan(patients)


def test_a_shard_has_a_patient() -> None:
    with pytest.raises(ValueError, match="at least one patient"):
        plan(10, 0)


@pytest.mark.parametrize(
    ("name", "folder"), [("Diabetes, US 2000", "diabetes-us-2000"), ("Åse/../x", "åse-x"), ("..", "run")]
)
def test_a_name_makes_a_folder_that_cannot_lead_elsewhere(name: str, folder: str) -> None:
    assert slug(name) == folder


def test_the_next_folder_that_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert free_folder("A b") == Path("outputs/a-b")
    Path("outputs/a-b").mkdir(parents=True)
    Path("outputs/.a-b-2.partial-17").mkdir()
    assert free_folder("A b") == Path("outputs/a-b-3")
