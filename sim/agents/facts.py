"""What is so of a patient, asked by the names of the scenario."""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING, Any

from sim.scenario.model import DAYS_PER_YEAR, Variable

if TYPE_CHECKING:
    from sim.agents.life import Life

EPOCH = datetime.date(1970, 1, 1)
SEX = "population.sex"
Value = Any
"""Of a variable: a number in base units (days, per day, days since 1970-01-01), NaN where nothing has set
it; a truth value, or the name of a category's level, None where nothing has set it."""


class Facts:
    """A patient, to be read.

    `number` is the patient's, `life` all that is so of the patient (see `Life`). Names are those of the
    scenario, without their pathway where they are the only ones; KeyError says what else there is.
    """

    number: int
    life: Life

    @property
    def time(self) -> float:
        """Days since birth."""
        return self.life.now

    @property
    def age(self) -> float:
        """Years since birth."""
        return self.time / DAYS_PER_YEAR

    @property
    def today(self) -> datetime.date:
        """The date."""
        return EPOCH + datetime.timedelta(days=math.floor(self.life.birth + self.time))

    @property
    def sex(self) -> str:
        """female or male."""
        return "male" if self.life.sex else "female"

    def state(self, axis: str) -> str:
        """The state that an axis is in, without its pathway."""
        return self.life.states[self._name("axis", axis)].partition(".")[2]

    def variable(self, name: str) -> Value:
        """The value of a variable, see `Value`."""
        variable = self._variable(name)
        value = self.life.sex if variable.name == SEX else self.life.variables.get(variable.name, math.nan)
        match variable.type.kind:
            case "truth":
                return None if math.isnan(value) else value == 1.0
            case "category":
                return None if math.isnan(value) else variable.type.levels[int(value)]
            case _:
                return value

    def last(self, biomarker: str) -> float:
        """The last result of a test, NaN before the first."""
        return self.life.last.get(self._name("biomarker", biomarker), math.nan)

    def first(self, biomarker: str) -> float:
        """The first result of a test, NaN before it."""
        return self.life.first.get(self._name("biomarker", biomarker), math.nan)

    def result(self, test: str) -> bool | str | None:
        """The last result of a test that is no number: whether it was positive, or what was seen; None before
        the first."""
        name = self._name("test", test)
        levels, value = self.life.world.examinations[name].type.levels, self.life.last.get(name)
        if value is None:
            return None
        return levels[int(value)] if levels else value == 1.0

    def diagnosed(self, condition: str) -> bool:
        """Whether a condition is on the problem list."""
        return self._name("condition", condition) in self.life.diagnosed

    def prescribed(self, drug: str) -> bool:
        """Whether a drug is running."""
        return self._name("drug", drug) in self.life.prescribed

    def running(self, protocol: str) -> bool:
        """Whether a protocol is under way."""
        return self._name("protocol", protocol) in self.life.running

    def count(self, kind: str, thing: str) -> int:
        """How often a thing has happened; `kind` is state, group, event, condition, drug, procedure,
        biomarker, test, provider or protocol."""
        return self.life.counts.get(self._name(kind, thing), 0)

    def waits_for(self, provider: str) -> bool:
        """Whether a visit to a provider was asked for and its turn has not come."""
        name = self._name("provider", provider)
        return any(a.request.provider == name for a in self.life.running.values() if a.request)

    def _name(self, kind: str, name: str) -> str:
        return self.life.world.qualified(kind, name)

    def _variable(self, name: str) -> Variable:
        world = self.life.world
        return world.scenario.variables[world.numbers["variable", self._name("variable", name)]]
