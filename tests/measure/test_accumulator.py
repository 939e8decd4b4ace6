"""Statistics of a real scenario, however its lives are cut into shards, on disk or as they are lived."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

import sim
from sim.measure.accumulator import Accumulator, Estimate, value_of
from sim.measure.shards import of_lives, of_run
from sim.records.names import names
from sim.runs.result import Run
from sim.runs.runtime import start
from sim.scenario.loader import Scalar
from sim.scenario.model import Scenario, Span
from sim.scenario.scope_of import scope_of
from sim.scenario.statistics import Sentence, sentence, split

FOLDER = Path(__file__).parents[2] / "scenarios" / "cardiometabolic"
PATIENTS = 400
SENTENCES = (
    "prevalence(diabetes)",
    "prevalence(last(sbp) < 140 mmHg, among=hypertension and tested(sbp, within=1 year))",
    "prevalence(diabetes, at=2010-01-01, among=age >= 50)",
    "incidence(type_2_diabetes, among=male)",
    "rate(clinic, among=month == january)",
    "cumulative_incidence(death, after=type_2_diabetes, within=5 years)",
    "restricted_mean(after=hypertension, until=death, within=10 years)",
    "share(hypertension, at=hospital, later=6 months)",
    "sd(sbp)",
    "quantile(sbp, 0.9, among=age >= 60)",
    "median(lasted(hospital))",
    "persistence(metformin, at=1 year, gap=30 days)",
    "correlation(sbp, dbp)",
    "odds_ratio(hypertension, type_2_diabetes)",
    "rate(clinic, among=male) / rate(clinic, among=female)",
)


@cache
def scenario() -> Scenario:
    return sim.load(FOLDER)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "run"
    return sim.run(scenario(), patients=PATIENTS, seed=3, out=folder, threads=1, shard_size=150)


def read(text: str) -> Sentence:
    place = Span("", 1, 1)
    return sentence(Scalar(text, text, place, text, place), scope_of(scenario()), scenario(), None)


def estimates(made: Accumulator, of: Sentence) -> list[Estimate]:
    return [value_of(of.expression, cell, scenario()) for cell in zip(*made.estimates(), strict=True)]


def numbers(found: Sequence[Estimate]) -> list[float]:
    return [n for e in found for n in (e.value, e.error, e.low, e.high, e.numerator, e.denominator, e.people)]


@pytest.mark.parametrize("text", SENTENCES)
def test_shards_do_not_matter(run: Run, text: str) -> None:
    place = Span("", 1, 1)
    by = split(Scalar("sex", "sex", place, "sex", place), scope_of(scenario()), scenario())
    of = read(text)
    disk, memory, other = (Accumulator(scenario(), of.statistics, [by]) for _ in range(3))
    for shard in of_run(run):
        disk.add(shard)
    lives = start("kernel", scenario(), range(PATIENTS), 3, lambda done, total: None)
    for target, patients in ((other, range(250, PATIENTS)), (memory, range(7)), (memory, range(7, 250))):
        for shard in of_lives(names(scenario()), *lives.simulate(patients)):
            target.add(shard)
    memory.merge(other)
    found = numbers(estimates(disk, of))
    assert found == pytest.approx(numbers(estimates(memory, of)), rel=1e-9, nan_ok=True)
    assert not all(math.isnan(number) for number in found)
