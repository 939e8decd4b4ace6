"""What the language plans and this release has not built is recognised by its name, wherever it may stand."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sim.scenario import check

SMALL = Path(__file__).parent / "data" / "small"

# Where something can be added: what stands there, and the same with {} in its place.
PLACES = {
    "pathway": ("lung.yaml", "disease:\n", "{}: {{x: 1}}\ndisease:\n"),
    "drug": ("lung.yaml", "syrup: {", "syrup: {{{}: x, "),
    "start": ("lung.yaml", "starts: {", "starts: {{{}: x, "),
    "protocol": ("lung.yaml", "    until: age > 90", "    {}: x"),
    "do": ("lung.yaml", "{do: advice}", "{{do: advice, {}: x}}"),
    "population": ("scenario.yaml", "  size: 1000", "  size: 1000\n  {}: x"),
    "scenario": ("scenario.yaml", "providers:", "{}: x\nproviders:"),
}
PLANNED = {
    "pathway": "expect",
    "scenario": "expect",
}
CASES = [(place, word) for place, words in PLANNED.items() for word in words.split()]


@pytest.mark.parametrize(("place", "word"), CASES)
def test_it_is_recognised(tmp_path: Path, place: str, word: str) -> None:
    folder = tmp_path / "small"
    shutil.copytree(SMALL, folder)
    name, old, new = PLACES[place]
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new.format(word), 1))
    scenario, findings = check(folder)
    assert scenario is None
    errors = [f for f in findings if f.severity == "error"]
    assert [f.rule for f in errors] == ["not-built-yet"]
    assert errors[0].message == f"`{word}:` is planned, but not built in this release"
