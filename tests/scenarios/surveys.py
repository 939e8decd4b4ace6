"""What tests of scenarios share: people examined by a survey, and deaths held against a life table."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import sim

YEAR = pd.Timedelta(days=365.25)

World = Callable[..., sim.Run]


def worlds(folders: pytest.TempPathFactory, scenario: Path, survey: str, people: int) -> World:
    """A function that lets the same people of a scenario live with other parameters, once for each.

    The pathway `survey` is added to it; it visits a `survey_van`.
    """
    surveyed = folders.mktemp("surveyed") / scenario.name
    shutil.copytree(scenario, surveyed)
    (surveyed / "pathways" / "survey.yaml").write_text(survey)
    text = (surveyed / "scenario.yaml").read_text()
    for section, more in (
        ("pathways", "  - pathways/survey.yaml"),
        ("providers", "  survey_van: {class: ambulatory}"),
    ):
        text = text.replace(f"\n{section}:\n", f"\n{section}:\n{more}\n")
    (surveyed / "scenario.yaml").write_text(text)

    @cache
    def lived(parameters: tuple[tuple[str, str], ...]) -> sim.Run:
        return sim.run(
            surveyed, patients=people, out=folders.mktemp("run") / "run", parameters=dict(parameters)
        )

    return lambda **parameters: lived(tuple(sorted(parameters.items())))


def listed(run: sim.Run, condition: str, day: pd.Timestamp) -> set[int]:
    """Who has had a condition on the problem list by a day."""
    rows = run.table("conditions")
    return set(rows[(rows["condition"] == condition) & (rows["start"] <= day)]["patient_id"])


def deaths_by_age(
    patients: pd.DataFrame, life_table: Path, years: range
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By sex and ten years of age (2, 12): deaths that the life table has for the time, and deaths seen."""
    table = pd.read_csv(life_table, comment="#")
    hazard = np.zeros((2, years.stop, 110))  # sex, year, age
    hazard[(table["sex"] == "male").astype(int), table["year"], table["age"]] = -np.log1p(-table["q"])
    sex = (patients["sex"] == "male").to_numpy(dtype=int)
    epoch = pd.Timestamp(0)
    birth, entered, left = (
        ((pd.to_datetime(patients[name]) - epoch) / YEAR).to_numpy()
        for name in ("birth_date", "entered", "left")
    )
    expected, seen = np.zeros((2, 12)), np.zeros((2, 12))
    for year in years:
        first, last = (float((pd.Timestamp(y, 1, 1) - epoch) / YEAR) for y in (year, year + 1))
        begins, ends = np.maximum(entered, first), np.minimum(left, last)
        age = np.floor(first - birth).astype(int)
        for years_on in (0, 1):  # before the birthday in this year, and after it
            start = np.maximum(begins, birth + age + years_on)
            stop = np.minimum(ends, birth + age + years_on + 1)
            here = stop > start
            ages = age[here] + years_on
            np.add.at(expected, (sex[here], ages // 10), (stop - start)[here] * hazard[sex[here], year, ages])
    died = patients["died"].to_numpy(dtype=bool)
    np.add.at(seen, (sex[died], ((left - birth)[died] // 10).astype(int)), 1)
    return expected, seen
