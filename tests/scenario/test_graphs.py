"""Orders and circles of names that read each other."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sim.scenario.graphs import cycles, in_order

NAMES = st.sampled_from("abcdefgh")
EDGES = st.dictionaries(NAMES, st.lists(NAMES, max_size=3))


@given(reads=EDGES)
def test_each_name_comes_after_those_it_reads(reads: dict[str, list[str]]) -> None:
    order = in_order(reads, reads)
    for i, name in enumerate(order):
        assert {r for r in reads[name] if r in reads} <= set(order[:i])


@given(reads=EDGES)
def test_what_is_left_out_is_in_a_circle_or_reads_one(reads: dict[str, list[str]]) -> None:
    left = reads.keys() - set(in_order(reads, reads))
    inner = {name: [r for r in reads[name] if r in left] for name in left}
    assert all(inner.values())
    assert bool(left) == bool(cycles(inner))


@given(reads=EDGES)
def test_an_order_that_fits_is_kept(reads: dict[str, list[str]]) -> None:
    order = in_order(reads, reads)
    assert in_order(order, reads) == order


def test_the_first_that_can_come_comes_first() -> None:
    assert in_order(["habit", "smoker", "bmi"], {"habit": ["smoker"], "smoker": [], "bmi": []}) == [
        "smoker",
        "habit",
        "bmi",
    ]


@given(edges=EDGES)
def test_circles_are_circles(edges: dict[str, list[str]]) -> None:
    for path in cycles(edges):
        assert path[0] == path[-1]
        for one, other in pairwise(path):
            assert other in edges[one]


def test_one_circle_for_each_group() -> None:
    assert cycles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"], "e": ["e"]}) == [
        ["a", "b", "c", "a"],
        ["e", "e"],
    ]


def test_a_chain_may_be_long() -> None:
    reads = {str(i): [str(i + 1)] for i in range(1500)} | {"1500": []}
    assert in_order(reads, reads)[0] == "1500"
    assert cycles(reads) == []
