"""`sim check --fix` mends what has one obvious mend, leaves the rest alone, and makes nothing worse."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import sim
from sim.scenario import check
from sim.scenario.mend import mended, write

SMALL = Path(__file__).parent / "data" / "small"

# what stands in lung.yaml, and the slip that is mended back to it
MENDED = {
    "a key": ("biomarkers:", "biomarkerz:"),
    "a key in braces": ("{rate: 2 per year, while: in(ill)}", "{rate: 2 per year, whille: in(ill)}"),
    "a name": ("test: peak_flow", "test: peak_flwo"),
    "a name in an expression": ("last(peak_flow)", "last(peek_flow)"),
    "a verb": ("{perform: talk}", "{preform: talk}"),
    "a state": ("-> heavy: {after", "-> heavvy: {after"),
    "a word": ("uniform(1 week", "unifrom(1 week"),
    "a level": ("south: 0.7", "soutth: 0.7"),
    "quotes": ('"weibull(shape=1.5, scale=20 years)"', "weibull(shape=1.5, scale=20 years)"),
    "a tab": ("    steps: {perform: talk}", "\tsteps: {perform: talk}"),
    "a space after a colon": ("    unit: L/min", "    unit:L/min"),
    "a line twice": ("        reason: cough\n", "        reason: cough\n        reason: cough\n"),
    "a key twice in braces": ("{upon: talk, chance: 0.2}", "{upon: talk, upon: talk, chance: 0.2}"),
    "a truth": ("while: in(ill)", "while: ill"),
    "a percentage": ("chance: 0.2", "chance: 20 %"),
    "an allow for nothing": ("  cough: {snomed", "  cough: {allow: {check-digit: why}, snomed"),
}
LEFT = {
    "a name that could be two": ("reason: cough", "reason: xyz"),
    "a missing unit": ("after: 1 year", "after: 1"),
    "another value of one key": ("        reason: cough\n", "        reason: cough\n        reason: cold\n"),
    "a check digit": ("49727002", "49727003"),
}


def spoiled(tmp_path: Path, *slips: tuple[str, str]) -> Path:
    folder = tmp_path / "small"
    shutil.copytree(SMALL, folder)
    text = (folder / "lung.yaml").read_text()
    for right, slip in slips:
        assert right in text
        text = text.replace(right, slip, 1)
    (folder / "lung.yaml").write_text(text)
    return folder


def fix(folder: Path) -> dict[Path, tuple[str, str]]:
    made = mended(lambda: check(folder)[1], folder)
    for path, (_, after) in made.items():
        write(path, after)
    return made


@pytest.mark.parametrize("slip", MENDED)
def test_a_slip_is_mended_and_nothing_else(tmp_path: Path, slip: str) -> None:
    folder = spoiled(tmp_path, MENDED[slip])
    assert check(folder)[1]
    assert fix(folder)
    assert (folder / "lung.yaml").read_text().replace("0.20", "0.2") == (SMALL / "lung.yaml").read_text()
    assert check(folder)[1] == ()
    assert fix(folder) == {}


@pytest.mark.parametrize("slip", LEFT)
def test_what_is_not_obvious_is_left(tmp_path: Path, slip: str) -> None:
    folder = spoiled(tmp_path, LEFT[slip])
    assert check(folder)[1]
    assert fix(folder) == {}


def test_all_at_once(tmp_path: Path) -> None:
    """What stops the reading of a file is mended first, and then what it hid."""
    slips = [slip for name, slip in MENDED.items() if name not in ("a key in braces", "a verb", "a truth")]
    folder = spoiled(tmp_path, *slips)
    fix(folder)
    assert (folder / "lung.yaml").read_text() == (SMALL / "lung.yaml").read_text()


def test_comments_and_layout_stay(tmp_path: Path) -> None:
    folder = spoiled(tmp_path, ("conditions:", "conditionz:   # what a record says\r"))
    (folder / "lung.yaml").write_bytes(b"\xef\xbb\xbf" + (folder / "lung.yaml").read_bytes())
    before = (folder / "lung.yaml").read_bytes()
    fix(folder)
    assert (folder / "lung.yaml").read_bytes() == before.replace(b"conditionz", b"conditions")
    assert sorted(p.name for p in folder.iterdir()) == sorted(p.name for p in SMALL.iterdir())


def test_a_year_that_a_rate_sees_in_its_middle(tmp_path: Path) -> None:
    folder = spoiled(tmp_path, ("while: age >= 20", "while: year <= 2012 and age >= 20"))
    fix(folder)
    assert "while: year < 2013 and age >= 20" in (folder / "lung.yaml").read_text()


def test_the_command_shows_what_it_changed(tmp_path: Path) -> None:
    folder = spoiled(tmp_path, ("test: peak_flow", "test: peak_flwo"))
    done = CliRunner().invoke(sim, ["check", "--fix", str(folder)])
    assert done.exit_code == 0, done.output
    assert "-          - test: peak_flwo\n+          - test: peak_flow\n" in done.output
    again = CliRunner().invoke(sim, ["check", "--fix", str(folder)])
    assert "@@" not in again.output
