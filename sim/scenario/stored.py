"""A resolved scenario as bytes and back, so that a run can be read without the files that it was made from.

Gzipped JSON: a model is a map with its class under `is` and every field that is not at its default; a tuple
is a list.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
from functools import cache
from typing import Any

from sim.scenario import model
from sim.scenario.model import Scenario, Span


def stored(scenario: Scenario) -> bytes:
    """The bytes of a scenario, without what is expected of it."""
    bare = dataclasses.replace(scenario, expectations=())
    text = json.dumps(_plain(bare), ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), compresslevel=1, mtime=0)


def restored(content: bytes) -> Scenario:
    """The scenario of bytes that `stored` made. Raises ValueError, in a sentence, of any other."""
    try:
        found = _model(json.loads(gzip.decompress(content)))
    except (ValueError, TypeError, EOFError, OSError) as error:
        raise ValueError("the scenario of the run was stored by another version, or is damaged") from error
    if not isinstance(found, Scenario):
        raise ValueError("what is stored is no scenario")
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if not dataclasses.is_dataclass(value):
        return value
    if isinstance(value, Span):
        return {"is": "Span", "at": [value.file, value.line, value.column, value.length]}
    kept = {"is": type(value).__name__}
    kind: Any = type(value)
    for name, default in _fields(kind):
        content = getattr(value, name)
        if type(content) is not type(default) or content != default:
            kept[name] = _plain(content)
    return kept


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any], ...]:
    """The names of a model's fields, and their defaults."""
    return tuple((field.name, field.default) for field in dataclasses.fields(kind))


def _model(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_model(item) for item in value)
    if not isinstance(value, dict):
        return value
    kind = _kinds().get(str(value.get("is")))
    if kind is None:
        raise ValueError(f"there is no model {value.get('is')!r}")
    if kind is Span:
        return Span(*value["at"])
    return kind(**{name: _model(content) for name, content in value.items() if name != "is"})


@cache
def _kinds() -> dict[str, Any]:
    """The classes of the model, by name."""
    kinds = (kind for kind in vars(model).values() if isinstance(kind, type))
    return {kind.__name__: kind for kind in kinds if dataclasses.is_dataclass(kind)}
