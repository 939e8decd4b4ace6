"""Hazards in continuous time: a threshold, used up at a rate that changes at events and on the grids of
clocks.

The modified next reaction method (Anderson 2007, doi:10.1063/1.2799998): an exit fires when its cumulative
hazard since entry reaches -log(u). A rate that reads age or year is constant between birthdays and new years;
the walk over those pieces runs ahead only to find when the threshold is reached, and again, up to the moment,
when something else changes.
"""

from __future__ import annotations

import math

import numpy as np

from sim.engine import elementary as own
from sim.engine import quantiles, sojourns
from sim.engine.calendar import new_year, year_at
from sim.engine.evaluate import DAYS_PER_YEAR, evaluate
from sim.engine.inner import inner
from sim.engine.memory import fail, item, place, wide, wide_place
from sim.engine.streams import uniform
from sim.program import layout as at


@inner
def cumulative(form, time, shape, scale, power):
    """Cumulative hazard `time` days after entry (forms other than CONSTANT)."""
    if form == at.WEIBULL:
        return quantiles.weibull_hazard(time, shape, scale)
    if form == at.EXPONENTIAL:
        return quantiles.exponential_hazard(time, scale)
    if form == at.GOMPERTZ:
        return quantiles.gompertz_hazard(time, shape, scale)
    if form == at.LOGNORMAL:
        return sojourns.lognormal_hazard(time, shape, scale)
    if form == at.LOGLOGISTIC:
        return sojourns.loglogistic_hazard(time, shape, scale)
    return sojourns.gengamma_hazard(time, shape, scale, power)


@inner
def cumulative_inverse(form, hazard, shape, scale, power):
    if form == at.WEIBULL:
        return quantiles.weibull_time(hazard, shape, scale)
    if form == at.EXPONENTIAL:
        return quantiles.exponential_time(hazard, scale)
    if form == at.GOMPERTZ:
        return quantiles.gompertz_time(hazard, shape, scale)
    if form == at.LOGNORMAL:
        return sojourns.lognormal_time(hazard, shape, scale)
    if form == at.LOGLOGISTIC:
        return sojourns.loglogistic_time(hazard, shape, scale)
    return sojourns.gengamma_time(hazard, shape, scale, power)


@inner(forceinline=True)
def consumed(form, rate, start, end, entry, x, life):
    """How much of a threshold a rate (or multiplier) uses up between two times, `start` to `end`."""
    if rate == 0.0:
        return 0.0
    if form == at.CONSTANT:
        return rate * (end - start)
    shape, scale, power = x[life + at.SHAPE], x[life + at.SCALE], x[life + at.EXPONENT]
    since = cumulative(form, start - entry, shape, scale, power)
    return rate * (cumulative(form, end - entry, shape, scale, power) - since)


@inner(forceinline=True)
def firing(form, rate, start, threshold, entry, x, life):
    """When a threshold that was whole at `start` is reached; inf where the rate is zero."""
    if rate == 0.0:
        return math.inf
    if form == at.CONSTANT:
        return start + threshold / rate
    shape, scale, power = x[life + at.SHAPE], x[life + at.SCALE], x[life + at.EXPONENT]
    used = cumulative(form, start - entry, shape, scale, power)
    return max(start, entry + cumulative_inverse(form, used + threshold / rate, shape, scale, power))


@inner
def tabulated_at(m, x, table, age, year):
    """Where the tabulated part of a rate for completed age `age` and civil year `year` lies."""
    t = place(m, at.TABULATIONS, table, 0)
    where = m[at.RATES] + m[t + at.TABULATION_START] + m[t + at.TABULATION_SEX_STRIDE] * np.int64(x[at.SEX])
    where += m[t + at.TABULATION_YEAR_STRIDE] * (year - m[t + at.TABULATION_FIRST_YEAR])
    return where + m[t + at.TABULATION_AGE_STRIDE] * min(age, m[t + at.TABULATION_AGES] - 1)


@inner
def tabulate(m, x):
    """Evaluate the tabular part of every rate for every sex, civil year and age that it reads.

    What has no value there is NaN: a fault only once a life meets it.
    """
    for table in range(m[at.N_TABULATIONS]):
        t = place(m, at.TABULATIONS, table, 0)
        grids, first_year = m[t + at.TABULATION_GRIDS], m[t + at.TABULATION_FIRST_YEAR]
        for sex in range(2 if grids & at.SEX_ROWS else 1):
            for year in range(first_year, first_year + (m[at.N_YEARS] if grids & at.YEAR_GRID else 1)):
                for age in range(m[t + at.TABULATION_AGES]):
                    x[at.SEX], x[at.GRID_YEAR], x[at.GRID_AGE] = float(sex), year + 0.5, age + 0.5
                    where = tabulated_at(m, x, table, age, year)
                    x[where] = evaluate(m, x, m[t + at.TABULATION_CODE])
    m[at.N_TABULATIONS] = 0


