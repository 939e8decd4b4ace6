"""The words of an expression: text -> tokens with exact places.

A number takes its unit along (`80 days`, `0.02 per year`, `8.5 mmol/L`). A unit has no space inside, so `/`
after a unit and a space divides.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from sim.scenario import units
from sim.scenario.diagnostics import ScenarioError, fault
from sim.scenario.model import Span
from sim.scenario.scope import did_you_mean

MAX_LENGTH = 20_000  # characters; the resolved form of an expression keeps to it as well
MAX_DEPTH = 64  # levels of the syntax tree

KEYWORDS = frozenset({"and", "or", "not", "if", "else", "or_else"})
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")

# How tightly operators hold their operands; `not` and the minus before a value are the two prefixes.
BINDING = {"if": 1, "or": 3, "and": 5, "or_else": 11, "+": 13, "-": 13, "*": 15, "/": 15, "**": 19}
BINDING |= dict.fromkeys(COMPARISONS, 9)
NOT = 7
NEGATION = 17

_SPACE = re.compile(r"[ \t\r\n]*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?![\w.])", re.ASCII)
_NUMBER = re.compile(r"(?:\d[\d_]*(?:\.\d[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?", re.ASCII)
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?", re.ASCII)
_OPERATOR = re.compile(r"\*\*|[<>=!]=|[-+*/(),<>=]")

# What other languages write, and what is meant.
_MISTAKES = {
    "&&": "write `and`",
    "&": "write `and`",
    "||": "write `or`",
    "//": "write floor(a / b)",
    "|": "write `or`",
    "<>": "write `!=`",
    "=<": "write `<=`",
    "=>": "write `>=`",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
    "!": "write `not`",
    "^": "write `**` for a power",
    "×": "write `*`",
    "·": "write `*`",
    "÷": "write `/`",
    "−": "write `-`, the hyphen of the keyboard",
    "–": "write `-`, the hyphen of the keyboard",
    "%": "`%` is a unit: it stands right after a number",
    "?": "write `x if condition else y`",
    ":": "a colon belongs to YAML; a condition is `x if condition else y`",
    "'": "levels of a category are bare names: severity == severe",
    '"': "levels of a category are bare names: severity == severe",
    "‘": "levels of a category are bare names: severity == severe",
    "’": "levels of a category are bare names: severity == severe",
    "“": "levels of a category are bare names: severity == severe",
    "”": "levels of a category are bare names: severity == severe",
    "[": "lists are not part of expressions; group with ( )",
    "]": "lists are not part of expressions; group with ( )",
    "{": "group with ( )",
    "}": "group with ( )",
    "#": "a comment needs a space before it in YAML, and has no place in an expression",
    ".": "a name has one dot at most: pathway.name",
}


@dataclass(frozen=True, slots=True)
class Token:
    """`text` as written; `unit` and `value` of a number; `value` of a date in days. `end` has text ""."""

    kind: Literal["number", "date", "name", "operator", "end"]
    text: str
    start: int
    end: int
    value: float = 0.0
    unit: str = ""


class Source:
    """A text and the place of its first character.

    Later lines of a text count columns from the start of the text's own lines: exact where the text is the
    file's own lines, approximate where YAML has folded or indented them.
    """

    def __init__(self, text: str, span: Span):
        self.text = text
        self.origin = span

    def span(self, start: int, end: int) -> Span:
        """The place of the characters from `start` up to `end`: at least one, all on one line."""
        line_end = self.text.find("\n", start)
        end = end if line_end < 0 else min(end, line_end)
        origin, length = self.origin, max(end - start, 1)
        line = self.text.count("\n", 0, start)
        if line == 0:
            return Span(origin.file, origin.line, origin.column + start, length)
        return Span(origin.file, origin.line + line, start - self.text.rfind("\n", 0, start), length)


def tokenize(source: Source) -> tuple[Token, ...]:
    """The tokens of a text, the last of them `end`. Raises ScenarioError with one diagnostic."""
    text, at, tokens = source.text, 0, list[Token]()
    if len(text) > MAX_LENGTH:
        raise fault(
            "too-long",
            f"an expression of {len(text):,} characters; {MAX_LENGTH:,} is the limit",
            source.span(0, 1),
            "split it into formulas",
        )
    while True:
        at = _skip(text, at)
        if at == len(text):
            return (*tokens, Token("end", "", at, at))
        tokens.append(_token(source, at))
        at = tokens[-1].end


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _token(source: Source, at: int) -> Token:
    text = source.text
    if match := _DATE.match(text, at):
        try:
            return Token("date", match[0], at, match.end(), value=units.days_from_date(match[0]))
        except ValueError:
            raise fault("no-such-date", f"there is no day {match[0]}", source.span(at, match.end())) from None
    if match := _NUMBER.match(text, at):
        return _number(source, at, match)
    if match := _NAME.match(text, at):
        return Token("name", match[0], at, match.end())
    if text[at : at + 2] not in _MISTAKES and (match := _OPERATOR.match(text, at)):
        return Token("operator", match[0], at, match.end())
    raise _unexpected(source, at)


def _unexpected(source: Source, at: int) -> ScenarioError:
    for length in (2, 1):
        found = source.text[at : at + length]
        if found in _MISTAKES:
            message = f"`{found}` has no meaning here"
            return fault("unexpected-character", message, source.span(at, at + length), _MISTAKES[found])
    character = source.text[at]
    shown = f"`{character}`" if character.isprintable() else "a character that cannot be printed"
    message = f"{shown} (U+{ord(character):04X}) has no meaning in an expression"
    fix = "names are written in a-z, A-Z, 0-9 and _" if character.isalpha() else ""
    return fault("unexpected-character", message, source.span(at, at + 1), fix)


def _number(source: Source, at: int, match: re.Match[str]) -> Token:
    """The number that `match` found, and the unit after it, if there is one."""
    text = source.text
    value = float(match[0].replace("_", ""))
    end, start = match.end(), _skip(text, match.end())
    if per := units.PER.match(text, start):
        unit, end = " ".join(per[0].split()), per.end()
    elif (found := units.UNIT.match(text, start)) and found[0] not in KEYWORDS:
        unit, end = found[0], found.end()
    else:
        unit = ""
    try:
        in_base, _ = units.in_base(value, unit)
    except ValueError as error:
        fix = did_you_mean(unit, [f"per {name}" for name in units.DURATIONS])
        raise fault("unknown-unit", str(error), source.span(start, end), fix) from None
    if not math.isfinite(in_base):
        raise fault("too-large", "a number beyond 1.8e308", source.span(at, end))
    return Token("number", text[at:end], at, end, value, unit)
