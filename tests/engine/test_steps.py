"""What protocols do, step by step.

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
YEAR = 365.25


# ---- do and start


def test_do_waits_and_start_does_not(care: Live) -> None:
    found = care(
        """
care:
  outer:
    starts: {when: age >= 10}
    steps: [{do: longer}, {perform: talk}, {start: longer}, {perform: letter}]
  longer: {steps: [{wait: 1 year}, {perform: scan}]}
""",
    ).story()
    assert found == [("scan", 4017.75), ("talk", 4017.75), ("letter", 4017.75), ("scan", 4383.0)]


def test_do_of_a_running_protocol_does_nothing(care: Live) -> None:
    found = care(
        """
care:
  one: {starts: {when: age >= 10}, steps: [{do: longer}, {perform: talk}]}
  two: {starts: {when: age >= 10.5}, steps: [{do: longer}, {perform: letter}]}
  longer: {steps: [{wait: 1 year}, {perform: scan}]}
""",
    ).story()
    assert found == [("letter", round(10.5 * YEAR, 4)), ("scan", 4017.75), ("talk", 4017.75)]


def test_what_is_done_inside_a_visit_belongs_to_it(care: Live) -> None:
    lives = care(
        """
care:
  outer:
    starts: {when: age >= 10}
    steps: [{visit: clinic, steps: [{do: longer}, {start: beside}, {test: weight}]}, {test: weight}]
  longer: {steps: [{wait: 1 week}, {perform: scan}]}
  beside: {steps: {perform: letter}}
"""
    )
    assert [name for name, _ in lives.story()] == ["clinic", "scan", "weight", "weight", "letter"]
    visit, *inside = lives.log.encounter.tolist()
    assert inside == [visit, visit, NULL, NULL]
    assert lives.days(lives.rows("provider"), end=True)[0] == pytest.approx(3659.5, abs=2e-5)


def test_a_visit_inside_a_visit_leaves_the_outer_one_whole(care: Live) -> None:
    lives = care(
        """
care:
  outer:
    starts: {when: age >= 10}
    steps:
      - visit: clinic
        steps: [{do: inner}, {perform: talk}]
  inner: {steps: [{visit: ward, steps: {perform: scan}}, {perform: letter}]}
"""
    )
    assert [name for name, _ in lives.story()] == ["clinic", "ward", "scan", "letter", "talk"]
    clinic, ward, scan, letter, talk = lives.log.encounter.tolist()
    assert scan == ward != clinic
    assert letter == talk == clinic  # the visit to the clinic is still under way
    assert (lives.rows("provider").end != NULL).all()


# ---- every, wait, choose, if, chance


def test_every_counts_from_start_to_start(care: Live) -> None:
    """A round that takes longer than the interval is followed by the next at once, which counts from
    there."""
    found = care(
        """
care:
  rounds:
    starts: {when: age >= 10}
    steps:
      - every: 30 days
        at_most: 5
        steps:
          - {perform: talk}
          - wait: 100 days if count(talk) == 2 else 10 days
      - {perform: letter}
""",
    ).story()
    days = [round(day - 3652.5, 4) for _, day in found]
    assert days == [0, 30, 130, 160, 190, 200]


@pytest.mark.parametrize(
    ("options", "days"),
    [
        ("at_most: 3", [0, 30, 60]),
        ("first: now, at_most: 3", [0, 30, 60]),
        ("first: later, at_most: 3", [30, 60, 90]),
        ("first: 4 weeks, at_most: 3", [28, 58, 88]),
        ("until: count(talk) >= 2", [0, 30]),
        ("until: age >= 10.2", [0, 30, 60]),  # day 73.05
        ("first: later, until: age >= 10", []),
    ],
)
def test_rounds(care: Live, options: str, days: list[float]) -> None:
    found = care(
        f"""
care:
  rounds:
    starts: {{when: age >= 10}}
    steps:
      - {{every: 30 days, {options}, steps: {{perform: talk}}}}
      - {{perform: letter}}
""",
    ).story()
    talks = [round(day - 3652.5, 4) for name, day in found if name == "talk"]
    assert talks == days
    assert found[-1][0] == "letter"


def test_until_of_rounds_is_looked_at_between_them(care: Live) -> None:
    """A round under way when the expression turns true is finished; one that is due is not begun."""
    found = care(
        """
care:
  rounds:
    starts: {when: age >= 10}
    steps:
      - every: 1 year
        until: age >= 11.5
        steps: [{perform: talk}, {wait: 300 days}, {perform: scan}]
      - {perform: letter}
""",
    ).story()
    assert [name for name, _ in found] == ["talk", "scan", "talk", "scan", "letter"]
    assert found[-1][1] == 11 * YEAR + 300


def test_rounds_inside_rounds_begin_anew(care: Live) -> None:
    found = care(
        """
