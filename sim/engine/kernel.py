"""The compiled runtime: one life after another, from one event to the next.

`live` is one life and `advance` its step, so that a clock shared by many patients can drive many lives, each
in a memory of its own. `m` and `x` are that memory (see `memory`); what stands where is named in
`sim.program.layout`.
"""

from __future__ import annotations

import math

import numpy as np

from sim.engine import care, disease
from sim.engine import log as kinds
from sim.engine.compilation import jit
from sim.engine.evaluate import DAYS_PER_YEAR, evaluate
from sim.engine.hazards import (
    begin,
    enter_hazard,
    enter_time,
    ledger_start,
    look_again,
    refresh,
    tabulate,
    walk,
)
from sim.engine.inner import inner
from sim.engine.life import (
    MOST_AT_ONCE,
    MOST_WAITING,
    clear_calendar,
    days,
    mark,
    schedule,
    seconds,
    write,
)
from sim.engine.memory import fail, item, narrow, place, spot, wide, wide_place
from sim.engine.pointer import pointer
from sim.engine.streams import uniform
from sim.program import layout as at

PERSON = np.dtype(
    [
        ("patient", np.int64),
        ("birth", np.float64),
        ("entered", np.int64),
        ("left", np.int64),
        ("weight", np.float64),
        ("attempts", np.int32),
        ("sex", np.int8),
        ("died", np.bool_),
    ],
    align=True,
)
BIRTH_GRID = 2.0**20  # steps a day
LIVED, REDRAW, UNSEEN, FAILED = range(4)  # how a life went: REDRAW ended before the date to be alive on


# ---- what follows from an event


@inner(forceinline=True)
def settle(m, x, log):
    """Carry out what follows from an event: first in, first out; then look again at rates and watches."""
    while x[at.FAULT] == at.FINE and m[at.DEAD] == 0:
        if m[at.FIRST_WAITING] < m[at.N_WAITING]:
            thing = m[spot(m, at.WAITING, m[at.FIRST_WAITING] % MOST_WAITING)]
            m[at.FIRST_WAITING] += 1
            consequences(m, x, log, thing)
        elif m[at.N_DIRTY] > 0:
            dependent = first_dirty(m)
            if dependent < m[at.N_HAZARDS]:
                look_at_hazard(m, x, dependent)
            else:
                look_at_watch(m, x, log, dependent - m[at.N_HAZARDS])
        else:
            return
        m[at.AT_ONCE] += 1
        if m[at.AT_ONCE] > MOST_AT_ONCE:
            fail(x, at.CASCADE, m[at.SLOT])


@inner(forceinline=True)
def first_dirty(m):
    """Take the first hazard or watch, in their order, off the list of those to look at again."""
    dirty, lowest = m[at.DIRTY], 0
    for i in range(1, m[at.N_DIRTY]):
        if m[dirty + i] < m[dirty + lowest]:
            lowest = i
    dependent = m[dirty + lowest]
    m[at.N_DIRTY] -= 1
    m[dirty + lowest] = m[dirty + m[at.N_DIRTY]]
    m[spot(m, at.IS_DIRTY, dependent)] = 0
    return dependent


@inner(forceinline=True)
def look_at_hazard(m, x, h):
    status = x[wide_place(m, at.GOING, h, at.STATUS)]
    if status == at.IDLE:
        return
    if status == at.FRESH:
        begin(m, x, h, x[at.NOW])
    else:
        look_again(m, x, h, x[at.NOW])
    seek(m, x, h)


@inner(forceinline=True)
def seek(m, x, h):
    """Put the time at which hazard `h` fires into the calendar."""
    if x[at.FAULT] != at.FINE:
        return
    due = walk(m, x, h, x[at.WINDOW_TO] - x[at.BIRTH], at.YES)
    schedule(m, x, wide(m, at.HAZARDS, h, at.HAZARD_SLOT), due)


