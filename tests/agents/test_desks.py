"""Booked visits: hours, turns, and the ends that waiting can have.

Times are exact here, in days since 1970-01-01: rows are written without rounding to seconds, but for those
that `simulate` returns.
"""

from __future__ import annotations

import itertools
import math
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

import sim
from sim.agents import Population, simulate
from sim.agents.desks import appointments
from sim.agents.life import Life
from sim.engine import streams
from sim.engine.log import (
    APPOINTMENT,
    ATTENDED,
    CANCELLED,
    DEATH,
    DIED,
    ENCOUNTER,
    GAVE_UP,
    MISSED,
    NULL,
    PROCEDURE,
    VARIABLE,
    WAITING,
)
from sim.scenario import load
from sim.scenario.model import Scenario

MONDAY = 11_323.0  # 2001-01-01
SHORT = 1e-9  # days
FRAME = """
scenario: desks
window: {{from: 2000-01-01, to: {end}}}
population: {{size: 1, born: {{from: {first}, to: {last}}}, sex: {{female: 0.5, male: 0.5}}}}
pathways: [world.yaml]
providers: {{{providers}}}
"""
AT_BIRTH = "care:\n  ask:\n    starts: {when: age >= 0}\n    steps: "
DEATH_AT_40_DAYS = """\
conditions: {decline: {icd10: R54}}
disease:
  life: {well: {-> dead: {after: 40 days, cause: decline}}}
"""
TOGETHER = "care:\n  ask:\n    starts: {when: year >= 2001}\n    steps: "


class Booking(NamedTuple):
    """`ended` is inf for those who wait, `encounter` NULL for those not seen."""

    patient: int
    provider: int
    asked: float
    ended: float
    outcome: int
    priority: float
    encounter: int


class Visit(NamedTuple):
    """`end` is inf where it is open."""

    patient: int
    provider: int
    start: float
    end: float
    encounter: int


@dataclass
class Record:
    """Bookings and visits in the order of the patients; when things were done, and when people died."""

    bookings: list[Booking] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    done: list[tuple[int, float]] = field(default_factory=list)
    set: list[tuple[int, float]] = field(default_factory=list)
    deaths: dict[int, float] = field(default_factory=dict)


def world(
    providers: str,
    pathway: str,
    *,
    first: str = "2000-12-25",
    last: str = "2001-01-08",
    end: str = "2002-01-01",
) -> Scenario:
    """The scenario of one pathway, of people born from `first` to `last` who are seen from 2000 to `end`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frame = FRAME.format(providers=providers, first=first, last=last, end=end)
        (folder / "scenario.yaml").write_text(frame)
        (folder / "world.yaml").write_text(f"pathway: world\n{pathway}")
        return load(folder)


def live(scenario: Scenario, patients: int, seed: int = 1) -> Record:
    """What is recorded of that many patients, with exact times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Life, "seconds", lambda life, time: life.birth + time)
        population = Population(scenario, patients, seed)
        population.run()
    record = Record()
    for life in population.lives:
        for kind, _, start, end, code, aux, encounter, value in life.rows:
            until = math.inf if end == NULL else end
            if kind == APPOINTMENT:
                record.bookings.append(Booking(life.patient, code, start, until, aux, value, encounter))
            elif kind == ENCOUNTER:
                record.visits.append(Visit(life.patient, code, start, until, encounter))
            elif kind == PROCEDURE:
                record.done.append((life.patient, start))
            elif kind == VARIABLE:
                record.set.append((life.patient, start))
            elif kind == DEATH:
                record.deaths[life.patient] = start
    return record


def minutes(time: str) -> int:
    return 60 * int(time[:2]) + int(time[3:])


# ---- hours


