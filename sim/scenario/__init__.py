"""From what an author writes in YAML to a checked, resolved `Scenario`."""

from __future__ import annotations

from pathlib import Path

from sim.scenario.cases import Case
from sim.scenario.diagnostics import Diagnostic, ScenarioError, render
from sim.scenario.documents import examine, examine_pathway, examined
from sim.scenario.model import Scenario
from sim.scenario.resolved import resolved
from sim.scenario.settings import Parameters

__all__ = [
    "Case",
    "Diagnostic",
    "Parameters",
    "Scenario",
    "ScenarioError",
    "cases",
    "check",
    "check_pathway",
    "load",
    "render",
    "resolved_form",
]


def load(path: str | Path, parameters: Parameters | None = None) -> Scenario:
    """The scenario at `path`, a folder that holds scenario.yaml, or that file.

    `parameters` are values to use instead of those in the files: texts, `{"onset": "0.02 per year"}`, where a
    bare number is in the parameter's unit; the path of a file of parameters; or a list of these, of which
    the later win. Raises ScenarioError, and nothing else, with everything that is
    wrong.
    """
    scenario, diagnostics = check(path, parameters)
    if scenario is None:
        raise ScenarioError(diagnostics)
    return scenario


def check(
    path: str | Path, parameters: Parameters | None = None
) -> tuple[Scenario | None, tuple[Diagnostic, ...]]:
    """The scenario at `path` (None where it has errors) and every finding, warnings too, by place."""
    scenario, _, diagnostics = examine(path, parameters)
    return scenario, diagnostics


def cases(path: str | Path, parameters: Parameters | None = None) -> tuple[Case, ...]:
    """What is expected of the scenario at `path`, by the lives that tell it.

    Raises ScenarioError with everything that is wrong.
    """
    found = examined(path, parameters)
    if found.scenario is None:
        raise ScenarioError(found.diagnostics)
    return found.cases


def check_pathway(path: str | Path) -> tuple[str | None, tuple[Diagnostic, ...]]:
    """The name of the pathway in the file at `path` (None where it has errors) and every finding, by place.

    It is checked alone, with what it `needs:` taken as given: whatever only a scenario can tell is not found.
    """
    return examine_pathway(Path(path))


def resolved_form(path: str | Path, parameters: Parameters | None = None) -> dict[str, str]:
    """The resolved form of the scenario at `path`: the texts of scenario.yaml and its pathways, by path.

    It is a scenario of the same folder, with every default, unit, code and stream name spelled out.
    Raises ScenarioError with everything that is wrong.
    """
    scenario, documents, diagnostics = examine(path, parameters)
    if scenario is None or documents is None:
        raise ScenarioError(diagnostics)
    return resolved(scenario, documents)
