"""A protocol as a picture. Its steps are a tree, and so is the layout: pieces stand below each other at one
left edge, where the line of what comes next runs; what is done under a condition stands at its right.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.view.diagram.care import Acts, Block, Flow, Fork, Frame, Piece, Wait
from sim.view.diagram.placed import POINT, STEM, Placed, listed, write
from sim.view.diagram.svg import size_of, text_height, text_width
from sim.view.diagram.words import Label, Line, lines
from sim.view.layout import Point

DROP = 18.0  # between two pieces
REACH = 36.0  # between a condition and what is done then
GAP = 12.0  # between what is done under one condition and the next
PAD = 12.0
JOIN = 20.0  # from the last condition to where lines meet
RAIL = 14.0  # from what is done under conditions to the line that leads back


def flow_picture(flow: Flow) -> Placed:
    """A protocol: a panel with its title, how it starts, and its steps."""
    head = [Line(flow.title, "heading"), *lines(flow.about, "quiet", 70, 2)]
    start = listed(flow.starts or (Label((Line("nothing in this scenario starts it", "quiet"),)),), "start")
    body, width, height = _stack([start, *_placed_all(flow.steps, False)])
    top = PAD + sum(map(text_height, head)) + 8.0
    if flow.factors:
        beside = listed(flow.factors, "factor")
        at = start.width + REACH
        y = min(start.height, beside.height) / 2
        body.arrows.append(((Point(at, y), Point(start.width, y)), True, "dashed"))
        body.parts.append((at, 0.0, beside))
        width = max(width, at + beside.width)
        lower = beside.height - start.height
        if lower > 0:
            body = _lowered(body, lower)
            height += lower
    if flow.ends:
        ends = listed(flow.ends, "wait")
        body.parts.append((0.0, height + DROP / 2, ends))
        height += DROP / 2 + ends.height
        width = max(width, ends.width)
    wide = max(width, max(map(text_width, head))) + 2 * PAD
    tall = top + height + PAD
    panel = Placed(wide, tall, tall, Point(wide, tall / 2))
    panel.boxes.append((0.0, 0.0, wide, tall, "panel", Label((), flow.about)))
    panel.texts.append((PAD, PAD, tuple(head), flow.about))
    panel.parts.append((PAD, top, body))
    return panel


def _lowered(body: Placed, by: float) -> Placed:
    """A stack with more room below its first piece, since something high stands beside it."""
    first = body.parts[0]
    at = first[2].height
    low = [(x, y + by if y >= at else y, part) for x, y, part in body.parts]
    arrows = [
        (tuple(Point(p.x, p.y + by if p.y > at else p.y) for p in points), head, kind)
        for points, head, kind in body.arrows
    ]
    return Placed(body.width, body.height + by, body.first, body.out, low, body.boxes, body.texts, arrows)


def _placed_all(block: Block, joins: bool) -> list[Placed]:
    """The pieces of a block; `joins`: something comes after the last."""
    return [_placed(piece, joins or n < len(block) - 1) for n, piece in enumerate(block)]


def _stack(pieces: Sequence[Placed]) -> tuple[Placed, float, float]:
    """Pieces below each other, joined by arrows."""
    whole = Placed(0.0, 0.0, pieces[0].first if pieces else 0.0, Point(0.0, 0.0))
    y = 0.0
    for n, piece in enumerate(pieces):
        if n:
            whole.arrows.append(((Point(STEM, y - DROP), Point(STEM, y)), True, ""))
        whole.parts.append((0.0, y, piece))
        whole.width = max(whole.width, piece.width)
        whole.out = Point(piece.out.x, y + piece.out.y)
        y += piece.height + DROP
    whole.height = max(0.0, y - DROP)
    return whole, whole.width, whole.height


def _placed(piece: Piece, joins: bool) -> Placed:
    match piece:
        case Acts():
            return listed(piece.labels, "steps")
        case Wait():
            return listed((piece.label,), "wait")
        case Frame():
            return _framed(piece)
        case Fork():
            return _forked(piece, joins)


def _framed(frame: Frame) -> Placed:
    """A title, and below it what is done; rounds have an arrow back to their first piece."""
    labels = [frame.label]
    inside = frame.body
    if frame.kind == "visit" and len(inside) == 1 and isinstance(inside[0], Acts):
        labels += inside[0].labels
        inside = ()
    title_width, title = size_of([line for label in labels for line in label.lines], 10.0)
    left = PAD + (16.0 if frame.kind == "loop" else 0.0)
    body, wide, high = _stack(_placed_all(inside, False))
    width = max(title_width, left + wide + PAD if inside else 0.0, 2 * STEM)
    height = title + (high + PAD if inside else 0.0)
    found = Placed(width, height, min(height, title), Point(width, height / 2))
    found.boxes.append((0.0, 0.0, width, height, frame.kind, frame.label))
    write(found, labels, 10.0, 6.0)
    if inside:
        found.parts.append((left, title, body))
    if inside and frame.kind == "loop":
        last = body.parts[-1]
        low = title + last[1] + last[2].height - 8.0
        up = title + body.parts[0][2].first / 2
        if low - up > 12.0:
            back = (Point(left, low), Point(PAD - 1.0, low), Point(PAD - 1.0, up), Point(left, up))
        else:
            low, up = title + high * 0.75, title + high * 0.25
            back = (Point(left, low), Point(PAD - 1.0, low), Point(PAD - 1.0, up), Point(left, up))
        found.arrows.append((back, True, ""))
    if frame.missed:
        aside, wide, high = _stack(_placed_all(frame.missed, False))
        y = min(found.first, aside.first) / 2
        reach = REACH + 14.0
        found.arrows.append(((Point(width, y), Point(width + reach, y)), True, ""))
        found.texts.append((width + 4.0, y - 15.0, (Line("missed", "quiet"),), ""))
        found.parts.append((width + reach, 0.0, aside))
        found.width = width + reach + wide
        found.height = max(height, high)
    return found


def _forked(fork: Fork, joins: bool) -> Placed:
    """Conditions below each other, and at the right of each what is done where it holds; where something
    comes after it (`joins`), a line leads all back to the left.
    """
    sizes = [size_of(way.label.lines, 8.0 + POINT, 5.0) for way in fork.ways]
    column = max((width for width, _ in sizes), default=2 * STEM)
    right = column + REACH
    found = Placed(column, 0.0, sizes[0][1] if sizes else 0.0, Point(column, 0.0))
    y = low = 0.0  # of the next condition; where the one before ends
    ends: list[Point] = []
    for way, (_, high) in zip(fork.ways, sizes, strict=True):
        if low:
            found.arrows.append(((Point(STEM, low), Point(STEM, y)), True, ""))
        found.boxes.append((0.0, y, column, high, "wait" if way.by_chance else "if", way.label))
        found.texts.append((8.0 + POINT, y + 5.0, way.label.lines, way.label.tip))
        low, row = y + high, high
        if way.body:
            body, width, below = _stack(_placed_all(way.body, joins))
            at = y + min(high, body.first) / 2
            found.arrows.append(((Point(column, at), Point(right, at)), True, ""))
            if not way.by_chance:
                found.texts.append((column + 6.0, at - 14.0, (Line("yes", "quiet"),), ""))
            found.parts.append((right, y, body))
            found.width = max(found.width, right + width)
            row = max(high, below)
            ends.append(Point(right + body.out.x, y + body.out.y))
        else:
            ends.append(Point(column, y + high / 2))
        y += row + GAP
    found.height = y - GAP
    word = (Line("no" if len(fork.ways) == 1 else "otherwise", "quiet"),)
    if fork.other:
        other, width, below = _stack(_placed_all(fork.other, joins))
        top = found.height + DROP
        found.arrows.append(((Point(STEM, low), Point(STEM, top)), True, ""))
        found.texts.append((STEM + 6.0, low + 2.0, word, ""))
        found.parts.append((0.0, top, other))
        found.width = max(found.width, width)
        found.height = low = top + below
    if joins:
        _lead_back(found, ends, low, not all(way.by_chance for way in fork.ways), () if fork.other else word)
    return found


def _lead_back(
    found: Placed, ends: Sequence[Point], low: float, falls_through: bool, word: tuple[Line, ...]
) -> None:
    """A line at the right of a fork, from the ends of what is done to the line at the left, and that."""
    found.height += JOIN
    rail = found.width + RAIL
    if falls_through:
        found.arrows.append(((Point(STEM, low), Point(STEM, found.height)), False, ""))
        found.texts.append((STEM + 6.0, low + 1.0, word, ""))
    for end in ends:
        back = (end, Point(rail, end.y), Point(rail, found.height), Point(STEM, found.height))
        found.arrows.append((back, False, ""))
    found.width = rail + 2.0
    found.out = Point(STEM, found.height)
