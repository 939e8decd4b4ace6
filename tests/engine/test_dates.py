"""What changes on a date or with the month: exactly then, for rates, triggers and looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sim.scenario.model import Scenario
from sim.scenario.seasons import TABLES
from tests.engine.test_hazards import PATIENTS, fires_where_foretold, hazard, thresholds

Live = Callable[..., Any]
DAY = 86_400


def day(date: str) -> int:
    return int(np.datetime64(date, "D").astype(int))


# ---- valid


def test_a_protocol_starts_between_its_dates(care: Live) -> None:
    lives = care(
        """
care:
  talks:
    starts: {rate: 2 per year}
    valid: {from: 1990-03-01, to: 1995-01-01}
    steps: {perform: talk}
""",
        50,
    )
    times = lives.rows("procedure", "talk").start
    assert len(times) > 50 * 2 * 4.5
    assert times.min() >= day("1990-03-01") * DAY
    assert times.max() < day("1995-01-01") * DAY
    expected = 50 * 2 * (day("1995-01-01") - day("1990-03-01")) / 365.25
    assert abs(len(times) - expected) < 5 * np.sqrt(expected)


def test_every_kind_of_start_obeys(care: Live) -> None:
    """Twice a year something comes that would start each: outside the dates it does not."""
    lives = care(
        """
care:
  clock:
    starts: {when: today >= 1980-01-01}
    steps:
      - every: 6 months
        at_most: 20
        steps: [{visit: clinic}, {diagnose: cough, resolves: after 1 hour}, {start: started}, {do: done}]
  upon: {starts: {upon: cough}, valid: {from: 1983-01-01, to: 1985-01-01}, steps: {perform: talk}}
  during: {starts: {during: clinic}, valid: {from: 1983-01-01, to: 1985-01-01}, steps: {perform: scan}}
  started: {valid: {from: 1983-01-01, to: 1985-01-01}, steps: {perform: letter}}
  done: {valid: {from: 1983-01-01, to: 1985-01-01}, steps: {prescribe: syrup, for: 1 day}}
  levels: {while: diagnosed(cough), valid: {from: 1983-01-01, to: 1985-01-01}, steps: {test: weight}}
""",
    )
    assert len(lives.rows("condition", "cough").start) == 20
    for kind, name in (
        ("procedure", "talk"),
        ("procedure", "scan"),
        ("procedure", "letter"),
        ("drug", "syrup"),
        ("biomarker", "weight"),
    ):
        times = lives.rows(kind, name).start
        assert len(times) == 4  # in the two years
        assert times.min() >= day("1983-01-01") * DAY
        assert times.max() < day("1985-01-01") * DAY


def test_a_trigger_that_is_true_already_turns_true_on_the_first_date(care: Live) -> None:
    lives = care(
        """
care:
  talks: {starts: {when: age >= 20}, valid: {from: 1985-05-05}, steps: {perform: talk}}
  scans: {starts: {when: age >= 60}, valid: {from: 1985-05-05}, steps: {perform: scan}}
  letters: {while: age < 40, valid: {from: 1985-05-05, to: 1986-01-01}, steps: [{wait: 1 year}, {perform: letter}]}
""",  # noqa: E501
    )
    born = lives.people.birth[0]
    assert lives.story() == [
        ("talk", round(day("1985-05-05") - born, 4)),
        ("letter", round(day("1985-05-05") - born + 365.25, 4)),  # what runs goes on
        ("scan", 60 * 365.25),
    ]


def test_a_step_is_done_between_its_dates(care: Live) -> None:
    lives = care(
        """
care:
  clock:
    starts: {when: today >= 1980-01-01}
    steps:
      - every: 1 day
        at_most: 5
        steps:
          - {perform: talk, valid: {to: 1980-01-03}}
          - {perform: scan, valid: {from: 1980-01-02, to: 1980-01-04}}
          - {perform: letter, valid: {from: 1980-01-03}, chance: 0.5}
