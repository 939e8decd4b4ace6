"""Scenarios that extend another and state only what differs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sim
import sim.agents
from sim.engine import simulate
from sim.program import compile as compiled
from sim.scenario import check, load, resolved_form
from sim.scenario.fingerprint import fingerprint
from sim.scenario.model import DAYS_PER_YEAR, Protocol, Scenario
from sim.scenario.whole import parts

SMALL = Path(__file__).parent / "data" / "small"
Variant = Callable[..., Path]


@pytest.fixture
def variant(tmp_path: Path) -> Variant:
    """`variant(text, **pathways)`: a folder beside the scenario `small` with that scenario.yaml."""
    shutil.copytree(SMALL, tmp_path / "small")

    def variant(text: str, **files: str) -> Path:
        folder = tmp_path / "variant"
        folder.mkdir(exist_ok=True)
        (folder / "scenario.yaml").write_text(f"scenario: another\nextends: ../small\n{text}")
        for name, content in files.items():
            (folder / f"{name}.yaml").write_text(content)
        return folder

    return variant


def clean(folder: Path) -> Scenario:
    scenario, findings = check(folder)
    assert [f"{f.span}: {f.message}" for f in findings if f.severity == "error"] == []
    assert scenario
    return scenario


def test_one_that_says_nothing_is_its_base(variant: Variant) -> None:
    scenario, base = clean(variant("")), load(SMALL)
    assert scenario.name == "another"
    assert fingerprint(scenario) == fingerprint(base)
    assert dict(scenario.files).keys() == {
        "scenario.yaml",
        *(f"../small/{path}" for path in dict(base.files)),
    }


def test_maps_of_the_language_go_key_by_key(variant: Variant) -> None:
    text = """\
window: {to: 2005-01-01}
population: {size: 7, variables: {region: "categorical(north=0.1, south=rest)", tall: bernoulli(0.5)}}
mortality: {clamp: true}
"""
    scenario, base = clean(variant(text)), load(SMALL)
    assert scenario.window == (base.window[0], 12784.0)
    assert (scenario.population.size, scenario.population.alive_on) == (7, base.population.alive_on)
    draws = {v.name: v.draw for v in scenario.variables}
    assert draws["population.region"].args[0].value == 0.1  # type: ignore[union-attr]
    assert [v.name for v in scenario.variables[:4]] == [
        "population.sex",
        "population.smoker",
        "population.region",
        "population.tall",
    ]
    assert next(t for t in scenario.tables if t.name == "mortality").clamp


def test_who_they_are_takes_the_place_of_who_they_were(variant: Variant) -> None:
    text = "population: {born: {from: 1950-01-01, to: 1960-01-01}, sex: {female: 0.5, male: 0.5}}\n"
    scenario = clean(variant(text))
    assert scenario.population.alive_on is None
    assert scenario.population.born is not None


def test_named_things_are_replaced_and_added(variant: Variant) -> None:
    lung = """\
pathway: lung
care:
  advice: {steps: [{perform: talk}, {wait: 1 day}, {perform: talk}]}
  follow_up: {starts: {upon: heavy}, steps: {do: advice}}
disease:
  smoking:
    light:
      -> heavy: {rate: 0.2 per year}
