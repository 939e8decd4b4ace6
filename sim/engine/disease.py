"""Disease axes: entering and leaving states, sojourns, death."""

from __future__ import annotations

import math

import numpy as np

from sim.engine import log as kinds
from sim.engine.evaluate import evaluate
from sim.engine.hazards import enter_death, enter_hazard
from sim.engine.inner import inner
from sim.engine.life import (
    MOST_AT_ONCE,
    change,
    close,
    days,
    end_waiting,
    happen,
    happen_in_groups,
    mark,
    schedule,
    seconds,
    touch,
    write,
)
from sim.engine.memory import fail, item, narrow, place, spot, wide, wide_place
from sim.engine.streams import uniform
from sim.program import layout as at


@inner
def assign(m, x, log, cell, code, variable):
    """`set`: a variable takes the value of an expression."""
    value = evaluate(m, x, code)
    change(m, x, cell, value)
    write(m, x, log, kinds.VARIABLE, seconds(x, x[at.NOW]), variable, at.NONE, kinds.NULL, value)


@inner(forceinline=True)
def assign_all(m, x, log, first, count):
    """The `set` of a state that is entered, or of an event: `count` rows of the assignments."""
    for row in range(first, first + count):
        into, code = narrow(m, at.ASSIGNMENTS, row, 0), narrow(m, at.ASSIGNMENTS, row, 1)
        assign(m, x, log, into, code, narrow(m, at.ASSIGNMENTS, row, 2))


@inner
def occur(m, x, log, event):
    """An event happens, and its hazard starts again."""
    write(m, x, log, kinds.EVENT, seconds(x, x[at.NOW]), event, at.NONE, kinds.NULL, 0.0)
    e = place(m, at.EVENTS, event, 0)
    happen(m, x, m[e + at.EVENT_THING], 0.0)
    assign_all(m, x, log, m[e + at.EVENT_FIRST_ASSIGNMENT], m[e + at.EVENT_ASSIGNMENTS])


@inner(forceinline=True)
def leave_state(m, x, state):
    first = wide(m, at.STATES, state, at.STATE_FIRST_HAZARD)
    for h in range(first, first + wide(m, at.STATES, state, at.STATE_HAZARDS)):
        status = wide_place(m, at.GOING, h, at.STATUS)
        if x[status] == at.UNDER_WAY:
            enter_hazard(m, x, h, x[at.NOW])
        x[status] = at.IDLE
        schedule(m, x, wide(m, at.HAZARDS, h, at.HAZARD_SLOT), math.inf)
    first = wide(m, at.STATES, state, at.STATE_FIRST_TIMER)
    for timer in range(first, first + wide(m, at.STATES, state, at.STATE_TIMERS)):
        schedule(m, x, narrow(m, at.TIMERS, timer, at.TIMER_SLOT), math.inf)
    first = wide(m, at.STATES, state, at.STATE_FIRST_WATCH)
    for watch in range(first, first + wide(m, at.STATES, state, at.STATE_WATCHES)):
        schedule(m, x, narrow(m, at.WATCHES, watch, at.WATCH_SLOT), math.inf)


@inner
def share_of(m, x, state):
    """The row of the share that a stay in `state` ends in: one uniform, shares added up in their order."""
    thing = wide(m, at.STATES, state, at.STATE_THING)
    count = np.int64(x[narrow(m, at.THINGS, thing, at.THING_COUNT)])
    key = np.uint64(item(m, at.KEYS, wide(m, at.STATES, state, at.STATE_SITE)))
    u = uniform(key, count, np.int64(x[at.ATTEMPT]), np.int64(x[at.PATIENT]))
    total = 0.0
    first = wide(m, at.STATES, state, at.STATE_FIRST_SHARE)
    last = first + wide(m, at.STATES, state, at.STATE_SHARES) - 1
    for row in range(first, last):
        code = narrow(m, at.SHARES, row, at.SHARE_CODE)
        if code < 0:
            return row
        share = evaluate(m, x, code)
        total += share
        if not (share >= 0.0 and total <= 1.0 + 1e-9):
            fail(x, at.BAD_SHARE, code)
        if u < total:
            return row
    return last


