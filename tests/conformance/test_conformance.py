"""Every construct of the language means today what it meant when its case was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.scenario import check, load, schema
from sim.scenario.model import DISTRIBUTIONS
from sim.scenario.runtimes import only_agents
from sim.scenario.shapes import Model
from sim.scenario.words import CLOCKS, FUNCTIONS, PIECEWISE, READS
from tests.conformance import cases

OPERATORS = (
    "if",
    "else",
    "and",
    "or",
    "not",
    "or_else",
    "+",
    "-",
    "*",
    "/",
    "**",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "!=",
)

IN_KERNEL = [case for case in cases.CASES if not only_agents(load(case))]
each = pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)


def digest(case: Path) -> str:
    return (case / cases.DIGEST).read_text().strip()


@each
def test_it_has_no_warnings(case: Path) -> None:
    scenario, findings = check(case)
    assert scenario
    assert [f"{f.span}: {f.message}" for f in findings] == []


@pytest.mark.parametrize("case", IN_KERNEL, ids=lambda case: case.name)
def test_the_kernel_lives_it(case: Path) -> None:
    scenario = load(case)
    assert cases.digest_of(scenario, cases.by_kernel(scenario)) == digest(case)


@each
def test_the_agents_live_it(case: Path) -> None:
    scenario = load(case)
    assert cases.digest_of(scenario, cases.by_agents(scenario)) == digest(case)


@each
def test_the_resolved_form_is_that_scenario(case: Path, tmp_path: Path) -> None:
    text = (case / cases.RESOLVED).read_text()
    assert cases.resolved_text(case) == text
    again = cases.write_resolved(case, text, tmp_path)
    assert cases.resolved_text(again) == text
    scenario = load(again)
    simulate = cases.by_agents if only_agents(scenario) else cases.by_kernel
    assert cases.digest_of(scenario, simulate(scenario)) == digest(case)


# ---- nothing is left out


def keys_of(thing: Any) -> Iterator[tuple[str, str]]:
    """The keys that an author gave, each with the model that it belongs to."""
    if isinstance(thing, Model):
        yield from ((type(thing).__name__, key) for key in sorted(type(thing).keys()) if thing.has(key))
        for name in type(thing).model_fields:
            yield from keys_of(getattr(thing, name))
    elif isinstance(thing, dict):
        for item in thing.values():
            yield from keys_of(item)
    elif isinstance(thing, list | tuple):
        for item in thing:
            yield from keys_of(item)


def models(model: type[Model] = Model) -> Iterator[type[Model]]:
    for kind in model.__subclasses__():
        yield kind
        yield from models(kind)


def test_every_key_and_verb_occurs() -> None:
    given = set[tuple[str, str]]()
    for case in cases.CASES:
        found = cases.documents(case)
        given |= set(keys_of([found.scenario, *found.pathways]))
    shared = set(schema.AnyStep.keys())  # the same wherever they stand
    leaves = [m for m in models() if m.__module__ == schema.__name__ and not m.__subclasses__()]
    leaves.remove(schema.ParameterFile)  # see below
    wanted = {(m.__name__, key) for m in leaves for key in m.keys() - shared}
    assert sorted(wanted - given) == []
    assert {key for _, key in given} >= shared


def test_every_key_of_a_file_of_parameters_occurs() -> None:
    text = (cases.HERE / "parameter_files" / "fitted.yaml").read_text()
    assert set(re.findall(r"^(\w+):", text, re.MULTILINE)) == schema.ParameterFile.keys()


def test_every_word_occurs() -> None:
    written = "\n".join(text for case in cases.CASES for text in cases.texts(case))
    called = set(re.findall(r"(\w+)\(", written))
    words = set(re.findall(r"\w+", written))
    assert sorted({*READS, *FUNCTIONS, *DISTRIBUTIONS, PIECEWISE} - called) == []
    assert sorted(set(CLOCKS) - words) == []
    assert [operator for operator in OPERATORS if f" {operator} " not in written] == []
