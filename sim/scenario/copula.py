"""Correlated variables: a Gaussian copula, by the Cholesky factor of the correlations of normal scores.

The score of a uniform u is the standard normal quantile at u. A correlated variable takes the uniform of a
sum of scores, its own and those of the variables before it, in the order of their names; so its distribution
stays its own. Variables without correlation, and the first of those that have one, keep their very draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.scenario import constants
from sim.scenario.model import TRUTH, Scenario

_LEAST = 1e-9  # of a variance that is left, given the variables before: below, they fix each other

Scores = dict[str, tuple[tuple[str, float], ...]]
Numbers = dict[tuple[str, str], float]


def scores(scenario: Scenario) -> Scores:
    """For the site of each correlated variable, the sites of the scores in its sum and their weights.

    Left out are variables whose score is their own alone, and weights of 0. Truths count as high where they
    are true, which they are at low uniforms.
    """
    sign = {v.name: -1.0 if v.type == TRUTH else 1.0 for v in scenario.variables}
    found = {c.between: constants.value(c.r, scenario) for c in scenario.correlations}
    rows = cholesky(found)
    sums = {
        name: tuple((_site(o), weight * sign[name] * sign[o]) for o, weight in row.items() if weight != 0.0)
        for name, row in rows.items()
    }
    return {_site(name): terms for name, terms in sums.items() if len(terms) > 1}


def _site(variable: str) -> str:
    namespace, _, name = variable.partition(".")
    return f"{namespace}/variables/{name}"


@dataclass(frozen=True)
class NotPositiveDefiniteError(Exception):
    """What the correlations before it leave of a variable's variance is not above zero."""

    names: tuple[str, ...]  # the variable, after those before it


def cholesky(found: Numbers) -> dict[str, dict[str, float]]:
    """The rows of the lower Cholesky factor, in the order of the names (Cholesky-Banachiewicz).

    IEEE +, -, x, / and square roots in the order written: the same bits everywhere.
    Raises NotPositiveDefiniteError.
    """
    both = found | {(b, a): r for (a, b), r in found.items()}
    names = sorted({name for pair in found for name in pair})
    rows: dict[str, dict[str, float]] = {}
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
