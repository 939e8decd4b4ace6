"""The hours of a provider: `weekdays 08:00-17:00` as sessions of a week, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sim.scenario.diagnostics import Findings, ScenarioError, fault, shown
from sim.scenario.loader import Scalar
from sim.scenario.scope import nearest

EXAMPLE = "weekdays 08:00-17:00"

_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS: dict[str, Sequence[int]] = {"weekdays": range(5), "weekends": (5, 6), "daily": range(7)}
_DAYS |= {day: (i,) for i, day in enumerate(_WEEK)}
_DAY = 1440  # minutes

_HOURS = re.compile(r"(\w+) (\d\d):(\d\d) ?- ?(\d\d):(\d\d)", re.ASCII)
_LOOSE = re.compile(r"(\D*)(\d{1,2})(?:[:.h]?(\d\d))? ?(?:-|–|to) ?(\d{1,2})(?:[:.h]?(\d\d))?", re.ASCII)

_BETWEEN = re.compile(r" ?(?:,|;|\+|\band\b) ?")

Minutes = tuple[int, int]


def sessions(texts: Sequence[Scalar], findings: Findings) -> tuple[tuple[float, float], ...]:
    """The sessions of a week, (from, to) in days since Monday 00:00, in order and apart; () is always.

    Sessions of which one begins where the other ends are one. What is wrong is kept in `findings`:
    `not-hours`, `unknown-word`, `not-a-range`, `overlapping-hours`.
    """
    found: list[tuple[Minutes, Scalar]] = []
    for text in texts:
        new = findings.attempt(lambda text=text: list(_minutes(text))) or []  # type: ignore[misc]
        clashes = [other for (a, b) in new for (c, d), other in found if a < d and c < b]
        if clashes:
            message = f"these hours overlap with `{shown(clashes[0].text)}`"
            findings.error("overlapping-hours", message, text.span, "make one session of the two")
        found += ((session, text) for session in new)
    joined = list[Minutes]()
    for start, end in sorted(session for session, _ in found):
        if joined and joined[-1][1] >= start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    if joined == [(0, 7 * _DAY)]:
        return ()
    return tuple((start / _DAY, end / _DAY) for start, end in joined)


def spelled(hours: Sequence[tuple[float, float]]) -> list[str]:
    """The texts from which `sessions` reads these hours: a session ends at midnight at the latest."""
    return [
        f"{_WEEK[day]} {_clock(max(start - day * _DAY, 0))}-{_clock(min(end - day * _DAY, _DAY))}"
        for start, end in ((round(a * _DAY), round(b * _DAY)) for a, b in hours)
        for day in range(start // _DAY, (end - 1) // _DAY + 1)
    ] or ["always"]


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _minutes(text: Scalar) -> Iterator[Minutes]:
    """The sessions of one text, in minutes since Monday 00:00."""
    written = " ".join(text.text.split())
    if written == "always":
        yield 0, 7 * _DAY
        return
    match = _HOURS.fullmatch(written)
    if match is None:
        message = f"hours are written as days and two times of day, and this is `{shown(written)}`"
        raise fault("not-hours", message, text.span, _meant(written))
    days, *digits = match.groups()
    if days not in _DAYS:
        message = f"`{shown(days)}` is no day: weekdays, weekends, daily, or monday to sunday"
        raise fault("unknown-word", message, text.span, _meant(written))
    hour, minute, to_hour, to_minute = map(int, digits)
    start, end = 60 * hour + minute, 60 * to_hour + to_minute
    if max(minute, to_minute) > 59 or max(start, end) > _DAY:
        raise fault("not-hours", "a time of day is from 00:00 to 24:00", text.span, EXAMPLE)
    if start >= end:
        raise _backwards(text, start, end)
    for day in _DAYS[days]:
        yield day * _DAY + start, day * _DAY + end


def _backwards(text: Scalar, start: int, end: int) -> ScenarioError:
    message = "hours end after they begin, on the same day"
    if end == 0:
        fix = "midnight at the end of a day is 24:00"
    elif end < start:
        fix = f"daily {_clock(start)}-24:00 and daily 00:00-{_clock(end)}, or the days meant"
    else:
        fix = EXAMPLE
    return fault("not-a-range", message, text.span, fix)


def _meant(written: str) -> str:
    """Hours as they are to be written, as near to `written` as can be told."""
    several = _BETWEEN.split(written)
    if len(several) > 1:
        return f"[{', '.join(map(_meant, several))}]"
    match = _LOOSE.fullmatch(written)
    if match is None:
        return EXAMPLE
    days, hour, minute, to_hour, to_minute = match.groups("00")
    day = "weekdays" if days in ("", "00") else _day(days.strip(" ,:").lower())
    return f"{day} {int(hour):02}:{minute}-{int(to_hour):02}:{to_minute}"


def _day(word: str) -> str:
    begun = (name for name in _DAYS if len(word) > 1 and name.startswith(word))
    return next(begun, None) or nearest(word, _DAYS) or "weekdays"
