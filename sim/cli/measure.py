"""`sim measure`: statistics of a run."""

from __future__ import annotations

import io
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.faults import Fault, user_faults
from sim.cli.progress import progress_shown

if TYPE_CHECKING:
    import pandas

FORMATS = (".csv", ".json", ".parquet")


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("measures", metavar="[MEASURES.YAML]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write the numbers, all their figures, into this file, which ends in .csv, .json or .parquet.",
)
def measure(run: Path, measures: Path | None, out: Path | None) -> None:
    """Measure RUN, a folder made by `sim run`: how many, how often, how long, how much.

    \b
    Examples:
      sim measure outputs/diabetes
      sim measure outputs/diabetes measures.yaml
      sim measure outputs/diabetes measures.yaml --out measures.csv

    Without a file of measures it tells what there is: states, diagnoses, tests, visits, drugs, deaths. A
    file says what else to measure:

    \b
      measures:
        treated: {measure: "prevalence(metformin, among=diabetes)", by: [sex, "age(40, 60, 80)"]}
    """
    write = _writer(out) if out else None
    with user_faults():
        from sim.measure.measures import frame, of_file
        from sim.measure.measures import measure as measured
        from sim.measure.overview import overview
        from sim.runs.result import Run
        from sim.view import measures as view

        made = Run(run)
        try:
            scenario = made.scenario
        except ValueError as error:
            raise Fault(f"error: {error}") from error
        if measures:
            wanted = of_file(measures, scenario)
            with progress_shown() as advance:
                found = measured(made, wanted, advance)
            text = view.text(found)
        else:
            with progress_shown() as advance:
                told = overview(made, advance)
            found = [each for part in told for _, row in part.rows for each in row]
            text = view.overview(told)
        if out and write:
            write(frame(found))
        click.echo(f"{view.heading(made)}\n\n{text}")
        if out:
            click.echo(f"\nnumbers  {out}")
        if not measures:
            again = f"sim measure {shlex.quote(str(run))} measures.yaml"
            click.echo(f"\nmore: {again}; what to write into it: docs/guides/measures.md")


def _writer(out: Path) -> Callable[[pandas.DataFrame], None]:
    """What writes a table into a file of this name."""
    kind = out.suffix.lower()
    if kind not in FORMATS:
        raise Fault(f"error: numbers go into a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file, not {out}")

    def write(table: pandas.DataFrame) -> None:
        from sim.records.writer import write as write_whole

        if kind == ".csv":
            content = table.to_csv(index=False).encode()
        elif kind == ".json":
            content = (table.to_json(orient="records", indent=2, double_precision=15) + "\n").encode()
        else:
            buffer = io.BytesIO()
            table.to_parquet(buffer, index=False)
            content = buffer.getvalue()
        write_whole(out.parent, out.name, content)

    return write
