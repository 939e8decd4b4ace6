"""How protocols start and end, and what comes first at one instant.

Most worlds here have no chance in them, so that a life can be written down in full.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from sim.engine.log import NULL

Live = Callable[..., Any]
YEAR, MONTH = 365.25, 365.25 / 12


# ---- starts


def test_an_age_is_crossed_exactly(care: Live) -> None:
    found = care(
        """
care:
  talks: {starts: {when: age >= 40}, steps: {perform: talk}}
  scans: {starts: {when: age > 40.5 and age < 60}, steps: {perform: scan}}
""",
    ).story()
    assert found == [("talk", 40 * YEAR), ("scan", round(40.5 * YEAR, 4))]


def test_a_date_is_crossed_exactly(care: Live) -> None:
    lives = care(
        """
care:
  talks: {starts: {when: today >= 1999-12-31}, steps: {perform: talk}}
  scans: {starts: {when: year >= 2001}, steps: {perform: scan}}
""",
        50,
    )
    days = np.array([10956, 11323])  # 1999-12-31 and 2001-01-01, days since 1970-01-01
    assert np.array_equal(lives.log.start.reshape(-1, 2), np.tile(days * 86_400, (50, 1)))


def test_a_time_since_something_is_crossed_exactly_each_time(care: Live) -> None:
    found = care(
        """
care:
  talks: {starts: [{when: age >= 10}, {when: age >= 20}], steps: {perform: talk}}
  scans: {starts: {when: since(talk) >= 6 months}, steps: {perform: scan}}
  letters: {starts: {when: age >= 20.25}, steps: {perform: letter}}
""",
    ).story()
    scans = [10 * YEAR + 6 * MONTH, 20 * YEAR + 6 * MONTH]
    assert found == [
        ("talk", 3652.5),
        ("scan", round(scans[0], 4)),
        ("talk", 7305.0),
        ("letter", round(20.25 * YEAR, 4)),
        ("scan", round(scans[1], 4)),
    ]


def test_a_second_happening_puts_the_crossing_off(care: Live) -> None:
    found = care(
        """
care:
  talks: {starts: [{when: age >= 10}, {when: age >= 10.25}], steps: {perform: talk}}
  scans: {starts: {when: since(talk) >= 6 months}, steps: {perform: scan}}
""",
    ).story()
    assert found[-1] == ("scan", round(10.75 * YEAR, 4))
    assert len(found) == 3


def test_what_is_true_already_starts_at_once_and_once(care: Live) -> None:
    found = care(
        "care:\n  talks: {starts: {when: age < 80}, steps: [{perform: talk}, {wait: 1 day}]}\n",
        frame="""
scenario: s
window: {from: 1950-01-01, to: 2100-01-01}
population:
  size: 1
  born: {from: 1950-01-01, to: 1951-01-01}
  sex: {female: 0.5, male: 0.5}
  entry: 30 years
pathways: [world.yaml]
""",
    ).story()
    assert found == [("talk", 30 * YEAR)]


def test_a_trigger_fires_again_only_after_it_was_false(care: Live) -> None:
    found = care(
        """
disease:
  nose:
    dry: {lasts: 1 year, -> runny: {share: 1}}
    runny: {lasts: 10 days, -> dry: {share: 1}}
care:
  talks: {starts: {when: in(runny) and age < 3}, steps: {perform: talk}}
""",
    ).story()
    assert [day for name, day in found if name == "talk"] == [365.25, 740.5]


def test_a_running_protocol_is_not_started_again(care: Live) -> None:
    found = care(
        """
care:
  talks:
    starts: [{when: age >= 10}, {when: age >= 10.5}, {when: age >= 12}]
    steps: [{perform: talk}, {wait: 1 year}, {perform: scan}]
""",
    ).story()
    assert found == [("talk", 3652.5), ("scan", 4017.75), ("talk", 4383.0), ("scan", 4748.25)]


@pytest.mark.parametrize(
    ("thing", "day"),
    [
        ("runny", 365.25),
        ("cough", 3652.5),
        ("syrup", 3652.5),
        ("talk", 3652.5),
        ("clinic", 3652.5),
        ("visits", 3652.5),
    ],
)
def test_upon_anything(care: Live, thing: str, day: float) -> None:
    found = care(
        f"""
