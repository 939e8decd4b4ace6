"""The care of a pathway as it is drawn: each protocol as the tree of its steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sim.scenario import schema
from sim.scenario.loader import Scalar
from sim.scenario.names import Documents, every_step
from sim.scenario.schema import AnyStep, Modifier, Pathway
from sim.view.diagram.disease import DiseaseDrawer
from sim.view.diagram.glossary import Glossary
from sim.view.diagram.words import Label, Line, cut, lines, signs, spoken

COLUMNS = 46


@dataclass(frozen=True, slots=True)
class Acts:
    """Steps that are done one after the other, without time between them."""

    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    label: Label


@dataclass(frozen=True, slots=True)
class Frame:
    """A visit, or rounds (`kind` loop), and what is done in it; `missed` is done where it takes no place."""

    kind: str
    label: Label
    body: Block
    missed: Block = ()


@dataclass(frozen=True, slots=True)
class Fork:
    """The first of `ways` that holds is taken, or falls to one by its share; else `other`."""

    ways: tuple[Branch, ...]
    other: Block


@dataclass(frozen=True, slots=True)
class Branch:
    """What is done where a condition holds, or (`by_chance`) with a probability."""

    label: Label
    body: Block
    by_chance: bool = False


Piece = Acts | Wait | Frame | Fork
Block = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """A protocol. `starts` say when it begins, `factors` what multiplies the rate of that, `ends` when it
    ends.
    """

    name: str
    title: str
    about: str
    starts: tuple[Label, ...]
    ends: tuple[Label, ...]
    factors: tuple[Label, ...]
    steps: Block


class CareDrawer:
    """Makes the protocols of one pathway."""

    def __init__(self, documents: Documents, pathway: Pathway, glossary: Glossary) -> None:
        self.documents = documents
        self.pathway = pathway
        self.space = pathway.pathway.text
        self.glossary = glossary
        self.words = DiseaseDrawer(documents, pathway, glossary)

    def flows(self) -> tuple[Flow, ...]:
        """The protocols, in the order in which they are written."""
        return tuple(self._flow(name, protocol) for name, protocol in self.pathway.care.items())

    def _flow(self, name: str, protocol: schema.Protocol) -> Flow:
        qualified = f"{self.space}.{name}"
        starts = [self._start(start) for start in protocol.starts]
        if protocol.while_:
            starts.append(self._said("while", protocol.while_))
        starts += self._callers(name)
        if protocol.valid:
            starts.append(Label((Line(_dates(protocol.valid), "quiet"),)))
        ends = [self._said("until", protocol.until)] if protocol.until else []
        if protocol.needs:
            needed = ", ".join(f"{n} ({kind.text})" for n, kind in protocol.needs.items())
            starts.append(Label(lines(f"with {needed}", "quiet")))
        if protocol.plan:
            ends.append(Label((Line("in the record as a care plan", "quiet"),)))
        return Flow(
            qualified,
            spoken(name),
            protocol.about,
            tuple(starts),
            tuple(ends),
            tuple(self._factors(name)),
            self.block(protocol.steps),
        )

    # ---- how it starts

    def _start(self, start: schema.Start) -> Label:
        if start.upon:
            return Label((Line(spoken(start.upon.text), verb="upon"),), start.about)
        if start.during:
            return Label((Line(spoken(start.during.text), verb="during"),), start.about)
        if start.when:
            return self._said("when", start.when)
        assert start.rate
        label = self.words.label(
            signs(start.rate.written), start.rate, start.about, start.while_, columns=COLUMNS
        )
        first, *others = label.lines
        return Label((Line(first.text, verb="at a rate of"), *others), label.tip)

    def _callers(self, name: str) -> Iterator[Label]:
        for space, caller, verb in self._calls(name):
            own = spoken(caller) if space == self.space else f"{spoken(space)}: {spoken(caller)}"
            to = f"{space}.{caller}" if space == self.space else ""
            yield Label((Line(own, verb="started by" if verb == "start" else "part of", to=to),))

    def _calls(self, name: str) -> Iterator[tuple[str, str, str]]:
        """Who starts or does a protocol: pathway, protocol and verb, each once."""
        found: dict[tuple[str, str, str], None] = {}
        for pathway in self.documents.pathways:
            space = pathway.pathway.text
            for caller, protocol in pathway.care.items():
                for step in every_step(protocol.steps):
                    match step:
                        case schema.Do():
                            called, verb = step.do.text, "do"
                        case schema.StartProtocol():
                            called, verb = step.start.text, "start"
                        case _:
                            continue
                    if self._is_own(called, space, name):
                        found[space, caller, verb] = None
        yield from found

    def _is_own(self, called: str, space: str, name: str) -> bool:
        """Whether what a pathway calls so is the protocol `name` of this one."""
        if "." in called:
            return called == f"{self.space}.{name}"
        if called != name:
            return False
        if space == self.space:
            return True
        theirs = next(p for p in self.documents.pathways if p.pathway.text == space)
        return name not in theirs.care

    def _factors(self, name: str) -> Iterator[Label]:
        for pathway in self.documents.pathways:
            for modifier in pathway.modifies:
                if modifier.rate and self._is_own(modifier.rate.text, pathway.pathway.text, name):
                    yield self._factor(modifier, pathway)

    def _factor(self, modifier: Modifier, pathway: Pathway) -> Label:
        return self.words.factor_label(modifier, pathway.pathway.text)

    # ---- steps

    def block(self, steps: Sequence[AnyStep]) -> Block:
        """Steps as pieces; those that take no time and have none inside stand together."""
        pieces: list[Piece] = []
        for step in steps:
            if step.valid and isinstance(step, schema.If | schema.Choose | schema.Every | schema.At):
                found: Piece = Fork((Branch(Label((Line(_dates(step.valid)),)), (self._piece(step),)),), ())
            else:
                found = self._piece(step)
            if isinstance(found, Acts) and pieces and isinstance(pieces[-1], Acts):
                pieces[-1] = Acts(pieces[-1].labels + found.labels)
            else:
                pieces.append(found)
        return tuple(pieces)

    def _piece(self, step: AnyStep) -> Piece:
        match step:
            case schema.Visit():
                return Frame("visit", self._visit(step), self.block(step.steps), self.block(step.missed))
            case schema.Every():
                return Frame("loop", self._every(step), self.block(step.steps))
            case schema.At():
                after = f", after {spoken(step.counted_from.text)}" if step.counted_from else ""
                times = ", ".join(signs(time.written) for time in step.at_)
                return Frame(
                    "loop", self._titled(step, "at", f"{times}{after}", step.at_), self.block(step.steps)
                )
            case schema.Wait():
                return Wait(self._titled(step, "wait", signs(step.wait.written), [step.wait]))
            case schema.WaitUntil():
                most = f", at most {signs(step.at_most.written)}" if step.at_most else ""
                return Wait(
                    self._titled(
                        step, "wait until", f"{signs(step.wait_until.written)}{most}", [step.wait_until]
                    )
                )
            case schema.If():
                way = Branch(self._said("", step.if_, step), self.block(step.then))
                return Fork((way,), self.block(step.else_))
            case schema.Choose():
                return self._choose(step)
            case _:
                return Acts((self._act(step),))

    def _choose(self, step: schema.Choose) -> Fork:
        ways, other = [], Block()
        for branch in step.choose:
            if branch.otherwise is not None:
                other = self.block(branch.otherwise)
            elif branch.share:
                text = "the rest" if branch.share.text == "rest" else signs(branch.share.written)
                tip = [text, *self.glossary.explained(branch.share.written, self.space)]
                line = Line(cut(text, 30, 1)[0], note=self.glossary.note(branch.share.written, self.space))
                ways.append(Branch(Label((line,), "\n".join(tip)), self.block(branch.then or ()), True))
            elif branch.if_:
                ways.append(Branch(self._said("", branch.if_), self.block(branch.then or ())))
        return Fork(tuple(ways), other)

    def _said(self, verb: str, text: Scalar, step: AnyStep | None = None) -> Label:
        """An expression behind a word."""
        whole = signs(text.written)
        first, *others = cut(whole, 34, 4)
        shown = [Line(first, verb=verb), *(Line(other) for other in others)]
        tip = [step.about] if step and step.about else []
        tip += [f"{verb} {whole}".strip(), *self.glossary.explained(text.written, self.space)]
        if step and step.chance:
            shown.append(Line(f"chance {signs(step.chance.written)}", "quiet"))
        return Label(tuple(shown), "\n".join(tip))

    def _titled(self, step: AnyStep, verb: str, whole: str, texts: Iterable[Scalar]) -> Label:
        """A verb and what it is about, with what every step may have."""
        first, *others = cut(whole, COLUMNS, 3)
        shown = [Line(first, verb=verb), *(Line(other) for other in others), *self._conditions(step)]
        texts = [*texts, *([step.chance] if step.chance else [])]
        names = dict.fromkeys(x for t in texts for x in self.glossary.explained(t.written, self.space))
        about = [step.about] if step.about else []
        return Label(tuple(shown), "\n".join([*about, f"{verb} {whole}", *names]))

    def _conditions(self, step: AnyStep) -> Iterator[Line]:
        """When a step is done, and how probably."""
        if step.chance:
            yield from self._option("chance", step.chance)
        if step.valid:
            yield Line(_dates(step.valid), "quiet")

    def _option(self, key: str, text: Scalar, more: str = "") -> Iterator[Line]:
        whole = [f"{key} {signs(text.written)}", self.glossary.note(text.written, self.space), more]
        yield from lines(" ".join(part for part in whole if part), "quiet", COLUMNS + 4, 3)

    def _visit(self, step: schema.Visit) -> Label:
        shown = [
            Line(
                spoken(step.visit.text),
                verb="visit",
                note=f"for {spoken(step.reason.text)}" if step.reason else "",
            )
        ]
        texts: list[Scalar] = []
        for key, text in (
            ("lasts", step.lasts),
            ("attended with probability", step.attend),
            ("priority", step.priority),
            ("gives up when", step.gives_up),
        ):
            if text:
                shown += self._option(key, text)
                texts.append(text)
        if step.rebook:
            shown += self._option("else again after", step.rebook.after, _times(step.rebook.times))
        shown += (
            Line(f"discharged to {spoken(place)}: {signs(text.written)}", "quiet")
            for place, text in step.discharge.items()
        )
        shown += self._conditions(step)
        tip = [step.about] if step.about else []
        tip.append(f"visit {step.visit.text}")
        texts += [step.chance] if step.chance else []
        tip += dict.fromkeys(
            x for t in texts for x in [signs(t.written), *self.glossary.explained(t.written, self.space)]
        )
        return Label(tuple(shown), "\n".join(tip))

    def _every(self, step: schema.Every) -> Label:
        label = self._titled(step, "every", signs(step.every.written), [step.every])
        shown = list(label.lines)
        if step.first:
            shown += self._option("first", step.first)
        if step.until:
            shown += self._option("until", step.until)
        if step.at_most is not None:
            shown.append(Line(_times(step.at_most), "quiet"))
        return Label(tuple(shown), label.tip)

    def _act(self, step: AnyStep) -> Label:
        """A step that takes no time, in one line or two."""
        verb, whole, note, to = _words(step)
        if to:
            own = to in self.pathway.care or to.startswith(f"{self.space}.")
            to = (to if "." in to else f"{self.space}.{to}") if own else ""
        notes = [note] if note else []
        tip = [step.about] if step.about else []
        if step.chance:
            value = self.glossary.note(step.chance.written, self.space)
            notes.append(f"chance {cut(signs(step.chance.written), 40, 1)[0]} {value}".rstrip())
            tip += [
                f"chance {signs(step.chance.written)}",
                *self.glossary.explained(step.chance.written, self.space),
            ]
        if step.valid:
            notes.append(_dates(step.valid))
        first, *others = cut(whole, COLUMNS, 4)
        beside = not others and len(first) + len(", ".join(notes)) < COLUMNS
        shown = [Line(first, verb=verb, to=to, note=", ".join(notes) if beside else "")]
        shown += (Line(f"  {other}") for other in others)
        if notes and not beside:
            shown += (Line(f"  {line}", "quiet") for line in cut(", ".join(notes), COLUMNS + 6, 3))
        return Label(tuple(shown), "\n".join(tip))


def _words(step: AnyStep) -> tuple[str, str, str, str]:
    """Of a step its verb, what it is about, what stands behind that, and the protocol that it leads to."""
    match step:
        case schema.Test():
            return "test", ", ".join(spoken(name.text) for name in step.test), "", ""
        case schema.Diagnose():
            return "diagnose", spoken(step.diagnose.text), _told("resolves", step.resolves), ""
        case schema.Resolve():
            return "resolve", spoken(step.resolve.text), "", ""
        case schema.Prescribe():
            return "prescribe", spoken(step.prescribe.text), _supply(step), ""
        case schema.Switch():
            return "switch", f"{spoken(step.switch.text)} to {spoken(step.to.text)}", _supply(step), ""
        case schema.StepUp():
            return "step up", spoken(step.step_up.text), _supply(step), ""
        case schema.StepDown():
            return "step down", spoken(step.step_down.text), _supply(step), ""
        case schema.Increase():
            return "increase", spoken(step.increase.text), "", ""
        case schema.Decrease():
            return "decrease", spoken(step.decrease.text), "", ""
        case schema.Stop():
            return "stop", spoken(step.stop.text), "", ""
        case schema.Perform():
            return "perform", spoken(step.perform.text), "", ""
        case schema.Vaccinate():
            return "vaccinate", spoken(step.vaccinate.text), "", ""
        case schema.Record():
            return "record", spoken(step.record.text), signs(step.value.written), ""
        case schema.Do():
            return "do", spoken(step.do.text), _with(step.with_), step.do.text
        case schema.StartProtocol():
            return "start", spoken(step.start.text), _with(step.with_), step.start.text
        case schema.Set():
            values = ", ".join(f"{spoken(name)} to {signs(text.written)}" for name, text in step.set.items())
            return "set", values, "", ""
    raise TypeError(f"no words for {type(step).__name__}")


def _told(word: str, text: Scalar | None) -> str:
    return f"{word} {signs(text.written)}" if text else ""


def _supply(step: schema.Prescribe | schema.Switch | schema.StepUp | schema.StepDown) -> str:
    dose = step.dose if isinstance(step, schema.Prescribe | schema.Switch) else None
    refills = _told("refills", step.refills) if step.refills and step.refills.text != "until stopped" else ""
    if step.refills and step.refills.text == "until stopped":
        refills = "until stopped"
    parts = [_told("", dose).strip(), _told("for", step.for_), refills]
    return ", ".join(part for part in parts if part)


def _times(most: int | None) -> str:
    return "" if most is None else "at most once" if most == 1 else f"at most {most} times"


def _with(values: dict[str, Scalar]) -> str:
    return ", ".join(f"{spoken(name)}: {signs(text.written)}" for name, text in values.items())


def _dates(valid: schema.Valid) -> str:
    parts = [f"from {valid.from_.text}" if valid.from_ else "", f"to {valid.to.text}" if valid.to else ""]
    return " ".join(part for part in parts if part)
