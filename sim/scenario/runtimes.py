"""What a scenario has that only the agents runtime can live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sim.scenario.model import Expr, Provider, Scenario, Span, Visit
from sim.scenario.whole import parts


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that keeps a scenario from the kernel, and its place."""

    message: str
    span: Span


def only_agents(scenario: Scenario) -> tuple[Reason, ...]:
    """Why `scenario` runs on the agents runtime alone, file by file, each from top to bottom; () where both
    can run it.
    """
    frame = [reason for provider in scenario.providers for reason in _of_provider(provider)]
    for behaviour in scenario.behaviours:
        name = f"{behaviour.module}:{behaviour.name}"
        frame.append(Reason(f"`{name}` is a behaviour in Python", behaviour.span))
    files = [frame]
    for pathway in scenario.pathways:
        files.append([reason for visit in parts(pathway, Visit) for reason in _of_visit(visit)])
    return tuple(reason for reasons in files for reason in sorted(reasons, key=_line_and_column))


def _line_and_column(reason: Reason) -> tuple[int, int]:
    return reason.span.line, reason.span.column


def _of_provider(p: Provider) -> Iterator[Reason]:
    if p.capacity is not None:
        yield Reason(f"`{p.name}` has a capacity that patients share", p.capacity.span or p.span)
    if p.hours:
        yield Reason(f"`{p.name}` is open at certain hours only", p.span)
    if p.lasts is not None:
        yield Reason(f"visits to `{p.name}` take time", p.lasts.span or p.span)


def _of_visit(v: Visit) -> Iterator[Reason]:
    options: dict[str, Expr | None] = {
        "lasts": v.lasts,
        "attend": v.attend,
        "rebook": v.rebook_after,
        "priority": v.priority,
        "gives_up": v.gives_up,
    }
    for key, expression in options.items():
        if expression is not None:
            yield Reason(f"a visit to `{v.provider}` has `{key}:`", expression.span or v.span)
    if v.missed:
        yield Reason(f"a visit to `{v.provider}` has `missed:`", v.missed[0].span)
