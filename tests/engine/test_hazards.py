"""Hazards, life by life: an exit fires where its cumulative hazard since entry reaches the threshold -log(u).

u is known (its stream is named by the exit), and the cumulative hazard follows from what the log says of a
life. So the time of each exit is foretold, to the second, and any rate that is wrong for any while shows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from sim.engine.streams import site_key, uniform

Live = Callable[..., Any]
Floats = NDArray[np.float64]
YEAR = 365.25
SECOND = 1 / 86_400
PATIENTS = 300


def thresholds(site: str, count: int = 1, patients: int = PATIENTS, seed: int = 1) -> Floats:
    """-log(u) of each patient, u being draw number `count` of the stream `site`."""
    key = np.uint64(site_key(seed, site))
    return -np.log([uniform(key, count, 0, patient) for patient in range(patients)])


def pieces(start: float, end: float, cuts: Floats) -> list[tuple[float, float]]:
    edges = [start, *cuts[(cuts > start) & (cuts < end)].tolist(), end]
    return list(itertools.pairwise(edges))


def hazard(rate: Callable[[float], float], start: float, end: float, cuts: Floats) -> float:
    """The integral from `start` to `end` (days) of a rate per year that is constant between the cuts."""
    return sum(rate((a + b) / 2) * (b - a) / YEAR for a, b in pieces(start, end, np.sort(cuts)))


def fires_where_foretold(
    times: Floats, expected: Floats, cumulative: Callable[[int, float], float], least: float = 0.5
) -> None:
    """Each finite time is where the patient's cumulative hazard reaches what is expected; `least` have one.

    A few seconds of the highest rates here are 1e-6: times are written in whole seconds.
    """
    happened = np.flatnonzero(np.isfinite(times))
    assert len(happened) > least * len(times)
    found = np.array([cumulative(i, times[i]) for i in happened])
    assert found == pytest.approx(expected[happened], abs=1e-6)


def anniversaries(start: float) -> Floats:
    return start + YEAR * np.arange(0, 151.0)


def new_years(birth: float) -> Floats:
    dates = np.array([f"{year}-01-01" for year in range(1950, 2101)], "datetime64[D]").astype(float)
    return np.asarray(dates - birth)


# ---- rates on the grids of clocks (semantics 5)


def test_a_constant_rate(live: Live) -> None:
    lives = live("disease: {course: {well: {-> ill: {rate: 0.05 per year}}, ill: {}}}", PATIENTS)
    fires_where_foretold(
        lives.first("state", "ill"),
        thresholds("world/course/well/-> ill"),
        lambda _, t: 0.05 * t / YEAR,
    )


def test_age_is_completed_years_and_a_half(live: Live) -> None:
    lives = live("disease: {course: {well: {-> ill: {rate: 0.001 per year * age}}, ill: {}}}", PATIENTS)
    fires_where_foretold(
        lives.first("state", "ill"),
        thresholds("world/course/well/-> ill"),
        lambda _, t: hazard(lambda day: 0.001 * (day // YEAR + 0.5), 0.0, t, anniversaries(0.0)),
    )


def test_year_is_the_civil_year_and_a_half(live: Live) -> None:
    lives = live(
        "disease: {course: {well: {-> ill: {rate: 0.001 per year * (year - 1950)}}, ill: {}}}", PATIENTS
    )
    births = lives.people.birth

    def cumulative(i: int, t: float) -> float:
        cuts = new_years(births[i])
        return hazard(lambda day: 0.001 * (np.searchsorted(cuts, day) - 1 + 0.5), 0.0, t, cuts)

    fires_where_foretold(lives.first("state", "ill"), thresholds("world/course/well/-> ill"), cumulative)


def test_age_and_year_together(live: Live) -> None:
    """The factors are tabulated along birth cohorts; the year that a birthday falls in changes in its
    midst."""
    lives = live(
        """
disease:
  course:
    well: {-> ill: {rate: 0.0001 per year * (age + 1) * (year - 1945)}}
    ill: {}
