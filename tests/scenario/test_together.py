"""Everything that is wrong is found in one go, in order, and nothing that only follows from it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sim.scenario import check

SMALL = Path(__file__).parent / "data" / "small"


def findings(tmp_path: Path, **texts: str) -> list[tuple[str, int, str]]:
    """The findings in data/small with files written anew, as (file, line, rule)."""
    folder = tmp_path / "small"
    shutil.copytree(SMALL, folder)
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return [(Path(f.span.file).name, f.span.line, f.rule) for f in check(folder)[1]]


def test_in_all_files_at_once_by_file_and_line(tmp_path: Path) -> None:
    lung = (SMALL / "lung.yaml").read_text()
    lung = lung.replace("diagnose: cough", "diagnose: couhg").replace("for: 5 days", "for: 5")
    scenario = (SMALL / "scenario.yaml").read_text()
    scenario = scenario.replace("bernoulli(0.25)", "bernoulli(1.25)").replace(
        "to: 2010-01-01", "to: 2010-02-30"
    )
    found = findings(tmp_path, lung=lung, scenario=scenario)
    assert [(file, rule) for file, _, rule in found] == [
        ("lung.yaml", "unknown-name"),
        ("lung.yaml", "missing-unit"),
        ("scenario.yaml", "not-a-date"),
        ("scenario.yaml", "impossible-distribution"),
    ]
    assert found == sorted(found)


def test_a_pathway_is_looked_at_even_if_the_scenario_is_broken(tmp_path: Path) -> None:
    lung = (SMALL / "lung.yaml").read_text().replace("at_most: 3", "atmost: 3")
    scenario = (
        (SMALL / "scenario.yaml").read_text().replace("window: {from: 2000-01-01, to: 2010-01-01}\n", "")
    )
    assert [rule for _, _, rule in findings(tmp_path, lung=lung, scenario=scenario)] == [
        "unknown-key",
        "missing-key",
    ]


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("frailty: gamma(mean=1, sd=0.5)", "frailty: gamma(mean=1, sd=)", "syntax"),
        ("frailty: gamma(mean=1, sd=0.5)", "frailty: gama(mean=1, sd=0.5)", "unknown-name"),
        ("risk: frailty * (2", "risk: frailty ** (2 days", "missing-unit"),
        ("onset: {value: 0.01 per year", "onset: {value: 0.01 per parsec", "unknown-unit"),
        ("onset: {value: 0.01 per year", "onset: {value: [1]", "wrong-shape"),
        ("    unit: L/min", "    unit: [L]", "wrong-shape"),
        ("  cough: {snomed", "  cough: {code: x, snomed", "wrong-shape"),
        ("    quit: {}", "    quit: []", "wrong-shape"),
        ("    steps: {perform: talk}", "    steps: {perform: talk}\n    while: [x]", "wrong-shape"),
    ],
)
def test_what_follows_from_a_broken_definition_is_not_told(
    tmp_path: Path, old: str, new: str, rule: str
) -> None:
    lung = (SMALL / "lung.yaml").read_text()
    assert old in lung
    assert [found for _, _, found in findings(tmp_path, lung=lung.replace(old, new))] == [rule]


def test_two_pathways_of_one_name(tmp_path: Path) -> None:
    scenario = (SMALL / "scenario.yaml").read_text().replace("[lung.yaml]", "[lung.yaml, other.yaml]")
    other = "pathway: lung\n"
    assert findings(tmp_path, scenario=scenario, other=other) == [("other.yaml", 1, "same-name")]


def test_two_pathways_read_each_others_names(tmp_path: Path) -> None:
    scenario = (SMALL / "scenario.yaml").read_text().replace("[lung.yaml]", "[lung.yaml, other.yaml]")
    other = (
        "pathway: other\n"
        "variables: {frailty: 'normal(0, 1)', twice: 2 * lung.frailty + frailty}\n"
        "disease: {a: {b: {-> c: {rate: 1 per year, while: in(ill) and twice > 1}}, c: {}}}\n"
    )
    assert findings(tmp_path, scenario=scenario, other=other) == []


def test_a_pathway_given_as_the_scenario(tmp_path: Path) -> None:
    scenario, (found,) = check(SMALL / "lung.yaml")
    assert scenario is None
    assert (found.rule, found.span.line) == ("not-a-scenario", 1)
