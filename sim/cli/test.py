"""`sim test`: whether what is expected of a scenario holds."""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.faults import Fault, life_fault, terminated, user_faults
from sim.cli.progress import progress_shown
from sim.cli.values import Whole, settings

if TYPE_CHECKING:
    from sim.measure.trials import Found, Result
    from sim.scenario import Case, Parameters

COLORS = {"holds": "green", "fails": "red", "undecided": "yellow"}


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option(
    "--patients",
    type=Whole(least=1_000),
    help="How many lives at most, for sentences about the same lives. "
    "[default: 128000, or 32 times the scenario's size where patients share capacity]",
)
@click.option(
    "--seed",
    type=Whole(least=0, most=2**64 - 1),
    default=0,
    show_default=True,
    help="Another seed, other people.",
)
@click.option(
    "--only", metavar="TEXT", help="Only sentences with this text in them, or in their file's name."
)
@click.option("--threads", type=Whole(), help="[default: one for each processor]")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line, for machines.")
@settings
def test(
    scenario: Path,
    patients: int | None,
    seed: int,
    only: str | None,
    threads: int | None,
    as_json: bool,
    parameters: Parameters,
) -> None:
    """Say whether what SCENARIO expects of itself holds: its sentences under `expect:`.

    \b
    Examples:
      sim test scenarios/diabetes
      sim test scenarios/diabetes --only prevalence --patients 500_000
      sim test scenarios/diabetes --set symptom_rate='0.1 per year'

    Patients are simulated until each sentence is decided; a verdict is wrong once in a million times. The
    exit code is 0 where all hold, 1 where one fails or is undecided.
    """
    signal.signal(signal.SIGTERM, terminated)
    with user_faults():
        from sim.engine import LifeError
        from sim.measure.trials import trial
        from sim.scenario import cases

        chosen = list(_chosen(cases(scenario, parameters), only))
        if not chosen:
            what = f"with {only!r} in it" if only else "to test"
            raise Fault(
                f"error: nothing is expected of {scenario} {what}; see `expect:` in the language's reference"
            )
        results: list[Result] = []
        try:
            for case in chosen:
                with progress_shown() as progress:
                    found = trial(case, seed=seed, most=patients, threads=threads, progress=progress)
                for result in found:
                    click.echo(json.dumps(_plain(result)) if as_json else "\n".join(_lines(result)))
                results += found
        except LifeError as error:
            raise Fault(life_fault(error)) from error
    if not as_json:
        click.echo(_summary(results))
    if any(result.verdict != "holds" for result in results):
        sys.exit(1)


def _chosen(cases: Sequence[Case], only: str | None) -> Iterator[Case]:
    for case in cases:
        kept = tuple(
            e
            for e in case.expectations
            if only is None or any(only in text for text in (e.sentence.text, e.about, e.span.file))
        )
        if kept:
            yield replace(case, expectations=kept)


def _summary(results: Sequence[Result]) -> str:
    counts = {verdict: sum(r.verdict == verdict for r in results) for verdict in COLORS}
    told = {
        "holds": ("holds", "hold"),
        "fails": ("fails", "fail"),
        "undecided": ("is undecided", "are undecided"),
    }
    parts = [f"{count} {told[verdict][count > 1]}" for verdict, count in counts.items() if count]
    return f"\n{len(results)} sentence{'s' * (len(results) != 1)}: {', '.join(parts)}"


# ---- for readers


def _lines(result: Result) -> Iterator[str]:
    """What came of a sentence: its place and text, then of each of its quantities what was found."""
    e = result.expectation
    mark = click.style(f"{result.verdict:<9}", fg=COLORS[result.verdict])
    yield f"{mark} {_place(result)}  {e.sentence.text}"
    if result.changed:
        yield f"          {result.changed}"
    for found in result.found:
        yield f"          {_told(found)}"
    whom = f"{result.patients:,} patients"
    if result.cohorts is not None:
        whom = f"{result.cohorts} cohorts of {result.patients // result.cohorts:,} patients"
    yield f"          {whom}{'; ' * bool(result.note)}{result.note}"


def _place(result: Result) -> str:
    span = result.expectation.span
    path = Path(span.file)
    here = Path.cwd()
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{span.line}"


def _told(found: Found) -> str:
    from sim.agents.explain import number

    times, unit = _unit(found)

    def text(value: float) -> str:
        return number(value * times) if math.isfinite(value) else "unknown"

    low, high = found.expected
    between = [f"above {text(low)}"] * math.isfinite(low) + [f"below {text(high)}"] * math.isfinite(high)
    sides = f"{' less '.join(map(text, found.sides))} is " if found.sides else ""
    value = f"{sides}{text(found.value)}{f' {unit}' * bool(unit)}"
    return f"got {value} ({' to '.join(map(text, found.interval))}), expected {' and '.join(between)}"


def _unit(found: Found) -> tuple[float, str]:
    """What all numbers of a quantity are multiplied with, and the unit that they are then in: one that suits
    the largest of what was found and what was expected."""
    from sim.agents.explain import UNITS
    from sim.scenario.model import DAYS_PER_YEAR

    largest = max(
        (abs(n) for n in (found.value, *found.expected, *found.sides) if math.isfinite(n)), default=0.0
    )
    match found.type.kind:
        case "rate" if largest * DAYS_PER_YEAR < 0.1:
            return 1000 * DAYS_PER_YEAR, "per 1000 person-years"
        case "rate":
            return DAYS_PER_YEAR, "per year"
        case "duration":
            suits = (u for u, (least, each) in UNITS.items() if largest >= least * each)
            unit = next(suits)
            return 1 / UNITS[unit][1], unit
    return 1.0, found.type.unit


# ---- for machines


def _plain(result: Result) -> dict[str, Any]:
    e = result.expectation
    return {
        "file": e.span.file,
        "line": e.span.line,
        "sentence": e.sentence.text,
        "about": e.about,
        "changed": result.changed,
        "verdict": result.verdict,
        "patients": result.patients,
        "cohorts": result.cohorts,
        "found": [_numbers(found) for found in result.found],
        "note": result.note,
    }


def _numbers(found: Found) -> dict[str, Any]:
    """In the unit that is named; null for what is not known, or not bounded."""
    from sim.scenario.model import DAYS_PER_YEAR

    units = {"rate": (DAYS_PER_YEAR, "per year"), "duration": (1.0, "days")}
    times, unit = units.get(found.type.kind, (1.0, found.type.unit))

    def number(value: float) -> float | None:
        return value * times if math.isfinite(value) else None

    return {
        "value": number(found.value),
        "interval": [number(end) for end in found.interval],
        "expected": [number(end) for end in found.expected],
        "unit": unit,
    }
