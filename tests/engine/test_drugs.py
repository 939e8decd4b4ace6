"""Drugs: their doses, what of them is taken, and regimens that follow one another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sim.engine.log import NULL

Live = Callable[..., Any]
YEAR = 365.25
TEN = 10 * YEAR


def courses(lives: Any, drug: str) -> list[tuple[int, float, float | None]]:
    """The rows of a drug: dose, and days from the tenth birthday to its start and end."""
    rows = lives.rows("drug", drug)
    starts, ends = lives.days(rows) - TEN, lives.days(rows, end=True) - TEN
    return [
        (int(dose), round(float(start), 3), None if end == NULL else round(float(to), 3))
        for dose, start, end, to in zip(rows.aux, starts, rows.end, ends, strict=True)
    ]


# ---- doses


def test_a_dose_is_a_row_of_its_own(live: Live) -> None:
    """Changes beyond the ends do nothing, nor do a renewal and the dose that is taken already."""
    lives = live(
        """
drugs: {other: {doses: [1 g]}, tablet: {doses: [5 mg, 10 mg, 20 mg]}}
care:
  treat:
    starts: {when: age >= 10}
    steps:
      - increase: tablet
      - {prescribe: tablet, dose: 10 mg}
      - wait: 10 days
      - {prescribe: tablet, dose: 10 mg}
      - prescribe: tablet
      - increase: tablet
      - wait: 10 days
      - increase: tablet
      - wait: 10 days
      - decrease: tablet
      - wait: 10 days
      - decrease: tablet
      - wait: 10 days
      - decrease: tablet
      - wait: 10 days
      - {prescribe: tablet, dose: 20 mg}
      - wait: 10 days
      - stop: tablet
      - decrease: tablet
      - wait: 10 days
      - prescribe: tablet
"""
    )
    assert courses(lives, "tablet") == [
        (2, 0, 10),
        (3, 10, 30),
        (2, 30, 40),
        (1, 40, 60),
        (3, 60, 70),
        (1, 80, None),
    ]


def test_a_change_of_dose_is_no_new_prescription(live: Live) -> None:
    """It is not counted, and leaves the supply as it was."""
    lives = live(
        """
drugs: {tablet: {doses: [5 mg, 10 mg]}}
procedures: {one: {}, top: {}, other: {}}
care:
  treat:
    starts: {when: age >= 10}
    steps:
      - {prescribe: tablet, for: 30 days}
      - {if: top_dose(tablet), then: {perform: other}}
      - wait: 20 days
      - increase: tablet
      - {if: count(tablet) == 1 and since(tablet) >= 20 days, then: {perform: one}}
      - {if: top_dose(tablet), then: {perform: top}}
      - wait: 20 days
      - {if: top_dose(tablet), then: {perform: other}}
"""
    )
    assert courses(lives, "tablet") == [(0, 0, 20), (1, 20, 30)]
    assert [name for name, _ in lives.story()] == ["tablet", "tablet", "one", "top"]


def test_the_record_begins_with_the_dose_as_it_is(live: Live) -> None:
    frame = """
scenario: later
window: {from: 1965-01-01, to: 1970-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1950-01-02}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
"""
    lives = live(
        """
drugs: {tablet: {doses: [5 mg, 10 mg]}, plain: {}}
care:
  treat:
    starts: {when: age >= 10}
    steps:
      - {prescribe: tablet}
      - {prescribe: plain}
      - wait: 20 days
      - increase: tablet
      - wait: 6 years
      - decrease: tablet
""",
        frame=frame,
    )
    again = round(20 + 6 * YEAR, 3)
    assert courses(lives, "tablet") == [(1, 20, again), (0, again, None)]
    assert courses(lives, "plain") == [(-1, 0, None)]


# ---- what is taken


def test_taking_is_dose_times_adherence_once_it_works(live: Live) -> None:
    """At the moment itself when `works_in` has gone by it works; a change of dose does not begin it anew."""
    lives = live(
        """
drugs: {tablet: {doses: [5 mg, 10 mg, 20 mg], adherence: 0.8, works_in: 2 weeks}}
biomarkers: {level: {unit: "1", value: 100 * taking(tablet)}}
care:
  treat:
    starts: {when: age >= 10}
    steps:
      - test: level
      - {prescribe: tablet, dose: 10 mg}
      - test: level
      - wait: 13 days
      - test: level
      - wait: 1 day
      - test: level
      - increase: tablet
      - test: level
      - stop: tablet
      - test: level
      - prescribe: tablet
      - test: level
      - wait: 14 days
      - test: level
"""
    )
    assert lives.rows("biomarker").value.tolist() == pytest.approx([0, 0, 0, 40, 80, 0, 0, 20])


def test_rates_see_a_drug_work_from_that_moment_on(live: Live) -> None:
    """The time from the onset to the event is exponential."""
    n = 4000
    lives = live(
        """
disease:
  course:
    ill:
      -> well: {rate: 0.1 per day * taking(tablet)}
    well: {}
drugs: {tablet: {doses: [1 mg, 2 mg], works_in: 100 days}}
care:
  treat: {starts: {when: age >= 10}, steps: {prescribe: tablet}}
""",
        n,
    )
    waits = lives.first("state", "well") - TEN - 100
    assert waits.min() >= -1 / 86400
    assert waits.mean() == pytest.approx(20, abs=5 * 20 / np.sqrt(n))
    assert np.median(waits) == pytest.approx(20 * np.log(2), abs=5 * 20 / np.sqrt(n))


def test_adherence_is_drawn_once_a_life(live: Live) -> None:
    n = 2000
    lives = live(
        """
