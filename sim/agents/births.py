"""The start of a life: sex, birth, variables, first states, entry."""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

from sim.agents import disease, hearers, sampling
from sim.agents.clocks import GRID
from sim.agents.faults import Failure
from sim.agents.life import Life, Streams, Teller
from sim.agents.world import OPENING, World
from sim.engine import faults
from sim.engine.faults import MOST_ATTEMPTS, PATIENCE
from sim.engine.log import VARIABLE
from sim.scenario.model import DAYS_PER_YEAR, Assignment

LIVED, REDRAW, UNSEEN = range(3)  # how a life went: REDRAW ended before the date to be alive on


class Births:
    """Lives of one world and one seed, each from its birth."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.streams = world, Streams(seed)
        self.population = world.scenario.population

    def life(self, patient: int, teller: Teller | None = None) -> Life | None:
        """The life of a patient up to the window's start, or to entry if that is later.

        Lives are drawn anew until one reaches the date that people must be alive on, and is included. None
        where nothing of it lies in the window. Raises Failure.
        """
        conditioned = self.population.conditioned
        born = 0
        for attempt in range(MOST_ATTEMPTS * (PATIENCE if conditioned else 1)):
            life = Life(self.world, self.streams, patient, attempt)
            life.teller = teller
            outcome = self.begin(life, born)
            if outcome == LIVED and self.population.include_at_end is not None:
                trial = Life(self.world, self.streams, patient, attempt)
                self.begin(trial, born)
                outcome = LIVED if sampling.lasts(trial) else UNSEEN
            if outcome == LIVED:
                return life
            if outcome == UNSEEN and not conditioned:
                return None
            if outcome == UNSEEN:
                born = attempt + 1
        message = faults.NOBODY_INCLUDED if conditioned else faults.TOO_MANY_ATTEMPTS
        raise Failure(message, self.population.span)

    def begin(self, life: Life, born: int) -> int:
        """Live a life up to the window's start, or to entry if that is later; how it went. Its sex and birth
        are those of the attempt `born`.
        """
        self.be_born(life, born)
        from_, to = (date - life.birth for date in self.world.scenario.window)
        if life.entry >= to or not (life.alive or life.entry == 0.0):
            return UNSEEN
        if life.alive and life.recording and not sampling.starts(life, life.entry):
            return UNSEEN
        if life.alive:
            hearers.enter(life)
        life.settle()
        life.run(from_)
        reached = -math.inf if self.population.alive_on is None else self.population.alive_on - life.birth
        if not life.alive and life.now < reached:
            return REDRAW
        if life.alive and not life.recording and not sampling.starts(life, from_):
            return UNSEEN
        return LIVED if life.alive or life.recording else UNSEEN

    def be_born(self, life: Life, born: int) -> None:
        """Sex and birth; variables and first states; hazards, watches and the window from entry on."""
        world = life.world
        self.draw_birth(life, born)
        life.tell("born")
        for variable in world.scenario.variables:
            if variable.draw is not None:
                space, _, name = variable.name.partition(".")
                value = life.look(variable.draw, f"{space}/variables/{name}")
                life.variables[variable.name] = value
                row = life.write(VARIABLE, world.numbers["variable", variable.name], value=value)
                drawn = Assignment(variable.name, variable.draw, f"{space}/variables/{name}")
                life.tell("variable", variable=variable.name, value=value, assignment=drawn, row=row)
        life.entry = self.entry(life)
        opens = world.scenario.window[0] - life.birth
        if opens <= life.entry:
            life.recording = True
        else:
            life.schedule(OPENING, opens)
        for pathway in world.scenario.pathways:
            for axis in pathway.axes:
                if life.alive:
                    disease.enter(life, axis.name, axis.states[0].name, None)
        life.waiting.clear()  # being born into a state is not an event that anything waits for
        life.now = life.entry
        life.tell("entered")
        for rule in world.hazards:
            if rule.repeats:
                disease.set_going(life, rule)
            else:
                alive_on = -math.inf if self.population.alive_on is None else self.population.alive_on
                disease.begin(life, rule, max(alive_on - life.birth, life.entry))
        for watch in world.watches:
            life.look_later(watch)

    def draw_birth(self, life: Life, born: int) -> None:
        """Sex and birth, those of the attempt `born`."""
        p, attempt = self.population, life.attempt
        life.attempt = born
        life.sex = 0.0 if life.uniform_at("population/sex", 0) < self.female else 1.0
        u = life.uniform_at("population/birth", 0)
        life.attempt = attempt
        if p.born is not None:
            start, end = p.born
            life.birth = math.floor((start + u * (end - start)) * GRID) / GRID
            return
        assert p.alive_on is not None
        edges, below = self.ages
        shares = below[int(life.sex)]
        group = min(bisect_right(shares, u), len(edges) - 1) - 1
        part = (u - shares[group]) / (shares[group + 1] - shares[group])
        age = edges[group] + part * (edges[group + 1] - edges[group])
        life.birth = p.alive_on - math.floor(age * DAYS_PER_YEAR * GRID) / GRID

    def entry(self, life: Life) -> float:
        p = self.population
        if p.entry is not None:
            return life.days(p.entry, "population/entry")
        return 0.0 if p.entry_date is None else max(0.0, p.entry_date - life.birth)

    @cached_property
    def counts(self) -> list[list[float]]:
        """How many people the table of ages has below each edge, of women and of men."""
        table = next(t for t in self.world.scenario.tables if t.name == self.population.ages)
        groups = table.axes[-1].size
        women, men = table.values[:groups], table.values[-groups:]
        return [list(accumulate(counts, initial=0.0)) for counts in (women, men)]

    @cached_property
    def ages(self) -> tuple[tuple[float, ...], list[list[float]]]:
        """Edges of the groups of ages (years), and the share of each sex younger than each edge."""
        table = next(t for t in self.world.scenario.tables if t.name == self.population.ages)
        below = [[count / counts[-1] for count in counts[:-1]] + [1.0] for counts in self.counts]
        return table.axes[-1].breaks, below

    @cached_property
    def female(self) -> float:
        if self.population.female is not None:
            return self.population.female
        women, men = (counts[-1] for counts in self.counts)
        return women / (women + men)
