"""Tables against the log they are made of, row by row, and as other readers see the files."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.log import NULL, Log, People
from sim.records import digest
from sim.records.names import names
from sim.records.schema import PATIENTS, logged
from sim.records.tables import codes, tables
from sim.records.writer import Part
from sim.scenario.model import Scenario

Simulate = Callable[[object, range, int], tuple[People, Log]]
Row = dict[str, Any]

CONDITIONS = ["diabetes", "asthma", "lungs.other"]
CODES = {
    "condition": [("snomed", "44054006"), ("snomed", "195967001"), (None, None)],
    "observation": [("loinc", "4548-4"), (None, None), ("loinc", "20150-9"), ("loinc", "29463-7")],
    "drug": [("rxnorm", "6809"), ("rxnorm", "435")],
    "procedure": [("snomed", "127783003")],
}
NAMES = {
    "condition": CONDITIONS,
    "observation": ["hba1c", "sugar.weight", "fev1", "lungs.weight"],
    "drug": ["metformin", "inhaler"],
    "procedure": ["spirometry"],
}
UNITS = ["%", "kg", "L", "kg"]
STATES = ["none", "type_2", "none", "ill"]
AXES = ["sugar.course", "sugar.course", "lungs.course", "lungs.course"]
EVENTS = ["sugar.fall", "hypo", "lungs.fall"]
VARIABLES = ["smoker", "ethnicity", "severity", "grade"]
PLACES = [
    {"provider": "clinic", "class": "ambulatory"},
    {"provider": "hospital", "class": "inpatient"},
]
PLAIN = ["int64", "int32", "string", "double", "bool", "date32[day]", "timestamp[us]"]
OUTCOMES = ["attended", "missed", "gave up", "cancelled", "died"]
LEVELS = {1: ["a", "b", "é ü"], 3: ["mild", "bad"]}


def moment(seconds: int) -> datetime.datetime | None:
    return (
        None if seconds == NULL else datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=int(seconds))
    )


DOSES = ["500 mg", "1000 mg", "1 puff"]


def written(table: pa.Table) -> pa.Buffer:
    part = Part()
    part.add(table)
    return part.finish()


def expected(scenario: Scenario, log: Log) -> dict[str, list[Row]]:
    """The rows of the logged tables, from the meaning of the log's fields."""
    found: dict[str, list[Row]] = {table.name: [] for table in logged(scenario).values()}
    for kind, patient, seq, start, end, code, aux, encounter, value in zip(
        *(a.tolist() for a in log), strict=True
    ):
        key: Row = {"patient_id": patient, "seq": seq}
        within = key | {"encounter_id": None if encounter == NULL else encounter}
        since = {"start": moment(start), "end": moment(end)}

        def coded(name: str, code: int = code) -> Row:
            system, symbol = CODES[name][code]
            return {name: NAMES[name][code], "system": system, "code": symbol}

        match kind:
            case 0:
                asked = {"requested": moment(int(value))}
                reason = {"reason": CONDITIONS[aux] if aux >= 0 else None, "discharge": None}
                found["encounters"].append(within | PLACES[code] | asked | since | reason)
            case 1:
                found["conditions"].append(within | coded("condition") | since)
            case 2:
                result = {"time": moment(start), "value": value, "unit": UNITS[code]}
                result |= {"value_text": None, "panel": None}
                found["observations"].append(within | coded("observation") | result)
            case 3:
                dose = {"dose": DOSES[aux] if aux >= 0 else None}
                found["medications"].append(within | coded("drug") | since | dose)
            case 4:
                found["procedures"].append(within | coded("procedure") | {"time": moment(start)})
            case 5:
                cause = CONDITIONS[code] if code >= 0 else "other"
                found["deaths"].append(key | {"time": moment(start), "cause": cause})
            case 6:
                moved = code if code >= 0 else aux
                found["truth/states"].append(
                    key
                    | {
                        "time": moment(start),
                        "axis": AXES[moved] if moved >= 0 else None,
                        "from": STATES[aux] if aux >= 0 else None,
                        "to": STATES[code] if code >= 0 else "dead",
                        "cause": CONDITIONS[int(value)] if value >= 0 else None,
                    }
                )
            case 7:
                level = LEVELS[code][int(value)] if code in LEVELS else None
                number = None if code in LEVELS else value
                found["truth/variables"].append(
                    key
                    | {"time": moment(start), "variable": VARIABLES[code], "value": number, "category": level}
                )
            case 8:
                asked = {"requested": moment(start), "ended": moment(end)}
                came = {"outcome": OUTCOMES[aux] if aux >= 0 else None, "priority": value}
                found["appointments"].append(within | PLACES[code] | asked | came)
            case 9:
                found["truth/events"].append(key | {"time": moment(start), "event": EVENTS[code]})
    return found


