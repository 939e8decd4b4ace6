"""Exits by risk, survival and when, and events: what they become, and what is said where they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sim.scenario import check
from sim.scenario.model import Scenario
from sim.scenario.unparse import unparse
from tests.conftest import FRAME

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
        (A_TO_B.format(exit="when: 3"), "wrong-type", ""),
        (A_TO_B.format(exit="when: age > 3, while: male"), "misplaced-key", "`while:` goes with"),
        (A_TO_B.format(exit="risk: 0.1 in 1 year, chance: 0.5"), "misplaced-key", "upon or when"),
        (A_TO_B.format(exit="when: age > 3, rate: 1 per year"), "exit-kind", "rate and when"),
        ("events: {fall: {while: male}}\n", "missing-key", "`rate:`"),
        ("events: {fall: {rate: -1 per year}}\n", "negative-rate", "below zero"),
        ("events: {fall: {rate: 1 per year}}\nconditions: {fall: {}}\n", "same-name", "`events:` as well"),
        ("events: {fall: {rate: 1 per year, upon: x}}\n", "unknown-key", "`upon`"),
        (
            "events: {fall: {rate: 1 per year}}\n" + A_TO_B.format(exit="upon: fal"),
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
