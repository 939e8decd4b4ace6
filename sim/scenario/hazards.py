"""How a rate is read: a part that follows from age, year and sex alone, times a part that changes at events.

The order of the factors is part of the meaning: a rate is the product of its tabular factors, in the order
written, times the product of the others, in the order written. Where a `while` is false the rate is zero, and
nothing else of it is read. Both runtimes go by this; the compiled one may tabulate the first part.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from sim.scenario.model import NUMBER, Expr

TABULAR_LEAVES = ("const", "parameter", "age", "year")
TABULAR_NODES = frozenset(
    {"neg", "not", "abs", "exp", "log", "sqrt", "floor", "known", "add", "sub", "mul", "div", "pow", "min"}
    | {"max", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "if", "or_else", "lookup"}
)


def is_tabular(e: Expr) -> bool:
    """Whether `e` reads only age, year, sex and parameters."""
    if e.op in TABULAR_LEAVES or (e.op == "variable" and e.value == "population.sex"):
        return True
    return e.op in TABULAR_NODES and all(is_tabular(a) for a in e.args)


def split_rate(rate: Expr) -> tuple[Expr | None, Expr | None]:
    """The tabular part of `rate` and the rest; either is None where it is empty. Their product is the
    rate."""
    if is_tabular(rate):
        return rate, None
    if rate.op == "if" and rate.args[2].op == "const" and rate.args[2].value == 0.0:
        condition, inner, zero = rate.args
        if is_tabular(condition):
            tabular, rest = split_rate(inner)
            if tabular is not None:
                return replace(rate, args=(condition, tabular, zero)), rest
        else:
            tabular, rest = split_rate(inner)
            one = Expr("const", (), 1.0, NUMBER, rate.span)
            return tabular, replace(
                rate, args=(condition, rest or one, replace(zero, type=NUMBER)), type=NUMBER
            )
    factors = _factors(rate)
    return _product([f for f in factors if is_tabular(f)], rate), _product(
        [f for f in factors if not is_tabular(f)], rate
    )


def _factors(e: Expr) -> list[Expr]:
    return _factors(e.args[0]) + _factors(e.args[1]) if e.op == "mul" else [e]


def _product(factors: list[Expr], whole: Expr) -> Expr | None:
    return reduce(lambda a, b: Expr("mul", (a, b), None, NUMBER, whole.span), factors) if factors else None
