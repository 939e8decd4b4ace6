"""One axis of states as a picture: the layout, and the drawing of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sim.view.diagram.disease import Axis, Factor, Place, Way
from sim.view.diagram.svg import Canvas, size_of, text_height
from sim.view.diagram.words import Line
from sim.view.layout import APART, MARGIN, Arrangement, Box, Group, Link, Node, Route, arrange

ARROW = 1.3  # the width of an arrow without people
WIDEST = 9.0
LOOSE, FIRM = 0.02, 2.0  # how straight an arrow is: of a factor, to what a way leads to
ROOM = {"group": (4.0, 3.0), "state": (14.0, 8.0), "event": (14.0, 8.0), "death": (12.0, 6.0)}
ROOM |= {"factor": (10.0, 6.0), "way": (6.0, 3.0)}  # beside and above what is written in each


@dataclass(frozen=True, slots=True)
class AxisPicture:
    """An axis and where everything of it stands; `thickness` is that of each way's arrow."""

    axis: Axis
    arrangement: Arrangement
    thickness: dict[str, float]
    routes: dict[tuple[str, str], Route]
    width: float
    height: float

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        """Frames first, then arrows, then boxes and texts."""
        boxes = {name: _moved(box, x, y) for name, box in self.arrangement.boxes.items()}
        for place in self.axis.places:
            if place.kind == "group":
                _frame(canvas, place, boxes[place.name])
        for way in self.axis.ways:
            wide = self.thickness.get(way.name, ARROW)
            kind = "flow" if way.name in self.thickness else ""
            canvas.begin(way.label.tip)
            for source, target, head in ((way.source, way.name, False), (way.name, way.target, True)):
                canvas.arrow(_shifted(self.routes[source, target], x, y), kind, wide, head)
            canvas.end()
        for factor in self.axis.factors:
            for target in factor.targets:
                canvas.arrow(_shifted(self.routes[factor.name, target], x, y), "dashed")
        for place in self.axis.places:
            if place.kind != "group":
                _place(canvas, place, boxes[place.name])
        for way in self.axis.ways:
            _label(canvas, way, boxes[way.name])
        for factor in self.axis.factors:
            _factor(canvas, factor, boxes[factor.name])


def axis_picture(axis: Axis, flows: dict[str, int] | None = None) -> AxisPicture:
    """The picture of an axis; `flows` are how many went along each way, by its name."""
    groups = {place.name: place.group for place in axis.places}
    places = {place.name: place for place in axis.places}
    leaving: dict[str, list[Way]] = {}
    for way in axis.ways:
        leaving.setdefault(way.source, []).append(way)
    labels: list[tuple[str, tuple[Line, ...], str | None]] = [
        (factor.name, factor.label.lines, None) for factor in axis.factors
    ]
    links = [Link(factor.name, target, LOOSE) for factor in axis.factors for target in factor.targets]
    for place in axis.places:  # a way's label comes after what it leads from
        if place.kind != "death":
            labels.append((place.name, place.label.lines, place.group))
        for way in leaving.get(place.name, ()):
            inside = _common(groups, way)
            labels.append((way.name, way.label.lines, inside))
            if places[way.target].kind == "death":
                labels.append((way.target, places[way.target].label.lines, inside))
            links += (Link(way.source, way.name), Link(way.name, way.target, FIRM))
    needed = _widths({name: n for n, (name, _, _) in enumerate(labels)}, links)
    factors = {factor.name for factor in axis.factors}
    things: list[Node | Group] = []
    for name, shown, inside in labels:
        kind = places[name].kind if name in places else "factor" if name in factors else "way"
        width, height = size_of(shown, *ROOM[kind])
        if kind == "group":
            things.append(Group(name, width, height, inside))
        else:
            things.append(
                Node(name, max(width, needed.get(name, 0.0) if name in places else 0.0), height, inside)
            )
    arrangement = arrange(things, links)
    routes = {
        (link.source, link.target): route for link, route in zip(links, arrangement.routes, strict=True)
    }
    return AxisPicture(axis, arrangement, _thickness(flows), routes, arrangement.width, arrangement.height)


def _widths(order: dict[str, int], links: list[Link]) -> dict[str, float]:
    """How wide each thing must be for the arrows at its upper and its lower side."""
    sides: Counter[tuple[str, bool]] = Counter()
    for link in links:
        down = order[link.source] < order[link.target]
        sides[link.source, down] += 1
        sides[link.target, not down] += 1
    found: dict[str, float] = {}
    for (name, _), count in sides.items():
        found[name] = max(found.get(name, 0.0), (count - 1) * APART + 2 * MARGIN)
    return found


def _common(groups: Mapping[str, str | None], way: Way) -> str | None:
    """The innermost group that both ends of a way are in, neither being it."""
    around = [groups[way.source]]
    while around[-1] is not None:
        around.append(groups[around[-1]])
    at = groups[way.target] if way.cause is None else around[0]
    while at not in around:
        assert at is not None
        at = groups[at]
    return at


def _thickness(flows: dict[str, int] | None) -> dict[str, float]:
    """How wide the arrows are: by the square root of how many went along them."""
    most = max(flows.values(), default=0) if flows else 0
    if not flows or not most:
        return dict.fromkeys(flows or (), ARROW)
    return {name: max(ARROW, WIDEST * math.sqrt(count / most)) for name, count in flows.items()}


def _frame(canvas: Canvas, place: Place, box: Box) -> None:
    canvas.begin(place.label.tip)
    canvas.box(*box, "frame")
    canvas.lines(box.x + 14.0 + 4.0, box.y + 7.0 + 3.0, place.label.lines)
    canvas.end()


def _place(canvas: Canvas, place: Place, box: Box) -> None:
    canvas.begin(place.label.tip, place.name if place.kind != "death" else "")
    canvas.box(*box, place.kind, radius=box.height / 2 if place.kind == "event" else 7.0)
    _middle(canvas, place.label.lines, box)
    canvas.end()


def _label(canvas: Canvas, way: Way, box: Box) -> None:
    canvas.begin(way.label.tip)
    _middle(canvas, way.label.lines, box)
    canvas.end()


def _factor(canvas: Canvas, factor: Factor, box: Box) -> None:
    canvas.begin(factor.label.tip)
    canvas.box(*box, "factor")
    canvas.lines(box.x + 10.0, box.y + 6.0, factor.label.lines)
    canvas.end()


def _middle(canvas: Canvas, shown: tuple[Line, ...], box: Box) -> None:
    high = sum(map(text_height, shown))
    canvas.lines(box.x + box.width / 2, box.y + (box.height - high) / 2, shown, "middle")


def _moved(box: Box, x: float, y: float) -> Box:
    return Box(box.x + x, box.y + y, box.width, box.height)


def _shifted(route: Route, x: float, y: float) -> Route:
    return tuple(type(p)(p.x + x, p.y + y) for p in route)
