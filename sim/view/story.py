"""The story of one life as text: a happening a line, its reasons below it, indented."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator

import click

from sim.agents.explain import Answer, HazardNow, Names, Part, duration, number
from sim.agents.happenings import (
    Amount,
    Behaved,
    Chance,
    Done,
    During,
    Elapsed,
    Ended,
    Entered,
    Fired,
    Happening,
    Leaves,
    Reached,
    Reason,
    Shares,
    Turned,
    Upon,
    VisitOver,
)
from sim.agents.moment import Moment, ProtocolNow
from sim.agents.story import Story
from sim.scenario.model import DAYS_PER_YEAR, RATE
from sim.scenario.units import date_from_days

RECORDED, TRUTH, NOWHERE = "●", "○", "·"
LEGEND = f"{RECORDED} in the record   {TRUTH} in the truth alone   {NOWHERE} in no table"
MARGIN = 20  # columns of date, age and mark
WAITS = {
    "wait": "waits {}, to {}",
    "round": "next round in {}, on {}",
    "turn": "its turn is in {}, on {}",
    "rebook": "asks again in {}, on {}",
    "lasts": "the visit lasts {}, to {}",
    "time": "next time in {}, on {}",
    "result": "the result takes {}, to {}",
}
LOUD = ("state", "death")


def lines(story: Story, width: int, color: bool) -> Iterator[str]:
    """The whole story, in lines of `width` columns where that is possible."""
    yield from [*_wrapped(_heading(story), width), LEGEND, ""]
    yield from _Page(story, width, color).lines()


def moment_lines(story: Story, moment: Moment, width: int) -> Iterator[str]:
    """What is so, and under way, at the moment that was asked for."""
    yield from [*_wrapped(_heading(story), width), ""]
    yield from _Now(story, moment, width).lines()


def no_moment(story: Story) -> str:
    """Why the life has no such moment."""
    begins = f"begins at {_years(story.entry)}" if story.entry else "begins at birth"
    ends = "death" if story.died else "the window's end"
    return f"the life of patient {story.patient} {begins} and is lived to {_years(story.ends)}, {ends}"


def _wrapped(lines: list[str], width: int, indent: str = "") -> list[str]:
    return [
        piece
        for line in lines
        for piece in textwrap.wrap(
            line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
    ]


def _heading(story: Story) -> list[str]:
    from_, to = story.scenario.window
    born = date_from_days(story.birth)
    lines = [f"patient {story.patient}, {story.sex}, born {born}; {story.scenario.name}, seed {story.seed}"]
    if story.absent:
        lines.append(f"in no table, as one {story.absent}, {date_from_days(from_)} to {date_from_days(to)}")
    else:
        begins = max(from_, story.birth + story.entry)
        end = f"dies at {_years(story.ends)}" if story.died else f"alive at the end, at {_years(story.ends)}"
        lines.append(f"in the record from {date_from_days(begins)}, at {_years(begins - story.birth)}; {end}")
    if story.attempts > 1:
        lines.append(f"life number {story.attempts}: those before do not belong to this population")
    return lines


def _years(days: float) -> str:
    return f"{days / DAYS_PER_YEAR:.1f}"


class _Page:
    """Happenings in lines. What a protocol does stands below its start, further in."""

    def __init__(self, story: Story, width: int, color: bool) -> None:
        self.story, self.names, self.width, self.color = story, story.names, width, color
        self.depths: dict[str, int] = {}

    def lines(self) -> Iterator[str]:
        day, before = "", None
        for happening in self.story.happenings:
            depth = self.depth(happening)
            if self.goes_without_saying(happening):
                continue
            date = date_from_days(math.floor(self.story.birth + happening.time))
            margin = f"{date} {happening.age:6.1f}" if date != day else ""
            day = date
            mark = RECORDED if happening.recorded else NOWHERE if happening.row is None else TRUTH
            indent = " " * MARGIN + "  " * depth
            line = f"{margin:{MARGIN - 2}}{mark} {'  ' * depth}{told(happening, self.names)}"
            line += place(happening, self.names)
            yield from self.styled(_wrapped([line], self.width, indent + "  "), happening.kind in LOUD)
            if happening.kind == "death" and before and before.kind == "state":
                continue  # who died of it is told already
            before = happening
            for reason in reasons(happening, self.names):
                wrapped = _wrapped([f"{indent}    {reason}"], self.width, f"{indent}      ")
                yield from (click.style(piece, dim=True) if self.color else piece for piece in wrapped)

    def styled(self, lines: list[str], loud: bool) -> list[str]:
        return [click.style(line, bold=True) for line in lines] if self.color and loud else lines

    def depth(self, happening: Happening) -> int:
        """How far in a happening stands."""
        if happening.kind == "start":
            caller = happening.facts["caller"]
            self.depths[happening.what] = 0 if caller is None else self.depths.get(caller, 0) + 1
            return self.depths[happening.what]
        if happening.kind == "end":
            return self.depths.get(happening.what, 0)
        inside = next((r.protocol for r in happening.reasons if isinstance(r, Reached)), None)
        return 0 if inside is None else self.depths.get(inside, 0) + 1

    @staticmethod
    def goes_without_saying(happening: Happening) -> bool:
        """A protocol that comes to its end within another; a visit that is over when it begins."""
        match happening.kind:
            case "end":
                return any(isinstance(reason, Done) for reason in happening.reasons)
            case "visit over":
                lasted: Amount = happening.facts["lasted"]
                return lasted.value == 0.0 and not happening.facts["discharge"]
        return False


# ---- happenings


def told(happening: Happening, names: Names) -> str:
    """A happening in a line."""
    what, facts = names[happening.what], happening.facts
    match happening.kind:
        case "redrawn":
            return "a life was seen here not to belong to this population, and was drawn again"
        case "born":
            return f"born, {what}"
        case "enters":
            return "enters the population; nothing went on before"
        case "record begins":
            return "the record begins"
        case "carried over":
            return f"into the record: {what}, since {facts['since'].shown}"
        case "variable":
            return f"{what} is {facts['value'].shown}"
        case "state":
            return _state(what, facts["left"], facts["entered"], facts["stays"], names)
        case "event":
            return f"{what} happens"
        case "death":
            return f"dies of {what}" if what else "dies of other causes"
        case "start":
            return f"{what} starts"
        case "runs already":
            return f"{what} is to start, but runs already: nothing is done"
        case "not valid":
            start, end = facts["dates"]
            dates = [f"from {start.shown}"] * (start is not None) + [f"to {end.shown}"] * (end is not None)
            return f"{what} is to start, but is valid {' '.join(dates)} alone: nothing is done"
        case "end":
            return f"{what} ends"
        case "if":
            answer: Answer = facts["answer"]
            return f"if: {_yes(answer.holds)}, as {_because(answer)}"
        case "choose":
            return f"chooses: {facts['taken']}"
        case "left out":
            return f"not done: {what}"
        case "wait":
            return WAITS[facts["purpose"]].format(facts["lasts"].shown, facts["until"].shown)
        case "wait until":
            most = f", to {facts['until'].shown} at most" if facts["until"] else ""
            return f"waits until {facts['answer'].text}{most}"
        case "waited":
            held: Answer = facts["answer"]
            return f"goes on, as {_because(held)}" if held.holds else "has waited long enough"
        case "too late":
            return f"left out: {what}, which was on {facts['until'].shown}"
        case "rounds over":
            rounds = facts["rounds"]
            return f"no more rounds, after {rounds}"
        case "ask":
            priority: Part | None = facts["priority"]
            return f"asks for a visit to {what}" + (f", priority {priority.shown}" if priority else "")
        case "appointment":
            waited = f", after waiting {facts['waited'].shown}" if facts["waited"].value else ""
            return f"{what}: {facts['outcome']}{waited}"
        case "visit":
            reason = facts["reason"]
            return f"visits {what}" + (f" for {names[reason]}" if reason else "")
        case "visit over":
            discharged = f", discharged to {facts['discharge']}" if facts["discharge"] else ""
            return f"the visit to {what} is over after {facts['lasted'].shown}{discharged}"
        case "test":
            return _test(what, happening)
        case "examine":
            result: Amount = facts["result"]
            truth = "positive" if result.value else "negative"
            return f"{what}: {result.shown if result.type.levels else truth}"
        case "diagnose":
            return f"diagnosed: {what}" + (", which is listed already" if facts["already"] else "")
        case "resolve":
            return f"resolved: {what}" + ("" if facts["listed"] else ", which is not listed")
        case "prescribe":
            until = f", to {facts['until'].shown}" if facts["until"] else ""
            dose = f", {facts['dose']}" if facts["dose"] else ""
            return f"{'renewed' if facts['renewed'] else 'prescribed'}: {what}{dose}{until}"
        case "change dose":
            verb = "increased" if facts["up"] else "decreased"
            if facts["changed"]:
                return f"{verb}: {what}, now {facts['dose']}"
            why = f"{facts['dose']} already" if facts["dose"] else "which is not taken"
            return f"not {verb}: {what}, {why}"
        case "stop drug":
            return f"stopped: {what}" + ("" if facts["taken"] else ", which was not taken")
        case "procedure":
            return f"performed: {what}"
        case "vaccinate":
            return f"vaccinated: {what}"
        case "record":
            return f"recorded: {what} {facts['result'].shown}"


def _state(axis: str, left: str | None, entered: str, stays: bool, names: Names) -> str:
    through = "" if stays else ", and leaves it at once"
    if left is None:
        return f"{axis}: {names[entered]}{through}"
    return f"{axis}: {names[left]} → {names[entered]}{through}"


def _test(what: str, happening: Happening) -> str:
    facts = happening.facts
    found = [f"truth {_number(facts['truth'])}"]
    for name in ("noise", "error"):
        amount: Amount | None = facts[name]
        if amount is not None and amount.value != 0.0:
            found.append(f"{'-' if amount.value < 0 else '+'} {name} {number(abs(amount.value))}")
    result: Amount = facts["result"]
    return f"{what} {result.shown}: {' '.join(found)}"


def place(happening: Happening, names: Names) -> str:
    """The step that a happening is, or the visit that it is part of, to stand behind it."""
    for reason in happening.reasons:
        match reason:
            case Reached(protocol, _, where):
                return f"  ({names[protocol]}, {where.rpartition('/')[2]})"
            case During(provider):
                return f", in the visit to {provider}"
    return ""


def _number(amount: Amount) -> str:
    return "unknown" if math.isnan(amount.value) else number(amount.value)


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _because(answer: Answer) -> str:
    said = "; ".join(part.read for part in answer.deciding)
    return said + (f" (unknown: {', '.join(answer.unknown)})" if answer.unknown else "")


# ---- reasons


def reasons(happening: Happening, names: Names) -> Iterator[str]:
    """Why, a line for each thing that there is to say."""
    facts = happening.facts
    drawn: Part | None = facts.get("drawn")
    if drawn is not None and (not drawn.simple or drawn.text != drawn.read):
        yield f"{drawn.read}{_uniform(facts['uniform'])}"
    elif drawn is None and happening.kind == "wait" and facts["purpose"] == "turn":
        yield f"within the opening hours{_uniform(facts['uniform'])}"
    if happening.kind == "choose":
        for answer in facts["asked"]:
            yield f"{_yes(answer.holds)}, as {_because(answer)}"
        if facts["shares"]:
            yield f"shares {', '.join(map(_valued, facts['shares']))}{_uniform(facts['uniform'])}"
    if happening.kind == "visit over" and facts["shares"]:
        yield f"shares {', '.join(map(_valued, facts['shares']))}{_uniform(facts['uniform'])}"
    if happening.kind == "examine":
        chances = ", ".join(f"{result} {_valued(part)}" for result, part in facts["options"])
        yield f"{facts['situation']}: {chances}{_uniform(facts['uniform'])}"
    if happening.kind == "rounds over" and facts["answer"]:
        yield f"until: {_yes(facts['answer'].holds)}, as {_because(facts['answer'])}"
    if happening.kind == "ask" and facts["priority"] and not facts["priority"].simple:
        yield f"priority {facts['priority'].read}"
    for reason in happening.reasons:
        yield from _reason(reason, happening.time, names)


def _reason(reason: Reason, time: float, names: Names) -> Iterator[str]:
    match reason:
        case Fired(hazard):
            yield _rate(hazard)
            threshold = f"a threshold of {number(hazard.threshold)} (u {number(hazard.uniform)})"
            yield f"used up {threshold} in {duration(time - hazard.began)}"
        case Elapsed(state, lasts, ago, uniform):
            yield f"{duration(ago)} in {names[state]} are over: {lasts.read}{_uniform(uniform)}"
        case Shares(state, options, uniform):
            shares = ", ".join(f"{names[target]} {_valued(part)}" for target, part in options)
            yield f"{names[state]} ends in {shares}{_uniform(uniform)}"
        case Reached() | During():  # see `place`
            return
        case Entered(state):
            yield f"on entering {names[state]}"
        case Upon(thing):
            yield f"upon {names[thing]}"
        case Turned(trigger, protocol, answer):
            yield f"{trigger} of {names[protocol]} turns to {_yes(answer.holds)}: {_because(answer)}"
        case Leaves(state, answer):
            yield f"{names[state]} is left when: {_yes(answer.holds)}, as {_because(answer)}"
        case Chance(part, uniform, taken):
            yield f"chance {_valued(part)}, u {number(uniform)}: {'taken' if taken else 'not taken'}"
        case Ended(of, thing):
            yield f"{'the supply of' if of == 'supply' else 'the time set for'} {names[thing]} is over"
        case Done(protocol):
            yield f"all steps of {names[protocol]} are done"
        case VisitOver(provider):
            yield f"was to end with the visit to {provider}, which is over"
        case Behaved(behaviour, (kind, name)):
            yield f"the behaviour {behaviour} heard of {kind} {names[name]}"


def _rate(hazard: HazardNow) -> str:
    """A hazard with its factors, and the `while`s that they stand under."""
    rate = Amount(hazard.rate, RATE).shown
    factors = [part for part in hazard.factors if part.type.kind != "truth"]
    whiles = [part.read for part in hazard.factors if part.type.kind == "truth"]
    if len(factors) == 1:
        text = f"hazard {_valued(factors[0])}"
    else:
        text = f"hazard {rate}" + (f" = {' × '.join(map(_valued, factors))}" if factors else "")
    return text + (f", while {', '.join(whiles)}" if whiles else "")


def _valued(part: Part) -> str:
    if part.simple:
        return part.read
    value = number(part.value) if part.type.kind == "number" else part.shown
    return f"{value} [{part.read}]"


def _uniform(uniform: float | None) -> str:
    return "" if uniform is None else f", u {number(uniform)}"


# ---- a moment


class _Now:
    """What is so at a moment, in paragraphs."""

    def __init__(self, story: Story, moment: Moment, width: int) -> None:
        self.story, self.moment, self.names, self.width = story, moment, story.names, width
        self.events = {event.name for pathway in story.scenario.pathways for event in pathway.events}

    def lines(self) -> Iterator[str]:
        now, names = self.moment, self.names
        seen = "in the record" if now.recording else "before the record begins"
        yield f"{self.date(now.time)}, at {now.age:.4g} years, {seen}"
        yield from self.part(
            "states", [f"{names[s.axis]}: {names[s.state]}{self.since(s.since)}" for s in now.states]
        )
        yield from self.part("variables", [f"{names[name]} {amount.shown}" for name, amount in now.variables])
        yield from self.part(
            "last results",
            [f"{names[name]} {amount.shown}, {self.date(when)}" for name, amount, when in now.results],
        )
        yield from self.part(
            "problem list",
            [f"{names[p.name]}{self.since(p.since)}{self.until('resolves', p.until)}" for p in now.problems],
        )
        yield from self.part(
            "drugs",
            [f"{names[d.name]}{self.since(d.since)}{self.until('supply to', d.until)}" for d in now.drugs],
        )
        yield from self.part("protocols under way", list(map(self.protocol, now.protocols)))
        yield from self.part(
            "times running",
            [
                f"{names[t.state]} → {names[t.to] if t.to else 'one of its shares'}: due {self.date(t.due)}"
                for t in now.timers
            ],
        )
        yield ""
        yield "hazards under way"
        for hazard in now.hazards:
            yield from self.hazard(hazard)

    def part(self, title: str, lines: list[str]) -> Iterator[str]:
        yield ""
        yield title
        yield from _wrapped([f"  {line}" for line in lines or ["none"]], self.width, "    ")

    def hazard(self, hazard: HazardNow) -> Iterator[str]:
        names = self.names
        to = names[hazard.to] if hazard.to else "death of other causes"
        yield (
            f"  {names[hazard.state]} → {to}"
            if hazard.state
            else f"  {to}"
            if not hazard.to or hazard.to in self.events
            else f"  start of {to}"
        )
        if hazard.due is None:
            due = "its tables end before it is due"
        elif hazard.due == math.inf:
            due = "never due as things are"
        else:
            due = f"due {self.date(hazard.due)}, at {_years(hazard.due)}, if nothing changes"
        used = f"{number(hazard.used)} of {number(hazard.threshold)} used up"
        begun = hazard.began <= self.moment.time
        since = self.since(hazard.began) if begun else f", from {self.date(hazard.began)} on"
        lines = [
            f"    {_rate(hazard)}",
            f"    {used}{since} (u {number(hazard.uniform)}); {due}",
        ]
        yield from _wrapped(lines, self.width, "      ")

    def protocol(self, protocol: ProtocolNow) -> str:
        at = f" (step: {protocol.step})" if protocol.step else ""
        if protocol.protocol:
            waits = f"waits for {self.names[protocol.protocol]}"
        elif protocol.provider:
            waits = f"waits for its turn at {protocol.provider}"
        elif protocol.until < math.inf:
            waits = f"waits to {self.date(protocol.until)}"
        else:
            waits = "goes on with what it is part of"
        return f"{self.names[protocol.name]}{self.since(protocol.since)}: {waits}{at}"

    def date(self, time: float) -> str:
        return date_from_days(math.floor(self.story.birth + time))

    def since(self, time: float) -> str:
        return ", from birth" if time == 0.0 else f", since {self.date(time)}"

    def until(self, word: str, time: float) -> str:
        return "" if time == math.inf else f", {word} {self.date(time)}"
