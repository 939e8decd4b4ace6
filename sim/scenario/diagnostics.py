"""What is wrong with a scenario, where, and what would be right."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from sim.scenario.model import Span

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `rule` is its documented name (`unknown-key`), `fix` what would be right, if known."""

    rule: str
    message: str
    span: Span
    fix: str = ""
    severity: Literal["error", "warning"] = "error"


class ScenarioError(Exception):
    """A scenario that cannot run; carries every finding at once, errors and warnings."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]):
        super().__init__("; ".join(d.message for d in diagnostics))
        self.diagnostics = diagnostics


def fault(rule: str, message: str, span: Span, fix: str = "") -> ScenarioError:
    """An error of one diagnostic, to be raised."""
    return ScenarioError((Diagnostic(rule, message, span, fix),))


def gather(*parts: Callable[[], T]) -> tuple[T, ...]:
    """What each of `parts` returns; if some raise ScenarioError, one that carries the findings of all."""
    results, diagnostics = [], list[Diagnostic]()
    for part in parts:
        try:
            results.append(part())
        except ScenarioError as error:
            diagnostics += error.diagnostics
    if diagnostics:
        raise ScenarioError(tuple(diagnostics))
    return tuple(results)


def shown(text: str) -> str:
    """`text` as it stands in a message: on one line, printable, and no longer than needed to recognise it."""
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return printable if len(printable) <= 60 else f"{printable[:59]}…"


class Findings:
    """Diagnostics gathered while reading goes on.

    `broken` are the names whose definition could not be read: what is wrong only because of that is not
    reported.
    """

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.broken: set[str] = set()

    def error(self, rule: str, message: str, span: Span, fix: str = "") -> None:
        self.diagnostics.append(Diagnostic(rule, message, span, fix))

    def warning(self, rule: str, message: str, span: Span, fix: str = "") -> None:
        self.diagnostics.append(Diagnostic(rule, message, span, fix, "warning"))

    def attempt(self, part: Callable[[], T]) -> T | None:
        """What `part` returns, or None where it raises ScenarioError, whose findings are kept."""
        try:
            return part()
        except ScenarioError as error:
            self.diagnostics += error.diagnostics
            return None

    @property
    def count(self) -> int:
        """How many errors there are so far."""
        return sum(d.severity == "error" for d in self.diagnostics)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """Every finding once, by file and place."""
        unique = dict.fromkeys(self.diagnostics)
        return tuple(sorted(unique, key=lambda d: (d.span.file, d.span.line, d.span.column)))


# ---- rendering

_WIDTH = 110  # of an excerpt; a longer line is cut around the place
_COLORS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "fix": "\x1b[32m"}
_PLAIN = "\x1b[0m"


def render(diagnostic: Diagnostic, color: bool = False) -> str:
    """The finding with its place, the offending line with a caret, and what would be right.

    Paths are relative to the working directory where they lie below it.
    """
    span, severity = diagnostic.span, diagnostic.severity
    label = _colored(f"{severity}[{diagnostic.rule}]", severity, color)
    lines = [f"{_location(span)}  {label}  {diagnostic.message}", *_excerpt(span, severity, color)]
    if diagnostic.fix:
        lines.append(f"    {_colored('fix:', 'fix', color)} {diagnostic.fix}")
    return "\n".join(lines)


def _colored(text: str, kind: str, color: bool) -> str:
    return f"{_COLORS[kind]}{text}{_PLAIN}" if color else text


def _location(span: Span) -> str:
    if span.file.startswith("--set "):
        return span.file
    relative = os.path.relpath(span.file)
    return f"{span.file if relative.startswith('..') else relative}:{span.line}:{span.column}"


def _excerpt(span: Span, severity: str, color: bool) -> list[str]:
    try:
        line = Path(span.file).read_text("utf-8-sig").replace("\r\n", "\n").split("\n")[span.line - 1]
    except (OSError, ValueError, IndexError):
        return []
    if not line.strip():
        return []
    line = "".join(c if c.isprintable() else " " if c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in line)
    start = max(0, span.column - 1 - _WIDTH // 2) if len(line) > _WIDTH else 0
    visible = line[start : start + _WIDTH].rstrip()
    before = line[start : span.column - 1]
    marked = line[span.column - 1 : min(span.column - 1 + span.length, start + _WIDTH)]
    caret = _colored("^" * max(_columns(marked), 1), severity, color)
    margin = len(str(span.line))
    return [f" {span.line} | {visible}", f" {' ' * margin} | {' ' * _columns(before)}{caret}"]


def _columns(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)
