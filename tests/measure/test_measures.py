"""`sim measure`: files of measures, what is said of wrong ones, what is written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas
import pytest

import sim
from sim import cli
from sim.measure.overview import parts
from sim.runs.result import SCENARIO, Run
from sim.scenario.stored import restored, stored

FOLDER = Path(__file__).parents[2] / "scenarios" / "cardiometabolic"
FILE = """\
measures:
  visits: rate(clinic)
  diabetes: {measure: prevalence(diabetes, at=2010-01-01), by: [sex, age(20, 40, 60)]}
  treated:
    measure: prevalence(metformin, among=diabetes)
    by: year
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "run"
    return sim.run(sim.load(FOLDER), patients=200, out=folder, threads=1)


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit:
        cli.main(["measure", *arguments])
    return int(exit.value.code or 0)


@pytest.fixture
def measures(tmp_path: Path) -> Path:
    path = tmp_path / "measures.yaml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize("name", ["cardiometabolic", "elective_surgery", "diabetes"])
def test_a_run_holds_its_scenario(name: str) -> None:
    scenario = sim.load(FOLDER.parent / name)
    assert restored(stored(scenario)) == replace(scenario, expectations=())


def test_what_is_stored_wrongly_is_said() -> None:
    for content in (b"", b"no gzip", stored(sim.load(FOLDER))[:-20]):
        with pytest.raises(ValueError, match="another version, or is damaged"):
            restored(content)


def test_a_run_without_its_scenario(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifest.json").write_bytes((run.folder / "manifest.json").read_bytes())
    assert call(str(tmp_path)) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path} does not hold the scenario that it was made from ({SCENARIO})\n"
    )


def test_the_overview_tells_of_everything(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(run.folder)) == 0
    out = capsys.readouterr().out
    shown = {line.split(",")[0] for line in out.splitlines()}
    assert {part.heading for part in parts(run.scenario)} <= shown
    assert "more: sim measure" in out


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_files_hold_the_same_numbers(run: Run, measures: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / f"measures.{kind}"
    assert call(str(run.folder), str(measures), "--out", str(out)) == 0
    readers = {"csv": pandas.read_csv, "json": pandas.read_json, "parquet": pandas.read_parquet}
    found = readers[kind](out)
    expected = sim.measures(run, measures)
    assert list(found) == list(expected)
    assert len(expected) == 1 + 2 * 4 + 21
    for column in ("value", "standard_error", "low", "high", "numerator", "denominator", "people"):
        assert found[column].tolist() == pytest.approx(expected[column].tolist(), rel=1e-12, nan_ok=True)
    assert found["age"].fillna("").tolist() == expected["age"].fillna("").tolist()


def test_classes_make_up_the_whole(run: Run) -> None:
    whole = sim.measures(run, "rate(clinic)").iloc[0]
    for by in (["sex"], ["age(20, 40, 60)", "year"], ["diabetes"], ["month"], ["bmi_at_50(25, 30)"]):
        classes = sim.measures(run, "rate(clinic)", by=by)
        assert classes["numerator"].sum() == whole["numerator"]
        assert classes["denominator"].sum() == pytest.approx(whole["denominator"], rel=1e-12)


def test_rates_and_durations_are_told_in_their_units(run: Run) -> None:
    found = sim.measures(
        run, {"visits": "rate(clinic)", "stay": "mean(lasted(hospital))", "age": "mean(age_at(clinic))"}
    )
    assert found["unit"].tolist() == ["per person-year", "days", "years"]
    assert found["value"][0] == pytest.approx(found["numerator"][0] / found["denominator"][0])
    people = run.table("patients")
    observed = (people["left"] - people["entered"]).dt.total_seconds().sum() / 86_400 / 365.25
    assert found["denominator"][0] == pytest.approx(observed, rel=1e-12)
    assert found["numerator"][0] == (run.table("encounters")["provider"] == "clinic").sum()


EDGES = ", ".join(map(str, range(1, 42)))
WRONG = """\
measures:
  visits: rate(clinik)
  other: {measure: prevalence(diabetes), bye: sex}
  ages: {measure: prevalence(diabetes), by: [age, sexx]}
  days: {measure: rate(clinic), by: [year, month, "bmi_at_50(EDGES)"]}
""".replace("EDGES", EDGES)


def test_everything_wrong_is_said_at_its_place(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("measures.yaml").write_text(WRONG)
    assert call(str(run.folder), "measures.yaml", "--out", "out.csv") == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith(("measures", "    fix"))]
    assert said == [
        "measures.yaml:2:16  error[unknown-name]  there is nothing called `clinik` that happens",
        "    fix: did you mean `clinic`?",
        "measures.yaml:3:42  error[unknown-key]  `bye` is not a key that belongs here",
        "    fix: did you mean `by`?",
        "measures.yaml:4:46  error[needs-ranges]  a number of years has too many values to tell apart",
        "    fix: age(20, 40, 60), with the edges between ranges",
        "measures.yaml:4:51  error[unknown-name]  there is no `sexx`",
        "    fix: did you mean `sex`?",
        "measures.yaml:5:51  error[too-many-classes]  that makes 10,584 classes; 10,000 is the most",
        "    fix: fewer, or wider, ranges",
    ]
    assert not Path("out.csv").exists()


@pytest.mark.parametrize(
    "text", ["", "measures: {}", "measures: [a]", "measures: {a: }", "visits: rate(clinic)"]
)
def test_other_files_get_an_error(run: Run, tmp_path: Path, text: str) -> None:
    path = tmp_path / "measures.yaml"
    path.write_text(text)
    assert call(str(run.folder), str(path)) == 2


def test_other_arguments(
    run: Run, measures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(str(run.folder), str(measures), "--out", str(tmp_path / "out.xlsx")) == 2
    assert call(str(tmp_path / "nowhere")) == 2
    assert call(str(run.folder), str(tmp_path / "nothing.yaml")) == 2
    said = capsys.readouterr().err
    assert "error: numbers go into a .csv, .json or .parquet file" in said
    assert "holds no run" in said
    assert "there is no such file" in said


def test_what_is_not_known_is_null_in_json(run: Run, tmp_path: Path) -> None:
    path, out = tmp_path / "measures.yaml", tmp_path / "out.json"
    path.write_text("measures: {a: 'mean(average_glucose)'}")
    assert call(str(run.folder), str(path), "--out", str(out)) == 0
    (row,) = json.loads(out.read_text())
    assert row["value"] is None


def test_classes_that_nobody_is_in_are_counted_and_left_out(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "measures.yaml"
    path.write_text("measures: {visits: {measure: rate(clinic), by: age(140, 150)}}\n")
    assert call(str(run.folder), str(path)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].strip().startswith("below 140")
    assert lines[-1].strip() == "nobody is in 2 more classes"
    assert len(sim.measures(run, path)) == 3
