"""A fault met while a life is lived."""

from __future__ import annotations

from sim.scenario.model import Span


class Failure(Exception):  # noqa: N818
    """What is wrong, one of the sentences of `sim.engine.faults`, and where in the scenario it stands."""

    def __init__(self, message: str, span: Span | None) -> None:
        super().__init__(message)
        self.message, self.span = message, span
