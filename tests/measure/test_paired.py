"""Two lives of the same people: closed forms, a brute force in pandas, cases worked by hand."""

# ruff: noqa: E501 - pathways, one on a line

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import integrate

import sim
from sim.measure.paired import Estimate, First, Paired, Shift, paired
from sim.measure.pairs import of_runs, of_scenarios
from sim.measure.queues import MeasureError
from sim.measure.shards import of_tables
from sim.runs.result import Run
from sim.scenario import load

COMPLETE = Path(__file__).parents[1] / "scenario" / "data" / "complete"
YEAR = 365.25
KINDS = {  # table: the kind, the columns of the name, the time
    "truth/states": ("state", ["axis", "to"], "time"),
    "encounters": ("visit", ["provider"], "start"),
    "conditions": ("condition", ["condition"], "start"),
    "observations": ("test", ["observation"], "time"),
    "medications": ("drug", ["drug"], "start"),
    "procedures": ("procedure", ["procedure"], "time"),
    "deaths": ("death", ["cause"], "time"),
}


def scenario(folder: Path, disease: str, more: str = "") -> Path:
    """One pathway about people born on one day, thirty years in view."""
    folder.mkdir(exist_ok=True)
    (folder / "scenario.yaml").write_text("""
scenario: s
window: {from: 1950-01-01, to: 1980-01-01}
population: {size: 100, born: {from: 1950-01-01, to: 1950-01-02}, sex: {female: 0.5, male: 0.5}}
pathways: [p.yaml]
providers: {clinic: {class: ambulatory}}
""")
    (folder / "p.yaml").write_text(f"pathway: p\n{disease}{more}")
    return folder


def shift_of(found: Paired, kind: str, name: str) -> Shift:
    (one,) = [s for s in found.shifts if (s.kind, s.name) == (kind, name)]
    return one


def near(estimate: Estimate, value: float) -> None:
    assert 0 < estimate.se < math.inf
    assert abs(estimate.value - value) < 5 * estimate.se


# ---- closed forms: constant hazards of rate and c * rate, one exponential draw for both, so that T_B = T_A / c

RATE, TIMES, WINDOW, MANY = (
    0.04,
    2.0,
    10956.5,
    20_000,
)  # per year; days of the window, but for half a day of birth


def moment(power: int) -> float:
    """E[T ** power | T < WINDOW], of a time with the hazard RATE."""
    rate = RATE / YEAR
    whole, _ = integrate.quad(lambda t: t**power * rate * math.exp(-rate * t), 0, WINDOW)
    return whole / (1 - math.exp(-rate * WINDOW))


def test_a_constant_hazard_and_twice_that(tmp_path: Path) -> None:
    disease = "parameters: {{r: {{value: {} per year, source: a test}}}}\ndisease: {{x: {{well: {{-> ill: {{rate: r}}}}, ill: {{}}}}}}\n"
    folder = scenario(tmp_path / "s", disease.format(RATE))
    two = load(folder), load(folder, {"r": f"{TIMES * RATE} per year"})
    found = paired(of_scenarios(*two, MANY, 1))
    ill = shift_of(found, "state", "x: ill")
    assert (found.people, found.affected) == (MANY, ill.b)
    assert (ill.never, ill.later) == (0, 0)

    newly = math.exp(-RATE * WINDOW / YEAR) - math.exp(-TIMES * RATE * WINDOW / YEAR)
    near(ill.share, newly)
    assert ill.share.se == pytest.approx(math.sqrt(newly * (1 - newly) / MANY), rel=0.05)
    assert ill.share.value == ill.often.value == ill.newly / MANY

    part = 1 / TIMES - 1
    near(ill.shift, part * moment(1))
    spread = abs(part) * math.sqrt(moment(2) - moment(1) ** 2)
    assert ill.shift.se == pytest.approx(spread / math.sqrt(ill.a), rel=0.05)
    rate = RATE / YEAR  # the median of T, given T < WINDOW
    median = -math.log(1 - (1 - math.exp(-rate * WINDOW)) / 2) / rate
    density = rate * math.exp(-rate * median) / (1 - math.exp(-rate * WINDOW))
    assert abs(ill.moved - part * median) < 5 * abs(part) / (2 * density * math.sqrt(ill.a))


