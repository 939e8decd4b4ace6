"""`expect:`: what it says, what is refused, whom it is about, and that it changes no life."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim import agents, program
from sim.engine import simulate
from sim.engine.log import ENCOUNTER, STATE, VARIABLE
from sim.scenario import Case, cases, check, check_pathway, load, resolved_form
from sim.scenario.expectations import bounds_of
from sim.scenario.fingerprint import fingerprint
from sim.scenario.model import DAYS_PER_YEAR, Scenario

FRAME = """\
scenario: example
window: {from: 2000-01-01, to: 2010-01-01}
population:
  size: 20
  born: {from: 1930-01-01, to: 1970-01-01}
  sex: {female: 0.5, male: 0.5}
  variables: {smoker: bernoulli(0.2), place: "categorical(town=0.3, country=rest)", bmi: "normal(27, 4)"}
correlations:
  - {between: [bmi, heart.frailty], r: 0.5}
pathways: [heart.yaml]
providers: {clinic: {class: ambulatory}}
"""
HEART = """\
pathway: heart
parameters:
  onset: {value: 0.02 per year, source: invented here}
  attends: {value: 0.5, source: invented here}
variables: {frailty: "normal(0, 1)", thin: bernoulli(0.5 if bmi < 20 else 0.1)}
formulas: {elderly: age >= 65}
disease:
  muscle:
    well:
      -> ill: {rate: onset * (1 + smoker) * (1.1 if place == town else 1) * exp(frailty / 9 + thin)}
    ill:
      set: {grade: "categorical(mild=0.5, severe=rest)"}
      -> failing: {rate: 0.1 per year}
    failing: {}
  rhythm:
    regular:
      -> irregular: {rate: 0.01 per year}
    irregular: {}
conditions: {heart_disease: {snomed: "56265001"}}
care:
  presentation:
    starts: {upon: ill}
    steps: {visit: clinic, attend: attends, steps: {diagnose: heart_disease}}
