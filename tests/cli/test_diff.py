"""`sim diff`: what it prints, and how it exits."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

import sim
from sim import cli

SCENARIO = """
scenario: s
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 20, born: {from: 1930-01-01, to: 1990-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [p.yaml]
"""
PATHWAY = """
pathway: p
parameters: {onset: {value: 0.03 per year, source: invented for the test}}
disease:
  heart:
    well:
      -> ill: {rate: onset}
    ill: {}
"""


@pytest.fixture(autouse=True)
def _two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "scenario.yaml").write_text(SCENARIO)
        (tmp_path / name / "p.yaml").write_text(PATHWAY)


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit:
        cli.main(("diff", *arguments))
    return int(exit.value.code or 0)


def test_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("a", "b") == 0
    assert capsys.readouterr() == ("the same in meaning\n", "")


def test_a_value_that_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("a", "--set", "onset=0.04 per year") == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert [line.split() for line in out.splitlines()] == [
        ["p"],
        ["parameter", "onset", "value"],
        ["A", "0.03", "per", "year", "a/p.yaml:3"],
        ["B", "0.04", "per", "year", "--set", "onset"],
        [],
        ["1", "difference"],
    ]


def test_values_are_those_of_the_second() -> None:
    Path("b/p.yaml").write_text(PATHWAY.replace("0.03", "0.04"))
    assert call("a", "b") == 1
    assert call("a", "b", "--set", "onset=0.03 per year") == 0


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    Path("b/p.yaml").write_text(PATHWAY.replace("    ill: {}", "    ill: {}\n    cured: {}"))
    assert call("a", "b", "--json") == 1
    (one,) = json.loads(capsys.readouterr().out)["differences"]
    assert (one["pathway"], one["thing"], one["a"]) == ("p", "axis heart > cured", None)
    assert one["b"]["place"] == "b/p.yaml:9"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a",), "Compared with what?"),
        (("a", "nowhere"), "no such file"),
        (("a", "--set", "unset=1"), "unknown-name"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


# ---- with --run


def test_the_same_people_under_both(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("a", "--set", "onset=0.06 per year", "--run", "--patients", "300", "--seed", "7")
    assert call(*arguments) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "300 people, each under both" in out
    command = next(line.strip() for line in out.splitlines() if "--set" in line and "sim trace" in line)
    assert command.startswith("sim trace a --patient ")
    assert command.endswith(" --seed 7 --set 'onset=0.06 per year'")
    with pytest.raises(SystemExit) as exit:
        cli.main(shlex.split(command)[1:])
    assert not exit.value.code
    capsys.readouterr()

    assert call(*arguments, "--json") == 1
    people = json.loads(capsys.readouterr().out)["people"]
    (ill,) = [shift for shift in people["shifts"] if shift["name"] == "heart: ill"]
    assert people["affected"] == ill["earlier"] + ill["newly"] > 100
    assert ill["never"] == ill["later"] == 0
    assert people["results"] == []


def test_two_runs(capsys: pytest.CaptureFixture[str]) -> None:
    sim.run("a", patients=200, out="one")
    sim.run("a", patients=200, out="other", parameters={"onset": "0.06 per year"})
    sim.run("a", patients=200, out="third", seed=3)
    assert call("one", "one") == 0
    assert "affected    0 (0.0%)" in capsys.readouterr().out
    assert call("one", "other") == 1
    of_runs = capsys.readouterr().out
    assert call("a", "--set", "onset=0.06 per year", "--run", "--patients", "200") == 1
    assert of_runs.rstrip() in capsys.readouterr().out
    assert call("one", "third") == 2
    assert "error: these are not the same people: the seeds differ, 0 and 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a", "b", "--seed", "1"), "--patients and --seed go with --run"),
        (("run", "b"), "run is a run; compare it with another run"),
        (("run", "run", "--run"), "Runs are compared as they are"),
        (("a", "b", "--run", "--patients", "0"), "0 is not a number from 1"),
    ],
)
def test_what_does_not_go_together(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run").mkdir()
    Path("run/manifest.json").write_text("{}")
    assert call(*arguments) == 2
    assert said in capsys.readouterr().err


def test_another_window_is_another_record(capsys: pytest.CaptureFixture[str]) -> None:
    Path("b/scenario.yaml").write_text(SCENARIO.replace("2010-01-01", "2011-01-01"))
    assert call("a", "b", "--run") == 2
    assert "the windows differ" in capsys.readouterr().err
