"""The scenarios that sentences are about: the author's own, and those in which `with:` and `given:` differ.

A case is made as an author would write a variant, in the maps that were read, and resolved like any other
scenario: so whatever is wrong with it is told where it stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sim.scenario import schema, units
from sim.scenario.algebra import constant
from sim.scenario.diagnostics import Findings, fault
from sim.scenario.expectations import authored
from sim.scenario.expressions import parse
from sim.scenario.loader import Mapping, Node, Scalar, like, place
from sim.scenario.loader import Sequence as Items
from sim.scenario.model import DAYS_PER_YEAR, DURATION, Expectation, Scenario, Span
from sim.scenario.names import POPULATION, SEX_NAME, Documents
from sim.scenario.refusals import unknown_level
from sim.scenario.schema import Given, Pathway, Population, ScenarioFile, states_and_groups
from sim.scenario.scope import Scope
from sim.scenario.scope_of import scope_of
from sim.scenario.settings import Layer, override
from sim.scenario.shapes import NAME, model_of
from sim.scenario.typing import check
from sim.scenario.variants import together
from sim.scenario.words import VALUES

OLDEST = 120  # years
Resolve = Callable[[Documents, Sequence[Layer], Findings], Scenario]


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario, and what is expected of it; `changed` tells how it is not the author's, "" where it is."""

    scenario: Scenario
    expectations: tuple[Expectation, ...]
    changed: str


def cases(
    scenario: Scenario, documents: Documents, layers: Sequence[Layer], resolve: Resolve, findings: Findings
) -> tuple[Case, ...]:
    """What is expected of a scenario without errors, by whose lives tell it.

    `layers` are other values for its parameters. What is wrong with a case is among the findings.
    """
    alike: dict[tuple[tuple[tuple[str, str], ...], str], list[int]] = {}
    for place_, expected in enumerate(scenario.expectations):
        alike.setdefault((expected.with_, expected.given), []).append(place_)
    authors = [author for _, author in authored(documents)]
    made = []
    for (with_, given), places in alike.items():
        first = scenario.expectations[places[0]]
        found: Scenario | None = scenario
        if with_ or given:
            found = _changed(first, authors[places[0]], scenario, documents, layers, resolve, findings)
        if found:
            these = tuple(scenario.expectations[i] for i in places)
            made.append(Case(found, these, changed(first)))
    return tuple(made)


def changed(expected: Expectation) -> str:
    """In words, how the lives that a sentence is about are not those of the scenario."""
    given = _told(json.loads(expected.given)) if expected.given else ""
    with_ = ", ".join(f"{name.rpartition('.')[2]} = {text}" for name, text in expected.with_)
    return "; ".join([*["given " + given] * bool(given), *["with " + with_] * bool(with_)])


def _told(node: object) -> str:
    if isinstance(node, dict):
        return ", ".join(f"{key} {_told(value)}" for key, value in node.items())
    return " and ".join(map(_told, node)) if isinstance(node, list) else str(node)


def _changed(
    expected: Expectation,
    author: schema.Expectation,
    scenario: Scenario,
    documents: Documents,
    layers: Sequence[Layer],
    resolve: Resolve,
    findings: Findings,
) -> Scenario | None:
    """The scenario of one case, None where it is wrong."""
    own = Findings()
    layer = tuple(
        override(name, text) for (name, _), text in zip(expected.with_, author.with_.values(), strict=True)
    )
    scope = scope_of(scenario).within(expected.space)
    maps = own.attempt(partial(_Maps(documents, scenario, scope).given, author.given))
    meant = maps.documents(own) if maps else None
    found = resolve(meant, [*layers, layer], own) if meant else None
    wrong = [d for d in own.diagnostics if d.severity == "error"]
    here = [d for d in wrong if author.holds(d.span)]
    note = f" (where it is expected {changed(expected)})"
    findings.diagnostics += here or (replace(d, message=d.message + note) for d in wrong)
    return None if wrong else found


