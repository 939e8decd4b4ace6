"""What the language's models are made of: maps with a closed list of keys, sections, lists, texts and
numbers.

pydantic checks the shape; every message is ours. A broken entry of a section or item of a list is reported
and left out, so that everything wrong is found in one go. The findings travel as the context of pydantic's
validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    PlainValidator,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from sim.scenario.diagnostics import Findings, shown
from sim.scenario.loader import Mapping, Node, Scalar, Sequence, place
from sim.scenario.model import Span
from sim.scenario.scope import nearest

M = TypeVar("M", bound="Model")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
ANYTHING = re.compile(r".+")
QUALIFIED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?", re.ASCII)


def wrong(rule: str, message: str, fix: str = "", key: str = "") -> PydanticCustomError:
    """An error for pydantic to carry; `report` turns it into a diagnostic at the value's place, or that of
    its `key`.
    """
    return PydanticCustomError("ours", "", {"rule": rule, "message": message, "fix": fix, "key": key})


def report(error: ValidationError, findings: Findings) -> None:
    """Every error that pydantic found, as diagnostics in our own words."""
    for found in error.errors(include_url=False):
        node = found["input"]
        if found["type"] == "missing":
            findings.error("missing-key", f"`{found['loc'][-1]}:` is missing here", place(node))
        else:
            ours = found["ctx"]
            at = node.span if isinstance(node, Scalar) and node.text else place(node)
            if isinstance(node, Mapping) and ours["key"] in node:
                at = place(node[ours["key"]])
            findings.error(ours["rule"], ours["message"], at, ours["fix"])


def model_of(node: Mapping, kind: type[M], findings: Findings) -> M | None:
    """The model that a file's map is, or None."""
    try:
        return kind.model_validate(node, context=findings)
    except ValidationError as error:
        report(error, findings)
        return None


def describe(node: Node) -> str:
    """A node in words."""
    if isinstance(node, Mapping):
        return "a map"
    if isinstance(node, Sequence):
        return "a list"
    return f"`{shown(node.text)}`" if node.text else "nothing"


# ---- maps


class Model(BaseModel):
    """A map with a closed list of keys; of `one_of` an author gives exactly one, if there are any."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    shorthand: ClassVar[str | None] = None  # the key that a lone value stands for
    one_of: ClassVar[tuple[str, ...]] = ()
    _node: Mapping = PrivateAttr()
    _keys: set[str] = PrivateAttr()

    @property
    def span(self) -> Span:
        """The place of the map: of its key, if it has one."""
        return place(self._node)

    @property
    def node(self) -> Mapping:
        """The map as it was read, with the keys that are known."""
        return self._node

    def holds(self, span: Span) -> bool:
        """Whether a place lies in the lines of the map, its key included."""
        return span.file == self.span.file and self.span.line <= span.line <= self._node.last_line

    def at(self, key: str) -> Span:
        """The place of one of its keys."""
        return place(self._node[key])

    def value_at(self, key: str) -> Span:
        """The place of the value of one of its keys."""
        return self._node[key].span

    def has(self, key: str) -> bool:
        """Whether the author gave this key."""
        return key in self._keys

    @classmethod
    def keys(cls) -> frozenset[str]:
        """The keys that there are."""
        return frozenset(field.alias or name for name, field in cls.model_fields.items())

    @classmethod
    def arranged(cls, node: Mapping, findings: Findings) -> Mapping:
        """The map as pydantic is to see it: unknown keys are reported and left out.

        An unknown key that is nearly a missing one is read as that: it does not hide what else is wrong.
        """
        known, kept = cls.keys(), node.like()
        for key, value in node.items():
            if key in known:
                kept[key] = value
            else:
                message = f"`{shown(key)}` is not a key that belongs here"
                meant = nearest(key, known)
                fix = f"did you mean `{meant}`?" if meant else f"one of {', '.join(sorted(known))}"
                findings.error("unknown-key", message, place(value), fix)
                if meant and meant not in node:
                    kept[meant] = value
        return kept

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, node: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if isinstance(node, Scalar) and (cls.shorthand if node.text else not cls.requires_keys()):
            lone = Mapping(node.span, node.span.line)
            lone.key = node.key
            if cls.shorthand and node.text:
                lone[cls.shorthand] = node
            node = lone
        if not isinstance(node, Mapping):
            raise wrong("wrong-shape", f"a map belongs here, and this is {describe(node)}", cls.example())
        arranged = cls.arranged(node, findings_of(info))
        model = handler(arranged)
        model._node, model._keys = arranged, arranged.keys() | node.keys()
        return model

    @classmethod
    def requires_keys(cls) -> bool:
        return any(field.is_required() for field in cls.model_fields.values())

    @classmethod
    def example(cls) -> str:
        """What a map of this kind looks like, as a fix."""
        return f"one with {', '.join(sorted(cls.keys()))}"

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """As `_read` has it: nothing may stand for a map that needs no key, a lone value for a shorthand."""
        schema: dict[str, Any] = handler.resolve_ref_schema(handler(core))
        if cls.one_of:
            schema["oneOf"] = exactly_one(cls.one_of)
        elif not cls.requires_keys():
            schema["type"] = ["object", "null"]
        return {"anyOf": [_EXPRESSION_SCHEMA, schema]} if cls.shorthand else schema


def exactly_one(keys: Iterable[str]) -> list[dict[str, Any]]:
    """The `oneOf` of a JSON Schema for maps that have exactly one of these keys; editors show its message."""
    message = f"exactly one of these belongs here: {', '.join(keys)}"
    return [{"required": [key], "errorMessage": message} for key in keys]


def findings_of(info: ValidationInfo) -> Findings:
    assert isinstance(info.context, Findings)
    return info.context


# ---- sections and lists


@dataclass(frozen=True)
class Section:
    """Marks a dict whose keys are names that the author invents; each entry is read on its own.

    `reserved` are words of the language that the names cannot be.
    """

    pattern: re.Pattern[str] = NAME
    reserved: frozenset[str] = frozenset()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_wrap_validator_function(self.entries, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core) | {"type": ["object", "null"]}
        if self.pattern is not ANYTHING:
            schema["propertyNames"] = {"pattern": f"^{self.pattern.pattern}$"}
        return schema

    def entries(
        self, node: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> dict[str, Any]:
        findings, entries = findings_of(info), dict[str, Any]()
        if isinstance(node, Scalar) and not node.text:
            return entries
        if not isinstance(node, Mapping):
            raise wrong("wrong-shape", f"a map of names belongs here, and this is {describe(node)}")
        for name, value in node.items():
            try:
                if self.accepts(name, place(value), findings):
                    entries |= handler({name: value})
            except ValidationError as error:
                report(error, findings)
                findings.broken.add(name)
        return entries

    def accepts(self, name: str, span: Span, findings: Findings) -> bool:
        if not self.pattern.fullmatch(name):
            message = f"`{shown(name)}` is not a name: letters, digits and _, not starting with a digit"
            mended = re.sub(r"[ -]+", "_", name)
            fix = f"did you mean `{mended}`?" if self.pattern.fullmatch(mended) else ""
            findings.error("bad-name", message, span, fix)
        elif name in self.reserved:
            message = f"`{name}` is a word of the language; nothing can be named so"
            findings.error("reserved-name", message, span, f"call it `{name}_` or another name")
        else:
            return True
        findings.broken.add(name)
        return False


class Items:
    """Marks a list; one item may stand without brackets. Each item is read on its own."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_wrap_validator_function(_items, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        array = handler(core)
        return {"anyOf": [array["items"], array]}