care:
  rounds:
    starts: {when: age >= 10}
    steps:
      - every: 1 year
        at_most: 2
        steps:
          - every: 10 days
            at_most: 2
            steps: {perform: talk}
          - {perform: scan}
""",
    ).story()
    assert [(name, round(day - 3652.5, 4)) for name, day in found] == [
        ("talk", 0),
        ("talk", 10),
        ("scan", 10),
        ("talk", 365.25),
        ("talk", 375.25),
        ("scan", 375.25),
    ]


def test_an_interval_is_as_of_the_end_of_its_round(care: Live) -> None:
    found = care(
        """
care:
  rounds:
    starts: {when: age >= 10}
    steps:
      - every: 10 days if diagnosed(cough) else 100 days
        at_most: 3
        steps: [{perform: talk}, {if: count(talk) == 2, then: {diagnose: cough}}]
""",
    ).story()
    talks = [round(day - 3652.5, 4) for name, day in found if name == "talk"]
    assert talks == [0, 100, 110]


def test_choose_goes_from_top_to_bottom(care: Live) -> None:
    """Shares are of all who come to the choice, by one uniform; an `if` above takes its people first."""
    lives = care(
        """
variables: {marked: bernoulli(0.3)}
care:
  choice:
    starts: {when: age >= 10}
    steps:
      - choose:
          - {share: 0.2, then: {perform: talk}}
          - {if: marked, then: {perform: scan}}
          - {share: 0.5, then: {perform: letter}}
          - {share: rest, then: {diagnose: cough}}
""",
        40_000,
    )
    found = np.array(
        [
            len(lives.rows(kind, name).patient)
            for kind, name in [
                ("procedure", "talk"),
                ("procedure", "scan"),
                ("procedure", "letter"),
                ("condition", "cough"),
            ]
        ]
    )
    expected = 40_000 * np.array([0.2, 0.24, 0.35, 0.21])
    assert found.sum() == 40_000  # everyone takes exactly one branch
    assert (abs(found - expected) < 5 * np.sqrt(expected)).all()


def test_chance_is_drawn_each_time_and_of_each_step_by_itself(care: Live) -> None:
    lives = care(
        """
care:
  rounds:
    starts: {when: age >= 10}
    steps:
      - every: 1 month
        at_most: 20
        steps: [{perform: talk, chance: 0.3}, {perform: scan, chance: 0.6}]
""",
        2000,
    )
    talks, scans = (
        np.bincount(lives.rows("procedure", name).patient, minlength=2000) for name in ("talk", "scan")
    )
    for counts, p in ((talks, 0.3), (scans, 0.6)):
        assert abs(counts.mean() - 20 * p) < 5 * np.sqrt(20 * p * (1 - p) / 2000)
        # one draw a life, or one a protocol, would give a variance of 400 p (1 - p)
        assert counts.var(ddof=1) == pytest.approx(20 * p * (1 - p), rel=5 * np.sqrt(2 / 2000))
    assert abs(np.corrcoef(talks, scans)[0, 1]) < 5 / np.sqrt(2000)


def test_unknown_values_are_false_in_an_if(care: Live) -> None:
    found = care(
        """
care:
  looks:
    starts: {when: age >= 10}
    steps:
      - {if: last(weight) < 1000, then: {perform: talk}, else: {perform: letter}}
      - {if: not last(weight) >= 0, then: {perform: scan}}
      - {if: known(last(weight)), then: {perform: talk}}
      - {if: last(weight) or_else 1 < 2, then: {perform: scan}}
      - {if: since(talk) > 1 day or since(talk) <= 1 day, then: {perform: talk}}
      - {test: weight}
      - {if: last(weight) == 60 and first(weight) == 60 and known(last(weight)), then: {perform: letter}}
""",
    ).story()
    assert [name for name, _ in found] == ["letter", "scan", "scan", "weight", "letter"]


def test_wait_draws(care: Live) -> None:
    lives = care(
        """
care:
  waits: {starts: {when: age >= 10}, steps: [{wait: "gamma(mean=50 days, sd=20 days)"}, {perform: talk}]}
""",
        5000,
    )
    waits = lives.times("procedure", "talk") - 3652.5
    assert stats.kstest(waits, stats.gamma(6.25, scale=8).cdf).pvalue > 1e-6


def test_set_as_a_step(care: Live) -> None:
    lives = care(
        """
variables: {goal: "uniform(0.2, 0.4)"}
care:
  sets:
    starts: {when: age >= 10}
    steps: [{set: {goal: 2 * goal}}, {if: goal > 0.4, then: {perform: talk}}]
""",
        10,
    )
    drawn = lives.rows("variable", "goal")
    before, after = drawn.value.reshape(-1, 2).T
    assert (after == 2 * before).all()
    assert lives.days(drawn).reshape(-1, 2)[:, 1] == pytest.approx(3652.5, abs=2e-5)
    assert len(lives.rows("procedure", "talk").patient) == 10
