"""What differs between two scenarios: in meaning, not in text."""

# ruff: noqa: E501 - edits, one on a line

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario import ScenarioError, resolved_form
from sim.scenario.differences import Difference, Differences, Side, differences, version
from sim.scenario.loader import lines_of

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"
SCENARIOS = [
    *(folder.parent for folder in sorted((ROOT / "scenarios").glob("*/scenario.yaml"))),
    *(folder.parent for folder in sorted((ROOT / "tests" / "conformance").glob("*/scenario.yaml"))),
    *(folder.parent for folder in sorted(DATA.glob("*/scenario.yaml"))),
]

CONFORMANCE = [
    ROOT / "tests" / "conformance" / name
    for name in ("imperfections", "alive_on", "vaccines_and_plans", "oversample", "include", "background")
] + [
    ROOT / "tests" / "conformance" / name
    for name in (
        "groups_of_states",
        "referrals_and_stays",
        "events",
        "groups",
        "correlations",
        "tests",
        "panels",
    )
]

FRAME = """
scenario: s
window: {from: 2000-01-01, to: 2010-01-01}
population: {size: 20, born: {from: 1930-01-01, to: 1990-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [p.yaml]
providers: {clinic: {class: ambulatory}, hospital: {class: inpatient}}
"""
PATHWAY = """
pathway: p
sources: {trial: a trial of 2001}
parameters:
  onset: {value: 12 per 1000 person-years, source: trial}
  growth: {value: 1.02, changes: {2005-01-01: 1.03}, source: trial}
  uptake: {by: sex, value: {female: 0.8, male: 0.6}, source: trial}
variables: {frailty: "gamma(mean=1, sd=0.5)", severity: "categorical(mild=0.7, severe=rest)"}
formulas: {risk: frailty * growth ** (age - 50)}
disease:
  heart:
    well:
      -> ill: {rate: onset * risk, while: age >= 30}
      -> hurt: {rate: 0.01 per year * risk}
    ill:
      -> well: {after: 6 weeks}
    hurt: {}
biomarkers: {level: {unit: mmol/L, value: 5 + frailty + in(ill), measurement_error: "normal(0, 0.2)"}}
modifies:
  - {rate: ill, times: 1.5 if male else 1}
conditions: {found: {snomed: "44054006"}}
drugs: {tablet: {doses: [5 mg, 10 mg]}, drops: {}}
ladders: {regimen: [tablet, [tablet, drops]]}
procedures: {operation: {}}
care:
  check:
    starts: {when: age >= 40}
    steps:
      - every: 6 months
        steps:
          - visit: clinic
            steps:
              - test: level
              - if: last(level) >= 7.0
                then:
                  - diagnose: found
                  - {prescribe: tablet, dose: 5 mg, chance: uptake}
              - {step_up: regimen, chance: 0.1}
"""


@dataclass
class Two:
    """Two scenarios beside each other: `a`, and `b`, which starts as the same."""

    folder: Path

    def __call__(self, *edits: tuple[str, str], parameters: dict[str, str] | None = None) -> Differences:
        for name in ("a", "b"):
            (self.folder / name).mkdir(exist_ok=True)
            frame, pathway = FRAME, PATHWAY
            for old, new in edits if name == "b" else ():
                assert old in frame + pathway, old
                frame, pathway = frame.replace(old, new), pathway.replace(old, new)
            (self.folder / name / "scenario.yaml").write_text(frame)
            (self.folder / name / "p.yaml").write_text(pathway)
        return differences(version(self.folder / "a"), version(self.folder / "b", parameters))

    def one(self, *edits: tuple[str, str]) -> Difference:
        """The only difference."""
        found = self(*edits)
        assert len(found.found) == 1, found
        assert not found.other_luck
        return found.found[0]

    def side(self, text: str, name: str, file: str = "p.yaml") -> Side:
        """A text and the line that it is in."""
        every = lines_of((self.folder / name / file).read_text())
        (line,) = [number for number, content in enumerate(every, 1) if text in content]
        return Side(text, f"{self.folder / name / file}:{line}")


@pytest.fixture
def two(tmp_path: Path) -> Two:
    return Two(tmp_path)


