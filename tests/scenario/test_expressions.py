"""Texts to syntax trees: grammar against Python's own, places, limits, and inputs nobody meant."""

from __future__ import annotations

import ast
import dataclasses
import string
from collections.abc import Callable

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from sim.scenario.diagnostics import Diagnostic, ScenarioError
from sim.scenario.expressions import (
    Binary,
    Call,
    Compare,
    Conditional,
    Date,
    Name,
    Number,
    Syntax,
    Unary,
    children,
    names_in,
    parse,
)
from sim.scenario.model import Span
from sim.scenario.tokens import MAX_DEPTH, MAX_LENGTH
from sim.scenario.typing import Scope, check, constant

START = Span("asthma.yaml", 7, 12)
NOTHING = Scope((), "asthma")


def shape(syntax: Syntax) -> str:
    """The tree in one line, every operator in parentheses."""
    match syntax:
        case Number(value=value, unit=unit):
            return f"{value:g} {unit}".strip()
        case Date(value=value):
            return f"day {value:g}"
        case Name(name=name):
            return name
        case Call(function=function, args=args, keywords=keywords):
            named = [f"{name.name}={shape(value)}" for name, value in keywords]
            return f"{function.name}({', '.join([*map(shape, args), *named])})"
        case Unary(operator=operator, operand=operand):
            return f"({operator} {shape(operand)})"
        case Binary(operator=operator, left=left, right=right):
            return f"({shape(left)} {operator} {shape(right)})"
        case Compare(first=first, rest=rest):
            return f"({shape(first)}{''.join(f' {operator} {shape(operand)}' for operator, operand in rest)})"
        case Conditional(condition=condition, then=then, otherwise=otherwise):
            return f"({shape(then)} if {shape(condition)} else {shape(otherwise)})"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1e-3", "0.001"),
        ("10_000.5", "10000.5"),
        (".5", "0.5"),
        ("2010-01-01", "day 14610"),
        ("0.02 per year", "0.02 per year"),
        ("0.02  per \n year", "0.02 per year"),
        ("1.5 per 1000 person-years", "1.5 per 1000 person-years"),
        ("80 days", "80 days"),
        ("80days", "80 days"),
        ("7 %", "7 %"),
        ("7%", "7 %"),
        ("27 {score}", "27 {score}"),
        ("60 mL/min/1.73m2", "60 mL/min/1.73m2"),
        ("72 /min", "72 /min"),
        ("72/min(3, 4)", "(72 / min(3, 4))"),
        ("72/(min)", "(72 / min)"),
        ("3 10*9/L", "3 10*9/L"),
        ("140 mmHg / 20", "(140 mmHg / 20)"),
        ("140 mmHg/20", "(140 mmHg / 20)"),
        ("5 kg/m2 * 2", "(5 kg/m2 * 2)"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("1 - -2", "(1 - (- 2))"),
        ("8 / 4 / 2", "((8 / 4) / 2)"),
        ("2 ** 3 ** 2", "(2 ** (3 ** 2))"),
        ("-2 ** 2", "(- (2 ** 2))"),
        ("2 ** -1", "(2 ** (- 1))"),
        ("2 ** -a ** 2 * 3", "((2 ** (- (a ** 2))) * 3)"),
        ("a * -b + c", "((a * (- b)) + c)"),
        ("not a and b or c", "(((not a) and b) or c)"),
        ("not a == b", "(not (a == b))"),
        ("a < b <= c", "(a < b <= c)"),
        ("(a < b) < c", "((a < b) < c)"),
        ("a + 1 < b * 2 and c", "(((a + 1) < (b * 2)) and c)"),
        ("a if b else c if d else e", "(a if b else (c if d else e))"),
        ("(a if b else c) if d else e", "((a if b else c) if d else e)"),
        ("a or b if c else d", "((a or b) if c else d)"),
        ("3 months if last(sbp) > 140 else 1 year", "(3 months if (last(sbp) > 140) else 1 year)"),
        ("last(sbp) or_else 120 > 140", "((last(sbp) or_else 120) > 140)"),
        ("last(sbp) or_else first(sbp) or_else 1", "(last(sbp) or_else (first(sbp) or_else 1))"),
        ("last(sbp) + 1 or_else 120", "((last(sbp) + 1) or_else 120)"),
        ("count(attack, within=1 year) >= 2", "(count(attack, within=1 year) >= 2)"),
        ("min(a, b, 3)", "min(a, b, 3)"),
        ("uniform(2 hours, 24 hours)", "uniform(2 hours, 24 hours)"),
        ("known(lipids.ldl)", "known(lipids.ldl)"),
        ("categorical(mild=0.7, severe=rest)", "categorical(mild=0.7, severe=rest)"),
        ("1 in (a)", None),
        ("a ==b", "(a == b)"),
    ],
)
def test_grammar(text: str, tree: str | None) -> None:
    if tree is None:
        with pytest.raises(ScenarioError, match="an operator is missing before `in`"):
            parse(text, START)
    else:
        assert shape(parse(text, START)) == tree


