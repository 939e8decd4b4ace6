"""Waiting for something to turn true, and doing things at set times after something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from sim.engine import LifeError
from sim.engine.log import NULL

Live = Callable[..., Any]
TEN = 3652.5  # days


def days(lives: Any) -> list[tuple[str, float]]:
    """What happened, and how many days after the tenth birthday."""
    return [(name, round(day - TEN, 4)) for name, day in lives.story()]


# ---- wait_until


@pytest.mark.parametrize(
    ("options", "day"),
    [
        ("wait_until: age >= 12", 730.5),  # a clock, solved for
        ("wait_until: age >= 10", 0),  # true already
        ("wait_until: age >= 12, at_most: 1 year", 365.25),
        ("wait_until: age >= 12, at_most: 3 years", 730.5),
        ("wait_until: since(letter) > 10 days, at_most: 0 days", 0),
        ("wait_until: since(letter) > 10 days", 10),
        ("wait_until: diagnosed(cough)", 20),  # an event of another protocol
        ("wait_until: diagnosed(gout), at_most: 2 weeks", 14),
    ],
)
def test_it_goes_on_when_that_turns_true_or_it_has_waited_long_enough(
    care: Live, options: str, day: float
) -> None:
    found = days(
        care(
            f"""
care:
  one: {{starts: {{when: age >= 10}}, steps: [{{perform: letter}}, {{{options}}}, {{perform: talk}}]}}
  two: {{starts: {{when: age >= 10}}, steps: [{{wait: 20 days}}, {{diagnose: cough}}]}}
"""
        )
    )
    assert [at for name, at in found if name == "talk"] == [day]


def test_it_waits_for_ever_for_what_never_is(care: Live) -> None:
    lives = care(
        """
care: {one: {starts: {when: age >= 10}, steps: [{wait_until: diagnosed(gout)}, {perform: talk}]}}
"""
    )
    assert lives.story() == []


def test_what_was_true_for_an_instant_was_true(care: Live) -> None:
    """The condition is resolved at once; who waited for it goes on all the same, after that."""
    found = days(
        care(
            """
care:
  one: {starts: {when: age >= 10}, steps: [{wait_until: diagnosed(cough)}, {perform: talk}]}
  two:
    starts: {when: age >= 10}
    steps: [{wait: 3 days}, {diagnose: cough}, {resolve: cough}, {perform: letter}]
"""
        )
    )
    assert found == [("cough", 3), ("letter", 3), ("talk", 3)]


def test_at_one_instant_disease_comes_first_and_protocols_in_their_order(care: Live) -> None:
    """At its longest it looks again at nothing: the step that follows does."""
    found = days(
        care(
            """
disease:
  axis:
    before: {-> after: {after: 3672.5 days}}
    after: {}
care:
  one:
    starts: {when: age >= 10}
    steps: [{wait_until: diagnosed(gout), at_most: 20 days}, {perform: talk, chance: 1 if in(after) else 0}]
  two: {starts: {when: age >= 10}, steps: [{wait_until: in(after)}, {perform: letter}]}
"""
        )
    )
    assert found == [("after", 20), ("talk", 20), ("letter", 20)]


def test_only_who_waits_at_that_step_is_woken(care: Live) -> None:
    """A visit that lasts, and a missed one that is asked for again, follow a wait; what was waited for turns
    true again meanwhile, and hurries neither."""
    lives = care(
        """
care:
  one:
    starts: {when: age >= 10}
    steps:
      - {visit: clinic, lasts: 40 days, steps: {wait_until: diagnosed(cough)}}
      - {perform: talk}
      - {wait_until: diagnosed(cough)}
      - visit: ward
        attend: 0
        rebook: {after: 50 days, times: 1}
        missed: {perform: letter}
  two:
    starts: {when: age >= 10.001}
    steps:
      - {every: 10 days, at_most: 20, steps: [{diagnose: cough}, {wait: 5 days}, {resolve: cough}]}
"""
    )
    found = lives.days(lives.rows("procedure")) - TEN
    assert found == pytest.approx([40, 90.36525], abs=1e-4)  # talk, letter


def test_it_is_set_anew_in_each_round(care: Live) -> None:
    found = days(
        care(
            """
care:
  one:
    starts: {when: age >= 10}
    steps:
      - every: 1 day
        at_most: 3
        steps: [{perform: letter}, {wait_until: since(letter) > 10 days}]
"""
        )
    )
    assert found == [("letter", 0), ("letter", 10), ("letter", 20)]


def test_a_protocol_that_ends_waits_no_longer(care: Live) -> None:
    found = days(
        care(
            """
