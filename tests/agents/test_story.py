"""The story of one life: its facts are those of the log, its reasons add up, and telling changes nothing."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim import cli
from sim.agents import Agents, simulate
from sim.agents.explain import HazardNow, Names, duration, number, shown
from sim.agents.happenings import Chance, Elapsed, Fired, Happening, Reached, Shares, Turned, Upon
from sim.agents.runtime import live, tables
from sim.agents.story import Scribe, Story, StoryError, story
from sim.agents.world import World
from sim.engine.log import DEATH, STATE, VARIABLE, Log
from sim.records.schema import LOGGED
from sim.scenario.model import DAYS_PER_YEAR, DURATION, RATE, TRUTH, Scenario, Type
from sim.view import story as view
from sim.view import story_json

WORLD = """
parameters:
  onset: {value: 0.06 per year, source: assumption}
  doubling: {value: 1.8, source: assumption}
variables: {weight: "normal(80, 10)"}
conditions: {illness: {icd10: J11}}
drugs: {pill: {}}
procedures: {scan: {}}
disease:
  health:
    well:
      -> ill: {rate: onset * (doubling if weight > 80 else 1) * exp(0.01 * age), while: age >= 10}
    ill:
      set: {grade: 2 * weight}
      lasts: lognormal(median=2 years, sigma=0.3)
      -> well: {share: 0.7}
      -> worse: {share: rest}
    worse:
      -> well: {after: "weibull(shape=1.5, scale=4 years)"}
      -> dead: {rate: 0.02 per year, cause: illness}
  scar:
    none: {-> some: {upon: scan, chance: 0.5}}
    some: {}
biomarkers:
  sugar:
    unit: mmol/L
    value: 5 + in(ill) + in(worse)
    within_person: ou(sd=0.4, half_life=30 days)
    measurement_error: normal(0, 0.2)
    range: 0 to 20
    decimals: 1
care:
  checks:
    starts: {when: age >= 20}
    steps:
      every: 1 year
      steps:
        - visit: clinic
          steps:
            - if: last(sugar) >= 6 or known(grade) and weight < 0
              then: {diagnose: illness}
            - test: sugar
            - if: last(sugar) >= 6
              then: [{prescribe: pill, for: 200 days, chance: 0.5}, {start: workup}]
  workup:
    steps:
      - wait: uniform(1 week, 30 months)
      - choose:
          - {share: 0.3, then: {perform: scan}}
          - {share: rest, then: {resolve: illness}}
  unlucky:
    starts: {rate: 0.1 per year, while: not in(well)}
    steps: {visit: ward, steps: {test: sugar}}
