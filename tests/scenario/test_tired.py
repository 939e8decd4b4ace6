"""A pathway as somebody writes it late in the evening: every slip is told in one go, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sim.scenario import check, render

SMALL = Path(__file__).parent / "data" / "small"

TIRED = """\
pathway: lung
about: written late
paramters:
  onset: {value: 0.01, ci95: 0.005 to 0.02, source: book}
  uptake: {by: region, value: {north: 0.6, suoth: 0.7}, source: bok}
variables:
  frailty: gama(mean=1, sd=0.5)
disease:
  airways:
    well:
      -> ill: {rate: onset * frailty * (2 if smokr else 1), while: age >= 20 years old}
    ill:
      last: uniform(1 week, 3)
      -> dead: {share: 0.01}
      -> wel: {share: rest}
conditions:
  cough: {snomed: 49727002, icd10: r05}
drugs:
  syrup: {code: {rxnorm: "312617"}, dose: 5 mg}
care:
  presentation:
    starts: {rate: 2, while: in(ill)}
    steps:
      - visit: clinc
        steps:
          - diagnose: couch
          - prescribe: syrup, for: 5 days
          - {if: age > 60 then: {prescribe: syrup}}
      - every: month
        steps: {visit: clinic, attend: 80 %}
"""

FIRST = ["27:34 yaml"]  # YAML itself stops at the first line that it cannot read

THEN = [
    "3:1 unknown-key",
    "5:44 unknown-level",
    "5:65 unknown-source",
    "7:12 unknown-name",
    "11:46 unknown-name",
    "11:84 syntax",
    "13:7 unknown-key",
    "13:29 missing-unit",
    "14:7 no-cause",
    "15:7 unknown-state",
    "17:36 bad-code",
    "19:37 unknown-key",
    "22:20 missing-unit",
    "24:16 unknown-name",
    "26:23 unknown-name",
    "27:37 missing-unit",
    "29:16 missing-unit",
    "30:40 wrong-unit",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(SMALL, tmp_path / "small")
    return tmp_path / "small"


def told(folder: Path, text: str) -> list[str]:
    (folder / "lung.yaml").write_text(text)
    _, findings = check(folder)
    print("\n".join(render(f) for f in findings))
    return [f"{f.span.line}:{f.span.column} {f.rule}" for f in findings if f.span.file.endswith("lung.yaml")]


def test_what_yaml_cannot_read_comes_first(folder: Path) -> None:
    assert told(folder, TIRED) == FIRST


def test_everything_else_comes_at_once(folder: Path) -> None:
    text = TIRED.replace("prescribe: syrup, for: 5 days", "{prescribe: syrup, for: 5}")
    text = text.replace("{if: age > 60 then: {", "{if: age > 60, then: {")
    assert told(folder, text) == THEN