modifies: {rate: well -> ill, times: 2, while: in(heavy)}
"""
    other = "pathway: other\ncare: {tea: {starts: {upon: ill}, steps: {visit: home}}}\n"
    text = "pathways: [lung.yaml, other.yaml]\nproviders: {home: {class: virtual}}\n"
    scenario, base = clean(variant(text, lung=lung, other=other)), load(SMALL)
    assert [p.name for p in scenario.pathways] == ["lung", "other"]
    assert [p.name for p in scenario.providers] == ["clinic", "home"]
    steps = {p.name: len(p.steps) for p in parts(scenario, Protocol)}
    assert steps == {"lung.presentation": 3, "lung.advice": 3, "lung.follow_up": 1, "other.tea": 1}
    smoking = scenario.pathways[0].axes[1]
    assert [state.name for state in smoking.states] == ["lung.light", "lung.heavy", "lung.quit"]
    assert smoking.states[0].exits[0].kind == "rate"
    kept = [(e.kind, e.target, e.site) for e in smoking.states[1].exits]
    assert kept == [(e.kind, e.target, e.site) for e in base.pathways[0].axes[1].states[1].exits]
    texts = resolved_form(variant(text))
    assert "if in(lung.heavy) else 1" in texts["pathways/lung.yaml"]


def test_what_is_left_out(variant: Variant) -> None:
    other = "pathway: other\ncare: {tea: {starts: {rate: 1 per year}, steps: {visit: clinic}}}\n"
    without = "[lung, mortality, population.variables.smoker]"
    scenario = clean(variant(f"pathways: other.yaml\nwithout: {without}\n", other=other))
    assert [p.name for p in scenario.pathways] == ["other"]
    assert scenario.mortality is None
    assert [v.name for v in scenario.variables] == ["population.sex", "population.region"]
    scenario = clean(variant("without: lung.modifies\n"))
    assert scenario.pathways[0].axes[1].states[0].exits[0].times is None
    scenario = clean(variant("without: [lung.care.presentation.until, lung.care.presentation.starts]\n"))
    assert scenario.pathways[0].protocols[0].until is None


def test_what_the_base_allows_and_the_variant_has_not(variant: Variant, tmp_path: Path) -> None:
    base = tmp_path / "small" / "scenario.yaml"
    tall = "variables:\n    tall: {value: bernoulli(0.5), allow: {unused-variable: for variants}}"
    base.write_text(base.read_text().replace("variables:", tall))
    assert [f.rule for f in check(base)[1]] == []
    reads = "pathway: other\ncare: {tea: {starts: {upon: ill}, steps: {visit: clinic, chance: 0.5 * tall}}}\n"
    folder = variant("pathways: other.yaml\n", other=reads)
    assert [f.rule for f in check(folder)[1]] == []
    folder = variant("pathways: other.yaml\nallow: {no-source: all have one}\n", other=reads)
    assert [f"{f.rule} {f.span.line}" for f in check(folder)[1]] == ["unused-allow 4"]


def test_values_of_parameters_come_level_by_level(variant: Variant) -> None:
    folder = variant("parameters: {lung.onset: {value: 0.02 per year, source: book}}\n")
    onset = load(folder).parameters[0].value
    assert onset is not None
    assert onset * DAYS_PER_YEAR == pytest.approx(0.02)
    second = folder.parent / "second"
    second.mkdir()
    fitted = "source: book\nparameters: {onset: 0.03 per year}\n"
    (second / "fitted.yaml").write_text(fitted)
    (second / "scenario.yaml").write_text(
        "scenario: second\nextends: ../variant\nparameter_files: fitted.yaml\n"
    )
    onset = clean(second).parameters[0].value
    assert onset is not None
    assert onset * DAYS_PER_YEAR == pytest.approx(0.03)


def test_a_variant_may_lie_in_the_same_folder(variant: Variant) -> None:
    folder = variant("").parent / "small"
    (folder / "old.yaml").write_text("scenario: old\nextends: scenario.yaml\npopulation: {size: 3}\n")
    assert clean(folder / "old.yaml").population.size == 3


def test_the_resolved_form_is_whole(variant: Variant, tmp_path: Path) -> None:
    (tmp_path / "small" / "coach.py").write_text("import sim\nclass Coach(sim.Behaviour): ...\n")
    base = tmp_path / "small" / "scenario.yaml"
    base.write_text(base.read_text() + "behaviours: coach:Coach\n")
    folder = variant("population: {alive_on: {ages: tables/ages.csv}}\n")
    (folder / "tables").mkdir()
    (folder / "tables/ages.csv").write_text("sex,age,population\nfemale,40-49,1\nmale,40-49,1\n")
    (folder / "tables/mortality.csv").write_text("not read\n")
    before, files = fingerprint(clean(folder)), resolved_form(folder)
    assert sorted(files) == [
        "coach.py",
        "pathways/lung.yaml",
        "scenario.yaml",
        "small/tables/mortality.csv",
        "tables/background.csv",
        "tables/trend.csv",
    ]
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    shutil.rmtree(tmp_path / "small")
    assert fingerprint(clean(folder)) == before
    assert resolved_form(folder)["scenario.yaml"] == files["scenario.yaml"]
    people, _ = sim.agents.simulate(clean(folder), range(5), 0)
    assert ((people.birth > -7306) & (people.birth < -3651)).all()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("popluation: {size: 3}", "variant/scenario.yaml:3:1 unknown-key"),
        ("population: {size: many}", "variant/scenario.yaml:3:20 not-a-whole-number"),
        ("without: lung.care.advce", "variant/scenario.yaml:3:10 unknown-name"),
        ("without: [lung.about.x]", "variant/scenario.yaml:3:11 unknown-name"),
        ("without: lnug", "variant/scenario.yaml:3:10 unknown-name"),
        ("without: lung.care.advice", "small/lung.yaml:54:41 unknown-name"),
        ("without: providers.clinic", "small/lung.yaml:46:16 unknown-name"),
        ("parameters: {lung.onst: 1 per year}", "variant/scenario.yaml:3:14 unknown-name"),
        ("pathways: lung.yaml", "variant/scenario.yaml:3:11 missing-file"),
        ("population: {alive_on: {ages: tables/ages.csv}}", "variant/scenario.yaml:3:31 missing-file"),
        ("pathways: ../small/lung.yaml", "variant/scenario.yaml:3:11 outside-folder"),
        ("population: {entry: 3}", "variant/scenario.yaml:3:21 missing-unit"),
    ],
)
def test_what_is_wrong_is_told_in_its_file(text: str, told: str, variant: Variant) -> None:
    folder = variant(text)
    errors = [f for f in check(folder)[1] if f.severity == "error"]
    found = [f"{Path(f.span.file).relative_to(folder.parent)}:{f.span.line}:{f.span.column}" for f in errors]
    assert told in [f"{place} {f.rule}" for place, f in zip(found, errors, strict=True)]


@pytest.mark.parametrize(
    ("extends", "rule"),
    [
        ("../nowhere", "missing-file"),
        ("/etc", "outside-folder"),
        ("../../../../../../etc/passwd", "outside-folder"),
        ("../small/lung.yaml", "outside-folder"),
        ("../variant", "extends-circle"),
        ("[a, b]", "wrong-shape"),
        ("../small/tables", "missing-file"),
    ],
)
def test_what_cannot_be_extended(extends: str, rule: str, variant: Variant) -> None:
    folder = variant("")
    (folder / "scenario.yaml").write_text(f"scenario: another\nextends: {extends}\n")
    errors = [f for f in check(folder)[1] if f.severity == "error"]
    assert rule in [f.rule for f in errors]
    assert errors[0].span.file == str(folder / "scenario.yaml")


def test_leaving_out_needs_a_base(variant: Variant) -> None:
    folder = variant("without: lung\n")
    text = (folder / "scenario.yaml").read_text()
    (folder / "scenario.yaml").write_text(text.replace("extends: ../small\n", ""))
    assert "misplaced-key" in [f.rule for f in check(folder)[1]]


def test_who_is_not_touched_lives_the_same_life(variant: Variant) -> None:
    """Smoking, which nothing else reads for those who are no smokers, is another in the variant."""
    lung = "pathway: lung\ndisease: {smoking: {light: {-> heavy: {after: 1 year}}}}\n"
    scenario = clean(variant("pathways: lung.yaml\nwithout: lung.modifies\n", lung=lung))
    base = clean(variant("without: lung.modifies\n"))
    patients = range(300)
    names = [state.name for p in base.pathways for axis in p.axes for state in axis.states]
    smoking = [names.index(f"lung.{state}") for state in ("light", "heavy", "quit")]
    columns = []
    for one in (base, scenario):
        people, log = simulate(compiled(one), patients, 3)
        kept = ~((log.kind == sim.engine.log.STATE) & np.isin(log.code, smoking))
        rows = [column[kept] for name, column in zip(log._fields, log, strict=True) if name != "seq"]
        columns.append(rows)
        assert len(people.patient) == 300
    for ours, theirs in zip(*columns, strict=True):
        np.testing.assert_array_equal(ours, theirs)
