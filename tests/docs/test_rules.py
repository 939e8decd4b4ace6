"""The reference of rules has every rule that the code can name, and shows each warning, given and mended."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.scenario.lint import WARNINGS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/reference/rules.md").read_text()
ERRORS = set(re.findall(r"^\| `([a-z-]+)` \|", TEXT, re.MULTILINE))
SECTIONS = dict(re.findall(r"^### `(\S+)`\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL))
_TELLS = {"error", "fault", "wrong", "warning", "Diagnostic"}


def _named() -> Iterator[str]:
    """Every rule that is named where a finding is made."""
    for path in (ROOT / "sim").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                first = node.args[0]
                if name in _TELLS and isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def test_every_rule_is_told_and_no_other() -> None:
    named = set(_named())
    assert named - WARNINGS.keys() == ERRORS
    assert SECTIONS.keys() == WARNINGS.keys()


@pytest.mark.parametrize("rule", sorted(WARNINGS.keys() - {"no-background"}))
def test_every_warning_has_an_example_and_is_mended(rule: str) -> None:
    """What the blocks do is run with the other documents."""
    *_, shown, mended = re.findall(r"^```yaml\n(.*?)^```", SECTIONS[rule], re.MULTILINE | re.DOTALL)
    first, _, suspicious = shown.partition("\n")
    assert rule in first.removeprefix("# warning: ").split(", ")
    assert not mended.startswith("#")
    assert mended != suspicious