class _Maps:
    """The maps of a scenario's files, to be changed."""

    def __init__(self, documents: Documents, scenario: Scenario, scope: Scope) -> None:
        self.home, self.models, self.scenario, self.scope = documents.home, documents, scenario, scope
        self.file = _copy(documents.file)
        self.pathways = {name: _copy(node) for name, node in documents.maps.items()}
        for node in (self.file, *self.pathways.values()):
            node.pop("expect", None)

    def documents(self, findings: Findings) -> Documents | None:
        """What the changed maps mean."""
        file = model_of(self.file, ScenarioFile, findings)
        found = [model_of(node, Pathway, findings) for node in self.pathways.values()]
        pathways = tuple(pathway for pathway in found if pathway)
        whole = file and len(pathways) == len(found)
        return Documents(file, pathways, self.home) if file and whole else None

    def given(self, who: Given | None) -> _Maps:
        """Put in who it is about. Raises ScenarioError."""
        if who is None:
            return self
        stated, known = who.node.like(), Population.keys()
        for key, value in who.node.items():
            if key in known and key != "variables":
                stated[key] = value
        if who.age is not None:
            self.aged(who, who.age, stated)
        population = self.file["population"]
        assert isinstance(population, Mapping)
        if who.age is not None:
            population = _without(population, "include", "oversample")
        self.file["population"] = together(population, stated, Population)
        for name in who.variables:
            self.variable(name, who.node["variables"][name])  # type: ignore[index,call-overload]
        axes = set[tuple[str, str]]()
        for state in who.in_:
            axis = self.state(state)
            if axis in axes:
                message = f"`{axis[1]}` is an axis: nobody is in two of its states"
                raise fault("contradiction", message, state.span)
            axes.add(axis)
        return self

    def aged(self, who: Given, text: Scalar, stated: Mapping) -> None:
        """Everybody is of one age at the window's start, and nothing has happened to them before."""
        for key in ("born", "alive_on", "entry"):
            if key in stated:
                message = f"`age:` says who is born when, and `{key}:` says it too"
                raise fault("misplaced-key", message, place(stated[key]), "leave out one")
        age = check(parse(text.written, text.origin), self.scope, None, "condition")
        value = constant(age)
        if value is None:
            raise fault("not-constant", "this age is a number of years", text.span, "age: 60")
        years = value / DAYS_PER_YEAR if age.type == DURATION else value
        if not 0.0 <= years <= OLDEST:
            raise fault("impossible-age", f"an age is from 0 to {OLDEST} years", text.span, "age: 60")
        start = self.scenario.window[0]
        last = int(start - years * DAYS_PER_YEAR // 1)
        born = stated.like()
        born.key = text.key
        for key, day in (("from", last - 1), ("to", last)):
            born[key] = like(text, units.date_from_days(day))
        stated["born"], stated["entry"] = born, like(text, units.date_from_days(start))

    def variable(self, name: str, node: Node) -> None:
        """Give a variable another definition, where its own stands."""
        symbol = self.scope.find(name, ("variable",), place(node))
        if symbol.name == SEX_NAME:
            raise fault("misplaced-key", "sex is no variable here", place(node), "sex: female")
        space, _, local = symbol.name.partition(".")
        of = symbol.type
        if of and of.levels and isinstance(node, Scalar) and NAME.fullmatch(node.text):
            if node.text not in of.levels and not self.scope.meanings(node.text, VALUES):
                raise unknown_level(node.text, of, node.span)
            shares = ", ".join(f"{level}={int(level == node.text)}" for level in of.levels)
            node = like(node, f"categorical({shares})")
        owner = self.file if space == POPULATION else self.pathways[space]
        if space == POPULATION:
            owner["population"] = owner = _copy(owner["population"])
        variables = _copy(owner.get("variables"))
        variables[local] = node
        owner["variables"] = variables
        for holder in (self.file, self.file["population"], *self.pathways.values()):
            assert isinstance(holder, Mapping)
            if "correlations" in holder:
                holder["correlations"] = _uncorrelated(holder["correlations"], (local, symbol.name))

    def state(self, name: Scalar) -> tuple[str, str]:
        """Let everybody enter a state when they enter the population; the pathway and the axis."""
        symbol = self.scope.find(name.text, ("state",), name.span)
        space, _, local = symbol.name.partition(".")
        pathway = next(p for p in self.models.pathways if p.pathway.text == space)
        known = {axis: {n for n, _ in states_and_groups(states)} for axis, states in pathway.disease.items()}
        axis = next(axis for axis, names in known.items() if local in names)
        before = f"before_{local}"
        while any(before in names for names in known.values()):
            before += "_"
        self.pathways[space]["disease"] = disease = _copy(self.pathways[space]["disease"])
        states = _copy(disease[axis])
        first, exit_ = states.like(), states.like()
        first[before] = state = states.like()
        state.key = exit_.key = name.span
        state[f"-> {local}"] = exit_
        exit_["when"] = like(name, "age >= 0 years")  # no rate, which `modifies:` would act on
        first.update(states)
        disease[axis] = first
        return space, axis


def _copy(node: Node | None) -> Mapping:
    """A map that can be changed; an empty one where there is none."""
    if not isinstance(node, Mapping):
        empty = Mapping(Span("", 1, 1) if node is None else node.span, 1)
        return empty
    copy = node.like()
    copy.update(node)
    return copy


def _without(node: Mapping, *keys: str) -> Mapping:
    copy = _copy(node)
    for key in keys:
        copy.pop(key, None)
    return copy


def _uncorrelated(node: Node, names: tuple[str, ...]) -> Node:
    """Correlations without those between one of `names` and another variable: it is given now."""
    items = node if isinstance(node, Items) else [node]
    kept = Items(node.span, 1)
    kept.key = node.key
    kept.extend(item for item in items if not _is_between(item, names))
    return kept


def _is_between(item: Node, names: tuple[str, ...]) -> bool:
    between = item.get("between") if isinstance(item, Mapping) else None
    return isinstance(between, Items) and any(isinstance(n, Scalar) and n.text in names for n in between)
