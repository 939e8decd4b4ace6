"""What can only be seen of a scenario as a whole: streams that share a name, and circles."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar

from sim.scenario.algebra import constant
from sim.scenario.constants import with_values
from sim.scenario.diagnostics import Findings
from sim.scenario.graphs import cycles
from sim.scenario.model import (
    Biomarker,
    Do,
    Every,
    Examine,
    Expr,
    Imperfection,
    MeasurePanel,
    Protocol,
    Scenario,
    Span,
    State,
    Step,
    Table,
    Type,
    Visit,
)

T = TypeVar("T")


def check_whole(scenario: Scenario, findings: Findings) -> None:
    """Errors: `same-stream`, `do-cycle`, `circular-definition`; warnings: `never-started`,
    `unreachable-state`.
    """
    _check_streams(scenario, findings)
    _check_protocols(scenario, findings)
    _check_biomarkers(scenario, findings)
    _check_lookups(scenario, findings)


def parts(thing: Any, kind: type[T]) -> Iterator[T]:
    """Everything of a kind inside a part of a scenario, itself included, in the order of the scenario."""
    if isinstance(thing, kind):
        yield thing
    if isinstance(thing, tuple):
        for item in thing:
            yield from parts(item, kind)
    elif kind is Expr or not isinstance(thing, Expr):  # there is nothing but expressions in one
        for name in fields_of(thing.__class__):
            yield from parts(getattr(thing, name), kind)


@cache
def fields_of(kind: type) -> tuple[str, ...]:
    """Where a part of a scenario may have parts of its own."""
    if kind in (Span, Type) or not dataclasses.is_dataclass(kind):
        return ()
    return tuple(f.name for f in dataclasses.fields(kind))


def plans(scenario: Scenario) -> tuple[Protocol, ...]:
    """The protocols that are recorded as care plans, in the order of the scenario."""
    return tuple(p for pathway in scenario.pathways for p in pathway.protocols if p.plan)


def discharges(scenario: Scenario) -> tuple[str, ...]:
    """The places to which patients go from visits, in the order of the scenario."""
    visits = [visit for pathway in scenario.pathways for visit in parts(pathway, Visit)]
    return tuple(dict.fromkeys(to for v in visits if v.discharge for to in v.discharge.type.levels))


def sites(scenario: Scenario) -> Iterator[tuple[str, Span]]:
    """The name of every random stream, and where what draws from it stands."""
    for variable in scenario.variables:
        namespace, _, name = variable.name.partition(".")
        yield f"{namespace}/variables/{name}", variable.span
    yield from _sites(scenario, scenario.population.span)


def _sites(thing: Any, span: Span) -> Iterator[tuple[str, Span]]:
    if isinstance(thing, tuple):
        for item in thing:
            yield from _sites(item, span)
    elif dataclasses.is_dataclass(thing) and not isinstance(thing, Expr | Span):
        span = getattr(thing, "span", span)
        if site := getattr(thing, "site", ""):
            yield site, span
            yield from ((f"{site}/{below}", span) for below in _below(thing))
        for f in dataclasses.fields(thing):
            yield from _sites(getattr(thing, f.name), span)


def _below(thing: object) -> tuple[str, ...]:
    """The streams that a thing may draw from beside its own: the last parts of their names."""
    match thing:
        case State():
            return ("lasts", "share")
        case Visit():
            return ("chance", "hours", "queue", "attend", "rebook", "lasts", "discharge")
        case Every():
            return ("chance", "first")
        case Examine():
            return ("chance", "takes")
        case MeasurePanel(biomarkers=biomarkers):
            return ("chance", *biomarkers)
        case Step():
            return ("chance",)
        case Imperfection():
            return ("by", "becomes")
    return ()


def _check_streams(scenario: Scenario, findings: Findings) -> None:
    first: dict[str, Span] = {}
    told: set[Span] = set()
    for site, span in sites(scenario):
        if site in first and span not in told:
            told.add(span)
            owner = f"line {first[site].line} of {first[site].file}"
            message = f"the random stream `{site}` belongs to {owner} already"
            findings.error("same-stream", message, span, "give it another `name:`")
        first.setdefault(site, span)


def _check_protocols(scenario: Scenario, findings: Findings) -> None:
    protocols = {p.name: p for pathway in scenario.pathways for p in pathway.protocols}
    does = {name: [do.protocol for do in parts(p.steps, Do)] for name, p in protocols.items()}
    for path in cycles(does):
        message = f"`do` leads back to itself: {' -> '.join(path)}"
        fix = "`start` goes on beside it, `every` repeats"
        findings.error("do-cycle", message, protocols[path[0]].span, fix)


def _check_biomarkers(scenario: Scenario, findings: Findings) -> None:
    biomarkers = {b.name: b for b in scenario.biomarkers}
    reads = {n: [str(e.value) for e in parts(b, Expr) if e.op == "usual"] for n, b in biomarkers.items()}
    for path in cycles(reads):
        message = f"`{path[0]}` is defined by itself: {' -> '.join(path)}"
        biomarker = biomarkers[path[0]]
        findings.error("circular-definition", message, _term(biomarker, path[1]).span or biomarker.span)


def _term(biomarker: Biomarker, read: str) -> Expr:
    """The last term or factor of a biomarker's value that reads another: what the author, or a modifier,
    put there.
    """
    e = biomarker.value
    while e.op in ("add", "mul"):
        value, e = e, e.args[1]
        if any(node.op == "usual" and node.value == read for node in parts(e, Expr)):
            return e
        e = value.args[0]
    return e


def _check_lookups(scenario: Scenario, findings: Findings) -> None:
    """A key that is known must lie in its table."""
    tables = {t.name: t for t in scenario.tables}
    if all(table.clamp for table in tables.values()):
        return
    values = {p.name: p.value for p in scenario.parameters if p.value is not None}
    for e in _lookups(scenario):
        table = tables.get(str(e.value))
        if table is None or table.clamp:  # one of a season, or one that knows no outside
            continue
        for axis, key in zip(table.axes, e.args, strict=True):
            value = constant(with_values(key, values))
            if value is not None and axis.breaks and not axis.breaks[0] <= value < axis.breaks[-1]:
                end = "on" if axis.breaks[-1] == math.inf else f"to below {axis.breaks[-1]:g}"
                message = f"{axis.name} {value:g} lies outside the table, from {axis.breaks[0]:g} {end}"
                findings.error("outside-table", message, key.span or e.span or table.span)


def _lookups(scenario: Scenario) -> Iterator[Expr]:
    """Every lookup; formulas, which are written out in many places, are looked through once."""
    waiting, seen = list[Any]([scenario]), set[int]()
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, tuple):
            waiting += thing
        elif isinstance(thing, Expr):
            if id(thing) not in seen:
                seen.add(id(thing))
                waiting += thing.args
                if thing.op == "lookup":
                    yield thing
        elif dataclasses.is_dataclass(thing) and not isinstance(thing, Span | Table):
            waiting += (getattr(thing, f.name) for f in dataclasses.fields(thing))
