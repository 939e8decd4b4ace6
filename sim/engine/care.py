"""Care: protocols that start, wait, call one another and end; visits; what is done in them."""

from __future__ import annotations

import math

import numpy as np

from sim.engine import log as kinds
from sim.engine.evaluate import evaluate
from sim.engine.inner import inner
from sim.engine.life import (
    CODE_AND_AUX,
    ENCOUNTER,
    ROW_WORDS,
    change,
    close,
    days,
    end_waiting,
    happen,
    happen_in_groups,
    mark,
    schedule,
    seconds,
    write,
)
from sim.engine.log import NULL
from sim.engine.memory import fail, item, narrow, place, spot, wide_place
from sim.engine.noise import within_person
from sim.engine.streams import identifier
from sim.program import layout as at

FIRST_MONDAY = 4.0  # 1970-01-05, days since 1970-01-01
WEEK = 7.0
ALMOST = 2.0**-30  # days; durations added up to a date are off by less

# ---- protocols


@inner(forceinline=True)
def is_running(m, x, protocol):
    return x[narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_RUNNING)] == 1.0


@inner(forceinline=True)
def is_valid(m, x, protocol):
    p = place(m, at.PROTOCOLS, protocol, 0)
    birth = x[at.BIRTH]
    return m[p + at.PROTOCOL_FROM] - birth <= x[at.NOW] < m[p + at.PROTOCOL_TO] - birth


@inner(forceinline=True)
def schedule_protocol(m, x, protocol, when):
    schedule(m, x, narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_SLOT), when)


@inner
def start_protocol(m, x, log, protocol):
    """Start a protocol, its first step due now; nothing where it is running already."""
    if begin_protocol(m, x, log, protocol):
        schedule_protocol(m, x, protocol, x[at.NOW])


@inner(forceinline=True)
def begin_protocol(m, x, log, protocol):
    """Put a protocol before its first step; False (and nothing done) where it is running already, or not
    valid now."""
    if is_running(m, x, protocol) or not is_valid(m, x, protocol):
        return False
    change(m, x, narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_RUNNING), 1.0)
    p = wide_place(m, at.PROGRESS, protocol, 0)
    m[p + at.NEXT_STEP] = narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_STEP)
    m[p + at.CALLER], m[p + at.CALLEE] = -1, -1
    m[p + at.RIDING], m[p + at.RIDERS_STARTED] = 0, 0
    m[p + at.VISITING], m[p + at.ENDING] = 0, 0
    m[p + at.ENCOUNTER], m[p + at.ENCOUNTER_ROW], m[p + at.INHERITED] = NULL, -1, NULL
    m[p + at.TIMES_ASKED] = 0
    m[p + at.ACTIVATION] += 1
    write_plan(m, x, log, protocol, x[at.NOW])
    happen(m, x, narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_THING), 0.0)
    watch = narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_UNTIL)
    if watch >= 0:
        m[spot(m, at.WATCHED, watch)] = 0
        mark(m, m[at.N_HAZARDS] + watch)
    return True


@inner
def write_plan(m, x, log, protocol, since):
    """The row of a protocol that is a care plan, once there is a record."""
    plan = narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_PLAN)
    if plan >= 0 and m[at.RECORDING]:
        code, reason = plan // at.PLAN_REASONS, plan % at.PLAN_REASONS - 1
        row = write(m, x, log, kinds.CAREPLAN, seconds(x, since), code, reason, NULL, 0.0)
        m[wide_place(m, at.PROGRESS, protocol, at.PLAN_ROW)] = row


@inner
def start_within(m, x, log, protocol, caller, riding):
    """Start a protocol that `caller` waits for, or that rides on its visit; False where it is running
    already."""
    if not begin_protocol(m, x, log, protocol):
        return False
    p, c = wide_place(m, at.PROGRESS, protocol, 0), wide_place(m, at.PROGRESS, caller, 0)
    m[p + at.CALLER], m[p + at.RIDING] = caller, riding
    m[p + at.ENCOUNTER] = m[p + at.INHERITED] = m[c + at.ENCOUNTER]
    if riding == at.NO:
        m[c + at.CALLEE] = protocol
        schedule_protocol(m, x, caller, math.inf)
    return True


