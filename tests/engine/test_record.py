"""What care leaves on the record, and what of it is in the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sim.engine.log import NULL

Live = Callable[..., Any]
YEAR = 365.25


# ---- the record


def test_diagnose_and_prescribe_change_no_record_twice(care: Live) -> None:
    lives = care(
        """
care:
  visits:
    starts: {when: age >= 10}
    steps:
      - every: 1 year
        at_most: 4
        steps:
          - {diagnose: cough}
          - {prescribe: syrup}
          - {if: count(talk) == 1, then: [{resolve: cough}, {stop: syrup}]}
          - {perform: talk}
"""
    )
    for kind, name in (("condition", "cough"), ("drug", "syrup")):
        rows = lives.rows(kind, name)
        assert lives.days(rows) == pytest.approx([10 * YEAR, 12 * YEAR], abs=2e-5)
        assert lives.days(rows, end=True)[0] == pytest.approx(11 * YEAR, abs=2e-5)
        assert rows.end[1] == NULL


def test_a_condition_resolves_by_itself_once(care: Live) -> None:
    lives = care(
        """
care:
  finds:
    starts: {when: age >= 10}
    steps:
      - {diagnose: cough, resolves: after 14 days}
      - {wait: 1 week}
      - {diagnose: cough, resolves: after 14 days}
      - {resolve: cough}
      - {wait: 1 day}
      - {diagnose: cough}
  letters: {starts: {when: not diagnosed(cough) and age >= 10.001}, steps: {perform: letter}}
"""
    )
    rows = lives.rows("condition", "cough")
    assert lives.days(rows) == pytest.approx([3652.5, 3660.5], abs=2e-5)
    assert lives.days(rows, end=True)[0] == pytest.approx(3659.5, abs=2e-5)
    assert rows.end[1] == NULL  # the resolution due on day 14 belongs to the first row, and is off
    assert lives.times("procedure", "letter") == pytest.approx([3659.5], abs=2e-5)


@pytest.mark.parametrize(
    ("prescription", "lasts"),
    [
        ("for: 28 days", 28),
        ("for: 28 days, refills: 2", 84),
        ("for: 28 days, refills: until stopped", None),
        ("", None),
    ],
)
def test_a_supply_ends(care: Live, prescription: str, lasts: float | None) -> None:
    lives = care(
        f"""
care:
  treats: {{starts: {{when: age >= 10}}, steps: [{{prescribe: syrup, {prescription}}}]}}
  misses: {{starts: {{when: not prescribed(syrup) and count(syrup) > 0}}, steps: {{perform: letter}}}}
"""
    )
    rows = lives.rows("drug", "syrup")
    assert lives.days(rows) == pytest.approx([3652.5], abs=2e-5)
    if lasts is None:
        assert rows.end[0] == NULL
        assert not len(lives.times("procedure"))
    else:
        assert lives.days(rows, end=True) == pytest.approx([3652.5 + lasts], abs=2e-5)
        assert lives.times("procedure", "letter") == pytest.approx([3652.5 + lasts], abs=2e-5)


def test_a_renewal_lasts_from_its_own_day(care: Live) -> None:
    lives = care(
        """
care:
  treats:
    starts: {when: age >= 10}
    steps: [{prescribe: syrup, for: 90 days}, {wait: 60 days}, {prescribe: syrup, for: 10 days}]
"""
    )
    rows = lives.rows("drug", "syrup")
    assert lives.days(rows, end=True) == pytest.approx([3652.5 + 70], abs=2e-5)


def test_a_drug_acts_on_the_truth_while_it_is_taken(live: Live) -> None:
    lives = live(
        """
biomarkers: {pulse: {unit: bpm, value: 70 - 10 * taking(syrup)}}
drugs: {syrup: {rxnorm: "312617"}}
care:
  treats:
    starts: {when: age >= 10}
    steps:
      - {test: pulse}
      - {prescribe: syrup, for: 10 days}
      - {test: pulse}
      - {wait: 20 days}
      - {test: pulse}
