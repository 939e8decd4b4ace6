"""Rows by kind."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from sim.engine.log import Log, People
from sim.records.split import KINDS, by_kind, taken

Simulate = Callable[[object, range, int], tuple[People, Log]]


@pytest.mark.parametrize("patients", [0, 1, 50])
def test_rows_of_a_kind_are_together_in_their_old_order(simulate: Simulate, patients: int) -> None:
    _, log = simulate(None, range(patients), 2)
    # a log may be columns of records; what is read of it must not depend on that
    records = np.rec.fromarrays(list(log), names=list(Log._fields))
    strided = Log(*(records[name] for name in Log._fields))
    for given in (log, strided):
        rows, starts = by_kind(given.kind)
        assert (len(starts), starts[0], starts[-1]) == (KINDS + 1, 0, len(log.kind))
        for kind in range(KINDS):
            found = taken(given, rows[starts[kind] : starts[kind + 1]], True, True, True, True)
            for name in Log._fields[1:]:
                column = getattr(log, name)
                np.testing.assert_array_equal(getattr(found, name), column[log.kind == kind])
                assert getattr(found, name).dtype == column.dtype


@pytest.mark.parametrize("wanted", list(itertools.product([False, True], repeat=4)))
def test_what_is_not_wanted_is_not_taken(simulate: Simulate, wanted: tuple[bool, ...]) -> None:
    _, log = simulate(None, range(5), 2)
    rows = np.arange(3, dtype=np.int32)
    found = taken(log, rows, *wanted)
    sizes = [len(getattr(found, name)) for name in ("end", "aux", "encounter", "value")]
    assert sizes == [3 * each for each in wanted]
    assert found.patient.tolist() == log.patient[:3].tolist()
