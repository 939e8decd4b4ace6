"""Care: protocols that start, wait, call one another and end; visits; what is done in them."""

from __future__ import annotations

import math

import numpy as np

from sim.engine import log as kinds
from sim.engine.evaluate import evaluate
from sim.engine.inner import inner
from sim.engine.life import change, close, days, happen, mark, schedule, seconds, write
from sim.engine.log import NULL
from sim.engine.memory import fail, item, narrow, place, spot, wide_place
from sim.engine.noise import within_person
from sim.engine.streams import identifier
from sim.program import layout as at

# ---- protocols


@inner(forceinline=True)
def is_running(m, x, protocol):
    return x[narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_RUNNING)] == 1.0


@inner(forceinline=True)
def schedule_protocol(m, x, protocol, when):
    schedule(m, x, narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_SLOT), when)


@inner
def start_protocol(m, x, protocol):
    """Start a protocol, its first step due now; nothing where it is running already."""
    if begin_protocol(m, x, protocol):
        schedule_protocol(m, x, protocol, x[at.NOW])


@inner(forceinline=True)
def begin_protocol(m, x, protocol):
    """Put a protocol before its first step; False (and nothing done) where it is running already."""
    if is_running(m, x, protocol):
        return False
    change(m, x, narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_RUNNING), 1.0)
    p = wide_place(m, at.PROGRESS, protocol, 0)
    m[p + at.NEXT_STEP] = narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_STEP)
    m[p + at.CALLER], m[p + at.CALLEE] = -1, -1
    m[p + at.RIDING], m[p + at.RIDERS_STARTED] = 0, 0
    m[p + at.VISITING], m[p + at.ENDING] = 0, 0
    m[p + at.ENCOUNTER], m[p + at.ENCOUNTER_ROW], m[p + at.INHERITED] = NULL, -1, NULL
    m[p + at.ACTIVATION] += 1
    happen(m, x, narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_THING), 0.0)
    watch = narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_UNTIL)
    if watch >= 0:
        m[spot(m, at.WATCHED, watch)] = 0
        mark(m, m[at.N_HAZARDS] + watch)
    return True


@inner
def start_within(m, x, protocol, caller, riding):
    """Start a protocol that `caller` waits for, or that rides on its visit; False where it is running
    already."""
    if not begin_protocol(m, x, protocol):
        return False
    p, c = wide_place(m, at.PROGRESS, protocol, 0), wide_place(m, at.PROGRESS, caller, 0)
    m[p + at.CALLER], m[p + at.RIDING] = caller, riding
    m[p + at.ENCOUNTER] = m[p + at.INHERITED] = m[c + at.ENCOUNTER]
    if riding == at.NO:
        m[c + at.CALLEE] = protocol
        schedule_protocol(m, x, caller, math.inf)
    return True


@inner(forceinline=True)
def finish_protocol(m, x, protocol):
    """Mark `protocol` and all that it waits for as not running; returns the protocol that waited for it, or
    -1."""
    p = wide_place(m, at.PROGRESS, protocol, 0)
    caller = m[p + at.CALLER]
    if caller >= 0 and m[p + at.RIDING] == 0:
        m[wide_place(m, at.PROGRESS, caller, at.CALLEE)] = -1
    while protocol >= 0:
        change(m, x, narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_RUNNING), 0.0)
        schedule_protocol(m, x, protocol, math.inf)
        watch = narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_UNTIL)
        if watch >= 0:
            schedule(m, x, narrow(m, at.WATCHES, watch, at.WATCH_SLOT), math.inf)
        p = wide_place(m, at.PROGRESS, protocol, 0)
        protocol = m[p + at.CALLEE]
        m[p + at.CALLER], m[p + at.CALLEE] = -1, -1
    return caller


@inner
def end_protocol(m, x, protocol):
    """End a running protocol from outside: now, or when the visit under way is over."""
    if not is_running(m, x, protocol):
        return
    innermost = protocol
    while innermost >= 0:
        p = wide_place(m, at.PROGRESS, innermost, 0)
        if m[p + at.VISITING] > 0:
            m[wide_place(m, at.PROGRESS, protocol, at.ENDING)] = 1
            return
        innermost = m[p + at.CALLEE]
    caller = finish_protocol(m, x, protocol)
    if caller >= 0:
        schedule_protocol(m, x, caller, x[at.NOW])


@inner
def outermost(m, protocol):
    """The protocol at the head of those that wait for `protocol`, not going past one that only rides on a
    visit."""
    while True:
        p = wide_place(m, at.PROGRESS, protocol, 0)
        if m[p + at.CALLER] < 0 or m[p + at.RIDING] == 1:
            return protocol
        protocol = m[p + at.CALLER]


