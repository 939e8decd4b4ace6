"""What the documentation shows is what happens, and it leaves nothing of the language out."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.records.schema import CODES, IMPERFECTIONS, LOGGED, PATIENTS, WEIGHTED
from sim.scenario import schema
from sim.scenario.model import DISTRIBUTIONS
from sim.scenario.shapes import Model
from sim.scenario.words import CLOCKS, FUNCTIONS, READS

_SPEC = importlib.util.spec_from_file_location("documents", Path(__file__).with_name("documents.py"))
assert _SPEC
assert _SPEC.loader
documents: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(documents)

ROOT, DOCUMENTS = documents.ROOT, documents.DOCUMENTS
LANGUAGE = (ROOT / "docs/reference/language.md").read_text()
RECORDS = (ROOT / "docs/reference/records.md").read_text()
_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_the_examples_do_what_the_text_shows(document: Path, tmp_path: Path) -> None:
    assert documents.as_run(document, tmp_path) == document.read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    missing = []
    for link in _LINK.findall(_BLOCK.sub("", document.read_text())):
        name, _, heading = link.partition("#")
        page = document.parent / name if name else document
        if not page.exists() or (heading and heading not in _headings(page)):
            missing.append(link)
    assert not missing


def _headings(page: Path) -> set[str]:
    """What a page's headings are called in links, as GitHub has it."""
    titles = re.findall(r"^#+ (.*)$", _BLOCK.sub("", page.read_text()), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in titles)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in plain}


def _models(model: type[Model] = Model) -> Iterator[type[Model]]:
    for kind in model.__subclasses__():
        yield kind
        yield from _models(kind)


@pytest.mark.parametrize("model", [m for m in _models() if m.__module__ == schema.__name__])
def test_the_reference_tells_every_key(model: type[Model]) -> None:
    known = model.keys()
    keys = {key for key in known if not key.startswith("->")}
    assert not [key for key in sorted(keys) if f"`{key}`" not in LANGUAGE and f"`{key}:`" not in LANGUAGE]


def test_the_reference_tells_every_word() -> None:
    words = {*READS, *CLOCKS, *FUNCTIONS, *DISTRIBUTIONS, *schema.VERBS}
    told = set(re.findall(r"`(\w+)(?::|\(.*?\))?`", LANGUAGE))
    assert words <= told, words - told


TOLD = (PATIENTS, WEIGHTED, *LOGGED.values(), CODES, IMPERFECTIONS)


@pytest.mark.parametrize("table", TOLD, ids=lambda t: t.name)
def test_the_reference_tells_every_column(table: Any) -> None:
    section = RECORDS.partition(f"### `{table.name}`\n")[2].partition("\n##")[0]
    assert [c.name for c in table.columns if f"`{c.name}`" not in section] == []
