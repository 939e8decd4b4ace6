"""A folder -> its documents -> the scenario, with everything that is wrong found in one go."""

from __future__ import annotations

from collections import abc
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from sim.scenario.diagnostics import Diagnostic, Findings, shown
from sim.scenario.lint import silenced
from sim.scenario.loader import Mapping, Node, Scalar, load_yaml, path_in, place, read_text
from sim.scenario.model import Scenario
from sim.scenario.names import POPULATION, RECORD, SCENARIO, Documents
from sim.scenario.resolve import resolve
from sim.scenario.schema import Pathway, ScenarioFile
from sim.scenario.shapes import NAME, Model, report

M = TypeVar("M", bound=Model)
FILE = "scenario.yaml"


def examine(
    path: str | Path, parameters: abc.Mapping[str, str] | None = None
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
    scenario = resolve(documents, file.parent, files, parameters or {}, findings)
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
    node = _node(file, None, files, findings)
    if node is None:
        return None
    if "pathway" in node and "scenario" not in node:
        message = "this is a pathway; a scenario is a folder, or the scenario.yaml in it"
        findings.error("not-a-scenario", message, place(node["pathway"]))
        return None
    scenario = _model(node, ScenarioFile, findings)
    pathways, names = [], {SCENARIO, POPULATION, RECORD}
    whole = True
    for name in scenario.pathways if scenario else _named(node):
        path = findings.attempt(partial(path_in, file.parent, name))
        if path in files:
            findings.error("duplicate-pathway", "this file is named twice", name.span, "leave out one")
            continue
        document = _node(path, name, files, findings) if path else None
        pathway = _model(document, Pathway, findings) if document is not None else None
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


def _node(path: Path, name: Scalar | None, files: list[Path], findings: Findings) -> Mapping | None:
    """The map in a file, which a scenario names by `name`."""
    text = findings.attempt(lambda: read_text(path, name))
    if text is None:
        return None
    files.append(path)
    return findings.attempt(lambda: load_yaml(text, str(path), findings))


def _model(node: Mapping, kind: type[M], findings: Findings) -> M | None:
    try:
        return kind.model_validate(node, context=findings)
    except ValidationError as error:
        report(error, findings)
        return None
