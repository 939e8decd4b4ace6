"""The story of one life: what happens in it, and why, in the order in which it does."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sim.agents import sampling
from sim.agents.disease import DEAD
from sim.agents.explain import Answer, Explainer, Names, Part, draws, hazard_now
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
    Kind,
    Leaves,
    Purpose,
    Reached,
    Reason,
    Shares,
    Turned,
    Upon,
    VisitOver,
)
from sim.agents.moment import Moment, moment
from sim.agents.rows import SEQ, Row
from sim.agents.runtime import Progress, live
from sim.agents.world import REFRESH, RESOLUTION, SUPPLY, Slot, Watch, World
from sim.engine.log import ATTENDED, CANCELLED, DIED, GAVE_UP, MISSED
from sim.scenario import model
from sim.scenario.model import (
    DATE,
    DURATION,
    Assignment,
    Biomarker,
    Branch,
    Examination,
    Expr,
    Scenario,
    Step,
    Type,
)

if TYPE_CHECKING:
    from sim.agents.appointments import Request
    from sim.agents.hazards import Hazard
    from sim.agents.life import Life
    from sim.agents.world import StateRule, Timer

OUTCOMES = {
    ATTENDED: "attended",
    MISSED: "missed",
    GAVE_UP: "gave up",
    CANCELLED: "cancelled",
    DIED: "died",
}


@dataclass(frozen=True)
class Story:
    """One life. `birth` in days since 1970-01-01; `ends` (days since birth) is death or the window's end.

    `absent` says why nothing of it is in any table, None where something is. `lived` is how many people were
    lived for it. `moment` is what was asked for, None where the life does not reach it.
    """

    patient: int
    seed: int
    scenario: Scenario
    names: Names
    sex: str
    birth: float
    entry: float
    ends: float
    died: bool
    attempts: int
    absent: str | None
    lived: int
    happenings: tuple[Happening, ...]
    moment: Moment | None


class StoryError(Exception):
    """There is no such patient; the message says so."""


def shares_capacity(scenario: Scenario) -> bool:
    """Whether a life depends on the others', so that all must be lived for one."""
    return any(provider.capacity is not None for provider in scenario.providers)


def story(
    scenario: Scenario,
    patient: int,
    seed: int = 0,
    *,
    patients: int | None = None,
    at: float | None = None,
    progress: Progress | None = None,
) -> Story:
    """The story of a patient, and of the moment `at` (days since birth) if it is asked for.

    `patients` is the cohort's size. Where patients share capacity all of them (default: the scenario's size)
    are lived; elsewhere the life is the same whatever it is. Raises LifeError, StoryError for a
    patient who is not in the cohort, and ValueError for a seed that makes no sense.
    """
    shared = shares_capacity(scenario)
    cohort = range(scenario.population.size if patients is None else patients)
    if patient < 0 or ((shared or patients is not None) and patient not in cohort):
        raise StoryError(f"there is no patient {patient}; the numbers are 0 to {cohort.stop - 1}")
    numbers = cohort if shared else range(patient, patient + 1)
    world = World(scenario)
    scribe = Scribe(Names(world), at)
    population = live(world, numbers, seed, progress, {patient: scribe})
    life = scribe.life
    assert life is not None
    stop = scenario.window[1] - life.birth
    if at is not None and scribe.moment is None and life.alive and life.entry <= at <= stop:
        scribe.look_around(life, at)
    lived = any(other is life for other in population.lives)
    seen = lived and sampling.weight(life) > 0.0
    told = scribe.happenings if seen else [replace(happening, row=None) for happening in scribe.happenings]
    return Story(
        patient,
        seed,
        scenario,
        scribe.names,
        "male" if life.sex else "female",
        life.birth,
        life.entry,
        stop if life.alive else life.now,
        not life.alive,
        life.attempt + 1,
        None if seen else "who is not kept, as most others are not" if lived else _absence(life),
        len(numbers),
        tuple(told),
        scribe.moment,
    )


def _absence(life: Life) -> str:
    if not life.alive:
        return "who died before the window began"
    return f"who {'enters' if life.entry else 'is born'} after the window ends"


