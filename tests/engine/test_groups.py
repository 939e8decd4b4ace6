"""Groups of states, the state left, groups of drugs and conditions: against cases worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

Live = Callable[..., Any]
YEAR = 365.25
STAY = special.gammaincc(
    0.6, (np.array([1.0, 2.0]) / 2) ** 1.7
)  # in a state of the generalised gamma, 1 and 2 years

STAGES = """
disease:
  colon:
    sound: {-> cancer: {after: 10 days}}
    cancer:
      -> treated: {upon: surgery}
      states:
        early:
          states:
            first: {-> second: {after: 20 days}}
            second: {-> late: {after: 30 days}}
        late: {-> early: {after: 40 days}}
    treated:
      set: {stage: previous_state, was_late: previous_state == late}
      -> cancer: {after: 7 days}
procedures: {surgery: {}}
"""


def test_a_group_is_entered_from_outside_alone(live: Live) -> None:
    """Cancer from day 10 on; early from 10 to 60, and again from 100 on: not entering cancer again."""
    lives = live(
        STAGES
        + """
conditions: {a: {}, b: {}, c: {}, d: {}, e: {}}
care:
  found: {starts: {upon: cancer}, steps: {diagnose: a}}
  soon: {starts: {upon: early}, steps: [{diagnose: b}, {resolve: b}]}
  long: {starts: {when: time_in(cancer) >= 80 days}, steps: {diagnose: c}}
  again: {starts: {when: count(early) == 2 and count(cancer) == 1 and in(cancer)}, steps: {diagnose: d}}
  not_late: {while: in(early), steps: [{wait: 45 days}, {diagnose: e}, {resolve: e}]}
"""
    )
    story = [(name, day) for name, day in lives.story() if name in "abcde" and day < 160]
    # early lasts 50 days each time, so that `e`, 45 days after its beginning, is found on days 55 and 145
    assert story == [("a", 10), ("b", 10), ("e", 55), ("c", 90), ("b", 100), ("d", 100), ("e", 145)]


def test_exits_of_a_group_act_from_each_state_and_what_was_left_is_remembered(live: Live) -> None:
    lives = live(
        STAGES
        + """
parameters:
  value: {by: stage, value: {second: 5, late: 7}, source: made up here}
care:
  operation: {starts: [{when: since(cancer) >= 25 days}], steps: {perform: surgery}}
  later: {starts: {upon: treated}, steps: [{wait: 1 hour}, {set: {seen: value or_else -1}}]}
biomarkers: {x: {unit: kg, value: 1}}
"""
    )
    # cancer on day 10, second on 30, surgery on 35; cancer again on 42, and `since` counts anew from there
    states = [
        (name, day) for name, day in lives.story() if name in ("first", "second", "treated") and day < 70
    ]
    assert states == [
        ("first", 10),
        ("second", 30),
        ("treated", 35),
        ("first", 42),
        ("second", 62),
        ("treated", 67),
    ]
    levels = ("sound", "first", "second", "late", "treated")
    assert {levels[int(value)] for value in lives.rows("variable", "stage").value} == {"second"}
    assert set(lives.rows("variable", "was_late").value) == {0.0}
    assert set(lives.rows("variable", "seen").value) == {5.0}


def test_what_was_left_is_unknown_at_birth_and_not_a_state_passed_at_once(live: Live) -> None:
    lives = live(
        """
disease:
  course:
    young:
      set: {was: previous_state, unknown: not known(previous_state)}
      -> fork: {after: 1 year}
    fork:
      -> old: {share: 1}
    old:
      set: {was: previous_state or_else old}
""",
        3,
    )
    was = lives.rows("variable", "was").value.reshape(3, 2)
    assert np.isnan(was[:, 0]).all()
    assert (was[:, 1] == 0).all()
    assert (lives.rows("variable", "unknown").value == 1).all()


def test_each_state_has_the_hazard_of_its_group(live: Live) -> None:
    """Two states that last an exponential time each, and a hazard of the whole: dead first with probability
    1 - (a / (a + d))^2, by hand; the modifier doubles d, and the way in for half of the people.
    """
    n, a, d = 40_000, 1.0, 0.5
    lives = live(
        f"""
variables: {{fast: bernoulli(0.5)}}
disease:
  course:
    well: {{-> ill: {{rate: 1 per year}}}}
    ill:
      -> dead: {{rate: {d / 2} per year, cause: c}}
      states:
        mild: {{-> bad: {{rate: {a} per year}}}}
        bad: {{-> done: {{rate: {a} per year}}}}
    done: {{}}
conditions: {{c: {{}}}}
modifies:
  - {{rate: ill -> dead, times: 2}}
  - {{rate: ill, times: 2 if fast else 1}}
""",
        n,
    )
    p = 1 - (a / (a + d)) ** 2
    assert abs(lives.people.died.mean() - p) < 5 * np.sqrt(p * (1 - p) / n)
    entered = lives.first("state", "mild") / YEAR
    fast = lives.rows("variable", "fast").value == 1
    for who, mean in ((fast, 0.5), (~fast, 1.0)):
        assert abs(entered[who].mean() - mean) < 5 * mean / np.sqrt(who.sum())
    moved = lives.first("state", "bad") / YEAR - entered
    assert abs(moved[np.isfinite(moved)].mean() - 1 / (a + d)) < 5 / (a + d) / np.sqrt(n / 3)


@pytest.mark.parametrize("drug", ["a", "b"])
def test_a_group_of_drugs_is_each_of_them(live: Live, drug: str) -> None:
    lives = live(
        f"""
