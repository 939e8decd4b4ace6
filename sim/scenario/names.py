"""Every name of a scenario, and in which order the definitions behind them can be checked.

Names of a pathway are `pathway.name`; those of the scenario `population.name` (its variables) and
`scenario.name` (its parameters). Providers belong to the scenario and have no pathway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from sim.scenario.analytes import measured
from sim.scenario.diagnostics import Findings
from sim.scenario.drug_use import USES
from sim.scenario.expressions import Call, Name, Syntax, children, parse
from sim.scenario.graphs import cycles, in_order
from sim.scenario.home import Home
from sim.scenario.knowledge import HIDDEN, hidden_reads
from sim.scenario.loader import Mapping as Map
from sim.scenario.loader import Scalar
from sim.scenario.model import TRUTH, Expr, Span, Type, Variable
from sim.scenario.reader import BROKEN, Reader
from sim.scenario.schema import (
    AnyStep,
    At,
    Choose,
    Every,
    Examination,
    If,
    Named,
    Pathway,
    ScenarioFile,
    Set,
    Visit,
    states_alone,
    states_and_groups,
)
from sim.scenario.scope import Scope, Symbol, SymbolKind
from sim.scenario.typing import Context
from sim.scenario.words import CODED, READS, SEX, VALUES

SCENARIO, POPULATION, RECORD = "scenario", "population", "record"
SEX_NAME = "population.sex"
_DEFINED = ("variable", "formula")


@dataclass(frozen=True, slots=True)
class Documents:
    """What the author wrote: scenario.yaml and its pathways, in its order; and where that is.

    `file` and `maps` are what they were made from, with all that they extend; the pathways by their names.
    """

    scenario: ScenarioFile
    pathways: tuple[Pathway, ...]
    home: Home
    file: Map | None = None
    maps: Mapping[str, Map] = field(default_factory=dict)

    def sources(self, pathway: Pathway | None) -> dict[str, str]:
        """The keys a `source:` may use: a pathway's own, then the scenario's."""
        return self.scenario.sources | (pathway.sources if pathway else {})


@dataclass(frozen=True, slots=True)
class Definition:
    """A variable or formula, whose type follows from its expression; `drawn` is false where only a `set`
    gives it, on entry into a state of `axis` (qualified) or ("") in a step, of a protocol with `arguments`.
    """

    kind: SymbolKind
    name: str
    text: Scalar
    drawn: bool
    axis: str = ""
    arguments: Mapping[str, Symbol] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return self.name.partition(".")[0]

    @property
    def local(self) -> str:
        return self.name.partition(".")[2]


# ---- which names there are


Sections = Mapping[str, Mapping[str, Named | Scalar]]


def undefined_symbols(documents: Documents, findings: Findings) -> tuple[Symbol, ...]:
    """Every name that has one kind and no type yet: all but the names that a `set` alone gives a value."""
    symbols = [Symbol("variable", SEX_NAME, SEX)]
    file = documents.scenario
    for name in file.parameters:
        symbols.append(_parameter(f"{SCENARIO}.{name}", file.parameters[name].by))
    symbols += (Symbol("variable", f"{POPULATION}.{name}") for name in file.population.variables)
    symbols += (Symbol("provider", name) for name in file.providers)
    for pathway in documents.pathways:
        _check_apart(_values(pathway), findings)
        _check_apart(_things(pathway), findings)
        symbols += _symbols_of(pathway, findings)
    known = tuple(symbols)
    for pathway in documents.pathways:
        symbols += _value_sets(pathway, Scope(known, pathway.pathway.text), findings)
    return (*symbols, *_panels(documents, tuple(symbols)))


def _value_sets(pathway: Pathway, scope: Scope, findings: Findings) -> Iterator[Symbol]:
    """A name of the kind of its members for each of the pathway's groups."""
    for name, members in pathway.groups.items():
        here = findings.count
        found = dict[str, Symbol]()
        if not members:
            message = f"the group `{name}` holds nothing"
            findings.error("empty-group", message, pathway.at("groups"), f"{name}: [a, b]")
        for member in members:
            if member.text in findings.broken:
                findings.broken.add(name)
                continue
            if member.text in pathway.groups:
                message = f"`{member.text}` is a group itself"
                findings.error("is-a-group", message, member.span, "name the things that are in it")
                continue
            symbol = findings.attempt(partial(scope.find, member.text, CODED, member.span))
            if symbol is None:
                continue
            if symbol.name in found:
                findings.error("same-name", f"`{member.text}` is in this group already", member.span)
            found[symbol.name] = symbol
        kinds = [symbol.kind for symbol in found.values()]
        if len(set(kinds)) > 1:
            message = f"`{name}` mixes {' and '.join(f'{kind}s' for kind in dict.fromkeys(kinds))}"
            findings.error("mixed-group", message, members[0].span, "a group is of one kind; make two")
        if findings.count > here:
            findings.broken.add(name)
        elif found:
            yield Symbol(kinds[0], f"{scope.pathway}.{name}", members=tuple(found))


