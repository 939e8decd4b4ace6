"""Whole populations against what life tables, closed forms and quadrature say of them, at 5 standard
errors."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, stats

Live = Callable[..., Any]
Floats = NDArray[np.float64]
YEAR = 365.25
TABLE = Path(__file__).parent / "data" / "us_life_table_2019.csv"
SEXES = ("female", "male")


# ---- a life table


@pytest.fixture(scope="module")
def life_table() -> dict[str, tuple[Floats, Floats]]:
    """By sex: q by single age, of which the last is open-ended, and the table's expectations of life."""
    rows = list(csv.DictReader(table_lines()))
    return {
        sex: (
            np.array([float(row["q"]) for row in rows if row["sex"] == sex]),
            np.array([float(row["ex"]) for row in rows if row["sex"] == sex]),
        )
        for sex in SEXES
    }


def table_lines() -> list[str]:
    return [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]


def q_only() -> str:
    return "\n".join(line.rpartition(",")[0] for line in table_lines()) + "\n"


def expectation(q: Floats, age: int, power: int = 1) -> float:
    """The mean (or mean square) of the years lived from `age` on, the hazard in each year of age being -ln(1
    - q)."""
    hazards = -np.log1p(-q[age:])
    alive = np.exp(-np.append(0.0, np.cumsum(hazards[:-1])))
    total = 0.0
    for years, (h, s) in enumerate(zip(hazards, alive, strict=True)):
        last = np.inf if years == len(hazards) - 1 else 1.0
        density = lambda t, h=h, y=years: h * np.exp(-h * t) * (y + t) ** power  # noqa: E731
        total += s * integrate.quad(density, 0.0, min(last, 60.0), epsabs=1e-13)[0]
    return total


def test_life_expectancy_is_the_life_table_s(
    live: Live, life_table: dict[str, tuple[Floats, Floats]]
) -> None:
    """A million lives, so that 5 standard errors are 0.1 years at birth and 0.06 at 65.

    Taking q itself for the hazard would add 0.25 and 0.28 years. How deaths lie within a year of age moves
    neither much, so that is looked at by itself.
    """
    lives = live(
        "",
        1_000_000,
        frame="""
scenario: born into one life table
window: {from: 1900-01-01, to: 2060-01-01}
population: {size: 1, born: {from: 1900-01-01, to: 1901-01-01}, sex: {female: 0.5, male: 0.5}}
mortality: {table: q.csv}
pathways: [world.yaml]
""",
        tables={"q.csv": q_only()},
    )
    ages, people = np.full(len(lives.people.sex), np.inf), lives.people
    deaths = lives.rows("death")
    ages[np.searchsorted(people.patient, deaths.patient)] = lives.days(deaths) / YEAR
    assert np.isfinite(ages).all()
    for code, sex in enumerate(SEXES):
        q, published = life_table[sex]
        lived = ages[people.sex == code]
        for age in (0, 65):
            rest = lived[lived >= age] - age
            mean = expectation(q, age)
            error = np.sqrt((expectation(q, age, 2) - mean**2) / len(rest))
            assert abs(rest.mean() - mean) < 5 * error
            assert (
                abs(mean - published[age]) < 0.03
            )  # the table's own rule within a year of age is another one
            assert abs(rest.mean() - published[age]) < 0.03 + 5 * error
        dead = np.append(-np.diff(np.cumprod(np.append(1.0, 1.0 - q[:-1]))), np.prod(1.0 - q[:-1]))
        found = np.bincount(np.minimum(lived.astype(int), len(q) - 1), minlength=len(q))
        assert chi_square(found, dead * len(lived)) > 1e-6
        within = lived[(lived >= 85) & (lived < 86)] % 1  # a constant hazard inside a year of age
        h = -np.log1p(-q[85])
        assert stats.kstest(within, lambda t, h=h: np.expm1(-h * t) / np.expm1(-h)).pvalue > 1e-6


def chi_square(found: Floats, expected: Floats) -> float:
    """The p-value; cells where fewer than 5 are expected are taken together."""
    small = expected < 5
    found, expected = (np.append(x[~small], x[small].sum()) for x in (found, expected))
    if expected[-1] == 0.0:
        found, expected = found[:-1], expected[:-1]
    return float(stats.chisquare(found, expected * found.sum() / expected.sum()).pvalue)


