"""What differs between two scenarios in meaning, in the words of their authors.

The resolved scenarios are compared, thing by thing: the order in which named things are written, comments,
anchors, units, formulas and the files' names do not matter. What differs is then looked up in what the
authors wrote, so that a formula or a modifier which acts on many rates is one difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from sim.scenario import settings
from sim.scenario.alignment import align, matched
from sim.scenario.cells import unlike_cells
from sim.scenario.diagnostics import Findings, ScenarioError
from sim.scenario.documents import examine
from sim.scenario.model import Expr, Scenario, Span, Table
from sim.scenario.names import Documents
from sim.scenario.settings import Parameters
from sim.scenario.things import Fact, Thing, things
from sim.scenario.unlike import same, unlike
from sim.scenario.unparse import unparse
from sim.scenario.written import Text, Written, where


@dataclass(frozen=True, slots=True)
class Side:
    """What one scenario says, and where: file:line, "" where it is written nowhere."""

    text: str
    place: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: of `what` (the author's key) of a `thing` of a pathway (or of "scenario"). None is the
    side of the scenario that has no such thing. `read_by` are other things that the same words act on; `note`
    says more.
    """

    pathway: str
    thing: str
    what: str
    a: Side | None
    b: Side | None
    note: str = ""
    read_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Differences:
    """`found` in the order of the second scenario's pathways. `other_luck` are things that are the same, but
    draw from a stream of another name: (pathway, thing, name in A, name in B).
    """

    found: tuple[Difference, ...]
    other_luck: tuple[tuple[str, str, str, str], ...]

    def __bool__(self) -> bool:
        return bool(self.found or self.other_luck)


@dataclass(frozen=True)
class Version:
    """A scenario, with what its author wrote and the values that it was `given`, by parameter."""

    scenario: Scenario
    written: Written
    given: dict[str, Text]


def version(path: Path | str, parameters: Parameters | None = None) -> Version:
    """The scenario at a path as it is compared. Raises ScenarioError with all that is wrong with it."""
    scenario, documents, findings = examine(path, parameters)
    if scenario is None or documents is None:
        raise ScenarioError(findings)
    return Version(scenario, Written(documents), _given(scenario, documents, parameters))


def _given(scenario: Scenario, documents: Documents, parameters: Parameters | None) -> dict[str, Text]:
    """The words that give parameters another value than their own, by the parameters' names."""
    silent, found = Findings(), dict[str, Text]()
    layers = settings.of_scenario(documents.scenario, documents.home, [], silent)
    layers += settings.given(parameters or {}, silent)[0]
    names = [parameter.name for parameter in scenario.parameters]
    for one in (one for layer in layers for one in layer):
        meant = [n for n in names if n == one.name or n.endswith(f".{one.name}")]
        meant = [n for n in meant if n == f"scenario.{one.name}"] or meant
        if isinstance(one.value, dict):
            text = ", ".join(f"{level}: {value.text}" for level, value in one.value.items())
        else:
            text = one.value.text
        for name in meant:
            found[name] = Text("", (), text, one.value_span)
    return found


def differences(a: Version, b: Version) -> Differences:
    """What differs in meaning between two scenarios."""
    old, new = things(a.scenario), things(b.scenario)
    comparison = _Comparison(a, b)
    for gone, come in matched(tuple(old.values()), tuple(new.values()), lambda thing: thing.name):
        comparison.pathway = (come or gone).name  # type: ignore[union-attr]
        comparison.thing(gone, come, ())
    return Differences(tuple(comparison.together()), tuple(comparison.other_luck))


