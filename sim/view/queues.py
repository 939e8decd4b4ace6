"""Queues as text."""

from __future__ import annotations

import datetime
import math

import numpy as np

from sim.measure.queues import CLASSES, Group, Little, Queue, Queues
from sim.measure.steps import DAY, WEEK, Integers, open_time

UNITS = (("days", DAY), ("hours", 3600), ("minutes", 60))

_EQUAL = 1e-9  # relative: the two sides of Little's law, but for rounding
_COUNTS = ("requests", "attended", "missed", "gave_up", "cancelled", "died", "waiting")
_WAITS = ("mean", "median", "90 %", "95 %", "longest")


def text(measured: Queues) -> str:
    """What there is to say of each queue, in numbers."""
    heading = f"{date(measured.begins)} to {date(measured.end)}"
    if measured.begins > measured.start:
        heading += f"; the warm-up from {date(measured.start)} is left out"
    return "\n\n".join([heading, *map(_queue, measured.queues)])


def date(seconds: int) -> str:
    """A time as its day, with the time of day where that is not midnight."""
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return moment.isoformat(" ", "minutes").removesuffix(" 00:00")


def unit_of(waits: Integers) -> tuple[str, int]:
    """The name and the seconds of the unit for `waits`: the largest in which 5 % of them are 2 or more."""
    long = float(np.quantile(waits, 0.95)) if len(waits) else 0.0
    return next((unit for unit in UNITS if long >= 2 * unit[1]), UNITS[-1])


def offer(queue: Queue) -> str:
    """What a provider offers."""
    hours = float(open_time(queue.hours, np.array([0, WEEK])) @ [-1, 1]) / 3600
    parts = [
        queue.at_a_time and f"{queue.at_a_time:,} at a time",
        queue.per_week and f"{queue.per_week:.4g} appointments a week",
        f"open {hours:.4g} hours a week" if queue.hours else "always open",
    ]
    return ", ".join(part for part in parts if part)


def _queue(queue: Queue) -> str:
    unit, seconds = unit_of(queue.everyone.waits)
    used = "" if queue.utilisation is None else f"utilisation {queue.utilisation:.1%}; "
    lines = [
        f"{queue.name} ({queue.kind}): {offer(queue)}",
        f"  {used}{_figures(queue.mean_length)} waiting on average, {queue.longest:,} at most; "
        f"{_figures(queue.arrivals)} requests a week",
        f"  {_little(queue.little, unit, seconds)}",
        "",
        *_table(queue, unit, seconds),
    ]
    if queue.priorities > CLASSES:
        lines.append(f"  ({queue.priorities:,} priorities, too many to tell apart)")
    return "\n".join(lines)


def _little(law: Little, unit: str, seconds: int) -> str:
    product = law.rate * law.wait
    equal = math.isclose(law.length, product, rel_tol=_EQUAL, abs_tol=_EQUAL)
    return (
        f"Little's law: L = {_figures(law.length)}, lambda W = {_figures(law.rate * WEEK)} a week "
        f"x {_figures(law.wait / seconds)} {unit} = {_figures(product)}"
        + ("" if equal else "; THEY DIFFER: the tables contradict each other")
    )


def _figures(number: float) -> str:
    """A number to four significant digits, or whole."""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.4g}"


def _table(queue: Queue, unit: str, seconds: int) -> list[str]:
    """A row for each class, if there are several, and one for all; waits are of the attended."""
    groups = [*(queue.classes if len(queue.classes) > 1 else ()), queue.everyone]
    head = ["priority", *(name.replace("_", " ") for name in _COUNTS), *_WAITS]
    rows = [head, *(_row(group, seconds) for group in groups)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    first_waits = sum(widths[:-5]) + 2 * len(widths[:-5])
    over = " " * (first_waits + 2) + f"{unit} waited, of those attended"
    lines = ("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [over, *(f"  {line}" for line in lines)]


def _row(group: Group, seconds: int) -> list[str]:
    counts = [f"{getattr(group, name):,}" for name in _COUNTS]
    waits = group.summary()
    if waits is None:
        told = ["-"] * len(_WAITS)
    else:
        all_waits = (waits.mean, waits.median, waits.quantile_90, waits.quantile_95, waits.longest)
        told = [f"{wait / seconds:,.1f}" for wait in all_waits]
    return ["all" if group.priority is None else f"{group.priority:g}", *counts, *told]
