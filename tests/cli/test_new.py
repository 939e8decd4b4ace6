"""What `sim new` makes is right, runs, and harms nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from sim import agents, cli
from sim.engine import simulate
from sim.engine.log import STATE
from sim.program import compile as compiled
from sim.scenario import check, load
from sim.scenario.model import Scenario


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit:
        cli.main(arguments)
    return int(exit.value.code or 0)


def checked(folder: str) -> Scenario:
    scenario, findings = check(folder)
    assert findings == ()
    assert scenario
    return scenario


def everything() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def test_a_new_scenario_is_a_model_of_a_disease_and_its_care() -> None:
    assert call("new", "asthma") == 0
    scenario = checked("asthma")
    people, rows = agents.simulate(scenario, range(400), seed=0)
    by_kernel = simulate(compiled(scenario), range(400), seed=0)
    assert all((a == b).all() for a, b in zip(rows, by_kernel[1], strict=True))
    assert len(people.patient) == 400


def test_its_drug_slows_its_disease() -> None:
    assert call("new", "asthma") == 0
    worse = []
    for effect in ("1", "0.5", "0.1"):
        scenario = load("asthma", {"effect": effect})
        _, rows = simulate(compiled(scenario), range(4000), seed=0)
        worse.append(int(((rows.kind == STATE) & (rows.code == 2)).sum()))
    assert worse == sorted(worse, reverse=True)
    assert worse[0] > 1.3 * worse[2]


def test_it_says_what_to_do_next_and_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("new", "models/asthma") == 0
    out = capsys.readouterr().out
    commands = re.findall(r"^(?:next:)? +sim (\w+) (\S+)$", out, re.MULTILINE)
    assert ("run", "models/asthma") in commands
    for command, folder in commands:
        assert call(command, folder) == 0
    assert Path("outputs/asthma/manifest.json").exists()


def test_a_pathway_more_goes_with_what_there_is() -> None:
    assert call("new", "asthma") == 0
    assert call("new", "asthma/hay_fever.yaml") == 0
    Path("asthma/pathways").mkdir()
    assert call("new", "asthma/pathways/eczema.yaml") == 0
    file = Path("asthma/scenario.yaml")
    listed = "pathways: [asthma.yaml, hay_fever.yaml, pathways/eczema.yaml]"
    file.write_text(file.read_text().replace("pathways: [asthma.yaml]", listed))
    assert [pathway.name for pathway in checked("asthma").pathways] == ["asthma", "hay_fever", "eczema"]


def test_an_editor_finds_the_language_from_each_file() -> None:
    call("new", "asthma")
    Path("asthma/pathways").mkdir()
    call("new", "asthma/pathways/eczema.yaml")
    for file in Path("asthma").rglob("*.yaml"):
        named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", file.read_text().splitlines()[0])
        assert named
        schema = json.loads((file.parent / named[1]).read_text())
        Draft202012Validator(schema).validate(yaml.load(file.read_text(), yaml.BaseLoader))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("asthma", "error: asthma is there already; nothing was written\n"),
        ("asthma/asthma.yaml", "error: asthma/asthma.yaml is there already; nothing was written\n"),
        ("asthma/scenario.yaml", "error: asthma/scenario.yaml is there already; nothing was written\n"),
        ("hay-fever", "error: `hay-fever` is not a name: letters, digits and _, not starting with a digit\n"),
        ("asthma/2nd.yaml", "error: `2nd` is not a name: letters, digits and _, not starting with a digit\n"),
        ("eczema/eczema.yaml", "error: there is no folder eczema; to make it: sim new eczema\n"),
        (
            "empty/eczema.yaml",
            "error: empty/eczema.yaml is no pathway of a scenario; to make one: sim new empty/eczema\n",
        ),
        (
            "empty/scenario.yaml",
            "error: empty/scenario.yaml is no pathway of a scenario; to make one: sim new empty/scenario\n",
        ),
        (".", "error: `.` is not a name: letters, digits and _, not starting with a digit\n"),
    ],
)
def test_what_cannot_be_made_is_said_in_a_line(
    name: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call("new", "asthma")
    Path("empty").mkdir()
    capsys.readouterr()
    before = everything()
    assert call("new", name) == 2
    assert capsys.readouterr() == ("", told)
    assert everything() == before


def test_a_file_in_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes").write_text("mine")
    assert call("new", "notes/asthma") == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert Path("notes").read_text() == "mine"


def test_the_schemas_are_written_over_older_ones() -> None:
    Path("schema").mkdir()
    Path("schema/pathway.json").write_text("old")
    assert call("schema", "schema") == 0
    assert json.loads(Path("schema/pathway.json").read_text())["title"] == "Lifecourse pathway"
