"""The disease of a pathway as it is drawn: states, groups of them, ways between them, what modifies these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sim.scenario import schema
from sim.scenario.disease import left_at_once
from sim.scenario.loader import Scalar
from sim.scenario.names import Documents
from sim.scenario.schema import Exit, Modifier, Pathway, State, states_alone, states_and_groups
from sim.view.diagram.glossary import Glossary
from sim.view.diagram.words import Label, Line, cut, lines, signs, spoken

DEAD = "dead"
CHIP_COLUMNS = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A state, a group of states, a death, or an event. `name` is qualified; of a death it has the state that
    leads there. `kind`: state, group, death or event; `group` is the innermost that it is in.
    """

    name: str
    kind: str
    label: Label
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """All exits of a state, or group, to one place (with one cause). `key` is what tables say of it: the
    states that are left, the one that is entered, and the cause. `by_share`: it is gone by a share of those
    who leave, not at a rate.
    """

    source: str
    target: str
    label: Label
    left: tuple[str, ...]
    entered: str
    cause: str | None
    by_share: bool = False

    @property
    def name(self) -> str:
        """What stands for the arrow among the things of a drawing."""
        return f"{self.source} -> {self.target}"


@dataclass(frozen=True, slots=True)
class Factor:
    """What multiplies rates: drawn as a box with dashed arrows to what it modifies, places or ways."""

    name: str
    label: Label
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """A diagram of states; or of one event."""

    name: str
    title: str
    places: tuple[Place, ...]
    ways: tuple[Way, ...]
    factors: tuple[Factor, ...] = ()


@dataclass
class _Sketch:
    places: list[Place] = field(default_factory=list)
    ways: dict[tuple[str, str, str | None], list[Exit]] = field(default_factory=dict)