def test_mortality_by_calendar_year_changes_on_new_year_s_day(live: Live) -> None:
    lives = live(
        "",
        200_000,
        frame="""
scenario: a hard year
window: {from: 1900-01-01, to: 2000-01-01}
population: {size: 1, born: {from: 1900-01-01, to: 1900-01-02}, sex: {female: 0.5, male: 0.5}}
mortality: {table: rates.csv, unit: per year}
pathways: [world.yaml]
""",
        tables={
            "rates.csv": "sex,year,age,rate\n"
            + "".join(
                f"{sex},{year},{age},{rate * factor}\n"
                for sex, factor in (("female", 1), ("male", 2))
                for year, rate in (("1700-1917", 0.01), ("1918", 0.3), ("1919-2400", 0.02))
                for age in ("0-9", "10+")
            )
        },
    )
    new_year = {year: np.datetime64(f"{year}-01-01").astype(int) + 25567 for year in (1918, 1919)}
    died = np.full(len(lives.people.sex), np.inf)
    deaths = lives.rows("death")
    died[np.searchsorted(lives.people.patient, deaths.patient)] = deaths.start / 86_400 + 25567  # since 1900
    for sex, factor in ((0, 1.0), (1, 2.0)):
        of_sex = died[lives.people.sex == sex]
        for day in (6000, new_year[1918], new_year[1918] + 100, new_year[1919], new_year[1919] + 100, 20_000):
            a, b = (min(day, n) for n in (new_year[1918], new_year[1919]))
            used = factor * (0.01 * (a - 0.5) + 0.3 * (b - a) + 0.02 * (day - b)) / YEAR
            share = np.exp(-used)
            found = (of_sex >= day).mean()
            assert abs(found - share) < 5 * np.sqrt(share * (1 - share) / len(of_sex)) + 1e-4


# ---- illness and death


@dataclass(frozen=True)
class Rates:
    """Per year of age: the rate of falling ill, its integral from age 0, and that of death while healthy."""

    illness: Callable[[Floats], Floats]
    illness_to: Callable[[Floats], Floats]
    death_to: Callable[[Floats], Floats]


def gompertz(a: float, b: float) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
    return lambda t: a * np.exp(b * t), lambda t: a / b * np.expm1(b * t)


def by_completed_years(a: float, b: float) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
    """a exp(b t) with completed years and a half for t, and its integral."""
    ages = np.arange(0, 121)
    whole = np.append(0.0, np.cumsum(a * np.exp(b * (ages[:-1] + 0.5))))
    return lambda t: a * np.exp(b * (np.floor(t) + 0.5)), lambda t: np.interp(t, ages, whole)


def outcomes(rates: Rates) -> tuple[float, float, float]:
    """Dead, ever ill, encounters per person: ages uniform on [20, 60), 40 years, hazard ratio 2.5 while ill.

    Gauss-Legendre in each piece in which the integrand is smooth: between birthdays, and between the times at
    which one more yearly encounter has room before the end.
    """
    nodes, weights = np.polynomial.legendre.leggauss(12)
    dead = ill = encounters = 0.0
    for age in range(20, 60):
        for f, share in zip((nodes + 1) / 2, weights / 2 / 40, strict=True):
            start = age + f
            edges = np.sort(np.concatenate([[start], np.arange(age + 1, age + 41), start + np.arange(1, 41)]))
            middle, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
            onset = (middle[:, None] + half[:, None] * nodes).ravel()
            weight = (half[:, None] * weights).ravel()
            healthy = np.exp(
                -(rates.illness_to(onset) - rates.illness_to(start))
                - (rates.death_to(onset) - rates.death_to(start))
            )
            density = weight * rates.illness(onset) * healthy
            end = start + 40
            lives_on = lambda to, at: np.exp(-2.5 * (rates.death_to(to) - rates.death_to(at)))  # noqa: E731
            stays = np.exp(
                -(rates.illness_to(end) - rates.illness_to(start))
                - (rates.death_to(end) - rates.death_to(start))
            )
            ill += share * density.sum()
            dead += share * (1 - stays - (density * lives_on(end, onset)).sum())
            for k in range(1, 40):
                room = onset + k < end
                encounters += share * (density * lives_on(onset + k, onset))[room].sum()
    return dead, ill, encounters