def test_life_years_of_a_hazard_of_death_and_half_of_it(tmp_path: Path) -> None:
    text = "parameters: {{r: {{value: {} per year, source: a test}}}}\ndisease: {{x: {{well: {{-> dead: {{rate: r, cause: c}}}}}}}}\nconditions: {{c: {{}}}}\n"
    folder = scenario(tmp_path / "s", text.format(RATE))
    two = load(folder), load(folder, {"r": f"{RATE / 2} per year"})
    found = paired(of_scenarios(*two, MANY, 2))
    rate = RATE / YEAR

    def gained(t: float) -> float:
        """Years in view, when the death comes at 2 t in place of t."""
        return (min(2 * t, WINDOW) - min(t, WINDOW)) / YEAR

    def mean(power: int) -> float:
        points = [WINDOW / 2, WINDOW]
        value, _ = integrate.quad(
            lambda t: gained(t) ** power * rate * math.exp(-rate * t), 0, WINDOW, points=points
        )
        return value  # who dies after the window under A does so under B

    in_view = ((1 - math.exp(-x * WINDOW)) / x / YEAR for x in (rate / 2, rate))
    expected = next(in_view) - next(in_view)
    assert mean(1) == pytest.approx(expected)
    near(found.years_each, expected)
    se = math.sqrt((mean(2) - expected**2) / MANY)
    assert found.years_each.se == pytest.approx(se, rel=0.05)
    assert found.years.value == pytest.approx(MANY * found.years_each.value)
    death = shift_of(found, "death", "c")
    assert (found.died_a, found.died_b, found.averted.people) == (death.a, death.b, death.never)
    assert found.caused.people == death.newly == death.earlier == 0
    averted = math.exp(-rate / 2 * WINDOW) - math.exp(-rate * WINDOW)
    near(death.share, -averted)


# ---- the same people have the same luck

OTHER = """
pathway: other
variables: {mood: "normal(0, 1)"}
disease: {spirits: {high: {-> low: {rate: 0.2 per year * exp(mood)}}, low: {-> high: {after: "uniform(1 year, 2 years)"}}}}
procedures: {listening: {}}
care: {listen: {starts: {upon: low}, steps: [{visit: cabin, steps: {perform: listening}}]}}
"""  # fmt: skip


def test_what_has_nothing_to_do_with_a_change_stays_as_it_was(tmp_path: Path) -> None:
    shutil.copytree(COMPLETE, tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "scenario.yaml").write_text(
        "scenario: b\nextends: ../a\npathways: [other.yaml]\nproviders: {cabin: {class: ambulatory}}\n"
    )
    (tmp_path / "b" / "other.yaml").write_text(OTHER)
    found = paired(of_scenarios(load(tmp_path / "a"), load(tmp_path / "b"), 300, 4))
    assert found.people > 200
    assert found.only_a == found.only_b == found.others == 0
    changed = {(s.kind, s.name) for s in found.shifts if s.changed}
    assert changed == {
        ("state", "spirits: high"),
        ("state", "spirits: low"),
        ("procedure", "listening"),
        ("visit", "cabin"),
    }
    assert all(result.difference.value == 0 for result in found.results)
    assert found.affected == found.people  # everybody has a state and a variable more, from birth on
    assert {first.what for first in found.first} <= {"state spirits: high", "variable mood"}
    same = paired(of_scenarios(load(tmp_path / "a"), load(tmp_path / "a"), 300, 4))
    assert (same.affected, same.first, [s for s in same.shifts if s.changed]) == (0, (), [])


