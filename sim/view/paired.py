"""Two lives of the same people, as text and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from sim.measure.paired import Estimate, First, Paired, Results, Shift
from sim.scenario.model import DAYS_PER_YEAR

_FIRST = 8  # things that differ first, told
_EXAMPLES = 3  # patients to look at


def lines(found: Paired) -> Iterator[str]:
    """Who is affected, and what comes earlier, later, never or newly."""
    yield f"{found.people:,} people, each under both; ± is a standard error, paired"
    for count, what in (
        (found.only_a, "are in the record of A alone"),
        (found.only_b, "are in the record of B alone"),
        (found.others, "are other people under B, since a life was drawn again"),
    ):
        if count:
            yield f"{count:,} more {what}: they are left out"
    yield ""
    share = found.affected / found.people if found.people else 0.0
    yield f"affected    {found.affected:,} ({share:.1%})" + "; what differs first:" * bool(found.first)
    width = max((len(first.what) for first in found.first[:_FIRST]), default=0)
    for first in found.first[:_FIRST]:
        yield f"              {first.what:{width}}  {first.people:>9,}   {_patients(first)}"
    if len(found.first) > _FIRST:
        yield f"              {'others':{width}}  {sum(f.people for f in found.first[_FIRST:]):>9,}"
    yield f"deaths      {found.died_a:,} under A, {found.died_b:,} under B"
    for what, people in (("averted", found.averted), ("caused", found.caused)):
        if people.people:
            yield f"              {people.people:,} {what}: {_patients(people)}"
    each = Estimate(found.years_each.value * DAYS_PER_YEAR, found.years_each.se * DAYS_PER_YEAR)
    yield f"life-years  {_signed(found.years)} in the window, {_signed(each)} days each"
    yield from _shifts(found.shifts)
    yield from _results([result for result in found.results if result.difference.value])


def _patients(first: First) -> str:
    more = ", ..." if first.people > len(first.examples) else ""
    word = "patient" if first.people == 1 else "patients"
    return f"{word} {', '.join(map(str, first.examples))}{more}"


def _shifts(shifts: Sequence[Shift]) -> Iterator[str]:
    changed = [shift for shift in shifts if shift.changed]
    same = len(shifts) - len(changed)
    if changed:
        width = max(len(shift.name) for shift in changed)
        yield ""
        yield f"  {'':{width}}{'people it happens to':>36}{'the first time':>43}{'how often':>22}"
        heads = ("A", "B", "never", "newly", "earlier", "later", "days, mean", "median", "a person, B - A")
        yield f"  {'':{width}}" + "".join(f"{head:>{size}}" for head, size in zip(heads, _SIZES, strict=True))
        for kind, several in groupby(changed, key=lambda shift: shift.kind):
            yield kind
            yield from (f"  {shift.name:{width}}{_row(shift)}" for shift in several)
    if same:
        yield ""
        yield f"{same} {'thing happens' if same == 1 else 'things happen'} to everybody as before"


_SIZES = (9, 9, 9, 9, 9, 9, 16, 9, 22)


def _row(shift: Shift) -> str:
    counts = (shift.a, shift.b, shift.never, shift.newly, shift.earlier, shift.later)
    moved = "-" if math.isnan(shift.moved) else f"{shift.moved:+,.0f}"
    mean = _signed(shift.shift) if shift.earlier or shift.later else "-"
    cells = (*(f"{count:,}" if count else "-" for count in counts), mean, moved, _signed(shift.often))
    return "".join(f"{cell:>{size}}" for cell, size in zip(cells, _SIZES, strict=True))


def _results(results: Sequence[Results]) -> Iterator[str]:
    if results:
        width = max(len(result.name) for result in results)
        yield ""
        yield f"mean of all results{'':{max(0, width - 17)}}  {'A':>10}  {'B':>10}  {'B - A':>19}"
    for result in results:
        yield (
            f"  {result.name:{max(width, 17)}}  {result.a:>10.5g}  {result.b:>10.5g}  "
            f"{_signed(result.difference):>19}"
        )


def _signed(estimate: Estimate) -> str:
    """An estimate to two digits of its standard error."""
    if not estimate.se > 0:
        return "-" if math.isnan(estimate.value) else f"{estimate.value:+,.4g}"
    decimals = min(max(1 - math.floor(math.log10(estimate.se)), 0), 6)
    return f"{estimate.value:+,.{decimals}f} ± {estimate.se:,.{decimals}f}"


def examples(found: Paired) -> list[int]:
    """A few patients to look at: those whose death is averted or caused, then by what differs first."""
    named = [found.averted, found.caused, *found.first]
    turns = [first.examples[turn] for turn in range(3) for first in named if turn < len(first.examples)]
    return list(dict.fromkeys(turns))[:_EXAMPLES]


def plain(found: Paired) -> dict[str, Any]:
    """The same for machines; null where there is no number."""
    known: dict[str, Any] = _known(asdict(found))
    return known


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_known(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
