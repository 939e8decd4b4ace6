"""Care, step by step: most worlds here have no chance in them, so that a life can be written down in full."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from sim.engine.log import NULL

Live = Callable[..., Any]
YEAR, MONTH = 365.25, 365.25 / 12
CODED = """
conditions: {cough: {snomed: "49727002"}, gout: {snomed: "90560007"}}
procedures: {talk: {snomed: "225323000"}, scan: {snomed: "77477000"}, letter: {snomed: "308720009"}}
drugs: {syrup: {rxnorm: "312617"}}
biomarkers:
  weight: {unit: kg, value: 50 + age}
"""


def story(live: Live, pathway: str, **of_world: object) -> list[tuple[str, float]]:
    return list(live(pathway + CODED, 1, **of_world).story())


# ---- starts


def test_an_age_is_crossed_exactly(live: Live) -> None:
    found = story(
        live,
        """
care:
  talks: {starts: {when: age >= 40}, steps: {perform: talk}}
  scans: {starts: {when: age > 40.5 and age < 60}, steps: {perform: scan}}
""",
    )
    assert found == [("talk", 40 * YEAR), ("scan", round(40.5 * YEAR, 4))]


def test_a_date_is_crossed_exactly(live: Live) -> None:
    lives = live(
        """
care:
  talks: {starts: {when: today >= 1999-12-31}, steps: {perform: talk}}
  scans: {starts: {when: year >= 2001}, steps: {perform: scan}}
"""
        + CODED,
        50,
    )
    days = np.array([10956, 11323])  # 1999-12-31 and 2001-01-01, days since 1970-01-01
    assert np.array_equal(lives.log.start.reshape(-1, 2), np.tile(days * 86_400, (50, 1)))


def test_a_time_since_something_is_crossed_exactly_each_time(live: Live) -> None:
    found = story(
        live,
        """
care:
  talks: {starts: [{when: age >= 10}, {when: age >= 20}], steps: {perform: talk}}
  scans: {starts: {when: since(talk) >= 6 months}, steps: {perform: scan}}
  letters: {starts: {when: age >= 20.25}, steps: {perform: letter}}
""",
    )
    scans = [10 * YEAR + 6 * MONTH, 20 * YEAR + 6 * MONTH]
    assert found == [
        ("talk", 3652.5),
        ("scan", round(scans[0], 4)),
        ("talk", 7305.0),
        ("letter", round(20.25 * YEAR, 4)),
        ("scan", round(scans[1], 4)),
    ]


def test_a_second_happening_puts_the_crossing_off(live: Live) -> None:
    found = story(
        live,
        """
care:
  talks: {starts: [{when: age >= 10}, {when: age >= 10.25}], steps: {perform: talk}}
  scans: {starts: {when: since(talk) >= 6 months}, steps: {perform: scan}}
""",
    )
    assert found[-1] == ("scan", round(10.75 * YEAR, 4))
    assert len(found) == 3


def test_what_is_true_already_starts_at_once_and_once(live: Live) -> None:
    found = story(
        live,
        "care:\n  talks: {starts: {when: age < 80}, steps: [{perform: talk}, {wait: 1 day}]}\n",
        frame="""
scenario: s
window: {from: 1950-01-01, to: 2100-01-01}
population:
  size: 1
  born: {from: 1950-01-01, to: 1951-01-01}
  sex: {female: 0.5, male: 0.5}
  entry: 30 years
pathways: [world.yaml]
""",
    )
    assert found == [("talk", 30 * YEAR)]


def test_a_trigger_fires_again_only_after_it_was_false(live: Live) -> None:
    found = story(
        live,
        """
disease:
  nose:
    dry: {lasts: 1 year, -> runny: {share: 1}}
    runny: {lasts: 10 days, -> dry: {share: 1}}
care:
  talks: {starts: {when: in(runny) and age < 3}, steps: {perform: talk}}
""",
    )
    assert [day for name, day in found if name == "talk"] == [365.25, 740.5]


def test_a_running_protocol_is_not_started_again(live: Live) -> None:
    found = story(
        live,
        """
care:
  talks:
    starts: [{when: age >= 10}, {when: age >= 10.5}, {when: age >= 12}]
    steps: [{perform: talk}, {wait: 1 year}, {perform: scan}]
