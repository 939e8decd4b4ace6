"""Every mistake has its own rule, its exact place and a sentence that names it.

Each case changes one thing in data/small, which has no finding; `»` stands before the place to be shown.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from sim.scenario import ScenarioError, check, load

SMALL = Path(__file__).parent / "data" / "small"
MARK = "»"


class Mistake(NamedTuple):
    file: str
    old: str
    new: str  # with MARK
    rule: str
    message: str  # a part of it
    fix: str = ""  # a part of it


SCENARIO, LUNG = "scenario.yaml", "lung.yaml"

KEYS = [
    Mistake(LUNG, "biomarkers:", "»biomarker:", "unknown-key", "`biomarker`", "`biomarkers`"),
    Mistake(LUNG, "    unit: L/min", "    »units: L/min", "unknown-key", "`units`", "`unit`"),
    Mistake(
        LUNG, "{rate: 2 per year, while", "{rate: 2 per year, »whilst", "unknown-key", "`whilst`", "`while`"
    ),
    Mistake(LUNG, "at_most: 3", "»atmost: 3", "unknown-key", "`atmost`", "`at_most`"),
    Mistake(SCENARIO, "  size: 1000", "  »sise: 1000", "unknown-key", "`sise`", "`size`"),
    Mistake(SCENARIO, "window: {from:", "window: {»fron:", "unknown-key", "`fron`", "`from`"),
    Mistake(SCENARIO, "providers:", "»care: {}\nproviders:", "unknown-key", "belongs in a pathway file"),
    Mistake(LUNG, "care:\n", "pathway: x\ncare:\n", "duplicate-key", "the first is on line 1"),
    Mistake(
        LUNG, "  cough: {snomed", "  cough: {}\n  »cough: {snomed", "duplicate-key", "`cough` is here twice"
    ),
    Mistake(SCENARIO, "window: {from: 2000-01-01, to: 2010-01-01}\n", "", "missing-key", "`window:`"),
    Mistake(SCENARIO, "window: {from: 2000-01-01, to", "»window: {to", "missing-key", "`from:`"),
    Mistake(LUNG, "    unit: L/min\n", "", "missing-key", "`unit:`"),
    Mistake(
        LUNG,
        "  advice:\n    steps: {perform: talk}",
        "  »advice: {until: age > 3}",
        "missing-key",
        "`steps:`",
    ),
    Mistake(
        LUNG, "pathway: lung", "»pathway: [lung]", "wrong-shape", "a name belongs here, and this is a list"
    ),
    Mistake(LUNG, "    quit: {}", "    quit: »3", "wrong-shape", "a map belongs here"),
    Mistake(
        LUNG,
        "risk: frailty * (2 if smoker else 1)",
        "risk: {»vale: frailty}",
        "unknown-key",
        "`vale`",
        "`value`",
    ),
    Mistake(
        LUNG, "  smoking:\n", "  smoking: »yes\n  other:\n", "wrong-shape", "a map of names belongs here"
    ),
    Mistake(LUNG, "  risk:", "  »risk-x: 2\n  risk:", "bad-name", "`risk-x` is not a name"),
    Mistake(LUNG, "  risk:", "  »age: 2\n  risk:", "reserved-name", "`age` is a word of the language"),
    Mistake(LUNG, "pathway: lung", "pathway: »my lung", "bad-name", "`my lung`"),
    Mistake(LUNG, "pathway: lung", "pathway: »population", "same-name", "`population` is taken"),
    Mistake(LUNG, "    light:\n", "    ill: {}\n    light:\n", "same-name", "axis `airways` of this pathway"),
    Mistake(LUNG, "  risk:", "  »uptake: 2\n  risk:", "same-name", "`uptake` is defined under `parameters:`"),
    Mistake(
        LUNG, "conditions:\n", "conditions:\n  »ill: {}\n", "same-name", "`ill` is defined under `disease:`"
    ),
    Mistake(SCENARIO, "size: 1000", "size: »many", "not-a-whole-number", "`many`"),
    Mistake(SCENARIO, "size: 1000", "»size: 0", "not-positive", "at least 1"),
    Mistake(SCENARIO, "less: [cough]", "less: [cough], clamp: »yes", "not-a-truth-value", "`yes`"),
]

NOT_BUILT = [
    Mistake(LUNG, "        reason: cough", "        referral: »0.8", "not-a-truth-value", "true or false"),
    Mistake(
        LUNG,
        "-> light: {after: 1 year}",
        "-> light: {risk: »1.2 in 1 year}",
        "not-a-probability",
        "this risk is 1.2",
    ),
    Mistake(LUNG, "last(peak_flow) < 300", "positive(»peak_flow)", "wrong-kind", "reads a test"),
]

NAMES = [
    Mistake(LUNG, "visit: clinic\n", "visit: »clinc\n", "unknown-name", "no provider `clinc`", "`clinic`"),
    Mistake(LUNG, "- test: peak_flow", "- test: »peak_flwo", "unknown-name", "no biomarker", "`peak_flow`"),
    Mistake(LUNG, "diagnose: cough", "diagnose: »syrup", "wrong-kind", "`syrup` is a drug"),
    Mistake(LUNG, "while: in(ill)}", "while: in(»il)}", "unknown-name", "`il`", "`ill`"),
    Mistake(LUNG, "rate: onset *", "rate: »onst *", "unknown-name", "`onst`", "`onset`"),
    Mistake(LUNG, "-> ill: {rate", "»-> il: {rate", "unknown-state", "not a state of this axis", "`ill`"),
    Mistake(LUNG, "-> well: {share", "»-> heavy: {share", "unknown-state", "its own axis"),
    Mistake(LUNG, "upon: talk", "upon: »walk", "unknown-name", "`walk`", "`talk`"),
    Mistake(LUNG, "cause: cough", "cause: »cuogh", "unknown-name", "no condition `cuogh`", "`cough`"),
    Mistake(LUNG, "do: advice", "do: »advise", "unknown-name", "no protocol `advise`", "`advice`"),
    Mistake(
        LUNG, "{rate: light -> heavy,", "{rate: »ligt -> heavy,", "unknown-name", "no state `ligt`", "`light`"
    ),
    Mistake(LUNG, "by: region", "by: »regoin", "unknown-name", "no variable `regoin`", "`region`"),
    Mistake(LUNG, "source: book}\n  uptake", "source: »bok}\n  uptake", "unknown-source", "`bok`", "`book`"),
    Mistake(SCENARIO, "less: [cough]", "less: [»coff]", "unknown-name", "no condition `coff`"),
    Mistake(
        LUNG,
        "pathway: lung",
        "pathway: lung\nallow: {»no-sorce: why}",
        "unknown-rule",
        "`no-sorce`",
        "`no-source`",
    ),
]

DISEASE = [
    Mistake(
        LUNG, "      -> well: {share: rest}", "      -> well: {share: 0.9}", "shares-sum", "add up to 0.91"
    ),
    Mistake(LUNG, "{share: 0.01,", "{share: »1.2,", "not-a-probability", "is 1.2"),
    Mistake(LUNG, "{share: 0.01, cause: cough}", "{share: 0.01}", "no-cause", "needs a `cause:`"),
    Mistake(LUNG, "{share: 0.01,", "{share: rest,", "two-rests", "more than one `rest`"),
    Mistake(LUNG, "-> light: {after: 1 year}", "»-> light: {}", "exit-kind", "exactly one of"),
    Mistake(LUNG, "{after: 1 year}", "{after: 1 year, rate: 1 per year}", "exit-kind", "rate and after"),
    Mistake(LUNG, "{after: 1 year}", "{after: 1 year, »while: smoker}", "fixed-time", "acts on a hazard"),
    Mistake(
        LUNG, "{share: rest}", "{share: rest, »chance: 0.5}", "misplaced-key", "`chance:` goes with upon"
    ),
    Mistake(
        LUNG,
        "{after: 1 year}",
        "{after: 1 year, »cause: cough}",
        "misplaced-key",
        "only `-> dead` has a cause",
    ),
    Mistake(
        LUNG,
        "      -> well: {share: rest}",
        "      »-> dead: {share: rest, cause: cough}",
        "two-ways",
        "-> dead appears twice",
    ),
    Mistake(
        LUNG,
        "biomarkers:",
        "  loop:\n    »one: {-> two: {share: 1}}\n    two: {-> one: {share: 1}}\nbiomarkers:",
        "instant-cycle",
        "one -> two -> one",
    ),
    Mistake(LUNG, "-> light: {after: 1 year}", "»lasts: 1 year", "no-shares", "nowhere to go"),
    Mistake(LUNG, "{upon: talk, chance: 0.2}", "{share: 1}", "unreachable-exit", "left at once"),
    Mistake(LUNG, "chance: 0.2", "chance: »-0.2", "not-a-probability", "is -0.2"),
    Mistake(LUNG, "{rate: 2 per year", "{rate: »-2 per year", "negative-rate", "below zero"),
    Mistake(LUNG, "rate: light -> heavy", "rate: »heavy -> light", "fixed-time", "no hazard to modify"),
    Mistake(LUNG, "rate: light -> heavy", "rate: »ill -> well", "fixed-time", "a share cannot be modified"),
    Mistake(LUNG, "rate: light -> heavy", "rate: »quit", "nothing-to-modify", "no rate `quit`"),
    Mistake(
        LUNG, "rate: light -> heavy", "rate: »light -> heavy -> quit", "bad-modifier", "`state -> state`"
    ),
    Mistake(LUNG, "risk: frailty *", "risk: »risk *", "circular-definition", "lung.risk -> lung.risk"),
    Mistake(
        LUNG,
        "value: 450 -",
        "value: »usual(peak_flow) -",
        "circular-definition",
        "lung.peak_flow -> lung.peak_flow",
    ),
]

UNITS = [
    Mistake(LUNG, "value: 0.01 per year", "value: 0.01 »per yaer", "unknown-unit", "per yaer"),
    Mistake(LUNG, "{rate: 2 per year", "{rate: »2", "missing-unit", "has no unit", "2 per year"),
    Mistake(LUNG, "after: 1 year", "after: »1", "missing-unit", "a duration belongs here", "1 year"),
    Mistake(LUNG, "for: 5 days", "for: »5", "missing-unit", "a duration belongs here"),
    Mistake(
        LUNG,
        "resolve: cough",
        "diagnose: cough, resolves: after »14",
        "missing-unit",
        "a duration belongs here",
    ),
    Mistake(
        LUNG, "resolve: cough", "diagnose: cough, resolves: »14 days", "wrong-shape", "`after` and a duration"
    ),
    Mistake(LUNG, "last(peak_flow) < 300", "last(peak_flow) < 300 mmHg", "wrong-unit", "L/min"),
    Mistake(LUNG, "while: age >= 20}", "while: »age + 20}", "wrong-type", "a truth value belongs here"),
    Mistake(LUNG, "ci95: 0.005 to 0.02", "ci95: »0.02 to 0.005", "not-a-range", "low end"),
    Mistake(LUNG, "ci95: 0.005 to 0.02", "ci95: »0.02", "not-a-range", "`a to b`"),
    Mistake(LUNG, "ci95: 0.005 to 0.02", "ci95: 0.005 to »3 days", "wrong-type", "a rate belongs here"),
    Mistake(LUNG, "range: 50 to 800", "range: »800 to 50", "not-a-range", "ends before it begins"),
    Mistake(LUNG, "every: 1 month", "every: »0 months", "not-positive", "above zero"),
    Mistake(LUNG, "value: 0.01 per year", "value: »onset", "not-constant", "reads nothing else"),
    Mistake(LUNG, "value: 0.01 per year", "value: 9**9**»9**9", "exponent-too-large", "exponent"),
    Mistake(
        LUNG,
        "south: 0.7}, source",
        "south: 0.7}, unit: »per parsec, source",
        "unknown-unit",
        "`per parsec` is not a rate",
    ),
    Mistake(LUNG, "unit: L/min", "unit: »per year", "unknown-unit", "not a unit of a measurement"),
    Mistake(SCENARIO, "date: 2000-01-01, ages", "date: »2000-13-01, ages", "not-a-date", "YYYY-MM-DD"),
    Mistake(
        SCENARIO, "to: 2010-01-01}", "to: »1999-01-01}", "not-a-range", "the window ends before it begins"
    ),
    Mistake(
        SCENARIO,
        "date: 2000-01-01, ages",
        "date: »2001-01-01, ages",
        "immortal-time",
        "after the window's start",
    ),
    Mistake(LUNG, "north: 0.6, south: 0.7", "north: 0.6, »suoth: 0.7", "unknown-level", "`suoth`", "`south`"),
    Mistake(
        LUNG,
        "by: region, value: {north: 0.6, south: 0.7}",
        "by: region, »value: {north: 1}",
        "missing-level",
        "south",
    ),
    Mistake(LUNG, "by: region", "by: »smoker", "wrong-type", "`smoker` is neither a category"),
]

ADVICE = "    steps: {perform: talk}"  # of the protocol `advice`
TIMING = [
    Mistake(
        LUNG,
        ADVICE,
        "    steps: {at: [1 year, »6 weeks], steps: {perform: talk}}",
        "not-in-order",
        "times go from the first on",
    ),
    Mistake(
        LUNG,
        ADVICE,
        "    steps: {at: »1 week, counted_from: talk - 14 days, steps: {perform: talk}}",
        "not-in-order",
        "before what it is counted from",
    ),
    Mistake(LUNG, ADVICE, "    steps: {»at: [], steps: {perform: talk}}", "wrong-shape", "no time"),
    Mistake(LUNG, ADVICE, "    »steps: {at: 1 week}", "missing-key", "`steps:`"),
    Mistake(LUNG, ADVICE, "    steps: {at: »6, steps: {perform: talk}}", "missing-unit", "duration"),
    Mistake(
        LUNG,
        ADVICE,
        "    steps: {at: 1 week, counted_from: »14 days, steps: {perform: talk}}",
        "wrong-shape",
        "a thing that happens",
        "pregnant - 14 days",
    ),
    Mistake(
        LUNG,
        ADVICE,
        "    steps: {at: 6 weeks, counted_from: »talks - 14 days, steps: {perform: talk}}",
        "unknown-name",
        "`talks`",
        "`talk`",
    ),
    Mistake(
        LUNG,
        ADVICE,
        "    steps: [{perform: talk}, {wait_until: »usual(peak_flow) < 300}]",
        "not-exact",
        "`usual`",
    ),
    Mistake(
        LUNG, ADVICE, "    steps: [{perform: talk}, {wait_until: »6 weeks}]", "wrong-type", "truth value"
    ),
    Mistake(
        LUNG,
        ADVICE,
        "    steps: [{perform: talk}, {wait_until: in(ill), at_most: »6}]",
        "missing-unit",
        "duration",
    ),
    Mistake(
        LUNG,
        ADVICE,
        "    steps: [{perform: talk}, {wait: 1 year, »at_most: 6 weeks}]",
        "unknown-key",
        "`at_most`",
    ),
]

CARE = [
    Mistake(
        LUNG,
        "- test: peak_flow",
        "- test: peak_flow\n            »diagnose: cough",
        "two-verbs",
        "`test` and `diagnose`",
    ),
    Mistake(LUNG, "- test: peak_flow", "- »tests: peak_flow", "no-verb", "`tests` is none", "`test`"),
    Mistake(LUNG, "- test: peak_flow", "- »test", "wrong-shape", "a step is a map with one verb"),
    Mistake(LUNG, "starts: {rate: 2 per year,", "»starts: {", "start-kind", "exactly one of"),
    Mistake(LUNG, "    until: age > 90", "    »while: in(ill)", "misplaced-key", "instead of `starts:`"),
    Mistake(
        LUNG, "    steps: {perform: talk}", "    steps: {do: presentation}", "do-cycle", "lung.presentation"
    ),
    Mistake(LUNG, "{share: 0.5, then", "{share: »1.5, then", "not-a-probability", "is 1.5"),
    Mistake(LUNG, "              - otherwise: []\n", "", "shares-sum", "shares of this choice"),
    Mistake(LUNG, "{share: 0.5, then: {do: advice}}", "»{share: 0.5}", "missing-key", "`then:`"),
    Mistake(LUNG, "{share: 0.5, then", "»{share: 0.5, if: smoker, then", "branch-kind", "exactly one of"),
    Mistake(
        LUNG, "{share: 0.5, then: {do: advice}}", "»otherwise: []", "unreachable-branch", "nothing after"
    ),
    Mistake(
        LUNG,
        "- {share: 0.5, then: {do: advice}}",
        "- {share: 0.6, then: []}\n              - {share: 0.5, then: {do: advice}}",
        "shares-sum",
        "add up to 1.1",
    ),
    Mistake(LUNG, "refills: 1", "refills: »often", "not-a-whole-number", "refills"),
    Mistake(LUNG, "for: 5 days, refills: 1", "refills: »1", "missing-key", "refills need `for:`"),
    Mistake(LUNG, "at_most: 3", "»at_most: 0", "not-positive", "1 or more"),
    Mistake(LUNG, "        reason: cough", "        name: »a\\b", "bad-name", "a stream"),
    Mistake(LUNG, "at_most: 3", "name: lung/presentation/wait/1", "same-stream", "belongs to line"),
    Mistake(LUNG, "until: age > 90", "until: age > 90 and»", "syntax", "missing at the end"),
    Mistake(
        LUNG,
        "uniform(1 day, 2 days)",
        "»uniform(3 days, 2 days)",
        "impossible-distribution",
        "`low` is above",
    ),
    Mistake(
        LUNG,
        "within_person: ou(sd=20, half_life",
        "within_person: ou(sd=20, »halflife",
        "wrong-arguments",
        "`halflife`",
    ),
    Mistake(
        LUNG,
        "within_person: ou(sd=20,",
        "within_person: ou(sd=»0,",
        "not-positive",
        "`sd` must be above zero",
    ),
]

CODES = [
    Mistake(LUNG, "loinc: 33452-4", "loinc: »33452", "bad-code", "not a code of loinc"),
    Mistake(LUNG, 'snomed: "49727002"', 'snomde: "49727002"', "unknown-key", "`snomde`", "`snomed`"),
    Mistake(
        LUNG,
        "code: {loinc: 33452-4}",
        "code: »33452-4",
        "wrong-shape",
        "a map belongs here",
        "the system beside",
    ),
    Mistake(
        SCENARIO,
        "class: ambulatory",
        "class: »ambulant",
        "unknown-word",
        "no class of encounter",
        "`ambulatory`",
    ),
    Mistake(
        SCENARIO,
        "ages: tables/ages.csv}",
        "ages: tables/ages.csv}\n  »sex: {female: 0.5, male: 0.5}",
        "misplaced-key",
        "already",
    ),
    Mistake(
        SCENARIO,
        "  alive_on: {date: 2000-01-01, ages: tables/ages.csv}",
        "  born: {from: 1950-01-01, to: 1960-01-01}",
        "missing-key",
        "`sex:`",
    ),
    Mistake(
        SCENARIO, "  alive_on: {date: 2000-01-01, ages: tables/ages.csv}\n", "", "population-kind", "either"
    ),
    Mistake(SCENARIO, "unit: per year, ", "", "missing-unit", "column `rate` needs a unit"),
]

FILES = [
    Mistake(SCENARIO, "[lung.yaml]", "[»lnug.yaml]", "missing-file", "no file"),
    Mistake(SCENARIO, "[lung.yaml]", "[»tables]", "not-a-file", "is a folder"),
    Mistake(SCENARIO, "[lung.yaml]", "[»../lung.yaml]", "outside-folder", "its own folder"),
    Mistake(SCENARIO, "[lung.yaml]", "[lung.yaml, »lung.yaml]", "duplicate-pathway", "named twice"),
    Mistake(SCENARIO, "tables/ages.csv", "»tables/agse.csv", "missing-file", "tables/agse.csv"),
]

YAML = [
    Mistake(LUNG, "pathway: lung", "»pathway lung", "missing-colon", "without a colon", "pathway lung:"),
    Mistake(LUNG, "pathway: lung", "»pathway:lung", "missing-colon", "needs a space", "pathway: lung"),
    Mistake(
        LUNG, "    value: 450", "     »value: 450", "indentation", "indented below a key that has a value"
    ),
    Mistake(LUNG, "    quit: {}", "   »quit: {}", "indentation", "indented like none"),
    Mistake(LUNG, "    quit: {}", "»\tquit: {}", "tab", "a tab"),
    Mistake(LUNG, "pathway: lung", 'pathway: »"lung', "yaml", "the quote that starts here ends on line 20"),
    Mistake(LUNG, "pathway: lung", "pathway: lung\nabout: a »: b", "yaml", "a second `: `", '"a : b"'),
    Mistake(LUNG, "pathway: lung", "pathway: »@lung", "yaml", "cannot start with `@`"),
    Mistake(LUNG, "pathway: lung", "pathway: »%lung", "yaml", "cannot start with `%`"),
    Mistake(LUNG, "pathway: lung", "pathway: »!lung x", "yaml-tag", "YAML tag"),
    Mistake(LUNG, "pathway: lung", "pathway: »*lung", "unknown-alias", "alias `*lung`"),
    Mistake(LUNG, "pathway: lung", "pathway: lung\n»--- x", "two-documents", "a second YAML document"),
    Mistake(LUNG, "pathway: lung", "pathway: lung\nabout: a »\u0007 bell", "not-text", "U+0007"),
    Mistake(LUNG, "risk: frailty * (2 if", "risk: frailty *(2 if »[", "unexpected-character", "["),
    Mistake(
        LUNG,
        "{after: 1 year}",
        "{after: gamma(mean=1 year», sd=1 year)}",
        "comma-in-braces",
        "YAML ends the value here",
        'put `after:` on its own line, or quote it: "gamma(mean=1 year, sd=1 year)"',
    ),
    Mistake(
        LUNG,
        "steps: {perform: talk}",
        "steps: [{wait: uniform(1 day», 2 days)}]",
        "comma-in-braces",
        "ends the value",
    ),
]

WARNINGS = [
    Mistake(LUNG, ", source: book}\n  uptake", "}\n  uptake", "no-source", "`onset` has no source"),
    Mistake(LUNG, "variables:", "variables:\n  »spare: normal(0, 1)", "unused-variable", "`lung.spare`"),
    Mistake(LUNG, "formulas:", "formulas:\n  »spare: 2", "unused-formula", "`lung.spare`"),
    Mistake(
        LUNG,
        "parameters:",
        "parameters:\n  »spare: {value: 1, source: book}",
        "unused-parameter",
        "`lung.spare`",
    ),
    Mistake(
        LUNG, "  advice:", "  »idle: {steps: {perform: talk}}\n  advice:", "never-started", "`lung.idle`"
    ),
    Mistake(LUNG, "    quit: {}", "    quit: {}\n    »lost: {}", "unreachable-state", "`lung.lost`"),
    Mistake(LUNG, 'snomed: "49727002"', 'snomed: »"49727003"', "check-digit", "last digit"),
    Mistake(LUNG, "ci95: 0.005 to 0.02", "ci95: »0.02 to 0.03", "value-outside-interval", "outside"),
    Mistake(LUNG, "unit: L/min", "unit: »L/mim", "unusual-unit", "`L/mim`", "`L/min`"),
    Mistake(
        LUNG, "pathway: lung", "pathway: lung\nallow: {»no-source: x}", "unused-allow", "no `no-source` here"
    ),
]


def changed(tmp_path: Path, mistake: Mistake) -> tuple[Path, int, int]:
    """data/small with a mistake in it, and the line and column of the mark."""
    folder = tmp_path / "small"
    shutil.copytree(SMALL, folder)
    file = folder / mistake.file
    text = file.read_text()
    assert text.count(mistake.old) >= 1, mistake.old
    text = text.replace(mistake.old, mistake.new, 1)
    before, mark, after = text.partition(MARK)
    file.write_text(before + after)
    if not mark:
        return folder, 0, 0
    return folder, before.count("\n") + 1, len(before) - before.rfind("\n")


def test_small_is_without_findings() -> None:
    scenario, findings = check(SMALL)
    assert scenario is not None
    assert findings == ()


ERRORS = KEYS + NOT_BUILT + NAMES + DISEASE + UNITS + CARE + TIMING + CODES + FILES + YAML


@pytest.mark.parametrize("mistake", ERRORS, ids=lambda m: f"{m.rule}: {m.new.strip()[:40]}")
def test_mistake_is_told(tmp_path: Path, mistake: Mistake) -> None:
    folder, line, column = changed(tmp_path, mistake)
    with pytest.raises(ScenarioError) as raised:
        load(folder)
    errors = [d for d in raised.value.diagnostics if d.severity == "error"]
    assert [d.rule for d in errors] == [mistake.rule], [f"{d.rule} {d.span} {d.message}" for d in errors]
    (error,) = errors
    assert mistake.message in error.message
    assert mistake.fix in error.fix
    assert error.span.file == str(folder / mistake.file)
    if line:
        assert (error.span.line, error.span.column) == (line, column)


@pytest.mark.parametrize("mistake", WARNINGS, ids=lambda m: m.rule)
def test_suspicious_is_warned_of(tmp_path: Path, mistake: Mistake) -> None:
    folder, line, column = changed(tmp_path, mistake)
    scenario, findings = check(folder)
    assert scenario is not None
    assert [(d.rule, d.severity) for d in findings] == [(mistake.rule, "warning")]
    assert mistake.message in findings[0].message
    assert mistake.fix in findings[0].fix
    if line:
        assert (findings[0].span.line, findings[0].span.column) == (line, column)
