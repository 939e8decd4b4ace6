"""What a pathway needs of others: checked where there are others, and stood in for where a file is alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import yaml

from sim.scenario.arguments import kind_needed
from sim.scenario.diagnostics import Findings, shown
from sim.scenario.loader import Scalar
from sim.scenario.model import DATE, DURATION, RATE, TRUTH, Type
from sim.scenario.names import every_step, states_and_groups
from sim.scenario.reader import Reader
from sim.scenario.schema import Pathway, Visit
from sim.scenario.scope import Symbol, SymbolKind, did_you_mean, with_article
from sim.scenario.units import same_unit
from sim.scenario.words import VALUES

Plain = dict[str, Any]

STAND_IN = "(stand-in)"  # in place of the name of a file
OTHERS = "_others"  # the pathway that stands for all others
FRAME: Plain = {
    "scenario": STAND_IN,
    "window": {"from": "2000-01-01", "to": "2001-01-01"},
    "population": {
        "size": "1",
        "born": {"from": "1950-01-01", "to": "1960-01-01"},
        "sex": {"female": "0.5", "male": "0.5"},
    },
}
PROVIDER = {"class": "ambulatory", "capacity": "1"}
_MEASURED: tuple[SymbolKind, ...] = (*VALUES, "biomarker")
_EXAMPLES = {DURATION: "1 day", RATE: "1 per year", DATE: "2000-01-01", TRUTH: "bernoulli(0.5)"}


def check_needs(pathway: Pathway, reader: Reader, findings: Findings) -> None:
    """Errors for what `pathway` needs and nothing defines: `unmet-need`, `wrong-type`, `same-name`."""
    for name, text in pathway.needs.items():
        place = text.key or text.span
        kind = findings.attempt(partial(kind_needed, text, reader.scope.units))
        if kind is None or reader.is_broken(name):
            continue
        kinds = _MEASURED if isinstance(kind, Type) else (kind,)
        found = reader.scope.meanings(name, kinds)
        if any(s.name == f"{reader.scope.pathway}.{name}" for s in found):
            findings.error(
                "same-name", f"this pathway defines `{name}` itself", place, "leave it out of `needs:`"
            )
        elif not found:
            what = f"something in {text.text}" if isinstance(kind, Type) else with_article(kind)
            message = f"this pathway needs {what} `{shown(name)}`, and no other defines one"
            findings.error("unmet-need", message, place, did_you_mean(name, reader.scope.names(kinds)))
        elif isinstance(kind, Type) and not any(_is_of(symbol, kind) for symbol in found):
            of = found[0].type
            what = (of.unit or of.kind) if of else found[0].kind
            message = (
                f"`{found[0].name}` is {with_article(found[0].kind)} in {what}, and {text.text} is needed"
            )
            findings.error("wrong-type", message, place)


def _is_of(symbol: Symbol, of: Type) -> bool:
    if symbol.type is None or symbol.type.kind != of.kind:
        return False
    return symbol.type.unit == of.unit or same_unit(symbol.type.unit, of.unit)


def stand_ins(pathways: Sequence[Pathway], findings: Findings) -> list[str]:
    """A scenario, and then pathways, as texts: they define what `pathways` need of others, and start each of
    their protocols with arguments.
    """
    return list(_StandIns(pathways, findings).texts())


class _StandIns:
    def __init__(self, pathways: Sequence[Pathway], findings: Findings) -> None:
        self.findings = findings
        self.units = frozenset(b.unit for p in pathways for b in p.biomarkers.values())
        self.providers = {name.text for p in pathways for name in _visited(p)}
        self.others: dict[str, dict[str, Plain]] = {}
        known = {p.pathway.text for p in pathways} | {name for p in pathways for name in _names(p)}
        for pathway in pathways:
            for name, text in pathway.needs.items():
                if name not in known and name.partition(".")[0] not in known:
                    self.define(name, self.kind(text))
            for name, protocol in pathway.care.items():
                if protocol.needs:
                    self.start(pathway.pathway.text, name, protocol.needs)

    def texts(self) -> Iterator[str]:
        frame = FRAME | {"providers": dict.fromkeys(sorted(self.providers), PROVIDER)}
        for file in (frame, *({"pathway": name, **sections} for name, sections in self.others.items())):
            yield yaml.safe_dump(file, sort_keys=False)

    def kind(self, text: Scalar) -> SymbolKind | Type | None:
        return self.findings.attempt(partial(kind_needed, text, self.units))

    def define(self, name: str, kind: SymbolKind | Type | None) -> None:
        """Define a name. A number in a unit may be a value or a biomarker, so it becomes both."""
        space, _, local = name.rpartition(".")
        space = space or OTHERS
        if kind == "provider":
            self.providers.add(name)
        elif isinstance(kind, Type):
            self.add(space, "variables", {local: _example(kind)})
            if kind.kind == "number" and kind.unit:
                biomarker = {"unit": kind.unit, "value": "1"}
                self.add(f"{space}_measured", "biomarkers", {local: biomarker})
        elif kind is not None:
            for section, definition in _defined(kind, local).items():
                self.add(space, section, definition)

    def start(self, space: str, protocol: str, needs: Mapping[str, Scalar]) -> None:
        given = dict[str, str]()
        for argument, text in needs.items():
            kind, given[argument] = self.kind(text), f"{argument}_of_{protocol}"
            if isinstance(kind, Type):
                given[argument] = "true" if kind == TRUTH else _example(kind)
            else:
                self.define(given[argument], kind)
        steps = [{"start": f"{space}.{protocol}", "with": given}]
        self.add(OTHERS, "care", {f"{protocol}_of_{space}": {"starts": {"when": "age >= 0"}, "steps": steps}})

    def add(self, space: str, section: str, definition: Plain) -> None:
        sections = self.others.setdefault(space, {})
        sections[section] = sections.get(section, {}) | definition


def _example(of: Type) -> str:
    return _EXAMPLES.get(of, f"1 {of.unit}".strip())


def _names(pathway: Pathway) -> Iterator[str]:
    for section in type(pathway).model_fields:
        value = getattr(pathway, section)
        if section not in ("needs", "sources", "allow") and isinstance(value, dict):
            yield from value
    for states in pathway.disease.values():
        yield from (name for name, _ in states_and_groups(states))


def _visited(pathway: Pathway) -> Iterator[Scalar]:
    for protocol in pathway.care.values():
        yield from (step.visit for step in every_step(protocol.steps) if isinstance(step, Visit))
        yield from (start.during for start in protocol.starts if start.during)


def _defined(kind: SymbolKind, name: str) -> dict[str, Plain]:
    """What defines a thing, by section."""
    match kind:
        case "state":
            other = {f"-> {name}": {"rate": "1 per year"}}
            return {"disease": {f"{name}_axis": {f"not_{name}": other, name: {}}}}
        case "event":
            return {"events": {name: {"rate": "1 per year"}}}
        case "drug":
            return {"drugs": {name: {"doses": ["1 mg", "2 mg"]}}}
        case "ladder":
            return {"drugs": {f"{name}_drug": {}}, "ladders": {name: [[f"{name}_drug"]]}}
        case "biomarker":
            return {"biomarkers": {name: {"unit": "1", "value": "1"}}}
        case "test":
            return {"tests": {name: {"positive": {"otherwise": "0.5"}}}}
        case "panel":
            parts = [f"{name}_{nth}" for nth in ("first", "second")]
            measured: Plain = {part: {"unit": "1", "value": "1"} for part in parts}
            return {"biomarkers": measured, "tests": {name: {"panel": parts}}}
        case "protocol":
            return {"care": {name: {"steps": []}}}
    return {f"{kind}s": {name: {}}}
