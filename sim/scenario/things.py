"""A scenario as a tree of things with facts, so that two of them can be laid side by side.

A thing is whatever has a name or a place of its own: a parameter, a state, a way out of it, a step. Its facts
are what it says, by the author's keys; inside it are other things.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sim.scenario import model, units
from sim.scenario.hours import spelled
from sim.scenario.model import DATE, Expr, Scenario, Span, Table
from sim.scenario.names import POPULATION, SCENARIO, SEX_NAME

Fact = Expr | Table | str | None


@dataclass(frozen=True, eq=False, slots=True)
class Thing:
    """`kind` is what it is, `label` how it is called among its like. Things inside under one heading are
    matched by their `name`; those without are aligned in their order. `site` names the stream of what it
    draws, "" where it draws nothing.
    """

    kind: str
    label: str
    name: str
    span: Span | None
    facts: dict[str, Fact]
    inside: dict[str, tuple[Thing, ...]] = field(default_factory=dict)
    site: str = ""


def things(s: Scenario) -> dict[str, Thing]:
    """The scenario as a thing for each pathway, and one called "scenario" for all that is in none."""
    found = {SCENARIO: _frame(s)}
    return found | {pathway.name: _pathway(s, pathway) for pathway in s.pathways}


# ---- scenario.yaml


def _frame(s: Scenario) -> Thing:
    inside = {
        "population": (_population(s),),
        "mortality": tuple(_mortality(s, s.mortality) for _ in [0] if s.mortality),
        "parameters": tuple(_parameters(s, SCENARIO)),
        "variables": tuple(_variables(s, POPULATION)),
        "providers": tuple(map(_provider, s.providers)),
        "behaviours": tuple(map(_behaviour, s.behaviours)),
        "imperfections": tuple(map(_imperfection, s.imperfections)),
        "correlations": tuple(map(_correlation, s.correlations)),
    }
    window: dict[str, Fact] = {"window from": _day(s.window[0]), "window to": _day(s.window[1])}
    return Thing("scenario", "", SCENARIO, None, window, inside)


def _population(s: Scenario) -> Thing:
    p = s.population
    born, (more, times) = p.born or (None, None), _oversample(p.oversample)
    facts: dict[str, Fact] = {
        "size": str(p.size),
        "sex.female": None if p.female is None else _number(p.female),
        "born.from": _day(born[0]),
        "born.to": _day(born[1]),
        "alive_on.date": _day(p.alive_on),
        "alive_on.ages": next((t for t in s.tables if t.name == p.ages), None),
        "entry": p.entry or _day(p.entry_date),
        "include.at_start": p.include_at_start,
        "include.at_end": p.include_at_end,
        "oversample.if": more,
        "oversample.times": times,
    }
    return Thing("population", "population", POPULATION, p.span, facts)


def _oversample(o: model.Oversample | None) -> tuple[Expr | None, Expr | None]:
    return (None, None) if o is None else (o.condition, _number(o.times))


def _mortality(s: Scenario, m: model.Mortality) -> Thing:
    tables = {t.name: t for t in s.tables}
    background = tables.get(m.background) if m.background else None
    facts: dict[str, Fact] = {
        "table": tables.get(m.table),
        "less": _list(sorted(m.less)),
        "background": background,
    }
    return Thing("mortality", "mortality", "mortality", m.span, facts)


def _provider(p: model.Provider) -> Thing:
    facts: dict[str, Fact] = {
        "class": p.kind,
        "capacity": p.capacity,
        "hours": _list(spelled(p.hours)),
        "lasts": p.lasts,
    }
    return Thing("provider", p.name, p.name, p.span, facts)


def _behaviour(b: model.Behaviour) -> Thing:
    """Its code is looked at as a text: a check never runs it."""
    path = Path(b.folder, *b.module.split(".")).with_suffix(".py")
    code = path.read_text("utf-8", "replace") if path.is_file() else ""
    facts: dict[str, Fact] = {"class": b.name, "code": code}
    return Thing("behaviour", f"{b.module}:{b.name}", b.module, b.span, facts)


def _imperfection(i: model.Imperfection) -> Thing:
    facts: dict[str, Fact] = {
        "kind": i.kind,
        i.kind: _list(target.thing or target.table for target in i.targets),
        "chance": i.chance,
        "by": i.by,
        "to": None if i.to is None else _number(i.to),
        "factor": None if i.factor is None else _number(i.factor),
        "unit": i.unit,
        "decimals": None if i.decimals is None else str(i.decimals),
        "becomes": _list(i.becomes),
    }
    return Thing("imperfection", i.name, i.name, i.span, facts, site=i.site)


def _correlation(c: model.Correlation) -> Thing:
    label = " and ".join(sorted(c.between))
    return Thing("correlation", label, label, c.span, {"r": c.r})


# ---- pathways


def _pathway(s: Scenario, p: model.Pathway) -> Thing:
    inside = {
        "parameters": tuple(_parameters(s, p.name)),
        "variables": tuple(_variables(s, p.name)),
        "disease": tuple(map(_axis, p.axes)),
        "events": tuple(map(_event, p.events)),
        "biomarkers": tuple(_biomarker(b) for b in _own(s.biomarkers, p.name)),
        "tests": (*map(_test, _own(s.examinations, p.name)), *map(_test, _own(s.panels, p.name))),
        "conditions": tuple(_coded("condition", c) for c in _own(s.conditions, p.name)),
        "procedures": tuple(_coded("procedure", c) for c in _own(s.procedures, p.name)),
        "vaccines": tuple(_coded("vaccine", c) for c in _own(s.vaccines, p.name)),
        "drugs": tuple(_coded("drug", c) for c in _own(s.drugs, p.name)),
        "groups": tuple(_group(g) for g in _own(s.groups, p.name)),
        "care": tuple(map(_protocol, p.protocols)),
    }
    return Thing("pathway", p.name, p.name, None, {}, inside)


Named = model.Biomarker | model.Coded | model.Group | model.Variable | model.Parameter
N = TypeVar("N", bound=Named)


def _own(of: Iterable[N], space: str) -> Iterator[N]:
    return (thing for thing in of if thing.name.startswith(f"{space}."))


def _parameters(s: Scenario, space: str) -> Iterator[Thing]:
    tables = {table.name: table for table in s.tables}
    for p in _own(s.parameters, space):
        value = tables.get(p.name) if p.value is None else Expr("const", (), p.value, p.type)
        ends = " to ".join(units.spell(end, p.type) for end in p.ci95 or ()) or None
        facts: dict[str, Fact] = {"value": value, "ci95": ends, "prior": p.prior}
        yield Thing("parameter", local(p.name), p.name, p.span, facts)


def _variables(s: Scenario, space: str) -> Iterator[Thing]:
    for v in _own(s.variables, space):
        if v.name != SEX_NAME:
            yield Thing("variable", local(v.name), v.name, v.span, {"value": v.draw}, site=v.name)


def _axis(axis: model.DiseaseAxis) -> Thing:
    first = axis.states[0]
    states = tuple(_state(state) for state in axis.states)
    facts: dict[str, Fact] = {"the state at birth": local(first.name)}
    return Thing("axis", local(axis.name), axis.name, first.span, facts, {"states": states})


def _state(state: model.State) -> Thing:
    facts: dict[str, Fact] = {
        "lasts": state.lasts,
        "in the groups": _list(map(local, state.groups)),
        **_sets(state.sets),
    }
    exits = {"exits": tuple(map(_exit, state.exits))}
    return Thing("state", local(state.name), state.name, state.span, facts, exits, state.site)


def _exit(e: model.Exit) -> Thing:
    facts: dict[str, Fact] = {}
    match e.kind:
        case "upon":
            facts |= {"upon": e.thing, "chance": e.expression}
        case "when":
            facts |= {"when": e.expression, "chance": e.chance}
        case "after" | "fixed":
            facts |= {"after": e.expression, "times": e.times}
        case kind:
            facts[kind] = e.expression
    facts["cause"] = e.cause
    draws = e.kind not in ("upon", "when") or e.probability is not None
    return Thing(f"-> {e.target}", f"-> {local(e.target)}", "", e.span, facts, site=e.site if draws else "")


def _event(e: model.Event) -> Thing:
    facts: dict[str, Fact] = {"rate": e.rate, **_sets(e.sets)}
    return Thing("event", local(e.name), e.name, e.span, facts, site=e.site)


def _biomarker(b: model.Biomarker) -> Thing:
    facts: dict[str, Fact] = {
        **_codes(b.codes),
        "analyte": b.analyte or None,
        "unit": units.standard(b.unit),
        "value": None if b.value is model.NOT_MEASURED else b.value,
        "within_person sd": b.noise_sd,
        "within_person half_life": b.noise_half_life,
        "measurement_error": b.measurement_error,
        "range": f"{units.digits(b.low)} to {units.digits(b.high)}" if math.isfinite(b.low) else None,
        "decimals": str(b.decimals),
    }
    return Thing("biomarker", local(b.name), b.name, b.span, facts, site=b.site)


def _test(x: model.Examination | model.Panel) -> Thing:
    facts: dict[str, Fact] = {**_codes(x.codes), "display": x.display}
    if isinstance(x, model.Panel):
        members = _list(map(local, x.biomarkers))
        facts |= {"panel": members, "errors_correlate": x.errors_correlate}
    else:
        facts |= {"result" if x.type.levels else "positive": x.result, "takes": x.takes}
    return Thing("test", local(x.name), x.name, x.span, facts)


def _coded(kind: str, c: model.Coded) -> Thing:
    facts: dict[str, Fact] = {**_codes(c.codes), "display": c.display}
    if isinstance(c, model.Drug):
        facts["doses"] = _list(c.doses)
    kind = "allergy" if isinstance(c, model.Allergy) else kind
    return Thing(kind, local(c.name), c.name, c.span, facts)


def _group(g: model.Group) -> Thing:
    return Thing("group", local(g.name), g.name, g.span, {"members": _list(map(local, g.members))})


def _codes(codes: Sequence[model.Code]) -> dict[str, Fact]:
    return {code.system: code.code for code in codes}


# ---- care


def _protocol(p: model.Protocol) -> Thing:
    facts: dict[str, Fact] = {"while": p.while_, "until": p.until}
    for end, day in zip(("from", "to"), p.valid or (), strict=False):
        facts[f"valid.{end}"] = _day(day) if math.isfinite(day) else None
    if p.plan:
        facts |= {f"plan.{key}": code for key, code in _codes(p.plan.codes).items()}
        facts |= {"plan.display": p.plan.display, "plan.reason": p.plan.reason}
    inside = {"starts": tuple(map(_start, p.starts)), "steps": steps(p.steps)}
    return Thing("protocol", local(p.name), p.name, p.span, facts, inside)


def _start(s: model.Start) -> Thing:
    facts: dict[str, Fact] = {s.kind: s.thing or s.expression}
    return Thing("start", "start", "", s.span, facts, site=s.site if s.kind == "rate" else "")


def steps(of: Iterable[model.Step]) -> tuple[Thing, ...]:
    """Steps as things, in their order."""
    return tuple(map(_step, of))


def _step(step: model.Step) -> Thing:
    verb, facts, inside = _verb(step)
    facts["chance"] = step.chance
    first = facts.get(verb)
    label = f"{verb}: {local(first)}" if isinstance(first, str) else verb
    return Thing(verb, label, "", step.span, facts, inside, step.site if _draws(step, facts) else "")


def _draws(step: model.Step, facts: dict[str, Fact]) -> bool:
    """Whether a step asks for a random number itself; noise is drawn in its name too."""
    if isinstance(step, model.Test | model.MeasurePanel | model.Examine) or step.chance:
        return True
    if isinstance(step, model.Choose):
        return any(branch.kind == "share" for branch in step.branches)
    return any(isinstance(fact, Expr) and (key == "attend" or _has_draw(fact)) for key, fact in facts.items())


def _has_draw(e: Expr) -> bool:
    return e.op == "draw" or any(map(_has_draw, e.args))


Inside = dict[str, tuple[Thing, ...]]


def _verb(step: model.Step) -> tuple[str, dict[str, Fact], Inside]:
    """The verb of a step, what it says, and the steps inside it."""
    match step:
        case model.Visit():
            return "visit", _visit(step), {"steps": steps(step.steps), "missed": steps(step.missed)}
        case model.Test(biomarker=test) | model.Examine(test=test):
            return "test", {"test": test}, {}
        case model.MeasurePanel(panel=panel):
            return "test", {"test": panel}, {}
        case model.Diagnose(condition=condition, resolves_after=after):
            return "diagnose", {"diagnose": condition, "resolves": after}, {}
        case model.Resolve(condition=condition):
            return "resolve", {"resolve": condition}, {}
        case model.Prescribe(drug=drug, supply=supply, dose=dose):
            return "prescribe", {"prescribe": drug, "dose": dose, "for": supply}, {}
        case model.ChangeDose(drug=drug, by=by):
            verb = "increase" if by > 0 else "decrease"
            return verb, {verb: drug}, {}
        case model.StopDrug(drug=stopped) | model.StopProtocol(protocol=stopped):
            return "stop", {"stop": stopped}, {}
        case model.Perform(procedure=procedure):
            return "perform", {"perform": procedure}, {}
        case model.Vaccinate(vaccine=vaccine):
            return "vaccinate", {"vaccinate": vaccine}, {}
        case model.Record(biomarker=biomarker, value=value):
            return "record", {"record": biomarker, "value": value}, {}
        case model.Wait(duration=duration):
            return "wait", {"wait": duration}, {}
        case model.WaitUntil(condition=condition, at_most=at_most):
            return "wait_until", {"wait_until": condition, "at_most": at_most}, {}
        case model.At(times=times, thing=thing, steps=inside):
            at: dict[str, Fact] = {f"at {n}": time for n, time in enumerate(times, 1)}
            return "at", {"counted_from": thing, **at}, {"steps": steps(inside)}
        case model.Every():
            most = None if step.at_most is None else str(step.at_most)
            every: dict[str, Fact] = {"every": step.interval, "first": step.first}
            every |= {"until": step.until, "at_most": most}
            return "every", every, {"steps": steps(step.steps)}
        case model.If(condition=condition, then=then, otherwise=otherwise):
            return "if", {"if": condition}, {"then": steps(then), "else": steps(otherwise)}
        case model.Choose(branches=branches):
            return "choose", {}, {"branches": tuple(map(_branch, branches))}
        case model.Do(protocol=protocol):
            return "do", {"do": protocol}, {}
        case model.StartProtocol(protocol=protocol):
            return "start", {"start": protocol}, {}
        case model.Set(assignment=assignment):
            return "set", _sets((assignment,)), {}
    raise AssertionError(step)


def _visit(step: model.Visit) -> dict[str, Fact]:
    return {
        "visit": step.provider,
        "reason": step.reason,
        "lasts": step.lasts,
        "attend": step.attend,
        "rebook.after": step.rebook_after,
        "rebook.times": None if step.rebook_times is None else str(step.rebook_times),
        "priority": step.priority,
        "gives_up": step.gives_up,
        "referral": "true" if step.referral else None,
        "discharge": step.discharge,
    }


def _branch(b: model.Branch) -> Thing:
    facts: dict[str, Fact] = {} if b.expression is None else {b.kind: b.expression}
    span = b.expression.span if b.expression else next((step.span for step in b.steps), None)
    return Thing("branch", b.kind, "", span, facts, {"then": steps(b.steps)})


# ---- small pieces


def local(name: str) -> str:
    """A name without its pathway."""
    return name.rpartition(".")[2]


def _sets(assignments: Iterable[model.Assignment]) -> dict[str, Fact]:
    return {f"set.{local(a.variable)}": a.expression for a in assignments}


def _number(value: float) -> Expr:
    return Expr("const", (), value)


def _day(day: float | None) -> Expr | None:
    return None if day is None else Expr("const", (), day, DATE)


def _list(items: Iterable[str]) -> str | None:
    return ", ".join(items) or None
