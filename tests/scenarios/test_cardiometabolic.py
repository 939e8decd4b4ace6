"""Hearts, vessels, glucose and kidneys of US adults: what every clinician knows of them must be seen.

People are examined on one day by a survey that tells nobody what it found, as NHANES does; everything else is
read from the record and the truth. Other worlds (`parameters=`) hold the same people.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

import sim
from tests.scenarios.surveys import YEAR, World, deaths_by_age, listed, worlds

SCENARIO = Path(__file__).parents[2] / "scenarios" / "cardiometabolic"
LIFE_TABLE = SCENARIO / "tables" / "us_mortality_1999_2019.csv"
DAY = pd.Timestamp("2015-06-01")
SURVEY = """
pathway: survey
care:
  examination:
    starts: {when: today >= 2015-06-01}
    steps:
      - visit: survey_van
        steps: {test: [sbp, dbp, hba1c, average_glucose, fasting_glucose, acr, egfr, ldl]}
"""
PEOPLE = 12_000


def test_it_loads_without_a_finding() -> None:
    scenario, findings = sim.check(SCENARIO)
    assert scenario
    assert findings == ()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return worlds(tmp_path_factory, SCENARIO, SURVEY, PEOPLE)


@cache
def examined(run: sim.Run) -> pd.DataFrame:
    """What the survey measured, a row for each person, and the person's age, sex and states on that day."""
    visits = run.table("encounters")
    visits = visits[visits["provider"] == "survey_van"]
    rows = run.table("observations", columns=["patient_id", "encounter_id", "observation", "value"])
    rows = rows[rows["encounter_id"].isin(visits["encounter_id"])]
    people = rows.pivot(index="patient_id", columns="observation", values="value")
    patients = run.table("patients").set_index("patient_id")
    people = people.join(patients[["sex", "birth_date"]])
    people["age"] = (DAY - pd.to_datetime(people["birth_date"])) / YEAR
    states = run.table("truth/states")
    states = states[states["time"] <= DAY]
    last = states.groupby(["patient_id", "axis"])["to"].last().unstack()
    people = people.join(last)
    ever = states.groupby("to")["patient_id"].agg(set)
    people["coronary_disease"] = people.index.isin(ever["angina"] | ever["old_infarction"])
    people["stroke"] = people.index.isin(ever["acute_stroke"])
    people["diabetes"] = people["glucose"] == "diabetes"
    people["hypertension"] = people["pressure"] == "raised_pressure"
    people["kidney_disease"] = (people["acr"] >= 30) | (people["egfr"] < 60)
    return people


@cache
def results(run: sim.Run, biomarker: str) -> pd.DataFrame:
    columns = ["patient_id", "encounter_id", "time", "observation", "value"]
    rows = run.table("observations", columns=columns)
    return rows[rows["observation"] == biomarker].drop(columns="observation")


