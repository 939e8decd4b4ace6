"""One life's calendar, log and the bookkeeping of what follows from what.

`m` and `x` are the engine's memory (see `memory`), `log` the array of rows that lives are written to.
"""

from __future__ import annotations

import math

import numpy as np

from sim.engine.elementary import bits_of
from sim.engine.evaluate import evaluate
from sim.engine.inner import inner
from sim.engine.log import NULL
from sim.engine.memory import fail, item, narrow, place, spot, wide_place
from sim.program import layout as at

SECONDS_PER_DAY = 86400.0
MOST_AT_ONCE = 10_000  # consequences at one instant before it counts as endless
MOST_WAITING = 256
LOW_HALF = 0xFFFFFFFF

# A row of the log is 7 words; the last two hold two 32-bit numbers each, the first one in the low half.
ROW_WORDS = 7
PATIENT, START, END, ENCOUNTER, VALUE, CODE_AND_AUX, KIND_AND_SEQ = range(7)
ROW = np.dtype(
    [
        ("patient", "<i8"),
        ("start", "<i8"),
        ("end", "<i8"),
        ("encounter", "<i8"),
        ("value", "<f8"),
        ("code", "<i4"),
        ("aux", "<i4"),
        ("kind", "<i4"),
        ("seq", "<i4"),
    ]
)


# ---- the calendar: a tree of winners over the slots, in which ties go to the lower slot


@inner
def schedule(m, x, slot, when):
    """Set when `slot` is due (days since birth; inf: never) and play again the matches that this can
    change."""
    due, winners = m[at.DUE], m[at.WINNERS]
    if x[due + slot] == when:
        return
    x[due + slot] = when
    node = (slot + m[at.N_SLOTS]) >> 1
    while node >= 1:
        left, right = m[winners + 2 * node], m[winners + 2 * node + 1]
        winner = right if x[due + right] < x[due + left] else left
        if winner == m[winners + node] and winner != slot:
            return
        m[winners + node] = winner
        node >>= 1


@inner
def clear_calendar(m, x):
    slots, due, winners = m[at.N_SLOTS], m[at.DUE], m[at.WINNERS]
    for slot in range(slots):
        x[due + slot] = math.inf
        m[winners + slots + slot] = slot
    for node in range(slots - 1, 0, -1):
        m[winners + node] = m[winners + 2 * node]


# ---- the log


@inner
def seconds(x, time):
    """`time` (days since birth) in whole seconds since 1970-01-01, rounded down."""
    return np.int64(math.floor((x[at.BIRTH] + time) * SECONDS_PER_DAY))


@inner
def write(m, x, log, kind, start, code, aux, encounter, value):
    """Append a row and return its position; -1 where the log is full, and the life must be lived again over a
    longer one."""
    n = m[at.LOGGED]
    if n >= m[at.N_ROWS]:
        fail(x, at.LOG_FULL, 0)
        return np.int64(-1)
    row = ROW_WORDS * n
    log[row + PATIENT] = np.int64(x[at.PATIENT])
    log[row + START] = start
    log[row + END] = NULL
    log[row + ENCOUNTER] = encounter
    log[row + VALUE] = bits_of(value)
    log[row + CODE_AND_AUX] = (code & LOW_HALF) | (aux << 32)
    log[row + KIND_AND_SEQ] = kind | (m[at.SEQ] << 32)
    m[at.LOGGED] = n + 1
    m[at.SEQ] += 1
    return n


@inner
def close(x, log, row):
    """End an open row now."""
    if row >= 0:
        log[ROW_WORDS * row + END] = seconds(x, x[at.NOW])


@inner
def end_waiting(m, x, log, protocol, outcome):
    """What a protocol waited for is decided: note it in the appointment's row, if there is one. Returns the
    row."""
    place_of_row = wide_place(m, at.PROGRESS, protocol, at.APPOINTMENT_ROW)
    row = m[place_of_row]
    if row >= 0:
        close(x, log, row)
        aux = ROW_WORDS * row + CODE_AND_AUX
        log[aux] = (log[aux] & LOW_HALF) | (outcome << 32)
        m[place_of_row] = -1
    return row


# ---- what follows from what


@inner(forceinline=True)
def mark(m, dependent):
    """A hazard or watch must be looked at once this event is over."""
    flag = spot(m, at.IS_DIRTY, dependent)
    if m[flag] == 0:
        m[flag] = 1
        m[spot(m, at.DIRTY, m[at.N_DIRTY])] = dependent
        m[at.N_DIRTY] += 1


@inner(forceinline=True)
def touch(m, cell):
    """A cell has changed: whatever reads it must be looked at again."""
    for i in range(item(m, at.READERS, cell), item(m, at.READERS, cell + 1)):
        mark(m, item(m, at.DEPENDENTS, i))


@inner
def change(m, x, cell, value):
    """Give a cell a value (unknown stays different from all)."""
    if x[cell] != value:
        x[cell] = value
        touch(m, cell)


@inner(forceinline=True)
def happen(m, x, thing, value):
    """A thing happens now: count it, and let its consequences wait their turn."""
    count, since = narrow(m, at.THINGS, thing, at.THING_COUNT), narrow(m, at.THINGS, thing, at.THING_SINCE)
    if count < 0:
        return
    x[count] += 1.0
    x[since] = x[at.NOW]
    touch(m, count)
    touch(m, since)
    head = narrow(m, at.THINGS, thing, at.THING_HISTORY)
    if head >= 0:
        remember(m, x, head, value)
    if narrow(m, at.THINGS, thing, at.THING_LISTENERS) > 0:
        if m[at.N_WAITING] - m[at.FIRST_WAITING] >= MOST_WAITING:
            fail(x, at.CASCADE, m[at.SLOT])
            return
        m[spot(m, at.WAITING, m[at.N_WAITING] % MOST_WAITING)] = thing
        m[at.N_WAITING] += 1


@inner
def happen_in_groups(m, x, thing, left):
    """What just happened, happens as each group that it belongs to: not as one of states with `left`, the
    state left (-1: none), which is in it already.
    """
    first = narrow(m, at.THINGS, thing, at.THING_FIRST_GROUP)
    for row in range(first, first + narrow(m, at.THINGS, thing, at.THING_GROUPS)):
        g = place(m, at.MEMBERSHIPS, row, 0)
        if not m[g + at.GROUP_FIRST_STATE] <= left <= m[g + at.GROUP_LAST_STATE]:
            happen(m, x, m[g + at.GROUP_THING], 0.0)


@inner
def remember(m, x, head, value):
    """Put an entry before the others of a history that starts at what the cell `head` says."""
    entry = np.int64(x[at.HISTORIES])
    if entry >= m[at.N_HISTORY]:
        fail(x, at.HISTORY_FULL, 0)
        return
    first = place(m, at.HISTORY, entry, at.PREVIOUS)
    x[first], x[first + at.TIME], x[first + at.VALUE] = x[head], x[at.NOW], value
    x[head] = entry
    x[at.HISTORIES] += 1.0


@inner
def days(m, x, code):
    """The value of a duration, which must be known, finite and not negative."""
    value = evaluate(m, x, code)
    if not 0.0 <= value < math.inf:
        fail(x, at.BAD_TIME, code)
        return 0.0
    return value