@dataclass
class _Comparison:
    """Walks through two trees of things. `found` are differences as they come, `keys` what tells that two of
    them are one.
    """

    a: Version
    b: Version
    pathway: str = ""
    found: list[Difference] = field(default_factory=list)
    keys: list[object] = field(default_factory=list)
    other_luck: list[tuple[str, str, str, str]] = field(default_factory=list)
    likeness: dict[tuple[int, int], float] = field(default_factory=dict)

    def tell(self, difference: Difference, key: object) -> None:
        self.found.append(difference)
        self.keys.append(key)

    def together(self) -> Iterator[Difference]:
        """The differences, those that are written once only once."""
        first: dict[object, Difference] = {}
        for difference, key in zip(self.found, self.keys, strict=True):
            if key not in first:
                first[key] = difference
            else:
                named = (*first[key].read_by, _named(difference))
                first[key] = replace(first[key], read_by=tuple(dict.fromkeys(named)))
        return iter(first.values())

    # ---- things

    def thing(self, a: Thing | None, b: Thing | None, above: tuple[str, ...]) -> None:
        """Tell all that differs between two things, of which one may be missing."""
        if a is None or b is None:
            self.alone(a, b, above)
            return
        if b.kind == "choose" and self.ladder(a, b, above):
            return
        path = (*above, _called(b)) if _called(b) else above
        name = _path(path)
        self.facts(a, b, name)
        if a.site != b.site and a.site and b.site:
            self.other_luck.append((self.pathway, name, a.site, b.site))
        for heading in dict.fromkeys((*a.inside, *b.inside)):
            before, after = a.inside.get(heading, ()), b.inside.get(heading, ())
            inner = (*path, heading) if heading in ("else", "missed") else path
            for pair in self.pairs(before, after):
                self.thing(*pair, inner)

    def ladder(self, a: Thing, b: Thing, above: tuple[str, ...]) -> bool:
        """Whether two steps climb ladders that differ, which is told."""
        old, new = self.a.written.ladder(a.span), self.b.written.ladder(b.span)
        if old is None or new is None or old[1].text == new[1].text:
            return False
        (_, one), (step, other) = old, new
        sides = Side(one.text, where(one.span)), Side(other.text, where(other.span))
        found = Difference(other.space, f"ladder {other.keys[1]}", "", *sides, "", (_path((*above, step)),))
        self.tell(found, (one.span, other.span))
        return True

    def alone(self, a: Thing | None, b: Thing | None, above: tuple[str, ...]) -> None:
        thing, of = (a, self.a) if a else (b, self.b)
        assert thing
        side = Side(self.summary(of, thing), where(thing.span))
        name = _path((*above, _called(thing) or thing.kind))
        home = of.written.at(thing.span)
        pathway = home.space if home else self.pathway
        key = (thing.span, thing.label) if thing.span else object()
        self.tell(Difference(pathway, name, "", side if a else None, side if b else None), key)

    def summary(self, of: Version, thing: Thing) -> str:
        """What a thing says, in a few words."""
        said = [(key, self.side(of, thing, key)) for key, fact in thing.facts.items() if fact is not None]
        facts = [f"{key}: {side.text}" for key, side in said if side]
        counts = [_count(len(found), heading) for heading, found in thing.inside.items() if found]
        return ", ".join([*facts, *([f"with {', '.join(counts)}"] if counts else [])]) or thing.label

    def pairs(self, a: tuple[Thing, ...], b: tuple[Thing, ...]) -> list[tuple[Thing | None, Thing | None]]:
        if all(thing.name for thing in (*a, *b)):
            return matched(a, b, lambda thing: thing.name)
        return align(a, b, self.like)

    def like(self, a: Thing, b: Thing) -> float:
        """How like two things without names are: 0 of other kinds, 1 where they are the same."""
        key = id(a), id(b)
        if key not in self.likeness:
            self.likeness[key] = self._like(a, b) if a.kind == b.kind else 0.0
        return self.likeness[key]

    def _like(self, a: Thing, b: Thing) -> float:
        keys = [key for key in {**a.facts, **b.facts} if a.facts.get(key) or b.facts.get(key)]
        equal = sum(_same(a.facts.get(key), b.facts.get(key)) for key in keys)
        score, whole = (equal + 0.5) / (len(keys) + 0.5), 1.0
        for heading in {**a.inside, **b.inside}:
            before, after = a.inside.get(heading, ()), b.inside.get(heading, ())
            score += sum(self.like(x, y) for x, y in align(before, after, self.like) if x and y)
            whole += max(len(before), len(after))
        return score / whole

    # ---- facts

    def facts(self, a: Thing, b: Thing, name: str) -> None:
        keys = [k for k in {**a.facts, **b.facts} if not _same(a.facts.get(k), b.facts.get(k))]
        if "ci95" in keys and _place(a.facts.get("prior")) is None is _place(b.facts.get("prior")):
            keys = [k for k in keys if k != "prior"]  # it follows
        gone = [k for k in keys if b.facts.get(k) is None]
        come = [k for k in keys if a.facts.get(k) is None]
        if len(gone) == 1 == len(come) and _ONE_KIND.issuperset(gone + come):
            keys = [k for k in keys if k not in (*gone, *come)]
            sides = self.side(self.a, a, gone[0]), self.side(self.b, b, come[0])
            self.tell(Difference(self.pathway, name, f"{gone[0]} -> {come[0]}", *sides), object())
        for key in keys:
            self.fact(a, b, key, name)

    def fact(self, a: Thing, b: Thing, key: str, name: str) -> None:
        old, new = a.facts.get(key), b.facts.get(key)
        if isinstance(old, Table) and isinstance(new, Table):
            note = unlike_cells(old, new, exact=key == "alive_on.ages")
            sides = self.side(self.a, a, key), self.side(self.b, b, key)
            self.tell(Difference(self.pathway, name, key, *sides, note), object())
        elif isinstance(old, Expr) and isinstance(new, Expr) and not _given_alone(old, new):
            for part in unlike(old, new):
                self.part(a, b, key, name, part)
        else:
            one, other = self.side(self.a, a, key), self.side(self.b, b, key)
            if one and other and one.text == other.text:  # the same words mean something else
                one, other = replace(one, text=_spelled(old)), replace(other, text=_spelled(new))
            at = (a.span, b.span, key) if a.span and b.span else object()
            self.tell(Difference(self.pathway, name, key, one, other), at)

    def side(self, of: Version, thing: Thing, key: str) -> Side | None:
        """What a thing says under a key, in the author's words."""
        fact = thing.facts.get(key)
        if fact is None:
            return None
        keys = tuple(key.split("."))
        found = [of.written.under(thing.span, path) for path in (keys, ("code", *keys))]
        if key == "value":  # which may be all that is written of a thing, or be given from elsewhere
            alone, table = (of.written.under(thing.span, path) for path in ((), ("table",)))
            found = [of.given.get(thing.name), alone, *found, table]
        if thing.kind == "scenario":
            found = [of.written.by_keys.get((thing.name, tuple(key.split())))]
        text = next(filter(None, found), None)
        if text:
            return Side(text.text, where(text.span))
        return Side(_spelled(fact), where(_place(fact) or thing.span))

    def part(self, a: Thing, b: Thing, key: str, name: str, part: tuple[Expr | None, Expr | None]) -> None:
        """Tell of the smallest parts of two expressions that differ, by the texts that they stand in."""
        x, y = part
        one = self.a.written.at(x.span) if x else self._counterpart(self.a, self.b, a, b, y)
        other = self.b.written.at(y.span) if y else self._counterpart(self.b, self.a, b, a, x)
        if one and other and one.text == other.text:
            formulas = [of.written.formula(e.span if e else None) for of, e in ((self.a, x), (self.b, y))]
            one, other = formulas if all(formulas) else (one, other)
        old, new = _said(one, x, a), _said(other, y, b)
        beside = _BESIDE.get(key, "")
        if beside and one and other and one.text == other.text:
            one, other = (of.written.under(t.span, (beside,)) for of, t in ((self.a, a), (self.b, b)))
            key, old, new = beside, _said(one, None, a), _said(other, None, b)
        elif old and new and old.text == new.text:  # the same words mean something else
            old, new = (Side(_spelled(e), s.place) if e else s for e, s in ((x, old), (y, new)))
        text, reader, of = (other, b, self.b) if y and other else (one, a, self.a)
        pathway, thing, what = self._home(text, reader, of, name, key) if text else (self.pathway, name, key)
        found = Difference(pathway, thing, what, old, new)
        if (pathway, thing) != (self.pathway, name):
            reads = f"{name} ({key})" if pathway == self.pathway else f"{self.pathway}: {name} ({key})"
            found = replace(found, read_by=(reads,))
        at = (one.span if one else None, other.span if other else None, old and old.text, new and new.text)
        self.tell(found, at if one or other else object())

    def _counterpart(
        self, of: Version, other: Version, mine: Thing, its: Thing, e: Expr | None
    ) -> Text | None:
        """What stands in one scenario where the other has the text of `e`: the text under the same keys."""
        text = other.written.at(e.span) if e else None
        thing = other.written.thing(its.span) if its.span else None
        if text is None:
            return None
        if thing and text.space == thing[0] and text.keys[: len(thing[1])] == thing[1]:
            return of.written.under(mine.span, text.keys[len(thing[1]) :])
        return None if text.listed else of.written.by_keys.get((text.space, text.keys))

    def _home(self, text: Text, reader: Thing, of: Version, name: str, key: str) -> tuple[str, str, str]:
        """Where a text stands: the pathway, the thing, and the key in it. That may be another thing than the
        one that reads it, such as a formula.
        """
        mine = of.written.thing(reader.span) if reader.span else None
        if mine and (text.space, text.keys[: len(mine[1])]) == mine:
            return self.pathway, name, ".".join(map(str, text.keys[len(mine[1]) :])) or key
        section, *rest = text.keys
        if not rest:
            return text.space, str(section), ""
        if isinstance(rest[0], int):
            return text.space, f"{section} {rest[0] + 1}", ".".join(map(str, rest[1:]))
        thing = f"{_ONE_OF.get(str(section), section)} {rest[0]}"
        return text.space, thing, ".".join(map(str, rest[1:])) or "value"


