"""Protocols, their starts and their steps, each with the name of its random stream."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from sim.scenario import model, schema
from sim.scenario.arguments import Instance
from sim.scenario.codes import codes_of
from sim.scenario.dates import dates, holds
from sim.scenario.disease import Draft, Hazard, assigned, assignment, check_rate, check_shares
from sim.scenario.drugs import Pharmacy, climb, switch
from sim.scenario.expressions import Binary, Name
from sim.scenario.knowledge import decided
from sim.scenario.loader import Scalar
from sim.scenario.model import DURATION, NUMBER, RATE, TRUTH, Branch, Expr, Span, Start, Step, Type
from sim.scenario.reader import Reader, part_of
from sim.scenario.scope import SymbolKind
from sim.scenario.words import THING

_AFTER = re.compile(r"after\s+")
_STREAM = re.compile(r"[A-Za-z0-9_./ +>-]{1,200}", re.ASCII)
_ALWAYS = Expr("const", (), 1.0, TRUTH)

Head = Callable[[str], tuple[str, Expr | None, Span]]  # a thing -> the beginning of a step that is about it


class CareReader:
    """Reads the protocols of one pathway. `drafts` holds their starts until all modifiers are known;
    `limited` are the providers with a capacity, `pharmacy` all drugs.
    """

    def __init__(
        self, instances: Sequence[Instance], reader: Reader, limited: frozenset[str], pharmacy: Pharmacy
    ):
        self.instances = instances
        self.limited = limited
        self.pharmacy = pharmacy
        self.reader = reader
        self.drafts: dict[str, list[Draft]] = {}

    def read(self) -> None:
        for instance in self.instances:
            site, protocol = f"{instance.name.replace('.', '/')}/starts", instance.author
            reader = self.reader.binding(instance.arguments)
            starts = [
                self.start(start, f"{site}/{nth}", reader) for nth, start in enumerate(instance.starts, 1)
            ]
            self.drafts[instance.name] = [draft for draft in starts if draft]
            if protocol.while_ and protocol.starts:
                message = "`while:` starts the protocol by itself; it stands instead of `starts:`"
                self.reader.findings.error("misplaced-key", message, protocol.at("while"))

    def protocols(self) -> tuple[model.Protocol, ...]:
        """The protocols, with every modifier that was added to `drafts`."""
        return tuple(map(self.protocol, self.instances))

    def protocol(self, instance: Instance) -> model.Protocol:
        author, reader = instance.author, self.reader.binding(instance.arguments)
        return model.Protocol(
            instance.name,
            tuple(draft.start() for draft in self.drafts[instance.name]),
            reader.truth(author.while_, "watch") if author.while_ else None,
            decided(reader, author.until, "watch") if author.until else None,
            StepReader(reader, instance, self.limited, self.pharmacy).steps(author.steps),
            instance.name.replace(".", "/"),
            author.span,
            dates(author.valid, self.reader.findings) if author.valid else None,
            self.plan(instance, author.plan, reader) if author.plan else None,
        )

    def plan(self, instance: Instance, author: schema.Plan, reader: Reader) -> model.Plan:
        reason = reader.name(author.reason, ("condition",)) if author.reason else None
        codes = codes_of(author, reader.findings)
        name = instance.name.rpartition(".")[2].replace("_", " ")
        return model.Plan(codes, author.display or name, reason)

    def start(self, author: schema.Start, site: str, reader: Reader) -> Draft | None:
        kinds = [kind for kind in author.one_of if author.has(kind)]
        if len(kinds) != 1:
            message = f"a start has exactly one of {', '.join(author.one_of)}"
            reader.findings.error("start-kind", message, author.span)
            return None
        if author.while_ and not author.rate:
            message = "`while:` goes with a rate; put it in the expression, or under the protocol"
            reader.findings.error("misplaced-key", message, author.at("while"))
        if author.upon:
            thing = reader.name(author.upon, THING)
            return Draft(Start("upon", thing, None, site, author.span), None)
        if author.during:
            provider = reader.name(author.during, ("provider",))
            return Draft(Start("during", provider, None, site, author.span), None)
        if author.when:
            condition = reader.truth(author.when, "watch")
            return Draft(Start("when", None, condition, site, author.span), None)
        assert author.rate
        rate = reader.expression(author.rate, RATE, "rate")
        check_rate(reader, rate, author.rate.span)
        while_ = reader.truth(author.while_, "rate") if author.while_ else None
        return Draft(Start("rate", None, rate, site, author.span), Hazard(rate, while_))


def _named(name: str, group: Scalar) -> Scalar:
    """The name of one of a group, at the place of the group's."""
    return replace(group, text=name, value=name, written=name)


