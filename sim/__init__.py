"""Lifecourse: fully synthetic patient lives, written as care-pathway YAML.

For notebooks:

    import sim
    scenario = sim.load("scenarios/diabetes")               # checked; ScenarioError tells all that is wrong
    run = sim.run(scenario, patients=1000)                  # writes outputs/..., like the command `sim run`
    run.table("observations")                               # a pandas DataFrame; run.arrow(...) for Arrow
    sim.measures(run, "prevalence(diabetes)", by=["sex"])   # statistics with their standard errors
    sim.Run("outputs/diabetes").manifest                    # an earlier run
    sim.Population(scenario, 1000).run_until("2010-01-01")  # stop at a date, look at anybody, go on

The names are looked up when first used, so that `import sim` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.agents import Population as Population
    from sim.agents.behaviours import Behaviour as Behaviour
    from sim.agents.behaviours import Event as Event
    from sim.agents.behaviours import Person as Person
    from sim.engine import LifeError as LifeError
    from sim.measure.measures import measures as measures
    from sim.runs.execute import run as run
    from sim.runs.output import OutputError as OutputError
    from sim.runs.result import Run as Run
    from sim.scenario import check as check
    from sim.scenario import load as load
    from sim.scenario.diagnostics import ScenarioError as ScenarioError

_HOME = {
    "load": "sim.scenario",
    "check": "sim.scenario",
    "run": "sim.runs.execute",
    "Run": "sim.runs.result",
    "Population": "sim.agents",
    "Behaviour": "sim.agents.behaviours",
    "Event": "sim.agents.behaviours",
    "Person": "sim.agents.behaviours",
    "ScenarioError": "sim.scenario.diagnostics",
    "LifeError": "sim.engine",
    "measures": "sim.measure.measures",
    "OutputError": "sim.runs.output",
}

__all__ = [
    "Behaviour",
    "Event",
    "LifeError",
    "OutputError",
    "Person",
    "Population",
    "Run",
    "ScenarioError",
    "check",
    "load",
    "measures",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