""",
    )
    assert found == [("talk", 3652.5), ("scan", 4017.75), ("talk", 4383.0), ("scan", 4748.25)]


@pytest.mark.parametrize(
    ("thing", "day"),
    [
        ("runny", 365.25),
        ("cough", 3652.5),
        ("syrup", 3652.5),
        ("talk", 3652.5),
        ("clinic", 3652.5),
        ("visits", 3652.5),
    ],
)
def test_upon_anything(live: Live, thing: str, day: float) -> None:
    found = story(
        live,
        f"""
disease:
  nose:
    dry: {{lasts: 1 year, -> runny: {{share: 1}}}}
    runny: {{}}
care:
  visits:
    starts: {{when: age >= 10}}
    steps: [{{visit: clinic, steps: [{{diagnose: cough}}, {{prescribe: syrup}}, {{perform: talk}}]}}]
  letters: {{starts: {{upon: {thing}}}, steps: {{perform: letter}}}}
""",
    )
    assert [d for name, d in found if name == "letter"] == [day]


def test_a_rate_starts_a_protocol_again_and_again(live: Live) -> None:
    """30 years at 2 per year: Poisson, so variance equals mean; a threshold kept from start to start would
    not do."""
    lives = live(
        "care:\n  talks: {starts: {rate: 2 per year, while: 20 <= age < 50}, steps: {perform: talk}}\n"
        + CODED,
        5000,
    )
    counts = np.bincount(lives.rows("procedure", "talk").patient, minlength=5000)
    assert abs(counts.mean() - 60) < 5 * np.sqrt(60 / 5000)
    assert abs(counts.var(ddof=1) / 60 - 1) < 5 * np.sqrt(2 / 5000)
    times = lives.times("procedure", "talk")
    assert times.min() >= 20 * YEAR
    assert times.max() < 50 * YEAR + 1
    assert stats.kstest(times, stats.uniform(20 * YEAR, 30 * YEAR).cdf).pvalue > 1e-6


def test_a_rider_takes_its_turn_at_the_end_of_every_visit(live: Live) -> None:
    lives = live(
        """
care:
  visits:
    starts: {when: age >= 10}
    steps:
      - visit: clinic
        steps: {perform: talk}
      - {wait: 1 year}
      - visit: ward
        steps: {perform: talk}
      - {wait: 1 year}
      - visit: clinic
  riding: {starts: {during: clinic}, steps: [{perform: scan}, {wait: 10 days}, {perform: letter}]}
  riding_too: {starts: {during: clinic}, steps: {test: weight}}
"""
        + CODED
    )
    assert lives.story() == [
        ("clinic", 3652.5),
        ("talk", 3652.5),
        ("scan", 3652.5),
        ("weight", 3652.5),
        ("letter", 3662.5),
        ("ward", 4017.75),
        ("talk", 4017.75),
        ("clinic", 4383.0),
        ("scan", 4383.0),
        ("weight", 4383.0),
        ("letter", 4393.0),
    ]
    log = lives.log
    first, second = log.encounter[0], log.encounter[7]
    assert log.encounter[:4].tolist() == [first] * 4  # the visit is the riders' too
    assert log.encounter[8:10].tolist() == [second] * 2
    assert (
        log.encounter[4] == log.encounter[10] == NULL
    )  # what a rider does after waiting is outside the visit
    assert log.end[0] == log.start[0]  # nor does the visit wait for it


def test_a_rider_may_end_in_the_visit_and_the_visit_goes_on(live: Live) -> None:
    lives = live(
        """
care:
  visits: {starts: {when: age >= 10}, steps: [{visit: clinic}, {perform: letter}]}
  riding:
    starts: {during: clinic}
    until: diagnosed(cough)
    steps: [{diagnose: cough}, {perform: scan}]
  riding_too: {starts: {during: clinic}, steps: {perform: talk}}
"""
        + CODED
    )
    assert [name for name, _ in lives.story()] == ["clinic", "cough", "talk", "letter"]
    assert (lives.rows("provider").end != NULL).all()


# ---- while and until


def test_while_starts_and_ends_and_starts_again(live: Live) -> None:
    found = story(
        live,
        """
disease:
  nose:
    dry: {lasts: 1 year, -> runny: {share: 1}}
    runny: {lasts: 25 days, -> dry: {share: 1}}
care:
  nursing:
    while: in(runny) and age < 3
    steps:
      - every: 10 days
        steps: {perform: talk}
