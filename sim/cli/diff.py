"""`sim diff`: what differs between two scenarios, or two lives of the same people."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.faults import Fault, life_fault, user_faults, warn
from sim.cli.progress import progress_shown
from sim.cli.values import Whole, settings

if TYPE_CHECKING:
    from sim.measure.paired import Paired
    from sim.scenario import Scenario

COLUMNS = 120  # of text where there is no terminal

Given = Sequence[Path | Mapping[str, str]]


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path), required=False)
@click.option("--run", "lived", is_flag=True, help="Let the same people live under both, too.")
@click.option("--patients", type=Whole(), help="How many, with --run. [default: the size that A gives]")
@click.option("--seed", type=Whole(least=0, most=2**64 - 1), help="With --run. [default: 0]")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object, for machines.")
@settings
def diff(
    a: Path,
    b: Path | None,
    lived: bool,
    patients: int | None,
    seed: int | None,
    as_json: bool,
    parameters: Given,
) -> None:
    """Say what differs between the scenarios A and B, or two runs.

    \b
    Examples:
      sim diff scenarios/diabetes my/diabetes
      sim diff scenarios/diabetes --set goal=6.5 --run --patients 10_000
      sim diff outputs/diabetes outputs/diabetes-2

    It is a comparison of what they mean: the order of names, comments, anchors, units, formulas and files do
    not matter. Values given by --set or --parameters are those of B, which is A itself where it is left out.

    With --run the same people live under both, and so they do in two runs of one seed: who is affected, and
    what comes earlier, later, never or newly. Nothing is written.

    Exits with 0 where there is no difference, and with 1 where there is.
    """
    if b is None and not any(parameters):
        raise click.UsageError("Compared with what? Name a second scenario, or give --set or --parameters.")
    if not lived and (patients is not None or seed is not None):
        raise click.UsageError("--patients and --seed go with --run.")
    with user_faults():
        runs = [path for path in (a, b) if path and (path / "manifest.json").is_file()]
        if len(runs) == 1:
            raise click.UsageError(f"{runs[0]} is a run; compare it with another run.")
        if runs and (lived or any(parameters)):
            raise click.UsageError("Runs are compared as they are: leave out --run, --set and --parameters.")
        if runs:
            differ = _runs(runs, as_json)
        else:
            differ = _scenarios(a, b or a, parameters, (patients, seed or 0) if lived else None, as_json)
    sys.exit(1 if differ else 0)


def _scenarios(a: Path, b: Path, given: Given, lived: tuple[int | None, int] | None, as_json: bool) -> bool:
    """Tell what differs between two scenarios; whether anything does."""
    from sim.scenario.differences import differences, version
    from sim.view import differences as view
    from sim.view import paired as paired_view

    one, other = version(a), version(b, given)
    found = differences(one, other)
    data: dict[str, Any] = view.plain(found)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else COLUMNS
    text = list(view.lines(found, width))
    people = None
    if lived:
        people = _lived(one.scenario, other.scenario, *lived)
        data["people"] = paired_view.plain(people)
        commands = _commands(one.scenario, [(a, ()), (b, given)], paired_view.examples(people), *lived)
        text += ["", *paired_view.lines(people), *commands]
    click.echo(json.dumps(data, ensure_ascii=False, indent=2) if as_json else "\n".join(text))
    return bool(found or (people and people.affected))


def _lived(a: Scenario, b: Scenario, patients: int | None, seed: int) -> Paired:
    from sim.engine import LifeError
    from sim.measure.paired import paired
    from sim.measure.pairs import of_scenarios
    from sim.measure.queues import MeasureError
    from sim.runs.background import with_background

    for scenario in (a, b):
        warn(with_background(scenario, ()))
    try:
        with progress_shown() as progress:
            return paired(of_scenarios(a, b, patients or a.population.size, seed, progress))
    except LifeError as error:
        raise Fault(life_fault(error)) from error
    except MeasureError as error:
        raise Fault(f"error: {error}") from error


def _runs(paths: Sequence[Path], as_json: bool) -> bool:
    """Tell what differs between two runs; whether anything does."""
    from sim.measure.paired import paired
    from sim.measure.pairs import of_runs
    from sim.measure.queues import MeasureError
    from sim.runs.result import Run
    from sim.view.paired import lines, plain

    try:
        found = paired(of_runs(*map(Run, paths)))
    except MeasureError as error:
        raise Fault(f"error: {error}") from error
    data = {"people": plain(found)}
    click.echo(json.dumps(data, ensure_ascii=False, indent=2) if as_json else "\n".join(lines(found)))
    return bool(found.affected)


def _commands(
    scenario: Scenario,
    sides: Sequence[tuple[Path, Given]],
    examples: Sequence[int],
    patients: int | None,
    seed: int,
) -> Iterator[str]:
    """The commands that tell the lives of some patients, under both."""
    if examples:
        yield from ("", "look at")
    waiting = patients and any(provider.capacity is not None for provider in scenario.providers)
    for patient in examples:
        for path, given in sides:
            words = ["sim", "trace", str(path), "--patient", str(patient)]
            words += ["--seed", str(seed)] if seed else []
            words += ["--patients", str(patients)] if waiting else []
            for values in given:
                if isinstance(values, Path):
                    words += ["--parameters", str(values)]
                else:
                    words += [word for item in values.items() for word in ("--set", "=".join(item))]
            yield f"  {shlex.join(words)}"
