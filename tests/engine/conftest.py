"""What the tests of care share: a world with things to find, to do and to give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

THINGS = """
conditions: {cough: {snomed: "49727002"}, gout: {snomed: "90560007"}}
procedures: {talk: {snomed: "225323000"}, scan: {snomed: "77477000"}, letter: {snomed: "308720009"}}
drugs: {syrup: {rxnorm: "312617"}}
biomarkers:
  weight: {unit: kg, value: 50 + age}
"""


@pytest.fixture
def care(live: Callable[..., Any]) -> Callable[..., Any]:
    """As `live`, in a world that has THINGS."""

    def care(pathway: str, patients: int | range = 1, **more: Any) -> Any:
        return live(pathway + THINGS, patients, **more)

    return care