# ---- brute force


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """Two runs of a scenario with every construct, of which one parameter has another value, in other shards."""
    folder = tmp_path_factory.mktemp("runs")
    change = {"threshold": "6 mmol/L", "onset": "0.012 per year"}
    return (
        sim.run(COMPLETE, patients=400, seed=5, out=folder / "a", threads=1, shard_size=150),
        sim.run(COMPLETE, patients=400, seed=5, out=folder / "b", threads=1, shard_size=90, parameters=change),
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(runs: tuple[Run, Run]) -> Paired:
    return paired(of_runs(*runs))


def tables(runs: Iterable[Run], name: str) -> list[pd.DataFrame]:
    """A table of both runs, of the people who are in both."""
    both = set.intersection(*(set(run.table("patients")["patient_id"]) for run in runs))
    return [run.table(name).loc[lambda t: t["patient_id"].isin(both)] for run in runs]


def test_times_and_numbers_by_brute_force(runs: tuple[Run, Run], found: Paired) -> None:
    people = len(tables(runs, "patients")[0])
    assert found.people == people > 300
    told = set()
    for table, (kind, names, time) in KINDS.items():
        both = tables(runs, table)
        for frame in both:
            frame["name"] = frame[names].astype(str).agg(": ".join, axis=1)
        for name in set(both[0]["name"]) | set(both[1]["name"]):
            if name.endswith("dead"):
                continue
            rows = [frame[frame["name"] == name] for frame in both]
            first = pd.concat([r.groupby("patient_id")[time].min() for r in rows], axis=1, keys=["a", "b"])
            days = ((first["b"] - first["a"]).dropna() / pd.Timedelta(days=1)).astype(float)
            count = pd.concat([r.groupby("patient_id").size() for r in rows], axis=1).fillna(0)
            more = np.zeros(people)
            more[: len(count)] = (count[1] - count[0]).to_numpy(float)
            s = shift_of(found, kind, name)
            told.add((kind, name))
            assert (s.a, s.b) == tuple(first.notna().sum())
            assert (s.never, s.newly) == (first["b"].isna().sum(), first["a"].isna().sum())
            assert (s.earlier, s.later) == ((days < 0).sum(), (days > 0).sum())
            if len(days) > 1:
                assert s.shift.value == pytest.approx(days.mean(), abs=1e-9)
                assert s.shift.se == pytest.approx(days.sem(), abs=1e-7)
            if len(days[days != 0]):
                assert abs(s.moved - days[days != 0].median()) <= 0.5
            assert s.often.value == pytest.approx(more.mean())
            assert s.often.se == pytest.approx(more.std(ddof=1) / math.sqrt(people))
    assert told == {(s.kind, s.name) for s in found.shifts}
    assert sum(s.changed for s in found.shifts) > 10


def test_results_by_brute_force(runs: tuple[Run, Run], found: Paired) -> None:
    ids = tables(runs, "patients")[0]["patient_id"]
    both = tables(runs, "observations")
    assert found.results
    for result in found.results:
        values = [frame[frame["observation"] == result.name].dropna(subset="value") for frame in both]
        means = [frame["value"].mean() for frame in values]
        assert (result.a, result.b) == pytest.approx(means)
        residuals = np.zeros(len(ids))
        for sign, frame, mean in zip((-1, 1), values, means, strict=True):
            each = (frame["value"] - mean).groupby(frame["patient_id"]).sum().reindex(ids).fillna(0.0)
            residuals += sign * each.to_numpy(float) / (len(frame) / len(ids))
        assert result.difference.value == pytest.approx(means[1] - means[0])
        assert result.difference.se == pytest.approx(residuals.std(ddof=1) / math.sqrt(len(ids)))


def test_who_is_affected_by_brute_force(runs: tuple[Run, Run], found: Paired) -> None:
    """A life is what its rows say but for their numbers and those of encounters."""
    lives: list[dict[int, list[Any]]] = []
    for side in (0, 1):
        rows: dict[int, list[Any]] = {i: [] for i in tables(runs, "patients")[0]["patient_id"]}
        for name in runs[0].rows:
            if name in ("codes", "patients", "truth/imperfections"):
                continue
            frame = tables(runs, name)[side].drop(columns=["seq", "encounter_id"], errors="ignore")
            for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False):
                rows[row[0]].append((name, *map(str, row[1:])))
        lives.append({patient: sorted(mine) for patient, mine in rows.items()})
    affected = [patient for patient in lives[0] if lives[0][patient] != lives[1][patient]]
    assert found.affected == len(affected) > 20
    assert sum(first.people for first in found.first) == found.affected
    assert {i for first in found.first for i in first.examples} <= set(affected)


def test_deaths_and_life_years_by_brute_force(runs: tuple[Run, Run], found: Paired) -> None:
    a, b = (frame.set_index("patient_id") for frame in tables(runs, "patients"))
    years = (b["left"] - a["left"]) / pd.Timedelta(days=YEAR)
    assert found.years_each.value == pytest.approx(years.mean())
    assert found.years_each.se == pytest.approx(years.sem())
    assert (found.died_a, found.died_b) == (a["died"].sum(), b["died"].sum())
    assert found.averted.people == (a["died"] & ~b["died"]).sum()
    assert found.caused.people == (b["died"] & ~a["died"]).sum()


def test_runs_on_the_disk_and_lives_in_memory_say_the_same(tmp_path: Path) -> None:
    folder = scenario(
        tmp_path / "s",
        "parameters: {r: {value: 0.1 per year, source: a test}}\n"
        "disease: {x: {well: {-> ill: {rate: r}}, ill: {-> dead: {rate: r, cause: c}}}}\nconditions: {c: {}}\n",
        "care: {look: {starts: {upon: ill}, steps: [{wait: 1 year}, {visit: clinic, steps: {diagnose: c}}]}}\n",
    )
    change = {"r": "0.12 per year"}
    in_memory = paired(of_scenarios(load(folder), load(folder, change), 5000, 9))
    one = sim.run(folder, patients=5000, seed=9, out=tmp_path / "one", threads=1, shard_size=1700)
    other = sim.run(folder, patients=5000, seed=9, out=tmp_path / "other", threads=1, parameters=change)
    on_disk = paired(of_runs(one, other))
    assert repr(rounded(asdict(in_memory))) == repr(rounded(asdict(on_disk)))


