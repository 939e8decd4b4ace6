"""What is to be done: which patients, cut into which shards, into which folder."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OUTPUTS = Path("outputs")  # where runs land, under the working directory, unless a folder is named

LARGEST_SHARD = 16_000
SMALLEST_SHARD = 1_000
SHARDS = 8  # in a small run: enough for the threads of a common machine


@dataclass(frozen=True, slots=True)
class Shard:
    """Patients whose rows make one file in each table, until small ones are joined."""

    index: int
    patients: range


@dataclass(frozen=True, slots=True)
class Plan:
    """The patients of a run and how many make a shard."""

    patients: range
    shard_size: int

    def shards(self) -> Iterator[Shard]:
        """The shards in order; the last may be smaller."""
        for index, start in enumerate(range(0, len(self.patients), self.shard_size)):
            yield Shard(index, self.patients[start : start + self.shard_size])


def plan(patients: int | range, shard_size: int | None = None) -> Plan:
    """A plan for patients 0 to N - 1, or for a range of them.

    Unless given, a shard has an eighth of the patients, but at least 1,000 and at most 16,000: a rule that
    does not look at the machine, so that the files are the same everywhere. Raises ValueError.
    """
    if isinstance(patients, int):
        patients = range(patients)
    if patients.step != 1 or not 0 <= patients.start < patients.stop <= 2**63:
        raise ValueError(
            f"patients must be a positive number or a range of numbers from 0 up, not {patients}"
        )
    if shard_size is None:
        shard_size = min(max(-(-len(patients) // SHARDS), SMALLEST_SHARD), LARGEST_SHARD)
    if shard_size < 1:
        raise ValueError(f"a shard has at least one patient, not {shard_size}")
    return Plan(patients, shard_size)


def slug(name: str) -> str:
    """A scenario's name as a folder's: small letters and digits of any script, joined by hyphens."""
    return "-".join(re.findall(r"[^\W_]+", name.lower())) or "run"


def free_folder(name: str) -> Path:
    """The folder under `outputs/` for a scenario of that name: NAME, else NAME-2, NAME-3, ...

    It is the first that is neither there nor being written by another run.
    """
    first = OUTPUTS / slug(name)
    for count in itertools.count(1):
        folder = first if count == 1 else first.with_name(f"{first.name}-{count}")
        if not folder.exists() and not any(OUTPUTS.glob(f".{folder.name}.partial-*")):
            return folder
    raise AssertionError("unreachable")


def processors() -> int:
    """How many processors this process may use: as many threads as there are unless told."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
