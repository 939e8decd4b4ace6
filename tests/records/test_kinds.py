"""Tables that a run has only where its scenario has such things."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sim
from sim.scenario import Scenario, check

FRAME = """
scenario: small world
window: {from: 1950-01-01, to: 2000-01-01}
population: {size: 20, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
"""
PATHWAY = """
conditions: {cough: {snomed: "49727002"}}
procedures: {jab: {}}
care:
  jabs: {starts: {when: age >= 10}, steps: [{VERB}, {wait: 1 year}]PLAN}
"""


def written(world: Callable[..., Scenario], pathway: str, out: Path) -> sim.Run:
    scenario = world(pathway, frame=FRAME)
    return sim.run(scenario, seed=1, out=out)


def test_tables_of_vaccines_and_plans(world: Callable[..., Scenario], tmp_path: Path) -> None:
    plain = written(world, PATHWAY.replace("VERB", "perform: jab").replace("PLAN", ""), tmp_path / "plain")
    assert not {"immunizations", "careplans"} & plain.rows.keys()
    vaccines = 'vaccines: {flu: {cvx: "140", display: Influenza}}\n'
    plan = ', plan: {snomed: "182836005", reason: cough}'
    full = PATHWAY.replace("VERB", "vaccinate: flu").replace("PLAN", plan)
    run = written(world, vaccines + full, tmp_path / "full")
    jabs, plans = run.table("immunizations"), run.table("careplans")
    assert len(jabs) == len(plans) == 20
    assert jabs[["vaccine", "system", "code"]].drop_duplicates().values.tolist() == [["flu", "cvx", "140"]]
    columns = ["plan", "system", "code", "reason"]
    assert plans[columns].drop_duplicates().values.tolist() == [["jabs", "snomed", "182836005", "cough"]]
    assert ((plans.end - plans.start).dt.days == 365).all()
    assert {"vaccine", "plan"} <= set(run.table("codes").kind)
    assert run.observed_rows == sum(
        n for name, n in run.rows.items() if "truth" not in name and name != "codes"
    )
    unused = written(
        world, vaccines + PATHWAY.replace("VERB", "perform: jab").replace("PLAN", ""), tmp_path / "u"
    )
    assert unused.rows["immunizations"] == 0


def test_allergies_have_a_table_of_their_own(world: Callable[..., Scenario], tmp_path: Path) -> None:
    pathway = PATHWAY.replace("VERB", "diagnose: cough}, {diagnose: egg, resolves: after 2 years").replace(
        "PLAN", ""
    )
    run = written(world, 'allergies: {egg: {snomed: "91930004"}}\n' + pathway, tmp_path / "run")
    allergies, conditions = run.table("allergies"), run.table("conditions")
    assert len(allergies) == len(conditions) == 20
    assert set(conditions.condition) == {"cough"}
    assert allergies[["allergy", "system", "code"]].drop_duplicates().values.tolist() == [
        ["egg", "snomed", "91930004"]
    ]
    assert ((allergies.end - allergies.start).dt.days == 730).all()
    assert conditions.end.isna().all()
    codes = run.table("codes")
    assert codes[codes.name == "egg"].kind.tolist() == ["allergy"]
    as_conditions = pathway.replace("conditions: {", "conditions: {egg: {}, ")
    assert "allergies" not in written(world, as_conditions, tmp_path / "plain").rows


def test_an_imperfection_says_that_it_cannot_spoil_them(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text(FRAME + "imperfections: {lost: {missing: flu, chance: 0.1}}\n")
    pathway = 'vaccines: {flu: {cvx: "140"}}\ncare: {a: {starts: {when: age > 1}, steps: {vaccinate: flu}}}\n'
    (tmp_path / "world.yaml").write_text(f"pathway: world\n{pathway}")
    scenario, findings = check(tmp_path)
    assert scenario is None
    (error,) = [f for f in findings if f.severity == "error"]
    assert error.span.file.endswith("scenario.yaml")
    assert error.rule == "never-spoiled"
    assert "immunizations" in error.message
