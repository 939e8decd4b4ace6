"""Rows by kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sim.engine.log import Log, People
from sim.records.split import KINDS, by_kind

Simulate = Callable[[object, range, int], tuple[People, Log]]


@pytest.mark.parametrize("patients", [0, 1, 50])
def test_rows_of_a_kind_are_together_in_their_old_order(simulate: Simulate, patients: int) -> None:
    _, log = simulate(None, range(patients), 2)
    # a log may be columns of records; what is read of it must not depend on that
    records = np.rec.fromarrays(list(log), names=list(Log._fields))
    strided = Log(*(records[name] for name in Log._fields))
    for given in (log, strided):
        found, starts = by_kind(given)
        assert (len(starts), starts[0], starts[-1]) == (KINDS + 1, 0, len(log.kind))
        for name in Log._fields:
            column = getattr(log, name)
            for kind in range(KINDS):
                part = getattr(found, name)[starts[kind] : starts[kind + 1]]
                np.testing.assert_array_equal(part, column[log.kind == kind])
                assert part.dtype == column.dtype
