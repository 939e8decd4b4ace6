"""What a typed expression may read and do where it stands, beyond having the right type.

A rate changes at events, and with clocks on a documented grid. A trigger fires at an event, or where one
clock crosses something that itself changes only at events: that is solved for exactly, and nothing is polled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from sim.scenario.diagnostics import Diagnostic, ScenarioError
from sim.scenario.model import Expr, Span
from sim.scenario.units import digits
from sim.scenario.words import READS

Context = Literal["rate", "draw", "condition", "value", "seen", "formula", "watch", "row", "row draw"]
"""Where an expression stands: a rate or a factor of one; where a draw may stand (variables, `set`, sojourns,
waits, measurement errors); a look at this moment (`if`, chances, shares); a biomarker's value; what a test
sees; a formula; a trigger, `while` or `until`; a look at a row of the record that is about to be spoiled,
where a draw may not stand, or may."""

ROW = frozenset({"in", "ever", "diagnosed", "prescribed"})
"""The words that look at the life behind a row of the record; all others that read a name cannot."""

SUBJECTS: dict[Context, str] = {
    "rate": "a rate",
    "condition": "a condition",
    "value": "a biomarker's value",
    "seen": "what a test sees",
    "formula": "a formula",
    "watch": "a trigger",
    "row": "an imperfection's chance",
}

_LINEAR_CLOCKS = frozenset({"age", "today", "year", "time_in", "years_in", "since"})
_ORDERINGS = frozenset({"lt", "le", "gt", "ge"})
_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}

Places = Mapping[int, Span]
"""Where a fault of a node is shown, by the node's `id`: inside a formula, where the formula is named."""

Rule = Callable[[Expr, Places], list[Diagnostic]]


def verify(expression: Expr, context: Context, formulas: Sequence[Expr]) -> None:
    """Raise ScenarioError with everything in `expression` that its context does not allow.

    `formulas` are the nodes of the expression, these very objects, that stand for a formula by name.
    """
    places = dict(_placed(expression, frozenset(map(id, formulas)), None))
    faults = [found for rule in _RULES[context] for found in rule(expression, places)]
    if context not in ("draw", "row draw"):
        faults += _draws(expression, SUBJECTS[context], places)
    if faults:
        raise ScenarioError(tuple(faults))


def _placed(e: Expr, formulas: frozenset[int], outer: Span | None) -> Iterator[tuple[int, Span]]:
    place = outer or e.span or Span("", 1, 1)
    yield id(e), place
    for arg in e.args:
        yield from _placed(arg, formulas, place if outer or id(e) in formulas else None)


def _nodes(e: Expr) -> Iterator[Expr]:
    yield e
    for arg in e.args:
        yield from _nodes(arg)


# ---- draws


def _draws(e: Expr, subject: str, places: Places) -> list[Diagnostic]:
    return [
        Diagnostic(
            "draw-not-allowed",
            f"{subject} cannot draw: it would be drawn anew at every look",
            places[id(node)],
            "draw a variable once, under `variables:` or in a `set:`, and read it here",
        )
        for node in _nodes(e)
        if node.op == "draw"
    ]


def _second_draw(e: Expr, places: Places) -> list[Diagnostic]:
    together = _drawn_together(e)
    if len(together) < 2:
        return []
    message = "a second draw in one expression; each draw needs a place of its own"
    return [
        Diagnostic(
            "two-draws", message, places[id(together[1])], "draw a variable for it, and read that here"
        )
    ]


def _drawn_together(e: Expr) -> list[Expr]:
    """The draws that one evaluation of `e` may make: of two branches, those of the one that makes more."""
    if e.op == "if":
        condition, then, otherwise = (_drawn_together(arg) for arg in e.args)
        return condition + max(then, otherwise, key=len)
    return [e] * (e.op == "draw") + [node for arg in e.args for node in _drawn_together(arg)]


# ---- rows of the record


def _of_a_row(e: Expr, places: Places) -> list[Diagnostic]:
    return [
        Diagnostic(
            "not-of-a-row",
            f"an imperfection looks at a row of the record, and cannot read `{node.op}`",
            places[id(node)],
            f"it reads value, provider, age, year, month, today, variables, {', '.join(sorted(ROW))}",
        )
        for node in _nodes(e)
        if node.op in READS and node.op not in ROW
    ]