@inner(forceinline=True)
def finish_protocol(m, x, log, protocol):
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
        end_waiting(m, x, log, protocol, kinds.CANCELLED)
        p = wide_place(m, at.PROGRESS, protocol, 0)
        close(x, log, m[p + at.PLAN_ROW])
        m[p + at.PLAN_ROW] = -1
        protocol = m[p + at.CALLEE]
        m[p + at.CALLER], m[p + at.CALLEE] = -1, -1
    return caller


@inner
def end_protocol(m, x, log, protocol):
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
    caller = finish_protocol(m, x, log, protocol)
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


@inner
def ask(m, x, log, protocol, step):
    """Ask for a visit; returns when its turn comes if that is later, else -1."""
    provider, code = narrow(m, at.STEPS, step, 1), narrow(m, at.STEPS, step, 2)
    now, p = x[at.NOW], wide_place(m, at.PROGRESS, protocol, 0)
    x[narrow(m, at.STEPS, step, 3)] += 1.0
    if m[p + at.TIMES_ASKED] == 0:
        x[p + at.ASKED] = now
    m[p + at.TIMES_ASKED] += 1
    if m[at.RECORDING]:
        second = seconds(x, now)
        row = write(m, x, log, kinds.APPOINTMENT, second, provider, kinds.WAITING, kinds.NULL, 0.0)
        m[p + at.APPOINTMENT_ROW] = row
    if code < 0:
        return -1.0
    date = x[at.BIRTH] + now + ALMOST
    week = FIRST_MONDAY + WEEK * math.floor((date - FIRST_MONDAY) / WEEK)
    session = m[at.BREAKS] + narrow(m, at.STEPS, step, 4)
    after = session + 2 * narrow(m, at.STEPS, step, 5)
    first = session
    while session < after and week + x[session] <= date:
        if date < week + x[session + 1]:
            return -1.0
        session += 2
    if session == after:
        session, week = first, week + WEEK
    start, end = week + x[session], week + x[session + 1]
    opens = start + evaluate(m, x, code) * (end - start) - x[at.BIRTH]
    return opens if opens > now else -1.0


@inner
def miss(m, x, log, protocol, step):
    """The patient does not come. Returns when to ask for the visit again, or -1 where it is given up."""
    p, again = wide_place(m, at.PROGRESS, protocol, 0), narrow(m, at.STEPS, step, 1)
    most = narrow(m, at.STEPS, step, 2)
    end_waiting(m, x, log, protocol, kinds.MISSED)
    if again < 0 or 0 <= most < m[p + at.TIMES_ASKED]:
        m[p + at.TIMES_ASKED] = 0
        return -1.0
    m[p + at.NEXT_STEP] = narrow(m, at.STEPS, step, 3)
    return x[at.NOW] + days(m, x, again)


@inner(forceinline=True)
def open_visit(m, x, log, protocol, step):
    provider, reason = narrow(m, at.STEPS, step, 1), narrow(m, at.STEPS, step, 2)
    p, v = wide_place(m, at.PROGRESS, protocol, 0), place(m, at.VISITS, narrow(m, at.STEPS, step, 5), 0)
    m[p + at.VISITING] += 1
    m[v + at.IS_OPEN] = 1
    m[v + at.OUTER_ENCOUNTER], m[v + at.OUTER_ROW] = m[p + at.ENCOUNTER], m[p + at.ENCOUNTER_ROW]
    m[p + at.ENCOUNTER], m[p + at.ENCOUNTER_ROW] = NULL, -1
    asked = x[p + at.ASKED] if m[p + at.TIMES_ASKED] > 0 else x[at.NOW]
    m[p + at.TIMES_ASKED] = 0
    if m[at.RECORDING]:
        key = np.uint64(item(m, at.KEYS, narrow(m, at.STEPS, step, 3)))
        name = identifier(key, np.int64(x[narrow(m, at.STEPS, step, 4)]), np.int64(x[at.PATIENT]))
        start, asked_second = seconds(x, x[at.NOW]), float(seconds(x, asked))
        m[p + at.ENCOUNTER] = name
        row = write(m, x, log, kinds.ENCOUNTER, start, provider, reason, name, asked_second)
        m[p + at.ENCOUNTER_ROW] = row
        appointment = end_waiting(m, x, log, protocol, kinds.ATTENDED)
        if appointment >= 0:
            log[ROW_WORDS * appointment + ENCOUNTER] = name
    happen(m, x, narrow(m, at.PROVIDERS, provider, at.PROVIDER_THING), 0.0)


