"""Whole scenarios, drawn by hypothesis from the language: every construct that both runtimes have.

A construct that joins the language joins `steps`, `exits`, `starts`, ... here, or the expressions beside it,
and the list of what must be reached in test_generator.py. Maps are written as JSON, which YAML includes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from sim.scenario.model import SOJOURNS
from tests.agents.expressions import (
    DATES,
    LEVELS,
    Draw,
    Names,
    chance,
    duration,
    factor,
    number,
    one,
    rate,
    time,
    truth,
    variable,
)

Map = dict[str, Any]


@dataclass(frozen=True)
class Written:
    """The files of a scenario, by name."""

    files: dict[str, str]

    def write(self, folder: Path) -> Path:
        for name, text in self.files.items():
            (folder / name).write_text(text)
        return folder


@st.composite
def scenarios(draw: Draw) -> Written:
    """A scenario of one pathway or two."""
    n = Names(providers=["clinic", "ward"])
    files: dict[str, str] = {}
    frame: Map = {
        "scenario": "drawn",
        "window": draw(st.sampled_from(WINDOWS)),
        "population": population(draw, files),
    }
    if draw(st.booleans()):
        frame["mortality"] = mortality(draw, files)
    bare = [bare_pathway(draw, n, name) for name in ("a", "b")[: 1 + draw(st.integers(0, 1))]]
    hazards: list[str] = []
    for pathway in bare:
        fill(draw, n, pathway, hazards)
    correlate_errors(draw, bare)
    for pathway in bare:
        modifiers = [modifier(draw, n, hazards) for _ in range(draw(st.integers(0, 2)))] if hazards else []
        modifiers += [mover(draw, n) for _ in range(draw(st.integers(0, 2)))] if n.biomarkers else []
        pathway |= {"modifies": modifiers} if modifiers else {}
        tables = dict.fromkeys(p["table"] for p in pathway.get("parameters", {}).values() if "table" in p)
        files |= {table: RATES[table] for table in tables}
    if found := correlations(draw, bare):
        draw(st.sampled_from([frame, frame["population"], bare[0]]))["correlations"] = found
    frame["population"] |= cohort(draw, n)
    for pathway in bare:
        files[f"{pathway['pathway']}.yaml"] = json.dumps(pathway, indent=1)
    frame["pathways"] = [f"{pathway['pathway']}.yaml" for pathway in bare]
    frame["providers"] = {
        name: {"class": kind} | one(draw, HOURS)
        for name, kind in (("clinic", "ambulatory"), ("ward", "inpatient"))
    }
    return Written({"scenario.yaml": json.dumps(frame, indent=1), **files})


# ---- the frame

HOURS = (
    {},
    {"hours": "weekdays 08:00-17:00"},
    {"hours": ["monday 22:00-24:00", "tuesday 00:00-02:30", "sunday 10:00-10:05"]},
    {"hours": "daily 00:00-24:00", "lasts": "20 minutes"},
    {"lasts": "exponential(2 days)"},
)
DISCHARGES = (
    {"home": "0.5", "care_home": "rest"},
    {"hospice": "0.2 if female else 0.4", "home": "0.3", "care_home": "rest"},
    {"hospice": "1"},
)

WINDOWS = (
    {"from": "1980-01-01", "to": "2000-01-01"},
    {"from": "1990-06-15", "to": "1996-01-01"},
)
AGES = "age,population\n0-9,2\n10-24,5\n25-39,1\n"
AGES_BY_SEX = "sex,age,population\nfemale,0-19,3\nfemale,20-34,1\nmale,0-19,2\nmale,20-34,2\n"
MORTALITY = {
    "by_age.csv": "age,q\n0-39,0.002\n40-59,0.02\n60+,0.1\n",
    "by_sex.csv": "sex,age,q\nfemale,0-49,0.001\nfemale,50+,0.03\nmale,0-49,0.01\nmale,50+,0.05\n",
    "by_year.csv": "year,age,rate\n1900-1989,0-59,0.01\n1900-1989,60+,0.1\n1990-2100,0-59,0.005\n"
    "1990-2100,60+,0.08\n",
}
RATES = {
    "table_age.csv": "age,value\n0-29,0.5\n30-39,1\n40+,2\n",
    "table_sex.csv": "sex,age,value\nfemale,0-34,1\nfemale,35+,2\nmale,0-34,0.5\nmale,35+,3\n",
    "table_year.csv": "year,value\n1850-1989,1\n1990-2200,0.3\n",
}


def population(draw: Draw, files: dict[str, str]) -> Map:
    found: Map = {"size": 10}
    kind = one(draw, ("born", "alive", "alive by sex"))
    if kind == "born":
        found["born"] = {"from": "1950-01-01", "to": one(draw, ("1951-01-01", "1970-01-01"))}
    else:
        files["ages.csv"] = AGES if kind == "alive" else AGES_BY_SEX
        found["alive_on"] = {"date": one(draw, ("1980-01-01", "1975-03-01")), "ages": "ages.csv"}
    if kind != "alive by sex":
        found["sex"] = {"female": 0.5, "male": 0.5}
    entry = one(draw, ("", "20 years", "1985-01-01", "uniform(10 years, 30 years)"))
    return found | ({"entry": entry} if entry else {})


def cohort(draw: Draw, n: Names) -> Map:
    """Who is included, and of whom there are more, in one scenario of four each."""
    found: Map = {}
    if draw(st.integers(0, 3)) == 0:
        looks = one(draw, (("at_start",), ("at_end",), ("at_start", "at_end")))
        found["include"] = {look: f"{truth(draw, n, 'look')} or age < 40" for look in looks}
    if draw(st.integers(0, 3)) == 0:
        found["oversample"] = {"if": truth(draw, n, "look"), "times": "2.5"}
    return found


def mortality(draw: Draw, files: dict[str, str]) -> Map:
    table = one(draw, list(MORTALITY))
    files[table] = MORTALITY[table]
    return {"table": table, "clamp": True} | ({"unit": "per year"} if table == "by_year.csv" else {})


# ---- a pathway: first the names, then what stands behind them


def bare_pathway(draw: Draw, n: Names, name: str) -> Map:
    """The names of a pathway, noted in `n`."""
    pathway: Map = {"pathway": name}

    def named(section: str, kind: list[str], letter: str, sizes: tuple[int, ...]) -> None:
        names = [f"{letter}{i}_{name}" for i in range(draw(st.sampled_from(sizes)))]
        if names:
            pathway[section] = {thing: {} for thing in names}
            kind += names

    axes = draw(st.lists(st.sampled_from((1, 3, 2, 3, 4)), min_size=1, max_size=2))
    pathway["disease"] = {
        f"axis{i}_{name}": {f"s{i}{j}_{name}": {} for j in range(size)} for i, size in enumerate(axes)
    }
    n.states += [state for axis in pathway["disease"].values() for state in axis]
    named("events", n.events, "e", (0, 1, 2, 0))
    for axis_, states in pathway["disease"].items():
        if len(states) > 1 and draw(st.booleans()):
            n.groups[axis_] = [f"h{i}_{axis_}" for i in range(draw(st.integers(1, 2)))]
            n.states += n.groups[axis_]
    named("conditions", n.conditions, "c", (0, 1, 2, 2))
    named("drugs", n.drugs, "d", (0, 1, 2, 1))
    for drug in pathway.get("drugs", {}):
        pathway["drugs"][drug] = a_drug(draw)
        if doses := pathway["drugs"][drug].get("doses"):
            n.doses[drug] = doses
    if own := list(pathway.get("drugs", {})):
        rungs = draw(st.sampled_from(([own[:1], own], [own[-1:]], [[drug] for drug in own])))
        pathway["ladders"] = {f"l_{name}": rungs}
        n.ladders.append(f"l_{name}")
    named("procedures", n.procedures, "p", (0, 1, 1))
    groups: Map = {}
    for section, kind in (
        ("conditions", n.condition_groups),
        ("drugs", n.drug_groups),
        ("procedures", n.procedure_groups),
    ):
        if section in pathway and draw(st.booleans()):
            groups[f"{section}_{name}"] = list(pathway[section])
            kind.append(f"{section}_{name}")
    pathway |= {"groups": groups} if groups else {}
    named("vaccines", n.vaccines, "j", (0, 1, 1))
    named("biomarkers", n.biomarkers, "m", (0, 1, 2, 1))
    named("tests", tests := [], "v", (0, 1, 1, 2))
    for test in tests:
        one(draw, (n.tests, n.sights)).append(test)
    if len(n.biomarkers) > 1:
        pathway.setdefault("tests", {})[f"b_{name}"] = a_panel(draw, n)
        n.panels.append(f"b_{name}")
    named("care", n.protocols, "q", (1, 2, 3, 4, 0))
    if draw(st.booleans()):
        kinds = [kind for kind, section in ARGUMENTS.items() if section is None or section in pathway]
        needs = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3, unique=True))
        n.arguments[f"r_{name}"] = {f"{kind}_": kind for kind in needs}
    return pathway


# What an argument can be, and where there are such things; None: always.
ARGUMENTS = {
    "drug": "drugs",
    "condition": "conditions",
    "procedure": "procedures",
    "biomarker": "biomarkers",
    "protocol": "care",
    "provider": None,
    "number": None,
    "duration": None,
}


def a_drug(draw: Draw) -> Map:
    found: Map = {}
    if draw(st.booleans()):
        found["doses"] = draw(st.sampled_from((["5 mg", "10 mg", "30 mg"], ["1 mg"], ["0.1 mL", "0.3 mL"])))
    if draw(st.booleans()):
        found["adherence"] = one(draw, ("0.9", "beta(mean=0.7, sd=0.2)", "bernoulli(0.5)"))
    if draw(st.booleans()):
        found["works_in"] = one(draw, ("2 weeks", "30 days if female else 1 year"))
    if draw(st.booleans()):
        found["given_up"] = {"rate": one(draw, ("0.9 per year", "2 per year * exp(-0.01 * age)"))}
        if draw(st.booleans()):
            found["given_up"] |= {"while": "age < 40", "times": "2 if female else 1"}
    return found | ({"as_needed": True} if draw(st.integers(0, 3)) == 3 else {})


def fill(draw: Draw, n: Names, pathway: Map, hazards: list[str]) -> None:
    fill_values(draw, n, pathway)
    for biomarker in pathway.get("biomarkers", {}):
        pathway["biomarkers"][biomarker] = a_biomarker(draw, n)
    for test in pathway.get("tests", {}):
        if test in n.examinations:
            pathway["tests"][test] = an_examination(draw, n, test in n.tests)
    for name, axis in pathway["disease"].items():
        conditions = list(pathway.get("conditions", {}))
        fill_axis(draw, n, axis, conditions, hazards)
        remember_what_was_left(draw, n, pathway, name)
        for group in n.groups.get(name, ()):
            axis = grouped(draw, n, axis, group, conditions, hazards)
        pathway["disease"][name] = axis
    for event in pathway.get("events", {}):
        pathway["events"][event] = an_event(draw, n)
        hazards.append(event)
    own = list(pathway.get("care", {}))
    for place, protocol in enumerate(own):
        pathway["care"][protocol] = a_protocol(draw, n, own[place + 1 :], hazards, protocol)
    for protocol in n.arguments:
        if protocol.endswith(pathway["pathway"]):
            pathway.setdefault("care", {})[protocol] = with_arguments(draw, n, protocol)


def fill_values(draw: Draw, n: Names, pathway: Map) -> None:
    name = pathway["pathway"]
    pathway["parameters"] = {f"k_{name}": {"value": one(draw, ("1", "0.5", "2"))}}
    if draw(st.booleans()):
        days = draw(st.lists(st.sampled_from(DATES), min_size=1, max_size=2, unique=True))
        pathway["parameters"][f"k_{name}"]["changes"] = {day: one(draw, ("0", "1.5", "3")) for day in days}
    n.parameters.append(f"k_{name}")
    if draw(st.booleans()):
        table = one(draw, list(RATES))
        by = RATES[table].partition("\n")[0].split(",")[:-1]
        pathway["parameters"][f"table_{name}"] = {"by": by, "table": table, "clamp": True}
        n.tables.append(f"table_{name}")
        n.keys[f"table_{name}"] = len(by)
    variables = pathway["variables"] = {}
    for kind, names, drawn in (
        (f"x_{name}", n.numbers, lambda: variable(draw, n)),
        (f"t_{name}", n.truths, lambda: f"bernoulli({chance(draw)})"),
        (f"g_{name}", n.categories, lambda: "categorical(low=0.2, middle=0.3, top=rest)"),
    ):
        if draw(st.booleans()):
            variables[kind] = drawn()
            names.append(kind)


def correlations(draw: Draw, pathways: list[Map]) -> list[Map]:
    """Between variables that are drawn, small enough to hold together."""
    names = [name for p in pathways for name, value in p["variables"].items() if "(" in value]
    pairs = [[a, b] for place, a in enumerate(names) for b in names[:place]]
    return [{"between": pair, "r": one(draw, ("0.2", "-0.15", "0"))} for pair in pairs if draw(st.booleans())]


def a_biomarker(draw: Draw, n: Names) -> Map:
    found: Map = {
        "unit": "1",
        "value": f"5 + {number(draw, values_only(n), 'value', 1)} * 0.2",
        "range": "0 to 20",
    }
    found |= {"decimals": draw(st.integers(0, 2))} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        found["within_person"] = f"ou(sd={one(draw, ('0.5', '0.1'))}, half_life={duration(draw)})"
    if draw(st.booleans()):
        found["measurement_error"] = one(draw, ("normal(0, 0.3)", "uniform(-1, 1)"))
    return found


def a_panel(draw: Draw, n: Names) -> Map:
    """Of biomarkers of any pathway."""
    return {"panel": draw(st.lists(st.sampled_from(n.biomarkers), min_size=2, max_size=3, unique=True))}


def correlate_errors(draw: Draw, pathways: list[Map]) -> None:
    """Of panels in which there are several errors."""
    measured = {name: b for pathway in pathways for name, b in pathway.get("biomarkers", {}).items()}
    panels = [test for pathway in pathways for test in pathway.get("tests", {}).values() if "panel" in test]
    for panel in panels:
        errors = sum("measurement_error" in measured[name] for name in panel["panel"])
        if errors > 1 and draw(st.booleans()):
            panel["errors_correlate"] = one(draw, ("0.4", "-0.3", "0"))


def an_examination(draw: Draw, n: Names, says_yes: bool) -> Map:
    """States, and other truths, with what is seen in them."""
    truths = [truth(draw, values_only(n), "value", 1) for _ in range(draw(st.integers(0, 1)))]
    keys = list(dict.fromkeys([*truths, *draw(st.lists(st.sampled_from(n.states), max_size=2, unique=True))]))
    found: Map = {}
    if says_yes:
        found["positive"] = {key: chance(draw) for key in [*keys, "otherwise"]}
    else:
        rows = (
            {LEVELS[0]: "0.5", LEVELS[1]: "rest"},
            {LEVELS[2]: "0.25 if female else 0.1", LEVELS[0]: "rest"},
        )
        all_levels = {LEVELS[0]: "0.2", LEVELS[1]: "0.3", LEVELS[2]: "rest"}
        found["result"] = {key: one(draw, rows) for key in keys} | {"otherwise": all_levels}
    return found | ({"takes": time(draw, n)} if draw(st.booleans()) else {})


def values_only(n: Names) -> Names:
    """What a biomarker may read of: no biomarkers, whose definitions could go round in a circle."""
    return Names(states=n.states, drugs=n.drugs, numbers=n.numbers, truths=n.truths, categories=n.categories)


# ---- disease


def fill_axis(draw: Draw, n: Names, axis: Map, conditions: list[str], hazards: list[str]) -> None:
    states = list(axis)
    for place, state in enumerate(states):
        kind = one(draw, ("exits", "lasts", "instant")) if 0 < place < len(states) - 1 else "exits"
        if kind == "exits" and place and draw(st.booleans()):
            kind = "lasts"
        if draw(st.booleans()):
            axis[state]["set"] = assignments(draw, n)
        if kind == "lasts":
            axis[state]["lasts"] = time(draw, n)
        if kind != "exits":
            targets = states[place + 1 :] if kind == "instant" else states
            axis[state] |= shares(draw, n, targets, conditions if kind == "lasts" else [])
        if kind != "instant":
            for target in targets_of(draw, states, conditions):
                ways = some_ways(draw, n, target, conditions)
                key = f"-> {target}"
                if key in axis[state]:
                    continue
                axis[state][key] = ways if len(ways) > 1 else ways[0]
                if can_be_modified(ways):
                    hazards.append(f"{state} -> {target}")


def remember_what_was_left(draw: Draw, n: Names, pathway: Map, name: str) -> None:
    """In some states of an axis, set a variable to the state that was left, and let a number depend on it."""
    axis = pathway["disease"][name]
    states = list(axis)
    for state in states if draw(st.booleans()) else ():
        was = one(draw, ("previous_state", f"previous_state or_else {states[0]}"))
        axis[state]["set"] = axis[state].get("set", {}) | {f"left_{name}": was}
        if draw(st.booleans()):
            axis[state]["set"] |= {"only_set": f"2 if previous_state == {one(draw, states)} else 1"}
        some = states[draw(st.integers(0, len(states) - 1)) :]
        values = {level: one(draw, ("1", "2", "0.5")) for level in some}
        pathway["parameters"][f"by_left_{name}"] = {"by": f"left_{name}", "value": values}
        n.parameters.append(f"(by_left_{name} or_else 1)")


def grouped(draw: Draw, n: Names, axis: Map, group: str, conditions: list[str], hazards: list[str]) -> Map:
    """The axis with some of its states, side by side, in a group that has exits of its own."""
    names = list(axis)
    first = draw(st.integers(0, len(names) - 1))
    last = draw(st.integers(first, len(names) - 1))
    inside: Map = {"states": {name: axis[name] for name in names[first : last + 1]}}
    states = [state for state in n.states if state in set(flat(axis))]
    taken = set(targets(inside, axis))  # an exit to one of these could not be modified alone
    for target in targets_of(draw, states, conditions):
        if target in taken or all(map(left_at_once, flat(inside["states"]).values())):
            continue
        ways = some_ways(draw, n, target, conditions)
        inside[f"-> {target}"] = ways if len(ways) > 1 else ways[0]
        if can_be_modified(ways):
            hazards.append(f"{group} -> {target}")
    found = {name: axis[name] for name in names[:first]} | {group: inside}
    found |= {name: axis[name] for name in names[last + 1 :]}
    entry = f"-> {next(iter(flat(inside['states'])))}"
    for state in found.values():
        if state is not inside and entry in state and draw(st.booleans()):
            state[f"-> {group}"] = state.pop(entry)
    return found


def flat(axis: Map) -> Map:
    """The states of an axis, those in groups included."""
    found: Map = {}
    for name, state in axis.items():
        found |= flat(state["states"]) if "states" in state else {name: state}
    return found


def targets(state: Map, axis: Map) -> Iterator[str]:
    """Where the exits of a state, or in a group, lead to."""
    for key in state:
        if key.startswith("-> "):
            target = key.removeprefix("-> ")
            yield next(iter(flat(axis[target]["states"]))) if "states" in axis.get(target, {}) else target
    for inner in state.get("states", {}).values():
        yield from targets(inner, axis)


def left_at_once(state: Map) -> bool:
    return "lasts" not in state and any("share" in exit_ for key, exit_ in state.items() if key[:2] == "->")


def some_ways(draw: Draw, n: Names, target: str, conditions: list[str]) -> list[Map]:
    """The exits from one state to one place."""
    return [
        a_death(draw, n, conditions) if target == "dead" else an_exit(draw, n)
        for _ in range(one(draw, (1, 1, 1, 2)))
    ]


def can_be_modified(ways: list[Map]) -> bool:
    """Whether there is a hazard among exits, and none with a fixed time."""
    return any(map(is_hazard, ways)) and all(is_hazard(way) or "after" not in way for way in ways)


def targets_of(draw: Draw, states: list[str], conditions: list[str]) -> list[str]:
    options = [*states, "dead"] if conditions else states
    return draw(st.lists(st.sampled_from(options), min_size=min(1, len(states) - 1), max_size=3, unique=True))


def shares(draw: Draw, n: Names, targets: list[str], conditions: list[str]) -> Map:
    first, *more = draw(st.lists(st.sampled_from(targets), min_size=1, max_size=3, unique=True))
    found: Map = {f"-> {target}": {"share": one(draw, ("0.25", "0.4 if female else 0.1"))} for target in more}
    if conditions and draw(st.booleans()):
        found["-> dead"] = {"share": "0.02", "cause": one(draw, conditions)}
    return found | {f"-> {first}": {"share": "rest" if found else "1"}}


def an_exit(draw: Draw, n: Names) -> Map:
    kinds = ["rate", "fixed", "upon", "after", "after", "upon by chance", "risk", "survival", "when"]
    kinds.append("when by chance")
    match one(draw, kinds):
        case "rate":
            return {"rate": rate(draw, n)} | options(draw, n)
        case "risk":
            return {"risk": f"{probability(draw, n)} in {duration(draw)}"} | options(draw, n)
        case "survival":
            return {"survival": f"{probability(draw, n)} at {duration(draw)}"} | options(draw, n)
        case "when":
            return {"when": truth(draw, n, "trigger")}
        case "when by chance":
            return {"when": truth(draw, n, "trigger"), "chance": chance(draw)}
        case "fixed":
            empirical = "empirical(p0=1 day, p50=1 year, p100=2 years)"
            return {"after": one(draw, (duration(draw), "uniform(10 days, 2 years)", empirical))}
        case "upon":
            return {"upon": one(draw, n.things)}
        case "upon by chance":
            return {"upon": one(draw, n.things), "chance": chance(draw)}
    hazard = one(
        draw,
        (
            "exponential(mean=2 years)",
            "weibull(shape=1.5, scale=3 years)",
            "gompertz(shape=0.1 per year, rate=0.1 per year)",
            "weibull(shape=0.8, scale=(1 year if female else 4 years))",
            "lognormal(median=2 years, sigma=(0.6 if female else 1.5))",
            "loglogistic(shape=0.7, scale=3 years)",
            "gamma(mean=3 years, sd=2 years)",
            "gengamma(shape=0.6, scale=(5 years if female else 1 year), power=1.7)",
            f"piecewise({rate(draw, n)}, {duration(draw)}, 0.3 per year)",
        ),
    )
    return {"after": hazard} | options(draw, n)


def probability(draw: Draw, n: Names) -> str:
    """One that a rate may read."""
    varying = (f"min(max(0.2 * {factor(draw, n)}, 0.01), 0.9)", f"(0.3 if {truth(draw, n, 'rate')} else 0.6)")
    return one(draw, ("0.5", "0.05", *varying))


def a_death(draw: Draw, n: Names, conditions: list[str]) -> Map:
    """Rare, so that most lives reach the date that people must be alive on."""
    cause = {"cause": one(draw, conditions)}
    if draw(st.booleans()):
        return {"upon": one(draw, n.things), "chance": "0.05"} | cause
    return {"rate": f"0.005 per year * {factor(draw, n)}"} | options(draw, n) | cause


def options(draw: Draw, n: Names) -> Map:
    found: Map = {}
    if draw(st.booleans()):
        found["while"] = truth(draw, n, "rate")
    if draw(st.booleans()):
        found["times"] = factor(draw, n)
    return found


def is_hazard(exit_: Map) -> bool:
    hazards = (*SOJOURNS, "piecewise")
    return not exit_.keys().isdisjoint(("rate", "risk", "survival")) or (
        str(exit_.get("after", "")).startswith(hazards)
    )


def an_event(draw: Draw, n: Names) -> Map:
    found: Map = {"rate": rate(draw, n)} | options(draw, n)
    return found | ({"set": assignments(draw, n)} if draw(st.booleans()) else {})


def modifier(draw: Draw, n: Names, hazards: list[str]) -> Map:
    found: Map = {"rate": one(draw, hazards), "times": factor(draw, n)}
    return found | ({"while": truth(draw, n, "rate")} if draw(st.booleans()) else {})


def mover(draw: Draw, n: Names) -> Map:
    """Of a biomarker."""
    found: Map = {"biomarker": one(draw, n.biomarkers)}
    found |= {one(draw, ("times", "add")): f"{number(draw, values_only(n), 'value', 1)} * 0.3"}
    return found | ({"while": truth(draw, values_only(n), "value", 1)} if draw(st.booleans()) else {})


def assignments(draw: Draw, n: Names) -> Map:
    """A number, truth or category that is set; `only_set` has no other value."""
    kinds = ["new"] + ["number"] * bool(n.numbers) + ["truth"] * bool(n.truths)
    kinds += ["category"] * bool(n.categories)
    match one(draw, kinds):
        case "new":
            return {"only_set": one(draw, ("1", "normal(0, 1)"))}
        case "number":
            return {one(draw, n.numbers): one(draw, (number(draw, n, "look"), "uniform(0, 2)"))}
        case "truth":
            return {one(draw, n.truths): one(draw, (truth(draw, n, "look"), f"bernoulli({chance(draw)})"))}
    drawn = f"categorical({LEVELS[0]}=0.5, {LEVELS[1]}=0.5, {LEVELS[2]}=rest)"
    return {one(draw, n.categories): drawn}


# ---- care


def a_protocol(draw: Draw, n: Names, later: list[str], hazards: list[str], name: str) -> Map:
    found: Map = {}
    if one(draw, ("starts", "while")) == "while":
        found["while"] = truth(draw, n, "trigger")
    else:
        found["starts"] = [a_start(draw, n) for _ in range(draw(st.sampled_from((1, 1, 2, 0))))]
        if any("rate" in start for start in found["starts"]):
            hazards.append(name)
    if draw(st.integers(0, 3)) == 3:
        found["until"] = truth(draw, n, "trigger")
    if draw(st.integers(0, 3)) == 3:
        found["valid"] = valid(draw)
    if draw(st.booleans()):
        found["plan"] = draw(st.sampled_from([{}, *({"reason": condition} for condition in n.conditions)]))
    return found | {"steps": steps(draw, n, later, 3)}


def valid(draw: Draw) -> Map:
    start, end = draw(st.sampled_from(list(pairwise(sorted(DATES)))))
    return draw(st.sampled_from(({"from": start}, {"to": end}, {"from": start, "to": end})))


def with_arguments(draw: Draw, n: Names, name: str) -> Map:
    """A protocol that needs arguments, and reads them."""
    needs = n.arguments[name]
    bound = replace(
        n,
        conditions=n.conditions + ["condition_"] * ("condition_" in needs),
        procedures=n.procedures + ["procedure_"] * ("procedure_" in needs),
        biomarkers=n.biomarkers + ["biomarker_"] * ("biomarker_" in needs),
        providers=n.providers + ["provider_"] * ("provider_" in needs),
        parameters=n.parameters + ["number_"] * ("number_" in needs),
    )
    found: Map = {"needs": needs, "steps": steps(draw, bound, [], 2)}
    found["starts"] = a_start(draw, n) | {"with": arguments(draw, n, name)}
    if draw(st.integers(0, 3)) == 3:
        found["until"] = truth(draw, bound, "trigger")
    if "drug_" in needs:
        found["steps"] += [{"prescribe": "drug_"}, {"stop": "drug_", "chance": "0.5"}]
    if "duration_" in needs:
        found["steps"] += [{"wait": "duration_"}, {"perform": "procedure_"}] if "procedure_" in needs else []
    if "protocol_" in needs:
        found["steps"] += [{"if": "not running(protocol_)", "then": {"start": "protocol_"}}]
    return found


def arguments(draw: Draw, n: Names, protocol: str) -> Map:
    constants = [name for name in n.parameters if name.startswith(("k_", "number_"))]
    given: dict[str, Callable[[], str]] = {
        "drug": lambda: one(draw, n.drugs),
        "condition": lambda: one(draw, n.conditions),
        "procedure": lambda: one(draw, n.procedures),
        "biomarker": lambda: one(draw, n.biomarkers),
        "protocol": lambda: one(draw, n.protocols),
        "provider": lambda: one(draw, n.providers),
        "number": lambda: one(draw, ("1", "0.5", "2 - 0.5", *constants)),
        "duration": lambda: duration(draw),
    }
    return {name: given[name.removesuffix("_")]() for name in n.arguments[protocol]}


def call(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    """Do, or start, a protocol with arguments; those are not done by one another, nor by what they start."""
    protocol = one(draw, list(n.arguments))
    return {
        one(draw, ("do", "start") if later else ("start",)): protocol,
        "with": arguments(draw, n, protocol),
    }


def stop_all(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    protocol = one(draw, list(n.arguments))
    return {"if": f"running({protocol}) and {truth(draw, n, 'look')}", "then": {"stop": protocol}}


def a_start(draw: Draw, n: Names) -> Map:
    match one(draw, ("when", "upon", "rate", "during")):
        case "when":
            return {"when": one(draw, ("age >= 20", "age >= 30", truth(draw, n, "trigger")))}
        case "upon":
            return {"upon": one(draw, n.things)}
        case "rate":
            found = {"rate": rate(draw, n)}
            return found | ({"while": truth(draw, n, "rate")} if draw(st.booleans()) else {})
    return {"during": one(draw, n.providers)}


def steps(draw: Draw, n: Names, later: list[str], depth: int) -> list[Map]:
    return [a_step(draw, n, later, depth) for _ in range(draw(st.integers(1, 3)))]


def a_step(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    kinds = ["wait", "set", "wait until"]
    kinds += ["test", "tests"] * bool(n.biomarkers) + ["examine"] * bool(n.examinations)
    kinds += ["panel"] * bool(n.panels)
    kinds += ["diagnose", "resolve"] * bool(n.conditions)
    kinds += ["change dose"] * bool(n.doses) + ["switch"] * (len(n.drugs) > 1) + ["climb"] * bool(n.ladders)
    kinds += ["vaccinate"] * bool(n.vaccines) + ["record"] * bool(n.biomarkers)
    kinds += ["prescribe", "stop drug"] * bool(n.drugs) + ["perform"] * bool(n.procedures)
    kinds += ["start", "stop"] * bool(n.protocols) + ["do"] * bool(later)
    kinds += ["visit", "visit", "if", "every", "choose", "at"] * (depth > 0)
    kinds += ["call", "call", "stop all"] * bool(n.arguments)
    step = STEPS[one(draw, kinds)](draw, n, later, depth - 1)
    if draw(st.integers(0, 7)) == 7:
        step["valid"] = valid(draw)
    return step | ({"chance": chance(draw)} if draw(st.integers(0, 4)) == 4 else {})


def visit(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    found: Map = {"visit": one(draw, n.providers), "steps": steps(draw, n, later, depth)}
    if n.conditions and draw(st.booleans()):
        found["reason"] = one(draw, n.conditions)
    if draw(st.booleans()):
        found["lasts"] = time(draw, n)
    if draw(st.booleans()):
        found["attend"] = chance(draw)
        if draw(st.booleans()):
            times = one(draw, ({"times": 1}, {"times": 3}, {}))
            found["rebook"] = {"after": time(draw, n)} | (times if found["attend"] != "0" else {"times": 2})
        if draw(st.booleans()):
            found["missed"] = steps(draw, n, later, depth)
    if draw(st.booleans()):
        found["discharge"] = one(draw, DISCHARGES)
    return found | ({"referral": True} if draw(st.integers(0, 3)) == 3 else {})


def prescribe(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    return {"prescribe": one(draw, n.drugs)} | supply(draw)


def supply(draw: Draw) -> Map:
    if draw(st.booleans()):
        return {"for": duration(draw), "refills": one(draw, ("0", "2", "until stopped"))}
    return {}


def change_dose(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    verb = one(draw, ("increase", "decrease", "prescribe"))
    drug = one(draw, list(n.doses))
    if verb != "prescribe" and len(n.doses[drug]) > 1:
        return {verb: drug}
    return {"prescribe": drug, "dose": n.doses[drug][-1]} | supply(draw)


def switch(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    old, new = draw(st.lists(st.sampled_from(n.drugs), min_size=2, max_size=2, unique=True))
    return {"switch": old, "to": new} | supply(draw)


def climb(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    return {one(draw, ("step_up", "step_down")): one(draw, n.ladders)} | supply(draw)


def diagnose(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    found: Map = {"diagnose": one(draw, n.conditions)}
    return found | ({"resolves": f"after {duration(draw)}"} if draw(st.booleans()) else {})


def wait_until(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    found: Map = {"wait_until": truth(draw, n, "trigger")}
    return found | ({"at_most": time(draw, n)} if draw(st.integers(0, 3)) else {})


def at(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    """Rounds at times; those after a thing are left to lives in which it has happened."""
    times = one(
        draw, (["1 week"], ["0 days", "30 days", "1 year"], ["6 months if female else 1 year", "3 years"])
    )
    found: Map = {"at": times, "steps": steps(draw, n, later, depth)}
    if not draw(st.booleans()):
        return found
    thing = one(draw, n.things)
    found["counted_from"] = thing + one(draw, ("", "", " + 5 days", " - 30 days * (1 if female else 0)"))
    if draw(st.integers(0, 9)) == 9:
        return found
    return {"if": f"count({thing}) > 0", "then": [found]}


def every(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    interval = one(draw, ("1 year", "30 days", "6 months if female else 1 year", "365.25 days"))
    found: Map = {
        "every": interval,
        "steps": steps(draw, n, later, depth),
        "at_most": draw(st.integers(1, 6)),
    }
    first = one(draw, ("now", "later", "30 days", "uniform(1 day, 20 days)"))
    found |= {"first": first} if first != "now" else {}
    return found | ({"until": truth(draw, n, "look")} if draw(st.booleans()) else {})


def if_(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    found: Map = {"if": truth(draw, n, "look"), "then": steps(draw, n, later, depth)}
    return found | ({"else": steps(draw, n, later, depth)} if draw(st.booleans()) else {})


def choose(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    branches: list[Map] = []
    for _ in range(draw(st.integers(1, 3))):
        then = {"then": steps(draw, n, later, depth)}
        if one(draw, ("share", "if")) == "share":
            branches.append({"share": one(draw, ("0.25", "0.1 if female else 0.3"))} | then)
        else:
            branches.append({"if": truth(draw, n, "look")} | then)
    last = steps(draw, n, later, depth)
    has_shares = any("share" in branch for branch in branches)
    if has_shares and draw(st.booleans()):
        return {"choose": [*branches, {"share": "rest", "then": last}]}
    return {"choose": [*branches, {"otherwise": last}]}


def tests(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    measured = [*n.biomarkers, *n.examinations, *n.panels]
    return {"test": draw(st.lists(st.sampled_from(measured), min_size=1, max_size=2, unique=True))}


def record(draw: Draw, n: Names, later: list[str], depth: int) -> Map:
    value = one(draw, ("3", "normal(5, 2)", f"({number(draw, n, 'look')} or_else 1)"))
    return {"record": one(draw, n.biomarkers), "value": value}


STEPS: dict[str, Callable[[Draw, Names, list[str], int], Map]] = {
    "wait": lambda draw, n, later, depth: {"wait": time(draw, n)},
    "set": lambda draw, n, later, depth: {"set": assignments(draw, n)},
    "test": lambda draw, n, later, depth: {"test": one(draw, n.biomarkers)},
    "tests": tests,
    "panel": lambda draw, n, later, depth: {"test": one(draw, n.panels)},
    "examine": lambda draw, n, later, depth: {"test": one(draw, n.examinations)},
    "diagnose": diagnose,
    "resolve": lambda draw, n, later, depth: {"resolve": one(draw, n.conditions + n.condition_groups)},
    "prescribe": prescribe,
    "change dose": change_dose,
    "switch": switch,
    "climb": climb,
    "stop drug": lambda draw, n, later, depth: {"stop": one(draw, n.drugs + n.drug_groups)},
    "perform": lambda draw, n, later, depth: {"perform": one(draw, n.procedures)},
    "vaccinate": lambda draw, n, later, depth: {"vaccinate": one(draw, n.vaccines)},
    "record": record,
    "start": lambda draw, n, later, depth: {"start": one(draw, n.protocols)},
    "stop": lambda draw, n, later, depth: {"stop": one(draw, n.protocols)},
    "stop all": stop_all,
    "call": call,
    "do": lambda draw, n, later, depth: {"do": one(draw, later)},
    "visit": visit,
    "if": if_,
    "every": every,
    "wait until": wait_until,
    "at": at,
    "choose": choose,
}
