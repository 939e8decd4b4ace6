"""Disease axes: hazards that fire, times that are up, states entered and left, death."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.agents import hearers
from sim.agents.faults import Failure
from sim.agents.hazards import Hazard, HazardRule
from sim.engine import faults
from sim.engine.log import DEATH, DIED, EVENT, STATE
from sim.scenario.model import Event, Exit

if TYPE_CHECKING:
    from sim.agents.life import Life
    from sim.agents.world import StateRule, Timer

ALL = 1.0 + 1e-9  # what shares may add up to: 1, but for rounding
DEAD = "dead"


# ---- hazards


def look_at_hazard(life: Life, rule: HazardRule) -> None:
    """Begin a hazard that was just set going (None so far), or look again at what its rate reads."""
    if rule.number not in life.hazards:
        return
    hazard = life.hazards[rule.number]
    if hazard is None:
        begin(life, rule, life.now)
    else:
        hazard.look_again(life, life.now)
        foresee(life, hazard)


def begin(life: Life, rule: HazardRule, now: float) -> None:
    """Draw a threshold; its count is that of entries into the state, or of starts by this rate so far."""
    count = life.counts[rule.state] if rule.state else life.rounds.get(rule.site, 0)
    hazard = Hazard(rule, life, now, count)
    life.hazards[rule.number] = hazard
    foresee(life, hazard)


def foresee(life: Life, hazard: Hazard) -> None:
    """Put the time at which something is due of a hazard into the calendar."""
    stop = life.world.scenario.window[1] - life.birth
    life.schedule(hazard.rule.slot, hazard.foresee(life, stop))


def hazard_is_due(life: Life, rule: HazardRule) -> None:
    hazard = life.hazards[rule.number]
    assert hazard is not None
    if not hazard.fires:
        hazard.follow(life, life.now)
        foresee(life, hazard)
        return
    life.because("hazard", hazard=hazard)
    if rule.repeats:
        life.rounds[rule.site] = life.rounds.get(rule.site, 0) + 1
        set_going(life, rule)
    rule.fires(life)
    life.settle()


def set_going(life: Life, rule: HazardRule) -> None:
    """A hazard begins when this event is over."""
    life.hazards[rule.number] = None
    life.dirty.add(rule.number)


# ---- events


def occur(life: Life, event: Event) -> None:
    """An event happens now."""
    row = life.write(EVENT, life.world.numbers["event", event.name])
    life.happen(event.name)
    life.tell("event", event=event.name, row=row)
    for assignment in event.sets:
        life.assign(assignment, life.counts[event.name])


# ---- states


def enter(life: Life, axis: str, target: str, cause: str | None) -> None:
    """Move an axis into a state (or "dead", of a cause) now, through any states that are left at once."""
    world = life.world
    came_from = life.states.get(axis)
    if came_from is not None:
        leave(life, world.states[came_from])
        life.left[axis] = came_from
    within = world.states[came_from].groups if came_from else ()
    left = -1 if came_from is None else world.numbers["state", came_from]
    while target != DEAD:
        state = world.states[target]
        life.states[axis] = target
        life.touch("axis", axis)
        row = None if state.instant else life.write(STATE, state.number, aux=left, value=-1.0)
        life.happen(target)
        for group in reversed(state.groups):
            if group not in within:
                life.happen(group)
        within = state.groups
        life.tell("state", axis=axis, left=came_from, state=target, row=row)
        for assignment in state.sets:
            life.assign(assignment, life.counts[target])
        if not state.instant:
            stay(life, state)
            return
        life.at_once += 1
        life.check_cascade()
        exit_ = share_of(life, state)
        target, cause = exit_.target, exit_.cause
    number = -1 if cause is None else world.numbers["condition", cause]
    row = life.write(STATE, -1, aux=left, value=float(number))
    life.tell("state", axis=axis, left=came_from, state=DEAD, row=row)
    die(life, cause)


def stay(life: Life, state: StateRule) -> None:
    for rule in state.hazards:
        set_going(life, rule)
    for timer in state.timers:
        days = life.days(timer.duration, timer.site, life.counts[state.name])
        life.schedule(timer.slot, max(life.now, life.entry) + days)
    for watch in state.watches:
        life.true.discard(watch.number)
        life.look_later(watch)


def leave(life: Life, state: StateRule) -> None:
    for rule in state.hazards:
        life.hazards.pop(rule.number, None)
        life.schedule(rule.slot, math.inf)
    for timer in state.timers:
        life.schedule(timer.slot, math.inf)
    for watch in state.watches:
        life.schedule(watch.slot, math.inf)


def time_is_up(life: Life, timer: Timer) -> None:
    """A `lasts` is over, and one of the shares is taken; or an exit at a fixed time has come."""
    state = life.world.states[timer.state]
    life.because("time", timer=timer)
    exit_ = timer.exit or share_of(life, state)
    enter(life, state.axis, exit_.target, exit_.cause)
    life.settle()


def share_of(life: Life, state: StateRule) -> Exit:
    """The exit that a stay ends in: one uniform, shares added up in their order."""
    u, total = life.uniform_at(f"{state.site}/share", life.counts[state.name]), 0.0
    life.because("share", state=state)
    for exit_ in state.shares[:-1]:
        assert exit_.expression is not None
        if exit_.expression.op == "rest":
            return exit_
        share = life.look(exit_.expression)
        total += share
        if not (share >= 0.0 and total <= ALL):
            raise Failure(faults.BAD_SHARE, exit_.expression.span)
        if u < total:
            return exit_
    return state.shares[-1]


# ---- death


def die_of_background(life: Life) -> None:
    die(life, None)


def die(life: Life, cause: str | None) -> None:
    """The end: visits under way close, requests for others are taken out of their queues."""
    life.alive = False
    for activation in life.running.values():
        for visit in activation.visits:
            life.close(visit.row)
            if visit.turn:
                visit.turn.leave()
        if activation.request:
            activation.request.end(DIED)
    row = life.record(DEATH, -1 if cause is None else life.world.numbers["condition", cause])
    life.tell("death", cause=cause, row=row)
    hearers.hear_of_death(life, cause)