@pytest.fixture(scope="module")
def lives(simulate: Simulate) -> tuple[People, Log]:
    return simulate(None, range(200), 1)


@pytest.fixture(scope="module")
def made(scenario: Scenario, lives: tuple[People, Log]) -> dict[str, pa.Table]:
    return {name: table for name, table, _ in tables(names(scenario), *lives)}


def test_every_kind_of_row_comes_back_from_parquet(
    scenario: Scenario, lives: tuple[People, Log], made: dict[str, pa.Table]
) -> None:
    for name, rows in expected(scenario, lives[1]).items():
        assert len(rows) > 100, "the random lives have something of everything"
        assert parquet.read_table(written(made[name])).to_pylist() == rows


def test_pandas_reads_the_files(
    scenario: Scenario, lives: tuple[People, Log], made: dict[str, pa.Table]
) -> None:
    for name, rows in expected(scenario, lives[1]).items():
        frame = pd.read_parquet(io.BytesIO(written(made[name]).to_pybytes()))
        assert len(frame) == len(rows)
        assert list(frame.columns) == list(rows[0])
        assert frame["patient_id"].tolist() == [row["patient_id"] for row in rows]


def test_people_are_as_the_engine_says(lives: tuple[People, Log], made: dict[str, pa.Table]) -> None:
    rows = parquet.read_table(written(made["patients"])).to_pylist()
    people = lives[0]
    assert rows == [
        {
            "patient_id": patient,
            "sex": ["female", "male"][sex],
            "birth_date": datetime.date.fromordinal(719163 + int(np.floor(birth))),
            "entered": moment(entered),
            "left": moment(left),
            "died": died,
        }
        for patient, sex, birth, entered, left, died, *_ in zip(*(a.tolist() for a in people), strict=True)
    ]
    assert min(people.birth) < 0, "births before 1970 are among them"


def test_files_have_plain_types_and_the_encodings_meant(made: dict[str, pa.Table]) -> None:
    for table in made.values():
        file = parquet.ParquetFile(written(table))
        assert b"ARROW:schema" not in (file.metadata.metadata or {})
        for i in range(len(file.schema)):
            column, chunk = file.schema.column(i), file.metadata.row_group(0).column(i)
            assert chunk.compression == "ZSTD"
            assert str(file.schema_arrow.field(i).type) in PLAIN
            if column.name in ("patient_id", "seq"):
                assert "DELTA_BINARY_PACKED" in chunk.encodings
            assert chunk.has_dictionary_page == (column.physical_type in ("BYTE_ARRAY", "DOUBLE")), (
                column.name
            )


def test_no_rows_still_make_tables_with_all_columns(scenario: Scenario, simulate: Simulate) -> None:
    nobody = simulate(None, range(0), 1)
    definitions = (PATIENTS, *logged(scenario).values())
    for (name, table, sums), definition in zip(tables(names(scenario), *nobody), definitions, strict=True):
        read = parquet.read_table(written(table))
        assert name == definition.name
        assert read.schema.equals(definition.schema)
        assert set(sums.values()) == {0}


def test_codes_lists_each_code_of_each_named_thing(scenario: Scenario) -> None:
    rows = parquet.read_table(written(codes(scenario))).to_pylist()
    assert [(row["kind"], row["name"], row["system"], row["code"]) for row in rows] == [
        ("condition", "diabetes", "snomed", "44054006"),
        ("condition", "diabetes", "icd10", "E11"),
        ("condition", "asthma", "snomed", "195967001"),
        ("condition", "lungs.other", None, None),
        ("observation", "hba1c", "loinc", "4548-4"),
        ("observation", "hba1c", "local", "4548-4"),
        ("observation", "sugar.weight", None, None),
        ("observation", "fev1", "loinc", "20150-9"),
        ("observation", "fev1", "local", "20150-9"),
        ("observation", "lungs.weight", "loinc", "29463-7"),
        ("observation", "lungs.weight", "local", "29463-7"),
        ("drug", "metformin", "rxnorm", "6809"),
        ("drug", "inhaler", "rxnorm", "435"),
        ("procedure", "spirometry", "snomed", "127783003"),
    ]
    assert (rows[0]["display"], rows[2]["display"], rows[4]["unit"]) == ("Type 2 diabetes", None, "%")