def test_hours_alone() -> None:
    hours = "[monday 08:00-12:00, tuesday 08:00-20:00]"
    record = live(world(f"gp: {{class: ambulatory, hours: {hours}}}", AT_BIRTH + "{visit: gp}"), 3000)
    sessions = [
        (MONDAY + 7 * week + day + 8 / 24, hours / 24)
        for week in range(-1, 3)
        for day, hours in ((0, 4), (1, 12))
    ]
    places = []
    for booking in record.bookings:
        opens, length = next(s for s in sessions if booking.asked < s[0] + s[1])
        if booking.asked >= opens:
            assert booking.ended == booking.asked
        else:
            places.append((booking.ended - opens) / length)
    assert 2000 < len(places) < len(record.bookings) == 3000
    assert kstest(places, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("hours", ["08:00-17:00", "08:15-17:00", "09:10-16:40", "00:00-24:00"])
@pytest.mark.parametrize("length", [15, 10])
def test_nobody_begins_at_closing_time(hours: str, length: int) -> None:
    # Visits that fill the day to the minute, one after another; times in float64 are not exact to the minute.
    clinic = f"clinic: {{class: ambulatory, capacity: 1, hours: weekdays {hours}, lasts: {length} minutes}}"
    scenario = world(clinic, TOGETHER + "{visit: clinic}", first="1925-01-01", last="1950-01-01")
    _, log = simulate(scenario, range(1500), 1)
    begins = log.start[log.kind == ENCOUNTER] - int(MONDAY) * 86_400
    opens, closes = map(minutes, hours.split("-"))
    whole = range(opens * 60, closes * 60, length * 60)
    days = (86_400 * (7 * (day // 5) + day % 5) for day in itertools.count())
    expected = itertools.islice((day + second for day in days for second in whole), len(begins))
    if hours == "00:00-24:00":  # no closing until Friday: what visits add up to comes to light
        assert np.all(abs(np.sort(begins) - list(expected)) <= 1)
    else:
        assert np.sort(begins).tolist() == list(expected)


def test_a_visit_goes_on_after_hours() -> None:
    clinic = "clinic: {class: ambulatory, capacity: 1, hours: weekdays 08:00-17:00, lasts: 2.5 hours}"
    record = live(world(clinic, TOGETHER + "{visit: clinic}"), 20)
    of_day = Counter(round(24 * (visit.start % 1.0), 4) for visit in record.visits)
    assert of_day.keys() == {8.0, 10.5, 13.0, 15.5}
    assert all(visit.end - visit.start == pytest.approx(2.5 / 24) for visit in record.visits)


# ---- appointments

_sessions = st.lists(st.integers(0, 10_080 // 5), min_size=2, max_size=8, unique=True).map(
    lambda ends: [(5 * a, 5 * b) for a, b in zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False)]
)


@given(
    _sessions,
    st.fractions(Fraction(1, 60), 200, max_denominator=60),
    st.integers(-20_000, 30_000),
)
def test_appointments_are_evenly_spaced(sessions: list[tuple[int, int]], rate: Fraction, start: int) -> None:
    found = itertools.islice(
        appointments(float(rate), tuple((a / 1440, b / 1440) for a, b in sessions), float(start)), 25
    )
    opened = sum(b - a for a, b in sessions)
    number = math.floor((Fraction(start - 4, 7) - 2) * rate)
    exact = list[Fraction]()
    while len(exact) < 25:
        week, into = divmod((number + Fraction(1, 2)) * opened / rate, opened)
        number += 1
        for a, b in sessions:
            if into < b - a:
                break
            into -= b - a
        date = 4 + 7 * week + Fraction(a + into) / 1440
        assume(abs(date - start) > 2**-19)
        if date > start:
            exact.append(date)
    for date, at in zip(found, exact, strict=True):
        assert 0 < Fraction(date) - at < 2**-20 + SHORT  # never before, nor in the second before


def test_a_lone_request_waits_evenly_up_to_the_next_appointment() -> None:
    scenario = world(
        "clinic: {class: ambulatory, capacity: 168 per week}",
        AT_BIRTH + "{visit: clinic}",
        last="2020-01-01",
        end="2021-01-01",
    )
    bookings = live(scenario, 2000).bookings
    waits = np.array([b.ended - b.asked for b in bookings]) * 24
    assert len(bookings) == 2000
    # One request in 88 comes in the hour of another, and one of the two waits longer.
    assert np.sum(waits > 1.0) < 60
    assert kstest(waits, "uniform").pvalue > 1e-4
    assert kstest(waits, "expon", (0, 0.5)).pvalue < 1e-9


# ---- who comes next


def test_who_asks_at_one_time_comes_by_priority_and_then_by_lot() -> None:
    clinic = "clinic: {class: ambulatory, capacity: 2, lasts: 1 day}"
    variables = "variables: {urgent: bernoulli(0.3)}\n"
    steps = "{visit: clinic, priority: 1 if urgent else 0}"
    record = live(world(clinic, variables + TOGETHER + steps, last="2000-12-31"), 40, seed=3)
    key = np.uint64(streams.site_key(3, "world/ask/visit/clinic/1/queue"))
    lots = {patient: streams.uniform(key, 1, 0, patient) for patient in range(40)}
    expected = sorted(record.bookings, key=lambda b: (-b.priority, lots[b.patient]))
    served = sorted(record.bookings, key=lambda b: (b.ended, lots[b.patient]))
    assert [b.ended for b in expected] == [b.ended for b in served]
    assert Counter(b.ended - MONDAY for b in served) == {float(day): 2 for day in range(20)}
    assert 5 < sum(b.priority for b in served) < 20


# ---- coming, leaving


def test_who_stays_away_asks_again() -> None:
    steps = "{visit: gp, attend: 0.4, rebook: {after: 7 days}}"
    record = live(world("gp: {class: ambulatory}", AT_BIRTH + steps, end="2005-01-01"), 2000)
    times = Counter(b.patient for b in record.bookings)
    number = np.array(list(times.values()))
    assert len(number) == len(record.visits) == 2000
    error = number.std() / math.sqrt(2000)
    assert abs(number.mean() - 1 / 0.4) < 5 * error  # once more for everybody would be 23 SE
    assert abs(np.mean(number == 1) - 0.4) < 5 * math.sqrt(0.24 / 2000)
    for before, after in itertools.pairwise(record.bookings):
        if before.patient == after.patient:
            assert before.outcome == MISSED
            assert after.asked - before.asked == pytest.approx(7.0)
        else:
            assert before.outcome == ATTENDED


def test_who_stays_away_too_often_is_missed() -> None:
    pathway = 'procedures: {shrug: {snomed: "52734007"}}\n' + AT_BIRTH
    steps = "{visit: gp, attend: 0.4, rebook: {after: 7 days, times: 2}, missed: {perform: shrug}}"
    record = live(world("gp: {class: ambulatory}", pathway + steps, end="2005-01-01"), 2000)
    bookings = Counter(b.patient for b in record.bookings)
    seen, shrugged = ({row[0] for row in rows} for rows in (record.visits, record.done))
    assert seen | shrugged == set(range(2000))
    assert not seen & shrugged
    assert {bookings[patient] for patient in shrugged} == {3} == {max(bookings.values())}
    assert abs(len(shrugged) / 2000 - 0.6**3) < 5 * math.sqrt(0.216 * 0.784 / 2000)


@pytest.mark.parametrize(
    ("pathway", "outcome", "after"),
    [
        (DEATH_AT_40_DAYS + AT_BIRTH, DIED, 40.0),
        (AT_BIRTH.replace("steps:", "until: age >= 30 days\n    steps:"), CANCELLED, 30.0),
        (AT_BIRTH.replace("starts: {when: age >= 0}", "while: age < 30 days"), CANCELLED, 30.0),
    ],
)
def test_waiting_ends_with_the_protocol_and_the_life(pathway: str, outcome: int, after: float) -> None:
    # An appointment a week; those who leave take none of them.
    record = live(world("clinic: {class: ambulatory, capacity: 1 per week}", pathway + "{visit: clinic}"), 40)
    outcomes = Counter(b.outcome for b in record.bookings)
    assert outcomes.keys() == {ATTENDED, outcome}
    assert outcomes[ATTENDED] in (5, 6, 7, 8)
    seen = sorted(visit.start for visit in record.visits)
    np.testing.assert_allclose(np.diff(seen), 7.0)
    births = live(world("gp: {class: ambulatory}", AT_BIRTH + "{visit: gp}"), 40).visits
    for booking, birth in zip(record.bookings, births, strict=True):
        if booking.outcome == outcome:
            assert booking.ended - birth.start == pytest.approx(after)
            assert booking.encounter == NULL


def test_a_rider_that_waits_lets_the_visit_go_on() -> None:
    providers = (
        "gp: {class: ambulatory, lasts: 15 minutes}, imaging: {class: ambulatory, capacity: 1, lasts: 5 days}"
    )
    pathway = AT_BIRTH + "{visit: gp}\n  picture:\n    starts: {during: gp}\n    steps: {visit: imaging}"
    record = live(world(providers, pathway), 12)
    gp, imaging = ([v for v in record.visits if v.provider == provider] for provider in (0, 1))
    assert all(visit.end - visit.start == pytest.approx(15 / 1440) for visit in gp)
    asked = {b.patient: b.asked for b in record.bookings}
    assert asked == {visit.patient: visit.start for visit in gp}
    starts = sorted(visit.start for visit in imaging)
    assert len(starts) == 12
    assert min(np.diff(starts)) == pytest.approx(5.0)


def test_before_the_window_capacity_has_no_limit() -> None:
    # Everybody asks at the age of 10, in 1999 or 2000; what they find is seen by the truth's `set`.
    clinic = "clinic: {class: ambulatory, capacity: 1, lasts: 1 year}"
    care = AT_BIRTH.replace("age >= 0", "age >= 10") + "{visit: clinic, steps: {set: {seen: true}}}"
    pathway = "variables: {seen: false}\n" + care
    record = live(world(clinic, pathway, first="1989-01-01", last="1990-12-31", end="2003-12-01"), 60)
    early = [time for _, time in record.set if 10_000 < time < 10_957]
    late = [time for _, time in record.set if time >= 10_957]
    assert len(early) > 20
    assert {b.outcome for b in record.bookings} == {ATTENDED, WAITING}
    assert len(record.bookings) == 60 - len(early) > 20
    assert len(late) == len(record.visits) == 4
    np.testing.assert_allclose(np.diff(sorted(late)), 365.25)


# ---- whatever the system

OPEN = {  # hours, and sessions in days since Monday
    "always": [(0.0, 7.0)],
    "weekdays 08:00-17:00": [(day + 8 / 24, day + 17 / 24) for day in range(5)],
    "[monday 09:00-12:00, thursday 13:00-19:00]": [(9 / 24, 0.5), (3 + 13 / 24, 3 + 19 / 24)],
    "daily 06:00-18:00": [(day + 0.25, day + 0.75) for day in range(7)],
}


@dataclass(frozen=True)
class System:
    """A desk, and what those who come to it do; texts are those of the language, empty ones are left out."""

    servers: int
    per_week: int
    hours: str
    lasts: str
    together: bool
    options: tuple[tuple[str, str], ...]
    dies: str
    until: str
    patients: int
    seed: int

    def scenario(self) -> Scenario:
        capacity = self.servers or f"{self.per_week} per week"
        clinic = (
            f'clinic: {{class: ambulatory, capacity: {capacity}, hours: {self.hours}, lasts: "{self.lasts}"}}'
        )
        options = "".join(f", {key}: {text}" for key, text in self.options if text)
        if "gives_up" in options or "attend" in options:
            options += ", missed: {perform: shrug}"
        pathway = 'variables: {urgent: bernoulli(0.4)}\nprocedures: {shrug: {snomed: "52734007"}}\n'
        if self.dies:
            pathway += DEATH_AT_40_DAYS.replace("40 days", self.dies)
        care = TOGETHER if self.together else AT_BIRTH
        if self.until:
            care = care.replace("steps:", f"until: {self.until}\n    steps:")
        steps = f"{{every: 3 days, at_most: 3, steps: {{visit: clinic{options}}}}}"
        return world(clinic, pathway + care + steps, end="2001-03-01")


def _option(key: str, *texts: str) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(st.just(key), st.sampled_from(["", *texts]))


_attend = st.one_of(
    st.just(()),
    st.tuples(
        _option("attend", "0.6", "0"),
        _option("rebook", "{after: 0.5 days, times: 1}", "{after: 3 days, times: 2}"),
    ).filter(lambda both: both[0][1] or not both[1][1]),
)
systems = st.builds(
    System,
    servers=st.integers(0, 3),
    per_week=st.integers(1, 30),
    hours=st.sampled_from(list(OPEN)),
    lasts=st.sampled_from(["0 days", "15 minutes", "0.25 days", "exponential(mean=0.5 days)"]),
    together=st.booleans(),
    options=st.builds(
        lambda priority, gives_up, attend: (priority, gives_up, *attend),
        _option("priority", "1 if urgent else 0", "count(clinic)"),
        _option("gives_up", "since(ask) >= 4 days", "age >= 20 days", "urgent", "count(clinic) >= 2"),
        _attend,
    ),
    dies=st.sampled_from(["", "exponential(mean=15 days)", "10 days"]),
    until=st.sampled_from(["", "since(ask) >= 5 days", "count(clinic) >= 2"]),
    patients=st.integers(1, 15),
    seed=st.integers(0, 1000),
)


@settings(max_examples=300, deadline=None)
@given(systems)
def test_nobody_is_lost_or_seen_twice_or_out_of_turn(system: System) -> None:
    record = live(system.scenario(), system.patients, system.seed)
    _check_ends(system, record)
    _check_hours(system, record)
    _check_order(record.bookings)
    if system.servers:
        _check_servers(system, record)
    else:
        _check_appointments(system, record.bookings)


def _check_ends(system: System, record: Record) -> None:
    """Every request has one end, or waits, and its patient lives; every visit is the end of one."""
    visits = {visit.encounter: visit for visit in record.visits}
    attended = [b for b in record.bookings if b.outcome == ATTENDED]
    assert len(visits) == len(record.visits) == len(attended)
    for booking in record.bookings:
        assert (booking.ended < math.inf) == (booking.outcome != WAITING)
        assert booking.asked <= booking.ended
        assert (booking.encounter == NULL) == (booking.outcome != ATTENDED)
        died = record.deaths.get(booking.patient)
        assert booking.outcome != WAITING or died is None
        assert (booking.outcome == DIED) <= (booking.ended == died)
        if booking.outcome == ATTENDED:
            visit = visits[booking.encounter]
            assert (visit.patient, visit.start) == (booking.patient, booking.ended)
    for before, after in itertools.pairwise(record.bookings):
        assert before.patient != after.patient or before.ended <= after.asked  # one at a time
    if not dict(system.options).get("rebook") and any(text for _, text in system.options[1:]):
        assert sum(b.outcome in (GAVE_UP, MISSED) for b in record.bookings) == len(record.done)


def _check_hours(system: System, record: Record) -> None:
    for time in _turns(record.bookings):
        into = (time - MONDAY) % 7.0
        assert any(opens - SHORT <= into < closes - SHORT for opens, closes in OPEN[system.hours])


def _turns(bookings: Sequence[Booking]) -> list[float]:
    return [b.ended for b in bookings if b.outcome in (ATTENDED, MISSED)]


def _check_order(bookings: Sequence[Booking]) -> None:
    """Whose turn comes goes before all who wait at that moment.

    (But for those who ask again at once when a turn of theirs comes.)
    """
    turns = {(b.patient, b.ended) for b in bookings if b.outcome in (ATTENDED, MISSED)}
    for served in bookings:
        if served.outcome not in (ATTENDED, MISSED):
            continue
        for other in bookings:
            waits = other.asked <= served.ended < other.ended
            if waits and (other.patient, other.asked) not in turns:
                assert (-served.priority, served.asked) <= (-other.priority, other.asked)


def _check_servers(system: System, record: Record) -> None:
    """No more at a time than there are servers; while the desk is open, nobody waits for one that is free."""
    edges = {time for visit in record.visits for time in (visit.start, visit.end)}
    edges |= {time for booking in record.bookings for time in (booking.asked, booking.ended)}
    edges |= {
        MONDAY + 7 * week + time
        for week in range(-1, 9)
        for session in OPEN[system.hours]
        for time in session
    }
    times = sorted(time for time in edges if time < MONDAY + 59)
    for a, b in itertools.pairwise(times):
        middle = (a + b) / 2
        if b - a < 2**-18:  # a desk opens up to a 12th of a second after the hour
            continue
        busy = sum(visit.start <= middle < visit.end for visit in record.visits)
        assert busy <= system.servers
        waiting = any(booking.asked <= middle < booking.ended for booking in record.bookings)
        into = (middle - MONDAY) % 7.0
        if waiting and any(opens <= into < closes for opens, closes in OPEN[system.hours]):
            assert busy == system.servers


def _check_appointments(system: System, bookings: Sequence[Booking]) -> None:
    """Each appointment is for one, and none is lost while somebody waits."""
    turns = _turns(bookings)
    assert len(set(turns)) == len(turns)
    first = min((b.asked for b in bookings), default=MONDAY)
    hours = () if system.hours == "always" else tuple(OPEN[system.hours])
    dates = list(
        itertools.takewhile(
            lambda date: date < MONDAY + 59,
            appointments(system.per_week, hours or ((0.0, 7.0),), math.floor(first)),
        )
    )
    offered = {round(date / SHORT) for date in dates}
    assert {round(turn / SHORT) for turn in turns} <= offered
    for date in dates:
        if any(b.asked < date - SHORT and date + SHORT < b.ended for b in bookings):
            assert any(abs(turn - date) < SHORT for turn in turns)


def test_a_run_is_the_same_however_it_is_split(tmp_path: Path) -> None:
    system = System(
        2,
        0,
        "weekdays 08:00-17:00",
        "exponential(mean=0.5 days)",
        True,
        (("priority", "1 if urgent else 0"), ("gives_up", "since(ask) >= 4 days"), ("attend", "0.8")),
        "exponential(mean=30 days)",
        "",
        100,
        0,
    )
    scenario = system.scenario()
    runs = [
        sim.run(scenario, patients=100, seed=5, out=tmp_path / str(size), shard_size=size, threads=threads)
        for size, threads in ((100, 1), (30, 2), (7, 1))
    ]
    assert len({run.digest for run in runs}) == 1
    tables = [run.table("appointments") for run in runs]
    assert len(tables[0]) > 200
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])
    other = sim.run(scenario, patients=50, seed=5, out=tmp_path / "fewer")
    assert not other.table("appointments").equals(tables[0][tables[0]["patient_id"] < 50])  # it is shared