_ONE_OF = {
    "formulas": "formula",
    "variables": "variable",
    "parameters": "parameter",
    "drugs": "drug",
    "biomarkers": "biomarker",
    "events": "event",
    "disease": "axis",
    "care": "protocol",
}


_ONE_KIND = frozenset({"rate", "after", "share", "upon", "when", "during"})  # one stands in place of another
_BESIDE = {"for": "refills"}  # keys that say one thing together
_COUNTED = {
    "disease": ("axis", "axes"),
    "care": ("protocol", "protocols"),
    "then": ("step", "steps"),
    "else": ("step else", "steps else"),
    "missed": ("step if missed", "steps if missed"),
    "branches": ("branch", "branches"),
    "exits": ("way out", "ways out"),
}


def _count(count: int, heading: str) -> str:
    one, more = _COUNTED.get(heading, (heading.removesuffix("s"), heading))
    return f"{count} {one if count == 1 else more}"


def _path(names: tuple[str, ...]) -> str:
    return " > ".join(names).replace(" > -> ", " -> ")


def _called(thing: Thing) -> str:
    """How a thing is called in a path of things."""
    if thing.kind in ("pathway", "scenario", "axis"):
        return f"axis {thing.label}" if thing.kind == "axis" else ""
    if thing.kind == "state":
        return thing.label
    if thing.name and thing.kind not in ("population", "mortality"):
        return f"{thing.kind} {thing.label}"
    return thing.label