"""
FRAME = """
scenario: small world
window: {from: 2000-01-01, to: 2020-01-01}
population: {size: 40, born: {from: 1940-01-01, to: 1999-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
providers: {clinic: {class: ambulatory}, ward: {class: inpatient}}
"""
SEED = 3
PATIENTS = range(40)
SECONDS_PER_DAY = 86_400


@pytest.fixture
def scenario(world: Callable[..., Scenario]) -> Scenario:
    return world(f"sources: {{assumption: assumption}}\n{WORLD}", frame=FRAME)


def kinds(told: Story, kind: str) -> list[Happening]:
    return [happening for happening in told.happenings if happening.kind == kind]


def of(log: Log, patient: int) -> Log:
    return Log(*(column[log.patient == patient] for column in log))


def reasons(told: Story, kind: type) -> Iterator[tuple[Happening, Any]]:
    for happening in told.happenings:
        yield from ((happening, reason) for reason in happening.reasons if isinstance(reason, kind))


# ---- the story and the log


def test_every_row_of_the_log_is_told_once_and_in_order(scenario: Scenario) -> None:
    people, log = simulate(scenario, PATIENTS, SEED)
    written = set()
    for patient in PATIENTS:
        told = story(scenario, patient, SEED)
        rows = of(log, patient)
        assert [h.row for h in told.happenings if h.row] == list(
            zip(rows.kind.tolist(), rows.seq.tolist(), strict=True)
        )
        assert (told.absent is None) == (patient in people.patient)
        starts = {int(seq): int(start) for seq, start in zip(rows.seq, rows.start, strict=True)}
        for happening in told.happenings:
            if happening.row is None:
                assert not happening.recorded
                continue
            kind, seq = happening.row
            assert happening.recorded == (kind not in (STATE, VARIABLE))
            if happening.kind != "carried over":
                assert math.floor((told.birth + happening.time) * SECONDS_PER_DAY) == starts[seq]
            written.add(kind)
    assert {STATE, VARIABLE, DEATH} < written
    assert len(written) == 8


def test_what_is_recorded_comes_after_the_record_begins(scenario: Scenario) -> None:
    for patient in PATIENTS:
        told = story(scenario, patient, SEED)
        begins = scenario.window[0] - told.birth
        assert all(h.time >= begins for h in told.happenings if h.recorded)
        unseen = [h for h in told.happenings if h.kind == "test" and h.time < begins]
        assert all(h.row is None for h in unseen)


def test_telling_changes_nothing(scenario: Scenario) -> None:
    _, log = simulate(scenario, PATIENTS, SEED)

    world = World(scenario)
    tellers = {patient: Scribe(Names(world), at=45 * DAYS_PER_YEAR) for patient in PATIENTS}
    _, told = tables(live(world, PATIENTS, SEED, tellers=tellers))
    for column, same in zip(log, told, strict=True):
        np.testing.assert_array_equal(column, same)


def test_a_life_alone_is_that_of_the_cohort_where_a_mean_over_time_is_only_looked_at(
    world: Callable[..., Scenario],
) -> None:
    scenario = world(
        "biomarkers: {sugar: {unit: mmol/L, value: age, range: 0 to 200}}\n"
        "care:\n  checks:\n    starts: {when: age >= 20}\n    steps:\n"
        "      - {test: sugar}\n      - {wait: 1 year}\n      - {test: sugar}\n"
        "      - {set: {found: 'mean(sugar, within=2 years)'}}\n"
    )
    together = Agents(scenario, SEED)
    together.simulate(range(1))
    _, second = together.simulate(range(1, 2))
    _, alone = simulate(scenario, range(1, 2), SEED)
    np.testing.assert_array_equal(second.value, alone.value)


# ---- hazards


def test_the_factors_of_a_hazard_multiply_to_its_rate(scenario: Scenario) -> None:
    fired = [reason.hazard for p in PATIENTS for _, reason in reasons(story(scenario, p, SEED), Fired)]
    assert {hazard.to for hazard in fired} == {"world.ill", "world.well", "dead", "world.unlucky"}
    for hazard in fired:
        product = math.prod(part.value for part in hazard.factors)
        assert product == pytest.approx(hazard.rate, rel=1e-12)
        assert hazard.threshold == pytest.approx(-math.log(hazard.uniform))
        assert hazard.used == pytest.approx(hazard.threshold, abs=1e-9)


def test_a_rate_is_told_with_what_it_reads(scenario: Scenario) -> None:
    happening, hazard = next(
        (happening, reason.hazard)
        for patient in PATIENTS
        for happening, reason in reasons(story(scenario, patient, SEED), Fired)
        if reason.hazard.to == "world.ill"
    )
    age = math.floor(happening.age) + 0.5
    onset, doubled, growth, while_ = hazard.factors
    assert onset.read == "onset 0.06 per year"
    assert doubled.read.startswith(("(doubling 1.8 as weight ", "(1 as weight "))
    assert doubled.read.endswith((" > 80 [yes])", " > 80 [no])"))
    assert growth.read == f"exp(0.01 * age {number(age)})"
    assert growth.value == pytest.approx(math.exp(0.01 * age))
    assert (while_.read, while_.shown) == (f"age {number(age)} >= 10", "yes")


def test_the_time_under_way_is_that_of_the_threshold(world: Callable[..., Scenario]) -> None:
    scenario = world("disease: {d: {a: {-> b: {rate: 0.05 per year}}, b: {-> a: {rate: 0.1 per year}}}}")
    told = story(scenario, 0, SEED)
    assert len(list(reasons(told, Fired))) > 3
    for happening, reason in reasons(told, Fired):
        hazard = reason.hazard
        assert (happening.time - hazard.began) * hazard.rate == pytest.approx(hazard.threshold)


def test_a_sojourn_is_told_by_its_hazard(scenario: Scenario) -> None:
    for patient in PATIENTS:
        for happening, reason in reasons(story(scenario, patient, SEED), Fired):
            hazard: HazardNow = reason.hazard
            if hazard.state != "world.worse" or hazard.to != "world.well":
                continue
            elapsed, scale = happening.time - hazard.began, 4 * DAYS_PER_YEAR
            weibull = 1.5 / scale * (elapsed / scale) ** 0.5
            assert hazard.factors[0].value == pytest.approx(weibull)
            assert hazard.factors[0].text == "weibull(shape=1.5, scale=4 years)"
            return
    pytest.fail("nobody leaves the state so")


# ---- other reasons


def test_times_and_shares_have_their_draws(scenario: Scenario) -> None:
    seen = 0
    for patient in PATIENTS:
        for happening, share in reasons(story(scenario, patient, SEED), Shares):
            (time,) = [r for r in happening.reasons if isinstance(r, Elapsed)]
            z = math.log(time.ago / (2 * DAYS_PER_YEAR)) / 0.3
            assert time.uniform == pytest.approx(0.5 * (1 + math.erf(z / math.sqrt(2))))
            assert [part.value for _, part in share.options] == pytest.approx([0.7, 0.3])
            expected = "world.well" if share.uniform < 0.7 else "world.worse"
            assert happening.facts["entered"] == expected
            seen += 1
    assert seen > 10


def test_chances_have_a_probability_and_a_draw(scenario: Scenario) -> None:
    for patient in PATIENTS:
        for happening, chance in reasons(story(scenario, patient, SEED), Chance):
            assert chance.taken == (chance.uniform < chance.probability.value)
            assert (happening.kind == "left out") != chance.taken
            if isinstance(happening.reasons[0], Upon):
                assert happening.facts["entered"] == "world.some"


def test_steps_name_their_protocol_and_line(scenario: Scenario) -> None:
    told = story(scenario, 0, SEED)
    test = kinds(told, "test")[0]
    (reached,) = test.reasons
    assert isinstance(reached, Reached)
    assert (reached.protocol, reached.step) == ("world.checks", "test sugar")
    line = int(reached.place.rpartition(":")[2])
    assert "test: sugar" in (Path(scenario.folder) / "world.yaml").read_text().splitlines()[line - 1]
    (turned,) = kinds(told, "start")[0].reasons
    assert isinstance(turned, Turned)
    assert [part.read for part in turned.answer.deciding] == ["age 20 >= 20 [yes]"]


def test_an_if_names_what_is_unknown(scenario: Scenario) -> None:
    told = story(scenario, 0, SEED)
    first, *_ = kinds(told, "if")
    assert first.facts["answer"].unknown[0] == "last(sugar)"
    assert not first.facts["answer"].holds
    later = kinds(told, "if")[-1]
    assert "last(sugar)" not in later.facts["answer"].unknown


def test_a_test_is_truth_and_noise_and_error(scenario: Scenario) -> None:
    tests = [test for patient in PATIENTS for test in kinds(story(scenario, patient, SEED), "test")]
    for test in tests:
        facts = {name: amount.value for name, amount in test.facts.items()}
        assert facts["found"] == pytest.approx(facts["truth"] + facts["noise"] + facts["error"])
        assert facts["truth"] in (5.0, 6.0)
        assert abs(facts["result"] - facts["found"]) <= 0.05 + 1e-9
        assert facts["noise"] != 0.0 != facts["error"]
    assert len(tests) > 100


def test_a_start_that_does_nothing_says_so(scenario: Scenario) -> None:
    repeated = [h for patient in PATIENTS for h in kinds(story(scenario, patient, SEED), "runs already")]
    assert {happening.what for happening in repeated} == {"world.workup"}


# ---- who is in no table, and lives drawn again


def test_doses_are_told(world: Callable[..., Scenario]) -> None:
    scenario = world(
        """
drugs: {pill: {doses: [5 mg, 10 mg], given_up: {rate: 9 per year}}}
care:
  treat:
    starts: {when: age >= 20}
    steps:
      - decrease: pill
      - prescribe: pill
      - increase: pill
      - increase: pill
      - {prescribe: pill, dose: 5 mg}
"""
    )
    told = "\n".join(view.lines(story(scenario, 0, SEED), 100, color=False))
    said = ("not decreased: pill, which is not taken", "prescribed: pill, 5 mg", "increased: pill, now 10 mg")
    said += ("not increased: pill, 10 mg already", "renewed: pill, 5 mg", "pill_kept → pill_given_up")
    places = [told.index(text) for text in said]
    assert places == sorted(places)


def test_who_dies_before_the_window_is_in_no_table(world: Callable[..., Scenario]) -> None:
    frame = FRAME.replace(
        "born: {from: 1940-01-01, to: 1999-01-01}", "born: {from: 1900-01-01, to: 1920-01-01}"
    )
    scenario = world(
        "disease: {d: {a: {-> dead: {after: 40 years, cause: c}}}}\nconditions: {c: {}}", frame=frame
    )
    told = story(scenario, 0, SEED)
    assert told.absent == "who died before the window began"
    assert told.died
    assert told.ends == 40 * DAYS_PER_YEAR
    assert all(happening.row is None for happening in told.happenings)
    assert [h.kind for h in told.happenings][-1] == "death"
    assert "in no table" in "\n".join(view.lines(told, 100, color=False))


def test_lives_that_ended_too_early_are_told_of(world: Callable[..., Scenario]) -> None:
    frame = """
scenario: small world
window: {from: 2000-01-01, to: 2020-01-01}
population: {size: 40, alive_on: {date: 2000-01-01, ages: ages.csv}}
pathways: [world.yaml]
"""
    ages = "sex,age,population\n" + "".join(f"{sex},60-69,1\n" for sex in ("female", "male"))
    scenario = world(
        "disease: {d: {a: {-> dead: {rate: 0.03 per year, cause: c}}}}\nconditions: {c: {}}",
        frame=frame,
        tables={"ages.csv": ages},
    )
    people, _ = simulate(scenario, PATIENTS, SEED)
    attempts = people.attempts.tolist()
    assert max(attempts) > 2
    for patient in PATIENTS:
        told = story(scenario, patient, SEED)
        assert told.attempts == attempts[patient]
        ended = kinds(told, "redrawn")
        assert len(ended) == attempts[patient] - 1
        assert all(told.birth + happening.time < scenario.window[0] for happening in ended)


# ---- a moment


def test_a_moment_says_what_is_so_and_when_it_changes(scenario: Scenario) -> None:
    """What a hazard is due at comes true where nothing else comes before."""
    came_true = 0
    for patient in PATIENTS:
        told = story(scenario, patient, SEED)
        moves = [h for h in kinds(told, "state") if h.what == "world.health"]
        for before, after in itertools.pairwise(moves):
            at = (before.time + after.time) / 2
            now = story(scenario, patient, SEED, at=at).moment
            assert now is not None
            assert now.time == at
            health = next(state for state in now.states if state.axis == "world.health")
            assert (health.state, health.since) == (before.facts["entered"], before.time)
            for reason in after.reasons:
                if isinstance(reason, Fired) and reason.hazard.to == "world.ill":
                    hazard = next(h for h in now.hazards if h.to == "world.ill")
                    assert hazard.due == pytest.approx(after.time)
                    assert hazard.used < hazard.threshold
                    came_true += 1
                if isinstance(reason, Elapsed):
                    assert [timer.due for timer in now.timers] == pytest.approx([after.time])
            if came_true > 5:
                return
    pytest.fail("too few")


def test_looking_at_a_moment_changes_nothing(scenario: Scenario) -> None:
    for patient in range(5):
        plain = story(scenario, patient, SEED)
        looked = story(scenario, patient, SEED, at=plain.ends / 2)
        assert looked.moment is not None
        assert replace(looked, moment=None, names=plain.names) == plain


def test_a_moment_lists_care_under_way(scenario: Scenario) -> None:
    for patient in PATIENTS:
        for wait in kinds(story(scenario, patient, SEED), "wait"):
            if wait.what == "world.workup" and wait.facts["lasts"].value > 60:
                now = story(scenario, patient, SEED, at=wait.time + 30).moment
                assert now is not None
                workup = next(p for p in now.protocols if p.name == "world.workup")
                assert workup.step == "wait"
                assert workup.until == pytest.approx(wait.time + wait.facts["lasts"].value)
                return
    pytest.fail("nobody waits")


def test_there_is_no_moment_after_the_end(scenario: Scenario) -> None:
    told = story(scenario, 0, SEED, at=200 * DAYS_PER_YEAR)
    assert told.moment is None
    assert f"lived to {told.ends / DAYS_PER_YEAR:.1f}" in view.no_moment(told)


# ---- shared capacity


SHARED = FRAME.replace(
    "clinic: {class: ambulatory}",
    "clinic: {class: ambulatory, capacity: 10 per year, hours: weekdays 08:00-12:00}",
)


def test_where_patients_wait_for_each_other_all_are_lived(world: Callable[..., Scenario]) -> None:
    scenario = world(f"sources: {{assumption: assumption}}\n{WORLD}", frame=SHARED)
    _, log = simulate(scenario, range(30), SEED)
    waited = 0
    for patient in range(0, 30, 7):
        told = story(scenario, patient, SEED, patients=30)
        rows = of(log, patient)
        assert told.lived == 30
        assert [h.row[1] for h in told.happenings if h.row] == rows.seq.tolist()
        waited += sum(h.facts["waited"].value > 30 for h in kinds(told, "appointment"))
    assert waited
    with pytest.raises(StoryError, match="0 to 29"):
        story(scenario, 30, SEED, patients=30)


STAY = """
care:
  ask:
    starts: {when: age >= 20}
    steps:
      - visit: clinic
        referral: true
        lasts: 3 days
        discharge: {home: 0.7, rest_home: rest}
"""


def test_a_stay_is_told_with_where_it_led_to(world: Callable[..., Scenario]) -> None:
    scenario, went = world(STAY), set[str]()
    for patient in range(12):
        told = story(scenario, patient, SEED)
        (over,) = kinds(told, "visit over")
        assert over.facts["discharge"] == ("home" if over.facts["uniform"] < 0.7 else "rest_home")
        went.add(over.facts["discharge"])
        words = "\n".join(view.lines(told, 100, color=False))
        assert f"is over after 3 days, discharged to {over.facts['discharge']}" in words
        assert "shares 0.7, u " in words
        assert "asks for a visit to clinic" in words
    assert went == {"home", "rest_home"}


# ---- words


@pytest.mark.parametrize(
    ("value", "of", "words"),
    [
        (0.012 / DAYS_PER_YEAR, RATE, "0.012 per year"),
        (math.nan, RATE, "unknown"),
        (1.0, TRUTH, "yes"),
        (1.0, Type("category", levels=("low", "high")), "high"),
        (90.0, DURATION, "90 days"),
        (DAYS_PER_YEAR / 4, DURATION, "3 months"),
        (1234.5678, DURATION, "3.38 years"),
        (0.0, DURATION, "0 days"),
        (10957.0, Type("date"), "2000-01-01"),
        (7.25, Type("number", "mmol/L"), "7.25 mmol/L"),
        (61.5, Type("number", "years"), "61.5"),
        (1997.5, Type("number"), "1997.5"),
    ],
)
def test_values_are_in_words(value: float, of: Type, words: str) -> None:
    assert shown(value, of) == words
    assert duration(math.inf) == "without end"


def test_lines_keep_to_the_width_and_say_what_is_recorded(scenario: Scenario) -> None:
    told = story(scenario, 0, SEED)
    for width in (60, 100):
        lines = list(view.lines(told, width, color=False))
        assert max(map(len, lines)) <= width
        marks = [line[18] for line in lines[3:] if len(line) > 18 and line[18] != " "]
        assert marks.count("●") == sum(happening.recorded for happening in told.happenings)
    assert not any("\x1b" in line for line in lines)
    colored = "\n".join(view.lines(told, 100, color=True))
    assert re.sub(r"\x1b\[\d+m", "", colored) == "\n".join(lines)


# ---- JSON


KEYS = {"patient", "time", "age", "kind", "what", "table", "seq", "recorded", "facts", "because"}


def test_json_lines_have_their_keys_and_name_the_tables(scenario: Scenario) -> None:
    _, log = simulate(scenario, PATIENTS, SEED)
    for patient in PATIENTS:
        objects = [json.loads(line) for line in story_json.lines(story(scenario, patient, SEED))]
        assert all(set(thing) == KEYS for thing in objects)
        rows = of(log, patient)
        tables = [LOGGED[kind].name for kind in rows.kind]
        assert [(t["table"], t["seq"]) for t in objects if t["table"]] == list(
            zip(tables, rows.seq.tolist(), strict=True)
        )
        assert all(t["recorded"] == (not t["table"].startswith("truth/")) for t in objects if t["table"])
        assert all(reason["kind"] for thing in objects for reason in thing["because"])
        hazards = [r["hazard"] for t in objects for r in t["because"] if r["kind"] == "hazard"]
        for hazard in hazards:
            product = math.prod(float(factor["value"]) for factor in hazard["factors"])
            assert product == pytest.approx(hazard["rate"])  # one factor is per year, the others are numbers


# ---- the command


@pytest.fixture
def folder(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return scenario.folder


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit:
        cli.main(["trace", *arguments])
    return int(exit.value.code or 0)


def test_the_command_tells_the_story(
    folder: str, scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(folder, "--patient", "7", "--seed", "3") == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == list(view.lines(story(scenario, 7, SEED), 120, color=False))
    assert err == ""
    assert call(folder, "--patient", "7", "--seed", "3", "--json") == 0
    assert capsys.readouterr().out.splitlines() == list(story_json.lines(story(scenario, 7, SEED)))
    call(folder, "--patient", "7", "--seed", "3", "--set", "onset=5 per year")
    assert "onset 5 per year" in capsys.readouterr().out


@pytest.mark.parametrize("age", ["15.5", "15.5 years", "186 months"])
def test_the_command_explains_a_moment(
    folder: str, scenario: Scenario, capsys: pytest.CaptureFixture[str], age: str
) -> None:
    assert call(folder, "--patient", "7", "--seed", "3", "--at", age) == 0
    told = story(scenario, 7, SEED, at=15.5 * DAYS_PER_YEAR)
    assert told.moment is not None
    expected = list(view.moment_lines(told, told.moment, 120))
    assert capsys.readouterr().out.splitlines() == expected
    assert call(folder, "--patient", "7", "--seed", "3", "--at", age, "--json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["age"] == 15.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--patient", "two"], "'two' is not a whole number"),
        (["--patient", "-1"], "-1 is not a number from 0 to"),
        (["--patient", str(2**63)], f"{2**63} is not a number from 0 to"),
        (["--patient", "40", "--patients", "40"], "there is no patient 40; the numbers are 0 to 39"),
        (["--patient", "1", "--at", "old"], "'old' is not an age"),
        (["--patient", "1", "--at", "-1"], "'-1' is not an age"),
        (["--patient", "1", "--at", "150"], "is lived to"),
        ([], "Missing option '--patient'"),
        (["--patient", "1", "--set", "onset=fast"], "onset"),
    ],
)
def test_what_makes_no_sense_gets_one_message(
    folder: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert call(folder, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err


def test_patients_beyond_the_size_live_in_larger_runs(
    folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(folder, "--patient", "1_000", "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out.splitlines()[0])["patient"] == 1000
    assert err == "the scenario's size is 40: patient 1000 is in larger runs\n"


def test_a_cohort_that_is_lived_for_one_is_announced(
    world: Callable[..., Scenario], capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = world(f"sources: {{assumption: assumption}}\n{WORLD}", frame=SHARED)
    assert call(scenario.folder, "--patient", "3", "--patients", "20") == 0
    assert capsys.readouterr().err == "patients wait for each other: all 20 are lived for this one\n"


def test_a_fault_in_the_life_points_at_its_line(
    world: Callable[..., Scenario], capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = world(
        'variables: {x: "normal(0, 1)"}\ndisease: {d: {a: {-> b: {rate: x * 0.001 per year}}, b: {}}}\n'
    )
    codes = {}
    for patient in range(6):
        codes[patient] = call(scenario.folder, "--patient", str(patient))
        err = capsys.readouterr().err
        if codes[patient]:
            assert f"(patient {patient})" in err
            assert "world.yaml" in err
    assert set(codes.values()) == {0, 2}