""",
        200,
    )
    for name, first, last in (("talk", 1, 2), ("scan", 2, 3), ("letter", 3, 5)):
        days, counts = np.unique(lives.rows("procedure", name).start // DAY, return_counts=True)
        assert days.tolist() == [day(f"1980-01-0{d}") for d in range(first, last + 1)]
        assert (counts == 200).all() if name != "letter" else (abs(counts - 100) < 5 * 50**0.5).all()


# ---- parameters that change


def test_a_rate_changes_exactly_on_the_date(live: Live) -> None:
    lives = live(
        """
parameters:
  onset: {value: 1 per 100 person-years, changes: {1990-05-17: 20, 1970-01-01: 0.001 per year}, source: us}
disease: {course: {well: {-> ill: {rate: onset * (2 if male else 1)}}, ill: {}}}
sources: {us: made up}
""",
        PATIENTS,
    )
    births, male = lives.people.birth, lives.people.sex == 1

    def rate(date: float) -> float:
        if date < 0:
            return 0.01
        return 0.001 if date < day("1990-05-17") else 0.2

    fires_where_foretold(
        lives.first("state", "ill"),
        thresholds("world/course/well/-> ill"),
        lambda i, t: (
            (1 + male[i]) * hazard(rate, births[i], births[i] + t, np.array([0.0, day("1990-05-17")]))
        ),
    )


def test_looks_and_triggers_see_the_value_of_the_day(care: Live) -> None:
    """60 kg are reached at 10; from 1975 on 70 kg count, from 1985 on 55."""
    lives = care(
        """
sources: {us: made up}
parameters:
  much: {value: 60 kg, changes: {1975-01-01: 70 kg, 1985-01-01: 55}, source: us}
  old: {value: 30, changes: {1975-06-01: 25, 1985-01-01: 28}, source: us}
care:
  weighs: {starts: {when: age >= 5}, steps: {every: 5 years, at_most: 3, steps: {test: weight}}}
  talks: {starts: {when: last(weight) >= much}, steps: {perform: talk}}
  scans:
    starts: {when: today >= 1974-12-31}
    steps:
      - {every: 1 day, at_most: 3, steps: {if: 61 kg >= much, then: {perform: scan}}}
  letters: {starts: {when: age >= old}, steps: {perform: letter}}
""",
        20,
    )
    births = lives.people.birth
    talks = lives.days(lives.rows("procedure", "talk")).reshape(20, 2)
    assert np.allclose(talks[:, 0], 10 * 365.25, atol=1e-4)
    assert np.allclose(talks[:, 1], day("1985-01-01") - births, atol=1e-4)
    scans = lives.rows("procedure", "scan").start
    assert (scans == day("1974-12-31") * DAY).all()
    letters = lives.rows("procedure", "letter").start
    twenty_five = np.floor((births + 25 * 365.25) * DAY)
    assert (letters == np.maximum(twenty_five, day("1975-06-01") * DAY)).all()


def test_set_stands_for_all_dates(live: Live) -> None:
    world = """
sources: {us: made up}
parameters: {onset: {value: 0.01 per year, changes: {1960-01-01: 0.5 per year}, source: us}}
disease: {course: {well: {-> ill: {rate: onset}}, ill: {}}}
"""
    constant = world.replace("changes: {1960-01-01: 0.5 per year}, ", "")
    ours = live(world, 50, parameters={"onset": "0.03"}).log
    theirs = live(constant, 50, parameters={"onset": "0.03"}).log
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(ours, theirs, strict=True))


# ---- months


def first_days() -> list[int]:
    """The first of every month, 1950 to 2049, in days since 1970-01-01."""
    months = np.arange(np.datetime64("1950-01", "M"), np.datetime64("2050-01", "M"))
    return [int(d) for d in months.astype("datetime64[D]").astype(int)]


def month_of(date: float) -> int:
    return int(np.datetime64(int(np.floor(date)), "D").astype("datetime64[M]").astype(int)) % 12 + 1


def test_a_season_is_a_cosine_over_the_months() -> None:
    for peak, table in enumerate(TABLES.values(), 1):
        expected = np.cos(2 * np.pi * (np.arange(1, 13) - peak) / 12)
        assert table.values == pytest.approx(expected, abs=1e-14)
        assert abs(sum(table.values)) < 1e-15
        lengths = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
        assert abs(np.dot(lengths, table.values) / 365) < 0.006


def test_a_rate_goes_with_the_season(live: Live) -> None:
    lives = live(
        """
