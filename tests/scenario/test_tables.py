"""CSV tables: what they come to, and one clear error for each way in which they can be wrong."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario import ScenarioError
from sim.scenario.diagnostics import Diagnostic, Findings
from sim.scenario.loader import Scalar
from sim.scenario.model import DAYS_PER_YEAR, Span, Table
from sim.scenario.tables import Key, read_csv, table_of

PLACE = Span("scenario.yaml", 3, 7)
SEX, AGE, YEAR = Key("sex", ("female", "male")), Key("age"), Key("year")


def name_of(path: Path) -> Scalar:
    return Scalar(path.name, path.name, PLACE, path.name, PLACE)


def read(
    folder: Path,
    text: str,
    *keys: Key,
    value: str = "value",
    unit: str = "",
    findings: Findings | None = None,
) -> Table:
    path = folder / "x.csv"
    path.write_text(text)
    return table_of(read_csv(path, name_of(path)), "p.x", keys, value, unit, False, findings or Findings())


def wrong(folder: Path, text: str, *keys: Key, value: str = "value", unit: str = "") -> Diagnostic:
    with pytest.raises(ScenarioError) as raised:
        read(folder, text, *keys, value=value, unit=unit)
    (found,) = raised.value.diagnostics
    return found


def test_axes_follow_the_order_of_the_keys_whatever_that_of_columns_and_rows(tmp_path: Path) -> None:
    text = "# about\n# more\nvalue,age,sex\n4,40+,male\n1,0-39,female\n3,40+,female\n2,0-39,male\n"
    by_age = read(tmp_path, text, AGE, SEX)
    assert [a.name for a in by_age.axes] == ["age", "sex"]
    assert by_age.axes[0].breaks == (0.0, 40.0, math.inf)
    assert by_age.values == (1.0, 2.0, 3.0, 4.0)
    assert read(tmp_path, text, SEX, AGE).values == (1.0, 3.0, 2.0, 4.0)
    assert by_age.span.file == str(tmp_path / "x.csv")


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_ranges_of_whole_years_cover_up_to_the_next(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    edges = sorted(data.draw(st.sets(st.integers(0, 120), min_size=2, max_size=8)))
    rows = [f"{a if b == a + 1 else f'{a}-{b - 1}'},{i}" for i, (a, b) in enumerate(pairwise(edges))]
    shuffled = data.draw(st.permutations(rows))
    table = read(tmp_path_factory.getbasetemp(), "\n".join(["age,value", *shuffled]), AGE)
    assert table.axes[0].breaks == tuple(float(e) for e in edges)
    assert table.values == tuple(float(i) for i in range(len(rows)))


def test_rates_are_in_their_unit(tmp_path: Path) -> None:
    text = "age,value\n0,1\n1,2\n"
    assert read(tmp_path, text, AGE, unit="per 1000 person-years").values == pytest.approx(
        (1 / DAYS_PER_YEAR / 1000, 2 / DAYS_PER_YEAR / 1000), rel=1e-15
    )
    assert read(tmp_path, text, AGE, unit="mmol/L").values == (1.0, 2.0)


def test_life_table_probabilities_become_hazards_to_the_last_bit(tmp_path: Path) -> None:
    probabilities = [f"0.{i:05d}" for i in range(1, 99_999, 997)]
    rows = [f"{age},{q}" for age, q in enumerate(probabilities)]
    table = read(tmp_path, "\n".join(["age,q", *rows]), AGE, value="q")
    getcontext().prec = 60
    expected = [float(-(1 - Decimal(q)).ln() / Decimal("365.25")) for q in probabilities]
    assert list(table.values) == expected
    assert table.axes[0].breaks[-1] == math.inf


def test_only_the_last_age_may_be_certain_death(tmp_path: Path) -> None:
    table = read(tmp_path, "age,sex,q\n0,female,0.5\n0,male,0.2\n1,female,1\n1,male,1\n", SEX, AGE, value="q")
    assert table.values[1] == table.values[0] == pytest.approx(math.log(2) / DAYS_PER_YEAR)
    assert table.values[3] == table.values[2]
    found = wrong(tmp_path, "age,q\n0,1\n1,0.5\n", AGE, value="q")
    assert (found.rule, found.span.line) == ("table-value", 2)


@pytest.mark.parametrize(
    ("text", "rule", "line", "part"),
    [
        ("age,value\n0-9,1\n20+,2\n", "table-gap", 3, "age 0-9 and 20+"),
        ("age,value\n0-9,1\n9+,2\n", "table-overlap", 3, "age 0-9 and 9+ overlap"),
        ("age,value\n0-9,1\n10+,2\n0-9,3\n", "table-duplicate", 4, "the first is on line 2"),
        ("age,value\n0-9,1\nten,2\n", "table-range", 3, "`ten` is no age"),
        ("age,value\n0-9,1\n19-10,2\n", "table-range", 3, "ends before it begins"),
        ("age,value\n0-9,1\n-5,2\n", "table-range", 3, "`-5` is no age"),
        ("age,value\n0-9,1\n10+,\n", "table-value", 3, "a number is missing"),
        ("age,value\n0-9,1\n10+,many\n", "table-value", 3, "`many` is not a number"),
        ("age,value\n0-9,1\n10+,nan\n", "table-value", 3, "`nan` is not a number"),
        ("age,value\n0-9,1\n10+,1e999\n", "table-value", 3, "`1e999`"),
        ("age,valeu\n0-9,1\n", "table-columns", 1, "no column `value`"),
        ("ages,value\n0-9,1\n", "table-columns", 1, "no column `age`"),
        ("# x\nage,age,value\n0,1,2\n", "table-shape", 2, "two columns are called `age`"),
        ("age,value\n0-9,1\n10+\n", "table-shape", 3, "1 cells; the header has 2"),
        ("age,value\n0-9,1,5\n", "table-shape", 2, "3 cells"),
        ('age,value\n"0-9,1\n', "table-shape", 2, "not CSV"),
        ("age,value\n", "empty-table", 1, "no rows"),
        ("# only a comment\n", "empty-table", 1, "nothing but comments"),
        ("", "empty-file", 7, "empty"),
        ("\x00\x01", "not-text", 1, "control character"),
    ],
)
def test_one_clear_error_for_each_fault(tmp_path: Path, text: str, rule: str, line: int, part: str) -> None:
    found = wrong(tmp_path, text, AGE)
    assert found.rule == rule
    assert part in found.message
    assert found.span.line == (line if rule != "empty-file" else 1)
    assert found.span.file == str(tmp_path / "x.csv")


def test_faults_of_categories(tmp_path: Path) -> None:
    found = wrong(tmp_path, "sex,age,value\nfemale,0+,1\nmal,0+,2\n", SEX, AGE)
    assert (found.rule, found.span.line, found.fix) == ("table-key", 3, "did you mean `male`?")
    found = wrong(tmp_path, "sex,age,value\nfemale,0-9,1\nfemale,10+,1\nmale,0-9,2\n", SEX, AGE)
    assert (found.rule, found.message) == ("table-missing", "there is no row for sex male, age 10+")
    found = wrong(tmp_path, "age,value\n0,-1\n", AGE, unit="per year")
    assert (found.rule, found.span.line) == ("table-value", 2)
    assert read(tmp_path, "age,value\n0,-1\n", AGE).values == (-1.0,)


def test_a_missing_file_is_shown_where_it_is_named(tmp_path: Path) -> None:
    for path, rule in ((tmp_path / "no.csv", "missing-file"), (tmp_path, "not-a-file")):
        with pytest.raises(ScenarioError) as raised:
            read_csv(path, name_of(path))
        (found,) = raised.value.diagnostics
        assert (found.rule, found.span) == (rule, PLACE)


def test_a_column_that_nothing_reads_is_warned_of(tmp_path: Path) -> None:
    findings = Findings()
    read(tmp_path, "age,note,n,value\n0,x,500,1\n", AGE, findings=findings)
    assert [(d.rule, d.severity) for d in findings.diagnostics] == [("unused-column", "warning")]
    assert "`note`" in findings.diagnostics[0].message


# ---- disclosure: a scenario reads published aggregates, never people


@pytest.mark.parametrize(
    "column", ["patient_id", "id", "ID", "nhs_number", "Name", "dob", "postcode", "person"]
)
def test_a_column_that_identifies_is_refused(tmp_path: Path, column: str) -> None:
    found = wrong(tmp_path, f"# source: public: anyone\n{column},age,value\na,0,1\n", AGE)
    assert found.rule == "disclosure"
    assert column in found.message


def test_rows_of_people_are_refused(tmp_path: Path) -> None:
    rows = [f"{40 + i % 3},{100 + i}" for i in range(40)]
    found = wrong(tmp_path, "\n".join(["age,value", *rows]), AGE)
    assert found.rule == "disclosure"
    assert "40 rows for 3 combinations" in found.message


@pytest.mark.parametrize(
    ("cell", "refused"), [("1", True), ("9", True), ("10", False), ("0", False), ("9.5", True)]
)
def test_small_cells_are_refused_unless_published(tmp_path: Path, cell: str, refused: bool) -> None:
    text = f"age,n,value\n0,400,1\n1,{cell},1\n"
    if refused:
        found = wrong(tmp_path, text, AGE)
        assert (found.rule, found.span.line) == ("disclosure", 3)
        assert "# source: public:" in found.fix
    else:
        read(tmp_path, text, AGE)
    read(tmp_path, f"# source: public: a yearbook\n{text}", AGE)
