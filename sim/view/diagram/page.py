"""A pathway on one page: its disease, its care, what its tests see, and what it does to other pathways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sim.view.diagram.axis_picture import AxisPicture, axis_picture
from sim.view.diagram.care import Flow
from sim.view.diagram.disease import Axis
from sim.view.diagram.flow_picture import flow_picture
from sim.view.diagram.placed import GAP, MARGIN, PAD, WIDTH, card, packed
from sim.view.diagram.svg import Canvas, text_height, text_width
from sim.view.diagram.words import Label, Line, lines


@dataclass(frozen=True, slots=True)
class Chart:
    """All that is drawn of a pathway. `flows` are how many went along each way, by axis and way."""

    name: str
    title: str
    about: str
    axes: tuple[Axis, ...]
    care: tuple[Flow, ...]
    measurements: tuple[Label, ...] = ()
    elsewhere: tuple[Label, ...] = ()
    run: str = ""
    flows: dict[str, dict[str, int]] | None = None


class Panel(Protocol):
    @property
    def width(self) -> float: ...
    @property
    def height(self) -> float: ...
    def draw(self, canvas: Canvas, x: float, y: float) -> None: ...


@dataclass(frozen=True, slots=True)
class _AxisPanel:
    """An axis in a panel with its title."""

    picture: AxisPicture

    @property
    def title(self) -> Line:
        return Line(self.picture.axis.title, "heading")

    @property
    def width(self) -> float:
        return max(self.picture.width, text_width(self.title)) + 2 * PAD

    @property
    def height(self) -> float:
        return self.picture.height + text_height(self.title) + 2 * PAD + 4.0

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        canvas.box(x, y, self.width, self.height, "panel")
        canvas.text(x + PAD, y + PAD - 4.0, self.title)
        self.picture.draw(canvas, x + PAD, y + PAD + text_height(self.title) + 4.0)


@dataclass(frozen=True, slots=True)
class _Named:
    """A panel that links can lead to."""

    panel: Panel
    name: str

    @property
    def width(self) -> float:
        return self.panel.width

    @property
    def height(self) -> float:
        return self.panel.height

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        canvas.begin(name=self.name)
        self.panel.draw(canvas, x, y)
        canvas.end()


def page(chart: Chart) -> str:
    """The SVG document of a pathway."""
    flows = chart.flows or {}
    axes: list[Panel] = [_AxisPanel(axis_picture(axis, flows.get(axis.name))) for axis in chart.axes]
    care: list[Panel] = [_Named(flow_picture(flow), flow.name) for flow in chart.care]
    tests: list[Panel] = [card("What tests see", chart.measurements)] if chart.measurements else []
    tests += [card("Acts on other pathways", chart.elsewhere)] if chart.elsewhere else []
    sections = [("Disease" if axes else "Tests", axes + tests), ("Care", care)]
    sections = [(title, panels) for title, panels in sections if panels]
    widest = max([WIDTH, *(panel.width for _, panels in sections for panel in panels)])
    canvas = Canvas()
    y = MARGIN
    head = [Line(chart.title, "title"), *lines(chart.about, "quiet", 150, 3)]
    if chart.run:
        head.append(Line(chart.run, "count"))
    canvas.lines(MARGIN, y, head)
    y += sum(map(text_height, head)) + GAP
    right = max(map(text_width, head))
    for title, panels in sections:
        canvas.text(MARGIN, y, Line(title, "title"))
        y += text_height(Line(title, "title")) + 6.0
        places, high = packed([(panel.width, panel.height) for panel in panels], widest)
        for panel, (px, py) in zip(panels, places, strict=True):
            panel.draw(canvas, MARGIN + px, y + py)
            right = max(right, px + panel.width)
        y += high + GAP
    key = Line(_key(chart), "quiet")
    canvas.text(MARGIN, y, key)
    right = max(right, text_width(key))
    return canvas.document(right + 2 * MARGIN, y + text_height(key) + MARGIN, chart.title, _told(chart))


def _key(chart: Chart) -> str:
    """What the signs mean."""
    parts = ["What a … leaves out, and what names stand for, is in the tooltips."]
    if any(axis.factors for axis in chart.axes):
        parts.insert(0, "Yellow boxes multiply the rates that their dashed arrows lead to.")
    if chart.run:
        parts.insert(
            0, "Blue: counted in the run; arrows are as wide as the square root of how many went along them."
        )
    return " ".join(parts)


def _told(chart: Chart) -> str:
    """The page in words, for who cannot see it."""
    parts = [chart.about] if chart.about else []
    for axis in chart.axes:
        for way in axis.ways:
            shown = " ".join(line.text for line in way.label.lines)
            target = f"death of {way.cause}" if way.cause else way.entered
            parts.append(f"{axis.title}: {way.source.rpartition('.')[2]} to {target}: {shown}.")
    if chart.care:
        parts.append(f"Protocols: {', '.join(flow.title for flow in chart.care)}.")
    return "\n".join(parts)
