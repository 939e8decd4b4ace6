"""The algebra of histories, against patients who are asked one by one, whenever it may matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.measure.accumulator import Accumulator, Estimate
from sim.scenario.statistics import Statistic
from tests.measure.lives import DAY, Life, lives, scenario, shard, statistic

ATOMS = (
    "well",
    "in(sick)",
    "ever(severe)",
    "diagnosed(illness)",
    "prescribed(medicines)",
    "prescribed(pill)",
    "top_dose(pill)",
    "female",
    "age >= 40",
    "age < 41.5",
    "35 <= age < 38",
    "age > weight - 40",
    "year >= 2004",
    "year == 2005",
    "month == march",
    "today < 2006-05-17",
    "time_in(sick) >= 200 days",
    "time_in(well) < 1 year",
    "years_in(mild) > 0.5",
    "since(scan) < 90 days",
    "since(sick) >= 100 days",
    "since(medicines) < 400 days",
    "count(fall) >= 2",
    "count(clinic, within=2 years) > 1",
    "count(sick) == 1",
    "count(pill) > 1",
    "tested(x)",
    "tested(y, within=1 year)",
    "last(x) > 120 mmHg",
    "first(x) <= last(y)",
    "positive(swab)",
    "known(last(x))",
    "(last(x) or_else 130 mmHg) > 125 mmHg",
    "weight > 70",
    "last(x) > (120 mmHg if female else 140 mmHg)",
)

CONDITIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        inner.map(lambda a: f"not ({a})"),
        st.tuples(inner, inner).map(lambda ab: f"({ab[0]}) and ({ab[1]})"),
        st.tuples(inner, inner).map(lambda ab: f"({ab[0]}) or ({ab[1]})"),
    ),
    max_leaves=3,
)
SEEDS = st.integers(0, 2**32 - 1)
THINGS = ("sick", "mild", "fall", "illness", "pill", "medicines", "scan", "clinic", "x")


def measured(s: Statistic, people: list[Life]) -> Estimate:
    accumulator = Accumulator(scenario(), [s])
    for some in (people[: len(people) // 2], people[len(people) // 2 :]):
        if some:
            accumulator.add(shard(some))
    [[found]] = accumulator.estimates()
    return found


def days(life: Life, s: Statistic, at_risk: int | None = None) -> tuple[float, float]:
    """Days of a life among those asked for, and those of them in which the condition holds."""
    parts = [*([s.among] if s.among else []), *s.conditions]
    whole = held = 0
    for start, end in life.pieces(parts):
        among = s.among is None or life.value(s.among, start, 1 << 20) == 1.0
        if among and (at_risk is None or start < at_risk):
            whole += end - start
            held += (end - start) * all(life.value(c, start, 1 << 20) == 1.0 for c in s.conditions)
    return whole / DAY, held / DAY


@pytest.mark.parametrize("atom", ATOMS)
def test_each_word(atom: str) -> None:
    people = lives(np.random.default_rng(7), 30)
    s = statistic(f"prevalence({atom})")
    found = measured(s, people)
    expected = np.sum([days(life, s) for life in people], axis=0)
    assert (found.denominator, found.numerator) == pytest.approx(tuple(expected), abs=1e-9)
    assert found.numerator > 0


@settings(max_examples=40, deadline=None)
@given(CONDITIONS, CONDITIONS, SEEDS)
def test_time_is_exact(what: str, among: str, seed: int) -> None:
    people = lives(np.random.default_rng(seed), 8, weighted=True)
    s = statistic(f"prevalence({what}, among={among})")
    found = measured(s, people)
    expected = np.sum([np.array(days(life, s)) * life.weight for life in people], axis=0)
    assert (found.denominator, found.numerator) == pytest.approx(tuple(expected), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(THINGS), CONDITIONS, SEEDS)
def test_what_happens_is_counted_by_what_was_before_it(thing: str, among: str, seed: int) -> None:
    people = lives(np.random.default_rng(seed), 8)
    every, first = statistic(f"rate({thing}, among={among})"), statistic(f"incidence({thing}, among={among})")
    events = [0, 0]
    time = np.zeros(2)
    for life in people:
        happened = life.happened(thing, life.left, 1 << 20)
        happened = sorted(happened, key=lambda row: (row.time, row.seq))
        for place, row in enumerate(happened):
            seen = life.entered <= row.time <= life.left
            counts = seen and every.among and life.value(every.among, row.time, row.seq) == 1.0
            events[0] += bool(counts)
            events[1] += bool(counts and place == 0)
        until = happened[0].time if happened else None
        time += [days(life, every)[0], days(life, first, until)[0]]
    for s, count, whole in zip((every, first), events, time, strict=True):
        found = measured(s, people)
        assert (found.numerator, found.denominator) == pytest.approx((count, whole), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(CONDITIONS, SEEDS)
def test_results_are_counted_by_what_was_before_them(among: str, seed: int) -> None:
    people = lives(np.random.default_rng(seed), 12)
    s = statistic(f"mean(x, among={among})")
    values = [
        row.columns["number"]
        for life in people
        for row in life.happened("x", life.left, 1 << 20)
        if s.among and life.value(s.among, row.time, row.seq) == 1.0
    ]
    found = measured(s, people)
    assert (found.numerator, found.denominator) == (sum(values), len(values))
    if values:
        assert found.value == pytest.approx(np.mean(values))
