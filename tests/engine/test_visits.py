"""Visits that wait for opening hours, take time, are missed and asked for again; referrals and discharges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from sim.engine.log import APPOINTMENT, ATTENDED, CANCELLED, DIED, DISCHARGES, MISSED, NULL, WAITING
from sim.records.names import names
from sim.records.tables import tables
from tests.conftest import FRAME

Live = Callable[..., Any]
DAY = 86_400
MONDAY = 4 * DAY  # 1970-01-05
MINUTE = 60
AT_BIRTH = "care:\n  ask:\n    starts: {when: age >= 0}\n    steps:\n"
ONE_VISIT = AT_BIRTH + "      - {visit: clinic}\n"


def frame(clinic: str, end: str = "2050-01-01") -> str:
    return FRAME.replace("clinic: {class: ambulatory", f"clinic: {{class: ambulatory, {clinic}").replace(
        "2050-01-01", end
    )


def appointments(lives: Any) -> Any:
    return lives.where(lives.log.kind == APPOINTMENT)


# ---- hours


def test_who_comes_when_it_is_closed_waits_for_any_time_of_the_next_session(live: Live) -> None:
    hours = "hours: [monday 08:00-12:00, tuesday 08:00-20:00]"
    lives = live(ONE_VISIT, 3000, frame=frame(hours))
    asked, came = appointments(lives), lives.rows("provider", "clinic")
    assert len(asked.start) == len(came.start) == 3000
    assert set(asked.aux) == {ATTENDED}
    np.testing.assert_array_equal(asked.end, came.start)
    np.testing.assert_array_equal(asked.encounter, came.encounter)
    np.testing.assert_array_equal(asked.start, came.value)
    at, into = (asked.start - MONDAY) % (7 * DAY), (came.start - MONDAY) % (7 * DAY)
    monday = (at >= 8 * 3600) & (at < 12 * 3600)
    tuesday = (at >= DAY + 8 * 3600) & (at < DAY + 20 * 3600)
    np.testing.assert_array_equal(came.start[monday | tuesday], asked.start[monday | tuesday])
    between = (at >= 12 * 3600) & (at < DAY + 8 * 3600)
    for waits, begins, hours_long in (
        (between, DAY + 8 * 3600, 12),
        (~(monday | tuesday | between), 8 * 3600, 4),
    ):
        assert np.count_nonzero(waits) > 200
        share = (into[waits] - begins) / (hours_long * 3600)
        assert stats.kstest(share, "uniform").pvalue > 1e-6
        assert np.all(came.start[waits] - asked.start[waits] < 7 * DAY)


def test_nobody_waits_where_it_is_always_open(live: Live) -> None:
    lives = live(ONE_VISIT, 200, frame=frame("hours: daily 00:00-24:00"))
    asked = appointments(lives)
    np.testing.assert_array_equal(asked.start, asked.end)


@pytest.mark.parametrize(
    ("pathway", "outcome"),
    [
        (
            "conditions: {decline: {icd10: R54}}\n"
            "disease: {life: {well: {-> dead: {after: 1 hour, cause: decline}}}}\n" + ONE_VISIT,
            DIED,
        ),
        (ONE_VISIT.replace("steps:", "until: age >= 1 hour\n    steps:"), CANCELLED),
        (ONE_VISIT.replace("starts: {when: age >= 0}", "while: age < 1 hour"), CANCELLED),
    ],
)
def test_waiting_ends_with_the_protocol_and_the_life(live: Live, pathway: str, outcome: int) -> None:
    lives = live(pathway, 400, frame=frame("hours: weekdays 08:00-17:00"))
    asked = appointments(lives)
    came = Counter(asked.aux.tolist())
    assert came.keys() == {ATTENDED, outcome}
    assert came[outcome] > 100
    left = asked.aux == outcome
    np.testing.assert_allclose(asked.end[left] - asked.start[left], 3600, atol=1)
    assert set(asked.encounter[left]) == {NULL}
    assert NULL not in asked.encounter[~left]


def test_who_still_waits_at_the_end_of_the_window(live: Live) -> None:
    lives = live(ONE_VISIT, 4000, frame=frame("hours: saturday 10:00-10:01", "1951-01-01"))
    asked = appointments(lives)
    waiting = asked.aux == WAITING
    assert 0 < np.count_nonzero(waiting) < 100  # born in the last two days of the year
    assert set(asked.end[waiting]) == set(asked.encounter[waiting]) == {NULL}


# ---- coming


def test_who_stays_away_asks_again(live: Live) -> None:
    lives = live(AT_BIRTH + "      - {visit: clinic, attend: 0.4, rebook: {after: 7 days}}\n", 2000)
    asked, came = appointments(lives), lives.rows("provider", "clinic")
    times = np.bincount(asked.patient)
    assert len(times) == len(came.start) == 2000
    assert abs(times.mean() - 1 / 0.4) < 5 * times.std() / np.sqrt(2000)
    assert abs(np.mean(times == 1) - 0.4) < 5 * np.sqrt(0.24 / 2000)
    again = asked.patient[1:] == asked.patient[:-1]
    np.testing.assert_array_equal(np.where(again, MISSED, ATTENDED), asked.aux[:-1])
    assert np.all(np.abs(np.diff(asked.start)[again] - 7 * DAY) <= 1)
    first = np.concatenate([[True], ~again])
    np.testing.assert_array_equal(came.value, asked.start[first])  # the encounter's request is the first


def test_who_stays_away_too_often_is_missed(live: Live) -> None:
    pathway = AT_BIRTH + (
        "      - visit: clinic\n        attend: 0.4\n        rebook: {after: 7 days, times: 2}\n"
        "        missed: {visit: ward}\n"
    )
    lives = live(pathway, 2000)
    seen, missed = (set(lives.rows("provider", name).patient.tolist()) for name in ("clinic", "ward"))
    assert not seen & missed
    assert seen | missed == set(range(2000))
    times = np.bincount(appointments(lives).patient)
    assert {int(times[patient]) for patient in missed} == {3} == {int(times.max())}
    assert abs(len(missed) / 2000 - 0.6**3) < 5 * np.sqrt(0.216 * 0.784 / 2000)


def test_times_are_counted_anew_for_each_visit(live: Live) -> None:
    pathway = AT_BIRTH + (
        "      - every: 1 year\n        at_most: 4\n        steps:\n"
        "          - {visit: clinic, attend: 0, rebook: {after: 1 day, times: 2}}\n"
    )
    asked = appointments(live(pathway, 3))
    assert np.bincount(asked.patient).tolist() == [12, 12, 12]
    assert set(asked.aux) == {MISSED}


# ---- taking time


def test_a_visit_takes_its_time_and_no_more_than_what_is_done_in_it(care: Live) -> None:
    steps = """
      - visit: clinic
        lasts: 10 days
        steps: [{wait: 4 days}, {perform: talk}]
      - {perform: letter}
      - visit: clinic
        lasts: 2 days
        steps: [{wait: 4 days}, {perform: scan}]
      - {visit: clinic}
      - {perform: talk}