class StepReader:
    """Reads the steps of one protocol, and numbers those of one verb and object as they come."""

    def __init__(self, reader: Reader, instance: Instance, limited: frozenset[str], pharmacy: Pharmacy):
        self.reader = reader
        self.limited = limited
        self.pharmacy = pharmacy
        self.findings = reader.findings
        self.instance = instance
        self.protocol = instance.name.replace(".", "/")
        self.count: Counter[str] = Counter()

    def steps(self, authors: Sequence[schema.AnyStep]) -> tuple[Step, ...]:
        return tuple(step for author in authors for step in self.step(author))

    def step(self, author: schema.AnyStep) -> Iterator[Step]:
        """The step, inside an `if` where it is valid between dates."""
        valid = dates(author.valid, self.findings) if author.valid else None
        steps = tuple(self.taken(author))
        if valid is None:
            yield from steps
        else:
            condition = holds(valid, author.at("valid"))
            yield model.If(f"{steps[0].site}/valid", None, author.span, condition, steps, ())

    def taken(self, author: schema.AnyStep) -> Iterator[Step]:
        """The step; several for a list of tests or assignments, a group, or a protocol with arguments, inside
        one `if` where they share a chance.
        """
        match author:
            case schema.Test(test=[_, _, *_]):
                verb, things = "test", [name.text for name in author.test]
                parts = [self.part(author, verb, [name]) for name in author.test]
            case schema.Set(set=values) if len(values) > 1:
                verb, things = "set", list(values)
                parts = [self.part(author, verb, {name: text}) for name, text in values.items()]
            case schema.Stop(stop=name) if members := self.reader.members(name, "protocol with arguments"):
                verb, things = "stop", [name.text]
                parts = [self.part(author, verb, _named(member, name)) for member in members]
            case schema.Stop(stop=group) if members := self.reader.members(group, "drug"):
                verb, things = "stop", [group.text]
                parts = [self.part(author, verb, _named(member, group)) for member in members]
            case schema.Resolve(resolve=group) if members := self.reader.members(group, "condition"):
                verb, things = "resolve", [group.text]
                parts = [self.part(author, verb, _named(member, group)) for member in members]
            case _:
                yield self.single(author)
                return
        if author.chance is None:
            if author.name is not None:
                message = "`name:` belongs to one step; this one stands for several"
                self.findings.error(
                    "misplaced-key", message, author.at("name"), "make each a step of its own"
                )
            yield from (self.single(part) for part in parts)
            return
        chance = self.reader.probability(author.chance)
        site = self.site(author, verb, "+".join(things))
        yield model.If(site, chance, author.span, _ALWAYS, tuple(self.single(part) for part in parts), ())

    def part(self, author: schema.AnyStep, verb: str, value: object) -> schema.AnyStep:
        """One of the steps that `author` stands for."""
        return author.model_copy(update={verb: value, "chance": None, "name": None, "valid": None})

    def site(self, author: schema.AnyStep, verb: str, thing: str) -> str:
        """The name of the step's stream: as given, or PROTOCOL/verb/object/nth."""
        if author.name is not None:
            if not _STREAM.fullmatch(author.name.text):
                message = "a stream is named with up to 200 letters, digits and _ . / + > -"
                self.findings.error("bad-name", message, author.name.span)
            return "/".join(filter(None, (author.name.text, self.instance.suffix)))
        pathway = self.protocol.partition("/")[0]
        local = f"{verb}/{thing.removeprefix(f'{pathway}.')}" if thing else verb
        self.count[local] += 1
        return f"{self.protocol}/{local}/{self.count[local]}"

    def name(self, name: Scalar, *kinds: SymbolKind) -> str:
        return self.reader.name(name, kinds)

    def single(self, author: schema.AnyStep) -> Step:
        chance = self.reader.probability(author.chance) if author.chance else None
        span = author.span

        def head(verb: str, thing: str = "") -> tuple[str, Expr | None, Span]:
            return self.site(author, verb, thing), chance, span

        match author:
            case schema.Visit():
                provider = self.name(author.visit, "provider")
                return self.visit(author, provider, *head("visit", provider))
            case schema.Test():
                test = self.tested(author.test[0]) if author.test else ""
                return self.test(test, *head("test", test))
            case schema.Diagnose():
                condition = self.name(author.diagnose, "condition")
                resolves = self.resolves(author.resolves) if author.resolves else None
                return model.Diagnose(*head("diagnose", condition), condition, resolves)
            case schema.Resolve():
                condition = self.name(author.resolve, "condition")
                return model.Resolve(*head("resolve", condition), condition)
            case schema.Prescribe():
                drug = self.name(author.prescribe, "drug")
                dose = self.pharmacy.dose(author.dose, drug, self.reader) if author.dose else None
                return model.Prescribe(*head("prescribe", drug), drug, self.supply(author, drug), dose)
            case schema.Increase():
                return self.change_dose(author.increase, 1, partial(head, "increase"))
            case schema.Decrease():
                return self.change_dose(author.decrease, -1, partial(head, "decrease"))
            case schema.Switch():
                return self.switch(author, *head("switch", self.name(author.switch, "drug")))
            case schema.StepUp():
                return self.climb(author, author.step_up, 1, partial(head, "step_up"))
            case schema.StepDown():
                return self.climb(author, author.step_down, -1, partial(head, "step_down"))
            case schema.Stop():
                thing = self.name(author.stop, "drug", "protocol")
                if thing and self.reader.scope.meanings(author.stop.text, ("drug",)):
                    return model.StopDrug(*head("stop", thing), thing)
                return model.StopProtocol(*head("stop", thing), thing)
            case schema.Perform():
                procedure = self.name(author.perform, "procedure")
                return model.Perform(*head("perform", procedure), procedure)
            case schema.Vaccinate():
                vaccine = self.name(author.vaccinate, "vaccine")
                return model.Vaccinate(*head("vaccinate", vaccine), vaccine)
            case schema.Record():
                biomarker = self.name(author.record, "biomarker")
                of = next((s.type for s in self.reader.scope.meanings(biomarker, ("biomarker",))), None)
                value = self.reader.expression(author.value, of, "draw")
                return model.Record(*head("record", biomarker), biomarker, value)
            case schema.Wait():
                return model.Wait(*head("wait"), self.reader.expression(author.wait, DURATION, "draw"))
            case schema.WaitUntil():
                until = decided(self.reader, author.wait_until, "watch")
                at_most = self.reader.expression(author.at_most, DURATION, "draw") if author.at_most else None
                return model.WaitUntil(*head("wait_until"), until, at_most)
            case schema.At():
                return self.at(author, *head("at"))
            case schema.Every():
                return self.every(author, *head("every"))
            case schema.If():
                condition_ = decided(self.reader, author.if_, "condition")
                return model.If(*head("if"), condition_, self.steps(author.then), self.steps(author.else_))
            case schema.Choose():
                return model.Choose(*head("choose"), self.branches(author))
            case schema.Do():
                protocol = self.called(author, author.do)
                return model.Do(*head("do", protocol), protocol)
            case schema.StartProtocol():
                protocol = self.called(author, author.start)
                return model.StartProtocol(*head("start", protocol), protocol)
            case schema.Set():
                ((name, text),) = author.set.items()
                variable = assigned(self.reader, name, text)
                site, chance, span = head("set", variable)
                return model.Set(site, chance, span, assignment(self.reader, variable, text, f"{site}/value"))
        raise AssertionError(author)

    def tested(self, name: Scalar) -> str:
        """The biomarker, test or panel that is taken; what is measured must have a value."""
        found = self.name(name, "biomarker", "test", "panel")
        if any("value" not in s.keys for s in self.reader.scope.meanings(found, ("biomarker",))):
            message = f"`{name.text}` has no `value:`, so there is nothing to measure"
            self.findings.error("not-measured", message, name.span, f"record: {name.text}, and its value")
        return found

    def test(self, name: str, site: str, chance: Expr | None, span: Span) -> Step:
        for symbol in self.reader.scope.meanings(name, ("test", "panel")):
            if symbol.name == name and symbol.kind == "panel":
                return model.MeasurePanel(site, chance, span, name, symbol.keys)
            if symbol.name == name:
                return model.Examine(site, chance, span, name)
        return model.Test(site, chance, span, name)

    def called(self, author: schema.AnyStep, name: Scalar) -> str:
        """The protocol that a step does or starts."""
        made = self.instance.calls.get(id(author))
        return self.name(name, "protocol") if made is None else made

    def visit(self, author: schema.Visit, provider: str, site: str, chance: Expr | None, span: Span) -> Step:
        self.check_visit(author, provider)
        read, rebook = self.reader, author.rebook
        inner = {key: self.steps(getattr(author, key)) for key in author.node if key in ("missed", "steps")}
        return model.Visit(
            site,
            chance,
            span,
            provider,
            reason=self.name(author.reason, "condition") if author.reason else None,
            lasts=read.expression(author.lasts, DURATION, "draw") if author.lasts else None,
            attend=read.probability(author.attend) if author.attend else None,
            rebook_after=read.expression(rebook.after, DURATION, "draw") if rebook else None,
            rebook_times=rebook.times if rebook else None,
            priority=read.expression(author.priority, NUMBER, "condition") if author.priority else None,
            gives_up=read.truth(author.gives_up, "watch") if author.gives_up else None,
            missed=inner.get("missed", ()),
            referral=author.referral,
            discharge=self.discharge(author),
            steps=inner.get("steps", ()),
        )

    def discharge(self, author: schema.Visit) -> Expr | None:
        """The draw of where the patient goes; what is left comes last."""
        if not author.discharge:
            return None
        shares = list(author.discharge.values())
        check_shares(self.reader, shares, author.at("discharge"), "the shares of this discharge")
        found = sorted(author.discharge.items(), key=lambda item: item[1].text == "rest")
        args = tuple(self.reader.share(share) for _, share in found)
        levels = tuple(place for place, _ in found)
        return Expr("draw", args, "categorical", Type("category", levels=levels), author.at("discharge"))

    def check_visit(self, author: schema.Visit, provider: str) -> None:
        """Report the options of a visit that could never matter."""
        for key in ("priority", "gives_up"):
            if author.has(key) and provider and provider not in self.limited:
                message = f"nobody waits in a queue for `{provider}`, which has no `capacity:`"
                fix = f"give `{provider}` a capacity, or leave this out"
                self.findings.error("misplaced-key", message, author.at(key), fix)
        if author.has("rebook") and not author.has("attend"):
            message = "`rebook:` is for who stays away, and without `attend:` everybody comes"
            self.findings.error("misplaced-key", message, author.at("rebook"), "attend: 0.94")
        if author.has("missed") and not author.has("attend") and not author.has("gives_up"):
            message = "`missed:` is done where a visit does not take place, and this one always does"
            fix = "say `attend:`, the probability of coming, or `gives_up:`, when the waiting ends"
            self.findings.error("misplaced-key", message, author.at("missed"), fix)
        if author.rebook and author.rebook.times is not None and author.rebook.times < 1:
            message, fix = "`times:` is 1 or more", "leave out `rebook:` where nobody asks again"
            self.findings.error("not-positive", message, author.rebook.at("times"), fix)

    def resolves(self, text: Scalar) -> Expr | None:
        """`after 14 days`."""
        match = _AFTER.match(text.written)
        if match is None:
            message = "`resolves:` is written `after` and a duration"
            self.findings.error("wrong-shape", message, text.span, "after 14 days")
            return None
        return self.reader.expression(part_of(text, text.written[match.end() :]), DURATION, "condition")

    # ---- drugs

    def change_dose(self, name: Scalar, by: int, head: Head) -> Step:
        drug = self.name(name, "drug")
        self.pharmacy.check_doses(name, drug, self.reader)
        return model.ChangeDose(*head(drug), drug, by)

    def switch(self, author: schema.Switch, site: str, chance: Expr | None, span: Span) -> Step:
        old, new = self.name(author.switch, "drug"), self.name(author.to, "drug")
        if old and old == new:
            message = "this switches a drug to itself"
            self.findings.error("same-drug", message, author.to.span, "increase it, or name another")
        dose = self.pharmacy.dose(author.dose, new, self.reader) if author.dose else None
        other = model.Prescribe(f"{site}/prescribe", None, span, new, self.supply(author, new), dose)
        return switch(site, chance, span, old, other)

    def climb(self, author: schema.Supplied, name: Scalar, by: int, head: Head) -> Step:
        ladder = self.name(name, "ladder")
        rungs = self.pharmacy.ladders.get(ladder, ())
        supplies = {drug: self.supply(author, drug) for rung in rungs for drug in rung}
        return climb(*head(ladder), rungs, by, supplies)

    def supply(self, author: schema.Supplied, drug: str) -> Expr | None:
        """Days of supply, refills included; None until stopped."""
        supply = self.supply_written(author)
        return None if drug in self.pharmacy.as_needed else supply

    def supply_written(self, author: schema.Supplied) -> Expr | None:
        refills = author.refills
        endless = refills is not None and refills.text == "until stopped"
        if author.for_ is None:
            if refills is not None and not endless:
                message, fix = "refills need `for:`, the days of one supply", "for: 28 days"
                self.findings.error("missing-key", message, refills.span, fix)
            return None
        one = self.reader.expression(author.for_, DURATION, "condition")
        if endless:
            return None
        times = 1
        if refills is not None:
            if not re.fullmatch(r"\d{1,4}", refills.text, re.ASCII):
                message = "refills are a whole number, or `until stopped`"
                self.findings.error("not-a-whole-number", message, refills.span)
                return one
            times += int(refills.text)
        if times == 1:
            return one
        return Expr("mul", (one, Expr("const", (), float(times), NUMBER, one.span)), None, DURATION, one.span)

    def at(self, author: schema.At, site: str, chance: Expr | None, span: Span) -> Step:
        thing, by = self.protocol.replace("/", "."), None
        if author.counted_from is not None:
            thing, by = self.counted_from(author.counted_from)
        if not author.at_:
            self.findings.error("wrong-shape", "no time is given here", author.at("at"), "at: 6 weeks")
        times, before = list[Expr](), -math.inf
        for text in author.at_:
            time = self.reader.expression(text, DURATION, "condition")
            if by is not None:
                op = "add" if by[0] == "+" else "sub"
                time = Expr(op, (time, by[1]), None, DURATION, text.span)
            days = self.reader.known(time)
            if days is not None and days < max(before, 0.0):
                message = (
                    "this is before what it is counted from" if days < 0 else "times go from the first on"
                )
                self.findings.error("not-in-order", message, text.span)
            before = before if days is None else days
            times.append(time)
        return model.At(site, chance, span, tuple(times), thing, self.steps(author.steps))

    def counted_from(self, text: Scalar) -> tuple[str, tuple[str, Expr] | None]:
        """A thing, and how long after ("+") or before ("-") it times are counted from."""
        match self.reader.syntax(text):
            case Name(name=name, span=span):
                return self.reader.name(Scalar(name, name, span, name, span), THING), None
            case Binary(operator="+" | "-" as operator, left=Name(name=name, span=span), right=right):
                thing = self.reader.name(Scalar(name, name, span, name, span), THING)
                by = self.reader.checked(right, DURATION, "condition")
                return thing, (operator, by)
            case None:
                return "", None
        message = "`counted_from:` is a thing that happens, or so long before or after it"
        self.findings.error("wrong-shape", message, text.span, "pregnant - 14 days")
        return "", None

    def every(self, author: schema.Every, site: str, chance: Expr | None, span: Span) -> Step:
        interval = self.reader.expression(author.every, DURATION, "condition")
        days = self.reader.known(interval)
        if days is not None and days <= 0:
            message = "an interval must be above zero"
            self.findings.error("not-positive", message, author.every.span)
        if author.at_most is not None and author.at_most < 1:
            self.findings.error("not-positive", "`at_most:` is 1 or more", author.at("at_most"))
        first = None
        if author.first is not None and author.first.text == "later":
            first = interval
        elif author.first is not None and author.first.text != "now":
            first = self.reader.expression(author.first, DURATION, "draw")
        until = decided(self.reader, author.until, "condition") if author.until else None
        steps = self.steps(author.steps)
        return model.Every(site, chance, span, interval, first, until, author.at_most, steps)

    def branches(self, author: schema.Choose) -> tuple[Branch, ...]:
        branches = [branch for one in author.choose if (branch := self.branch(one))]
        for branch, one in zip(branches[:-1], author.choose, strict=False):
            if branch.kind == "otherwise":
                message = "nothing after `otherwise:` is ever reached"
                self.findings.error("unreachable-branch", message, one.span, "put it last")
        shares = [one.share for one in author.choose if one.share]
        has_otherwise = any(b.kind == "otherwise" for b in branches)
        if shares and len(branches) == len(author.choose):
            check_shares(self.reader, shares, author.span, "the shares of this choice", not has_otherwise)
        return tuple(branches)

    def branch(self, author: schema.Branch) -> Branch | None:
        kinds = [kind for kind in author.one_of if author.has(kind)]
        if len(kinds) != 1:
            message = "a branch has exactly one of if, share and otherwise"
            self.findings.error("branch-kind", message, author.span)
            return None
        if (author.otherwise is None) == (author.then is None):
            message = "`otherwise:` holds its own steps" if author.then else "`then:` is missing here"
            self.findings.error("misplaced-key" if author.then else "missing-key", message, author.span)
            return None
        if author.otherwise is not None:
            return Branch("otherwise", None, self.steps(author.otherwise))
        if author.if_ is not None:
            return Branch("if", decided(self.reader, author.if_, "condition"), self.steps(author.then or []))
        assert author.share
        return Branch("share", self.reader.share(author.share), self.steps(author.then or []))
