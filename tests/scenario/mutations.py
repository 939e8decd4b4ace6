"""Makes files that are wrong, and files that are suspicious, out of the scenarios that come with the project.

Each way of spoiling a file is a function: it gets the lines of a file and the names of the scenario, and
yields every place that can be spoiled in that way, as `Spoiled`. What it makes of a place is illegal by
construction, whatever stands around it: a keyword that is none, a name that nothing has, a brace that is
never closed. `chosen` picks of each kind some places, by a seed.

`python tests/scenario/mutations.py` prints the tables of docs/background/mistakes.md.
"""

from __future__ import annotations

import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.scenario import Diagnostic, Scenario, check

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SOURCES = ("blood_pressure_coaching", "elective_surgery", "diabetes", "cardiometabolic")


@dataclass(frozen=True)
class Names:
    """The bare names of a scenario's things, by kind, that mean one thing each."""

    of: Mapping[str, tuple[str, ...]]

    @property
    def all(self) -> frozenset[str]:
        return frozenset(name for names in self.of.values() for name in names)


@dataclass(frozen=True)
class Spoiled:
    """The lines of a spoiled file, and the numbers (from 1) of those that were edited, or lie beside or above
    what was taken out.
    """

    lines: tuple[str, ...]
    at: frozenset[int]


@dataclass(frozen=True)
class Mutation:
    """A spoiled file of a scenario."""

    kind: str
    scenario: str
    file: str
    spoiled: Spoiled


Spoiling = Callable[[Sequence[str], Names], Iterator[Spoiled]]


def edited(lines: Sequence[str], at: int, new: str, *more: str) -> Spoiled:
    """The line with index `at` replaced by one or more."""
    made = (new, *more)
    return Spoiled((*lines[:at], *made, *lines[at + 1 :]), frozenset(range(at + 1, at + 1 + len(made))))


def without(lines: Sequence[str], at: int) -> Spoiled:
    """The line with index `at` taken out; told are the lines around it, and the key that it stood under."""
    return Spoiled((*lines[:at], *lines[at + 1 :]), frozenset({at, at + 1, _parent(lines, at) + 1}))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _parent(lines: Sequence[str], at: int) -> int:
    """The index of the line of the key that a line stands under."""
    inner = _indent(lines[at])
    above = (i for i in range(at - 1, -1, -1) if lines[i].strip() and _indent(lines[i]) < inner)
    return next(above, 0)


_TEXTS = r""""[^"]*"|'[^']*'|^ *(about|source|display): .*|(about|source|display|allow): (\{[^}]*\}|[^,}]*)"""


def _places(lines: Sequence[str], pattern: str) -> Iterator[tuple[int, re.Match[str]]]:
    """Every match of a pattern outside comments, texts and sources, with the index of its line."""
    prose, section = -1, ""  # the indentation of a text of several lines
    for at, line in enumerate(lines):
        section = section if line.startswith((" ", "#")) or not line else line
        if prose >= 0 and (not line.strip() or _indent(line) > prose):
            continue
        prose = _indent(line) if line.rstrip().endswith((">-", "|", ">")) else -1
        if prose < 0 and not line.lstrip().startswith("#"):
            code = re.sub(_TEXTS, lambda m: "\0" * len(m[0]), line)
            if not section.startswith(("sources:", "about:", "pathway:", "scenario:")):
                yield from ((at, found) for found in re.finditer(pattern, code))


def _replaced(lines: Sequence[str], pattern: str, new: Callable[[str], str]) -> Iterator[Spoiled]:
    """Every place that a pattern finds, with its group `it` replaced."""
    for at, found in _places(lines, pattern):
        line = lines[at]
        yield edited(lines, at, f"{line[: found.start('it')]}{new(found['it'])}{line[found.end('it') :]}")


def _swapped(word: str) -> str:
    """A word with two letters exchanged, and one more, so that it is none."""
    return f"{word[0]}{word[2:3]}{word[1:2]}{word[3:]}x"


# ---- illegal by construction

_KEYS = (
    "starts|steps|value|unit|rate|while|after|lasts|share|cause|measurement_error|until|every|then|choose|wait|visit"
    "|reason|chance|diagnose|prescribe|perform|test|times|biomarker|attend|rebook|first|class|window|population|range"
)
_END = r"(?=[,}]|$)"


