"""Axes of states and their exits; risks that other pathways `modify` are multiplied in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import partial

from sim.scenario.diagnostics import Findings, shown
from sim.scenario.distributions import piecewise
from sim.scenario.expressions import Call, Name
from sim.scenario.graphs import cycles
from sim.scenario.loader import Scalar, place
from sim.scenario.model import (
    DURATION,
    NUMBER,
    RATE,
    SOJOURNS,
    TRUTH,
    Assignment,
    DiseaseAxis,
    Event,
    Exit,
    Expr,
    Span,
    Start,
    State,
)
from sim.scenario.probabilities import hazard_of_risk, hazard_of_survival
from sim.scenario.reader import BROKEN, Reader, part_of
from sim.scenario.schema import Event as AuthorEvent
from sim.scenario.schema import Exit as AuthorExit
from sim.scenario.schema import Modifier, Pathway, states_alone, states_and_groups
from sim.scenario.schema import State as AuthorState
from sim.scenario.scope import SymbolKind, did_you_mean
from sim.scenario.words import PIECEWISE, THING

DEAD = "dead"
_MODIFIABLE = ("rate", "risk", "survival", "after")
_BESIDE = {"chance": ("upon", "when"), "while": _MODIFIABLE, "times": _MODIFIABLE}
_ARROW = re.compile(r"\s*->\s*")
_SHARES_TOLERANCE = 1e-9

Way = tuple[str, AuthorExit]
"""An exit as written: where it leads, and the rest."""


@dataclass
class Hazard:
    """A rate, or a factor on the hazard of an `after`, while modifiers are being collected."""

    base: Expr | None  # None: a factor of 1
    condition: Expr | None
    factors: list[Expr] = field(default_factory=list)

    def expression(self) -> Expr | None:
        """condition? base x factors : 0. Nothing but the condition is read where it is false."""
        product = self.base
        for factor in self.factors:
            product = factor if product is None else multiplied(product, factor)
        if self.condition is None:
            return product
        return otherwise(self.condition, product or Expr("const", (), 1.0), 0.0)


def multiplied(product: Expr, factor: Expr) -> Expr:
    return Expr("mul", (product, factor), None, RATE if product.type == RATE else NUMBER, product.span)


def otherwise(condition: Expr, then: Expr, value: float) -> Expr:
    """`then if condition else value`."""
    of = NUMBER if then.type == TRUTH else then.type
    return Expr("if", (condition, then, Expr("const", (), value, of, then.span)), None, of, then.span)


@dataclass
class Draft:
    """An exit, a start or an event that modifiers may still act on."""

    thing: Exit | Start | Event
    hazard: Hazard | None

    def exit(self) -> Exit:
        assert isinstance(self.thing, Exit)
        if self.hazard is None:
            return self.thing
        e = self.hazard.expression()
        if self.thing.kind == "rate":
            return replace(self.thing, expression=e)
        return replace(self.thing, times=e)

    def start(self) -> Start:
        assert isinstance(self.thing, Start)
        return replace(self.thing, expression=self.hazard.expression()) if self.hazard else self.thing

    def event(self) -> Event:
        assert isinstance(self.thing, Event)
        assert self.hazard
        return replace(self.thing, rate=self.hazard.expression() or self.thing.rate)


class DiseaseReader:
    """Reads the axes of one pathway. `drafts` holds the exits of each state until all modifiers are known,
    `members` the states in each group.
    """

    def __init__(self, pathway: Pathway, reader: Reader):
        self.pathway = pathway
        self.prefix = pathway.pathway.text
        self.reader = reader
        self.findings = reader.findings
        self.drafts: dict[str, list[Draft]] = {}
        self.members: dict[str, set[str]] = {}

    def read(self) -> None:
        for axis, states in self.pathway.disease.items():
            entries = {
                name: next((first for first, _, _ in states_alone(state.states)), name)
                for name, state in states_and_groups(states)
            }
            self.read_states(axis, states, entries, [])
            for name, _, groups in states_alone(states):
                for group in groups:
                    self.members.setdefault(f"{self.prefix}.{group}", set()).add(f"{self.prefix}.{name}")
            self.check_instant(states, entries)

    def read_states(
        self, axis: str, states: dict[str, AuthorState], entries: dict[str, str], inherited: list[Way]
    ) -> None:
        """Read the exits of states side by side. `entries` is the state that is entered by each name of the
        axis; `inherited` are the exits of the groups around them, which each state has as its own.
        """
        for name, state in states.items():
            ways = self.ways(state, entries)
            if state.has("states"):
                self.check_group(name, state)
            if state.states:
                self.read_states(axis, state.states, entries, ways + inherited)
                continue
            self.check_state(name, state)
            if not left_at_once(state):
                ways += inherited
            qualified = f"{self.prefix}.{name}"
            drafts = [self.exit(author, qualified, target, entries) for target, author in ways]
            found = [draft for draft in drafts if draft]
            self.drafts[qualified] = apart(found, f"{self.prefix}/{axis}/{name}")

    def axes(self) -> tuple[DiseaseAxis, ...]:
        """The axes, with every modifier that was added to `drafts`."""
        return tuple(
            DiseaseAxis(
                f"{self.prefix}.{axis}",
                tuple(self.state(axis, *state) for state in {s[0]: s for s in states_alone(states)}.values()),
            )
            for axis, states in self.pathway.disease.items()
        )

    def state(self, axis: str, name: str, author: AuthorState, groups: tuple[str, ...]) -> State:
        site = f"{self.prefix}/{axis}/{name}"
        entering = self.reader.entering(f"{self.prefix}.{axis}")
        return State(
            f"{self.prefix}.{name}",
            tuple(f"{self.prefix}.{group}" for group in groups),
            tuple(
                self.assignment(entering, variable, text, f"{site}/set")
                for variable, text in author.set.items()
            ),
            self.reader.expression(author.lasts, DURATION, "draw") if author.lasts else None,
            tuple(draft.exit() for draft in self.drafts[f"{self.prefix}.{name}"]),
            site,
            author.span,
        )

    def assignment(self, reader: Reader, name: str, text: Scalar, site: str) -> Assignment:
        variable = assigned(reader, name, text)
        return assignment(reader, variable, text, f"{site}/{variable.removeprefix(f'{self.prefix}.')}")

    # ---- exits

    def ways(self, state: AuthorState, entries: dict[str, str]) -> list[Way]:
        """The exits as written."""
        written: dict[str, str] = {}
        for target, exits in state.exits.items():
            node = state.exits_node[target]
            if node == []:  # else what it holds is broken, and has been reported
                message = f"`-> {target}` holds no exit"
                fix = f"-> {target}: {{rate: 0.1 per year}}"
                self.findings.error("exit-kind", message, place(node), fix)
            self.check_target(target, entries, place(node))
            entered = entries.get(target, target)
            if entered in written:
                message = f"`-> {target}` and `-> {written[entered]}` both enter `{entered}`"
                fix = "put both in a list under one key"
                self.findings.error("two-ways", message, exits[0].span if exits else state.span, fix)
            written[entered] = target
        return [(target, author) for target, exits in state.exits.items() for author in exits]

    def exit(self, author: AuthorExit, state: str, target: str, entries: dict[str, str]) -> Draft | None:
        """The exit of a state, not yet with a stream."""
        kinds = [k for k in author.one_of if author.has(k)]
        if len(kinds) != 1:
            message = f"an exit has exactly one of {', '.join(author.one_of[:-1])} and {author.one_of[-1]}"
            detail = f"; this one has {' and '.join(kinds)}" if kinds else ""
            self.findings.error("exit-kind", message + detail, author.span)
            return None
        for key, beside in _BESIDE.items():
            if author.has(key) and kinds[0] not in beside:
                message = f"`{key}:` goes with {', '.join(beside[:-1])} or {beside[-1]}, not with {kinds[0]}"
                self.findings.error("misplaced-key", message, author.at(key))
        make = partial(
            Exit,
            target=self.target(target, entries),
            cause=self.cause(author, target),
            thing=self.reader.name(author.upon, THING) if author.upon else None,
            times=None,
            chance=None,
            site="",
            span=author.span,
        )
        rate = self.rate(author)
        if rate:
            return Draft(make(kind="rate", expression=rate), hazard_of(self.reader, author, rate))
        if author.after:
            syntax = self.reader.syntax(author.after)
            if isinstance(syntax, Call) and syntax.function.name == PIECEWISE:
                pieces = self.pieces(syntax, Name(state, syntax.span))
                return Draft(make(kind="rate", expression=pieces), hazard_of(self.reader, author, pieces))
            after = self.reader.checked(syntax, DURATION, "draw") if syntax else BROKEN
            if after.op == "draw" and after.value in SOJOURNS:
                return Draft(make(kind="after", expression=after), hazard_of(self.reader, author, None))
            self.check_fixed(author)
            return Draft(make(kind="fixed", expression=after), None)
        if author.share:
            return Draft(make(kind="share", expression=self.reader.share(author.share)), None)
        chance = self.reader.probability(author.chance) if author.chance else None
        if author.when:
            when = self.reader.truth(author.when, "watch")
            return Draft(make(kind="when", expression=when, chance=chance), None)
        return Draft(make(kind="upon", expression=chance), None)

    def rate(self, author: AuthorExit) -> Expr | None:
        """The rate of an exit that has one by itself, however it is written."""
        if author.rate:
            rate = self.reader.expression(author.rate, RATE, "rate")
            check_rate(self.reader, rate, author.rate.span)
            return rate
        if author.risk:
            return hazard_of_risk(self.reader, author.risk)
        return hazard_of_survival(self.reader, author.survival) if author.survival else None

    def pieces(self, call: Call, state: Name) -> Expr:
        """The rate of a `piecewise` hazard, or `BROKEN`."""
        rate = self.findings.attempt(lambda: piecewise(call, state))
        return BROKEN if rate is None else self.reader.checked(rate, RATE, "rate")

    def target(self, name: str, entries: dict[str, str]) -> str:
        return name if name == DEAD else f"{self.prefix}.{entries.get(name, name)}"

    def check_target(self, name: str, entries: dict[str, str], span: Span) -> None:
        if name == DEAD or name in entries or self.reader.is_broken(name):
            return
        elsewhere = self.reader.scope.meanings(name, ("state",))
        detail = f"`{shown(name)}` is not a state of this axis"
        if elsewhere:
            detail += "; an exit leads to a state of its own axis"
        self.findings.error("unknown-state", detail, span, did_you_mean(name, [*entries, DEAD]))

    def cause(self, author: AuthorExit, target: str) -> str | None:
        if author.cause is None:
            if target == DEAD:
                message = "`-> dead` needs a `cause:` that is a condition"
                self.findings.error("no-cause", message, author.span, "cause: a condition")
            return None
        if target != DEAD:
            self.findings.error("misplaced-key", "only `-> dead` has a cause", author.at("cause"))
        return self.reader.name(author.cause, ("condition",))

    def check_fixed(self, author: AuthorExit) -> None:
        for key in ("while", "times"):
            if author.has(key):
                message = f"`{key}:` acts on a hazard, which only {', '.join(SOJOURNS)} have"
                self.findings.error("fixed-time", message, author.at(key))

    # ---- what a state needs as a whole

    def check_state(self, name: str, author: AuthorState) -> None:
        exits = [exit_ for several in author.exits.values() for exit_ in several]
        shares = [e for e in exits if e.share is not None]
        others = [e for e in exits if e.share is None]
        if author.lasts and not shares:
            message = f"`{name}` lasts a while, and then has nowhere to go"
            self.findings.error("no-shares", message, author.at("lasts"), "-> x: {share: 1}")
        if shares and not author.lasts and others:
            message = f"`{name}` has shares and no `lasts`, so it is left at once: this exit never happens"
            self.findings.error("unreachable-exit", message, others[0].span, "give the state a `lasts:`")
        if shares:
            texts = [e.share for e in shares if e.share]
            check_shares(self.reader, texts, author.span, f"the shares of `{name}`")

    def check_group(self, name: str, author: AuthorState) -> None:
        written = author.node["states"]
        if isinstance(written, Scalar) or not written:
            message = f"the group `{name}` has no states"
            self.findings.error("empty-group", message, author.at("states"), "states: {a: ..., b: ...}")
        for key in ("lasts", "set"):
            if author.has(key):
                message = f"`{key}:` belongs to a state, and `{name}` is a group of states"
                self.findings.error("misplaced-key", message, author.at(key), "write it in its states")
        for exit_ in (e for exits in author.exits.values() for e in exits if e.share is not None):
            message = f"a share ends the `lasts:` of a state, and `{name}` is a group of states"
            self.findings.error("misplaced-key", message, exit_.at("share"), "write it in its states")
        inside = [state for _, state, _ in states_alone(author.states)]
        if author.exits and inside and all(map(left_at_once, inside)):
            message = f"every state of `{name}` is left at once, so this exit never happens"
            span = next(e.span for exits in author.exits.values() for e in exits)
            self.findings.error("unreachable-exit", message, span, "give one of them a `lasts:`")

    def check_instant(self, states: dict[str, AuthorState], entries: dict[str, str]) -> None:
        instant = {
            name: [entries.get(t, t) for t, exits in s.exits.items() if any(e.share for e in exits)]
            for name, s, _ in states_alone(states)
            if not s.lasts
        }
        spans = {name: s.span for name, s in states_and_groups(states)}
        for path in cycles({n: [t for t in targets if t in instant] for n, targets in instant.items()}):
            message = f"these states are left at once, in a circle: {' -> '.join(path)}"
            self.findings.error("instant-cycle", message, spans[path[0]], "give one of them a `lasts:`")


def left_at_once(author: AuthorState) -> bool:
    return not author.lasts and any(e.share for exits in author.exits.values() for e in exits)


def apart(drafts: list[Draft], site: str) -> list[Draft]:
    """The exits of one state, those to one place side by side, each with a stream of its own."""
    to: dict[str, list[Draft]] = {}
    for draft in drafts:
        assert isinstance(draft.thing, Exit)
        to.setdefault(f"{site}/-> {draft.thing.target.rpartition('.')[2]}", []).append(draft)
    return [
        replace(draft, thing=replace(draft.thing, site=f"{way}/{nth}" if len(several) > 1 else way))
        for way, several in to.items()
        for nth, draft in enumerate(several, 1)
    ]


def hazard_of(reader: Reader, author: AuthorExit | AuthorEvent, base: Expr | None) -> Hazard:
    condition = reader.truth(author.while_, "rate") if author.while_ else None
    factors = [reader.expression(author.times, NUMBER, "rate")] if author.times else []
    return Hazard(base, condition, factors)


def assigned(reader: Reader, name: str, text: Scalar) -> str:
    """The qualified variable that `name: text` of a `set` assigns to, or ""."""
    place = text.key or text.span
    return reader.name(Scalar(name, name, place, name, place), ("variable",))


def assignment(reader: Reader, variable: str, text: Scalar, site: str) -> Assignment:
    """`text`, to be assigned to a qualified variable."""
    known = [s for s in reader.scope.meanings(variable, ("variable",)) if s.name == variable]
    return Assignment(variable, reader.expression(text, known[0].type if known else None, "draw"), site)


def check_rate(reader: Reader, e: Expr, span: Span) -> None:
    value = reader.known(e)
    if value is not None and value < 0:
        reader.findings.error("negative-rate", "this rate is below zero", span)


def check_shares(
    reader: Reader, shares: list[Scalar], span: Span, what: str, exhaustive: bool = True
) -> None:
    """Shares must add up to 1, by one `rest` or exactly; to less only where they are not `exhaustive`.

    Shares that depend on the patient are left to the run.
    """
    rests = [s for s in shares if s.text == "rest"]
    if len(rests) > 1:
        reader.findings.error("two-rests", f"{what} have more than one `rest`", rests[1].span)
        return
    known: list[float] = []
    for share in shares:
        if share.text == "rest":
            continue
        silent = Reader(reader.scope, Findings(), reader.values, set())
        value = silent.known(silent.expression(share, NUMBER, "condition"))
        if value is None or not 0.0 <= value <= 1.0 or silent.findings.diagnostics:
            return
        known.append(value)
    total = sum(known)
    too_little = exhaustive and not rests and total < 1 - _SHARES_TOLERANCE
    if too_little or total > 1 + _SHARES_TOLERANCE:
        fix = "make the last one `rest`" if total < 1 else ""
        reader.findings.error("shares-sum", f"{what} add up to {total:.10g}, not to 1", span, fix)


# ---- modifies


def apply_modifier(
    modifier: Modifier, reader: Reader, diseases: dict[str, DiseaseReader], repeated: dict[str, list[Draft]]
) -> None:
    """Multiply a modifier into every rate it names. `repeated` are the starts of each protocol, and the
    events.
    """
    if modifier.biomarker is not None:
        return
    if modifier.rate is None:
        message = "`rate:` or `biomarker:` is missing here"
        reader.findings.error("missing-key", message, modifier.span)
    elif modifier.has("add"):
        message = "`add:` moves a biomarker; a rate is only multiplied"
        reader.findings.error("misplaced-key", message, modifier.at("add"), "times: a factor")
    elif modifier.times is None:
        reader.findings.error("missing-key", "`times:` is missing here", modifier.span)
    if modifier.rate is None or modifier.times is None:
        return
    factor = reader.expression(modifier.times, NUMBER, "rate")
    if modifier.while_:
        factor = otherwise(reader.truth(modifier.while_, "rate"), factor, 1.0)
    text = modifier.rate
    for draft in _modified(text, reader, diseases, repeated):
        if draft.hazard is not None:
            draft.hazard.factors.append(factor)
            continue
        assert isinstance(draft.thing, Exit)
        message = {
            "share": "a share cannot be modified; only rates, and `after` with a hazard",
            "fixed": f"this `after` has no hazard to modify; {', '.join(SOJOURNS)} have one",
        }[draft.thing.kind]
        where = f"the exit on line {draft.thing.span.line} of {draft.thing.span.file}"
        reader.findings.error("fixed-time", f"{message} ({where})", text.span)


def _modified(
    text: Scalar, reader: Reader, diseases: dict[str, DiseaseReader], repeated: dict[str, list[Draft]]
) -> list[Draft]:
    ends = _ARROW.split(text.written)
    if len(ends) > 2 or not all(ends):
        message = "a rate is named `state`, `state -> state` or by its event or protocol"
        reader.findings.error("bad-modifier", message, text.span)
        return []
    kinds: tuple[SymbolKind, ...] = ("state", "event", "protocol") if len(ends) == 1 else ("state",)
    names = [DEAD if end == DEAD else reader.name(part_of(text, end), kinds) for end in ends]
    if not all(names):
        return []
    *source, target = names
    if target in repeated:
        drafts = [d for d in repeated[target] if d.hazard]
    else:
        members = {group: states for d in diseases.values() for group, states in d.members.items()}
        into = members.get(target, {target})
        inside = members.get(target, set())  # moving about in a group is not entering it
        drafts = [
            draft
            for disease in diseases.values()
            for state, exits in disease.drafts.items()
            for draft in exits
            if isinstance(draft.thing, Exit) and draft.thing.target in into
            if (state in members.get(source[0], source) if source else state not in inside)
        ]
        drafts = [d for d in drafts if isinstance(d.thing, Exit) and d.thing.kind not in ("upon", "when")]
    if not drafts:
        message = f"there is no rate `{shown(text.text)}` to modify"
        reader.findings.error("nothing-to-modify", message, text.span)
    return drafts
