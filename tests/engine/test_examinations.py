"""Tests whose results are no numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Live = Callable[..., Any]

# A third is ill, a third has the early form, which no test of the second kind can tell from the ill.
TRUTH = """
variables: {kind: "categorical(ill=0.3, early=0.3, sound=rest)"}
"""


def _same_share(results: np.ndarray, level: float, p: float) -> None:
    """The share of a level among results is p, within 5 standard errors."""
    share, error = float(np.mean(results == level)), np.sqrt(p * (1 - p) / len(results))
    assert abs(share - p) <= 5 * error, (share, p, error)


@pytest.fixture
def examined(live: Live) -> dict[str, dict[int, np.ndarray]]:
    """Results of each test by what is true, of 8000 patients."""
    lives = live(
        TRUTH
        + """
tests:
  strip: {positive: {kind == ill: 0.8, kind == early or kind == ill: 0.3, otherwise: 0.04}}
  image:
    result:
      kind == ill: {tumour: 0.9, shadow: 0.07, nothing: rest}
      kind == early: {shadow: 0.6, nothing: rest}
      otherwise: {nothing: 0.95, shadow: rest}
care: {once: {starts: {when: age >= 30}, steps: {test: [strip, image]}}}
""",
        8000,
    )
    kinds = lives.rows("variable", "kind").value
    found: dict[str, dict[int, np.ndarray]] = {}
    for test in ("strip", "image"):
        results = lives.rows("biomarker", test).value
        assert len(results) == len(kinds)
        found[test] = {kind: results[kinds == kind] for kind in range(3)}
    return found


def test_sensitivity_and_specificity_are_those_declared(examined: dict[str, dict[int, np.ndarray]]) -> None:
    """The first entry that holds decides, so the second says nothing of the ill."""
    ill, early, sound = examined["strip"].values()
    assert set(np.concatenate([ill, early, sound])) == {0.0, 1.0}
    _same_share(ill, 1.0, 0.8)
    _same_share(early, 1.0, 0.3)
    _same_share(sound, 0.0, 1 - 0.04)


def test_what_is_seen_has_the_shares_declared(examined: dict[str, dict[int, np.ndarray]]) -> None:
    """Levels in the order written: tumour, shadow, nothing; one that is not named is never seen."""
    ill, early, sound = examined["image"].values()
    for level, p in enumerate((0.9, 0.07, 0.03)):
        _same_share(ill, level, p)
    for level, p in enumerate((0.0, 0.6, 0.4)):
        _same_share(early, level, p)
    for level, p in enumerate((0.0, 0.05, 0.95)):
        _same_share(sound, level, p)


def test_words_before_and_after_the_first_result(live: Live) -> None:
    """Before: unknown, so neither positive nor anything else, and `not` of that is true."""
    lives = live(
        """
tests:
  yes: {positive: {otherwise: 1}}
  look: {result: {otherwise: {left: 0, right: 1}}}
procedures: {unknown: {}, positive: {}, right: {}, first: {}, counted: {}, since: {}, wrong: {}}
care:
  once:
    starts: {when: age >= 10}
    steps:
      - if: positive(yes) or tested(yes) or last(look) == right or last(look) != right or count(yes) > 0
        then: {perform: wrong}
      - if: not positive(yes) and not known(last(look)) and not known(positive(yes))
        then: {perform: unknown}
      - test: [yes, look]
      - {if: positive(yes) and tested(yes), then: {perform: positive}}
      - {if: last(look) == right and last(look) != left, then: {perform: right}}
      - {wait: 100 days}
      - test: look
      - {if: "first(look) == right and count(look, within=50 days) == 1", then: {perform: first}}
      - {if: count(look) == 2 and count(yes) == 1, then: {perform: counted}}
      - {if: "not tested(yes, within=100 days) or tested(yes, within=99 days)", then: {perform: wrong}}
      - {if: "since(yes) >= 100 days and tested(yes, within=100 days)", then: {perform: since}}
