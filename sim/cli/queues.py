"""`sim queues`: how long patients waited."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.faults import Fault, user_faults
from sim.cli.values import Duration

if TYPE_CHECKING:
    from sim.measure.queues import Queues


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--warm-up",
    type=Duration(),
    default="0 days",
    help="Leave out so much of the start of the window, in which queues fill from nothing: '1 year'.",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    help="Draw the queues and the waits into this file, which ends in .png or .svg.",
)
def queues(run: Path, warm_up: float, picture: Path | None) -> None:
    """Say how long patients waited in RUN, a folder made by `sim run`.

    \b
    Examples:
      sim queues outputs/elective-surgery --warm-up '1 year'
      sim queues outputs/elective-surgery --picture queues.png

    For each provider with capacity or hours: utilisation, how many wait, and by priority what came of the
    requests and how long the attended waited, from the request to the start of the visit.
    """
    draw = _drawer(picture) if picture else None
    with user_faults():
        from sim.measure.queues import MeasureError, measure
        from sim.records.writer import write
        from sim.runs.result import Run
        from sim.view.queues import text

        try:
            measured = measure(Run(run), warm_up)
        except MeasureError as error:
            raise Fault(f"error: {error}") from error
        if picture and draw:
            write(picture.parent, picture.name, draw(measured))
        click.echo(text(measured))
        if picture:
            click.echo(f"\npicture  {picture}")


def _drawer(picture: Path) -> Callable[[Queues], bytes]:
    """What draws queues for a file of this name."""
    kind = picture.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise Fault(f"error: a picture is a .png or .svg file, and {picture} is neither")
    try:
        from sim.view import pictures
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise Fault("error: pictures need matplotlib: pip install 'lifecourse[plots]'") from error
    return partial(pictures.queues, kind=kind)