disease:
  course:
    well: {-> ill: {rate: "0.5 per year * season(peak=september, amplitude=0.9)", while: month != december}}
    ill: {}
""",
        PATIENTS,
    )
    births = lives.people.birth

    def rate(date: float) -> float:
        month = month_of(date)
        return 0.5 * (1 + 0.9 * np.cos(2 * np.pi * (month - 9) / 12)) * (month != 12)

    fires_where_foretold(
        lives.first("state", "ill"),
        thresholds("world/course/well/-> ill"),
        lambda i, t: hazard(rate, births[i], births[i] + t, np.array(first_days(), float)),
    )


def test_a_trigger_turns_on_the_first_of_the_month(care: Live) -> None:
    lives = care(
        """
care:
  talks: {starts: {when: month == march and year >= 1990 and year < 1992}, steps: {perform: talk}}
  scans:
    starts: {when: "season(peak=july, amplitude=0.5) > 1.2"}
    steps: {if: year == 1990, then: [{perform: scan}, {if: month == may, then: {perform: letter}}]}
"""
    )
    assert lives.rows("procedure", "talk").start.tolist() == [DAY * day(f"{y}-03-01") for y in (1990, 1991)]
    for name in ("scan", "letter"):
        assert lives.rows("procedure", name).start.tolist() == [DAY * day("1990-05-01")]


# ---- tables read by other keys

TABLE = (
    "weight,sex,age,value\n50-59.9,female,0-30,1\n60+,female,0-30,2\n50-59.9,male,0-30,3\n60+,male,0-30,4\n"
)


def test_a_table_is_read_by_the_keys_that_are_given(care: Live) -> None:
    """Weight is 50 kg + age: from 10 on a woman reads 2, a man 4, whatever the patient's own sex and age."""
    lives = care(
        """
sources: {us: made up}
parameters: {found: {by: [weight, sex, age], table: t.csv, source: us}}
care:
  clock:
    starts: {when: today >= 1958-01-01}
    steps:
      - every: 1 year
        at_most: 60
        steps:
          - test: weight
          - {if: "lookup(found, weight=last(weight), sex=female, age=20) == 2", then: {perform: talk}}
          - {if: "lookup(found, weight=last(weight), age=20) == (2 if female else 4)", then: {perform: scan}}
""",
        20,
        tables={"t.csv": TABLE},
    )
    for name in ("talk", "scan"):
        first = lives.first("procedure", name) / 365.25
        assert (first >= 9.94).all()  # weights are rounded to a decimal
        assert (first < 11).all()


def test_outside_a_table_is_a_fault_of_the_run(world: Callable[..., Scenario]) -> None:
    from sim.engine import LifeError, simulate
    from sim.program import compile

    scenario = world(
        """
sources: {us: made up}
parameters: {found: {by: [weight, sex, age], table: t.csv, source: us}}
disease: {course: {well: {-> ill: {rate: "lookup(found, weight=age + 30, age=20) * 1 per year"}}, ill: {}}}
""",
        tables={"t.csv": TABLE},
    )
    with pytest.raises(LifeError, match="outside") as raised:
        simulate(compile(scenario), range(1), 1)
    assert raised.value.fault.span
    assert raised.value.fault.span.line == 5