""",
    )
    talks = [day for name, day in found if name == "talk"]
    assert talks == [365.25, 375.25, 385.25, 755.5, 765.5, 775.5]


def test_until_ends_a_waiting_protocol_but_lets_a_visit_finish(live: Live) -> None:
    found = story(
        live,
        """
care:
  waiting:
    starts: {when: age >= 10}
    until: age >= 11
    steps: [{perform: talk}, {wait: 2 years}, {perform: scan}]
  visiting:
    starts: {when: age >= 20}
    until: age >= 21
    steps: [{visit: clinic, steps: [{wait: 2 years}, {perform: letter}]}, {perform: scan}]
""",
    )
    assert found == [("talk", 3652.5), ("clinic", 7305.0), ("letter", 8035.5)]


def test_until_that_is_true_already_ends_a_protocol_before_its_first_step(live: Live) -> None:
    pathway = "care:\n  talks: {starts: {when: age >= 10}, until: age >= 5, steps: {perform: talk}}\n"
    assert story(live, pathway) == []


def test_until_ends_what_a_protocol_waits_for_but_not_what_it_started(live: Live) -> None:
    found = story(
        live,
        """
care:
  outer:
    starts: {when: age >= 10}
    until: age >= 11
    steps: [{start: beside}, {do: inner}, {perform: letter}]
  inner: {steps: [{wait: 2 years}, {perform: talk}]}
  beside: {steps: [{wait: 2 years}, {perform: scan}]}
""",
    )
    assert found == [("scan", 4383.0)]


def test_while_that_is_true_again_when_a_visit_ends_goes_on(live: Live) -> None:
    """language.md: a `while` protocol ends when its expression is false; in the end it is not."""
    found = story(
        live,
        """
care:
  illness: {starts: {when: age >= 10}, steps: {prescribe: syrup}}
  nursing:
    while: prescribed(syrup)
    steps:
      - every: 1 year
        first: later
        at_most: 2
        steps:
          - visit: clinic
            steps: [{stop: syrup}, {prescribe: syrup}]
""",
    )
    assert [day for name, day in found if name == "clinic"] == [4017.75, 4383.0]


def test_stop_ends_a_protocol_and_what_it_waits_for(live: Live) -> None:
    found = story(
        live,
        """
care:
  outer: {starts: {when: age >= 10}, steps: [{do: inner}, {perform: letter}]}
  inner: {steps: [{wait: 2 years}, {perform: talk}]}
  stops_outer: {starts: {when: age >= 11}, steps: {stop: outer}}
  again: {starts: {when: age >= 20}, steps: [{do: inner}, {perform: letter}]}
  stops_inner: {starts: {when: age >= 21}, steps: {stop: inner}}
""",
    )
    assert found == [("letter", 21 * YEAR)]  # what waited for `inner` goes on once it is stopped


# ---- do and start


def test_do_waits_and_start_does_not(live: Live) -> None:
    found = story(
        live,
        """
care:
  outer:
    starts: {when: age >= 10}
    steps: [{do: longer}, {perform: talk}, {start: longer}, {perform: letter}]
  longer: {steps: [{wait: 1 year}, {perform: scan}]}
""",
    )
    assert found == [("scan", 4017.75), ("talk", 4017.75), ("letter", 4017.75), ("scan", 4383.0)]


def test_do_of_a_running_protocol_does_nothing(live: Live) -> None:
    found = story(
        live,
        """
care:
  one: {starts: {when: age >= 10}, steps: [{do: longer}, {perform: talk}]}
  two: {starts: {when: age >= 10.5}, steps: [{do: longer}, {perform: letter}]}
  longer: {steps: [{wait: 1 year}, {perform: scan}]}
""",
    )
    assert found == [("letter", round(10.5 * YEAR, 4)), ("scan", 4017.75), ("talk", 4017.75)]


def test_what_is_done_inside_a_visit_belongs_to_it(live: Live) -> None:
    lives = live(
        """
care:
  outer:
    starts: {when: age >= 10}
    steps: [{visit: clinic, steps: [{do: longer}, {start: beside}, {test: weight}]}, {test: weight}]
  longer: {steps: [{wait: 1 week}, {perform: scan}]}
  beside: {steps: {perform: letter}}
