"""Estimators against lifelines, numpy, closed forms, tables worked by hand; errors by repetition."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from lifelines.utils import restricted_mean_survival_time

from sim.measure import estimators
from sim.measure.accumulator import Accumulator, Estimate, value_of
from sim.measure.estimators import Estimated, errors
from sim.measure.sums import GROUPS, Contributions, Followed, Tallies, Totals
from tests.measure.lives import CLOSES, DAY, OPENS, YEAR, Life, read, scenario, shard

Sums = Followed | Tallies | Totals


def rows(
    *columns: np.ndarray, cell: np.ndarray | None = None, weight: np.ndarray | None = None
) -> Contributions:
    """One row each of as many patients."""
    who = np.arange(len(columns[0]))
    return Contributions(
        who,
        who % GROUPS,
        np.ones(len(who)) if weight is None else weight,
        np.zeros(len(who), np.int64),
        columns,
    )


def followed(seed: int, count: int = 700, late: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries, exits, causes, without ties."""
    rng = np.random.default_rng(seed)
    one, two, lost = (rng.exponential(scale, 4 * count) * YEAR for scale in (3.0, 5.0, 8.0))
    exit = np.minimum(np.minimum(one, two), lost).astype(np.int64)
    cause = np.where(exit == one.astype(np.int64), 1, np.where(exit == two.astype(np.int64), 2, 0))
    entry = np.where(rng.random(4 * count) < 0.4, rng.integers(0, 2 * YEAR, 4 * count), -1) if late else -1
    entry = np.broadcast_to(entry, exit.shape)
    _, first = np.unique(exit, return_index=True)
    keep = np.intersect1d(first, np.flatnonzero(exit > np.maximum(entry, 0)))[:count]
    return entry[keep], exit[keep], cause[keep]


def cut(entry: np.ndarray, exit: np.ndarray, cause: np.ndarray, horizon: int) -> Followed:
    """What is kept of people who are followed to a horizon."""
    seen = entry < horizon
    entry, exit, cause = entry[seen], exit[seen], cause[seen]
    sums = Followed(1)
    columns = (entry, np.minimum(exit, horizon), np.where(exit > horizon, 0, cause))
    sums.add(rows(*(column.astype(np.float64) for column in columns)))
    return sums


@pytest.mark.parametrize("late", [False, True])
def test_survival_is_that_of_kaplan_and_meier(late: bool) -> None:
    entry, exit, cause = followed(1, late=late)
    horizon = 2 * YEAR
    sums = cut(entry, exit, cause, horizon)
    found = estimators.survival(sums, horizon)
    fitter = KaplanMeierFitter()
    fitter.fit(exit, cause == 1, entry=np.maximum(entry, 0))
    assert found.value[0] == pytest.approx(fitter.predict(horizon), rel=1e-12)
    assert found.numerator[0] == ((cause == 1) & (exit <= horizon)).sum()
    low, high = fitter.confidence_interval_.loc[:horizon].iloc[-1]
    spread = math.log(math.log(low) / math.log(high)) / (2 * 1.959964)  # of log(-log(S))
    greenwood = spread * found.value[0] * -math.log(found.value[0])
    assert errors(found, sums)[0] == pytest.approx(greenwood, rel=0.02)


@pytest.mark.parametrize("late", [False, True])
def test_restricted_mean(late: bool) -> None:
    entry, exit, cause = followed(2, late=late)
    horizon = 2 * YEAR
    sums = cut(entry, exit, cause, horizon)
    found = estimators.restricted_mean(sums, horizon)
    fitter = KaplanMeierFitter()
    fitter.fit(exit, cause == 1, entry=np.maximum(entry, 0))
    mean = restricted_mean_survival_time(fitter, horizon)
    assert found.value[0] * DAY == pytest.approx(mean, rel=1e-9)
    assert errors(found, sums)[0] == pytest.approx(_irwin(sums, horizon), rel=0.02)


def _irwin(sums: Followed, horizon: int) -> float:
    """The usual standard error of a restricted mean, in days: sum of area^2 d / (Y (Y - d))."""
    _, entry, exit, cause, _ = sums.all()
    total, survival, steps = 0.0, 1.0, []
    for t in np.unique(exit[cause == 1]):
        at_risk = ((entry < t) & (exit >= t)).sum()
        events = ((exit == t) & (cause == 1)).sum()
        survival *= 1 - events / at_risk
        steps.append((t, survival, events / (at_risk * (at_risk - events))))
    ends = [*(t for t, _, _ in steps[1:]), horizon]
    area = 0.0
    for (t, s, term), end in zip(reversed(steps), reversed(ends), strict=True):
        area += s * (end - t)
        total += area**2 * term
    return math.sqrt(total) / DAY


