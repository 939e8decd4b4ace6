"""The log's rows put together by kind.

First where the rows of each kind are; then, a kind at a time, what its table needs of them. So each row,
whose fields lie side by side in memory, is read once, and no more is in memory than one table.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.engine.compilation import jit
from sim.engine.log import ALLERGY, Log

KINDS = ALLERGY + 1


@jit
def by_kind(kind: NDArray[np.signedinteger]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The numbers of the rows in order of kind, in their old order within one, and where each kind starts
    among them: KINDS + 1 positions. A counting sort, of fewer than 2^31 rows.
    """
    count = len(kind)
    kinds = np.empty(count, np.uint8)
    starts = np.zeros(KINDS + 1, np.int64)
    for row in range(count):
        kinds[row] = kind[row]
        starts[kinds[row] + 1] += 1
    for number in range(KINDS):
        starts[number + 1] += starts[number]
    rows = np.empty(count, np.int32)
    places = starts.copy()
    for row in range(count):
        rows[np.uint64(places[kinds[row]])] = row
        places[kinds[row]] += 1
    return rows, starts


@jit
def taken(log: Log, rows: NDArray[np.int32], end: bool, aux: bool, encounter: bool, value: bool) -> Log:
    """Rows of a log, by their numbers, in new arrays, contiguous whatever those of `log` are.

    Of the fields `end`, `aux`, `encounter` and `value` those that are not wanted are empty, and so is `kind`.
    """
    count = len(rows)
    found = Log(
        np.empty(0, np.int8),
        np.empty(count, np.int64),
        np.empty(count, np.int32),
        np.empty(count, np.int64),
        np.empty(count if end else 0, np.int64),
        np.empty(count, np.int32),
        np.empty(count if aux else 0, np.int32),
        np.empty(count if encounter else 0, np.int64),
        np.empty(count if value else 0, np.float64),
    )
    for place in range(count):
        row = np.uint64(rows[place])
        found.patient[place] = log.patient[row]
        found.seq[place] = log.seq[row]
        found.start[place] = log.start[row]
        found.code[place] = log.code[row]
        if end:
            found.end[place] = log.end[row]
        if aux:
            found.aux[place] = log.aux[row]
        if encounter:
            found.encounter[place] = log.encounter[row]
        if value:
            found.value[place] = log.value[row]
    return found
