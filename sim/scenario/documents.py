"""A folder -> its documents -> the scenario, with everything that is wrong found in one go."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from sim.scenario import settings
from sim.scenario.diagnostics import Diagnostic, Findings, shown
from sim.scenario.lint import silenced
from sim.scenario.loader import Mapping, Node, Scalar, path_in, place, read_map
from sim.scenario.model import Scenario
from sim.scenario.names import POPULATION, RECORD, SCENARIO, Documents
from sim.scenario.resolve import resolve
from sim.scenario.schema import Pathway, ScenarioFile
from sim.scenario.settings import Parameters
from sim.scenario.shapes import NAME, model_of

FILE = "scenario.yaml"


def examine(
    path: str | Path, parameters: Parameters | None = None
) -> tuple[Scenario | None, Documents | None, tuple[Diagnostic, ...]]:
    """The scenario at `path` (None where it has errors), its documents, and every finding, by file and place.

    `path` is a folder that holds scenario.yaml, or that file; `parameters` as for `load`. Raises nothing.
    """
    findings = Findings()
    files: list[Path] = []
    file = _scenario_file(Path(path))
    documents = read(file, files, findings)
    if documents is None:
        return None, None, findings.sorted()
    given, given_files = settings.given(parameters or {}, findings)
    layers = [*settings.of_scenario(documents.scenario, file.parent, files, findings), *given]
    scenario = resolve(documents, file.parent, files, layers, findings)
    scenario = replace(scenario, given=settings.texts(parameters or {}), given_files=given_files)
    diagnostics = silenced(documents, findings)
    errors = any(d.severity == "error" for d in diagnostics)
    return None if errors else scenario, documents, diagnostics


def _scenario_file(path: Path) -> Path:
    try:
        return path / FILE if path.is_dir() else path
    except OSError:  # reading it will say why
        return path


def read(file: Path, files: list[Path], findings: Findings) -> Documents | None:
    """scenario.yaml and the pathways it names; None where a file is missing or cannot be read as a whole."""
    node = read_map(file, None, files, findings)
    if node is None:
        return None
    if "pathway" in node and "scenario" not in node:
        message = "this is a pathway; a scenario is a folder, or the scenario.yaml in it"
        findings.error("not-a-scenario", message, place(node["pathway"]))
        return None
    scenario = model_of(node, ScenarioFile, findings)
    pathways, names = [], {SCENARIO, POPULATION, RECORD}
    whole = True
    for name in scenario.pathways if scenario else _named(node):
        path = findings.attempt(partial(path_in, file.parent, name))
        if path in files:
            findings.error("duplicate-pathway", "this file is named twice", name.span, "leave out one")
            continue
        document = read_map(path, name, files, findings) if path else None
        pathway = model_of(document, Pathway, findings) if document is not None else None
        if pathway is None:
            whole = False
            continue
        if pathway.pathway.text in names or not NAME.fullmatch(pathway.pathway.text):
            taken = pathway.pathway.text in names
            message = "is taken" if taken else "is not a name: letters, digits and _"
            span = pathway.pathway.span
            findings.error(
                "same-name" if taken else "bad-name", f"`{shown(pathway.pathway.text)}` {message}", span
            )
            whole = False
            continue
        names.add(pathway.pathway.text)
        pathways.append(pathway)
    return Documents(scenario, tuple(pathways)) if scenario and whole else None


def _named(node: Node) -> list[Scalar]:
    """The pathways that a scenario.yaml names, even if it is broken otherwise."""
    names = node.get("pathways") if isinstance(node, Mapping) else None
    return [name for name in (names if isinstance(names, list) else [names]) if isinstance(name, Scalar)]
