"""The command `sim`: reads what the user wants, calls, prints.

Exit codes: 0 done; 2 something the user gave is wrong, said on stderr; 130 and 143 stopped by Ctrl-C and
SIGTERM. What takes time to import is imported inside the commands.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from sim.engine import LifeError
    from sim.measure.queues import Queues
    from sim.runs.result import Run
    from sim.scenario import Diagnostic, Parameters

COMPILING = "compiling the engine, which is needed once on a machine"
QUIET = 10  # s between lines about progress where there is no terminal
COLUMNS = 120  # of text where there is no terminal


class Whole(click.ParamType[int]):
    """A whole number from `least` to `most`, with or without underscores."""

    name = "number"

    def __init__(self, least: int = 1, most: int = 2**63 - 1) -> None:
        self.least, self.most = least, most

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number. Fails with what would be right."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number; write for example 10000 or 10_000.", param, ctx)
        if not self.least <= number <= self.most:
            self.fail(f"{value} is not a number from {self.least} to {self.most}.", param, ctx)
        return number


class Setting(click.ParamType[tuple[str, str]]):
    """`parameter=value`."""

    name = "parameter=value"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """The name and the value, as text. Fails with what would be right."""
        if isinstance(value, tuple):
            return value
        name, equals, text = (part.strip() for part in value.partition("="))
        if not (name and equals and text):
            self.fail(
                f"{value!r} is not of the form parameter=value, such as onset='0.2 per year'.", param, ctx
            )
        return name, text


class Duration(click.ParamType[float]):
    """A number and a unit of time, in days."""

    name = "duration"
    wanted = "a duration; write for example '1 year' or '90 days'"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number of days. Fails with what would be right."""
        if isinstance(value, float):
            return value
        from sim.scenario.units import DURATIONS

        match = re.fullmatch(r"\s*(\d[\d_]*(?:\.\d+)?)\s*([a-z]+?)s?\s*", value, re.ASCII)
        if match is None or match[2] not in DURATIONS:
            self.fail(f"{value!r} is not {self.wanted}.", param, ctx)
        times, over = DURATIONS[match[2]]
        return float(match[1].replace("_", "")) * times / over


