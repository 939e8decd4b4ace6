"""A scenario made ready to be lived in: what sets what going, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from sim.agents import care, disease, verbs
from sim.agents.expressions import Dictionary, Fact, Value
from sim.agents.hazards import FORMS, HazardRule, Rate
from sim.agents.hearers import HEARD
from sim.agents.loading import load
from sim.scenario.copula import scores
from sim.scenario.dates import watched
from sim.scenario.model import (
    RATE,
    Assignment,
    Coded,
    Exit,
    Expr,
    Pathway,
    Protocol,
    Scenario,
    Span,
    State,
    Step,
    Visit,
    WaitUntil,
)
from sim.scenario.scope import did_you_mean
from sim.scenario.whole import discharges, parts, plans
from sim.scenario.words import SEX

if TYPE_CHECKING:
    from sim.agents.life import Life

Slot = tuple[int, str, int, int]
"""What may be due, and its place among what is due at the same time: class, pathway, kind, place in the
file."""

REFRESH, DISEASE, CARE = range(3)  # classes
CLOCK, SUPPLY, RESOLUTION = range(3)  # kinds of the first
OPENING: Slot = (REFRESH, "", 0, 0)
MORTALITY: Slot = (DISEASE, "", 0, 0)


@dataclass(frozen=True)
class Timer:
    """A time fixed when a state is entered: that of an exit, or (`exit` is None) the state's `lasts`."""

    slot: Slot
    duration: Expr
    site: str
    state: str
    exit: Exit | None


@dataclass(frozen=True)
class StateRule:
    """`number` counts states through the scenario. With shares and no `lasts` a state is left at once."""

    number: int
    name: str
    groups: tuple[str, ...]
    axis: str
    site: str
    sets: tuple[Assignment, ...]
    hazards: tuple[HazardRule, ...]
    timers: tuple[Timer, ...]
    shares: tuple[Exit, ...]
    watches: tuple[Watch, ...]

    @property
    def instant(self) -> bool:
        return bool(self.shares) and all(timer.exit for timer in self.timers)


WatchKind = Literal["while", "until", "when", "gives_up", "wait_until", "leave"]


@dataclass(frozen=True)
class Watch:
    """A truth value that does something when it turns true.

    while: starts its protocol, and ends it when it turns false. until: ends it. when: starts it. gives_up:
    ends the waiting for a visit. wait_until: ends that of `step`. leave: takes an exit (`leaves`), and has no
    protocol.
    """

    number: int
    slot: Slot
    kind: WatchKind
    protocol: str
    expression: Expr
    holds: Value
    step: Step | None
    leaves: Listener | None


@dataclass(frozen=True)
class Listener:
    """Who waits `upon` a thing: an exit of a state, or a protocol. An exit may wait for a `when` as well."""

    axis: str
    state: str
    exit: Exit | None
    protocol: str


