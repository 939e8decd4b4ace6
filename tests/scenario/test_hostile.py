"""Whatever stands in its files, reading a scenario gives one or a ScenarioError, and nothing else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.scenario import ScenarioError, check, load, render

SMALL = Path(__file__).parent / "data" / "small"
FILES = ["scenario.yaml", "lung.yaml", "tables/ages.csv", "tables/mortality.csv", "tables/trend.csv"]
TEXTS = {name: (SMALL / name).read_text() for name in FILES}
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Pieces that mean something to YAML, to CSV, to the language or to expressions.
WORDS = """{ } [ ] , ' " # \\ % @ ` &a *a !!int -> ~ null yes | >- ( ) < - 0 ü NaN 1e999 9**9**9
    if else rate share rest dead steps: {set:{x:1}}"""
PHRASES = ["\n", "  ", "\t", ": ", "- ", "visit: clinic", "while: ", "in(ill)", "1 year", "\u2028"]
PIECES = st.sampled_from([*WORDS.split(), *PHRASES])


def survives(folder: Path) -> None:
    scenario, findings = check(folder)
    for finding in findings:
        assert finding.message
        assert "Traceback" not in render(finding)
    if scenario is None:
        assert any(f.severity == "error" for f in findings)
        with pytest.raises(ScenarioError):
            load(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(SMALL, tmp_path / "small")
    return tmp_path / "small"


@pytest.mark.parametrize("name", FILES)
@quick
@given(data=st.binary(max_size=300))
def test_any_bytes(folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)
    survives(folder)


@pytest.mark.parametrize("name", FILES)
@quick
@given(data=st.data())
def test_any_change(folder: Path, name: str, data: st.DataObject) -> None:
    text = TEXTS[name]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(start + 30, len(text))))
        text = text[:start] + data.draw(PIECES | st.text(max_size=5)) + text[end:]
    (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    survives(folder)


@pytest.mark.parametrize("name", ["scenario.yaml", "lung.yaml"])
@quick
@given(data=st.data())
def test_lines_lost_doubled_and_moved(folder: Path, name: str, data: st.DataObject) -> None:
    lines = TEXTS[name].splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at, to = data.draw(st.integers(0, len(lines) - 1)), data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["lose", "double", "move", "indent", "dedent"])):
            case "lose":
                del lines[at]
            case "double":
                lines.insert(to, lines[at])
            case "move":
                lines.insert(to, lines.pop(at))
            case "indent":
                lines[at] = f"  {lines[at]}"
            case "dedent":
                lines[at] = lines[at].removeprefix("  ")
    (folder / name).write_text("\n".join(lines))
    survives(folder)


COMPLETE = SMALL.parent / "complete"
LONG = {path: (COMPLETE / path).read_text() for path in ("scenario.yaml", "pathways/metabolic.yaml")}
TOKEN = re.compile(r"[A-Za-z_]+|[0-9.]+|->|[{}:,()\[\]]")


@pytest.mark.parametrize("name", LONG)
@quick
@given(data=st.data())
def test_words_exchanged(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("words") / "complete"
    shutil.copytree(COMPLETE, folder)
    text = LONG[name]
    tokens = list(TOKEN.finditer(text))
    for _ in range(data.draw(st.integers(1, 3))):
        place, word = data.draw(st.sampled_from(tokens)), data.draw(st.sampled_from(tokens))
        text = text[: place.start()] + word[0] + text[place.end() :]
    (folder / name).write_text(text)
    survives(folder)


@quick
@given(name=st.text(max_size=20), value=st.text(max_size=30) | PIECES)
def test_any_override(name: str, value: str) -> None:
    for parameter in (name, "onset"):
        scenario, findings = check(SMALL, {parameter: value})
        assert scenario is not None or findings


@pytest.mark.parametrize("path", ["nowhere", "", "a\0b", "/dev/null", "x" * 5000, "data", __file__])
def test_any_path(path: str) -> None:
    with pytest.raises(ScenarioError):
        load(path)


def test_steps_within_steps_without_end(folder: Path) -> None:
    nested = "{if: smoker, then: " * 45 + "{perform: talk}" + "}" * 45
    (folder / "lung.yaml").write_text(TEXTS["lung.yaml"].replace("{perform: talk}", nested))
    assert load(folder)
    nested = "{if: smoker, then: " * 500 + "{perform: talk}" + "}" * 500
    (folder / "lung.yaml").write_text(TEXTS["lung.yaml"].replace("{perform: talk}", nested))
    with pytest.raises(ScenarioError, match="nested"):
        load(folder)
