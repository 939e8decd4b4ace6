"""Other values for parameters: from files of them, from scenario.yaml, from `--set`.

They come in layers, of which a later one wins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sim.scenario.diagnostics import Findings, shown
from sim.scenario.home import Home
from sim.scenario.loader import Scalar, read_map
from sim.scenario.model import Span
from sim.scenario.schema import ParameterFile, ScenarioFile, Setting
from sim.scenario.shapes import model_of

Source = Mapping[str, str] | str | Path
Parameters = Source | Sequence[Source]
"""Texts by parameters' names, the path of a file of parameters, or several of these."""


@dataclass(frozen=True, slots=True)
class Given:
    """Another value for the parameter `name`: one, or one for each level. `span` is where it is named."""

    name: str
    value: Scalar | dict[str, Scalar]
    span: Span
    value_span: Span
    source: str
    source_span: Span


Layer = tuple[Given, ...]


def given(parameters: Parameters, findings: Findings) -> tuple[list[Layer], tuple[tuple[str, str], ...]]:
    """The layers that a user gives, and their files as (path, SHA-256)."""
    layers: list[Layer] = []
    files: list[Path] = []
    for source in _sources(parameters):
        if isinstance(source, Mapping):
            layers.append(tuple(_override(name, text) for name, text in source.items()))
        else:
            layers.append(_of_file(Path(source), None, files, findings))
    return layers, tuple((str(file), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files)


def texts(parameters: Parameters) -> tuple[tuple[str, str], ...]:
    """What a user gives beside files: names and texts."""
    return tuple(
        item for source in _sources(parameters) if isinstance(source, Mapping) for item in source.items()
    )


def of_scenario(file: ScenarioFile, home: Home, files: list[Path], findings: Findings) -> list[Layer]:
    """Those of scenario.yaml: of the files that it names, in their order, then its own; before them those of
    what it extends.
    """
    layers = []
    for level in map(str, home.levels):
        for name in file.parameter_files:
            path = findings.attempt(partial(home.path, name)) if name.span.file == level else None
            if path:
                layers.append(_of_file(path, name, files, findings))
        own = {name: setting for name, setting in file.settings.items() if setting.span.file == level}
        layers.append(_of_author(own, None, findings))
    return layers


def _sources(parameters: Parameters) -> Sequence[Source]:
    return [parameters] if isinstance(parameters, str | Path | Mapping) else parameters


def _of_file(path: Path, name: Scalar | None, files: list[Path], findings: Findings) -> Layer:
    node = read_map(path, name, files, findings)
    file = model_of(node, ParameterFile, findings) if node is not None else None
    return _of_author(file.parameters, file, findings) if file else ()


def _of_author(settings: dict[str, Setting], file: ParameterFile | None, findings: Findings) -> Layer:
    return tuple(_setting(name, setting, file, findings) for name, setting in settings.items())


def _setting(name: str, author: Setting, file: ParameterFile | None, findings: Findings) -> Given:
    origin = author if author.source or not (file and file.source) else file
    if not origin.source:
        message = f"the value of `{name}` has no source"
        findings.warning("no-source", message, author.span, "source: where the number comes from")
    at = origin.value_at("source") if origin.source else author.span
    return Given(name, author.value, author.span, author.value_at("value"), origin.source, at)


def _override(name: str, text: str) -> Given:
    """The value of `--set name=text`."""
    span = Span(f"--set {shown(name)}", 1, 1, max(len(text), 1))
    return override(name, Scalar(text, text, span, text, span))


def override(name: str, value: Scalar) -> Given:
    """Another value, of which nobody asks for a source."""
    return Given(name, value, value.key or value.span, value.span, "", value.span)
