"""Queues of a few appointments, every number of them worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.measure.queues import CLASSES, Group, Little, MeasureError, Waits, measure
from sim.runs.result import Run

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86_400, 604_800
BEGIN = 11_323 * DAY  # 2001-01-01

MakeRun = Callable[..., Run]


def counts(group: Group) -> dict[str, int]:
    names = ("requests", "attended", "missed", "gave_up", "cancelled", "died", "waiting")
    return {name: getattr(group, name) for name in names if getattr(group, name)}


def in_minutes(group: Group) -> list[float]:
    waits = group.summary()
    assert waits
    assert waits.longest == group.waits[-1]
    return [getattr(waits, name) / MINUTE for name in Waits.__dataclass_fields__]


def test_a_provider_of_one_place(clinic: MakeRun) -> None:
    measured = measure(clinic())
    assert (measured.start, measured.begins, measured.end) == (BEGIN, BEGIN, BEGIN + WEEK)
    (queue,) = measured.queues  # the office has no queue
    assert (queue.name, queue.kind, queue.at_a_time, queue.per_week) == ("clinic", "ambulatory", 1, None)

    high, low = queue.classes
    assert (high.priority, low.priority, queue.everyone.priority) == (1.0, 0.0, None)
    assert counts(high) == {"requests": 3, "attended": 1, "missed": 1, "waiting": 1}
    assert counts(low) == {"requests": 5, "attended": 2, "gave_up": 1, "cancelled": 1, "died": 1}
    assert counts(queue.everyone) == counts(high) | counts(low) | {"requests": 8, "attended": 3}
    assert in_minutes(high) == [20, 20, 20, 20, 20]
    assert in_minutes(low) == pytest.approx([85, 85, 153, 161.5, 170])
    assert in_minutes(queue.everyone) == pytest.approx([190 / 3, 20, 140, 155, 170])

    # A 60 min, C 120, and of B's 90 the 60 before noon, out of two mornings
    assert queue.utilisation == pytest.approx(240 / 480)
    assert queue.mean_length == pytest.approx(1920 / 10_080)  # 0 + 170 + 20 + 70 + 40 + 1440 + 60 + 120 min
    assert queue.longest == 3  # B, C and D from 08:50 to 09:00
    assert queue.arrivals == pytest.approx(8)
    assert queue.little == Little(queue.mean_length, pytest.approx(8 / WEEK), pytest.approx(240 * MINUTE))


def test_a_warm_up_is_left_out(clinic: MakeRun) -> None:
    """From Monday 09:00 on B and D are there already, C is just being seen, and E, F, G and H come."""
    measured = measure(clinic(), warm_up=9 / 24)
    (queue,) = measured.queues
    assert (measured.start, measured.begins) == (BEGIN, BEGIN + 9 * HOUR)
    assert counts(queue.everyone) == {
        "requests": 4,
        "missed": 1,
        "cancelled": 1,
        "died": 1,
        "waiting": 1,
    }
    assert queue.everyone.summary() is None
    minutes = 9540
    assert queue.utilisation == pytest.approx((120 + 60) / 420)
    assert queue.mean_length == pytest.approx(1840 / minutes)  # B 120, D 60, E 40, F 1440, G 60, H 120
    assert queue.longest == 2
    assert queue.arrivals == pytest.approx(4 / minutes * 7 * 1440)
    assert queue.little.rate == pytest.approx(6 / minutes / MINUTE)
    assert queue.little.wait == pytest.approx(1840 / 6 * MINUTE)


def test_a_period_may_begin_anywhere(clinic: MakeRun) -> None:
    """From Tuesday 09:30: H for half an hour, and F for a day; nothing is being done."""
    (queue,) = measure(clinic(), warm_up=1 + 9.5 / 24).queues
    assert counts(queue.everyone) == {"requests": 1, "waiting": 1}
    assert (queue.utilisation, queue.longest) == (0.0, 1)
    assert queue.mean_length == pytest.approx(1470 / (5 * 1440 + 870))


APPOINTMENTS = [
    ("theatre", 0, "Mon 01:00", "Mon 09:00", "attended", "Mon 15:00"),
    ("theatre", 0, "Mon 02:00", "Mon 11:00", "missed"),
    ("theatre", 0, "Mon 03:00", "Mon 10:00", "gave up"),
    ("theatre", 0, "Thu 01:00", "Thu 09:00", "attended"),
    ("theatre", 0, "Thu 02:00", None, None),
]
LISTS = [[0 + 8 / 24, 0 + 16 / 24], [3 + 8 / 24, 3 + 16 / 24]]


@pytest.mark.parametrize(
    ("hours", "days", "warm_up", "utilisation"),
    [
        (LISTS, 7, 0, 3 / 4),  # all four appointments of the week, of which three were taken
        (LISTS, 14, 0, 3 / 8),
        (LISTS, 7, 3, 1 / 2),  # Thursday's two
        (LISTS, 7, 0.5, 1 / 3),  # from noon on one is left of Monday's two, and nobody took it
        ([], 7, 0, 3 / 4),
        ([], 14, 0, 3 / 8),
    ],
)
def test_appointments_used_of_those_offered(
    make_run: MakeRun, hours: list[list[float]], days: int, warm_up: float, utilisation: float
) -> None:
    offer = {"class": "inpatient", "per_week": 4.0, "hours": hours}
    (queue,) = measure(make_run({"theatre": offer}, APPOINTMENTS, days=days), warm_up).queues
    assert queue.per_week == 4.0
    assert queue.utilisation == pytest.approx(utilisation)


def test_hours_alone_make_a_queue_of_which_nothing_is_used_up(make_run: MakeRun) -> None:
    providers = {"gp": {"class": "ambulatory", "hours": LISTS}}
    rows = [("gp", 0, "Mon 00:00", "Mon 12:00", "attended", "Mon 12:10")]
    (queue,) = measure(make_run(providers, rows)).queues
    assert (queue.at_a_time, queue.per_week, queue.utilisation) == (None, None, None)
    assert queue.mean_length == pytest.approx(0.5 / 7)


def test_an_encounter_that_is_open_takes_a_place_until_the_end(make_run: MakeRun) -> None:
    providers = {"ward": {"class": "inpatient", "at_a_time": 2, "hours": []}}
    rows = [("ward", 0, "Sat 00:00", "Sat 12:00", "attended")]
    (queue,) = measure(make_run(providers, rows)).queues
    assert queue.utilisation == pytest.approx(1.5 / 14)


def test_a_provider_whom_nobody_asks_has_an_empty_queue(make_run: MakeRun) -> None:
    providers = {"ward": {"class": "inpatient", "at_a_time": 2, "hours": []}}
    (queue,) = measure(make_run(providers, [])).queues
    assert (queue.mean_length, queue.longest, queue.arrivals, queue.utilisation) == (0.0, 0, 0.0, 0.0)
    assert (queue.little, queue.classes) == (Little(0.0, 0.0, 0.0), ())
    assert counts(queue.everyone) == {}


def test_each_provider_has_its_own_rows(make_run: MakeRun) -> None:
    providers = {
        "free": {"class": "virtual", "hours": []},
        "late": {"class": "inpatient", "at_a_time": 1, "hours": []},
        "early": {"class": "ambulatory", "at_a_time": 1, "hours": []},
    }
    rows = [
        ("early", 0, "Mon 00:00", "Mon 01:00", "attended", "Mon 13:00"),
        ("free", 0, "Mon 00:00", "Mon 00:00", "missed"),
        ("late", 0, "Tue 00:00", "Tue 02:00", "attended", "Wed 02:00"),
        ("early", 0, "Mon 02:00", "Mon 13:00", "gave up"),
    ]
    late, early = measure(make_run(providers, rows)).queues
    assert (late.name, late.everyone.requests, late.everyone.waits.tolist()) == ("late", 1, [2 * HOUR])
    assert (early.name, early.everyone.requests, early.everyone.waits.tolist()) == ("early", 2, [HOUR])
    assert (late.utilisation, early.utilisation) == (pytest.approx(1 / 7), pytest.approx(0.5 / 7))


@pytest.mark.parametrize("priorities", [CLASSES, CLASSES + 1])
def test_too_many_priorities_make_no_classes(make_run: MakeRun, priorities: int) -> None:
    providers = {"ward": {"class": "inpatient", "at_a_time": 2, "hours": []}}
    rows = [("ward", p / 7, "Mon 00:00", "Mon 01:00", "gave up") for p in range(priorities)]
    (queue,) = measure(make_run(providers, rows)).queues
    assert queue.priorities == priorities
    assert len(queue.classes) == (priorities if priorities == CLASSES else 0)


def test_littles_law_finds_tables_that_contradict_each_other(clinic: MakeRun) -> None:
    (queue,) = measure(clinic(starts={1: "Mon 11:30"})).queues
    assert queue.little.length == pytest.approx(1920 / 10_080)
    assert queue.little.rate * queue.little.wait == pytest.approx(1950 / 10_080)


def test_an_attended_appointment_without_an_encounter_is_an_error(clinic: MakeRun) -> None:
    with pytest.raises(MeasureError, match="an appointment at clinic was attended, and its encounter is not"):
        measure(clinic(starts={1: None}))


@pytest.mark.parametrize("warm_up", [7, 365.25])
def test_a_warm_up_that_leaves_nothing_is_an_error(clinic: MakeRun, warm_up: float) -> None:
    with pytest.raises(
        MeasureError, match=rf"a warm-up of {warm_up:g} days leaves nothing of a window of 7 days"
    ):
        measure(clinic(), warm_up)
