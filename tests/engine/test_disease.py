"""States: how they are left, what is set on entry, and what moves them from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

Live = Callable[..., Any]
YEAR = 365.25


def test_a_state_lasts_and_is_left_by_shares(live: Live) -> None:
    """Where to is independent of how long; a share that used the sojourn's uniform would not be."""
    n = 40_000
    lives = live(
        """
disease:
  course:
    ill:
      lasts: gamma(mean=1 year, sd=0.5 years)
      -> well: {share: 0.5}
      -> worse: {share: 0.3}
      -> dead: {share: rest, cause: cough}
    well: {}
    worse: {}
conditions: {cough: {snomed: "49727002"}}
""",
        n,
    )
    ways = {name: lives.first("state", name) for name in ("well", "worse", "dead")}
    for (_, times), share in zip(ways.items(), (0.5, 0.3, 0.2), strict=True):
        happened = times[np.isfinite(times)]
        assert abs(len(happened) / n - share) < 5 * np.sqrt(share * (1 - share) / n)
        assert stats.kstest(happened / YEAR, stats.gamma(4, scale=0.25).cdf).pvalue > 1e-6
    assert np.isfinite(np.minimum.reduce(list(ways.values()))).all()
    assert (np.isfinite(ways["dead"]) == lives.people.died).all()


def test_shares_may_read_the_truth(live: Live) -> None:
    n = 40_000
    lives = live(
        """
variables: {p: "uniform(0.1, 0.9)"}
disease:
  course:
    ill:
      lasts: 1 year
      -> well: {share: p}
      -> worse: {share: rest}
    well: {}
    worse: {}
""",
        n,
    )
    p = lives.rows("variable", "p").value
    well = np.isfinite(lives.first("state", "well"))
    for low in (0.1, 0.3, 0.5, 0.7):
        group = (p >= low) & (p < low + 0.2)
        assert abs(well[group].mean() - p[group].mean()) < 5 * np.sqrt(0.25 / group.sum())


def test_instant_states_are_passed_at_once_and_not_written(live: Live) -> None:
    n = 20_000
    lives = live(
        """
variables: {came: 0, severity: 0}
disease:
  course:
    well: {-> attack: {after: 10 years}}
    attack:
      set: {came: came + 1}
      -> mild: {share: 0.6}
      -> severe: {share: rest}
    severe:
      set: {severity: "uniform(1, 2)"}
      -> ill: {share: 0.5}
      -> dead: {share: rest, cause: cough}
    mild: {-> well: {after: 1 year}}
    ill: {}
conditions: {cough: {snomed: "49727002"}}
""",
        n,
    )
    states = lives.rows("state")
    assert set(np.unique(states.code)) == {-1, 0, 3, 4}  # never `attack` (1) nor `severe` (2)
    moves = Counter(zip(states.aux.tolist(), states.code.tolist(), strict=True))
    assert set(moves) == {(-1, 0), (0, 3), (3, 0), (0, 4), (0, -1)}
    first = lives.where((lives.log.kind == states.kind[0]) & (lives.log.aux == 0))
    _, at = np.unique(first.patient, return_index=True)
    shares = np.bincount(first.code[at] + 1, minlength=6) / n
    for code, share in ((3, 0.6), (4, 0.2), (-1, 0.2)):
        assert abs(shares[code + 1] - share) < 5 * np.sqrt(share * (1 - share) / n)
    came = lives.rows("variable", "came")
    attacks = np.bincount(came.patient) - 1  # the first row is the variable at birth
    left = np.bincount(states.patient[states.aux == 0], minlength=n)
    assert np.array_equal(attacks, left)  # `set` of an instant state is carried out all the same


def test_an_instant_state_at_birth(live: Live) -> None:
    n = 20_000
    lives = live(
        """
disease:
  kind:
    unborn:
      -> left: {share: 0.25}
      -> right: {share: rest}
    left: {}
    right: {}
""",
        n,
    )
    states = lives.rows("state")
    assert len(states.code) == n
    assert (lives.days(states) < 1e-3).all()
    assert abs((states.code == 1).mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / n)


