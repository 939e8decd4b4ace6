"""Faults that only a life shows: each names what is wrong, the expression and its place, and a patient."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sim.engine import LifeError, simulate
from sim.program import compile
from sim.scenario import ScenarioError

Live = Callable[..., Any]
World = Callable[..., Any]


class Case(NamedTuple):
    """A world, a word of the message, and the text that it points at: the part of an expression that is
    wrong."""

    pathway: str
    says: str
    points_at: str


CASES = {
    "a negative rate": Case(
        """
variables: {v: "normal(2, 1)"}
disease: {course: {well: {-> ill: {rate: 0.001 per year * v}}, ill: {}}}
""",
        "rate",
        "v",
    ),
    "a negative factor": Case(
        """
variables: {v: "normal(2, 1)"}
disease: {course: {well: {-> ill: {rate: 0.001 per year}}, ill: {}}}
modifies: [{rate: ill, times: v}]
""",
        "rate",
        "v",
    ),
    "a rate that turns negative with age": Case(
        """
disease:
  course:
    well:
      -> ill:
        rate: 0.0001 per year * (50 - age)
    ill: {}
""",
        "rate",
        "0.0001 per year * (50 - age)",
    ),
    "an unknown rate": Case(
        """
biomarkers: {weight: {unit: kg, value: 70}}
disease: {course: {well: {-> ill: {rate: 0.001 per year * last(weight)}}, ill: {}}}
care: {tests: {starts: {rate: 0.5 per year}, steps: {test: weight}}}
""",
        "rate",
        "last(weight)",
    ),
    "an infinite rate": Case(
        """
variables: {v: bernoulli(0.9)}
disease: {course: {well: {-> ill: {rate: 0.001 per year / v}}, ill: {}}}
""",
        "rate",
        "0.001 per year / v",
    ),
    "the rate of a start": Case(
        """
variables: {v: "normal(2, 1)"}
care: {visits: {starts: {rate: 0.01 per year * v}, steps: {visit: clinic}}}
""",
        "rate",
        "v",
    ),
    "a sojourn of impossible shape": Case(
        """
variables: {v: "normal(2, 1)"}
disease:
  course:
    well:
      -> ill:
        after: weibull(shape=v, scale=10 years)
    ill: {}
""",
        "distribution",
        "v",
    ),
    "a sojourn of impossible scale": Case(
        """
variables: {v: "normal(2, 1)"}
disease:
  course:
    well:
      -> ill:
        after: gompertz(shape=0.1 per year, rate=0.01 per year * v)
    ill: {}
""",
        "distribution",
        "0.01 per year * v",
    ),
    "a sojourn of impossible mean": Case(
        """
variables: {v: "normal(2, 1)"}
disease:
  course:
    well:
      -> ill:
        after: exponential(mean=v * 1 year)
    ill: {}
""",
        "distribution",
        "v * 1 year",
    ),
    "a negative stay": Case(
        """
disease:
  course:
    well:
      lasts: normal(2 years, 1 year)
      -> ill: {share: 1}
    ill: {}
""",
        "negative",
        "normal(2 years, 1 year)",
    ),
    "a negative wait": Case(
        """
care:
  visits:
    starts: {when: age >= 10}
    steps:
      - wait: normal(2 days, 1 day)
      - visit: clinic
""",
        "negative",
        "normal(2 days, 1 day)",
    ),
    "an unknown wait": Case(
        """
biomarkers: {weight: {unit: kg, value: 70}}
variables: {v: bernoulli(0.9)}
care:
  visits:
    starts: {when: age >= 10}
    steps:
      - {if: v == 1, then: {test: weight}}
      - wait: last(weight) * 1 day
""",
        "unknown",
        "last(weight) * 1 day",
    ),
    "an interval of nothing": Case(
        """
variables: {v: bernoulli(0.9)}
care:
  visits:
    starts: {when: age >= 10}
    steps:
      - every: v * 30 days
        at_most: 3
        steps: {visit: clinic}
""",
        "interval",
        "v * 30 days",
    ),
    "a supply of impossible length": Case(
        """
variables: {v: "normal(2, 1)"}
drugs: {syrup: {rxnorm: "312617"}}
care:
  treats:
    starts: {when: age >= 10}
    steps:
      - prescribe: syrup
        for: v * 30 days
""",
        "negative",
        "v * 30 days",
    ),
    "a chance above one": Case(
        """
variables: {v: "normal(0.7, 0.1)"}
care:
  visits:
    starts: {when: age >= 10}
    steps:
      - visit: clinic
        chance: v
""",
        "probability",
        "v",
    ),
    "a chance upon something": Case(
        """
