"""Behaviours in a life: who hears of what happens, and what is said where their code fails."""

from __future__ import annotations

import math
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.agents.behaviours import Behaviour, Event, Kind, Person
from sim.agents.faults import Failure
from sim.scenario.model import DAYS_PER_YEAR, Span

if TYPE_CHECKING:
    from sim.agents.life import Life

HEARD: dict[str, Kind] = {
    "state": "state",
    "event": "event",
    "condition": "condition",
    "drug": "drug",
    "procedure": "procedure",
    "vaccine": "vaccine",
    "biomarker": "observation",
    "test": "observation",
    "provider": "visit",
    "protocol": "protocol",
}


@dataclass(frozen=True)
class Rule:
    """A behaviour of a scenario, imported: `name` and `span` as it is written there, `file` its code."""

    name: str
    type: type[Behaviour]
    file: str
    span: Span


class Hearer:
    """One behaviour of one life."""

    def __init__(self, rule: Rule, life: Life, memory: dict[Any, Any]) -> None:
        self.rule, self.person = rule, Person(life, rule.name, memory)
        with self._blamed():
            self.behaviour = rule.type()

    def entered(self) -> None:
        """The life enters the population."""
        with self._blamed():
            self.behaviour.entered(self.person)

    def hear(self, kind: Kind, name: str, value: float = math.nan) -> None:
        """Something happens in it now."""
        life = self.person.life
        event = Event(kind, name, life.now / DAYS_PER_YEAR, value)
        life.because("behaviour", behaviour=self.rule.name, event=event)
        with self._blamed():
            self.behaviour.happened(self.person, event)

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """What goes wrong in the behaviour's code becomes a fault that names it."""
        try:
            yield
        except Failure:
            raise
        except (Exception, SystemExit) as error:
            message = f"the behaviour {self.rule.name} failed: {reason(error, self.rule.file)}"
            raise Failure(message, self.rule.span) from error


def enter(life: Life) -> None:
    """The behaviours of the scenario begin to follow a life, which enters the population now."""
    memory: dict[Any, Any] = {}
    life.hearers = tuple(Hearer(rule, life, memory) for rule in life.world.behaviours)
    for hearer in life.hearers:
        hearer.entered()


def hear(life: Life, thing: str, value: float) -> None:
    """A thing has happened; groups of things are not told of."""
    kind = life.world.kinds.get(thing)
    if kind is None:
        return
    for hearer in life.hearers:
        hearer.hear(kind, thing, value if kind == "observation" else math.nan)


def hear_of_death(life: Life, cause: str | None) -> None:
    """The life has ended."""
    for hearer in life.hearers:
        hearer.hear("death", cause or "")


def reason(error: BaseException, file: str) -> str:
    """An exception in one line, with the line of `file` that it came from."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return f"{type(error).__name__}: {error.msg} ({_relative(file)}:{error.lineno})"
    told = error.args[0] if isinstance(error, KeyError) and error.args else error
    said = ": ".join(filter(None, (type(error).__name__, " ".join(str(told).split()))))
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{said} ({_relative(file)}:{lines[-1]})" if lines else said


def _relative(file: str) -> str:
    relative = os.path.relpath(file)
    return file if relative.startswith("..") else relative
