"""The scenario of the tutorial: it is what its reader has written, and shows what a clinician expects."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import sim
from sim import cli

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "scenarios/first_steps"
PAGES = sorted((ROOT / "docs/tutorial").glob("[0-9]-*.md"))
_WRITTEN = re.compile(r"^```yaml\n# file: first_steps/(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_it_is_what_the_tutorial_writes() -> None:
    written = dict(block.groups() for page in PAGES for block in _WRITTEN.finditer(page.read_text()))
    shipped = {path.name: path.read_text() for path in FOLDER.glob("*.yaml")}
    assert shipped.keys() == written.keys()
    for name, text in shipped.items():
        line, _, rest = text.partition("\n")
        assert line.startswith("# yaml-language-server: ")
        assert rest == written[name], name


def test_the_pictures_are_of_it(tmp_path: Path) -> None:
    """Else: python docs/images/make.py."""
    run = sim.run(FOLDER, out=tmp_path / "run")
    for pathway, more in {"disease": ["--run", str(run.folder)], "care": []}.items():
        made = tmp_path / f"{pathway}.svg"
        with pytest.raises(SystemExit, match="0"):
            cli.main(["draw", str(FOLDER), "--pathway", pathway, "--out", str(made), *more])
        assert made.read_text() == (ROOT / f"docs/images/first_steps_{pathway}.svg").read_text()


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> sim.Run:
    return sim.run(FOLDER, patients=20_000, seed=1, out=tmp_path_factory.mktemp("run") / "first_steps")


def firsts(lives: sim.Run, state: str) -> pd.Series:
    states = lives.table("truth/states")
    return states[states["to"] == state].set_index("patient_id")["time"]


@pytest.mark.parametrize(("sex", "published"), [("female", 4.98), ("male", 0.88)])
def test_as_many_are_diagnosed_as_were_in_tayside(lives: sim.Run, sex: str, published: float) -> None:
    """Flynn and others, J Clin Endocrinol Metab 2004;89:3879-84: per 1000 person-years. The model is to be
    within a fifth.
    """
    patients = lives.table("patients").set_index("patient_id")
    diagnosed = lives.table("conditions").set_index("patient_id")["start"]
    people = patients[patients["sex"] == sex].join(diagnosed)
    from_, to = (pd.Timestamp(day) for day in lives.manifest["window"])
    at_risk = people[~(people["start"] < from_)]
    years = (at_risk["start"].fillna(to) - from_).dt.total_seconds().sum() / (365.25 * 86400)
    assert at_risk["start"].notna().sum() / years * 1000 == pytest.approx(published, rel=0.2)


def test_hardly_anybody_is_diagnosed_without_the_disease(lives: sim.Run) -> None:
    """One in 30,000 healthy people has a TSH of 10, and some of those whose thyroid is failing."""
    diagnosed = lives.table("conditions").set_index("patient_id")["start"]
    failing = firsts(lives, "failing").reindex(diagnosed.index)
    assert (failing <= diagnosed).mean() > 0.995
    underactive = firsts(lives, "underactive").reindex(diagnosed.index)
    assert (underactive <= diagnosed).mean() > 0.9


def test_the_survey_sees_what_is_there(lives: sim.Run) -> None:
    seen = lives.table("observations")
    seen = seen[seen["time"].dt.date == pd.Timestamp("2010-01-01").date()]
    tsh = seen[seen["observation"] == "tsh"].set_index("patient_id")["value"]
    failing = firsts(lives, "failing") < "2010-01-01"
    healthy = tsh[~tsh.index.isin(failing[failing].index)]
    # Hamilton 2008: of healthy people 20 % lie above 2.5, 10.2 % above 3.0, 2.5 % above 4.1
    for limit, share in {2.5: 0.20, 3.0: 0.102, 4.1: 0.025}.items():
        assert (healthy > limit).mean() == pytest.approx(share, abs=0.03)


def test_treatment_brings_most_into_the_range(lives: sim.Run) -> None:
    results = lives.table("observations")
    results = results[results["observation"] == "tsh"].set_index("patient_id")
    diagnosed = lives.table("conditions").set_index("patient_id")["start"]
    diagnosed = diagnosed[diagnosed.between("2000-01-01", "2016-01-01")]
    after = results.join(diagnosed.rename("start"), how="inner")
    at_start = after[(after["time"] - after["start"]).dt.days == 0]
    later = after[(after["time"] - after["start"]).dt.days > 3 * 365].groupby("patient_id").first()
    assert (at_start["value"] > 4).mean() > 0.95
    assert (later["value"] <= 4).mean() > 0.6