"""
        + CODED
    )
    assert [name for name, _ in lives.story()] == ["clinic", "scan", "weight", "weight", "letter"]
    visit, *inside = lives.log.encounter.tolist()
    assert inside == [visit, visit, NULL, NULL]
    assert lives.days(lives.rows("provider"), end=True)[0] == pytest.approx(3659.5, abs=2e-5)


def test_a_visit_inside_a_visit_leaves_the_outer_one_whole(live: Live) -> None:
    lives = live(
        """
care:
  outer:
    starts: {when: age >= 10}
    steps:
      - visit: clinic
        steps: [{do: inner}, {perform: talk}]
  inner: {steps: [{visit: ward, steps: {perform: scan}}, {perform: letter}]}
"""
        + CODED
    )
    assert [name for name, _ in lives.story()] == ["clinic", "ward", "scan", "letter", "talk"]
    clinic, ward, scan, letter, talk = lives.log.encounter.tolist()
    assert scan == ward != clinic
    assert letter == talk == clinic  # the visit to the clinic is still under way
    assert (lives.rows("provider").end != NULL).all()


# ---- every, wait, choose, if, chance


def test_every_counts_from_start_to_start(live: Live) -> None:
    """A round that takes longer than the interval is followed by the next at once, which counts from
    there."""
    found = story(
        live,
        """
care:
  rounds:
    starts: {when: age >= 10}
    steps:
      - every: 30 days
        at_most: 5
        steps:
          - {perform: talk}
          - wait: 100 days if count(talk) == 2 else 10 days
      - {perform: letter}
""",
    )
    days = [round(day - 3652.5, 4) for _, day in found]
    assert days == [0, 30, 130, 160, 190, 200]


@pytest.mark.parametrize(
    ("options", "days"),
    [
        ("at_most: 3", [0, 30, 60]),
        ("first: now, at_most: 3", [0, 30, 60]),
        ("first: later, at_most: 3", [30, 60, 90]),
        ("first: 4 weeks, at_most: 3", [28, 58, 88]),
        ("until: count(talk) >= 2", [0, 30]),
        ("until: age >= 10.2", [0, 30, 60]),  # day 73.05
        ("first: later, until: age >= 10", []),
    ],
)
def test_rounds(live: Live, options: str, days: list[float]) -> None:
    found = story(
        live,
        f"""
care:
  rounds:
    starts: {{when: age >= 10}}
    steps:
      - {{every: 30 days, {options}, steps: {{perform: talk}}}}
      - {{perform: letter}}
""",
    )
    talks = [round(day - 3652.5, 4) for name, day in found if name == "talk"]
    assert talks == days
    assert found[-1][0] == "letter"


def test_until_of_rounds_is_looked_at_between_them(live: Live) -> None:
    """A round under way when the expression turns true is finished; one that is due is not begun."""
    found = story(
        live,
        """
care:
  rounds:
    starts: {when: age >= 10}
    steps:
      - every: 1 year
        until: age >= 11.5
        steps: [{perform: talk}, {wait: 300 days}, {perform: scan}]
      - {perform: letter}
""",
    )
    assert [name for name, _ in found] == ["talk", "scan", "talk", "scan", "letter"]
    assert found[-1][1] == 11 * YEAR + 300


def test_rounds_inside_rounds_begin_anew(live: Live) -> None:
    found = story(
        live,
        """
care:
  rounds:
    starts: {when: age >= 10}
    steps:
      - every: 1 year
        at_most: 2
        steps:
          - every: 10 days
            at_most: 2
            steps: {perform: talk}
          - {perform: scan}
""",
    )
    assert [(name, round(day - 3652.5, 4)) for name, day in found] == [
        ("talk", 0),
        ("talk", 10),
        ("scan", 10),
        ("talk", 365.25),
        ("talk", 375.25),
        ("scan", 375.25),
    ]


def test_an_interval_is_as_of_the_end_of_its_round(live: Live) -> None:
    found = story(
        live,
        """
care:
  rounds:
    starts: {when: age >= 10}
    steps:
      - every: 10 days if diagnosed(cough) else 100 days
        at_most: 3
        steps: [{perform: talk}, {if: count(talk) == 2, then: {diagnose: cough}}]
""",
    )
    talks = [round(day - 3652.5, 4) for name, day in found if name == "talk"]
    assert talks == [0, 100, 110]


def test_choose_goes_from_top_to_bottom(live: Live) -> None:
    """Shares are of all who come to the choice, by one uniform; an `if` above takes its people first."""
    lives = live(
        """
