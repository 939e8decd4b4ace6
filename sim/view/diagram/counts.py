"""How many went along each arrow of an axis, and stand in each of its states, as a run's tables tell.

A table has a row for each state that lasts: what was passed at once on the way there is not in it. So a row
is counted along every arrow of the one path that leads so. Where several do, it is counted along the arrows
that are on all of them; along the others somebody went at most so often.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sim.agents.explain import duration
from sim.measure.flows import Flow, Flows
from sim.measure.queues import MeasureError
from sim.measure.words import Texts
from sim.records.names import DEAD
from sim.scenario.model import DAYS_PER_YEAR, Scenario
from sim.view.diagram.disease import Axis, Place, Way
from sim.view.diagram.words import Label, Line, number

OFTEN = 5000.0  # per 1000 person-years: the state is one of some weeks
OTHER_SCENARIO = "the run is one of another scenario"


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run's tables say, and as which texts they call what is in the scenario; the states (qualified)
    that are passed at once.
    """

    flows: Flows
    texts: Texts
    passed: frozenset[str]


@dataclass
class _Steps:
    """What was counted along an arrow, and in how many steps more it may have been gone."""

    flows: list[Flow] = field(default_factory=list)
    more: int = 0


def counts(scenario: Scenario, flows: Flows) -> Counts:
    """The counts of a run of this scenario. Raises MeasureError where it is one of another."""
    texts = Texts(scenario)
    known = {(axis, state) for axis, states in texts.states.values() for state in states}
    for axis, state in flows.standing:
        if (axis, state) not in known:
            raise MeasureError(f"{OTHER_SCENARIO}: it has {state} of {axis}")
    states = [state for pathway in scenario.pathways for axis in pathway.axes for state in axis.states]
    passed = {s.name for s in states if s.lasts is None and any(e.kind == "share" for e in s.exits)}
    return Counts(flows, texts, frozenset(passed))


def counted(axis: Axis, found: Counts) -> tuple[Axis, dict[str, int]]:
    """An axis with how many went along each arrow and stand in each place; the former also by the arrow's
    name. Raises MeasureError where somebody went where no arrow leads.
    """
    if axis.name in found.texts.events:
        return _event(axis, found), {}
    steps = _steps(axis, found)
    flows = {way.name: _together(way, steps[way.name], axis, found) for way in axis.ways}
    ways = [
        replace(way, label=_with(way.label, _lines(flows[way.name], steps[way.name].more, share)))
        for way in axis.ways
        for share in [_share(way, flows, axis, found)]
    ]
    places = [replace(place, label=_with(place.label, _standing(place, found))) for place in axis.places]
    return replace(axis, ways=tuple(ways), places=tuple(places)), {
        name: flow.steps for name, flow in flows.items()
    }


def _event(axis: Axis, found: Counts) -> Axis:
    flow = found.flows.events.get(found.texts.events[axis.name])
    (place,) = axis.places
    lines = _lines(flow, 0) if flow else (Line("never", "count"),)
    return replace(axis, places=(replace(place, label=_with(place.label, lines)),))


# ---- along arrows


def _steps(axis: Axis, found: Counts) -> dict[str, _Steps]:
    """What the steps of the tables say of each arrow, by its name."""
    space = axis.name.partition(".")[0]
    leaving: dict[str, list[Way]] = defaultdict(list)
    for way in axis.ways:
        for state in way.left:
            leaving[state].append(way)
    called = next(found.texts.states[p.name][0] for p in axis.places if p.kind != "death")
    steps: dict[str, _Steps] = defaultdict(_Steps)
    for (on, from_, to, cause), flow in found.flows.ways.items():
        if on != called:
            continue
        paths = [
            path
            for path in _paths(from_, leaving, space, found)
            if path[-1].entered == to and _cause(path[-1].cause, space, found) == cause
        ]
        if not paths:
            raise MeasureError(f"{OTHER_SCENARIO}: somebody went from {from_} to {to}")
        on_all = set.intersection(*({step.name for step in path} for path in paths))
        for name in dict.fromkeys(step.name for path in paths for step in path):
            if name in on_all:
                steps[name].flows.append(flow)
            else:
                steps[name].more += flow.steps
    return steps