groups: {{any: [a, b], signs: [low, sad], all: [b, a]}}
drugs: {{a: {{}}, b: {{}}}}
conditions: {{low: {{}}, sad: {{}}, seen: {{}}, told: {{}}}}
disease:
  course:
    well: {{-> ill: {{after: 10 days}}}}
    ill: {{-> better: {{upon: any}}}}
    better: {{}}
care:
  treat:
    starts: {{upon: ill}}
    steps:
      - {{diagnose: sad}}
      - {{wait: 1 day}}
      - {{prescribe: {drug}, for: 30 days}}
      - {{wait: 5 days}}
      - if: taking(any) == 1 and prescribed(all) and diagnosed(signs) and count(any) == 1
        then: {{diagnose: seen}}
      - {{wait: 5 days}}
      - {{stop: any}}
      - {{resolve: signs}}
      - {{prescribe: a}}
      - {{wait: 1 day}}
      - if: not diagnosed(signs) and count(all, within=5 days) == 1 and count(any) == 2
        then: {{stop: any}}
  telling: {{starts: {{when: since(any) >= 3 days}}, steps: [{{diagnose: told}}, {{resolve: told}}]}}
"""
    )
    rest = [(drug, 11), ("better", 11), ("told", 14), ("seen", 16), ("a", 21), ("told", 24)]
    assert lives.story() == [("ill", 10), ("sad", 10), *rest]
    ends = lives.days(lives.rows("drug"), end=True)
    assert np.allclose(ends, [21, 22], atol=1e-4)
    assert np.allclose(lives.days(lives.rows("condition", "sad"), end=True), 21, atol=1e-4)


@pytest.mark.parametrize(
    ("exit_", "after_1", "after_2", "after_3"),
    [
        ('after: "piecewise(0.5 per year, 1 year, 0.1 per year)"', np.exp(-0.5), np.exp(-1.0), np.exp(-1.1)),
        ('after: "gengamma(shape=0.6, scale=2 years, power=1.7)"', STAY[0], STAY[0] ** 2, STAY[0] * STAY[1]),
        ("risk: 0.2 in 1 year", 0.8, 0.64, 0.512),
        ("survival: 0.25 at 2 years, while: in(second)", 1.0, 0.5, 0.25),
        ("when: time_in(ill) >= 1.5 years", 1.0, 0.0, 0.0),
        ("when: in(second), chance: 0.3", 1.0, 0.7, 0.7),
    ],
)
def test_any_kind_of_exit_acts_from_each_state(
    live: Live, exit_: str, after_1: float, after_2: float, after_3: float
) -> None:
    """The second state is entered after a year; `after` counts from there, `time_in(ill)` goes on."""
    n = 10_000
    lives = live(
        f"""
disease:
  course:
    ill:
      -> done: {{{exit_}}}
      states:
        first: {{-> second: {{after: 1 year}}}}
        second: {{}}
    done: {{}}
""",
        n,
    )
    done = lives.first("state", "done") / YEAR
    for years, expected in ((1, after_1), (2, after_2), (3, after_3)):
        share = (done > years - 0.001).mean()
        assert abs(share - expected) <= 5 * np.sqrt(expected * (1 - expected) / n)


def test_taking_one_of_a_group_is_taking_it_as_the_patient_does(live: Live) -> None:
    lives = live(
        """
groups: {any: [a, b]}
drugs:
  a: {doses: [5 mg, 20 mg], adherence: 0.8}
  b: {works_in: 30 days}
disease: {course: {well: {-> ill: {after: 10 days}}, ill: {}}}
care:
  treat:
    starts: {upon: ill}
    steps:
      - {prescribe: a, dose: 5 mg}
      - {set: {taken: taking(any), top: top_dose(any)}}
      - {prescribe: b}
      - {wait: 20 days}
      - {set: {taken: taking(any), top: top_dose(any)}}
      - {increase: a}
      - {set: {taken: taking(any), top: top_dose(any)}}
      - {wait: 20 days}
      - {set: {taken: taking(any), top: top_dose(any)}}
      - {stop: any}
      - {set: {taken: taking(any), top: top_dose(any)}}
"""
    )
    assert np.allclose(lives.rows("variable", "taken").value, [0.2, 0.2, 0.8, 1.0, 0.0])
    assert lives.rows("variable", "top").value.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]


def test_exits_of_the_group_and_of_its_states_are_there_together(live: Live) -> None:
    """All to one place. The modifier acts on what has a hazard, on either level."""
    n = 10_000
    lives = live(
        """
disease:
  course:
    ill:
      -> done: {risk: 0.2 in 1 year}
      -> other: {when: count(done) > 5}
      states:
        first:
          -> second: {after: 1 year}
          -> done: {risk: 0.5 in 1 year, while: male}
        second: {-> done: {when: time_in(second) >= 0.5 years}}
    done: {}
    other: {}
modifies:
  - {rate: ill -> done, times: 2, while: female}
""",
        n,
    )
    done = lives.first("state", "done") / YEAR
    assert done.max() < 1.5 + 1e-6
    male = lives.people.sex == 1
    for who, after_1, after_half_more in ((male, 0.4, 0.8**0.5), (~male, 0.8**2, 0.8)):
        for years, expected in ((1.0, after_1), (1.5, after_1 * after_half_more)):
            share = (done[who] > years - 0.001).mean()
            assert abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / who.sum())
