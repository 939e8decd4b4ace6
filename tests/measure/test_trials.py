"""`sim test` from end to end: sentences about small scenarios whose truth is known."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from sim.cli import main
from sim.measure.trials import Result, trial
from sim.scenario import cases

FRAME = """\
scenario: example
window: {{from: 2000-01-01, to: 2010-01-01}}
population:
  size: {size}
  born: {{from: 1940-01-01, to: 1970-01-01}}
  sex: {{female: 0.5, male: 0.5}}
  variables: {{smoker: bernoulli(0.3)}}
pathways: [heart.yaml]
providers:
  clinic: {{class: ambulatory, capacity: {capacity}}}
"""
HEART = """\
pathway: heart
parameters:
  onset: {value: 0.01 per year, source: invented here}
  smoking: {value: 2, source: invented here}
disease:
  muscle:
    well:
      -> ill: {rate: onset * (smoking if smoker else 1), while: age >= 30}
    ill: {}
conditions: {heart_disease: {snomed: "56265001"}}
care:
  presentation:
    starts: {upon: ill}
    steps: {visit: clinic, steps: {diagnose: heart_disease}}
expect:
"""


def _folder(folder: Path, *sentences: str, capacity: str = "", size: int = 300) -> Path:
    frame = FRAME.format(size=size, capacity=capacity)
    (folder / "scenario.yaml").write_text(frame if capacity else frame.replace(", capacity: ", ""))
    (folder / "heart.yaml").write_text(HEART + "".join(f"  - {sentence}\n" for sentence in sentences))
    return folder


def _results(folder: Path, most: int | None = None) -> list[Result]:
    return [result for case in cases(folder) for result in trial(case, most=most, threads=2)]


GIVEN = "given: {age: 60, in: ill}"
SENTENCES = {
    "0.25 < prevalence(smoker) < 0.35": "holds",
    "prevalence(smoker) > 0.35": "fails",
    "incidence(ill, among=smoker) > 1.5 * incidence(ill, among=not smoker)": "holds",
    "incidence(ill, among=smoker) < incidence(ill, among=not smoker)": "fails",
    '{that: "incidence(ill, among=smoker) < 0.012 per year", with: {smoking: 1}}': "holds",
    "prevalence(ill) < 0.5 and incidence(ill) > 0.5 per year": "fails",
    "rate(clinic) / rate(ill) > 0.5": "holds",
    f"{{that: prevalence(ill) > 0.99, {GIVEN}}}": "holds",
    "incidence(ill, among=age >= 100) < 1 per year": "undecided",
    "prevalence(smoker) > 0.3": "undecided",
}


def test_sentences_whose_truth_is_known_are_decided_so(tmp_path: Path) -> None:
    found = {r.expectation.span.line: r for r in _results(_folder(tmp_path, *SENTENCES), most=64_000)}
    in_order = [found[line] for line in sorted(found)]
    assert [r.verdict for r in in_order] == list(SENTENCES.values())
    first, *_, nobody, near = in_order
    assert first.patients < 64_000  # stops early
    assert nobody.note == "nobody qualifies"
    assert near.patients == 64_000
    assert "would decide it" in near.note or "lies on the bound" in near.note


def test_the_intervals_hold_the_truth(tmp_path: Path) -> None:
    (result,) = _results(
        _folder(tmp_path, "{that: 0 per year < incidence(ill) < 0.0129 per year, with: {smoking: 1}}")
    )
    (found,) = result.found
    low, high = (end * 365.25 for end in found.interval)
    assert low < 0.01 < high
    assert found.expected == (0.0, pytest.approx(0.0129 / 365.25))


def test_the_same_whatever_the_threads(tmp_path: Path) -> None:
    _folder(tmp_path, "prevalence(ill) < 0.2", "incidence(ill) > 0.012 per year")
    (case,) = cases(tmp_path)
    assert trial(case, most=4_000, threads=1) == trial(case, most=4_000, threads=3)


def test_half_an_effect_is_found(tmp_path: Path) -> None:
    """The rate ratio is 2; at 1.5, half of what it adds, the sentence fails."""
    sentence = "incidence(ill, among=smoker) > 1.7 * incidence(ill, among=not smoker)"
    assert [r.verdict for r in _results(_folder(tmp_path, sentence))] == ["holds"]
    half = f'{{that: "{sentence}", with: {{smoking: 1.5}}}}'
    assert [r.verdict for r in _results(_folder(tmp_path, half))] == ["fails"]


def test_half_an_effect_is_found_in_a_scenario_that_is_shipped() -> None:
    """Albuminuria comes five times as fast with diabetes; not so at half of what diabetes adds."""
    diabetes = Path(__file__).parents[2] / "scenarios" / "diabetes"
    sentence = "incidence(microalbuminuria, among=in(diabetes)) > 5"
    for parameters, verdict in (({}, "holds"), ({"diabetic_albuminuria": "0.01 per year"}, "fails")):
        (case,) = (
            c
            for c in cases(diabetes, [parameters])
            if any(sentence in e.sentence.text for e in c.expectations)
        )
        chosen = tuple(e for e in case.expectations if sentence in e.sentence.text)
        (result,) = trial(replace(case, expectations=chosen))
        assert result.verdict == verdict


def test_where_patients_wait_for_each_other_a_cohort_is_one_observation(tmp_path: Path) -> None:
    sentences = (
        "0.05 < prevalence(ill) < 0.3",
        "median(waited(clinic)) > 1 year",
        "prevalence(ill, among=age >= 100) < 0.5",
    )
    _folder(tmp_path, *sentences, capacity="2 per year", size=400)
    few, many, nobody = _results(tmp_path, most=400 * 16)
    assert (few.verdict, many.verdict, nobody.verdict) == ("holds", "holds", "undecided")
    assert few.cohorts in (8, 16)
    assert few.patients == 400 * few.cohorts
    assert nobody.note == "nobody qualifies"
    assert all(math.isfinite(end) for end in many.found[0].interval)


# ---- the command


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["test", *arguments])
    return int(ended.value.code or 0)


def test_the_command_tells_and_ends_with_what_came_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(_folder(tmp_path, *list(SENTENCES)[:2]))
    assert _run(folder, "--patients", "8000") == 1
    told = capsys.readouterr().out
    assert "heart.yaml:16  0.25 < prevalence(smoker) < 0.35" in told
    assert "expected above 0.25 and below 0.35" in told
    assert "2 sentences: 1 holds, 1 fails" in told
    assert _run(folder, "--only", "0.25 <", "--patients", "16000") == 0
    assert "1 sentence: 1 holds" in capsys.readouterr().out


def test_the_command_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(_folder(tmp_path, "incidence(ill) > 0.005 per year"))
    assert _run(folder, "--json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["verdict"] == "holds"
    (found,) = told["found"]
    assert found["unit"] == "per year"
    assert found["expected"] == [pytest.approx(0.005), None]
    assert found["interval"][0] < found["value"] < found["interval"][1]


def test_nothing_to_test_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(_folder(tmp_path, "prevalence(ill) < 0.5"))
    assert _run(folder, "--only", "moon") == 2
    assert "nothing is expected of" in capsys.readouterr().err
    assert _run(folder, "--set", "onset=moon") == 2
