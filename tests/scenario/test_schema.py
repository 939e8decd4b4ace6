"""The JSON Schema that editors read is made from the models, and says the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sim.scenario.schema import VERBS, Pathway, ScenarioFile, json_schema


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema()


def test_it_is_json(schema: dict[str, Any]) -> None:
    assert json.loads(json.dumps(schema)) == schema


def test_unknown_keys_are_refused_everywhere(schema: dict[str, Any]) -> None:
    for name, definition in schema["$defs"].items():
        maps = [d for d in definition.get("anyOf", [definition]) if "properties" in d]
        assert [d["additionalProperties"] for d in maps] == [False], name


def test_it_has_the_keys_of_the_files(schema: dict[str, Any]) -> None:
    assert schema["$defs"]["Pathway"]["properties"].keys() == Pathway.keys()
    assert schema["$defs"]["ScenarioFile"]["properties"].keys() == ScenarioFile.keys()
    assert set(schema["$defs"]["ScenarioFile"]["required"]) == {"scenario", "window", "population"}


def test_exits_are_keys_with_an_arrow(schema: dict[str, Any]) -> None:
    state = schema["$defs"]["State"]
    assert "exits" not in state["properties"]
    assert list(state["patternProperties"]) == ["^->"]


def test_steps_are_one_of_the_verbs(schema: dict[str, Any]) -> None:
    text = json.dumps(schema["$defs"]["Protocol"]["properties"]["steps"])
    for verb, model in VERBS.items():
        assert f"#/$defs/{model.__name__}" in text
        assert {verb} <= model.keys()


def test_one_may_stand_for_a_list(schema: dict[str, Any]) -> None:
    starts = schema["$defs"]["Protocol"]["properties"]["starts"]
    assert starts["anyOf"] == [
        {"$ref": "#/$defs/Start"},
        {"type": "array", "items": {"$ref": "#/$defs/Start"}},
    ]