disease:
  nose:
    dry: {{lasts: 1 year, -> runny: {{share: 1}}}}
    runny: {{}}
care:
  visits:
    starts: {{when: age >= 10}}
    steps: [{{visit: clinic, steps: [{{diagnose: cough}}, {{prescribe: syrup}}, {{perform: talk}}]}}]
  letters: {{starts: {{upon: {thing}}}, steps: {{perform: letter}}}}
""",
    ).story()
    assert [d for name, d in found if name == "letter"] == [day]


def test_a_rate_starts_a_protocol_again_and_again(care: Live) -> None:
    """30 years at 2 per year: Poisson, so variance equals mean; a threshold kept from start to start would
    not do."""
    lives = care(
        "care:\n  talks: {starts: {rate: 2 per year, while: 20 <= age < 50}, steps: {perform: talk}}\n",
        5000,
    )
    counts = np.bincount(lives.rows("procedure", "talk").patient, minlength=5000)
    assert abs(counts.mean() - 60) < 5 * np.sqrt(60 / 5000)
    assert abs(counts.var(ddof=1) / 60 - 1) < 5 * np.sqrt(2 / 5000)
    times = lives.times("procedure", "talk")
    assert times.min() >= 20 * YEAR
    assert times.max() < 50 * YEAR + 1
    assert stats.kstest(times, stats.uniform(20 * YEAR, 30 * YEAR).cdf).pvalue > 1e-6


def test_a_rider_takes_its_turn_at_the_end_of_every_visit(care: Live) -> None:
    lives = care(
        """
care:
  visits:
    starts: {when: age >= 10}
    steps:
      - visit: clinic
        steps: {perform: talk}
      - {wait: 1 year}
      - visit: ward
        steps: {perform: talk}
      - {wait: 1 year}
      - visit: clinic
  riding: {starts: {during: clinic}, steps: [{perform: scan}, {wait: 10 days}, {perform: letter}]}
  riding_too: {starts: {during: clinic}, steps: {test: weight}}
"""
    )
    assert lives.story() == [
        ("clinic", 3652.5),
        ("talk", 3652.5),
        ("scan", 3652.5),
        ("weight", 3652.5),
        ("letter", 3662.5),
        ("ward", 4017.75),
        ("talk", 4017.75),
        ("clinic", 4383.0),
        ("scan", 4383.0),
        ("weight", 4383.0),
        ("letter", 4393.0),
    ]
    log = lives.log
    first, second = log.encounter[0], log.encounter[7]
    assert log.encounter[:4].tolist() == [first] * 4  # the visit is the riders' too
    assert log.encounter[8:10].tolist() == [second] * 2
    assert (
        log.encounter[4] == log.encounter[10] == NULL
    )  # what a rider does after waiting is outside the visit
    assert log.end[0] == log.start[0]  # nor does the visit wait for it


def test_a_rider_may_end_in_the_visit_and_the_visit_goes_on(care: Live) -> None:
    lives = care(
        """
care:
  visits: {starts: {when: age >= 10}, steps: [{visit: clinic}, {perform: letter}]}
  riding:
    starts: {during: clinic}
    until: diagnosed(cough)
    steps: [{diagnose: cough}, {perform: scan}]
  riding_too: {starts: {during: clinic}, steps: {perform: talk}}
"""
    )
    assert [name for name, _ in lives.story()] == ["clinic", "cough", "talk", "letter"]
    assert (lives.rows("provider").end != NULL).all()


# ---- while and until


def test_while_starts_and_ends_and_starts_again(care: Live) -> None:
    found = care(
        """
disease:
  nose:
    dry: {lasts: 1 year, -> runny: {share: 1}}
    runny: {lasts: 25 days, -> dry: {share: 1}}
care:
  nursing:
    while: in(runny) and age < 3
    steps:
      - every: 10 days
        steps: {perform: talk}
""",
    ).story()
    talks = [day for name, day in found if name == "talk"]
    assert talks == [365.25, 375.25, 385.25, 755.5, 765.5, 775.5]


def test_until_ends_a_waiting_protocol_but_lets_a_visit_finish(care: Live) -> None:
    found = care(
        """
