"""Correlated variables: each keeps its distribution, and their scores have the correlations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

Live = Callable[..., Any]
Floats = NDArray[np.float64]
PEOPLE = 4000

VARIABLES = """
variables:
  apart: normal(0, 1)
  height: normal(170, 10)
  weight: "lognormal(median=75, sigma=0.2)"
  wait: "gamma(shape=0.7, scale=3)"
  share: "beta(a=2, b=5)"
  until: "loglogistic(shape=3, scale=2)"
  ill: bernoulli(0.3)
"""
CORRELATIONS = """
parameters: {k: {value: 0.5}}
correlations:
  - {between: [weight, height], r: k}
  - {between: [wait, weight], r: -0.4}
  - among: [share, until, ill]
    matrix:
      - [1, 0.6, 0.3]
      - [0.6, 1, -0.2]
      - [0.3, -0.2, 1]
"""
DISTRIBUTIONS: dict[str, Any] = {
    "apart": stats.norm(),
    "height": stats.norm(170, 10),
    "weight": stats.lognorm(0.2, scale=75),
    "wait": stats.gamma(0.7, scale=3),
    "share": stats.beta(2, 5),
    "until": stats.fisk(3, scale=2),
}
EXPECTED = {
    ("weight", "height"): 0.5,
    ("wait", "weight"): -0.4,
    ("wait", "height"): 0.0,
    ("share", "until"): 0.6,
    ("share", "height"): 0.0,
    ("apart", "weight"): 0.0,
}


def drawn(live: Live, text: str) -> dict[str, Floats]:
    """The variables of all patients."""
    lives = live(text + "\ndisease: {course: {well: {}}}\n", PEOPLE)
    return {name: lives.rows("variable", name).value for name in [*DISTRIBUTIONS, "ill"]}


def test_a_copula(live: Live) -> None:
    found, independent = drawn(live, VARIABLES + CORRELATIONS), drawn(live, VARIABLES)
    for name, distribution in DISTRIBUTIONS.items():
        assert stats.kstest(found[name], distribution.cdf).pvalue > 1e-6
    assert found["ill"].mean() == pytest.approx(0.3, abs=5 * np.sqrt(0.3 * 0.7 / PEOPLE))

    scores = {name: stats.norm.ppf(d.cdf(found[name])) for name, d in DISTRIBUTIONS.items()}
    for (a, b), r in EXPECTED.items():
        error = (1 - r * r) / np.sqrt(PEOPLE)
        assert np.corrcoef(scores[a], scores[b])[0, 1] == pytest.approx(r, abs=5 * error)
    # a truth is true from a score on, so the mean score of the others among the ill follows
    cut = stats.norm.ppf(0.3)
    for name, r in (("share", 0.3), ("until", -0.2)):
        among = scores[name][found["ill"] == 1]
        assert among.mean() == pytest.approx(r * stats.norm.pdf(cut) / 0.3, abs=5 / np.sqrt(len(among)))

    same = {name for name in found if np.array_equal(found[name], independent[name])}
    assert same == {"apart", "height", "wait", "ill"}  # those whose score is their own alone


def test_the_weights_are_those_of_cholesky(live: Live) -> None:
    """`c` goes along with `a` and `b`, which are independent of each other."""
    text = """
variables: {a: "normal(0, 1)", b: "normal(0, 1)", c: "normal(0, 1)"}
disease: {course: {well: {}}}
"""
    apart = live(text, 50)
    together = live(text + "correlations: [{between: [c, a], r: 0.6}, {between: [b, c], r: -0.5}]\n", 50)
    a, b, c = (apart.rows("variable", name).value for name in "abc")
    assert together.rows("variable", "a").value == pytest.approx(a, abs=0)
    assert together.rows("variable", "b").value == pytest.approx(b, abs=0)  # independent of a
    expected = 0.6 * a - 0.5 * b + np.sqrt(1 - 0.36 - 0.25) * c
    assert together.rows("variable", "c").value == pytest.approx(expected, abs=1e-12)