# ---- the same


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_a_scenario_means_what_its_resolved_form_means(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    for path in again.rglob("*.yaml"):
        path.unlink()
    for name, text in resolved_form(folder).items():
        (again / name).parent.mkdir(parents=True, exist_ok=True)
        (again / name).write_text(text)
    assert differences(version(folder), version(again)) == Differences((), ())


@pytest.mark.parametrize(
    "edits",
    [
        [("12 per 1000 person-years", "0.012 per year")],
        [("6 weeks", "42 days")],
        [("6 months", "0.5 years")],
        [("0.01 per year * risk", "frailty * growth ** (age - 50) * 0.01 per year")],
        [("12 per 1000 person-years, source: trial", "12 per 1000 person-years, source: another trial")],
        [("value: 5 + frailty + in(ill)", "value: frailty + in(ill) + 5")],
        [("drugs: {tablet: {doses: [5 mg, 10 mg]}, drops: {}}", "drugs: {drops: {}, tablet: {doses: [5 mg, 10 mg]}}")],
        [("last(level) >= 7.0", "last(level) >= 7 mmol/L   # as ever")],
        [("-> ill: {rate: onset * risk, while: age >= 30}", "-> ill: {while: age >= 30, rate: risk * onset}")],
        [("value: {female: 0.8, male: 0.6}", "value: {male: 0.6, female: 0.8}")],
        [("conditions: {found: {snomed", "conditions: {found: {about: hearsay, snomed")],
    ],
    ids=lambda edits: edits[0][1][:30],
)  # fmt: skip
def test_what_is_said_in_other_words_is_the_same(two: Two, edits: list[tuple[str, str]]) -> None:
    assert not two(*edits)


def test_a_file_of_another_name_is_the_same(two: Two) -> None:
    two()
    (two.folder / "b" / "p.yaml").rename(two.folder / "b" / "q.yaml")
    (two.folder / "b" / "scenario.yaml").write_text(FRAME.replace("[p.yaml]", "[q.yaml]"))
    assert not differences(version(two.folder / "a"), version(two.folder / "b"))


def test_a_variant_differs_in_what_it_states(two: Two) -> None:
    two()
    (two.folder / "b" / "scenario.yaml").write_text(
        "scenario: t\nextends: ../a\nparameters: {p.onset: 15 per 1000 person-years}\n"
    )
    (found,) = differences(version(two.folder / "a"), version(two.folder / "b")).found
    assert (found.thing, found.a and found.a.text) == ("parameter onset", "12 per 1000 person-years")
    assert found.b == two.side("15 per 1000 person-years", "b", "scenario.yaml")


# ---- what differs, in the author's words, at its place


@pytest.mark.parametrize(
    ("old", "new", "thing", "what"),
    [
        ("12 per 1000 person-years", "0.013 per year", "parameter onset", "value"),
        ("1.03", "1.04", "parameter growth", "changes.2005-01-01"),
        ("gamma(mean=1, sd=0.5)", "gamma(mean=1, sd=0.6)", "variable frailty", "value"),
        ("frailty * growth ** (age - 50)", "frailty * growth ** (age - 60)", "formula risk", "value"),
        ("age >= 30", "age >= 35", "axis heart > well -> ill", "while"),
        ("0.01 per year * risk", "0.02 per year * risk", "axis heart > well -> hurt", "rate"),
        ("1.5 if male else 1", "1.4 if male else 1", "modifies 1", "times"),
        ("5 + frailty + in(ill)", "5 + frailty", "biomarker level", "value"),
        ("44054006", "73211009", "condition found", "snomed"),
        ("6 months", "9 months", "protocol check > every", "every"),
        ("last(level) >= 7.0", "last(level) >= 6.5", "protocol check > every > visit: clinic > if", "if"),
        ("age >= 40", "age >= 45", "protocol check > start", "when"),
        ("6 weeks", "8 weeks", "axis heart > ill -> well", "after"),
    ],
)
def test_a_change_is_one_difference(two: Two, old: str, new: str, thing: str, what: str) -> None:
    found = two.one((old, new))
    assert (found.pathway, found.thing, found.what) == ("p", thing, what)
    assert (found.a, found.b) == (two.side(old, "a"), two.side(new, "b"))


def test_what_a_formula_acts_on_is_told(two: Two) -> None:
    found = two.one(("growth ** (age - 50)", "growth ** (age - 60)"))
    assert found.read_by == ("axis heart > well -> ill (rate)", "axis heart > well -> hurt (rate)")


def test_a_modifier_more_is_one_difference(two: Two) -> None:
    found = two.one(("  - {rate: ill,", "  - {rate: ill, times: 1.25}\n  - {rate: ill,"))
    assert (found.thing, found.what, found.a) == ("modifies 1", "times", None)
    assert found.b == two.side("1.25", "b")


def test_a_condition_more(two: Two) -> None:
    found = two.one(("0.01 per year * risk", "0.01 per year * risk, while: age < 80"))
    assert (found.thing, found.what) == ("axis heart > well -> hurt", "while")
    assert (found.a, found.b) == (None, two.side("age < 80", "b"))


def test_a_rate_that_has_become_a_time(two: Two) -> None:
    found = two.one(("rate: 0.01 per year * risk", "after: 9 years"))
    assert (found.what, found.a, found.b) == (
        "rate -> after",
        two.side("0.01 per year * risk", "a"),
        two.side("9 years", "b"),
    )


def test_a_value_that_is_given(two: Two) -> None:
    (found,) = two(parameters={"onset": "9 per 1000 person-years"}).found
    assert (found.thing, found.b) == ("parameter onset", Side("9 per 1000 person-years", "--set onset"))


@pytest.mark.parametrize(
    ("edit", "step"),
    [
        (("- test: level", "- test: level\n              - perform: operation"), "perform: operation"),
        (("- test: level", "- {wait: 1 day}\n              - test: level"), "wait"),
        (
            ("- diagnose: found", "- {if: age > 70, then: {visit: hospital}}\n                  - diagnose: found"),
            "if > if",
        ),
    ],
)  # fmt: skip
def test_a_step_put_in_is_one_difference(two: Two, edit: tuple[str, str], step: str) -> None:
    found = two.one(edit)
    assert found.thing == f"protocol check > every > visit: clinic > {step}"
    assert found.a is None is not found.b
    assert not found.what


def test_a_step_taken_out(two: Two) -> None:
    found = two.one(("                  - diagnose: found\n", ""))
    assert found.thing == "protocol check > every > visit: clinic > if > diagnose: found"
    assert found.b is None is not found.a


def test_a_state_more_is_one_difference_with_its_ways_and_the_way_to_it_another(two: Two) -> None:
    edits = (
        ("    hurt: {}", "    hurt:\n      -> lost: {rate: 0.1 per year}\n    lost:\n      -> well: {after: 2 years}"),
    )  # fmt: skip
    found = two(*edits).found
    assert [(d.thing, d.a) for d in found] == [
        ("axis heart > hurt -> lost", None),
        ("axis heart > lost", None),
    ]


def test_a_ladder_is_told_of_once_with_the_steps_that_climb_it(two: Two) -> None:
    found = two.one(("[tablet, [tablet, drops]]", "[drops, [tablet, drops]]"))
    assert (found.thing, found.read_by) == (
        "ladder regimen",
        ("protocol check > every > visit: clinic > step_up: regimen",),
    )
    assert (found.a, found.b) == (
        two.side("[tablet, [tablet, drops]]", "a"),
        two.side("[drops, [tablet, drops]]", "b"),
    )


def test_another_stream_is_no_other_meaning_but_another_luck(two: Two) -> None:
    """A step of the same verb and object before it: now it is the second."""
    found = two(("              - test: level", "              - test: level\n              - test: level"))
    assert [d.thing for d in found.found] == ["protocol check > every > visit: clinic > test: level"]
    assert not found.other_luck
    (luck,) = two(("- test: level", "- {test: level, name: of old}")).other_luck
    assert luck[2:] == ("p/check/test/level/1", "of old")


def test_cells_of_a_table(two: Two) -> None:
    found = two.one(("female: 0.8", "female: 0.9"))
    assert (found.thing, found.what) == ("parameter uptake", "value")
    assert found.note == "1 of 2 cells, by factors of 1.12 to 1.12; most at female: 0.8 / 0.9"


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("size: 20", "size: 30", "population"),
        ("2000-01-01", "2001-01-01", ""),
        ("{female: 0.5, male: 0.5}", "{female: 0.4, male: 0.6}", "population"),
        ("1930-01-01", "1931-01-01", "population"),
        ("class: ambulatory", "class: virtual", "provider clinic"),
        ("clinic: {class: ambulatory", "clinic: {class: ambulatory, capacity: 2, lasts: 1 hour", "provider clinic"),
    ],
)  # fmt: skip
def test_the_frame(two: Two, old: str, new: str, what: str) -> None:
    found = two((old, new)).found
    assert {(d.pathway, d.thing) for d in found} == {("scenario", what)}


