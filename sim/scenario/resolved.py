"""A scenario in its resolved form: every default, unit, code and stream name spelled out.

The resolved form is itself a scenario, in the same folder as the tables it names, and gives the same lives:
reading it back yields an equal `Scenario` but for the places in files. Formulas are written out where they
are read, and `modifies` and `while` are multiplied into the rates.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from sim.scenario import model, units
from sim.scenario.expressions import unparse
from sim.scenario.home import Home, inside
from sim.scenario.hours import spelled
from sim.scenario.loader import Scalar
from sim.scenario.model import Expr, Scenario, Step
from sim.scenario.names import SCENARIO, SEX_NAME, Documents
from sim.scenario.schema import Parameter as AuthorParameter
from sim.scenario.shapes import NAME

Plain = dict[str, Any]


class _Dumper(yaml.SafeDumper):
    """Writes every scalar as plain text where YAML allows it."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


def resolved(scenario: Scenario, documents: Documents) -> dict[str, str]:
    """The resolved form of a scenario, as the texts of its files by their path in the folder.

    `documents` are what it was read from: they say where its tables are, and in which unit. Those of another
    scenario that it extends, and the modules of behaviours, are among its files.
    """
    files = {"scenario.yaml": _scenario(scenario, documents)}
    authors = {p.pathway.text: p.parameters for p in documents.pathways}
    for pathway in scenario.pathways:
        files[_path(pathway.name)] = _pathway(scenario, pathway, authors[pathway.name], documents.home)
    texts = {
        path: yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**9)
        for path, data in files.items()
    }
    return texts | _borrowed(scenario, documents.home)


def _borrowed(scenario: Scenario, home: Home) -> dict[str, str]:
    """Tables and modules that lie in the folders of scenarios that this one extends."""
    named = [home.own / path for path, _ in scenario.files if path.endswith(".csv")]
    paths = [Path(os.path.normpath(path)) for path in named]
    paths += [module for b in scenario.behaviours if (module := _module(b)).is_file()]
    return {home.here(p): p.read_text("utf-8-sig") for p in paths if not inside(home.own, p)}


def _module(b: model.Behaviour) -> Path:
    return Path(b.folder, *b.module.split(".")).with_suffix(".py")


def _path(pathway: str) -> str:
    return f"pathways/{pathway}.yaml"


# ---- scenario.yaml


def _scenario(s: Scenario, documents: Documents) -> Plain:
    file, home = documents.scenario, documents.home
    data: Plain = {"scenario": s.name, "about": s.about, "window": _dates(*s.window)}
    data |= _parameters(s, SCENARIO, file.parameters, home)
    data["population"] = _population(s, documents)
    if s.mortality and file.mortality:
        author = file.mortality
        background = author.background or home.background()
        table = next(t for t in s.tables if t.name == s.mortality.table)
        data["mortality"] = _given(
            {
                "table": _here(author.table, home),
                "unit": author.unit,
                "less": list(s.mortality.less),
                "clamp": _truth(table.clamp),
                "background": _here(background, home) if s.mortality.background and background else None,
            }
        )
    data["pathways"] = [_path(p.name) for p in s.pathways]
    data["providers"] = {p.name: _provider(p) for p in s.providers}
    data["behaviours"] = [_behaviour(b, home) for b in s.behaviours]
    data["imperfections"] = {i.name: _imperfection(i) for i in s.imperfections}
    data["correlations"] = [{"between": list(c.between), "r": unparse(c.r)} for c in s.correlations]
    data["expect"] = _expected(s, SCENARIO)
    return _given(data)


def _expected(s: Scenario, space: str) -> list[Plain | str]:
    """The sentences of scenario.yaml or of a pathway."""
    return [_expectation(e) for e in s.expectations if e.space == space]


def _expectation(e: model.Expectation) -> Plain | str:
    data: Plain = {"about": e.about, "with": dict(e.with_), "given": json.loads(e.given or "{}")}
    more = _given(data | {"source": e.source})
    return {"that": e.text, **more} if more else e.text


def _behaviour(b: model.Behaviour, home: Home) -> str:
    path = _module(b)
    module = home.here(path).removesuffix(".py").replace("/", ".") if path.is_file() else b.module
    return f"{module}:{b.name}"


def _here(name: Scalar, home: Home) -> str:
    return home.here(home.path(name))


def _provider(p: model.Provider) -> Plain:
    return _given(
        {
            "class": p.kind,
            "capacity": _text(p.capacity),
            "hours": spelled(p.hours),
            "lasts": _text(p.lasts),
        }
    )