variables: {v: "normal(0.7, 0.1)"}
disease: {course: {well: {-> ill: {upon: clinic, chance: v}}, ill: {}}}
care: {visits: {starts: {when: age >= 10}, steps: [{visit: clinic}]}}
""",
        "probability",
        "v",
    ),
    "the chance of a variable": Case(
        """
variables:
  v: "normal(0.7, 0.1)"
  w: bernoulli(v)
""",
        "probability",
        "v",
    ),
    "shares of a state above one": Case(
        """
variables: {v: "normal(0.4, 0.05)"}
disease:
  course:
    well:
      lasts: 1 year
      -> ill: {share: v}
      -> worse: {share: v}
      -> worst: {share: rest}
    ill: {}
    worse: {}
    worst: {}
""",
        "shares",
        "v",
    ),
    "shares of a choice above one": Case(
        """
variables: {v: "normal(0.4, 0.05)"}
care:
  visits:
    starts: {when: age >= 10}
    steps:
      - choose:
          - {share: v, then: {visit: clinic}}
          - {share: v, then: {visit: ward}}
          - otherwise: []
""",
        "1",
        "v",
    ),
    "shares of a category above one": Case(
        """
variables:
  v: "normal(0.4, 0.05)"
  level: categorical(low=v, middle=v, high=rest)
""",
        "1",
        "categorical(low=v, middle=v, high=rest)",
    ),
    "an impossible variable": Case(
        """
variables:
  v: "normal(2, 1)"
  w: "gamma(mean=1, sd=v - 1)"
""",
        "distribution",
        "gamma(mean=1, sd=v - 1)",
    ),
    "an impossible measurement error": Case(
        """
variables: {v: "normal(2, 1)"}
biomarkers: {weight: {unit: kg, value: 70, measurement_error: "normal(0, v)"}}
care: {tests: {starts: {when: age >= 10}, steps: {test: weight}}}
""",
        "distribution",
        "normal(0, v)",
    ),
    "a result that is unknown": Case(
        """
biomarkers: {weight: {unit: kg, value: 70 + since(ill) / 1 year, range: 20 to 200}}
disease: {course: {well: {-> ill: {rate: 0.2 per year}}, ill: {}}}
care: {tests: {starts: {when: age >= 10}, steps: {test: weight}}}
""",
        "unknown",
        "70 + since(ill) / 1 year",
    ),
    "a number that is none": Case(
        """
variables: {v: "normal(2, 1)"}
biomarkers: {weight: {unit: kg, value: 70 + log(v)}}
care: {tests: {starts: {when: age >= 10}, steps: {test: weight}}}
""",
        "not a number",
        "log(v)",
    ),
    "a key outside a table": Case(
        """
parameters: {onset: {by: age, table: onset.csv, unit: per year, source: made up}}
disease: {course: {well: {-> ill: {rate: onset}}, ill: {}}}
""",
        "table",
        "onset",
    ),
    "a key outside a table, in a rate that reads an event too": Case(
        """
parameters: {onset: {by: age, table: onset.csv, unit: per year, source: made up}}
variables: {v: 1}
disease: {course: {well: {-> ill: {rate: onset + v * 0 per year}}, ill: {}}}
""",
        "table",
        "onset",
    ),
    "a key outside a table, in care": Case(
        """
parameters: {uptake: {by: age, table: uptake.csv, source: made up}}
care:
  visits:
    starts: {rate: 0.05 per year}
    steps: [{visit: clinic, chance: uptake}]
""",
        "table",
        "uptake",
    ),
}
TABLES = {"onset.csv": "age,value\n0-49,0.001\n", "uptake.csv": "age,value\n0-49,0.5\n"}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_names_what_where_and_who(world: World, tmp_path: Path, case: str) -> None:
    pathway, says, points_at = CASES[case]
    scenario = world(pathway, tables=TABLES)
    program = compile(scenario)
    with pytest.raises(LifeError) as raised:
        simulate(program, range(1000), 1)
    fault = raised.value.fault
    assert says in fault.message
    assert fault.span is not None
    line = Path(fault.span.file).read_text().splitlines()[fault.span.line - 1]
    at = fault.span.column - 1
    assert line[at : at + fault.span.length] == points_at
    text = str(raised.value)
    assert text.startswith(str(fault.span))
    assert f"patient {fault.patient}" in text
    # the patient shows it alone, and is the first to do so
    with pytest.raises(LifeError) as alone:
        simulate(program, range(fault.patient, fault.patient + 1), 1)
    assert alone.value.fault == fault
    simulate(program, range(fault.patient), 1)


def test_nobody_is_alive_on_the_date(world: World) -> None:
    scenario = world(
        """
disease: {life: {alive: {-> dead: {after: 1 year, cause: cough}}}}
conditions: {cough: {snomed: "49727002"}}
""",
        frame="""
