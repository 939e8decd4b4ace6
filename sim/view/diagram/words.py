"""The author's texts as a drawing shows them: in lines, cut where they are long, never changed in meaning."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

_SIGNS = {">=": "≥", "<=": "≤", "!=": "≠", "*": "×"}
_SIGN = re.compile(r"\*\*|>=|<=|!=|\*")

COLUMNS = 40  # of a text on an arrow
ROWS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text. `style` is one of title, heading, name, text, quiet and count; `verb` is a first word
    that stands out, `note` a last one that does not; `to` is what it leads to, the name of another part.
    """

    text: str
    style: str = "text"
    verb: str = ""
    to: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """Lines, and the whole text behind them."""

    lines: tuple[Line, ...]
    tip: str = ""


def spoken(name: str) -> str:
    """A name as words."""
    return name.rpartition(".")[2].replace("_", " ")


def signs(text: str) -> str:
    """An expression on one line, with the signs of print."""
    return " ".join(_SIGN.sub(lambda sign: _SIGNS.get(sign[0], sign[0]), text).split())


def cut(text: str, columns: int = COLUMNS, rows: int = ROWS) -> list[str]:
    """A text in lines of about so many `columns`, the last one with … where `rows` are too few."""
    lines = textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False)
    if len(lines) > rows:
        lines = lines[:rows]
        lines[-1] = f"{lines[-1][: columns - 2].rstrip(' ,(')} …"
    return [line if len(line) <= columns + 12 else f"{line[: columns + 10]}…" for line in lines]


def lines(text: str, style: str = "text", columns: int = COLUMNS, rows: int = ROWS) -> tuple[Line, ...]:
    """A text in lines of one style."""
    return tuple(Line(line, style) for line in cut(text, columns, rows))


def number(value: float) -> str:
    """Three significant digits, or whole."""
    if abs(value) >= 1000 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"