def test_set_on_entry_draws_anew_at_each(live: Live) -> None:
    n = 2000
    lives = live(
        """
variables: {size: 0, copy: 0}
disease:
  course:
    calm: {lasts: 1 year, -> flare: {share: 1}}
    flare:
      set: {size: "normal(10, 2)", copy: size}
      lasts: 30 days
      -> calm: {share: 1}
""",
        n,
    )
    drawn, copied = (
        rows.value[(lives.days(rows) > 1) & (lives.days(rows) < 60 * YEAR)].reshape(n, -1)
        for rows in (lives.rows("variable", "size"), lives.rows("variable", "copy"))
    )
    assert np.array_equal(drawn, copied)  # in the order written: `copy` reads what was just set
    assert stats.kstest(drawn.ravel(), stats.norm(10, 2).cdf).pvalue > 1e-6
    between = np.corrcoef(drawn[:, :10].T)
    assert (abs(between[np.triu_indices(10, 1)]) < 6 / np.sqrt(n)).all()


def test_upon_a_thing_with_a_chance(live: Live) -> None:
    """Each happening is a chance of its own, so that the number until success is geometric."""
    n = 20_000
    lives = live(
        """
procedures: {operation: {snomed: "387713003"}}
disease:
  course:
    ill: {-> cured: {upon: operation, chance: 0.3}}
    cured: {}
care:
  operates:
    starts: {when: age >= 10}
    steps: [{every: 1 year, at_most: 8, until: age >= 200, steps: {perform: operation}}]
""",
        n,
    )
    cured = lives.first("state", "cured")
    number = np.round((cured - 10 * YEAR) / YEAR)
    for k in range(8):
        share = 0.3 * 0.7**k
        assert abs((number == k).mean() - share) < 5 * np.sqrt(share * (1 - share) / n)
    assert abs(np.isinf(cured).mean() - 0.7**8) < 5 * np.sqrt(0.7**8 * (1 - 0.7**8) / n)


@pytest.mark.parametrize("states", [("a", "b", "c"), ("a", "c", "b")])
def test_a_thing_moves_an_axis_once(live: Live, states: tuple[str, str, str]) -> None:
    """Whoever waits for it when it happens; the state that it leads to waits for the next. In any order."""
    exits = {"a": "-> b: {upon: clinic}", "b": "-> c: {upon: clinic}", "c": ""}
    body = "\n".join(f"    {name}: {{{exits[name]}}}" for name in states)
    lives = live(
        f"""
disease:
  course:
{body}
care:
  visits: {{starts: {{when: age >= 10}}, steps: [{{every: 1 year, at_most: 2, steps: {{visit: clinic}}}}]}}
"""
    )
    assert [event for event in lives.story() if event[0] != "clinic"] == [("b", 3652.5), ("c", 4017.75)]


def test_one_thing_moves_several_axes_and_starts_care(live: Live) -> None:
    lives = live(
        """
procedures: {talk: {snomed: "225323000"}}
disease:
  one: {a: {-> b: {upon: clinic}}, b: {}}
  other: {x: {-> y: {upon: b}}, y: {}}
care:
  visits: {starts: {when: age >= 10}, steps: [{visit: clinic}]}
  talks: {starts: {upon: y}, steps: {perform: talk}}
"""
    )
    assert lives.story() == [("clinic", 3652.5), ("b", 3652.5), ("y", 3652.5), ("talk", 3652.5)]