@inner
def look_at_watch(m, x, log, watch):
    """Evaluate a watch; act on its turning true (or false, for a protocol's `while`)."""
    w = place(m, at.WATCHES, watch, 0)
    action, protocol = m[w + at.WATCH_ACTION], m[w + at.WATCH_PROTOCOL]
    if action >= at.UNTIL and not care.is_running(m, x, protocol):
        return
    if action == at.GO_ON and m[wide_place(m, at.PROGRESS, protocol, at.NEXT_STEP)] != m[w + at.WATCH_STEP]:
        return
    n = place(m, at.LISTENERS, m[w + at.WATCH_EXIT], 0)
    if action == at.LEAVE and not is_in_state(m, x, n):
        return
    x[at.NEXT] = math.inf
    true = 1 if evaluate(m, x, m[w + at.WATCH_CODE]) == 1.0 else 0
    schedule(m, x, m[w + at.WATCH_SLOT], x[at.NEXT])
    if action == at.GO_ON:
        if true == 1:
            care.schedule_protocol(m, x, protocol, x[at.NOW])
        return
    if true == item(m, at.WATCHED, watch):
        return
    m[spot(m, at.WATCHED, watch)] = true
    if action == at.LEAVE:
        x[m[w + at.WATCH_COUNT]] += true
        if true == 1 and takes_exit(m, x, n):
            take_exit(m, x, log, n)
    elif true == 1 and action != at.UNTIL:
        if action == at.WHILE:
            m[wide_place(m, at.PROGRESS, protocol, at.ENDING)] = 0
        care.start_protocol(m, x, log, protocol)
    elif action != at.WHEN:
        care.end_protocol(m, x, log, protocol)


@inner(forceinline=True)
def is_in_state(m, x, n):
    """Whether the life is in the state of the exit that the listener at `n` says."""
    return x[narrow(m, at.AXES, m[n + at.LISTENER_AXIS], at.AXIS_CELL)] == m[n + at.LISTENER_STATE]


@inner(forceinline=True)
def takes_exit(m, x, n):
    code = m[n + at.LISTENER_CODE]
    return code < 0 or evaluate(m, x, code) == 1.0


@inner(forceinline=True)
def take_exit(m, x, log, n):
    axis, target, cause = m[n + at.LISTENER_AXIS], m[n + at.LISTENER_TARGET], m[n + at.LISTENER_CAUSE]
    disease.enter(m, x, log, axis, target, cause, at.NO)


@inner
def consequences(m, x, log, thing):
    """Exits and protocols that wait for `thing`, in their order; it moves an axis once at most."""
    first = narrow(m, at.THINGS, thing, at.THING_FIRST_LISTENER)
    for row in range(first, first + narrow(m, at.THINGS, thing, at.THING_LISTENERS)):
        n = place(m, at.LISTENERS, row, 0)
        if m[n + at.LISTENER_PROTOCOL] >= 0:
            care.start_protocol(m, x, log, m[n + at.LISTENER_PROTOCOL])
            continue
        moved = spot(m, at.MOVED, m[n + at.LISTENER_AXIS])
        if m[moved] == m[at.FIRST_WAITING] or not is_in_state(m, x, n):
            continue
        if takes_exit(m, x, n):
            m[moved] = m[at.FIRST_WAITING]
            take_exit(m, x, log, n)
            if m[at.DEAD]:
                return


# ---- one step


