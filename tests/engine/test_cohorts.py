"""Conditioned cohorts and oversampling: `include:` and `oversample:` of a population."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim import agents
from sim.agents import sampling
from sim.engine import LifeError, simulate
from sim.engine.log import PROCEDURE, STATE
from sim.program import compile as compiled
from sim.scenario import check
from sim.scenario.fingerprint import fingerprint
from sim.scenario.model import DAYS_PER_YEAR, Scenario

Live = Callable[..., Any]
World = Callable[..., Scenario]

FRAME = """
scenario: cohort
window: {{from: 1970-01-01, to: 1980-01-01}}
population:
  size: 1
  born: {{from: 1969-12-31, to: 1970-01-01}}
  sex: {{female: 0.5, male: 0.5}}
  {cohort}
pathways: [world.yaml]
providers: {{clinic: {{class: ambulatory}}}}
"""
ONSET = """
disease:
  heart:
    well:
      -> ill: {rate: 0.02 per year * (3 if male else 1)}
    ill: {}
procedures: {op: {}}
care:
  visits:
    starts: {rate: 0.3 per year}
    steps: {visit: clinic, steps: {perform: op}}
"""
AT_RISK = 10.0  # years


def frame(cohort: str) -> str:
    return FRAME.format(cohort=cohort)


def assert_share(share: float, expected: float, n: int) -> None:
    assert abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) / n)


def test_who_is_included_is_as_bayes_says(live: Live) -> None:
    n = 20_000
    lives = live(ONSET, n, frame=frame("include: ever(ill)"))
    people = lives.people
    assert (people.patient == np.arange(n)).all()
    onset = lives.first("state", "ill") / DAYS_PER_YEAR
    assert (onset < AT_RISK + 0.01).all()
    falls_ill = {sex: 1 - math.exp(-rate * AT_RISK) for sex, rate in ((0, 0.02), (1, 0.06))}
    accepted = (falls_ill[0] + falls_ill[1]) / 2
    assert_share((people.sex == 1).mean(), falls_ill[1] / (2 * accepted), n)
    assert_share(n / people.attempts.sum(), accepted, int(people.attempts.sum()))
    for sex, rate in ((0, 0.02), (1, 0.06)):
        times = onset[people.sex == sex]
        early = (1 - math.exp(-rate * 4)) / falls_ill[sex]
        assert_share((times < 4).mean(), early, len(times))


def test_what_comes_after_a_look_at_the_start_is_not_conditioned(live: Live) -> None:
    text = ONSET.replace(
        "    ill: {}", "    ill: {-> dead: {rate: 0.1 per year, cause: attack}}\nconditions: {attack: {}}"
    )
    born = frame("include: {at_start: in(ill)}").replace(
        "born: {from: 1969-12-31, to", "born: {from: 1950-01-01, to"
    )
    n = 8000
    lives = live(text, n, frame=born)
    people = lives.people
    assert (people.entered == 0).all()
    assert (lives.first("state", "ill") <= -people.birth).all()
    assert_share(people.died.mean(), 1 - math.exp(-0.1 * AT_RISK), n)
    assert (people.birth < 0).all()


def test_births_are_drawn_again(live: Live) -> None:
    """The young, who can hardly be ill, are few among those who are."""
    wide = frame("include: ever(ill)").replace(
        "born: {from: 1969-12-31, to: 1970", "born: {from: 1970-01-01, to: 1980"
    )
    lives = live(ONSET.replace("* (3 if male else 1)", ""), 20_000, frame=wide)
    young = lives.people.birth > 5 * DAYS_PER_YEAR

    def falling_ill(start: float, end: float) -> float:  # integral of 1 - exp(-rate * rest) over births
        rate = 0.02
        return (end - start) - (math.exp(-rate * (10 - end)) - math.exp(-rate * (10 - start))) / rate

    assert_share(young.mean(), falling_ill(5, 10) / falling_ill(0, 10), 20_000)


def test_those_included_at_once_live_the_lives_they_had(live: Live) -> None:
    plain = live(ONSET, 500, frame=frame("entry: 0 days"))
    lives = live(ONSET, 500, frame=frame("include: 'count(op) >= 1'"))
    at_once = lives.people.patient[lives.people.attempts == 1]
    assert 300 < len(at_once) < 500
    for ours, theirs in zip(lives.log, plain.log, strict=True):
        mine = ours[np.isin(lives.log.patient, at_once)]
        np.testing.assert_array_equal(mine, theirs[np.isin(plain.log.patient, at_once)])
    had = np.isin(plain.people.patient, np.unique(plain.rows("procedure", "op").patient))
    np.testing.assert_array_equal(at_once, plain.people.patient[had])


def test_a_condition_on_unknown_values_includes_nobody_for_whom_it_is_unknown(live: Live) -> None:
    lives = live(ONSET, 200, frame=frame("include: since(op) > 1 year"))
    last = np.full(200, -np.inf)
    np.maximum.at(last, lives.rows("procedure", "op").patient, lives.times("procedure", "op"))
    stop = 3652 - lives.people.birth
    assert (stop - last > DAYS_PER_YEAR).all()
    assert (last > 0).all()


@pytest.mark.parametrize("cohort", ["include: age > 200", "include: {at_start: ever(ill) and age < 0}"])
def test_where_nobody_can_be_included(cohort: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = world(ONSET, frame=frame(cohort))
    for module in ("sim.engine.simulate", "sim.agents.births"):
        monkeypatch.setattr(sys.modules[module], "MOST_ATTEMPTS", 20)
    for simulated in (
        lambda: simulate(compiled(scenario), range(3), 1),
        lambda: agents.simulate(scenario, range(3), 1),
    ):
        with pytest.raises(LifeError, match="no life drawn is one that `include:` asks for") as raised:
            simulated()
        assert raised.value.fault.patient == 0
        assert raised.value.fault.span == scenario.population.span


# ---- oversampling

OVERSAMPLE = "oversample: {if: ever(ill) and female, times: 4}"


def test_who_is_kept_lives_the_life_of_the_plain_run(live: Live) -> None:
    n = 4000
    plain = live(ONSET, n, frame=frame("entry: 0 days"))
    lives = live(ONSET, n, frame=frame(OVERSAMPLE))
    people, kept = lives.people, np.isin(plain.people.patient, lives.people.patient)
    for ours, theirs in zip(lives.log, plain.log, strict=True):
        np.testing.assert_array_equal(ours, theirs[np.isin(plain.log.patient, people.patient)])
    rare = np.isfinite(plain.first("state", "ill")) & (plain.people.sex == 0)
    assert kept[rare].all()
    assert_share(kept[~rare].mean(), 1 / 4, int((~rare).sum()))
    np.testing.assert_array_equal(people.weight, np.where(rare[kept], 1.0, 4.0))


def test_weighted_sums_are_those_of_the_plain_run(live: Live) -> None:
    """Horvitz and Thompson: sums over the kept, each times its weight, for any quantity."""
    n = 20_000
    plain = live(ONSET, n, frame=frame("entry: 0 days"))
    lives = live(ONSET, n, frame=frame(OVERSAMPLE))
    people = lives.people
    rare = np.isfinite(plain.first("state", "ill")) & (plain.people.sex == 0)
    operations = np.bincount(plain.rows("procedure", "op").patient, minlength=n).astype(float)
    ill = np.isfinite(plain.first("state", "ill")).astype(float)
    for quantity in (np.ones(n), plain.people.sex.astype(float), operations, operations * ill, ill):
        estimate = (people.weight * quantity[people.patient]).sum()
        variance = (3.0 * quantity[~rare] ** 2).sum()  # (1 - p) / p of each who is kept with p = 1/4
        assert variance > 0
        assert abs(estimate - quantity.sum()) < 5 * math.sqrt(variance)


def test_the_rare_are_measured_better_for_as_many_rows(world: World) -> None:
    """The mean number of operations of women who fall ill, from as many people, over independent runs."""
    runs, spread, recorded = 60, [], []
    for cohort, size in (("entry: 0 days", 400), (OVERSAMPLE, 1250)):
        program, means, people_seen = compiled(world(ONSET, frame=frame(cohort))), [], 0
        for seed in range(runs):
            people, log = simulate(program, range(size), seed)
            ill = np.unique(log.patient[(log.kind == STATE) & (log.code == 1)])
            rare = np.intersect1d(people.patient[people.sex == 0], ill)
            means.append(np.isin(log.patient[log.kind == PROCEDURE], rare).sum() / len(rare))
            people_seen += len(people.patient)
        spread.append(np.var(means, ddof=1))
        recorded.append(people_seen / runs)
    assert recorded[1] < 1.1 * recorded[0]
    assert spread[1] < 0.6 * spread[0]


def test_runs_store_weights_where_they_are_asked_for(world: World, tmp_path: Path) -> None:
    scenario = world(ONSET, frame=frame(OVERSAMPLE))
    whole = sim.run(scenario, patients=300, out=tmp_path / "whole")
    parts = sim.run(scenario, patients=300, out=tmp_path / "parts", shard_size=37, runtime="agents")
    assert whole.digest == parts.digest
    patients = whole.table("patients")
    assert set(patients["weight"]) == {1.0, 4.0}
    assert whole.manifest["patients"]["recorded"] == len(patients) < 200
    plain = sim.run(world(ONSET, frame=frame("include: ever(ill)")), patients=100, out=tmp_path / "plain")
    assert "weight" not in plain.table("patients").columns
    told = plain.manifest["patients"]
    assert told["recorded"] == told["count"] == 100
    assert told["acceptance"] == 100 / told["lives"] < 0.5


def test_the_cohort_has_no_part_in_the_background(world: World) -> None:
    from sim.runs.background import everybody

    plain = world(ONSET, frame=frame("entry: 0 days"))
    chosen = world(ONSET, frame=frame(f"entry: 0 days\n  include: ever(ill)\n  {OVERSAMPLE}"))
    assert fingerprint(everybody(chosen)) == fingerprint(plain) != fingerprint(chosen)


def test_patients_who_wait_for_each_other(world: World) -> None:
    queue = frame(f"include: {{at_start: male}}\n  {OVERSAMPLE.replace('female', 'male')}").replace(
        "class: ambulatory", "class: ambulatory, capacity: 1 per week"
    )
    people, log = agents.simulate(world(ONSET, frame=queue), range(60), 1)
    assert (people.sex == 1).all()
    assert 10 < len(people.patient) < 50
    assert set(people.weight) == {1.0, 4.0}
    assert set(log.patient) <= set(people.patient)


@pytest.mark.parametrize(
    ("cohort", "told"),
    [
        ("include: ever(il)", "8:17 unknown-name did you mean `ill`?"),
        ("include: {at_start: age}", "8:23 wrong-type"),
        ("include: {at_begin: age > 3}", "8:13 unknown-key did you mean"),
        ("include: {}", "8:3 missing-key {at_start: EXPR, at_end: EXPR}"),
        ("include: bernoulli(0.5)", "8:12 draw-not-allowed"),
        ("oversample: {if: ever(ill)}", "8:3 missing-key"),
        ("oversample: {if: ever(ill), times: age}", "8:38 not-constant"),
        ("oversample: {if: ever(ill), times: 0.5}", "8:38 not-positive"),
    ],
)
def test_mistakes(cohort: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text(frame(cohort))
    (tmp_path / "world.yaml").write_text(f"pathway: world\n{ONSET}")
    (found,) = [f for f in check(tmp_path)[1] if f.severity == "error"]
    assert f"{found.span.line}:{found.span.column} {found.rule} {found.fix}".startswith(told)


def test_nobody_is_drawn_again_at_the_end_where_patients_wait_for_each_other(tmp_path: Path) -> None:
    text = frame("include: ever(ill)").replace("class: ambulatory", "class: ambulatory, capacity: 1")
    (tmp_path / "scenario.yaml").write_text(text)
    (tmp_path / "world.yaml").write_text(f"pathway: world\n{ONSET}")
    assert [f.rule for f in check(tmp_path)[1]] == ["include-with-capacity"]


def test_the_story_of_one_who_is_not_kept(world: World) -> None:
    from sim.agents.story import story
    from sim.view import story as view

    scenario = world(ONSET, frame=frame(f"include: age > 1\n  {OVERSAMPLE}"))
    people, _ = simulate(compiled(scenario), range(20), 0)
    stories = [story(scenario, patient, 0) for patient in range(20)]
    assert [s.patient for s in stories if not s.absent] == people.patient.tolist()
    absent = next(s for s in stories if s.absent)
    assert "in no table, as one who is not kept" in "\n".join(view.lines(absent, 100, False))
    assert sampling.SITE == "population/oversample"