def _items(node: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> list[Any]:
    items = list[Any]()
    for item in node if isinstance(node, Sequence) else [node]:
        try:
            items += handler([item])
        except ValidationError as error:
            report(error, findings_of(info))
    return items


# ---- scalars


def _scalar(node: Node, what: str) -> Scalar:
    if not isinstance(node, Scalar) or not node.text:
        raise wrong("wrong-shape", f"{what} belongs here, and this is {describe(node)}")
    return node


def _expression(node: Node) -> Scalar:
    if isinstance(node, Mapping):
        message = "an expression belongs here, and this is a map"
        raise wrong("wrong-shape", message, "quote it if it holds `: ` or {")
    return _scalar(node, "an expression")


def _name(node: Node) -> Scalar:
    return _scalar(node, "a name")


def _text(node: Node) -> str:
    return _scalar(node, "a text").text


def _whole(node: Node) -> int:
    """A whole number; `10_000` is one."""
    scalar = _scalar(node, "a whole number")
    if not re.fullmatch(r"[+-]?[0-9][0-9_]*", scalar.text) or len(scalar.text) > 18:
        raise wrong("not-a-whole-number", f"a whole number belongs here, and this is {describe(node)}")
    return int(scalar.text)


def _truth(node: Node) -> bool:
    if not isinstance(node, Scalar) or not isinstance(node.value, bool):
        raise wrong("not-a-truth-value", f"true or false belongs here, and this is {describe(node)}")
    return node.value


def written(what: str, example: str) -> PlainValidator:
    """Accepts a text with a form of its own: `what` it is, in messages, and what one looks like."""

    def read(node: Node) -> Scalar:
        if not isinstance(node, Scalar) or not node.text:
            raise wrong("wrong-shape", f"{what} belong here, and this is {describe(node)}", example)
        return node

    return PlainValidator(read)


_EXPRESSION_SCHEMA = {"type": ["string", "number", "boolean"]}
Expression = Annotated[Scalar, PlainValidator(_expression), WithJsonSchema(_EXPRESSION_SCHEMA)]
Name = Annotated[Scalar, PlainValidator(_name), WithJsonSchema({"type": "string"})]
Text = Annotated[str, PlainValidator(_text), WithJsonSchema({"type": ["string", "number"]})]
Whole = Annotated[int, PlainValidator(_whole), WithJsonSchema({"type": ["integer", "string"]})]
Truth = Annotated[bool, PlainValidator(_truth), WithJsonSchema({"type": "boolean"})]
