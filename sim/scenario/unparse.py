"""Typed expression -> text, for the resolved form of a scenario."""

from __future__ import annotations

from sim.scenario import units
from sim.scenario.model import DISTRIBUTIONS, Expr
from sim.scenario.seasons import MONTHS
from sim.scenario.tokens import BINDING, NEGATION, NOT
from sim.scenario.words import PREVIOUS_STATE

_OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "pow": "**",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
    "and": "and",
    "or": "or",
    "or_else": "or_else",
}
_FUNCTIONS = frozenset({"abs", "exp", "log", "sqrt", "floor", "known", "min", "max"})
_NAMES = frozenset({"variable", "parameter"})
_TIGHTEST = 20


def unparse(expression: Expr) -> str:
    """A text that parses and checks back to an equal expression: units spelled out, names qualified.

    The expression is one that `check` returned; the text is checked with the same expected type and context.
    """
    return _text(expression, 0)


def percentile(percent: Expr) -> str:
    """The name of a quantile of `empirical`: p50, or p2_5."""
    return "p" + _literal(percent)[0].replace(".", "_")


def _text(e: Expr, binding: int) -> str:
    """The text of `e`, in parentheses where an operator that binds with `binding` would tear it apart."""
    text, own = _spelled(e)
    return text if own >= binding else f"({text})"


def _spelled(e: Expr) -> tuple[str, int]:
    """The text of `e` without parentheses, and how tightly its outermost operator binds."""
    if e.op in _OPERATORS:
        sign = _OPERATORS[e.op]
        own = BINDING[sign]
        left = own if e.op in ("add", "sub", "mul", "div", "and", "or") else own + 1
        right = own if e.op in ("pow", "or_else") else own + 1
        return f"{_text(e.args[0], left)} {sign} {_text(e.args[1], right)}", own
    if e.op == "neg":
        return f"-{_text(e.args[0], NEGATION)}", NEGATION
    if e.op == "not":
        return f"not {_text(e.args[0], NOT)}", NOT
    if e.op == "if":
        own = BINDING["if"]
        condition, then, otherwise = e.args
        return f"{_text(then, own + 1)} if {_text(condition, own + 1)} else {_text(otherwise, own)}", own
    if e.op == "const":
        return _literal(e)
    return _atom(e), _TIGHTEST


def _literal(e: Expr) -> tuple[str, int]:
    assert isinstance(e.value, float)
    if e.type.kind == "truth":
        return ("true" if e.value else "false"), _TIGHTEST
    if e.type.kind == "category":
        return e.type.levels[int(e.value)], _TIGHTEST
    text = units.spell(e.value, e.type)
    return text, NEGATION if text.startswith("-") else _TIGHTEST


def _atom(e: Expr) -> str:
    if e.op == "draw" and e.value == "empirical":
        quantiles = zip(e.args[::2], e.args[1::2], strict=True)
        return f"empirical({', '.join(f'{percentile(p)}={_text(q, 0)}' for p, q in quantiles)})"
    if e.op == "draw":
        names = DISTRIBUTIONS[str(e.value)] or e.type.levels
        shares = zip(names, e.args, strict=True)
        return f"{e.value}({', '.join(f'{name}={_text(share, 0)}' for name, share in shares)})"
    if e.op in _FUNCTIONS:
        return f"{e.op}({', '.join(_text(a, 0) for a in e.args)})"
    if e.op == "lookup":
        return f"lookup({', '.join((str(e.value), *(_text(key, 0) for key in e.args)))})"
    if e.op == "season":
        assert isinstance(e.value, float)
        return f"season(peak={MONTHS[int(e.value) - 1]}, amplitude={_text(e.args[0], 0)})"
    if e.op in _NAMES:
        return "sex" if e.value == "population.sex" else str(e.value)
    if e.value is None or e.op == PREVIOUS_STATE:
        return e.op
    within = f", within={_text(e.args[0], 0)}" if e.args else ""
    word = "positive" if e.op == "last" and e.type.kind == "truth" else e.op
    return f"{word}({e.value}{within})"