care:
  waiting:
    starts: {when: age >= 10}
    until: age >= 11
    steps: [{perform: talk}, {wait: 2 years}, {perform: scan}]
  visiting:
    starts: {when: age >= 20}
    until: age >= 21
    steps: [{visit: clinic, steps: [{wait: 2 years}, {perform: letter}]}, {perform: scan}]
""",
    ).story()
    assert found == [("talk", 3652.5), ("clinic", 7305.0), ("letter", 8035.5)]


def test_until_that_is_true_already_ends_a_protocol_before_its_first_step(care: Live) -> None:
    pathway = "care:\n  talks: {starts: {when: age >= 10}, until: age >= 5, steps: {perform: talk}}\n"
    assert care(pathway).story() == []


def test_until_ends_what_a_protocol_waits_for_but_not_what_it_started(care: Live) -> None:
    found = care(
        """
care:
  outer:
    starts: {when: age >= 10}
    until: age >= 11
    steps: [{start: beside}, {do: inner}, {perform: letter}]
  inner: {steps: [{wait: 2 years}, {perform: talk}]}
  beside: {steps: [{wait: 2 years}, {perform: scan}]}
""",
    ).story()
    assert found == [("scan", 4383.0)]


def test_while_that_is_true_again_when_a_visit_ends_goes_on(care: Live) -> None:
    """language.md: a `while` protocol ends when its expression is false; in the end it is not."""
    found = care(
        """
care:
  illness: {starts: {when: age >= 10}, steps: {prescribe: syrup}}
  nursing:
    while: prescribed(syrup)
    steps:
      - every: 1 year
        first: later
        at_most: 2
        steps:
          - visit: clinic
            steps: [{stop: syrup}, {prescribe: syrup}]
""",
    ).story()
    assert [day for name, day in found if name == "clinic"] == [4017.75, 4383.0]


def test_stop_ends_a_protocol_and_what_it_waits_for(care: Live) -> None:
    found = care(
        """
care:
  outer: {starts: {when: age >= 10}, steps: [{do: inner}, {perform: letter}]}
  inner: {steps: [{wait: 2 years}, {perform: talk}]}
  stops_outer: {starts: {when: age >= 11}, steps: {stop: outer}}
  again: {starts: {when: age >= 20}, steps: [{do: inner}, {perform: letter}]}
  stops_inner: {starts: {when: age >= 21}, steps: {stop: inner}}
""",
    ).story()
    assert found == [("letter", 21 * YEAR)]  # what waited for `inner` goes on once it is stopped


# ---- ties


def test_at_one_instant_disease_comes_before_care(care: Live) -> None:
    """Semantics 2: both are due on day 3652.5; the state is entered first, then care sees it."""
    found = care(
        """
disease: {nose: {dry: {-> runny: {after: 3652.5 days}}, runny: {}}}
care:
  looks:
    starts: {when: age >= 5}
    steps: [{wait: 1826.25 days}, {if: in(runny), then: {perform: talk}, else: {perform: scan}}]
""",
    ).story()
    assert found == [("runny", 3652.5), ("talk", 3652.5)]


def test_at_one_instant_refreshes_come_before_disease(care: Live) -> None:
    """Semantics 2: the end of a supply is a refresh, so that a state entered at that instant sees no drug."""
    lives = care(
        """
variables: {taken: 7}
disease:
  nose:
    dry: {-> runny: {after: 3662.5 days}}
    runny: {set: {taken: taking(syrup)}}
care:
  treats: {starts: {when: age >= 10}, steps: [{prescribe: syrup, for: 10 days}]}
"""
    )
    assert lives.rows("variable", "taken").value.tolist() == [7, 0]


def test_consequences_come_first_in_first_out_in_the_order_of_the_file(care: Live) -> None:
    found = care(
        """
care:
  begins: {starts: {when: age >= 10}, steps: [{perform: talk}, {perform: scan}]}
  second: {starts: {upon: scan}, steps: {diagnose: cough}}
  first: {starts: {upon: talk}, steps: {diagnose: gout}}
""",
    ).story()
    # protocols go on in the order of the file, whatever the order in which they were started
    assert [name for name, _ in found] == ["talk", "scan", "cough", "gout"]