variables: {marked: bernoulli(0.3)}
care:
  choice:
    starts: {when: age >= 10}
    steps:
      - choose:
          - {share: 0.2, then: {perform: talk}}
          - {if: marked, then: {perform: scan}}
          - {share: 0.5, then: {perform: letter}}
          - {share: rest, then: {diagnose: cough}}
"""
        + CODED,
        40_000,
    )
    found = np.array(
        [
            len(lives.rows(kind, name).patient)
            for kind, name in [
                ("procedure", "talk"),
                ("procedure", "scan"),
                ("procedure", "letter"),
                ("condition", "cough"),
            ]
        ]
    )
    expected = 40_000 * np.array([0.2, 0.24, 0.35, 0.21])
    assert found.sum() == 40_000  # everyone takes exactly one branch
    assert (abs(found - expected) < 5 * np.sqrt(expected)).all()


def test_chance_is_drawn_each_time_and_of_each_step_by_itself(live: Live) -> None:
    lives = live(
        """
care:
  rounds:
    starts: {when: age >= 10}
    steps:
      - every: 1 month
        at_most: 20
        steps: [{perform: talk, chance: 0.3}, {perform: scan, chance: 0.6}]
"""
        + CODED,
        2000,
    )
    talks, scans = (
        np.bincount(lives.rows("procedure", name).patient, minlength=2000) for name in ("talk", "scan")
    )
    for counts, p in ((talks, 0.3), (scans, 0.6)):
        assert abs(counts.mean() - 20 * p) < 5 * np.sqrt(20 * p * (1 - p) / 2000)
        # one draw a life, or one a protocol, would give a variance of 400 p (1 - p)
        assert counts.var(ddof=1) == pytest.approx(20 * p * (1 - p), rel=5 * np.sqrt(2 / 2000))
    assert abs(np.corrcoef(talks, scans)[0, 1]) < 5 / np.sqrt(2000)


def test_unknown_values_are_false_in_an_if(live: Live) -> None:
    found = story(
        live,
        """
care:
  looks:
    starts: {when: age >= 10}
    steps:
      - {if: last(weight) < 1000, then: {perform: talk}, else: {perform: letter}}
      - {if: not last(weight) >= 0, then: {perform: scan}}
      - {if: known(last(weight)), then: {perform: talk}}
      - {if: last(weight) or_else 1 < 2, then: {perform: scan}}
      - {if: since(talk) > 1 day or since(talk) <= 1 day, then: {perform: talk}}
      - {test: weight}
      - {if: last(weight) == 60 and first(weight) == 60 and known(last(weight)), then: {perform: letter}}
""",
    )
    assert [name for name, _ in found] == ["letter", "scan", "scan", "weight", "letter"]


def test_wait_draws(live: Live) -> None:
    lives = live(
        """
care:
  waits: {starts: {when: age >= 10}, steps: [{wait: "gamma(mean=50 days, sd=20 days)"}, {perform: talk}]}
"""
        + CODED,
        5000,
    )
    waits = lives.times("procedure", "talk") - 3652.5
    assert stats.kstest(waits, stats.gamma(6.25, scale=8).cdf).pvalue > 1e-6


def test_set_as_a_step(live: Live) -> None:
    lives = live(
        """
variables: {goal: "uniform(0.2, 0.4)"}
care:
  sets:
    starts: {when: age >= 10}
    steps: [{set: {goal: 2 * goal}}, {if: goal > 0.4, then: {perform: talk}}]
"""
        + CODED,
        10,
    )
    drawn = lives.rows("variable", "goal")
    before, after = drawn.value.reshape(-1, 2).T
    assert (after == 2 * before).all()
    assert lives.days(drawn).reshape(-1, 2)[:, 1] == pytest.approx(3652.5, abs=2e-5)
    assert len(lives.rows("procedure", "talk").patient) == 10


# ---- the record


def test_diagnose_and_prescribe_change_no_record_twice(live: Live) -> None:
    lives = live(
        """
care:
  visits:
    starts: {when: age >= 10}
    steps:
      - every: 1 year
        at_most: 4
        steps:
          - {diagnose: cough}
          - {prescribe: syrup}
          - {if: count(talk) == 1, then: [{resolve: cough}, {stop: syrup}]}
          - {perform: talk}
