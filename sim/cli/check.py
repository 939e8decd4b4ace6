"""`sim check`: all that is wrong or suspicious."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.faults import user_faults, warn
from sim.cli.values import settings

if TYPE_CHECKING:
    from sim.scenario import Parameters


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--resolved", is_flag=True, help="Print the scenario with everything spelled out, as YAML.")
@settings
def check(scenario: Path, resolved: bool, parameters: Parameters) -> None:
    """Say all that is wrong or suspicious about SCENARIO, at once.

    It may be a single pathway, a file that is then checked against what it `needs:`.
    """
    with user_faults():
        from sim.program import compile
        from sim.runs.background import with_background
        from sim.runs.runtime import choose
        from sim.scenario import ScenarioError, check_pathway, resolved_form
        from sim.scenario import check as examine

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
