"""Units of durations, rates, dates and clinical quantities.

Interface (stable): `in_base`, `spell`, `is_known`, `same_unit`, `standard`, `days_from_date`,
`date_from_days`.

Durations become days, rates per day, dates days since 1970-01-01. A clinical unit is a name that numbers
carry: what converts between two of them depends on what is measured, see analytes.py.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from sim.scenario.diagnostics import shown
from sim.scenario.model import DAYS_PER_YEAR, DURATION, NUMBER, RATE, Type

# n units last n * times / over days. A month is a twelfth of a year.
DURATIONS: dict[str, tuple[float, float]] = {
    "year": (DAYS_PER_YEAR, 1.0),
    "month": (DAYS_PER_YEAR, 12.0),
    "week": (7.0, 1.0),
    "day": (1.0, 1.0),
    "hour": (1.0, 24.0),
    "minute": (1.0, 1_440.0),
    "second": (1.0, 86_400.0),
}

# UCUM's spellings and the everyday ones, grouped as a laboratory would.
_LISTED = """
    % ‰ {score} {ratio} {index} {count} {count}/d
    ng/L ng/dL ng/mL pg/L pg/mL pg ug/L ug/dL ug/mL ug µg/L µg/dL µg mg/L mg/dL mg/mL g/L g/dL mg g kg
    mg/g mg/mmol g/mol ug/mg mg/kg ug/kg mg/m2 g/kg ug/g ug/min mg/d g/d mg/24h g/24h mg/kg/d
    fmol/L pmol/L nmol/L umol/L µmol/L mmol/L mol/L mmol/mol umol/mol nmol/mL mmol mmol/kg mmol/d umol/min
    mEq/L mEq meq/L mosm/kg mOsm/kg
    IU/L IU/mL U/L U/mL kU/L mU/L uU/mL mIU/L mIU/mL [IU]/L m[IU]/L [IU]/mL u[IU]/mL u/L ukat/L
    10*3/uL 10*6/uL 10*9/L 10*12/L 10^9/L 10^12/L 10^3/uL 10^6/uL cells/uL {cells}/uL fL
    mmHg mm[Hg] cmH2O kPa Pa
    /min bpm beats/min {beats}/min breaths/min {breaths}/min Hz ms mm/h mm/hr
    kg/m2 kg/m^2 kg/m² m2 m² m cm mm um µm nm cm2 mm2 cm3 mm3
    L mL dL uL L/min mL/min mL/s L/s mL/min/1.73m2 mL/min/{1.73_m2} mL/kg mL/kg/min mL/h mL/d L/min/m2
    Cel [degF] °C °F K
    ohm W W/kg kcal kcal/d kJ J MET kg/d g/cm2 g/cm3 dB dB[HL] D [diop] cpd
    {pack-years} {units}/wk units/week g/wk cigarettes/day {cigarettes}/d
    {INR} {T-score} {Z-score} {SD} SD points