# ---- the operators that Python has as well mean what they mean there

_NUMBERS = st.floats(0.25, 8).map(lambda x: f"{x:.3f}")
_OPERATORS = ["+", "-", "*", "/", "**", "<", "<=", ">", ">=", "==", "!=", "and", "or"]


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.tuples(parts, st.sampled_from(_OPERATORS), parts).map(" ".join)
    conditional = st.tuples(parts, parts, parts).map(lambda p: f"{p[0]} if {p[1]} else {p[2]}")
    return st.one_of(
        binary, conditional, parts.map("- {}".format), parts.map("not {}".format), parts.map("({})".format)
    )


@settings(max_examples=600)
@given(st.recursive(_NUMBERS, _joined, max_leaves=9))
@example("2.0 - 3.0 - 4.0 * 5.0 ** 2.0 ** 0.5")
@example("1.0 < 2.0 < 3.0 and not 2.0 > 1.0 or 1.0 == 1.0")
@example("1.0 if 2.0 > 3.0 else 4.0 if 5.0 > 4.0 else 6.0")
def test_the_common_operators_group_as_in_python(text: str) -> None:
    try:
        expected = eval(compile(ast.parse(text, mode="eval"), "test", "eval"))
    except SyntaxError:
        with pytest.raises(ScenarioError):
            parse(text, START)
        return
    except (ZeroDivisionError, OverflowError):
        assume(False)
    try:
        expression = check(parse(text, START), NOTHING, None, "condition")
    except ScenarioError as error:
        rules = {d.rule for d in error.diagnostics}
    else:
        rules = set()
        assert constant(expression) == float(expected)
    # Types are stricter than Python's, and constants without a finite value are refused.
    assert rules <= {"wrong-type", "exponent-too-large", "not-finite", "division-by-zero"}


# ---- places

_TEXTS = [
    "1 - 0.95 ** exp(0.06 * (age - 55) + 0.018 * (last(sbp) - 130))",
    "(3 if atopic else 1) * -exp(-0.06 * age) + 8.5 mmol/L",
    "0.1 < a <= (b or_else 3 weeks) and not in(active)",
    "categorical(mild=0.70, moderate = 0.25, severe= rest)",
]


def _every(syntax: Syntax) -> list[Syntax]:
    return [syntax] + [node for child in children(syntax) for node in _every(child)]


@pytest.mark.parametrize("text", _TEXTS)
def test_the_place_of_every_node_holds_its_own_text(text: str) -> None:
    for node in _every(parse(text, START)):
        start = node.span.column - START.column
        own = text[start : start + node.span.length]
        assert (node.span.file, node.span.line) == ("asthma.yaml", 7)
        assert shape(parse(own, START)) == shape(node)


def test_later_lines_count_from_their_own_start() -> None:
    with pytest.raises(ScenarioError) as caught:
        parse("1 + 2\n  + 3 @ 4", START)
    (found,) = caught.value.diagnostics
    assert found.span == Span("asthma.yaml", 8, 7, 1)


def test_names_in() -> None:
    text = "count(attack, within=w) * a.b + (x if sex == male else exp(x)) + 3 days"
    assert names_in(parse(text, START)) == {"attack", "w", "a.b", "x", "sex", "male"}


# ---- limits and hostile inputs