""",
        PATIENTS,
    )
    births = lives.people.birth

    def cumulative(i: int, t: float) -> float:
        cuts = new_years(births[i])

        def rate(day: float) -> float:
            return 0.0001 * (day // YEAR + 1.5) * (np.searchsorted(cuts, day) - 1 + 5.5)

        return hazard(rate, 0.0, t, np.concatenate([cuts, anniversaries(0.0)]))

    fires_where_foretold(lives.first("state", "ill"), thresholds("world/course/well/-> ill"), cumulative)


@pytest.mark.parametrize("clock", ["years_in(ill)", "time_in(ill) / 1 year", "since(ill) / 1 year"])
def test_time_in_a_state_is_on_a_grid_from_its_entry(live: Live, clock: str) -> None:
    lives = live(
        f"""
disease:
  course:
    well: {{-> ill: {{rate: 0.05 per year}}}}
    ill: {{-> worse: {{rate: 0.02 per year * {clock}}}}}
    worse: {{}}
""",
        PATIENTS,
    )
    entered = lives.first("state", "ill")
    fires_where_foretold(
        lives.first("state", "worse"),
        thresholds("world/course/ill/-> worse"),
        lambda i, t: hazard(
            lambda day: 0.02 * ((day - entered[i]) // YEAR + 0.5), entered[i], t, anniversaries(entered[i])
        ),
    )


def test_since_a_thing_begins_anew_with_each(live: Live) -> None:
    lives = live(
        """
procedures: {talk: {snomed: "225323000"}}
disease:
  course:
    well: {-> ill: {rate: 0.02 per year * (since(talk) / 1 year or_else 0)}}
    ill: {}
care:
  talks: {starts: [{when: age >= 10.3}, {when: age >= 15}], steps: {perform: talk}}
""",
        PATIENTS,
    )

    def rate(day: float) -> float:
        if day < 10.3 * YEAR:
            return 0.0
        return 0.02 * ((day - (10.3 if day < 15 * YEAR else 15.0) * YEAR) // YEAR + 0.5)

    cuts = np.concatenate([anniversaries(10.3 * YEAR), anniversaries(15 * YEAR)])
    fires_where_foretold(
        lives.first("state", "ill"),
        thresholds("world/course/well/-> ill"),
        lambda _, t: hazard(rate, 0.0, t, cuts),
    )


@pytest.mark.parametrize(
    ("condition", "start", "end"),
    [
        ("years_in(alive) >= 20.3 and years_in(alive) < 25.7", 20.3, 25.7),
        ("since(talk) > 3 months and since(talk) <= 6 months", 10.55, 10.8),
        ("tested(weight, within=4 months)", 10.3, 10.3 + 1 / 3),
        ("age >= 20 and age < 26", 20, 26),
    ],
)
def test_comparisons_with_a_clock_turn_exactly(live: Live, condition: str, start: float, end: float) -> None:
    lives = live(
        f"""
procedures: {{talk: {{snomed: "225323000"}}}}
biomarkers: {{weight: {{unit: kg, value: 70}}}}
disease:
  life: {{alive: {{}}}}
  course:
    well:
      -> ill:
        rate: 0.5 per year
        while: {condition}
    ill: {{}}
care:
  talks: {{starts: {{when: age >= 10.3}}, steps: [{{perform: talk}}, {{test: weight}}]}}
""",
        PATIENTS,
    )
    start, end = start * YEAR, end * YEAR
    cumulative = lambda _, t: 0.5 * (min(max(t, start), end) - start) / YEAR  # noqa: E731
    times, expected = lives.first("state", "ill"), thresholds("world/course/well/-> ill")
    fires_where_foretold(times, expected, cumulative, 0.05)
    assert np.array_equal(np.isfinite(times), expected < 0.5 * (end - start) / YEAR)


def test_a_date_in_a_rate_turns_exactly(live: Live) -> None:
    lives = live(
        """
disease:
  course:
    well: {-> ill: {rate: 0.01 per year * (10 if today >= 1975-06-15 else 1)}}
    ill: {}
""",
        PATIENTS,
    )
    from_birth = 1991.0 - lives.people.birth  # 1975-06-15
    fires_where_foretold(
        lives.first("state", "ill"),
        thresholds("world/course/well/-> ill"),
        lambda i, t: (0.01 * t + 0.09 * max(t - from_birth[i], 0)) / YEAR,
    )


# ---- rates that change at events (semantics 4)


def test_a_rate_holds_until_the_event_that_changes_it(live: Live) -> None:
    lives = live(
        """
