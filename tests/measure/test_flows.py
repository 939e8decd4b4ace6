"""Flows: counted by hand in a table, one by one in a run, and against the statistics that say the same."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import sim
from sim.measure.accumulator import Accumulator
from sim.measure.flows import Flows, Way, flows
from sim.measure.shards import Shard, of_run, of_tables
from sim.measure.words import Texts
from sim.records.schema import LOGGED, PATIENTS
from sim.runs.result import Run
from sim.scenario.loader import Scalar
from sim.scenario.model import Scenario, Span
from sim.scenario.scope_of import scope_of
from sim.scenario.statistics import sentence

FOLDER = Path(__file__).parents[1] / "view" / "thirty_states"
TABLES = {table.name: table.schema for table in LOGGED.values()} | {"patients": PATIENTS.schema}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return sim.load(FOLDER)


@pytest.fixture(scope="module")
def run(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "run"
    return sim.run(scenario, patients=400, seed=5, out=folder, threads=1, shard_size=150)


@pytest.fixture(scope="module")
def found(run: Run, scenario: Scenario) -> Flows:
    return flows(of_run(run), Texts(scenario))


def day(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def shard(people: list[tuple[Any, ...]], states: list[tuple[Any, ...]]) -> Shard:
    """People: born, entered, left, died. States: patient, time, axis, from, to, cause."""
    rows = [
        {"patient_id": n, "sex": "female", "birth_date": day(b).date(), "entered": day(e), "left": day(x)}
        | {"died": died}
        for n, (b, e, x, died) in enumerate(people)
    ]
    names = ("patient_id", "time", "axis", "from", "to", "cause")
    moves = [
        dict(zip(names, row, strict=True)) | {"time": day(row[1]), "seq": seq}
        for seq, row in enumerate(states)
    ]
    tables = {"patients": pa.Table.from_pylist(rows, TABLES["patients"])}
    states_table = pa.Table.from_pylist(moves, TABLES["truth/states"])
    for name in ("axis", "from", "to", "cause"):
        at = states_table.column_names.index(name)
        states_table = states_table.set_column(at, name, states_table[name].dictionary_encode())
    return of_tables(tables | {"truth/states": states_table})


def test_two_lives_by_hand(scenario: Scenario) -> None:
    """One is ill before the window opens, and dies of it; the other falls ill, recovers, falls ill again."""
    made = shard(
        [("1950-01-01", "2000-01-01", "2004-01-01", True), ("1960-01-01", "2000-01-01", "2010-01-01", False)],
        [
            (0, "1950-01-01", "course", None, "well", None),
            (0, "1990-01-01", "course", "well", "ill", None),
            (0, "2004-01-01", "course", "ill", "dead", "crc"),
            (1, "1960-01-01", "course", None, "well", None),
            (1, "2002-01-01", "course", "well", "ill", None),
            (1, "2003-01-01", "course", "ill", "well", None),
            (1, "2008-01-01", "course", "well", "ill", None),
        ],
    )
    found = flows([made], Texts(scenario))
    assert (found.people, found.alive) == (2, 1)
    falls_ill = found.ways[Way("course", "well", "ill", None)]
    recovers = found.ways[Way("course", "ill", "well", None)]
    dies = found.ways[Way("course", "ill", "dead", "crc")]
    assert set(found.ways) == {
        Way("course", "well", "ill", None),
        Way("course", "ill", "well", None),
        Way("course", "ill", "dead", "crc"),
    }
    assert (falls_ill.steps, falls_ill.people, recovers.steps, dies.steps) == (2, 1, 1, 1)
    assert falls_ill.years == pytest.approx(2 + 5, abs=0.01)
    assert recovers.years == dies.years == pytest.approx(4 + 1 + 2, abs=0.01)
    assert falls_ill.rate == pytest.approx(2000 / 7, rel=1e-3)
    assert falls_ill.median_age == pytest.approx((42 + 48) / 2, abs=0.01)
    assert falls_ill.median_time == pytest.approx((42 + 5) / 2, abs=0.01)
    assert found.standing == {("course", "well"): 0, ("course", "ill"): 1}


def entries(run: Run) -> Iterator[tuple[str, str, str | None, str | None]]:
    """Axis, state entered, state left and cause of every step in view, but for deaths of no axis."""
    patients = run.table("patients").set_index("patient_id")
    for row in run.table("truth/states").itertuples():
        axis, from_, to, cause = row[4:8]
        if isinstance(axis, str) and isinstance(from_, str):
            who = patients.loc[row.patient_id]
            if who["entered"] <= row.time <= who["left"]:
                yield axis, to, from_, cause if isinstance(cause, str) else None


def test_steps_into_a_state_are_its_entries(run: Run, found: Flows) -> None:
    columns = list(run.table("truth/states").columns)
    assert columns[3:7] == ["axis", "from", "to", "cause"]
    counted = Counter(Way(axis, from_, to, cause) for axis, to, from_, cause in entries(run))
    assert counted == {way: flow.steps for way, flow in found.ways.items()}
    assert len(counted) > 30


def test_everybody_alive_stands_in_one_state_of_each_axis(run: Run, found: Flows) -> None:
    assert found.people == run.rows["patients"]
    assert found.alive == int((~run.table("patients")["died"]).sum())
    for axis in {axis for axis, _ in found.standing}:
        assert sum(many for (of, _), many in found.standing.items() if of == axis) == found.alive


def test_person_years_are_those_in_view(run: Run, found: Flows) -> None:
    people = run.table("patients")
    years = (people["left"] - people["entered"]).dt.total_seconds().sum() / (365.25 * 86400)
    for axis in {axis for axis, _ in found.years}:
        assert sum(y for (of, _), y in found.years.items() if of == axis) == pytest.approx(years, rel=1e-9)


@pytest.mark.parametrize(
    ("way", "text"),
    [
        (("bowel", "normal", "small_distal"), "rate(small_distal, among=in(normal))"),
        (("bowel", "silent_1", "silent_2"), "rate(silent_2, among=in(silent_1))"),
        (("pregnancy", "postpartum", "not_pregnant"), "rate(not_pregnant, among=in(postpartum))"),
    ],
)
def test_rates_are_those_of_the_statistics(
    run: Run, scenario: Scenario, found: Flows, way: tuple[str, str, str], text: str
) -> None:
    place = Span("", 1, 1)
    of = sentence(Scalar(text, text, place, text, place), scope_of(scenario), scenario, None)
    adding = Accumulator(scenario, of.statistics)
    for part in of_run(run):
        adding.add(part)
    ((estimate,),) = adding.estimates()
    flow = found.ways[Way(*way, None)]
    assert flow.steps > 0
    assert estimate.numerator == flow.steps
    assert estimate.value * 1000 * 365.25 == pytest.approx(flow.rate, rel=1e-9)


def test_events(run: Run, found: Flows) -> None:
    events = run.table("truth/events").merge(run.table("patients"), on="patient_id")
    seen = events[(events["time"] >= events["entered"]) & (events["time"] <= events["left"])]
    flow = found.events["vomiting"]
    assert (flow.steps, flow.people) == (len(seen), seen["patient_id"].nunique())
    assert len(seen) < len(events)
    assert flow.years == pytest.approx(sum(y for (axis, _), y in found.years.items() if axis == "bowel"))


def test_shards_do_not_matter(run: Run, scenario: Scenario, found: Flows, tmp_path: Path) -> None:
    other = sim.run(scenario, patients=400, seed=5, out=tmp_path / "run", threads=1, shard_size=400)
    again = flows(of_run(other), Texts(scenario))
    assert again.standing == found.standing
    for way, flow in found.ways.items():
        assert (again.ways[way].steps, again.ways[way].people) == (flow.steps, flow.people)
        assert again.ways[way].years == pytest.approx(flow.years, rel=1e-12)
        assert again.ways[way].median_age == flow.median_age