"""
    lives = care(AT_BIRTH + steps.lstrip("\n"), frame=frame("lasts: 1 day"))
    born = round(lives.days(lives.rows("provider"))[0], 3)
    assert [(name, round(time - born)) for name, time in lives.story()] == [
        ("clinic", 0),
        ("talk", 4),
        ("letter", 10),
        ("clinic", 10),
        ("scan", 14),
        ("clinic", 14),
        ("talk", 15),
    ]


def test_a_protocol_that_is_to_end_ends_when_the_time_is_over(care: Live) -> None:
    pathway = AT_BIRTH.replace("steps:", "until: age >= 3 days\n    steps:")
    lives = care(pathway + "      - {visit: clinic, lasts: 10 days}\n      - {perform: talk}\n")
    visits = lives.rows("provider")
    assert (visits.end - visits.start).tolist() == [10 * DAY]
    assert lives.story()[-1][0] == "clinic"


def test_riders_are_done_once_before_a_visit_waits_to_be_over(care: Live) -> None:
    pathway = AT_BIRTH + "      - {visit: clinic, lasts: 10 days}\n  ride:\n    starts: {during: clinic}\n"
    lives = care(pathway + "    steps: [{perform: talk}, {wait: 3 days}, {perform: scan}]\n")
    assert [name for name, _ in lives.story()] == ["clinic", "talk", "scan"]
    visits, talk, scan = lives.rows("provider"), *(lives.rows("procedure", p) for p in ("talk", "scan"))
    assert (visits.end - visits.start).tolist() == [10 * DAY]
    assert (talk.encounter.tolist(), scan.encounter.tolist()) == (visits.encounter.tolist(), [NULL])


# ---- referrals and discharges


def test_a_referral_has_an_appointment_though_nothing_waits(live: Live) -> None:
    lives = live(AT_BIRTH + "      - {visit: clinic, referral: true}\n      - {visit: ward}\n", 3)
    asked, came = appointments(lives), lives.rows("provider", "clinic")
    np.testing.assert_array_equal(asked.encounter, came.encounter)
    np.testing.assert_array_equal(asked.start, came.start)
    np.testing.assert_array_equal(asked.end, came.start)
    assert asked.aux.tolist() == [ATTENDED] * 3


def test_where_patients_go_at_the_end_of_a_stay(live: Live) -> None:
    pathway = AT_BIRTH + (
        "      - {visit: ward, lasts: 3 days, "
        "discharge: {rest_home: rest, home: 0.7 if female else 0.5, hospice: 0.1}}\n"
        "      - {visit: ward, discharge: {hospice: 0.25, home: 0.75}}\n"
        "      - {visit: clinic}\n"
    )
    lives = live(pathway, 4000)
    found = {name: table for name, table, _ in tables(names(lives.scenario), lives.people, lives.log)}
    frame = found["encounters"].to_pandas()
    women = set(lives.people.patient[lives.people.sex == 0])
    first, second, clinic = (frame.iloc[i::3] for i in range(3))
    for sex, home in ((True, 0.7), (False, 0.5)):
        chosen = first[first.patient_id.isin(women) == sex].discharge
        for place, share in {"home": home, "hospice": 0.1, "rest_home": 0.9 - home}.items():
            assert abs((chosen == place).mean() - share) < 5 * np.sqrt(share * (1 - share) / len(chosen))
    assert abs((second.discharge == "home").mean() - 0.75) < 5 * np.sqrt(0.75 * 0.25 / len(second))
    assert set(second.discharge) == {"home", "hospice"}
    assert clinic.discharge.isna().all()


def test_a_reason_stands_beside_the_discharge(care: Live) -> None:
    steps = (
        "      - {visit: ward, reason: gout, lasts: 3 days, discharge: {home: 1}}\n"
        "      - {visit: ward, reason: gout}\n      - {visit: ward, lasts: 200 years, discharge: {home: 1}}\n"
    )
    lives = care(AT_BIRTH + steps)
    assert lives.rows("provider").aux.tolist() == [1 + DISCHARGES, 1, -1]
    found = {name: table for name, table, _ in tables(names(lives.scenario), lives.people, lives.log)}
    stays = found["encounters"].to_pydict()
    assert stays["reason"] == ["gout", "gout", None]
    assert stays["discharge"] == ["home", None, None]  # the last is still under way
