"""`sim background`: the mortality that a scenario's own causes leave."""

from __future__ import annotations

import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.faults import Fault, life_fault, terminated, user_faults
from sim.cli.progress import progress_shown
from sim.cli.values import Whole, settings

if TYPE_CHECKING:
    from sim.scenario import Parameters


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--patients", type=Whole(), help="How many lives to work it out from. [default: 400000]")
@click.option("--threads", type=Whole(), help="[default: one for each processor]")
@settings
def background(scenario: Path, patients: int | None, threads: int | None, parameters: Parameters) -> None:
    """Work out what mortality is left when SCENARIO's own causes of death are taken out.

    Needed where a scenario says `mortality: {table: ..., less: [...]}`, and again when its rates change:
    people are simulated without any other mortality, and what the causes in `less:` do is taken from the
    table, by sex, year and age. The result is the scenario's tables/background.csv.
    """
    signal.signal(signal.SIGTERM, terminated)
    with user_faults():
        from sim.engine import LifeError
        from sim.runs.background import PATIENTS, make

        try:
            with progress_shown() as progress:
                made = make(
                    scenario,
                    patients=patients or PATIENTS,
                    threads=threads,
                    parameters=parameters,
                    progress=progress,
                )
        except LifeError as error:
            raise Fault(life_fault(error)) from error
    click.echo(f"{made.path}: worked out from {made.patients:,} people, {made.years[0]} to {made.years[-1]}")
    click.echo(f"at least {made.least_share:.0%} of all-cause mortality is left at every sex, year and age")
    click.echo(f"next    sim run {shlex.quote(str(scenario))}")
