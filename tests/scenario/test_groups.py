"""What can be wrong with groups, of states and of drugs or conditions, and with `previous_state`."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import check, load
from sim.scenario.model import Exit, Start
from sim.scenario.whole import parts

FRAME = """
scenario: groups
window: {from: 1980-01-01, to: 2020-01-01}
population: {size: 10, sex: {female: 0.5, male: 0.5}, born: {from: 1950-01-01, to: 1960-01-01}}
pathways: [a.yaml]
"""
PATHWAY = """\
pathway: a
disease:
  colon:
    sound:
      -> cancer: {rate: 1 per year}
    cancer:
      -> cured: {rate: 1 per year}
      states:
        early:
          -> late: {rate: 2 per year}
          -> cured: {rate: 3 per year}
        late: {}
    cured:
      set: {stage: previous_state}
conditions: {crc: {icd10: C18.9}, low: {icd10: F32.9}}
drugs: {x: {rxnorm: "1"}, y: {rxnorm: "2"}}
procedures: {cut: {}}
groups: {pills: [x, y]}
care:
  p:
    starts: {upon: pills}
    steps: [{stop: pills}, {if: stage == late, then: {diagnose: crc}}]
"""


def folder(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    text = PATHWAY
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "scenario.yaml").write_text(FRAME)
    (tmp_path / "a.yaml").write_text(text)
    return tmp_path


def test_exits_of_a_group_are_those_of_its_states(tmp_path: Path) -> None:
    scenario = load(folder(tmp_path))
    states = scenario.pathways[0].axes[0].states
    assert [(s.name, s.groups) for s in states] == [
        ("a.sound", ()),
        ("a.early", ("a.cancer",)),
        ("a.late", ("a.cancer",)),
        ("a.cured", ()),
    ]
    assert [e.target for e in states[0].exits] == ["a.early"]
    assert [e.site for s in states[1:3] for e in s.exits] == [
        "a/colon/early/-> late",
        "a/colon/early/-> cured/1",
        "a/colon/early/-> cured/2",
        "a/colon/late/-> cured",
    ]
    rates = [e.expression.value * 365.25 for e in states[1].exits if e.expression]  # type: ignore[operator]
    assert rates == pytest.approx([2, 3, 1])
    assert [s.thing for s in parts(scenario.pathways, Start)] == ["a.pills"]


def test_modifying_the_way_into_a_group_leaves_what_moves_inside(tmp_path: Path) -> None:
    modified = "groups: {pills: [x, y]}\nmodifies: {rate: cancer, times: 2}"
    scenario = load(
        folder(
            tmp_path,
            ("groups: {pills: [x, y]}", modified),
            ("late: {}", "late: {-> early: {rate: 1 per year}}"),
        )
    )
    ops = {e.site: e.expression.op for e in parts(scenario.pathways, Exit) if e.expression}
    assert ops["a/colon/sound/-> early"] == "mul"
    assert ops["a/colon/late/-> early"] == "const"


EARLY = """\
        early:
          -> late: {rate: 2 per year}
          -> cured: {rate: 3 per year}
        late: {}"""


@pytest.mark.parametrize(
    ("old", "new", "rule", "said"),
    [
        ("      states:\n", "      lasts: 1 year\n      states:\n", "misplaced-key", "`cancer` is a group"),
        ("      states:\n", "      set: {z: 1}\n      states:\n", "misplaced-key", "`cancer` is a group"),
        (
            "-> cured: {rate: 1 per year}",
            "-> cured: {share: 1}",
            "misplaced-key",
            "a share ends the `lasts:`",
        ),
        (
            EARLY,
            "        early: {-> late: {share: 1}}\n        late: {-> cured: {share: 1}}",
            "unreachable-exit",
            "every state of `cancer` is left at once",
        ),
        ("-> cured: {rate: 1 per year}", "-> cured: {rate: 1 per yaer}", "unknown-unit", ""),
        (
            "-> cured: {rate: 1 per year}",
            "-> cured: {after: piecewise(1 per year)}",
            "wrong-arguments",
            "piecewise",
        ),
        ("        early:\n", "        sound:\n", "same-name", "a state `sound` already"),
        (
            "-> cured: {rate: 1 per year}",
            "-> cured: {rate: 1 per year, while: in(canser)}",
            "unknown-name",
            "canser",
        ),
        (
            "-> cured: {rate: 1 per year}",
            "-> cured: {risk: 2 in 1 year}",
            "not-a-probability",
            "this risk is 2",
        ),
        (
            "-> cured: {rate: 1 per year}",
            "-> cured: {when: in(early), times: 2}",
            "misplaced-key",
            "`times:`",
        ),
        (
            "-> cured: {rate: 1 per year}",
            "-> dead: {rate: 1 per year, cause: pills}",
            "wrong-kind",
            "a condition",
        ),
        ("set: {stage: previous_state}", "set: {stage: previous_sate}", "unknown-name", "previous_sate"),
        ("{pills: [x, y]}", "{pills: [x, y], g: []}", "empty-group", "`g` holds nothing"),
        ("{pills: [x, y]}", "{pills: [x, y], g: [pills, y]}", "is-a-group", "`pills` is a group itself"),
        ("{pills: [x, y]}", "{pills: [x, y], g: [early, y]}", "wrong-kind", "`early` is a state"),
        ("{stop: pills}", "{increase: pills}", "is-a-group", "one drug belongs here"),
        ("{stop: pills}", "{switch: pills, to: x}", "is-a-group", "one drug belongs here"),
        ("{stop: pills}", "{test: pills}", "wrong-kind", "a biomarker or test or panel belongs here"),
        ("{pills: [x, y]}", "{pills: [x, y]}\nladders: {up: [[pills]]}", "is-a-group", "one drug"),
        ("    cured:\n", "    rare: {states: {}}\n    cured:\n", "empty-group", "`rare` has no states"),
        (
            "      -> cancer: {rate: 1 per year}",
            "      -> cancer: {rate: 1 per year}\n      -> early: {rate: 1 per year}",
            "two-ways",
            "both enter `early`",
        ),
        ("        late: {}", "        late: {}\n        cancer: {}", "same-name", "`cancer`"),
        ("stage == late", "stage == cancer", "unknown-level", "sound, early, late, cured"),
        ("stage == late", "known(previous_state)", "misplaced-word", "in the `set:` of a state"),
        ("[x, y]", "[x, crc]", "mixed-group", "`pills` mixes drugs and conditions"),
        ("[x, y]", "[x, x]", "same-name", "in this group already"),
        ("[x, y]", "[x, z]", "unknown-name", "`z`"),
        ("{pills: [x, y]}", "{pills: [x, y], x: [y]}", "same-name", "`x` is defined under"),
        ("{stop: pills}", "{prescribe: pills}", "is-a-group", "one drug belongs here"),
        ("{stop: pills}", "{resolve: pills}", "wrong-kind", "`pills` is a drug"),
    ],
)
def test_it_is_told(tmp_path: Path, old: str, new: str, rule: str, said: str) -> None:
    scenario, findings = check(folder(tmp_path, (old, new)))
    assert scenario is None
    errors = [f for f in findings if f.severity == "error"]
    assert rule in [f.rule for f in errors]
    assert any(said in f.message for f in errors if f.rule == rule)
    assert len(errors) == 1, [f.message for f in errors]


def test_an_imperfection_of_a_group_spoils_each_of_them(tmp_path: Path) -> None:
    made = folder(tmp_path, ("{pills: [x, y]}", "{pills: [x, y], signs: [crc, low]}"))
    imperfections = "imperfections:\n  lost: {missing: pills, chance: 0.1 * in(cancer)}\n"
    imperfections += "  slip: {wrong_code: crc, becomes: signs}\n"
    (made / "scenario.yaml").write_text(FRAME + imperfections)
    scenario, findings = check(made)
    assert scenario is None
    assert [f.rule for f in findings if f.severity == "error"] == ["same-name"]
    (made / "scenario.yaml").write_text(
        FRAME + imperfections.replace("wrong_code: crc", "wrong_code: conditions")
    )
    lost, slip = load(made).imperfections
    assert [target.thing for target in lost.targets] == ["a.x", "a.y"]
    assert slip.becomes == ("a.crc", "a.low")


@pytest.mark.parametrize(
    ("old", "new", "rule", "said"),
    [
        ("      states:\n", "      state:\n", "unknown-key", "did you mean `states`?"),
        (f"      states:\n{EARLY}", "      states: [early, late]", "wrong-shape", "this is a list"),
    ],
)
def test_states_that_cannot_be_read(tmp_path: Path, old: str, new: str, rule: str, said: str) -> None:
    scenario, findings = check(folder(tmp_path, (old, new)))
    assert scenario is None
    assert any(said in f.message + f.fix for f in findings if f.rule == rule)
