"""`sim new`: files to start from."""

from __future__ import annotations

import os
import shlex
import tempfile
from importlib.resources import files
from pathlib import Path

import click

from sim.cli.faults import Fault, user_faults

SCHEMAS = ".schema"  # beside scenario.yaml, so that the line which names it holds wherever the folder goes


@click.command()
@click.argument("path", metavar="NAME", type=click.Path(path_type=Path))
def new(path: Path) -> None:
    """Make a scenario to start from: a folder NAME, or a pathway NAME.yaml in one.

    \b
    Examples:
      sim new asthma
      sim new asthma/hay_fever.yaml

    What is made can be run at once, and its comments say what to change. Nothing that is there already is
    touched.
    """
    with user_faults():
        if path.suffix in (".yaml", ".yml"):
            _pathway(path)
        else:
            _scenario(path)


def _scenario(folder: Path) -> None:
    name = _checked(folder, folder.name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as beside:
        made = Path(beside) / name
        made.mkdir()
        _write(made / "scenario.yaml", "scenario.yaml", name)
        _write(made / f"{name}.yaml", "pathway.yaml", name)
        _write_schemas(made)
        made.rename(folder)
    shown = shlex.quote(str(folder))
    click.echo(f"made {folder / 'scenario.yaml'}, who the people are and what is in the model")
    click.echo(f"made {folder / name}.yaml, a pathway: what happens to people, and what care does about it")
    click.echo(
        f"next: sim check {shown}\n      sim test {shown}\n      sim run {shown}\n      sim draw {shown}"
    )


def _pathway(path: Path) -> None:
    name = _checked(path, path.stem)
    if not path.parent.is_dir():
        raise Fault(f"error: there is no folder {path.parent}; to make it: sim new {path.parent}")
    home = next((f for f in (path.parent, path.parent.parent) if (f / "scenario.yaml").exists()), None)
    if home is None or name == "scenario":
        raise Fault(f"error: {path} is no pathway of a scenario; to make one: sim new {path.parent / name}")
    _write(path, "pathway.yaml", name, Path(os.path.relpath(home / SCHEMAS, path.parent)))
    _write_schemas(home)
    listed = os.path.relpath(path, home)
    click.echo(f"made {path}")
    click.echo(f"next: add {listed} to `pathways:` in {home / 'scenario.yaml'}, then")
    click.echo(f"      sim check {shlex.quote(str(home))}")


def _checked(path: Path, name: str) -> str:
    """The name of what is to be made at a path where nothing is yet."""
    from sim.scenario.shapes import NAME

    if not NAME.fullmatch(name):
        raise Fault(
            f"error: `{name or path}` is not a name: letters, digits and _, not starting with a digit"
        )
    if os.path.lexists(path):
        raise Fault(f"error: {path} is there already; nothing was written")
    return name


def _write(path: Path, template: str, name: str, schemas: Path = Path(SCHEMAS)) -> None:
    text = (files("sim.cli") / "templates" / template).read_text(encoding="utf-8")
    with path.open("x", encoding="utf-8") as file:
        file.write(text.replace("NAME", name).replace("SCHEMAS", schemas.as_posix()))


def _write_schemas(home: Path) -> None:
    from sim.cli.schemas import write_json_schemas

    write_json_schemas(home / SCHEMAS)
