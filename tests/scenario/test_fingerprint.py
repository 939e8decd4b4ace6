"""The fingerprint of a scenario: what was worked out for one holds as long as its lives are the same."""

from __future__ import annotations

from collections.abc import Callable

from sim.scenario.fingerprint import fingerprint
from sim.scenario.model import Scenario

PATHWAY = """
variables: {frailty: "gamma(mean=1, sd=0.5)"}
disease:
  lung:
    well: {-> ill: {rate: 0.01 per year * frailty}}
    ill: {lasts: 10 days, -> well: {share: 0.9}, -> dead: {share: rest, cause: cough}}
  heart:
    whole: {-> broken: {upon: ill, chance: 0.5}}
    broken: {}
biomarkers: {crp: {unit: mg/L, value: 5 + in(ill), range: 0 to 300}}
conditions: {cough: {}}
procedures: {operation: {}}
drugs: {syrup: {}}
care:
  presentation:
    starts: {upon: ill}
    steps:
      - visit: clinic
        steps: [{test: crp}, {diagnose: cough}, {prescribe: syrup}, {perform: operation}]
"""


def test_it_stays_as_new_words_come_into_the_language(world: Callable[..., Scenario]) -> None:
    """Background mortality made by an earlier version must not be called stale."""
    assert fingerprint(world(PATHWAY)) == "7eb416ce111dad3eb98e53d7d4ec8e0d"