@inner
def proceed(m, x, log, protocol):
    """Carry out steps of a protocol until it waits or ends, and those of protocols it waits for or that ride
    along."""
    now = x[at.NOW]
    current = protocol
    while True:
        progress = wide_place(m, at.PROGRESS, current, 0)
        step = m[progress + at.NEXT_STEP]
        m[progress + at.NEXT_STEP] = step + 1
        s = place(m, at.STEPS, step, 0)
        op, a, b = m[s], m[s + 1], m[s + 2]
        encounter = m[progress + at.ENCOUNTER]
        waits_until = -1.0
        if op == at.UNLESS:
            if evaluate(m, x, a) != 1.0:
                m[progress + at.NEXT_STEP] = b
            if x[at.FAULT] != at.FINE:
                return
            continue
        elif op == at.GO_TO:
            m[progress + at.NEXT_STEP] = a
            continue
        elif op == at.TEST:
            value = care.measure(m, x, a, b, m[s + 4] - 1)
            care.note_result(m, x, log, a, value, encounter, kinds.PANELS * m[s + 3] - 1)
        elif op == at.OPEN_VISIT:
            care.open_visit(m, x, log, current, step)
        elif op == at.CLOSE_VISIT and m[place(m, at.VISITS, b, at.IS_OPEN)] == 0:
            continue
        elif op == at.CLOSE_VISIT:
            rider = care.next_rider(m, x, log, current, a)
            if rider >= 0:
                m[progress + at.NEXT_STEP] = step
                current = rider
            elif x[place(m, at.VISITS, b, at.UNTIL_THEN)] > now:
                waits_until = x[place(m, at.VISITS, b, at.UNTIL_THEN)]
                m[progress + at.NEXT_STEP] = step
            else:
                care.close_visit(m, x, log, current, b, m[s + 3] - 1)
        elif op == at.NEXT_ROUND or op == at.START_ROUND:
            waits_until = next_round(m, x, progress, s, op == at.START_ROUND)
        elif op == at.END_ROUND:
            interval = days(m, x, b)
            if interval == 0.0:
                fail(x, at.BAD_TIME, b)
            x[a + at.ROUND_DUE] = max(now, x[a + at.ROUND_DUE] + interval)
            m[progress + at.NEXT_STEP] = m[s + 3]
        elif op == at.BEGIN_ROUNDS:
            x[a + at.ROUND_DUE] = now if b < 0 else now + days(m, x, b)
            x[a + at.ROUNDS] = 0.0
        elif op == at.WAIT:
            waits_until = now + days(m, x, a)
        elif op == at.END:
            current = care.finish_protocol(m, x, log, current)
        elif op == at.DO:
            if care.start_within(m, x, log, a, current, at.NO):
                current = a
        elif op == at.ASSIGN:
            disease.assign(m, x, log, narrow(m, at.VARIABLES, a, at.VARIABLE_CELL), b, a)
        elif op == at.ASK:
            waits_until = care.ask(m, x, log, current, step)
        elif op == at.MISS:
            waits_until = care.miss(m, x, log, current, step)
        elif op == at.WAIT_UNTIL:
            waits_until = wait_until(m, x, a, b)
        elif op == at.BEGIN_TIMES:
            x[a + at.ROUND_DUE], x[a + at.ROUNDS] = x[b], 0.0
        elif op == at.NEXT_TIME:
            waits_until = next_time(m, x, progress, s)
        elif op == at.LASTS:
            x[place(m, at.VISITS, a, at.UNTIL_THEN)] = now + days(m, x, b)
        elif op == at.SAMPLE:
            sample = m[s + 4]
            x[sample + at.SHOWN] = care.measure(m, x, a, b, -1)
            x[sample + at.KNOWN_AT] = now + days(m, x, m[s + 3])
            m[sample + at.TAKEN_IN] = encounter
        elif op == at.RESULT:
            if x[b + at.KNOWN_AT] > now:
                waits_until = x[b + at.KNOWN_AT]
                m[progress + at.NEXT_STEP] = step
            else:
                care.note_result(m, x, log, a, x[b + at.SHOWN], m[b + at.TAKEN_IN], at.NONE)
        else:
            act(m, x, log, op, a, b, m[s + 3], encounter)
        if current < 0:
            return
        if waits_until >= 0.0:
            care.schedule_protocol(m, x, current, waits_until)
        activation = m[wide_place(m, at.PROGRESS, current, at.ACTIVATION)]
        if m[at.N_WAITING] > m[at.FIRST_WAITING] or m[at.N_DIRTY] > 0:
            settle(m, x, log)
        if m[at.DEAD] or x[at.FAULT] != at.FINE:
            return
        if m[wide_place(m, at.PROGRESS, current, at.ACTIVATION)] != activation:
            return  # ended, and started again, by what followed
        if waits_until >= 0.0:
            current = care.let_go(m, care.outermost(m, current))
        if current < 0 or not care.is_running(m, x, current):
            return


