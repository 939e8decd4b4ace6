"""What the types of expressions do in arithmetic, in comparisons, and where a certain type is wanted.

Durations, rates and dates have a dimension and are kept apart strictly. Numbers of two clinical units are
never added or compared, unless they measure one analyte: then they are brought to one unit. Products and
quotients of numbers are plain numbers, and a plain number goes with any clinical unit. Truth values count as
0 and 1. A number of years (`age`) goes as a plain number beside plain numbers; beside it, a duration is
turned into years. A bare literal takes the unit of the number beside it, and 0 is 0 in every unit.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from sim.scenario.analytes import conversion
from sim.scenario.diagnostics import ScenarioError, fault
from sim.scenario.model import DATE, DAYS_PER_YEAR, DURATION, NUMBER, RATE, TRUTH, YEARS, Expr, Span, Type
from sim.scenario.units import digits, same_unit

MAX_EXPONENT = 1_000

_PRODUCTS = {
    ("number", "number"): NUMBER,
    ("number", "rate"): RATE,
    ("rate", "number"): RATE,
    ("number", "duration"): DURATION,
    ("duration", "number"): DURATION,
    ("rate", "duration"): NUMBER,
    ("duration", "rate"): NUMBER,
}
_QUOTIENTS = {
    ("number", "number"): NUMBER,
    ("rate", "number"): RATE,
    ("duration", "number"): DURATION,
    ("rate", "rate"): NUMBER,
    ("duration", "duration"): NUMBER,
    ("number", "duration"): RATE,
    ("number", "rate"): DURATION,
}
_MISSING_UNIT = {"duration": "{0} {1} or {0} {2}", "rate": "{0} per year", "date": "2010-01-01"}
_TO_PLAIN = {"duration": "divide it by `1 year`", "rate": "multiply it with `1 year`"}
_INSTEAD = {
    ("rate", "duration"): "1 / (a duration) is a rate",
    ("duration", "rate"): "1 / (a rate) is a duration",
    ("number", "duration"): "divide it by `1 year`, or another unit",
    ("number", "rate"): "multiply it with `1 year`, or another unit",
}
_FROM_PLAIN = {
    "duration": "give the number its unit, such as `3 days`, or multiply it with `1 day` or `1 year`",
    "rate": "give the number its unit, such as `0.02 per year`, or multiply it with `1 per year`",
}

_EVALUATED: dict[str, Callable[..., float]] = {
    "neg": operator.neg,
    "not": operator.not_,
    "abs": abs,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "floor": math.floor,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": math.pow,
    "min": min,
    "max": max,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
    "and": lambda x, y: x and y,
    "or": lambda x, y: x or y,
    "or_else": lambda x, y: x,
    "known": lambda x: True,
    "if": lambda condition, then, otherwise: then if condition else otherwise,
}


def describe(of: Type) -> str:
    """A type in words: "a number in mmHg"."""
    match of.kind:
        case "number" if of == YEARS:
            return "a number of years"
        case "number":
            return f"a number in {of.unit}" if of.unit else "a plain number"
        case "category":
            return f"a category ({', '.join(of.levels)})"
        case "truth":
            return "a truth value"
        case kind:
            return f"a {kind}"


def constant(expression: Expr) -> float | None:
    """The value, in base units, of an expression that reads nothing; None where it reads something.

    For checks, never for a life: a life uses the engine's own functions. NaN where there is no finite value.
    """
    if expression.op == "const":
        assert isinstance(expression.value, float)
        return expression.value
    if expression.op not in _EVALUATED:
        return None
    values = []
    for arg in expression.args:
        value = constant(arg)
        if value is None:
            return None
        values.append(value)
    return evaluated(expression.op, values)


def evaluated(op: str, values: Sequence[float]) -> float:
    """What an operation makes of `values`: NaN where there is no finite value, or the operation is none."""
    try:
        return float(_EVALUATED[op](*values))
    except (ArithmeticError, ValueError, KeyError):
        return math.nan


# ---- operations


def add(op: str, left: Expr, right: Expr, span: Span) -> Expr:
    """`op` is "add" or "sub"."""
    verb = "added" if op == "add" else "subtracted"
    kinds = (left.type.kind, right.type.kind)
    if "category" in kinds:
        raise _no_operation(left, right, span, verb)
    if "date" not in kinds:
        (left, right), common = meet((left, right), span, verb)
        return finite(Expr(op, (left, right), None, NUMBER if common == TRUTH else common, span))
    left, right = (_in_days(e) if e.type == YEARS else e for e in (left, right))
    match op, left.type.kind, right.type.kind:
        case (_, "date", "duration") | ("add", "duration", "date"):
            return Expr(op, (left, right), None, DATE, span)
        case "sub", "date", "date":
            return Expr(op, (left, right), None, DURATION, span)
    error = _no_operation(left, right, span, verb)
    for e in (left, right):
        if _dimension(e) == "number":
            raise _without_unit(e, error.diagnostics[0].message, "duration", _place(e))
    raise error


def multiply(op: str, left: Expr, right: Expr, span: Span) -> Expr:
    """`op` is "mul" or "div"."""
    if op == "div":
        if constant(right) == 0.0:
            raise fault("division-by-zero", "this divides by zero", right.span or span)
        if {left.type, right.type} == {YEARS, DURATION}:
            left, right = (_in_years(e) if e.type == DURATION else e for e in (left, right))
    table, verb = (_PRODUCTS, "multiplied") if op == "mul" else (_QUOTIENTS, "divided")
    result = table.get((_dimension(left), _dimension(right)))
    if result is None:
        raise _no_operation(left, right, span, verb)
    return finite(Expr(op, (left, right), None, result, span))


def power(left: Expr, right: Expr, span: Span) -> Expr:
    for e in (left, right):
        plain(e, "`**` needs plain numbers")
    exponent = constant(right)
    if exponent is not None and not abs(exponent) <= MAX_EXPONENT:
        message = f"an exponent of {exponent:,.10g}; {MAX_EXPONENT:,} is the limit"
        raise fault("exponent-too-large", message, right.span or span)
    return finite(Expr("pow", (left, right), None, NUMBER, span))


def negate(e: Expr, span: Span) -> Expr:
    """A minus before a literal is part of the literal."""
    if e.type.kind in ("date", "category"):
        raise fault("wrong-type", f"{describe(e.type)} has no negative", span)
    kind = NUMBER if e.type == TRUTH else e.type
    if e.op == "const" and e.type != TRUTH:
        assert isinstance(e.value, float)
        return Expr("const", (), -e.value, kind, span)
    return Expr("neg", (e,), None, kind, span)


def finite(e: Expr) -> Expr:
    """`e`, unless it reads nothing and has no finite value."""
    value = constant(e)
    if value is not None and not math.isfinite(value):
        raise fault("not-finite", "this has no finite value", _place(e))
    return e


def plain(e: Expr, need: str) -> None:
    """Raise unless `e` is a number (of any clinical unit) or a truth value. `need` begins the message."""
    if _dimension(e) != "number":
        fix = _TO_PLAIN.get(e.type.kind, "")
        raise fault("wrong-type", f"{need}, and this is {describe(e.type)}", _place(e), fix)


def truth(e: Expr, need: str) -> Expr:
    """`e`, if it is a truth value; `taking(drug)` means more than 0 of it. `need` begins the message."""
    if e.op == "taking":
        return Expr("gt", (e, Expr("const", (), 0.0, NUMBER, e.span)), None, TRUTH, e.span)
    if e.type != TRUTH:
        other = "one of its levels" if e.type.kind == "category" else "something"
        message = f"{need}, and this is {describe(e.type)}"
        raise fault("wrong-type", message, _place(e), f"compare it with {other}")
    return e


# ---- one type for several


def meet(parts: tuple[Expr, ...], span: Span, verb: str) -> tuple[tuple[Expr, ...], Type]:
    """`parts` brought to one type, and that type. `verb` says in messages what is done with them: "compared".

    Raises ScenarioError: `wrong-type`, `wrong-unit`, `missing-unit`.
    """
    if all(p.type == parts[0].type for p in parts):
        return parts, parts[0].type
    if any(p.type == YEARS for p in parts):
        parts = tuple(_in_years(p) if p.type == DURATION else p for p in parts)
    dimensions = {_dimension(p) for p in parts if not _is_zero(p)}
    if dimensions <= {"number"}:
        return _one_unit(parts, span, verb)
    first = next(p for p in parts if _dimension(p) != "number")
    for p in parts:
        if _is_zero(p) and first.type.kind in ("duration", "rate"):
            continue
        if p.type != first.type:
            raise _apart(first, p, span, verb)
    return tuple(p if p.type == first.type else replace(p, type=first.type) for p in parts), first.type


def _one_unit(parts: tuple[Expr, ...], span: Span, verb: str) -> tuple[tuple[Expr, ...], Type]:
    analytes = {p.type.analyte for p in parts if p.type.analyte}
    analyte = analytes.pop() if len(analytes) == 1 else ""
    if analyte:
        to = next(p.type.unit for p in parts if p.type.analyte)
        parts = tuple(_converted(p, analyte, to, verb) for p in parts)
    units = [p.type.unit for p in parts if p.type.unit not in ("", "years")]
    for unit in units:
        if not same_unit(unit, units[0]):
            message = f"a number in {units[0]} and a number in {unit} cannot be {verb}"
            raise fault("wrong-unit", message, span)
    if units:
        common = Type("number", unit=units[0], analyte=analyte)
    else:
        common = YEARS if any(p.type == YEARS for p in parts) else NUMBER
    return tuple(replace(p, type=common) if _is_literal(p) else p for p in parts), common


def _converted(e: Expr, analyte: str, to: str, verb: str = "") -> Expr:
    """`e` in the unit `to`, if it is in another of the analyte: a literal at once, else by arithmetic.

    Raises ScenarioError `wrong-unit` where a shifted scale cannot be `verb`: 1 % and 1 mmol/mol of HbA1c.
    """
    line = conversion(analyte, e.type.unit, to)
    if line is None or same_unit(e.type.unit, to):
        return e
    slope, intercept = line
    if intercept and verb in ("added", "subtracted"):
        message = f"{e.type.unit} and {to} of {analyte} differ by a shift, and cannot be {verb}"
        raise fault("wrong-unit", message, _place(e), f"write both in {to}")
    if e.op == "const":
        assert isinstance(e.value, float)
        exact = Fraction(repr(e.value)) * slope + intercept
        return replace(e, value=float(exact), type=Type("number", unit=to))
    product = multiply("mul", e, Expr("const", (), float(slope), NUMBER, e.span), _place(e))
    shift = Expr("const", (), float(intercept), NUMBER, e.span)
    return add("add", product, shift, _place(e)) if intercept else product


def expect(e: Expr, expected: Type) -> Expr:
    """`e` as the type that is wanted where it stands.

    Raises ScenarioError: `wrong-type`, `wrong-unit`, `missing-unit`.
    """
    span = _place(e)
    if analyte := expected.analyte or e.type.analyte:
        e = _converted(e, analyte, expected.unit)
    match expected.kind:
        case "number" if _dimension(e) == "number":
            if e.type.unit not in ("", "years") and not same_unit(e.type.unit, expected.unit):
                fix = "write a share of 1: 70 % is 0.7" if e.type.unit == "%" else ""
                message = f"{describe(expected)} belongs here, not one in {e.type.unit}"
                raise fault("wrong-unit", message, span, fix)
            return replace(e, type=expected) if _is_literal(e) else e
        case "number" if expected == YEARS and e.type == DURATION:
            return replace(_in_years(e), type=YEARS) if e.op == "const" else _in_years(e)
        case "duration" if e.type == YEARS:
            return _in_days(e)
        case "duration" | "rate" if _is_zero(e):
            return replace(e, type=expected)
        case "truth":
            return truth(e, "a truth value belongs here")
        case _ if e.type == expected:
            return e
    if _dimension(e) == "number" and expected.kind in _MISSING_UNIT:
        raise _without_unit(e, f"{describe(expected)} belongs here", expected.kind, span)
    fix = _INSTEAD.get((expected.kind, e.type.kind), "")
    raise fault("wrong-type", f"{describe(expected)} belongs here, and this is {describe(e.type)}", span, fix)


# ---- small pieces


def _dimension(e: Expr) -> str:
    return "number" if e.type.kind == "truth" else e.type.kind


def _is_literal(e: Expr) -> bool:
    """A number that may take another unit: bare, or of a spelling of the same one."""
    return e.op == "const" and e.type.kind == "number" and e.type != YEARS


def _is_zero(e: Expr) -> bool:
    return e.op == "const" and e.type == NUMBER and e.value == 0.0


def _in_years(e: Expr) -> Expr:
    """A duration as a number of years: a literal at once, anything else divided by a year."""
    if e.op == "const":
        assert isinstance(e.value, float)
        return Expr("const", (), e.value / DAYS_PER_YEAR, NUMBER, e.span)
    return Expr("div", (e, Expr("const", (), DAYS_PER_YEAR, DURATION, e.span)), None, NUMBER, e.span)


def _in_days(e: Expr) -> Expr:
    """A number of years as a duration."""
    return Expr("mul", (e, Expr("const", (), DAYS_PER_YEAR, DURATION, e.span)), None, DURATION, e.span)


def _place(e: Expr) -> Span:
    return e.span or Span("", 1, 1)


def _apart(one: Expr, other: Expr, span: Span, verb: str) -> ScenarioError:
    """The error that `one`, which has a dimension, meets `other`, which has another or none."""
    message = f"{describe(one.type)} and {describe(other.type)} cannot be {verb}"
    if _dimension(other) == "number" and one.type.kind in _MISSING_UNIT:
        return _without_unit(other, message, one.type.kind, _place(other))
    return fault("wrong-type", message, span)


def _without_unit(e: Expr, message: str, kind: str, span: Span) -> ScenarioError:
    """The error that the number `e` stands where `kind` is wanted."""
    if e.op == "const" and e.type == NUMBER:
        assert isinstance(e.value, float)
        number = digits(e.value)
        words = ("day", "year") if number == "1" else ("days", "years")
        fix = f"write {_MISSING_UNIT[kind].format(number, *words)}"
        return fault("missing-unit", f"{message}, and {number} has no unit", span, fix)
    if e.type.unit not in ("", "years"):
        return fault("wrong-type", message, span)
    message = f"{message}, and this is {describe(e.type)}"
    return fault("missing-unit", message, span, _FROM_PLAIN.get(kind, ""))


def _no_operation(left: Expr, right: Expr, span: Span, verb: str) -> ScenarioError:
    by = {"added": "to", "subtracted": "from", "multiplied": "with", "divided": "by"}[verb]
    one, other = (left, right) if verb in ("multiplied", "divided") else (right, left)
    message = f"{describe(one.type)} cannot be {verb} {by} {describe(other.type)}"
    return fault("wrong-type", message, span)