# ---- a number more or less


MUTABLE = sorted((DATA / "complete").rglob("*.yaml"))
NUMBER = re.compile(r"(?<![\w.\"/-])\d+(?:\.\d+)?(?![\w.\"/-])")
TEXTS = re.compile(r"^ *(about|sources|source|allow|scenario)\b|10\.1000|\"\d|name:")


def numbers() -> list[tuple[Path, int, int, int]]:
    """Every number that means something: file, line from 0, and where in it."""
    return [
        (path, number, match.start(), match.end())
        for path in MUTABLE
        for number, line in enumerate(path.read_text().split("\n"))
        if not TEXTS.search(line)
        for match in NUMBER.finditer(line.partition("#")[0])
    ]


PLACES = numbers()
COMPLETE = version(DATA / "complete")


@settings(max_examples=30, deadline=None)
@given(place=st.sampled_from(PLACES), factor=st.sampled_from([0.5, 0.9, 1.1, 2]))
def test_another_number_is_exactly_that_difference(
    place: tuple[Path, int, int, int], factor: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, number, start, end = place
    folder = tmp_path_factory.mktemp("mutated") / "complete"
    shutil.copytree(DATA / "complete", folder)
    lines = path.read_text().split("\n")
    old = lines[number][start:end]
    new = f"{float(old) * factor:.6g}"
    lines[number] = lines[number][:start] + new + lines[number][end:]
    mutated = folder / path.relative_to(DATA / "complete")
    mutated.write_text("\n".join(lines))
    try:
        b = version(folder)
    except ScenarioError:
        return  # not every number is legal everywhere
    found = differences(COMPLETE, b)
    if float(new) == float(old):
        assert not found
        return
    assert len(found.found) == 1, found
    assert not found.other_luck
    (one,) = found.found
    assert one.b
    file, _, line = one.b.place.rpartition(":")
    assert Path(file) == mutated
    assert int(line) <= number + 1 <= int(line) + 4  # an expression may go on for a few lines
    assert new in one.b.text or (one.note and "table:" in lines[number])


def test_there_are_numbers_enough() -> None:
    assert len(PLACES) > 80


# ---- whatever is in the model


DERIVED = {
    "Scenario.name",
    "ChangeDose.by",  # 1 or -1, and this makes 1 a 2
    "Drug.shares",  # follow from the doses
    "MeasurePanel.biomarkers",  # from the panel
    "Protocol.site",  # streams whose names follow from another's
    "Assignment.site",
    # those of steps that draw nothing
    *(
        f"{step}.site"
        for step in ("ChangeDose", "Do", "Resolve", "Set", "StartProtocol", "StopDrug", "StopProtocol")
    ),
}
TEXTS_AND_PLACES = {"span", "about", "folder", "files", "given", "given_files", "source", "background_hash"}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every number, text and truth value of a model, with the fields and indices that lead to it."""
    if is_dataclass(value):
        for one in fields(value):
            if one.name not in TEXTS_AND_PLACES:
                yield from leaves(getattr(value, one.name), (*path, f"{type(value).__name__}.{one.name}"))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    elif value is not None:
        yield path, value


def with_leaf(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    first, *rest = path
    if isinstance(first, int):
        return tuple(with_leaf(x, tuple(rest), new) if i == first else x for i, x in enumerate(value))
    name = first.partition(".")[2]
    return replace(value, **{name: with_leaf(getattr(value, name), tuple(rest), new)})


def test_nothing_in_the_model_is_forgotten() -> None:
    """Another value anywhere is a difference, but for what follows from something else."""
    told, missed = set(), set()
    for folder in sorted([DATA / "complete", DATA / "medicines", DATA / "waiting", *CONFORMANCE]):
        a = version(folder)
        tried = Counter[str]()
        for path, value in leaves(a.scenario):
            *_, field = (key for key in path if isinstance(key, str))
            if field in told or field.startswith("Expr.") or tried[field] >= 3:
                continue
            tried[field] += 1
            new = not value if isinstance(value, bool) else value + ("x" if isinstance(value, str) else 1)
            b = replace(a, scenario=with_leaf(a.scenario, path, new))
            (told if differences(a, b) else missed).add(field)
    assert missed - told == DERIVED
    assert len(told) > 110