@inner
def act(m, x, log, op, a, b, c, encounter):
    """A verb that needs nothing of its protocol but the encounter."""
    if op == at.DIAGNOSE:
        care.diagnose(m, x, log, a, b, encounter)
    elif op == at.RESOLVE:
        care.resolve(m, x, log, a)
    elif op == at.PRESCRIBE:
        care.prescribe(m, x, log, a, b, c, encounter)
    elif op == at.CHANGE_DOSE:
        care.change_dose(m, x, log, a, b, encounter)
    elif op == at.STOP_DRUG:
        care.stop_drug(m, x, log, a)
    elif op == at.PERFORM:
        care.perform(m, x, log, a, encounter)
    elif op == at.START:
        care.start_protocol(m, x, log, a)
    else:
        care.end_protocol(m, x, log, a)


@inner(forceinline=True)
def next_round(m, x, progress, s, its_time):
    """Between rounds: leave the loop, or begin a round, or return until when to wait for it (else -1)."""
    loop, until, most = m[s + 1], m[s + 2], m[s + 3]
    if (most >= 0 and x[loop + at.ROUNDS] >= most) or (until >= 0 and evaluate(m, x, until) == 1.0):
        m[progress + at.NEXT_STEP] = m[s + 4]
    elif its_time:
        x[loop + at.ROUNDS] += 1.0
        x[loop + at.ROUNDS_IN_LIFE] += 1.0
    elif x[loop + at.ROUND_DUE] > x[at.NOW]:
        return x[loop + at.ROUND_DUE]
    return -1.0


@inner
def wait_until(m, x, watch, most):
    """Until when a protocol waits at most for a watch to turn true, or -1 where it is true already."""
    w = place(m, at.WATCHES, watch, 0)
    x[at.NEXT] = math.inf
    if evaluate(m, x, m[w + at.WATCH_CODE]) == 1.0:
        return -1.0
    schedule(m, x, m[w + at.WATCH_SLOT], x[at.NEXT])
    return math.inf if most < 0 else x[at.NOW] + days(m, x, most)


@inner
def next_time(m, x, progress, s):
    """Go on to the next time that has not gone by, and return it where it is still to come (else -1); leave
    the loop where there is none."""
    loop, now = m[s + 1], x[at.NOW]
    while x[loop + at.ROUNDS] < m[s + 3]:
        x[loop + at.ROUNDS] += 1.0
        due = x[loop + at.ROUND_DUE] + evaluate(m, x, m[s + 2])
        if not abs(due) < math.inf:
            fail(x, at.BAD_TIME, m[s + 2])
            return -1.0
        if due >= now:
            x[loop + at.ROUNDS_IN_LIFE] += 1.0
            return due if due > now else -1.0
    m[progress + at.NEXT_STEP] = m[s + 4]
    return -1.0


@inner(forceinline=True)
def advance(m, x, log, slot):
    """Carry out what is due at `slot`, now, and all that follows from it at this instant."""
    kind, argument = narrow(m, at.SLOTS, slot, 0), narrow(m, at.SLOTS, slot, 1)
    if kind == at.PROTOCOL:
        proceed(m, x, log, argument)
        settle(m, x, log)
        return
    hazard = kind == at.EXIT or kind == at.TRIGGER or kind == at.BACKGROUND or kind == at.EVENT
    if hazard and x[wide_place(m, at.GOING, argument, at.REFRESHES)] == 1.0:
        refresh(m, x, argument, x[at.NOW])
        seek(m, x, argument)
        return
    schedule(m, x, slot, math.inf)
    if kind == at.EXIT:
        h = wide_place(m, at.HAZARDS, argument, 0)
        target, cause = m[h + at.HAZARD_TARGET], m[h + at.HAZARD_CAUSE]
        disease.enter(m, x, log, m[h + at.HAZARD_AXIS], target, cause, at.YES)
    elif kind == at.TRIGGER:
        x[wide(m, at.HAZARDS, argument, at.HAZARD_COUNT)] += 1.0
        x[wide_place(m, at.GOING, argument, at.STATUS)] = at.FRESH
        mark(m, argument)
        care.start_protocol(m, x, log, wide(m, at.HAZARDS, argument, at.HAZARD_TARGET))
    elif kind == at.EVENT:
        x[wide_place(m, at.GOING, argument, at.STATUS)] = at.FRESH
        mark(m, argument)
        disease.occur(m, x, log, wide(m, at.HAZARDS, argument, at.HAZARD_TARGET))
    elif kind == at.BACKGROUND:
        disease.die(m, x, log, at.NONE)
    elif kind == at.SOJOURN:
        disease.end_sojourn(m, x, log, argument)
    elif kind == at.SUPPLY:
        care.stop_drug(m, x, log, argument)
    elif kind == at.RESOLUTION:
        care.resolve(m, x, log, argument)
    elif kind == at.WATCH:
        look_at_watch(m, x, log, argument)
    else:
        open_window(m, x, log)
    settle(m, x, log)


