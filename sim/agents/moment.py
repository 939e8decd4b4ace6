"""A moment of a life: all that is so, and all that is under way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.agents.explain import HazardNow, Names, hazard_now
from sim.agents.happenings import Amount
from sim.scenario.model import DAYS_PER_YEAR, Type

if TYPE_CHECKING:
    from sim.agents.care import Activation
    from sim.agents.life import Life


@dataclass(frozen=True)
class StateNow:
    """The state of an axis, since a time (days since birth)."""

    axis: str
    state: str
    since: float


@dataclass(frozen=True)
class TimerNow:
    """A time fixed on entry into a state, at which it is left: `to` a state, or (None) by shares."""

    state: str
    to: str | None
    due: float


@dataclass(frozen=True)
class Listed:
    """A condition on the problem list, or a drug that runs, until its supply ends (inf: until stopped)."""

    name: str
    since: float
    until: float


@dataclass(frozen=True)
class ProtocolNow:
    """A protocol under way and what it waits for: another protocol, its turn at a provider, or a time."""

    name: str
    since: float
    step: str | None
    protocol: str | None
    provider: str | None
    until: float


@dataclass(frozen=True)
class Moment:
    """What is so at `time` (days since birth), before anything that happens then. Times are days since
    birth."""

    time: float
    recording: bool
    states: tuple[StateNow, ...]
    variables: tuple[tuple[str, Amount], ...]
    results: tuple[tuple[str, Amount, float], ...]  # the last of each test, and when
    problems: tuple[Listed, ...]
    drugs: tuple[Listed, ...]
    protocols: tuple[ProtocolNow, ...]
    timers: tuple[TimerNow, ...]
    hazards: tuple[HazardNow, ...]

    @property
    def age(self) -> float:
        """Years."""
        return self.time / DAYS_PER_YEAR


def moment(life: Life, names: Names, time: float, steps: Mapping[str, str]) -> Moment:
    """The moment `time`, before which nothing more is due in the life. `steps` are where protocols are."""
    world = life.world
    entered = [(axis, world.states[state]) for axis, state in life.states.items()]
    types = {b.name: Type("number", b.unit) for b in world.scenario.biomarkers}
    types |= {x.name: x.type for x in world.scenario.examinations}
    return Moment(
        time,
        life.recording,
        tuple(StateNow(axis, state.name, life.since[state.name]) for axis, state in entered),
        tuple(
            (v.name, Amount(life.variables[v.name], v.type))
            for v in world.scenario.variables
            if v.name in life.variables
        ),
        tuple(
            (name, Amount(life.last[name], of), life.since[name])
            for name, of in types.items()
            if name in life.last
        ),
        tuple(
            Listed(name, life.since[name], life.due.get(world.resolutions[name], math.inf))
            for name in life.diagnosed
        ),
        tuple(
            Listed(name, life.since[name], life.due.get(world.supplies[name], math.inf))
            for name in life.prescribed
        ),
        tuple(_protocol(life, activation, steps) for activation in life.running.values()),
        tuple(
            TimerNow(state.name, timer.exit.target if timer.exit else None, life.due[timer.slot])
            for _, state in entered
            for timer in state.timers
            if timer.slot in life.due
        ),
        tuple(hazard_now(life, names, h, time) for _, h in sorted(life.hazards.items()) if h),
    )


def _protocol(life: Life, activation: Activation, steps: Mapping[str, str]) -> ProtocolNow:
    name = activation.protocol.name
    return ProtocolNow(
        name,
        life.since[name],
        steps.get(name),
        activation.callee.protocol.name if activation.callee else None,
        activation.request.provider if activation.request else None,
        life.due.get(life.world.protocol_slots[name], math.inf),
    )