def on_drugs(run: sim.Run, drugs: list[str], day: pd.Timestamp = DAY) -> set[int]:
    rows = run.table("medications")
    rows = rows[rows["drug"].isin(drugs) & (rows["start"] <= day) & ~(rows["end"] <= day)]
    return set(rows["patient_id"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("disease", "ages"),
    [
        ("hypertension", (30, 50, 70, 90)),
        ("diabetes", (30, 45, 60, 75)),  # levels off in old age, as in NHANES
        ("kidney_disease", (30, 50, 70, 90)),
        ("coronary_disease", (30, 50, 70, 90)),
        ("stroke", (30, 50, 70, 90)),
    ],
)
def test_disease_is_more_common_in_older_people(world: World, disease: str, ages: tuple[int, ...]) -> None:
    people = examined(world())
    bands = [people[people["age"].between(*ends, inclusive="left")][disease] for ends in pairwise(ages)]
    for younger, older in pairwise(bands):
        error = (younger.var() / len(younger) + older.var() / len(older)) ** 0.5
        assert older.mean() - younger.mean() > 5 * error


@pytest.mark.slow
def test_hba1c_tells_of_average_glucose_and_a_fasting_sample_less_so(world: World) -> None:
    """0.92 in 507 people of the ADAG study; a single fasting sample is more loosely tied (about 0.8)."""
    people = examined(world())
    assert 0.87 < people["hba1c"].corr(people["average_glucose"]) < 0.95
    assert 0.72 < people["hba1c"].corr(people["fasting_glucose"]) < 0.87


@pytest.mark.slow
def test_systolic_and_diastolic_pressure_go_together(world: World) -> None:
    """NHANES 1999-2010 has 0.59, 0.63, 0.53, 0.43 in the decades from 30 to 69."""
    people = examined(world())
    for low in (30, 40, 50):
        decade = people[people["age"].between(low, low + 10, inclusive="left")]
        assert 0.40 < decade["sbp"].corr(decade["dbp"]) < 0.70


PRESSURE_DRUGS = ["lisinopril", "losartan", "hydrochlorothiazide", "amlodipine", "metoprolol"]


@pytest.mark.slow
def test_treated_pressure_is_lower_than_it_would_be(world: World) -> None:
    """The same people, with drugs that do nothing to pressure: trials have 9 mmHg for one drug at standard
    dose, and people take one to three, not always."""
    real, without = world(), world(drugs_work="0")
    treated = on_drugs(real, PRESSURE_DRUGS)
    rows = real.table("medications")
    ever = set(rows[rows["drug"].isin(PRESSURE_DRUGS)]["patient_id"])
    both = examined(real)[["sbp", "dbp"]].join(
        examined(without)[["sbp", "dbp"]], rsuffix="_without", how="inner"
    )
    fall = both["sbp_without"] - both["sbp"]
    assert (fall[~both.index.isin(ever)] == 0).all()
    of_treated = fall[both.index.isin(treated)]
    assert len(of_treated) > 1000
    assert 6 < of_treated.mean() < 16
    assert 3 < (both["dbp_without"] - both["dbp"])[both.index.isin(treated)].mean() < 10


@pytest.mark.slow
def test_treating_pressure_prevents_strokes(world: World) -> None:
    def strokes(run: sim.Run) -> int:
        states = run.table("truth/states")
        return int(((states["to"] == "acute_stroke") & (states["time"] >= "1999")).sum())

    real, without = strokes(world()), strokes(world(drugs_work="0"))
    assert without - real > 5 * without**0.5
    assert without < 2 * real


@pytest.mark.slow
def test_diabetes_brings_kidney_disease(world: World) -> None:
    """At 50 to 64 NHANES finds it in 30.3 % with and in 9.8 % without diabetes, a ratio of 3.1. Without the
    rates at which diabetes damages kidneys, little of it is left (pressure goes with diabetes)."""

    def ratio(run: sim.Run) -> float:
        people = examined(run)
        people = people[people["age"].between(50, 65, inclusive="left")]
        with_diabetes, others = people[people["diabetes"]], people[~people["diabetes"]]
        assert with_diabetes["kidney_disease"].sum() > 25
        return float(with_diabetes["kidney_disease"].mean() / others["kidney_disease"].mean())

    assert 2.2 < ratio(world()) < 4.2
    assert ratio(world(diabetic_albuminuria="0")) < 1.8


@pytest.mark.slow
def test_screening_finds_the_diabetes_that_nobody_knows_of(world: World) -> None:
    """One in three (1988-1994) to one in six (2017-2020) of US adults with diabetes did not know of it."""

    def unknown(run: sim.Run) -> pd.Series:
        ill = examined(run).query("diabetes")
        return ~ill.index.to_series().isin(listed(run, "type_2_diabetes", DAY))

    real = unknown(world())
    unscreened = unknown(world(screening_from_45="0", screening_before_45="0"))
    assert 0.15 < real.mean() < 0.40
    error = (real.var() / len(real) + unscreened.var() / len(unscreened)) ** 0.5
    assert unscreened.mean() - real.mean() > 5 * error


@pytest.mark.slow
def test_all_causes_together_are_the_life_table(world: World) -> None:
    expected, seen = deaths_by_age(world().table("patients"), LIFE_TABLE, range(1999, 2020))
    enough = expected > 20
    assert enough.sum() >= 12
    assert (abs(seen - expected)[enough] < 5 * expected[enough] ** 0.5).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statin", "dose", "published"), [("simvastatin", "20 mg", 32), ("atorvastatin", "20 mg", 43)]
)
def test_statins_lower_ldl_as_in_trials(world: World, statin: str, dose: str, published: int) -> None:
    """Law 2003, table 2, in people who take every tablet: their first LDL on it, and what it would be."""
    takers = {"diligence_mean": "0.98", "diligence_sd": "0.01", "statin_given_up": "0"}

    def first_ldl(run: sim.Run) -> pd.Series:
        rows = run.table("medications")
        rows = rows[(rows["drug"] == statin) & (rows["dose"] == dose) & (rows["start"] >= "1999-02-01")]
        begun = rows.groupby("patient_id")["start"].min()
        ldl = results(run, "ldl").join(begun, on="patient_id")
        ldl = ldl[ldl["time"] > ldl["start"] + pd.Timedelta(weeks=5)].groupby("patient_id").first()
        return ldl.set_index(["time", "start"], append=True)["value"]

    pairs = pd.concat(
        [first_ldl(world(**takers)), first_ldl(world(**takers, statins_work="0"))], axis=1
    ).dropna()
    assert len(pairs) > 150
    fall = 100 * (1 - pairs.iloc[:, 0] / pairs.iloc[:, 1]).mean()
    assert abs(fall - published) < 4


@pytest.mark.slow
def test_the_dates_of_guidelines_show_in_the_record(world: World) -> None:
    run = world()
    new = run.table("conditions").query("condition == 'hypertension' and start >= '1999-06-01'")
    for pressure in ("sbp", "dbp"):
        last = results(run, pressure).groupby("encounter_id")["value"].last()
        new = new.join(last.rename(pressure), on="encounter_id", how="inner")
    mild = (new["sbp"] < 140) & (new["dbp"] < 90)
    assert not mild[new["start"] < "2017-11-13"].any()
    assert mild[new["start"] >= "2017-11-13"].mean() > 0.5

    hba1c = results(run, "hba1c").merge(
        run.table("encounters")[["encounter_id", "provider"]], on="encounter_id"
    )
    hba1c = hba1c[hba1c["provider"] == "clinic"]
    known = run.table("conditions").query("condition == 'type_2_diabetes'").set_index("patient_id")["start"]
    screening = hba1c[~(hba1c["patient_id"].map(known) <= hba1c["time"])]
    assert (screening["time"] < "2010-01-01").sum() == 0
    assert (screening["time"] >= "2010-01-01").sum() > 500