@inner
def open_window(m, x, log):
    """The record begins, with the conditions listed, the prescriptions running, and care plans."""
    m[at.RECORDING] = 1
    for condition in range(m[at.N_CONDITIONS]):
        since = running_since(m, x, at.CONDITIONS, condition)
        if since == since:
            row = write(m, x, log, kinds.CONDITION, seconds(x, since), condition, at.NONE, kinds.NULL, 0.0)
            m[spot(m, at.CONDITION_ROWS, condition)] = row
    for drug in range(m[at.N_DRUGS]):
        since = running_since(m, x, at.DRUGS, drug)
        if since == since:
            d = place(m, at.DRUGS, drug, 0)
            dose = care.dose_of(m, x, d)
            if dose >= 0:
                since = x[m[d + at.DRUG_TAKING] + 1]
                dose += m[d + at.DRUG_FIRST_DOSE]
            row = write(m, x, log, kinds.MEDICATION, seconds(x, since), drug, dose, kinds.NULL, 0.0)
            m[spot(m, at.DRUG_ROWS, drug)] = row
    for protocol in range(m[at.N_PROTOCOLS]):
        if care.is_running(m, x, protocol):
            thing = narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_THING)
            if narrow(m, at.PROTOCOLS, protocol, at.PROTOCOL_PLAN) >= 0:
                care.write_plan(m, x, log, protocol, x[narrow(m, at.THINGS, thing, at.THING_SINCE)])


@inner
def running_since(m, x, table, index):
    """When a condition was diagnosed or a drug prescribed; NaN where it is not now."""
    c = place(m, table, index, 0)
    if x[m[c + at.CODED_CELL]] != 1.0:
        return math.nan
    return x[narrow(m, at.THINGS, m[c + at.CODED_THING], at.THING_SINCE)]


# ---- a whole life


@inner(forceinline=True)
def reset(m, x):
    template = m[at.TEMPLATE]
    for cell in range(at.FIRST_CELL, m[at.FIXED]):
        x[cell] = x[template + cell]
    clear_calendar(m, x)
    for h in range(m[at.N_HAZARDS]):
        x[wide_place(m, at.GOING, h, at.STATUS)] = at.IDLE
    for dependent in range(m[at.N_HAZARDS] + m[at.N_WATCHES]):
        m[spot(m, at.IS_DIRTY, dependent)] = 0
    for watch in range(m[at.N_WATCHES]):
        m[spot(m, at.WATCHED, watch)] = 0
    for protocol in range(m[at.N_PROTOCOLS]):
        m[wide_place(m, at.PROGRESS, protocol, at.ENCOUNTER_ROW)] = -1
        m[wide_place(m, at.PROGRESS, protocol, at.APPOINTMENT_ROW)] = -1
        m[wide_place(m, at.PROGRESS, protocol, at.PLAN_ROW)] = -1
    for visit in range(m[at.N_VISITS]):
        m[place(m, at.VISITS, visit, at.OUTER_ROW)] = -1
    for axis in range(m[at.N_AXES]):
        m[spot(m, at.MOVED, axis)] = 0
    for condition in range(m[at.N_CONDITIONS]):
        m[spot(m, at.CONDITION_ROWS, condition)] = -1
    for drug in range(m[at.N_DRUGS]):
        m[spot(m, at.DRUG_ROWS, drug)] = -1
    m[at.SEQ], m[at.RECORDING], m[at.DEAD], m[at.AT_ONCE], m[at.SLOT] = 0, 0, 0, 0, -1
    m[at.FIRST_WAITING], m[at.N_WAITING], m[at.N_DIRTY] = 0, 0, 0


