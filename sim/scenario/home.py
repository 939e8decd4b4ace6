"""Where the files of a scenario lie, and which of them it may read.

A scenario comes from anywhere, and must not be able to show what else is on the machine: the files that it
names lie in its own folder. A variant reads the files of the scenarios that it `extends` as well, each named
by the scenario whose file it is; beyond its own folder `extends:` leads only to files called scenario.yaml.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from sim.scenario.diagnostics import fault
from sim.scenario.loader import Scalar, path_in
from sim.scenario.model import Span

FILE = "scenario.yaml"
BACKGROUND = "tables/background.csv"


@dataclass(frozen=True)
class Home:
    """The scenario.yaml of a scenario after those that it extends, the furthest first, in `levels`; and by
    file the folder of the scenario that it belongs to.
    """

    levels: tuple[Path, ...]
    folders: dict[str, Path] = field(default_factory=dict)

    @property
    def own(self) -> Path:
        """The scenario's own folder."""
        return self.levels[-1].parent

    def path(self, name: Scalar) -> Path:
        """The path of a file that is named in a file of the scenario. Raises ScenarioError
        `outside-folder`.
        """
        return path_in(self.folders[name.span.file], name)

    def background(self) -> Scalar | None:
        """The stored background mortality, where none is named: the scenario's own, or else that of the
        nearest which it extends.
        """
        for level in reversed(self.levels):
            if (level.parent / BACKGROUND).is_file():
                at = Span(str(level), 1, 1)
                return Scalar(BACKGROUND, BACKGROUND, at, BACKGROUND, at)
        return None

    def here(self, path: Path) -> str:
        """What a file of the scenario is called where everything is in the scenario's own folder."""
        folders = dict.fromkeys(level.parent for level in reversed(self.levels))
        folder = next(folder for folder in folders if inside(folder, path))
        name = Path(os.path.relpath(path, folder)).as_posix()
        taken = folder != self.own and (self.own / name).exists()
        return f"{folder.resolve().name}/{name}" if taken else name


def inside(folder: Path, path: Path) -> bool:
    """Whether a path lies in a folder, as it is written."""
    return ".." not in Path(os.path.relpath(path, folder)).parts


def file_of(path: Path) -> Path:
    """The scenario.yaml at a path: of a folder, or that file."""
    try:
        return path / FILE if path.is_dir() else path
    except OSError:  # reading it will say why
        return path


def base_of(file: Path, name: Scalar) -> Path:
    """The scenario.yaml of what the one in `file` extends. Raises ScenarioError `outside-folder`."""
    named = Path(name.text)
    path = file_of(Path(os.path.normpath(file.parent / named)))
    if named.is_absolute() or (".." in named.parts and path.name != FILE and path.exists()):
        message = f"beyond its own folder a scenario extends what is called {FILE} only, by a relative path"
        raise fault("outside-folder", message, name.span, "extends: ../base")
    return path
