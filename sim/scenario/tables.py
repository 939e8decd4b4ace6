"""CSV tables: key columns and a column of values -> a `Table` over the product of its axes.

One header row; lines that start with `#` may stand before it. A key `age` or `year`, and one that `lookup`
gives, is a number (`40`), a range (`15-24` covers [15, 25), `18.5-24.9` [18.5, 25)) or open (`85+`); any
other is the name of a level.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import pairwise, product
from pathlib import Path

from sim.scenario import units
from sim.scenario.diagnostics import Findings, fault, shown
from sim.scenario.loader import Scalar, lines_of, read_text
from sim.scenario.model import DAYS_PER_YEAR, Axis, Span, Table
from sim.scenario.scope import did_you_mean

RANGED = ("age", "year")
COUNTS = ("n", "count", "events", "cases")
SMALL = 10  # a cell of fewer people could point at one of them

_RANGE = re.compile(r"(\d{1,7}(?:\.\d{1,6})?)(?:-(\d{1,7}(?:\.\d{1,6})?)|(\+))?", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)
_IDENTIFIER = re.compile(
    r"(.*_)?(id|identifier|patient|person|subject|mrn|ssn|nhs_number|name|dob|birth_?date|date_of_birth|postcode|zip)s?"
)

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Key:
    """A key column: its levels, or none where it holds ages or years."""

    column: str
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Csv:
    """Rows as (line, cells); `comments` are the lines before the header, without `#`."""

    file: str
    comments: tuple[str, ...]
    header_line: int
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def span(self, line: int) -> Span:
        return Span(self.file, line, 1)

    def column(self, name: str) -> list[tuple[int, str]]:
        """The cells of a column, each with its line."""
        at = self.columns.index(name)
        return [(line, cells[at]) for line, cells in self.rows]

    def comment(self, key: str) -> str:
        """What follows `# key:` in the lines before the header."""
        prefix = f"{key}:"
        found = (c.removeprefix(prefix).strip() for c in self.comments if c.startswith(prefix))
        return next(found, "")


def read_csv(path: Path, name: Scalar) -> Csv:
    """The cells of a CSV file, which a scenario names by `name`.

    Raises ScenarioError: those of `read_text`, `table-shape`, `empty-table`.
    """
    file, lines = str(path), lines_of(read_text(path, name))
    comments: list[str] = []
    while len(comments) < len(lines) and lines[len(comments)].startswith("#"):
        comments.append(lines[len(comments)].lstrip("#").strip())
    reader = csv.reader(lines[len(comments) :], strict=True)
    rows: list[tuple[int, tuple[str, ...]]] = []
    try:
        line = len(comments) + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((line, tuple(cell.strip() for cell in cells)))
            line = len(comments) + reader.line_num + 1
    except csv.Error as error:
        span = Span(file, line, 1)
        raise fault("table-shape", f"this line is not CSV: {error}", span) from None
    if len(rows) < 2:
        what = "no rows below its header" if rows else "nothing but comments"
        raise fault("empty-table", f"the table has {what}", Span(file, max(len(comments), 1), 1))
    header_line, columns = rows.pop(0)
    if len(set(columns)) < len(columns):
        twice = next(c for c in columns if columns.count(c) > 1)
        raise fault("table-shape", f"two columns are called `{shown(twice)}`", Span(file, header_line, 1))
    for line, row in rows:
        if len(row) != len(columns):
            message = f"this row has {len(row)} cells; the header has {len(columns)}"
            raise fault("table-shape", message, Span(file, line, 1))
    return Csv(file, tuple(comments), header_line, columns, tuple(rows))


def check_disclosure(table: Csv, keys: tuple[str, ...]) -> None:
    """Raise ScenarioError `disclosure` where a table could hold rows of people instead of published
    aggregates.

    It does if a column identifies people, if there are far more rows than combinations of keys, or if a
    column of counts has a small cell; published aggregates may have small cells, and say so: `# source:
    public: who, where`.
    """
    message = "a scenario reads published aggregates, never people"
    for column in table.columns:
        if _IDENTIFIER.fullmatch(column.lower()):
            detail = f"the column `{shown(column)}` looks like one of an identified person; {message}"
            raise fault("disclosure", detail, table.span(table.header_line))
    at = [table.columns.index(key) for key in keys]
    combinations = len({tuple(cells[i] for i in at) for _, cells in table.rows})
    if len(table.rows) > max(2 * combinations, combinations + 10):
        detail = f"{len(table.rows):,} rows for {combinations:,} combinations of {', '.join(keys)}: {message}"
        raise fault("disclosure", detail, table.span(table.header_line))
    if table.comment("source").startswith("public:"):
        return
    for column in table.columns:
        if column.lower() in COUNTS:
            for line, cell in table.column(column):
                if _NUMBER.fullmatch(cell) and 0 < float(cell) < SMALL:
                    detail = f"`{column}` is {cell}: fewer than {SMALL} could point at one of them"
                    fix = "aggregate; a published table begins with `# source: public: who, where`"
                    raise fault("disclosure", detail, table.span(line), fix)


def table_of(
    csv_table: Csv, name: str, keys: tuple[Key, ...], value: str, unit: str, clamp: bool, findings: Findings
) -> Table:
    """The `Table` called `name`, over `keys` in this order; `value` names the column of values.

    Values are in `unit`, or life table probabilities where `value` is "q": then they become hazards per
    day, and the last age is open-ended. Raises ScenarioError: `table-columns`, `table-key`, `table-range`,
    `table-gap`, `table-overlap`, `table-duplicate`, `table-missing`, `table-value`, `disclosure`.
    """
    _check_columns(csv_table, [key.column for key in keys], value, findings)
    check_disclosure(csv_table, tuple(key.column for key in keys))
    cells = {key.column: _Positions(csv_table, key) for key in keys}
    at: dict[tuple[int, ...], int] = {}
    for row, (line, _) in enumerate(csv_table.rows):
        combination = tuple(cells[key.column].of_row[row] for key in keys)
        if combination in at:
            first = csv_table.rows[at[combination]][0]
            what = _spelled(cells, keys, combination)
            message = f"the row for {what} is here twice; the first is on line {first}"
            raise fault("table-duplicate", message, csv_table.span(line))
        at[combination] = row
    axes = tuple(cells[key.column].axis for key in keys)
    for combination in product(*(range(axis.size) for axis in axes)):
        if combination not in at:
            message = f"there is no row for {_spelled(cells, keys, combination)}"
            raise fault("table-missing", message, csv_table.span(csv_table.rows[-1][0]))
    numbers = [_number(csv_table.span(line), cell, value) for line, cell in csv_table.column(value)]
    ordered = [at[combination] for combination in product(*(range(axis.size) for axis in axes))]
    if value == "q":
        values = _hazards(csv_table, numbers, ordered, axes)
        axes = tuple(_open_ended(axis) if axis.name == "age" else axis for axis in axes)
    else:
        values = tuple(units.in_base(float(numbers[row]), unit)[0] for row in ordered)
    if value in ("q", "rate", "population") or unit.startswith("per "):
        negative = next((row for row, number in enumerate(numbers) if number < 0), None)
        if negative is not None:
            line = csv_table.rows[negative][0]
            message = f"`{value}` is {numbers[negative]}: it cannot be negative"
            raise fault("table-value", message, csv_table.span(line))
    return Table(name, axes, values, clamp, csv_table.span(1))


def _check_columns(table: Csv, keys: list[str], value: str, findings: Findings) -> None:
    top = table.span(table.header_line)
    for column in (*keys, value):
        if column not in table.columns:
            has = ", ".join(shown(c) for c in table.columns)
            fix = did_you_mean(column, table.columns)
            raise fault("table-columns", f"the table has no column `{column}`; it has {has}", top, fix)
    for column in table.columns:
        if column not in (*keys, value, *COUNTS):
            message = f"nothing reads the column `{shown(column)}`"
            findings.warning("unused-column", message, top, "take it out")


def _spelled(cells: dict[str, _Positions], keys: tuple[Key, ...], combination: tuple[int, ...]) -> str:
    return ", ".join(
        f"{key.column} {cells[key.column].label(i)}" for key, i in zip(keys, combination, strict=True)
    )


class _Positions:
    """The axis that a key column spans, and the position of every row on it."""

    def __init__(self, table: Csv, key: Key):
        self.key = key
        column = table.column(key.column)
        if key.levels:
            self.axis = Axis(key.column, levels=key.levels)
            self.of_row = [self._level(table.span(line), cell) for line, cell in column]
        else:
            ranges = [_range(table.span(line), cell, key.column) for line, cell in column]
            first = {r: line for r, (line, _) in reversed(list(zip(ranges, column, strict=True)))}
            order = sorted(first)
            self._check_joined(table, order, first)
            self.axis = Axis(key.column, breaks=(*(r[0] for r in order), order[-1][1]))
            position = {r: i for i, r in enumerate(order)}
            self.of_row = [position[r] for r in ranges]

    def _level(self, span: Span, cell: str) -> int:
        if cell not in self.key.levels:
            message = f"`{shown(cell)}` is no level of {self.key.column}: {', '.join(self.key.levels)}"
            raise fault("table-key", message, span, did_you_mean(cell, self.key.levels))
        return self.key.levels.index(cell)

    def _check_joined(self, table: Csv, order: list[Range], first: dict[Range, int]) -> None:
        for one, other in pairwise(order):
            span, names = table.span(first[other]), f"{self.key.column} {_label(one)} and {_label(other)}"
            if other[0] < one[1]:
                raise fault("table-overlap", f"{names} overlap", span)
            if other[0] > one[1]:
                raise fault("table-gap", f"between {names} there is a gap", span)

    def label(self, position: int) -> str:
        if self.axis.levels:
            return self.axis.levels[position]
        return _label((self.axis.breaks[position], self.axis.breaks[position + 1]))


def _range(span: Span, cell: str, column: str) -> Range:
    match = _RANGE.fullmatch(cell)
    if match is None:
        message = f"`{shown(cell)}` is no {column}"
        raise fault("table-range", message, span, "a whole number (40), a range (15-24) or open (85+)")
    low = float(match[1])
    if match[3]:
        return low, math.inf
    last = Decimal(match[2] or match[1])
    step = min(Decimal(1).scaleb(int(end.as_tuple().exponent)) for end in (Decimal(match[1]), last))
    high = float(last + step)
    if high <= low:
        raise fault("table-range", f"{column} {cell} ends before it begins", span)
    return low, high


def _label(of: Range) -> str:
    low, high = of
    if high == math.inf:
        return f"{low:g}+"
    if low % 1 or high % 1:
        return f"{low:g} to below {high:g}"
    return f"{low:g}" if high == low + 1 else f"{low:g}-{high - 1:g}"


def _number(span: Span, cell: str, column: str) -> Decimal:
    if not _NUMBER.fullmatch(cell) or not math.isfinite(float(cell)):
        what = f"`{shown(cell)}` is not a number" if cell else "a number is missing"
        raise fault("table-value", f"{what} in the column `{column}`", span)
    return Decimal(cell)


# ---- life tables


def _hazards(
    table: Csv, numbers: list[Decimal], rows: list[int], axes: tuple[Axis, ...]
) -> tuple[float, ...]:
    """Hazards per day, -ln(1 - q) / 365.25, in decimal arithmetic: the same bits on every machine.

    In the last age, which is open-ended, life tables may say q = 1; the hazard there is that of the age
    before.
    """
    age = next((i for i, axis in enumerate(axes) if axis.name == "age"), None)
    last = axes[age].size - 1 if age is not None else -1
    stride = math.prod(axis.size for axis in axes[age + 1 :]) if age is not None else 1
    hazards: list[float] = []
    with localcontext() as context:
        context.prec = 30
        for i, row in enumerate(rows):
            q = numbers[row]
            if q == 1 and age is not None and (i // stride) % axes[age].size == last > 0:
                hazards.append(hazards[i - stride])
            elif 0 <= q < 1:
                hazards.append(float(-(1 - q).ln() / Decimal(DAYS_PER_YEAR)) + 0.0)
            else:
                message = f"`q` is {q}: the probability to die within a year is at least 0 and less than 1"
                raise fault("table-value", message, table.span(table.rows[row][0]), "1 only in the last age")
    return tuple(hazards)


def _open_ended(axis: Axis) -> Axis:
    return Axis(axis.name, breaks=(*axis.breaks[:-1], math.inf))
