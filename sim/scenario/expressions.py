"""The expression language: text -> syntax tree.

Interface (stable): `parse(text, span) -> Syntax`, `names_in(syntax)`, `children(syntax)`, and the node
classes `Number`, `Date`, `Name`, `Call`, `Unary`, `Binary`, `Compare`, `Conditional`. `unparse(expression)`
(typed expression -> text) lives in unparse.py and can be imported from here as well.

Operators, from loosest to tightest (`**`, `or_else` and `if` group to the right, the others to the left):

    x if c else y    or    and    not    < <= > >= == != (chains)    or_else    + -    * /    -x    **
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sim.scenario.diagnostics import ScenarioError, fault, shown
from sim.scenario.model import Span
from sim.scenario.tokens import (
    BINDING,
    COMPARISONS,
    KEYWORDS,
    MAX_DEPTH,
    NEGATION,
    NOT,
    Source,
    Token,
    tokenize,
)
from sim.scenario.unparse import unparse

__all__ = [
    "Binary",
    "Call",
    "Compare",
    "Conditional",
    "Date",
    "Name",
    "Number",
    "Syntax",
    "Unary",
    "children",
    "names_in",
    "parse",
    "unparse",
]


@dataclass(frozen=True, slots=True)
class Number:
    """`8.5 mmol/L`, `80 days`, `0.02 per year`, `3`: the number and its unit as written ("" for none)."""

    value: float
    unit: str
    span: Span


@dataclass(frozen=True, slots=True)
class Date:
    """`2010-01-01`: days since 1970-01-01."""

    value: float
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    function: Name
    args: tuple[Syntax, ...]
    keywords: tuple[tuple[Name, Syntax], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str  # "-", "not"
    operand: Syntax
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str  # "+", "-", "*", "/", "**", "and", "or", "or_else"
    left: Syntax
    right: Syntax
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """`first op operand op operand ...`, a chain."""

    first: Syntax
    rest: tuple[tuple[str, Syntax], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Conditional:
    """`then if condition else otherwise`."""

    condition: Syntax
    then: Syntax
    otherwise: Syntax
    span: Span


Syntax = Number | Date | Name | Call | Unary | Binary | Compare | Conditional


def parse(text: str, span: Span) -> Syntax:
    """The syntax tree of `text`, whose first character stands at `span`.

    Raises ScenarioError with one diagnostic, at its exact column (see tokens.Source for texts of many lines).
    """
    parser = _Parser(Source(text, span))
    syntax = parser.whole()
    _bound_depth(syntax)
    return syntax


def children(syntax: Syntax) -> tuple[Syntax, ...]:
    """The operands of a node, in the order written."""
    match syntax:
        case Call(args=args, keywords=keywords):
            return args + tuple(value for _, value in keywords)
        case Unary(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Compare(first=first, rest=rest):
            return (first, *(operand for _, operand in rest))
        case Conditional(condition=condition, then=then, otherwise=otherwise):
            return (then, condition, otherwise)
        case _:
            return ()


def names_in(syntax: Syntax) -> frozenset[str]:
    """Every name that `syntax` reads, as written, functions left out: the order of checking follows."""
    return frozenset(node.name for node, _ in _walk(syntax) if isinstance(node, Name))


def _walk(syntax: Syntax) -> Iterator[tuple[Syntax, int]]:
    """Every node with its depth, without recursion: a chain of operators may outgrow Python's stack."""
    waiting = [(syntax, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting += ((child, depth + 1) for child in children(node))


def _bound_depth(syntax: Syntax) -> None:
    for node, depth in _walk(syntax):
        if depth > MAX_DEPTH:
            raise _too_deep(node.span)


def _too_deep(span: Span) -> ScenarioError:
    message = f"this is nested more than {MAX_DEPTH} levels deep"
    return fault("too-deep", message, span, "split the expression into formulas")


class _Parser:
    """Precedence climbing (Pratt 1973, "Top down operator precedence") over the tokens of one text."""

    def __init__(self, source: Source):
        self.source = source
        self.tokens = tokenize(source)
        self.at = 0
        self.nesting = 0

    # ---- small pieces

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def advance(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def sees(self, *texts: str) -> bool:
        return self.token.kind in ("name", "operator") and self.token.text in texts

    def span(self, token: Token) -> Span:
        return self.source.span(token.start, token.end)

    def since(self, start: int) -> Span:
        """The span from the character `start` to the end of the token read last."""
        return self.source.span(start, self.tokens[self.at - 1].end)

    def expected(self, what: str, fix: str = "") -> ScenarioError:
        """The error that `what` is missing before the next token."""
        token = self.token
        where = "at the end" if token.kind == "end" else f"before `{shown(token.text)}`"
        return fault("syntax", f"{what} is missing {where}", self.span(token), fix)

    # ---- grammar

    def whole(self) -> Syntax:
        if self.token.kind == "end":
            raise fault("empty-expression", "the expression is empty", self.span(self.token))
        syntax = self.expression(0)
        if self.sees(")"):
            raise fault("syntax", "this `)` closes nothing", self.span(self.token))
        if self.sees(","):
            raise fault(
                "syntax", "a comma stands only between the arguments of a call", self.span(self.token)
            )
        if self.sees("="):
            raise fault("syntax", "`=` compares nothing", self.span(self.token), "write `==`")
        if self.sees("else"):
            raise fault("syntax", "this `else` has no `if`", self.span(self.token), "x if condition else y")
        if self.token.kind != "end":
            raise self.expected("an operator")
        return syntax

    def expression(self, binding: int) -> Syntax:
        """The longest expression from here whose operators bind at least as tightly as `binding`."""
        self.nesting += 1
        if self.nesting > 2 * MAX_DEPTH + 2:
            raise _too_deep(self.span(self.token))
        start = self.token.start
        left = self.operand(binding)
        while self.sees(*BINDING) and BINDING[self.token.text] >= binding:
            if self.sees(*COMPARISONS):
                left = self.comparison(left, start)
                continue
            operator = self.advance()
            power = BINDING[operator.text]
            if operator.text == "if":
                left = self.conditional(left, operator, start)
            else:
                right = self.expression(power if operator.text in ("**", "or_else") else power + 1)
                left = Binary(operator.text, left, right, self.since(start))
        self.nesting -= 1
        return left

    def comparison(self, first: Syntax, start: int) -> Syntax:
        rest = []
        while self.sees(*COMPARISONS):
            operator = self.advance()
            rest.append((operator.text, self.expression(BINDING[operator.text] + 1)))
        return Compare(first, tuple(rest), self.since(start))

    def conditional(self, then: Syntax, keyword: Token, start: int) -> Syntax:
        condition = self.expression(BINDING["if"] + 1)
        if not self.sees("else"):
            message = "this `if` has no `else`: every expression has a value in both cases"
            raise fault("syntax", message, self.span(keyword), "x if condition else y")
        self.advance()
        return Conditional(condition, then, self.expression(BINDING["if"]), self.since(start))

    def operand(self, binding: int) -> Syntax:
        token = self.token
        if token.kind == "number":
            self.advance()
            return Number(token.value, token.unit, self.span(token))
        if token.kind == "date":
            self.advance()
            return Date(token.value, self.span(token))
        if self.sees("("):
            return self.group()
        if self.sees("-"):
            self.advance()
            return Unary("-", self.expression(NEGATION), self.since(token.start))
        if self.sees("not"):
            if binding > NOT:
                message = "`not` binds more loosely than the operator before it"
                raise fault("syntax", message, self.span(token), "put it in parentheses: (not x)")
            self.advance()
            return Unary("not", self.expression(NOT), self.since(token.start))
        if token.kind == "name" and token.text not in KEYWORDS:
            self.advance()
            return self.call(token) if self.sees("(") else Name(token.text, self.span(token))
        raise self.expected("a value", "leave out the `+`" if self.sees("+") else "")

    def group(self) -> Syntax:
        opening = self.advance()
        inner = self.expression(0)
        self.close(opening)
        return inner

    def close(self, opening: Token) -> None:
        if self.sees(")"):
            self.advance()
        elif self.token.kind == "end":
            raise fault("syntax", "this `(` is never closed", self.span(opening))
        elif self.sees("="):
            raise fault("syntax", "`=` compares nothing", self.span(self.token), "write `==`")
        else:
            raise self.expected("an operator or `)`")

    def call(self, function: Token) -> Syntax:
        opening = self.advance()
        args: list[Syntax] = []
        keywords: list[tuple[Name, Syntax]] = []
        while not self.sees(")") or args or keywords:
            name = self.token
            if name.kind == "name" and self.tokens[self.at + 1].text == "=":
                self.at += 2
                if name.text in (known.name for known, _ in keywords):
                    raise fault("syntax", f"`{shown(name.text)}` is given twice", self.span(name))
                keywords.append((Name(name.text, self.span(name)), self.expression(0)))
            elif keywords:
                raise fault(
                    "syntax", "an argument without a name stands after one with a name", self.span(name)
                )
            else:
                args.append(self.expression(0))
            if not self.sees(","):
                break
            self.advance()
        self.close(opening)
        name_of_function = Name(function.text, self.span(function))
        return Call(name_of_function, tuple(args), tuple(keywords), self.since(function.start))
