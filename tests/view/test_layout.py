"""What holds of every layout: nothing overlaps, arrows go around boxes and end where they should."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.view.layout import Arrangement, Box, Group, Link, Node, Point, Route, arrange
from sim.view.layout.groups import PADDING
from sim.view.layout.order import Segment, crossings, ordered
from sim.view.layout.positions import isotonic
from sim.view.layout.ranks import ranks

Things = list[Node | Group]
TOUCH = 1e-6
sizes = st.tuples(st.floats(10, 300), st.floats(10, 80))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Things, list[Link]]:
    """Nodes, some in groups and those in groups, and links among them, none of something to what holds it."""
    things: Things = []
    for number in range(draw(st.integers(1, 4))):
        outer = [None, *(group.name for group in things)]
        things.append(Group(f"g{number}", *draw(sizes), draw(st.sampled_from(outer))))
    groups = [None, *(group.name for group in things)]
    for number in range(draw(st.integers(2, 12))):
        things.append(Node(f"n{number}", *draw(sizes), draw(st.sampled_from(groups))))
    things = [t for t in things if isinstance(t, Node) or _holds_a_node(t.name, things)]
    around = {thing.name: set(_around(thing.name, things)) for thing in things}
    pairs = [
        (a.name, b.name)
        for a in things
        for b in things
        if a.name not in around[b.name] and b.name not in around[a.name]
    ]
    links = draw(st.lists(st.sampled_from(pairs), max_size=16, unique=True)) if pairs else []
    weights = st.sampled_from([0.02, 1.0, 2.0])
    return things, [Link(*pair, draw(weights)) for pair in links]


def _holds_a_node(group: str, things: Things) -> bool:
    return any(isinstance(t, Node) and group in _around(t.name, things) for t in things)


def _around(name: str | None, things: Things) -> Iterator[str]:
    """A thing and the groups that it is in."""
    of = {thing.name: thing.group for thing in things}
    while name is not None:
        yield name
        name = of[name]


def overlap(one: Box, other: Box) -> bool:
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return across > TOUCH and down > TOUCH


def drawn(route: Route) -> Iterator[Point]:
    """Points along a route, curves as they are drawn: cubic, with vertical ends halfway."""
    for (x0, y0), (x1, y1) in pairwise(route):
        half = (y0 + y1) / 2
        for step in range(21):
            t = step / 20
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
            yield Point((a + b) * x0 + (c + d) * x1, a * y0 + (b + c) * half + d * y1)


def inside(point: Point, box: Box) -> bool:
    across = box.x + TOUCH < point.x < box.x + box.width - TOUCH
    return across and box.y + TOUCH < point.y < box.y + box.height - TOUCH


def ends_at(point: Point, box: Box) -> bool:
    on_side = min(abs(point.y - box.y), abs(point.y - box.y - box.height)) < TOUCH
    return on_side and box.x - TOUCH <= point.x <= box.x + box.width + TOUCH


def check(things: Things, links: list[Link], found: Arrangement) -> None:
    around = {thing.name: set(_around(thing.name, things)) for thing in things}
    for one, other in combinations(found.boxes, 2):
        if one in around[other] or other in around[one]:
            outer, inner = (one, other) if one in around[other] else (other, one)
            a, b = found.boxes[outer], found.boxes[inner]
            assert a.x <= b.x + TOUCH
            assert a.y <= b.y + TOUCH
            assert b.x + b.width <= a.x + a.width + TOUCH
            assert b.y + b.height <= a.y + a.height + TOUCH
        else:
            assert not overlap(found.boxes[one], found.boxes[other]), (one, other)
    for link, route in zip(links, found.routes, strict=True):
        assert ends_at(route[0], found.boxes[link.source])
        assert ends_at(route[-1], found.boxes[link.target])
        passes = around[link.source] | around[link.target]
        for name, box in found.boxes.items():
            if name not in passes:
                assert not any(inside(point, box) for point in drawn(route)), (link, name)
        for name in (link.source, link.target):
            assert not any(inside(point, found.boxes[name]) for point in drawn(route)), (link, name)
    for thing in things:
        if isinstance(thing, Group):  # its title stands in its upper left corner
            frame = found.boxes[thing.name]
            title = Box(frame.x + PADDING, frame.y + PADDING / 2, thing.width, thing.height)
            assert not any(inside(point, title) for route in found.routes for point in drawn(route))
            within = [box for name, box in found.boxes.items() if thing.name in around[name] - {name}]
            assert not any(overlap(title, box) for box in within)
    for box in found.boxes.values():
        assert min(box.x, box.y) >= -TOUCH
        assert box.x + box.width <= found.width + TOUCH
        assert box.y + box.height <= found.height + TOUCH


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_nothing_overlaps_and_arrows_go_around(graph: tuple[Things, list[Link]]) -> None:
    things, links = graph
    check(things, links, arrange(things, links))


@given(graphs())
@settings(max_examples=30, deadline=None)
def test_the_same_graph_is_laid_out_in_the_same_way(graph: tuple[Things, list[Link]]) -> None:
    assert arrange(*graph) == arrange(*graph)


@given(graphs())
@settings(max_examples=50, deadline=None)
def test_links_to_what_comes_later_lead_down(graph: tuple[Things, list[Link]]) -> None:
    things, links = [t for t in graph[0] if t.group is None and isinstance(t, Node)], graph[1]
    names = [thing.name for thing in things]
    links = [link for link in links if {link.source, link.target} <= set(names)]
    for link, route in zip(links, arrange(things, links).routes, strict=True):
        down = names.index(link.source) < names.index(link.target)
        assert (route[0].y < route[-1].y) == down


def test_a_chain_is_straight() -> None:
    things: Things = [Node(name, width, 20) for name, width in (("a", 50), ("b", 120), ("c", 30), ("d", 80))]
    found = arrange(things, [Link("a", "b"), Link("b", "c"), Link("c", "d")])
    assert {round(point.x, 6) for route in found.routes for point in route} == {60.0}


def test_a_link_of_a_group_to_what_is_in_it_is_refused() -> None:
    things: Things = [Group("g", 10, 10), Node("a", 10, 10, "g")]
    with pytest.raises(ValueError, match="of which one holds the other"):
        arrange(things, [Link("g", "a")])
    with pytest.raises(ValueError, match="of which one holds the other"):
        arrange(things, [Link("a", "a")])


def test_crossings_that_need_not_be_are_taken_out() -> None:
    segments = [Segment(0, 5), Segment(1, 4), Segment(2, 3)]
    layers = [[0, 1, 2], [3, 4, 5]]
    assert crossings(layers, segments) == 3
    assert crossings(ordered(layers, segments, set()), segments) == 0


def test_layers_are_as_high_as_edges_let_them() -> None:
    assert ranks(4, [(0, 1), (1, 2), (0, 2), (3, 2)], set(), set()) == [0, 1, 2, 1]
    assert ranks(3, [(0, 1)], {0}, {2}) == [0, 1, 2]


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0.1, 10)), min_size=1, max_size=8))
def test_isotonic_regression(pairs: list[tuple[float, float]]) -> None:
    """It rises, and by the conditions of Karush, Kuhn and Tucker nothing that rises is nearer."""
    values, weights = [v for v, _ in pairs], [w for _, w in pairs]
    fitted = isotonic(values, weights)
    assert all(a <= b + 1e-9 for a, b in pairwise(fitted))
    over = 0.0  # the multiplier of each constraint, in turn
    for n, (value, weight, fit) in enumerate(zip(values, weights, fitted, strict=True)):
        over += weight * (value - fit)
        assert over >= -1e-6
        if n + 1 < len(fitted) and fitted[n + 1] > fit + 1e-9:
            assert abs(over) < 1e-6
    assert abs(over) < 1e-6
