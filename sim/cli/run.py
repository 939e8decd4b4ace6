"""`sim run`: simulate and write."""

from __future__ import annotations

import json
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from sim.cli.faults import Fault, life_fault, terminated, user_faults, warn
from sim.cli.progress import progress_shown
from sim.cli.values import Columns, Names, Whole, settings

if TYPE_CHECKING:
    from sim.runs.result import Run
    from sim.scenario import Parameters


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--patients", type=Whole(), help="How many lives. [default: the size that the scenario gives]")
@click.option(
    "--seed",
    type=Whole(least=0, most=2**64 - 1),
    default=0,
    show_default=True,
    help="Another seed, other people; the same seed, the same bytes.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The folder to make; it must be missing or empty. "
    "[default: outputs/ and the scenario's name, with -2, -3, ... where that is taken]",
)
@click.option("--threads", type=Whole(), help="[default: one for each processor]")
@click.option(
    "--shard-size",
    type=Whole(),
    help="Patients in a file; changes nothing but the files. "
    "[default: an eighth of the patients, from 1000 to 10000]",
)
@click.option(
    "--runtime",
    type=click.Choice(["kernel", "agents"]),
    help="The compiled one, or the readable one, which can do more and writes the same bytes where both can. "
    "[default: the kernel where it can]",
)
@click.option(
    "--tables",
    type=Names(),
    help="The tables to make, the others are left out: --tables observations,deaths. The table patients is "
    "always there. [default: all]",
)
@click.option(
    "--columns",
    type=Columns(),
    multiple=True,
    help="The columns to make of a table: --columns observations:time,value. Keys are always there. May be "
    "repeated, for other tables. [default: all]",
)
@settings
def run(
    scenario: Path,
    patients: int | None,
    seed: int,
    out: Path | None,
    threads: int | None,
    shard_size: int | None,
    runtime: Literal["kernel", "agents"] | None,
    tables: tuple[str, ...] | None,
    columns: tuple[tuple[str, tuple[str, ...]], ...],
    parameters: Parameters,
) -> None:
    """Simulate the people of SCENARIO and write their records.

    \b
    Examples:
      sim run scenarios/diabetes
      sim run scenarios/diabetes --patients 100_000 --seed 7 --out /tmp/cohort
      sim run scenarios/diabetes --set symptom_rate='0.3 per year'

    The folder has a folder of Parquet files for each table, what really happened under truth/, and
    manifest.json. It appears when the run is complete; a run that is stopped or fails leaves nothing.
    """
    signal.signal(signal.SIGTERM, terminated)
    with user_faults():
        from sim.engine import LifeError
        from sim.records.selection import SelectionError
        from sim.runs.execute import run as execute

        try:
            with progress_shown() as progress:
                made = execute(
                    scenario,
                    patients=patients,
                    seed=seed,
                    out=out,
                    threads=threads,
                    shard_size=shard_size,
                    runtime=runtime,
                    tables=tables,
                    columns={
                        name: [c for of, some in columns if of == name for c in some] for name, _ in columns
                    },
                    parameters=parameters,
                    progress=progress,
                    warn=warn,
                )
        except LifeError as error:
            raise Fault(life_fault(error)) from error
        except SelectionError as error:
            raise Fault(f"error: {error}") from error
    _summary(made)


def _summary(made: Run) -> None:
    """What there is to say of a run that is complete."""
    people, seconds = made.manifest["patients"], made.manifest["seconds"]
    from_, to = made.manifest["window"]
    click.echo(
        f"{people['recorded']:,} people of {people['count']:,}, {from_} to {to}, in {seconds['wall']:.1f} s"
    )
    if people["acceptance"] is not None:
        click.echo(f"{people['acceptance']:.2%} of {people['lives']:,} lives were included")
    for table, count in made.rows.items():
        click.echo(f"  {table:16} {count:>14,} rows")
    runtime = made.manifest["runtime"]
    click.echo(f"runtime {runtime['name']}: {runtime['why']}")
    click.echo(f"{made.observed_rows:,} rows of record, {made.observed_rows / seconds['wall']:,.0f} a second")
    click.echo(f"in      {made.folder}")
    click.echo(f"digest  {made.digest}")
    table = max(made.rows, key=made.rows.__getitem__)
    look = f'import sim; print(sim.Run({json.dumps(str(made.folder))}).table("{table}"))'
    click.echo(f"next    python -c {shlex.quote(look)}")
