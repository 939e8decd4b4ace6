"""All-cause mortality is the table's, whatever part of it pathways bring about themselves (semantics 7)."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.engine import simulate
from sim.engine.log import DEATH, People
from sim.program import compile
from sim.runs.background import make
from sim.scenario import load

Live = Callable[..., Any]
Floats = NDArray[np.float64]
YEAR = 365.25
DIABETES = Path(__file__).parents[2] / "scenarios" / "diabetes"
HazardOf = Callable[[int, int, int], float]  # of sex, civil year and age: per year


def deaths_and_expected(
    people: People, hazard: HazardOf, first_year: int, last_year: int, ages: int = 120
) -> tuple[Floats, Floats]:
    """Deaths, and what the hazards make of the time lived, by sex, year and age."""
    shape = (2, last_year - first_year + 1, ages)
    died, expected = np.zeros(shape), np.zeros(shape)
    new_years = [
        float(np.datetime64(f"{year}-01-01").astype("datetime64[D]").astype(int))
        for year in range(first_year, last_year + 2)
    ]
    entered, left = people.entered / 86_400, people.left / 86_400
    for year, (january, december) in enumerate(itertools.pairwise(new_years)):
        start, end = np.maximum(entered, january), np.minimum(left, december)
        for later in (0, 1):  # a civil year sees two ages of each person
            age = np.floor((january - people.birth) / YEAR).astype(int) + later
            from_, to = people.birth + YEAR * age, people.birth + YEAR * (age + 1)
            lived = np.minimum(end, to) - np.maximum(start, from_)
            here = (lived > 0) & (age >= 0)
            for sex in (0, 1):
                mine = here & (people.sex == sex)
                years = np.bincount(age[mine], lived[mine] / YEAR, minlength=ages)[:ages]
                expected[sex, year] += years * [hazard(sex, first_year + year, a) for a in range(ages)]
                ends = mine & people.died & (left <= np.minimum(end, to)) & (left > np.maximum(start, from_))
                died[sex, year] += np.bincount(age[ends], minlength=ages)[:ages]
    assert died.sum() == people.died.sum()
    return died, expected


def agree(died: Floats, expected: Floats, edges: list[int]) -> None:
    """By sex, by sex and age group, and by sex and year, at 5 standard errors."""
    for sex in (0, 1):
        parts = [(died[sex, :, a:b].sum(), expected[sex, :, a:b].sum()) for a, b in itertools.pairwise(edges)]
        parts += list(zip(died[sex].sum(axis=1), expected[sex].sum(axis=1), strict=True))
        parts.append((died[sex].sum(), expected[sex].sum()))
        for found, mean in parts:
            assert abs(found - mean) < 5 * np.sqrt(mean)


WORLD = """
variables: {frailty: "gamma(mean=1, sd=0.7)"}
disease:
  lungs:
    well: {-> ill: {rate: 0.002 per year * exp(0.03 * age) * frailty}}
    ill:
      -> dead: {rate: 0.02 per year * (1.5 if male else 1), cause: illness}
      -> crisis: {rate: 0.03 per year}
    crisis:
      lasts: gamma(mean=30 days, sd=20 days)
      -> dead: {share: 0.2, cause: crisis_of_illness}
      -> ill: {share: rest}
conditions: {illness: {snomed: "39104002"}, crisis_of_illness: {snomed: "64572001"}}
"""
FRAME = """
scenario: all causes
window: {from: 2000-01-01, to: 2010-01-01}
population:
  size: 1
  alive_on: {date: 2000-01-01, ages: ages.csv}
  sex: {female: 0.5, male: 0.5}
mortality: {table: q.csv, less: [illness, crisis_of_illness]}
pathways: [world.yaml]
"""
TABLES = {
    "ages.csv": "age,population\n40-69,1\n",
    "q.csv": "sex,age,q\n"
    + "".join(
        f"{sex},{'109+' if age == 109 else age},{min(0.9, 0.012 * factor * 1.05 ** max(age - 40, 0)):.9f}\n"
        for sex, factor in (("female", 1.0), ("male", 1.5))
        for age in range(110)
    ),
}


def test_pathways_deaths_are_taken_out_of_the_table(live: Live, tmp_path: Path) -> None:
    """An eighth of all deaths are the model's own. Left in the background, they would come on top of it, 10
    standard errors in each group of age and sex.

    They come by a rate and by a share; both are to be taken out, for those alive at each age.
    """
    live(WORLD, frame=FRAME, tables=TABLES)
    (tmp_path / "tables").mkdir()
    made = make(tmp_path, patients=150_000, threads=1)
    n = 250_000
    scenario = load(tmp_path)
    people, log = simulate(compile(scenario), range(n), 11)
    assert made.rates.min() > 0
    of_model = (log.kind == DEATH) & (log.code >= 0)
    assert 0.1 < of_model.sum() / people.died.sum() < 0.2

    def hazard(sex: int, _: int, age: int) -> float:
        q = min(0.9, 0.012 * (1.0, 1.5)[sex] * 1.05 ** max(min(age, 109) - 40, 0))
        return float(-np.log1p(-round(q, 9)))

    died, expected = deaths_and_expected(people, hazard, 2000, 2009)
    agree(died, expected, [40, 45, 50, 55, 60, 65, 70, 80])


def test_all_cause_mortality_of_the_diabetes_scenario_is_the_table_s() -> None:
    rows = list(
        csv.DictReader(
            line
            for line in (DIABETES / "tables/us_mortality_2000_2019.csv").read_text().splitlines()
            if not line.startswith("#")
        )
    )
    q = {(row["sex"], int(row["year"]), int(row["age"].rstrip("+"))): float(row["q"]) for row in rows}
    oldest = max(age for *_, age in q)

    def hazard(sex: int, year: int, age: int) -> float:
        return float(-np.log1p(-min(q[("female", "male")[sex], year, min(age, oldest)], 0.999999)))

    n = 100_000
    scenario = load(DIABETES)
    assert scenario.mortality is not None
    assert scenario.mortality.background is not None
    people, log = simulate(compile(scenario), range(n), 11)
    of_model = (log.kind == DEATH) & (log.code >= 0)
    assert of_model.sum() > 0.05 * people.died.sum()  # 5 standard errors, were they not taken out
    died, expected = deaths_and_expected(people, hazard, 2000, 2019)
    agree(died, expected, [0, 20, 40, 50, 60, 65, 70, 75, 80, 85, 90, 120])
