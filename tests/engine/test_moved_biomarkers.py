"""Biomarkers that drugs and states move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Live = Callable[..., Any]

CARE = """
care:
  follow:
    starts: {when: age >= 10}
    steps:
      - test: pressure
      - {prescribe: tablet, dose: 5 mg}
      - {wait: 10 days}
      - test: pressure
      - {wait: 10 days}
      - test: pressure
      - {if: usual(pressure) == 118, then: {perform: seen}}
      - increase: tablet
      - {test: pressure}
      - stop: tablet
      - test: pressure
"""


def test_what_is_taken_moves_the_truth_and_the_result(live: Live) -> None:
    """The dose as a share, times the adherence, once it works: 120 - 20 x 1/2 x 0.2, then 120 - 20 x 0.2."""
    lives = live(
        f"""
biomarkers: {{pressure: {{unit: mmHg, value: 120}}}}
drugs: {{tablet: {{doses: [5 mg, 10 mg], adherence: 0.2, works_in: 2 weeks}}}}
procedures: {{seen: {{}}}}
modifies: [{{biomarker: pressure, add: -20 mmHg * taking(tablet)}}]
{CARE}"""
    )
    assert lives.rows("biomarker").value.tolist() == [120.0, 120.0, 118.0, 116.0, 120.0]
    assert len(lives.rows("procedure", "seen").value) == 1


def test_factors_come_before_what_is_added(live: Live) -> None:
    """Whatever the order in the file: 100 x 0.5 x 0.8 + 10 - 3, and without the `while` 100 x 0.5 + 10."""
    lives = live(
        """
disease: {axis: {first: {-> second: {after: 20 years}}, second: {}}}
biomarkers: {level: {unit: mg/dL, value: 100}}
modifies:
  - {biomarker: level, add: 10}
  - {biomarker: level, times: 0.5}
  - {biomarker: level, add: -3 mg/dL, while: in(second)}
  - {biomarker: level, times: 0.8, while: in(second)}
care:
  once: {starts: [{when: age >= 10}, {when: age >= 30}], steps: {test: level}}
"""
    )
    assert lives.rows("biomarker", "level").value.tolist() == [60.0, 47.0]


def test_rates_see_the_moved_value_and_noise_is_not_scaled(live: Live) -> None:
    """Half as high: the hazard is constant at 1 / 4 per year; results still vary by the sd of the noise."""
    lives = live(
        """
disease:
  axis:
    well: {-> ill: {rate: usual(level) * 0.1 per year}}
    ill: {}
biomarkers: {level: {unit: "{score}", value: 5, within_person: "ou(sd=0.4, half_life=1 day)", decimals: 6}}
modifies: [{biomarker: level, times: 0.5}]
care: {look: {starts: {upon: ill}, steps: [{wait: 1 year}, {test: level}]}}
""",
        4000,
    )
    years = lives.first("state", "ill") / 365.25
    assert abs(years.mean() - 4.0) < 5 * 4.0 / np.sqrt(len(years))
    results = lives.rows("biomarker", "level").value
    assert abs(results.mean() - 2.5) < 5 * 0.4 / np.sqrt(len(results))
    assert abs(results.std() - 0.4) < 5 * 0.4 / np.sqrt(2 * len(results))
