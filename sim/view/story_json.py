"""The story of one life for machines: a JSON object for each happening, or for a moment."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from sim.agents.explain import HazardNow, Part
from sim.agents.happenings import Amount, Happening
from sim.agents.moment import Moment
from sim.agents.story import Story
from sim.engine.log import ALLERGY, CONDITION
from sim.records.schema import LOGGED
from sim.scenario.model import DAYS_PER_YEAR, Allergy, Type
from sim.scenario.units import date_from_days

EPOCH = datetime.datetime(1970, 1, 1)
TIMES = {"since", "began", "due", "until", "time"}  # fields in days since birth
SECONDS = 86_400


def lines(story: Story) -> Iterator[str]:
    """Each happening, in order."""
    for happening in story.happenings:
        yield _line(_happening(story, happening))


def moment_lines(story: Story, moment: Moment) -> Iterator[str]:
    """A moment, which is one object."""
    told = {field.name: getattr(moment, field.name) for field in dataclasses.fields(moment)}
    del told["time"]
    for name in ("variables", "results"):
        told[name] = [
            {"what": what, "value": amount, "time": _time(story, rest[0])}
            if rest
            else {"what": what, "value": amount}
            for what, amount, *rest in told[name]
        ]
    head = {"patient": story.patient, "time": _time(story, moment.time), "age": moment.age}
    yield _line({**head, **_plain(story, told)})


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def _happening(story: Story, happening: Happening) -> dict[str, Any]:
    kind, seq = happening.row or (None, None)
    return {
        "patient": story.patient,
        "time": _time(story, happening.time),
        "age": happening.age,
        "kind": happening.kind,
        "what": happening.what,
        "table": None if kind is None else _table(story, kind, happening.what),
        "seq": seq,
        "recorded": happening.recorded,
        "facts": _plain(story, happening.facts),
        "because": [{"kind": reason.kind, **_fields(story, reason)} for reason in happening.reasons],
    }


def _table(story: Story, kind: int, what: str) -> str:
    allergies = {c.name for c in story.scenario.conditions if isinstance(c, Allergy)}
    return LOGGED[ALLERGY if kind == CONDITION and what in allergies else kind].name


def _time(story: Story, time: float) -> str:
    """Days since birth as a civil time, in whole seconds like those of the tables."""
    seconds = math.floor((story.birth + time) * SECONDS)
    return (EPOCH + datetime.timedelta(seconds=seconds)).isoformat()


def _fields(story: Story, value: Any) -> dict[str, Any]:
    told = {}
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        timed = field.name in TIMES and isinstance(content, float)
        told[field.name] = _at(story, content) if timed else _plain(story, content)
    return told


def _at(story: Story, time: float) -> str | None:
    return _time(story, time) if math.isfinite(time) else None


def _plain(story: Story, value: Any) -> Any:
    """What JSON can hold. A hazard's rate is per year, whatever else has a unit says it."""
    match value:
        case Amount():
            return _amount(value.value, value.type)
        case Part():
            return {"text": value.text, "read": value.read, **_named(_amount(value.value, value.type))}
        case HazardNow():
            return {**_fields(story, value), "rate": _finite(value.rate * DAYS_PER_YEAR)}
        case float():
            return _finite(value)
        case dict():
            return {key: _plain(story, each) for key, each in value.items()}
        case tuple() | list():
            return [_plain(story, each) for each in value]
    return _fields(story, value) if dataclasses.is_dataclass(value) else value


def _named(amount: Any) -> dict[str, Any]:
    return amount if isinstance(amount, dict) else {"value": amount}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _amount(value: float, of: Type) -> Any:
    """Truth, a level or a date as such; else the number and its unit."""
    if math.isnan(value):
        return {"value": None, "unit": of.unit}
    match of.kind:
        case "truth":
            return value == 1.0
        case "category":
            return of.levels[int(value)]
        case "date":
            return date_from_days(value)
        case "rate":
            return {"value": _finite(value * DAYS_PER_YEAR), "unit": "per year"}
        case "duration":
            return {"value": _finite(value), "unit": "days"}
    return {"value": _finite(value), "unit": of.unit}
