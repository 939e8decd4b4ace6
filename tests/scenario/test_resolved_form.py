"""The resolved form is itself a scenario, and the same one."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from sim.scenario import ScenarioError, check, load, resolved_form

DATA = Path(__file__).parent / "data"
REPOSITORY = Path(__file__).parents[2]
SCENARIOS = [DATA / name for name in ("complete", "small", "waiting", "medicines")]
SCENARIOS.append(REPOSITORY / "scenarios" / "diabetes")


def without_places(thing: object) -> object:
    """A scenario as nested tuples, but for what says where it was read."""
    if dataclasses.is_dataclass(thing):
        names = [
            f.name for f in dataclasses.fields(thing) if f.name not in ("span", "folder", "files", "given")
        ]
        return (type(thing).__name__, *((name, without_places(getattr(thing, name))) for name in names))
    if isinstance(thing, tuple):
        return tuple(without_places(part) for part in thing)
    return thing


def written(files: dict[str, str], like: Path, to: Path) -> Path:
    """The files in a folder of their own, beside the tables of another."""
    shutil.copytree(like, to, ignore=shutil.ignore_patterns("*.yaml"))
    for path, text in files.items():
        (to / path).parent.mkdir(exist_ok=True)
        (to / path).write_text(text)
    return to


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_it_reads_back_as_the_same_scenario(tmp_path: Path, folder: Path) -> None:
    files = resolved_form(folder)
    again = written(files, folder, tmp_path / "again")
    assert without_places(load(again)) == without_places(load(folder))
    assert resolved_form(again) == files


def test_it_says_what_the_author_left_out(tmp_path: Path) -> None:
    text = resolved_form(DATA / "small")["pathways/lung.yaml"]
    assert "prior: lognormal(median=0.01 per year, sigma=" in text
    assert "decimals: 1\n" in text
    assert "display: cough\n" in text
    assert "name: lung/presentation/visit/clinic/1\n" in text
    assert "first: 1 month\n" in text
    assert "times: 1.5 if population.smoker else 1\n" in text
    assert "modifies" not in text
    assert "ci95: 0.005 per year to 0.02 per year\n" in text


def test_an_override_is_part_of_it(tmp_path: Path) -> None:
    files = resolved_form(DATA / "small", {"onset": "0.5"})
    assert "value: 0.5 per year\n" in files["pathways/lung.yaml"]
    again = written(files, DATA / "small", tmp_path / "again")
    scenario, findings = check(again)
    assert scenario is not None
    assert [f.rule for f in findings] == ["value-outside-interval"]


def test_a_broken_scenario_has_none(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError):
        resolved_form(tmp_path)