@inner
def let_go(m, rider):
    """A rider that waits is on its own from here: the visit goes on without it. Returns the visitor, or
    -1."""
    p = wide_place(m, at.PROGRESS, rider, 0)
    visitor = m[p + at.CALLER]
    m[p + at.CALLER], m[p + at.RIDING] = -1, 0
    while visitor >= 0 and rider >= 0:
        p = wide_place(m, at.PROGRESS, rider, 0)
        m[p + at.INHERITED] = NULL
        rider = m[p + at.CALLEE]
        if m[p + at.VISITING] == 0:
            m[p + at.ENCOUNTER] = NULL
        else:
            rider = np.int64(-1)  # what is done in a visit of its own stays in it
    return visitor


# ---- visits


@inner(forceinline=True)
def open_visit(m, x, log, protocol, step):
    provider, reason = narrow(m, at.STEPS, step, 1), narrow(m, at.STEPS, step, 2)
    p, v = wide_place(m, at.PROGRESS, protocol, 0), place(m, at.VISITS, narrow(m, at.STEPS, step, 5), 0)
    m[p + at.VISITING] += 1
    m[v + at.OUTER_ENCOUNTER], m[v + at.OUTER_ROW] = m[p + at.ENCOUNTER], m[p + at.ENCOUNTER_ROW]
    m[p + at.ENCOUNTER], m[p + at.ENCOUNTER_ROW] = NULL, -1
    if m[at.RECORDING]:
        key = np.uint64(item(m, at.KEYS, narrow(m, at.STEPS, step, 3)))
        name = identifier(key, np.int64(x[narrow(m, at.STEPS, step, 4)]), np.int64(x[at.PATIENT]))
        start = seconds(x, x[at.NOW])
        m[p + at.ENCOUNTER] = name
        m[p + at.ENCOUNTER_ROW] = write(
            m, x, log, kinds.ENCOUNTER, start, provider, reason, name, float(start)
        )
    happen(m, x, narrow(m, at.PROVIDERS, provider, at.PROVIDER_THING), 0.0)


@inner
def next_rider(m, x, protocol, provider):
    """Start the next protocol that rides on this visit; -1 when all have had their turn."""
    p = wide_place(m, at.PROGRESS, protocol, 0)
    while m[p + at.RIDERS_STARTED] < narrow(m, at.PROVIDERS, provider, at.PROVIDER_RIDERS):
        first = narrow(m, at.PROVIDERS, provider, at.PROVIDER_FIRST_RIDER)
        rider = item(m, at.RIDERS, first + m[p + at.RIDERS_STARTED])
        m[p + at.RIDERS_STARTED] += 1
        if start_within(m, x, rider, protocol, at.YES):
            return rider
    m[p + at.RIDERS_STARTED] = 0
    return np.int64(-1)


@inner(forceinline=True)
def close_visit(m, x, log, protocol, visit):
    """The visit is over, and so are protocols around it that were to end with it."""
    p, v = wide_place(m, at.PROGRESS, protocol, 0), place(m, at.VISITS, visit, 0)
    close(x, log, m[p + at.ENCOUNTER_ROW])
    m[p + at.VISITING] -= 1
    m[p + at.ENCOUNTER], m[p + at.ENCOUNTER_ROW] = m[v + at.OUTER_ENCOUNTER], m[v + at.OUTER_ROW]
    m[v + at.OUTER_ROW] = -1
    if m[p + at.VISITING] == 0:
        m[p + at.ENCOUNTER] = m[p + at.INHERITED]
    around, ends = protocol, np.int64(-1)
    while around >= 0:
        p = wide_place(m, at.PROGRESS, around, 0)
        if m[p + at.ENDING] == 1:
            ends = around
        around = np.int64(-1) if m[p + at.RIDING] == 1 else m[p + at.CALLER]
    if ends >= 0:
        end_protocol(m, x, ends)


# ---- verbs: a second diagnosis of a listed problem, a second prescription of a running drug, change no
# record


@inner
def diagnose(m, x, log, condition, code, encounter):
    c = place(m, at.CONDITIONS, condition, 0)
    if x[m[c + at.CODED_CELL]] == 1.0:
        return
    change(m, x, m[c + at.CODED_CELL], 1.0)
    happen(m, x, m[c + at.CODED_THING], 0.0)
    if m[at.RECORDING]:
        row = write(m, x, log, kinds.CONDITION, seconds(x, x[at.NOW]), condition, at.NONE, encounter, 0.0)
        m[spot(m, at.CONDITION_ROWS, condition)] = row
    if code >= 0:
        schedule(m, x, m[c + at.CODED_SLOT], x[at.NOW] + days(m, x, code))


@inner
def resolve(m, x, log, condition):
    c, row = place(m, at.CONDITIONS, condition, 0), spot(m, at.CONDITION_ROWS, condition)
    schedule(m, x, m[c + at.CODED_SLOT], math.inf)
    change(m, x, m[c + at.CODED_CELL], 0.0)
    close(x, log, m[row])
    m[row] = -1


