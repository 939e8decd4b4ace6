"""What PyYAML says when it cannot read a text, in words that help an author."""

from __future__ import annotations

import re

import yaml

from sim.scenario.diagnostics import ScenarioError, fault, shown
from sim.scenario.model import Span

MAX_DEPTH = 100

# PyYAML's problem -> what is wrong, and what would be right; the first that is found in it holds.
_PROBLEMS = (
    (
        "unknown escape character",
        "this `\\` starts nothing that YAML knows",
        "write \\\\, or use single quotes",
    ),
    ("unexpected end of stream", "this quote is never closed", "close it"),
    ("unexpected document indicator", "this quote is never closed", "close it"),
    ("expected ',' or ']'", "the list `[` that starts here is not closed, or a comma is missing in it", ""),
    ("expected ',' or '}'", "the map `{` that starts here is not closed, or a comma is missing in it", ""),
    ("expected node content", "a value is missing here, or a bracket is closed by one of another kind", ""),
    (
        "expected '-' indicator",
        "this line is not part of the list above it",
        "start it with `- `, or indent it",
    ),
    ("directive", "a line that starts with `%` is not part of the language", "quote it"),
    ("anchor", "`&` starts a YAML anchor, which needs a name", "quote the value"),
    ("alias", "`*` starts a YAML alias, which needs a name", "quote the value"),
    ("tag", "`!` starts a YAML tag, which the language does not use", "quote the value"),
    ("block scalar", "`>` and `|` start a text of several lines", "quote the value"),
    ("sequence entries are not allowed", "a list cannot start here", "start it on a line of its own"),
)
# The problems whose place is where something was opened.
_OPENED = (
    "unexpected end of stream",
    "unexpected document indicator",
    "expected ',' or ']'",
    "expected ',' or '}'",
)
_TOO_DEEP = "maximum nesting depth"  # a limit of PyYAML's own, which it meets while it reads ahead
_COLON = re.compile(r":(?=\s|$)")


def explained(error: yaml.YAMLError, text: str, file: str) -> ScenarioError:
    """The error of one diagnostic that says what `error` means for an author."""
    mark, start = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if mark is None:
        return fault("yaml", "this is not text that YAML can read", Span(file, 1, 1))
    problem = f"{getattr(error, 'problem', '')} {getattr(error, 'context', '') or ''}"
    opened = any(p in problem for p in (*_OPENED, "could not find expected ':'"))
    place = start if opened and start is not None else mark
    lines = text.split("\n")
    line = lines[place.line] if place.line < len(lines) else ""
    span = Span(file, place.line + 1, place.column + 1)

    written = text.rstrip().split("\n")
    if place.line >= len(written):
        end = Span(file, len(written), max(len(written[-1]), 1))
        message = "the file ends here, in the middle of a value: a bracket or a quote is not closed"
        return fault("yaml", message, end)
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        return fault(
            "tab", "a tab where YAML wants spaces", _at(span, indent.index("\t")), "indent with spaces"
        )
    if _TOO_DEEP in problem:
        return too_deep(span)
    if "mapping values are not allowed" in problem:
        return _misplaced_colon(lines, span)
    if "could not find expected ':'" in problem:
        return _no_colon(line, span)
    if "expected key" in problem:
        return _not_a_key(line, span)
    if "cannot start any token" in problem:
        message = f"a value cannot start with `{line[place.column : place.column + 1]}`"
        return fault("yaml", message, span, "quote it")
    for found, message, fix in _PROBLEMS:
        if found in problem:
            return fault("yaml", message, span, fix)
    return fault("yaml", "YAML can make no sense of this place", span)


def too_deep(span: Span) -> ScenarioError:
    return fault("too-deep", f"this is nested more than {MAX_DEPTH} levels deep", span)


def _at(span: Span, column: int, length: int = 1) -> Span:
    return Span(span.file, span.line, column + 1, length)


def _misplaced_colon(lines: list[str], span: Span) -> ScenarioError:
    """A `: ` where no key can be: a second one on the line, or the line above went wrong."""
    line = lines[span.line - 1]
    first = _COLON.search(line.split("#")[0])
    if first and first.start() < span.column - 1:
        message = "a second `: ` on one line: a value that holds one needs quotes"
        value = line[first.end() :].strip()
        step = line.strip().removeprefix("- ")
        fix = f"{{{step}}}" if re.search(r", \w+: ", value) else f'"{value}"'
        return fault("yaml", message, span, shown(fix))
    above = span.line - 2
    while above >= 0 and not lines[above].split("#")[0].strip():
        above -= 1
    previous = lines[above].split("#")[0] if above >= 0 else ""
    at = len(previous) - len(previous.lstrip())
    if above >= 0 and not _COLON.search(previous):
        return _no_colon(previous, Span(span.file, above + 1, at + 1, max(len(previous.strip()), 1)))
    message = "this line is indented below a key that has a value already"
    return fault(
        "indentation", message, _at(span, len(line) - len(line.lstrip())), "align it with the key above"
    )


def _no_colon(line: str, span: Span) -> ScenarioError:
    words = line[span.column - 1 :].rstrip()
    if match := re.match(r"[\w> -]*:(?=\S)", words):
        fixed = f"{match[0]} {words[match.end() :]}"
        return fault("missing-colon", "a colon needs a space after it", span, shown(fixed))
    return fault(
        "missing-colon", "a key without a colon", span, f"{shown(words)}:" if words else "key: value"
    )


def _not_a_key(line: str, span: Span) -> ScenarioError:
    if line[: span.column - 1].strip():
        message = "something follows a value that has ended"
        return fault("yaml", message, span, "quote the whole value, or start a new line")
    return fault(
        "indentation", "this line is indented like none of the keys above it", span, "align it with one"
    )
