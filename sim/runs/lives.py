"""Lives in memory: as the tables that a run writes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pyarrow as pa

from sim.engine.log import People
from sim.records.digest import Sums
from sim.records.imperfections import Spoiler
from sim.records.names import names
from sim.records.selection import EVERYTHING, Selection
from sim.records.tables import tables
from sim.runs.runtime import Runtime
from sim.scenario.model import Scenario

FIRST_BATCH = 2000  # patients
BATCH_ROWS = 1 << 19  # of the log: what a batch aims at, so that what is in memory at a time stays small

Made = Iterator[tuple[str, pa.Table, Sums]]


class Source:
    """Where the lives of a scenario and their records come from: any thread may ask."""

    def __init__(
        self, scenario: Scenario, runtime: Runtime, seed: int, selection: Selection = EVERYTHING
    ) -> None:
        self.runtime = runtime
        self.names = names(scenario, selection)
        self._spoiler = Spoiler(scenario, seed) if scenario.imperfections else None

    def batches(
        self, patients: range, stop: threading.Event | None = None
    ) -> Iterator[tuple[range, People, Made]]:
        """The lives of some patients, a few at a time: who they are, and their tables, see
        sim.records.tables. After the first batch, as many as make a good row group.

        Which patients make a batch follows from `patients` alone. Raises CancelledError when told to `stop`.
        """
        size = FIRST_BATCH
        while patients:
            if stop and stop.is_set():
                raise CancelledError
            batch, patients = patients[:size], patients[size:]
            people, log = self.runtime.simulate(batch)
            record, touched = self._spoiler.spoil(people, log) if self._spoiler else (log, None)
            yield batch, people, tables(self.names, people, record, touched)
            size = max(1, len(batch) * BATCH_ROWS // max(len(log.kind), 1))