class Scribe:
    """Is told what happens in a life, and writes it down with the reasons that were told before."""

    def __init__(self, names: Names, at: float | None) -> None:
        self.names, self.at = names, at
        self.life: Life | None = None
        self.moment: Moment | None = None
        self.happenings: list[Happening] = []
        self.reasons: list[Reason] = []
        self.uniforms: dict[str, float] = {}  # the latest of each site
        self.steps: dict[str, str] = {}  # the one that each protocol is at
        self.visits: dict[str, float] = {}  # when the one of a site began
        self.samples: dict[str, dict[str, Any]] = {}  # how the result of the latest of a site was drawn

    def __call__(self, life: Life, kind: str, /, **facts: Any) -> None:
        if life is not self.life:
            self._begin(life)
        if kind == "because":
            self._because(life, facts.pop("reason"), facts)
        else:
            getattr(self, f"_{kind.replace(' ', '_')}")(life, **facts)

    def _begin(self, life: Life) -> None:
        """Another life of this patient is drawn: the one before does not count."""
        redrawn = [h for h in self.happenings if h.kind == "redrawn"]
        if self.life:
            redrawn.append(Happening(self.life.now, "redrawn", ""))
        self.life, self.moment, self.happenings = life, None, redrawn
        self.reasons, self.uniforms, self.steps, self.visits, self.samples = [], {}, {}, {}, {}

    def _because(self, life: Life, kind: str, facts: dict[str, Any]) -> None:
        """Note a reason in place of the one before, but that a share was taken comes on top of it."""
        reason: Reason = getattr(self, f"_because_{kind.replace(' ', '_')}")(life, **facts)
        self.reasons = [*self.reasons, reason] if isinstance(reason, Shares) else [reason]

    def look_around(self, life: Life, at: float) -> None:
        """Note what is so at a time."""
        self.moment = moment(life, self.names, at, self.steps)

    def _write(self, life: Life, kind: Kind, what: str = "", row: Row | None = None, **facts: Any) -> None:
        place = None if row is None else (int(row[0]), int(row[SEQ]))
        self.happenings.append(Happening(life.now, kind, what, facts, tuple(self.reasons), place))

    def _explain(self, life: Life) -> Explainer:
        return Explainer(life, self.names)

    def _drawn(self, life: Life, e: Expr, site: str, value: float) -> tuple[Part, float | None]:
        """An expression with its value, and the uniform if it draws."""
        return self._explain(life).part(e, value), self.uniforms.get(site) if draws(e) else None

    # ---- what goes on

    def _due(self, life: Life, slot: Slot, when: float) -> None:
        if self.at is not None and self.moment is None and life.entry <= self.at <= when:
            self.look_around(life, self.at)
        self.reasons = []
        kind, _, detail, place = slot
        if (kind, detail) == (REFRESH, SUPPLY):
            self.reasons = [Ended("supply", life.world.scenario.drugs[place].name)]
        elif (kind, detail) == (REFRESH, RESOLUTION):
            self.reasons = [Ended("resolves_after", life.world.scenario.conditions[place].name)]

    def _draw(self, life: Life, site: str, count: int, uniform: float) -> None:
        self.uniforms[site] = uniform

    # ---- reasons

    def _because_hazard(self, life: Life, hazard: Hazard) -> Reason:
        return Fired(hazard_now(life, self.names, hazard, life.now))

    def _because_time(self, life: Life, timer: Timer) -> Reason:
        ago = life.now - life.since[timer.state]
        part, uniform = self._drawn(life, timer.duration, timer.site, ago)
        return Elapsed(timer.state, part, ago, uniform)

    def _because_share(self, life: Life, state: StateRule) -> Reason:
        explain, options, total = self._explain(life), [], 0.0
        for exit_ in state.shares:
            e = exit_.expression
            assert e is not None
            part = Part("rest", "rest", 1.0 - total, model.NUMBER) if e.op == "rest" else explain.part(e)
            total += part.value
            options.append((exit_.target, part))
        return Shares(state.name, tuple(options), self.uniforms[f"{state.site}/share"])

    def _because_upon(self, life: Life, thing: str) -> Reason:
        return Upon(thing)

    def _because_watch(self, life: Life, watch: Watch) -> Reason:
        explain = Explainer(life, self.names, "trigger")
        answer = explain.answer(watch.expression, watch.number in life.true)
        if watch.leaves:
            return Leaves(watch.leaves.state, answer)
        return Turned(watch.kind, watch.protocol, answer)

    def _because_step(self, life: Life, step: Step, protocol: str) -> Reason:
        self.steps[protocol] = step_text(step, self.names)
        return Reached(protocol, self.steps[protocol], f"{step.span.file}:{step.span.line}")

    def _because_during(self, life: Life, provider: str) -> Reason:
        return During(provider)

    def _because_all_done(self, life: Life, protocol: str) -> Reason:
        return Done(protocol)

    def _because_visit_over(self, life: Life, provider: str) -> Reason:
        return VisitOver(provider)

    def _because_behaviour(self, life: Life, behaviour: str, event: Any) -> Reason:
        return Behaved(behaviour, (event.kind, event.name) if event else ("", ""))

    def _chance(self, life: Life, chance: Expr, probability: float, uniform: float, site: str) -> None:
        part = self._explain(life).part(chance, probability)
        self.reasons = [*self.reasons, Chance(part, uniform, uniform < probability)]

    # ---- the person

    def _born(self, life: Life) -> None:
        self._write(life, "born", "male" if life.sex else "female")

    def _entered(self, life: Life) -> None:
        self.reasons = []
        if life.entry > 0.0:
            self._write(life, "enters")

    def _variable(
        self, life: Life, variable: str, value: float, assignment: Assignment | None, row: Row
    ) -> None:
        declared = life.world.scenario.variables[life.world.numbers["variable", variable]]
        drawn, uniform = None, None
        if assignment:
            drawn, uniform = self._drawn(life, assignment.expression, assignment.site, value)
        amount = Amount(value, declared.type)
        self._write(life, "variable", variable, row, value=amount, drawn=drawn, uniform=uniform)

    def _state(self, life: Life, axis: str, left: str | None, state: str, row: Row | None) -> None:
        if left is None:
            self.reasons = []
        self._write(life, "state", axis, row, left=left, entered=state, stays=row is not None)
        if state != DEAD:
            self.reasons = [Entered(state)]

    def _event(self, life: Life, event: str, row: Row) -> None:
        self._write(life, "event", event, row)
        self.reasons = [Upon(event)]

    def _death(self, life: Life, cause: str | None, row: Row | None) -> None:
        self._write(life, "death", cause or "", row)

    def _record_begins(self, life: Life) -> None:
        self._write(life, "record begins")

    def _carried_over(self, life: Life, thing: str, row: Row) -> None:
        self._write(life, "carried over", thing, row, since=self._date(life, life.since[thing]))

    def _date(self, life: Life, time: float) -> Amount:
        return Amount(life.birth + time, DATE)

    # ---- protocols

    def _start(self, life: Life, protocol: str, caller: str | None, row: Row | None) -> None:
        self.steps.pop(protocol, None)
        self._write(life, "start", protocol, row, caller=caller)

    def _runs_already(self, life: Life, protocol: str) -> None:
        self._write(life, "runs already", protocol)

    def _not_valid(self, life: Life, protocol: str) -> None:
        valid = life.world.protocols[protocol].valid or ()
        dates = tuple(Amount(day, DATE) if math.isfinite(day) else None for day in valid)
        self._write(life, "not valid", protocol, dates=dates)

    def _end(self, life: Life, protocol: str) -> None:
        self._write(life, "end", protocol)

    def _if(self, life: Life, step: model.If, holds: bool) -> None:
        if step.condition.op != "const":  # else it only holds steps together
            self._write(life, "if", answer=self._explain(life).answer(step.condition, holds))

    def _choose(self, life: Life, step: model.Choose, branch: Branch | None) -> None:
        explain = self._explain(life)
        asked, shares = list[Answer](), list[Part]()
        for each in step.branches:
            if each.expression is not None and each.expression.op != "rest":
                if each.kind == "if":
                    asked.append(explain.answer(each.expression, each is branch))
                else:
                    shares.append(explain.part(each.expression))
            if each is branch:
                break
        uniform = self.uniforms.get(step.site) if shares else None
        taken = "nothing" if branch is None else _branch_text(branch, explain)
        self._write(life, "choose", taken=taken, asked=tuple(asked), shares=tuple(shares), uniform=uniform)

    def _left_out(self, life: Life, step: Step) -> None:
        self._write(life, "left out", step_text(step, self.names))

    def _wait(self, life: Life, protocol: str, step: Step, until: float, purpose: Purpose, site: str) -> None:
        self.reasons = [self._because_step(life, step, protocol)]
        if until == math.inf:  # for a desk to say
            return
        e, days = _waits_for(life, step, purpose, site), until - life.now
        drawn = None if e is None else self._explain(life).part(e, days if draws(e) else None)
        uniform = self.uniforms.get(site) if e is None or draws(e) else None
        lasts, date = Amount(days, DURATION), self._date(life, until)
        drawing = {"drawn": drawn, "uniform": uniform}
        self._write(life, "wait", protocol, None, purpose=purpose, lasts=lasts, until=date, **drawing)

    def _wait_until(self, life: Life, protocol: str, step: model.WaitUntil, until: float) -> None:
        answer = Explainer(life, self.names, "trigger").answer(step.condition, False)
        most = None if until == math.inf else self._date(life, until)
        self._write(life, "wait until", protocol, answer=answer, until=most)

    def _waited(self, life: Life, step: model.WaitUntil, holds: bool) -> None:
        answer = Explainer(life, self.names, "trigger").answer(step.condition, holds)
        self._write(life, "waited", answer=answer)

    def _too_late(self, life: Life, time: Expr, due: float) -> None:
        self._write(life, "too late", self._explain(life).part(time).text, until=self._date(life, due))

    def _rounds_over(self, life: Life, step: model.Every | model.At, rounds: int) -> None:
        until = step.until if isinstance(step, model.Every) else None
        answer = None if until is None else self._explain(life).answer(until)
        self._write(life, "rounds over", rounds=rounds, answer=answer)

    # ---- visits

    def _ask(self, life: Life, step: model.Visit, priority: float, row: Row | None) -> None:
        part = None if step.priority is None else self._explain(life).part(step.priority, priority)
        self._write(life, "ask", step.provider, row, priority=part)

    def _appointment(self, life: Life, request: Request) -> None:
        waited = Amount(max(life.birth + life.now - request.order[1], 0.0), DURATION)
        outcome = OUTCOMES[request.outcome]
        self._write(life, "appointment", request.provider, outcome=outcome, waited=waited)
        self.reasons = [reason for reason in self.reasons if not isinstance(reason, Chance)]

    def _visit(self, life: Life, step: model.Visit, asked: float, row: Row | None) -> None:
        self.visits[step.site] = life.now
        self._write(life, "visit", step.provider, row, reason=step.reason)

    def _visit_over(self, life: Life, protocol: str, step: model.Visit, discharge: str | None) -> None:
        self.reasons = [self._because_step(life, step, protocol)]
        lasted = Amount(life.now - self.visits.pop(step.site), DURATION)
        asked = step.discharge.args[:-1] if step.discharge else ()
        shares = tuple(self._explain(life).part(share) for share in asked)
        uniform = self.uniforms.get(f"{step.site}/discharge") if shares else None
        went: dict[str, Any] = {"discharge": discharge, "shares": shares, "uniform": uniform}
        self._write(life, "visit over", step.provider, None, lasted=lasted, **went)

    # ---- what is done

    def _test(
        self, life: Life, biomarker: Biomarker, value: float, result: float, row: Row | None, **parts: float
    ) -> None:
        found = {"result": result, "found": value, "truth": math.nan, "noise": 0.0, "error": 0.0, **parts}
        of = Type("number", biomarker.unit)
        if not parts:
            facts = {"result": Amount(result, of), "found": Amount(value, of)}
            self._write(life, "record", biomarker.name, row, **facts)
            return
        amounts = {name: Amount(number, of) for name, number in found.items()}
        self._write(life, "test", biomarker.name, row, **amounts)

    def _sample(self, life: Life, test: Examination, site: str) -> None:
        explain, e, situation = self._explain(life), test.result, "otherwise"
        while e.op == "if":
            holds = explain.value(e.args[0]) == 1.0
            if holds:
                situation = explain.part(e.args[0]).text
            e = e.args[1] if holds else e.args[2]
        shares = dict(zip(e.type.levels or ("positive",), e.args, strict=True))
        parts = {level: explain.part(share) for level, share in shares.items() if share.op != "rest"}
        rest = Part("rest", "rest", 1.0 - sum(part.value for part in parts.values()), model.NUMBER)
        options = tuple((level, parts.get(level, rest)) for level in shares)
        drawn = {"situation": situation, "options": options, "uniform": self.uniforms.get(site)}
        self.samples[site] = drawn

    def _examine(self, life: Life, test: Examination, result: float, site: str, row: Row | None) -> None:
        self._write(life, "examine", test.name, row, result=Amount(result, test.type), **self.samples[site])

    def _diagnose(self, life: Life, condition: str, listed: bool, row: Row | None) -> None:
        self._write(life, "diagnose", condition, row, already=listed)

    def _resolve(self, life: Life, condition: str, listed: bool) -> None:
        self._write(life, "resolve", condition, listed=listed)

    def _prescribe(
        self, life: Life, step: model.Prescribe, renewed: bool, until: float, row: Row | None
    ) -> None:
        end = None if until == math.inf else self._date(life, until)
        dose = self._dose(life, step.drug)
        self._write(life, "prescribe", step.drug, row, renewed=renewed, until=end, dose=dose)

    def _change_dose(self, life: Life, step: model.ChangeDose, changed: bool, row: Row | None) -> None:
        facts = {"dose": self._dose(life, step.drug), "up": step.by > 0, "changed": changed}
        self._write(life, "change dose", step.drug, row, **facts)

    def _dose(self, life: Life, drug: str) -> str:
        """The dose of a drug that a patient has; "" of one that is not prescribed, or has no doses."""
        return life.world.drugs[drug].doses[life.doses[drug]] if drug in life.doses else ""

    def _stop_drug(self, life: Life, drug: str, running: bool) -> None:
        self._write(life, "stop drug", drug, taken=running)

    def _procedure(self, life: Life, procedure: str, row: Row | None) -> None:
        self._write(life, "procedure", procedure, row)

    def _vaccinate(self, life: Life, vaccine: str, row: Row | None) -> None:
        self._write(life, "vaccinate", vaccine, row)


