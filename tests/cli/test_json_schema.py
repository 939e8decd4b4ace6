"""The JSON Schemas that editors read are made from the models, and judge files as these do."""

from __future__ import annotations

import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sim.cli.schemas import json_schemas, write_json_schemas
from sim.scenario.diagnostics import Findings
from sim.scenario.loader import Mapping, Node, Sequence, load_yaml
from sim.scenario.schema import VERBS, ParameterFile, Pathway, ScenarioFile

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs/schema"
SCHEMAS = json_schemas()
LANGUAGE = (ROOT / "docs/reference/language.md").read_text()
FILES = sorted(
    path
    for folder in ("scenarios", "tests/conformance", "tests/scenario/data")
    for path in (ROOT / folder).rglob("*.yaml")
    if path.parent.name != "resolved"
)

_SPEC = importlib.util.spec_from_file_location("documents", ROOT / "tests/docs/documents.py")
assert _SPEC
assert _SPEC.loader
documents: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(documents)


def plain(node: Node) -> Any:
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.items()}
    return [plain(item) for item in node] if isinstance(node, Sequence) else node.value


@cache
def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[kind])


def complaints(text: str, kind: str = "") -> list[str]:
    """Where the schema of a file's kind refuses it: the keys that lead there."""
    data = plain(load_yaml(text, "file.yaml", Findings()))
    kind = kind or next((k for k in ("scenario", "pathway", "measures") if k in data), "parameters")
    return [".".join(map(str, error.absolute_path)) for error in validator(kind).iter_errors(data)]


def test_those_that_are_published_are_those_of_this_version(tmp_path: Path) -> None:
    made = write_json_schemas(tmp_path / "schema")
    assert {path.name: path.read_text() for path in made} == {
        path.name: path.read_text() for path in PUBLISHED.iterdir()
    }, "write them again: sim schema docs/schema"


@pytest.mark.parametrize("kind", SCHEMAS)
def test_they_are_json_schemas(kind: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[kind])
    assert json.loads(json.dumps(SCHEMAS[kind])) == SCHEMAS[kind]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_scenario_meets_them(path: Path) -> None:
    assert complaints(path.read_text()) == []


