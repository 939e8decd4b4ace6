"""Which lives make the cohort: `include:` and `oversample:`."""

from __future__ import annotations

from sim.agents.life import Life
from sim.scenario.model import Expr

SITE = "population/oversample"


def starts(life: Life, start: float) -> bool:
    """Whether a life is included that is looked at where its record starts (days since birth)."""
    return _holds(life, life.world.scenario.population.include_at_start, start)


def lasts(life: Life) -> bool:
    """Live to the end of the record; whether the life is included that is looked at there."""
    life.run(_stop(life))
    return _holds(life, life.world.scenario.population.include_at_end, _end(life))


def weight(life: Life) -> float:
    """For how many a patient stands whose record has ended; 0 for one who is not kept."""
    oversample = life.world.scenario.population.oversample
    if oversample is None or _holds(life, oversample.condition, _end(life)):
        return 1.0
    return oversample.times if life.uniform_at(SITE, 0) < 1.0 / oversample.times else 0.0


def _holds(life: Life, condition: Expr | None, when: float) -> bool:
    """Whether a condition is true at a time before which all has been lived."""
    if condition is None:
        return True
    now, life.now = life.now, when
    holds = life.look(condition) == 1.0
    life.now = now
    return holds


def _stop(life: Life) -> float:
    return life.world.scenario.window[1] - life.birth


def _end(life: Life) -> float:
    return _stop(life) if life.alive else life.now
