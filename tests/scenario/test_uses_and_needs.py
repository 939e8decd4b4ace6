"""Pathways that use others and say what they need of them, in a scenario and alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import Diagnostic, ScenarioError, check, check_pathway, load, resolved_form

FRAME = """
scenario: of parts
window: {from: 2000-01-01, to: 2010-01-01}
population:
  size: 1
  born: {from: 1950-01-01, to: 1951-01-01}
  sex: {female: 0.5, male: 0.5}
  variables: {bmi: "normal(27, 4)", smoker: bernoulli(0.2)}
pathways: [heart.yaml, lungs.yaml]
providers: {clinic: {class: ambulatory}}
"""
VITALS = """
pathway: vitals
needs: {bmi: number}
biomarkers: {sbp: {unit: mmHg, value: 100 + bmi}}
care:
  measure: {needs: {then: procedure}, steps: [{test: sbp}, {perform: then}]}
"""
HEART = """
pathway: heart
uses: [shared/vitals.yaml]
needs: {smoker: truth}
disease: {axis: {well: {-> mi: {rate: 0.01 per year * (2 if smoker else 1)}}, mi: {}}}
procedures: {talk: {}}
care:
  one:
    starts: {when: age >= 40}
    steps: {visit: clinic, steps: {do: measure, with: {then: talk}}}