@inner(forceinline=True)
def rate_of(x, h, table, where, factor):
    """The rate per day (or the multiplier of a form): what is tabulated, if anything is, times what is
    not."""
    rate = factor
    if table >= 0 and factor != 0.0:
        tabulated = x[where]
        if tabulated != tabulated:
            fail(x, at.NOT_TABULATED, h)
        rate = tabulated * factor if tabulated != 0.0 else 0.0  # even where the factor is unknown
    if not 0.0 <= rate < math.inf:
        fail(x, at.BAD_RATE, h)
        return 0.0
    return rate


@inner(forceinline=True)
def locate(m, x, h, now):
    """Note the piece that `now` lies in: the age, the year, and where the tabulated part of the rate lies."""
    hazard, life = wide_place(m, at.HAZARDS, h, 0), wide_place(m, at.GOING, h, 0)
    grids, table = m[hazard + at.HAZARD_GRIDS], m[hazard + at.HAZARD_TABLE]
    age = np.int64(math.floor(now / DAYS_PER_YEAR)) if grids & at.AGE_GRID else np.int64(0)
    year = year_at(now, x[at.BIRTH]) if grids & at.YEAR_GRID else np.int64(0)
    x[life + at.CURSOR] = now
    m[life + at.PIECE_AGE], m[life + at.PIECE_YEAR] = age, year
    m[life + at.PIECE_PLACE] = tabulated_at(m, x, table, age, year) if table >= 0 else np.int64(0)


@inner
def factor_at(m, x, h, now, age, year):
    """Evaluate what of the rate is not tabulated, as of `now`; x[NEXT] says when it must be looked at
    again."""
    gate, dormant = wide(m, at.HAZARDS, h, at.HAZARD_GATE), wide_place(m, at.GOING, h, at.DORMANT)
    x[dormant] = 0.0
    if gate >= 0 and evaluate(m, x, gate) != 1.0:
        x[dormant] = 1.0
        x[at.NEXT] = math.inf
        return 0.0
    before = x[at.NOW]
    x[at.NOW] = now
    x[at.GRID_AGE] = age + 0.5
    x[at.GRID_YEAR] = year + 0.5
    x[at.NEXT] = math.inf
    code = wide(m, at.HAZARDS, h, at.HAZARD_CODE)
    factor = evaluate(m, x, code) if code >= 0 else 1.0
    x[at.NOW] = before
    return factor


@inner
def walk(m, x, h, stop, ahead):
    """Follow hazard `h` from where it was last looked at up to `stop` (days since birth).

    If `ahead`, only say when it is due: to fire (inf where that may be after `stop`), or, REFRESHES being 1,
    for its code to be evaluated again: what is not tabulated is only known for what has happened so far.
    Else bring its numbers up to `stop`.
    """
    hazard, life = wide_place(m, at.HAZARDS, h, 0), wide_place(m, at.GOING, h, 0)
    form, table = m[hazard + at.HAZARD_FORM], m[hazard + at.HAZARD_TABLE]
    varying = m[hazard + at.HAZARD_VARYING]
    threshold, reference, rate = x[life + at.THRESHOLD], x[life + at.REFERENCE], x[life + at.RATE]
    factor, cursor, renewal = x[life + at.FACTOR], x[life + at.CURSOR], x[life + at.RENEWAL]
    if factor == 0.0 and renewal == math.inf and (varying == 0 or x[life + at.DORMANT] == 1.0):
        x[life + at.REFRESHES] = 0.0
        return math.inf  # nothing but an event changes it
    entry = x[m[hazard + at.HAZARD_ENTRY]] if form != at.CONSTANT else 0.0
    age, year, where = m[life + at.PIECE_AGE], m[life + at.PIECE_YEAR], m[life + at.PIECE_PLACE]
    birthday, new_years_day = math.inf, math.inf
    if m[hazard + at.HAZARD_GRIDS] & at.AGE_GRID:
        birthday = DAYS_PER_YEAR * (age + 1)
    if m[hazard + at.HAZARD_GRIDS] & at.YEAR_GRID:
        new_years_day = new_year(year + 1, x[at.BIRTH])
    a_year_older, a_year_later, oldest = np.int64(0), np.int64(0), np.int64(0)
    if table >= 0:
        t = place(m, at.TABULATIONS, table, 0)
        a_year_older, a_year_later = m[t + at.TABULATION_AGE_STRIDE], m[t + at.TABULATION_YEAR_STRIDE]
        oldest = m[t + at.TABULATION_AGES] - 1
    due, refreshes = math.inf, 0.0
    while True:
        piece = min(birthday, new_years_day, renewal)
        if piece > stop:
            if ahead == at.YES:
                due = firing(form, rate, reference, threshold, entry, x, life)
            break
        used = consumed(form, rate, reference, piece, entry, x, life)
        if rate != 0.0 and used >= threshold:
            due = min(firing(form, rate, reference, threshold, entry, x, life), piece)
            break
        if ahead == at.YES and (piece == renewal or varying == 1):
            due, refreshes = piece, 1.0
            break
        if piece == birthday:
            age += 1
            birthday = DAYS_PER_YEAR * (age + 1)
            if age <= oldest:
                where += a_year_older
        if piece == new_years_day:
            year += 1
            new_years_day = new_year(year + 1, x[at.BIRTH])
            where += a_year_later
        if piece == renewal or varying == 1:
            factor = factor_at(m, x, h, piece, age, year)
            renewal = x[at.NEXT]
        new_rate = rate_of(x, h, table, where, factor)
        if ahead == at.YES and x[at.FAULT] != at.FINE:
            x[at.FAULT] = at.FINE  # it is a fault if the life gets there
            due, refreshes = piece, 1.0
            break
        if new_rate != rate:
            threshold -= used
            reference = piece
            rate = new_rate
        cursor = piece
    if ahead == at.YES:
        x[life + at.REFRESHES] = refreshes
    else:
        x[life + at.THRESHOLD], x[life + at.REFERENCE], x[life + at.RATE] = threshold, reference, rate
        x[life + at.FACTOR], x[life + at.CURSOR], x[life + at.RENEWAL] = factor, cursor, renewal
        m[life + at.PIECE_AGE], m[life + at.PIECE_YEAR], m[life + at.PIECE_PLACE] = age, year, where
    return due