"""
CLINICAL: frozenset[str] = frozenset(_LISTED.split())

# Spellings of one and the same unit.
_SAME: dict[str, str] = {
    "mm[Hg]": "mmHg",
    "kg/m^2": "kg/m2",
    "kg/m²": "kg/m2",
    "m²": "m2",
    "µg/L": "ug/L",
    "µg/dL": "ug/dL",
    "µg": "ug",
    "µmol/L": "umol/L",
    "µm": "um",
    "10^9/L": "10*9/L",
    "10^12/L": "10*12/L",
    "10^3/uL": "10*3/uL",
    "10^6/uL": "10*6/uL",
    "beats/min": "bpm",
    "{beats}/min": "bpm",
    "{breaths}/min": "breaths/min",
    "mL/min/{1.73_m2}": "mL/min/1.73m2",
    "mOsm/kg": "mosm/kg",
    "meq/L": "mEq/L",
    "mm/hr": "mm/h",
    "°C": "Cel",
    "°F": "[degF]",
    "[IU]/L": "IU/L",
    "m[IU]/L": "mIU/L",
    "[IU]/mL": "IU/mL",
}

_ANNOTATION = r"\{[^{}\s]*\}|\[[^\[\]\s]*\]"
_ATOM = rf"(?:[A-Za-zµ°%‰]|{_ANNOTATION})(?:[A-Za-z0-9²³]|{_ANNOTATION})*(?:\^\d+)?"
# What may stand after a number as its unit; it has no space inside, and `/min` alone starts with a slash.
UNIT = re.compile(rf"(?:10[*^]\d+/{_ATOM}|/min|{_ATOM})(?:/(?:\d+(?:\.\d+)?)?{_ATOM})*(?![A-Za-z0-9_]|\s*\()")
PER = re.compile(r"per\s+(?:(\d[\d_]*)\s+)?(?:person-|patient-)?([a-z]+)(?![A-Za-z0-9_])")

_EPOCH = date(1970, 1, 1)


def in_base(value: float, unit: str) -> tuple[float, Type]:
    """`value` of `unit` in base units, and its type.

    `(6, "weeks")` is 42 days, `(0.012, "per year")` a rate per day, `(2, "per 1000 person-years")` the rate
    0.002 per year; any other unit keeps the number. Raises ValueError for a `per` of no time.
    """
    if not unit:
        return value, NUMBER
    singular = unit.removesuffix("s")
    if singular in DURATIONS:
        times, over = DURATIONS[singular]
        return value * times / over, DURATION
    if unit.split(maxsplit=1)[0] == "per":
        match = PER.fullmatch(unit)
        if match is None or match[2].removesuffix("s") not in DURATIONS:
            raise ValueError(
                f"`{shown(unit)}` is not a rate: per day, week, month or year, per 1000 person-years"
            )
        times, over = DURATIONS[match[2].removesuffix("s")]
        people = float(match[1].replace("_", "")) if match[1] else 1.0
        if people == 0:
            raise ValueError(f"`{shown(unit)}` divides by zero")
        return value / people * over / times, RATE
    return value, Type("number", unit=unit)


def is_known(unit: str) -> bool:
    """Whether `unit` is a clinical unit of the list above."""
    return unit in CLINICAL


def standard(unit: str) -> str:
    """The one spelling of a clinical unit that stands for all."""
    return _SAME.get(unit, unit)


def same_unit(one: str, other: str) -> bool:
    """Whether two clinical units are spellings of one."""
    return standard(one) == standard(other)


def days_from_date(text: str) -> float:
    """Days since 1970-01-01 of a date `YYYY-MM-DD`. Raises ValueError where there is no such day."""
    return float((date.fromisoformat(text) - _EPOCH).days)


def date_from_days(days: float) -> str:
    """The date `YYYY-MM-DD` of `days` since 1970-01-01. Raises OverflowError outside the years 1 to 9999."""
    return (_EPOCH + timedelta(days=days)).isoformat()


def spell(value: float, of: Type) -> str:
    """A literal that reads back as exactly `value` of type `of`: number, duration, rate or date.

    A number of years is written bare: beside an age it is in years.
    """
    match of.kind:
        case "date":
            return date_from_days(value)
        case "duration":
            return _shortest(value, [f"{name}s" for name in DURATIONS])
        case "rate":
            yearly = float(f"{value / in_base(1.0, 'per year')[0]:.15g}")
            exact = in_base(yearly, "per year")[0] == value
            return _shortest(value, ["per year"] if exact else ["per year", "per week", "per day"])
        case _:
            readable = of.unit and of.unit != "years" and UNIT.fullmatch(of.unit)
            return f"{digits(value)} {of.unit}" if readable else digits(value)


def digits(value: float) -> str:
    """The shortest decimal that reads back as `value`, without an idle `.0`."""
    return repr(value).removesuffix(".0")


def _shortest(value: float, units: list[str]) -> str:
    """`value` in the one of `units`, the earliest of equals, that needs the fewest digits to be exact."""
    spelled = []
    for unit in units:
        number = value / in_base(1.0, unit)[0]
        for rounded in (float(f"{number:.15g}"), number):
            if in_base(rounded, unit)[0] == value:
                spelled.append((digits(rounded), unit))
                break
    text, unit = min(spelled, key=lambda pair: len(pair[0]))
    return f"{text} {unit.removesuffix('s') if text == '1' else unit}"
