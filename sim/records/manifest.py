"""The manifest: what a run is, what it was made from, and what its files must be.

A JSON file in the run's folder, written last.

key         what
----------  ------------------------------------------------------------------------------------------------
format      version of this layout and of the digest's definition
scenario    `name`; `sources` and their SHA-256; `parameters`: the `files` of values that the run was given
            with their SHA-256, those `set` for it, as they were spelled, and the `values` of all in base
            units, null where a table holds it
program     hash of the compiled scenario
seed        the seed
patients    `first` number, `count`, how many are `recorded`; how many of these were `redrawn` until a life
            met the population's conditions, and the number of `lives` drawn for all of them; with
            `include:` the share of these that was included, `acceptance`, else null
window      first and last day
providers   by name: `class`; where it has a capacity `at_a_time`, so many patients, or `per_week`, so many
            appointments; `hours`: sessions of a week, from and to in days since Monday 00:00, none for always
runtime     `name`, kernel or agents, and `why` it was that one
behaviours  in Python: `class`, `file` and its `sha256`; `audited` is false: nobody has looked at them
imperfections  `name`, `kind`, what it `spoils` and the `chance`, as an expression, of each
shard_size  patients in a shard; has no influence on the digest
versions    of what made it
rows        by table
left_out    the tables that the run was made without, and the columns, as TABLE.COLUMN
digest      of the content, see `sim.records.digest`
sums        by table and column, 32 hexadecimal digits
files       `path`, `bytes` and `sha256` of every other file of the run; of a part of a table about patients
            `first` and `count` of those whose rows it holds, else null
seconds     wall and CPU time, the latter of all threads
created     when it was complete, UTC
"""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sim.records.digest import Sums
from sim.scenario import constants
from sim.scenario.expressions import unparse
from sim.scenario.model import Imperfection, Provider, Scenario

DAYS_PER_WEEK = 7
FORMAT = 2
NAME = "manifest.json"


def calendar_date(days: float) -> str:
    """The civil date of a number of days since 1970-01-01."""
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=days)).isoformat()


def versions() -> dict[str, str]:
    """The versions of the project, of Python and of the libraries that had a part in a run."""
    libraries = ("lifecourse", "mesa", "numpy", "numba", "pyarrow", "simpy")
    return {"python": platform.python_version(), **{name: version(name) for name in libraries}}


def offer(provider: Provider, scenario: Scenario) -> dict[str, Any]:
    """A provider as it stands in a manifest, its capacity with the parameters as they are set."""
    limit: dict[str, float] = {}
    if provider.capacity is not None:
        capacity = constants.value(provider.capacity, scenario)
        is_rate = provider.capacity.type.kind == "rate"
        limit = {"per_week": DAYS_PER_WEEK * capacity} if is_rate else {"at_a_time": int(capacity)}
    return {"class": provider.kind, **limit, "hours": [list(session) for session in provider.hours]}


def spoiling(imperfection: Imperfection) -> dict[str, Any]:
    """An imperfection as it stands in a manifest."""
    spoils = [target.thing or target.table for target in imperfection.targets]
    chance = "1" if imperfection.chance is None else unparse(imperfection.chance)
    return {"name": imperfection.name, "kind": imperfection.kind, "spoils": spoils, "chance": chance}


def nested(sums: Sums) -> dict[str, dict[str, str]]:
    """Sums as they stand in a manifest."""
    found: dict[str, dict[str, str]] = {}
    for (table, column), value in sums.items():
        found.setdefault(table, {})[column] = f"{value:032x}"
    return found


def encode(manifest: Mapping[str, Any]) -> bytes:
    """A manifest as the bytes of its file."""
    return (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()


def read(folder: Path) -> dict[str, Any]:
    """The manifest of the run in a folder. Raises FileNotFoundError, in a sentence, where there is none."""
    path = folder / NAME
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no run: there is no {NAME}")
    manifest: dict[str, Any] = json.loads(path.read_text())
    return manifest
