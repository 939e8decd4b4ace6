"""Sentences put to the test: patients are simulated in growing numbers until each is decided.

Sentences about the same lives are asked of the same lives. Where patients share capacity none of them is
independent of the others: there a whole cohort, of the size that the scenario says, is one observation, and
cohorts with seeds of their own are simulated instead of more patients.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from sim.measure.accumulator import Accumulator
from sim.measure.accumulator import Estimate as Measured
from sim.measure.decide import (
    FALSE_ALARMS,
    FIRST,
    MOST,
    Estimate,
    Interval,
    Verdict,
    decided,
    interval,
    looks,
    needed,
)
from sim.measure.quantities import value_and_interval, value_of
from sim.measure.shards import of_tables
from sim.runs.lives import Source
from sim.runs.plan import processors
from sim.runs.runtime import choose, start
from sim.scenario.cases import Case
from sim.scenario.constants import with_values
from sim.scenario.expectations import bounds_of
from sim.scenario.model import Claim, Expectation, Expr, Scenario, Type
from sim.scenario.statistics import Statistic

PIECE = 1_000  # patients that a thread simulates at a time
FIRST_COHORTS, MOST_COHORTS = 8, 32  # of fewer than 8, Student says nothing at one in a million

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one of a sentence's quantities: in base units, as its `type` says. `sides` are the
    two of which it is the difference, () of another.
    """

    value: float
    interval: Interval
    expected: Interval
    type: Type
    sides: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a sentence.

    `patients` are those simulated for it; `cohorts` how many cohorts they are, None where each stands for
    itself. `note` says why it is undecided, and what would decide it.
    """

    expectation: Expectation
    changed: str
    verdict: Verdict
    patients: int
    cohorts: int | None
    found: tuple[Found, ...]
    note: str


def trial(
    case: Case,
    *,
    seed: int = 0,
    most: int | None = None,
    error: float = FALSE_ALARMS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[Result, ...]:
    """The results of a case's sentences, in their order.

    `most` is how many patients are simulated at most (default: MOST, or MOST_COHORTS cohorts), `error` the
    probability of a wrong verdict on a sentence. Raises LifeError, and ScenarioError where the runtime cannot
    be started.
    """
    shared = any(provider.capacity is not None for provider in case.scenario.providers)
    size = case.scenario.population.size
    if shared:
        sizes = looks(FIRST_COHORTS, max(most // size, 2) if most else MOST_COHORTS)
    else:
        sizes = looks(FIRST, most or MOST)
    of = _Cohorts if shared else _Patients
    asked = of(case.scenario, case.expectations, seed, threads or processors(), progress)
    results: dict[int, Result] = {}
    for last, count in zip((s == sizes[-1] for s in sizes), sizes, strict=True):
        asked.grow(count)
        for place, expectation in enumerate(case.expectations):
            if place in results:
                continue
            found, people = asked.found(expectation, error / len(sizes) / len(expectation.claims))
            verdict = _verdict(found)
            if verdict != "undecided" or last:
                note = _note(found, people, count, shared) if verdict == "undecided" else ""
                cohorts = count if shared else None
                patients = count * size if shared else count
                results[place] = Result(expectation, case.changed, verdict, patients, cohorts, found, note)
        if len(results) == len(case.expectations):
            break
    return tuple(results[place] for place in sorted(results))


def _verdict(found: Sequence[Found]) -> Verdict:
    each = {decided(f.interval, f.expected) for f in found}
    return "fails" if "fails" in each else "undecided" if "undecided" in each else "holds"


def _note(found: Sequence[Found], people: int, count: int, shared: bool) -> str:
    if people == 0:
        return "nobody qualifies"
    if any(np.isnan(f.value) for f in found):
        return "it cannot be told of these patients"
    if any(f.expected[0] >= f.expected[1] for f in found):
        return "nothing can be so, with these parameters"
    more = max(needed(count, f.value, f.interval, f.expected) for f in found)
    if not np.isfinite(more):
        return "what is found lies on the bound: no number of patients would decide it"
    what = "cohorts" if shared else "patients"
    return f"some {float(f'{1.1 * more:.2g}'):,.0f} {what} would decide it, were it so"


def _sides(quantity: Expr, values: Sequence[float]) -> tuple[float, ...]:
    return tuple(value_of(side, values) for side in quantity.args) if quantity.op == "sub" else ()


def _values(scenario: Scenario) -> dict[str, float]:
    return {p.name: p.value for p in scenario.parameters if p.value is not None}


def _statistics(expectations: Iterable[Expectation]) -> tuple[Statistic, ...]:
    return tuple(dict.fromkeys(s for e in expectations for s in e.sentence.statistics))


# ---- patients, each for himself


class _Patients:
    """Lives that do not depend on each other."""

    def __init__(
        self,
        scenario: Scenario,
        expectations: Sequence[Expectation],
        seed: int,
        threads: int,
        progress: Progress | None,
    ) -> None:
        self.scenario, self.threads = scenario, threads
        self.progress = progress or (lambda done, total: None)
        self.statistics = _statistics(expectations)
        self.values = _values(scenario)
        self.accumulator = Accumulator(scenario, self.statistics)
        self.done = 0
        name = choose(scenario).name
        runtime = start(name, scenario, range(1), seed, lambda done, total: None)
        self.source = Source(scenario, runtime, seed)
        self.measured: dict[Statistic, Measured] = {}

    def grow(self, count: int) -> None:
        """Go on to so many patients."""
        starts = range(self.done, count, PIECE)
        pieces = iter([range(first, min(first + PIECE, count)) for first in starts])
        waiting: deque[Future[Accumulator]] = deque()
        with ThreadPoolExecutor(self.threads) as pool:
            waiting.extend(pool.submit(self._live, piece) for piece in islice(pieces, self.threads + 1))
            while waiting:
                self.accumulator.merge(waiting.popleft().result())
                self.done = min(self.done + PIECE, count)
                self.progress(self.done, count)
                waiting.extend(pool.submit(self._live, piece) for piece in islice(pieces, 1))
        found = self.accumulator.estimates()
        self.measured = {s: e[0] for s, e in zip(self.statistics, found, strict=True)}

    def _live(self, patients: range) -> Accumulator:
        some = Accumulator(self.scenario, self.statistics)
        for _, _, made in self.source.batches(patients):
            some.add(of_tables({name: table for name, table, _ in made}))
        return some

    def found(self, expectation: Expectation, error: float) -> tuple[tuple[Found, ...], int]:
        """What there is of a sentence so far, and how many people count in it."""
        statistics = expectation.sentence.statistics
        measured = [self.measured[s] for s in statistics]
        found = []
        for claim in expectation.claims:
            quantity = with_values(claim.quantity, self.values)
            value, ends = value_and_interval(quantity, statistics, measured, self.scenario, error)
            sides = _sides(quantity, [m.value for m in measured])
            found.append(Found(value, ends, bounds_of(claim, self.values), quantity.type, sides))
        return tuple(found), min(m.people for m in measured)


# ---- cohorts


class _Cohorts:
    """Cohorts of patients who share capacity, each with a seed of its own."""

    def __init__(
        self,
        scenario: Scenario,
        expectations: Sequence[Expectation],
        seed: int,
        threads: int,
        progress: Progress | None,
    ) -> None:
        self.scenario, self.seed, self.progress = scenario, seed, progress
        self.statistics = _statistics(expectations)
        self.values = _values(scenario)
        self.cohorts: list[dict[Statistic, Measured]] = []

    def grow(self, count: int) -> None:
        """Go on to so many cohorts."""
        while len(self.cohorts) < count:
            self.cohorts.append(self._live(self.seed + len(self.cohorts)))

    def _live(self, seed: int) -> dict[Statistic, Measured]:
        everybody = range(self.scenario.population.size)
        runtime = start("agents", self.scenario, everybody, seed, self.progress or (lambda done, total: None))
        accumulator = Accumulator(self.scenario, self.statistics)
        for _, _, made in Source(self.scenario, runtime, seed).batches(everybody):
            accumulator.add(of_tables({name: table for name, table, _ in made}))
        return {s: e[0] for s, e in zip(self.statistics, accumulator.estimates(), strict=True)}

    def found(self, expectation: Expectation, error: float) -> tuple[tuple[Found, ...], int]:
        """The same of the mean of the cohorts."""
        statistics = expectation.sentence.statistics
        found = [self._claim(claim, statistics, error) for claim in expectation.claims]
        return tuple(found), sum(cohort[s].people for cohort in self.cohorts for s in statistics)

    def _claim(self, claim: Claim, statistics: Sequence[Statistic], error: float) -> Found:
        quantity, count = with_values(claim.quantity, self.values), len(self.cohorts)
        each = np.array(
            [value_of(quantity, [cohort[s].value for s in statistics]) for cohort in self.cohorts]
        )
        value, variance = float(each.mean()), float(each.var(ddof=1)) / count
        ends = interval(Estimate(value, variance, count, groups=count), error)
        sides = _sides(
            quantity, [float(np.mean([cohort[s].value for cohort in self.cohorts])) for s in statistics]
        )
        return Found(value, ends, bounds_of(claim, self.values), quantity.type, sides)
