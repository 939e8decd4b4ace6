"""Measures as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sim.measure.measures import Measured
from sim.measure.overview import Told
from sim.runs.result import Run

_COLUMNS = ("value", "95% interval", "SE", "numerator", "denominator", "people")


def heading(run: Run) -> str:
    """Whom a run is about."""
    people, window = run.manifest["patients"]["recorded"], run.manifest["window"]
    return f"{run.manifest['scenario']['name']}: {people:,} people, {window[0]} to {window[1]}"


def text(measured: Sequence[Measured]) -> str:
    """Each measure with a table of its classes, without those that nobody is in."""
    return "\n\n".join(map(_measure, measured))


def _measure(found: Measured) -> str:
    name, sentence = found.measure.name, found.measure.sentence.text
    shown, factor, unit = _scale(found)
    title = sentence if name == sentence else f"{name}: {sentence}"
    splits = [split.name for split in found.measure.splits]
    some = [row for row in found.rows if row.estimate.people or not splits]
    rows = []
    for row in some:
        e = row.estimate
        interval = "-" if math.isnan(e.low) else f"{_figures(e.low * factor)} to {_figures(e.high * factor)}"
        amounts = [_figures(e.value * factor), interval, _figures(e.error * factor)]
        rows.append([*row.labels, *amounts, _amount(e.numerator), _amount(e.denominator), f"{e.people:,}"])
    lines = _table([*splits, *_COLUMNS], rows, len(splits))
    nobody = len(found.rows) - len(some)
    if nobody:
        lines.append(f"nobody is in {nobody} more class{'es' * (nobody > 1)}")
    return "\n".join([f"{title}{f', {unit}' if shown else ''}", *(f"  {line}" for line in lines)])


def _scale(found: Measured) -> tuple[bool, float, str]:
    """Whether a unit is shown, what a number is multiplied with to be in it, and the unit.

    Rates below 0.1 are per 1000 person-years.
    """
    if found.unit != "per person-year":
        return bool(found.unit), 1.0, found.unit
    known = [abs(row.estimate.value) for row in found.rows if not math.isnan(row.estimate.value)]
    rare = bool(known) and max(known) < 0.1
    return True, (1000.0 if rare else 1.0), "per 1000 person-years" if rare else found.unit


def overview(told: Sequence[Told]) -> str:
    """The tables of an overview."""
    return "\n\n".join(map(_part, told))


def _part(told: Told) -> str:
    part = told.part
    results = part.heading == "tests"
    columns = [*part.columns, *(["unit"] if results else ["95% interval", "people"])]
    rows = []
    for name, measures in told.rows:
        estimates = [measured.rows[0].estimate for measured in measures]
        cells = [_figures(e.value * part.factor) for e in estimates]
        first = estimates[0]
        if results:
            cells.append(measures[1].unit)
        else:
            low, high = (_figures(end * part.factor) for end in (first.low, first.high))
            cells += [f"{low} to {high}", f"{first.people:,}"]
        rows.append([name, *cells])
    heading = f"{part.heading}, {part.unit}"
    return "\n".join([heading, *(f"  {line}" for line in _table(["", *columns], rows, 1))])


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> list[str]:
    """Lines of columns, the first `texts` of them flush left."""
    everything = [list(columns), *(list(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*everything, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in everything
    ]


def _figures(number: float) -> str:
    """Four figures, and a dash for what is not known."""
    if math.isnan(number):
        return "-"
    return f"{number:,.0f}" if 1000 <= abs(number) < 1e7 else f"{number:.4g}"


def _amount(number: float) -> str:
    if math.isnan(number):
        return "-"
    return f"{number:,.0f}" if number == int(number) or abs(number) >= 1000 else f"{number:.1f}"
