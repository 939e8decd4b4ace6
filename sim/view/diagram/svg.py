"""SVG: boxes, texts and arrows, in the same bytes for the same drawing.

Each text is given its width, so that it fits whatever font a reader has. Colours follow the reader's light or
dark scheme; the drawing brings its own ground. What a text leaves out stands in a `<title>`, which readers
show as a tooltip and read aloud.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from sim.view.diagram.words import Line
from sim.view.layout import Route

SIZES = {"title": 20.0, "heading": 15.0, "name": 13.0, "text": 11.0, "quiet": 10.5, "count": 11.0}
BOLD = ("title", "heading", "name", "count")
LEADING = 1.35
CORNER = 7.0

_WIDTHS = {" ": 278, "!": 278, '"': 355, "%": 889, "&": 667, "'": 191, "(": 333, ")": 333, "*": 389}
_WIDTHS |= {",": 278, "-": 333, ".": 278, "/": 278, ":": 278, ";": 278, "@": 1015, "[": 278, "]": 278}
_WIDTHS |= {"\\": 278, "^": 469, "`": 333, "{": 334, "|": 260, "}": 334, "·": 278, "…": 1000, "→": 1000}
_WIDTHS |= dict.fromkeys("fIt", 278) | dict.fromkeys("ijl", 222) | dict.fromkeys("ckszvxyJ", 500) | {"r": 333}
_WIDTHS |= dict.fromkeys("ABEKPSVXY", 667) | dict.fromkeys("CDHNRUw", 722) | dict.fromkeys("FTZ", 611)
_WIDTHS |= dict.fromkeys("GOQ", 778) | {"M": 833, "m": 833, "W": 944} | dict.fromkeys("+<=>~×≥≤≠", 584)
BOLDER = 0.07  # bold text is so much wider

# Of each kind of box fill and line; of what else is drawn one colour: by daylight, and in the dark.
_BOXES = {
    "state": ("#e3eefb", "#5b8fc7", "#1c3148", "#5b8fc7"),
    "death": ("#e4e4e7", "#6b7280", "#33363b", "#9aa1ab"),
    "event": ("#f3e8fd", "#9461c9", "#33244a", "#a77fd6"),
    "factor": ("#fff6e0", "#c68a12", "#3a2f14", "#d29d33"),
    "visit": ("#e6f5ef", "#3c9a78", "#173229", "#4bb08b"),
    "if": ("#fff6e0", "#c68a12", "#3a2f14", "#d29d33"),
    "wait": ("#eef1f4", "#7b8a99", "#272e35", "#8694a2"),
    "loop": ("#f1effc", "#7667c4", "#28244a", "#9385dd"),
    "start": ("#e3eefb", "#5b8fc7", "#1c3148", "#5b8fc7"),
    "steps": ("#ffffff", "#93a1ae", "#14181d", "#6d7a87"),
    "panel": ("#f7f9fb", "#c9d1d9", "#1b2127", "#3a444e"),
    "frame": ("none", "#5b8fc7", "none", "#5b8fc7"),
    "ground": ("#ffffff", "none", "#14181d", "none"),
}
_FILLS = {"text": ("#1d2733", "#e6ebf0"), ".quiet": ("#5b6875", "#9aa7b4"), ".count": ("#0b5cad", "#7db8f5")}
_FILLS |= {".verb": ("#146c53", "#63c9a6"), ".head": ("#4b5a69", "#a4b1bd")}
_FILLS |= {".head.flow": ("#0b5cad", "#7db8f5"), ".head.dashed": ("#c68a12", "#d29d33")}
_LINES = {".arrow": ("#4b5a69", "#a4b1bd"), ".arrow.flow": ("#0b5cad", "#7db8f5")}
_LINES |= {".arrow.dashed": ("#c68a12", "#d29d33")}


def _colours(dark: bool) -> str:
    """The rules for all colours."""
    rules = [f".{kind}{{fill:{c[2 * dark]};stroke:{c[2 * dark + 1]}}}" for kind, c in _BOXES.items()]
    rules += [f"{what}{{fill:{colours[dark]}}}" for what, colours in _FILLS.items()]
    return "".join([*rules, *(f"{what}{{stroke:{colours[dark]}}}" for what, colours in _LINES.items())])


_STYLE = f"""
text{{font-family:Helvetica,Arial,'Liberation Sans',sans-serif;white-space:pre}}
.verb{{font-weight:bold}}a:hover text,a:focus text{{text-decoration:underline}}
.arrow{{fill:none;stroke-width:1.3}}.arrow.flow{{opacity:.75}}
.arrow.dashed{{stroke-dasharray:5 4}}.frame{{stroke-dasharray:2 3}}
{_colours(dark=False)}
@media (prefers-color-scheme:dark){{{_colours(dark=True)}}}
"""


def text_width(line: Line) -> float:
    """How wide a line is drawn, in pixels: as wide as it is in Helvetica and Arial."""
    parts = [part for part in (line.verb, line.text, line.note) if part]
    whole = _helvetica(" ".join(parts))
    bold = whole if line.style in BOLD else _helvetica(line.verb)
    return (whole + BOLDER * bold) * SIZES[line.style]


def _helvetica(text: str) -> float:
    return sum(_WIDTHS.get(sign, 556) for sign in text) / 1000


def text_height(line: Line) -> float:
    """The height of a line with the room around it."""
    return SIZES[line.style] * LEADING


def size_of(shown: Sequence[Line], across: float = 10.0, down: float = 6.0) -> tuple[float, float]:
    """Width and height of a box around lines; `across` and `down` is the room to its sides."""
    width = max((text_width(line) for line in shown), default=0.0)
    return width + 2 * across, sum(map(text_height, shown)) + 2 * down


class Canvas:
    """Elements of an SVG document, in the order in which they are drawn."""

    def __init__(self) -> None:
        self.elements: list[str] = []

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        kind: str,
        *,
        radius: float = CORNER,
        cut: float = 0.0,
    ) -> None:
        """A rectangle; with `cut`, its left and right ends come to a point."""
        if cut:
            r, b = x + width, y + height
            corners = (
                (x + cut, y),
                (r - cut, y),
                (r, (y + b) / 2),
                (r - cut, b),
                (x + cut, b),
                (x, (y + b) / 2),
            )
            points = " ".join(f"{_n(px)},{_n(py)}" for px, py in corners)
            self.elements.append(f'<polygon class="{kind}" points="{points}"/>')
        else:
            shape = f'x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" rx="{_n(radius)}"'
            self.elements.append(f'<rect class="{kind}" {shape}/>')

    def text(self, x: float, y: float, line: Line, anchor: str = "start") -> None:
        """A line of text, the top of which is `y`."""
        base = y + SIZES[line.style] * 1.02
        weight = ' font-weight="bold"' if line.style in BOLD else ""
        style = f' class="{line.style}"' if line.style in ("quiet", "count") else ""
        where = f'x="{_n(x)}" y="{_n(base)}"' + (f' text-anchor="{anchor}"' if anchor != "start" else "")
        verb = f'<tspan class="verb">{escape(line.verb)}</tspan> ' if line.verb else ""
        note = f' <tspan class="quiet">{escape(line.note, quote=False)}</tspan>' if line.note else ""
        if wide := _n(text_width(line)):
            where += f' textLength="{wide}" lengthAdjust="spacingAndGlyphs"'
        drawn = (
            f'<text {where} font-size="{_n(SIZES[line.style])}"{weight}{style}>'
            f"{verb}{escape(line.text, quote=False)}{note}</text>"
        )
        self.elements.append(f'<a href="#{escape(line.to)}">{drawn}</a>' if line.to else drawn)

    def lines(self, x: float, y: float, shown: Sequence[Line], anchor: str = "start") -> None:
        """Lines below each other."""
        for line in shown:
            self.text(x, y, line, anchor)
            y += text_height(line)

    def begin(self, tip: str = "", name: str = "") -> None:
        """What follows is one thing, with a tooltip and a name that links lead to."""
        own = f' id="{escape(name)}"' if name else ""
        self.elements.append(f"<g{own}>" + (f"<title>{escape(tip, quote=False)}</title>" if tip else ""))

    def end(self) -> None:
        """The end of what `begin` began."""
        self.elements.append("</g>")

    def arrow(self, route: Route, kind: str = "", width: float = 1.3, head: bool = True) -> None:
        """A route: straight where two points are above each other or side by side, else a curve."""
        size = 7.0 + 1.2 * max(0.0, width - 1.3)
        points: list[tuple[float, float]] = list(route)
        tip, before = points[-1], points[-2]
        if head:  # the line ends inside the head
            points[-1] = _short(before, tip, size * 0.8)
        path = f"M{_n(points[0][0])} {_n(points[0][1])}"
        for (x0, y0), (x1, y1) in pairwise(points):
            if x0 == x1 or y0 == y1:
                path += f"L{_n(x1)} {_n(y1)}"
            else:
                half = (y0 + y1) / 2
                path += f"C{_n(x0)} {_n(half)} {_n(x1)} {_n(half)} {_n(x1)} {_n(y1)}"
        thick = f' style="stroke-width:{_n(width)}"' if width != 1.3 else ""
        self.elements.append(f'<path class="{" ".join(("arrow", kind)).strip()}"{thick} d="{path}"/>')
        if head:
            self._head(before, tip, size, kind)

    def _head(self, before: tuple[float, float], tip: tuple[float, float], size: float, kind: str) -> None:
        across = before[1] == tip[1]
        sign = 1.0 if (tip[0] > before[0] if across else tip[1] > before[1]) else -1.0
        half = size * 0.5
        if across:
            sides = ((tip[0] - sign * size, tip[1] - half), (tip[0] - sign * size, tip[1] + half))
        else:
            sides = ((tip[0] - half, tip[1] - sign * size), (tip[0] + half, tip[1] - sign * size))
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in (tip, *sides))
        self.elements.append(f'<polygon class="{" ".join(("head", kind)).strip()}" points="{points}"/>')

    def document(self, width: float, height: float, title: str, about: str) -> str:
        """The whole document."""
        size = f'width="{_n(width)}" height="{_n(height)}" viewBox="0 0 {_n(width)} {_n(height)}"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title about">',
                f'<title id="title">{escape(title, quote=False)}</title>',
                f'<desc id="about">{escape(about, quote=False)}</desc>',
                f"<style>{_STYLE}</style>",
                f'<rect class="ground" width="{_n(width)}" height="{_n(height)}"/>',
                *self.elements,
                "</svg>\n",
            ]
        )


def _short(before: tuple[float, float], tip: tuple[float, float], by: float) -> tuple[float, float]:
    """The tip, drawn back."""
    if before[1] == tip[1]:
        return tip[0] - (by if tip[0] > before[0] else -by), tip[1]
    room = abs(tip[1] - before[1])
    by = min(by, room / 2)
    return tip[0], tip[1] - (by if tip[1] > before[1] else -by)


def _n(value: float) -> str:
    """A number to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")
