"""Axes of states and their exits; risks that other pathways `modify` are multiplied in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import partial

from sim.scenario.diagnostics import Findings, shown
from sim.scenario.distributions import piecewise
from sim.scenario.expressions import Call, Name
from sim.scenario.graphs import cycles
from sim.scenario.loader import Scalar
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
from sim.scenario.schema import Modifier, Pathway
from sim.scenario.schema import State as AuthorState
from sim.scenario.scope import SymbolKind, did_you_mean
from sim.scenario.words import PIECEWISE, THING

DEAD = "dead"
_KINDS = ("rate", "risk", "survival", "after", "share", "upon", "when")
_MODIFIABLE = ("rate", "risk", "survival", "after")
_BESIDE = {"chance": ("upon", "when"), "while": _MODIFIABLE, "times": _MODIFIABLE}
_ARROW = re.compile(r"\s*->\s*")
_SHARES_TOLERANCE = 1e-9


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
    """Reads the axes of one pathway. `drafts` holds the exits of each state until all modifiers are known."""

    def __init__(self, pathway: Pathway, reader: Reader):
        self.pathway = pathway
        self.prefix = pathway.pathway.text
        self.reader = reader
        self.findings = reader.findings
        self.drafts: dict[str, list[Draft]] = {}

    def read(self) -> None:
        for axis, states in self.pathway.disease.items():
            for name, state in states.items():
                qualified = f"{self.prefix}.{name}"
                site = f"{self.prefix}/{axis}/{name}"
                self.drafts[qualified] = self.exits(qualified, state, list(states), site)
                self.check_state(name, state)
            self.check_instant(axis, states)

    def axes(self) -> tuple[DiseaseAxis, ...]:
        """The axes, with every modifier that was added to `drafts`."""
        return tuple(
            DiseaseAxis(
                f"{self.prefix}.{axis}",
                tuple(self.state(axis, name, state) for name, state in states.items()),
            )
            for axis, states in self.pathway.disease.items()
        )

    def state(self, axis: str, name: str, author: AuthorState) -> State:
        site = f"{self.prefix}/{axis}/{name}"
        return State(
            f"{self.prefix}.{name}",
            tuple(self.assignment(variable, text, f"{site}/set") for variable, text in author.set.items()),
            self.reader.expression(author.lasts, DURATION, "draw") if author.lasts else None,
            tuple(draft.exit() for draft in self.drafts[f"{self.prefix}.{name}"]),
            site,
            author.span,
        )

    def assignment(self, name: str, text: Scalar, site: str) -> Assignment:
        variable = assigned(self.reader, name, text)
        return assignment(self.reader, variable, text, f"{site}/{variable.removeprefix(f'{self.prefix}.')}")

    # ---- exits

    def exits(self, name: str, state: AuthorState, siblings: list[str], site: str) -> list[Draft]:
        drafts = []
        for target, exits in state.exits.items():
            for nth, author in enumerate(exits, 1):
                suffix = f"/{nth}" if len(exits) > 1 else ""
                draft = self.exit(author, name, target, siblings, f"{site}/-> {target}{suffix}")
                if draft:
                    drafts.append(draft)
        return drafts

    def exit(
        self, author: AuthorExit, state: str, target: str, siblings: list[str], site: str
    ) -> Draft | None:
        kinds = [k for k in _KINDS if author.has(k)]
        if len(kinds) != 1:
            message = f"an exit has exactly one of {', '.join(_KINDS[:-1])} and {_KINDS[-1]}"
            detail = f"; this one has {' and '.join(kinds)}" if kinds else ""
            self.findings.error("exit-kind", message + detail, author.span)
            return None
        for key, beside in _BESIDE.items():
            if author.has(key) and kinds[0] not in beside:
                message = f"`{key}:` goes with {', '.join(beside[:-1])} or {beside[-1]}, not with {kinds[0]}"
                self.findings.error("misplaced-key", message, author.at(key))
        make = partial(
            Exit,
            target=self.target(target, siblings, author.span),
            cause=self.cause(author, target),
            thing=self.reader.name(author.upon, THING) if author.upon else None,
            times=None,
            chance=self.reader.probability(author.chance) if author.chance else None,
            site=site,
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
        if author.when:
            return Draft(make(kind="when", expression=self.reader.truth(author.when, "watch")), None)
        return Draft(make(kind="upon", expression=None), None)

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

    def target(self, name: str, siblings: list[str], span: Span) -> str:
        if name == DEAD or name in siblings or self.reader.is_broken(name):
            return name if name == DEAD else f"{self.prefix}.{name}"
        elsewhere = self.reader.scope.meanings(name, ("state",))
        detail = f"`{shown(name)}` is not a state of this axis"
        if elsewhere:
            detail += "; an exit leads to a state of its own axis"
        self.findings.error("unknown-state", detail, span, did_you_mean(name, [*siblings, DEAD]))
        return ""

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

    def check_instant(self, axis: str, states: dict[str, AuthorState]) -> None:
        instant = {
            name: [t for t, exits in s.exits.items() if any(e.share for e in exits)]
            for name, s in states.items()
            if not s.lasts
        }
        for path in cycles({n: [t for t in targets if t in instant] for n, targets in instant.items()}):
            message = f"these states are left at once, in a circle: {' -> '.join(path)}"
            self.findings.error("instant-cycle", message, states[path[0]].span, "give one of them a `lasts:`")


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
        drafts = [
            draft
            for disease in diseases.values()
            for state, exits in disease.drafts.items()
            for draft in exits
            if isinstance(draft.thing, Exit) and draft.thing.target == target and state in (source or [state])
        ]
        drafts = [d for d in drafts if isinstance(d.thing, Exit) and d.thing.kind not in ("upon", "when")]
    if not drafts:
        message = f"there is no rate `{shown(text.text)}` to modify"
        reader.findings.error("nothing-to-modify", message, text.span)
    return drafts