def _parameter(name: str, by: list[Scalar]) -> Symbol:
    return Symbol("table" if by else "parameter", name)


def _symbols_of(pathway: Pathway, findings: Findings) -> Iterator[Symbol]:
    prefix = f"{pathway.pathway.text}."
    sections: dict[SymbolKind, dict[str, object]] = {
        "variable": dict(pathway.variables),
        "formula": dict(pathway.formulas),
        "event": dict(pathway.events),
        "condition": {**pathway.conditions, **pathway.allergies},
        "ladder": dict(pathway.ladders),
        "procedure": dict(pathway.procedures),
        "vaccine": dict(pathway.vaccines),
        "protocol": {name: protocol for name, protocol in pathway.care.items() if not protocol.needs},
        "protocol with arguments": {name: p for name, p in pathway.care.items() if p.needs},
    }
    for kind, section in sections.items():
        yield from (Symbol(kind, prefix + name) for name in section)
    for name, parameter in pathway.parameters.items():
        yield _parameter(prefix + name, parameter.by)
    for name, drug in pathway.drugs.items():
        yield Symbol("drug", prefix + name, keys=tuple(use for use in USES if drug.has(use)))
    for name, biomarker in pathway.biomarkers.items():
        analyte = biomarker.analyte.text if biomarker.analyte else ""
        keys = ("value",) * biomarker.has("value")
        yield Symbol("biomarker", prefix + name, measured(biomarker.unit, analyte), keys)
    for name, test in pathway.tests.items():
        if not test.has("panel"):
            yield Symbol("test", prefix + name, result_type(test))
    for axis, states in pathway.disease.items():
        levels = tuple(name for name, _, _ in states_alone(states))
        yield Symbol("axis", prefix + axis, Type("category", levels=levels))
    seen: dict[str, str] = {}
    for axis, states in pathway.disease.items():
        for name, state in states_and_groups(states):
            if name in seen:
                message = f"the axis `{seen[name]}` of this pathway has a state `{name}` already"
                findings.error("same-name", message, state.span, f"{name}_of_{axis}")
            else:
                seen[name] = axis
                yield Symbol("state", prefix + name)


def _panels(documents: Documents, symbols: tuple[Symbol, ...]) -> Iterator[Symbol]:
    """The panels, with those of their biomarkers that there are."""
    for pathway in documents.pathways:
        scope = Scope(symbols, pathway.pathway.text)
        for name, test in pathway.tests.items():
            if test.has("panel"):
                members = [s.name for of in test.panel for s in scope.meanings(of.text, ("biomarker",))]
                yield Symbol("panel", f"{scope.pathway}.{name}", keys=tuple(members))


def result_type(test: Examination) -> Type:
    """Of a test's results: a truth, or a category of all that can be seen, in the order written."""
    seen = [level for shares in test.result.values() for level in shares]
    return Type("category", levels=tuple(dict.fromkeys(seen))) if seen else TRUTH


def _values(pathway: Pathway) -> Sections:
    """What is read by its bare name."""
    return {
        "variables": pathway.variables,
        "parameters": pathway.parameters,
        "formulas": pathway.formulas,
        "biomarkers": pathway.biomarkers,
    }


