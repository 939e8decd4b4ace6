"""`expect:`, the sentences that are to hold: read, and refused where nothing could decide them.

A sentence is a comparison, or several that shall all hold. Each says of a quantity, which reads statistics,
between which bounds it lies; the bounds read constants and parameters alone. Two statistics that are compared
make one quantity, their difference.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from sim.scenario import schema, units
from sim.scenario.algebra import constant
from sim.scenario.constants import with_values
from sim.scenario.diagnostics import ScenarioError, fault
from sim.scenario.expressions import Name, Syntax, children, parse, unparse
from sim.scenario.loader import Mapping as Map
from sim.scenario.loader import Node, Scalar, Sequence
from sim.scenario.model import TRUTH, Claim, Expectation, Expr, Scenario, Span
from sim.scenario.names import POPULATION, SCENARIO, Documents
from sim.scenario.reader import Reader
from sim.scenario.statistics import Sentence, Statistic, sentence

SHARES = frozenset({"prevalence", "share", "cumulative_incidence", "survival", "persistence", "switching"})
POSITIVE = frozenset({"incidence", "rate", "restricted_mean", "sd", "odds_ratio", "relative_risk"})
_TURNED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
_EXAMPLE = "0.03 < prevalence(x) < 0.12"


def authored(documents: Documents) -> Iterator[tuple[str, schema.Expectation]]:
    """Every sentence of scenario.yaml, then of the pathways, with whose it is."""
    yield from ((SCENARIO, author) for author in documents.scenario.expect)
    for pathway in documents.pathways:
        yield from ((pathway.pathway.text, author) for author in pathway.expect)


def expectations(
    documents: Documents, readers: Mapping[str, Reader], scenario: Scenario
) -> tuple[Expectation, ...]:
    """Those of all files, in the order of `authored`; those in which something is wrong, which is among the
    findings then, are left out.
    """
    found = (_expectation(author, space, readers, scenario) for space, author in authored(documents))
    return tuple(e for e in found if e is not None)


def _expectation(
    author: schema.Expectation, space: str, readers: Mapping[str, Reader], scenario: Scenario
) -> Expectation | None:
    reader, given = readers[space], author.node.get("given")
    syntax = reader.syntax(author.that)
    if syntax is None:
        return None
    read = reader.attempt(syntax, partial(sentence, author.that, reader.scope, scenario, TRUTH))
    claims = reader.findings.attempt(partial(claims_of, read)) if read else None
    if read is None or claims is None:
        return None
    for claim in claims:
        reader.findings.attempt(partial(check_claim, claim, read, reader.values))
    return Expectation(
        space,
        read,
        claims,
        _written_out(author.that, reader),
        tuple((reader.name(like, ("parameter",)), text.written) for like, text in _names(author)),
        json.dumps(_plain(given, readers[POPULATION])) if given else "",
        author.about,
        author.source,
        author.that.span,
    )


def _names(author: schema.Expectation) -> Iterator[tuple[Scalar, Scalar]]:
    """The parameters that have another value, by their names as they are written."""
    for name, text in author.with_.items():
        at = text.key or text.span
        yield Scalar(name, name, at, name, at), text


# ---- what a sentence claims


def claims_of(read: Sentence) -> tuple[Claim, ...]:
    """What a sentence says of each of its quantities. Raises ScenarioError where it is no comparison."""
    bounds: dict[Expr, tuple[Expr | None, Expr | None]] = {}
    for comparison in _comparisons(read.expression):
        quantity, op, bound = _sides(comparison)
        low, high = bounds.get(quantity, (None, None))
        if op in ("gt", "ge"):
            low = bound if low is None else Expr("max", (low, bound), None, bound.type)
        else:
            high = bound if high is None else Expr("min", (high, bound), None, bound.type)
        bounds[quantity] = low, high
    return tuple(Claim(quantity, low, high) for quantity, (low, high) in bounds.items())


def _comparisons(e: Expr) -> Iterator[Expr]:
    if e.op == "and":
        for part in e.args:
            yield from _comparisons(part)
    elif e.op in _TURNED:
        yield e
    else:
        message = "what is expected is a comparison, or several joined by `and`"
        if e.op in ("eq", "ne"):
            message = "what is measured is never exactly equal to anything"
        raise fault("not-a-comparison", message, e.span or Span("", 1, 1), _EXAMPLE)


def _sides(e: Expr) -> tuple[Expr, str, Expr]:
    """The quantity that is compared, how, and its bound."""
    left, right = e.args
    if not _reads_statistics(left):
        left, right = right, left
        e = replace(e, op=_TURNED[e.op])
    if not _reads_statistics(left):
        message = "there is no statistic on either side of this comparison"
        raise fault("no-statistic", message, e.span or Span("", 1, 1), _EXAMPLE)
    if not _reads_statistics(right):
        return left, e.op, right
    return Expr("sub", (left, right), None, left.type, e.span), e.op, Expr("const", (), 0.0, left.type)


def _reads_statistics(e: Expr) -> bool:
    return e.op == "statistic" or any(map(_reads_statistics, e.args))


def bounds_of(claim: Claim, values: Mapping[str, float]) -> tuple[float, float]:
    """The bounds in base units, infinite where there is none, with the parameters that `values` holds; NaN
    where one reads others.
    """
    low, high = (None if b is None else constant(with_values(b, values)) for b in (claim.low, claim.high))
    return (
        -math.inf if claim.low is None else math.nan if low is None else low,
        math.inf if claim.high is None else math.nan if high is None else high,
    )


def natural(quantity: Expr, read: Sentence) -> tuple[float, float]:
    """Between which bounds, both included, a quantity lies by its nature."""
    if quantity.op == "statistic":
        return nature(read.statistics[int(str(quantity.value))])
    return -math.inf, math.inf


def nature(statistic: Statistic) -> tuple[float, float]:
    """Between which bounds, both included, a statistic lies by its nature."""
    numbers = statistic.numbers
    if statistic.name in SHARES or (numbers and numbers.type == TRUTH):
        return 0.0, 1.0
    if statistic.name in POSITIVE or (numbers and numbers.of != "results"):
        return 0.0, math.inf
    return (-1.0, 1.0) if statistic.name == "correlation" else (-math.inf, math.inf)


def check_claim(claim: Claim, read: Sentence, values: Mapping[str, float]) -> None:
    """Raise ScenarioError for a claim that nothing can make true, or nothing false."""
    low, high = bounds_of(claim, values)
    least, most = natural(claim.quantity, read)
    span, of = claim.quantity.span or Span("", 1, 1), claim.quantity.type
    if low >= high:
        message = f"nothing is above {units.spell(low, of)} and below {units.spell(high, of)}"
        raise fault("contradiction", message, span)
    if low >= most or high <= least:
        end = f"above {units.spell(most, of)}" if low >= most else f"below {units.spell(least, of)}"
        raise fault("contradiction", f"this is never {end}", span, _EXAMPLE)
    if low < least and high > most:
        limits = " and ".join(
            f"{word} {units.spell(end, of)}"
            for word, end in (("at least", least), ("at most", most))
            if math.isfinite(end)
        )
        raise fault("says-nothing", f"this is always so: it is {limits}", span, _EXAMPLE)


# ---- as texts that stand alone


def _written_out(text: Scalar, reader: Reader) -> str:
    """An expression on one line, in which no formula is read."""
    line = " ".join(text.written.split())
    syntax = parse(line, Span("", 1, 1))
    for name in sorted(_formulas(syntax, reader), key=lambda name: -name.span.column):
        (symbol,) = reader.scope.meanings(name.name, ("formula",))
        assert symbol.formula
        start = name.span.column - 1
        line = f"{line[:start]}({unparse(symbol.formula)}){line[start + len(name.name) :]}"
    return line


def _formulas(syntax: Syntax, reader: Reader) -> Iterator[Name]:
    if isinstance(syntax, Name) and len(reader.scope.meanings(syntax.name, ("formula",))) == 1:
        yield syntax
    for child in children(syntax):
        yield from _formulas(child, reader)


def _plain(node: Node, reader: Reader) -> object:
    """What was read of YAML, without places."""
    if isinstance(node, Map):
        return {key: _plain(value, reader) for key, value in node.items()}
    if isinstance(node, Sequence):
        return [_plain(item, reader) for item in node]
    try:
        return _written_out(node, reader)
    except ScenarioError:  # the name of a file, or a date: no expression
        return node.text