def _imperfection(i: model.Imperfection) -> Plain:
    return _given(
        {
            i.kind: [target.thing or target.table for target in i.targets],
            "chance": _text(i.chance),
            "by": _text(i.by),
            "to": None if i.to is None else units.digits(i.to),
            "factor": None if i.factor is None else units.digits(i.factor),
            "unit": i.unit,
            "decimals": None if i.decimals is None else str(i.decimals),
            "becomes": list(i.becomes),
        }
    )


def _population(s: Scenario, documents: Documents) -> Plain:
    p, author = s.population, documents.scenario.population
    data: Plain = {"size": str(p.size)}
    if p.female is not None:
        data["sex"] = {"female": units.digits(p.female), "male": units.digits(1.0 - p.female)}
    if p.alive_on is not None and author.alive_on:
        data["alive_on"] = {
            "date": units.date_from_days(p.alive_on),
            "ages": _here(author.alive_on.ages, documents.home),
        }
    if p.born is not None:
        data["born"] = _dates(*p.born)
    if p.entry is not None:
        data["entry"] = unparse(p.entry)
    if p.entry_date is not None:
        data["entry"] = units.date_from_days(p.entry_date)
    data["variables"] = _variables(s, "population")
    data["include"] = _given({"at_start": _text(p.include_at_start), "at_end": _text(p.include_at_end)})
    if p.oversample:
        times = units.digits(p.oversample.times)
        data["oversample"] = {"if": unparse(p.oversample.condition), "times": times}
    return _given(data)


def _dates(start: float, end: float) -> Plain:
    return {"from": units.date_from_days(start), "to": units.date_from_days(end)}


# ---- pathways


def _pathway(s: Scenario, pathway: model.Pathway, authors: dict[str, AuthorParameter], home: Home) -> Plain:
    own = f"{pathway.name}."
    data: Plain = {"pathway": pathway.name}
    data |= _parameters(s, pathway.name, authors, home)
    data["variables"] = _variables(s, pathway.name)
    data["disease"] = {_local(axis.name): _states(axis.states, 0) for axis in pathway.axes}
    data["events"] = {_local(e.name): _event(e) for e in pathway.events}
    data["biomarkers"] = {_local(b.name): _biomarker(b) for b in s.biomarkers if b.name.startswith(own)}
    data["tests"] = {_local(x.name): _examination(x) for x in s.examinations if x.name.startswith(own)}
    data["tests"] |= {_local(p.name): _panel(p) for p in s.panels if p.name.startswith(own)}
    allergies = tuple(c for c in s.conditions if isinstance(c, model.Allergy))
    sections: dict[str, tuple[model.Coded, ...]] = {
        "conditions": tuple(c for c in s.conditions if c not in allergies),
        "allergies": allergies,
        "procedures": s.procedures,
        "vaccines": s.vaccines,
        "drugs": s.drugs,
    }
    for section, things in sections.items():
        data[section] = {_local(t.name): _coded(t) for t in things if t.name.startswith(own)}
    data["groups"] = {_local(g.name): list(g.members) for g in s.groups if g.name.startswith(own)}
    data["care"] = {_local(p.name): _protocol(p) for p in pathway.protocols}
    data["expect"] = _expected(s, pathway.name)
    return _given(data)


def _parameters(s: Scenario, namespace: str, authors: dict[str, AuthorParameter], home: Home) -> Plain:
    """The sections `sources` and `parameters`: a source of one word must be a key, and stands for itself."""
    sources, parameters = {}, {}
    for p in s.parameters:
        if not p.name.startswith(f"{namespace}."):
            continue
        if NAME.fullmatch(p.source):
            sources[p.source] = p.source
        author = authors[_local(p.name)]
        parameters[_local(p.name)] = _given(
            _keyed(s, p, author, home) if p.value is None else _valued(p, p.value)
        )
    return {"sources": sources, "parameters": parameters}


def _valued(p: model.Parameter, value: float) -> Plain:
    data: Plain = {"value": units.spell(value, p.type)}
    if p.ci95:
        data["ci95"] = " to ".join(units.spell(end, p.type) for end in p.ci95)
    if p.prior:
        data["prior"] = unparse(p.prior)
    return data | {"source": p.source}


def _keyed(s: Scenario, p: model.Parameter, author: AuthorParameter, home: Home) -> Plain:
    data: Plain = {"by": [by.text for by in author.by]}
    if author.table is None:
        table = next(t for t in s.tables if t.name == p.name)
        cells = zip(table.axes[0].levels, table.values, strict=True)
        data["value"] = {level: units.spell(v, p.type) for level, v in cells if not math.isnan(v)}
    else:
        data |= {"table": _here(author.table, home), "unit": author.unit, "clamp": _truth(author.clamp)}
    return data | {"source": p.source}


