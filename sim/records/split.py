"""The log's rows put together by kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.engine.compilation import jit
from sim.engine.log import ALLERGY, Log

KINDS = ALLERGY + 1


@jit
def by_kind(log: Log) -> tuple[Log, NDArray[np.int64]]:
    """The log in order of kind, in its old order within one, and where each kind starts: KINDS + 1 positions.

    The arrays are new ones and contiguous, whatever those of `log` are. A counting sort: twice over the rows.
    """
    count = len(log.kind)
    starts = np.zeros(KINDS + 1, np.int64)
    for row in range(count):
        starts[log.kind[row] + 1] += 1
    for kind in range(KINDS):
        starts[kind + 1] += starts[kind]
    found = Log(
        np.empty(count, np.int8),
        np.empty(count, np.int64),
        np.empty(count, np.int32),
        np.empty(count, np.int64),
        np.empty(count, np.int64),
        np.empty(count, np.int32),
        np.empty(count, np.int32),
        np.empty(count, np.int64),
        np.empty(count, np.float64),
    )
    places = starts.copy()
    for row in range(count):
        kind = log.kind[row]
        place = places[kind]
        places[kind] += 1
        found.kind[place] = kind
        found.patient[place] = log.patient[row]
        found.seq[place] = log.seq[row]
        found.start[place] = log.start[row]
        found.end[place] = log.end[row]
        found.code[place] = log.code[row]
        found.aux[place] = log.aux[row]
        found.encounter[place] = log.encounter[row]
        found.value[place] = log.value[row]
    return found, starts
