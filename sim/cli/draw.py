"""`sim draw`: pathways as pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.faults import Fault, user_faults
from sim.cli.values import settings

if TYPE_CHECKING:
    from sim.measure.flows import Flows
    from sim.scenario import Parameters
    from sim.scenario.model import Scenario
    from sim.scenario.names import Documents

KINDS = (".svg", ".mmd")
OVERVIEW = "overview"

Drawings = dict[str, dict[str, Callable[[], str]]]  # by name and kind


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--pathway", metavar="NAME", help="Draw this pathway alone.")
@click.option(
    "--run",
    "made",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Say how many people of a run, made by `sim run`, went along each arrow, and when.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A file that ends in .svg or .mmd (Mermaid), or a folder for both of each pathway. "
    "[default: outputs/drawings/ and the scenario's name]",
)
@settings
def draw(
    scenario: Path, pathway: str | None, made: Path | None, out: Path | None, parameters: Parameters
) -> None:
    """Draw the pathways of SCENARIO: the disease, and apart from it the care.

    \b
    Examples:
      sim draw scenarios/diabetes
      sim draw scenarios/diabetes --pathway kidney --out kidney.svg
      sim draw scenarios/diabetes --pathway kidney --out kidney.mmd
      sim draw scenarios/diabetes --run outputs/diabetes

    On the arrows stand rates and conditions in the author's words; dashed arrows lead from what multiplies a
    rate. Several pathways have an overview besides, of what they read of each other and modify in each other.
    """
    with user_faults():
        from sim.records.writer import write
        from sim.runs.plan import OUTPUTS, slug
        from sim.scenario import ScenarioError
        from sim.scenario.documents import examine

        loaded, documents, findings = examine(scenario, parameters)
        if loaded is None or documents is None:
            raise ScenarioError(findings)
        drawings = _drawings(loaded, documents, made)
        if pathway is not None:
            drawings = {pathway: drawings[_known(pathway, [*drawings])]}
        out = out or OUTPUTS / "drawings" / slug(loaded.name)
        for path, drawing in _files(out, drawings):
            write(path.parent, path.name, drawing().encode())
            click.echo(path)


def _drawings(scenario: Scenario, documents: Documents, made: Path | None) -> Drawings:
    """What there is to draw: an overview first, if there are several pathways, then each of them."""
    from functools import partial

    from sim.measure.queues import MeasureError
    from sim.view import diagram

    try:
        flows, window = _flows(made, scenario) if made else (None, "")
        charts = diagram.charts(scenario, documents, flows, window)
    except MeasureError as error:
        raise Fault(f"error: {error}") from error
    found: Drawings = {}
    if len(charts) > 1:
        whole = diagram.overview(scenario, documents)
        found[OVERVIEW] = {
            ".svg": partial(diagram.picture, whole),
            ".mmd": partial(diagram.flowchart_of_pathways, whole),
        }
    for chart in charts:
        found[chart.name] = {".svg": partial(diagram.page, chart), ".mmd": partial(diagram.flowchart, chart)}
    return found


def _flows(made: Path, scenario: Scenario) -> tuple[Flows, str]:
    """What a run counted, and its window."""
    from sim.measure.flows import flows
    from sim.measure.shards import of_run
    from sim.measure.words import Texts
    from sim.runs.result import Run

    run = Run(made)
    from_, to = run.manifest["window"]
    return flows(of_run(run), Texts(scenario)), f"{from_} to {to}"


def _known(pathway: str, names: list[str]) -> str:
    from sim.scenario.scope import did_you_mean

    if pathway in names and pathway != OVERVIEW:
        return pathway
    others = [name for name in names if name != OVERVIEW]
    fix = did_you_mean(pathway, others) or f"one of {', '.join(others)}"
    raise Fault(f"error: there is no pathway {pathway}; {fix}")


def _files(out: Path, drawings: Drawings) -> Iterator[tuple[Path, Callable[[], str]]]:
    """The files to write. One file holds the first drawing: the overview, or the only pathway."""
    if out.suffix.lower() in KINDS:
        yield out, next(iter(drawings.values()))[out.suffix.lower()]
    elif out.suffix and not out.is_dir():
        raise Fault(f"error: a drawing is a .svg or .mmd file, and {out} is neither")
    else:
        for name, drawing in drawings.items():
            for kind, text in drawing.items():
                yield out / f"{name}{kind}", text
