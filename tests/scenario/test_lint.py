"""What the lint sees beyond its examples in the reference of rules, and what it must not cry wolf over."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import check
from sim.scenario.lint import is_slip

FRAME = """\
scenario: example
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 20, born: {from: 1930-01-01, to: 1990-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [p.yaml]
providers: {clinic: {class: ambulatory}}
"""


def told(folder: Path, pathway: str, frame: str = FRAME) -> list[str]:
    """`line rule` of every warning about a pathway that begins on line 2."""
    (folder / "scenario.yaml").write_text(frame)
    (folder / "p.yaml").write_text(f"pathway: p\n{pathway}")
    scenario, findings = check(folder)
    assert scenario, findings
    return [f"{f.span.line} {f.rule}" for f in findings if f.span.file.endswith("p.yaml")]


LUNG = """\
disease:
  lung:
    well:
      -> ill: {rate: 0.1 per year}
    ill:
      -> worse: {rate: 0.1 per year}
    worse: {}
"""

SUSPICIOUS = {
    "what follows from an unreachable state is unreachable": (
        LUNG.replace("rate: 0.1 per year}\n    ill", "rate: 0.1 per year, while: age > 200}\n    ill"),
        ["5 never-fires", "6 unreachable-state", "8 unreachable-state"],
    ),
    "a trigger that waits for what never happens": (
        LUNG + "procedures: {scan: {}}\ncare:\n  check: {starts: {upon: scan}, steps: {visit: clinic}}\n",
        ["11 never-fires", "11 never-started"],
    ),
    "two states of one axis at once": (
        LUNG + "care:\n  check: {starts: {when: in(ill) and in(worse)}, steps: {visit: clinic}}\n",
        ["10 never-fires", "10 never-started"],
    ),
    "a parameter of zero": (
        "parameters: {none: {value: 0 per year, source: a test}}\n"
        + LUNG.replace("-> worse: {rate: 0.1 per year}", "-> worse: {rate: none * 3}"),
        ["8 never-fires", "9 unreachable-state"],
    ),
    "a date beyond the window": (
        "care:\n  check: {starts: {when: today >= 2015-01-01}, steps: {visit: clinic}}\n",
        ["3 never-fires", "3 never-started"],
    ),
    "an exit that is taken at once": (
        LUNG.replace("    ill:\n", "    ill:\n      -> well: {after: 0 days}\n"),
        ["8 never-fires", "9 unreachable-state"],
    ),
    "a branch below one that is always taken": (
        "care:\n  check:\n    starts: {rate: 1 per year}\n    steps:\n"
        "      - choose:\n          - {if: age >= 0, then: {visit: clinic}}\n"
        "          - {if: male, then: []}\n",
        ["8 never-taken"],
    ),
    "only what never happens starts it": (
        "care:\n  a: {starts: {when: age > 200}, steps: {start: b}}\n  b: {steps: {visit: clinic}}\n",
        ["3 never-fires", "3 never-started", "4 never-started"],
    ),
    "a growth per year that was meant per ten": (
        LUNG.replace("0.1 per year}\n    ill", "0.001 per year * exp(0.7 * (age - 50))}\n    ill"),
        ["5 fast-rate", "5 steep-rate"],
    ),
    "a formula that reads the truth": (
        LUNG + "formulas: {sick: in(ill) or in(worse)}\ncare:\n"
        "  check: {starts: {rate: 1 per year}, steps: {if: sick, then: {visit: clinic}}}\n",
        ["11 care-reads-truth"],
    ),
}

HARMLESS = {
    "an age that follows from the state": (
        LUNG.replace("rate: 0.1 per year}\n    ill", "rate: 0.1 per year, while: age >= 40}\n    ill")
        + "care:\n  check: {starts: {upon: ill}, steps: {if: 40 <= age < 90, then: {visit: clinic}}}\n"
    ),
    "what a patient feels": (
        LUNG + "care:\n  check:\n    starts: {rate: 1 per year}\n"
        "    steps: {if: felt(in(ill)), then: {visit: clinic}}\n"
    ),
    "a truth that brings people, and a chance that depends on it": (
        LUNG + "care:\n  check:\n    starts: {rate: 1 per year, while: in(ill)}\n"
        "    steps: {visit: clinic, chance: 0.9 if in(ill) else 0.1}\n"
    ),
    "a state that lasts an hour": (
        "conditions: {arrest: {}}\ndisease:\n  heart:\n    well: {-> stopped: {rate: 0.01 per year}}\n"
        "    stopped:\n      lasts: 1 hour\n      -> dead: {rate: 0.5 per hour, cause: arrest}\n"
        "      -> well: {share: rest}\n"
    ),
    "a stay as so many in a time": (
        LUNG.replace("rate: 0.1 per year}\n    worse", "rate: 1 / 10 days}\n    worse")
    ),
    "a jump at an age, and one in time": LUNG.replace(
        "rate: 0.1 per year}\n    worse",
        "rate: 0.1 per year * (1 if age < 60 else 5) * (2 if time_in(ill) < 3 months else 1)}\n    worse",
    ),
    "an unknown result": (
        LUNG + "biomarkers: {peak_flow: {unit: L/min, value: 400}}\ncare:\n  check:\n"
        "    starts: {rate: 1 per year}\n    steps:\n"
        "      - {if: not last(peak_flow) > 0, then: {visit: clinic, steps: {test: peak_flow}}}\n"
    ),
}


@pytest.mark.parametrize("name", SUSPICIOUS)
def test_suspicious(tmp_path: Path, name: str) -> None:
    pathway, expected = SUSPICIOUS[name]
    assert sorted(told(tmp_path, pathway)) == sorted(expected)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless(tmp_path: Path, name: str) -> None:
    assert told(tmp_path, HARMLESS[name]) == []


def test_a_table_that_holds_for_all_who_are_looked_at(tmp_path: Path) -> None:
    """Nobody is older than 80 here, and the pathway asks from 40 on: by a condition, or by a state."""
    (tmp_path / "t.csv").write_text("age,value\n40-59,0.1\n60-79,0.2\n")
    parameter = "parameters: {risk: {by: age, table: t.csv, unit: per year, source: a test}}\n"
    first = LUNG.replace("rate: 0.1 per year}\n    ill", "rate: 0.1 per year, while: age >= 40}\n    ill")
    for pathway, expected in (
        (LUNG.replace("0.1 per year}\n    worse", "risk}\n    worse"), ["7 table-too-short"]),
        (LUNG.replace("0.1 per year}\n    worse", "risk, while: age >= 40}\n    worse"), []),
        (first.replace("0.1 per year}\n    worse", "risk}\n    worse"), []),
    ):
        frame = FRAME.replace("from: 1930-01-01", "from: 1930-01-05")
        assert told(tmp_path, parameter + pathway, frame) == [f"{int(e[0]) + 1}{e[1:]}" for e in expected]


@pytest.mark.parametrize(
    ("one", "other", "slip"),
    [
        ("severity", "sevrity", True),
        ("e_coil", "e_coli", True),
        ("metformin", "metfornin", True),
        ("sbp_error", "dbp_error", False),
        ("stage_1", "stage_2", False),
        ("drug", "drugs", False),
        ("macroalbuminuria", "microalbuminuria", False),
        ("severity", "severity", False),
        ("weight", "height", False),
    ],
)
def test_slips(one: str, other: str, slip: bool) -> None:
    assert is_slip(one, other) is slip
    assert is_slip(other, one) is slip
