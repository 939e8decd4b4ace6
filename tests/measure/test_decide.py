"""The decision rule itself, on draws of which the truth is known.

The truth lies exactly on a bound, where every verdict is wrong, that it holds and that it fails alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from sim.measure.accumulator import Estimate as Measured
from sim.measure.decide import Estimate, Interval, decided, interval, looks, needed, together
from sim.measure.quantities import value_and_interval
from sim.measure.sums import GROUPS
from sim.scenario.model import DAYS_PER_YEAR, NUMBER, RATE, Expr
from sim.scenario.statistics import Numbers, Statistic

Floats = NDArray[np.float64]

# ---- the intervals


@pytest.mark.parametrize("error", [1e-2, 1e-6, 1e-9])
@pytest.mark.parametrize(("found", "people"), [(0, 1000), (3, 1000), (500, 1000), (1000, 1000), (7, 128_000)])
def test_a_share_of_people_has_the_interval_of_clopper_and_pearson(
    found: int, people: int, error: float
) -> None:
    p = found / people
    low, high = interval(Estimate(p, p * (1 - p) / people, people, 0.0, 1.0), error)
    assert low == pytest.approx(
        stats.beta.ppf(error / 2, found, people - found + 1) if found else 0.0, rel=1e-6
    )
    above = stats.beta.isf(error / 2, found + 1, people - found) if found < people else 1.0
    assert high == pytest.approx(above, rel=1e-6)


@pytest.mark.parametrize("error", [1e-2, 1e-6])
@pytest.mark.parametrize("events", [0, 1, 10, 1000])
def test_a_rate_of_events_has_the_interval_of_garwood(events: int, error: float) -> None:
    time = 500.0
    rate = Estimate(events / time, events / time**2, 1000, 0.0, unit=1 / time)
    low, high = interval(rate, error)
    assert low == pytest.approx(stats.chi2.ppf(error / 2, 2 * events) / 2 / time if events else 0.0, rel=1e-6)
    assert high == pytest.approx(stats.chi2.isf(error / 2, 2 * events + 2) / 2 / time, rel=1e-6)


@pytest.mark.parametrize("groups", [2, 5, 30, 1024])
def test_a_mean_has_the_interval_of_student(groups: int) -> None:
    low, high = interval(Estimate(5.0, 0.04, groups, groups=groups), 1e-6)
    half = 0.2 * stats.t.isf(5e-7, groups - 1)
    assert (low, high) == (pytest.approx(5 - half, rel=1e-6), pytest.approx(5 + half, rel=1e-6))


def test_skewness_makes_an_interval_longer_on_its_side_and_never_shorter() -> None:
    plain = interval(Estimate(5.0, 0.04, 1000), 1e-6)
    right = interval(Estimate(5.0, 0.04, 1000, skewness=0.1), 1e-6)
    left = interval(Estimate(5.0, 0.04, 1000, skewness=-0.1), 1e-6)
    assert right[0] == plain[0]
    assert left[1] == plain[1]
    # Hall's expansion: the limit moves by (2 z^2 + 1) / 6 times the skewness, in standard errors.
    z = stats.norm.isf(5e-7)
    assert right[1] - plain[1] == pytest.approx(0.2 * 0.1 * (2 * z * z + 1) / 6, rel=0.2)
    assert plain[0] - left[0] == pytest.approx(right[1] - plain[1])


def test_nothing_known_is_the_whole_range() -> None:
    assert interval(Estimate(math.nan, math.nan, 0, 0.0, 1.0), 1e-6) == (0.0, 1.0)
    assert interval(Estimate(3.0, 0.0, 50), 1e-6) == (-math.inf, math.inf)
    assert interval(Estimate(0.0, 0.0, 50, 0.0), 1e-6) == (0.0, math.inf)


def test_of_one_statistic_the_interval_is_its_own_and_of_two_it_knows_how_they_go_together() -> None:
    share = Estimate(0.01, 0.01 * 0.99 / 1000, 1000, 0.0, 1.0)
    one = together(0.01, np.array([1.0]), [share], np.eye(1), 1e-6)
    assert one == pytest.approx(interval(share, 1e-6))
    a = Estimate(5.0, 0.09, 1000)
    b = Estimate(4.0, 0.16, 1000)
    for r in (-0.5, 0.0, 0.9):
        found = together(5.0 - 2 * 4.0, np.array([1.0, -2.0]), [a, b], np.array([[1, r], [r, 1]]), 1e-6)
        half = stats.norm.isf(5e-7) * math.sqrt(0.09 + 4 * 0.16 - 2 * 2 * r * 0.3 * 0.4)
        assert found == (pytest.approx(-3 - half), pytest.approx(-3 + half))


def test_a_quotient_of_statistics_has_an_interval_that_holds_it() -> None:
    of = Expr("div", (Expr("statistic", (), "0"), Expr("statistic", (), "1")))
    statistics = [Statistic("rate", type=RATE), Statistic("rate", type=RATE)]
    rates = [_measured(20 + 10 * k + np.zeros(100), np.full(100, 1000.0)) for k in range(2)]
    noisy = [_measured(m.value * 1000 + np.arange(100.0) - 49.5, np.full(100, 1000.0)) for m in rates]
    value, (low, high) = value_and_interval(of, statistics, noisy, _SCENARIO, 1e-6)
    assert value == pytest.approx(2 / 3)
    assert 0 < low < 2 / 3 < high
    nobody = _measured(np.zeros(100), np.full(100, 1000.0))
    assert value_and_interval(of, statistics, [noisy[0], nobody], _SCENARIO, 1e-6)[1] == (-math.inf, math.inf)


# ---- looks and verdicts


def test_looks_double_up_to_the_most() -> None:
    assert looks(1000, 8000) == (1000, 2000, 4000, 8000)
    assert looks(1000, 9000) == (1000, 2000, 4000, 8000, 9000)
    assert looks(1000, 500) == (500,)


def test_an_interval_inside_holds_outside_fails_and_across_is_undecided() -> None:
    verdicts = {
        (0.2, 0.3): "holds",
        (0.1, 0.3): "undecided",
        (0.05, 0.1): "fails",
        (0.5, 0.9): "fails",
        (0.45, 0.55): "undecided",
    }
    assert {found: decided(found, (0.1, 0.5)) for found in verdicts} == verdicts


def test_as_many_patients_as_it_says_would_decide() -> None:
    for expected in ((0.25, math.inf), (0.1, 0.33), (-math.inf, 0.29), (0.32, 0.9)):
        enough = needed(1000, 0.3, _of_share(0.3, 1000), expected)
        assert decided(_of_share(0.3, round(enough * 1.2)), expected) != "undecided"
        assert decided(_of_share(0.3, round(enough * 0.8)), expected) == "undecided"
    assert needed(1000, 0.3, _of_share(0.3, 1000), (0.3, 1.0)) == math.inf


def _of_share(p: float, people: int) -> Interval:
    return interval(Estimate(p, p * (1 - p) / people, people, 0.0, 1.0), 1e-6)


@pytest.mark.parametrize("p", [1e-4, 1e-3, 0.01, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("people", [1000, 4000])
def test_the_rate_of_false_alarms_of_a_share_adds_up_to_less_than_it_may_be(p: float, people: int) -> None:
    """Exactly: over every number of people that can be found, at one look."""
    counts = np.arange(people + 1)
    likely = stats.binom.pmf(counts, people, p)
    alarms = [
        probability
        for k, probability in zip(counts, likely, strict=True)
        if probability > 1e-18 and decided(_of_share(k / people, people), (p, math.inf)) != "undecided"
    ]
    assert sum(alarms) <= 1e-6
    assert sum(alarms) > 1e-8 or p * people < 20


# ---- the whole rule, repeated

_SCENARIO: Any = SimpleNamespace(
    window=(0.0, 20 * DAYS_PER_YEAR), population=SimpleNamespace(oversample=None)
)
_RESULTS = Numbers("results", (), NUMBER)
SIZES = looks(GROUPS, 16 * GROUPS)

Draw = Callable[[np.random.Generator, tuple[int, int]], tuple[Floats, ...]]
"""For so many repetitions and patients: what is summed up above and below, of one statistic or two."""


def _share(p: float) -> Draw:
    return lambda rng, size: ((rng.random(size) < p).astype(float), np.ones(size))


def _days(rng: np.random.Generator, size: tuple[int, int]) -> Floats:
    return rng.uniform(0, 20 * DAYS_PER_YEAR, size)


def _rate(rate: float, clump: float = math.inf) -> Draw:
    """Events at a rate; with `clump`, a gamma of that shape makes some people have many."""

    def draw(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, ...]:
        days = _days(rng, size)
        proneness = 1.0 if clump == math.inf else rng.gamma(clump, 1 / clump, size)
        return rng.poisson(rate / DAYS_PER_YEAR * days * proneness).astype(float), days

    return draw


def _time(p: float) -> Draw:
    """Of a share `p` of people, on average half of the time is spent in something."""

    def draw(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, ...]:
        days = _days(rng, size)
        return np.where(rng.random(size) < p, days * rng.random(size), 0.0), days

    return draw


def _lognormal(sigma: float) -> Draw:
    def draw(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, ...]:
        return np.exp(sigma * rng.standard_normal(size) - sigma * sigma / 2), np.ones(size)

    return draw


def _shares_that_go_together(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, ...]:
    """4% and, mostly of the same people, 2%."""
    u, v = rng.random(size), rng.random(size)
    one = u < 0.04
    other = np.where(one, v < 0.4, v < 0.004 / 0.96)
    return one.astype(float), np.ones(size), other.astype(float), np.ones(size)


def _rates_of_two_groups(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Floats, ...]:
    """Twice the rate in a tenth of the people."""
    events, days = _rate(0.01, 0.5)(rng, size)
    more, _ = _rate(0.01, 0.5)(rng, size)
    few = rng.random(size) < 0.1
    return np.where(few, 0.0, events), np.where(few, 0.0, days), np.where(few, events + more, 0.0), few * days


@dataclass(frozen=True)
class Drawn:
    """`truth` is that of the quantity: of the statistic, or the first less `times` the second."""

    draw: Draw
    statistic: Statistic
    truth: float
    times: float = 0.0

    @property
    def quantity(self) -> Expr:
        one, other = (Expr("statistic", (), place) for place in "01")
        factor = Expr("const", (), self.times)
        return Expr("sub", (one, Expr("mul", (factor, other)))) if self.times else one


_RATE, _PREVALENCE = Statistic("rate", type=RATE), Statistic("prevalence")
CASES = {
    "share of people, 30%": Drawn(_share(0.3), Statistic("prevalence", date=0.0), 0.3),
    "share of people, 0.2%": Drawn(_share(0.002), Statistic("prevalence", date=0.0), 0.002),
    "share of time, 15%": Drawn(_time(0.3), _PREVALENCE, 0.15),
    "share of time, 1%": Drawn(_time(0.02), _PREVALENCE, 0.01),
    "rate, 2 per 1000 years": Drawn(_rate(0.002), _RATE, 0.002 / DAYS_PER_YEAR),
    "rate in clumps, 0.5 per year": Drawn(_rate(0.5, 0.3), _RATE, 0.5 / DAYS_PER_YEAR),
    "rate in clumps, 1 per 100 years": Drawn(_rate(0.01, 0.3), _RATE, 0.01 / DAYS_PER_YEAR),
    "mean of lognormals, sigma 0.5": Drawn(_lognormal(0.5), Statistic("mean", numbers=_RESULTS), 1.0),
    "mean of lognormals, sigma 1": Drawn(_lognormal(1.0), Statistic("mean", numbers=_RESULTS), 1.0),
    "difference of shares, 4% and twice 2%": Drawn(
        _shares_that_go_together, Statistic("prevalence", date=0.0), 0.0, 2.0
    ),
    "difference of rates of two groups": Drawn(_rates_of_two_groups, _RATE, 0.0, 0.5),
}


IN_FULL = (  # each a minute's work at most; all of CASES are in the table that this file prints
    "share of people, 0.2%",
    "share of time, 1%",
    "rate in clumps, 1 per 100 years",
    "mean of lognormals, sigma 1",
    "difference of shares, 4% and twice 2%",
)


def _measured(above: Floats, below: Floats) -> Measured:
    """As an accumulator tells a quotient: from the sums of each group of patients."""
    whole, part = below.sum(), above.sum()
    if whole == 0.0:
        return Measured(*[math.nan] * 6, 0, np.zeros(len(above)))
    value = part / whole
    influence = (above - value * below) / whole
    error = math.sqrt(len(above) / (len(above) - 1) * float((influence**2).sum()))
    return Measured(value, error, math.nan, math.nan, part, whole, int((below > 0).sum()) or 1, influence)


def _repetitions(case: Drawn, count: int, sizes: tuple[int, ...]) -> Iterator[list[list[Measured]]]:
    """For each repetition, for each look, what is measured."""
    rng = np.random.default_rng(7)
    for first in range(0, count, 50):
        some = min(50, count - first)
        sums = np.zeros((0, some, GROUPS))
        seen: list[list[list[Measured]]] = [[] for _ in range(some)]
        for more in np.diff((0, *sizes)):
            drawn = case.draw(rng, (some, int(more)))
            parts = np.stack([d.reshape(some, -1, GROUPS).sum(axis=1) for d in drawn])
            sums = parts if not len(sums) else sums + parts
            for i in range(some):
                seen[i].append([_measured(*sums[k : k + 2, i]) for k in range(0, len(sums), 2)])
        yield from seen


Rule = Callable[[Drawn, list[Measured], float, int], Interval]


def _rule(case: Drawn, measured: list[Measured], error: float, count: int) -> Interval:
    statistics = [case.statistic] * len(measured)
    return value_and_interval(case.quantity, statistics, measured, _SCENARIO, error / count)[1]


def _naive(case: Drawn, measured: list[Measured], error: float, count: int) -> Interval:
    """The usual interval, at every look."""
    half = stats.norm.isf(error / 2) * measured[0].error
    return measured[0].value - half, measured[0].value + half


def _alarms(
    case: Drawn, count: int, sizes: tuple[int, ...], errors: list[float], rule: Rule = _rule
) -> list[int]:
    """In how many of so many repetitions there is a verdict, for each rate of false alarms."""
    alarms = [0] * len(errors)
    for seen in _repetitions(case, count, sizes):
        for i, error in enumerate(errors):
            found = (rule(case, measured, error, len(sizes)) for measured in seen)
            alarms[i] += any(decided(f, (case.truth, math.inf)) != "undecided" for f in found)
    return alarms


def _most(count: int, error: float) -> float:
    """As many alarms as there may be, and five standard errors."""
    return count * error + 5 * math.sqrt(count * error * (1 - error))


@pytest.mark.parametrize(
    "name", ["share of people, 0.2%", "share of time, 1%", "difference of rates of two groups"]
)
def test_false_alarms_are_as_rare_as_they_are_to_be(name: str) -> None:
    common, rare = _alarms(CASES[name], 400, SIZES[:3], [0.05, 1e-6])
    assert common <= _most(400, 0.05)
    assert rare == 0


def test_the_usual_interval_would_be_caught_by_this() -> None:
    (alarms,) = _alarms(CASES["share of time, 1%"], 400, SIZES[:3], [0.05], _naive)
    assert alarms > _most(400, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_FULL)
def test_false_alarms_in_ten_thousand_repetitions(name: str) -> None:
    errors = [1e-2, 1e-3, 1e-6]
    found = _alarms(CASES[name], 10_000, SIZES, errors)
    for error, alarms in zip(errors, found, strict=True):
        assert alarms <= (_most(10_000, error) if error > 1e-6 else 0)


if __name__ == "__main__":  # the table in docs/guides/testing.md
    print("| truth on the bound | at 0.01 | at 0.001 | at 0.000001 |\n|---|---|---|---|")
    for name, case in CASES.items():
        counts = _alarms(case, 10_000, SIZES, [1e-2, 1e-3, 1e-6])
        print(
            f"| {name} | "
            + " | ".join(f"{count / 10_000:.4f}" if count else "none" for count in counts)
            + " |",
            flush=True,
        )
