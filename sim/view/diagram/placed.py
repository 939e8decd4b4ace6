"""Pieces of a drawing that know their size, and how they are put on a canvas; boxes of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sim.view.diagram.svg import Canvas, size_of, text_height
from sim.view.diagram.words import Label, Line
from sim.view.layout import Point

STEM = 20.0  # from the left edge of a piece to the line that leads to the next
POINT = 9.0  # of a condition's box
PAD = 12.0  # inside a panel
MARGIN = 24.0  # around a page
GAP = 18.0  # between panels
WIDTH = 1180.0  # of what stands on a page, unless one thing is wider


@dataclass(slots=True)
class Placed:
    """A piece, its corner at 0: `parts` in it and where they stand, `boxes`, `texts` and `arrows`. `out` is
    where a line leaves to the right, `first` the height of what stands first.
    """

    width: float
    height: float
    first: float
    out: Point
    parts: list[tuple[float, float, Placed]] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float, str, Label]] = field(default_factory=list)
    texts: list[tuple[float, float, tuple[Line, ...], str]] = field(default_factory=list)
    arrows: list[tuple[tuple[Point, ...], bool, str]] = field(default_factory=list)

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        """Boxes, then arrows, then texts, then the pieces inside."""
        for bx, by, width, height, kind, label in self.boxes:
            canvas.begin(label.tip)
            canvas.box(
                x + bx,
                y + by,
                width,
                height,
                kind,
                cut=POINT if kind == "if" else 0.0,
                radius=height / 2 if kind in ("wait", "start") and height < 40 else 7.0,
            )
            canvas.end()
        for points, head, kind in self.arrows:
            canvas.arrow(tuple(Point(p.x + x, p.y + y) for p in points), kind, head=head)
        for tx, ty, shown, tip in self.texts:
            canvas.begin(tip)
            canvas.lines(x + tx, y + ty, shown)
            canvas.end()
        for px, py, part in self.parts:
            part.draw(canvas, x + px, y + py)


def listed(labels: Sequence[Label], kind: str) -> Placed:
    """A box with the lines of several labels, each with its own tooltip."""
    every = [line for label in labels for line in label.lines]
    width, height = size_of(every, 14.0 if kind in ("wait", "start") else 10.0)
    width = max(width, 2 * STEM)
    found = Placed(width, height, height, Point(width, height / 2))
    found.boxes.append((0.0, 0.0, width, height, kind, Label(())))
    write(found, labels, 14.0 if kind in ("wait", "start") else 10.0, 6.0)
    return found


def write(found: Placed, labels: Sequence[Label], x: float, y: float) -> float:
    """Put labels below each other; the height that they take."""
    top = y
    for label in labels:
        found.texts.append((x, y, label.lines, label.tip))
        y += sum(map(text_height, label.lines))
    return y - top


def card(title: str, labels: Sequence[Label]) -> Placed:
    """A panel with a title, and lines below it."""
    head = (Line(title, "heading"),)
    every = [*head, *(line for label in labels for line in label.lines)]
    width, height = size_of(every, PAD, PAD)
    found = Placed(width, height + 6.0, height, Point(width, height / 2))
    found.boxes.append((0.0, 0.0, width, height + 6.0, "panel", Label(())))
    found.texts.append((PAD, PAD, head, ""))
    write(found, labels, PAD, PAD + text_height(head[0]) + 6.0)
    return found


def packed(sizes: Sequence[tuple[float, float]], width: float) -> tuple[list[tuple[float, float]], float]:
    """Where rectangles stand, each as high as those before let it, then as far left; and how high all are."""
    placed: list[tuple[float, float, float, float]] = []
    for wide, high in sizes:
        best: tuple[float, float] | None = None
        for x in sorted({0.0, *(px + pw + GAP for px, _, pw, _ in placed)}):
            if x and x + wide > width:
                continue
            y = max(
                (py + ph + GAP for px, py, pw, ph in placed if px < x + wide + GAP and x < px + pw + GAP),
                default=0.0,
            )
            if best is None or (y, x) < (best[1], best[0]):
                best = (x, y)
        assert best is not None  # at the left there is room for all
        placed.append((*best, wide, high))
    return [(x, y) for x, y, _, _ in placed], max((y + h for _, y, _, h in placed), default=0.0)
