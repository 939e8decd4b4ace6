"""Civil years and months on a clock of days since 1970-01-01 (proleptic Gregorian)."""

from __future__ import annotations

import datetime
import math

import numpy as np

from sim.engine.inner import inner

FIRST_YEAR, LAST_YEAR = 1700, 2400
_EPOCH = datetime.date(1970, 1, 1).toordinal()
YEAR_STARTS = np.array(
    [datetime.date(y, 1, 1).toordinal() - _EPOCH for y in range(FIRST_YEAR, LAST_YEAR + 1)], np.float64
)


def civil_year(date: float) -> int:
    """The year of a day since 1970-01-01."""
    return FIRST_YEAR + int(np.searchsorted(YEAR_STARTS, date, side="right")) - 1


@inner
def new_year(year: int, birth: float) -> float:
    """When `year` begins, in days since a birth on day `birth`."""
    return YEAR_STARTS[year - FIRST_YEAR] - birth


@inner
def year_at(time: float, birth: float) -> int:
    """The civil year `time` days after a birth on day `birth`: the last whose start is not later."""
    year = math.floor(1970.0 + (birth + time) / 365.2425)
    while new_year(year + 1, birth) <= time:
        year += 1
    while new_year(year, birth) > time:
        year -= 1
    return year


@inner
def month_at(time: float, birth: float) -> tuple[int, float]:
    """The civil month, 1 to 12, and when it is over."""
    year = year_at(time, birth)
    start = new_year(year, birth)
    day = math.floor(time - start)
    leap = new_year(year + 1, birth) - new_year(year, birth) > 365.5
    month, last = 0, 0
    for length in (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31):
        month += 1
        last += length
        if day < last:
            break
    return month, start + last