class World:
    """The rules of one scenario, for any life in it.

    acts         what is done when something is due, by slot; spans: where that is written
    hazards      those that every life has: background mortality, events, and starts of protocols by rate
    readers      the numbers of the hazards and watches that read a fact; hazards come before watches
    upon         who waits for a thing, exits before protocols
    until        the watch that ends a protocol; waits: those that end the waiting of a step, by its site
    groups       the groups that a drug, condition or procedure is in
    riders       the protocols that are done during a visit to a provider
    numbers      positions of (kind, name) in the tuples of the scenario, states through all axes
    behaviours   classes in Python, imported; kinds: what things are, for these to be told
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.dictionary = Dictionary(scenario)
        self.scores = scores(scenario)  # of correlated variables
        self.biomarkers = {b.name: b for b in scenario.biomarkers}
        self.examinations = {x.name: x for x in scenario.examinations}
        self.providers = {p.name: p for p in scenario.providers}
        self.drugs = {d.name: d for d in scenario.drugs}
        self.first_dose = _first_doses(scenario)
        self.protocols = {p.name: p for pathway in scenario.pathways for p in pathway.protocols}
        self.protocol_slots: dict[str, Slot] = {}
        self.numbers = _numbers(scenario)
        self.behaviours = load(scenario)
        self.kinds = {name: HEARD[kind] for kind, name in self.numbers if kind in HEARD}
        self.acts: dict[Slot, Callable[[Life], None]] = {}
        self.spans: dict[Slot, Span | None] = {}
        self._add(OPENING, verbs.open_window, scenario.population.span)
        self.supplies = self._ends(scenario.drugs, SUPPLY, verbs.stop_drug)
        self.resolutions = self._ends(scenario.conditions, RESOLUTION, verbs.resolve)
        self.states: dict[str, StateRule] = {}
        self.hazards: list[HazardRule] = []
        self.hazard_rules: list[HazardRule] = []
        self.watches: list[Watch] = []
        self.until: dict[str, Watch] = {}
        self.waits: dict[str, Watch] = {}
        self.upon: dict[str, list[Listener]] = {}
        self.riders: dict[str, list[Protocol]] = {}
        self.groups: dict[str, list[str]] = {}
        for group in scenario.groups:
            for member in group.members:
                self.groups.setdefault(member, []).append(group.name)
        self._background()
        for pathway in scenario.pathways:
            self._disease(pathway)
        for pathway in scenario.pathways:
            for protocol in pathway.protocols:
                self._protocol(pathway, protocol)
        self.readers = self._readers()

    def _add(self, slot: Slot, act: Callable[[Life], None], span: Span | None) -> None:
        self.acts[slot], self.spans[slot] = act, span

    def _ends(self, things: Sequence[Coded], kind: int, act: Callable[[Life, str], None]) -> dict[str, Slot]:
        """The slots of what ends by itself, by its name."""
        slots = {}
        for place, thing in enumerate(things):
            slots[thing.name] = (REFRESH, _pathway(thing.name), kind, place)
            self._add(slots[thing.name], partial(_act_on, act, thing.name), thing.span)
        return slots

    # ---- disease

    def _background(self) -> None:
        mortality = self.scenario.mortality
        if mortality is None:
            return
        name = mortality.background or mortality.table
        table = next(t for t in self.scenario.tables if t.name == name)
        sex = Expr("variable", (), "population.sex", SEX)
        keys = {"sex": sex, "age": Expr("age"), "year": Expr("year")}
        rate = Expr("lookup", tuple(keys[axis.name] for axis in table.axes), name, RATE, mortality.span)
        rule = self._hazard(MORTALITY, "population/mortality", ("", ""), rate, disease.die_of_background)
        self.hazards.append(rule)

    def _hazard(
        self,
        slot: Slot,
        site: str,
        between: tuple[str, str],
        rate: Expr,
        fires: Callable[[Life], None],
        after: Expr | None = None,
        repeats: bool = False,
    ) -> HazardRule:
        form = FORMS[str(after.value)] if after else None
        parameters = after.args if after else ()
        number = len(self.hazard_rules)
        read = Rate(rate, self.dictionary)
        rule = HazardRule(number, slot, site, *between, read, form, parameters, fires, repeats)
        self.hazard_rules.append(rule)
        self._add(slot, partial(disease.hazard_is_due, rule=rule), (after or rate).span)
        return rule

    def _disease(self, pathway: Pathway) -> None:
        place = 0
        for axis in pathway.axes:
            for state in axis.states:
                place = self._state(pathway, axis.name, state, place)
        for event in pathway.events:
            slot, fires = (DISEASE, pathway.name, 0, place), partial(disease.occur, event=event)
            place += 1
            between = ("", event.name)
            self.hazards.append(self._hazard(slot, event.site, between, event.rate, fires, repeats=True))

    def _state(self, pathway: Pathway, axis: str, state: State, place: int) -> int:
        hazards, timers, watches = list[HazardRule](), list[Timer](), list[Watch]()
        for exit_ in state.exits:
            slot = (DISEASE, pathway.name, 0, place)
            place += 1
            if exit_.kind == "upon":
                self.upon.setdefault(str(exit_.thing), []).append(Listener(axis, state.name, exit_, ""))
                continue
            assert exit_.expression is not None
            if exit_.kind == "when":
                leaves = Listener(axis, state.name, exit_, "")
                watches.append(self._watch("leave", pathway.name, "", exit_.expression, leaves=leaves))
                continue
            between = (state.name, exit_.target)
            if exit_.kind == "rate":
                fires = _exit(axis, exit_)
                hazards.append(self._hazard(slot, exit_.site, between, exit_.expression, fires))
            elif exit_.kind == "after":
                times, fires = exit_.times or Expr("const", (), 1.0), _exit(axis, exit_)
                hazards.append(self._hazard(slot, exit_.site, between, times, fires, exit_.expression))
            elif exit_.kind == "fixed":
                timers.append(Timer(slot, exit_.expression, exit_.site, state.name, exit_))
        if state.lasts is not None:
            slot = (DISEASE, pathway.name, 0, place)
            place += 1
            timers.append(Timer(slot, state.lasts, f"{state.site}/lasts", state.name, None))
        for timer in timers:
            self._add(timer.slot, partial(disease.time_is_up, timer=timer), timer.duration.span)
        shares = tuple(e for e in state.exits if e.kind == "share")
        number = self.numbers["state", state.name]
        self.states[state.name] = StateRule(
            number,
            state.name,
            state.groups,
            axis,
            state.site,
            state.sets,
            tuple(hazards),
            tuple(timers),
            shares,
            tuple(watches),
        )
        return place

    # ---- care

    def _protocol(self, pathway: Pathway, p: Protocol) -> None:
        place = 10 * self.numbers["protocol", p.name]
        if p.while_ is not None:
            self._watch("while", pathway.name, p.name, watched(p, p.while_))
        if p.until is not None:
            self.until[p.name] = self._watch("until", pathway.name, p.name, p.until)
        for nth, start in enumerate(p.starts):
            if start.kind == "when" and start.expression is not None:
                self._watch("when", pathway.name, p.name, watched(p, start.expression))
            elif start.kind == "upon":
                self.upon.setdefault(str(start.thing), []).append(Listener("", "", None, p.name))
            elif start.kind == "during":
                self.riders.setdefault(str(start.thing), []).append(p)
            elif start.expression is not None:
                slot = (CARE, pathway.name, place, nth)
                fires = partial(care.start, name=p.name)
                between = ("", p.name)
                rule = self._hazard(slot, start.site, between, start.expression, fires, repeats=True)
                self.hazards.append(rule)
        for step in parts(p.steps, Step):
            if isinstance(step, Visit) and step.gives_up is not None:
                self.waits[step.site] = self._watch("gives_up", pathway.name, p.name, step.gives_up, step)
            elif isinstance(step, WaitUntil):
                self.waits[step.site] = self._watch("wait_until", pathway.name, p.name, step.condition, step)
        slot = (CARE, pathway.name, place, len(p.starts))
        self.protocol_slots[p.name] = slot
        self._add(slot, partial(_act_on, care.go_on, p.name), p.span)

    def _watch(
        self,
        kind: WatchKind,
        pathway: str,
        protocol: str,
        e: Expr,
        step: Step | None = None,
        leaves: Listener | None = None,
    ) -> Watch:
        number = len(self.watches)
        slot = (REFRESH, pathway, CLOCK, number)
        holds = self.dictionary.meaning(e, "trigger").value
        watch = Watch(number, slot, kind, protocol, e, holds, step, leaves)
        self.watches.append(watch)
        self._add(slot, partial(care.watch_is_due, watch=watch), e.span)
        return watch

    def qualified(self, kind: str, name: str) -> str:
        """The qualified name of the thing of a kind that `name`, qualified or bare, means. KeyError."""
        names = [known for of, known in self.numbers if of == kind]
        found = [known for known in names if known == name or known.rpartition(".")[2] == name]
        if name in found:
            return name
        if len(found) == 1:
            return found[0]
        if found:
            raise KeyError(f"{kind} {name!r} can be {', '.join(found)}")
        near = did_you_mean(name, [*names, *(known.rpartition(".")[2] for known in names)])
        raise KeyError(f"no {kind} {name!r}; {near or 'there are ' + (', '.join(names) or 'none')}")

    def _readers(self) -> dict[Fact, list[int]]:
        reads = [rule.rate.facts for rule in self.hazard_rules]
        reads += [self.dictionary.meaning(watch.expression, "trigger").facts for watch in self.watches]
        readers: dict[Fact, list[int]] = {}
        for number, facts in enumerate(reads):
            for fact in facts:
                readers.setdefault(fact, []).append(number)
        return readers


def _exit(axis: str, exit_: Exit) -> Callable[[Life], None]:
    return partial(disease.enter, axis=axis, target=exit_.target, cause=exit_.cause)


def _act_on(act: Callable[[Life, str], None], name: str, life: Life) -> None:
    act(life, name)
    life.settle()


def _pathway(name: str) -> str:
    return name.partition(".")[0]


def _first_doses(s: Scenario) -> dict[str, int]:
    """How many doses there are of the drugs before each, in the order of the files."""
    counts = accumulate((len(d.doses) for d in s.drugs), initial=0)
    return dict(zip((d.name for d in s.drugs), counts, strict=False))


def _numbers(s: Scenario) -> dict[tuple[str, str], int]:
    kinds: dict[str, list[str]] = {
        "variable": [v.name for v in s.variables],
        "axis": [axis.name for p in s.pathways for axis in p.axes],
        "state": [state.name for p in s.pathways for axis in p.axes for state in axis.states],
        "event": [event.name for p in s.pathways for event in p.events],
        "group": [
            *(group for p in s.pathways for axis in p.axes for group in axis.groups),
            *(group.name for group in s.groups),
        ],
        "condition": [c.name for c in s.conditions],
        "drug": [d.name for d in s.drugs],
        "procedure": [p.name for p in s.procedures],
        "vaccine": [v.name for v in s.vaccines],
        "plan": [p.name for p in plans(s)],
        "biomarker": [b.name for b in s.biomarkers],
        "provider": [p.name for p in s.providers],
        "protocol": [p.name for pathway in s.pathways for p in pathway.protocols],
        "discharge": list(discharges(s)),
        "panel": [p.name for p in s.panels],
    }
    numbers = {(kind, name): i for kind, names in kinds.items() for i, name in enumerate(names)}
    tests = enumerate((x.name for x in s.examinations), len(s.biomarkers))
    return numbers | {("test", name): i for i, name in tests}
