"""One life: its clock, what is so in it, what is due, and the rows that are written of it."""

from __future__ import annotations

import heapq
import math
import operator
from collections import deque
from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sim.agents import care, disease, hearers
from sim.agents.expressions import probability
from sim.agents.faults import Failure
from sim.agents.hazards import Hazard
from sim.agents.rows import END, Row
from sim.agents.world import Listener, Slot, Watch, World
from sim.engine import faults, quantiles, streams
from sim.engine.log import NULL, VARIABLE
from sim.scenario.model import Assignment, Exit, Expr

if TYPE_CHECKING:
    from sim.agents.appointments import Desk
    from sim.agents.care import Activation
    from sim.agents.hearers import Hearer

SECONDS_PER_DAY = 86400.0
MOST_AT_ONCE = 10_000  # consequences at one instant before it counts as endless
MOST_WAITING = 256


class Teller(Protocol):
    """Who is told what happens in a life, at the moment that it does."""

    def __call__(self, life: Life, kind: str, /, **facts: Any) -> None: ...


class Streams:
    """The keys of one seed's random streams, by the names of their sites."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._keys: dict[str, np.uint64] = {}

    def key(self, site: str) -> np.uint64:
        if site not in self._keys:
            self._keys[site] = np.uint64(streams.site_key(self.seed, site))
        return self._keys[site]


class Life:
    """A patient's life, from birth to `now` (days since birth).

    states       the state of each axis                      left      the state that it left for this one
    running      protocols under way
    counts       how often a thing has happened              since     when it last did, days since birth
    variables    what they are set to                        last, first   results of tests
    diagnosed    conditions listed: their open rows          prescribed    drugs running: their open rows
    doses        numbers of the doses of drugs running           dosed_since   when they had them first
    due          when the slots of the calendar are due      dirty     hazards and watches to look at again
    """

    def __init__(self, world: World, streams: Streams, patient: int, attempt: int) -> None:
        self.world, self.streams, self.patient, self.attempt = world, streams, patient, attempt
        self.now, self.birth, self.entry, self.sex = 0.0, 0.0, 0.0, 0.0
        self.alive, self.recording = True, False
        self.states: dict[str, str] = {}
        self.left: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        self.since: dict[str, float] = {}
        self.variables: dict[str, float] = {}
        self.last: dict[str, float] = {}
        self.first: dict[str, float] = {}
        self.history: dict[str, list[tuple[float, float]]] = {}
        self.diagnosed: dict[str, Row | None] = {}
        self.prescribed: dict[str, Row | None] = {}
        self.doses: dict[str, int] = {}
        self.dosed_since: dict[str, float] = {}
        self.running: dict[str, Activation] = {}
        self.hazards: dict[int, Hazard | None] = {}
        self.true: set[int] = set()  # watches that were true when last looked at
        self.rounds: dict[str, int] = {}  # how often the rounds of an `every`, and bookings of a visit, came
        self.rows: list[Row] = []
        self.seq = 0
        self.due: dict[Slot, float] = {}
        self.calendar: list[tuple[float, Slot]] = []
        self.waiting: deque[tuple[str, float]] = deque()  # things, with values, with consequences to come
        self.dirty: set[int] = set()
        self.at_once = 0
        self.slot: Slot | None = None
        self.seen_age, self.seen_year, self.turns = 0, 0, math.inf  # for expressions, see there
        self.site, self.count = "", 0
        self.desks: Mapping[str, Desk] = {}  # of providers that are shared with other lives
        self.wake: Callable[[], None] = lambda: None  # called where another than the life has set it going
        self.hearers: tuple[Hearer, ...] = ()  # behaviours that follow it
        self.teller: Teller | None = None

    # ---- telling

    def tell(self, kind: str, **facts: Any) -> None:
        if self.teller:
            self.teller(self, kind, **facts)

    def because(self, kind: str, **facts: Any) -> None:
        """Note what is to blame for what happens next."""
        if self.teller:
            self.teller(self, "because", reason=kind, **facts)

    # ---- chance and expressions

    def uniform_at(self, site: str, count: int) -> float:
        u: float = streams.uniform(self.streams.key(site), count, self.attempt, self.patient)
        self.tell("draw", site=site, count=count, uniform=u)
        return u

    def uniform(self) -> float:
        """The uniform of the draw in the expression that is being evaluated."""
        if self.site in self.world.scores:
            return self.correlated_uniform()
        return self.uniform_at(self.site, self.count)

    def correlated_uniform(self) -> float:
        """The uniform of a correlated variable: that of the sum of its own normal score and of others'."""
        terms = []
        for other, weight in self.world.scores[self.site]:
            u = streams.uniform(self.streams.key(other), self.count, self.attempt, self.patient)
            terms.append(weight * quantiles.normal(u, 0.0, 1.0))
        score = reduce(operator.add, terms)
        correlated: float = quantiles.of_score(score)
        self.tell("draw", site=self.site, count=self.count, uniform=correlated)
        return correlated

    def look(self, e: Expr, site: str = "", count: int = 0) -> float:
        """The value of `e` now; `site` and `count` say where its draw, if it has one, takes its uniform."""
        self.site, self.count = site, count
        return self.world.dictionary.meaning(e, "look").value(self)

    def days(self, e: Expr, site: str = "", count: int = 0) -> float:
        """The value of a duration, which must be known, finite and not negative."""
        value = self.look(e, site, count)
        if not 0.0 <= value < math.inf:
            raise Failure(faults.BAD_TIME, e.span)
        return value

    # ---- the calendar

    def schedule(self, slot: Slot, when: float) -> None:
        """Set when a slot is due, days since birth; inf: never."""
        if when == math.inf:
            self.due.pop(slot, None)
        elif self.due.get(slot) != when:
            self.due[slot] = when
            heapq.heappush(self.calendar, (when, slot))

    def next_due(self) -> float:
        while self.calendar:
            when, slot = self.calendar[0]
            if self.due.get(slot) == when:
                return when
            heapq.heappop(self.calendar)
        return math.inf

    def advance(self) -> None:
        """Carry out what is due next, and all that follows from it at that instant."""
        when = self.next_due()
        self.tell("due", slot=self.calendar[0][1], when=when)
        _, self.slot = heapq.heappop(self.calendar)
        del self.due[self.slot]
        self.at_once = self.at_once + 1 if when == self.now else 0
        self.now = when
        self.check_cascade()
        self.world.acts[self.slot](self)

    def run(self, stop: float) -> None:
        """Live on until `stop` (days since birth); what is due then is left."""
        while self.alive and self.next_due() < stop:
            self.advance()

    def check_cascade(self) -> None:
        if self.at_once > MOST_AT_ONCE:
            raise self.cascade()

    def cascade(self) -> Failure:
        span = self.world.spans[self.slot] if self.slot else self.world.scenario.population.span
        return Failure(faults.CASCADE, span)

    # ---- what follows from what

    def touch(self, kind: str, name: str) -> None:
        """A fact has changed: what reads it must be looked at once this event is over."""
        self.dirty.update(self.world.readers.get((kind, name), ()))

    def look_later(self, watch: Watch) -> None:
        """Look at a watch once this event is over."""
        self.dirty.add(len(self.world.hazard_rules) + watch.number)

    def happen(self, thing: str, value: float = 0.0) -> None:
        """A thing happens now, and then as each group it is in: count it, let its consequences wait their
        turn.
        """
        self.counts[thing] = self.counts.get(thing, 0) + 1
        self.since[thing] = self.now
        self.touch("count", thing)
        self.touch("since", thing)
        if thing in self.world.dictionary.remembered:
            self.history.setdefault(thing, []).append((self.now, value))
        if thing in self.world.upon or self.hearers:
            if len(self.waiting) >= MOST_WAITING:
                raise self.cascade()
            self.waiting.append((thing, value))
        for group in self.world.groups.get(thing, ()):
            self.happen(group)

    def settle(self) -> None:
        """Carry out what follows from an event: first in, first out; then look again at rates and watches."""
        while self.alive and (self.waiting or self.dirty):
            if self.waiting:
                self.consequences(*self.waiting.popleft())
            else:
                number = min(self.dirty)
                self.dirty.remove(number)
                if number < len(self.world.hazard_rules):
                    disease.look_at_hazard(self, self.world.hazard_rules[number])
                else:
                    care.look_at_watch(self, self.world.watches[number - len(self.world.hazard_rules)])
            self.at_once += 1
            self.check_cascade()

    def consequences(self, thing: str, value: float) -> None:
        """Exits and protocols that wait for a thing, in their order, then behaviours.

        It moves an axis once at most.
        """
        moved = set[str]()
        for listener in self.world.upon.get(thing, ()):
            self.because("upon", thing=thing)
            exit_ = listener.exit
            if exit_ is None:
                care.start(self, listener.protocol)
            elif (
                listener.axis not in moved
                and self.states.get(listener.axis) == listener.state
                and self.takes_exit(exit_, self.counts[thing])
            ):
                moved.add(listener.axis)
                disease.enter(self, listener.axis, exit_.target, exit_.cause)
            if not self.alive:
                return
        hearers.hear(self, thing, value)

    def leave_when(self, leaves: Listener) -> None:
        """The `when` of an exit has turned true."""
        exit_ = leaves.exit
        assert exit_
        self.rounds[exit_.site] = self.rounds.get(exit_.site, 0) + 1
        if self.takes_exit(exit_, self.rounds[exit_.site]):
            disease.enter(self, leaves.axis, exit_.target, exit_.cause)

    def takes_exit(self, exit_: Exit, count: int) -> bool:
        """Whether what an exit waited for has this effect."""
        return exit_.probability is None or self.takes(exit_.probability, exit_.site, count)

    def takes(self, chance: Expr, site: str, count: int) -> bool:
        """Whether something of this probability happens."""
        p = probability(self.look(chance), chance)
        u = self.uniform_at(site, count)
        self.tell("chance", chance=chance, probability=p, uniform=u, site=site)
        return u < p

    # ---- the rows

    def seconds(self, time: float) -> int:
        """`time` (days since birth) in whole seconds since 1970-01-01, rounded down."""
        return math.floor((self.birth + time) * SECONDS_PER_DAY)

    def write(
        self,
        kind: int,
        code: int,
        *,
        start: float | None = None,
        aux: int = -1,
        encounter: int = NULL,
        value: float = 0.0,
    ) -> Row:
        """A row of what happens now, or began at `start`."""
        second = self.seconds(self.now if start is None else start)
        row = [kind, self.seq, second, NULL, code, aux, encounter, value]
        self.seq += 1
        self.rows.append(row)
        return row

    def record(self, kind: int, code: int, **cells: Any) -> Row | None:
        """The same, where the record has begun."""
        return self.write(kind, code, **cells) if self.recording else None

    def close(self, row: Row | None) -> None:
        """End an open row now."""
        if row is not None:
            row[END] = self.seconds(self.now)

    def assign(self, assignment: Assignment, count: int) -> None:
        """Set a variable to the value of an expression now; `count` is that of its draw."""
        e = assignment.expression
        self.set_variable(assignment.variable, self.look(e, assignment.site, count), assignment)

    def set_variable(self, name: str, value: float, assignment: Assignment | None = None) -> None:
        row = self.write(VARIABLE, self.world.numbers["variable", name], value=value)
        self.tell("variable", variable=name, value=value, assignment=assignment, row=row)
        if self.variables.get(name) != value:
            self.variables[name] = value
            self.touch("variable", name)