variables: {v: 0}
disease:
  switch:
    off: {-> on: {rate: 0.1 per year}}
    on: {set: {v: "uniform(1, 5)"}}
  course:
    well: {-> ill: {rate: 0.02 per year * (1 + v)}}
    ill: {}
""",
        PATIENTS,
    )
    switched, v = lives.first("state", "on"), np.zeros(PATIENTS)
    rows = lives.rows("variable", "v")
    v[rows.patient] = rows.value
    fires_where_foretold(
        lives.first("state", "ill"),
        thresholds("world/course/well/-> ill"),
        lambda i, t: (0.02 * t + 0.02 * v[i] * max(t - switched[i], 0)) / YEAR,
    )


def test_the_past_stays_as_it_was_when_a_rate_reads_age_and_what_changes(live: Live) -> None:
    """The rate is no product of a part by age and a part by event; what is used up before the event is at the
    old values.
    """
    lives = live(
        """
variables: {v: 0}
disease:
  switch:
    off: {-> on: {rate: 0.1 per year}}
    on: {set: {v: 1}}
  course:
    well: {-> ill: {rate: 0.005 per year * exp(2 * v * (1 + age / 100) + 0.01 * age)}}
    ill: {}
""",
        PATIENTS,
    )
    switched = lives.first("state", "on")

    def cumulative(i: int, t: float) -> float:
        def rate(day: float) -> float:
            age = day // YEAR + 0.5
            return 0.005 * np.exp(2 * (day > switched[i]) * (1 + age / 100) + 0.01 * age)

        return hazard(rate, 0.0, t, np.append(anniversaries(0.0), switched[i]))

    fires_where_foretold(lives.first("state", "ill"), thresholds("world/course/well/-> ill"), cumulative)


def test_cuts_never_move_the_grid(live: Live) -> None:
    """An event in the midst of a year in the state changes the rate there, not where the years begin."""
    lives = live(
        """
disease:
  switch:
    off: {-> on: {after: 3.3 years}}
    on: {-> off: {after: 0.9 years}}
  course:
    well: {-> ill: {rate: 0.08 per year}}
    ill: {-> worse: {rate: 0.01 per year * (years_in(ill) + 5 * in(on)) * (age + 1)}}
    worse: {}
""",
        PATIENTS,
    )
    entered = lives.first("state", "ill")
    turns = np.cumsum(np.tile([3.3, 0.9], 40)) * YEAR

    def cumulative(i: int, t: float) -> float:
        def rate(day: float) -> float:
            on = np.searchsorted(turns, day) % 2
            return 0.01 * ((day - entered[i]) // YEAR + 0.5 + 5 * on) * (day // YEAR + 1.5)

        return hazard(
            rate, entered[i], t, np.concatenate([turns, anniversaries(entered[i]), anniversaries(0.0)])
        )

    fires_where_foretold(lives.first("state", "worse"), thresholds("world/course/ill/-> worse"), cumulative)


def test_what_care_does_changes_a_rate(live: Live) -> None:
    lives = live(
        """
drugs: {syrup: {rxnorm: "312617"}}
disease:
  course:
    well: {-> ill: {rate: 0.05 per year}}
    ill: {}
modifies:
  - {rate: ill, times: 0.2, while: taking(syrup) > 0}
care:
  treats:
    starts: {when: age >= 5}
    steps:
      - {every: 100 days, at_most: 50, steps: {prescribe: syrup, for: 60 days}}
""",
        PATIENTS,
    )
    starts = 5 * YEAR + 100 * np.arange(50)
    edges = np.sort(np.concatenate([starts, starts + 60]))

    def rate(day: float) -> float:
        return 0.05 * (0.2 if np.searchsorted(edges, day) % 2 else 1.0)

    fires_where_foretold(
        lives.first("state", "ill"),
        thresholds("world/course/well/-> ill"),
        lambda _, t: hazard(rate, 0.0, t, edges),
    )


def test_a_rate_may_count_what_lately_happened(live: Live) -> None:
    lives = live(
        """