@inner
def prescribe(m, x, log, drug, code, dose, encounter):
    """Start a drug, or renew it: its supply lasts from now on."""
    until = math.inf if code < 0 else x[at.NOW] + days(m, x, code)
    d = place(m, at.DRUGS, drug, 0)
    schedule(m, x, m[d + at.CODED_SLOT], until)
    new = x[m[d + at.CODED_CELL]] != 1.0
    if new:
        change(m, x, m[d + at.CODED_CELL], 1.0)
        happen(m, x, m[d + at.CODED_THING], 0.0)
    if new or (dose >= 0 and dose != dose_of(m, x, d)):
        give(m, x, log, drug, max(dose, 0), encounter)


@inner
def change_dose(m, x, log, drug, by, encounter):
    """Go one dose up or down, where the drug is prescribed and has one."""
    d = place(m, at.DRUGS, drug, 0)
    dose = dose_of(m, x, d)
    if dose >= 0 and 0 <= dose + by < m[d + at.DRUG_DOSES]:
        give(m, x, log, drug, dose + by, encounter)


@inner
def dose_of(m, x, d):
    """The number of the dose that is prescribed; -1 where none is, or the drug has none."""
    taking = m[d + at.DRUG_TAKING]
    if taking < 0 or x[taking] == 0.0:
        return np.int64(-1)
    dose = np.int64(0)
    while x[share_of(m, d, dose)] != x[taking]:
        dose += 1
    return dose


@inner
def give(m, x, log, drug, dose, encounter):
    """A drug that is prescribed is taken in a dose from now on: a row of its own in the record."""
    d = place(m, at.DRUGS, drug, 0)
    taking, listed = m[d + at.DRUG_TAKING], np.int64(-1)
    if taking >= 0:
        change(m, x, taking, x[share_of(m, d, dose)])
        x[taking + 1] = x[at.NOW]
        listed = m[d + at.DRUG_FIRST_DOSE] + dose
    row = spot(m, at.DRUG_ROWS, drug)
    close(x, log, m[row])
    if m[at.RECORDING]:
        m[row] = write(m, x, log, kinds.MEDICATION, seconds(x, x[at.NOW]), drug, listed, encounter, 0.0)


@inner(forceinline=True)
def share_of(m, d, dose):
    """Where the share is that a dose of a drug has of its top dose."""
    return spot(m, at.VALUES, m[d + at.DRUG_SHARES] + dose)


@inner
def stop_drug(m, x, log, drug):
    d, row = place(m, at.DRUGS, drug, 0), spot(m, at.DRUG_ROWS, drug)
    schedule(m, x, m[d + at.CODED_SLOT], math.inf)
    change(m, x, m[d + at.CODED_CELL], 0.0)
    if m[d + at.DRUG_TAKING] >= 0:
        change(m, x, m[d + at.DRUG_TAKING], 0.0)
    close(x, log, m[row])
    m[row] = -1


@inner
def perform(m, x, log, procedure, encounter):
    happen(m, x, narrow(m, at.PROCEDURES, procedure, 0), 0.0)
    if m[at.RECORDING]:
        write(m, x, log, kinds.PROCEDURE, seconds(x, x[at.NOW]), procedure, at.NONE, encounter, 0.0)


@inner
def take_test(m, x, log, biomarker, error, encounter):
    """Measure: the truth now, within-person noise and measurement error added; clipped, rounded half up."""
    b, r = place(m, at.BIOMARKERS, biomarker, 0), place(m, at.RANGES, biomarker, 0)
    value = evaluate(m, x, m[b + at.BIOMARKER_CODE])
    if m[b + at.BIOMARKER_SITE] >= 0:
        value += evaluate(m, x, m[b + at.BIOMARKER_SD]) * within_person(m, x, biomarker)
    if error >= 0:
        value += evaluate(m, x, error)
    if value < x[r + at.RANGE_LOW]:
        value = x[r + at.RANGE_LOW]
    if value > x[r + at.RANGE_HIGH]:
        value = x[r + at.RANGE_HIGH]
    value = np.floor(value * x[r + at.RANGE_SCALE] + 0.5) / x[r + at.RANGE_SCALE]
    if not abs(value) < math.inf:
        fail(x, at.UNKNOWN_RESULT, m[b + at.BIOMARKER_CODE])
        return
    change(m, x, m[b + at.BIOMARKER_LAST], value)
    if x[m[b + at.BIOMARKER_FIRST]] != x[m[b + at.BIOMARKER_FIRST]]:
        change(m, x, m[b + at.BIOMARKER_FIRST], value)
    happen(m, x, m[b + at.BIOMARKER_THING], value)
    if m[at.RECORDING]:
        write(m, x, log, kinds.OBSERVATION, seconds(x, x[at.NOW]), biomarker, at.NONE, encounter, value)
