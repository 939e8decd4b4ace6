"""What the user is told when something is wrong."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from sim.engine import LifeError
    from sim.scenario import Diagnostic


class Fault(click.ClickException):
    """Something that the user gave is wrong; the message says what."""

    exit_code = 2

    def show(self, file: object = None) -> None:
        """Print the message on stderr."""
        click.echo(self.message, err=True)


class Terminated(KeyboardInterrupt):
    """SIGTERM, to be cleaned up after like Ctrl-C."""


def terminated(*_: object) -> NoReturn:
    """What to do about SIGTERM."""
    raise Terminated


@contextmanager
def user_faults() -> Iterator[None]:
    """Turn what is wrong with a scenario, a file or the machine into messages."""
    from sim.scenario import ScenarioError

    try:
        yield
    except ScenarioError as error:
        raise Fault(report(error.diagnostics)) from error
    except BrokenPipeError:  # who read our output has enough: click exits quietly
        raise
    except OSError as error:
        raise Fault(f"error: {error}") from error
    except MemoryError as error:
        raise Fault("error: the memory is full; try fewer --threads or a smaller --shard-size") from error


def warn(findings: Sequence[Diagnostic]) -> None:
    """Print all findings on stderr."""
    if findings:
        click.echo(f"{report(findings)}\n", err=True)


def report(findings: Sequence[Diagnostic]) -> str:
    """All findings, and how many there are."""
    from sim.scenario import render

    counts = Counter(finding.severity for finding in findings)
    total = ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts.items())
    color = sys.stderr.isatty()
    return "\n\n".join([*(render(finding, color) for finding in findings), total])


def life_fault(error: LifeError) -> str:
    """A fault found while running, with the line that it comes from."""
    from sim.scenario import Diagnostic, render

    fault = error.fault
    if fault.span is None:
        return f"error: {error}"
    message = f"{fault.message} (patient {fault.patient})"
    return render(Diagnostic("impossible-life", message, fault.span), color=sys.stderr.isatty())