def _variables(s: Scenario, namespace: str) -> Plain:
    return {
        _local(v.name): unparse(v.draw)
        for v in s.variables
        if v.name.startswith(f"{namespace}.") and v.draw is not None and v.name != SEX_NAME
    }


def _states(states: Iterable[model.State], depth: int) -> Plain:
    """States side by side, those of a group inside it; `depth` is how many groups they are in."""
    data: Plain = {}
    for groups, members in groupby(states, lambda state: state.groups[depth : depth + 1]):
        found = list(members)
        if groups:
            data[_local(groups[0])] = {"states": _states(found, depth + 1)}
        else:
            data |= {_local(state.name): _state(state) for state in found}
    return data


def _state(state: model.State) -> Plain:
    data: Plain = {"set": _assignments(state.sets), "lasts": _text(state.lasts)}
    for target, exits in groupby(state.exits, lambda e: e.target):
        several = [_exit(e) for e in exits]
        data[f"-> {_local(target)}"] = several if len(several) > 1 else several[0]
    return _given(data)


def _exit(e: model.Exit) -> Plain:
    data: Plain = {"cause": e.cause}
    match e.kind:
        case "upon":
            data |= {"upon": e.thing, "chance": _text(e.expression)}
        case "when":
            data |= {"when": _text(e.expression), "chance": _text(e.chance)}
        case "after" | "fixed":
            data |= {"after": _text(e.expression), "times": _text(e.times)}
        case kind:
            data[kind] = _text(e.expression)
    return _given(data)


def _event(e: model.Event) -> Plain:
    return _given({"rate": unparse(e.rate), "set": _assignments(e.sets)})


def _biomarker(b: model.Biomarker) -> Plain:
    noise = None
    if b.noise_sd and b.noise_half_life:
        noise = f"ou(sd={unparse(b.noise_sd)}, half_life={unparse(b.noise_half_life)})"
    bounded = math.isfinite(b.low) and math.isfinite(b.high)
    return _given(
        {
            "code": _codes(b.codes),
            "analyte": b.analyte,
            "unit": b.unit,
            "value": None if b.value is model.NOT_MEASURED else unparse(b.value),
            "within_person": noise,
            "measurement_error": _text(b.measurement_error),
            "range": f"{units.digits(b.low)} to {units.digits(b.high)}" if bounded else None,
            "decimals": str(b.decimals),
        }
    )


def _examination(x: model.Examination) -> Plain:
    rows, e = Plain(), x.result
    while e.op == "if":
        rows[unparse(e.args[0])], e = _row(e.args[1]), e.args[2]
    rows["otherwise"] = _row(e)
    found = {"result" if x.type.levels else "positive": rows, "takes": _text(x.takes)}
    return _given({"code": _codes(x.codes), "display": x.display, **found})


def _panel(p: model.Panel) -> Plain:
    together = {"panel": list(p.biomarkers), "errors_correlate": _text(p.errors_correlate)}
    return _given({"code": _codes(p.codes), "display": p.display, **together})


def _row(draw: Expr) -> Plain | str | None:
    """What a test shows in one situation."""
    if draw.value == "bernoulli":
        return _text(draw.args[0])
    shares = zip(draw.type.levels, draw.args, strict=True)
    return {level: _text(share) for level, share in shares}


def _coded(thing: model.Coded) -> Plain:
    doses = list(thing.doses) if isinstance(thing, model.Drug) else []
    return _given({"code": _codes(thing.codes), "display": thing.display, "doses": doses})


def _codes(codes: tuple[model.Code, ...]) -> Plain:
    return {c.system: c.code for c in codes}


# ---- care


def _protocol(p: model.Protocol) -> Plain:
    data: Plain = {
        "starts": [_start(start) for start in p.starts],
        "while": _text(p.while_),
        "until": _text(p.until),
        "valid": _valid(p.valid),
        "plan": _plan(p.plan) if p.plan else {},
    }
    return _given(data) | {"steps": _steps(p.steps)}


def _plan(plan: model.Plan) -> Plain:
    return _given({"code": _codes(plan.codes), "display": plan.display, "reason": plan.reason})


def _valid(dates: tuple[float, float] | None) -> Plain:
    ends = zip(("from", "to"), dates or (), strict=False)
    return {key: units.date_from_days(day) for key, day in ends if math.isfinite(day)}


def _start(s: model.Start) -> Plain:
    return {s.kind: s.thing or _text(s.expression)}