@inner(forceinline=True)
def draw_birth(m, x, patient, attempt):
    """Sex and birth.

    A birth is a whole number of 2**-20 days, so that the time from birth to a date, and back, is exact.
    """
    sex = 0 if uniform(np.uint64(m[at.KEY_OF_SEX]), at.ONCE, attempt, patient) < x[at.FEMALE] else 1
    u = uniform(np.uint64(m[at.KEY_OF_BIRTH]), at.ONCE, attempt, patient)
    x[at.SEX] = float(sex)
    if x[at.ALIVE_ON] != x[at.ALIVE_ON]:
        born = x[at.BORN_FROM] + u * (x[at.BORN_TO] - x[at.BORN_FROM])
        x[at.BIRTH] = np.floor(born * BIRTH_GRID) / BIRTH_GRID
        return
    edges, below = m[at.EDGES], m[at.BELOW] + sex * m[at.N_EDGES]
    low, high = np.int64(0), m[at.N_EDGES] - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if x[below + middle] <= u:
            low = middle
        else:
            high = middle
    part = (u - x[below + low]) / (x[below + high] - x[below + low])
    age = x[edges + low] + part * (x[edges + high] - x[edges + low])
    x[at.BIRTH] = x[at.ALIVE_ON] - np.floor(age * DAYS_PER_YEAR * BIRTH_GRID) / BIRTH_GRID


@inner
def start_life(m, x, log):
    """Variables and first states at birth; hazards, watches and the window from entry on. Returns the time of
    entry."""
    birth = seconds(x, 0.0)
    for v in range(m[at.N_VARIABLES]):
        code = narrow(m, at.VARIABLES, v, at.VARIABLE_CODE)
        if code >= 0:
            value = evaluate(m, x, code)
            x[narrow(m, at.VARIABLES, v, at.VARIABLE_CELL)] = value
            write(m, x, log, kinds.VARIABLE, birth, v, at.NONE, kinds.NULL, value)
    entry = 0.0
    if m[at.ENTRY_CODE] >= 0:
        entry = days(m, x, m[at.ENTRY_CODE])
    elif x[at.ENTRY_DATE] == x[at.ENTRY_DATE]:
        entry = max(0.0, x[at.ENTRY_DATE] - x[at.BIRTH])
    x[at.ENTRY] = entry
    opens = x[at.WINDOW_FROM] - x[at.BIRTH]
    if opens <= entry:
        m[at.RECORDING] = 1
    else:
        schedule(m, x, at.WINDOW_SLOT, opens)
    for axis in range(m[at.N_AXES]):
        if m[at.DEAD]:
            break
        disease.enter(m, x, log, axis, narrow(m, at.AXES, axis, at.AXIS_FIRST_STATE), at.NONE, at.NO)
    m[at.N_WAITING] = 0  # being born into a state is not an event that anything waits for
    x[at.NOW] = entry
    for h in range(m[at.N_HAZARDS]):
        if narrow(m, at.SLOTS, wide(m, at.HAZARDS, h, at.HAZARD_SLOT), 0) == at.BACKGROUND:
            reached = x[at.ALIVE_ON] - x[at.BIRTH]
            begin(m, x, h, reached if reached > entry else entry)
            seek(m, x, h)
        elif wide(m, at.HAZARDS, h, at.HAZARD_AXIS) < 0:
            x[wide_place(m, at.GOING, h, at.STATUS)] = at.FRESH
            mark(m, h)
    for watch in range(m[at.N_WATCHES]):
        mark(m, m[at.N_HAZARDS] + watch)
    return entry


@inner
def holds(m, x, code):
    """Whether a condition on the cohort is true now; 1 where there is none (`code` -1)."""
    return code < 0 or evaluate(m, x, code) == 1.0


