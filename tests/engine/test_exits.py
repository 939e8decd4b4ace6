"""Exits given by a risk or a survival, exits that are taken when something turns true, and events."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

YEAR = 365.25
PEOPLE = 3000


def within(share: float, expected: float, number: int) -> bool:
    """Whether a share of `number` draws is within 5 standard errors of what is expected."""
    return abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / number)


@pytest.mark.parametrize(
    ("exit_", "left", "by"),
    [("risk: 0.2 in 90 days", 0.2, 90.0), ("survival: 0.9 at 5 years", 0.1, 5 * YEAR)],
)
def test_the_share_that_has_left(live: Callable, exit_: str, left: float, by: float) -> None:
    lives = live(f"disease: {{x: {{a: {{-> b: {{{exit_}}}}}, b: {{}}}}}}\n", PEOPLE)
    first = np.sort(lives.first("state", "b"))
    assert within(float((first < by).mean()), left, PEOPLE)
    rate = -np.log1p(-left) / by
    seen = first[first < 5 * by]
    assert stats.kstest(seen, _truncated(rate, 5 * by)).pvalue > 1e-6


def test_a_risk_by_category_is_modified_as_a_rate(live: Callable) -> None:
    lives = live(
        """
parameters:
  alive: {by: stage, value: {early: 0.9, late: 0.4}, source: no source}
variables:
  stage: categorical(early=0.5, late=rest)
disease:
  x:
    a:
      -> b: {survival: alive at 5 years, times: 2}
    b: {}
modifies:
  - {rate: a -> b, times: 1.5}
""",
        PEOPLE,
    )
    late = lives.rows("variable", "stage").value == 1.0
    left = lives.first("state", "b") < 5 * YEAR
    for stage, alive in ((late, 0.4), (~late, 0.9)):
        assert within(float(left[stage].mean()), 1 - alive**3, int(stage.sum()))


def test_a_risk_while(live: Callable) -> None:
    lives = live(
        """
disease:
  x:
    a:
      -> b: {risk: 0.5 in 30 days, while: time_in(a) < 30 days}
    b: {}
""",
        PEOPLE,
    )
    first = lives.first("state", "b")
    assert within(float(np.isfinite(first).mean()), 0.5, PEOPLE)
    assert first[np.isfinite(first)].max() <= 30.0


def test_a_risk_of_one_is_a_fault(live: Callable) -> None:
    with pytest.raises(Exception, match="rate"):
        live("variables: {p: '1'}\ndisease: {x: {a: {-> b: {risk: p in 1 year}}, b: {}}}\n")


def test_an_exit_when_a_clock_turns_and_at_once(live: Callable) -> None:
    lives = live(
        """
disease:
  x:
    a:
      -> b: {when: age >= 20}
    b:
      -> c: {when: time_in(b) >= 10 days}
    c:
      -> b: {when: age >= 20 and count(c) < 3}
""",
    )
    names = [name for name, _ in lives.story()]
    days = [day for _, day in lives.story()]
    start = 20 * YEAR
    assert names == ["b", "c", "b", "c", "b", "c"]
    assert days == pytest.approx(
        [start, start + 10, start + 10, start + 20, start + 20, start + 30], abs=1e-3
    )


def test_an_exit_when_by_chance_waits_for_the_next_turn(live: Callable) -> None:
    lives = live(
        """
disease:
  light:
    off: {lasts: 10 days, -> on: {share: 1}}
    on: {lasts: 10 days, -> off: {share: 1}}
  x:
    a:
      -> b: {when: in(on), chance: 0.25}
    b: {}
""",
        PEOPLE,
    )
    turns = np.round((lives.first("state", "b") - 10) / 20).astype(int)
    for turn in range(4):
        assert within(float((turns == turn).mean()), 0.25 * 0.75**turn, PEOPLE)


def test_death_by_when(live: Callable) -> None:
    lives = live("disease: {x: {a: {-> dead: {when: age >= 30, cause: c}}}}\nconditions: {c: {}}\n")
    assert lives.days(lives.rows("death")) == pytest.approx([30 * YEAR], abs=1e-3)


EVENTS = """
variables: {n: "0"}
events:
  fall: {rate: 0.4 per year, while: age >= 20, times: 2, set: {n: n + 1}}
disease:
  x:
    a:
      -> b: {upon: fall, chance: 0.5}
    b:
      -> c: {when: n >= 3}
    c: {}
modifies:
  - {rate: fall, times: 0.5, while: in(b)}
  - {rate: fall, times: 0, while: age >= 30}
"""


def test_events_happen_at_their_rate_and_set(live: Callable) -> None:
    lives = live(EVENTS, PEOPLE)
    falls = lives.rows("event", "fall")
    days = lives.days(falls)
    assert days.min() >= 20 * YEAR - 1e-3
    assert days.max() <= 30 * YEAR + 1e-3
    assert len(falls.patient) == len(lives.rows("variable", "n").patient) - PEOPLE
    waits = lives.first("event", "fall") - 20 * YEAR
    assert stats.kstest(waits[np.isfinite(waits)], _truncated(0.8 / YEAR, 10 * YEAR)).pvalue > 1e-6
    assert within(float((lives.first("state", "b") < np.inf).mean()), 1 - np.exp(-0.4 * 10), PEOPLE)


def _truncated(rate: float, end: float) -> Callable:
    return lambda t: -np.expm1(-rate * t) / -np.expm1(-rate * end)


def test_the_third_event_is_waited_for(live: Callable) -> None:
    lives = live(EVENTS, 200)
    for patient in range(200):
        falls = lives.days(lives.where((lives.log.patient == patient) & (lives.log.kind == 9)))
        reached = lives.first("state", "c")[patient]
        entered = lives.first("state", "b")[patient]
        third = falls[2] if len(falls) > 2 else np.inf
        assert reached == pytest.approx(max(third, entered), abs=1e-9) or (reached == third == np.inf)
