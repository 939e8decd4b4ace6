"""The providers of scenario.yaml: what they are, when they are open, and how many they can see."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sim.scenario.hazards import TABULAR_NODES
from sim.scenario.hours import sessions
from sim.scenario.loader import Scalar
from sim.scenario.model import DURATION, Expr, Provider
from sim.scenario.names import SCENARIO, names_read
from sim.scenario.reader import BROKEN, Reader
from sim.scenario.schema import ENCOUNTER_CLASSES
from sim.scenario.schema import Provider as Author
from sim.scenario.scope import did_you_mean

_CAPACITY = "2 (at a time), or 4 per week (appointments)"


def provider(name: str, author: Author, reader: Reader) -> Provider:
    """The provider that `author` tells of. `reader` reads for scenario.yaml."""
    findings, kind = reader.findings, author.class_.text
    if kind not in ENCOUNTER_CLASSES:
        message = f"`{kind}` is no class of encounter: {', '.join(ENCOUNTER_CLASSES)}"
        fix = did_you_mean(kind, ENCOUNTER_CLASSES)
        findings.error("unknown-word", message, author.class_.span, fix)
    if author.has("hours") and author.node["hours"] == []:
        message = "a provider without hours is never open"
        findings.error("wrong-shape", message, author.at("hours"), "hours: always")
    return Provider(
        name,
        kind,
        capacity(author.capacity, reader) if author.capacity else None,
        sessions(author.hours, findings),
        reader.expression(author.lasts, DURATION, "draw") if author.lasts else None,
        author.span,
    )


def capacity(text: Scalar, reader: Reader) -> Expr:
    """Patients at a time, or appointments per time: numbers and parameters of scenario.yaml alone."""
    e = reader.expression(text, None, "draw")
    findings = reader.findings
    if e is BROKEN:
        return e
    for other in _others(e):
        message = f"a capacity reads only parameters of scenario.yaml with one value; `{other}` is none"
        findings.error("not-constant", message, text.span, _CAPACITY)
        return e
    if e.type.kind != "rate" and (e.type.kind != "number" or e.type.unit):
        message = "a capacity is a whole number of patients, or a number of appointments per time"
        findings.error("wrong-type", message, text.span, _CAPACITY)
        return e
    value = reader.known(e)
    if value is None or any(reader.is_broken(name) for name in names_read(e, "parameter")):
        return e
    if not 0.0 < value < math.inf:
        findings.error("not-positive", "a capacity is above zero", text.span, _CAPACITY)
    elif e.type.kind == "number" and value != math.floor(value):
        message = f"patients at a time are a whole number, and this is {value:.10g}"
        findings.error("not-a-whole-number", message, text.span, _CAPACITY)
    return e


def _others(e: Expr) -> Iterator[str]:
    """What `e` reads besides the parameters of the scenario."""
    if e.op in TABULAR_NODES - {"lookup"}:
        for arg in e.args:
            yield from _others(arg)
    elif e.op in ("variable", "lookup") or (e.op == "parameter" and not _is_scenarios(e)):
        yield str(e.value)
    elif e.op not in ("const", "parameter"):
        yield str(e.value) if e.op == "draw" else e.op


def _is_scenarios(parameter: Expr) -> bool:
    return str(parameter.value).startswith(f"{SCENARIO}.")