@inner
def live(m, x, log, patient, attempt, born):
    """Live one life, writing its rows to `log`. Returns (how it went, entry, end), times in days since birth.

    Its sex and birth are those of the attempt `born`.
    """
    reset(m, x)
    draw_birth(m, x, patient, born)
    x[at.PATIENT], x[at.ATTEMPT] = float(patient), float(attempt)
    entry = start_life(m, x, log)
    stop = x[at.WINDOW_TO] - x[at.BIRTH]
    if entry >= stop or (m[at.DEAD] and entry > 0.0):
        return UNSEEN, entry, stop
    if m[at.RECORDING] and m[at.DEAD] == 0 and not holds(m, x, m[at.INCLUDE_AT_START]):
        return UNSEEN, entry, stop
    settle(m, x, log)
    now, due = entry, m[at.DUE]
    while x[at.FAULT] == at.FINE and m[at.DEAD] == 0:
        slot = m[m[at.WINNERS] + 1]
        if not x[due + slot] < stop:
            return LIVED, entry, stop
        m[at.AT_ONCE] += 1
        if x[due + slot] > now:
            m[at.AT_ONCE] = 0
        now = x[due + slot]
        x[at.NOW], m[at.SLOT] = now, slot
        if m[at.AT_ONCE] > MOST_AT_ONCE:
            fail(x, at.CASCADE, slot)
        if slot == at.WINDOW_SLOT and not holds(m, x, m[at.INCLUDE_AT_START]):
            return UNSEEN, entry, stop
        advance(m, x, log, slot)
    if now < x[at.ALIVE_ON] - x[at.BIRTH]:
        return REDRAW, entry, now
    return (LIVED if m[at.RECORDING] else UNSEEN), entry, now


@inner
def close_ledger(m, x, entry, end):
    """Enter the time of a life, and what hazards of death were still under way at its end."""
    enter_time(m, x, ledger_start(x, entry), end)
    for h in range(m[at.N_HAZARDS]):
        if x[wide_place(m, at.GOING, h, at.STATUS)] == at.UNDER_WAY:
            enter_hazard(m, x, h, end)


@jit(_nrt=False)
def live_all(memory, floats, rows, people, first, count, most_attempts):
    """Live `count` lives from patient number `first` on; a row of `people` for each that is seen in the
    window.

    Returns (lives finished, people, rows, fault): a `fault` other than FINE means that the life of patient
    first + finished could not be lived, or did not fit into the log or the history; nothing of it is in the
    log.
    """
    m, x, log = pointer(memory), pointer(floats), pointer(rows)
    tabulate(m, x)
    seen = 0
    m[at.LOGGED] = 0
    for word in range(4 * m[at.LEDGER_YEARS] * m[at.LEDGER_AGES]):
        x[spot(m, at.LEDGER, word)] = 0.0
    for i in range(count):
        begun = m[at.LOGGED]
        outcome, attempt, born, stands_for = REDRAW, at.ONCE, at.ONCE, 1.0
        while outcome == REDRAW:
            m[at.LOGGED] = begun
            outcome, entry, end = live(m, x, log, first + i, attempt, born)
            if outcome == LIVED:
                x[at.NOW] = end
                if not holds(m, x, m[at.INCLUDE_AT_END]):
                    outcome = UNSEEN
                else:
                    stands_for = evaluate(m, x, m[at.WEIGHT]) if m[at.WEIGHT] >= 0 else 1.0
            attempt += 1
            if outcome == UNSEEN and (m[at.INCLUDE_AT_START] >= 0 or m[at.INCLUDE_AT_END] >= 0):
                outcome, born = REDRAW, attempt
            if outcome == REDRAW and attempt >= most_attempts:
                fail(x, at.TOO_MANY_ATTEMPTS, 0)
            if x[at.FAULT] != at.FINE:
                outcome = FAILED
        if m[at.LEDGER_YEARS] > 0 and outcome != FAILED:
            close_ledger(m, x, entry, end)
        if outcome != LIVED:
            m[at.LOGGED] = begun
        if outcome == FAILED:
            return i, seen, begun, np.int64(x[at.FAULT])
        if outcome == LIVED and stands_for == 0.0:
            m[at.LOGGED] = begun
        elif outcome == LIVED:
            person = people[seen]
            person.patient = first + i
            person.sex = np.int8(x[at.SEX])
            person.birth = x[at.BIRTH]
            person.entered = seconds(x, max(entry, x[at.WINDOW_FROM] - x[at.BIRTH]))
            person.left = seconds(x, end)
            person.died = m[at.DEAD] == 1
            person.attempts = attempt
            person.weight = stands_for
            seen += 1
    return count, seen, m[at.LOGGED], np.int64(at.FINE)