disease:
  spells:
    calm: {lasts: 3 years, -> spell: {share: 1}}
    spell: {lasts: 0.25 years, -> calm: {share: 1}}
  course:
    well:
      -> ill:
        rate: "0.02 per year * (1 + 3 * count(spell, within=1 year))"
    ill: {}
""",
        PATIENTS,
    )
    begins = np.cumsum(np.full(60, 3.25)) * YEAR - 0.25 * YEAR

    def rate(day: float) -> float:
        return 0.02 * (1 + 3 * np.sum((begins <= day) & (day < begins + YEAR)))

    fires_where_foretold(
        lives.first("state", "ill"),
        thresholds("world/course/well/-> ill"),
        lambda _, t: hazard(rate, 0.0, t, np.sort(np.concatenate([begins, begins + YEAR]))),
    )


def test_usual_biomarkers_in_a_rate_follow_what_they_read(live: Live) -> None:
    lives = live(
        """
drugs: {syrup: {rxnorm: "312617"}}
biomarkers:
  pressure:
    unit: mmHg
    value: 100 + age - 20 * taking(syrup)
    within_person: ou(sd=10, half_life=3 days)
    measurement_error: normal(0, 10)
    range: 90 to 150
disease:
  course:
    well: {-> ill: {rate: 0.001 per year * (usual(pressure) - 80)}}
    ill: {}
care:
  treats: {starts: {when: age >= 12.4}, steps: {prescribe: syrup, for: 1000 days}}
""",
        PATIENTS,
    )
    first, last = 12.4 * YEAR, 12.4 * YEAR + 1000

    def rate(day: float) -> float:
        truth = 100 + day // YEAR + 0.5 - 20 * (first < day < last)
        return 0.001 * (min(max(truth, 90), 150) - 80)

    fires_where_foretold(
        lives.first("state", "ill"),
        thresholds("world/course/well/-> ill"),
        lambda _, t: hazard(rate, 0.0, t, np.sort(np.append(anniversaries(0.0), [first, last]))),
    )


# ---- sojourn distributions


def weibull(t: float, shape: float = 1.7, scale: float = 30.0) -> float:
    return float((max(t, 0.0) / YEAR / scale) ** shape)


def gompertz(t: float, shape: float = 0.08, rate: float = 0.005) -> float:
    return float(rate / shape * np.expm1(shape * max(t, 0.0) / YEAR))


def exponential(t: float, mean: float = 25.0) -> float:
    return max(t, 0.0) / YEAR / mean


def survival(distribution: Any) -> Callable[[float], float]:
    """The cumulative hazard of a distribution of SciPy, in years."""
    return lambda t: float(-distribution.logsf(max(t, 0.0) / YEAR))


SOJOURNS: list[tuple[str, Callable[[float], float]]] = [
    ("weibull(shape=1.7, scale=30 years)", weibull),
    ("gompertz(shape=0.08 per year, rate=0.005 per year)", gompertz),
    ("exponential(mean=25 years)", exponential),
    ("gamma(mean=30 years, sd=15 years)", survival(stats.gamma(4.0, scale=7.5))),
    ("gengamma(shape=0.7, scale=40 years, power=1.6)", survival(stats.gengamma(0.7, 1.6, scale=40.0))),
    ("lognormal(median=25 years, sigma=0.8)", survival(stats.lognorm(0.8, scale=25.0))),
    ("loglogistic(shape=1.8, scale=25 years)", survival(stats.fisk(1.8, scale=25.0))),
    (
        "piecewise(0.01 per year, 5 years, 0.1 per year, 20 years, 0.03 per year)",
        lambda t: float(np.interp(t / YEAR, [0.0, 5.0, 20.0, 120.0], [0.0, 0.05, 1.55, 4.55])),
    ),
]


@pytest.mark.parametrize(("distribution", "cumulative"), SOJOURNS)
def test_a_sojourn_is_a_hazard_from_its_entry_on(
    live: Live, distribution: str, cumulative: Callable[[float], float]
) -> None:
    lives = live(
        f"""
disease:
  course:
    well: {{-> ill: {{after: 7.3 years}}}}
    ill:
      -> worse:
        after: {distribution}
    worse: {{}}
