from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scenario import units
from sim.scenario.expressions import Number, parse
from sim.scenario.model import DATE, DURATION, NUMBER, RATE, Span, Type

START = Span("x.yaml", 1, 1)


@pytest.mark.parametrize(
    ("value", "unit", "base", "of"),
    [
        (3.0, "", 3.0, NUMBER),
        (80.0, "days", 80.0, DURATION),
        (1.0, "day", 1.0, DURATION),
        (6.0, "weeks", 42.0, DURATION),
        (2.0, "years", 730.5, DURATION),
        (12.0, "months", 365.25, DURATION),
        (36.0, "hours", 1.5, DURATION),
        (90.0, "minutes", 0.0625, DURATION),
        (864.0, "seconds", 0.01, DURATION),
        (0.02, "per day", 0.02, RATE),
        (14.0, "per week", 2.0, RATE),
        (365.25, "per year", 1.0, RATE),
        (30.4375, "per month", 1.0, RATE),
        (2.0, "per hour", 48.0, RATE),
        (365_250.0, "per 1000 person-years", 1.0, RATE),
        (3_652_500.0, "per 10_000 years", 1.0, RATE),
        (8.5, "mmol/L", 8.5, Type("number", unit="mmol/L")),
        (27.0, "{score}", 27.0, Type("number", unit="{score}")),
    ],
)
def test_base_units(value: float, unit: str, base: float, of: Type) -> None:
    assert units.in_base(value, unit) == (base, of)


def test_a_rate_over_people_is_that_rate_to_the_bit() -> None:
    assert units.in_base(2.0, "per 1000 person-years") == units.in_base(0.002, "per year")


@pytest.mark.parametrize("unit", ["per", "per mile", "per mmol/L", "per 0 years", "per person"])
def test_a_rate_needs_a_time(unit: str) -> None:
    with pytest.raises(ValueError, match=r"is not a rate|divides by zero"):
        units.in_base(1.0, unit)


@pytest.mark.parametrize("unit", sorted(units.CLINICAL))
def test_every_listed_unit_can_be_written_after_a_number(unit: str) -> None:
    assert parse(f"8.5 {unit}", START) == Number(8.5, unit, Span("x.yaml", 1, 1, len(f"8.5 {unit}")))


def test_spellings_of_one_unit() -> None:
    assert units.same_unit("mmHg", "mm[Hg]")
    assert units.same_unit("µmol/L", "umol/L")
    assert not units.same_unit("mmol/L", "mg/dL")
    assert units.same_unit("fathom", "fathom")


@given(st.dates())
def test_dates_count_days_since_1970(day: date) -> None:
    days = units.days_from_date(day.isoformat())
    assert days == (day - date(1970, 1, 1)).days
    assert units.date_from_days(days) == day.isoformat()


@given(st.floats(min_value=0, max_value=1e300), st.sampled_from([NUMBER, DURATION, RATE]))
def test_a_spelled_literal_reads_back_to_the_bit(value: float, of: Type) -> None:
    number = parse(units.spell(value, of), START)
    assert isinstance(number, Number)
    assert units.in_base(number.value, number.unit) == (value, of)


@given(st.integers(1, 10_000), st.sampled_from([0.001, 0.01, 0.1, 1.0]))
def test_a_yearly_rate_is_spelled_as_an_author_would(thousandths: int, scale: float) -> None:
    written = f"{round(thousandths * scale, 3):g}"
    rate, of = units.in_base(float(written), "per year")
    assert units.spell(rate, of) == f"{written} per year"


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (1.0, "1 day"),
        (42.0, "6 weeks"),
        (80.0, "80 days"),
        (365.25, "1 year"),
        (0.5, "12 hours"),
        (0.3, "0.3 days"),
    ],
)
def test_durations_are_spelled_in_the_unit_with_the_fewest_digits(days: float, text: str) -> None:
    assert units.spell(days, DURATION) == text


@pytest.mark.parametrize("text", ["4 per week", "9 per week", "0.5 per week"])
def test_what_is_no_short_number_a_year_is_spelled_by_the_week(text: str) -> None:
    assert units.spell(*units.in_base(float(text.split()[0]), "per week")) == text


def test_a_date_is_spelled_as_a_date() -> None:
    assert units.spell(14_610.0, DATE) == "2010-01-01"
