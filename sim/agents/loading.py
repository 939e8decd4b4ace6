"""Getting the classes of behaviours from their files, when a run begins."""

from __future__ import annotations

import hashlib
import importlib
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from sim.agents.behaviours import Behaviour
from sim.agents.hearers import Rule, reason
from sim.scenario import model
from sim.scenario.diagnostics import ScenarioError, fault, gather
from sim.scenario.model import Scenario
from sim.scenario.scope import did_you_mean

WHAT_IT_IS = "class {name}(sim.Behaviour): ..."


def load(scenario: Scenario) -> tuple[Rule, ...]:
    """The classes of a scenario's behaviours, imported: this runs their authors' code.

    A module is a file of the scenario's folder (`a.b` is a/b.py), run anew each time and apart from modules
    of that name elsewhere; or else an installed one. Raises ScenarioError `no-behaviour`, with all that is
    wrong.
    """
    modules: dict[str, ModuleType] = {}
    return gather(*(partial(_rule, b, modules) for b in scenario.behaviours))


def described(scenario: Scenario) -> list[dict[str, Any]]:
    """The behaviours as they stand in the manifest of a run, after `load`: class, file and its SHA-256.

    What they do is not in the scenario that was checked: they are marked as not audited.
    """
    return [_described(behaviour) for behaviour in scenario.behaviours]


def _described(b: model.Behaviour) -> dict[str, Any]:
    path = _own_file(b) or Path(_file(sys.modules[b.module]))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"class": f"{b.module}:{b.name}", "file": path.name, "sha256": sha256, "audited": False}


def _own_file(b: model.Behaviour) -> Path | None:
    """The file of a module that lies in the scenario's folder."""
    path = Path(b.folder, *b.module.split(".")).with_suffix(".py")
    return path if path.is_file() else None


def _rule(b: model.Behaviour, modules: dict[str, ModuleType]) -> Rule:
    if b.module not in modules:
        path = _own_file(b)
        modules[b.module] = _installed(b) if path is None else _run(path, b)
    module = modules[b.module]
    file, found = _file(module), getattr(module, b.name, None)
    if found is None:
        classes = [name for name, value in vars(module).items() if _is_behaviour(value)]
        fix = did_you_mean(b.name, classes) or WHAT_IT_IS.format(name=b.name)
        raise fault("no-behaviour", f"there is no `{b.name}` in {file}", b.span, fix)
    if not _is_behaviour(found):
        message = f"`{b.name}` in {file} is no subclass of sim.Behaviour"
        raise fault("no-behaviour", message, b.span, WHAT_IT_IS.format(name=b.name))
    return Rule(f"{b.module}:{b.name}", found, _file(sys.modules[found.__module__]), b.span)


def _file(module: ModuleType) -> str:
    """The file of a module, its name where it has none."""
    return getattr(module, "__file__", None) or module.__name__


def _is_behaviour(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Behaviour) and value is not Behaviour


def _run(path: Path, b: model.Behaviour) -> ModuleType:
    """A module of the scenario's own folder. Nothing is cached: what is run is what is in the file now."""
    whole = path.resolve()
    module = ModuleType(f"{b.module} of {whole.parent}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    except (Exception, SystemExit) as error:
        raise _cannot(b, error, str(path)) from error
    return module


def _installed(b: model.Behaviour) -> ModuleType:
    try:
        return importlib.import_module(b.module)
    except ModuleNotFoundError as error:
        if error.name and f"{b.module}.".startswith(f"{error.name}."):
            looked = Path(b.folder, *b.module.split(".")).with_suffix(".py")
            message = f"there is no file {looked}, and no package `{b.module}` is installed"
            raise fault("no-behaviour", message, b.span) from error
        raise _cannot(b, error, error.name or "") from error
    except (Exception, SystemExit) as error:
        raise _cannot(b, error, "") from error


def _cannot(b: model.Behaviour, error: BaseException, file: str) -> ScenarioError:
    return fault("no-behaviour", f"`{b.module}` cannot be imported: {reason(error, file)}", b.span)