""",
        PATIENTS,
    )
    fires_where_foretold(
        lives.first("state", "worse"),
        thresholds("world/course/ill/-> worse"),
        lambda _, t: cumulative(t - 7.3 * YEAR),
    )


@pytest.mark.parametrize(("distribution", "cumulative"), SOJOURNS)
def test_modifiers_act_on_what_is_left(
    live: Live, distribution: str, cumulative: Callable[[float], float]
) -> None:
    """While `on`, a patient's own multiple of the hazard; while `paused`, none."""
    lives = live(
        f"""
variables: {{m: "uniform(0.1, 4)"}}
disease:
  switch:
    off: {{-> on: {{rate: 0.2 per year}}}}
    on: {{-> paused: {{rate: 0.3 per year}}}}
    paused: {{-> off: {{rate: 0.5 per year}}}}
  course:
    well:
      -> ill:
        after: {distribution}
        while: not in(paused)
    ill: {{}}
modifies:
  - {{rate: well -> ill, times: m, while: in(on)}}
""",
        PATIENTS,
    )
    factor = lives.rows("variable", "m").value
    states = lives.rows("state")
    days = lives.days(states)

    def used(i: int, t: float) -> float:
        turns = (states.patient == i) & (states.code < 3)
        times, codes = np.append(days[turns], np.inf), states.code[turns]
        multiple = np.array([1.0, factor[i], 0.0])[codes]
        return sum(
            m * (cumulative(min(end, t)) - cumulative(start))
            for m, start, end in zip(multiple, times[:-1], times[1:], strict=True)
            if start < t
        )

    fires_where_foretold(lives.first("state", "ill"), thresholds("world/course/well/-> ill"), used)


@pytest.mark.parametrize("distribution", ["exponential(mean=m)", "weibull(shape=1, scale=m)"])
def test_the_parameters_of_a_sojourn_are_those_at_its_entry(live: Live, distribution: str) -> None:
    lives = live(
        f"""
variables: {{m: "uniform(5 years, 20 years)"}}
disease:
  switch:
    off: {{-> on: {{after: 2 years}}}}
    on: {{set: {{m: 1 day}}}}
  course:
    well:
      -> ill:
        after: {distribution}
    ill: {{}}
""",
        PATIENTS,
    )
    drawn = lives.rows("variable", "m")
    mean = drawn.value[lives.days(drawn) < 1]
    fires_where_foretold(
        lives.first("state", "ill"), thresholds("world/course/well/-> ill"), lambda i, t: t / mean[i]
    )


def test_every_entry_redraws_every_threshold(live: Live) -> None:
    """Entries by another exit too; the count of entries is the number of the draw."""
    lives = live(
        """
disease:
  course:
    well:
      -> well: {rate: 0.3 per year}
      -> ill: {rate: 0.1 per year}
    ill: {-> well: {after: 1 year}}
""",
        20,
    )
    rows = lives.rows("state")
    days = lives.days(rows)
    again, ill = (
        np.array([thresholds(f"world/course/well/-> {to}", n, 20) for n in range(1, 100)])
        for to in ("well", "ill")
    )
    for patient in range(20):
        own = rows.patient == patient
        times, codes = days[own], rows.code[own]
        entries = np.flatnonzero(codes == 0)
        for n, at in enumerate(entries[:-1]):
            to_well, to_ill = again[n, patient] / 0.3 * YEAR, ill[n, patient] / 0.1 * YEAR
            assert codes[at + 1] == int(to_ill < to_well)
            assert times[at + 1] - times[at] == pytest.approx(min(to_well, to_ill), abs=2 * SECOND)
    assert len(rows.code) > 500


def test_several_ways_to_one_place_have_streams_of_their_own(live: Live) -> None:
    lives = live(
        """
disease:
  course:
    well: {-> ill: [{rate: 0.03 per year}, {rate: 0.02 per year}]}
    ill: {}
""",
        PATIENTS,
    )
    one, other = (
        thresholds(f"world/course/well/-> ill/{n}") / rate * YEAR for n, rate in ((1, 0.03), (2, 0.02))
    )
    times = lives.first("state", "ill")
    happened = np.isfinite(times)
    assert times[happened] == pytest.approx(np.minimum(one, other)[happened], abs=2 * SECOND)
    assert happened.mean() > 0.95