drugs: {tablet: {adherence: "beta(mean=0.7, sd=0.2)"}}
biomarkers: {level: {unit: "1", value: taking(tablet), decimals: 12}}
care:
  treat:
    starts: {when: age >= 10}
    steps: [{prescribe: tablet}, {test: level}, {wait: 5 years}, {test: level}]
""",
        n,
    )
    drawn = lives.rows("variable", "tablet_adherence").value
    assert len(drawn) == n
    assert drawn.mean() == pytest.approx(0.7, abs=5 * 0.2 / np.sqrt(n))
    found = lives.rows("biomarker").value.reshape(n, 2)
    assert np.abs(found - drawn[:, None]).max() < 1e-11


def test_given_up_quietly_until_prescribed_anew(live: Live) -> None:
    """Given up at a constant rate from the prescription on; the record goes on."""
    n = 4000
    lives = live(
        """
drugs: {tablet: {given_up: {rate: 0.01 per day, times: 2}}}
biomarkers: {level: {unit: "1", value: taking(tablet) + 10 * in(tablet_given_up)}}
care:
  treat:
    starts: {when: age >= 10}
    steps:
      - prescribe: tablet
      - wait: 20 days
      - prescribe: tablet
      - test: level
      - wait: 60 days
      - stop: tablet
      - prescribe: tablet
      - test: level
""",
        n,
    )
    rows = lives.rows("state", "tablet_given_up")
    first = lives.first("state", "tablet_given_up") - TEN
    assert first.min() >= -1 / 86400
    kept = np.mean(first > 80)
    assert kept == pytest.approx(np.exp(-1.6), abs=5 * np.sqrt(np.exp(-1.6) * (1 - np.exp(-1.6)) / n))
    level = lives.rows("biomarker").value.reshape(n, 2)
    assert ((level[:, 0] == 10) == (first <= 20)).all()
    assert ((level[:, 0] == 1) == (first > 20)).all()
    assert (level[:, 1] == 1).all()
    assert len(rows.start) > n  # given up once more
    assert len(lives.rows("drug").start) == 2 * n


def test_nobody_gives_up_what_is_not_prescribed(live: Live) -> None:
    lives = live(
        """
drugs: {tablet: {given_up: {rate: 1 per day, while: age >= 20}}}
care:
  treat: {starts: {when: age >= 15}, steps: [{prescribe: tablet, for: 100 days}]}
  again: {starts: {when: age >= 30}, steps: {prescribe: tablet}}
""",
        200,
    )
    given_up = lives.first("state", "tablet_given_up") / YEAR
    assert given_up.min() >= 30
    assert given_up.max() < 31


def test_what_is_taken_as_needed_never_runs_out(live: Live) -> None:
    lives = live(
        """
drugs: {inhaler: {as_needed: true}, tablet: {}}
care:
  treat:
    starts: {when: age >= 10}
    steps: [{prescribe: inhaler, for: 5 days}, {prescribe: tablet, for: 5 days, refills: 1}]
"""
    )
    assert courses(lives, "inhaler") == [(-1, 0, None)]
    assert courses(lives, "tablet") == [(-1, 0, 10)]


# ---- one regimen after another


def test_switch_is_for_those_who_have_the_drug(live: Live) -> None:
    lives = live(
        """
drugs: {one: {}, two: {doses: [1 mg, 2 mg]}}
care:
  treat:
    starts: {when: age >= 10}
    steps:
      - {switch: one, to: two}
      - prescribe: one
      - wait: 10 days
      - {switch: one, to: two, dose: 2 mg, for: 30 days}
"""
    )
    assert courses(lives, "one") == [(-1, 0, 10)]
    assert courses(lives, "two") == [(1, 10, 40)]


def test_ladders_are_climbed_rung_by_rung(live: Live) -> None:
    """At the top and at the bottom nothing happens; what is not on the next rung is stopped."""
    lives = live(
        """
drugs: {a: {}, b: {}, c: {}}
ladders: {inhalers: [[a], [a, b], [a, c]]}
care:
  treat:
    starts: {when: age >= 10}
    steps:
      - step_down: inhalers
      - {step_up: inhalers, for: 1000 days}
      - wait: 10 days
      - step_up: inhalers
      - wait: 10 days
      - step_up: inhalers
      - wait: 10 days
      - step_up: inhalers
      - wait: 10 days
      - step_down: inhalers
      - wait: 10 days
      - step_down: inhalers
      - wait: 10 days
      - step_down: inhalers
"""
    )
    assert courses(lives, "a") == [(-1, 0, None)]
    assert courses(lives, "b") == [(-1, 10, 20), (-1, 40, 50)]
    assert courses(lives, "c") == [(-1, 20, 40)]


def test_whose_supply_ends_falls_off_the_ladder(live: Live) -> None:
    lives = live(
        """
drugs: {a: {}, b: {}}
ladders: {pair: [a, [a, b]]}
care:
  treat:
    starts: {when: age >= 10}
    steps:
      - {step_up: pair, for: 10 days}
      - wait: 20 days
      - {step_up: pair, for: 10 days}
      - wait: 5 days
      - {step_up: pair, for: 10 days}
"""
    )
    assert courses(lives, "a") == [(-1, 0, 10), (-1, 20, 35)]
    assert courses(lives, "b") == [(-1, 25, 35)]
