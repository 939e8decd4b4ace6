"""Boxes, some of them in groups, with routes between them.

Each group is laid out by itself; then it stands as one item among those around it. A link that leaves a group
does so at a port: a place on the frame that is an item of the group's own layout, at its top or its bottom.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from sim.view.layout.layered import Edge, Item, Point, layered

PADDING = 14.0  # between the frame of a group and what is in it
PORT = 8.0  # the width of what a route through the frame of a group needs

Route = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A box of a size; `group` is the innermost that it is in."""

    name: str
    width: float
    height: float
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A frame around boxes and other groups; `width` and `height` are those of its title."""

    name: str
    width: float
    height: float
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow; the greater its `weight`, the straighter it is."""

    source: str
    target: str
    weight: float = 1.0


class Box(NamedTuple):
    """The upper left corner and the size."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The box of each node and group, and a route for each link from its source to its target.

    Between two points of a route with one x it is straight, else a curve with vertical ends.
    """

    boxes: dict[str, Box]
    routes: tuple[Route, ...]
    width: float
    height: float


def arrange(things: Sequence[Node | Group], links: Sequence[Link]) -> Arrangement:
    """Nodes and groups in layers, from the top down in the order in which they are given.

    A group comes before what is in it. A link to something earlier leads upward. Raises ValueError for a link
    of something to itself, or between a group and what is in it.
    """
    arranger = _Arranger(things, links)
    whole = arranger.part(None)
    routes = []
    for link, pieces in sorted(whole.pieces.items()):
        points = [point for piece in sorted(pieces, key=lambda piece: piece[0].y) for point in piece]
        route = [points[0], *(point for before, point in pairwise(points) if point != before)]
        routes.append(tuple(reversed(route) if arranger.upward[link] else route))
    return Arrangement(whole.boxes, tuple(routes), whole.width, whole.height)


class _Port(NamedTuple):
    """Where a link goes through the frame of a group."""

    link: int
    inside: str  # the end of the link that is in the group


@dataclass(slots=True)
class _Part:
    """A group that has been laid out, its corner at 0: boxes, the pieces of routes in it by link, each from
    the top down, and the distance of each port from the middle.
    """

    boxes: dict[str, Box]
    pieces: dict[int, list[Route]]
    ports: dict[_Port, float]
    width: float
    height: float


class _Arranger:
    """Lays out the groups, from the inside. `upward` says of each link whether it leads up."""

    def __init__(self, things: Sequence[Node | Group], links: Sequence[Link]) -> None:
        self.things = {thing.name: thing for thing in things}
        self.links = links
        self.inside: dict[str | None, list[str]] = {}
        for thing in things:
            self.inside.setdefault(thing.group, []).append(thing.name)
        self.meeting = [self._meeting(link) for link in links]
        number = {thing.name: n for n, thing in enumerate(things)}
        self.upward = [number[source] > number[target] for _, source, target in self.meeting]

    def _around(self, name: str) -> list[str | None]:
        """A thing, the group that it is in, the group of that, and at last None."""
        around: list[str | None] = [name]
        while around[-1] is not None:
            around.append(self.things[around[-1]].group)
        return around

    def _meeting(self, link: Link) -> tuple[str | None, str, str]:
        """The innermost group (None: the whole) that holds both ends of a link, and what in it holds each."""
        sources, targets = self._around(link.source), self._around(link.target)
        common = next(group for group in sources if group in targets)
        at, to = sources.index(common), targets.index(common)
        if at == 0 or to == 0:
            raise ValueError(f"a link from {link.source} to {link.target}, of which one holds the other")
        source, target = sources[at - 1], targets[to - 1]
        assert source is not None
        assert target is not None
        return common, source, target

    def part(self, group: str | None) -> _Part:
        """A group, or the whole (None): its inner groups first."""
        names = self.inside.get(group, [])
        parts = {name: self.part(name) for name in names if isinstance(self.things[name], Group)}
        ports = dict(self._ports(group))
        items: dict[str | _Port, Item] = {}
        if group is not None:
            title = self.things[group]
            items[group] = Item(title.width, title.height, "first", pinned=True)
        items |= {port: Item(PORT, 0.0, "first") for port, upper in ports.items() if upper}
        for name in names:
            size = parts.get(name) or self.things[name]
            items[name] = Item(size.width, size.height)
        items |= {port: Item(PORT, 0.0, "last") for port, upper in ports.items() if not upper}
        place = {name: n for n, name in enumerate(items)}
        edges = list(self._edges(group, place, parts, ports))
        found = layered(list(items.values()), [edge for _, edge in edges])
        left, top = (0.0, 0.0) if group is None else (PADDING, PADDING / 2)
        width, height = found.width + 2 * left, found.height + top + left

        made = _Part({}, {}, {}, width, height)
        if group is not None:
            made.boxes[group] = Box(0.0, 0.0, width, height)
        for name in names:
            x, y = found.corners[place[name]].x + left, found.corners[place[name]].y + top
            if name in parts:
                for inner, box in parts[name].boxes.items():
                    made.boxes[inner] = Box(box.x + x, box.y + y, box.width, box.height)
                for link, pieces in parts[name].pieces.items():
                    made.pieces.setdefault(link, []).extend(_moved(piece, x, y) for piece in pieces)
            else:
                made.boxes[name] = Box(x, y, self.things[name].width, self.things[name].height)
        for (link, _), route in zip(edges, found.routes, strict=True):
            made.pieces.setdefault(link, []).append(_moved(route, left, top))
        for port, upper in ports.items():
            x = found.corners[place[port]].x + PORT / 2 + left
            made.ports[port] = x - width / 2
            y = found.corners[place[port]].y + top
            ends = (Point(x, 0.0), Point(x, y)) if upper else (Point(x, y), Point(x, height))
            made.pieces[port.link].append(ends)
        return made

    def _ports(self, group: str | None) -> Iterator[tuple[_Port, bool]]:
        """Where links leave a group, and whether through its upper side."""
        for n, (link, (common, _, _)) in enumerate(zip(self.links, self.meeting, strict=True)):
            for end in (link.source, link.target):
                around = self._around(end)
                if group in around[1 : around.index(common)]:
                    yield _Port(n, end), (end == link.target) != self.upward[n]

    def _edges(
        self,
        group: str | None,
        place: dict[str | _Port, int],
        parts: dict[str, _Part],
        ports: dict[_Port, bool],
    ) -> Iterator[tuple[int, Edge]]:
        """The edges of a group's layout, each with the link that it is a piece of: between two things in the
        group, or from one of them to a port.
        """

        def fixed(name: str, port: _Port) -> float | None:
            return parts[name].ports.get(port) if name in parts else None

        for n, (link, (common, source, target)) in enumerate(zip(self.links, self.meeting, strict=True)):
            if common == group:
                ends = [(source, _Port(n, link.source)), (target, _Port(n, link.target))]
                (high, out), (low, into) = reversed(ends) if self.upward[n] else ends
                edge = Edge(place[high], place[low], fixed(high, out), fixed(low, into), link.weight)
                yield n, edge
            for port in (_Port(n, link.source), _Port(n, link.target)):
                if port in ports:
                    around = self._around(port.inside)
                    child = around[around.index(group) - 1]
                    assert child is not None
                    at, to = place[port], place[child]
                    if ports[port]:
                        yield n, Edge(at, to, None, fixed(child, port), link.weight)
                    else:
                        yield n, Edge(to, at, fixed(child, port), None, link.weight)


def _moved(route: Route, x: float, y: float) -> Route:
    return tuple(Point(point.x + x, point.y + y) for point in route)
