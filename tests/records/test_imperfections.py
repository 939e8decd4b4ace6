"""The record is spoiled as often as was said, by draws that depend on nothing else, and can be restored."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim import Run, run
from sim.engine import LifeError
from sim.engine.log import APPOINTMENT, NULL, STATE, VARIABLE, Log, People
from sim.records import digest
from sim.records.imperfections import KINDS, Spoiler, Touched
from sim.scenario import load
from sim.scenario.model import Expr, Imperfection, Scenario, Span, Target

PATIENTS = 3000
SEED = 3
SPAN = Span("scenario.yaml", 1, 1)
DAY = 86_400

FRAME = """
scenario: lung
window: {from: 2000-01-01, to: 2010-01-01}
population:
  size: 10
  born: {from: 1930-01-01, to: 1990-01-01}
  sex: {female: 0.5, male: 0.5}
  variables: {smoker: bernoulli(0.3)}
pathways: [lung.yaml]
providers: {clinic: {class: ambulatory}, hospital: {class: inpatient}}
parameters: {forgetful: {value: 0.1, source: made up}}
"""
LUNG = """
pathway: lung
disease:
  course:
    well:
      -> ill: {rate: 0.2 per year}
    ill:
      -> well: {rate: 0.5 per year}
      -> dead: {rate: 0.1 per year, cause: flu}
biomarkers:
  sugar: {unit: mmol/L, value: 7, measurement_error: "normal(0, 1.5)", range: 1 to 30, decimals: 1}
  sbp: {unit: mmHg, value: 130, measurement_error: "normal(0, 12)", range: 50 to 300, decimals: 0}
conditions: {cough: {snomed: "49727002"}, cold: {snomed: "82272006"}, flu: {snomed: "6142004"}}
procedures: {xray: {}}
drugs: {syrup: {}}
care:
  yearly:
    starts: {rate: 0.5 per year}
    steps:
      - visit: clinic
        steps:
          - test: [sugar, sbp]
          - perform: xray
          - if: felt(ill)
            then:
              - {diagnose: cough, resolves: after 100 days}
              - {prescribe: syrup, for: 90 days}
"""
ALL = """
imperfections:
  lost: {missing: observations, chance: forgetful + 0.2 * smoker}
  unseen: {missing: [cough, clinic, deaths], chance: 0.3 if in(ill) else 0.05}
  high: {missing: sugar, chance: 0.5 if value > 8 mmol/L else 0}
  slow: {late: [sugar, cough], by: exponential(30 days), chance: 0.4}
  twice: {duplicated: [observations, procedures], chance: 0.1}
  tens: {rounded: sbp, to: 10, chance: 0.6}
  american: {wrong_unit: sugar, factor: 18.016, unit: mg/dL, decimals: 0, chance: 0.1}
  slip: {wrong_code: cough, becomes: [cold, flu], chance: 0.2 if provider == clinic else 0}
"""


def alone_of(name: str) -> str:
    """One of all the imperfections."""
    (line,) = (line for line in ALL.splitlines() if line.startswith(f"  {name}:"))
    return f"imperfections:\n{line}\n"


@pytest.fixture(scope="module")
def lung(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Scenario]:
    """The scenario with these imperfections."""

    def lung(imperfections: str = "") -> Scenario:
        folder = tmp_path_factory.mktemp("lung")
        (folder / "scenario.yaml").write_text(FRAME + imperfections)
        (folder / "lung.yaml").write_text(LUNG)
        return load(folder)

    return lung


@pytest.fixture(scope="module")
def runs(lung: Callable[[str], Scenario], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Runs of 3000 patients, each made once."""
    made: dict[str, Run] = {}

    def runs(imperfections: str = "") -> Run:
        if imperfections not in made:
            folder = tmp_path_factory.mktemp("runs") / "run"
            made[imperfections] = run(lung(imperfections), patients=PATIENTS, seed=SEED, out=folder)
        return made[imperfections]

    return runs


Row = dict[str, Any]


def rows(of: Run, name: str, /, **where: object) -> list[Row]:
    found: list[Row] = of.arrow(name).to_pylist()
    return [row for row in found if all(row[key] == value for key, value in where.items())]