def rounded(value: Any) -> Any:
    """Sums over shards are rounded in another order."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


# ---- worked by hand


def people(*rows: tuple[int, str, str, str, bool]) -> pa.Table:
    """(patient, sex, birth, left, died), in view from 2000 on."""
    ids, sex, birth, left, died = zip(*rows, strict=True)
    return pa.table(
        {
            "patient_id": pa.array(ids, pa.int64()),
            "sex": pa.array(sex).dictionary_encode(),
            "birth_date": pa.array(pd.to_datetime(pd.Series(birth)).dt.date, pa.date32()),
            "entered": times(["2000-01-01"] * len(ids)),
            "left": times(left),
            "died": pa.array(died),
        }
    )


def times(texts: Iterable[str | None]) -> pa.Array:
    return pa.array(
        [None if t is None else pd.Timestamp(t).to_pydatetime() for t in texts], pa.timestamp("us")
    )


def diagnoses(*rows: tuple[int, int, str, str, str | None]) -> pa.Table:
    """(patient, seq, condition, start, end)"""
    ids, seq, names, start, end = zip(*rows, strict=True)
    return pa.table(
        {
            "patient_id": pa.array(ids, pa.int64()),
            "seq": pa.array(seq, pa.int32()),
            "condition": pa.array(names).dictionary_encode(),
            "start": times(start),
            "end": times(end),
        }
    )


def test_by_hand() -> None:
    end = "2010-01-01"
    a = {
        "patients": people(
            (1, "male", "1950-01-01", end, False),
            (2, "male", "1950-01-01", "2005-01-01", True),
            (3, "male", "1950-01-01", end, False),
            (4, "female", "1950-01-01", end, False),  # drawn again
            (5, "male", "1950-01-01", end, False),  # not in B
        ),
        "conditions": diagnoses(
            (1, 0, "flu", "2001-01-01", "2001-01-15"),
            (1, 1, "gout", "2002-01-01", None),
            (2, 0, "flu", "2003-01-01", None),
            (3, 0, "flu", "2004-01-01", "2004-01-15"),
            (4, 0, "flu", "2004-01-01", None),
        ),
    }
    b = {
        "patients": people(
            (1, "male", "1950-01-01", end, False),
            (2, "male", "1950-01-01", "2006-01-01", True),
            (3, "male", "1950-01-01", "2009-01-01", True),
            (4, "female", "1950-01-02", end, False),
            (6, "male", "1950-01-01", end, False),  # not in A
        ),
        "conditions": diagnoses(
            (1, 0, "flu", "2001-01-01", "2001-01-15"),
            (1, 1, "cough", "2001-06-01", None),
            (1, 2, "gout", "2001-12-22", None),
            (2, 3, "flu", "2003-01-01", None),
            (3, 0, "flu", "2004-01-01", "2004-01-10"),
        ),
    }
    found = paired([(of_tables(a), of_tables(b))])
    assert (found.people, found.only_a, found.only_b, found.others, found.affected) == (3, 1, 1, 1, 2)
    assert found.first == (First("condition cough", 1, (1,)), First("condition flu ends", 1, (3,)))
    assert (found.died_a, found.died_b) == (1, 2)
    assert found.caused == First("caused", 1, (3,))
    assert found.averted.people == 0
    assert found.years.value == pytest.approx(
        (365 - 365) / YEAR
    )  # a year more for one, a year less for another
    gout = shift_of(found, "condition", "gout")
    assert (gout.a, gout.b, gout.earlier, gout.later, gout.shift.value, gout.moved) == (1, 1, 1, 0, -10, -10)
    cough = shift_of(found, "condition", "cough")
    assert (cough.a, cough.b, cough.never, cough.newly) == (0, 1, 0, 1)
    assert cough.share == Estimate(1 / 3, pytest.approx(math.sqrt(2 / 9 / 2)))
    assert not shift_of(found, "condition", "flu").changed


def test_nobody() -> None:
    found = paired([(of_tables({}), of_tables({}))])
    assert (found.people, found.shifts) == (0, ())
    assert math.isnan(found.years.value)


# ---- what cannot be compared


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("seed", 6, "the seeds differ, 5 and 6"),
        ("window", ["1990-01-01", "2000-01-01"], "the windows differ"),
        ("patients", {"first": 0, "count": 9}, r"the patients differ, \[0, 400\] and \[0, 9\]"),
    ],
)
def test_other_people(runs: tuple[Run, Run], key: str, value: object, said: str) -> None:
    other = Run(runs[1].folder)
    other.manifest[key] = value
    with pytest.raises(MeasureError, match=said):
        next(of_runs(runs[0], other))


def test_a_sample(runs: tuple[Run, Run]) -> None:
    other = Run(runs[1].folder)
    other.manifest["sums"] = {"patients": {"weight": "0"}}
    with pytest.raises(MeasureError, match="holds a sample"):
        next(of_runs(runs[0], other))
