"""Every name of a scenario, and in which order the definitions behind them can be checked.

Names of a pathway are `pathway.name`; those of the scenario `population.name` (its variables) and
`scenario.name` (its parameters). Providers belong to the scenario and have no pathway.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sim.scenario.diagnostics import Findings
from sim.scenario.expressions import Call, Name, Syntax, children
from sim.scenario.graphs import cycles
from sim.scenario.loader import Scalar
from sim.scenario.model import Expr, Span, Type, Variable
from sim.scenario.reader import BROKEN, Reader
from sim.scenario.schema import (
    AnyStep,
    Choose,
    Every,
    If,
    Pathway,
    ScenarioFile,
    Set,
    Visit,
)
from sim.scenario.scope import Scope, Symbol, SymbolKind
from sim.scenario.words import READS, SEX, VALUES

SCENARIO, POPULATION = "scenario", "population"
SEX_NAME = "population.sex"


@dataclass(frozen=True, slots=True)
class Documents:
    """What the author wrote: scenario.yaml and its pathways, in its order."""

    scenario: ScenarioFile
    pathways: tuple[Pathway, ...]

    def sources(self, pathway: Pathway | None) -> dict[str, str]:
        """The keys a `source:` may use: a pathway's own, then the scenario's."""
        return self.scenario.sources | (pathway.sources if pathway else {})


@dataclass(frozen=True, slots=True)
class Definition:
    """A variable or formula, whose type follows from its expression; `drawn` is false where only a `set`
    gives it.
    """

    kind: SymbolKind
    name: str
    text: Scalar
    drawn: bool

    @property
    def namespace(self) -> str:
        return self.name.partition(".")[0]


# ---- which names there are


def undefined_symbols(documents: Documents, findings: Findings) -> tuple[Symbol, ...]:
    """Every name that has one kind and no type yet: all but the names that a `set` alone gives a value."""
    symbols = [Symbol("variable", SEX_NAME, SEX)]
    file = documents.scenario
    for name in file.parameters:
        symbols.append(_parameter(f"{SCENARIO}.{name}", file.parameters[name].by))
    symbols += (Symbol("variable", f"{POPULATION}.{name}") for name in file.population.variables)
    symbols += (Symbol("provider", name) for name in file.providers)
    for pathway in documents.pathways:
        _check_values_apart(pathway, findings)
        symbols += _symbols_of(pathway, findings)
    return tuple(symbols)


def _parameter(name: str, by: list[Scalar]) -> Symbol:
    return Symbol("table" if by else "parameter", name)


def _symbols_of(pathway: Pathway, findings: Findings) -> Iterator[Symbol]:
    prefix = f"{pathway.pathway.text}."
    sections: dict[SymbolKind, dict[str, object]] = {
        "variable": dict(pathway.variables),
        "formula": dict(pathway.formulas),
        "condition": dict(pathway.conditions),
        "drug": dict(pathway.drugs),
        "procedure": dict(pathway.procedures),
        "protocol": dict(pathway.care),
        "axis": dict(pathway.disease),
    }
    for kind, section in sections.items():
        yield from (Symbol(kind, prefix + name) for name in section)
    for name, parameter in pathway.parameters.items():
        yield _parameter(prefix + name, parameter.by)
    for name, biomarker in pathway.biomarkers.items():
        yield Symbol("biomarker", prefix + name, Type("number", unit=biomarker.unit))
    seen: dict[str, str] = {}
    for axis, states in pathway.disease.items():
        for name, state in states.items():
            if name in seen:
                message = f"the axis `{seen[name]}` of this pathway has a state `{name}` already"
                findings.error("same-name", message, state.span, f"{name}_of_{axis}")
            else:
                seen[name] = axis
                yield Symbol("state", prefix + name)


def _check_values_apart(pathway: Pathway, findings: Findings) -> None:
    """Variables, parameters, formulas and biomarkers of a pathway are all read by their bare names."""
    seen: dict[str, str] = {}
    for section in ("variables", "parameters", "formulas", "biomarkers"):
        for name, thing in getattr(pathway, section).items():
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
        new: dict[str, Scalar] = {}
        for name, text in assignments(pathway):
            local = name.removeprefix(f"{scope.pathway}.")
            if "." not in local and not scope.meanings(name, VALUES):
                new.setdefault(local, text)
        found += (Definition("variable", f"{scope.pathway}.{n}", text, False) for n, text in new.items())
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


def assignments(pathway: Pathway) -> Iterator[tuple[str, Scalar]]:
    """Every `set` of a pathway: the name as written, and the expression."""
    for states in pathway.disease.values():
        for state in states.values():
            yield from state.set.items()
    for protocol in pathway.care.values():
        for step in every_step(protocol.steps):
            if isinstance(step, Set):
                yield from step.set.items()


def every_step(steps: Sequence[AnyStep]) -> Iterator[AnyStep]:
    """The steps and all steps inside them."""
    for step in steps:
        yield step
        match step:
            case Visit() | Every():
                yield from every_step(step.steps)
            case If():
                yield from every_step(step.then + step.else_)
            case Choose():
                for branch in step.choose:
                    yield from every_step((branch.then or []) + (branch.otherwise or []))


# ---- in which order they are checked


class Definitions:
    """Checks definitions one after the other, each after those it reads.

    `symbols` grow by their types, `drawn` are the checked expressions in the order of checking.
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
        self._check_all(pending)

    def scope(self, namespace: str) -> Scope:
        return Scope(tuple(self.symbols.values()), namespace)

    def reader(self, namespace: str) -> Reader:
        return Reader(self.scope(namespace), self.findings, self.values, self.used)

    def _check_all(self, pending: list[Definition]) -> None:
        named = {d.name: d for d in pending}
        reads: dict[str, set[str]] = {}
        syntaxes: dict[str, Syntax] = {}
        scopes = {space: self.scope(space) for space in {d.namespace for d in pending}}
        for d in pending:
            syntax = Reader(scopes[d.namespace], self.findings, self.values, self.used).syntax(d.text)
            reads[d.name] = set()
            if syntax is None:
                self._give_up(d)
                continue
            syntaxes[d.name] = syntax
            for name in values_read(syntax):
                reads[d.name] |= {
                    s.name for s in scopes[d.namespace].meanings(name, VALUES) if s.name in named
                }
        waiting = [d for d in pending if d.name in syntaxes]
        while ready := [d for d in waiting if not reads[d.name] & {w.name for w in waiting}]:
            for d in ready:
                self._check(d, syntaxes[d.name])
            waiting = [d for d in waiting if d not in ready]
        self._report_cycles(waiting, reads)

    def _check(self, d: Definition, syntax: Syntax) -> None:
        e = self.reader(d.namespace).checked(syntax, None, "formula" if d.kind == "formula" else "draw")
        if e is BROKEN:
            self._give_up(d)
            return
        self.expressions[d.name] = e
        symbol = self.symbols[d.kind, d.name]
        self.symbols[d.kind, d.name] = replace(
            symbol, type=e.type, formula=e if d.kind == "formula" else None
        )

    def _give_up(self, d: Definition) -> None:
        self.findings.broken.add(d.name.partition(".")[2])

    def _report_cycles(self, waiting: list[Definition], reads: dict[str, set[str]]) -> None:
        spans = {d.name: d.text.span for d in waiting}
        for path in cycles({name: sorted(reads[name] & spans.keys()) for name in spans}):
            message = f"`{path[0]}` is defined by itself: {' -> '.join(path)}"
            self.findings.error("circular-definition", message, spans[path[0]])
        for d in waiting:
            self._give_up(d)


