"""Both runtimes live the same lives, to the bit, in every shipped scenario and in generated ones."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings

from sim import agents, engine
from sim.engine import LifeError
from sim.engine.log import (
    APPOINTMENT,
    CAREPLAN,
    CONDITION,
    DEATH,
    ENCOUNTER,
    EVENT,
    IMMUNIZATION,
    MEDICATION,
    OBSERVATION,
    PROCEDURE,
    STATE,
    VARIABLE,
    Log,
    People,
)
from sim.program import compile
from sim.scenario import load
from sim.scenario.model import Scenario
from sim.scenario.runtimes import only_agents
from sim.scenario.whole import plans
from tests.agents.generator import Written, scenarios

SHIPPED = sorted(path.parent for path in Path(__file__).parents[2].glob("scenarios/*/scenario.yaml"))
PATIENTS = 6
EXAMPLES = 60  # in each part
PARTS = 7
MOST_ROWS = 20_000  # of a life: longer ones only take longer
MOST_ATTEMPTS = 100
RUN_SEED = 1

Lived = tuple[People, Log] | str


def lived(simulate: Callable[[], tuple[People, Log]]) -> Lived:
    """A life, or what is wrong with it."""
    try:
        return simulate()
    except LifeError as error:
        return f"{error.fault.message} (patient {error.fault.patient})"


def words(scenario: Scenario, log: Log, row: int) -> str:
    """A row of the log, with names."""
    states = [s.name for pathway in scenario.pathways for axis in pathway.axes for s in axis.states]
    names: dict[int, list[str]] = {
        ENCOUNTER: [p.name for p in scenario.providers],
        APPOINTMENT: [p.name for p in scenario.providers],
        CONDITION: [c.name for c in scenario.conditions],
        OBSERVATION: [test.name for test in (*scenario.biomarkers, *scenario.examinations)],
        MEDICATION: [d.name for d in scenario.drugs],
        PROCEDURE: [p.name for p in scenario.procedures],
        IMMUNIZATION: [v.name for v in scenario.vaccines],
        CAREPLAN: [p.name for p in plans(scenario)],
        DEATH: [c.name for c in scenario.conditions],
        STATE: states,
        VARIABLE: [v.name for v in scenario.variables],
        EVENT: [e.name for pathway in scenario.pathways for e in pathway.events],
    }
    kind, code = int(log.kind[row]), int(log.code[row])
    name = names[kind][code] if code >= 0 else "dead"
    name = f"death of {name}" if kind == DEATH else name
    rest = {field: getattr(log, field)[row].item() for field in ("seq", "start", "end", "aux", "encounter")}
    return f"{np.datetime64(rest.pop('start'), 's')} {name} {log.value[row]!r} {rest}"


def first_difference(scenario: Scenario, ours: Lived, other: Lived) -> str:
    """Where two lives part, in words; "" where they do not."""
    if isinstance(ours, str) or isinstance(other, str):
        texts = [lived if isinstance(lived, str) else "a life without fault" for lived in (ours, other)]
        return "" if texts[0] == texts[1] else f"kernel: {texts[0]}\nagents: {texts[1]}"
    for field, a, b in zip(People._fields, ours[0], other[0], strict=True):
        if not np.array_equal(a, b):
            return f"people.{field}: kernel {a}, agents {b}"
    log, agents_log = ours[1], other[1]
    rows = min(len(log.kind), len(agents_log.kind))
    same = np.ones(rows, np.bool_)
    for a, b in zip(log, agents_log, strict=True):
        same &= (a[:rows] == b[:rows]) | ((a[:rows] != a[:rows]) & (b[:rows] != b[:rows]))
    row = rows if same.all() else int(np.argmin(same))
    if row == rows and len(log.kind) == len(agents_log.kind):
        return ""
    texts = [words(scenario, x, row) if row < len(x.kind) else "nothing more" for x in (log, agents_log)]
    return f"row {row}\nkernel: {texts[0]}\nagents: {texts[1]}"


def check_same_lives(scenario: Scenario, patients: range, at_once: bool) -> None:
    program = compile(scenario)
    for some in [patients] if at_once else [range(number, number + 1) for number in patients]:
        ours = lived(lambda some=some: engine.simulate(program, some, RUN_SEED))
        if not at_once and not isinstance(ours, str) and len(ours[1].kind) > MOST_ROWS:
            continue
        other = lived(lambda some=some: agents.simulate(scenario, some, RUN_SEED))
        assert not (difference := first_difference(scenario, ours, other)), difference


@pytest.fixture(autouse=True)
def few_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody lives to the date that people must be alive on, or is included, be told so soon."""
    for module in ("sim.engine.simulate", "sim.agents.births"):
        monkeypatch.setattr(sys.modules[module], "MOST_ATTEMPTS", MOST_ATTEMPTS)
        monkeypatch.setattr(sys.modules[module], "PATIENCE", 1)


@pytest.mark.slow
@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_shipped_scenarios(folder: Path) -> None:
    scenario = load(folder)
    if only_agents(scenario):
        with pytest.raises(Exception, match="kernel cannot run this"):
            compile(scenario)
    else:
        check_same_lives(scenario, range(200), at_once=True)


def check_written(written: Written) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_same_lives(load(written.write(Path(folder))), range(PATIENTS), at_once=False)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_generated_scenarios(part: int) -> None:
    """Those that everybody tries."""

    @seed(part)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(scenarios())
    def same_lives(written: Written) -> None:
        check_written(written)

    same_lives()


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_more_generated_scenarios(written: Written) -> None:
    """New ones each time, but in CI."""
    check_written(written)
