"""Warnings: what is legal but suspicious, and `allow:`, which silences them where an author says why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sim.scenario.constants import value
from sim.scenario.diagnostics import Diagnostic, Findings, shown
from sim.scenario.model import Do, Prescribe, Protocol, Scenario, Span, StartProtocol, Step, StopDrug, Visit
from sim.scenario.names import SEX_NAME, Documents
from sim.scenario.pace import warn_of_pace
from sim.scenario.reach import Reach
from sim.scenario.schema import Named
from sim.scenario.scope import Symbol, did_you_mean
from sim.scenario.shapes import Model
from sim.scenario.whole import parts

WARNINGS = {
    "care-reads-truth": "care decides by what it cannot know: the truth",
    "check-digit": "a code's check digit is wrong",
    "drug-never-stopped": "a drug is prescribed without an end, and nothing stops it",
    "fast-rate": "a rate above 10 per year",
    "never-fires": "an exit, a start or an event that can never happen",
    "never-set": "a variable that is read, and that nothing ever sets",
    "never-started": "a protocol that nothing starts, or nothing that can happen",
    "never-taken": "a branch or step that can never be taken",
    "no-background": "`less:` is given, and the table of what remains has not been made",
    "no-source": "a parameter without a source",
    "not-a-concept": "a SNOMED CT identifier of something that is no concept, such as a description",
    "one-letter-apart": "two names that differ in one letter",
    "steep-rate": "a rate changes by more than 20% from one step in which it sees a clock to the next",
    "table-too-short": "a table lacks an age or a year that people reach where it is read",
    "unreachable-state": "a state that nobody can enter",
    "unused-allow": "an `allow:` that silences nothing",
    "unused-column": "a column of a table that nothing reads",
    "unused-formula": "nothing reads a formula",
    "unused-parameter": "nothing reads a parameter",
    "unused-variable": "nothing reads a variable",
    "unusual-unit": "a unit that is not in the list of known ones",
    "value-outside-interval": "a parameter's value lies outside its 95% interval",
    "waits-for-itself": "a visit that waits for the one place that a visit around it takes",
}
"""Every rule that can be allowed, and what it says; docs/reference/rules.md shows each at work."""


def warn(
    scenario: Scenario,
    symbols: Iterable[Symbol],
    used: set[str],
    places: dict[str, Span],
    as_needed: frozenset[str],
    findings: Findings,
) -> None:
    """The warnings about a scenario without errors. `used` are the qualified names of the values that are
    read, `places` where values are defined, `as_needed` the drugs that are meant to go on.
    """
    warn_of_unused(symbols, used, places, findings)
    steps = tuple(parts(scenario.pathways, Step))
    reach = Reach(scenario, steps)
    _warn_of_unreached(scenario, steps, reach, findings)
    _warn_of_unset(scenario, reach, used, places, findings)
    _warn_of_drugs(scenario, steps, as_needed, findings)
    _warn_of_waits(scenario, steps, findings)
    _warn_of_names(symbols, findings, {**places, **_places(scenario)})
    warn_of_pace(scenario, reach.seen.ages, findings)


def warn_of_unused(
    symbols: Iterable[Symbol], used: set[str], places: dict[str, Span], findings: Findings
) -> None:
    """Warn of parameters, variables and formulas that nothing reads."""
    for symbol in symbols:
        kind = "parameter" if symbol.kind == "table" else symbol.kind
        if kind in ("parameter", "variable", "formula") and symbol.name not in used | {SEX_NAME}:
            findings.warning(
                f"unused-{kind}", f"nothing reads the {kind} `{symbol.name}`", places[symbol.name]
            )


def _warn_of_unreached(scenario: Scenario, steps: Sequence[Step], reach: Reach, findings: Findings) -> None:
    """Warn of states that nobody enters, protocols that nothing starts, and places that are never reached."""
    started = {step.protocol for step in steps if isinstance(step, Do | StartProtocol)}
    for protocol in (protocol for pathway in scenario.pathways for protocol in pathway.protocols):
        name = protocol.name
        if not protocol.starts and protocol.while_ is None and name not in started:
            message, fix = f"nothing ever starts `{name}`", "give it `starts:`, or `start` it in a step"
            findings.warning("never-started", message, protocol.span, fix)
        elif name not in reach.earliest:
            message = f"`{name}` never starts: nothing that starts it can ever happen"
            findings.warning("never-started", message, protocol.span)
    for axis in (axis for pathway in scenario.pathways for axis in pathway.axes):
        targets = {exit_.target for state in axis.states for exit_ in state.exits}
        for state in axis.states[1:]:
            if state.name not in targets:
                findings.warning("unreachable-state", f"no exit leads to `{state.name}`", state.span)
            elif state.name not in reach.earliest:
                message = f"nobody ever enters `{state.name}`: no exit that leads to it can be taken"
                findings.warning("unreachable-state", message, state.span)
    for span, (rule, message) in reach.seen.dead.items():
        if span not in reach.seen.live:
            findings.warning(rule, message, span)
    for span, message in reach.seen.outside.values():
        findings.warning(
            "table-too-short", message, span, "add rows, say `clamp: true`, or read it where it holds"
        )


def _warn_of_unset(
    scenario: Scenario, reach: Reach, used: set[str], places: dict[str, Span], findings: Findings
) -> None:
    for variable in scenario.variables:
        name = variable.name
        if variable.draw is None and name in used and name not in reach.earliest and name != SEX_NAME:
            message = f"`{name}` is read, and no `set:` that gives it a value is ever reached"
            findings.warning("never-set", message, places.get(name, variable.span))


def _warn_of_drugs(
    scenario: Scenario, steps: Sequence[Step], as_needed: frozenset[str], findings: Findings
) -> None:
    stopped = {step.drug for step in steps if isinstance(step, StopDrug)} | as_needed
    endless = {step.drug for step in steps if isinstance(step, Prescribe) and step.supply is None}
    for drug in scenario.drugs:
        if drug.name in endless - stopped:
            message = f"`{drug.name}` is prescribed until it is stopped, and nothing stops it"
            findings.warning(
                "drug-never-stopped", message, drug.span, "prescribe it `for:` a time, or `stop:` it"
            )


def _warn_of_waits(scenario: Scenario, steps: Sequence[Step], findings: Findings) -> None:
    limits = {p.name: p.capacity for p in scenario.providers if p.capacity is not None}
    ones = {
        name for name, limit in limits.items() if limit.type.kind != "rate" and value(limit, scenario) < 2
    }
    protocols = {p.name: p for pathway in scenario.pathways for p in pathway.protocols}
    for visit in (step for step in steps if isinstance(step, Visit) and step.provider in ones):
        for inner in _visits_within(visit, protocols):
            if inner.provider == visit.provider:
                message = f"`{visit.provider}` sees one patient at a time, and this visit is within one to it"
                fix = "it waits for ever: do without the inner visit, or `start` a protocol for it"
                findings.warning("waits-for-itself", message, inner.span, fix)


def _visits_within(visit: Visit, protocols: Mapping[str, Protocol]) -> Iterator[Visit]:
    """The visits among the steps of a visit, and those of protocols that it does."""
    waiting, done = [visit.steps], set[str]()
    while waiting:
        for step in parts(waiting.pop(), Step):
            if isinstance(step, Visit):
                yield step
            if isinstance(step, Do) and step.protocol not in done:
                done.add(step.protocol)
                waiting.append(protocols[step.protocol].steps)


def _places(scenario: Scenario) -> dict[str, Span]:
    """Where states, events, protocols and the things of a record are defined."""
    found: dict[str, Span] = {}
    for pathway in scenario.pathways:
        found |= {state.name: state.span for axis in pathway.axes for state in axis.states}
        found |= {event.name: event.span for event in pathway.events}
        found |= {protocol.name: protocol.span for protocol in pathway.protocols}
    coded = (*scenario.conditions, *scenario.procedures, *scenario.vaccines, *scenario.drugs)
    found |= {thing.name: thing.span for thing in (*coded, *scenario.examinations)}
    return found | {biomarker.name: biomarker.span for biomarker in scenario.biomarkers}


def _warn_of_names(symbols: Iterable[Symbol], findings: Findings, places: dict[str, Span]) -> None:
    """Warn of names of one kind that differ in one letter: one left out, one more, another, or two exchanged.

    Not of short ones (`ldl` and `hdl`), and not where the letter is a digit or the last one.
    """
    seen: dict[tuple[str, str], list[str]] = {}
    for symbol in symbols:
        name = symbol.name.rpartition(".")[2]
        if symbol.name not in places or len(name) < _LONG:
            continue
        for shorter in {name[:i] + name[i + 1 :] for i in range(len(name) - 1)} | {name}:
            seen.setdefault((symbol.kind, shorter), []).append(symbol.name)
    told = set[str]()
    for names in seen.values():
        first, *others = sorted(set(names), key=lambda n: (places[n].file, places[n].line, places[n].column))
        for other in others:
            one, two = first.rpartition(".")[2], other.rpartition(".")[2]
            if other not in told and is_slip(one, two):
                told.add(other)
                message = f"`{two}` and `{one}` (line {places[first].line}) differ in one letter"
                findings.warning("one-letter-apart", message, places[other], "is one of them a slip?")


_LONG = 5


def is_slip(one: str, other: str) -> bool:
    """Whether two names differ by a slip: one letter left out or exchanged with the next, or another in its
    place.

    A digit is none, nor the last letter; nor another first letter of a word (`sbp_error`, `dbp_error`), or a
    word for another (`micro`, `macro`).
    """
    if len(one) > len(other):
        one, other = other, one
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if one == other or at >= len(other) - 1 or one[at : at + 1].isdigit() or other[at].isdigit():
        return False
    if len(one) < len(other) or one[at + 1 :] != other[at + 1 :]:
        swapped = other[at + 1] + other[at] + other[at + 2 :]
        return one[at:] in (other[at + 1 :], swapped)
    first = at == 0 or not other[at - 1].isalnum() or "_" in (one[at], other[at], other[at - 1])
    return not first and not any(
        a in one and b in other for a, b in (*_OPPOSED, *(p[::-1] for p in _OPPOSED))
    )


_OPPOSED = (("micro", "macro"), ("inter", "intra"))


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
            whole = findings.count == 0  # else some rules have not been looked at
            if len(left) == len(kept) and whole and home.folders[at.file] == home.own:
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