def test_death_by_any_axis_stops_the_others(live: Live) -> None:
    lives = live(
        """
disease:
  one: {a: {-> dead: {rate: 0.05 per year, cause: cough}}}
  other: {x: {-> dead: {rate: 0.1 per year, cause: gout}}}
  third: {p: {-> q: {rate: 1 per year}}, q: {-> p: {rate: 1 per year}}}
conditions: {cough: {snomed: "49727002"}, gout: {snomed: "90560007"}}
""",
        20_000,
    )
    deaths = lives.rows("death")
    days = lives.days(deaths)
    assert len(np.unique(deaths.patient)) == len(deaths.patient)
    assert (
        stats.kstest(days[days < 30 * YEAR] / YEAR, lambda t: np.expm1(-0.15 * t) / np.expm1(-4.5)).pvalue
        > 1e-6
    )
    assert abs((deaths.code == 0).mean() - 1 / 3) < 5 * np.sqrt(2 / 9 / len(deaths.code))
    died = np.full(20_000, np.inf)
    died[deaths.patient] = days
    assert (lives.days(lives.log) <= died[lives.log.patient] + 1e-9).all()
    dead = lives.rows("state", "dead")
    assert np.array_equal(dead.value, deaths.code)  # the cause stands with the transition too
    assert np.array_equal(lives.people.left[deaths.patient], deaths.start)


def test_time_spent_in_states(live: Live) -> None:
    """A three-state Markov process against its transition matrix, at several times."""
    n = 50_000
    lives = live(
        """
disease:
  course:
    a: {-> b: {rate: 0.3 per year}, -> c: {rate: 0.1 per year}}
    b: {-> a: {rate: 0.2 per year}, -> c: {rate: 0.4 per year}}
    c: {-> a: {rate: 0.05 per year}}
""",
        n,
    )
    from scipy.linalg import expm

    rates = np.array([[-0.4, 0.3, 0.1], [0.2, -0.6, 0.4], [0.05, 0.0, -0.05]])
    rows = lives.rows("state")
    days = lives.days(rows)
    for years in (0.5, 2.0, 5.0, 20.0, 60.0):
        before = days <= years * YEAR
        state = np.zeros(n, int)
        state[rows.patient[before]] = rows.code[before]  # the last one counts, as rows are in order
        expected = expm(rates * years)[0]
        found = np.bincount(state, minlength=3) / n
        assert (abs(found - expected) < 5 * np.sqrt(expected * (1 - expected) / n)).all()


def test_variables_are_drawn_once_in_any_order(live: Live) -> None:
    lives = live(
        """
variables:
  both: "normal(first_one + second_one, 0)"
  first_one: "normal(0, 1)"
  second_one: "poisson(3)"
  sexed: 1 if female else 0
  level: categorical(low=0.2, middle=0.5, high=rest)
""",
        20_000,
    )
    value = {
        name: lives.rows("variable", name).value for name in ("both", "first_one", "second_one", "sexed")
    }
    assert np.array_equal(value["both"], value["first_one"] + value["second_one"])
    assert np.array_equal(value["sexed"] == 1, lives.people.sex == 0)
    assert stats.kstest(value["first_one"], stats.norm.cdf).pvalue > 1e-6
    assert abs(np.corrcoef(value["first_one"], value["second_one"])[0, 1]) < 5 / np.sqrt(20_000)
    shares = np.bincount(lives.rows("variable", "level").value.astype(int)) / 20_000
    assert (abs(shares - [0.2, 0.5, 0.3]) < 5 * np.sqrt([0.16 / 2e4, 0.25 / 2e4, 0.21 / 2e4])).all()


def test_death_at_birth_comes_before_other_axes(live: Live) -> None:
    """Death discards the rest, in the order of the file."""
    lives = live(
        """
variables: {v: 0}
disease:
  first: {here: {}}
  second:
    born: {-> dead: {share: 1, cause: cough}}
  third: {there: {set: {v: 1}}}
conditions: {cough: {snomed: "49727002"}}
""",
        3,
    )
    assert lives.rows("state").code.tolist() == [0, -1] * 3
    assert len(lives.log.kind) == 3 * 4  # v and the death too
