"""What a scenario has that only the agents runtime can live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sim.scenario.model import Provider, Scenario, Span


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that keeps a scenario from the kernel, and its place."""

    message: str
    span: Span


def only_agents(scenario: Scenario) -> tuple[Reason, ...]:
    """Why `scenario` runs on the agents runtime alone, from top to bottom; () where both
    can run it.
    """
    reasons = [reason for provider in scenario.providers for reason in _of_provider(provider)]
    for behaviour in scenario.behaviours:
        name = f"{behaviour.module}:{behaviour.name}"
        reasons.append(Reason(f"`{name}` is a behaviour in Python", behaviour.span))
    return tuple(sorted(reasons, key=_line_and_column))


def _line_and_column(reason: Reason) -> tuple[int, int]:
    return reason.span.line, reason.span.column


def _of_provider(p: Provider) -> Iterator[Reason]:
    if p.capacity is not None:
        yield Reason(f"`{p.name}` has a capacity that patients share", p.capacity.span or p.span)