def _things(pathway: Pathway) -> Sections:
    """What happens, is counted and waited for by its bare name."""
    return {
        "disease": {
            name: state for states in pathway.disease.values() for name, state in states_and_groups(states)
        },
        "events": pathway.events,
        "conditions": pathway.conditions,
        "allergies": pathway.allergies,
        "procedures": pathway.procedures,
        "vaccines": pathway.vaccines,
        "drugs": pathway.drugs,
        "biomarkers": pathway.biomarkers,
        "groups": {name: members[0] for name, members in pathway.groups.items() if members},
        "tests": pathway.tests,
        "care": pathway.care,
    }


def _check_apart(sections: Sections, findings: Findings) -> None:
    """No name may stand in two of these sections; what refers to one that does is not reported."""
    seen: dict[str, str] = {}
    for section, names in sections.items():
        for name, thing in names.items():
            if name in seen:
                message = f"`{name}` is defined under `{seen[name]}:` as well"
                findings.error("same-name", message, thing.span, "call one of them otherwise")
                findings.broken.add(name)
            seen.setdefault(name, section)


def definitions(documents: Documents, symbols: tuple[Symbol, ...]) -> list[Definition]:
    """Variables and formulas in the order written, then what is only ever `set`."""
    found = [
        Definition("variable", f"{POPULATION}.{name}", d.value, True)
        for name, d in documents.scenario.population.variables.items()
    ]
    for pathway in documents.pathways:
        prefix = f"{pathway.pathway.text}."
        found += (Definition("variable", prefix + n, d.value, True) for n, d in pathway.variables.items())
        found += (Definition("formula", prefix + n, d.value, False) for n, d in pathway.formulas.items())
    for pathway in documents.pathways:
        scope = Scope(symbols, pathway.pathway.text)
        new: dict[str, tuple[Scalar, str]] = {}
        for name, text, axis in assignments(pathway):
            local = name.removeprefix(f"{scope.pathway}.")
            if "." not in local and not scope.meanings(name, VALUES):
                new.setdefault(local, (text, axis))
        for name, (text, axis) in new.items():
            found.append(Definition("variable", f"{scope.pathway}.{name}", text, False, axis))
    return found


def places(documents: Documents, found: list[Definition]) -> dict[str, Span]:
    """Where each parameter, variable and formula is defined."""
    scenario = documents.scenario
    where = {f"{SCENARIO}.{name}": thing.span for name, thing in scenario.parameters.items()}
    where |= {f"{POPULATION}.{name}": thing.span for name, thing in scenario.population.variables.items()}
    for pathway in documents.pathways:
        for section in (pathway.parameters, pathway.variables, pathway.formulas):
            where |= {f"{pathway.pathway.text}.{name}": thing.span for name, thing in section.items()}
    return {d.name: d.text.key or d.text.span for d in found} | where


def assignments(pathway: Pathway) -> Iterator[tuple[str, Scalar, str]]:
    """Every `set` of a pathway but for protocols with arguments: the name as written, the expression, and the
    qualified axis whose states' it is, "" for a step's.
    """
    for axis, states in pathway.disease.items():
        for _, state in states_and_groups(states):
            yield from ((*item, f"{pathway.pathway.text}.{axis}") for item in state.set.items())
    for event in pathway.events.values():
        yield from ((*item, "") for item in event.set.items())
    for protocol in pathway.care.values():
        if not protocol.needs:
            yield from ((*item, "") for item in sets(protocol.steps))


def sets(steps: Sequence[AnyStep]) -> Iterator[tuple[str, Scalar]]:
    """Every `set` among steps."""
    for step in every_step(steps):
        if isinstance(step, Set):
            yield from step.set.items()


def every_step(steps: Sequence[AnyStep]) -> Iterator[AnyStep]:
    """The steps and all steps inside them."""
    for step in steps:
        yield step
        match step:
            case Visit():
                yield from every_step(step.steps + step.missed)
            case Every() | At():
                yield from every_step(step.steps)
            case If():
                yield from every_step(step.then + step.else_)
            case Choose():
                for branch in step.choose:
                    yield from every_step((branch.then or []) + (branch.otherwise or []))


# ---- in which order they are checked