class Age(Duration):
    """A number of years, or a duration, in days."""

    name = "age"
    wanted = "an age; write for example 61.5 or '61.5 years'"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number of days since birth. Fails with what would be right."""
        years = isinstance(value, str) and re.fullmatch(r"\s*[\d_.]+\s*", value, re.ASCII)
        return super().convert(f"{value} years" if years else value, param, ctx)


class Fault(click.ClickException):
    """Something that the user gave is wrong; the message says what."""

    exit_code = 2

    def show(self, file: object = None) -> None:
        """Print the message on stderr."""
        click.echo(self.message, err=True)


def settings(command: Callable[..., None]) -> Callable[..., None]:
    """The options that give parameters other values; the command gets all of them as `parameters`."""

    @click.option(
        "--parameters",
        "files",
        type=click.Path(path_type=Path),
        multiple=True,
        help="A YAML file of values for the scenario's parameters. May be repeated; later ones win.",
    )
    @click.option(
        "--set",
        "values",
        type=Setting(),
        multiple=True,
        help="Give a parameter of the scenario another value, with its unit: --set onset='0.2 per year'. "
        "May be repeated; wins over files.",
    )
    @wraps(command)
    def given(files: Sequence[Path], values: Sequence[tuple[str, str]], **options: object) -> None:
        command(parameters=[*files, dict(values)], **options)

    return given


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lifecourse", prog_name="sim")
def sim() -> None:
    """Fully synthetic patient lives, written as care-pathway YAML.

    \b
    A scenario is a folder with a scenario.yaml, or such a file.
      sim check scenarios/diabetes
      sim run scenarios/diabetes --patients 1000
    """


@sim.command()
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
@settings
def run(
    scenario: Path,
    patients: int | None,
    seed: int,
    out: Path | None,
    threads: int | None,
    shard_size: int | None,
    runtime: Literal["kernel", "agents"] | None,
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
    signal.signal(signal.SIGTERM, _terminated)
    with _user_faults():
        from sim.engine import LifeError
        from sim.runs.execute import run as execute

        try:
            with _progress() as progress:
                made = execute(
                    scenario,
                    patients=patients,
                    seed=seed,
                    out=out,
                    threads=threads,
                    shard_size=shard_size,
                    runtime=runtime,
                    parameters=parameters,
                    progress=progress,
                    warn=_warn,
                )
        except LifeError as error:
            raise Fault(_life_fault(error)) from error
    _summary(made)


@sim.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--resolved", is_flag=True, help="Print the scenario with everything spelled out, as YAML.")
@settings
def check(scenario: Path, resolved: bool, parameters: Parameters) -> None:
    """Say all that is wrong or suspicious about SCENARIO, at once.

    It may be a single pathway, a file that is then checked against what it `needs:`.
    """
    with _user_faults():
        from sim.program import compile
        from sim.runs.background import with_background
        from sim.runs.runtime import choose
        from sim.scenario import ScenarioError, check_pathway, resolved_form
        from sim.scenario import check as examine

        found, findings = examine(scenario, parameters)
        if [f.rule for f in findings] == ["not-a-scenario"] and not resolved:
            name, findings = check_pathway(scenario)
            if name is None:
                raise ScenarioError(findings)
            _warn(findings)
            click.echo(f"{name}: no errors, where others define what it needs")
            return
        if found is None:
            raise ScenarioError(findings)
        choice = choose(found)
        if choice.name == "kernel":
            compile(found)
        findings = with_background(found, findings)
        _warn(findings)
        if resolved:
            for path, text in resolved_form(scenario, parameters).items():
                yaml = path.endswith(".yaml")
                click.echo(f"# {path}\n{text}" if yaml else f"# {path}, of a scenario that this one extends")
        else:
            if choice.name == "agents":
                click.echo(f"runs on the agents runtime only: {choice.why}")
            click.echo(f"{found.name}: no errors; next: sim run {shlex.quote(str(scenario))}")


@sim.command()
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
    signal.signal(signal.SIGTERM, _terminated)
    with _user_faults():
        from sim.engine import LifeError
        from sim.runs.background import PATIENTS, make

        try:
            with _progress() as progress:
                made = make(
                    scenario,
                    patients=patients or PATIENTS,
                    threads=threads,
                    parameters=parameters,
                    progress=progress,
                )
        except LifeError as error:
            raise Fault(_life_fault(error)) from error
    click.echo(f"{made.path}: worked out from {made.patients:,} people, {made.years[0]} to {made.years[-1]}")
    click.echo(f"at least {made.least_share:.0%} of all-cause mortality is left at every sex, year and age")
    click.echo(f"next    sim run {shlex.quote(str(scenario))}")


@sim.command()
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
    with _user_faults():
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
            with _progress() as progress:
                told = story(loaded, patient, seed, patients=patients, at=at, progress=progress)
        except LifeError as error:
            raise Fault(_life_fault(error)) from error
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


@sim.command()
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
    with _user_faults():
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


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command with these arguments, or those of the process, and exit."""
    try:
        sim.main(arguments, prog_name="sim", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort as error:  # what click makes of KeyboardInterrupt
        click.echo("Stopped; nothing was kept.", err=True)
        sys.exit(143 if isinstance(error.__cause__, Terminated) else 130)
    sys.exit(0)


class Terminated(KeyboardInterrupt):
    """SIGTERM, to be cleaned up after like Ctrl-C."""


def _terminated(*_: object) -> NoReturn:
    raise Terminated


@contextmanager
def _user_faults() -> Iterator[None]:
    """Turn what is wrong with a scenario, a file or the machine into messages."""
    from sim.scenario import ScenarioError

    try:
        yield
    except ScenarioError as error:
        raise Fault(_report(error.diagnostics)) from error
    except BrokenPipeError:  # who read our output has enough: click exits quietly
        raise
    except OSError as error:
        raise Fault(f"error: {error}") from error
    except MemoryError as error:
        raise Fault("error: the memory is full; try fewer --threads or a smaller --shard-size") from error


def _warn(findings: Sequence[Diagnostic]) -> None:
    if findings:
        click.echo(f"{_report(findings)}\n", err=True)


def _report(findings: Sequence[Diagnostic]) -> str:
    """All findings, and how many there are."""
    from sim.scenario import render

    counts = Counter(finding.severity for finding in findings)
    total = ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts.items())
    color = sys.stderr.isatty()
    return "\n\n".join([*(render(finding, color) for finding in findings), total])


def _life_fault(error: LifeError) -> str:
    """A fault found while running, with the line that it comes from."""
    from sim.scenario import Diagnostic, render

    fault = error.fault
    if fault.span is None:
        return f"error: {error}"
    message = f"{fault.message} (patient {fault.patient})"
    return render(Diagnostic("impossible-life", message, fault.span), color=sys.stderr.isatty())


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """What shows the patients done, of all: a bar on a terminal, else a line every few seconds."""
    started = last = time.monotonic()

    def rate(done: int) -> str:
        return f"{done / max(time.monotonic() - started, 1e-9):,.0f} patients a second"

    def line(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > QUIET:
            last = time.monotonic()
            so_far = f"{done:,} of {total:,} patients, {rate(done)}" if done else COMPILING
            click.echo(so_far, err=True)

    if not sys.stderr.isatty():
        yield line
        return

    with ExitStack() as closing:
        bar: ProgressBar[int] | None = None

        def advance(done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                bar = closing.enter_context(
                    click.progressbar(
                        length=total,
                        label="patients",
                        show_pos=True,
                        item_show_func=lambda shown: rate(shown) if shown else COMPILING,
                        file=sys.stderr,
                    )
                )
            bar.update(done - bar.pos, done)

        yield advance


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