def test_every_example_of_the_reference_meets_them() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```$", LANGUAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 40
    for block in blocks:
        a_file = block.startswith("# file:")
        for text in [block] if a_file else documents.frame(block).values():
            assert complaints(text) == [], text


MISTAKES = {
    "an unknown key": ("disease: {x: {a: {}}}\nbiomakers: {}", ""),
    "an unknown key, deep": ("events: {fall: {rate: 1 per year, whle: age > 3}}", "events.fall"),
    "an unknown key beside a verb": ("care: {p: {steps: [{visit: clinic, reson: x}]}}", "care.p.steps"),
    "two verbs": ("care: {p: {steps: [{test: x, diagnose: y}]}}", "care.p.steps"),
    "no verb": ("care: {p: {steps: [{perscribe: x}]}}", "care.p.steps"),
    "a verb inside a branch": ("care: {p: {steps: {if: age > 3, then: {tst: x}}}}", "care.p.steps"),
    "two ways in an exit": (
        "disease: {x: {a: {-> b: {rate: 1 per year, after: 3 days}}, b: {}}}",
        "disease.x.a.-> b",
    ),
    "a list for an expression": ("formulas: {x: [1, 2]}", "formulas.x"),
    "a map for a name": ("care: {p: {steps: {visit: {clinic: 1}}}}", "care.p.steps"),
    "a text for a whole number": ("biomarkers: {x: {unit: mmHg, decimals: [1]}}", "biomarkers.x.decimals"),
    "a text for a truth value": ("drugs: {x: {as_needed: sometimes}}", "drugs.x.as_needed"),
    "nothing for an expression": ("events: {fall: {rate: }}", "events.fall.rate"),
    "a missing key": ("biomarkers: {x: {value: 3}}", "biomarkers.x"),
    "what is no name": ("conditions: {2nd_infarction: {}}", "conditions"),
    "a date in words": ("care: {p: {valid: {from: May 2010}, steps: {visit: x}}}", "care.p.valid.from"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_refused_where_they_are(mistake: str) -> None:
    text, where = MISTAKES[mistake]
    found = complaints(f"pathway: x\n{text}\n")
    assert found
    assert all(path.startswith(where) for path in found), found


SCENARIO = "scenario: x\nwindow: {from: 2000-01-01, to: 2010-01-01}\npopulation: {size: 10}\n"


def test_mistakes_in_a_scenario() -> None:
    assert complaints(SCENARIO) == []
    assert complaints(SCENARIO.replace("2010-01-01", "then")) == ["window.to"]
    assert complaints(SCENARIO.replace("{size: 10}", "{}")) == ["population"]
    assert complaints(SCENARIO + "care: {}\n") == [""]
    assert complaints(SCENARIO + "providers: {x: {class: outpatient}}\n") == ["providers.x.class"]


def test_a_variant_gives_parts() -> None:
    assert complaints("scenario: x\nextends: ../y\npopulation: {size: 10}\n") == []
    assert complaints("scenario: x\nextends: ../y\npopulaton: {size: 10}\n") == [""]
    assert complaints("scenario: x\npopulation: {size: 10}\n") == [""]


def test_a_file_of_parameters() -> None:
    text = "parameters: {a.b: 3 per year, c: {value: {low: 1, high: 2}, source: x}}\n"
    assert complaints(text) == []
    assert complaints(text.replace("source", "sorce")) == ["parameters.c"]


def test_a_file_of_measures() -> None:
    text = 'measures: {a: prevalence(x), b: {measure: rate(y), by: [sex, "age(40, 60)"]}}\n'
    assert complaints(text) == []
    assert complaints(text.replace("by:", "bye:")) == ["measures.b"]


def test_nothing_may_stand_for_what_needs_nothing() -> None:
    assert complaints("pathway: x\nparameters:\ndisease: {x: {a: , b: {}}}\nconditions: {c: }\n") == []


# ---- what an editor tells


def maps(kind: str) -> list[tuple[str, dict[str, Any]]]:
    definitions = SCHEMAS[kind]["$defs"].items()
    return [
        (name, part)
        for name, made in definitions
        for part in made.get("anyOf", [made])
        if "properties" in part
    ]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_key_is_explained(kind: str) -> None:
    for name, part in maps(kind):
        for key, value in {**part["properties"], **part.get("patternProperties", {})}.items():
            assert value["description"], (name, key)


def test_they_have_the_keys_of_the_files() -> None:
    for kind, model in {"scenario": ScenarioFile, "pathway": Pathway, "parameters": ParameterFile}.items():
        assert SCHEMAS[kind]["$defs"][model.__name__]["properties"].keys() == model.keys()


def test_a_step_completes_to_the_verbs_and_each_to_its_options() -> None:
    step = SCHEMAS["pathway"]["$defs"]["Step"]
    assert step["properties"].keys() == VERBS.keys()
    for rule, (verb, model) in zip(step["allOf"], VERBS.items(), strict=True):
        assert rule["if"]["required"] == [verb]
        definition = SCHEMAS["pathway"]["$defs"][rule["then"]["$ref"].rpartition("/")[2]]
        assert definition["properties"].keys() == model.keys()


def test_the_reference_says_the_same() -> None:
    """A row of a table of keys has the text that an editor shows of such a key."""
    told: dict[str, set[str]] = {}
    for kind in SCHEMAS:
        for _, part in maps(kind):
            for key, value in part["properties"].items():
                told.setdefault(key, set()).add(value["description"])
    rows = re.findall(r"^\| `(\w+):` \| (?!units )(.+?) (?:\| .*)?\|$", LANGUAGE, re.MULTILINE)
    rows = [(key, re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)) for key, text in rows]
    assert len(rows) > 80
    rows = [(key, text) for key, text in rows if key in told]
    assert [(key, text, told[key]) for key, text in rows if text not in told[key]] == []