def values_read(syntax: Syntax) -> Iterator[str]:
    """The names that `syntax` reads as values; not those of things in `in(state)` and the like."""
    match syntax:
        case Name(name=name):
            yield name
        case Call(function=function, keywords=keywords) if function.name in READS:
            for _, value in keywords:
                yield from values_read(value)
        case _:
            for child in children(syntax):
                yield from values_read(child)


def draw_order(
    found: list[Definition], expressions: dict[str, Expr], spans: dict[str, Span]
) -> list[Variable]:
    """The variables in the order in which they are drawn: as written, but each after those it reads."""
    drawn = {d.name: d for d in found if d.kind == "variable" and d.drawn and d.name in expressions}
    ordered: dict[str, Variable] = {}

    def visit(name: str) -> None:
        if name in ordered or name not in drawn:
            return
        for read in names_read(expressions[name], "variable"):
            visit(read)
        e = expressions[name]
        ordered[name] = Variable(name, e, e.type, spans[name])

    for name in drawn:
        visit(name)
    for d in found:
        if d.kind == "variable" and not d.drawn and d.name in expressions:
            ordered[d.name] = Variable(d.name, None, expressions[d.name].type, spans[d.name])
    return list(ordered.values())


def names_read(e: Expr, op: str) -> Iterator[str]:
    """The names that nodes `op` of an expression read."""
    if e.op == op:
        yield str(e.value)
    for arg in e.args:
        yield from names_read(arg, op)