@inner
def next_rider(m, x, log, protocol, provider):
    """Start the next protocol that rides on this visit; -1 when all have had their turn."""
    p = wide_place(m, at.PROGRESS, protocol, 0)
    while m[p + at.RIDERS_STARTED] < narrow(m, at.PROVIDERS, provider, at.PROVIDER_RIDERS):
        first = narrow(m, at.PROVIDERS, provider, at.PROVIDER_FIRST_RIDER)
        rider = item(m, at.RIDERS, first + m[p + at.RIDERS_STARTED])
        m[p + at.RIDERS_STARTED] += 1
        if start_within(m, x, log, rider, protocol, at.YES):
            return rider
    return np.int64(-1)


@inner(forceinline=True)
def close_visit(m, x, log, protocol, visit, discharge):
    """The visit is over, and so are protocols around it that were to end with it. `discharge` is the code of
    where the patient goes, or -1."""
    p, v = wide_place(m, at.PROGRESS, protocol, 0), place(m, at.VISITS, visit, 0)
    row = m[p + at.ENCOUNTER_ROW]
    if discharge >= 0:
        to = np.int64(evaluate(m, x, discharge))
        if row >= 0:
            log[ROW_WORDS * row + CODE_AND_AUX] += (to + 1) * kinds.DISCHARGES << 32
    close(x, log, row)
    m[v + at.IS_OPEN] = 0
    m[p + at.VISITING] -= 1
    m[p + at.RIDERS_STARTED] = 0
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
        end_protocol(m, x, log, ends)


# ---- verbs: a second diagnosis of a listed problem, a second prescription of a running drug, change no
# record


@inner
def diagnose(m, x, log, condition, code, encounter):
    c = place(m, at.CONDITIONS, condition, 0)
    if x[m[c + at.CODED_CELL]] == 1.0:
        return
    change(m, x, m[c + at.CODED_CELL], 1.0)
    happen(m, x, m[c + at.CODED_THING], 0.0)
    happen_in_groups(m, x, m[c + at.CODED_THING], at.NONE)
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
        happen_in_groups(m, x, m[d + at.CODED_THING], at.NONE)
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
    p = place(m, at.PROCEDURES, procedure, 0)
    happen(m, x, m[p], 0.0)
    happen_in_groups(m, x, m[p], at.NONE)
    if m[at.RECORDING]:
        kind = kinds.IMMUNIZATION if m[p + 1] == 1 else kinds.PROCEDURE
        write(m, x, log, kind, seconds(x, x[at.NOW]), m[p + 2], at.NONE, encounter, 0.0)


@inner(forceinline=True)
def measure(m, x, biomarker, error, recorded):
    """What a test shows: the truth now, within-person noise and measurement error added; clipped, rounded
    half up. Or, where that is not -1, the value of the code `recorded`, as it is."""
    b, r = place(m, at.BIOMARKERS, biomarker, 0), place(m, at.RANGES, biomarker, 0)
    code = recorded if recorded >= 0 else m[b + at.BIOMARKER_CODE]
    value = evaluate(m, x, code)
    if recorded < 0 and m[b + at.BIOMARKER_SITE] >= 0:
        value += evaluate(m, x, m[b + at.BIOMARKER_SD]) * within_person(m, x, biomarker)
    if error >= 0:
        value += evaluate(m, x, error)
    if value < x[r + at.RANGE_LOW]:
        value = x[r + at.RANGE_LOW]
    if value > x[r + at.RANGE_HIGH]:
        value = x[r + at.RANGE_HIGH]
    value = np.floor(value * x[r + at.RANGE_SCALE] + 0.5) / x[r + at.RANGE_SCALE]
    if not abs(value) < math.inf:
        fail(x, at.UNKNOWN_RESULT, code)
    return value


@inner(forceinline=True)
def note_result(m, x, log, biomarker, value, encounter, aux):
    """A result is there; what is no number is none."""
    if x[at.FAULT] != at.FINE:
        return
    b = place(m, at.BIOMARKERS, biomarker, 0)
    change(m, x, m[b + at.BIOMARKER_LAST], value)
    if x[m[b + at.BIOMARKER_FIRST]] != x[m[b + at.BIOMARKER_FIRST]]:
        change(m, x, m[b + at.BIOMARKER_FIRST], value)
    happen(m, x, m[b + at.BIOMARKER_THING], value)
    if m[at.RECORDING]:
        write(m, x, log, kinds.OBSERVATION, seconds(x, x[at.NOW]), biomarker, aux, encounter, value)
