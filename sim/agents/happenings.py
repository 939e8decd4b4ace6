"""What is told of a life: happenings, each with its reasons, as values that no longer need the life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from sim.agents.explain import Answer, HazardNow, Part, shown
from sim.engine.log import EVENT, STATE, VARIABLE
from sim.scenario.model import DAYS_PER_YEAR, Type

Kind = Literal[
    "redrawn",  #         a life that does not belong to the population, drawn again
    "born",  #            what: the sex
    "enters",  #          the population, later than at birth
    "record begins",
    "carried over",  #    into the record: what was listed or taken before; since
    "variable",  #        value; drawn, uniform
    "state",  #           what: the axis; left, entered, stays
    "event",
    "death",  #           what: the cause, or ""
    "start",  #           of a protocol; caller
    "runs already",  #    a start that did nothing
    "not valid",  #       a start outside the dates between which it may be; dates
    "end",  #             of a protocol
    "if",  #              answer
    "choose",  #          taken; asked, shares, uniform
    "left out",  #        a step, by chance
    "wait",  #            what: the protocol; purpose (see Purpose), lasts, until; drawn, uniform
    "wait until",  #      what: the protocol; answer, until
    "waited",  #          until it turned true, or (holds is False) long enough; answer
    "too late",  #        a time that is left out: what; until
    "rounds over",  #     rounds; answer
    "ask",  #             for a visit; priority
    "appointment",  #     what came of it: outcome, waited
    "visit",  #           reason
    "visit over",  #      lasted, discharge or None, shares, uniform
    "test",  #            result; found, truth, noise, error
    "examine",  #         result; situation, options (result, probability), uniform
    "diagnose",  #        already
    "resolve",  #         listed
    "prescribe",  #       renewed, until, dose
    "change dose",  #     dose, up, changed
    "stop drug",  #       taken
    "procedure",
    "vaccinate",
    "record",  #          a value that was not measured: result, found
]

Purpose = Literal[
    "wait",  #            a step says so
    "round",  #           for the next round
    "turn",  #            for opening hours
    "rebook",  #          to ask again for a visit that was missed
    "lasts",  #           to the end of a visit
    "time",  #            for a time after something
    "result",  #          of a test
]


@dataclass(frozen=True)
class Amount:
    """A value in base units, and what kind of value it is."""

    value: float
    type: Type

    @property
    def shown(self) -> str:
        """The value in words."""
        return shown(self.value, self.type)


# ---- reasons


@dataclass(frozen=True)
class Fired:
    """A hazard has used up its threshold."""

    kind: ClassVar[str] = "hazard"
    hazard: HazardNow


@dataclass(frozen=True)
class Elapsed:
    """A time is up, fixed on entry into a state `ago` days before; drawn where there is a uniform."""

    kind: ClassVar[str] = "time"
    state: str
    lasts: Part
    ago: float
    uniform: float | None


@dataclass(frozen=True)
class Shares:
    """A stay ended in one of several exits, of which `options` (target, share) are the table."""

    kind: ClassVar[str] = "share"
    state: str
    options: tuple[tuple[str, Part], ...]
    uniform: float


@dataclass(frozen=True)
class Entered:
    """A state was entered, and this is part of it."""

    kind: ClassVar[str] = "entered"
    state: str


@dataclass(frozen=True)
class Upon:
    """Something has happened that this waits for."""

    kind: ClassVar[str] = "upon"
    thing: str


@dataclass(frozen=True)
class Turned:
    """A `when`, `while`, `until` or `gives_up` of a protocol has turned true or false."""

    kind: ClassVar[str] = "trigger"
    trigger: str
    protocol: str
    answer: Answer


@dataclass(frozen=True)
class Leaves:
    """The `when` of an exit from a state has turned true."""

    kind: ClassVar[str] = "when"
    state: str
    answer: Answer


@dataclass(frozen=True)
class Reached:
    """A protocol has come to this step, written at `place` (file:line)."""

    kind: ClassVar[str] = "step"
    protocol: str
    step: str
    place: str


@dataclass(frozen=True)
class Chance:
    """It had a probability, and a uniform number was drawn, which was below it or not."""

    kind: ClassVar[str] = "chance"
    probability: Part
    uniform: float
    taken: bool


@dataclass(frozen=True)
class Ended:
    """The supply of a drug, or the time until a condition resolves, is over."""

    kind: ClassVar[str] = "ended"
    of: Literal["supply", "resolves_after"]
    thing: str


@dataclass(frozen=True)
class During:
    """A visit to a provider is under way, which this rides on."""

    kind: ClassVar[str] = "during"
    provider: str


@dataclass(frozen=True)
class Done:
    """All steps of a protocol are done."""

    kind: ClassVar[str] = "done"
    protocol: str


@dataclass(frozen=True)
class VisitOver:
    """The visit is over with which a protocol was to end."""

    kind: ClassVar[str] = "visit over"
    provider: str


@dataclass(frozen=True)
class Behaved:
    """A behaviour in Python has heard of something: (kind, name)."""

    kind: ClassVar[str] = "behaviour"
    behaviour: str
    heard: tuple[str, str]


Reason = (
    Fired
    | Elapsed
    | Shares
    | Entered
    | Upon
    | Turned
    | Leaves
    | Reached
    | Chance
    | Ended
    | During
    | Done
    | VisitOver
    | Behaved
)


# ---- happenings


@dataclass(frozen=True)
class Happening:
    """Something that happens in a life, `time` days after birth.

    `what` is the qualified name of what it happens to. `row` is (kind, seq) of the row that the log has of
    it, None where it leaves no trace in any table.
    """

    time: float
    kind: Kind
    what: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()
    row: tuple[int, int] | None = None

    @property
    def age(self) -> float:
        """Years."""
        return self.time / DAYS_PER_YEAR

    @property
    def recorded(self) -> bool:
        """Whether it is in the patient's record, not only in the truth or nowhere."""
        return self.row is not None and self.row[0] not in (STATE, VARIABLE, EVENT)
