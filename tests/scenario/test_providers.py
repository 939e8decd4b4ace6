"""Providers: when they are open, how many they see, and behaviours, which are known by name alone."""

from __future__ import annotations

import shutil
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scenario import Diagnostic, ScenarioError, check, load
from sim.scenario.constants import value
from sim.scenario.diagnostics import Findings
from sim.scenario.hours import sessions, spelled
from sim.scenario.loader import Scalar
from sim.scenario.model import NUMBER, RATE, Behaviour, Expr, Provider, Scenario, Span

DATA = Path(__file__).parent / "data"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def provider(scenario: Scenario, name: str) -> Provider:
    return next(p for p in scenario.providers if p.name == name)


def text(written: str) -> Scalar:
    span = Span("scenario.yaml", 1, 1, len(written))
    return Scalar(written, written, span, written, span)


def hours(*texts: str) -> tuple[tuple[float, float], ...]:
    findings = Findings()
    found = sessions([text(t) for t in texts], findings)
    assert findings.diagnostics == []
    return found


# ---- hours


def test_hours_are_days_since_monday() -> None:
    minutes = [(1440 * d + 480, 1440 * d + 1020) for d in range(5)]
    assert hours("weekdays 08:00-17:00") == tuple((a / 1440, b / 1440) for a, b in minutes)
    assert hours("weekends 00:00-12:00") == ((5.0, 5.5), (6.0, 6.5))
    assert hours("sunday 18:45-24:00") == ((6 + 18.75 / 24, 7.0),)
    assert hours("tuesday 18:00-21:00", "monday 06:00-12:00", "tuesday 06:00-12:00") == (
        (0.25, 0.5),
        (1.25, 1.5),
        (1.75, 1.875),
    )


def test_always_is_no_hours_at_all() -> None:
    assert hours() == hours("always") == hours("daily 00:00-24:00") == ()
    assert hours("weekends 00:00-24:00", "weekdays 12:00-24:00", "weekdays 00:00-12:00") == ()


def test_sessions_that_touch_are_one() -> None:
    assert hours("monday 12:00-18:00", "monday 06:00-12:00") == ((0.25, 0.75),)
    night = hours("friday 22:00-24:00", "saturday 00:00-06:00")
    assert night == ((4 + 22 / 24, 5.25),)
    assert spelled(night) == ["friday 22:00-24:00", "saturday 00:00-06:00"]


