"""What has one obvious mend, mended: `sim check --fix`.

A finding that says what would be right is an edit where nothing else can be meant: a misspelled word that is
nearly one known word, an expression that lacks its quotes, a key that stands twice. Edits are made on the
text, so that comments and layout stay, and looked at before anything is written: what has more errors
afterwards is not done.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from pathlib import Path

from sim.scenario.diagnostics import Diagnostic
from sim.scenario.loader import instead

ROUNDS = 20
NEAR = 0.8  # how alike a word and what was meant must be
STOPS = ("yaml", "tab", "missing-colon", "indentation")  # behind which nothing of a file is looked at

_PERCENT = re.compile(r"\d+(\.\d+)? ?%")

Look = Callable[[], Sequence[Diagnostic]]
Texts = Mapping[str, str]


@dataclass(frozen=True, order=True)
class Edit:
    """The characters from `start` to `end` of a line, counted from 0, become `text`; None: the line goes."""

    file: str
    line: int
    start: int
    end: int
    text: str | None


def mended(look: Look, folder: Path) -> dict[Path, tuple[str, str]]:
    """The files of a folder that have an obvious mend, each before and after it. Nothing is written.

    `look` checks the scenario, and reads the mended texts where there are any.
    """
    before: dict[str, str] = {}
    texts: dict[str, str] = {}
    found = look()
    for _ in range(ROUNDS):
        edits = sorted({edit for d in found for edit in _edits(d, _text(d.span.file, texts), folder)})
        done = _accepted(look, texts, edits, found) if edits else None
        if done is None:
            break
        for file in done[0].keys() - before.keys():
            before[file] = _text(file, {})
        texts, found = done
    return {Path(file): (before[file], text) for file, text in texts.items() if text != before[file]}


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all: aside, and then in its place."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
            shutil.copymode(path, file.name)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _accepted(
    look: Look, texts: dict[str, str], edits: list[Edit], found: Sequence[Diagnostic]
) -> tuple[dict[str, str], Sequence[Diagnostic]] | None:
    """The texts with all edits, or else with the first that makes nothing worse, and what is found."""
    for some in (edits, *([edit] for edit in edits)):
        made = _applied(texts, some)
        with instead(made):
            after = look()
        if made != texts and not is_worse(found, after):
            return made, after
    return None


def is_worse(before: Sequence[Diagnostic], after: Sequence[Diagnostic]) -> bool:
    """Whether there are more errors, or more warnings alone; not if more of a file could be looked at."""
    stopped = {d.span.file: d.span.line for d in before if d.rule in STOPS}
    still = {d.span.file: d.span.line for d in after if d.rule in STOPS}
    if any(line < stopped.get(file, line + 1) for file, line in still.items()):
        return True
    if any(file not in still or still[file] > line for file, line in stopped.items()):
        return False
    one, other = (sum(d.severity == "error" for d in some) for some in (before, after))
    return other > one or (other == one == 0 and len(after) > len(before))


def _text(file: str, texts: Texts) -> str:
    if file in texts:
        return texts[file]
    try:
        return Path(file).read_bytes().decode("utf-8")
    except (OSError, ValueError):
        return ""


def _applied(texts: Texts, edits: list[Edit]) -> dict[str, str]:
    """The texts with edits, from the last to the first; of two at one place, the first."""
    made = dict(texts)
    last: Edit | None = None
    for edit in sorted(edits, reverse=True):
        if last and last.file == edit.file and last.line == edit.line and edit.end > last.start:
            continue
        last = edit
        lines = _text(edit.file, made).split("\n")
        if edit.text is None:
            del lines[edit.line]
        else:
            line = lines[edit.line]
            lines[edit.line] = f"{line[: edit.start]}{edit.text}{line[edit.end :]}"
        made[edit.file] = "\n".join(lines)
    return made


# ---- what the edits are


def _edits(d: Diagnostic, text: str, folder: Path) -> Iterator[Edit]:
    """The edits that mend a finding."""
    lines, at = text.split("\n"), d.span.line - 1
    if not Path(d.span.file).is_relative_to(folder) or not d.span.file.endswith(".yaml") or at >= len(lines):
        return
    line, start = lines[at], d.span.column - 1 + (text.startswith("\ufeff") and at == 0)
    if "\t" in line and d.rule == "tab":
        yield from _spaces(d, lines, at)
    piece = line[start : start + d.span.length]
    for from_, to, new in _pieces(d, piece, line, start):
        yield Edit(d.span.file, at, from_, to, new)
    first = re.search(r"the first is on line (\d+)", d.message)
    if d.rule == "duplicate-key" and first and re.match(r"\s*[\w.]+: ", line):
        alone = not line.split("#")[0].rstrip().endswith((":", "|", ">", ">-"))
        if alone and lines[int(first[1]) - 1].strip() == line.strip() and int(first[1]) - 1 < at:
            yield Edit(d.span.file, at, 0, len(line), None)
    if d.rule == "unused-allow":
        rule = re.escape(piece)
        if re.fullmatch(rf"\s*allow: \{{{rule}: [^{{}},]*\}}\s*", line):
            yield Edit(d.span.file, at, 0, len(line), None)
        elif found := re.search(rf"allow: \{{{rule}: [^{{}},]*\}}, |, allow: \{{{rule}: [^{{}},]*\}}", line):
            yield Edit(d.span.file, at, found.start(), found.end(), "")


def _pieces(d: Diagnostic, piece: str, line: str, start: int) -> Iterator[tuple[int, int, str]]:
    """Pieces of the line, from and to, and what they become."""
    meant = re.fullmatch(r"did you mean `?([\w.]+(?:\((\w+)\))?)`?\?", d.fix)
    if meant and meant[2]:
        if meant[2] == piece:
            yield start, start + len(piece), meant[1]
    elif meant:
        said = (word for word in re.findall(r"`([\w.]+)`", d.message) if piece.endswith(word))
        word = next(said, "")
        if word and SequenceMatcher(None, word, meant[1]).ratio() >= NEAR:
            yield start + len(piece) - len(word), start + len(piece), meant[1]
    match d.rule:
        case "middle-of-the-year" if d.fix and re.fullmatch(r"year\s*(==|!=|<=|>)\s*\d+", piece):
            yield start, start + len(piece), f"({d.fix})" if " or " in d.fix else d.fix
        case "wrong-unit" if d.fix.startswith("write a share of 1") and (
            number := re.fullmatch(r"([\d.]+) ?%", piece)
        ):
            yield start, start + len(piece), str(Decimal(number[1]) / 100)
        case "missing-colon" if found := re.match(r"[\w> -]*:(?=\S)", line[start:]):
            yield start + found.end(), start + found.end(), " "
        case "comma-in-braces":
            whole = d.fix.partition(': "')[2].removesuffix('"')
            if whole and "…" not in whole and '"' not in whole and line.count(whole) == 1:
                yield line.index(whole), line.index(whole) + len(whole), f'"{whole}"'
        case "duplicate-key" if found := re.search(r"([\w.]+: [^,{}\[\]]+), \1(?=[,}])", line):
            yield found.start(), found.end(), found[1]


def _spaces(d: Diagnostic, lines: Sequence[str], at: int) -> Iterator[Edit]:
    """Spaces for the tabs of an indentation, if so many put it beside a neighbour, or below the key above."""
    indent = _indent(lines[at])
    above, below = lines[at - 1] if at else "", lines[at + 1] if at + 1 < len(lines) else ""
    is_key = above.split("#")[0].rstrip().endswith(":")
    wanted = {len(_indent(above)) + 2 * is_key} if above.strip() else set[int]()
    if below.strip() and "\t" not in below and (not is_key or len(_indent(below)) > len(_indent(above))):
        wanted.add(len(_indent(below)))
    for width in (2, 4, 8):
        if len(spaces := indent.expandtabs(width)) in wanted:
            yield Edit(d.span.file, at, 0, len(indent), spaces)
            return


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
