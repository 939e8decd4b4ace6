"""Dates between which something is valid, and on which parameters change: as written, and as mistaken."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import load, resolved_form
from sim.scenario.expressions import unparse
from tests.scenario.conftest import Examine
from tests.scenario.test_resolved_form import without_places, written

FRAME = """
scenario: small
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [p.yaml]
providers: {clinic: {class: ambulatory}}
"""
GOOD = """pathway: p
sources: {s: made up}
parameters:
  first_age: {value: 60 years, changes: {2008-01-01: 45 years, 2005-04-01: 50 years}, source: s}
  target: {value: 140 mmHg, changes: {2003-01-01: 130}, source: s}
disease: {course: {well: {-> ill: {rate: 0.01 per year}}, ill: {}}}
biomarkers: {sbp: {unit: mmHg, value: 130}}
procedures: {talk: {}}
care:
  screening:
    starts: {when: age >= first_age}
    valid: {from: 2001-01-01, to: 2009-01-01}
    steps:
      - {test: sbp, valid: {from: 2002-01-01}}
      - {if: last(sbp) >= target, then: {perform: talk}}
      - {visit: clinic, valid: {from: 2003-01-01, to: 2004-01-01}, chance: 0.5, steps: {test: [sbp, sbp]}}
"""

FILES = {"scenario.yaml": FRAME, "p.yaml": GOOD}


def test_what_they_stand_for(examine: Examine) -> None:
    scenario, findings = examine()
    assert findings == ()
    assert scenario
    (protocol,) = scenario.pathways[0].protocols
    assert protocol.valid == (11323.0, 14245.0)
    assert protocol.starts[0].expression
    assert unparse(protocol.starts[0].expression) == (
        "age >= (45 years if today >= 2008-01-01 else 50 years if today >= 2005-04-01 else p.first_age)"
        " / 1 year"
    )
    test, look, visit = protocol.steps
    assert unparse(test.condition) == "today >= 2002-01-01"  # type: ignore[attr-defined]
    assert unparse(look.condition) == "last(p.sbp) >= (130 mmHg if today >= 2003-01-01 else p.target)"  # type: ignore[attr-defined]
    assert unparse(visit.condition) == "today >= 2003-01-01 and today < 2004-01-01"  # type: ignore[attr-defined]
    assert visit.site == "p/screening/visit/clinic/1/valid"


def test_the_resolved_form_is_the_same_scenario(examine: Examine, tmp_path: Path) -> None:
    examine()
    again = written(resolved_form(tmp_path), tmp_path, tmp_path / "again")
    assert without_places(load(again)) == without_places(load(tmp_path))


@pytest.mark.parametrize(
    ("old", "new", "rule", "message", "line"),
    [
        ("{from: 2001-01-01, to: 2009-01-01}", "{}", "missing-key", "`to:` a date, or both", 12),
        ("{from: 2001-01-01, to: 2009-01-01}", "2001-01-01", "wrong-shape", "a map belongs here", 12),
        ("to: 2009-01-01}", "to: 2000-01-01}", "not-a-range", "ends before it begins", 12),
        ("to: 2009-01-01}", "to: 2001-01-01}", "not-a-range", "ends before it begins", 12),
        ("to: 2009-01-01}", "until: 2009-01-01}", "unknown-key", "`until`", 12),
        ("{from: 2002-01-01}", "{from: 2002-02-30}", "not-a-date", "YYYY-MM-DD", 14),
        ("{from: 2002-01-01}", "{from: 2002}", "not-a-date", "YYYY-MM-DD", 14),
        ("{2003-01-01: 130}", "{2003: 130}", "not-a-date", "YYYY-MM-DD", 5),
        ("{2003-01-01: 130}", "{2003-01-01: 130 mg}", "wrong-unit", "mmHg", 5),
        ("{2003-01-01: 130}", "{2003-01-01: 130, 2003-01-01: 120}", "duplicate-key", "2003-01-01", 5),
        ("{2003-01-01: 130}", "{2003-01-01: first_age}", "not-constant", "reads nothing else", 5),
        ("{2003-01-01: 130}", "130", "wrong-shape", "a map", 5),
        ("{2003-01-01: 130}, source", "{2003-01-01: 130}, by: sex, source", "wrong-shape", "`by:` goes", 5),
        (
            "target: {value: 140 mmHg,",
            "target: {by: sex, value: {female: 140 mmHg, male: 150 mmHg},",
            "misplaced-key",
            "`changes:` goes with a single value",
            5,
        ),
    ],
)  # fmt: skip
def test_mistakes(examine: Examine, old: str, new: str, rule: str, message: str, line: int) -> None:
    assert old in GOOD
    scenario, findings = examine({"p.yaml": GOOD.replace(old, new, 1)})
    assert scenario is None
    errors = [f for f in findings if f.severity == "error"]
    assert [(e.rule, e.span.line) for e in errors] == [(rule, line)], errors
    assert message in errors[0].message
