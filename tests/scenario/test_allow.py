"""`allow:` silences a warning where it stands, and only there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sim.scenario import check

SMALL = Path(__file__).parent / "data" / "small"
ONSET = "onset: {value: 0.01 per year, ci95: 0.005 to 0.02, source: book}"
UPTAKE = "uptake: {by: region, value: {north: 0.6, south: 0.7}, source: book}"


def rules(tmp_path: Path, *changes: tuple[str, str, str]) -> list[str]:
    folder = tmp_path / "small"
    shutil.copytree(SMALL, folder)
    for name, old, new in changes:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))
    return [f.rule for f in check(folder)[1]]


TWO_WITHOUT = (("lung.yaml", ONSET, ONSET.replace(", source: book", "")),
               ("lung.yaml", UPTAKE, UPTAKE.replace(", source: book", "")))  # fmt: skip


def test_without_it(tmp_path: Path) -> None:
    assert rules(tmp_path, *TWO_WITHOUT) == ["no-source"] * 2


def test_inside_a_named_thing_it_is_for_that_thing(tmp_path: Path) -> None:
    allowed = ("lung.yaml", "{value: 0.01 per year", "{allow: {no-source: ours}, value: 0.01 per year")
    assert rules(tmp_path, *TWO_WITHOUT, allowed) == ["no-source"]


@pytest.mark.parametrize(
    ("file", "old"),
    [("lung.yaml", "pathway: lung"), ("scenario.yaml", "scenario: small")],
    ids=["pathway", "all"],
)
def test_at_the_top_it_is_for_the_file_and_in_the_scenario_for_all(
    tmp_path: Path, file: str, old: str
) -> None:
    assert rules(tmp_path, *TWO_WITHOUT, (file, old, f"{old}\nallow: {{no-source: ours}}")) == []


def test_where_there_is_nothing_to_allow_it_is_a_warning(tmp_path: Path) -> None:
    allowed = ("lung.yaml", "{value: 0.01 per year", "{allow: {no-source: ours}, value: 0.01 per year")
    assert rules(tmp_path, allowed) == ["unused-allow"]


def test_an_error_cannot_be_allowed(tmp_path: Path) -> None:
    broken = ("lung.yaml", "pathway: lung", "pathway: lung\nallow: {unknown-name: no}")
    assert rules(tmp_path, broken) == ["unknown-rule"]
