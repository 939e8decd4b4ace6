"""YAML text -> plain data, with the place of every key and value.

Mappings, lists and scalars come back as `Mapping`, `Sequence` and `Scalar`: a dict, a list and a text that
know where they stand. Scalars follow the core schema of YAML 1.2: `yes` and `1:30` are text. Dates stay
text.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from sim.scenario.diagnostics import Findings, fault, shown
from sim.scenario.model import Span
from sim.scenario.yaml_errors import MAX_DEPTH, explained, too_deep

MAX_BYTES = 8_000_000
MAX_NODES = 200_000  # aliases counted as often as they are used

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXTS = ("about", "display", "source")  # keys of what authors write in words, with commas
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {"null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Scalar:
    """`text` is what YAML reads, `value` the same as null, truth value, number or text; `key` is the place
    of its key.

    `written` is the text as it stands in the file, line breaks included, and `origin` the place of its first
    character: what an expression is parsed from.
    """

    text: str
    value: bool | int | float | str | None
    span: Span
    written: str
    origin: Span
    key: Span | None = None


class Mapping(dict[str, "Node"]):
    """A mapping; the place of a key is `self[key].key`."""

    def __init__(self, span: Span, last_line: int):
        super().__init__()
        self.span = span
        self.last_line = last_line
        self.key: Span | None = None

    def like(self) -> Mapping:
        """An empty mapping at the same place."""
        empty = Mapping(self.span, self.last_line)
        empty.key = self.key
        return empty


class Sequence(list["Node"]):
    """A list."""

    def __init__(self, span: Span, last_line: int):
        super().__init__()
        self.span = span
        self.last_line = last_line
        self.key: Span | None = None


Node = Mapping | Sequence | Scalar


def place(node: Node) -> Span:
    """Where to point when something is wrong with the whole of `node`: its key, if it has one."""
    return node.key or node.span


def like(node: Node, text: str) -> Scalar:
    """A text that nobody wrote, at the place of `node`."""
    return Scalar(text, text, node.span, text, node.span, node.key)


def path_in(folder: Path, name: Scalar) -> Path:
    """The path of a file that a scenario names. Raises ScenarioError `outside-folder` where it leaves the
    folder.
    """
    path = Path(name.text)
    if path.is_absolute() or ".." in path.parts:
        raise fault(
            "outside-folder", "a scenario reads files of its own folder only", name.span, "a relative path"
        )
    return folder / path


_INSTEAD: ContextVar[AbstractMapping[str, str]] = ContextVar("instead", default={})  # noqa: B039, never changed


@contextmanager
def instead(texts: AbstractMapping[str, str]) -> Iterator[None]:
    """Read these texts in place of the files with these paths."""
    token = _INSTEAD.set(texts)
    try:
        yield
    finally:
        _INSTEAD.reset(token)


def read_text(path: Path, name: Scalar | None = None) -> str:
    """The text of a file; a scenario names it by `name`, where what is wrong with it as a whole is shown.

    Raises ScenarioError: `missing-file`, `not-a-file`, `unreadable-file`, `too-large`, `not-text`,
    `empty-file`.
    """
    top = Span(str(path), 1, 1)
    place, it = (name.span, f"`{shown(name.text)}`") if name else (top, "this")
    try:
        if path.is_dir():
            raise fault("not-a-file", f"{it} is a folder, not a file", place)
        if not path.exists():
            raise fault("missing-file", f"there is no file {it}" if name else "there is no such file", place)
        if not path.is_file():
            raise fault("not-a-file", f"{it} is not an ordinary file", place)
        if path.stat().st_size > MAX_BYTES:
            raise fault("too-large", f"{it} is a file of more than {MAX_BYTES // 1_000_000} MB", place)
        data = _INSTEAD.get().get(str(path), "").encode() or path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its path is not valid"
        raise fault("unreadable-file", f"{it} cannot be read: {reason}", place) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise fault("not-text", "the file is not UTF-8 text", replace(top, line=line)) from None
    for number, line_text in enumerate(lines_of(text), 1):
        if match := _NOT_TEXT.search(line_text):
            message = f"the file holds a control character (U+{ord(match[0]):04X}): it is not text"
            raise fault("not-text", message, Span(str(path), number, match.start() + 1))
    if not text.strip():
        raise fault("empty-file", "the file is empty", top)
    return text


# What YAML calls printable, turned round; line breaks are taken out before.
_NOT_TEXT = re.compile("[^\t\x20-\x7e\xa0-\ud7ff\ue000-\ufdff\ufe00-\ufffd\U00010000-\U0010ffff]")
_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def lines_of(text: str) -> list[str]:
    """The lines of a text, as YAML counts them."""
    return _BREAKS.split(text)


def load_yaml(text: str, file: str, findings: Findings) -> Mapping:
    """The mapping that a YAML text holds.

    Duplicate keys and the like go to `findings`, and reading goes on. Raises ScenarioError where it cannot.
    """
    return _Composer(text, file, findings).document()


def read_map(path: Path, name: Scalar | None, files: list[Path], findings: Findings) -> Mapping | None:
    """The map in a YAML file, which a scenario names by `name`; None where it cannot be read as a whole.

    `files` grow by those that can be read.
    """
    text = findings.attempt(lambda: read_text(path, name))
    if text is None:
        return None
    files.append(path)
    return findings.attempt(lambda: load_yaml(text, str(path), findings))


class _Composer:
    """Nodes from parser events. (PyYAML's own composer recurses without bound and keeps no place for a
    key.)
    """

    def __init__(self, text: str, file: str, findings: Findings):
        self.text = text
        self.file = file
        self.findings = findings
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.count = 0
        self.last_line = 1  # of what has been read
        self.events = self._events()

    def _events(self) -> Iterator[Any]:
        event = None
        try:
            for event in yaml.parse(self.text, Loader=_Parser):
                yield event
        except yaml.YAMLError as error:
            self.check_quote(event)
            raise explained(error, self.text, self.file) from None

    def check_quote(self, last: Any) -> None:
        """Raise where a quoted text of several lines stands before an error: its end is another's start."""
        if getattr(last, "style", None) in ("'", '"'):
            line, end = last.start_mark.line + 1, last.end_mark.line + 1
            if end > line:
                message = f"the quote that starts here ends on line {end}"
                raise fault("yaml", message, replace(self.span(last), length=1), "close it on its line")

    def span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        length = end.column - start.column if end.line == start.line else 1
        return Span(self.file, start.line + 1, start.column + 1, max(length, 1))

    # ---- structure

    def document(self) -> Mapping:
        top = Span(self.file, 1, 1)
        event = next(self.events)  # the stream's start
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            raise fault("empty-file", "the file holds nothing but comments", top)
        node = self.node(next(self.events), 1)
        next(self.events)  # the document's end
        extra = next(self.events)
        if not isinstance(extra, yaml.StreamEndEvent):
            message = "a second YAML document starts here; a file holds one"
            raise fault("two-documents", message, replace(self.span(extra), length=3), "leave out the `---`")
        if not isinstance(node, Mapping):
            what = "a list" if isinstance(node, Sequence) else f"the text `{shown(node.text)}`"
            raise fault("not-a-mapping", f"the file holds {what}, not a map of keys", node.span, "key: value")
        return node

    def node(self, event: Any, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise too_deep(self.span(event))
        self.count += 1
        if isinstance(event, yaml.AliasEvent):
            node = self.alias(event)
        else:
            if event.tag is not None:
                message = f"`{shown(event.tag)}` is a YAML tag, which the language does not use"
                raise fault("yaml-tag", message, self.span(event), "leave it out")
            before = self.count
            if isinstance(event, yaml.ScalarEvent):
                node = self.scalar(event)
            elif isinstance(event, yaml.SequenceStartEvent):
                node = self.sequence(event, depth)
            else:
                node = self.mapping(event, depth)
            if event.anchor is not None:
                self.anchors[event.anchor] = (node, self.count - before)
        if self.count > MAX_NODES:
            raise fault("too-large", f"more than {MAX_NODES:,} values, aliases counted", self.span(event))
        return node

    def alias(self, event: Any) -> Node:
        name = event.anchor
        if name not in self.anchors:
            message = f"the alias `*{shown(name)}` comes before its anchor, or stands inside it"
            raise fault("unknown-alias", message, self.span(event))
        node, size = self.anchors[name]
        self.count += size
        return copy.copy(node)

    def sequence(self, start: Any, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        self.end(start, event)
        sequence = Sequence(self.span(start), self.last_line)
        sequence.extend(self.mended_items(items) if start.flow_style else items)
        return sequence

    def mapping(self, start: Any, depth: int) -> Mapping:
        pairs: list[tuple[Scalar, Node]] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, depth + 1)
            if not isinstance(key, Scalar):
                raise fault("bad-key", "a key is a word, not a list or a map", self.span(event))
            pairs.append((key, self.node(next(self.events), depth + 1)))
        self.end(start, event)
        mapping = Mapping(self.span(start), self.last_line)
        for key, value in self.mended_pairs(pairs) if start.flow_style else pairs:
            self.add(mapping, key, value)
        return mapping

    def end(self, start: Any, end: Any) -> None:
        """The last line of a block is that of its last value; its end event stands at what follows."""
        if start.flow_style:
            self.last_line = end.end_mark.line + 1

    def add(self, mapping: Mapping, key: Scalar, value: Node) -> None:
        name = " ".join(key.text.split())
        if name.startswith("->"):
            name = f"-> {name[2:].strip()}"
        if name not in mapping:
            mapping[name] = _with_key(value, key.span)
        elif name.startswith("-> "):
            message = f"{shown(name)} appears twice; put both in a list under one key."
            self.findings.error("two-ways", message, key.span)
            mapping[name] = _both(mapping[name], _with_key(value, key.span))
        else:
            first = place(mapping[name])
            message = f"`{shown(name)}` is here twice; the first is on line {first.line}"
            self.findings.error("duplicate-key", message, key.span)

    def scalar(self, event: Any) -> Scalar:
        span, text = self.span(event), event.value
        self.last_line = event.end_mark.line + (event.end_mark.column > 0)
        raw = self.text[event.start_mark.index : event.end_mark.index]
        plain = event.implicit[0]
        if plain:
            return Scalar(text, _plain_value(text), span, raw, span)
        if raw[:1] in ("|", ">"):
            header = _BREAKS.search(raw)
            written = raw[header.end() :] if header else ""
            return Scalar(text, text, span, written, Span(self.file, span.line + 1, 1))
        origin = replace(span, column=span.column + 1)
        has_escapes = "\\" in raw or "''" in raw[1:-1]
        return Scalar(text, text, span, text if has_escapes else raw[1:-1], origin)

    # ---- a comma inside {...} or [...] has torn an expression apart

    def mended_pairs(self, pairs: list[tuple[Scalar, Node]]) -> Iterator[tuple[Scalar, Node]]:
        at = 0
        while at < len(pairs):
            key, value = pairs[at]
            at += 1
            if isinstance(value, Scalar) and (torn := self.torn_off(key, value, pairs[at:])):
                remedy = f"put `{shown(key.text)}:` on its own line, or quote it"
                if joined := self.joined([value, *torn], remedy):
                    value, at = joined, at + len(torn)
            yield key, value

    def torn_off(self, key: Scalar, value: Scalar, pairs: list[tuple[Scalar, Node]]) -> list[Scalar]:
        """What follows that belongs to a value: of an expression up to its last parenthesis, of a text all
        that has no colon.
        """
        pieces, is_expression = list[Scalar](), _is_open(value.written)
        if not is_expression and key.text not in _TEXTS:
            return pieces
        for piece, nothing in pairs:
            if not (isinstance(nothing, Scalar) and nothing.text == ""):
                break
            if not is_expression and nothing.span.column > piece.span.column + piece.span.length:
                break
            pieces.append(piece)
            if is_expression and not _is_open(self.between(value.span, piece.span)):
                break
        return pieces

    def mended_items(self, items: list[Node]) -> Iterator[Node]:
        at = 0
        while at < len(items):
            item = items[at]
            at += 1
            if isinstance(item, Scalar) and _is_open(item.written):
                torn = [item]
                for piece in items[at:]:
                    if not isinstance(piece, Scalar):
                        break
                    torn.append(piece)
                    if joined := self.joined(torn, "quote it"):
                        item, at = joined, at + len(torn) - 1
                        break
            yield item

    def joined(self, torn: list[Scalar], remedy: str) -> Scalar | None:
        """The pieces as one scalar, with the error that says so; None while a parenthesis is still open."""
        first, last = torn[0], torn[-1]
        whole = self.between(first.span, last.span)
        if _is_open(whole):
            return None
        comma = replace(first.span, column=first.span.column + len(first.written), length=1)
        message = "YAML ends the value here: a comma inside {...} or [...] does"
        self.findings.error("comma-in-braces", message, comma, f'{remedy}: "{shown(whole)}"')
        return Scalar(whole, whole, first.span, whole, first.origin)

    def between(self, first: Span, last: Span) -> str:
        lines = lines_of(self.text)[first.line - 1 : last.line]
        lines[-1] = lines[-1][: last.column + last.length - 1]
        lines[0] = lines[0][first.column - 1 :]
        return "\n".join(lines)


def _is_open(text: str) -> bool:
    return text.count("(") > text.count(")")


def _with_key(node: Node, key: Span) -> Node:
    if isinstance(node, Scalar):
        return replace(node, key=key)
    node.key = key
    return node


def _both(one: Node, other: Node) -> Sequence:
    """The items of two values of one key."""
    both = Sequence(one.span, one.span.line)
    both.key = one.key
    for value in (one, other):
        both.extend(value if isinstance(value, Sequence) else [value])
    return both


def _plain_value(text: str) -> bool | int | float | str | None:
    if text in ("", "~"):
        return None
    if text.lower() in _WORDS and text in (text.lower(), text.capitalize(), text.upper()):
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text) and len(text) < 400:
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