def _paths(
    state: str, leaving: Mapping[str, Sequence[Way]], space: str, found: Counts
) -> Iterator[tuple[Way, ...]]:
    """Every way out of a state to the next one that is not passed at once, arrow by arrow."""
    for way in leaving.get(state, ()):
        if way.entered != DEAD and f"{space}.{way.entered}" in found.passed:
            for path in _paths(way.entered, leaving, space, found):
                yield (way, *path)
        else:
            yield (way,)


def _together(way: Way, steps: _Steps, axis: Axis, found: Counts) -> Flow:
    """The flow along an arrow. Of several that are one, the people are not known, which is 0."""
    space = axis.name.partition(".")[0]
    texts = [found.texts.states[f"{space}.{state}"] for state in way.left]
    years = sum(found.flows.years.get((called, state), 0.0) for called, (state,) in texts)
    none = np.empty(0, np.float32)
    passed = f"{space}.{way.left[0]}" in found.passed  # then their times are those of the state before
    return Flow(
        sum(flow.steps for flow in steps.flows),
        steps.flows[0].people if len(steps.flows) == 1 else 0,
        0.0 if passed else years,
        np.concatenate([none, *(flow.ages for flow in steps.flows)]),
        none if passed else np.concatenate([none, *(flow.times for flow in steps.flows)]),
    )


def _cause(name: str | None, space: str, found: Counts) -> str | None:
    """As which text the tables call the condition that an author of a pathway calls so."""
    if name is None:
        return None
    conditions = found.texts.conditions
    for qualified in (name, f"{space}.{name}"):
        if qualified in conditions:
            return conditions[qualified]
    return next(text for qualified, text in conditions.items() if qualified.endswith(f".{name}"))


def _share(way: Way, flows: Mapping[str, Flow], axis: Axis, found: Counts) -> float | None:
    """Of those who left the state that an arrow leads from, the part that went along it, where that says more
    than a rate does.
    """
    flow, space = flows[way.name], axis.name.partition(".")[0]
    if not way.by_share and flow.rate < OFTEN:
        return None
    if f"{space}.{way.left[0]}" in found.passed:
        every = sum(flows[other.name].steps for other in axis.ways if other.source == way.source)
    else:
        called = found.texts.states[f"{space}.{way.left[0]}"][0]
        left = found.flows.ways.items()
        every = sum(f.steps for (on, from_, _, _), f in left if on == called and from_ in way.left)
    return flow.steps / every if every else None


# ---- in words


def _lines(flow: Flow, more: int, share: float | None = None) -> tuple[Line, ...]:
    perhaps = [f"at most {more:,} more, by one way or another"] if more else []
    if not flow.steps:
        return tuple(Line(text, "count") for text in perhaps or ["nobody"])
    if flow.people and flow.people != flow.steps:
        shown = [f"{flow.steps:,} times, {flow.people:,} people"]
    elif flow.steps == 1:
        shown = ["once"]
    else:
        shown = [f"{flow.steps:,} {'people' if flow.people else 'times'}"]
    if share is not None:
        shown.append(f"{100 * share:.3g} % of those who left")
    elif flow.years > 0:
        shown.append(f"{number(flow.rate)} per 1000 person-years")
    when = [f"median age {flow.median_age:.1f}"]
    if len(flow.times) and flow.median_time < 0.99 * flow.median_age:  # else since birth
        when.append(f"after {duration(flow.median_time * DAYS_PER_YEAR)}")
    return tuple(Line(text, "count") for text in [*shown, *perhaps, ", ".join(when)])


def _standing(place: Place, found: Counts) -> tuple[Line, ...]:
    if place.kind == "death" or place.name in found.passed:
        return ()
    axis, states = found.texts.states[place.name]
    many = sum(found.flows.standing.get((axis, state), 0) for state in states)
    share = f" ({100 * many / found.flows.alive:.1f} %)" if found.flows.alive else ""
    return (Line(f"{many:,} at the end{share}", "count"),)


def _with(label: Label, more: tuple[Line, ...]) -> Label:
    return Label(label.lines + more, label.tip)
