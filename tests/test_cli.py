"""The command `sim`: what it prints, where, and how it exits."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sim import cli, engine
from sim.cli import progress
from sim.engine.log import Log, People
from sim.runs import execute
from sim.runs.result import Run
from sim.scenario.diagnostics import Diagnostic
from sim.scenario.model import Scenario, Span

Simulate = Callable[[object, range, int], tuple[People, Log]]


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A working folder of its own; and the handler of SIGTERM as it was."""
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def loaded(stand_in: None, scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any path is the path of the scenario with random lives."""
    monkeypatch.setattr(execute, "check", lambda path, parameters: (scenario, ()))


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit:
        cli.main(arguments)
    return int(exit.value.code or 0)


def python(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.usefixtures("loaded")
def test_run_says_what_it_made_and_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        call("run", "anything", "--patients", "1_00", "--seed", "7", "--threads", "2", "--shard-size", "30")
        == 0
    )
    out, err = capsys.readouterr()
    made = Run("outputs/sugar-lungs")
    assert err == ""
    assert (made.manifest["seed"], made.manifest["shard_size"], made.manifest["patients"]["count"]) == (
        7,
        30,
        100,
    )
    assert out.startswith(f"{made.rows['patients']} people of 100, 2000-01-01 to 2020-01-01, in ")
    for table, count in made.rows.items():
        assert re.search(rf"^  {table} +{count:,} rows$", out, re.M)
    assert f"{made.observed_rows:,} rows of record, " in out
    assert made.digest in out
    assert "in      outputs/sugar-lungs\n" in out


@pytest.mark.usefixtures("loaded")
def test_the_next_command_works(capsys: pytest.CaptureFixture[str]) -> None:
    call("run", "anything", "--out", "it's here")
    following = capsys.readouterr().out.splitlines()[-1].removeprefix("next ").strip()
    python_here = following.replace("python", sys.executable, 1)
    shown = subprocess.run(python_here, shell=True, capture_output=True, text=True, check=True).stdout
    assert "patient_id" in shown


def test_parameters_are_handed_on(loaded: None, scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def check(path: Path, parameters: object) -> tuple[Scenario, tuple[Diagnostic, ...]]:
        seen.append((path, parameters))
        return scenario, ()

    monkeypatch.setattr(execute, "check", check)
    given = ("--set", "onset=0.2 per year", "--parameters", "a.yaml", "--set", "x = y == 2")
    assert call("run", "a/b", *given, "--parameters", "b.yaml") == 0
    values = {"onset": "0.2 per year", "x": "y == 2"}
    assert seen == [(Path("a/b"), [Path("a.yaml"), Path("b.yaml"), values])]


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--patients", "10k"], "'10k' is not a whole number; write for example 10000 or 10_000"),
        (["--patients", "1e6"], "'1e6' is not a whole number"),
        (["--patients", "0"], "0 is not a number from 1 to"),
        (["--seed", "-1"], "-1 is not a number from 0 to"),
        (["--threads", "0"], "0 is not a number from 1"),
        (["--shard-size", "x"], "'x' is not a whole number"),
        (["--set", "onset"], "'onset' is not of the form parameter=value"),
        (["--set", "=3"], "'=3' is not of the form parameter=value"),
        (["--sed", "3"], "No such option '--sed'"),
        (["--out", "taken"], "taken exists and is not empty"),
        (["--out", "taken/file"], "taken/file exists and is not a folder"),
        (["--out", "taken/file/run"], "something above it is not a folder"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_said_and_nothing_is_made(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken").mkdir()
    Path("taken/file").write_text("precious")
    assert call("run", "anything", *arguments) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert (out, "Traceback" in err) == ("", False)
    assert [str(path) for path in Path().rglob("*")] == ["taken", "taken/file"]


@pytest.fixture
def found() -> tuple[Diagnostic, ...]:
    """Findings in a file that is there."""
    Path("a.yaml").write_text("scenario: x\nwindw: 3\n")
    return (
        Diagnostic("unknown-key", "`windw` is not a key", Span("a.yaml", 2, 1, 5), fix="window"),
        Diagnostic("one-letter-apart", "two names", Span("a.yaml", 1, 1), severity="warning"),
        Diagnostic("unknown-name", "no such name", Span("a.yaml", 1, 1)),
    )


@pytest.mark.parametrize("command", ["run", "check"])
def test_all_findings_in_a_scenario_are_shown(
    found: tuple[Diagnostic, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    monkeypatch.setattr("sim.scenario.check", lambda path, parameters: (None, found))
    monkeypatch.setattr(execute, "check", lambda path, parameters: (None, found))
    assert call(command, "a.yaml") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "a.yaml:2:1" in err
    assert "windw: 3" in err
    assert err.endswith("2 errors, 1 warning\n")


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("command", ["run", "check"])
def test_warnings_are_shown_and_stop_nothing(
    scenario: Scenario,
    found: tuple[Diagnostic, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    monkeypatch.setattr("sim.scenario.check", lambda path, parameters: (scenario, found[1:2]))
    monkeypatch.setattr(execute, "check", lambda path, parameters: (scenario, found[1:2]))
    assert call(command, "a.yaml") == 0
    out, err = capsys.readouterr()
    assert "two names" in err
    assert "1 warning\n" in err
    assert out.startswith({"run": "21 people of 25", "check": "Sugar & Lungs: no errors"}[command])


def test_the_resolved_form_is_printed(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sim.scenario.check", lambda path, parameters: (scenario, ()))
    monkeypatch.setattr(
        "sim.scenario.resolved_form",
        lambda path, parameters: {"a.yaml": f"{path} {parameters}", "b.yaml": "x: 1"},
    )
    assert call("check", "a", "--resolved", "--set", "onset=2") == 0
    assert capsys.readouterr() == ("# a.yaml\na [{'onset': '2'}]\n# b.yaml\nx: 1\n", "")


def test_what_is_not_a_scenario_is_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    Path("binary").write_bytes(bytes(range(256)))
    for path in ("missing", ".", "binary", "/"):
        for command in ("run", "check"):
            assert call(command, path) == 2
            out, err = capsys.readouterr()
            assert out == ""
            assert err.endswith("1 error\n")
    assert [str(path) for path in Path().iterdir()] == ["binary"]


def test_a_fault_of_ours_is_not_hidden(loaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "simulate", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["run", "anything"])
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_run_and_leaves_nothing(
    loaded: None,
    simulate: Simulate,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
    code: int,
) -> None:
    def killing(program: object, patients: range, seed: int) -> tuple[People, Log]:
        if 30 in patients:
            os.kill(os.getpid(), number)
        return simulate(program, patients, seed)

    monkeypatch.setattr(engine, "simulate", killing)
    assert call("run", "anything", "--patients", "1_000_000", "--shard-size", "10") == code
    out, err = capsys.readouterr()
    assert (out, err.strip()) == ("", "Stopped; nothing was kept.")
    assert list(Path().iterdir()) == []


@pytest.mark.usefixtures("loaded")
def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert call("run", "anything", "--patients", "60", "--shard-size", "10") == 0
    assert "60/60" in terminal.getvalue()
    assert "patients a second" in terminal.getvalue()


@pytest.mark.usefixtures("loaded")
def test_a_line_now_and_then_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "QUIET", 0)
    assert call("run", "anything", "--patients", "60", "--shard-size", "60") == 0
    assert re.fullmatch(
        r"60 of 60 patients, [\d,]+ patients a second", capsys.readouterr().err.splitlines()[-1]
    )


def test_help_and_version_are_there_at_once() -> None:
    heavy = "[name for name in ('numpy', 'numba', 'pyarrow', 'pydantic', 'pandas') if name in sys.modules]"
    script = f"import sys, sim.cli\ntry: sim.cli.main(['--help'])\nexcept SystemExit: print({heavy})"
    assert python(script).endswith("[]")
    assert python("import sys, sim.cli; sim.cli.main(['--version'])") == "sim, version 0.1.0"


COLDS = {
    "scenario.yaml": """
scenario: colds
window: {from: 2000-01-01, to: 2010-01-01}
population:
  size: 300
  sex: {female: 0.5, male: 0.5}
  born: {from: 1950-01-01, to: 2000-01-01}
pathways: [colds.yaml]
providers:
  clinic: {class: ambulatory}
""",
    "colds.yaml": """
pathway: colds
parameters:
  often: {value: 0.5 per year, source: an assumption}
disease:
  nose:
    well:
      -> ill: {rate: often * (2 if age < 30 else 1)}
    ill:
      -> well: {after: exponential(mean=10 days)}
conditions:
  cold: {snomed: "82272006"}
care:
  presentation:
    starts: {upon: ill}
    steps:
      - visit: clinic
        steps: [{diagnose: cold, resolves: after 14 days}]
""",
}


@pytest.fixture
def colds(tmp_path: Path) -> None:
    """A scenario in the folder `colds`."""
    Path("colds").mkdir()
    for name, text in COLDS.items():
        Path("colds", name).write_text(text.lstrip())


@pytest.mark.usefixtures("colds")
def test_a_scenario_in_yaml_runs_to_the_same_digest_anyhow(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("check", "colds") == 0
    assert capsys.readouterr() == ("colds: no errors; next: sim run colds\n", "")
    assert call("run", "colds") == 0
    assert call("run", "colds/scenario.yaml", "--threads", "2", "--shard-size", "70") == 0
    assert call("run", "colds", "--set", "often=1 per year") == 0
    first, second, third = Run("outputs/colds"), Run("outputs/colds-2"), Run("outputs/colds-3")
    assert first.digest == second.digest != third.digest
    assert first.rows["encounters"] < third.rows["encounters"]
    assert set(first.table("conditions")["code"]) == {"82272006"}


def test_a_pathway_is_checked_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.yaml").write_text("pathway: other\nneeds: {bmi: number}\nformulas: {x: bmi + 1}\n")
    assert call("check", "other.yaml") == 0
    assert capsys.readouterr().out == "other: no errors, where others define what it needs\n"
    Path("other.yaml").write_text("pathway: other\nneeds: {bmi: number}\nformulas: {x: bmy + 1}\n")
    assert call("check", "other.yaml") == 2
    assert "did you mean `bmi`?" in capsys.readouterr().err
    Path("other.yaml").write_text("pathway: other\nvariables: {x: {value: 1, about: of (one, two)}}\n")
    assert call("check", "other.yaml") == 2
    assert "not-a-scenario" not in capsys.readouterr().err


@pytest.mark.usefixtures("colds")
def test_a_fault_in_a_life_shows_the_line_and_the_patient(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("colds/colds.yaml")
    path.write_text(path.read_text().replace("(2 if age < 30 else 1)", "(30 - age)"))
    assert call("run", "colds") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("colds/colds.yaml:7:")
    assert "often * (30 - age)" in err
    assert re.search(r"rate.*\(patient \d+\)", err)
    assert not Path("outputs").exists()


@pytest.mark.usefixtures("colds")
def test_pandas_is_not_needed_to_run() -> None:
    command = "try: cli.main(['run', 'colds'])\nfinally: print('pandas' in sys.modules)"
    script = f"import sys; from sim import cli\n{command}"
    assert python(script).endswith("\nFalse")
