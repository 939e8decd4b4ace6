"""`sim draw`: which files it makes, and what it says where it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sim

ROOT = Path(__file__).parents[2]
THIRTY = Path(__file__).parent / "thirty_states"
DIABETES = ROOT / "scenarios" / "diabetes"


def draw(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    script = "from sim.cli import main; main()"
    command = [sys.executable, "-c", script, "draw", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def test_a_folder_of_all_pathways(tmp_path: Path) -> None:
    done = draw(THIRTY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = tmp_path / "outputs" / "drawings" / "thirty-states"
    names = {f"{name}.{kind}" for name in ("overview", "colorectal", "pregnancy") for kind in ("svg", "mmd")}
    assert {path.name for path in made.iterdir()} == names
    assert len(done.stdout.splitlines()) == len(names)
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    draw(THIRTY, cwd=tmp_path)
    assert before == {path.name: path.read_bytes() for path in made.iterdir()}


def test_one_file(tmp_path: Path) -> None:
    assert draw(THIRTY, "--pathway", "pregnancy", "--out", "deep/one.svg", cwd=tmp_path).returncode == 0
    assert (tmp_path / "deep" / "one.svg").read_text().startswith("<svg ")
    assert draw(THIRTY, "--pathway", "pregnancy", "--out", "one.mmd", cwd=tmp_path).returncode == 0
    assert (tmp_path / "one.mmd").read_text().startswith("flowchart TD\n  accTitle: pregnancy\n")
    assert draw(THIRTY, "--out", "all.mmd", cwd=tmp_path).returncode == 0
    assert (tmp_path / "all.mmd").read_text().startswith("flowchart TD\n  accTitle: thirty states\n")


def test_a_run(tmp_path: Path) -> None:
    made = sim.run(THIRTY, patients=30, out=tmp_path / "run", threads=1)
    done = draw(THIRTY, "--pathway", "colorectal", "--run", "run", "--out", "x.svg", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{made.rows['patients']} people, 2000-01-01 to 2020-01-01" in (tmp_path / "x.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((DIABETES, "--pathway", "kidny"), "error: there is no pathway kidny; did you mean `kidney`?"),
        ((DIABETES, "--pathway", "overview"), "error: there is no pathway overview; one of primary_care, "),
        (
            (DIABETES, "--out", "kidney.png"),
            "error: a drawing is a .svg or .mmd file, and kidney.png is neither",
        ),
        ((DIABETES, "--run", "nowhere"), "error: "),
        (("nothing",), "there is no such file"),
    ],
)
def test_mistakes(tmp_path: Path, arguments: tuple[object, ...], message: str) -> None:
    done = draw(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