def unknown_key(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A key of the language, misspelled."""
    return _replaced(lines, rf"(?<=[{{ -])(?P<it>{_KEYS})(?=: |:$)", _swapped)


def unknown_name(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A name in an expression or after a verb, misspelled."""
    known = "|".join(sorted(name for name in names.all if len(name) > 3))
    return _replaced(lines, rf"(: |[( *+/-])\(*(?P<it>{known})(?=\)|,|}}|$| [*+/<>=-])(?!:)", _swapped)


def unknown_state(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """An exit that leads nowhere."""
    return _replaced(lines, r"-> (?P<it>\w+)(?=:)", _swapped)


def wrong_kind(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A verb with the name of a thing of another kind."""
    other = {"diagnose": "procedure", "perform": "condition", "test": "condition", "visit": "condition",
             "start": "condition", "do": "condition", "cause": "state", "prescribe": "condition"}  # fmt: skip
    for verb, kind in other.items():
        for name in names.of[kind][:1]:
            yield from _replaced(lines, rf"\b{verb}: (?P<it>\w+){_END}", lambda _, name=name: name)


def wrong_type(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A duration where a rate belongs, a rate where a duration does, a number where a truth does."""
    yield from _replaced(lines, rf"\brate: (?P<it>[^,}}{{\"\[]+){_END}", lambda _: "3 weeks")
    yield from _replaced(lines, r"\b(wait|every|lasts|after): (?P<it>[^,}{\"]+)$", lambda _: "0.3 per year")
    yield from _replaced(lines, r"\b(until|while|when): (?P<it>[^,}{\"]+)(?=}|$)", lambda _: "7 * 3")


def missing_unit(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A rate or a duration without its unit."""
    yield from _replaced(lines, rf"\brate: [\d.]+(?P<it> per \w+){_END}", lambda _: "")
    times = "wait|every|lasts|after|first"
    yield from _replaced(
        lines, rf"\b({times}): [\d.]+(?P<it> (weeks?|years?|months?|days?|hours?)){_END}", lambda _: ""
    )


def wrong_unit(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A unit of time that is none, and a percentage where a share belongs."""
    yield from _replaced(lines, r"\d (?P<it>(year|week|month|day)s?)\b", lambda it: f"{it}z")
    yield from _replaced(lines, r"\d per (?P<it>year|week|month|day|hour)\b", lambda it: f"{it}z")
    yield from _replaced(lines, rf"\b(chance|attend): (?P<it>0\.\d\d?){_END}", lambda it: f"{it[2:]} %")


def duplicate_key(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A key that stands twice in a map."""
    for at, _ in _places(lines, r"^ +\w+: [^>|]*$"):
        yield edited(lines, at, lines[at], lines[at])


def duplicate_in_braces(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A key that stands twice between braces."""
    return _replaced(lines, r"\{(?P<it>\w+: [\w.]+)(?=[,}])", lambda it: f"{it}, {it}")


def cut_in_half(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A file that ends inside braces."""
    for at, found in _places(lines, r"[{\[](?=.{4,}[}\]])"):
        if at > len(lines) // 4:
            yield Spoiled((*lines[:at], lines[at][: found.end() + 3]), frozenset({at + 1}))


def bad_indent(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A line that is indented like none of those above it."""
    for at, _ in _places(lines, r"^ {3,}(\w|->)"):
        before = next(
            (line for line in reversed(lines[:at]) if line.strip() and _indent(line) <= _indent(lines[at])),
            "",
        )
        if _indent(before) == _indent(lines[at]):
            yield edited(lines, at, lines[at][1:])
            if not lines[at - 1].rstrip().endswith(":") and lines[at - 1] == before:
                yield edited(lines, at, f" {lines[at]}")


def tab(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A tab in the indentation."""
    for at, _ in _places(lines, r"^  +(\w|->|- )"):
        yield edited(lines, at, f"\t{lines[at].lstrip()}")


def missing_key(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A key that is needed, taken out."""
    for at, _ in _places(lines, r"^ +(unit|size|class|then): [^>]*$"):
        yield without(lines, at)
    yield from _replaced(
        lines, r"\{(?P<it>(class|upon|from|date|share|rate|when): [^,{}]+(, |(?=\})))", lambda _: ""
    )
    yield from _replaced(lines, r"(?P<it>, cause: \w+)(?=\})", lambda _: "")


def missing_colon(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A key without its colon, or without the space after it."""
    yield from _replaced(lines, r"^  +\w+(?P<it>:)$", lambda _: "")
    yield from _replaced(lines, r"^  +\w+:(?P<it> )(?=[a-z0-9])", lambda _: "")


def missing_comma(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """Braces in which two keys have no comma between them."""
    return _replaced(lines, r"\{\w+: [\w.]+(?P<it>,) \w+: ", lambda _: "")


def no_value(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A key without what belongs to it."""
    keys = "rate|unit|visit|test|diagnose|perform|while|until|wait|share|upon"
    return _replaced(lines, rf"({keys}):(?P<it> [\w.%]+){_END}",
                     lambda _: "")  # fmt: skip


def unknown_word(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A word of expressions or a distribution, misspelled."""
    words = "exp|usual|last|diagnosed|taking|count|since|in|min|max|normal|uniform|gamma|lognormal|bernoulli"
    return _replaced(lines, rf"\b(?P<it>{words})\(", lambda it: f"{it}s")


def unquoted(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """An expression with a comma, between braces, without its quotes."""
    for at, line in enumerate(lines):
        for found in re.finditer(r'(?<=: )"([\w.]+\([^"{}]*, [^"{}]*\))"(?=[,}])', line):
            yield edited(lines, at, f"{line[: found.start()]}{found[1]}{line[found.end() :]}")


def open_quote(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A quote that is never closed."""
    for at, line in enumerate(lines):
        if re.search(r'snomed: "\d+"', line) and line.count('"') == 2:
            yield edited(lines, at, line[: line.rindex('"')] + line[line.rindex('"') + 1 :])


def open_brace(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A brace or bracket that is never closed."""
    return _replaced(lines, r"(?P<it>[}\]])$", lambda _: "")


def broken_expression(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """An expression with an operator too many, a parenthesis too few, or a number that is none."""
    yield from _replaced(lines, r"\w(?P<it> \* )(?=\w)", lambda _: " * * ")
    yield from _replaced(lines, r"\w(?P<it>\))(?=$| )", lambda _: "")
    yield from _replaced(lines, r"[ (](?P<it>0\.\d+)(?=[ )])", lambda it: f"{it}.5")


def _waiting(verb: str) -> str:
    return f"wait: 1 day, {verb}"


def two_verbs(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A step with two verbs, or with none."""
    yield from _replaced(
        lines, r"\{(?P<it>(diagnose|perform|prescribe|start): )(?=\w)", lambda it: f"wait: 1 day, {it}"
    )
    yield from _replaced(
        lines, r"- (?P<it>diagnose|perform|prescribe|test|start|visit)(?=: \w)", lambda _: "happens"
    )


def wrong_shape(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A number where a map belongs, a map where an expression does, a list where a name does."""
    yield from _replaced(lines, r"-> \w+: (?P<it>\{[^{}]+\})$", lambda _: "7")
    yield from _replaced(lines, rf"\brate: (?P<it>\w+){_END}", lambda it: f"{{of: {it}}}")
    yield from _replaced(lines, r"- (visit|start): (?P<it>\w+)$", lambda it: f"[{it}, {it}]")


def impossible_number(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A probability above 1 or below 0, a rate below 0."""
    yield from _replaced(lines, rf"\b(chance|share|attend): (?P<it>0\.\d+){_END}", lambda _: "1.7")
    yield from _replaced(lines, rf"\b(chance|attend): (?P<it>0\.\d+){_END}", lambda _: "-0.2")
    yield from _replaced(lines, rf"\brate: (?P<it>[\d.]+) per \w+{_END}", lambda it: f"-{it}")


def bad_code(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A code that its system cannot have, and a system that there is not."""
    for at, line in enumerate(lines):
        if found := re.search(r'(snomed|loinc|rxnorm): "([\d-]+)"', line):
            yield edited(lines, at, line.replace(found[2], f"X{found[2]}"))
            yield edited(lines, at, line.replace(f"{found[1]}:", f"{found[1]}x:"))


def missing_file(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A file that is not there."""
    return _replaced(lines, r"\b(pathways/|tables/|[- \[])(?P<it>\w+)(?=\.(yaml|csv))", lambda it: f"{it}x")


def bad_table(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A row that is no row: a cell too many, a text for a number, or the row once more."""
    rows = [i for i, line in enumerate(lines) if "," in line and not line.startswith("#")][1:]
    for at in rows:
        yield edited(lines, at, f"{lines[at]},1")
        yield edited(lines, at, f"{lines[at].rpartition(',')[0]},many")
        yield edited(lines, at, lines[at], lines[at])


ILLEGAL: tuple[Spoiling, ...] = (
    unknown_key, unknown_name, unknown_word, unknown_state, missing_comma, no_value, unquoted,
    wrong_kind, wrong_type, missing_unit, wrong_unit, duplicate_key,
    duplicate_in_braces, cut_in_half, bad_indent, tab, missing_key, missing_colon, open_quote, open_brace,
    broken_expression, two_verbs, wrong_shape, impossible_number, bad_code, missing_file, bad_table,
)  # fmt: skip


# ---- legal, and suspicious


def wrong_digit(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A code with another last digit."""
    for at, line in enumerate(lines):
        for found in re.finditer(r'(snomed|loinc): "[\d-]*(\d)"', line):
            other = str((int(found[2]) + 3) % 10)
            yield edited(lines, at, f"{line[: found.start(2)]}{other}{line[found.end(2) :]}")


def no_source(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A parameter without its source."""
    for at, line in enumerate(lines):
        if re.match(r"  \w+: \{.*value: ", line) and (found := re.search(r", source: \w+(?=\})", line)):
            yield edited(lines, at, f"{line[: found.start()]}{line[found.end() :]}")


def spare(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A parameter, variable or formula that nothing reads."""
    for at, line in enumerate(lines):
        if line == "parameters:":
            yield edited(lines, at, line, "  spare: {value: 0.3, source: a guess of ours}")
        if line in ("variables:", "formulas:"):
            yield edited(lines, at, line, "  spare: 2 * 7")


def contradiction(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A condition that can never be true."""
    yield from _replaced(lines, r"\bwhile: (?P<it>age >= \d+)", lambda it: f"{it} and age < 5")
    yield from _replaced(lines, r"\b(if|when): (?P<it>[^,{}\"]+)$", lambda it: f"({it}) and age > 130")


def never_a_rate(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A rate that is always zero."""
    return _replaced(lines, rf"(?<!\{{)\brate: (?P<it>[a-z][\w *()+-]*){_END}", lambda it: f"0 * {it}")


def per_day(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A rate per day in place of one per year."""
    return _replaced(lines, r"(value|rate): [\d.]+ per (?P<it>year)\b", lambda _: "day")


def never_stopped(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A drug that is no longer stopped."""
    for drug in names.of["drug"]:
        at = [i for i, line in enumerate(lines) if re.search(rf"stop: {drug}\b", line)]
        if at:
            changed = [re.sub(rf"stop: {drug}\b", "wait: 0 days", line) for line in lines]
            yield Spoiled(tuple(changed), frozenset(i + 1 for i in at))


def never_started(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A protocol whose only start is gone, or waits for what never comes."""
    for at, _ in _places(lines, r"^    starts: \{.*\}$"):
        yield without(lines, at)
        yield edited(lines, at, "    starts: {when: age > 150}")


def no_way_in(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A state whose only way in is gone."""
    ways = [(at, found[1]) for at, found in _places(lines, r"-> (\w+): \{[^{}]*\}$")]
    everywhere = [found[1] for _, found in _places(lines, r"-> (\w+):")]
    for at, state in ways:
        below = any(re.match(rf"\s+{state}:", line) for line in lines[at:])
        siblings = [i for i in (at - 1, at + 1) if i < len(lines) and lines[i].lstrip().startswith("-> ")]
        if everywhere.count(state) == 1 and below and siblings and "share" not in lines[at]:
            yield without(lines, at)


def no_chance(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A step that is taken with a chance of zero."""
    return _replaced(lines, rf"\bchance: (?P<it>[\w.]+){_END}", lambda _: "0")


def extra_column(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A column that nothing reads."""
    rows = [i for i, line in enumerate(lines) if not line.startswith("#")]
    wide = [
        f"{line},{'note' if i == rows[0] else 'x'}" if i in rows else line for i, line in enumerate(lines)
    ]
    yield Spoiled(tuple(wide), frozenset({rows[0] + 1}))


def truth_read(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A step that decides by the truth."""
    if names.of["state"]:
        state = names.of["state"][-1]
        yield from _replaced(lines, r"- if: (?P<it>[^{}\"]+)$", lambda it: f"({it}) or in({state})")


def twins(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A parameter whose name is that of another but for a letter; something reads it."""
    for at, line in enumerate(lines):
        found = re.match(r"  (\w{6,}): \{value: ([\d.]+)(,.*source: \w+\})$", line)
        if found and not re.search(r"\d|ci95", line[: line.index(":")]):
            twin = f"{found[1][:3]}{found[1][4:]}"
            reads = [
                i
                for i, other in enumerate(lines)
                if i > at and re.search(rf"\* {found[1]}\b", other) and "about" not in other
            ]
            if reads:
                changed = [*lines[: at + 1], line.replace(f"{found[1]}:", f"{twin}:"), *lines[at + 1 :]]
                read = reads[0] + 1
                changed[read] = re.sub(rf"\* {found[1]}\b", f"* {found[1]} * {twin}", changed[read], count=1)
                yield Spoiled(tuple(changed), frozenset({at + 2, read + 1}))


def odd_unit(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A unit of a biomarker, mistyped."""
    return _replaced(lines, r"\bunit: (?P<it>[A-Za-z][\w/]+)(?=,|$)", lambda it: f"{it}x")


def outside_interval(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A value that lies outside its interval."""
    for at, line in enumerate(lines):
        found = re.search(r"value: ([\d.]+)( per \w+)?, ci95: ([\d.]+) to", line)
        if found:
            yield edited(
                lines, at, line.replace(f"value: {found[1]}", f"value: {float(found[3]) / 10:.6g}", 1)
            )


def steep(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A growth per year of age that was meant per ten years."""
    return _replaced(
        lines, r"\bexp\((?P<it>\w+(ageing|slope|growth)\w*)(?= \* \(age)", lambda it: f"10 * {it}"
    )


def short_table(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """A table without its oldest, or its latest, rows."""
    for header in [i for i, line in enumerate(lines) if not line.startswith("#")][:1]:
        if lines[header].endswith("population"):
            continue  # people are as old as it says
        cells = [line.split(",") for line in lines[header + 1 :] if line]
        for column, key in enumerate(lines[header].split(",")):
            if key in ("age", "year"):
                last = max(
                    (cell[column] for cell in cells), key=lambda text: float(re.split(r"[-+]", text)[0])
                )
                kept = [line for line in lines[header + 1 :] if line and line.split(",")[column] != last]
                yield Spoiled((*lines[: header + 1], *kept), frozenset({len(kept)}))


def idle_allow(lines: Sequence[str], names: Names) -> Iterator[Spoiled]:
    """An `allow:` for nothing."""
    return _replaced(
        lines, r"^  \w+: \{(?P<it>)(value|snomed)", lambda _: "allow: {fast-rate: a short stay}, "
    )


OF_TABLES = (bad_table, short_table, extra_column)
SUSPICIOUS: tuple[Spoiling, ...] = (
    wrong_digit, no_source, spare, contradiction, never_a_rate, per_day, no_chance, never_stopped,
    never_started, no_way_in,
    truth_read, twins, odd_unit, outside_interval, steep, short_table, extra_column, idle_allow,
)  # fmt: skip


# ---- choosing


def names_of(scenario: Scenario) -> Names:
    """The names that have one meaning in the scenario."""

    def bare(things: Sequence[object]) -> tuple[str, ...]:
        return tuple(str(getattr(thing, "name", "")).rpartition(".")[2] for thing in things)

    states = [s for p in scenario.pathways for axis in p.axes for s in axis.states]
    return Names(
        {
            "parameter": bare(scenario.parameters),
            "variable": bare([v for v in scenario.variables if v.name != "population.sex"]),
            "condition": bare(scenario.conditions),
            "procedure": bare(scenario.procedures),
            "drug": bare(scenario.drugs),
            "biomarker": bare(scenario.biomarkers),
            "state": bare(states),
            "protocol": bare([p for pathway in scenario.pathways for p in pathway.protocols]),
            "provider": bare(scenario.providers),
        }
    )


def files(folder: Path) -> list[Path]:
    """The files of a scenario that can be spoiled, but for large tables."""
    found = [folder / "scenario.yaml", *sorted(folder.rglob("*.yaml")), *sorted(folder.glob("tables/*.csv"))]
    small = [f for f in found if f.suffix == ".yaml" or f.stat().st_size < 4_000]
    return [f for f in dict.fromkeys(small) if f.name != "background.csv" and "targets" not in f.parts]


def chosen(spoilings: Sequence[Spoiling], each: Mapping[str, int], seed: int) -> list[Mutation]:
    """Of each kind so many mutations as `each` says by scenario, as far as there are places."""
    pick = random.Random(seed)
    found: list[Mutation] = []
    for source, number in each.items():
        scenario, findings = check(SCENARIOS / source)
        assert scenario, findings
        names = names_of(scenario)
        for spoiling in spoilings:
            kind, places = spoiling.__name__.replace("_", " "), list[Mutation]()
            for path in files(SCENARIOS / source):
                if (path.suffix == ".csv") == (spoiling in OF_TABLES):
                    lines = path.read_text().splitlines()
                    relative = str(path.relative_to(SCENARIOS / source))
                    places += (Mutation(kind, source, relative, s) for s in spoiling(lines, names))
            found += pick.sample(places, min(number, len(places)))
    return found


def findings_of(mutation: Mutation, place: Path) -> tuple[Scenario | None, tuple[Diagnostic, ...]]:
    """What the check says of a mutation; `place` holds `copies`, and does so again afterwards."""
    file = place / mutation.scenario / mutation.file
    whole = file.read_text()
    try:
        file.write_text("\n".join(mutation.spoiled.lines) + "\n")
        return check(place / mutation.scenario)
    finally:
        file.write_text(whole)


def hits(mutation: Mutation, found: Sequence[Diagnostic]) -> list[bool]:
    """Of each finding, whether it is at an edited line, or one above or beside what was taken out."""
    return [d.span.file.endswith(mutation.file) and d.span.line in mutation.spoiled.at for d in found]


def copies(place: Path) -> Path:
    for source in SOURCES:
        shutil.copytree(SCENARIOS / source, place / source)
    return place


EACH_ILLEGAL = {"blood_pressure_coaching": 10, "elective_surgery": 13, "diabetes": 2, "cardiometabolic": 1}
EACH_SUSPICIOUS = {"blood_pressure_coaching": 12, "elective_surgery": 26, "diabetes": 6, "cardiometabolic": 2}
ILLEGAL_SEED, SUSPICIOUS_SEED = 1, 2


@dataclass
class Tally:
    """How many files of a kind there were, how many were accepted, how many had an error at their place, and
    how many their first one.
    """

    files: int = 0
    accepted: int = 0
    there: int = 0
    first: int = 0


def illegal(place: Path) -> dict[str, Tally]:
    """What the check says of the illegal files, by kind; `place` holds `copies`."""
    table: dict[str, Tally] = {}
    for mutation in chosen(ILLEGAL, EACH_ILLEGAL, ILLEGAL_SEED):
        scenario, found = findings_of(mutation, place)
        at = hits(mutation, [d for d in found if d.severity == "error"])
        row = table.setdefault(mutation.kind, Tally())
        row.files += 1
        row.accepted += scenario is not None
        row.there += any(at)
        row.first += at[:1] == [True]
    return table


def suspicious(place: Path) -> dict[str, Counter[str]]:
    """By kind, how many legal files each rule saw; an empty rule for those that none did."""
    table: dict[str, Counter[str]] = {}
    for mutation in chosen(SUSPICIOUS, EACH_SUSPICIOUS, SUSPICIOUS_SEED):
        scenario, found = findings_of(mutation, place)
        if scenario is None:
            continue
        table.setdefault(mutation.kind, Counter()).update({d.rule for d in found} or {""})
        table[mutation.kind]["files"] += 1
    return table


def tables(place: Path) -> str:
    """The two tables, as Markdown."""
    lines = [
        "| kind | files | accepted | an error there | the first error there |",
        "|---|---:|---:|---:|---:|",
    ]
    found = illegal(place)
    for kind, row in found.items():
        lines.append(f"| {kind} | {row.files} | {row.accepted} | {row.there} | {row.first} |")
    total = [sum(getattr(row, f) for row in found.values()) for f in ("files", "accepted", "there", "first")]
    lines += [f"| all | {' | '.join(map(str, total))} |", ""]
    lines += ["| kind | files | seen by no rule | rules that saw it |", "|---|---:|---:|---|"]
    for kind, rules in suspicious(place).items():
        told = sorted((-n, rule) for rule, n in rules.items() if rule not in ("files", ""))
        seen = ", ".join(f"`{rule}` {-n}" for n, rule in told)
        lines.append(f"| {kind} | {rules['files']} | {rules['']} | {seen} |")
    return "\n".join(lines)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(tables(copies(Path(folder))))
