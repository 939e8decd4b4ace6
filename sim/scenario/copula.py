"""Correlated draws: a Gaussian copula, by the Cholesky factor of the correlations of normal scores.

The score of a uniform u is the standard normal quantile at u. A correlated variable, or error in a panel,
takes the uniform of a sum of scores, its own and those of the ones before it, in the order of their names; so
its distribution stays its own. What is without correlation, and the first of those that have one, keep their
very draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

from sim.scenario import constants
from sim.scenario.model import TRUTH, MeasurePanel, Scenario
from sim.scenario.whole import parts

_LEAST = 1e-9  # of a variance that is left, given the variables before: below, they fix each other

Scores = dict[str, tuple[tuple[str, float], ...]]
Numbers = dict[tuple[str, str], float]
Rows = dict[str, dict[str, float]]


def scores(scenario: Scenario) -> Scores:
    """For the site of each correlated draw, the sites of the scores in its sum and their weights.

    These are variables, and the measurement errors of what a step measures as a panel. Left out are draws
    whose score is their own alone, and weights of 0. Truths count as high where they are true, which they are
    at low uniforms.
    """
    sign = {v.name: -1.0 if v.type == TRUTH else 1.0 for v in scenario.variables}
    rows = cholesky({c.between: constants.value(c.r, scenario) for c in scenario.correlations})
    signed = {n: {o: weight * sign[n] * sign[o] for o, weight in row.items()} for n, row in rows.items()}
    found = _sums({_site(n): {_site(o): w for o, w in row.items()} for n, row in signed.items()})
    for step in parts(scenario.pathways, MeasurePanel):
        rows = _errors(scenario, step.panel)
        found |= _sums(
            {f"{step.site}/{n}": {f"{step.site}/{o}": w for o, w in row.items()} for n, row in rows.items()}
        )
    return found


def _errors(scenario: Scenario, name: str) -> Rows:
    """Of the measurement errors in a panel."""
    panel = next(p for p in scenario.panels if p.name == name)
    if panel.errors_correlate is None:
        return {}
    with_error = {b.name for b in scenario.biomarkers if b.measurement_error is not None}
    names = [member for member in panel.biomarkers if member in with_error]
    r = constants.value(panel.errors_correlate, scenario)
    return cholesky(dict.fromkeys(combinations(names, 2), r))


def _sums(rows: Rows) -> Scores:
    terms = {
        name: tuple((o, weight) for o, weight in row.items() if weight != 0.0) for name, row in rows.items()
    }
    return {name: some for name, some in terms.items() if len(some) > 1}


def _site(variable: str) -> str:
    namespace, _, name = variable.partition(".")
    return f"{namespace}/variables/{name}"


@dataclass(frozen=True)
class NotPositiveDefiniteError(Exception):
    """What the correlations before it leave of a variable's variance is not above zero."""

    names: tuple[str, ...]  # the variable, after those before it


def cholesky(found: Numbers) -> Rows:
    """The rows of the lower Cholesky factor, in the order of the names (Cholesky-Banachiewicz).

    IEEE +, -, x, / and square roots in the order written: the same bits everywhere.
    Raises NotPositiveDefiniteError.
    """
    both = found | {(b, a): r for (a, b), r in found.items()}
    names = sorted({name for pair in found for name in pair})
    rows: Rows = {}
    for i, name in enumerate(names):
        row: dict[str, float] = {}
        left = 1.0
        for j, other in enumerate(names[:i]):
            rest = both.get((name, other), 0.0)
            for k in names[:j]:
                rest -= row[k] * rows[other][k]
            row[other] = rest / rows[other][other]
            left -= row[other] * row[other]
        if not left > _LEAST:
            raise NotPositiveDefiniteError(tuple(names[: i + 1]))
        rows[name] = row | {name: math.sqrt(left)}
    return rows
