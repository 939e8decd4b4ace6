"""Runs, with random lives in place of the engine's."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet
import pytest

from sim import engine
from sim.engine.log import Log, People
from sim.records.schema import TABLES
from sim.runs import execute, lives
from sim.runs.execute import run
from sim.runs.output import OutputError
from sim.runs.parts import FEW
from sim.runs.result import Run
from sim.scenario import Diagnostic, ScenarioError
from sim.scenario.model import Scenario, Span

pytestmark = pytest.mark.usefixtures("stand_in")

SPAN = Span("scenario.yaml", 1, 1)
Simulate = Callable[[object, range, int], tuple[People, Log]]


def content(made: Run) -> dict[str, list[dict[str, Any]]]:
    return {table.name: made.arrow(table.name).to_pylist() for table in TABLES}


@pytest.fixture
def whole(scenario: Scenario, tmp_path: Path) -> Run:
    return run(scenario, patients=250, seed=5, out=tmp_path / "whole", threads=1)


@pytest.mark.parametrize(("shard_size", "threads"), [(1000, 2), (100, 1), (77, 2), (1, 3), (249, 4)])
def test_shards_and_threads_change_neither_rows_nor_digest(
    scenario: Scenario, tmp_path: Path, whole: Run, shard_size: int, threads: int
) -> None:
    other = run(
        scenario, patients=250, seed=5, out=tmp_path / "other", threads=threads, shard_size=shard_size
    )
    assert other.digest == whole.digest
    assert other.manifest["sums"] == whole.manifest["sums"]
    assert content(other) == content(whole)
    shards = -(-250 // shard_size)
    assert len(list((other.folder / "deaths").iterdir())) == (shards if shards <= FEW else 1)


@pytest.mark.parametrize("rows", [1, 300])
def test_batches_change_neither_rows_nor_digest(
    scenario: Scenario, tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(lives, "FIRST_BATCH", 10)
    monkeypatch.setattr(lives, "BATCH_ROWS", rows)
    other = run(scenario, patients=250, seed=5, out=tmp_path / "other", threads=2)
    part = parquet.ParquetFile(other.folder / "observations/part-000000.parquet")
    assert part.num_row_groups > 5
    assert other.digest == whole.digest
    assert content(other) == content(whole)


def test_the_same_run_makes_the_same_bytes(scenario: Scenario, tmp_path: Path, whole: Run) -> None:
    again = run(scenario, patients=250, seed=5, out=tmp_path / "again", threads=4)
    assert again.manifest["files"] == whole.manifest["files"]


def test_another_seed_is_another_digest(scenario: Scenario, tmp_path: Path, whole: Run) -> None:
    assert run(scenario, patients=250, seed=6, out=tmp_path / "other").digest != whole.digest


def test_some_patients_alone_have_the_rows_that_they_have_among_others(
    scenario: Scenario, tmp_path: Path, whole: Run
) -> None:
    alone = run(scenario, patients=range(50, 130), seed=5, out=tmp_path / "alone")
    assert (alone.manifest["patients"]["first"], alone.manifest["patients"]["count"]) == (50, 80)
    for table in TABLES:
        if table.name == "codes":
            continue
        everyone = whole.arrow(table.name)
        among = compute.and_(
            compute.greater_equal(everyone["patient_id"], 50), compute.less(everyone["patient_id"], 130)
        )
        assert alone.arrow(table.name).equals(everyone.filter(among).combine_chunks()), table.name


def test_rows_are_sorted_by_patient_and_seq(scenario: Scenario, tmp_path: Path) -> None:
    made = run(scenario, patients=250, out=tmp_path / "run", shard_size=60, threads=3)
    for table in TABLES:
        rows = made.arrow(table.name)
        if "seq" in rows.schema.names:
            order = list(zip(rows["patient_id"].to_pylist(), rows["seq"].to_pylist(), strict=True))
            assert order == sorted(set(order))


def test_the_manifest_tells_what_is_on_the_disk(
    scenario: Scenario, simulate: Simulate, tmp_path: Path
) -> None:
    made = run(scenario, seed=3, out=tmp_path / "run", shard_size=10)
    people, _ = simulate(None, range(25), 3)
    manifest = made.manifest
    on_disk = sorted(
        path for path in made.folder.rglob("*") if path.is_file() and path.name != "manifest.json"
    )
    assert sorted(file["path"] for file in manifest["files"]) == [
        str(path.relative_to(made.folder)) for path in on_disk
    ]
    for file in manifest["files"]:
        written = (made.folder / file["path"]).read_bytes()
        assert file["bytes"] == len(written)
        assert file["sha256"] == hashlib.sha256(written).hexdigest()
    for table in TABLES:
        parts = sorted((made.folder / table.name).glob("*.parquet"))
        assert manifest["rows"][table.name] == sum(parquet.read_metadata(part).num_rows for part in parts)
        assert len(parts) == (1 if table.name == "codes" else 3)
    assert manifest["patients"] == {
        "first": 0,
        "count": 25,
        "recorded": len(people.patient),
        "redrawn": int((people.attempts == 2).sum()),
        "lives": int(people.attempts.sum()),
        "acceptance": None,
    }
    assert manifest["window"] == ["2000-01-01", "2020-01-01"]
    assert manifest["providers"] == {
        "clinic": {"class": "ambulatory", "hours": []},
        "hospital": {"class": "inpatient", "hours": []},
    }
    assert manifest["scenario"]["parameters"] == {
        "files": {},
        "set": {},
        "values": {"sugar.onset": 0.01},
    }
    assert (manifest["seed"], manifest["program"], manifest["shard_size"]) == (3, "ab" * 32, 10)
    assert manifest["versions"]["pyarrow"] == pa.__version__
    assert manifest["seconds"]["cpu"] > 0


def test_parameters_reach_the_loader(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warning = Diagnostic("odd", "odd", SPAN, severity="warning")
    seen: list[object] = []

    def check(path: str, parameters: dict[str, str]) -> tuple[Scenario, tuple[Diagnostic, ...]]:
        seen.append((path, parameters))
        return scenario, (warning,)

    monkeypatch.setattr(execute, "check", check)
    run("folder", out=tmp_path / "run", parameters={"onset": "2 per year"}, warn=seen.append)
    assert seen == [("folder", {"onset": "2 per year"}), (warning,)]
    with pytest.raises(ValueError, match="when a scenario is loaded"):
        run(scenario, out=tmp_path / "other", parameters={"onset": "2 per year"})


def test_a_scenario_with_errors_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "check", lambda *_: (None, (Diagnostic("odd", "odd", SPAN),)))
    with pytest.raises(ScenarioError, match="odd"):
        run("folder", out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_runs_land_under_outputs_each_in_a_folder_of_its_own(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert [str(run(scenario).folder) for _ in range(3)] == [
        "outputs/sugar-lungs",
        "outputs/sugar-lungs-2",
        "outputs/sugar-lungs-3",
    ]


def test_a_run_is_opened_again_and_read_as_pandas(whole: Run) -> None:
    again = Run(str(whole.folder))
    assert again.digest == whole.digest
    frame = again.table("observations", columns=["patient_id", "value"])
    assert list(frame.columns) == ["patient_id", "value"]
    assert len(frame) == again.rows["observations"] > 0
    assert str(again.table("encounters")["start"].dtype) == "datetime64[us]"
    conditions = again.table("conditions")
    assert conditions["encounter_id"].isna().any(), "some lie outside encounters"
    known = [row["encounter_id"] for row in content(again)["conditions"] if row["encounter_id"]]
    assert conditions["encounter_id"].dropna().tolist() == known
    assert again.observed_rows == sum(
        again.rows[name]
        for name in [
            "patients",
            "encounters",
            "appointments",
            "conditions",
            "observations",
            "medications",
            "procedures",
            "deaths",
        ]
    )
    with pytest.raises(KeyError, match="no table 'visits'; there are patients, encounters"):
        again.table("visits")


def test_a_folder_without_a_run_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no run"):
        Run(tmp_path)


def test_progress_comes_from_the_caller_s_thread_and_ends_with_all(
    scenario: Scenario, tmp_path: Path
) -> None:
    calls: list[tuple[int, int]] = []
    threads = set()

    def progress(done: int, total: int) -> None:
        calls.append((done, total))
        threads.add(threading.current_thread())

    run(scenario, patients=90, out=tmp_path / "run", shard_size=10, threads=3, progress=progress)
    assert calls == sorted(calls)
    assert calls[-1] == (90, 90)
    assert threads == {threading.current_thread()}


@pytest.mark.parametrize("fault", [ArithmeticError, MemoryError, KeyboardInterrupt])
def test_a_fault_in_a_shard_leaves_nothing(
    scenario: Scenario,
    simulate: Simulate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: type[BaseException],
) -> None:
    lived = []

    def faulty(program: object, patients: range, seed: int) -> tuple[People, Log]:
        if 400 in patients:
            raise fault("patient 400")
        lived.append(patients)
        return simulate(program, patients, seed)

    monkeypatch.setattr(engine, "simulate", faulty)
    with pytest.raises(fault, match="patient 400"):
        run(scenario, patients=100_000, out=tmp_path / "a/run", threads=2, shard_size=10)
    assert list(tmp_path.iterdir()) == []
    assert sum(map(len, lived)) < 50_000, "the rest is not simulated"


def test_ctrl_c_amid_a_shard_ends_it_and_leaves_nothing(
    scenario: Scenario, simulate: Simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived = []

    def live(program: object, patients: range, seed: int) -> tuple[People, Log]:
        lived.append(patients)
        return simulate(program, patients, seed)

    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    monkeypatch.setattr(engine, "simulate", live)
    monkeypatch.setattr(lives, "FIRST_BATCH", 10)
    monkeypatch.setattr(lives, "BATCH_ROWS", 150)
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        run(scenario, patients=20_000, out=tmp_path / "run", threads=2, shard_size=10_000, progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == before
    assert sum(map(len, lived)) < 10_000


def test_a_disk_that_fills_up_leaves_nothing(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0

    def fill(handle: int) -> None:
        nonlocal written
        written += 1
        if written > 15:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fill)
    with pytest.raises(OutputError, match=r"no space is left on the disk of .*run; nothing was kept"):
        run(scenario, patients=500, out=tmp_path / "run", shard_size=50, threads=2)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_refused_before_anything_is_simulated(
    scenario: Scenario, whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "simulate", lambda *_: pytest.fail("simulated"))
    with pytest.raises(OutputError, match="not empty"):
        run(scenario, out=whole.folder)
    assert Run(whole.folder).digest == whole.digest


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": -1}, "a seed is"),
        ({"seed": 2**64}, "a seed is"),
        ({"threads": 0}, "at least one thread"),
        ({"patients": 0}, "patients must be"),
    ],
)
def test_numbers_that_make_no_sense(
    scenario: Scenario, tmp_path: Path, wrong: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        run(scenario, out=tmp_path / "run", **wrong)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_one_patient_has_the_rows_that_the_tables_have(tmp_path: Path, scenario: Scenario) -> None:
    made = run(scenario, patients=range(5, 30), out=tmp_path / "run", shard_size=10)
    tables = {name: made.table(name) for name in made.rows if name != "codes"}
    for number in made.patients:
        found = made.patient(number)
        assert list(found) == list(tables)
        for name, table in tables.items():
            expected = table[table["patient_id"] == number].reset_index(drop=True)
            pandas.testing.assert_frame_equal(found[name], expected)
    for number in (4, 30):
        with pytest.raises(KeyError, match=f"no patient {number}; there are 5 to 29"):
            made.patient(number)
    files = [file for file in made.manifest["files"] if file["path"].startswith("truth/states")]
    assert [(file["first"], file["count"]) for file in files] == [(5, 10), (15, 10), (25, 5)]
