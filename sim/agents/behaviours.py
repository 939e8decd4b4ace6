"""Behaviours: classes in Python that hear what happens to each patient, and act on it.

An author writes a subclass of `Behaviour` and names it in scenario.yaml, `behaviours: module:Class`. Every
life that is lived, from its entry into the population on, has an instance of its own, made with no arguments:
so nothing that an instance keeps of one patient can reach another, whoever else is simulated, in whatever
order, and `self` may remember. (What a class or module keeps is shared, and breaks that promise.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sim.agents import care, verbs
from sim.agents.facts import SEX, Facts, Value
from sim.agents.rows import OF_ENCOUNTER, SEQ
from sim.engine import quantiles
from sim.engine.log import NULL
from sim.scenario.model import (
    DISTRIBUTIONS,
    Biomarker,
    Diagnose,
    Perform,
    Prescribe,
    Resolve,
    Span,
    Step,
    StopDrug,
    Variable,
)
from sim.scenario.scope import did_you_mean

if TYPE_CHECKING:
    from sim.agents.life import Life

Kind = Literal[
    "state",
    "event",
    "condition",
    "drug",
    "procedure",
    "vaccine",
    "observation",
    "visit",
    "protocol",
    "death",
]


@dataclass(frozen=True)
class Event:
    """Something that happens to a patient, at `age` (years).

    kind         name (qualified: "pathway.x")              value
    -----------  -----------------------------------------  ---------------
    state        the state that is entered                  NaN
    event        the event that happens                     NaN
    condition    what is diagnosed, newly                   NaN
    drug         what is prescribed, newly                  NaN
    procedure    what is performed                          NaN
    observation  the biomarker or test                      the result, see below
    visit        the provider (which has no pathway)        NaN
    protocol     the protocol that starts                   NaN
    death        the condition that is the cause, or ""     NaN

    The result of a test that is no number is 1 for positive and 0 for negative, or the number of what is
    seen, from 0 in the order of the file; `Facts.result` has it in words.
    """

    kind: Kind
    name: str
    age: float
    value: float = math.nan


class Behaviour:
    """What an author's class is a subclass of. It overrides what it wants to hear."""

    def entered(self, patient: Person) -> None:
        """The patient enters the population: at birth, or later where the scenario says so.

        Told before triggers are looked at for the first time.
        """

    def happened(self, patient: Person, event: Event) -> None:
        """Something happens, from entry on, before the window as well as in it.

        It is told after the exits and protocols that wait `upon` it; what it causes comes after that.
        """