scenario: nobody
window: {from: 2000-01-01, to: 2010-01-01}
population:
  size: 1
  alive_on: {date: 2000-01-01, ages: ages.csv}
  sex: {female: 0.5, male: 0.5}
pathways: [world.yaml]
""",
        tables={"ages.csv": "age,population\n20-59,1\n"},
    )
    with pytest.raises(LifeError, match=r"scenario.yaml:4:.*alive on.*patient 3") as raised:
        simulate(compile(scenario), range(3, 10), 1)
    assert raised.value.fault.patient == 3


def test_a_fault_in_a_year_that_nobody_reaches_is_none(live: Live) -> None:
    """Everyone is dead at 45; from 50 on there would be no rate."""
    lives = live(
        """
parameters: {onset: {by: age, table: onset.csv, unit: per year, source: made up}}
variables: {v: 1}
disease:
  one: {a: {-> b: {rate: onset}}, b: {}}
  two: {c: {-> d: {rate: 0.0001 per year * (50 - age)}}, d: {}}
  three: {e: {-> f: {rate: 0.0001 per year * (50 * v - age)}}, f: {}}
  life: {alive: {-> dead: {after: 45 years, cause: cough}}}
conditions: {cough: {snomed: "49727002"}}
""",
        1000,
        tables=TABLES,
    )
    assert lives.people.died.all()
    assert 10 < len(lives.rows("state", "b").code) < 100


@pytest.mark.parametrize("value", ["(today - 1950-01-01) / 1 year"])
def test_a_rate_cannot_read_a_drifting_clock_through_a_biomarker(world: World, value: str) -> None:
    """It would keep what the clock said at the last event."""
    scenario = world(
        f"""
biomarkers:
  one: {{unit: mmol/L, value: {value}}}
  other: {{unit: mmol/L, value: usual(one)}}
disease: {{course: {{well: {{-> ill: {{rate: 0.01 per year * usual(other)}}}}, ill: {{}}}}}}
"""
    )
    with pytest.raises(ScenarioError, match="today"):
        compile(scenario)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_has_64_bits(world: World, seed: int) -> None:
    with pytest.raises(ValueError, match="seed"):
        simulate(compile(world("")), range(1), seed)


# ---- cascades: in a process of their own, since one that is not stopped neither ends nor leaves room for
# others

CASCADES = {
    "protocols that start one another": (
        """
care:
  one: {starts: {when: age >= 10}, steps: [{start: two}]}
  two: {steps: [{start: one}]}
""",
        ("one", "two"),
    ),
    "protocols that start upon one another": (
        """
procedures: {talk: {snomed: "225323000"}, scan: {snomed: "77477000"}}
care:
  one: {starts: [{when: age >= 10}, {upon: scan}], steps: {perform: talk}}
  two: {starts: {upon: talk}, steps: {perform: scan}}
""",
        ("one", "two"),
    ),
    "states that last no time": (
        """
disease: {course: {here: {-> there: {after: 0 days}}, there: {-> here: {after: 0 days}}}}
""",
        ("here", "there"),
    ),
    "states upon one another": (
        """
disease:
  course: {here: {-> there: {upon: yonder}}, there: {-> here: {upon: hither}}}
  other:
    hither: {-> yonder: [{after: 5 years}, {upon: here}]}
    yonder: {-> hither: {upon: there}}
""",
        ("here", "there", "hither", "yonder"),
    ),
    "a while that undoes itself": (
        """
conditions: {cough: {snomed: "49727002"}}
care:
  one: {while: not diagnosed(cough) and age >= 10, steps: {diagnose: cough}}
  two: {while: diagnosed(cough), steps: {resolve: cough}}
""",
        ("one", "two"),
    ),
}
ALONE = """
import sys
from sim.engine import LifeError, simulate
from sim.program import compile
from sim.scenario import load
try:
    simulate(compile(load(sys.argv[1])), range(1), 1)
except LifeError as error:
    print(error)
"""


@pytest.mark.parametrize("case", CASCADES)
def test_an_endless_cascade_is_found_and_named(world: World, tmp_path: Path, case: str) -> None:
    pathway, one_of = CASCADES[case]
    simulate(compile(world("")), range(1), 1)  # so that the engine is compiled, and the cache has it
    world(pathway)
    run = subprocess.run(
        [sys.executable, "-c", ALONE, str(tmp_path)],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30)),
    )
    assert run.stderr == ""
    assert "without end" in run.stdout
    place = re.match(r".*world.yaml:(\d+):\d+  ", run.stdout)
    assert place is not None
    assert any(
        name in (tmp_path / "world.yaml").read_text().splitlines()[int(place[1]) - 1] for name in one_of
    )