"""
LUNGS = """
pathway: lungs
uses: shared/vitals.yaml
needs: {mi: state, sbp: mmHg, smoker: truth, talk: procedure}
modifies: {rate: mi, times: 1.02 ** (usual(sbp) - 120)}
care:
  two:
    starts: {upon: mi}
    steps: {visit: clinic, priority: 1 if smoker else 0, steps: {do: measure, with: {then: talk}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shared").mkdir()
    for name, text in {
        "scenario.yaml": FRAME.replace("class: ambulatory", "class: ambulatory, capacity: 3"),
        "shared/vitals.yaml": VITALS,
        "heart.yaml": HEART,
        "lungs.yaml": LUNGS,
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def errors(folder: Path) -> list[Diagnostic]:
    with pytest.raises(ScenarioError) as raised:
        load(folder)
    return [d for d in raised.value.diagnostics if d.severity == "error"]


# ---- in a scenario


def test_what_is_used_is_there_once_and_before_who_uses_it(folder: Path) -> None:
    scenario, findings = check(folder)
    assert findings == ()
    assert scenario
    assert [p.name for p in scenario.pathways] == ["vitals", "heart", "lungs"]
    assert [p.name for p in scenario.pathways[0].protocols] == ["vitals.measure_with_heart_talk"]
    assert [file for file, _ in scenario.files][:3] == ["scenario.yaml", "heart.yaml", "shared/vitals.yaml"]


def test_the_resolved_form_names_what_is_used_as_any_pathway(folder: Path) -> None:
    assert "- pathways/vitals.yaml\n- pathways/heart.yaml" in resolved_form(folder)["scenario.yaml"]


def test_it_does_not_matter_that_it_is_named_as_a_pathway_too(folder: Path) -> None:
    before = load(folder)
    change(folder / "scenario.yaml", "[heart.yaml,", "[heart.yaml, shared/vitals.yaml,")
    assert load(folder).pathways == before.pathways


def test_a_mistake_in_what_is_used_is_shown_there_once(folder: Path) -> None:
    change(folder / "shared/vitals.yaml", "perform: then", "perform: them")
    (error,) = errors(folder)
    assert (error.rule, error.span.file) == ("unknown-name", str(folder / "shared/vitals.yaml"))
    assert (error.span.line, error.fix) == (6, "did you mean `then`?")


USES = {
    "missing file": ("heart.yaml", "shared/vitals.yaml", "shared/vital.yaml", "missing-file", "no file"),
    "outside": ("heart.yaml", "shared/vitals.yaml", "../vitals.yaml", "outside-folder", "own folder"),
    "named twice": (
        "heart.yaml",
        "[shared/vitals.yaml]",
        "[shared/vitals.yaml, shared/vitals.yaml]",
        "duplicate-pathway",
        "twice",
    ),
    "in a circle": (
        "shared/vitals.yaml",
        "needs: {bmi",
        "uses: heart.yaml\nneeds: {bmi",
        "uses-circle",
        "heart.yaml -> vitals.yaml -> heart.yaml",
    ),
    "by itself": (
        "heart.yaml",
        "[shared/vitals.yaml]",
        "heart.yaml",
        "uses-circle",
        "heart.yaml -> heart.yaml",
    ),
    "the scenario": ("heart.yaml", "[shared/vitals.yaml]", "scenario.yaml", "duplicate-pathway", "twice"),
    "of one name": (
        "shared/vitals.yaml",
        "pathway: vitals",
        "pathway: heart",
        "same-name",
        "`heart` is taken",
    ),
    "no pathway": ("shared/vitals.yaml", VITALS, "scenario: vitals", "unknown-key", "`scenario`"),
}


@pytest.mark.parametrize("name", USES)
def test_what_is_wrong_with_uses_is_told(folder: Path, name: str) -> None:
    file, old, new, rule, message = USES[name]
    change(folder / file, old, new)
    found = errors(folder)
    assert found[0].rule == rule, [d.message for d in found]
    assert message in found[0].message


NEEDS = {
    "not there": ("mi: state", "stroke: state", "unmet-need", "needs a state `stroke`", ""),
    "nearly there": ("mi: state", "mia: state", "unmet-need", "needs a state `mia`", "`mi`"),
    "of another kind": ("mi: state", "mi: drug", "unmet-need", "needs a drug `mi`", ""),
    "in another unit": ("sbp: mmHg", "sbp: kPa", "wrong-type", "`vitals.sbp` is a biomarker in mmHg", ""),
    "of another type": ("smoker: truth", "smoker: duration", "wrong-type", "duration is needed", ""),
    "of no kind": ("mi: state", "mi: stat", "unknown-type", "`stat`", "`state`"),
    "its own": ("mi: state", "two: protocol", "same-name", "defines `two` itself", ""),
}


@pytest.mark.parametrize("name", NEEDS)
def test_what_is_needed_must_be_there(folder: Path, name: str) -> None:
    old, new, rule, message, fix = NEEDS[name]
    change(folder / "lungs.yaml", old, new)
    (error,) = errors(folder)
    assert (error.rule, error.span.line) == (rule, 4)
    assert message in error.message
    assert fix in error.fix


# ---- alone


@pytest.mark.parametrize("file", ["heart.yaml", "lungs.yaml", "shared/vitals.yaml"])
def test_a_pathway_is_checked_alone(folder: Path, file: str) -> None:
    assert check_pathway(folder / file) == (Path(file).stem, ())


def test_alone_it_may_read_what_it_needs_and_nothing_else(folder: Path) -> None:
    change(folder / "lungs.yaml", "mi: state, ", "")
    name, found = check_pathway(folder / "lungs.yaml")
    assert name is None
    assert {(d.rule, d.span.line) for d in found} == {("unknown-name", 5), ("unknown-name", 8)}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("sbp: mmHg", "sbp: kPa", "wrong-type"),  # it uses what defines it
        ("usual(sbp) - 120", "usual(sbp) - 120 kPa", "wrong-unit"),
        ("age", "aeg", ""),
        ("1 if smoker", "1 if smoker > 2 weeks", "missing-unit"),
        ("mi: state", "mi: stat", "unknown-type"),
        ("then: talk", "than: talk", "unknown-argument"),
        ("do: measure", "do: mesure", "unknown-name"),
        ("{upon: mi}", "{upon: mi, when: 3}", "start-kind"),
    ],
)
def test_mistakes_are_found_alone(folder: Path, old: str, new: str, rule: str) -> None:
    file = folder / "lungs.yaml"
    file.write_text(file.read_text().replace(old, new, 1))
    name, found = check_pathway(file)
    assert (name is None) == bool(rule)
    assert rule in "".join(d.rule for d in found)
    assert all(d.span.file == str(file) for d in found)


EVERY_KIND = """
pathway: all
needs:
  a: state
  p: event
  b: condition
  c: drug
  d: ladder
  e: procedure
  f: biomarker
  g: protocol
  h: provider
  i: number
  j: truth
  k: duration
  l: rate
  m: date
  n: mmol/L
  other.o: state
care:
  one:
    starts: [{upon: a}, {upon: p}, {during: h}, {rate: l, while: in(other.o)}]
    steps:
      - visit: h
        reason: b
        steps: [{diagnose: b}, {prescribe: c}, {increase: c}, {step_up: d}, {perform: e}]
      - {test: [f, n]}
      - {do: g}
      - {wait: k}
      - {wait_until: today >= m and (j or last(n) > n or i > 3)}
"""


def test_everything_that_can_be_needed_has_a_stand_in(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(EVERY_KIND)
    assert check_pathway(tmp_path / "all.yaml") == ("all", ())


def test_a_protocol_that_only_others_give_arguments_is_checked_alone(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        """
pathway: one
biomarkers: {x: {unit: kg, value: 3}}
care:
  right: {needs: {c: drug, goal: kg}, steps: {if: last(x) > goal, then: {increase: c}}}
  wrong: {needs: {goal: mmHg}, steps: {if: last(x) > goal, then: []}}
"""
    )
    name, found = check_pathway(tmp_path / "one.yaml")
    assert name is None
    assert [(d.rule, d.span.line) for d in found] == [("wrong-unit", 6)]


def test_what_others_may_bring_about_is_no_finding_alone(tmp_path: Path) -> None:
    """A visit and a procedure of others, a number and a result of theirs, people of an age of theirs."""
    (tmp_path / "ages.csv").write_text("age,value\n40-59,1\n60+,2\n")
    (tmp_path / "one.yaml").write_text(
        """
pathway: one
needs: {ageing: number, ecg: biomarker}
parameters: {k: {by: age, table: ages.csv, source: a text of words}}
disease:
  heart:
    well:
      -> treated: {upon: surgery}
      -> dead: {rate: k * exp(ageing * (age - 70)) / 1000 years, cause: mi}
    treated: {}
conditions: {mi: {snomed: "22298006"}}
procedures: {surgery: {}}
drugs: {aspirin: {}}
care:
  seen:
    starts: {during: clinic}
    steps:
      - {if: last(ecg) > 3, then: {prescribe: aspirin}}
  operated:
    steps: {perform: surgery}
"""
    )
    assert check_pathway(tmp_path / "one.yaml") == ("one", ())


def test_tables_are_those_of_the_scenario_around_it(folder: Path) -> None:
    (folder / "rates.csv").write_text("age,value\n0-120,0.5\n")
    change(
        folder / "shared/vitals.yaml",
        "care:",
        "parameters: {k: {by: age, table: rates.csv, source: a text of words}}\n"
        "formulas: {twice: 2 * k}\ncare:",
    )
    assert check_pathway(folder / "shared/vitals.yaml") == ("vitals", ())


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    name, found = check_pathway(tmp_path / "none.yaml")
    assert name is None
    assert [d.rule for d in found] == ["missing-file"]
