"""The command `sim`: reads what the user wants, calls, prints. Each command has a file of its own.

Exit codes: 0 done; 2 something the user gave is wrong, said on stderr; 130 and 143 stopped by Ctrl-C and
SIGTERM. What takes time to import is imported inside the commands.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from sim.cli import background, check, diff, draw, measure, new, queues, run, schema, test, trace
from sim.cli.faults import Terminated


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lifecourse", prog_name="sim")
def sim() -> None:
    """Fully synthetic patient lives, written as care-pathway YAML.

    \b
    A scenario is a folder with a scenario.yaml, or such a file.
      sim check scenarios/diabetes
      sim run scenarios/diabetes --patients 1000
    """


for command in (
    background.background,
    check.check,
    diff.diff,
    draw.draw,
    measure.measure,
    new.new,
    queues.queues,
    run.run,
    schema.schema,
    test.test,
    trace.trace,
):
    sim.add_command(command)


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
