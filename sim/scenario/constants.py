"""The numbers of expressions that read constants and parameters alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sim.scenario.algebra import constant
from sim.scenario.expressions import unparse
from sim.scenario.model import Expr, Scenario


def with_values(e: Expr, values: Mapping[str, float]) -> Expr:
    """`e` with the parameters that `values` holds, by qualified name, as constants."""
    if e.op == "parameter" and e.value in values:
        return Expr("const", (), values[str(e.value)], e.type)
    return replace(e, args=tuple(with_values(a, values) for a in e.args)) if e.args else e


def value(e: Expr, scenario: Scenario) -> float:
    """The number of `e`, such as a provider's capacity, with the parameters of `scenario` as they are set.

    In base units: days, per day. Raises ValueError where `e` reads anything but parameters.
    """
    number = constant(with_values(e, {p.name: p.value for p in scenario.parameters if p.value is not None}))
    if number is None:
        raise ValueError(f"`{unparse(e)}` has no number of its own")
    return number
