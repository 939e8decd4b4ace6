"""Dates as they are written, and those between which something holds: guidelines that change."""

from __future__ import annotations

import math
import re

from sim.scenario import units
from sim.scenario.diagnostics import Findings, fault
from sim.scenario.loader import Scalar
from sim.scenario.model import DATE, TRUTH, Expr, Protocol, Span
from sim.scenario.schema import Valid

WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

Dates = tuple[float, float]
"""From the start of a day to the start of another, days since 1970-01-01; infinite where it has no end."""


def date(text: str, span: Span) -> float:
    """Days since 1970-01-01. Raises ScenarioError `not-a-date`."""
    try:
        if WRITTEN.fullmatch(text):
            return units.days_from_date(text)
    except ValueError:
        pass
    raise fault("not-a-date", "a date is written YYYY-MM-DD, and exists", span, "2000-01-31")


def since(day: float, span: Span | None) -> Expr:
    """The truth value of its being that day, or later."""
    return _compared("ge", day, span)


def dates(author: Valid, findings: Findings) -> Dates | None:
    """The dates of a `valid:`, or None: errors `missing-key`, `not-a-date`, `not-a-range`."""
    if author.from_ is None and author.to is None:
        message = "`valid:` is `from:` a date, `to:` a date, or both"
        findings.error("missing-key", message, author.span, "{from: 2006-07-01}")
        return None
    errors = findings.count
    start = _date(author.from_, -math.inf, findings)
    end = _date(author.to, math.inf, findings)
    if findings.count > errors:
        return None
    if end <= start:
        findings.error("not-a-range", "this ends before it begins", author.at("to"))
        return None
    return start, end


def _date(text: Scalar | None, otherwise: float, findings: Findings) -> float:
    found = findings.attempt(lambda: date(text.text, text.span)) if text else otherwise
    return otherwise if found is None else found


def holds(valid: Dates, span: Span | None) -> Expr:
    """The truth value of being between the dates."""
    start, end = valid
    bounds = [since(start, span)] * math.isfinite(start)
    bounds += [_compared("lt", end, span)] * math.isfinite(end)
    return bounds[0] if len(bounds) == 1 else Expr("and", tuple(bounds), None, TRUTH, span)


def watched(protocol: Protocol, trigger: Expr) -> Expr:
    """What a `when` or `while` of a protocol waits for: before the protocol is valid, nothing is true."""
    if protocol.valid is None or not math.isfinite(protocol.valid[0]):
        return trigger
    begun = since(protocol.valid[0], trigger.span)
    return Expr("and", (begun, trigger), None, TRUTH, trigger.span)


def _compared(op: str, day: float, span: Span | None) -> Expr:
    today = Expr("today", (), None, DATE, span)
    return Expr(op, (today, Expr("const", (), day, DATE, span)), None, TRUTH, span)
