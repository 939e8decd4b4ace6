"""`sim check`: all that is wrong or suspicious."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.faults import user_faults, warn
from sim.cli.values import settings

if TYPE_CHECKING:
    from sim.scenario import Diagnostic, Parameters


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option(
    "--fix", "mend", is_flag=True, help="First mend what has one obvious mend, and show the changes."
)
@click.option("--resolved", is_flag=True, help="Print the scenario with everything spelled out, as YAML.")
@settings
def check(scenario: Path, mend: bool, resolved: bool, parameters: Parameters) -> None:
    """Say all that is wrong or suspicious about SCENARIO, at once.

    It may be a single pathway, a file that is then checked against what it `needs:`.
    """
    with user_faults():
        from sim.program import compile
        from sim.runs.background import with_background
        from sim.runs.runtime import choose
        from sim.scenario import ScenarioError, check_pathway, resolved_form
        from sim.scenario import check as examine

        if mend:
            _mend(scenario, parameters)
        found, findings = examine(scenario, parameters)
        is_pathway = any(f.rule == "not-a-scenario" and Path(f.span.file) == scenario for f in findings)
        if is_pathway and not resolved:
            name, findings = check_pathway(scenario)
            if name is None:
                raise ScenarioError(findings)
            warn(findings)
            click.echo(f"{name}: no errors, where others define what it needs")
            return
        if found is None:
            raise ScenarioError(findings)
        choice = choose(found)
        if choice.name == "kernel":
            compile(found)
        findings = with_background(found, findings)
        warn(findings)
        if resolved:
            for path, text in resolved_form(scenario, parameters).items():
                yaml = path.endswith(".yaml")
                click.echo(f"# {path}\n{text}" if yaml else f"# {path}, of a scenario that this one extends")
        else:
            if choice.name == "agents":
                click.echo(f"runs on the agents runtime only: {choice.why}")
            click.echo(f"{found.name}: no errors; next: sim run {shlex.quote(str(scenario))}")


def _mend(scenario: Path, parameters: Parameters) -> None:
    """Mend the files of a scenario, or a pathway alone, and print what was changed."""
    from sim.scenario import check as examine
    from sim.scenario import check_pathway
    from sim.scenario.home import file_of
    from sim.scenario.mend import mended, write

    def look() -> Sequence[Diagnostic]:
        _, findings = examine(scenario, parameters)
        is_pathway = any(f.rule == "not-a-scenario" and Path(f.span.file) == scenario for f in findings)
        return check_pathway(scenario)[1] if is_pathway else findings

    for path, (before, after) in mended(look, file_of(scenario).parent).items():
        write(path, after)
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
        changes = unified_diff(old, new, str(path), str(path))
        click.echo("".join(line if line.endswith("\n") else f"{line}\n" for line in changes))
