"""Which names an expression may use, and what each of them is.

Interface (stable): `Symbol`, `SymbolKind`, `Scope(symbols, pathway)`, `Scope.find(name, kinds, span)`,
`nearest(name, names)`.

A name may mean different things where different words read it (a state and a condition of one name), so a
scope keeps every meaning, and the word that reads the name chooses by kind.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from sim.scenario.diagnostics import fault, shown
from sim.scenario.model import Expr, Span, Type

SymbolKind = Literal[
    "variable",
    "parameter",
    "table",
    "formula",
    "state",
    "event",
    "condition",
    "drug",
    "ladder",
    "procedure",
    "vaccine",
    "biomarker",
    "test",
    "panel",
    "protocol",
    "protocol with arguments",
    "provider",
    "axis",
]


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name and what it stands for.

    `name` is qualified ("pathway.x"; a provider has no pathway). `type` is that of its value, for kinds that
    have one: variable, parameter, table (of its cells), formula, biomarker, test, axis (of its states).
    `keys` are what a table is read by: "age", "year", "sex", the qualified name of a variable (the axis of a
    categorical one has its levels, in its order), or a column of numbers that only `lookup` gives; of a drug
    which of "adherence", "works_in" and "given_up" it has; of a biomarker "value" if it has one; of a panel
    its biomarkers; of a formula "hidden" if care cannot know what it reads. `formula` is a formula's checked
    expression: formulas are checked before what reads them (`names_in` says in which order); or what a
    parameter that changes on dates stands for. `members` are those of a value set, which is of their kind, or
    the protocols that one with arguments stands for.
    """

    kind: SymbolKind
    name: str
    type: Type | None = None
    keys: tuple[str, ...] = ()
    formula: Expr | None = None
    members: tuple[str, ...] = ()


class Scope:
    """The names that expressions of a pathway may use: its own, others as `pathway.x`, or bare if unique.

    `axis` is that whose state is being entered, where there is one: of which `previous_state` is a state.
    """

    def __init__(self, symbols: tuple[Symbol, ...], pathway: str):
        self.symbols = list(symbols)
        self.pathway = pathway
        self.axis: Symbol | None = None
        self.units = frozenset(s.type.unit for s in symbols if s.type and s.type.unit)
        self.arguments: Mapping[str, Symbol] = {}
        self._meanings: dict[str, list[Symbol]] = {}
        for symbol in symbols:
            self._mean(symbol)

    def _mean(self, symbol: Symbol) -> None:
        for name in {symbol.name, symbol.name.rpartition(".")[2]}:
            self._meanings.setdefault(name, []).append(symbol)

    def define(self, symbol: Symbol) -> None:
        """Add a meaning, here and in the scopes made of this one."""
        self.symbols.append(symbol)
        self._mean(symbol)

    def within(self, pathway: str) -> Scope:
        """The same names, for the expressions of another pathway."""
        other = copy.copy(self)
        other.pathway = pathway
        return other

    def binding(self, arguments: Mapping[str, Symbol]) -> Scope:
        """The same scope, in which some names are those of arguments and mean what is given for them."""
        bound = copy.copy(self)
        bound.arguments = arguments
        return bound

    def entering(self, axis: str) -> Scope:
        """The same names where a state of `axis` (qualified) is entered; "" for nowhere."""
        inside = copy.copy(self)
        inside.axis = next(iter(self.meanings(axis, ("axis",))), None)
        return inside

    def meanings(self, name: str, kinds: tuple[SymbolKind, ...]) -> tuple[Symbol, ...]:
        """What `name` can mean among `kinds`; where it is an argument, or the own pathway has a meaning, only
        that.
        """
        if name in self.arguments:
            return (self.arguments[name],) if self.arguments[name].kind in kinds else ()
        fitting = [s for s in self._meanings.get(name, ()) if s.kind in kinds]
        own = [s for s in fitting if s.name == f"{self.pathway}.{name}"]
        return tuple(own or fitting)

    def names(self, kinds: tuple[SymbolKind, ...]) -> list[str]:
        """Every name, bare and qualified, with a meaning among `kinds`."""
        names = [name for name, meanings in self._meanings.items() if any(s.kind in kinds for s in meanings)]
        return names + [name for name, symbol in self.arguments.items() if symbol.kind in kinds]

    def find(self, name: str, kinds: tuple[SymbolKind, ...], span: Span) -> Symbol:
        """The symbol that `name` means where one of `kinds` is wanted.

        Raises ScenarioError: `unknown-name` (with "did you mean"), `wrong-kind`, `ambiguous-name`.
        """
        fitting = self.meanings(name, kinds)
        if len(fitting) == 1:
            return fitting[0]
        wanted = " or ".join(kinds)
        if fitting:
            several = ", ".join(f"{s.kind} {s.name}" for s in fitting)
            raise fault(
                "ambiguous-name", f"`{shown(name)}` can be {several}", span, "write the name with its pathway"
            )
        fix = did_you_mean(name, self.names(kinds))
        if name in self.arguments:
            given = self.arguments[name]
            what = "a value" if given.kind == "formula" else with_article(given.kind)
            message = f"the argument `{name}` is {what} here; {with_article(wanted)} belongs here"
            raise fault("wrong-kind", message, span, fix)
        if others := self._meanings.get(name):
            message = (
                f"`{shown(name)}` is {with_article(others[0].kind)}; {with_article(wanted)} belongs here"
            )
            raise fault("wrong-kind", message, span, fix)
        raise fault(
            "unknown-name", f"there is no {wanted} `{shown(name)}`", span, fix or _define(name, kinds)
        )


_DEFINED: dict[SymbolKind, str] = {
    "provider": "`providers:` of scenario.yaml: {}: {{class: ambulatory}}",
    "state": "an axis of `disease:`",
    "event": "`events:`",
    "biomarker": "`biomarkers:`",
    "test": "`tests:`",
    "condition": "`conditions:`",
    "procedure": "`procedures:`",
    "vaccine": "`vaccines:`",
    "drug": "`drugs:`",
    "ladder": "`ladders:`",
    "protocol": "`care:`",
}


def _define(name: str, kinds: Iterable[SymbolKind]) -> str:
    """Where a thing of such kinds is defined, as a fix; nothing where it can be of many."""
    places = [_DEFINED[kind].format(shown(name)) for kind in kinds if kind in _DEFINED]
    return f"define it under {' or '.join(places)}" if 0 < len(places) <= 2 else ""


def is_given(key: str) -> bool:
    """Whether a key of a table is nothing that a patient has, so that only `lookup` can give it."""
    return "." not in key and key not in ("age", "year", "sex")


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that is spelled most like `name`, if one is near."""
    return next(iter(difflib.get_close_matches(name[:100], sorted(names), n=1)), None)


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A fix that proposes the nearest of `names`, or none."""
    near = nearest(name, names)
    return f"did you mean `{near}`?" if near else ""


def with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
