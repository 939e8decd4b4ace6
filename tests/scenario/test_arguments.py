"""Protocols with arguments: which protocols they become, and what is wrong with what is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sim.scenario import Scenario, ScenarioError, check, load
from sim.scenario.expressions import unparse
from sim.scenario.model import Do, If, Prescribe, Protocol, StartProtocol, Step, StopProtocol
from sim.scenario.whole import parts

World = Callable[..., Scenario]

PARTS = """
parameters: {target: {value: 130 mmHg, source: a text of words}}
biomarkers: {sbp: {unit: mmHg, value: 120}}
conditions: {gout: {}}
procedures: {talk: {}}
drugs: {a: {}, b: {doses: [1 mg, 2 mg]}}
"""
TREAT = """
  treat:
    needs: {drug: drug, goal: mmHg}
    steps: [{prescribe: drug, chance: 0.5}, {if: last(sbp) > goal, then: {stop: drug}}]
"""


def protocols(scenario: Scenario) -> dict[str, Protocol]:
    return {p.name.removeprefix("world."): p for p in parts(scenario.pathways, Protocol)}


def test_there_is_one_for_each_set_of_arguments(world: World) -> None:
    """In the order of their names, where the protocol is written; a bare number is in the unit asked for."""
    scenario = world(
        PARTS
        + """
care:
  one:
    starts: {when: age >= 10}
    steps:
      - {start: treat, with: {drug: b, goal: target}}
      - {do: treat, with: {goal: 140, drug: a}}
      - {start: treat, with: {drug: a, goal: 140 mmHg}}
      - {start: treat, with: {drug: a, goal: 100 mmHg + 2 * 20 mmHg}}
"""
        + TREAT
        + "  last: {starts: {when: age > 50}, steps: {start: treat, with: {drug: b, goal: target - 5}}}"
    )
    found = protocols(scenario)
    a, b = "treat_with_a_and_140_mmHg", "treat_with_b_and_target"
    assert list(found) == ["one", a, b, "treat_with_b_and_target_minus_5_mmHg", "last"]
    called = [s.protocol for s in parts(found["one"].steps, Step) if isinstance(s, Do | StartProtocol)]
    assert called == [f"world.{name}" for name in (b, a, a, a)]
    prescribe, *_ = found[b].steps
    assert isinstance(prescribe, Prescribe)
    assert (prescribe.drug, prescribe.site) == ("world.b", f"world/{b}/prescribe/b/1")
    conditions = [unparse(e.condition) for p in (a, b) for e in found[p].steps if hasattr(e, "condition")]
    assert conditions == ["last(world.sbp) > 140 mmHg", "last(world.sbp) > world.target"]


def test_arguments_are_handed_on_and_starts_give_their_own(world: World) -> None:
    scenario = world(
        PARTS
        + """
care:
  outer:
    needs: {what: procedure, then: protocol}
    starts:
      - {when: age >= 10, with: {what: talk, then: after}}
      - {upon: talk, with: {then: after, what: talk}}
    steps: [{perform: what}, {do: inner, with: {it: what}}, {start: then}]
  inner: {needs: {it: procedure}, steps: {perform: it, name: mine}}
  after: {steps: {wait: 1 day}}
"""
    )
    found = protocols(scenario)
    assert list(found) == ["outer_with_talk_and_after", "inner_with_talk", "after"]
    assert [s.kind for s in found["outer_with_talk_and_after"].starts] == ["when", "upon"]
    assert found["inner_with_talk"].steps[0].site == "mine/with_talk"


def test_one_with_arguments_may_start_itself_with_the_same_ones_and_know_itself_by_name(world: World) -> None:
    scenario = world(
        PARTS
        + """
care:
  swap:
    needs: {now: drug, next: drug}
    starts: {when: age > 10, with: {now: a, next: b}}
    steps: [{prescribe: now}, {wait: 1 year}, {stop: now}, {start: swap, with: {now: next, next: now}}]
  other:
    starts: {when: not running(swap_with_a_and_b) and age > 20}
    steps: {stop: swap_with_b_and_a}