def test_cumulative_incidence_is_that_of_aalen_and_johansen() -> None:
    entry, exit, cause = followed(3, late=False)
    horizon = 3 * YEAR
    sums = cut(entry, exit, cause, horizon)
    found = estimators.cumulative_incidence(sums, horizon)
    fitter = AalenJohansenFitter(calculate_variance=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitter.fit(exit / DAY, cause, event_of_interest=1)
    curve = fitter.cumulative_density_.loc[: horizon / DAY].iloc[-1, 0]
    assert found.value[0] == pytest.approx(curve, rel=1e-9)
    variance = fitter.variance_.loc[: horizon / DAY].iloc[-1]
    assert errors(found, sums)[0] == pytest.approx(math.sqrt(variance), rel=0.03)


def test_a_table_worked_by_hand_with_ties_and_late_entry() -> None:
    """At 1: 4 at risk, 1 has it, 1 dies; at 2: 3, one of them late; at 4: 1 left, who dies."""
    entry = np.array([-1, -1, -1, -1, 1])
    exit = np.array([1, 1, 2, 4, 2])
    cause = np.array([1, 2, 1, 2, 0])
    sums = cut(entry, exit, cause, 10)
    incidence = 1 / 4 + (1 / 2) * (1 / 3)
    assert estimators.cumulative_incidence(sums, 10).value[0] == pytest.approx(incidence)
    assert estimators.survival(cut(entry, exit, cause, 2), 2).value[0] == pytest.approx(3 / 4 * 2 / 3)
    mean = (1 + 3 / 4 * 1 + 1 / 2 * 2) / DAY
    assert estimators.restricted_mean(cut(entry, exit, cause, 4), 4).value[0] == pytest.approx(mean)
    assert math.isnan(estimators.survival(cut(entry, exit, cause, 10), 10).value[0])


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.77, 1.0])
def test_quantiles_are_those_of_numpy(p: float) -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(100, 10, 1501).round(0)
    weights = rng.choice([1.0, 3.0], 1501)
    sums = Tallies(1)
    for some in np.array_split(np.arange(1501), 4):
        sums.add(rows(values[some], weight=weights[some]))
    spelled = np.repeat(values, weights.astype(int))
    assert estimators.quantile(sums, p).value[0] == pytest.approx(np.quantile(spelled, p))


def test_moments_are_those_of_numpy() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(120, 15, 900)
    y = 0.6 * x + rng.normal(0, 12, 900)
    one = np.ones(900)
    moments, pairs = Totals(3, 1), Totals(6, 1)
    moments.add(rows(one, x, x * x))
    pairs.add(rows(one, x, y, x * x, y * y, x * y))
    mean, sd, r = estimators.mean(moments), estimators.sd(moments), estimators.correlation(pairs)
    assert (mean.value[0], sd.value[0]) == pytest.approx((x.mean(), x.std(ddof=1)), rel=1e-10)
    assert r.value[0] == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-9)
    assert errors(mean, moments)[0] == pytest.approx(x.std(ddof=1) / 30, rel=1e-9)
    fourth = ((x - x.mean()) ** 4).mean() / x.var() ** 2
    assert errors(sd, moments)[0] == pytest.approx(x.std() * math.sqrt((fourth - 1) / 4 / 900), rel=0.01)
    assert errors(r, pairs)[0] == pytest.approx((1 - r.value[0] ** 2) / 30, rel=0.1)


def test_two_by_two_tables() -> None:
    """Of 100, 80, 60, 40 people: the logarithms' variances are sums of reciprocals."""
    counts = (100, 80, 60, 40)  # neither, B alone, A alone, both
    kind = np.repeat(np.arange(4), counts)
    sums = Totals(4, 1)
    sums.add(rows(*((kind == k).astype(np.float64) for k in range(4))))
    ratio, risk = estimators.odds_ratio(sums), estimators.relative_risk(sums)
    assert ratio.value[0] == pytest.approx(100 * 40 / (80 * 60))
    assert risk.value[0] == pytest.approx((40 / 120) / (60 / 160))
    by = math.sqrt(280 / 279)
    woolf = ratio.value[0] * math.sqrt(sum(1 / n for n in counts))
    assert errors(ratio, sums)[0] == pytest.approx(by * woolf, rel=1e-9)
    katz = risk.value[0] * math.sqrt(1 / 40 - 1 / 120 + 1 / 60 - 1 / 160)
    assert errors(risk, sums)[0] == pytest.approx(by * katz, rel=1e-9)


