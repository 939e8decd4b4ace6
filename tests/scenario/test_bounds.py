"""The bounds of an expression hold its value, whatever is read; and what is known in a case is true in it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario.bounds import ANY, EITHER, Bounds, Known, Leaf, World, bounds, cases
from sim.scenario.model import NUMBER, TRUTH, Expr

# x and y lie between -3 and 3 and may be unknown, t is a truth value.
RANGES: Mapping[Leaf, Bounds] = {
    ("variable", "x"): Bounds(-3.0, 3.0, True),
    ("variable", "y"): Bounds(-3.0, 3.0),
    ("variable", "t"): EITHER,
}
WORLD = World(lambda read: RANGES.get(read, ANY), lambda _, known: known, {}, lambda *_: None)


@st.composite
def number(draw: st.DrawFn, depth: int = 3) -> Expr:
    ops = ["x", "y", "const"] + [
        "add",
        "sub",
        "mul",
        "min",
        "max",
        "or_else",
        "neg",
        "abs",
        "exp",
        "floor",
        "if",
    ] * (depth > 0)
    match op := draw(st.sampled_from(ops)):
        case "x" | "y":
            return Expr("variable", (), op, NUMBER)
        case "const":
            return Expr("const", (), float(draw(st.integers(-4, 4))), NUMBER)
        case "if":
            return Expr("if", (draw(truth(depth - 1)), draw(number(depth - 1)), draw(number(depth - 1))))
    parts = 1 if op in ("neg", "abs", "exp", "floor") else 2
    return Expr(op, tuple(draw(number(depth - 1)) for _ in range(parts)))


@st.composite
def truth(draw: st.DrawFn, depth: int = 3) -> Expr:
    joins = ["and", "or", "not", "if"] * (depth > 0)
    match op := draw(st.sampled_from(["t", "lt", "le", "gt", "ge", "eq", "ne", *joins])):
        case "t":
            return Expr("variable", (), "t", TRUTH)
        case "and" | "or" | "not" | "if":
            parts = {"not": 1, "if": 3}.get(op, 2)
            return Expr(op, tuple(draw(truth(depth - 1)) for _ in range(parts)), None, TRUTH)
    return Expr(op, (draw(number(max(depth - 1, 0))), draw(number(max(depth - 1, 0)))), None, TRUTH)


points = st.fixed_dictionaries(
    {"x": st.none() | st.floats(-3, 3), "y": st.floats(-3, 3), "t": st.sampled_from([0.0, 1.0])}
)


def value(e: Expr, at: Mapping[str, float | None]) -> float | None:
    """The value of an expression, None where it is unknown: as the semantics have it."""
    if e.op == "const":
        assert isinstance(e.value, float)
        return e.value
    if e.op == "variable":
        return at[str(e.value)]
    if e.op == "if":
        return value(e.args[1] if value(e.args[0], at) else e.args[2], at)
    parts = [value(a, at) for a in e.args]
    match e.op, parts:
        case "or_else", [one, other]:
            return other if one is None else one
        case "not", [one]:
            return float(not one)
        case "and", [one, other]:
            return float(bool(one) and bool(other))
        case "or", [one, other]:
            return float(bool(one) or bool(other))
        case (("lt" | "le" | "gt" | "ge" | "eq" | "ne"), [one, other]):
            if one is None or other is None:
                return 0.0
            return float({"lt": one < other, "le": one <= other, "gt": one > other, "ge": one >= other,
                          "eq": one == other, "ne": one != other}[e.op])  # fmt: skip
    if any(part is None for part in parts):
        return None
    one, *rest = (part for part in parts if part is not None)
    match e.op:
        case "neg":
            return -one
        case "abs":
            return abs(one)
        case "exp":
            return math.exp(one) if one < 700 else math.inf
        case "floor":
            return float(math.floor(one)) if math.isfinite(one) else one
        case "min":
            return min(one, rest[0])
        case "max":
            return max(one, rest[0])
        case "add":
            return one + rest[0]
        case "sub":
            return one - rest[0]
    return 0.0 if 0.0 in (one, rest[0]) else one * rest[0]


def holds(of: Bounds, found: float | None) -> bool:
    if found is None:
        return of.unknown
    slack = 1e-9 * max(1.0, abs(found)) if math.isfinite(found) else 0.0
    return math.isnan(found) or of.low - slack <= found <= of.high + slack


@settings(max_examples=400, deadline=None)
@given(e=number() | truth(), at=points)
def test_the_value_lies_within(e: Expr, at: Mapping[str, float | None]) -> None:
    assert holds(bounds(e, WORLD, {}), value(e, at))


@settings(max_examples=400, deadline=None)
@given(e=truth(), at=points)
def test_what_is_known_in_a_case_is_true_in_it(e: Expr, at: Mapping[str, float | None]) -> None:
    known: Known | None = cases(e, WORLD, {})[0 if value(e, at) else 1]
    assert known is not None, "a case that was called impossible has come"
    for (_, name), of in known.items():
        assert holds(of, at[str(name)]), name


def _x(op: str, limit: float) -> Expr:
    return Expr(op, (Expr("variable", (), "x", NUMBER), Expr("const", (), limit, NUMBER)), None, TRUTH)


@pytest.mark.parametrize(
    "e",
    [
        Expr("and", (_x("lt", 1.0), _x("gt", 2.0)), None, TRUTH),
        Expr("and", (_x("lt", 1.0), _x("gt", 1.0)), None, TRUTH),
        Expr("and", (_x("eq", 1.0), Expr("not", (_x("le", 2.0),), None, TRUTH)), None, TRUTH),
        _x("gt", 3.0),
        _x("lt", -3.0),
    ],
)
def test_contradictions_are_found(e: Expr) -> None:
    assert cases(e, WORLD, {})[0] is None
