"""How the engine reads its memory: `m` is the block seen as int64, `x` the same block as float64.

A table's header word says where it starts. Indices are cast to unsigned, so that compiled code does not ask
at every access whether they are negative.
"""

from __future__ import annotations

import numpy as np

from sim.engine.inner import inner
from sim.program import layout as at


@inner(forceinline=True)
def place(m, table, row, column):
    """Where the word (row, column) of a narrow table lies."""
    return m[table] + at.NARROW * row + column


@inner(forceinline=True)
def wide_place(m, table, row, column):
    """Where the word (row, column) of a wide table lies."""
    return m[table] + at.WIDE * row + column


@inner(forceinline=True)
def narrow(m, table, row, column):
    """An integer of a narrow table."""
    return m[np.uint64(m[table] + at.NARROW * row + column)]


@inner(forceinline=True)
def wide(m, table, row, column):
    """An integer of a wide table."""
    return m[np.uint64(m[table] + at.WIDE * row + column)]


@inner(forceinline=True)
def item(m, table, index):
    """An integer of a list."""
    return m[np.uint64(m[table] + index)]


@inner(forceinline=True)
def spot(m, table, index):
    """Where an item of a list lies."""
    return m[table] + index


@inner(forceinline=True)
def fail(x, fault, where):
    """Note the first thing that goes wrong in a life."""
    if x[at.FAULT] == at.FINE:
        x[at.FAULT] = fault
        x[at.FAULT_PLACE] = where