def diagnosed(text: str) -> tuple[str, int]:
    """The rule and column of the one diagnostic that `parse` gives."""
    with pytest.raises(ScenarioError) as caught:
        parse(text, START)
    (found,) = caught.value.diagnostics
    return found.rule, found.span.column - START.column + 1


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("(" * 10_000, "too-deep"),
        ("(" * 200 + "1" + ")" * 200, "too-deep"),
        ("-" * 5_000 + "1", "too-deep"),
        ("not " * 4_000 + "a", "too-deep"),
        ("1" + "+1" * 9_000, "too-deep"),
        ("1" + "**1" * 5_000, "too-deep"),
        ("a" + " if a else a" * 1_000, "too-deep"),
        ("exp(" * 4_000, "too-deep"),
        ("1" * (MAX_LENGTH + 1), "too-long"),
        ("1" * MAX_LENGTH, "too-large"),
        ("1e999999999999999", "too-large"),
        ("1e308 years", "too-large"),
        ("5 " + "a" * 15_000 + "_", "syntax"),
        ("5 " + "{a" * 7_000, "unexpected-character"),
        ("5 per " + " " * 15_000, "unknown-unit"),
        ("\x00", "unexpected-character"),
        ("1 + \x00", "unexpected-character"),
        ("\ufeff1", "unexpected-character"),
        ("1\u00a0+ 1", "unexpected-character"),
        ("\ud800", "unexpected-character"),
        ("😀", "unexpected-character"),
        ("٣ + 1", "unexpected-character"),
        ("größe", "unexpected-character"),
        (" \n\t ", "empty-expression"),
    ],
)
def test_hostile_texts_get_one_diagnostic(text: str, rule: str) -> None:
    assert diagnosed(text)[0] == rule


def test_the_limit_of_depth_is_exact() -> None:
    parse("1" + "+1" * (MAX_DEPTH - 1), START)
    assert diagnosed("1" + "+1" * MAX_DEPTH)[0] == "too-deep"
    parse("-" * (MAX_DEPTH - 1) + "1", START)
    assert diagnosed("-" * MAX_DEPTH + "1")[0] == "too-deep"


def test_a_long_list_of_shares_is_not_deep() -> None:
    parse(f"categorical({', '.join(f'level_{i}=0.001' for i in range(900))})", START)


_PHRASES = """
    1|2.5|80 days|0.02 per year|per|mmol/L|%|{score}|2010-01-01|in(a)|in|last|age|(|)|,|=|==|<|<=|**|*|/|+|-
    |not|and|or|or_else|if|else|normal|within=3|categorical|rest|a.b|a.b.c|.|;|'|[|]|{|}|#|!|&&|^|≤|é|\x00|😀|\n
"""
_WORDS = st.sampled_from(_PHRASES.split("|"))
_SOUP = st.lists(_WORDS, max_size=30).flatmap(
    lambda words: st.sampled_from(["", " "]).map(lambda gap: gap.join(words))
)


@settings(max_examples=1_000)
@given(st.one_of(_SOUP, st.text(max_size=60), st.text(alphabet=string.printable, max_size=60)))
def test_any_text_is_a_tree_or_one_diagnostic_in_its_place(text: str) -> None:
    found = findings(lambda: parse(text, START))
    if not found:
        found = findings(lambda: check(parse(text, START), NOTHING, None, "draw"))
    else:
        assert len(found) == 1
    lines = text.split("\n")
    for diagnostic in found:
        row = diagnostic.span.line - START.line
        column = diagnostic.span.column - (1 if row else START.column)
        assert 0 <= row < len(lines)
        assert 0 <= column <= len(lines[row])
        assert diagnostic.message.isprintable()
        assert diagnostic.message


def findings(work: Callable[[], object]) -> tuple[Diagnostic, ...]:
    try:
        work()
    except ScenarioError as error:
        return error.diagnostics
    return ()


def test_trees_are_values() -> None:
    syntax = parse("a + 1", START)
    assert syntax == parse("a + 1", START)
    with pytest.raises(dataclasses.FrozenInstanceError):
        syntax.operator = "-"  # type: ignore[misc, union-attr]