def key(row: Row) -> tuple[int, int]:
    return row["patient_id"], row["seq"]


def touched(of: Run, imperfection: str) -> list[Row]:
    return rows(of, "truth/imperfections", imperfection=imperfection)


def assert_share(some: int, of: int, p: float) -> None:
    assert of > 400
    assert abs(some - of * p) < 5 * (of * p * (1 - p)) ** 0.5


# ---- how often


def test_missing_at_random_depends_on_what_was_true_of_the_patient(runs: Callable[..., Run]) -> None:
    clean, spoiled = runs(), runs(ALL)
    smokers = {r["patient_id"] for r in rows(clean, "truth/variables", variable="smoker") if r["value"] == 1}
    lost = [r["patient_id"] in smokers for r in touched(spoiled, "lost")]
    tests = [r["patient_id"] in smokers for r in rows(clean, "observations")]
    assert_share(sum(lost), sum(tests), 0.3)
    assert_share(len(lost) - sum(lost), len(tests) - sum(tests), 0.1)


def test_missing_not_at_random_depends_on_the_value(runs: Callable[..., Run]) -> None:
    high = [r["value"] for r in touched(runs(ALL), "high")]
    assert min(high) > 8
    assert_share(
        len(high), sum(r["value"] > 8 for r in rows(runs(), "observations", observation="sugar")), 0.5
    )


def test_missing_not_at_random_depends_on_the_state_of_disease(runs: Callable[..., Run]) -> None:
    clean, spoiled = runs(), runs(ALL)
    entered: dict[int, list[tuple[int, str]]] = {}
    for r in rows(clean, "truth/states"):
        if r["to"] != "dead":
            entered.setdefault(r["patient_id"], []).append((r["seq"], r["to"]))

    def ill(row: Row) -> bool:
        return max(some for some in entered[row["patient_id"]] if some[0] < row["seq"])[1] == "ill"

    unseen = [ill(r) for r in touched(spoiled, "unseen")]
    tables = ("conditions", "encounters", "deaths")
    possible = [ill(r) for table in tables for r in rows(clean, table)]
    assert_share(sum(unseen), sum(possible), 0.3)
    assert_share(len(unseen) - sum(unseen), len(possible) - sum(possible), 0.05)
    assert {r["table"] for r in touched(spoiled, "unseen")} == set(tables)


def test_what_is_missing_is_not_there_and_leaves_a_gap(runs: Callable[..., Run]) -> None:
    clean, spoiled = runs(), runs(ALL)
    there = {key(r) for r in rows(spoiled, "observations")}
    gone = {key(r) for name in ("lost", "high") for r in touched(spoiled, name)}
    late = {key(r) for r in touched(spoiled, "slow")}
    assert not there & gone
    assert {key(r) for r in rows(clean, "observations")} - gone - late <= there


def test_late_rows_say_a_later_time_and_none_after_the_window(runs: Callable[..., Run]) -> None:
    alone = runs(alone_of("slow"))
    said = {key(r): r["time"] for r in rows(alone, "observations")}
    end = datetime.datetime(2010, 1, 1)
    late = touched(alone, "slow")
    tests = [r for r in late if r["table"] == "observations"]
    early = [r for r in tests if r["start"] < end - datetime.timedelta(days=700)]
    delays = np.array([(said[key(r)] - r["start"]) / datetime.timedelta(days=1) for r in early])
    assert delays.min() >= 0
    assert abs(delays.mean() - 30) < 5 * 30 / len(delays) ** 0.5
    assert np.mean(delays > 30) == pytest.approx(np.exp(-1), abs=5 * 0.5 / len(delays) ** 0.5)
    assert max(said.values()) < end
    assert any(key(r) not in said for r in tests)  # after the window's end
    listed = {key(r): r for r in rows(alone, "conditions")}
    for r in late:
        if r["table"] == "conditions" and key(r) in listed:
            now = listed[key(r)]
            assert now["start"] >= r["start"]
            assert now["end"] == (r["end"] and max(r["end"], now["start"]))


