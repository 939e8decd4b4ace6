"""`sim diff`: what differs between two scenarios."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.faults import user_faults
from sim.cli.values import settings

if TYPE_CHECKING:
    from sim.scenario import Parameters

COLUMNS = 120  # of text where there is no terminal


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object, for machines.")
@settings
def diff(a: Path, b: Path | None, as_json: bool, parameters: Parameters) -> None:
    """Say what differs between the scenarios A and B.

    \b
    Examples:
      sim diff scenarios/diabetes my/diabetes
      sim diff scenarios/diabetes --set goal=6.5

    It is a comparison of what they mean: the order of names, comments, anchors, units, formulas and files do
    not matter. Values given by --set or --parameters are those of B, which is A itself where it is left out.

    Exits with 0 where they mean the same, and with 1 where they do not.
    """
    if b is None and parameters == [{}]:
        raise click.UsageError("Compared with what? Name a second scenario, or give --set or --parameters.")
    with user_faults():
        from sim.scenario.differences import differences, version
        from sim.view.differences import lines, plain

        found = differences(version(a), version(b or a, parameters))
        if as_json:
            click.echo(json.dumps(plain(found), ensure_ascii=False, indent=2))
        else:
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else COLUMNS
            click.echo("\n".join(lines(found, width)))
    sys.exit(1 if found else 0)
