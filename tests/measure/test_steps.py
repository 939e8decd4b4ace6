"""Numbers over time and opening hours, against counting one second or minute after the other."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.measure.steps import FIRST_MONDAY, open_time, present

SINCE, UNTIL = 100, 160
moments = st.integers(SINCE, UNTIL)
stays = st.lists(st.tuples(moments, moments).map(sorted), max_size=12)


def arrays(pairs: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    from_, to = np.array(pairs, np.int64).reshape(-1, 2).T
    return from_, to


@given(stays)
def test_how_many_are_there_integrates_to_how_long_each_is(pairs: list[list[int]]) -> None:
    from_, to = arrays(pairs)
    steps = present(from_, to, SINCE)
    assert steps.integrals(np.array([SINCE, UNTIL])).tolist() == [0, (to - from_).sum()]


@given(stays, st.sets(moments, min_size=2, max_size=6))
def test_numbers_means_and_extremes_are_those_of_each_second(pairs: list[list[int]], some: set[int]) -> None:
    steps, edges = present(*arrays(pairs), SINCE), np.array(sorted(some))
    each = {second: sum(a <= second < b for a, b in pairs) for second in range(SINCE, UNTIL)}
    assert steps.at(np.arange(SINCE, UNTIL)).tolist() == list(each.values())
    least, most = steps.extremes(edges)
    for i, (a, b) in enumerate(pairwise(edges)):
        seen = [each[second] for second in range(a, b)]
        assert (least[i], most[i]) == (min(seen), max(seen))
        assert np.isclose(steps.means(edges)[i], np.mean(seen))


@given(
    st.sets(st.integers(0, 7 * 24), min_size=2, max_size=8).filter(lambda hours: len(hours) % 2 == 0),
    st.integers(-500, 500),
    st.integers(0, 500),
)
def test_open_time_is_the_sum_of_the_open_hours(edges: set[int], start: int, length: int) -> None:
    pairs = np.array(sorted(edges)).reshape(-1, 2)
    hours = [(float(a) / 24, float(b) / 24) for a, b in pairs]
    expected = sum(any(a <= hour % 168 < b for a, b in pairs) for hour in range(start, start + length))
    times = FIRST_MONDAY + 3600 * np.array([start, start + length])
    assert np.diff(open_time(hours, times)) == 3600 * expected
    assert np.diff(open_time([], times)) == 3600 * length
