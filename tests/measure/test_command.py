"""`sim queues`: the text, the picture, and what is said where there is nothing to measure."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from sim import cli
from sim.measure.queues import measure
from sim.runs.result import Run
from sim.view import pictures
from sim.view.queues import text

MakeRun = Callable[..., Run]

CLINIC = """\
2001-01-01 to 2001-01-08

clinic (ambulatory): 1 at a time, open 8 hours a week
  utilisation 50.0%; 0.1905 waiting on average, 3 at most; 8 requests a week
  Little's law: L = 0.1905, lambda W = 8 a week x 4 hours = 0.1905

                                                                           hours waited, of those attended
  priority  requests  attended  missed  gave up  cancelled  died  waiting  mean  median  90 %  95 %  longest
         1         3         1       1        0          0     0        1   0.3     0.3   0.3   0.3      0.3
         0         5         2       0        1          1     1        0   1.4     1.4   2.5   2.7      2.8
       all         8         3       1        1          1     1        1   1.1     0.3   2.3   2.6      2.8
"""


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit:
        cli.main(["queues", *arguments])
    return int(exit.value.code or 0)


def test_the_table(clinic: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(clinic().folder)) == 0
    assert capsys.readouterr() == (CLINIC, "")


def test_a_warm_up_is_told(clinic: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(clinic().folder), "--warm-up", "9 hours") == 0
    out = capsys.readouterr().out
    assert out.startswith("2001-01-01 09:00 to 2001-01-08; the warm-up from 2001-01-01 is left out\n")
    row = (
        "       all         4         0       1        0          1     1        1     -       -     -     -"
    )
    assert row in out


def test_what_cannot_be_told_apart_or_contradicts_itself_is_said(make_run: MakeRun) -> None:
    providers = {"ward": {"class": "inpatient", "per_week": 3.5, "hours": []}}
    rows = [("ward", p, "Mon 00:00", "Mon 01:00", "attended") for p in range(13)]
    said = text(measure(make_run(providers, rows, starts={0: "Mon 02:00"})))
    assert "ward (inpatient): 3.5 appointments a week, always open\n" in said
    assert "THEY DIFFER: the tables contradict each other" in said
    assert said.endswith("  (13 priorities, too many to tell apart)")
    assert "THEY DIFFER" not in CLINIC


@pytest.mark.parametrize("name", ["queues.svg", "deep/er/queues.PNG"])
def test_the_picture(clinic: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    run, picture = clinic(), tmp_path / name
    assert call(str(run.folder), "--warm-up", "1 day", "--picture", str(picture)) == 0
    assert capsys.readouterr().out.endswith(f"\npicture  {picture}\n")
    content = picture.read_bytes()
    assert [path.name for path in picture.parent.iterdir() if path.is_file()] == [picture.name]
    assert content == pictures.queues(measure(run, 1.0), picture.suffix[1:].lower())
    if name.endswith("svg"):
        assert ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"
    else:
        assert content.startswith(b"\x89PNG")


def test_the_picture_of_several_queues_has_a_row_for_each(make_run: MakeRun) -> None:
    """Also of one whom nobody asks, and where nobody is attended."""
    offer = {"class": "inpatient", "at_a_time": 1, "hours": []}
    rows = [("asked", 0, "Mon 00:00", None, None), ("seen", 1, "Mon 00:00", "Mon 00:01", "attended")]
    drawn = pictures.queues(measure(make_run(dict.fromkeys(("idle", "asked", "seen"), offer), rows)), "svg")
    comments = [line for line in drawn.decode().splitlines() if line.strip().startswith("<!--")]
    for name in ("idle", "asked", "seen"):
        assert sum(f"{name}: 1 at a time, always open" in comment for comment in comments) == 1
    assert sum("nobody was attended" in comment for comment in comments) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--warm-up", "a year"], "'a year' is not a duration; write for example '1 year' or '90 days'"),
        (["--warm-up", "1"], "'1' is not a duration"),
        (["--warm-up", "-1 day"], "'-1 day' is not a duration"),
        (["--warm-up", "1 fortnight"], "'1 fortnight' is not a duration"),
        (["--warm-up", "1 week"], "error: a warm-up of 7 days leaves nothing of a window of 7 days"),
        (["--picture", "queues.pdf"], "error: a picture is a .png or .svg file, and queues.pdf is neither"),
        (["--picture", "queues"], "error: a picture is a .png or .svg file, and queues is neither"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_said(
    clinic: MakeRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(str(clinic().folder), *arguments) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert (out, "Traceback" in err) == ("", False)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(tmp_path)) == 2
    assert capsys.readouterr() == ("", f"error: {tmp_path} holds no run: there is no manifest.json\n")


def test_a_run_without_queues(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run({"office": {"class": "virtual", "hours": []}}, [])
    assert call(str(run.folder)) == 2
    message = f"error: {run.folder} has no queues: none of its providers has capacity or hours\n"
    assert capsys.readouterr() == ("", message)


def test_without_matplotlib_there_is_a_table_and_no_picture(clinic: MakeRun, tmp_path: Path) -> None:
    folder, picture = clinic().folder, tmp_path / "queues.png"
    for arguments, expected in (
        ([str(folder)], (0, CLINIC, "")),
        (
            [str(folder), "--picture", str(picture)],
            (2, "", "error: pictures need matplotlib: pip install 'lifecourse[plots]'\n"),
        ),
    ):
        without = "import sys; sys.modules['matplotlib'] = None"
        script = f"{without}; from sim import cli; cli.main({['queues', *arguments]})"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == expected
    assert not picture.exists()
