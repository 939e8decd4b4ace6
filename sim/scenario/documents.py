"""A folder -> its documents -> the scenario, with everything that is wrong found in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sim.scenario import settings, variants
from sim.scenario.cases import Case, cases
from sim.scenario.diagnostics import Diagnostic, Findings, shown
from sim.scenario.home import FILE, Home, file_of
from sim.scenario.lint import silenced
from sim.scenario.loader import Mapping, Scalar, load_yaml, place, read_map
from sim.scenario.model import Scenario, Span
from sim.scenario.names import POPULATION, RECORD, SCENARIO, Documents
from sim.scenario.needs import STAND_IN, stand_ins
from sim.scenario.resolve import resolve
from sim.scenario.schema import Pathway, ScenarioFile
from sim.scenario.settings import Layer, Parameters
from sim.scenario.shapes import NAME, model_of


@dataclass(frozen=True, slots=True)
class Examined:
    """The scenario at a path (None where it has errors), what was read of it (None where that failed),
    its cases, and every finding, by file and place.
    """

    scenario: Scenario | None
    documents: Documents | None
    cases: tuple[Case, ...]
    diagnostics: tuple[Diagnostic, ...]


def examine(
    path: str | Path, parameters: Parameters | None = None
) -> tuple[Scenario | None, Documents | None, tuple[Diagnostic, ...]]:
    """The scenario at `path` (None where it has errors), its documents, and every finding, by file and place;
    see `examined`.
    """
    found = examined(path, parameters)
    return found.scenario, found.documents, found.diagnostics


def examined(path: str | Path, parameters: Parameters | None = None) -> Examined:
    """All of what is at `path`, a folder that holds scenario.yaml, or that file; `parameters` as for `load`.

    Raises nothing.
    """
    findings = Findings()
    files: list[Path] = []
    documents = read(file_of(Path(path)), files, findings)
    if documents is None:
        return Examined(None, None, (), findings.sorted())
    given, given_files = settings.given(parameters or {}, findings)
    layers = [*settings.of_scenario(documents.scenario, documents.home, files, findings), *given]
    scenario = resolve(documents, files, layers, findings)
    scenario = replace(scenario, given=settings.texts(parameters or {}), given_files=given_files)

    def other(documents: Documents, layers: Sequence[Layer], findings: Findings) -> Scenario:
        return resolve(documents, list(files), layers, findings)

    found = cases(scenario, documents, layers, other, findings) if findings.count == 0 else ()
    diagnostics = silenced(documents, findings)
    errors = any(d.severity == "error" for d in diagnostics)
    return Examined(None if errors else scenario, documents, found, diagnostics)


def read(file: Path, files: list[Path], findings: Findings) -> Documents | None:
    """scenario.yaml and the pathways it names, with those of what it extends; None where a file is missing or
    cannot be read as a whole.
    """
    levels = variants.levels(file, files, findings)
    if levels is None:
        return None
    home = Home(tuple(level for level, _ in levels))
    together, pathways = Mapping(Span(str(file), 1, 1), 1), _Pathways(home, files, findings)
    for level, node in levels:
        home.folders[str(level)] = level.parent
        if level != home.levels[0]:
            together = variants.left_out(node.get("without"), together, pathways.found, findings)
        elif "without" in node:
            fix = "extends: ../base"
            findings.error("misplaced-key", "`without:` goes with `extends:`", place(node["without"]), fix)
        together = variants.together(together, node, ScenarioFile)
        pathways.level(level, node)
    scenario, found = model_of(together, ScenarioFile, findings), pathways.models()
    if scenario is None or found is None:
        return None
    return Documents(scenario, found, home, together, pathways.found)


class _Pathways:
    """Reads the pathways that a scenario names, and those that these use, each once and before the first that
    uses it. `found` are their maps by name: a variant's are put into those of what it extends.

    `whole` turns false where one cannot be read.
    """

    def __init__(self, home: Home, files: list[Path], findings: Findings) -> None:
        self.home, self.files, self.findings = home, files, findings
        self.found: dict[str, Mapping] = {}
        self.listed = set[Path]()
        self.names = set[str]()
        self.whole = True

    def level(self, file: Path, node: Mapping) -> None:
        """Read what one scenario.yaml names."""
        self.names = {SCENARIO, POPULATION, RECORD}
        self.add(_named(node, "pathways"), (file,), self.listed)

    def add(self, names: list[Scalar], above: tuple[Path, ...], here: set[Path]) -> None:
        """Read files that the last of `above` names, which the one before it uses, and so on; `here` are what
        it has named already.
        """
        for name in names:
            path = self.findings.attempt(partial(self.home.path, name))
            if path is None:
                self.whole = False
            elif path in here or path == above[0]:
                message = "this file is named twice"
                self.findings.error("duplicate-pathway", message, name.span, "leave out one")
            elif path in above:
                circle = " -> ".join(p.name for p in (*above[above.index(path) :], path))
                message = f"`uses:` leads back to itself: {circle}"
                self.findings.error("uses-circle", message, name.span, "a third file for what both use")
            elif path not in self.files:
                self.home.folders[str(path)] = self.home.folders[name.span.file]
                self.whole = self.read(path, name, above) and self.whole
            if path:
                here.add(path)

    def read(self, path: Path, name: Scalar | None, above: tuple[Path, ...]) -> bool:
        """Whether the pathway in a file has a name that can be read; what it uses comes first."""
        document = read_map(path, name, self.files, self.findings)
        if document is None:
            return False
        called = document.get("pathway")
        if not isinstance(called, Scalar) or not called.text:
            model_of(document, Pathway, self.findings)  # tells so, and what else is wrong
            return False
        if called.text in self.names or not NAME.fullmatch(called.text):
            taken = called.text in self.names
            message = "is taken" if taken else "is not a name: letters, digits and _"
            rule = "same-name" if taken else "bad-name"
            self.findings.error(rule, f"`{shown(called.text)}` {message}", called.span)
            return False
        self.names.add(called.text)
        self.add(_named(document, "uses"), (*above, path), set())
        base = self.found.get(called.text)
        self.found[called.text] = variants.together(base, document, Pathway) if base else document
        return True

    def models(self) -> tuple[Pathway, ...] | None:
        """The pathways, None where one is broken."""
        found = [model_of(document, Pathway, self.findings) for document in self.found.values()]
        known = tuple(model for model in found if model)
        return known if self.whole and len(known) == len(found) else None


def _named(node: Mapping, key: str) -> list[Scalar]:
    """The files that a file names under a key, even if it is broken otherwise."""
    names = node.get(key)
    every = names if isinstance(names, list) else [names]
    return [name for name in every if isinstance(name, Scalar) and name.text]


# ---- one pathway alone

ONLY_A_SCENARIO_KNOWS = frozenset(
    {
        "unknown-source",
        "unknown-dose",
        "nothing-to-modify",
        "never-started",
        "never-fires",
        "never-taken",
        "never-set",
        "unreachable-state",
        "drug-never-stopped",
        "steep-rate",
        "table-too-short",
        "unused-parameter",
        "unused-variable",
        "unused-formula",
        "unused-allow",
    }
)
"""What may be wrong with a pathway that is read alone, and right where others use it, who bring about what
happens in it, give the values that it reads, and have the people.
"""


def examine_pathway(path: Path) -> tuple[str | None, tuple[Diagnostic, ...]]:
    """The name of the pathway in a file (None where it has errors), and every finding that needs no scenario:
    what it `needs:` is taken as given.
    """
    findings, files = Findings(), list[Path]()
    folder = next((folder for folder in path.parents if (folder / FILE).exists()), path.parent)
    home = Home((folder / FILE,), {str(path): folder, STAND_IN: folder})
    pathways = _Pathways(home, files, findings)
    pathways.whole = pathways.read(path, None, (folder / FILE,)) and pathways.whole
    found = pathways.models()
    if found is None:
        return None, findings.sorted()
    frame, *others = [load_yaml(text, STAND_IN, findings) for text in stand_ins(found, findings)]
    scenario = model_of(frame, ScenarioFile, findings)
    assert scenario
    given = [pathway for other in others if (pathway := model_of(other, Pathway, findings))]
    documents = Documents(scenario, (*given, *found), home)
    resolve(documents, files, [], findings)
    told = [d for d in silenced(documents, findings) if d.rule not in ONLY_A_SCENARIO_KNOWS]
    diagnostics = tuple(d for d in told if d.span.file != STAND_IN)
    errors = any(d.severity == "error" for d in diagnostics)
    return None if errors else found[-1].pathway.text, diagnostics
