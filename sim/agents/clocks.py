"""What the clocks say: completed years, civil years and months, hours of a week.

Times are days since birth, dates days since 1970-01-01, as floats.
"""

from __future__ import annotations

import datetime
import math

from sim.scenario.model import DAYS_PER_YEAR

FIRST_YEAR, LAST_YEAR = 1700, 2400
FIRST_MONDAY = 4.0  # 1970-01-05
WEEK = 7.0
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_STARTS = [float(datetime.date(y, 1, 1).toordinal() - _EPOCH) for y in range(FIRST_YEAR, LAST_YEAR + 1)]


def start_of_year(year: int) -> float:
    """The date of 1 January; years are taken as 1700 to 2400."""
    return _STARTS[min(max(year, FIRST_YEAR), LAST_YEAR) - FIRST_YEAR]


def year_at(time: float, birth: float) -> int:
    """The civil year `time` days after a birth: the last that has begun by then."""
    year = math.floor(1970.0 + (birth + time) / 365.2425)
    while start_of_year(year + 1) - birth <= time:
        year += 1
    while start_of_year(year) - birth > time:
        year -= 1
    return year


def month_at(time: float, birth: float) -> tuple[int, float]:
    """The civil month, 1 to 12, and the time when it is over."""
    start = start_of_year(year_at(time, birth))
    day = datetime.date.fromordinal(_EPOCH + int(start)) + datetime.timedelta(
        days=math.floor(time - (start - birth))
    )
    later = day.replace(day=1) + datetime.timedelta(days=32)
    return day.month, float(later.replace(day=1).toordinal() - _EPOCH) - birth


def new_years_day(year: float, after: bool) -> float:
    """The date on which a year that need not be whole has begun: rounded up, or the year after it."""
    if math.isnan(year):
        return math.nan
    year = min(max(year, FIRST_YEAR), LAST_YEAR)
    return start_of_year(math.floor(year) + 1 if after else math.ceil(year))


def completed_years(anchor: float, now: float) -> float:
    """The largest whole k with anchor + 365.25 k <= now."""
    years = float(math.floor((now - anchor) / DAYS_PER_YEAR))
    while anchor + DAYS_PER_YEAR * (years + 1.0) <= now:
        years += 1.0
    while anchor + DAYS_PER_YEAR * years > now:
        years -= 1.0
    return years


Hours = tuple[tuple[float, float], ...]  # sessions of a week, see Provider
GRID = 2.0**20  # dates to a day that a float holds exactly, and any time between two of them
ALMOST = 2.0**-30  # days; durations added up to a date are off by less


def next_on_grid(date: float) -> float:
    """The first date of the grid after `date`. In whole seconds it is never the second before."""
    return (math.floor(date * GRID) + 1.0) / GRID


def session_at(hours: Hours, date: float) -> tuple[float, float] | None:
    """The dates between which is open at `date`, None where nothing is."""
    date += ALMOST
    monday = FIRST_MONDAY + WEEK * math.floor((date - FIRST_MONDAY) / WEEK)
    for start, end in hours:
        if monday + start <= date < monday + end:
            return monday + start, monday + end
    return None


def next_session(hours: Hours, date: float) -> tuple[float, float]:
    """The first session that begins after `date`."""
    date += ALMOST
    monday = FIRST_MONDAY + WEEK * math.floor((date - FIRST_MONDAY) / WEEK)
    later = [(monday + start, monday + end) for start, end in hours if monday + start > date]
    first, last = hours[0]
    return later[0] if later else (monday + WEEK + first, monday + WEEK + last)