def test_duplicates_are_the_same_row_twice(runs: Callable[..., Run]) -> None:
    alone = runs("imperfections: {twice: {duplicated: [observations, procedures], chance: 0.1}}\n")
    for table in ("observations", "procedures"):
        found = rows(alone, table)
        assert [key(r) for r in found] == sorted(key(r) for r in found)
        copied = {key(r) for r in touched(alone, "twice") if r["table"] == table}
        clean = rows(runs(), table)
        assert found == [r for r in clean for _ in range(1 + (key(r) in copied))]
        assert_share(len(copied), len(clean), 0.1)


def test_digits_are_preferred(runs: Callable[..., Run]) -> None:
    spoiled = runs(alone_of("tens"))
    clean = {key(r): r["value"] for r in rows(runs(), "observations", observation="sbp")}
    chosen = {key(r) for r in touched(spoiled, "tens")}
    for r in rows(spoiled, "observations", observation="sbp"):
        before = clean[key(r)]
        assert r["value"] == ((before + 5) // 10 * 10 if key(r) in chosen else before)
    assert_share(len(chosen), len(clean), 0.6)


@pytest.mark.parametrize(
    ("options", "value", "unit"),
    [
        ("factor: 18.016, unit: mg/dL, decimals: 0", 126.0, "mg/dL"),
        ("factor: 18.016", 126.1, "mmol/L"),
        ("unit: mg/dL", 7.0, "mg/dL"),
    ],
)
def test_a_wrong_unit_is_on_the_value_the_unit_or_both(
    runs: Callable[..., Run], options: str, value: float, unit: str
) -> None:
    spoiled = runs(f"imperfections: {{american: {{wrong_unit: sugar, {options}, chance: 0.1}}}}\n")
    chosen = {key(r): r["value"] for r in touched(spoiled, "american")}
    found = rows(spoiled, "observations", observation="sugar")
    assert {r["unit"] for r in found if key(r) in chosen} == {unit}
    assert {r["unit"] for r in found if key(r) not in chosen} == {"mmol/L"}
    assert {r["value"] for r in found if chosen.get(key(r)) == 7.0} == {value}
    assert_share(len(chosen), len(found), 0.1)


def test_a_wrong_code_is_each_of_those_listed(runs: Callable[..., Run]) -> None:
    spoiled = runs(
        "imperfections:\n"
        "  slip: {wrong_code: cough, becomes: [cold, flu], chance: 0.4 if provider == clinic else 0}\n"
    )
    slips = {key(r) for r in touched(spoiled, "slip")}
    found = [r for r in rows(spoiled, "conditions") if key(r) in slips]
    codes = {"cold": "82272006", "flu": "6142004"}
    assert {(r["condition"], r["code"]) for r in found} == set(codes.items())
    assert_share(sum(r["condition"] == "cold" for r in found), len(found), 0.5)
    assert_share(len(slips), len(rows(runs(), "conditions")), 0.4)


# ---- nothing else changes


def test_without_imperfections_there_is_no_table_of_them(runs: Callable[..., Run]) -> None:
    assert "truth/imperfections" not in runs().rows
    assert runs().manifest["imperfections"] == []


def test_the_lives_are_those_of_the_same_program(runs: Callable[..., Run]) -> None:
    clean, spoiled = runs().manifest, runs(ALL).manifest
    assert clean["program"] == spoiled["program"]
    for table in ("patients", "truth/states", "truth/variables", "appointments", "medications"):
        assert clean["sums"][table] == spoiled["sums"][table]
    assert clean["digest"] != spoiled["digest"]
    assert [(i["name"], i["kind"]) for i in spoiled["imperfections"]][:2] == [
        ("lost", "missing"),
        ("unseen", "missing"),
    ]


def test_one_imperfection_does_not_depend_on_the_others(runs: Callable[..., Run]) -> None:
    together = runs(ALL)
    for name in ("lost", "high", "slow", "tens"):
        assert touched(runs(alone_of(name)), name) == touched(together, name)


def test_two_of_the_same_kind_draw_apart(runs: Callable[..., Run]) -> None:
    both = runs(
        "imperfections:\n"
        "  a: {missing: observations, chance: 0.3}\n"
        "  b: {missing: observations, chance: 0.3}\n"
    )
    a, b = ({key(r) for r in touched(both, name)} for name in "ab")
    assert_share(len(a & b), runs().rows["observations"], 0.09)


def test_any_sharding_and_both_runtimes_write_the_same(
    lung: Callable[[str], Scenario], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = lung(ALL)
    whole = run(scenario, patients=60, seed=SEED, out=tmp_path / "whole")
    agents = run(scenario, patients=60, seed=SEED, out=tmp_path / "agents", runtime="agents")
    monkeypatch.setattr("sim.runs.lives.FIRST_BATCH", 7)
    parts = run(scenario, patients=60, seed=SEED, out=tmp_path / "parts", shard_size=13, threads=3)
    assert whole.digest == agents.digest == parts.digest
    assert whole.rows["truth/imperfections"] > 100
    assert whole.manifest["program"] == agents.manifest["program"]


# ---- restoring


def restored(spoiled: Run, table: str) -> list[Row]:
    """The rows of a table as they were before, from the files of the run alone."""
    codes: dict[tuple[str, str], Row] = {}
    for r in rows(spoiled, "codes"):
        codes.setdefault((r["kind"], r["name"]), r)
    before = {key(r): r for r in rows(spoiled, "truth/imperfections", table=table)}
    kept = [r for r in rows(spoiled, table) if key(r) not in before]
    columns = spoiled.arrow(table).column_names
    kind = {"conditions": "condition", "observations": "observation", "procedures": "procedure"}.get(table)
    for r in before.values():
        row = {**r, "time": r["start"], "cause": r["name"], "provider": r["name"]}
        if kind:
            code = codes[kind, r["name"]]
            row |= {kind: r["name"], "system": code["system"], "code": code["code"], "unit": code["unit"]}
        if table == "encounters":
            row["class"] = spoiled.manifest["providers"][r["name"]]["class"]
        kept.append({name: row[name] for name in columns})
    return sorted(kept, key=key)


def word(value: object) -> int:
    match value:
        case None:
            return digest.NULL_WORD
        case str():
            return digest.text_word(value)
        case float():
            return int(digest.float_words(np.array([value]))[0])
        case datetime.datetime():
            return (value - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1) % 2**64
        case int():
            return value % 2**64
    raise AssertionError(value)


def sums(found: list[Row]) -> dict[str, int]:
    keys = digest.row_keys(*(np.array([key(r)[i] for r in found]) for i in range(2)))  # type: ignore[arg-type]
    names = [name for name in found[0] if name not in ("patient_id", "seq")]
    return {n: digest.column_sum(keys, np.array([word(r[n]) for r in found], np.uint64)) for n in names}


def test_the_perfect_record_can_be_restored(runs: Callable[..., Run]) -> None:
    clean, spoiled = runs(), runs(ALL)
    all_sums = {
        (table, column): int(value, 16)
        for table, columns in spoiled.manifest["sums"].items()
        for column, value in columns.items()
        if table != "truth/imperfections"
    }
    for table in ("observations", "conditions", "procedures", "encounters", "deaths"):
        found = restored(spoiled, table)
        assert found != rows(spoiled, table)
        assert found == rows(clean, table)
        all_sums |= {(table, column): value for column, value in sums(found).items()}
    assert digest.run_digest(all_sums) == clean.digest


# ---- invariants, on random lives


def imperfection(kind: Any, table: str, chance: float, number: int) -> Imperfection:
    return Imperfection(
        name=f"{kind}_{number}",
        kind=kind,
        targets=(Target(table, None),),
        chance=Expr("const", (), chance),
        by=Expr("draw", (Expr("const", (), 200.0),), "exponential") if kind == "late" else None,
        to=5.0 if kind == "rounded" else None,
        factor=2.0 if kind == "wrong_unit" else None,
        unit="mg/dL" if kind == "wrong_unit" else None,
        decimals=None,
        becomes=BECOMES[table] if kind == "wrong_code" else (),
        site=f"imperfections/{kind}_{number}",
        span=SPAN,
    )


BECOMES = {
    "encounters": ("hospital",),
    "conditions": ("sugar.diabetes", "lungs.asthma"),
    "deaths": ("lungs.other",),
    "observations": ("lungs.fev1",),
    "medications": ("lungs.inhaler",),
    "procedures": ("lungs.spirometry",),
}
OF_ROWS = st.tuples(
    st.sampled_from(["missing", "late", "duplicated", "wrong_code"]),
    st.sampled_from(list(BECOMES)),
    st.floats(0, 1),
)
OF_RESULTS = st.tuples(st.sampled_from(["rounded", "wrong_unit"]), st.just("observations"), st.floats(0, 1))

Simulate = Callable[[object, range, int], tuple[People, Log]]
quick = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def cells(log: Log, row: int) -> tuple[object, ...]:
    return tuple(None if column[row] != column[row] else column[row].item() for column in log)


def all_cells(log: Log) -> list[tuple[object, ...]]:
    return [cells(log, row) for row in range(len(log.kind))]


def spoiled_by(scenario: Scenario, kinds: list[tuple[str, str, float]], people: People, log: Log) -> Any:
    some = tuple(imperfection(*of, number) for number, of in enumerate(kinds))
    return Spoiler(replace(scenario, imperfections=some), SEED).spoil(people, log)


@quick
@given(kinds=st.lists(OF_ROWS | OF_RESULTS, min_size=1, max_size=6), seed=st.integers(0, 50))
def test_invariants(
    scenario: Scenario, simulate: Simulate, kinds: list[tuple[str, str, float]], seed: int
) -> None:
    people, log = simulate(None, range(8), seed)
    before = [column.copy() for column in log]
    written, found = spoiled_by(scenario, kinds, people, log)
    for column, was in zip(log, before, strict=True):  # what was lived is not written over
        np.testing.assert_array_equal(column, was)
    truth = (STATE, VARIABLE, APPOINTMENT)
    assert [row for row in all_cells(written) if row[0] in truth] == [
        row for row in all_cells(log) if row[0] in truth
    ]
    assert set(found.rows.kind.tolist()) <= {KINDS[table] for _, table, _ in kinds}
    order = list(zip(written.patient.tolist(), written.seq.tolist(), strict=True))
    assert order == sorted(order)
    assert (written.end[written.end != NULL] >= NULL + 1).all()
    # restored
    perfect = {row[1:3]: row for row in all_cells(found.rows)}
    kept = {row[1:3]: row for row in all_cells(written) if row[1:3] not in perfect}
    assert sorted((kept | perfect).values(), key=lambda row: row[1:3]) == all_cells(log)


@quick
@given(kinds=st.lists(OF_ROWS | OF_RESULTS, min_size=1, max_size=4), cut=st.integers(0, 8))
def test_a_patient_is_spoiled_the_same_whoever_is_beside(
    scenario: Scenario, simulate: Simulate, kinds: list[tuple[str, str, float]], cut: int
) -> None:
    whole, touched_whole = spoiled_by(scenario, kinds, *simulate(None, range(8), 1))
    parts: list[tuple[object, ...]] = []
    touched_parts: list[tuple[object, ...]] = []
    for some in (range(cut), range(cut, 8)):
        written, found = spoiled_by(scenario, kinds, *simulate(None, some, 1))
        parts += all_cells(written)
        touched_parts += zip(found.imperfection.tolist(), all_cells(found.rows), strict=True)
    assert parts == all_cells(whole)
    assert touched_parts == list(
        zip(touched_whole.imperfection.tolist(), all_cells(touched_whole.rows), strict=True)
    )
    assert isinstance(touched_whole, Touched)


# ---- faults


@pytest.mark.parametrize(
    ("imperfections", "message"),
    [
        ("{a: {missing: sugar, chance: value / 10}}", "not between 0 and 1"),
        ("{a: {missing: observations, chance: (age - age) / (age - age)}}", "result is not a number"),
        ("{a: {late: cough, by: 1 day - 3 days * smoker}}", "duration is negative"),
        ('{a: {late: cough, by: "uniform(2 days, 1 day * smoker)"}}', "distribution are impossible"),
    ],
)
def test_a_fault_names_its_place_and_leaves_nothing(
    lung: Callable[[str], Scenario], tmp_path: Path, imperfections: str, message: str
) -> None:
    with pytest.raises(LifeError, match=message) as raised:
        run(lung(f"imperfections: {imperfections}\n"), patients=200, out=tmp_path / "run")
    assert raised.value.fault.span is not None
    assert raised.value.fault.span.line == FRAME.count("\n") + 1
    assert not (tmp_path / "run").exists()