care:
  one:
    starts: [{when: age >= 10}, {upon: scan}]
    until: age >= 11
    steps: [{wait_until: age >= 12}, {perform: talk}]
  two: {starts: {when: age >= 11.5}, steps: {perform: scan}}
"""
        )
    )
    assert found == [("scan", 547.875)]


def test_a_rider_is_let_go_only_if_it_waits(care: Live) -> None:
    lives = care(
        """
care:
  outer: {starts: {when: age >= 10}, steps: {visit: clinic, lasts: 1 day}}
  waits:
    starts: {during: clinic}
    steps: [{wait_until: age >= 9}, {perform: talk}, {wait_until: age >= 10.001}, {perform: letter}]
"""
    )
    assert [name for name, _ in lives.story()] == ["clinic", "talk", "letter"]
    visit, talk, letter = lives.log.encounter.tolist()
    assert (talk, letter) == (visit, NULL)


def test_at_most_may_be_drawn(care: Live) -> None:
    lives = care(
        """
care:
  one:
    starts: {when: age >= 10}
    steps: [{wait_until: age >= 11, at_most: exponential(300 days)}, {perform: talk}]
""",
        4000,
    )
    waited = lives.times("procedure", "talk") - TEN
    assert waited.max() == pytest.approx(365.25, abs=1e-4)
    drawn = waited[waited < 365.24]
    share, p = len(drawn) / 4000, 1 - np.exp(-365.25 / 300)
    assert abs(share - p) < 5 * np.sqrt(p * (1 - p) / 4000)
    assert stats.kstest(drawn, stats.truncexpon(365.25 / 300, scale=300).cdf).pvalue > 1e-6


# ---- at


def test_times_count_from_the_start_of_the_protocol(care: Live) -> None:
    found = days(
        care(
            """
care:
  one:
    starts: {when: age >= 10}
    steps: [{wait: 30 days}, {at: [10 days, 30 days, 6 weeks], steps: {perform: scan}}, {perform: letter}]
"""
        )
    )
    assert found == [("scan", 30), ("scan", 42), ("letter", 42)]


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        ("talk", [13, 25, 105]),  # days after the second talk, on day 5
        ("talk - 4 days", [21, 101]),  # 9 is over
        ("talk + 1 week", [20, 32, 112]),
        ("talk - 5 days * (2 if age < 5 else 1)", [20, 100]),
    ],
)
def test_times_count_from_the_last_time_a_thing_happened(care: Live, thing: str, expected: list[int]) -> None:
    found = days(
        care(
            f"""
care:
  one:
    starts: {{when: age >= 10}}
    steps:
      - {{perform: talk}}
      - wait: 5 days
      - {{perform: talk}}
      - wait: 5 days
      - at: [8 days, 20 days, 100 days]
        counted_from: {thing}
        steps: [{{perform: scan}}, {{start: more}}]
  more: {{steps: {{perform: talk}}}}  # those talks do not move what was begun
"""
        )
    )
    assert [day for name, day in found if name == "scan"] == expected


def test_a_round_that_takes_longer_than_the_next_time_leaves_it_out(care: Live) -> None:
    found = days(
        care(
            """
care:
  one:
    starts: {when: age >= 10}
    steps: {at: [0 days, 10 days, 20 days, 30 days], steps: [{perform: scan}, {wait: 20 days}]}
"""
        )
    )
    assert found == [("scan", 0), ("scan", 20)]


def test_a_time_may_read_the_patient(care: Live) -> None:
    found = days(
        care(
            """
care:
  one:
    starts: {when: age >= 10}
    steps:
      - {test: weight}
      - at: [1 day * last(weight), "5 days if count(scan) > 9 else 90 days"]
        steps: {perform: scan}
"""
        )
    )
    assert found == [("weight", 0), ("scan", 60), ("scan", 90)]


def test_rounds_at_times_draw_each_for_itself(care: Live) -> None:
    lives = care(
        """
care:
  one:
    starts: {when: age >= 10}
    steps: {at: [1 day, 2 days], steps: {perform: scan, chance: 0.5}}
""",
        4000,
    )
    number = np.bincount(lives.rows("procedure", "scan").patient, minlength=4000)
    counts = np.bincount(number, minlength=3)
    assert stats.chisquare(counts, [1000, 2000, 1000]).pvalue > 1e-6


def test_what_has_never_happened_cannot_be_counted_from(care: Live) -> None:
    with pytest.raises(LifeError, match="negative, unknown"):
        care(
            """
care: {one: {starts: {when: age >= 10}, steps: {at: 1 day, counted_from: scan, steps: {perform: talk}}}}
"""
        )
