"""JSON Schemas of the files that authors write, made from the models: what an editor completes, explains and
marks.

They say what has which shape. What names and expressions mean, `sim check` alone knows.
"""

from __future__ import annotations

import ast
import inspect
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from sim.scenario import schema
from sim.scenario.schema import VERBS, ParameterFile, Pathway, ScenarioFile
from sim.scenario.shapes import Model, exactly_one

JsonSchema = dict[str, Any]
Texts = dict[str, dict[str, str]]

FILES: dict[str, type[Model]] = {"scenario": ScenarioFile, "pathway": Pathway, "parameters": ParameterFile}
_IN_PARTS = ("window", "population", "mortality")  # of which a variant gives what differs
_STEP = {"$ref": "#/$defs/Step"}


def json_schema(name: str, kind: type[Model]) -> JsonSchema:
    """The schema (draft 2020-12) of the files that a model reads, with the texts under its keys."""
    texts = _texts(schema) | _texts(inspect.getmodule(kind))
    made = kind.model_json_schema(schema_generator=_Generator)
    definitions = made.pop("$defs")
    definitions[kind.__name__] = made
    for model, definition in definitions.items():
        for part in definition.get("anyOf", [definition]):
            _describe(part, texts[model])
    definitions = _with_one_step(definitions)
    whole: JsonSchema = {"$ref": f"#/$defs/{kind.__name__}"}
    if kind is Pathway:
        definitions["Step"] = _step(texts)
    if kind is ScenarioFile:
        definitions["Variant"] = _variant(made)
        whole = {"if": {"required": ["extends"]}, "then": {"$ref": "#/$defs/Variant"}, "else": whole}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Lifecourse {name}",
        **whole,
        "$defs": definitions,
    }


class _Generator(GenerateJsonSchema):
    """Leaves out what helps nobody in an editor: null as a value, defaults, titles of keys."""

    def nullable_schema(self, schema: Any) -> JsonSchema:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> JsonSchema:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _texts(module: Any) -> Texts:
    """What stands under each field of each model, in one line, by model and key.

    pydantic can do this too, but does it whenever a model is defined, and so slows down every command.
    """
    told: Texts = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if not (isinstance(node, ast.ClassDef) and issubclass(getattr(module, node.name), Model)):
            continue
        texts = told[node.name] = {}
        for base in node.bases:
            texts |= told.get(ast.unparse(base), {})
        for field, below in zip(node.body, node.body[1:], strict=False):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    key = getattr(module, node.name).model_fields[name].alias or name
                    texts[key] = " ".join(text.split())
    return told


def _describe(part: JsonSchema, texts: dict[str, str]) -> None:
    if "description" in part:
        part["description"] = " ".join(part["description"].split())
    for key, value in part.get("properties", {}).items():
        if key in texts:
            value["description"] = texts[key]
    for value in part.get("patternProperties", {}).values():
        value["description"] = texts["->"]


def _with_one_step(node: Any) -> Any:
    """The same with `_STEP` wherever a step may be any of the verbs."""
    if isinstance(node, list):
        return [_with_one_step(item) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node.get("oneOf", ())) == len(VERBS):
        return {key: value for key, value in node.items() if key != "oneOf"} | _STEP
    return {key: _with_one_step(value) for key, value in node.items()}


def _step(texts: Texts) -> JsonSchema:
    """A step: its verb decides what may be beside it, so that an editor says what is wrong with that verb and
    not with all of them.
    """
    return {
        "title": "Step",
        "description": "a map with exactly one verb, and its options beside it",
        "type": "object",
        "properties": {verb: {"description": texts[kind.__name__][verb]} for verb, kind in VERBS.items()},
        "oneOf": exactly_one(VERBS),
        "allOf": [
            {"if": {"type": "object", "required": [verb]}, "then": {"$ref": f"#/$defs/{kind.__name__}"}}
            for verb, kind in VERBS.items()
        ],
    }


def _variant(scenario: JsonSchema) -> JsonSchema:
    """A scenario that extends another: it needs no more, and gives parts of some maps."""
    properties = scenario["properties"]
    parts = {key: {"description": properties[key]["description"]} for key in _IN_PARTS}
    return scenario | {"properties": properties | parts, "required": ["scenario", "extends"]}