"""


def _written(folder: Path, sentences: str = "", heart: str = "", frame: str = FRAME) -> Path:
    (folder / "heart.yaml").write_text(HEART + (f"expect:\n{heart}" if heart else ""))
    (folder / "scenario.yaml").write_text(frame + (f"expect:\n{sentences}" if sentences else ""))
    return folder


def _cases(folder: Path, sentences: str, heart: str = "") -> tuple[Case, ...]:
    return cases(_written(folder, sentences, heart))


# ---- what it says


def test_a_chain_says_between_which_bounds_a_quantity_lies(tmp_path: Path) -> None:
    (case,) = _cases(tmp_path, "  - 2 * 0.01 < incidence(ill) * 1 year and incidence(ill) * 1 year < 0.5\n")
    (claim,) = case.expectations[0].claims
    assert bounds_of(claim, {}) == (0.02, 0.5)


def test_two_statistics_make_one_quantity_their_difference(tmp_path: Path) -> None:
    (case,) = _cases(
        tmp_path, "  - prevalence(ill, among=male) > prevalence(ill) > prevalence(ill, among=female)\n"
    )
    claims = case.expectations[0].claims
    assert [c.quantity.op for c in claims] == ["sub", "sub"]
    assert [bounds_of(c, {}) for c in claims] == [(0.0, np.inf), (0.0, np.inf)]


def test_bounds_may_read_parameters_and_are_in_base_units(tmp_path: Path) -> None:
    (case,) = _cases(tmp_path, "", "  - incidence(ill) < 3 * onset\n  - rate(clinic) < 2 per year\n")
    first, second = (bounds_of(e.claims[0], {"heart.onset": 0.5})[1] for e in case.expectations)
    assert (first, second) == (1.5, pytest.approx(2 / DAYS_PER_YEAR))


def test_sentences_are_grouped_by_the_lives_that_tell_them(tmp_path: Path) -> None:
    one = "  - {that: prevalence(ill) < 0.5, with: {onset: 0.01 per year}}\n"
    other = "  - {that: prevalence(ill) > 0.01, with: {heart.onset: 0.01 per year}}\n"
    found = _cases(tmp_path, f"  - prevalence(ill) < 0.5\n{one}", other)
    assert [(len(c.expectations), c.changed) for c in found] == [(1, ""), (2, "with onset = 0.01 per year")]
    assert found[1].scenario.parameters[0].value == pytest.approx(0.01 / DAYS_PER_YEAR)


# ---- what is refused

REFUSED = [
    ("0.5 < prevalence(ill) < 0.3", "contradiction", "nothing is above 0.5 and below 0.3"),
    ("prevalence(ill) > 1.2", "contradiction", "never above 1"),
    ("rate(clinic) < 0 per year", "contradiction", "never below 0"),
    ("correlation(bp, bp) > 1", "unknown-name", "`bp`"),
    ("prevalence(ill) < 2", "says-nothing", "always so"),
    ("prevalence(ill) == 0.2", "not-a-comparison", "never exactly equal"),
    ("prevalence(ill) > 0.1 or prevalence(ill) < 0.9", "not-a-comparison", "joined by `and`"),
    ("0.1 < 0.2", "no-statistic", "no statistic"),
    ("prevalence(ill) < 0.5 and 0.1 < 0.2", "no-statistic", "either side"),
    ("rate(clinic) < 2", "missing-unit", ""),
    ("prevalence(il) < 0.5", "unknown-name", "`il`"),
    ("{that: prevalence(ill) < 0.5, with: {onst: 0.1 per year}}", "unknown-name", "`onst`"),
    ("{that: prevalence(ill) < 0.5, with: {onset: 1 day}}", "wrong-type", ""),
    ("{that: prevalence(ill) < 0.5, with: {heart.attends: 1.5}}", "not-a-probability", "with attends = 1.5"),
    ("{that: prevalence(ill) < 0.5, given: {age: 60, smoker: true}}", "unknown-key", "`smoker`"),
    ("{that: prevalence(ill) < 0.5, given: {age: 160}}", "impossible-age", "0 to 120"),
    ("{that: prevalence(ill) < 0.5, given: {age: onset}}", "not-constant", ""),
    ("{that: prevalence(ill) < 0.5, given: {age: 60, entry: 50 years}}", "misplaced-key", "`entry:`"),
    ("{that: prevalence(ill) < 0.5, given: {in: il}}", "unknown-name", "`il`"),
    ("{that: prevalence(ill) < 0.5, given: {in: [ill, failing]}}", "contradiction", "two of its states"),
    ("{that: prevalence(ill) < 0.5, given: {variables: {smokr: true}}}", "unknown-name", "`smokr`"),
    ("{that: prevalence(ill) < 0.5, given: {variables: {sex: female}}}", "misplaced-key", "sex"),
    ("{that: prevalence(ill) < 0.5, given: {variables: {place: moon}}}", "unknown-level", "`moon`"),
    ("{that: prevalence(ill) < 0.5, given: {sex: blue}}", "wrong-shape", ""),
    ("{that: prevalence(ill) < 0.5, given: {born: {from: 1930-01-01}}}", "missing-key", "`to:`"),
    ("{with: {onset: 0.1 per year}}", "missing-key", "`that:`"),
]


@pytest.mark.parametrize(("sentence", "rule", "message"), REFUSED)
def test_what_means_nothing_is_refused_at_its_place(
    tmp_path: Path, sentence: str, rule: str, message: str
) -> None:
    scenario, findings = check(_written(tmp_path, f"  - {sentence}\n"))
    errors = [f for f in findings if f.severity == "error"]
    assert scenario is None
    assert errors[0].rule == rule
    assert message in errors[0].message
    if rule != "not-a-probability":  # which is told where the probability stands
        assert (errors[0].span.file, errors[0].span.line) == (str(tmp_path / "scenario.yaml"), 13)


def test_a_pathway_alone_is_read_as_well(tmp_path: Path) -> None:
    _written(tmp_path, heart="  - prevalence(ill) > 1.2\n")
    own = (
        (tmp_path / "heart.yaml")
        .read_text()
        .replace("variables:", "needs: {smoker: truth, bmi: number}\nvariables:")
    )
    (tmp_path / "heart.yaml").write_text(own.replace(" * (1.1 if place == town else 1)", ""))
    name, findings = check_pathway(tmp_path / "heart.yaml")
    assert name is None
    assert [f.rule for f in findings] == ["contradiction"]


# ---- whom it is about


def _case(folder: Path, given: str) -> Scenario:
    return _cases(folder, "", f"  - {{that: prevalence(ill) < 0.9, given: {given}}}\n")[0].scenario


def test_somebody_made_by_hand_is_so(tmp_path: Path) -> None:
    given = (
        "{age: 60, sex: female, variables: {smoker: true, place: country, frailty: 0, thin: false}, in: ill}"
    )
    scenario = _case(tmp_path, given)
    people, log = simulate(program.compile(scenario), range(200), seed=3)
    ages = (scenario.window[0] - people.birth) / DAYS_PER_YEAR
    assert (people.sex == 0).all()
    assert ages.min() >= 60
    assert ages.max() < 60 + 2.01 / DAYS_PER_YEAR
    drawn = {v.name: i for i, v in enumerate(scenario.variables)}
    first = {
        name: set(log.value[(log.kind == VARIABLE) & (log.code == drawn[name])])
        for name in ("population.smoker", "population.place", "heart.frailty", "heart.thin")
    }
    assert first == {
        "population.smoker": {1.0},
        "population.place": {1.0},
        "heart.frailty": {0.0},
        "heart.thin": {0.0},
    }
    states = [state.name for axis in scenario.pathways[0].axes for state in axis.states]
    entered = (log.kind == STATE) & (log.code == states.index("heart.ill"))
    assert sorted(log.patient[entered]) == list(range(200))
    assert (log.start[entered] == people.entered).all()  # right on entry
    graded = (log.kind == VARIABLE) & (log.code == drawn["heart.grade"])
    assert len(np.unique(log.patient[graded])) == 200  # and what is set there is set


def test_what_waits_for_the_state_starts(tmp_path: Path) -> None:
    scenario = _case(tmp_path, "{age: 60, in: [ill, irregular]}")
    people, log = simulate(program.compile(scenario), range(300), seed=3)
    visits = np.unique(log.patient[log.kind == ENCOUNTER])
    assert 100 < len(visits) < 200  # half attend
    again = agents.simulate(scenario, range(20), seed=3)
    assert (again[0].birth == people.birth[:20]).all()


def test_keys_of_a_population_take_the_place_of_its_own(tmp_path: Path) -> None:
    scenario = _case(tmp_path, "{born: {from: 1950-01-01, to: 1951-01-01}, include: {at_start: smoker}}")
    people, log = simulate(program.compile(scenario), range(100), seed=3)
    assert (people.birth < -18 * DAYS_PER_YEAR).all()
    smoker = [v.name for v in scenario.variables].index("population.smoker")
    assert set(log.value[(log.kind == VARIABLE) & (log.code == smoker)]) == {1.0}


def test_include_is_not_asked_of_somebody_made_by_hand(tmp_path: Path) -> None:
    frame = FRAME.replace("  size: 20\n", "  size: 20\n  include: {at_start: smoker and age < 50}\n")
    sentence = "  - {that: prevalence(ill) < 0.9, given: {age: 60}}\n"
    (case,) = cases(_written(tmp_path, sentence, frame=frame))
    people, _ = simulate(program.compile(case.scenario), range(50), seed=3)
    assert (people.attempts == 1).all()


def test_its_lives_are_those_of_a_scenario_written_so(tmp_path: Path) -> None:
    """A parameter that differs gives the same people the lives that `--set` gives them."""
    (case,) = _cases(tmp_path, "  - {that: prevalence(ill) < 0.9, with: {onset: 0.1 per year}}\n")
    other = load(tmp_path, {"onset": "0.1 per year"})
    assert fingerprint(case.scenario) == fingerprint(other)


# ---- it changes nothing, and stays


SENTENCES = """\
  - 0.01 < prevalence(ill, among=heart.elderly) < 0.9
  - {that: prevalence(ill) < 0.9, with: {onset: 0.01 per year}, about: Less., source: invented here}
  - {that: prevalence(ill) < 0.9, given: {age: 60, in: ill, variables: {place: town}}}