"""
    )
    done = [name for name, _ in lives.story() if name not in ("yes", "look", "once")]
    assert done == ["unknown", "positive", "right", "first", "counted", "since"]


SCREENING = """
providers: {hub: {class: virtual, lasts: 20 minutes}, clinic: {class: ambulatory}}
"""


def _frame(providers: str) -> str:
    return f"""
scenario: small world
window: {{from: 1950-01-01, to: 2050-01-01}}
population: {{size: 1, born: {{from: 1950-01-01, to: 1951-01-01}}, sex: {{female: 0.5, male: 0.5}}}}
pathways: [world.yaml]
{providers}"""


def test_a_result_that_takes_time_pauses_the_protocol_and_not_the_visit(live: Live) -> None:
    """The visit lasts its 20 minutes, with what rides on it; what comes after the result is in no visit."""
    lives = live(
        """
tests: {kit: {positive: {otherwise: 1}, takes: 8 days}}
procedures: {before: {}, after: {}, riding: {}}
care:
  screen:
    starts: {when: age >= 10}
    steps:
      - visit: hub
        discharge: {home: 1}
        steps: [{perform: before}, {test: kit}, {if: positive(kit), then: {perform: after}}]
      - visit: clinic
  rider: {starts: {during: hub}, steps: {perform: riding}}
""",
        frame=_frame(SCREENING),
    )
    ten, minutes = 3652.5, 20 / 1440
    visits = lives.rows("provider")
    assert lives.days(visits) - ten == pytest.approx([0, 8], abs=2e-5)
    assert lives.days(visits, end=True) - ten == pytest.approx([minutes, 8], abs=2e-5)
    assert lives.times("biomarker", "kit") - ten == pytest.approx([8], abs=2e-5)
    (kit,), (before,) = lives.rows("biomarker", "kit").encounter, lives.rows("procedure", "before").encounter
    assert kit == before == visits.encounter[0] == lives.rows("procedure", "riding").encounter[0]
    after = lives.rows("procedure", "after")
    assert lives.days(after) - ten == pytest.approx([8], abs=2e-5)
    assert after.encounter[0] < 0  # none


def test_the_truth_is_that_of_the_sample(live: Live) -> None:
    """Taken on the day before the change, known long after it; and a sample of the dead is never known."""
    lives = live(
        """
disease:
  axis: {sound: {-> ill: {after: 3652.5 days}}, ill: {-> dead: {after: 30 days, cause: end}}}
conditions: {end: {}}
tests: {kit: {positive: {ill: 1, otherwise: 0}, takes: 10 days}}
care:
  one: {starts: {when: age >= 3651 / 365.25}, steps: {test: kit}}
  two: {starts: {when: age >= 3653 / 365.25}, steps: {test: kit}}
  three: {starts: {when: age >= 3680 / 365.25}, steps: {test: kit}}
"""
    )
    assert lives.rows("biomarker", "kit").value.tolist() == [0.0, 1.0]


def test_a_protocol_that_ends_waits_for_no_result(live: Live) -> None:
    lives = live(
        """
tests: {kit: {positive: {otherwise: 1}, takes: 10 days}}
procedures: {other: {}}
care:
  one: {starts: {when: age >= 10}, steps: [{test: kit}, {perform: other}]}
  two: {starts: {when: age >= 10}, steps: [{wait: 5 days}, {stop: one}]}
"""
    )
    assert len(lives.rows("biomarker").value) == len(lives.rows("procedure").value) == 0


def test_results_take_the_time_that_is_drawn(live: Live) -> None:
    """Uniform from 5 to 12 days: mean 8.5, sd 7 / sqrt(12)."""
    lives = live(
        """
tests: {kit: {positive: {otherwise: 0.5}, takes: "uniform(5 days, 12 days)"}}
care: {one: {starts: {when: age >= 10}, steps: {test: kit}}}
""",
        4000,
    )
    took = lives.times("biomarker", "kit") - 3652.5
    assert 5 - 1e-4 <= took.min() < took.max() <= 12
    assert abs(took.mean() - 8.5) < 5 * 7 / np.sqrt(12 * 4000)