def _steps(steps: Iterable[Step]) -> list[Plain]:
    return [_given(_verb(step) | {"chance": _text(step.chance), "name": step.site}) for step in steps]


def _verb(step: Step) -> Plain:
    match step:
        case model.Visit():
            return _visit(step)
        case model.Test(biomarker=test) | model.Examine(test=test):
            return {"test": test}
        case model.MeasurePanel(panel=panel):
            return {"test": panel}
        case model.Diagnose(condition=condition, resolves_after=after):
            return {"diagnose": condition, "resolves": f"after {unparse(after)}" if after else None}
        case model.Resolve(condition=condition):
            return {"resolve": condition}
        case model.Prescribe(drug=drug, supply=None, dose=dose):
            return {"prescribe": drug, "dose": dose, "refills": "until stopped"}
        case model.Prescribe(drug=drug, supply=supply, dose=dose):
            return {"prescribe": drug, "dose": dose, "for": _text(supply), "refills": "0"}
        case model.ChangeDose(drug=drug, by=by):
            return {"increase" if by > 0 else "decrease": drug}
        case model.StopDrug(drug=stopped) | model.StopProtocol(protocol=stopped):
            return {"stop": stopped}
        case model.Perform(procedure=procedure):
            return {"perform": procedure}
        case model.Vaccinate(vaccine=vaccine):
            return {"vaccinate": vaccine}
        case model.Record(biomarker=biomarker, value=value):
            return {"record": biomarker, "value": unparse(value)}
        case model.Wait(duration=duration):
            return {"wait": unparse(duration)}
        case model.WaitUntil(condition=condition, at_most=at_most):
            return {"wait_until": unparse(condition), "at_most": _text(at_most)}
        case model.At(times=times, thing=thing, steps=steps):
            rounds = _Kept(_steps(steps))
            return {"at": [unparse(time) for time in times], "counted_from": thing, "steps": rounds}
        case model.Every():
            return _every(step)
        case model.If(condition=condition, then=then, otherwise=otherwise):
            data: Plain = {"if": unparse(condition), "then": _Kept(_steps(then))}
            return data | ({"else": _steps(otherwise)} if otherwise else {})
        case model.Choose(branches=branches):
            return {"choose": [_branch(b) for b in branches]}
        case model.Do(protocol=protocol):
            return {"do": protocol}
        case model.StartProtocol(protocol=protocol):
            return {"start": protocol}
        case model.Set(assignment=assignment):
            return {"set": _assignments((assignment,))}
    raise AssertionError(step)


def _visit(step: model.Visit) -> Plain:
    times = None if step.rebook_times is None else str(step.rebook_times)
    return {
        "visit": step.provider,
        "reason": step.reason,
        "lasts": _text(step.lasts),
        "attend": _text(step.attend),
        "rebook": _given({"after": _text(step.rebook_after), "times": times}),
        "priority": _text(step.priority),
        "gives_up": _text(step.gives_up),
        "missed": _steps(step.missed),
        "referral": "true" if step.referral else None,
        "discharge": _discharge(step.discharge),
        "steps": _steps(step.steps),
    }


def _discharge(e: model.Expr | None) -> Plain:
    return {} if e is None else {to: unparse(share) for to, share in zip(e.type.levels, e.args, strict=True)}


def _every(step: model.Every) -> Plain:
    return {
        "every": unparse(step.interval),
        "first": _text(step.first) or "now",
        "until": _text(step.until),
        "at_most": None if step.at_most is None else str(step.at_most),
        "steps": _Kept(_steps(step.steps)),
    }


def _branch(b: model.Branch) -> Plain:
    if b.expression is None:
        return {"otherwise": _steps(b.steps)}
    return {b.kind: _text(b.expression), "then": _steps(b.steps)}


# ---- small pieces


def _assignments(assignments: Iterable[model.Assignment]) -> Plain:
    return {a.variable: unparse(a.expression) for a in assignments}


def _text(e: Expr | None) -> str | None:
    if e is None:
        return None
    return "rest" if e.op == "rest" else unparse(e)


def _local(name: str) -> str:
    return name.rpartition(".")[2]


def _truth(value: bool) -> str:
    return "true" if value else "false"


class _Kept(list[Plain]):
    """A list that is written even where it is empty."""


_Dumper.add_representer(_Kept, yaml.SafeDumper.represent_list)


def _given(data: Plain) -> Plain:
    """What has a value."""
    return {
        key: value
        for key, value in data.items()
        if isinstance(value, _Kept) or value not in (None, "", {}, [])
    }
