"""Shards of a run whose tables are cut into files and row groups at different patients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.engine.log import NULL
from sim.measure import shards
from sim.measure.shards import Files, of_run
from sim.runs import lives, parts
from sim.runs.execute import run
from sim.runs.result import Run
from sim.scenario.model import Scenario

Made = Callable[..., Run]


@pytest.fixture
def made(
    scenario: Scenario,
    stand_in: None,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Made:
    """`made(shard_size, large, rows)`: the same people, in files and row groups of other sizes."""
    monkeypatch.setattr(parts, "FEW", 0)
    monkeypatch.setattr(lives, "FIRST_BATCH", 7)

    def made(shard_size: int, large: int, rows: int) -> Run:
        monkeypatch.setattr(parts, "LARGE", large)
        monkeypatch.setattr(parts, "ROWS", rows)
        folder: Path = tmp_path_factory.mktemp("made") / "run"
        return run(scenario, patients=range(20, 80), out=folder, shard_size=shard_size, threads=1)

    return made


@settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # sets it anew
)
@given(st.integers(1, 70), st.integers(2000, 9000), st.integers(1, 500), st.integers(1, 30))
def test_shards_have_all_rows_once_whatever_the_files(
    made: Made, shard_size: int, large: int, rows: int, most: int
) -> None:
    found = made(shard_size, large, rows)
    cuts = list(Files(found).cuts())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "MOST", most)
        pieces = list(of_run(found))
        assert [pieces[0]._patients.start, pieces[-1]._patients.stop] == [20, 80]  # type: ignore[attr-defined]
        everything = {name: found.arrow(name) for name in found.rows if name != "codes"}
        for name, table in everything.items():
            columns = [(piece.whole(name, "patient_id"), piece._patients) for piece in of_run(found)]  # type: ignore[attr-defined]
            assert all(len(about) <= most for _, about in columns)
            assert all(np.isin(ids, about).all() for ids, about in columns)
            ids = np.concatenate([ids for ids, _ in columns])
            assert ids.tolist() == table["patient_id"].to_pylist()
        values = np.concatenate([piece.numbers("observations", "value") for piece in pieces])
        names = [
            words.texts[place] if place >= 0 else None
            for words in (piece.words("observations", "observation") for piece in of_run(found))
            for place in words.places
        ]
        ends = np.concatenate([piece.whole("medications", "end") for piece in of_run(found)])
    assert cuts == sorted(set(cuts))
    assert values.tolist() == everything["observations"]["value"].to_pylist()
    assert names == everything["observations"]["observation"].to_pylist()
    known = [None if end == NULL else end for end in ends.tolist()]
    expected = everything["medications"]["end"].cast("timestamp[s]").cast("int64").to_pylist()
    assert known == expected


def test_the_tables_files_need_not_be_about_the_same_patients(made: Made) -> None:
    """The premise of the test above: some tables are joined, others are not."""
    found = made(10, 3500, 100)
    tables = [name for name in found.rows if name != "codes"]
    assert {1, 6} <= {len(found.parts(name)) for name in tables}
