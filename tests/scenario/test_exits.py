"""Exits by risk, survival and when, and events: what they become, and what is said where they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sim.scenario import check
from sim.scenario.model import Scenario
from sim.scenario.unparse import unparse
from tests.conftest import FRAME

FALL = "events: {fall: {rate: 1 per year}}\n"
A_TO_B = "disease: {{x: {{a: {{-> b: {{{exit}}}}}, b: {{}}}}}}\n"


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        ("risk: 0.02 in 30 days", "-log(1 - 0.02) / 30 days"),
        ("survival: 0.9 at 5 years", "-log(0.9) / 5 years"),
        ("risk: 0.3 if in(a) else 0.2 in 1 year", "-log(1 - (0.3 if in(world.a) else 0.2)) / 1 year"),
    ],
)
def test_a_probability_becomes_a_rate(world: Callable[..., Scenario], written: str, rate: str) -> None:
    (exit_,) = world(A_TO_B.format(exit=written)).pathways[0].axes[0].states[0].exits
    assert exit_.kind == "rate"
    assert exit_.expression is not None
    assert unparse(exit_.expression) == rate


@pytest.mark.parametrize(
    ("pathway", "rule", "said"),
    [
        (A_TO_B.format(exit="risk: 0.02"), "no-time", "a probability and no time"),
        (A_TO_B.format(exit="risk: 0.02 at 5 years"), "no-time", "`P in DURATION`"),
        (A_TO_B.format(exit="survival: 0.9 at 0 years"), "no-time", "not above zero"),
        (A_TO_B.format(exit="risk: 2 in 30 days"), "not-a-probability", "this risk is 2"),
        (A_TO_B.format(exit="survival: 0 at 5 years"), "not-a-probability", "this survival is 0"),
        (A_TO_B.format(exit="risk: 0.1 in 3"), "missing-unit", ""),
        (A_TO_B.format(exit="risk: 2% in 30 days"), "wrong-unit", "70 % is 0.7"),
        (A_TO_B.format(exit="risk: 0.02 in 30 dys"), "unknown-unit", "`days`"),
        (A_TO_B.format(exit="risk: 0.02 per 30 days"), "no-time", "0.02 in 30 days"),
        (A_TO_B.format(exit="risk: in 30 days"), "no-time", "0.02 in 30 days"),
        (A_TO_B.format(exit="risk: 0.02 in -3 days"), "no-time", "not above zero"),
        (A_TO_B.format(exit="risk: 0.02 in exponential(2 years)"), "draw-not-allowed", ""),
        (A_TO_B.format(exit="risk: [0.02, 30 days]"), "wrong-shape", "a probability and its time"),
        (A_TO_B.format(exit="survival: 0.9 after 5 years"), "no-time", "0.9 at 5 years"),
        (A_TO_B.format(exit="survival: 5 years at 0.9"), "wrong-type", "a plain number belongs here"),
        (
            A_TO_B.format(exit="risk: 0.1 in 1 year, survival: 0.9 at 1 year"),
            "exit-kind",
            "risk and survival",
        ),
        (A_TO_B.format(exit="hazard: 0.02 per year"), "unknown-key", "risk"),
        (A_TO_B.format(exit="when: b"), "wrong-kind", "in(b)"),
        (A_TO_B.format(exit="when: age = 3"), "syntax", "`==`"),
        (A_TO_B.format(exit="when: bernoulli(0.5)"), "draw-not-allowed", "a trigger"),
        (A_TO_B.format(exit="when: age > 3 and time_in(a) > age"), "not-exact", "`time_in` is not alone"),
        (A_TO_B.format(exit="when: [age > 3, male]"), "wrong-shape", "an expression"),
        (A_TO_B.format(exit="when: age > 3, chance: 2"), "not-a-probability", ""),
        (A_TO_B.format(exit="rate: 1 per year, chance: 0.5"), "misplaced-key", "upon or when"),
        (A_TO_B.format(exit="when: 3"), "wrong-type", ""),
        (A_TO_B.format(exit="when: age > 3, while: male"), "misplaced-key", "`while:` goes with"),
        (A_TO_B.format(exit="risk: 0.1 in 1 year, chance: 0.5"), "misplaced-key", "upon or when"),
        (A_TO_B.format(exit="when: age > 3, rate: 1 per year"), "exit-kind", "rate and when"),
        ("events: {fall: {while: male}}\n", "missing-key", "`rate:`"),
        ("events: {fall: {rate: -1 per year}}\n", "negative-rate", "below zero"),
        ("events: {fall: {rate: 1 per year}}\nconditions: {fall: {}}\n", "same-name", "`events:` as well"),
        ("events: {fall: {rate: 1 per year, upon: x}}\n", "unknown-key", "`upon`"),
        ("event: {fall: {rate: 1 per year}}\n", "unknown-key", "`events`"),
        ("events: {fall: 1 per year}\n", "wrong-shape", "a map"),
        ("events: {fall: {rate: 2}}\n", "missing-unit", "2 per year"),
        ("events: {fall: {risk: 0.1 in 1 year}}\n", "missing-key", "`rate:`"),
        ("events: {fall: {rate: 1 per year, lasts: 2 days}}\n", "unknown-key", "`lasts`"),
        ("events: {fall: {rate: 1 per year, -> b: {share: 1}}}\n", "unknown-key", "`-> b`"),
        ("events: {dead: {rate: 1 per year}}\n", "reserved-name", "`dead`"),
        (FALL + A_TO_B.format(exit="rate: 1 per year, while: fall"), "wrong-kind", "count(fall) > 0"),
        (FALL + A_TO_B.format(exit="rate: 1 per year, while: in(fall)"), "wrong-kind", "`fall` is an event"),
        (FALL + "modifies: [{rate: fal, times: 2}]\n", "unknown-name", "`fall`"),
        (FALL + "modifies: [{rate: fall -> b, times: 2}]\n", "wrong-kind", "`fall` is an event"),
        (FALL + "care: {p: {starts: {upon: fall}, steps: {diagnose: fall}}}\n", "wrong-kind", "a condition"),
        ("disease: {x: {a: {-> b: []}, b: {-> a: {after: 1 day}}}}\n", "exit-kind", "`-> b` holds no exit"),
        ("disease: {x: {a: {-> b: [{after: 1 day}, {}]}, b: {}}}\n", "exit-kind", "exactly one of"),
        (
            "disease: {x: {a: {-> b: {after: 1 day}, -> b: {after: 2 days}}, b: {}}}\n",
            "two-ways",
            "put both in a list",
        ),
        (
            "disease: {x: {a: {-> b: [{share: 0.5}, {share: 0.6}]}, b: {}}}\n",
            "shares-sum",
            "add up to 1.1",
        ),
        (
            "disease: {x: {a: {-> b: [{after: 1 day}, {share: 1}]}, b: {}}}\n",
            "unreachable-exit",
            "left at once",
        ),
        ("disease: {x: {a: {-> a: {share: 1}}}}\n", "instant-cycle", "a -> a"),
        ("disease: {x: {a: {-> b: {share: 1, while: male}}, b: {}}}\n", "misplaced-key", "not with share"),
        (
            FALL + A_TO_B.format(exit="upon: fal"),
            "unknown-name",
            "`fal`",
        ),
        (
            A_TO_B.format(exit="when: age > 3") + "modifies: [{rate: a -> b, times: 2}]\n",
            "nothing-to-modify",
            "no rate",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, pathway: str, rule: str, said: str) -> None:
    (tmp_path / "scenario.yaml").write_text(FRAME)
    (tmp_path / "world.yaml").write_text(f"pathway: world\n{pathway}")
    scenario, findings = check(tmp_path)
    errors = [f for f in findings if f.severity == "error"]
    assert scenario is None
    assert rule in [f.rule for f in errors], errors
    assert any(said in f"{f.message} {f.fix}" for f in errors if f.rule == rule), errors
