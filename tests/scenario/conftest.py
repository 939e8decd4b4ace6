"""What the tests share: of expressions, a scope with names of every kind and a reader; of pathways, the check
of a scenario that a test's module holds as texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sim.scenario import Diagnostic, Scenario
from sim.scenario import check as check_scenario
from sim.scenario.expressions import parse
from sim.scenario.model import DURATION, NUMBER, RATE, TRUTH, Expr, Span, Type
from sim.scenario.typing import Context, Scope, Symbol, check

Examine = Callable[..., tuple[Scenario | None, tuple[Diagnostic, ...]]]

MMHG = Type("number", unit="mmHg")
MMOL = Type("number", unit="mmol/L")
SEVERITY = Type("category", levels=("mild", "moderate", "severe"))
DEPRIVATION = Type("category", levels=("least", "middle", "most"))

START = Span("asthma.yaml", 7, 12)

SYMBOLS = (
    Symbol("variable", "asthma.atopic", TRUTH),
    Symbol("variable", "asthma.severity", SEVERITY),
    Symbol("variable", "asthma.proneness", NUMBER),
    Symbol("variable", "population.smoker", TRUTH),
    Symbol("variable", "population.deprivation", DEPRIVATION),
    Symbol("parameter", "asthma.onset", RATE),
    Symbol("parameter", "asthma.fatality", NUMBER),
    Symbol("parameter", "asthma.first_age", DURATION),
    Symbol("parameter", "asthma.target", MMHG),
    Symbol("table", "asthma.uptake", NUMBER, keys=("population.deprivation",)),
    Symbol("table", "asthma.conception", RATE, keys=("age", "sex")),
    Symbol("state", "asthma.active"),
    Symbol("state", "asthma.attack"),
    Symbol("state", "asthma.remission"),
    Symbol("state", "depression.remission"),
    Symbol("state", "depression.episode"),
    Symbol("state", "gout.flare"),
    Symbol("state", "copd.flare"),
    Symbol("axis", "asthma.airways"),
    Symbol("condition", "asthma.asthma"),
    Symbol("condition", "asthma.exacerbation"),
    Symbol("drug", "asthma.inhaler"),
    Symbol("procedure", "asthma.nebuliser"),
    Symbol("biomarker", "asthma.sbp", MMHG, ("value",)),
    Symbol("biomarker", "asthma.ldl", MMOL, ("value",)),
    Symbol("protocol", "asthma.review"),
    Symbol("provider", "clinic"),
)


def _formula(name: str, text: str) -> Symbol:
    expression = check(parse(text, Span("asthma.yaml", 90, 5)), Scope(SYMBOLS, "asthma"), None, "formula")
    return Symbol("formula", f"asthma.{name}", expression.type, formula=expression)


@pytest.fixture(scope="session")
def scope() -> Scope:
    formulas = (
        _formula("gestation", "time_in(attack) + 14 days"),
        _formula("risk", "1 - 0.95 ** exp(0.06 * (age - 55) + 0.018 * (last(sbp) - 130))"),
        _formula("older", "age"),
    )
    return Scope(SYMBOLS + formulas, "asthma")


@pytest.fixture(scope="session")
def read(scope: Scope) -> Callable[..., Expr]:
    """The typed expression of a text that starts at line 7, column 12 of asthma.yaml."""

    def read(text: str, expected: Type | None = None, context: Context = "condition") -> Expr:
        return check(parse(text, START), scope, expected, context)

    return read


@pytest.fixture
def examine(tmp_path: Path, request: pytest.FixtureRequest) -> Examine:
    """What a check finds in the FILES of the test's module, of which some may be given another text."""

    def examine(others: Mapping[str, str] | None = None) -> tuple[Scenario | None, tuple[Diagnostic, ...]]:
        for name, text in (request.module.FILES | (others or {})).items():
            (tmp_path / name).write_text(text)
        return check_scenario(tmp_path)

    return examine
