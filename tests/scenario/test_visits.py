"""Visits that wait for their turn: their options, their steps and the names of their streams."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sim.program import compile as compiled
from sim.scenario import Diagnostic, ScenarioError, check, load
from sim.scenario.expressions import unparse
from sim.scenario.model import DURATION, TRUTH, Expr, Protocol, Scenario, Visit
from sim.scenario.runtimes import only_agents
from sim.scenario.whole import discharges, parts, sites

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    found, findings = check(DATA / "waiting")
    assert findings == ()
    assert found
    return found


def visit(scenario: Scenario, site: str) -> Visit:
    return next(v for v in parts(scenario.pathways, Visit) if v.site == f"hip/{site}")


def text(e: Expr | None) -> str:
    return unparse(e) if e else ""


# ---- what is read


def test_every_option_is_read(scenario: Scenario) -> None:
    theatre = visit(scenario, "replacement/visit/theatre/1")
    assert text(theatre.priority) == "2 if last(hip.score) < 15 {score} else 1"
    assert text(theatre.gives_up) == "age >= 72"
    assert text(theatre.attend) == "0.94"
    assert text(theatre.rebook_after) == "uniform(low=2 weeks, high=3 weeks)"
    assert theatre.rebook_times == 3
    assert text(theatre.lasts) == "lognormal(median=3 days, sigma=0.4)"
    assert theatre.gives_up
    assert theatre.gives_up.type == TRUTH
    assert theatre.lasts
    assert theatre.lasts.type == DURATION
    assert [type(step).__name__ for step in theatre.missed] == ["Visit", "If", "Do"]
    assert [type(step).__name__ for step in theatre.steps] == ["Visit", "Visit"]


def test_what_is_left_out(scenario: Scenario) -> None:
    gp = visit(scenario, "replacement/visit/gp/1")
    assert (gp.rebook_times, gp.priority, gp.gives_up, gp.lasts, gp.missed) == (None, None, None, None, ())
    assert text(gp.rebook_after) == "2 weeks"


def test_a_variable_may_be_set_where_a_visit_is_missed(scenario: Scenario) -> None:
    variables = {v.name: v for v in scenario.variables}
    assert variables["hip.given_up"].draw is None
    assert variables["hip.given_up"].type == TRUTH


def test_a_protocol_that_only_missed_visits_do_is_reached(scenario: Scenario) -> None:
    (advice,) = (p for p in parts(scenario, Protocol) if p.name == "hip.advice")
    assert advice.starts == ()  # and the fixture had no finding `never-started`


def test_steps_are_numbered_in_the_order_of_the_file(scenario: Scenario, tmp_path: Path) -> None:
    missed = visit(scenario, "replacement/visit/telephone/1")
    done = visit(scenario, "replacement/visit/telephone/2")
    assert (missed.span.line, done.span.line) == (25, 31)
    shutil.copytree(DATA / "waiting", tmp_path / "waiting")
    file = tmp_path / "waiting" / "hip.yaml"
    lines = file.read_text().splitlines(keepends=True)
    first = lines.index("        missed:\n")
    last = next(i for i, line in enumerate(lines) if line.startswith("        lasts: lognormal"))
    end = lines.index("  advice:\n")
    file.write_text("".join(lines[:first] + lines[last:end] + lines[first:last] + lines[end:]))
    swapped = visit(load(tmp_path / "waiting"), "replacement/visit/theatre/1")
    assert swapped.steps[0].site == "hip/replacement/visit/telephone/1"
    assert swapped.missed[0].site == "hip/replacement/visit/telephone/2"


def test_circles_lead_through_missed_visits(tmp_path: Path) -> None:
    shutil.copytree(DATA / "waiting", tmp_path / "waiting")
    file = tmp_path / "waiting" / "hip.yaml"
    file.write_text(file.read_text().replace("- do: advice", "- do: replacement"))
    _, findings = check(tmp_path / "waiting")
    assert "do-cycle" in [f.rule for f in findings]


# ---- streams


def test_a_visit_has_streams_of_its_own(scenario: Scenario) -> None:
    names = [name for name, _ in sites(scenario)]
    assert len(names) == len(set(names))
    theatre = "hip/replacement/visit/theatre/1"
    draws = ("hours", "queue", "attend", "rebook", "lasts", "discharge", "chance")
    assert {theatre, *(f"{theatre}/{draw}" for draw in draws)} <= set(names)


@pytest.mark.parametrize("below", ["hours", "queue", "attend", "rebook", "lasts", "discharge", "chance"])
def test_no_step_can_have_the_name_of_such_a_stream(tmp_path: Path, below: str) -> None:
    (error,) = small(tmp_path, "name: x", f"\n      - wait: 1 day\n        name: x/{below}")
    assert (error.rule, error.span.line, error.span.column) == ("same-stream", 52, 9)
    assert f"`x/{below}`" in error.message


# ---- referrals and discharges


def test_a_stay_ends_somewhere(tmp_path: Path) -> None:
    found = discharged(tmp_path, "{home: rest, ward: 0.1 if male else 0.2}")
    assert found.discharge
    assert found.discharge.type.levels == ("ward", "home")
    assert unparse(found.discharge.args[0]) == "0.1 if sex == male else 0.2"


def test_a_discharge_of_one_place(tmp_path: Path) -> None:
    found = discharged(tmp_path, "{home: 1}")
    assert found.discharge
    assert found.discharge.type.levels == ("home",)


def discharged(tmp_path: Path, places: str) -> Visit:
    assert small(tmp_path, f"discharge: {places}") == []
    scenario = load(tmp_path / "small")
    assert discharges(scenario) == tuple(
        to for v in parts(scenario.pathways, Visit) if v.discharge for to in v.discharge.type.levels
    )
    return next(v for v in parts(scenario.pathways, Visit) if v.discharge)


# ---- what goes wrong


def small(tmp_path: Path, option: str, after: str = "", capacity: str = "") -> list[Diagnostic]:
    """The errors in data/small with `option` in its visit, at line 48, column 9, and `after` behind it."""
    folder = tmp_path / "small"
    shutil.copytree(DATA / "small", folder)
    file = folder / "scenario.yaml"
    file.write_text(file.read_text().replace("class: ambulatory}", f"class: ambulatory{capacity}}}"))
    file = folder / "lung.yaml"
    lung = file.read_text().replace("        reason: cough", f"        {option}")
    start, end = lung.index("          - choose:"), lung.index("      - wait: uniform")
    file.write_text(lung[:start].rstrip() + after + "\n" + lung[end:])
    return [d for d in check(folder)[1] if d.severity == "error"]


@pytest.mark.parametrize(
    ("option", "column", "rule", "message", "fix"),
    [
        ("attend: 94 %", 17, "wrong-unit", "not one in %", "70 % is 0.7"),
        ("attend: 94", 17, "not-a-probability", "between 0 and 1", ""),
        ("attend: bernoulli(0.9)", 17, "draw-not-allowed", "cannot draw", ""),
        ("rebook: 2 weeks", 17, "wrong-shape", "this is `2 weeks`", "{after: 2 weeks, times: 3}"),
        ("rebook: {after: 2 weeks}", 9, "misplaced-key", "without `attend:` everybody comes", "attend: 0.94"),
        ("missed: {perform: talk}", 9, "misplaced-key", "this one always does", "`attend:`"),
        ("priority: 2", 9, "misplaced-key", "`clinic`, which has no `capacity:`", "give `clinic` a capacity"),
        ("gives_up: age > 92", 9, "misplaced-key", "`clinic`, which has no `capacity:`", "leave this out"),
        ("lasts: 3", 16, "missing-unit", "a duration belongs here", "3 days"),
        ("referral: x", 19, "not-a-truth-value", "true or false", ""),
        ("discharge: home", 20, "wrong-shape", "", ""),
        ("discharge: {home: 0.8, ward: 0.1}", 9, "shares-sum", "of this discharge add up to 0.9", "`rest`"),
        ("discharge: {home: rest, ward: rest}", 39, "two-rests", "more than one `rest`", ""),
        ("discharge: {home: 80 %, ward: rest}", 27, "wrong-unit", "not one in %", "70 % is 0.7"),
        ("discharge: {home: 1, home: 0}", 30, "duplicate-key", "", ""),
        ("discharge: {Home-1: rest}", 21, "bad-name", "", ""),
        ("attends: 0.9", 9, "unknown-key", "`attends`", "`attend`"),
    ],
)
def test_mistaken_options(
    tmp_path: Path, option: str, column: int, rule: str, message: str, fix: str
) -> None:
    (error,) = small(tmp_path, option)
    assert (error.rule, error.span.line, error.span.column) == (rule, 48, column)
    assert message in error.message
    assert fix in error.fix


@pytest.mark.parametrize(
    ("rebook", "column", "rule", "message"),
    [
        ("{after: 2}", 25, "missing-unit", "a duration belongs here"),
        ("{times: 3}", 9, "missing-key", "`after:`"),
        ("{after: 2 weeks, times: 0}", 34, "not-positive", "1 or more"),
        ("{after: 2 weeks, times: many}", 41, "not-a-whole-number", "`many`"),
        ("{after: 2 weeks, tmes: 3}", 34, "unknown-key", "`tmes`"),
    ],
)
def test_mistaken_rebooking(tmp_path: Path, rebook: str, column: int, rule: str, message: str) -> None:
    (error,) = small(tmp_path, f"attend: 0.9\n        rebook: {rebook}")
    assert (error.rule, error.span.line, error.span.column) == (rule, 49, column)
    assert message in error.message


@pytest.mark.parametrize(
    ("option", "rule", "message"),
    [
        ("priority: 2 days", "wrong-type", "a plain number belongs here"),
        ("priority: normal(1, 2)", "draw-not-allowed", "cannot draw"),
        ("priority: peak_flow", "bare-biomarker", "the truth or a result"),
        ("gives_up: 26 weeks", "wrong-type", "a truth value belongs here"),
        ("gives_up: usual(peak_flow) > 3", "not-exact", "cannot watch `usual`"),
    ],
)
def test_mistakes_where_there_is_a_queue(tmp_path: Path, option: str, rule: str, message: str) -> None:
    (error,) = small(tmp_path, option, capacity=", capacity: 2")
    assert (error.rule, error.span.line, error.span.column) == (rule, 48, 19)
    assert message in error.message


@pytest.mark.parametrize("capacity", ["capacity: 0", "capacity: [2]", "capacty: 2"])
def test_a_capacity_that_is_wrong_itself_is_told_once(tmp_path: Path, capacity: str) -> None:
    errors = small(tmp_path, "priority: 2", capacity=f", {capacity}")
    assert [Path(e.span.file).name for e in errors] == ["scenario.yaml"]


@pytest.mark.parametrize(
    "option",
    [
        "attend: 0.9\n        missed: {perform: talk}",
        "attend: 0.9\n        rebook: {after: 0 days}",
        "gives_up: age > 92\n        missed: []",
        "priority: male",
        "lasts: uniform(1 hour, 2 hours)",
    ],
)
def test_what_goes_together(tmp_path: Path, option: str) -> None:
    assert small(tmp_path, option, capacity=", capacity: 2") == []


# ---- which runtime


def test_every_reason_for_the_agents_from_top_to_bottom(scenario: Scenario) -> None:
    told = [(Path(r.span.file).name, r.span.line, r.span.column, r.message) for r in only_agents(scenario)]
    assert told == sorted(told, key=lambda r: r[1:3])
    assert ("scenario.yaml", 15, 15, "`theatre` has a capacity that patients share") in told
    assert [message for *_, message in told] == [
        "`clinic` has a capacity that patients share",
        "`theatre` has a capacity that patients share",
        "`ward` has a capacity that patients share",
        "`wards.rules:Nurse` is a behaviour in Python",
        "`my_module:MyBehaviour` is a behaviour in Python",
    ]


def test_the_kernel_tells_them_all(scenario: Scenario) -> None:
    with pytest.raises(ScenarioError) as raised:
        compiled(scenario)
    told = raised.value.diagnostics
    assert {d.rule for d in told} == {"agents-only"}
    assert [d.span for d in told] == [r.span for r in only_agents(scenario)]
    assert all("agents" in d.fix for d in told)


@pytest.mark.parametrize("name", ["small", "complete"])
def test_other_scenarios_run_on_both(name: str) -> None:
    assert only_agents(load(DATA / name)) == ()