# ---- whole statistics, by hand


def life(number: int, left: int = CLOSES, died: bool = False) -> Life:
    made = Life(number, "female", OPENS - 50 * YEAR, OPENS, left, died)
    made.add("truth/variables", made.birth, variable="weight", value=70.0, category=None)
    made.add("truth/states", made.birth, axis="health", **{"from": None, "to": "well", "cause": None})
    return made


def day(number: int) -> int:
    """The second at which a day of the window begins."""
    return OPENS + number * DAY


def drops(person: Life, start: int, end: int | None) -> None:
    person.add("medications", start, drug="drops", dose=None, end=end)


def measured(text: str, people: list[Life]) -> Estimate:
    of = read(text)
    accumulator = Accumulator(scenario(), of.statistics)
    accumulator.add(shard(people))
    return value_of(of.expression, [cells[0] for cells in accumulator.estimates()], scenario())


def test_persistence_and_switching_by_hand() -> None:
    """1 goes on; 2 stops for 20 days, dies on it; 3 stops; 4 switches; 5 had it before; 6 leaves in a gap."""
    people = [life(n) for n in range(1, 7)]
    people[1].left, people[1].died, people[5].left = day(300), True, day(115)
    drops(people[0], day(10), None)
    drops(people[1], day(10), day(60))
    drops(people[1], day(80), None)
    drops(people[2], day(10), day(110))
    drops(people[3], day(10), day(210))
    people[3].add("medications", day(210), drug="pill", dose="1 mg", end=None)
    people[4].add("medications", OPENS - 5, drug="drops", dose=None, end=day(50))
    drops(people[5], day(10), day(105))
    new = measured("persistence(drops, at=150 days)", people)
    assert (new.people, new.numerator) == (5, 3.0)
    assert new.value == pytest.approx(4 / 5 * (3 / 4) * (2 / 3))
    kept = measured("persistence(drops, at=150 days, gap=30 days)", people)
    assert (kept.numerator, kept.value) == (1.0, pytest.approx(3 / 4))
    switched = measured("switching(drops, to=pill, within=1 year)", people)
    assert (switched.numerator, switched.people) == (1.0, 5)
    assert switched.value == pytest.approx(1 / 4)  # of those still seen at 200 days


def test_share_waits_and_stays_by_hand() -> None:
    people = [life(1), life(2, day(100), True)]
    for p in people:
        p.add("procedures", day(50), procedure="scan")
        p.add("encounters", day(60), provider="ward", requested=day(40), end=day(63))
    people[0].add("conditions", day(90), condition="illness", end=None)
    people[0].add("procedures", day(95), procedure="scan")
    share = measured("share(illness, at=scan, later=45 days)", people)
    assert (share.numerator, share.denominator) == (2, 3)
    late = measured("share(illness, at=scan, later=60 days)", people)
    assert (late.numerator, late.denominator) == (2, 2)
    now = measured("share(illness, at=scan)", people)
    assert (now.numerator, now.denominator) == (1, 3)
    assert measured("mean(waited(ward))", people).value == 20.0
    assert measured("median(lasted(ward))", people).value == 3.0
    assert measured("mean(between(scan, ward))", people).value == 10.0
    assert measured("mean(age_at(ward))", people).value == pytest.approx(50 + 60 / 365.25)
    at_date = measured("prevalence(illness, at=2000-04-05)", people)
    assert (at_date.numerator, at_date.denominator) == (1, 2)
    assert measured("prevalence(illness, at=2010-01-01)", people).denominator == 1
    assert measured("rate(death)", people).numerator == 1


def test_survival_with_those_who_had_it_before() -> None:
    """1 is ill before the window, 2 falls ill in it, 3 dies ill; 4 has the ailment first: not at risk."""
    people = [life(1), life(2), life(3, day(500), True), life(4)]
    people[0].add("conditions", OPENS - 400 * DAY, condition="illness", end=None)
    people[1].add("conditions", day(10), condition="illness", end=None)
    people[2].add("conditions", day(100), condition="illness", end=None)
    people[0].add("conditions", day(50), condition="ailment", end=None)
    people[3].add("conditions", day(5), condition="ailment", end=None)
    people[3].add("conditions", day(10), condition="illness", end=None)
    found = measured("cumulative_incidence(ailment, after=illness, within=600 days)", people)
    assert found.people == 3  # 1 comes in at 400 days and has it at 450, after 3 has died at 400
    assert found.numerator == 1
    assert found.value == pytest.approx(1 / 2 * 1 / 2)


