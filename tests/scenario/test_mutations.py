"""Hundreds of spoiled scenarios: what is wrong is told, at its place; what is suspicious is seen."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from sim.scenario import check
from sim.scenario.mend import is_worse, mended, write

_SPEC = importlib.util.spec_from_file_location("mutations", Path(__file__).with_name("mutations.py"))
assert _SPEC
assert _SPEC.loader
mutations: Any = importlib.util.module_from_spec(_SPEC)
sys.modules["mutations"] = mutations  # where its dataclasses look for themselves
_SPEC.loader.exec_module(mutations)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return mutations.copies(tmp_path)


@pytest.mark.slow
def test_what_is_illegal_is_told_where_it_is(place: Path) -> None:
    """An error of any rule at a line that was edited, or that lies above or beside one that was taken out."""
    table = mutations.illegal(place)
    files = sum(row.files for row in table.values())
    assert files >= 500
    assert not [kind for kind, row in table.items() if row.accepted]
    assert sum(row.there for row in table.values()) >= 0.95 * files
    assert sum(row.first for row in table.values()) >= 0.95 * files


@pytest.mark.slow
def test_no_mend_makes_anything_worse_and_a_second_one_changes_nothing(place: Path) -> None:
    mends = 0
    for mutation in mutations.chosen(
        mutations.ILLEGAL, {"blood_pressure_coaching": 8, "elective_surgery": 1}, 5
    ):
        folder = place / mutation.scenario
        file = folder / mutation.file
        whole = file.read_text()
        file.write_text("\n".join(mutation.spoiled.lines) + "\n")
        before = check(folder)[1]
        made = mended(lambda folder=folder: check(folder)[1], folder)
        if made:
            mends += 1
            assert made.keys() == {file}
            write(file, made[file][1])
            assert not is_worse(before, check(folder)[1]), mutation
            assert mended(lambda folder=folder: check(folder)[1], folder) == {}, mutation
        file.write_text(whole)
    assert mends >= 20


@pytest.mark.slow
def test_what_is_suspicious_is_seen(place: Path) -> None:
    """Any warning is due to the mutation: the scenarios have none."""
    table = mutations.suspicious(place)
    assert sum(rules["files"] for rules in table.values()) >= 200
    assert {kind for kind, rules in table.items() if rules[""] > 0} <= {"per day", "never stopped"}
    assert sum(rules[""] for rules in table.values()) <= 10
    for kind, rule in EXPECTED.items():
        assert table[kind][rule] >= 0.9 * table[kind]["files"], kind


EXPECTED = {
    "wrong digit": "check-digit",
    "no source": "no-source",
    "no chance": "never-taken",
    "never started": "never-started",
    "truth read": "care-reads-truth",
    "twins": "one-letter-apart",
    "odd unit": "unusual-unit",
    "outside interval": "value-outside-interval",
    "steep": "steep-rate",
    "short table": "table-too-short",
    "extra column": "unused-column",
    "idle allow": "unused-allow",
}