@inner
def refresh(m, x, h, now):
    """A clock has changed what the rate of `h` reads."""
    enter_hazard(m, x, h, now)
    walk(m, x, h, now, at.NO)


@inner
def look_again(m, x, h, now):
    """Something that the rate of `h` reads has changed: use up the threshold to `now`, then take the new
    rate."""
    enter_hazard(m, x, h, now)
    walk(m, x, h, now, at.NO)
    life = wide_place(m, at.GOING, h, 0)
    locate(m, x, h, now)
    factor = factor_at(m, x, h, now, m[life + at.PIECE_AGE], m[life + at.PIECE_YEAR])
    table = wide(m, at.HAZARDS, h, at.HAZARD_TABLE)
    rate, new_rate = x[life + at.RATE], rate_of(x, h, table, m[life + at.PIECE_PLACE], factor)
    if new_rate != rate:
        form = wide(m, at.HAZARDS, h, at.HAZARD_FORM)
        entry = x[wide(m, at.HAZARDS, h, at.HAZARD_ENTRY)] if form != at.CONSTANT else 0.0
        used = consumed(form, rate, x[life + at.REFERENCE], now, entry, x, life)
        x[life + at.THRESHOLD] = max(x[life + at.THRESHOLD] - used, 0.0)
        x[life + at.REFERENCE] = now
        x[life + at.RATE] = new_rate
    x[life + at.FACTOR], x[life + at.RENEWAL] = factor, x[at.NEXT]


@inner
def begin(m, x, h, now):
    """Draw a threshold for hazard `h` and set it going at `now`."""
    key = np.uint64(item(m, at.KEYS, wide(m, at.HAZARDS, h, at.HAZARD_SITE)))
    count = np.int64(x[wide(m, at.HAZARDS, h, at.HAZARD_COUNT)])
    u = uniform(key, count, np.int64(x[at.ATTEMPT]), np.int64(x[at.PATIENT]))
    life = wide_place(m, at.GOING, h, 0)
    x[life + at.STATUS] = at.UNDER_WAY
    x[life + at.THRESHOLD] = -own.log(u)
    x[life + at.REFERENCE] = now
    form = wide(m, at.HAZARDS, h, at.HAZARD_FORM)
    if form != at.CONSTANT:
        first, second = wide(m, at.HAZARDS, h, at.HAZARD_FIRST), wide(m, at.HAZARDS, h, at.HAZARD_SECOND)
        third = wide(m, at.HAZARDS, h, at.HAZARD_THIRD)
        x[life + at.SHAPE] = evaluate(m, x, first) if first >= 0 else 1.0
        x[life + at.SCALE] = evaluate(m, x, second)
        x[life + at.EXPONENT] = evaluate(m, x, third) if third >= 0 else 1.0
        # a Gompertz hazard may fall with time: its shape may be negative
        lowest = -math.inf if form == at.GOMPERTZ else 0.0
        highest = sojourns.LARGEST_SHAPE if form == at.GAMMA else sojourns.LARGEST
        if not lowest < x[life + at.SHAPE] <= highest:
            fail(x, at.BAD_SOJOURN, first)
        if not 0.0 < x[life + at.SCALE] < math.inf:
            fail(x, at.BAD_SOJOURN, second)
        if not 0.0 < x[life + at.EXPONENT] < math.inf:
            fail(x, at.BAD_SOJOURN, third)
    locate(m, x, h, now)
    factor = factor_at(m, x, h, now, m[life + at.PIECE_AGE], m[life + at.PIECE_YEAR])
    table = wide(m, at.HAZARDS, h, at.HAZARD_TABLE)
    x[life + at.FACTOR], x[life + at.RENEWAL] = factor, x[at.NEXT]
    x[life + at.RATE] = rate_of(x, h, table, m[life + at.PIECE_PLACE], factor)


