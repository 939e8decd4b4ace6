"""Some tables and columns against all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import sim
from sim.cli import main
from sim.engine.log import Log, People
from sim.measure.measures import measures
from sim.records import digest, manifest
from sim.records.names import names
from sim.records.selection import EVERYTHING, LeftOutError, Selection, SelectionError, select
from sim.records.tables import tables
from sim.scenario.model import Scenario

Simulate = Callable[[object, range, int], tuple[People, Log]]
SCENARIO = Path(__file__).parents[2] / "scenarios" / "diabetes"
SOME = {
    "tables": ["observations", "codes"],
    "columns": {"observations": ["time", "value"], "patients": ["sex"], "codes": ["name"]},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> sim.Run:
    return sim.run(SCENARIO, patients=150, out=tmp_path_factory.mktemp("whole"), threads=1)


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> sim.Run:
    return sim.run(SCENARIO, patients=150, out=tmp_path_factory.mktemp("some"), threads=1, **SOME)


def test_what_is_made_is_what_the_whole_has(whole: sim.Run, some: sim.Run) -> None:
    assert list(some.rows) == ["patients", "observations", "codes"]
    kept = {
        "patients": ["patient_id", "sex"],
        "observations": ["patient_id", "seq", "time", "value"],
        "codes": ["name"],
    }
    for table, columns in kept.items():
        assert some.arrow(table).column_names == columns
        assert some.arrow(table).equals(whole.arrow(table, columns))
    assert {path.parent.name for path in some.folder.glob("**/*.parquet")} == set(kept)


def test_sums_are_those_of_the_whole_and_make_the_digest(whole: sim.Run, some: sim.Run) -> None:
    sums = some.manifest["sums"]
    assert sums == {
        "patients": {"sex": whole.manifest["sums"]["patients"]["sex"]},
        "observations": {name: whole.manifest["sums"]["observations"][name] for name in ("time", "value")},
    }
    flat = {(table, column): int(text, 16) for table, of in sums.items() for column, text in of.items()}
    assert some.digest == digest.run_digest(flat) != whole.digest


def test_the_manifest_says_what_is_left_out(whole: sim.Run, some: sim.Run) -> None:
    assert whole.manifest["left_out"] == []
    left_out = set(some.manifest["left_out"])
    for table in whole.rows:
        columns = set(whole.arrow(table).column_names)
        if table in some.rows:
            columns -= set(some.arrow(table).column_names)
            assert {f"{table}.{column}" for column in columns} <= left_out
            left_out -= {f"{table}.{column}" for column in columns}
        else:
            left_out.remove(table)
    assert not left_out
    assert "left_out" in (manifest.__doc__ or "")


def test_tables_not_wanted_are_not_made(scenario: Scenario, simulate: Simulate) -> None:
    """A code that no vocabulary holds would be an error where a table of it is made."""
    people, log = simulate(None, range(20), 1)
    broken = log._replace(code=log.code.copy())
    broken.code[log.kind != 5] = 10**6
    made = {
        name: table
        for name, table, _ in tables(names(scenario, Selection(frozenset({"deaths"}))), people, broken)
    }
    whole = {name: table for name, table, _ in tables(names(scenario), people, log)}
    assert list(made) == ["patients", "deaths"]
    assert made["deaths"].equals(whole["deaths"])
    assert names(scenario, EVERYTHING).tables == names(scenario).tables


def test_what_a_run_was_made_without_is_not_measured_as_if_it_were_empty(
    some: sim.Run, tmp_path: Path
) -> None:
    deaths_alone = sim.run(SCENARIO, patients=20, out=tmp_path / "deaths", threads=1, tables=["deaths"])
    with pytest.raises(LeftOutError, match=r"needs patients\.birth_date, which the run was made without"):
        measures(some, "prevalence(diabetes)")
    with pytest.raises(LeftOutError, match=r"needs observations\.unit"):
        some.table("observations", ["unit"])
    with pytest.raises(LeftOutError, match="needs truth/states"):
        measures(deaths_alone, "prevalence(diabetes)")
    with pytest.raises(LeftOutError, match="needs deaths"):
        some.table("deaths")
    with pytest.raises(KeyError, match="no table"):
        some.table("nothing")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"tables": ["observatoins"]},
            "no table `observatoins`; did you mean `observations`? The tables are p",
        ),
        ({"tables": ["xyz"]}, "no table `xyz`; the tables are patients, encounters"),
        (
            {"columns": {"deaths": ["caus"]}},
            "`deaths` has no column `caus`; did you mean `cause`? Its columns",
        ),
        ({"columns": {"truth/events": ["time"]}}, "no table `truth/events`"),
        ({"tables": ["deaths"], "columns": {"observations": ["time"]}}, "not among the tables asked for"),
    ],
)
def test_what_is_not_there_cannot_be_selected(given: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(SelectionError) as raised:
        select(sim.load(SCENARIO), **given)  # type: ignore[arg-type]
    assert message in str(raised.value)


def test_the_command_makes_what_it_is_told(
    tmp_path: Path, some: sim.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*options: str) -> int:
        with pytest.raises(SystemExit) as exit_:
            main(["run", str(SCENARIO), "--patients", "150", "--out", str(tmp_path / "run"), *options])
        return int(exit_.value.code or 0)

    assert run("--tables", "deaths,observation") == 2
    assert "did you mean `observations`?" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    columns = ("observations:time", "patients:sex", "observations: value", "codes:name")
    assert run("--tables", "observations,codes", *(x for c in columns for x in ("--columns", c))) == 0
    assert sim.Run(tmp_path / "run").digest == some.digest