def word(value: object) -> int:
    match value:
        case None:
            return 1 << 63
        case str():
            return digest.text_word(value)
        case bool() | int():
            return int(value) % 2**64
        case float():
            return int(np.float64(value or 0.0).view(np.uint64))
        case datetime.datetime():
            return (value - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1) % 2**64
        case datetime.date():
            return (value.toordinal() - 719163) % 2**64
    raise TypeError(value)


def test_sums_follow_from_the_rows_as_documented(scenario: Scenario, lives: tuple[People, Log]) -> None:
    for name, table, sums in tables(names(scenario), *lives):
        rows = parquet.read_table(written(table)).to_pylist()
        keys = digest.row_keys(
            np.array([row["patient_id"] for row in rows]),
            np.array([row.get("seq", 0) for row in rows], np.int32),
        )
        columns = [column for column in table.schema.names if column not in ("patient_id", "seq")]
        assert sums == {
            (name, column): digest.column_sum(keys, np.array([word(row[column]) for row in rows], np.uint64))
            for column in columns
        }


@settings(deadline=None)
@given(st.data())
def test_a_change_of_any_cell_changes_the_digest(
    scenario: Scenario, simulate: Simulate, data: st.DataObject
) -> None:
    people, log = simulate(None, range(20), 3)
    row = data.draw(st.integers(0, len(log.kind) - 1))
    kind = int(log.kind[row])
    # what each kind holds besides the start, in the log's fields, and another value that is as legal
    held = {
        0: ["end", "code", "aux", "encounter", "value"],
        1: ["end", "code", "encounter"],
        2: ["code", "encounter", "value"],
    }
    held |= {3: ["end", "code", "encounter"], 4: ["encounter"], 5: ["code"], 6: ["code", "aux"], 7: ["code"]}
    held[8] = ["end", "code", "aux", "encounter", "value"]
    held[9] = ["code"]
    field = data.draw(st.sampled_from(["patient", "seq", "start", *held[kind]]))
    column = getattr(log, field).copy()
    match field:
        case "code" | "aux":
            first = -1 if field == "aux" or kind in (5, 6) else 0
            last = (1, 2, 3, 1, 0, 2, 3, 2, 1, 2)[kind] if field == "code" else 2
            others = [code for code in range(first, last + 1) if code != column[row]]
            if kind == 6 and field == "aux":
                others = [code for code in others if {code, int(column[row])} != {0, 2}]  # of one name
            column[row] = data.draw(st.sampled_from(others))
            if kind == 7:  # of a number: the levels of a category have other bounds
                column[row] = 2 if log.code[row] == 0 else 0
        case "value":
            column[row] += 0.1 if kind == 2 else 1.0
        case _:
            column[row] = 7 if column[row] == NULL else column[row] + 1
    changed = log._replace(**{field: column})
    assert sums_of(scenario, people, changed) != sums_of(scenario, people, log)


@pytest.mark.parametrize("field", ["sex", "birth", "entered", "left", "died"])
def test_a_change_of_a_person_changes_that_column_alone(
    scenario: Scenario, simulate: Simulate, field: str
) -> None:
    people, log = simulate(None, range(20), 3)
    column = getattr(people, field).copy()
    column[4] = 1 - column[4] if field in ("sex", "died") else column[4] + 1
    before, after = sums_of(scenario, people, log), sums_of(scenario, people._replace(**{field: column}), log)
    stored = {"birth": "birth_date"}.get(field, field)
    assert {key for key in before if before[key] != after[key]} == {("patients", stored)}


def sums_of(scenario: Scenario, people: People, log: Log) -> dict[tuple[str, str], int]:
    return digest.add(sums for _, _, sums in tables(names(scenario), people, log))


def test_events_have_a_table_only_where_there_are_some(scenario: Scenario) -> None:
    without = replace(scenario, pathways=tuple(replace(p, events=()) for p in scenario.pathways))
    assert [table.name for table in logged(scenario).values() if "events" in table.name]
    assert not [table.name for table in logged(without).values() if "events" in table.name]