ILLNESS = """
disease:
  health:
    healthy: {-> ill: {%s}}
    ill: {}
  life:
    alive: {-> dead: {%s, cause: old_age}}
conditions: {old_age: {snomed: "102522009"}}
modifies: [{rate: alive -> dead, times: 2.5, while: in(ill)}]
care:
  check_up:
    starts: {upon: ill}
    steps:
      - {every: 1 year, first: later, steps: {visit: clinic}}
"""
FORMS = {
    "sojourns of Gompertz": (
        ILLNESS
        % (
            'after: "gompertz(shape=0.06 per year, rate=5e-4 per year)"',
            'after: "gompertz(shape=0.09 per year, rate=5e-5 per year)"',
        ),
        gompertz,
    ),
    "rates by age": (
        ILLNESS % ("rate: 5e-4 per year * exp(0.06 * age)", "rate: 5e-5 per year * exp(0.09 * age)"),
        by_completed_years,
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_illness_and_death(live: Live, form: str) -> None:
    """A million people: a hazard ratio of 2.4 instead of 2.5 would be 7 standard errors off in deaths, and 10
    in encounters.
    """
    pathway, integrals = FORMS[form]
    illness, illness_to = integrals(5e-4, 0.06)
    _, death_to = integrals(5e-5, 0.09)
    expected = outcomes(Rates(illness, illness_to, death_to))
    if integrals is gompertz:
        assert [round(x, d) for x, d in zip(expected, (4, 4, 3), strict=True)] == [0.6243, 0.4379, 4.359]
    n = 1_000_000
    lives = live(
        pathway,
        n,
        frame="""
scenario: illness and death
window: {from: 2000-01-01, to: 2040-01-01}
population:
  size: 1
  alive_on: {date: 2000-01-01, ages: ages.csv}
  entry: 2000-01-01
  sex: {female: 0.5, male: 0.5}
pathways: [world.yaml]
providers: {clinic: {class: ambulatory}}
""",
        tables={"ages.csv": "age,population\n20-59,1\n"},
    )
    assert len(lives.people.patient) == n
    dead, ill = lives.people.died, np.zeros(n)
    ill[lives.rows("state", "ill").patient] = 1
    encounters = np.bincount(lives.rows("provider").patient, minlength=n)
    for found, mean in zip((dead, ill, encounters), expected, strict=True):
        assert abs(found.mean() - mean) < 5 * found.std() / np.sqrt(n)


# ---- competing sojourns, modified half-way


def test_competing_sojourns_that_another_process_modifies(live: Live) -> None:
    """Which exit, and when, against quadrature over the time of the switch."""
    n = 200_000
    lives = live(
        """
disease:
  switch:
    off: {-> on: {after: "uniform(2 years, 12 years)"}}
    on: {}
  course:
    start:
      -> a: {after: "weibull(shape=1.7, scale=12 years)"}
      -> b: {after: "gompertz(shape=0.15 per year, rate=0.02 per year)"}
    a: {}
    b: {}
modifies:
  - {rate: start -> a, times: 3, while: in(on)}
  - {rate: start -> b, times: 0.4, while: in(on)}
""",
        n,
    )

    def hazards(t: Floats, switch: float) -> tuple[Floats, Floats]:
        on = t > switch
        return (
            np.where(on, 3, 1) * 1.7 / 12 * (t / 12) ** 0.7,
            np.where(on, 0.4, 1) * 0.02 * np.exp(0.15 * t),
        )

    def used(t: Floats, switch: float) -> Floats:
        before = np.minimum(t, switch)
        weibull, gompertz = (lambda s: (s / 12) ** 1.7), (lambda s: 0.02 / 0.15 * np.expm1(0.15 * s))
        return (
            weibull(before)
            + 3 * (weibull(t) - weibull(before))
            + gompertz(before)
            + 0.4 * (gompertz(t) - gompertz(before))
        )

    nodes, weights = np.polynomial.legendre.leggauss(40)
    times = np.concatenate([np.arange(0.5, 20, 0.5), [25.0, 100.0]])
    expected = np.zeros((2, len(times)))
    for switch, share in zip(7 + 5 * nodes, weights / 2, strict=True):
        for i, t in enumerate(times):
            for low, high in ((0.0, min(switch, t)), (min(switch, t), t)):
                s = (low + high) / 2 + (high - low) / 2 * nodes
                density = weights * (high - low) / 2 * np.exp(-used(s, switch))
                expected[:, i] += share * np.array([(h * density).sum() for h in hazards(s, switch)])
    assert expected[:, -1].sum() == pytest.approx(1, abs=1e-6)
    for row, state in zip(expected, "ab", strict=True):
        arrivals = lives.first("state", state) / YEAR
        found = (arrivals[:, None] < times).mean(axis=0)
        assert (abs(found - row) < 5 * np.sqrt(row * (1 - row) / n)).all()


def test_a_sojourn_stops_while_its_condition_is_false(live: Live) -> None:
    """Two years on, one year off, and so on: the hazard goes on as of its own clock, and the time off
    counts."""
    lives = live(
        """
disease:
  switch:
    on: {lasts: 2 years, -> off: {share: 1}}
    off: {lasts: 1 year, -> on: {share: 1}}
  course:
    start:
      -> a:
        after: weibull(shape=2.5, scale=10 years)
        while: in(on)
    a: {}
""",
        50_000,
    )
    arrivals = lives.first("state", "a") / YEAR

    def cdf(t: Floats) -> Floats:
        used = np.zeros_like(t)
        for begin in range(0, 100, 3):
            a, b = np.clip(t, begin, None), begin
            used += (np.minimum(a, begin + 2) / 10) ** 2.5 - (b / 10) ** 2.5
        return -np.expm1(-used)

    assert stats.kstest(arrivals, cdf).pvalue > 1e-6
    assert (arrivals % 3 < 2 + 1e-6).all()