@inner(forceinline=True)
def die(m, x, log, cause):
    m[at.DEAD] = 1
    for protocol in range(m[at.N_PROTOCOLS]):
        close(x, log, wide(m, at.PROGRESS, protocol, at.ENCOUNTER_ROW))
        end_waiting(m, x, log, protocol, kinds.DIED)
    for visit in range(m[at.N_VISITS]):
        close(x, log, narrow(m, at.VISITS, visit, at.OUTER_ROW))
    if m[at.RECORDING]:
        write(m, x, log, kinds.DEATH, seconds(x, x[at.NOW]), cause, at.NONE, kinds.NULL, 0.0)


@inner
def enter(m, x, log, axis, state, cause, by_hazard):
    """Move `axis` into `state` (-1: death, of `cause`) now, through any states that are left at once.

    `by_hazard` says that it is an exit with a hazard that fired.
    """
    now = x[at.NOW]
    cell = narrow(m, at.AXES, axis, at.AXIS_CELL)
    came_from = np.int64(x[cell])
    if came_from >= 0:
        leave_state(m, x, came_from)
    previous, left = narrow(m, at.AXES, axis, at.AXIS_PREVIOUS), came_from
    if previous >= 0 and came_from >= 0:
        x[previous] = float(came_from - narrow(m, at.AXES, axis, at.AXIS_FIRST_STATE))
    while True:
        if state < 0:
            write(m, x, log, kinds.STATE, seconds(x, now), at.NONE, came_from, kinds.NULL, float(cause))
            if m[at.LEDGER_YEARS] > 0 and by_hazard == at.NO:
                enter_death(m, x, cause)
            die(m, x, log, cause)
            return
        x[cell] = float(state)
        touch(m, cell)
        instant = wide(m, at.STATES, state, at.STATE_INSTANT) == 1
        if not instant:
            write(m, x, log, kinds.STATE, seconds(x, now), state, came_from, kinds.NULL, -1.0)
        thing = wide(m, at.STATES, state, at.STATE_THING)
        happen(m, x, thing, 0.0)
        if narrow(m, at.THINGS, thing, at.THING_GROUPS) > 0:
            happen_in_groups(m, x, thing, left)
        left = np.int64(state)
        first = wide(m, at.STATES, state, at.STATE_FIRST_ASSIGNMENT)
        assign_all(m, x, log, first, wide(m, at.STATES, state, at.STATE_ASSIGNMENTS))
        if not instant:
            break
        m[at.AT_ONCE] += 1
        if m[at.AT_ONCE] > MOST_AT_ONCE:
            fail(x, at.CASCADE, m[at.SLOT])
            return
        share, by_hazard = share_of(m, x, state), at.NO
        state, cause = (
            narrow(m, at.SHARES, share, at.SHARE_TARGET),
            narrow(m, at.SHARES, share, at.SHARE_CAUSE),
        )
    first = wide(m, at.STATES, state, at.STATE_FIRST_HAZARD)
    for h in range(first, first + wide(m, at.STATES, state, at.STATE_HAZARDS)):
        x[wide_place(m, at.GOING, h, at.STATUS)] = at.FRESH
        mark(m, h)
    first = wide(m, at.STATES, state, at.STATE_FIRST_TIMER)
    for timer in range(first, first + wide(m, at.STATES, state, at.STATE_TIMERS)):
        stay = days(m, x, narrow(m, at.TIMERS, timer, at.TIMER_CODE))
        schedule(m, x, narrow(m, at.TIMERS, timer, at.TIMER_SLOT), max(now, x[at.ENTRY]) + stay)
    first = wide(m, at.STATES, state, at.STATE_FIRST_WATCH)
    for watch in range(first, first + wide(m, at.STATES, state, at.STATE_WATCHES)):
        m[spot(m, at.WATCHED, watch)] = 0
        mark(m, m[at.N_HAZARDS] + watch)


@inner
def end_sojourn(m, x, log, timer):
    """A `lasts`, or an exit at a fixed time, is over."""
    state = narrow(m, at.TIMERS, timer, at.TIMER_STATE)
    target, cause = narrow(m, at.TIMERS, timer, at.TIMER_TARGET), narrow(m, at.TIMERS, timer, at.TIMER_CAUSE)
    if target == at.BY_SHARE:
        share = share_of(m, x, state)
        target, cause = (
            narrow(m, at.SHARES, share, at.SHARE_TARGET),
            narrow(m, at.SHARES, share, at.SHARE_CAUSE),
        )
    enter(m, x, log, wide(m, at.STATES, state, at.STATE_AXIS), target, cause, at.NO)