# ---- truth and record


def _no_record(e: Expr, places: Places) -> list[Diagnostic]:
    return [
        Diagnostic(
            "record-in-truth",
            f"`{node.op}` is on the record; what is measured is the truth, whatever care knows",
            places[id(node)],
        )
        for node in _nodes(e)
        if _side(node) == "record"
    ]


def _one_side(e: Expr, places: Places) -> list[Diagnostic]:
    sides = {side: node for node in _nodes(e) if (side := _side(node)) in ("truth", "record")}
    if len(sides) < 2:
        return []
    both = f"`{sides['truth'].op}` and `{sides['record'].op}`"
    message = f"a formula reads the truth or the record, not both: here {both}"
    return [Diagnostic("truth-and-record", message, places[id(sides["record"])], "make two formulas")]


def _side(e: Expr) -> str:
    return READS[e.op].side if e.op in READS else "both"


# ---- clocks


def _steady(e: Expr, places: Places) -> list[Diagnostic]:
    """A rate sees age, years and time in a state on their grids; a date only where it is crossed."""
    if e.op in _ORDERINGS:
        for clock, other in (e.args, e.args[::-1]):
            if clock.op == "today" and not _reads_clock(other):
                return _steady(other, places)
    if e.op == "today":
        fix = "today >= 2010-01-01, or read `year`"
        message = "a rate can only compare `today` with a date"
        return [Diagnostic("drifting-rate", message, places[id(e)], fix)]
    return _whole_year(e, places) + [found for arg in e.args for found in _steady(arg, places)]


def _whole_year(e: Expr, places: Places) -> list[Diagnostic]:
    """A rate sees 2012 as 2012.5, so `year <= 2012` would leave 2012 out and `year == 2012` never hold."""
    if e.op not in ("eq", "ne", "le", "gt", "lt", "ge"):
        return []
    op, (left, right) = e.op, e.args
    if right.op == "year":
        op, left, right = _MIRRORED.get(op, op), right, left
    if left.op != "year" or op in ("lt", "ge"):
        return []
    fix = ""
    if right.op == "const" and isinstance(right.value, float):
        this, following = digits(right.value), digits(right.value + 1.0)
        fix = {
            "eq": f"{this} <= year < {following}",
            "ne": f"year < {this} or year >= {following}",
            "le": f"year < {following}",
            "gt": f"year >= {following}",
        }[op]
    message = "a rate sees the middle of a year (2012 is 2012.5): compare `year` with < or >="
    return [Diagnostic("middle-of-the-year", message, places[id(e)], fix)]


def _still(e: Expr, places: Places) -> list[Diagnostic]:
    """A trigger reads what changes at events, and orderings of one clock with such a thing."""
    if e.op in _ORDERINGS:
        left, right = e.args
        if (left.op in _LINEAR_CLOCKS) != (right.op in _LINEAR_CLOCKS):
            return _still(right if left.op in _LINEAR_CLOCKS else left, places)
    if e.op == "usual":
        message = "a trigger cannot watch `usual`, which drifts between events"
        return [Diagnostic("not-exact", message, places[id(e)], "test it, and watch `last`")]
    if e.op in _LINEAR_CLOCKS:
        message = f"a trigger is solved for exactly, and here `{e.op}` is not alone"
        fix = "a clock stands alone on one side of <, <=, > or >=, and no clock on the other"
        return [Diagnostic("not-exact", message, places[id(e)], fix)]
    return [found for arg in e.args for found in _still(arg, places)]


def _reads_clock(e: Expr) -> bool:
    return any(node.op in _LINEAR_CLOCKS or node.op == "usual" for node in _nodes(e))


_RULES: dict[Context, tuple[Rule, ...]] = {
    "rate": (_steady,),
    "draw": (_second_draw,),
    "condition": (),
    "value": (_no_record,),
    "seen": (_no_record,),
    "formula": (_one_side,),
    "watch": (_still,),
    "row": (_of_a_row,),
    "row draw": (_of_a_row, _second_draw),
}
