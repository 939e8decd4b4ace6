"""Small made-up lives as tables, and what each patient alone says of any moment: the slow, obvious way.

A moment is a second and a place in it: 0 before everything in that second, seq after the row with seq - 1.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

import sim
from sim.measure.shards import Shard, of_tables
from sim.records.schema import TEXT, TIME, WEIGHTED, Table, logged
from sim.scenario.loader import Scalar
from sim.scenario.model import Expr, Scenario, Span
from sim.scenario.scope_of import scope_of
from sim.scenario.statistics import Sentence, Statistic, sentence

DAY, YEAR = 86_400, 31_557_600
OPENS, CLOSES = 946_684_800, 1_262_304_000  # 2000-01-01 to 2010-01-01
ALL = 1 << 20  # a place after every row of a second

SCENARIO = """
scenario: made up
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 10, born: {from: 1930-01-01, to: 1990-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [p.yaml]
providers: {clinic: {class: ambulatory}, ward: {class: inpatient}}
"""
PATHWAY = """
pathway: p
variables: {weight: "normal(mean=70, sd=10)"}
conditions: {illness: {}, ailment: {}}
drugs: {pill: {doses: [1 mg, 2 mg]}, drops: {}}
groups: {medicines: [pill, drops]}
procedures: {scan: {}}
biomarkers: {x: {unit: mmHg}, y: {unit: mmHg}}
tests: {swab: {positive: {well: 0.5, otherwise: 0.1}}}
events: {fall: {rate: 1 per year}}
disease:
  health:
    well: {-> mild: {rate: 1 per year}}
    sick:
      states:
        mild: {-> severe: {rate: 1 per year}}
        severe: {-> well: {rate: 1 per year}}
"""


@cache
def scenario() -> Scenario:
    """The scenario whose names the lives use."""
    with TemporaryDirectory() as folder:
        Path(folder, "scenario.yaml").write_text(SCENARIO)
        Path(folder, "p.yaml").write_text(PATHWAY)
        return sim.load(folder)


def read(text: str) -> Sentence:
    """A measure of these lives."""
    place = Span("", 1, 1)
    return sentence(Scalar(text, text, place, text, place), scope_of(scenario()), scenario(), None)


def statistic(text: str) -> Statistic:
    """The statistic that a text is."""
    (found,) = read(text).statistics
    return found


@dataclass
class Row:
    """A row of a table; `seq` is its place in the life."""

    table: str
    time: int
    seq: int
    columns: dict[str, Any]

    @property
    def end(self) -> int | None:
        end: int | None = self.columns.get("end")
        return end


@dataclass
class Life:
    """A patient."""

    number: int
    sex: str
    birth: int
    entered: int
    left: int
    died: bool
    weight: float = 1.0
    rows: list[Row] = field(default_factory=list)

    def add(self, table: str, time: int, **columns: Any) -> None:
        """A row that comes after all others."""
        self.rows.append(Row(table, time, len(self.rows), columns))

    # ---- what a moment is like

    def before(self, table: str, t: int, place: int, **columns: Any) -> Iterator[Row]:
        """The rows of a table with these contents, up to a moment."""
        for row in self.rows:
            so_far = row.table == table and (row.time, row.seq + 1) <= (t, place)
            if so_far and all(row.columns[name] == value for name, value in columns.items()):
                yield row

    def lasts(self, table: str, t: int, place: int, **columns: Any) -> bool:
        found = self.before(table, t, place, **columns)
        return any(row.end is None or t < row.end for row in found)

    def prescribed(self, drug: str, t: int, place: int) -> bool:
        """A row that begins in the second in which one ends goes on with it: the dose has changed."""
        rows = [row for row in self.rows if row.columns.get("drug") == drug]
        starts = {row.time for row in rows if row.end is None or row.end > row.time}
        found = self.before("medications", t, place, drug=drug)
        return any(row.end is None or t < row.end or t == row.end in starts for row in found)

    def state(self, t: int, place: int) -> str | None:
        alive = [r for r in self.before("truth/states", t, place) if r.columns["to"] != "dead"]
        return alive[-1].columns["to"] if alive else None

    def entries(self, name: str, t: int, place: int) -> list[Row]:
        """When a state, or the group `sick`, was entered."""
        inside = ("mild", "severe") if name == "sick" else (name,)
        found, was = [], None
        for row in self.before("truth/states", t, place):
            to = row.columns["to"]
            if to in inside and not (name == "sick" and was in inside):
                found.append(row)
            was = was if to == "dead" else to
        return found

    def courses(self, drug: str, t: int, place: int) -> list[Row]:
        """The rows of a drug that do not go on where another ended."""
        found: list[Row] = []
        until = -1
        for row in self.before("medications", t, place, drug=drug):
            if row.time != until:
                found.append(row)
            until = row.end if row.end is not None else 1 << 60
        return found

    def happened(self, name: str, t: int, place: int) -> list[Row]:
        match name:
            case "well" | "mild" | "severe" | "sick":
                return self.entries(name, t, place)
            case "fall":
                return list(self.before("truth/events", t, place, event=name))
            case "illness" | "other":
                return list(self.before("conditions", t, place, condition=name))
            case "medicines":
                both = [*self.courses("pill", t, place), *self.courses("drops", t, place)]
                return sorted(both, key=lambda row: (row.time, row.seq))
            case "pill" | "drops":
                return self.courses(name, t, place)
            case "scan":
                return list(self.before("procedures", t, place, procedure=name))
            case "clinic" | "ward":
                return list(self.before("encounters", t, place, provider=name))
        return list(self.before("observations", t, place, observation=name))

    def value(self, e: Expr, t: int, place: int) -> float | None:
        """The value of an expression at a moment; None is unknown."""
        name = str(e.value).rpartition(".")[2]
        if e.op in ("lt", "le", "gt", "ge", "eq", "ne"):
            return self.compare(e, t, place)
        args = [self.value(arg, t, place) for arg in e.args]
        match e.op:
            case "const":
                return float(e.value or 0.0)
            case "and":
                return float(args[0] == 1.0 and args[1] == 1.0)
            case "or":
                return float(args[0] == 1.0 or args[1] == 1.0)
            case "not":
                return float(args[0] != 1.0)
            case "known":
                return float(args[0] is not None)
            case "or_else":
                return args[1] if args[0] is None else args[0]
            case "if":
                return args[1] if args[0] == 1.0 else args[2]
            case "sub":
                return None if None in args else args[0] - args[1]  # type: ignore[operator]
            case "year":
                return float(_civil(t).year)
            case "month":
                return float(_civil(t).month)
            case "variable" if name == "sex":
                return float(self.sex == "male")
            case "variable":
                rows = list(self.before("truth/variables", t, place))
                return rows[-1].columns["value"] if rows else None
            case "in":
                state = self.state(t, place)
                return float(state in (("mild", "severe") if name == "sick" else (name,)))
            case "ever":
                return float(bool(self.entries(name, t, place)))
            case "diagnosed":
                return float(self.lasts("conditions", t, place, condition=name))
            case "prescribed":
                return float(self.prescribed(name, t, place))
            case "top_dose":
                return float(self.lasts("medications", t, place, drug=name, dose="2 mg"))
            case "count" | "tested":
                since = t - round(args[0] * DAY) if args else -1 << 60  # type: ignore[operator]
                count = sum(row.time > since for row in self.happened(name, t, place))
                return float(count) if e.op == "count" else float(count > 0)
            case "last" | "first":
                rows = list(self.before("observations", t, place, observation=name))
                return rows[-1 if e.op == "last" else 0].columns["number"] if rows else None
        raise AssertionError(e.op)

    def compare(self, e: Expr, t: int, place: int) -> float:
        left, right = e.args
        x, y = self.clock(left, t, place), self.clock(right, t, place)
        if x is None or y is None:
            return 0.0
        clocks = {"age", "today", "since", "time_in", "years_in"}
        if left.op in clocks or right.op in clocks:  # which run, so that they stand at no number
            later = x >= y if left.op in clocks else y >= x
            forward = (e.op in ("gt", "ge")) == (left.op in clocks)
            return float(later if forward else not later)
        return float({"lt": x < y, "le": x <= y, "gt": x > y, "ge": x >= y, "eq": x == y, "ne": x != y}[e.op])

    def clock(self, e: Expr, t: int, place: int) -> float | None:
        """A clock in years or days, in exact arithmetic of whole seconds; or any value."""
        name = str(e.value).rpartition(".")[2]
        match e.op:
            case "age":
                return (t - self.birth) / YEAR
            case "today":
                return t / DAY
            case "since":
                rows = self.happened(name, t, place)
                return (t - max(row.time for row in rows)) / DAY if rows else None
            case "time_in" | "years_in":
                inside = ("mild", "severe") if name == "sick" else (name,)
                if self.state(t, place) not in inside:
                    return 0.0
                since = t - self.entries(name, t, place)[-1].time
                return since / (DAY if e.op == "time_in" else YEAR)
        return self.value(e, t, place)

    # ---- time

    def pieces(self, e: list[Expr]) -> Iterator[tuple[int, int]]:
        """Pieces of the observed time within which nothing that is read can change."""
        cuts = {row.time for row in self.rows} | {row.end for row in self.rows if row.end is not None}
        days = {c for each in e for c in _constants(each)}
        anchors = cuts | {self.birth, 0}
        cuts |= {int(a + np.floor(c * unit)) for a in anchors for c in days for unit in (DAY, YEAR)}
        cuts |= {self.birth + age * YEAR for age in range(100)}
        cuts |= {_second(year, month) for year in range(2000, 2011) for month in range(1, 13)}
        inside = sorted({self.entered, self.left} | {c for c in cuts if self.entered < c < self.left})
        yield from pairwise(inside)


def _constants(e: Expr) -> set[float]:
    own = {float(e.value)} if e.op == "const" and e.value is not None else set()
    return own.union(*(_constants(arg) for arg in e.args))


def _civil(t: int) -> datetime.datetime:
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=t)


def _second(year: int, month: int) -> int:
    return int((datetime.datetime(year, month, 1) - datetime.datetime(1970, 1, 1)).total_seconds())


# ---- lives by chance


def lives(rng: np.random.Generator, count: int, weighted: bool = False) -> list[Life]:
    """Lives in which much happens at the same second, on birthdays, at the first of months."""
    return [_life(rng, number * 3, weighted) for number in range(count)]


def _life(rng: np.random.Generator, number: int, weighted: bool) -> Life:
    birth = int(OPENS - rng.integers(0, 60) * YEAR + rng.integers(-2, 3) * DAY + rng.integers(0, 3) * 40_000)
    if rng.random() < 0.1:
        birth = int(OPENS + rng.integers(0, 5) * YEAR)
    entered = max(OPENS, birth)
    died = bool(rng.random() < 0.4)
    left = int(rng.integers(entered + 1, CLOSES)) if died else CLOSES
    life = Life(number, str(rng.choice(["female", "male"])), birth, entered, left, died)
    if weighted:
        life.weight = float(rng.choice([1.0, 4.0]))
    life.add("truth/variables", birth, variable="weight", value=70.0, category=None)
    life.add("truth/states", birth, axis="health", **{"from": None, "to": "well", "cause": None})
    times = sorted(int(t) for t in _times(rng, birth, entered, left))
    for t in (t for t in times if t < entered):
        _truth(rng, life, t)
    for condition in ("illness", "ailment"):
        if rng.random() < 0.3 and birth < entered:
            start = int(rng.integers(birth, entered))
            life.add("conditions", start, condition=condition, end=None)
    for t in (t for t in times if t >= entered):
        (_truth if rng.random() < 0.4 else _record)(rng, life, t)
    if died:
        life.add("deaths", left, cause=str(rng.choice(["illness", "ailment"])))
        if rng.random() < 0.5:
            dead = {"from": "well", "to": "dead", "cause": "illness"}
            life.add("truth/states", left, axis="health", **dead)
    return life


def _times(rng: np.random.Generator, birth: int, entered: int, left: int) -> Iterator[int]:
    for _ in range(rng.integers(0, 30)):
        match rng.integers(0, 4):
            case 0:
                t = birth + int(rng.integers(0, 70)) * YEAR
            case 1:
                t = _second(int(rng.integers(2000, 2010)), int(rng.integers(1, 13)))
            case 2:
                t = entered + int(rng.integers(0, 20)) * 200 * DAY
            case _:
                t = int(rng.integers(birth, left + 1))
        for _ in range(rng.integers(1, 4)):
            if birth <= t <= left:
                yield t


def _truth(rng: np.random.Generator, life: Life, t: int) -> None:
    match rng.integers(0, 3):
        case 0:
            to = str(rng.choice(["well", "mild", "severe"]))
            life.add(
                "truth/states", t, axis="health", **{"from": life.state(t, ALL), "to": to, "cause": None}
            )
        case 1:
            value = float(rng.integers(60, 80))
            life.add("truth/variables", t, variable="weight", value=value, category=None)
        case _:
            life.add("truth/events", t, event="fall")


def _record(rng: np.random.Generator, life: Life, t: int) -> None:
    encounter = int(rng.integers(0, 2**60))
    match rng.integers(0, 6):
        case 0:
            name = str(rng.choice(["illness", "ailment"]))
            _begin_or_end(rng, life, t, "conditions", condition=name)
        case 1:
            _begin_or_end(rng, life, t, "medications", drug="drops", dose=None)
        case 2:
            dose = str(rng.choice(["1 mg", "2 mg"]))
            if life.lasts("medications", t, ALL, drug="pill") and rng.random() < 0.5:
                _end(life, t, "medications", drug="pill")
                life.add("medications", t, drug="pill", dose=dose, end=None)
            else:
                _begin_or_end(rng, life, t, "medications", drug="pill", dose=dose)
        case 3:
            _tests(rng, life, t, encounter)
        case 4:
            requested = t - int(rng.integers(0, 50)) * DAY
            end = t + int(rng.integers(0, 5)) * DAY
            shown = {"requested": requested, "end": end if end <= life.left else None}
            life.add("encounters", t, provider=str(rng.choice(["clinic", "ward"])), **shown)
        case _:
            life.add("procedures", t, procedure="scan")


def _tests(rng: np.random.Generator, life: Life, t: int, encounter: int) -> None:
    for name in ("x", "y", "swab"):
        if rng.random() < 0.6:
            number = float(rng.integers(0, 2)) if name == "swab" else float(rng.integers(80, 180))
            seen = ("negative", "positive")[int(number)] if name == "swab" else None
            value = None if name == "swab" else number
            shown = {"number": number, "value": value, "value_text": seen, "encounter_id": encounter}
            life.add("observations", t, observation=name, **shown)


def _begin_or_end(rng: np.random.Generator, life: Life, t: int, table: str, **columns: Any) -> None:
    key = {name: value for name, value in columns.items() if name != "dose"}
    if life.lasts(table, t, ALL, **key):
        _end(life, t, table, **key)
    else:
        supply = t + int(rng.integers(1, 400)) * DAY
        end = supply if rng.random() < 0.3 and supply <= life.left else None
        life.add(table, t, **columns, end=end)


def _end(life: Life, t: int, table: str, **columns: Any) -> None:
    for row in life.before(table, t, ALL, **columns):
        if row.end is None or row.end > t:
            row.columns["end"] = t


# ---- as a shard


def shard(people: list[Life]) -> Shard:
    """The lives as the tables of a run."""
    made = {
        "patients": _table(
            WEIGHTED,
            [
                {
                    "patient_id": life.number,
                    "sex": life.sex,
                    "birth_date": _civil(life.birth).date(),
                    "entered": _civil(life.entered),
                    "left": _civil(life.left),
                    "died": life.died,
                    "weight": life.weight,
                }
                for life in people
            ],
        )
    }
    for table in logged(scenario()).values():
        rows = [_plain(table, life, row) for life in people for row in life.rows if row.table == table.name]
        made[table.name] = _table(table, rows)
    return of_tables(made)


def _plain(table: Table, life: Life, row: Row) -> dict[str, Any]:
    columns = {"patient_id": life.number, "seq": row.seq, "time": row.time, "start": row.time} | row.columns
    of_time = {column.name for column in table.columns if column.type == TIME}
    return {
        column.name: _civil(value) if column.name in of_time and value is not None else value
        for column in table.columns
        for value in [columns.get(column.name)]
    }


def _table(table: Table, rows: list[dict[str, Any]]) -> pa.Table:
    fields = [
        pa.field(c.name, pa.dictionary(pa.int32(), TEXT) if c.type == TEXT else c.type) for c in table.columns
    ]
    columns = [pa.array([row[f.name] for row in rows], f.type) for f in fields]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))
