"""Seasons: a factor for each month of the year, whose mean over the twelve is 1."""

from __future__ import annotations

import math

from sim.scenario.model import NUMBER, Axis, Expr, Scenario, Span, Table

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DESCENT = (1.0, math.sqrt(3.0) / 2.0, 0.5, 0.0, -0.5, -math.sqrt(3.0) / 2.0, -1.0)
COSINES = (*_DESCENT, *_DESCENT[-2:0:-1])
"""The cosine of so many twelfths of a turn."""


def _table(peak: int) -> Table:
    """The cosine by the number of the month, 1 where that is `peak`."""
    values = tuple(COSINES[(month - peak) % 12] for month in range(1, 13))
    axis = Axis("month", breaks=tuple(float(month) for month in range(1, 14)))
    return Table(f"season/{MONTHS[peak - 1]}", (axis,), values, False, Span("", 1, 1))


TABLES = {table.name: table for table in map(_table, range(1, 13))}


def tables_of(scenario: Scenario) -> dict[str, Table]:
    """By name, what `lookup` can read: the scenario's tables, and the seasons, named otherwise."""
    return TABLES | {table.name: table for table in scenario.tables}


def written_out(season: Expr) -> Expr:
    """What a `season` means: 1 + amplitude * cosine."""
    (amplitude,), span = season.args, season.span
    assert isinstance(season.value, float)
    table = f"season/{MONTHS[int(season.value) - 1]}"
    cosine = Expr("lookup", (Expr("month", (), None, NUMBER, span),), table, NUMBER, span)
    swing = Expr("mul", (amplitude, cosine), None, NUMBER, span)
    return Expr("add", (Expr("const", (), 1.0, NUMBER, span), swing), None, NUMBER, span)
