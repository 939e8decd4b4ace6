"""Reads the expressions and names that stand in a file, and keeps what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from sim.scenario.constants import with_values
from sim.scenario.diagnostics import Findings, ScenarioError, fault, shown
from sim.scenario.expressions import Name, Syntax, children, names_in, parse
from sim.scenario.loader import Scalar
from sim.scenario.model import NUMBER, TRUTH, Expr, Type
from sim.scenario.scope import Scope, Symbol, SymbolKind
from sim.scenario.typing import Context, check, constant
from sim.scenario.words import THING, VALUES

T = TypeVar("T")

BROKEN = Expr("const", (), 0.0)  # stands where an expression could not be read; its scenario never runs
REST = Expr("rest")

_TO = re.compile(r"\s+to\s+")


class Reader:
    """Reads for one pathway.

    `values` are those of the parameters, to check constants as far as they are known; `used` grows by the
    qualified names of the variables, parameters and formulas that are read.
    """

    def __init__(self, scope: Scope, findings: Findings, values: dict[str, float], used: set[str]):
        self.scope = scope
        self.findings = findings
        self.values = values
        self.used = used

    def entering(self, axis: str) -> Reader:
        """A reader of what stands in the `set:` of a state of `axis` (qualified; "" for nowhere)."""
        return Reader(self.scope.entering(axis), self.findings, self.values, self.used)

    def binding(self, arguments: Mapping[str, Symbol]) -> Reader:
        """A reader of a protocol with arguments."""
        return Reader(self.scope.binding(arguments), self.findings, self.values, self.used)

    def expression(self, text: Scalar, expected: Type | None, context: Context) -> Expr:
        """The typed expression of `text`, or `BROKEN`."""
        syntax = self.syntax(text)
        return BROKEN if syntax is None else self.checked(syntax, expected, context)

    def syntax(self, text: Scalar) -> Syntax | None:
        return self.findings.attempt(lambda: parse(text.written, text.origin))

    def checked(self, syntax: Syntax, expected: Type | None, context: Context) -> Expr:
        """The typed expression of `syntax`, or `BROKEN`."""
        return self.attempt(syntax, lambda: check(syntax, self.scope, expected, context)) or BROKEN

    def attempt(self, syntax: Syntax, part: Callable[[], T]) -> T | None:
        """What `part` makes of `syntax`, or None where it raises ScenarioError; what is wrong only because a
        definition could not be read is not kept.
        """
        self.used |= {s.name for name in names_in(syntax) for s in self.scope.meanings(name, VALUES)}
        try:
            return part()
        except ScenarioError as error:
            broken = [name.span for name in _names(syntax) if self.is_broken(name.name)]
            self.findings.diagnostics += (
                d
                for d in error.diagnostics
                if not broken or (d.rule == "unknown-name" and d.span not in broken)
            )
            return None

    def is_broken(self, name: str) -> bool:
        """Whether the definition of `name` could not be read: what follows from that is not reported."""
        return name.rpartition(".")[2] in self.findings.broken

    def name(self, name: Scalar, kinds: tuple[SymbolKind, ...]) -> str:
        """The qualified name of the thing that `name` means, or ""."""
        known = self.scope.meanings(name.text, kinds)
        if not known and self.is_broken(name.text):
            return ""
        found = self.findings.attempt(lambda: self.scope.find(name.text, kinds, name.span))
        if found and found.members and kinds != THING:
            message = f"`{shown(name.text)}` is a group; one {found.kind} belongs here"
            fix = f"one of {', '.join(member.rpartition('.')[2] for member in found.members)}"
            self.findings.error("is-a-group", message, name.span, fix)
            return ""
        return found.name if found else ""

    def members(self, name: Scalar, kind: SymbolKind) -> tuple[str, ...]:
        """The qualified names in the group of things of one kind that `name` means; () if it means none."""
        return next((s.members for s in self.scope.meanings(name.text, (kind,))), ())

    # ---- numbers between bounds

    def probability(self, text: Scalar, context: Context = "condition") -> Expr:
        """A probability that may depend on the patient; one that is known must lie in [0, 1]."""
        e = self.expression(text, NUMBER, context)
        value = self.known(e)
        if value is not None and not 0.0 <= value <= 1.0:
            message = f"this probability is {value:.6g}; it lies between 0 and 1"
            self.findings.error("not-a-probability", message, text.span)
        return e

    def share(self, text: Scalar, context: Context = "condition") -> Expr:
        """A probability, or `rest`."""
        return replace(REST, span=text.span) if text.text == "rest" else self.probability(text, context)

    def truth(self, text: Scalar, context: Context) -> Expr:
        return self.expression(text, TRUTH, context)

    def known(self, e: Expr) -> float | None:
        """The value of an expression that reads parameters alone, else None."""
        return None if e is BROKEN or e.op == "rest" else constant(with_values(e, self.values))


def _names(syntax: Syntax) -> Iterator[Name]:
    if isinstance(syntax, Name):
        yield syntax
    for child in children(syntax):
        yield from _names(child)


def from_to(text: Scalar) -> tuple[Scalar, Scalar]:
    """The two ends of `a to b`. Raises ScenarioError `not-a-range`."""
    parts = _TO.split(text.written)
    if len(parts) != 2 or not all(parts):
        raise fault("not-a-range", "a range is written `a to b`", text.span, "0.2 to 0.4")
    return part_of(text, parts[0]), part_of(text, parts[1])


def part_of(text: Scalar, part: str) -> Scalar:
    """A piece at the end or the start of a text, as a scalar of its own; `text` is on one line."""
    start = 0 if text.written.startswith(part) else len(text.written) - len(part)
    origin = replace(text.origin, column=text.origin.column + start, length=max(len(part), 1))
    return Scalar(part, part, origin, part, origin, text.key)