"""
    )
    assert list(protocols(scenario)) == ["swap_with_a_and_b", "swap_with_b_and_a", "other"]


def test_all_of_them_are_stopped_and_asked_for_together(world: World) -> None:
    scenario = world(
        PARTS
        + """
care:
  one:
    starts: [{when: age > 40, with: {it: b}}, {when: age > 30, with: {it: a}}]
    needs: {it: drug}
    steps: {prescribe: it}
  two:
    starts: {when: not running(one) and age > 50}
    steps: {stop: one, chance: 0.5}
"""
    )
    two = protocols(scenario)["two"]
    condition = two.starts[0].expression
    assert condition
    assert "not (running(world.one_with_a) or running(world.one_with_b))" in unparse(condition)
    (stop,) = two.steps
    assert isinstance(stop, If)
    assert stop.site == "world/two/stop/one/1"
    assert [s.protocol for s in stop.then if isinstance(s, StopProtocol)] == [
        "world.one_with_a",
        "world.one_with_b",
    ]


def test_other_pathways_give_arguments_too(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text(
        """
scenario: two
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [shared.yaml, lungs.yaml]
providers: {clinic: {class: ambulatory}, ward: {class: inpatient}}
"""
    )
    (tmp_path / "shared.yaml").write_text(
        """
pathway: shared
drugs: {syrup: {}}
care: {give: {needs: {drug: drug, at: provider}, steps: {visit: at, steps: {prescribe: drug}}}}
"""
    )
    (tmp_path / "lungs.yaml").write_text(
        """
pathway: lungs
drugs: {syrup: {}}
care:
  one:
    starts: {when: age > 40}
    steps:
      - {do: shared.give, with: {drug: syrup, at: clinic}}
      - {do: give, with: {drug: shared.syrup, at: ward}}
"""
    )
    found = [p.name for p in parts(load(tmp_path).pathways, Protocol)]
    names = ["shared.give_with_lungs_syrup_and_clinic", "shared.give_with_syrup_and_ward", "lungs.one"]
    assert found == names


def test_a_variable_that_only_such_a_protocol_sets(world: World) -> None:
    scenario = world(
        PARTS
        + """
care:
  note:
    needs: {goal: mmHg}
    starts: {when: age > 10, with: {goal: 140}}
    steps: [{set: {aim: goal - 10}}, {if: last(sbp) > aim, then: {perform: talk}}]