class DiseaseDrawer:
    """Makes the axes and events of one pathway."""

    def __init__(self, documents: Documents, pathway: Pathway, glossary: Glossary) -> None:
        self.documents = documents
        self.pathway = pathway
        self.space = pathway.pathway.text
        self.glossary = glossary

    def axes(self) -> tuple[Axis, ...]:
        """The axes, then the events."""
        return (
            *(self._axis(name, states) for name, states in self.pathway.disease.items()),
            *(self._event(name, event) for name, event in self.pathway.events.items()),
        )

    def _axis(self, axis: str, states: dict[str, State]) -> Axis:
        entries = {
            name: next((first for first, _, _ in states_alone(state.states)), name)
            for name, state in states_and_groups(states)
        }
        sketch = _Sketch()
        self._places(states, None, sketch, entries)
        members = _members(states)
        ways = [
            self._way(source, target, cause, exits, members, sketch)
            for (source, target, cause), exits in sketch.ways.items()
        ]
        found = Axis(f"{self.space}.{axis}", spoken(axis), tuple(sketch.places), tuple(ways))
        factors = tuple(self._factors(found, members))
        return Axis(found.name, found.title, found.places, found.ways, factors)

    def _places(
        self, states: dict[str, State], group: str | None, sketch: _Sketch, entries: Mapping[str, str]
    ) -> None:
        for name, state in states.items():
            qualified = f"{self.space}.{name}"
            kind = "group" if state.states else "state"
            sketch.places.append(Place(qualified, kind, self._state_label(name, state), group))
            if state.states:
                self._places(state.states, qualified, sketch, entries)
            for target, exits in state.exits.items():
                for author in exits:
                    cause = author.cause.text if author.cause else None
                    entered = target if target == DEAD else entries[target]
                    sketch.ways.setdefault((name, entered, cause), []).append(author)

    def _state_label(self, name: str, state: State) -> Label:
        shown, tip = [Line(spoken(name), "name")], [state.about] if state.about else []
        if state.lasts:
            text = signs(state.lasts.written)
            shown += lines(f"lasts {text}", "quiet", 30, 2)
            tip += [f"lasts {text}", *self.glossary.explained(state.lasts.written, self.space)]
        elif left_at_once(state):
            shown.append(Line("passed at once", "quiet"))
        for variable, value in state.set.items():
            shown += lines(f"sets {spoken(variable)}", "quiet", 30, 1)
            tip.append(f"set {variable}: {signs(value.written)}")
        return Label(tuple(shown), "\n".join(tip))

    def _way(
        self,
        source: str,
        target: str,
        cause: str | None,
        exits: Sequence[Exit],
        members: Mapping[str, tuple[str, ...]],
        sketch: _Sketch,
    ) -> Way:
        at, to = f"{self.space}.{source}", f"{self.space}.{target}"
        if target == DEAD:
            to = f"{at} -> dead {cause}"
            title = Label((Line("dead", "name"), Line(spoken(cause or ""), "quiet")), f"death of {cause}")
            sketch.places.append(Place(to, "death", title))
        labels = [self.exit_label(author) for author in exits]
        shown = tuple(
            line
            for n, label in enumerate(labels)
            for line in ((Line("or", "quiet"),) if n else ()) + label.lines
        )
        left = members.get(source, (source,))
        whole = Label(shown, "\n\n".join(label.tip for label in labels))
        return Way(at, to, whole, left, target, cause, all(author.share for author in exits))

    def exit_label(self, author: Exit) -> Label:
        """What brings about an exit, in the author's words."""
        if author.share:
            words = {"rest": "the rest", "1": "then"}
            whole = words.get(author.share.text) or signs(author.share.written)
            return self.label(whole, author.share, author.about)
        if author.upon:
            chance = f", chance {signs(author.chance.written)}" if author.chance else ""
            return self.label(f"upon {spoken(author.upon.text)}{chance}", author.chance, author.about)
        if author.when:
            chance = f", chance {signs(author.chance.written)}" if author.chance else ""
            return self.label(f"when {signs(author.when.written)}{chance}", author.when, author.about)
        word, text = next(
            (word, text)
            for word, text in (
                ("", author.rate),
                ("risk ", author.risk),
                ("survival ", author.survival),
                ("after ", author.after),
            )
            if text
        )
        return self.label(f"{word}{signs(text.written)}", text, author.about, author.while_, author.times)

    def label(
        self,
        whole: str,
        text: Scalar | None,
        about: str = "",
        while_: Scalar | None = None,
        times: Scalar | None = None,
        columns: int = 40,
    ) -> Label:
        """An expression with what goes beside it, and with what its names stand for."""
        written = text.written if text else ""
        alone = self.glossary.alone(written, self.space)
        shown = [*lines(whole.replace(signs(written), alone) if alone else whole, columns=columns, rows=2)]
        tip = [about] if about else []
        tip.append(whole)
        names = [written]
        if times:
            shown += lines(f"× {signs(times.written)}", columns=columns, rows=1)
            tip.append(f"times {signs(times.written)}")
            names.append(times.written)
        if while_:
            shown += lines(f"while {signs(while_.written)}", columns=columns, rows=2)
            tip.append(f"while {signs(while_.written)}")
            names.append(while_.written)
        for rate in self.glossary.rates(written, self.space)[:2]:
            shown += lines(rate, "quiet", columns + 6, 2)
        tip += dict.fromkeys(line for name in names for line in self.glossary.explained(name, self.space))
        return Label(tuple(shown), "\n".join(tip))

    def _event(self, name: str, event: schema.Event) -> Axis:
        qualified = f"{self.space}.{name}"
        label = self.label(signs(event.rate.written), event.rate, event.about, event.while_, event.times)
        sets = tuple(Line(f"sets {spoken(v)}", "quiet") for v in event.set)
        place = Place(qualified, "event", Label((Line(spoken(name), "name"), *label.lines, *sets), label.tip))
        found = Axis(qualified, "event", (place,), ())
        return Axis(qualified, found.title, found.places, (), tuple(self._factors(found, {})))

    # ---- what modifies

    def _factors(self, axis: Axis, members: Mapping[str, tuple[str, ...]]) -> Iterator[Factor]:
        """What multiplies rates of an axis, together for each set of things that it acts on."""
        found: dict[tuple[str, ...], list[tuple[str, Modifier]]] = {}
        for pathway in self.documents.pathways:
            for modifier in pathway.modifies:
                if targets := self._targets(modifier, pathway.pathway.text, axis, members):
                    found.setdefault(targets, []).append((pathway.pathway.text, modifier))
        for targets, several in found.items():
            labels = [self.factor_label(modifier, space) for space, modifier in several]
            shown = tuple(line for label in labels for line in label.lines)
            tip = "\n\n".join(label.tip for label in labels)
            yield Factor(f"{axis.name}: factors of {', '.join(targets)}", Label(shown, tip), targets)

    def factor_label(self, modifier: Modifier, space: str) -> Label:
        """`× a factor, while a condition`, with the pathway that says so where it is another."""
        assert modifier.times
        whole = f"× {signs(modifier.times.written)}"
        if modifier.while_:
            whole += f"  while {signs(modifier.while_.written)}"
        if space != self.space:
            whole = f"{spoken(space)}: {whole}"
        names = [modifier.times.written] + ([modifier.while_.written] if modifier.while_ else [])
        tip = [modifier.about] if modifier.about else []
        tip += [whole, *dict.fromkeys(x for n in names for x in self.glossary.explained(n, space))]
        if modifier.source:
            tip.append(f"source: {modifier.source}")
        note = self.glossary.note(modifier.times.written, space)
        shown = cut(whole, CHIP_COLUMNS, 1)[0]
        return Label((Line(shown, note=note),), "\n".join(tip))

    def _targets(
        self, modifier: Modifier, space: str, axis: Axis, members: Mapping[str, tuple[str, ...]]
    ) -> tuple[str, ...]:
        """What of an axis a modifier acts on: a place, for every rate into it, or ways."""
        if modifier.rate is None:
            return ()
        ends = [end.strip() for end in modifier.rate.text.split("->")]
        names = [self._own(end, space) for end in ends]
        places = {place.name: place for place in axis.places}
        if len(ends) == 1:
            found = names[0]
            return (found,) if found in places else ()
        source, target = names
        left = set(members.get(source.rpartition(".")[2], (source.rpartition(".")[2],)))
        if source not in places:
            return ()
        entered = target.rpartition(".")[2]
        into = set(members.get(entered, (entered,)))
        return tuple(w.name for w in axis.ways if w.entered in into and set(w.left) <= left)

    def _own(self, name: str, space: str) -> str:
        """The qualified name of a thing of this pathway that a modifier of a pathway calls so, or ""."""
        if name == DEAD:
            return DEAD
        head, dot, _ = name.rpartition(".")
        if dot:
            return name if head == self.space else ""
        if space == self.space:
            return f"{self.space}.{name}"
        own = next(p for p in self.documents.pathways if p.pathway.text == space)
        return "" if name in _rated(own) else f"{self.space}.{name}"


def _rated(pathway: Pathway) -> set[str]:
    """What of a pathway may be modified by its name."""
    states = {name for axis in pathway.disease.values() for name, _ in states_and_groups(axis)}
    return states | set(pathway.events) | set(pathway.care)


def _members(states: dict[str, State]) -> dict[str, tuple[str, ...]]:
    """The names of the states in each group."""
    found: dict[str, list[str]] = {}
    for name, _, groups in states_alone(states):
        for group in groups:
            found.setdefault(group, []).append(name)
    return {group: tuple(names) for group, names in found.items()}
