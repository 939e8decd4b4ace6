"""What the manifest tells of providers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sim.records import manifest
from sim.scenario.model import NUMBER, RATE, Expr, Provider, Scenario, Span

SPAN = Span("scenario.yaml", 1, 1)
MORNINGS = tuple((day + 8 / 24, day + 12 / 24) for day in range(5))


@pytest.mark.parametrize(
    ("capacity", "hours", "expected"),
    [
        (None, (), {"hours": []}),
        (None, MORNINGS, {"hours": [list(session) for session in MORNINGS]}),
        (Expr("const", (), 2.0, NUMBER), (), {"at_a_time": 2, "hours": []}),
        (Expr("const", (), 0.5, RATE), (), {"per_week": 3.5, "hours": []}),
        (Expr("parameter", (), "sugar.onset", RATE), (), {"per_week": 7 * 0.01, "hours": []}),
    ],
)
def test_an_offer_is_told_in_weeks_with_the_parameters_that_are_set(
    scenario: Scenario,
    capacity: Expr | None,
    hours: tuple[tuple[float, float], ...],
    expected: dict[str, Any],
) -> None:
    offer = manifest.offer(Provider("theatre", "inpatient", capacity, hours, None, SPAN), scenario)
    assert json.loads(json.dumps(offer)) == {"class": "inpatient", **expected}