def test_the_rate_of_a_start_is_a_hazard_too(live: Live) -> None:
    """Draw number n is the wait after n starts."""
    lives = live(
        """
procedures: {talk: {snomed: "225323000"}}
care:
  talks: {starts: {rate: 0.02 per year * age}, steps: {perform: talk}}
""",
        20,
    )
    rows = lives.rows("procedure")
    days = lives.days(rows)
    draws = np.array([thresholds("world/talks/starts/1", n, 20) for n in range(200)])
    for patient in range(20):
        last = 0.0
        for n, time in enumerate(days[rows.patient == patient]):
            used = [
                hazard(lambda day: 0.02 * (day // YEAR + 0.5), last, time + late, anniversaries(0.0))
                for late in (-2 * SECOND, 2 * SECOND)
            ]
            assert used[0] <= draws[n, patient] <= used[1]
            last = time
    assert len(days) > 500


# ---- entry


@pytest.mark.parametrize(
    ("entry", "age"), [("20 years", 20 * YEAR), ("1980-01-01", None), ("uniform(10 years, 30 years)", None)]
)
def test_before_entry_every_rate_is_zero(live: Live, entry: str, age: float | None) -> None:
    lives = live(
        """
procedures: {talk: {snomed: "225323000"}}
disease:
  one: {a: {-> b: {rate: 0.05 per year}}, b: {}}
  other:
    a2:
      -> b2:
        after: "weibull(shape=2, scale=40 years)"
    b2: {}
care:
  talks: {starts: {rate: 0.2 per year}, until: age >= 200, steps: [{perform: talk}, {wait: 300 years}]}
""",
        PATIENTS,
        frame=f"""
scenario: s
window: {{from: 1950-01-01, to: 2100-01-01}}
population:
  size: 1
  born: {{from: 1950-01-01, to: 1951-01-01}}
  sex: {{female: 0.5, male: 0.5}}
  entry: {entry}
pathways: [world.yaml]
""",
    )
    entries = lives.people.entered / 86_400 - lives.people.birth
    if age is not None:
        assert entries == pytest.approx(np.full(PATIENTS, age), abs=2 * SECOND)
    else:
        assert 10 * YEAR - 1 < entries.min() < entries.max() < 31 * YEAR
    fires_where_foretold(
        lives.first("state", "b"),
        thresholds("world/one/a/-> b"),
        lambda i, t: 0.05 * (t - entries[i]) / YEAR,
        0.9,
    )
    fires_where_foretold(
        lives.first("state", "b2"),
        thresholds("world/other/a2/-> b2"),
        lambda i, t: (t / YEAR / 40) ** 2 - (entries[i] / YEAR / 40) ** 2,
        0.9,
    )
    fires_where_foretold(
        lives.first("procedure", "talk"),
        thresholds("world/talks/starts/1", 0),
        lambda i, t: 0.2 * (t - entries[i]) / YEAR,
        0.9,
    )


def test_nothing_happens_before_entry(live: Live) -> None:
    """A sojourn at a fixed time, too, and what follows from it, comes after."""
    lives = live(
        """
procedures: {talk: {snomed: "225323000"}}
disease:
  course:
    a: {lasts: 1 year, -> b: {share: 1}}
    b: {-> c: {rate: 1 per day}}
    c: {}
care:
  talks: {starts: {when: age >= 10}, steps: {perform: talk}}
""",
        PATIENTS,
        frame="""
scenario: s
window: {from: 1950-01-01, to: 2100-01-01}
population:
  size: 1
  born: {from: 1950-01-01, to: 1951-01-01}
  sex: {female: 0.5, male: 0.5}
  entry: 20 years
pathways: [world.yaml]
""",
    )
    assert lives.first("procedure", "talk") == pytest.approx(np.full(PATIENTS, 20 * YEAR), abs=2 * SECOND)
    assert lives.first("state", "c").min() > 20 * YEAR
    assert (np.diff(lives.log.start)[np.diff(lives.log.patient) == 0] >= 0).all()
