"""Variants: a scenario that `extends` another states only what differs.

What a variant says is put into the maps of its base before either is looked at, so that whatever is wrong is
told at the place, and in the file, where it is written.

* Maps whose keys are the language's (`population`, `window`) are put together key by key.
* Sections of names are put together name by name; a named thing of the variant takes the place of the base's.
* Lists are added to.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from sim.scenario.diagnostics import Findings, fault, shown
from sim.scenario.home import base_of
from sim.scenario.loader import Mapping, Node, Scalar, Sequence, place, read_map
from sim.scenario.schema import Population
from sim.scenario.scope import did_you_mean
from sim.scenario.shapes import Items, Model, Section

OWN = ("scenario", "about", "extends", "without")  # keys that say nothing about a variant
EITHER = {"born": "alive_on", "alive_on": "born"}  # keys of a population that take each other's place

Level = tuple[Path, Mapping]


def levels(file: Path, files: list[Path], findings: Findings) -> list[Level] | None:
    """The scenario.yaml in `file` after those that it extends, the furthest first; None where one cannot be
    read as a whole.
    """
    found: list[Level] = []
    name: Scalar | None = None
    base: Path | None = file
    while base is not None:
        file = base
        if name and file.resolve() in {known.resolve() for known, _ in found}:
            findings.error("extends-circle", "this scenario extends itself in the end", name.span)
            return None
        node = read_map(file, name, files, findings)
        if node is None:
            return None
        if "pathway" in node and "scenario" not in node:
            message = "this is a pathway; a scenario is a folder, or the scenario.yaml in it"
            findings.error("not-a-scenario", message, place(node["pathway"]))
            return None
        found.append((file, node))
        extends = node.get("extends")
        if not isinstance(extends, Scalar) or not extends.text:
            return found[::-1]
        name = extends
        base = findings.attempt(partial(base_of, file, name))
    return None


def together(base: Mapping, variant: Mapping, kind: type[Model]) -> Mapping:
    """The map of a variant with what it does not state itself, which is the base's."""
    whole = variant.like()
    whole.update((key, value) for key, value in base.items() if key not in OWN)
    if kind is Population:
        for key in EITHER.keys() & variant.keys():
            whole.pop(EITHER[key], None)
    fields = {field.alias or name: field for name, field in kind.model_fields.items()}
    for key, value in variant.items():
        whole[key] = _value(whole[key], value, fields.get(key)) if key in whole else value
    return whole


def _value(base: Node, variant: Node, field: FieldInfo | None) -> Node:
    """What a key of both holds."""
    if field is None or (isinstance(variant, Scalar) and not variant.text):
        return base
    if _marked(field.metadata, Items):
        return _added(base, variant)
    if not isinstance(base, Mapping) or not isinstance(variant, Mapping):
        return variant
    if _marked(field.metadata, Section):
        inner = get_args(field.annotation)[1]
        return _named(base, variant, _marked(getattr(inner, "__metadata__", ()), Section))
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, Model):
            return together(base, variant, kind)
    return variant


def _marked(metadata: Any, mark: type) -> bool:
    return any(isinstance(item, mark) for item in metadata)


def _named(base: Mapping, variant: Mapping, deep: bool) -> Mapping:
    """A section; where it is one of sections (`disease`), these are put together likewise."""
    whole = variant.like()
    whole.update(base)
    for name, value in variant.items():
        old = base.get(name)
        both = deep and isinstance(old, Mapping) and isinstance(value, Mapping)
        whole[name] = _named(old, value, False) if both else value  # type: ignore[arg-type]
    return whole


def _added(base: Node, variant: Node) -> Sequence:
    whole = Sequence(variant.span, variant.span.line)
    whole.key = variant.key
    for node in (base, variant):
        whole.extend(node if isinstance(node, Sequence) else [node])
    return whole


def left_out(
    without: Node | None, scenario: Mapping, pathways: dict[str, Mapping], findings: Findings
) -> Mapping:
    """The base's scenario.yaml without what a variant leaves out; `pathways` lose theirs.

    What is left out is written as the keys that lead to it, from a pathway's name or a key of scenario.yaml
    on.
    """
    for path in without if isinstance(without, Sequence) else [without]:
        if not isinstance(path, Scalar) or not path.text:
            continue  # the schema tells what belongs here
        first, *rest = keys = path.text.split(".")
        if first not in pathways:
            known = {*pathways, *scenario} - set(OWN)
            kept = findings.attempt(partial(_removed, scenario, keys, path, known))
            scenario = scenario if kept is None else kept
        elif rest:
            kept = findings.attempt(partial(_removed, pathways[first], rest, path, set(pathways[first])))
            pathways[first] = pathways[first] if kept is None else kept
        else:
            del pathways[first]
    return scenario


def _removed(node: Mapping, keys: list[str], path: Scalar, known: set[str]) -> Mapping:
    first, *rest = keys
    if first not in node:
        message = f"the base has no `{shown(first)}` here to leave out"
        raise fault("unknown-name", message, path.span, did_you_mean(first, known))
    kept = node.like()
    kept.update(node)
    inside = kept.pop(first)
    if not rest:
        return kept
    if not isinstance(inside, Mapping):
        raise fault("unknown-name", f"`{shown(first)}` has no keys to leave out", path.span)
    kept[first] = _removed(inside, rest, path, set(inside))
    return kept