"""
        + CODED
    )
    for kind, name in (("condition", "cough"), ("drug", "syrup")):
        rows = lives.rows(kind, name)
        assert lives.days(rows) == pytest.approx([10 * YEAR, 12 * YEAR], abs=2e-5)
        assert lives.days(rows, end=True)[0] == pytest.approx(11 * YEAR, abs=2e-5)
        assert rows.end[1] == NULL


def test_a_condition_resolves_by_itself_once(live: Live) -> None:
    lives = live(
        """
care:
  finds:
    starts: {when: age >= 10}
    steps:
      - {diagnose: cough, resolves: after 14 days}
      - {wait: 1 week}
      - {diagnose: cough, resolves: after 14 days}
      - {resolve: cough}
      - {wait: 1 day}
      - {diagnose: cough}
  letters: {starts: {when: not diagnosed(cough) and age >= 10.001}, steps: {perform: letter}}
"""
        + CODED
    )
    rows = lives.rows("condition", "cough")
    assert lives.days(rows) == pytest.approx([3652.5, 3660.5], abs=2e-5)
    assert lives.days(rows, end=True)[0] == pytest.approx(3659.5, abs=2e-5)
    assert rows.end[1] == NULL  # the resolution due on day 14 belongs to the first row, and is off
    assert lives.times("procedure", "letter") == pytest.approx([3659.5], abs=2e-5)


@pytest.mark.parametrize(
    ("prescription", "lasts"),
    [
        ("for: 28 days", 28),
        ("for: 28 days, refills: 2", 84),
        ("for: 28 days, refills: until stopped", None),
        ("", None),
    ],
)
def test_a_supply_ends(live: Live, prescription: str, lasts: float | None) -> None:
    lives = live(
        f"""
care:
  treats: {{starts: {{when: age >= 10}}, steps: [{{prescribe: syrup, {prescription}}}]}}
  misses: {{starts: {{when: not prescribed(syrup) and count(syrup) > 0}}, steps: {{perform: letter}}}}
"""
        + CODED
    )
    rows = lives.rows("drug", "syrup")
    assert lives.days(rows) == pytest.approx([3652.5], abs=2e-5)
    if lasts is None:
        assert rows.end[0] == NULL
        assert not len(lives.times("procedure"))
    else:
        assert lives.days(rows, end=True) == pytest.approx([3652.5 + lasts], abs=2e-5)
        assert lives.times("procedure", "letter") == pytest.approx([3652.5 + lasts], abs=2e-5)


def test_a_renewal_lasts_from_its_own_day(live: Live) -> None:
    lives = live(
        """
care:
  treats:
    starts: {when: age >= 10}
    steps: [{prescribe: syrup, for: 90 days}, {wait: 60 days}, {prescribe: syrup, for: 10 days}]
"""
        + CODED
    )
    rows = lives.rows("drug", "syrup")
    assert lives.days(rows, end=True) == pytest.approx([3652.5 + 70], abs=2e-5)


def test_a_drug_acts_on_the_truth_while_it_is_taken(live: Live) -> None:
    lives = live(
        """
biomarkers: {pulse: {unit: bpm, value: 70 - 10 * taking(syrup)}}
drugs: {syrup: {rxnorm: "312617"}}
care:
  treats:
    starts: {when: age >= 10}
    steps:
      - {test: pulse}
      - {prescribe: syrup, for: 10 days}
      - {test: pulse}
      - {wait: 20 days}
      - {test: pulse}
"""
    )
    assert lives.rows("biomarker", "pulse").value.tolist() == [70, 60, 70]


def test_results_are_clipped_and_rounded_half_up(live: Live) -> None:
    lives = live(
        """
biomarkers:
  low: {unit: kg, value: 1, range: 2 to 40}
  high: {unit: kg, value: 41, range: 2 to 40}
  half: {unit: kg, value: 2.5, decimals: 0}
  half_below_zero: {unit: kg, value: -2.5, decimals: 0}
  third: {unit: kg, value: 1 / 3, decimals: 3}
  large: {unit: kg, value: 100000000, decimals: 12}
care:
  tests:
    starts: {when: age >= 10}
    steps: {test: [low, high, half, half_below_zero, third, large]}
"""
    )
    assert lives.rows("biomarker").value.tolist() == [2, 40, 3, -2, 0.333, 1e8]


def test_last_first_mean_and_count(live: Live) -> None:
    lives = live(
        """