"""
    )
    assert lives.rows("biomarker", "pulse").value.tolist() == [70, 60, 70]


def test_results_are_clipped_and_rounded_half_up(live: Live) -> None:
    lives = live(
        """
biomarkers:
  low: {unit: kg, value: 1, range: 2 to 40}
  high: {unit: kg, value: 41, range: 2 to 40}
  half: {unit: kg, value: 2.5, decimals: 0}
  half_below_zero: {unit: kg, value: -2.5, decimals: 0}
  third: {unit: kg, value: 1 / 3, decimals: 3}
  large: {unit: kg, value: 100000000, decimals: 12}
care:
  tests:
    starts: {when: age >= 10}
    steps: {test: [low, high, half, half_below_zero, third, large]}
"""
    )
    assert lives.rows("biomarker").value.tolist() == [2, 40, 3, -2, 0.333, 1e8]


def test_last_first_mean_and_count(live: Live) -> None:
    lives = live(
        """
procedures: {talk: {snomed: "225323000"}}
biomarkers:
  weight: {unit: kg, value: 50 + age, decimals: 0}
  seen:
    unit: kg
    value: 0
    measurement_error: >-
      normal(1e3 * (last(weight) or_else 0) + (mean(weight, within=800 days) or_else 0)
      + 1e6 * count(talk, within=800 days) + 1e8 * (first(weight) or_else 0), 0)
care:
  tests:
    starts: {when: age >= 10}
    steps:
      - {test: seen}
      - every: 1 year
        at_most: 4
        steps: [{perform: talk}, {test: [weight, seen]}]
"""
    )
    # within 800 days: this test and the two before it
    expected = [
        0,
        1000 * 60 + 60 + 1e6 + 1e8 * 60,
        1000 * 61 + 60.5 + 2e6 + 1e8 * 60,
        1000 * 62 + 61 + 3e6 + 1e8 * 60,
        1000 * 63 + 62 + 3e6 + 1e8 * 60,
    ]
    assert lives.rows("biomarker", "seen").value.tolist() == expected


@pytest.mark.parametrize(
    "lately",
    [
        "tested(weight, within=30 days)",
        "count(letter, within=30 days) == 1",
        "known(mean(weight, within=30 days))",
    ],
)
def test_within_is_a_closed_interval_of_time(care: Live, lately: str) -> None:
    found = care(
        f"""
care:
  tests:
    starts: {{when: age >= 10}}
    steps:
      - {{if: not tested(weight), then: {{perform: letter}}}}
      - {{test: weight}}
      - {{wait: 30 days}}
      - {{if: "{lately}", then: {{perform: talk}}}}
      - {{wait: 1 hour}}
      - {{if: "not ({lately})", then: {{perform: scan}}}}
""",
    ).story()
    assert [name for name, _ in found] == ["letter", "weight", "talk", "scan"]


def test_a_trigger_may_count_what_lately_happened(care: Live) -> None:
    """`count(within=)` falls at the moment when the oldest grows too old."""
    found = care(
        """
care:
  talks: {starts: [{when: age >= 10}, {when: age >= 10.5}], steps: {perform: talk}}
  scans:
    starts: {when: "count(talk, within=1 year) < 2 and count(talk) == 2"}
    steps: {perform: scan}
  letters:
    starts: {when: "count(talk, within=1 year) < 1 and count(talk) == 2"}
    steps: {perform: letter}
""",
    ).story()
    assert found[2:] == [("scan", 11 * YEAR), ("letter", round(11.5 * YEAR, 4))]


# ---- the window


def test_what_is_on_the_record_at_the_window_s_start(care: Live) -> None:
    """Conditions and prescriptions that are active then begin when they began; nothing else is from
    before."""
    frame = """
