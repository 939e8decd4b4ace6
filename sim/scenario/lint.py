"""Warnings: what is legal but suspicious, and `allow:`, which silences them where an author says why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sim.scenario.diagnostics import Diagnostic, Findings, shown
from sim.scenario.model import DiseaseAxis, Do, Exit, Protocol, Scenario, Span, StartProtocol
from sim.scenario.names import SEX_NAME, Documents
from sim.scenario.schema import Named
from sim.scenario.scope import Symbol, did_you_mean
from sim.scenario.shapes import Model
from sim.scenario.whole import parts

WARNINGS = {
    "check-digit": "a code's check digit is wrong",
    "never-started": "no start and no step starts a protocol",
    "no-background": "`less:` is given, and the table of what remains has not been made",
    "no-source": "a parameter without a source",
    "unreachable-state": "no exit leads to a state",
    "unused-allow": "an `allow:` that silences nothing",
    "unused-column": "a column of a table that nothing reads",
    "unused-formula": "nothing reads a formula",
    "unused-parameter": "nothing reads a parameter",
    "unused-variable": "nothing reads a variable",
    "unusual-unit": "a unit that is not in the list of known ones",
    "value-outside-interval": "a parameter's value lies outside its 95% interval",
}


def warn_of_unused(
    symbols: Iterable[Symbol], used: set[str], places: dict[str, Span], findings: Findings
) -> None:
    """Warn of parameters, variables and formulas that nothing reads. `used` are the qualified names that
    are read.
    """
    for symbol in symbols:
        kind = "parameter" if symbol.kind == "table" else symbol.kind
        if kind in ("parameter", "variable", "formula") and symbol.name not in used | {SEX_NAME}:
            findings.warning(
                f"unused-{kind}", f"nothing reads the {kind} `{symbol.name}`", places[symbol.name]
            )


def warn_of_unreached(scenario: Scenario, findings: Findings) -> None:
    """Warn of protocols that nothing starts and states that no exit leads to."""
    does = {step.protocol for step in parts(scenario.pathways, Do)}
    started = does | {step.protocol for step in parts(scenario.pathways, StartProtocol)}
    for protocol in parts(scenario.pathways, Protocol):
        if not protocol.starts and protocol.while_ is None and protocol.name not in started:
            message, fix = (
                f"nothing ever starts `{protocol.name}`",
                "give it `starts:`, or `start` it in a step",
            )
            findings.warning("never-started", message, protocol.span, fix)
    for axis in parts(scenario.pathways, DiseaseAxis):
        reached = {exit_.target for exit_ in parts(axis, Exit)}
        for state in axis.states[1:]:
            if state.name not in reached:
                findings.warning("unreachable-state", f"no exit leads to `{state.name}`", state.span)


def silenced(documents: Documents, findings: Findings) -> tuple[Diagnostic, ...]:
    """The findings without the warnings that an `allow:` silences; an `allow:` for nothing is a finding
    itself.

    An `allow:` at the top of scenario.yaml is for all files. In what a variant extends it may well be for
    something that the variant has not.
    """
    home = documents.home
    kept = findings.sorted()
    more = Findings()
    for named in _named((documents.scenario, *documents.pathways)):
        for rule in named.allow:
            at = named.allow_place(rule)
            if rule not in WARNINGS:
                fix = did_you_mean(rule, WARNINGS) or f"one of {', '.join(WARNINGS)}"
                more.error("unknown-rule", f"`{shown(rule)}` is no rule that can be allowed", at, fix)
                continue
            everywhere = named is documents.scenario
            left = tuple(d for d in kept if d.rule != rule or not (everywhere or named.holds(d.span)))
            if len(left) == len(kept) and home.folders[at.file] == home.own:
                more.warning("unused-allow", f"there is no `{rule}` here to allow", at, "leave it out")
            kept = left
    more.diagnostics += kept
    return more.sorted()


def _named(thing: Any) -> Iterator[Named]:
    """Everything that may have an `allow:`, the innermost first."""
    if isinstance(thing, Model):
        for name in type(thing).model_fields:
            yield from _named(getattr(thing, name))
        if isinstance(thing, Named):
            yield thing
    elif isinstance(thing, dict):
        for item in thing.values():
            yield from _named(item)
    elif isinstance(thing, list | tuple):
        for item in thing:
            yield from _named(item)
