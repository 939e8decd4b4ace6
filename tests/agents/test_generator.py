"""The generator reaches the whole language, so that what holds for its scenarios says something."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from sim.scenario import load
from sim.scenario.copula import scores
from sim.scenario.model import (
    DISTRIBUTIONS,
    SOJOURNS,
    Event,
    Examination,
    Exit,
    Expr,
    Group,
    If,
    Panel,
    Provider,
    Scenario,
    Span,
    Step,
    Visit,
)
from sim.scenario.words import FUNCTIONS
from tests.agents.generator import Written, scenarios

EXAMPLES = 300
FELT = {"felt"}  # means what is inside it


def parts(thing: Any) -> Iterator[Any]:
    """Everything inside a part of a scenario, itself included."""
    yield thing
    if is_dataclass(thing) and not isinstance(thing, Span):
        for field in fields(thing):
            yield from parts(getattr(thing, field.name))
    elif isinstance(thing, tuple):
        for item in thing:
            yield from parts(item)


def constructs(scenario: Scenario) -> Iterator[str]:
    """The names of what a scenario is made of."""
    population = scenario.population
    yield "born" if population.born else "alive on"
    yield "mortality" if scenario.mortality else "no mortality"
    yield "correlated" if scores(scenario) else "independent"
    yield "included at start" if population.include_at_start else "anybody at start"
    yield "included at end" if population.include_at_end else "anybody at end"
    yield "oversampled" if population.oversample else "all alike"
    yield f"entry {population.entry is not None} {population.entry_date is not None}"
    for part in parts(scenario):
        match part:
            case Expr(op="draw", value=name):
                yield f"draw {name}"
            case Expr(op=op):
                yield op
            case Exit(kind="after", expression=Expr(value=name)):
                yield "Exit after"
                yield f"after {name}"
            case Visit():
                given = (
                    part.lasts,
                    part.attend,
                    part.rebook_after,
                    part.missed,
                    part.referral,
                    part.discharge,
                )
                words = ("lasts", "attend", "rebook", "missed", "referral", "discharge")
                yield "Visit"
                yield "chance" if part.chance else "no chance"
                yield from (f"visit {word}" for word, it in zip(words, given, strict=True) if it)
            case Examination():
                yield f"test of {part.type.kind}"
                yield "test takes" if part.takes else "test at once"
            case Panel():
                yield "panel with correlation" if part.errors_correlate else "panel"
            case Provider():
                yield "hours" if part.hours else "always open"
                yield "provider lasts" if part.lasts else "no time"
            case If(site=site) if site.endswith("/valid"):
                yield "valid step"
            case Step():
                yield type(part).__name__
                yield "chance" if part.chance else "no chance"
            case Event():
                yield "event that sets" if part.sets else "event"
            case _ if hasattr(part, "kind") and hasattr(part, "site"):
                yield f"{type(part).__name__} {part.kind}"
            case _ if hasattr(part, "steps") and hasattr(part, "while_"):
                yield "while" if part.while_ else "starts"
                yield "until" if part.until else "no until"
                yield "plan" if part.plan else "no plan"
                yield "valid" if part.valid else "always valid"
                yield "arguments" if "_with_" in part.name else "no arguments"
            case _ if hasattr(part, "exits"):
                yield "lasts" if part.lasts else "no lasts"
                yield "sets" if part.sets else "no sets"
                yield f"in {len(part.groups)} groups"
                shares = [exit_.kind == "share" for exit_ in part.exits]
                yield "passed at once" if any(shares) and not part.lasts else "stayed in"
                places = {exit_.target for exit_ in part.exits}
                yield "several ways" if len(places) < len(shares) else "a way each"
            case Group():
                yield "group"


@pytest.mark.slow
def test_every_construct_is_generated() -> None:
    reached = Counter[str]()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios())
    def count(written: Written) -> None:
        with tempfile.TemporaryDirectory() as folder:
            reached.update(set(constructs(load(written.write(Path(folder))))))
            reached["changes"] += any('"changes"' in text for text in written.files.values())

    count()
    steps = {kind.__name__ for kind in Step.__subclasses__()}
    exits = {f"Exit {kind}" for kind in ("rate", "after", "fixed", "share", "upon", "when")}
    starts = {f"Start {kind}" for kind in ("upon", "when", "rate", "during")}
    operations = set(FUNCTIONS) - FELT | {"in", "ever", "time_in", "years_in", "taking", "prescribed"}
    operations |= {"top_dose"}
    operations |= {"diagnosed", "running", "last", "first", "usual", "mean", "tested", "count", "since"}
    operations |= {"age", "year", "today", "month", "if", "and", "or", "not", "or_else", "lt", "ge", "pow"}
    draws = {f"draw {name}" for name in DISTRIBUTIONS}
    others = {"born", "alive on", "mortality", "entry True False", "entry False True", "while", "until"}
    others |= {"lasts", "sets", "chance", "correlated", *(f"after {name}" for name in SOJOURNS)}
    others |= {"plan", "valid", "valid step", "changes"}
    others |= {"hours", "provider lasts", "event", "event that sets", "arguments"}
    others |= {"panel", "panel with correlation"}
    others |= {"test of truth", "test of category", "test takes", "test at once"}
    others |= {f"visit {word}" for word in ["lasts", "attend", "rebook", "missed", "referral", "discharge"]}
    others |= {"included at start", "included at end", "oversampled"}
    others |= {"previous_state", "group", "in 1 groups", "in 2 groups", "passed at once", "several ways"}
    wanted = steps | exits | starts | operations | draws | others
    missing = wanted - reached.keys()
    assert not missing