procedures: {talk: {snomed: "225323000"}}
biomarkers:
  weight: {unit: kg, value: 50 + age, decimals: 0}
  seen:
    unit: kg
    value: 0
    measurement_error: >-
      normal(1e3 * (last(weight) or_else 0) + (mean(weight, within=800 days) or_else 0)
      + 1e6 * count(talk, within=800 days) + 1e8 * (first(weight) or_else 0), 0)
care:
  tests:
    starts: {when: age >= 10}
    steps:
      - {test: seen}
      - every: 1 year
        at_most: 4
        steps: [{perform: talk}, {test: [weight, seen]}]
"""
    )
    # within 800 days: this test and the two before it
    expected = [
        0,
        1000 * 60 + 60 + 1e6 + 1e8 * 60,
        1000 * 61 + 60.5 + 2e6 + 1e8 * 60,
        1000 * 62 + 61 + 3e6 + 1e8 * 60,
        1000 * 63 + 62 + 3e6 + 1e8 * 60,
    ]
    assert lives.rows("biomarker", "seen").value.tolist() == expected


def test_tested_within_is_a_closed_interval_of_time(live: Live) -> None:
    found = story(
        live,
        """
care:
  tests:
    starts: {when: age >= 10}
    steps:
      - {if: not tested(weight), then: {perform: letter}}
      - {test: weight}
      - {wait: 30 days}
      - {if: "tested(weight, within=30 days)", then: {perform: talk}}
      - {wait: 1 hour}
      - {if: "not tested(weight, within=30 days)", then: {perform: scan}}
""",
    )
    assert [name for name, _ in found] == ["letter", "weight", "talk", "scan"]


def test_a_trigger_may_count_what_lately_happened(live: Live) -> None:
    """`count(within=)` falls at the moment when the oldest grows too old."""
    found = story(
        live,
        """
care:
  talks: {starts: [{when: age >= 10}, {when: age >= 10.5}], steps: {perform: talk}}
  scans:
    starts: {when: "count(talk, within=1 year) < 2 and count(talk) == 2"}
    steps: {perform: scan}
  letters:
    starts: {when: "count(talk, within=1 year) < 1 and count(talk) == 2"}
    steps: {perform: letter}
""",
    )
    assert found[2:] == [("scan", 11 * YEAR), ("letter", round(11.5 * YEAR, 4))]


# ---- the window


def test_what_is_on_the_record_at_the_window_s_start(live: Live) -> None:
    """Conditions and prescriptions that are active then begin when they began; nothing else is from
    before."""
    frame = """
