"""Files of values for parameters, and the layers in which values are given."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

import sim
from sim.scenario import ScenarioError, check, load, resolved_form
from sim.scenario.fingerprint import fingerprint
from sim.scenario.model import DAYS_PER_YEAR

SMALL = Path(__file__).parent / "data" / "small"
FITTED = """\
about: what the fit found
source: fitted to the register
parameters:
  lung.onset: {value: 0.03 per year, source: fitted to the autopsies}
  uptake: {value: {north: 0.5, south: 0.4}}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SMALL, tmp_path / "small"))


@pytest.fixture
def fitted(tmp_path: Path) -> Path:
    (tmp_path / "fitted.yaml").write_text(FITTED)
    return tmp_path / "fitted.yaml"


def onset(scenario: sim.scenario.Scenario) -> float:
    value = scenario.parameters[0].value
    assert value is not None
    return value * DAYS_PER_YEAR


def test_a_file_gives_values_and_their_sources(fitted: Path) -> None:
    scenario, findings = check(SMALL, fitted)
    assert scenario
    assert [f.rule for f in findings] == []
    by_name = {p.name: p for p in scenario.parameters}
    assert onset(scenario) == pytest.approx(0.03, rel=1e-15)
    assert by_name["lung.onset"].source == "fitted to the autopsies"
    assert by_name["lung.onset"].ci95 == load(SMALL).parameters[0].ci95
    assert by_name["lung.uptake"].source == "fitted to the register"
    assert next(t for t in scenario.tables if t.name == "lung.uptake").values == (0.5, 0.4)
    assert by_name["lung.trend"] == next(p for p in load(SMALL).parameters if p.name == "lung.trend")


def test_a_later_layer_wins(fitted: Path, tmp_path: Path) -> None:
    (tmp_path / "second.yaml").write_text("source: a guess of mine\nparameters: {onset: 0.04 per year}\n")
    second = tmp_path / "second.yaml"
    assert onset(load(SMALL, [fitted, second])) == pytest.approx(0.04)
    assert onset(load(SMALL, [second, fitted])) == pytest.approx(0.03)
    assert onset(load(SMALL, [fitted, second, {"onset": "0.05"}])) == pytest.approx(0.05)
    assert onset(load(SMALL, [{"onset": "0.05"}, fitted])) == pytest.approx(0.03)


def test_scenario_yaml_gives_values_itself(small: Path, fitted: Path) -> None:
    text = (small / "scenario.yaml").read_text()
    shutil.copy(fitted, small / "fitted.yaml")
    named = text + "parameter_files: fitted.yaml\n"
    (small / "scenario.yaml").write_text(named)
    scenario = load(small)
    assert onset(scenario) == pytest.approx(0.03)
    assert ("fitted.yaml", hashlib.sha256(FITTED.encode()).hexdigest()) in scenario.files
    (small / "scenario.yaml").write_text(
        named + "parameters: {lung.onset: {value: 20 per 1000 person-years, source: book}}\n"
    )
    assert onset(load(small)) == pytest.approx(0.02)
    assert onset(load(small, fitted)) == pytest.approx(0.03)
    texts = resolved_form(small)
    assert "value: 0.02 per year\n" in texts["pathways/lung.yaml"]
    assert "parameter_files" not in texts["scenario.yaml"]


def test_the_same_values_are_the_same_lives(small: Path, fitted: Path) -> None:
    text = (small / "lung.yaml").read_text()
    edited = text.replace("0.01 per year", "0.03 per year").replace(
        "north: 0.6, south: 0.7", "north: 0.5, south: 0.4"
    )
    (small / "lung.yaml").write_text(edited)
    assert fingerprint(load(SMALL, fitted)) == fingerprint(load(small)) != fingerprint(load(SMALL))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("parameters: {onst: 1 per year}", "1:14 unknown-name did you mean `onset`?"),
        ("parameters: {lung.onset: 3 days}", "1:26 wrong-type 1 / (a duration) is a rate"),
        ("parameters: {lung.onset: {value: 3 days}}", "1:34 wrong-type 1 / (a duration) is a rate"),
        ("parameters: {onset: 0.1, lung.onset: 0.2}", "1:26 same-parameter leave out one"),
        ("parameters: {onset: 0.1, onset: 0.2}", "1:26 duplicate-key "),
        ("parameters: {smoker: true}", "1:14 wrong-kind "),
        ("parameters: {uptake: 0.8}", "1:22 wrong-kind {a: 1, b: 2}"),
        ("parameters: {onset: {value: {north: 1}}}", "1:29 wrong-kind write it alone"),
        ("parameters: {uptake: {value: {north: 0.5}}}", "1:30 missing-level "),
        ("parameters: {uptake: {value: {north: 0.5, suoth: 1}}}", "1:43 unknown-level did you mean `south`?"),
        ("parameters: {trend: {value: {north: 0.5}}}", "1:14 wrong-shape name another table in `lung.trend`"),
        ("parameters: {onset: {value: 1 per year, source: bok}}", "1:49 unknown-source did you mean `book`?"),
        ("parameters: {onset: {valu: 1 per year}}", "1:22 unknown-key did you mean `value`?"),
        ("parameters: {onset: 1 per year}\nuntil: 3", "2:1 unknown-key one of about, parameters, source"),
        ("parameters: {onset: frailty}", "1:21 not-constant "),
        ("", "1:1 empty-file "),
    ],
)
def test_what_is_wrong_is_told_at_its_place(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "fitted.yaml"
    file.write_text(text)
    found = [d for d in check(SMALL, file)[1] if d.severity == "error"]
    assert [f"{d.span.line}:{d.span.column} {d.rule} {d.fix}" for d in found] == [told]
    assert found[0].span.file == str(file)


def test_a_value_without_a_source_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "fitted.yaml").write_text("parameters: {onset: 1 per year}")
    scenario, found = check(SMALL, tmp_path / "fitted.yaml")
    assert scenario
    assert [(d.rule, d.span.line, d.span.column) for d in found] == [("no-source", 1, 14)]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="there is no such file"):
        load(SMALL, tmp_path / "fitted.yaml")


def test_the_manifest_tells_what_was_given(fitted: Path, tmp_path: Path) -> None:
    run = sim.run(SMALL, patients=20, out=tmp_path / "run", parameters=[fitted, {"lung.onset": "0.02"}])
    told = run.manifest["scenario"]["parameters"]
    assert told["files"] == {str(fitted): hashlib.sha256(FITTED.encode()).hexdigest()}
    assert told["set"] == {"lung.onset": "0.02"}
    assert told["values"]["lung.onset"] == pytest.approx(0.02 / DAYS_PER_YEAR)
    loaded = load(SMALL, [fitted, {"lung.onset": "0.02"}])
    again = sim.run(loaded, patients=20, out=tmp_path / "again")
    assert again.digest == run.digest
    assert again.manifest["scenario"]["parameters"] == told