def _waits_for(life: Life, step: Step, purpose: Purpose, site: str) -> Expr | None:
    """The expression that says how long a step waits, None where a provider's hours do."""
    match step:
        case model.Wait():
            return step.duration
        case model.Examine():
            return life.world.examinations[step.test].takes
        case model.Every():
            return step.interval if site == step.site else step.first
        case model.Visit() if purpose == "lasts":
            return step.lasts or life.world.providers[step.provider].lasts
        case model.Visit() if purpose == "rebook":
            return step.rebook_after
    return None


def _branch_text(branch: Branch, explain: Explainer) -> str:
    """A branch of a `choose` as it is written."""
    if branch.expression is None:
        return "otherwise"
    if branch.expression.op == "rest":
        return "the rest"
    return f"{branch.kind} {explain.part(branch.expression).text}"


def step_text(step: Step, names: Names) -> str:
    """A step in a few words."""
    match step:
        case model.Visit():
            return f"visit {step.provider}"
        case model.Test(biomarker=test) | model.Examine(test=test):
            return f"test {names[test]}"
        case model.MeasurePanel(panel=panel):
            return f"test {names[panel]}"
        case model.Diagnose():
            return f"diagnose {names[step.condition]}"
        case model.Resolve():
            return f"resolve {names[step.condition]}"
        case model.Prescribe():
            return f"prescribe {names[step.drug]}"
        case model.ChangeDose():
            return f"{'increase' if step.by > 0 else 'decrease'} {names[step.drug]}"
        case model.StopDrug():
            return f"stop {names[step.drug]}"
        case model.StopProtocol():
            return f"stop {names[step.protocol]}"
        case model.Do():
            return f"do {names[step.protocol]}"
        case model.StartProtocol():
            return f"start {names[step.protocol]}"
        case model.Perform():
            return f"perform {names[step.procedure]}"
        case model.Vaccinate():
            return f"vaccinate {names[step.vaccine]}"
        case model.Record():
            return f"record {names[step.biomarker]}"
        case model.Set():
            return f"set {names[step.assignment.variable]}"
        case model.WaitUntil():
            return "wait until"
        case model.If() if step.condition.op == "const" and step.then:
            return step_text(step.then[0], names)
        case _:
            return type(step).__name__.lower()