scenario: s
window: {from: 1970-01-01, to: 1980-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1951-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
providers: {clinic: {class: ambulatory}}
"""
    lives = live(
        """
care:
  early:
    starts: {when: age >= 10}
    steps:
      - visit: clinic
        steps: [{diagnose: cough}, {diagnose: gout}, {prescribe: syrup}, {perform: talk}, {test: weight}]
      - {wait: 1 year}
      - {resolve: gout}
      - {diagnose: cough}
      - {prescribe: syrup}
  late: {starts: {when: today >= 1975-01-01}, steps: [{resolve: cough}, {stop: syrup}, {diagnose: gout}]}
"""
        + CODED,
        20,
        frame=frame,
    )
    for kind, name in (("condition", "cough"), ("drug", "syrup")):
        rows = lives.rows(kind, name)
        assert lives.days(rows) == pytest.approx(np.full(20, 10 * YEAR), abs=2e-5)
        assert (rows.end == 1826 * 86_400).all()
        assert (rows.encounter == NULL).all()  # that encounter is not on the record
    assert (lives.rows("condition", "gout").start == 1826 * 86_400).all()
    assert len(lives.log.kind) == 60


def test_a_visit_under_way_when_the_window_opens(live: Live) -> None:
    """It is not on the record, so what happens in it belongs to no encounter."""
    frame = """
scenario: s
window: {from: 1970-01-01, to: 1980-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 1950-01-02}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
providers: {clinic: {class: ambulatory}}
"""
    lives = live(
        """
care:
  stays:
    starts: {when: today >= 1969-12-01}
    steps:
      - {visit: clinic, steps: [{wait: 60 days}, {perform: talk}]}
      - {visit: clinic, steps: {perform: scan}}
"""
        + CODED,
        frame=frame,
    )
    assert [name for name, _ in lives.story()] == ["talk", "clinic", "scan"]
    talk, clinic, scan = lives.log.encounter.tolist()
    assert talk == NULL != clinic == scan


def test_death_ends_a_visit_and_everything_after(live: Live) -> None:
    lives = live(
        """
disease: {life: {alive: {-> dead: {after: 4000 days, cause: cough}}}}
care:
  stays:
    starts: {when: age >= 10}
    steps:
      - {diagnose: gout}
      - {prescribe: syrup, for: 30 days, refills: 99}
      - visit: ward
        steps: [{wait: 1 year}, {perform: talk}]
"""
        + CODED
    )
    assert [name for name, _ in lives.story()] == ["gout", "syrup", "ward", "dead", "death"]
    assert lives.days(lives.rows("provider"), end=True) == pytest.approx([4000], abs=2e-5)
    assert lives.rows("death").code.tolist() == [0]
    assert lives.people.died.tolist() == [True]
    assert lives.people.left.tolist() == lives.rows("death").start.tolist()


@pytest.mark.parametrize(
    "exit_",
    ["share: 1, cause: cough", "upon: talks, cause: cough", "after: 0 days, cause: cough"],
)
def test_death_at_birth_is_on_the_record(live: Live, exit_: str) -> None:
    """Born inside the window, dead at once: one death row, at birth, and nothing more."""
    lives = live(
        f"""
disease: {{life: {{alive: {{-> dead: {{{exit_}}}}}}}}}
care:
  talks: {{starts: {{when: age >= 0}}, steps: {{wait: 1 day}}}}
  scans: {{starts: {{when: age >= 20}}, steps: {{perform: scan}}}}
"""
        + CODED,
        3,
    )
    assert lives.people.died.all()
    assert lives.times("death") == pytest.approx(np.zeros(3), abs=2e-5)
    assert not len(lives.times("procedure"))


def test_encounters_have_ids_of_their_own_and_own_their_rows(live: Live) -> None:
    lives = live(
        """
care:
  visits:
    starts: {when: age >= 10}
    steps:
      - every: 1 year
        at_most: 5
        steps:
          - {visit: clinic, reason: cough, steps: {test: weight}}
          - {visit: ward, steps: {test: weight}}
          - {test: weight}
"""
        + CODED,
        1000,
    )
    visits = lives.rows("provider")
    assert len(np.unique(visits.encounter)) == len(visits.encounter) == 10_000
    assert (visits.encounter >= 0).all()
    assert visits.aux.reshape(-1, 2).tolist() == [[0, -1]] * 5000
    tests = lives.rows("biomarker").encounter.reshape(-1, 3)
    assert (tests[:, :2] == visits.encounter.reshape(-1, 2)).all()
    assert (tests[:, 2] == NULL).all()


# ---- ties


def test_at_one_instant_disease_comes_before_care(live: Live) -> None:
    """Semantics 2: both are due on day 3652.5; the state is entered first, then care sees it."""
    found = story(
        live,
        """
disease: {nose: {dry: {-> runny: {after: 3652.5 days}}, runny: {}}}
care:
  looks:
    starts: {when: age >= 5}
    steps: [{wait: 1826.25 days}, {if: in(runny), then: {perform: talk}, else: {perform: scan}}]
""",
    )
    assert found == [("runny", 3652.5), ("talk", 3652.5)]


def test_at_one_instant_refreshes_come_before_disease(live: Live) -> None:
    """Semantics 2: the end of a supply is a refresh, so that a state entered at that instant sees no drug."""
    lives = live(
        """
variables: {taken: 7}
disease:
  nose:
    dry: {-> runny: {after: 3662.5 days}}
    runny: {set: {taken: taking(syrup)}}
care:
  treats: {starts: {when: age >= 10}, steps: [{prescribe: syrup, for: 10 days}]}
"""
        + CODED
    )
    assert lives.rows("variable", "taken").value.tolist() == [7, 0]


def test_consequences_come_first_in_first_out_in_the_order_of_the_file(live: Live) -> None:
    found = story(
        live,
        """
care:
  begins: {starts: {when: age >= 10}, steps: [{perform: talk}, {perform: scan}]}
  second: {starts: {upon: scan}, steps: {diagnose: cough}}
  first: {starts: {upon: talk}, steps: {diagnose: gout}}
""",
    )
    # protocols go on in the order of the file, whatever the order in which they were started
    assert [name for name, _ in found] == ["talk", "scan", "cough", "gout"]