def test_the_error_of_a_ratio_knows_that_both_are_of_the_same_people() -> None:
    rng = np.random.default_rng(8)
    people = []
    for number in range(200):
        made = life(number)
        for t in sorted(rng.integers(OPENS, CLOSES, rng.poisson(4))):
            made.add("procedures", int(t), procedure="scan")
            if rng.random() < 0.9:
                made.add("truth/events", int(t), event="fall")
        people.append(made)
    together = measured("rate(fall) / rate(scan)", people)
    falls, scans = measured("rate(fall)", people), measured("rate(scan)", people)
    apart = together.value * math.hypot(falls.error / falls.value, scans.error / scans.value)
    share = falls.value / scans.value
    n = scans.numerator
    assert together.error == pytest.approx(math.sqrt(share * (1 - share) / n), rel=0.25)
    assert together.error < apart / 2
    assert measured("2 * rate(fall)", people).error == pytest.approx(2 * falls.error)


# ---- standard errors by repetition

REPEATS = 400
SIZE = 150


def _exposed(rng: np.random.Generator) -> Estimated:
    """Events of frail patients: a rate whose errors plain Poisson would understate."""
    frailty = rng.gamma(2.0, 0.5, SIZE)
    time = rng.uniform(1.0, 10.0, SIZE)
    sums = Totals(2, 1)
    sums.add(rows(time, rng.poisson(frailty * time).astype(np.float64)))
    return _with_error(estimators.ratio(sums), sums)


def _medians(rng: np.random.Generator) -> Estimated:
    sums = Tallies(1)
    sums.add(rows(rng.normal(0.0, 1.0, SIZE) + 1.0))
    return _with_error(estimators.quantile(sums, 0.5), sums)


def _curves(curve: Callable[[Followed, float], Estimated]) -> Callable[[np.random.Generator], Estimated]:
    def draw(rng: np.random.Generator) -> Estimated:
        one, two, lost = (rng.exponential(1 / rate, SIZE) for rate in (0.3, 0.2, 0.1))
        late = np.where(rng.random(SIZE) < 0.3, rng.uniform(0, 1, SIZE), -1e-9)
        exit = np.minimum(np.minimum(one, two), lost)
        cause = np.where(exit == one, 1, np.where(exit == two, 2, 0))
        seen = exit > late
        columns = ((late * 1e9).astype(np.int64), (exit * 1e9).astype(np.int64), cause)
        sums = cut(*(column[seen] for column in columns), 2 * 10**9)
        return _with_error(curve(sums, 2e9), sums)

    return draw


def _with_error(found: Estimated, sums: Sums) -> Estimated:
    found.low[:] = errors(found, sums)
    return found


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (_exposed, 1.0),
        (_medians, 1.0),
        (_curves(estimators.survival), math.exp(-0.6)),
        (_curves(estimators.cumulative_incidence), 0.6 * (1 - math.exp(-1.0))),
        (_curves(estimators.restricted_mean), (1 - math.exp(-0.6)) / 0.3 * 1e9 / DAY),
    ],
    ids=["rate", "median", "survival", "cumulative_incidence", "restricted_mean"],
)
def test_standard_errors_are_those_of_repetition(
    draw: Callable[[np.random.Generator], Estimated], truth: float
) -> None:
    rng = np.random.default_rng(11)
    found = [draw(rng) for _ in range(REPEATS)]
    values, spread = (np.array([getattr(f, name)[0] for f in found]) for name in ("value", "low"))
    assert values.mean() == pytest.approx(truth, abs=5 * values.std() / math.sqrt(REPEATS) + 0.003 * truth)
    # The standard deviation of as many repetitions is known to 1 / sqrt(2 n), a median's is a rough guess.
    assert np.sqrt((spread**2).mean()) == pytest.approx(values.std(), rel=5 / math.sqrt(2 * REPEATS))
    covered = (np.abs(values - truth) < 1.96 * spread).mean()
    assert covered == pytest.approx(0.94, abs=5 * math.sqrt(0.95 * 0.05 / REPEATS))