"""
    )
    (aim,) = (v for v in scenario.variables if v.name == "world.aim")
    assert aim.type.unit == "mmHg"


def test_a_parameter_that_changes_may_be_given(world: World) -> None:
    scenario = world(
        PARTS.replace("source:", "changes: {2017-11-13: 120 mmHg}, source:")
        + "care:\n  one: {starts: {when: age > 10}, steps: {start: first, with: {goal: target}}}\n"
        + "  first: {needs: {goal: mmHg}, steps: {start: treat, with: {drug: a, goal: goal}}}"
        + TREAT
    )
    found = protocols(scenario)["treat_with_a_and_target"]
    (condition,) = (unparse(e.condition) for e in found.steps if hasattr(e, "condition"))
    assert condition == "last(world.sbp) > (120 mmHg if today >= 2017-11-13 else world.target)"


START = "  one: {starts: {when: age > 10}, steps: {start: treat, with: {%s}}}\n"
MISTAKES = {
    "missing": (START % "drug: a", "missing-argument", "`treat` needs `goal`", "with: {goal: ...}"),
    "none": (
        "  one: {starts: {when: age > 10}, steps: {do: treat}}\n",
        "missing-argument",
        "needs `drug` and `goal`",
        "with: {drug: ..., goal: ...}",
    ),
    "superfluous": (
        START % "drug: a, goal: 3, gaol: 4",
        "unknown-argument",
        "no argument `gaol`",
        "`goal`",
    ),
    "to one without": (
        START % "drug: a, goal: 3" + "  two: {starts: {upon: talk}, steps: {do: one, with: {x: 3}}}\n",
        "unknown-argument",
        "`one` has no arguments",
        "leave out",
    ),
    "wrong kind": (START % "drug: gout, goal: 3", "wrong-kind", "`gout` is a condition; a drug", ""),
    "unknown": (START % "drug: c, goal: 3", "unknown-name", "no drug `c`", ""),
    "wrong unit": (START % "drug: a, goal: 5 kg", "wrong-unit", "mmHg", ""),
    "wrong type": (START % "drug: a, goal: 2 weeks", "wrong-type", "", ""),
    "of the patient": (START % "drug: a, goal: last(sbp)", "not-constant", "the same for everybody", "`set`"),
    "drawn": (START % 'drug: a, goal: "normal(3, 4)"', "draw-not-allowed", "", ""),
    "a start without": (
        "  one: {needs: {x: drug}, starts: {when: age > 10}, steps: {stop: x}}\n"
        + START.replace("one", "two") % "drug: a, goal: 3",
        "missing-argument",
        "`one` needs `x`",
        "",
    ),
    "while": (
        "  one: {needs: {x: drug}, while: age > 10, steps: {stop: x}}\n"
        "  two: {starts: {when: age > 10}, steps: [{start: one, with: {x: a}}, "
        "{start: treat, with: {drug: a, goal: 3}}]}\n",
        "misplaced-key",
        "needs arguments",
        "",
    ),
    "a type that is none": (
        "  one: {needs: {x: drugs}, starts: {when: age > 10, with: {x: a}}, steps: {stop: a}}\n"
        + START.replace("one", "two") % "drug: a, goal: 3",
        "unknown-type",
        "`drugs`",
        "`drug`",
    ),
    "named as something else": (
        "  one: {needs: {talk: drug}, starts: {when: age > 10, with: {talk: a}}, steps: {stop: talk}}\n"
        + START.replace("one", "two") % "drug: a, goal: 3",
        "same-name",
        "defines `talk` as well",
        "",
    ),
    "the bare protocol": (
        START % "drug: a, goal: 3" + "  two: {starts: {upon: treat}, steps: {perform: talk}}\n",
        "wrong-kind",
        "`treat` is a protocol with arguments",
        "",
    ),
    "its use in the protocol": (
        "  one: {needs: {x: drug}, starts: {when: age > 10, with: {x: a}}, steps: {perform: x}}\n"
        + START.replace("one", "two") % "drug: a, goal: 3",
        "wrong-kind",
        "the argument `x` is a drug here; a procedure belongs here",
        "",
    ),
    "without end": (
        START % "drug: a, goal: 3" + "  grow: {needs: {n: number}, starts: {when: age > 10, with: {n: 1}}, "
        "steps: {start: grow, with: {n: n + 1}}}\n",
        "endless-arguments",
        "again and again",
        "",
    ),
    "done by itself": (
        START % "drug: a, goal: 3" + "  round: {needs: {x: drug}, starts: {when: age > 10, with: {x: a}}, "
        "steps: {do: round, with: {x: x}}}\n",
        "do-cycle",
        "world.round_with_a",
        "",
    ),
    "two that share a name": (
        START
        % "drug: a, goal: 0.5"
        + "  two: {starts: {when: age > 10}, steps: {start: treat, with: {drug: a, goal: target / 2}}}\n"
        "  three: {starts: {when: age > 10}, steps: {start: treat, with: {drug: a, goal: target * 2}}}\n",
        "same-name",
        "treat_with_a_and_target_2",
        "a parameter",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told(world: World, name: str) -> None:
    steps, rule, message, fix = MISTAKES[name]
    with pytest.raises(ScenarioError) as raised:
        world(f"{PARTS}care:\n{steps}{TREAT}")
    errors = [d for d in raised.value.diagnostics if d.severity == "error"]
    assert [d.rule for d in errors] == [rule], [d.message for d in errors]
    assert message in errors[0].message
    assert fix in errors[0].fix


def test_one_that_nothing_starts_is_warned_of(tmp_path: Path, world: World) -> None:
    world(f"{PARTS}care:{TREAT}")
    _, findings = check(tmp_path)
    assert "never-started" in [d.rule for d in findings]
