"""When the background mortality is said to be of another model."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sim import cli
from sim.runs import background

SCENARIO = """
scenario: lungs
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 20, born: {from: 1930-01-01, to: 1960-01-01}, sex: {female: 0.5, male: 0.5}}
parameters: {onset: {value: 0.001 per year, source: invented for a test}}
mortality: {table: mortality.csv, less: [lung_cancer], clamp: true}
pathways: [lungs.yaml]
"""
LUNGS = """
pathway: lungs
disease:
  cancer:
    none: {-> ill: {rate: onset}}
    ill: {-> dead: {rate: 0.5 per year, cause: lung_cancer}}
conditions: {lung_cancer: {snomed: "363358000"}}
"""
VARIANT = """
scenario: more of it
extends: ..
parameters: {onset: {value: 0.002 per year, source: invented for a test}}
"""


@pytest.fixture
def lungs(tmp_path: Path) -> Path:
    base = tmp_path / "lungs"
    (base / "more").mkdir(parents=True)
    (base / "scenario.yaml").write_text(SCENARIO)
    (base / "lungs.yaml").write_text(LUNGS)
    (base / "mortality.csv").write_text("age,q\n0-69,0.01\n70+,0.05\n")
    (base / "more" / "scenario.yaml").write_text(VARIANT)
    background.make(base, patients=2000, threads=1)
    return base


def said(path: Path, *options: str) -> str:
    return CliRunner().invoke(cli.sim, ["check", str(path), *options]).output


def test_a_variant_lives_under_the_background_of_its_base(lungs: Path) -> None:
    assert "background" not in said(lungs)
    assert "background" not in said(lungs / "more")
    assert "stale-background" in said(lungs / "more", "--set", "onset=0.003 per year")


def test_a_background_that_does_not_fit_the_base_is_stale_for_its_variants(lungs: Path) -> None:
    (lungs / "scenario.yaml").write_text(SCENARIO.replace("0.001", "0.004"))
    assert "stale-background" in said(lungs)
    assert "stale-background" in said(lungs / "more")


def test_a_variant_with_a_mortality_or_a_background_of_its_own_answers_for_it(lungs: Path) -> None:
    (lungs / "more" / "scenario.yaml").write_text(VARIANT + "mortality: {less: [lung_cancer]}\n")
    assert "stale-background" in said(lungs / "more")
    (lungs / "more" / "scenario.yaml").write_text(VARIANT)
    background.make(lungs / "more", patients=2000, threads=1)
    assert "background" not in said(lungs / "more")
    (lungs / "more" / "scenario.yaml").write_text(VARIANT.replace("0.002", "0.003"))
    assert "stale-background" in said(lungs / "more")
