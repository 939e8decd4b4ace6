"""What is only seen to be wrong while people live."""

from __future__ import annotations

from dataclasses import dataclass

from sim.scenario.model import Span

MOST_ATTEMPTS = 10_000  # lives drawn for one patient until one reaches the date to be alive on
PATIENCE = 10  # times as many until one is included

NOT_A_NUMBER = "this has no value here: the operands are known, the result is not a number"
BAD_RATE = "this rate is negative, unknown or not finite here; a rate must be 0 or more"
BAD_TIME = "this duration is negative, unknown, not finite, or an interval of nothing"
BAD_PROBABILITY = "this probability is not between 0 and 1 here"
OUTSIDE_TABLE = "this table has no value for the keys asked for; extend it, or say `clamp: true`"
CASCADE = "this sets off itself again and again at one instant, without end"
TOO_MANY_ATTEMPTS = "no life drawn reaches the date that people must be alive on"
NOBODY_INCLUDED = "no life drawn is one that `include:` asks for"
BAD_SOJOURN = "this parameter of a distribution is impossible here"
NOT_TABULATED = (
    "this rate has no value here: a table ends before (extend it, or say `clamp: true`), "
    "or an operation has no result"
)
UNKNOWN_RESULT = "this test has no result: what it measures is unknown here"
BAD_SHARE = "the shares are negative here, or add up to more than 1"
BAD_PRIORITY = "this priority is unknown here; say what it is then: `... or_else 0`"
BAD_DISTRIBUTION = "the parameters of this distribution are impossible here"


@dataclass(frozen=True)
class Fault:
    """Why a life could not be lived: `message` says what, `span` where in the scenario, `patient` who shows
    it."""

    message: str
    span: Span | None
    patient: int


class LifeError(Exception):
    """A fault found only while running, such as a rate that turns negative."""

    def __init__(self, fault: Fault):
        super().__init__(fault)
        self.fault = fault

    def __str__(self) -> str:
        place = f"{self.fault.span}  " if self.fault.span else ""
        return f"{place}{self.fault.message} (patient {self.fault.patient})"
