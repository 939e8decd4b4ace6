"""The names of a resolved scenario, for expressions that stand outside its files."""

from __future__ import annotations

from collections.abc import Iterator

from sim.scenario.model import Scenario, Type
from sim.scenario.scope import Scope, Symbol


def scope_of(scenario: Scenario) -> Scope:
    """Every name that is left in a scenario: of no pathway of its own, so qualified or bare if unique.

    Formulas and ladders are not left: they have been written out.
    """
    return Scope(tuple(_symbols(scenario)), "")


def _symbols(scenario: Scenario) -> Iterator[Symbol]:
    yield from (Symbol("variable", v.name, v.type) for v in scenario.variables)
    yield from (Symbol("parameter", p.name, p.type) for p in scenario.parameters if p.value is not None)
    groups = {group.name: group.members for group in scenario.groups}
    drugs, conditions = {d.name for d in scenario.drugs}, {c.name for c in scenario.conditions}
    for name, members in groups.items():
        kind = "drug" if members[0] in drugs else "condition" if members[0] in conditions else "procedure"
        yield Symbol(kind, name, members=members)  # type: ignore[arg-type]
    yield from (Symbol("drug", d.name) for d in scenario.drugs)
    yield from (Symbol("condition", c.name) for c in scenario.conditions)
    yield from (Symbol("procedure", p.name) for p in scenario.procedures)
    yield from (Symbol("vaccine", v.name) for v in scenario.vaccines)
    yield from (Symbol("provider", p.name) for p in scenario.providers)
    yield from (Symbol("test", x.name, x.type) for x in scenario.examinations)
    yield from (Symbol("panel", p.name, keys=p.biomarkers) for p in scenario.panels)
    for biomarker in scenario.biomarkers:
        of = Type("number", unit=biomarker.unit, analyte=biomarker.analyte)
        yield Symbol("biomarker", biomarker.name, of, ("value",))
    for pathway in scenario.pathways:
        yield from (Symbol("event", event.name) for event in pathway.events)
        yield from (Symbol("protocol", protocol.name) for protocol in pathway.protocols)
        for axis in pathway.axes:
            yield from (Symbol("state", state.name) for state in axis.states)
            yield from (Symbol("state", group) for group in axis.groups)