# ---- the ledger: how much hazard of death the modelled causes have put on how much time alive


@inner
def ledger_place(m, x, part, age, year):
    """Where the ledger keeps the DAYS_ALIVE, or the cumulative hazard of DEATHS, of a sex, year and age."""
    row = (part * 2 + np.int64(x[at.SEX])) * m[at.LEDGER_YEARS] + year - m[at.LEDGER_FIRST_YEAR]
    return m[at.LEDGER] + row * m[at.LEDGER_AGES] + min(age, m[at.LEDGER_AGES] - 1)


@inner
def ledger_start(x, entry):
    """A life counts from entry, or from the date that people must be alive on."""
    reached = x[at.ALIVE_ON] - x[at.BIRTH]
    return reached if reached > entry else entry


@inner
def enter_time(m, x, start, end):
    """Enter the days alive between two times."""
    age, year = np.int64(math.floor(start / DAYS_PER_YEAR)), year_at(start, x[at.BIRTH])
    while start < end:
        birthday, new_years_day = DAYS_PER_YEAR * (age + 1), new_year(year + 1, x[at.BIRTH])
        piece = min(birthday, new_years_day, end)
        x[ledger_place(m, x, at.DAYS_ALIVE, age, year)] += piece - start
        age += 1 if piece == birthday else 0
        year += 1 if piece == new_years_day else 0
        start = piece


@inner
def enter_death(m, x, cause):
    """Enter a death that no hazard brought: a share, or upon something."""
    if cause >= 0 and item(m, at.COUNTED, cause) == 1 and x[at.NOW] >= ledger_start(x, 0.0):
        age, year = np.int64(math.floor(x[at.NOW] / DAYS_PER_YEAR)), year_at(x[at.NOW], x[at.BIRTH])
        x[ledger_place(m, x, at.DEATHS, age, year)] += 1.0


@inner
def enter_hazard(m, x, h, end):
    """Enter the hazard of a death that `h` has put on the time since it was last looked at, up to `end`."""
    hazard, life = wide_place(m, at.HAZARDS, h, 0), wide_place(m, at.GOING, h, 0)
    cause = m[hazard + at.HAZARD_CAUSE]
    if m[at.LEDGER_YEARS] == 0 or m[hazard + at.HAZARD_TARGET] >= 0 or cause < 0:
        return
    if item(m, at.COUNTED, cause) == 0:
        return
    form = m[hazard + at.HAZARD_FORM]
    entry = x[m[hazard + at.HAZARD_ENTRY]] if form != at.CONSTANT else 0.0
    rate, factor, table = x[life + at.RATE], x[life + at.FACTOR], m[hazard + at.HAZARD_TABLE]
    grids = m[hazard + at.HAZARD_GRIDS] if table >= 0 and m[hazard + at.HAZARD_VARYING] == 0 else 0
    start, counts_from = x[life + at.CURSOR], ledger_start(x, 0.0)
    age, year = np.int64(math.floor(start / DAYS_PER_YEAR)), year_at(start, x[at.BIRTH])
    while start < end:
        birthday, new_years_day = DAYS_PER_YEAR * (age + 1), new_year(year + 1, x[at.BIRTH])
        piece = min(birthday, new_years_day, end)
        if piece > counts_from:
            used = consumed(form, rate, max(start, counts_from), piece, entry, x, life)
            x[ledger_place(m, x, at.DEATHS, age, year)] += used
        age += 1 if piece == birthday else 0
        year += 1 if piece == new_years_day else 0
        if grids != 0:
            rate = rate_of(x, h, table, tabulated_at(m, x, table, age, year), factor)
        start = piece
