"""A folder -> its documents -> the scenario, with everything that is wrong found in one go."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from sim.scenario import settings, variants
from sim.scenario.diagnostics import Diagnostic, Findings, shown
from sim.scenario.home import Home, file_of
from sim.scenario.lint import silenced
from sim.scenario.loader import Mapping, Scalar, place, read_map
from sim.scenario.model import Scenario, Span
from sim.scenario.names import POPULATION, RECORD, SCENARIO, Documents
from sim.scenario.resolve import resolve
from sim.scenario.schema import Pathway, ScenarioFile
from sim.scenario.settings import Parameters
from sim.scenario.shapes import NAME, model_of


def examine(
    path: str | Path, parameters: Parameters | None = None
) -> tuple[Scenario | None, Documents | None, tuple[Diagnostic, ...]]:
    """The scenario at `path` (None where it has errors), its documents, and every finding, by file and place.

    `path` is a folder that holds scenario.yaml, or that file; `parameters` as for `load`. Raises nothing.
    """
    findings = Findings()
    files: list[Path] = []
    documents = read(file_of(Path(path)), files, findings)
    if documents is None:
        return None, None, findings.sorted()
    given, given_files = settings.given(parameters or {}, findings)
    layers = [*settings.of_scenario(documents.scenario, documents.home, files, findings), *given]
    scenario = resolve(documents, files, layers, findings)
    scenario = replace(scenario, given=settings.texts(parameters or {}), given_files=given_files)
    diagnostics = silenced(documents, findings)
    errors = any(d.severity == "error" for d in diagnostics)
    return None if errors else scenario, documents, diagnostics


def read(file: Path, files: list[Path], findings: Findings) -> Documents | None:
    """scenario.yaml and the pathways it names, with those of what it extends; None where a file is missing or
    cannot be read as a whole.
    """
    levels = variants.levels(file, files, findings)
    if levels is None:
        return None
    home = Home(tuple(level for level, _ in levels))
    whole = True
    together, pathways = Mapping(Span(str(file), 1, 1), 1), dict[str, Mapping]()
    for level, node in levels:
        home.folders[str(level)] = level.parent
        if level != home.levels[0]:
            together = variants.left_out(node.get("without"), together, pathways, findings)
        elif "without" in node:
            fix = "extends: ../base"
            findings.error("misplaced-key", "`without:` goes with `extends:`", place(node["without"]), fix)
        together = variants.together(together, node, ScenarioFile)
        whole &= _read_pathways(node, home, pathways, files, findings)
    scenario = model_of(together, ScenarioFile, findings)
    models = [model_of(pathway, Pathway, findings) for pathway in pathways.values()]
    known = tuple(model for model in models if model)
    return Documents(scenario, known, home) if scenario and whole and len(known) == len(models) else None


def _read_pathways(
    node: Mapping, home: Home, pathways: dict[str, Mapping], files: list[Path], findings: Findings
) -> bool:
    """Add the pathways that a scenario.yaml names to those of what it extends; whether all could be read."""
    own, whole = {SCENARIO, POPULATION, RECORD}, True
    for name in _named(node):
        path = findings.attempt(partial(home.path, name))
        if path in files:
            findings.error("duplicate-pathway", "this file is named twice", name.span, "leave out one")
            continue
        document = read_map(path, name, files, findings) if path else None
        if path is None or document is None:
            whole = False
            continue
        home.folders[str(path)] = home.folders[name.span.file]
        called = document.get("pathway")
        if not isinstance(called, Scalar) or not called.text:
            whole = False
            model_of(document, Pathway, findings)  # tells so, and what else is wrong
        elif called.text in own or not NAME.fullmatch(called.text):
            whole, taken = False, called.text in own
            message = "is taken" if taken else "is not a name: letters, digits and _"
            rule = "same-name" if taken else "bad-name"
            findings.error(rule, f"`{shown(called.text)}` {message}", called.span)
        else:
            own.add(called.text)
            base = pathways.get(called.text)
            pathways[called.text] = variants.together(base, document, Pathway) if base else document
    return whole


def _named(node: Mapping) -> list[Scalar]:
    """The pathways that a scenario.yaml names, even if it is broken otherwise."""
    names = node.get("pathways")
    every = names if isinstance(names, list) else [names]
    return [name for name in every if isinstance(name, Scalar) and name.text]