class Definitions:
    """Checks definitions one after the other, each after those it reads.

    `symbols` get their types; `expressions` are the checked ones, by name.
    """

    def __init__(
        self,
        symbols: tuple[Symbol, ...],
        pending: list[Definition],
        findings: Findings,
        values: dict[str, float],
        used: set[str],
    ):
        self.symbols = {(s.kind, s.name): s for s in symbols}
        self.findings = findings
        self.values = values
        self.used = used
        self.expressions: dict[str, Expr] = {}
        self._known = Scope(tuple(s for s in self.symbols.values() if s.type or s.kind not in _DEFINED), "")
        self._check_all(pending)

    def scope(self, namespace: str) -> Scope:
        """The names that can be read: not yet those whose definition has not been checked."""
        return self._known.within(namespace)

    def reader(self, namespace: str) -> Reader:
        return Reader(self.scope(namespace), self.findings, self.values, self.used)

    def _check_all(self, pending: list[Definition]) -> None:
        named = {d.name: d for d in pending}
        everything = Scope(tuple(self.symbols.values()), "")
        scopes = {d.name: everything.within(d.namespace).binding(d.arguments) for d in pending}
        syntaxes = {d.name: self._parsed(d) for d in pending}
        reads = {
            name: {
                symbol.name
                for read in (values_read(syntax) if syntax else ())
                for symbol in scopes[name].meanings(read, VALUES)
                if symbol.name in named
            }
            for name, syntax in syntaxes.items()
        }
        order = in_order(named, reads)
        for name in order:
            self._check(named[name], syntaxes[name])
        self._report_circles({d.name: d for d in pending if d.name not in order}, reads)

    def _parsed(self, d: Definition) -> Syntax | None:
        return self.findings.attempt(lambda: parse(d.text.written, d.text.origin))

    def _check(self, d: Definition, syntax: Syntax | None) -> None:
        context: Context = "formula" if d.kind == "formula" else "draw"
        reader = self.reader(d.namespace).entering(d.axis).binding(d.arguments)
        e = reader.checked(syntax, None, context) if syntax else BROKEN
        if e is BROKEN:
            self.findings.broken.add(d.local)
            return
        self.expressions[d.name] = e
        formula = e if d.kind == "formula" else None
        keys = (HIDDEN,) if formula and syntax and any(hidden_reads(syntax, reader.scope)) else ()
        self.symbols[d.kind, d.name] = symbol = Symbol(d.kind, d.name, e.type, keys, formula)
        self._known.define(symbol)

    def _report_circles(self, circular: dict[str, Definition], reads: dict[str, set[str]]) -> None:
        self.findings.broken |= {d.local for d in circular.values()}
        for path in cycles({name: sorted(reads[name] & circular.keys()) for name in circular}):
            message = f"`{path[0]}` is defined by itself: {' -> '.join(path)}"
            self.findings.error("circular-definition", message, circular[path[0]].text.span)


def values_read(syntax: Syntax) -> Iterator[str]:
    """The names that `syntax` reads as values; not those of things in `in(state)` and the like."""
    match syntax:
        case Name(name=name):
            yield name
        case Call(function=Name(name="taking"), args=(Name(name=drug),)):
            yield from (f"{drug}_{use}" for use in USES)
        case Call(function=function, keywords=keywords) if function.name in READS:
            for _, value in keywords:
                yield from values_read(value)
        case _:
            for child in children(syntax):
                yield from values_read(child)


def draw_order(
    found: list[Definition], expressions: dict[str, Expr], spans: dict[str, Span]
) -> list[Variable]:
    """The variables in the order in which they are drawn: as written, but each after those it reads.

    Last come those that are only ever set.
    """
    variables = [d for d in found if d.kind == "variable" and d.name in expressions]
    draws = {d.name: expressions[d.name] for d in variables if d.drawn}
    order = in_order(draws, {name: set(names_read(e, "variable")) for name, e in draws.items()})
    drawn = [Variable(name, draws[name], draws[name].type, spans[name]) for name in order]
    only_set = [d.name for d in variables if not d.drawn]
    return drawn + [Variable(name, None, expressions[name].type, spans[name]) for name in only_set]


def names_read(e: Expr, op: str) -> Iterator[str]:
    """The names that nodes `op` of an expression read."""
    if e.op == op:
        yield str(e.value)
    for arg in e.args:
        yield from names_read(arg, op)
