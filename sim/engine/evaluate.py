"""The expression machine: runs the code that `sim.program.expressions` makes, over the cells of one life."""

from __future__ import annotations

import math

import numpy as np

from sim.engine import elementary as own
from sim.engine import quantiles
from sim.engine.calendar import FIRST_YEAR, LAST_YEAR, YEAR_STARTS, month_at, year_at
from sim.engine.inner import inner
from sim.engine.memory import fail, item, place, spot, wide
from sim.engine.streams import uniform
from sim.program import layout as at

DAYS_PER_YEAR = 365.25
ALL = 1.0 + 1e-9  # what probabilities may add up to: 1, but for rounding


@inner
def evaluate(m, x, row):
    """The value of the expression whose code starts at `row`.

    Temporaries in the life's cells are overwritten. x[NEXT] becomes the time, in days since birth, at which a
    clock next changes what was read, if that is earlier. Unknown is NaN; NaN from known operands is a fault,
    noted in the cells.
    """
    pc = m[at.CODE] + at.NARROW * row
    while True:
        op, to = m[np.uint64(pc)], np.uint64(m[np.uint64(pc + 1)])
        a, b = np.uint64(m[np.uint64(pc + 2)]), np.uint64(m[np.uint64(pc + 3)])
        pc += at.NARROW
        if op == at.RETURN:
            return x[a]
        if op == at.JUMP:
            pc = m[at.CODE] + at.NARROW * np.int64(to)
        elif op == at.JUMP_UNLESS:
            if x[a] != 1.0:
                pc = m[at.CODE] + at.NARROW * np.int64(to)
        elif op <= at.LAST_ARITHMETIC:
            p, q = x[a], x[b]
            if op == at.MULTIPLY:
                z = p * q
            elif op == at.ADD:
                z = p + q
            elif op == at.SUBTRACT:
                z = p - q
            elif op == at.DIVIDE:
                z = p / q if q != 0.0 else (math.copysign(math.inf, p) if p < 0.0 or p > 0.0 else math.nan)
            elif op == at.MINIMUM:
                z = q if q < p or q != q else p
            elif op == at.MAXIMUM:
                z = q if q > p or q != q else p
            elif op == at.POWER:
                z = own.power(p, q)
            else:
                q = p
                if op == at.EXP:
                    z = own.exp(p)
                elif op == at.LOG:
                    z = own.log(p)
                elif op == at.SQRT:
                    z = math.sqrt(p) if p >= 0.0 else math.nan
                elif op == at.NEGATE:
                    z = -p
                elif op == at.ABSOLUTE:
                    z = abs(p)
                else:
                    z = np.floor(p)
            if z != z and p == p and q == q:
                fail(x, at.NOT_A_NUMBER, (pc - m[at.CODE]) // at.NARROW - 1)
            x[to] = z
        elif op <= at.LAST_RELATION:
            p, q = x[a], x[b]
            if op == at.MOVE:
                z = p
            elif op == at.OR_ELSE:
                z = p if p == p else q
            elif op == at.EQUAL:
                z = 1.0 if p == q else 0.0
            elif op == at.LESS:
                z = 1.0 if p < q else 0.0
            elif op == at.LESS_EQUAL:
                z = 1.0 if p <= q else 0.0
            elif op == at.NOT_EQUAL:
                z = 1.0 if p < q or p > q else 0.0
            elif op == at.NOT:
                z = 1.0 if p != 1.0 else 0.0
            else:
                z = 1.0 if p == p else 0.0
            x[to] = z
        elif op == at.UNIFORM:
            key = np.uint64(item(m, at.KEYS, np.int64(a)))
            x[to] = uniform(key, np.int64(x[b]), np.int64(x[at.ATTEMPT]), np.int64(x[at.PATIENT]))
        elif op >= at.FIRST_DRAW:
            z = draw(op, x[a], x, np.int64(b), m[np.uint64(pc - at.NARROW + 4)])
            if z != z:
                fail(x, at.BAD_DISTRIBUTION, (pc - m[at.CODE]) // at.NARROW - 1)
            x[to] = z
        elif op <= at.LAST_CLOCK:
            x[to] = clock(m, x, op, a, b, m[np.uint64(pc - at.NARROW + 4)])
        elif op == at.LOOKUP:
            z = look_up(m, x, np.int64(a), np.int64(b))
            if z != z:
                fail(x, at.OUTSIDE_TABLE, (pc - m[at.CODE]) // at.NARROW - 1)
            x[to] = z
        elif op == at.PROBABILITY:
            if not 0.0 <= x[a] <= ALL:
                fail(x, at.BAD_PROBABILITY, (pc - m[at.CODE]) // at.NARROW - 1)
            x[to] = x[a]
        else:
            x[to] = within(m, x, np.int64(x[a]), x[b], op, m[np.uint64(pc - at.NARROW + 4)])


@inner
def clock(m, x, op, a, b, sense):
    """What the clocks say; what is compared with one also sets NEXT."""
    now = x[at.NOW]
    if op == at.AGE:
        return now / DAYS_PER_YEAR
    if op == at.TODAY:
        return x[at.BIRTH] + now
    if op == at.YEAR:
        return float(year_at(now, x[at.BIRTH]))
    if op == at.MONTH:
        month, over = month_at(now, x[at.BIRTH])
        x[at.NEXT] = min(x[at.NEXT], over)
        return float(month)
    if op == at.YEAR_START:
        if x[a] != x[a]:
            return math.nan
        year = math.floor(x[a]) + 1.0 if x[b] == 1.0 else math.ceil(x[a])
        return YEAR_STARTS[int(min(max(year, FIRST_YEAR), LAST_YEAR)) - FIRST_YEAR]
    anchor = x[a]
    if op == at.ELAPSED:
        return now - anchor
    if op == at.YEARS_ELAPSED:
        return (now - anchor) / DAYS_PER_YEAR
    if op == at.REACHED:
        when = anchor + x[b]
        if when != when:
            return 0.0
        if sense == at.AT_LEAST:
            return 1.0 if now >= when else 0.0
        if sense == at.MORE_THAN:
            return 1.0 if now > when else 0.0
        if sense == at.AT_MOST:
            return 1.0 if now <= when else 0.0
        if sense == at.LESS_THAN:
            return 1.0 if now < when else 0.0
        if now < when:
            x[at.NEXT] = min(x[at.NEXT], when)
        return 1.0 if (now >= when) == (sense == at.CROSSED) else 0.0
    if anchor != anchor:
        return math.nan
    years = completed_years(anchor, now)
    x[at.NEXT] = min(x[at.NEXT], anchor + DAYS_PER_YEAR * (years + 1.0))
    return years + 0.5 if op == at.GRID_YEARS_ELAPSED else (years + 0.5) * DAYS_PER_YEAR


@inner
def completed_years(anchor, now):
    """How many whole years have passed since `anchor`: the largest k with anchor + 365.25 k <= now."""
    years = math.floor((now - anchor) / DAYS_PER_YEAR)
    while anchor + DAYS_PER_YEAR * (years + 1.0) <= now:
        years += 1.0
    while anchor + DAYS_PER_YEAR * years > now:
        years -= 1.0
    return years


@inner
def look_up(m, x, table, first):
    """The value of a table at the keys in cells first, first + 1, ...; NaN outside a table that does not
    clamp."""
    where = np.int64(0)
    for axis in range(wide(m, at.LOOKUPS, table, at.LOOKUP_AXES)):
        size = wide(m, at.LOOKUPS, table, at.LOOKUP_FIRST_AXIS + 2 * axis)
        start = wide(m, at.LOOKUPS, table, at.LOOKUP_FIRST_AXIS + 2 * axis + 1)
        key = x[first + axis]
        if start < 0:
            if not 0.0 <= key < size:
                return math.nan
            here = np.int64(key)
        else:
            low, high = np.int64(0), size
            if not x[spot(m, at.BREAKS, start)] <= key < x[spot(m, at.BREAKS, start + size)]:
                if wide(m, at.LOOKUPS, table, at.LOOKUP_CLAMP) == 0 or key != key:
                    return math.nan
                if key >= x[spot(m, at.BREAKS, start + size)]:
                    low = size - 1
                high = low + 1
            while high - low > 1:
                middle = (low + high) >> 1
                if x[spot(m, at.BREAKS, start + middle)] <= key:
                    low = middle
                else:
                    high = middle
            here = low
        where = where * size + here
    return x[spot(m, at.VALUES, wide(m, at.LOOKUPS, table, at.LOOKUP_VALUES) + where)]


@inner
def within(m, x, head, days, op, sense):
    """Count, or mean value, of the entries of one history not older than `days`.

    Read where a change must be noticed (NOT_CROSSED), an entry leaves at the moment that it gets that old.
    """
    now = x[at.NOW]
    count, total = 0.0, 0.0
    entry = head
    while entry >= 0:
        first = place(m, at.HISTORY, entry, at.PREVIOUS)
        until = x[first + at.TIME] + days
        if until < now or (until == now and sense == at.NOT_CROSSED):
            break
        count += 1.0
        total += x[first + at.VALUE]
        x[at.NEXT] = min(x[at.NEXT], until)
        entry = np.int64(x[first])
    if op == at.MEAN_WITHIN:
        return total / count if count > 0.0 else math.nan
    return count


@inner
def draw(op, u, x, first, size):
    """A quantile at `u`; the parameters lie in cells first, ..., `size` of them where that varies."""
    p, q = x[first], x[first + 1]
    if op == at.DRAW_NORMAL:
        return quantiles.normal(u, p, q)
    if op == at.DRAW_UNIFORM:
        return quantiles.uniform(u, p, q)
    if op == at.DRAW_LOGNORMAL:
        return quantiles.lognormal(u, p, q)
    if op == at.DRAW_EXPONENTIAL:
        return quantiles.exponential(u, p)
    if op == at.DRAW_WEIBULL:
        return quantiles.weibull(u, p, q)
    if op == at.DRAW_GOMPERTZ:
        return quantiles.gompertz(u, p, q)
    if op == at.DRAW_GAMMA:
        return quantiles.gamma(u, p, q)
    if op == at.DRAW_BETA:
        return quantiles.beta(u, p, q)
    if op == at.DRAW_POISSON:
        return quantiles.poisson(u, p)
    if op == at.DRAW_LOGLOGISTIC:
        return quantiles.loglogistic(u, p, q)
    if op == at.DRAW_GENGAMMA:
        return quantiles.gengamma(u, p, q, x[first + 2])
    if op == at.DRAW_EMPIRICAL:
        return quantiles.empirical(u, x, first, size)
    if op == at.OF_SCORE:
        return quantiles.of_score(u)
    return quantiles.truncated_normal(u, p, q, x[first + 2], x[first + 3])