@given(st.lists(st.booleans(), min_size=7 * 96, max_size=7 * 96))
def test_hours_are_open_just_when_they_say_so(quarters: list[bool]) -> None:
    """Any week of open and closed quarters of an hour, told quarter by quarter, in any order."""
    texts = []
    for i, is_open in enumerate(quarters):
        day, (start, end) = DAYS[i // 96], (15 * (i % 96), 15 * (i % 96) + 15)
        if is_open:
            texts.append(f"{day} {start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}")
    found = hours(*texts[::2], *texts[1::2]) or ((0.0, 7.0),) * any(quarters)
    middles = [(i + 0.5) / 96 for i in range(7 * 96)]
    assert [any(a <= m < b for a, b in found) for m in middles] == quarters
    assert all(a < b for a, b in found)
    assert all(b < c for (_, b), (c, _) in pairwise(found))


@st.composite
def weeks(draw: st.DrawFn) -> tuple[tuple[float, float], ...]:
    """Sessions of a week in whole minutes, in order and apart."""
    edges = sorted(draw(st.sets(st.integers(0, 7 * 1440), min_size=2, max_size=20)))
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    return () if pairs == [(0, 7 * 1440)] else tuple((a / 1440, b / 1440) for a, b in pairs)


@given(weeks())
def test_spelled_hours_read_back(week: tuple[tuple[float, float], ...]) -> None:
    assert hours(*spelled(week)) == week


@given(st.sampled_from(DAYS), st.integers(0, 1440), st.integers(0, 1440), st.integers(0, 1440))
def test_hours_that_share_a_moment_overlap(day: str, a: int, b: int, c: int) -> None:
    first, second, third = sorted((a, b, c))
    findings = Findings()
    pair = [(first, third), (second, third)]
    texts = [text(f"{day} {s // 60:02}:{s % 60:02}-{e // 60:02}:{e % 60:02}") for s, e in pair]
    sessions(texts, findings)
    expected = ["overlapping-hours"] if second < third else ["not-a-range"]
    assert [d.rule for d in findings.diagnostics][:1] == expected


# ---- what goes wrong


def small(
    folder: Path, keys: str, sections: str = "", parameters: dict[str, str] | None = None
) -> list[Diagnostic]:
    """The errors in data/small when `keys` are given to its provider, which stand at line 13, column 31."""
    shutil.copytree(DATA / "small", folder)
    file = folder / "scenario.yaml"
    file.write_text(file.read_text().replace("class: ambulatory}", f"class: ambulatory, {keys}}}") + sections)
    return [d for d in check(folder, parameters)[1] if d.severity == "error"]


@pytest.mark.parametrize(
    ("written", "rule", "message", "fix"),
    [
        ("8-17", "not-hours", "this is `8-17`", "weekdays 08:00-17:00"),
        ("weekday 08:00-17:00", "unknown-word", "`weekday` is no day", "weekdays 08:00-17:00"),
        ("Weekdays 08:00-17:00", "unknown-word", "`Weekdays`", "weekdays 08:00-17:00"),
        ("saturdays 9:00-13:00", "not-hours", "two times of day", "saturday 09:00-13:00"),
        ("mon 08:30 to 12", "not-hours", "two times of day", "monday 08:30-12:00"),
        ("mon-fri 08:00-17:00", "not-hours", "two times of day", "weekdays 08:00-17:00"),
        ("weekdays 08:00-17:00 and sat 09:00-12:00", "not-hours", "two times of day",
         "[weekdays 08:00-17:00, saturday 09:00-12:00]"),
        ("weekdays 8am-5pm", "not-hours", "two times of day", "weekdays 08:00-17:00"),
        ("mornings", "not-hours", "`mornings`", "weekdays 08:00-17:00"),
        ("daily 22:00-06:00", "not-a-range", "end after they begin", "22:00-24:00 and daily 00:00-06:00"),
        ("daily 18:00-00:00", "not-a-range", "end after they begin", "24:00"),
        ("daily 18:00-18:00", "not-a-range", "end after they begin", "weekdays 08:00-17:00"),
        ("daily 08:00-24:30", "not-hours", "from 00:00 to 24:00", ""),
        ("daily 08:60-09:00", "not-hours", "from 00:00 to 24:00", ""),
    ],
)  # fmt: skip
def test_mistaken_hours(tmp_path: Path, written: str, rule: str, message: str, fix: str) -> None:
    (error,) = small(tmp_path / "small", f"hours: {written}")
    assert (error.rule, error.span.line, error.span.column) == (rule, 13, 38)
    assert message in error.message
    assert fix in error.fix


@pytest.mark.parametrize(
    ("written", "column", "rule", "message"),
    [
        ("[weekdays 08:00-12:00, tuesday 11:59-14:00]", 61, "overlapping-hours", "`weekdays 08:00-12:00`"),
        ("[always, monday 08:00-09:00]", 47, "overlapping-hours", "`always`"),
        ("[]", 31, "wrong-shape", "never open"),
        ("{weekdays: 08:00-17:00}", 31, "wrong-shape", "hours belong here, and this is a map"),
        ("", 31, "wrong-shape", "hours belong here, and this is nothing"),
    ],
)
def test_mistaken_lists_of_hours(tmp_path: Path, written: str, column: int, rule: str, message: str) -> None:
    (error,) = small(tmp_path / "small", f"hours: {written}")
    assert (error.rule, error.span.line, error.span.column) == (rule, 13, column)
    assert message in error.message
    assert error.fix


@pytest.mark.parametrize(
    ("written", "rule", "message", "fix"),
    [
        ("0", "not-positive", "above zero", "4 per week"),
        ("-1", "not-positive", "above zero", "4 per week"),
        ("0 per week", "not-positive", "above zero", "4 per week"),
        ("2.5", "not-a-whole-number", "this is 2.5", "4 per week"),
        ("15 minutes", "wrong-type", "a number of appointments per time", "4 per week"),
        ("2 %", "wrong-type", "a whole number of patients", "4 per week"),
        ("true", "wrong-type", "a whole number of patients", "4 per week"),
        ("age", "not-constant", "`age` is none", "4 per week"),
        ("smoker", "not-constant", "`population.smoker` is none", "4 per week"),
        ("uptake", "not-constant", "`lung.uptake` is none", "4 per week"),
        ("onset", "not-constant", "`lung.onset` is none", "4 per week"),
        ("last(peak_flow)", "not-constant", "`last` is none", "4 per week"),
        ("2 + count(talk)", "not-constant", "`count` is none", "4 per week"),
        ("poisson(3)", "not-constant", "`poisson` is none", "4 per week"),
    ],
)
def test_mistaken_capacities(tmp_path: Path, written: str, rule: str, message: str, fix: str) -> None:
    (error,) = small(tmp_path / "small", f"capacity: {written}")
    assert (error.rule, error.span.line, error.span.column) == (rule, 13, 41)
    assert message in error.message
    assert fix in error.fix


@pytest.mark.parametrize(
    ("written", "rule", "fix"),
    [
        ("4 per wek", "unknown-unit", "did you mean `per week`?"),
        ("4/week", "unknown-name", "4 per week"),
    ],
)
def test_mistaken_units(tmp_path: Path, written: str, rule: str, fix: str) -> None:
    (error,) = small(tmp_path / "small", f"capacity: {written}")
    assert (error.rule, error.span.column) == (rule, 43)
    assert fix in error.fix


def test_hours_hold_for_what_else_is_wrong(tmp_path: Path) -> None:
    errors = small(tmp_path / "small", "hours: 8-17, capacity: 0, lasts: 15, queue: fifo")
    assert [e.rule for e in errors] == ["not-hours", "not-positive", "missing-unit", "unknown-key"]


# ---- capacities


def test_a_capacity_is_kept_as_it_is_written() -> None:
    scenario = load(DATA / "waiting")
    assert provider(scenario, "clinic").capacity == Expr("const", (), 2.0, NUMBER)
    assert provider(scenario, "theatre").capacity == Expr("parameter", (), "scenario.theatre_lists", RATE)
    assert provider(scenario, "gp").capacity is None
    assert [p.name for p in scenario.providers if p.books] == ["clinic", "gp", "theatre", "ward"]


@pytest.mark.parametrize(
    ("parameters", "per_week", "beds"),
    [
        ({}, 4.0, 19.0),
        ({"theatre_lists": "9", "rooms": "3"}, 9.0, 29.0),
        ({"theatre_lists": "1 per day"}, 7.0, 19.0),
    ],
)
def test_its_number_follows_the_parameters(parameters: dict[str, str], per_week: float, beds: float) -> None:
    scenario = load(DATA / "waiting", parameters)
    theatre, ward = (provider(scenario, name).capacity for name in ("theatre", "ward"))
    assert theatre
    assert ward
    assert value(theatre, scenario) == pytest.approx(per_week / 7, rel=1e-15)
    assert value(ward, scenario) == beds


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [({"rooms": "0"}, "not-positive"), ({"rooms": "1.25"}, "not-a-whole-number")],
)
def test_it_is_checked_with_the_values_that_are_set(parameters: dict[str, str], rule: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        load(DATA / "waiting", parameters)
    (error,) = raised.value.diagnostics
    assert (error.rule, error.span.line, error.span.column) == (rule, 17, 38)


def test_a_parameter_that_is_wrong_itself_is_told_once(tmp_path: Path) -> None:
    beds = "parameters: {beds: {value: 4 per wek, source: book}}\n"
    assert [e.rule for e in small(tmp_path / "a", "capacity: beds", beds)] == ["unknown-unit"]
    beds = beds.replace("wek", "week")
    (error,) = small(tmp_path / "b", "capacity: beds", beds, {"beds": "9 per wek"})
    assert (error.rule, error.span.file) == ("unknown-unit", "--set beds")


def test_only_what_reads_parameters_alone_has_a_number() -> None:
    scenario = load(DATA / "waiting")
    with pytest.raises(ValueError, match="`age` has no number of its own"):
        value(Expr("age", (), None, NUMBER), scenario)


# ---- behaviours


def test_behaviours_are_never_imported() -> None:
    scenario = load(DATA / "waiting")
    assert [(b.module, b.name) for b in scenario.behaviours] == [
        ("wards.rules", "Nurse"),
        ("my_module", "MyBehaviour"),
    ]
    assert isinstance(scenario.behaviours[0], Behaviour)
    assert scenario.behaviours[1].span.column == 33
    assert not {"wards", "my_module"} & sys.modules.keys()


@pytest.mark.parametrize(
    ("written", "column", "rule"),
    [
        ("my_module", 13, "wrong-shape"),
        ("my_module.MyBehaviour", 13, "wrong-shape"),
        ("rules/nurse.py:Nurse", 13, "wrong-shape"),
        ("a:B:C", 13, "wrong-shape"),
        ("a..b:C", 13, "wrong-shape"),
        ("a:class", 13, "wrong-shape"),
        ("'a:B '", 13, "wrong-shape"),
        ("{a: B}", 1, "wrong-shape"),
        ("[a:B, c:D, a:B]", 24, "same-name"),
    ],
)
def test_mistaken_behaviours(tmp_path: Path, written: str, column: int, rule: str) -> None:
    (error,) = small(tmp_path / "small", "hours: always", f"behaviours: {written}\n")
    assert (error.rule, error.span.line, error.span.column) == (rule, 14, column)
    assert error.fix in ("my_module:MyBehaviour", "leave out one")
