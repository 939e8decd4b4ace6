"""A run on the disk of which only the queues are there: appointments and encounters, as they are written."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from sim.records import manifest
from sim.records.schema import LOGGED
from sim.runs.result import Run

Offer = Mapping[str, Any]
MONDAY = datetime.datetime(2001, 1, 1)  # a Monday

_TABLES = {table.name: table for table in LOGGED.values() if table.name in ("appointments", "encounters")}


def _moment(time: str | None) -> datetime.datetime | None:
    """`Tue 08:30`, in the week from MONDAY."""
    if time is None:
        return None
    day, clock = time.split()
    hour, minute = clock.split(":")
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun").index(day)
    return MONDAY + datetime.timedelta(days=days, hours=int(hour), minutes=int(minute))


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """`make_run(providers, rows)`: a run of one week from a Monday, in two parts.

    A row is (provider, priority, requested, ended, outcome) and, of one attended, the end of the encounter,
    where that is not open: times as "Mon 08:00". `starts` has the start of an encounter, by row, where it is
    another than the appointment's end; None: there is no encounter.
    """

    def make_run(
        providers: Mapping[str, Offer],
        rows: Sequence[tuple[Any, ...]],
        days: int = 7,
        starts: Mapping[int, str | None] | None = None,
    ) -> Run:
        tables: dict[str, list[dict[str, Any]]] = {name: [] for name in _TABLES}
        starts = starts or {}
        for number, (provider, priority, requested, ended, outcome, *end) in enumerate(rows):
            place = {
                "patient_id": number,
                "seq": 0,
                "provider": provider,
                "class": providers[provider]["class"],
            }
            attended = outcome == "attended"
            place |= {"requested": _moment(requested), "encounter_id": 2**62 - number if attended else None}
            came = {"ended": _moment(ended), "outcome": outcome, "priority": float(priority)}
            tables["appointments"].append(place | came)
            start = starts.get(number, ended)
            if attended and start:
                lasted = {"start": _moment(start), "end": _moment(*end) if end else None, "reason": None}
                tables["encounters"].append(place | {"seq": 1} | lasted)
        files = []
        for name, found in tables.items():
            (tmp_path / "run" / name).mkdir(parents=True)
            for part, some in enumerate((found[: len(found) // 2], found[len(found) // 2 :])):
                path = f"{name}/part-{part:06}.parquet"
                table = pa.Table.from_pylist(some, _TABLES[name].schema)
                parquet.write_table(table, tmp_path / "run" / path, store_schema=False)
                files.append({"path": path})
        until = (MONDAY + datetime.timedelta(days=days)).date().isoformat()
        content = {
            "window": [MONDAY.date().isoformat(), until],
            "providers": providers,
            "rows": {name: len(found) for name, found in tables.items()},
            "files": files,
        }
        (tmp_path / "run" / manifest.NAME).write_bytes(manifest.encode(content))
        return Run(tmp_path / "run")

    return make_run


@pytest.fixture
def clinic(make_run: Callable[..., Run]) -> Callable[..., Run]:
    """A clinic with one place, open on two mornings, and eight requests: A to H."""
    sessions = [[day + 8 / 24, day + 12 / 24] for day in (0, 1)]

    def clinic(**other: Any) -> Run:
        rows = [
            ("clinic", 0, "Mon 08:00", "Mon 08:00", "attended", "Mon 09:00"),  # A waits 0 min
            ("clinic", 0, "Mon 08:10", "Mon 11:00", "attended", "Mon 12:30"),  # B waits 170, runs over
            ("clinic", 1, "Mon 08:40", "Mon 09:00", "attended", "Mon 11:00"),  # C waits 20
            ("clinic", 0, "Mon 08:50", "Mon 10:00", "gave up"),  # D waits 70
            ("clinic", 1, "Mon 10:20", "Mon 11:00", "missed"),  # E waits 40
            ("clinic", 1, "Sun 00:00", None, None),  # F waits 1440, to the end
            ("clinic", 0, "Tue 08:00", "Tue 09:00", "cancelled"),  # G waits 60
            ("clinic", 0, "Tue 08:00", "Tue 10:00", "died"),  # H waits 120
        ]
        providers = {
            "office": {"class": "virtual", "hours": []},
            "clinic": {"class": "ambulatory", "at_a_time": 1, "hours": sessions},
        }
        return make_run(providers, rows, **other)

    return clinic
