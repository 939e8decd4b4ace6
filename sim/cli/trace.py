"""`sim trace`: one life, told."""

from __future__ import annotations

import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.faults import Fault, life_fault, user_faults
from sim.cli.progress import progress_shown
from sim.cli.values import Age, Whole, settings

if TYPE_CHECKING:
    from sim.scenario import Parameters

COLUMNS = 120  # of text where there is no terminal


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--patient", type=Whole(least=0), required=True, help="A number, as in the tables: 0, 1, ...")
@click.option(
    "--seed", type=Whole(least=0, most=2**64 - 1), default=0, show_default=True, help="That of the run."
)
@click.option(
    "--patients",
    type=Whole(),
    help="How many lives the run had. It matters where patients wait for each other. "
    "[default: the size that the scenario gives]",
)
@click.option("--at", type=Age(), help="Explain a moment instead: an age in years, such as 61.5.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line, for machines.")
@settings
def trace(
    scenario: Path,
    patient: int,
    seed: int,
    patients: int | None,
    at: float | None,
    as_json: bool,
    parameters: Parameters,
) -> None:
    """Tell one life of SCENARIO: what happens, and why.

    \b
    Examples:
      sim trace scenarios/diabetes --patient 4711
      sim trace scenarios/diabetes --patient 4711 --at 61.5
      sim trace scenarios/diabetes --patient 4711 --json | jq .kind

    With the seed, the settings and, where patients wait for each other, the number of patients of a run it is
    the life that is in the run's tables.
    """
    with user_faults():
        from sim.agents.story import StoryError, shares_capacity, story
        from sim.engine import LifeError
        from sim.scenario import load
        from sim.view import story as view
        from sim.view import story_json

        loaded = load(scenario, parameters)
        size = loaded.population.size
        if shares_capacity(loaded):
            everyone = patients or size
            click.echo(f"patients wait for each other: all {everyone:,} are lived for this one", err=True)
        elif patients is None and patient >= size:
            click.echo(f"the scenario's size is {size:,}: patient {patient} is in larger runs", err=True)
        try:
            with progress_shown() as progress:
                told = story(loaded, patient, seed, patients=patients, at=at, progress=progress)
        except LifeError as error:
            raise Fault(life_fault(error)) from error
        except StoryError as error:
            raise Fault(f"error: {error}") from error
        color = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if color else COLUMNS
        if at is None:
            lines = story_json.lines(told) if as_json else view.lines(told, width, color)
        elif told.moment is None:
            raise Fault(f"error: {view.no_moment(told)}")
        else:
            form = story_json.moment_lines if as_json else partial(view.moment_lines, width=width)
            lines = form(told, told.moment)
        click.echo("\n".join(lines))