scenario: s
window: {from: 1970-01-01, to: 1980-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
providers: {clinic: {class: ambulatory}}
"""
    lives = care(
        """
care:
  early:
    starts: {when: age >= 10}
    steps:
      - visit: clinic
        steps: [{diagnose: cough}, {diagnose: gout}, {prescribe: syrup}, {perform: talk}, {test: weight}]
      - {wait: 1 year}
      - {resolve: gout}
      - {diagnose: cough}
      - {prescribe: syrup}
  late: {starts: {when: today >= 1975-01-01}, steps: [{resolve: cough}, {stop: syrup}, {diagnose: gout}]}
""",
        20,
        frame=frame,
    )
    for kind, name in (("condition", "cough"), ("drug", "syrup")):
        rows = lives.rows(kind, name)
        assert lives.days(rows) == pytest.approx(np.full(20, 10 * YEAR), abs=2e-5)
        assert (rows.end == 1826 * 86_400).all()
        assert (rows.encounter == NULL).all()  # that encounter is not on the record
    assert (lives.rows("condition", "gout").start == 1826 * 86_400).all()
    assert len(lives.log.kind) == 60


def test_a_visit_under_way_when_the_window_opens(care: Live) -> None:
    """It is not on the record, so what happens in it belongs to no encounter."""
    frame = """
scenario: s
window: {from: 1970-01-01, to: 1980-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1950-01-02}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
providers: {clinic: {class: ambulatory}}
"""
    lives = care(
        """
care:
  stays:
    starts: {when: today >= 1969-12-01}
    steps:
      - {visit: clinic, steps: [{wait: 60 days}, {perform: talk}]}
      - {visit: clinic, steps: {perform: scan}}
""",
        frame=frame,
    )
    assert [name for name, _ in lives.story()] == ["talk", "clinic", "scan"]
    talk, clinic, scan = lives.log.encounter.tolist()
    assert talk == NULL != clinic == scan


def test_death_ends_a_visit_and_everything_after(care: Live) -> None:
    lives = care(
        """
disease: {life: {alive: {-> dead: {after: 4000 days, cause: cough}}}}
care:
  stays:
    starts: {when: age >= 10}
    steps:
      - {diagnose: gout}
      - {prescribe: syrup, for: 30 days, refills: 99}
      - visit: ward
        steps: [{wait: 1 year}, {perform: talk}]
"""
    )
    assert [name for name, _ in lives.story()] == ["gout", "syrup", "ward", "dead", "death"]
    assert lives.days(lives.rows("provider"), end=True) == pytest.approx([4000], abs=2e-5)
    assert lives.rows("death").code.tolist() == [0]
    assert lives.people.died.tolist() == [True]
    assert lives.people.left.tolist() == lives.rows("death").start.tolist()


@pytest.mark.parametrize(
    "exit_",
    ["share: 1, cause: cough", "upon: talks, cause: cough", "after: 0 days, cause: cough"],
)
def test_death_at_birth_is_on_the_record(care: Live, exit_: str) -> None:
    """Born inside the window, dead at once: one death row, at birth, and nothing more."""
    lives = care(
        f"""
disease: {{life: {{alive: {{-> dead: {{{exit_}}}}}}}}}
care:
  talks: {{starts: {{when: age >= 0}}, steps: {{wait: 1 day}}}}
  scans: {{starts: {{when: age >= 20}}, steps: {{perform: scan}}}}
""",
        3,
    )
    assert lives.people.died.all()
    assert lives.times("death") == pytest.approx(np.zeros(3), abs=2e-5)
    assert not len(lives.times("procedure"))


def test_encounters_have_ids_of_their_own_and_own_their_rows(care: Live) -> None:
    lives = care(
        """
care:
  visits:
    starts: {when: age >= 10}
    steps:
      - every: 1 year
        at_most: 5
        steps:
          - {visit: clinic, reason: cough, steps: {test: weight}}
          - {visit: ward, steps: {test: weight}}
          - {test: weight}
""",
        1000,
    )
    visits = lives.rows("provider")
    assert len(np.unique(visits.encounter)) == len(visits.encounter) == 10_000
    assert (visits.encounter >= 0).all()
    assert visits.aux.reshape(-1, 2).tolist() == [[0, -1]] * 5000
    tests = lives.rows("biomarker").encounter.reshape(-1, 3)
    assert (tests[:, :2] == visits.encounter.reshape(-1, 2)).all()
    assert (tests[:, 2] == NULL).all()