class Person(Facts):
    """The patient, as a behaviour sees and treats it.

    To be read as `Facts` says; what the methods here do happens now, and writes what the step of that name
    would: in the encounter under way (of several, the one that began last), or in none. Wrong names and
    values raise KeyError, ValueError or TypeError.

    `memory` is a dict for anything, one for each patient, which the behaviours of a scenario share.
    """

    def __init__(self, life: Life, behaviour: str, memory: dict[Any, Any]) -> None:
        self.life, self.number, self.memory = life, life.patient, memory
        self._behaviour = behaviour
        self._drawn: dict[str, int] = {}

    def usual(self, biomarker: str) -> float:
        """What a test would show without noise and error, clipped to the biomarker's range; the truth."""
        b = self._biomarker(biomarker)
        value = self.life.look(b.value)
        return value if math.isnan(value) else min(max(value, b.low), b.high)

    # ---- chance

    def uniform(self, stream: str = "draws") -> float:
        """A number between 0 and 1, all as likely: the patient's next of a stream that nothing else draws
        from.

        Its site is `behaviours/MODULE:CLASS/STREAM`, its count how often it was drawn from, this time
        included.
        """
        self._drawn[stream] = self._drawn.get(stream, 0) + 1
        return self.life.uniform_at(f"behaviours/{self._behaviour}/{stream}", self._drawn[stream])

    def draw(self, distribution: str, *parameters: float, stream: str = "draws") -> float:
        """A draw by one uniform of a stream; `distribution` and its parameters, in their order, are those of
        `sim.scenario.model.DISTRIBUTIONS`, but for the categorical one."""
        names = DISTRIBUTIONS.get(distribution, ())
        if not names:
            drawn = [name for name in DISTRIBUTIONS if DISTRIBUTIONS[name]]
            hint = did_you_mean(distribution, drawn) or f"there are {', '.join(drawn)}"
            raise ValueError(f"no distribution {distribution!r}; {hint}")
        if len(parameters) != len(names):
            raise ValueError(f"{distribution} has the parameters {', '.join(names)}")
        u = self.uniform(stream)
        if distribution == "bernoulli":
            value = float(u < parameters[0]) if 0.0 <= parameters[0] <= 1.0 else math.nan
        else:
            value = getattr(quantiles, distribution)(u, *map(float, parameters))
        if math.isnan(value):
            raise ValueError(f"{distribution} cannot have the parameters {parameters}")
        return value

    # ---- verbs

    def set(self, variable: str, value: Value) -> None:
        """Give a variable of the scenario a value, of the type that `variable` gives."""
        self._must_live()
        declared = self._variable(variable)
        if declared.name == SEX:
            raise ValueError("sex is drawn at birth, and stays")
        self.life.set_variable(declared.name, _number(declared, value))

    def start(self, protocol: str) -> None:
        """Start a protocol beside what runs, its first step due now; nothing if it is running already."""
        self._must_live()
        care.start(self.life, self._name("protocol", protocol))

    def observe(self, biomarker: str, value: float) -> None:
        """The result of a test is `value`, clipped and rounded as that of any test of it."""
        self._must_live()
        b = self._biomarker(biomarker)
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"a result of {b.name} is a number, not {value!r}")
        if not math.isfinite(value):
            raise ValueError(f"a result of {b.name} is finite, not {value!r}")
        truth = self.usual(biomarker)
        verbs.note_result(self.life, b, float(value), self._encounter, b.value, truth=truth)

    def diagnose(self, condition: str) -> None:
        """Put a condition on the problem list; nothing if it is there."""
        self._do(Diagnose("", None, self._span, self._name("condition", condition), None))

    def resolve(self, condition: str) -> None:
        """Take a condition off the problem list; nothing if it is not there."""
        self._do(Resolve("", None, self._span, self._name("condition", condition)))

    def prescribe(self, drug: str) -> None:
        """Start a drug, which runs until it is stopped."""
        self._do(Prescribe("", None, self._span, self._name("drug", drug), None))

    def stop(self, drug: str) -> None:
        """Stop a drug; nothing if it is not running."""
        self._do(StopDrug("", None, self._span, self._name("drug", drug)))

    def perform(self, procedure: str) -> None:
        """Perform a procedure."""
        self._do(Perform("", None, self._span, self._name("procedure", procedure)))

    def _biomarker(self, name: str) -> Biomarker:
        return self.life.world.biomarkers[self._name("biomarker", name)]

    def _do(self, step: Step) -> None:
        self._must_live()
        verbs.perform(self.life, step, self._encounter, 0)

    def _must_live(self) -> None:
        if not self.life.alive:
            raise ValueError("the patient has died; nothing more can be done")

    @property
    def _span(self) -> Span:
        return self.life.world.scenario.population.span

    @property
    def _encounter(self) -> int:
        """The id of the encounter under way that began last, or NULL."""
        visits = (visit.row for a in self.life.running.values() for visit in a.visits if visit.row)
        latest = max(visits, key=lambda row: int(row[SEQ]), default=None)
        return NULL if latest is None else int(latest[OF_ENCOUNTER])


def _number(variable: Variable, value: Value) -> float:
    """A value as the engine keeps it. Raises TypeError, ValueError."""
    kind, levels = variable.type.kind, variable.type.levels
    if kind == "truth":
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{variable.name} is True or False, not {value!r}")
        return float(value)
    if kind == "category":
        if value not in levels:
            raise ValueError(f"{variable.name} is one of {', '.join(levels)}, not {value!r}")
        return float(levels.index(str(value)))
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{variable.name} is a number, not {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{variable.name} cannot be {value!r}")
    return float(value)
