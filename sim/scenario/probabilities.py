"""Probabilities over a time, as studies report them, turned into rates that stay the same."""

from __future__ import annotations

import re

from sim.scenario.diagnostics import shown
from sim.scenario.loader import Scalar
from sim.scenario.model import DURATION, NUMBER, RATE, Expr
from sim.scenario.reader import BROKEN, Reader, part_of


def hazard_of_risk(reader: Reader, text: Scalar) -> Expr:
    """The rate of `P in DURATION`, P being the probability of having left by then: -log(1 - P) / DURATION."""
    risk, time = _read(reader, text, "in", "0.02 in 30 days")
    value = reader.known(risk)
    if value is not None and not 0.0 <= value < 1.0:
        message = f"this risk is {value:.6g}; it lies between 0 and 1, and is below 1"
        reader.findings.error("not-a-probability", message, text.span)
    one = Expr("const", (), 1.0, NUMBER, risk.span)
    return _rate(Expr("sub", (one, risk), None, NUMBER, risk.span), time)


def hazard_of_survival(reader: Reader, text: Scalar) -> Expr:
    """The rate of `P at DURATION`, P being the probability of not having left by then: -log(P) / DURATION."""
    survival, time = _read(reader, text, "at", "0.9 at 5 years")
    value = reader.known(survival)
    if value is not None and not 0.0 < value <= 1.0:
        message = f"this survival is {value:.6g}; it lies between 0 and 1, and is above 0"
        reader.findings.error("not-a-probability", message, text.span)
    return _rate(survival, time)


def _read(reader: Reader, text: Scalar, word: str, example: str) -> tuple[Expr, Expr]:
    """The probability before the last `word`, and the time after it."""
    parts = re.match(rf"(.*\S)\s+{word}\s+(.+)", text.written, re.DOTALL)
    if parts is None:
        message = f"`{shown(text.written)}` says a probability and no time: `P {word} DURATION`"
        reader.findings.error("no-time", message, text.span, example)
        return BROKEN, BROKEN
    probability = reader.expression(part_of(text, parts[1]), NUMBER, "rate")
    time = reader.expression(part_of(text, parts[2]), DURATION, "rate")
    value = reader.known(time)
    if value is not None and not value > 0.0:
        reader.findings.error("no-time", "this time is not above zero", text.span, example)
    return probability, time


def _rate(left: Expr, time: Expr) -> Expr:
    """The hazard under which the part `left` is still there after a time."""
    log = Expr("log", (left,), None, NUMBER, left.span)
    return Expr("div", (Expr("neg", (log,), None, NUMBER, left.span), time), None, RATE, left.span)