"""


def test_it_changes_no_life(tmp_path: Path) -> None:
    bare = load(_written(tmp_path))
    with_ = load(_written(tmp_path, SENTENCES, SENTENCES))
    assert len(with_.expectations) == 6
    assert fingerprint(bare) == fingerprint(with_)
    assert program.compile(bare).hash == program.compile(with_).hash


def test_the_resolved_form_keeps_it(tmp_path: Path) -> None:
    first = load(_written(tmp_path, SENTENCES, SENTENCES))
    again = tmp_path / "again"
    again.mkdir()
    for path, text in resolved_form(tmp_path).items():
        (again / path).parent.mkdir(exist_ok=True)
        (again / path).write_text(text)
    second = load(again)
    assert len(second.expectations) == 6
    bare = [tuple(replace(e, span=first.population.span) for e in s.expectations) for s in (first, second)]
    assert bare[0] == bare[1]
    assert "heart.elderly" not in (again / "scenario.yaml").read_text()  # formulas are written out


def test_a_variant_expects_what_its_base_does_unless_it_says_otherwise(tmp_path: Path) -> None:
    _written(tmp_path, "  - prevalence(ill) < 0.5\n", "  - prevalence(ill) > 0.01\n")

    def texts(variant: str) -> list[str]:
        (tmp_path / "variant").mkdir(exist_ok=True)
        (tmp_path / "variant/scenario.yaml").write_text(f"scenario: v\nextends: ../scenario.yaml\n{variant}")
        return [e.text for e in load(tmp_path / "variant").expectations]

    assert texts("expect: prevalence(ill) < 0.4") == [
        "prevalence(ill) < 0.5",
        "prevalence(ill) < 0.4",
        "prevalence(ill) > 0.01",
    ]
    assert texts("without: expect") == ["prevalence(ill) > 0.01"]
    assert texts("without: [expect, heart.expect]") == []