def _named(difference: Difference) -> str:
    if difference.read_by:
        return difference.read_by[0]
    return f"{difference.thing} ({difference.what})" if difference.what else difference.thing


def _said(text: Text | None, e: Expr | None, thing: Thing) -> Side | None:
    """A text; where there is none, an expression that stands nowhere, at the place of its thing."""
    if text:
        return Side(text.text, where(text.span))
    return Side(_spelled(e), where(thing.span)) if e else None


def _given_alone(a: Expr, b: Expr) -> bool:
    """Whether two expressions are numbers that stand in no text by themselves."""
    return a.op == b.op == "const" and (a.span is None or b.span is None)


def _same(a: Fact, b: Fact) -> bool:
    if isinstance(a, Table) and isinstance(b, Table):
        return not unlike_cells(a, b, exact=False)
    if isinstance(a, Expr) and isinstance(b, Expr):
        return same(a, b)
    return type(a) is type(b) and a == b


def _spelled(fact: Fact) -> str:
    match fact:
        case Expr(op="rest"):
            return "rest"
        case Expr():
            return unparse(fact)
        case Table():
            return f"a table of {len(fact.values)} values"
        case _:
            text = str(fact)
            return text if len(text) <= 200 and "\n" not in text else f"a text of {len(text)} characters"


def _place(fact: Fact) -> Span | None:
    return None if isinstance(fact, str | None) else fact.span
