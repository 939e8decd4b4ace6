"""Queues against closed forms, and Little's law.

Customers are patients born evenly over a time whose one protocol starts at birth: given how many there are, a
Poisson process. Each seed is an independent replication, from which standard errors (SE) come. With other
disciplines or distributions stands by how many SE they would be off.

Waits are in days, as services are of a day on average; rates are per day.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad

from sim.agents import simulate
from sim.engine.log import APPOINTMENT, ATTENDED, ENCOUNTER, GAVE_UP, MISSED, Log
from sim.scenario.model import Scenario

Floats = NDArray[np.float64]

pytestmark = pytest.mark.slow  # about 8 s each

DAY = 86_400
CUSTOMERS, REPLICATIONS, WARM_UP = 2000, 20, 0.15  # of the time of arrivals
FRAME = """
scenario: one queue
window: {{from: 2000-01-01, to: 2040-01-01}}
population:
  size: 1
  born: {{from: 2000-01-01, to: {last}}}
  sex: {{female: 0.5, male: 0.5}}
pathways: [world.yaml]
providers: {{desk: {{class: ambulatory, {desk}}}}}
"""


@dataclass(frozen=True)
class Queue:
    """Requests in the order of asking; `started` is NaN for those not seen. Days since the window's start."""

    asked: Floats
    ended: Floats
    started: Floats
    closed: Floats
    outcome: NDArray[np.int32]
    priority: Floats
    arrivals_end: float

    def counted(self) -> NDArray[np.bool_]:
        """Those who asked after the warm-up."""
        return self.asked >= WARM_UP * self.arrivals_end

    def busy(self) -> float:
        """How many are served at a time, from the warm-up's end to the last arrival."""
        from_, to = WARM_UP * self.arrivals_end, self.arrivals_end
        seen = ~np.isnan(self.started)
        served = np.clip(self.closed[seen], from_, to) - np.clip(self.started[seen], from_, to)
        return float(served.sum()) / (to - from_)


def _queue(log: Log, arrivals_end: float) -> Queue:
    asked, seen = np.flatnonzero(log.kind == APPOINTMENT), np.flatnonzero(log.kind == ENCOUNTER)
    asked = asked[np.argsort(log.start[asked], kind="stable")]
    seen = seen[np.argsort(log.encounter[seen])]
    attended = log.aux[asked] == ATTENDED
    # Everybody's time has come well before the window ends, and each encounter is that of one request.
    assert np.all(log.aux[asked] >= 0)
    assert np.all(log.end[seen] > 0)
    np.testing.assert_array_equal(np.sort(log.encounter[asked[attended]]), log.encounter[seen])
    places = seen[np.searchsorted(log.encounter[seen], log.encounter[asked[attended]])]
    started, closed = np.full((2, len(asked)), np.nan)
    started[attended], closed[attended] = log.start[places], log.end[places]
    return Queue(
        _days(log.start[asked]),
        _days(log.end[asked]),
        _days(started),
        _days(closed),
        log.aux[asked],
        log.value[asked],
        arrivals_end,
    )


def _days(seconds: NDArray[np.int64] | Floats) -> Floats:
    return seconds / DAY - 10_957.0  # 2000-01-01


@pytest.fixture
def replicate(world: Callable[..., Scenario]) -> Callable[..., list[Queue]]:
    """`replicate(desk, rate, steps)`: queues at a `desk` that customers come to at a `rate` per day."""

    def replicate(desk: str, rate: float, pathway: str, customers: int = CUSTOMERS) -> list[Queue]:
        days = round(customers / rate)
        last = np.datetime64("2000-01-01") + np.timedelta64(days, "D")
        scenario = world(pathway, frame=FRAME.format(last=last, desk=desk))
        # Arrivals at exactly that rate: a whole number of days has not quite as many customers.
        logs = [simulate(scenario, range(round(days * rate)), seed)[1] for seed in range(REPLICATIONS)]
        queues = [_queue(log, float(days)) for log in logs]
        for queue in queues:
            _check_little(queue)
        return queues

    return replicate


def _check_little(queue: Queue) -> None:
    """Little's law, exactly, over the whole time: the integral of how many wait, from when they come and go
    by the clock; and the sum of the waits, each by its own encounter where there is one.
    """
    comes, goes = (np.rint(times * DAY).astype(np.int64) for times in (queue.asked, queue.ended))
    times = np.concatenate([comes, goes])
    order = np.argsort(times, kind="stable")
    waiting = np.cumsum(np.repeat([1, -1], len(comes))[order])
    assert waiting[-1] == 0
    area = int((waiting[:-1] * np.diff(times[order])).sum())
    left = np.where(np.isnan(queue.started), queue.ended, queue.started)
    assert area == int(np.rint((left - queue.asked) * DAY).sum()) > 0


def _check_mean(values: Sequence[float], expected: float) -> None:
    """The mean of independent replications is within 5 standard errors of what is expected."""
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    assert error > 0
    assert abs(np.mean(values) - expected) < 5 * error, (np.mean(values), error, expected)


def _check_waits(queues: list[Queue], wait: float, priority: float | None = None, of: int = ATTENDED) -> None:
    means = []
    for queue in queues:
        chosen = queue.counted() & (queue.outcome == of)
        if priority is not None:
            chosen &= queue.priority == priority
        means.append(float((queue.ended - queue.asked)[chosen].mean()))
    _check_mean(means, wait)


def _check_waiting_share(queues: list[Queue], share: float) -> None:
    """The share that waits at all: a time in whole seconds says it, as arrivals are continuous."""
    _check_mean([float((q.ended > q.asked)[q.counted()].mean()) for q in queues], share)


ONCE = "care:\n  once:\n    starts: {when: age >= 0}\n    steps: "


# ---- one class


def test_one_server_of_exponential_services(replicate: Callable[..., list[Queue]]) -> None:
    # M/M/1. Services that all take a day would halve the wait: 11 SE.
    load = 0.7
    queues = replicate("capacity: 1, lasts: exponential(mean=1 day)", load, f"{ONCE}{{visit: desk}}")
    _check_waits(queues, load / (1 - load))
    _check_waiting_share(queues, load)
    _check_mean([q.busy() for q in queues], load)


def test_several_servers(replicate: Callable[..., list[Queue]]) -> None:
    # M/M/3, Erlang's C. Two servers could not keep up; with four, 0.29 would wait and not 0.65: 58 SE.
    load, servers = 2.4, 3
    queues = replicate(
        f"capacity: {servers}, lasts: exponential(mean=1 day)", load, f"{ONCE}{{visit: desk}}", 3000
    )
    all_busy = load**servers / math.factorial(servers) * servers / (servers - load)
    waits = all_busy / (sum(load**k / math.factorial(k) for k in range(servers)) + all_busy)
    _check_waiting_share(queues, waits)
    _check_waits(queues, waits / (servers - load))
    _check_mean([q.busy() for q in queues], load)


@pytest.mark.parametrize(
    ("service", "second_moment"),
    [
        # Pollaczek and Khinchine: load x E[S²] / 2 (1 - load). Exponential services would be off by k SE:
        ("1 day", 1.0),  # 44
        ("lognormal(mean=1 day, sd=0.5 days)", 1.25),  # 26
        ("gamma(mean=1 day, sd=1.5 days)", 3.25),  # 8.8
    ],
)
def test_services_of_any_distribution(
    replicate: Callable[..., list[Queue]], service: str, second_moment: float
) -> None:
    load = 0.6
    queues = replicate(f'capacity: 1, lasts: "{service}"', load, f"{ONCE}{{visit: desk}}")
    _check_waits(queues, load * second_moment / 2 / (1 - load))
    _check_waiting_share(queues, load)
    _check_mean([q.busy() for q in queues], load)


# ---- two classes, the urgent first, nobody interrupted (Cobham 1954): W = sum of rate x E[S²] / 2, over
# (1 - load of the higher) (1 - load of these and the higher)

CLASSES = """\
variables: {{urgent: bernoulli(0.4)}}
care:
  once:
    starts: {{when: age >= 0}}
    steps:
      if: urgent
      then: {{visit: desk, priority: 1, lasts: "{urgent}"}}
      else: {{visit: desk, priority: 0, lasts: "{others}"}}
"""


@pytest.mark.parametrize(
    ("urgent", "others", "first", "second", "moments"),
    [
        # Mean service of either, sum of shares x E[S²]. First come, first served, all would wait alike: the
        # urgent off by 77 and 30 SE. If they interrupted the others, those of the first would be off by 26.
        ("exponential(mean=1 day)", "exponential(mean=1 day)", 1.0, 1.0, 2.0),
        ("0.5 days", "lognormal(mean=1 day, sd=1 day)", 0.5, 1.0, 0.4 * 0.25 + 0.6 * 2.0),
    ],
)
def test_the_urgent_come_first(
    replicate: Callable[..., list[Queue]],
    urgent: str,
    others: str,
    first: float,
    second: float,
    moments: float,
) -> None:
    rate = 0.75
    queues = replicate("capacity: 1", rate, CLASSES.format(urgent=urgent, others=others))
    higher, all_ = 0.4 * rate * first, rate * (0.4 * first + 0.6 * second)
    residual = rate * moments / 2
    _check_waits(queues, residual / (1 - higher), priority=1.0)
    _check_waits(queues, residual / (1 - higher) / (1 - all_), priority=0.0)
    _check_waiting_share(queues, all_)
    _check_mean([q.busy() for q in queues], all_)


# ---- leaving, and staying away


def test_giving_up(replicate: Callable[..., list[Queue]]) -> None:
    # M/M/1+D, with more than can be served (Baccelli & Hebuterne 1981): the time that one would have to wait
    # is 0 with probability p, and has the density p rate exp((rate - 1) x) up to the patience, beyond which
    # it falls as exp(-x). If patience were exponential of the same mean, 0.366 would leave and not 0.312: 20.
    rate, patience = 1.2, 2.0
    steps = f"{ONCE}{{visit: desk, gives_up: since(once) >= {patience} days}}"
    queues = replicate("capacity: 1, lasts: exponential(mean=1 day)", rate, steps)

    def mass(weight: Callable[[float], float]) -> float:
        return quad(lambda x: weight(x) * rate * math.exp((rate - 1) * x), 0, patience)[0]

    beyond = rate * math.exp((rate - 1) * patience)
    empty = 1 / (1 + mass(lambda x: 1.0) + beyond)
    leave = empty * beyond
    _check_mean([float((q.outcome == GAVE_UP)[q.counted()].mean()) for q in queues], leave)
    _check_waits(queues, empty * mass(lambda x: x) / (1 - leave))
    _check_mean([q.busy() for q in queues], rate * (1 - leave))
    for queue in queues:
        waits = (queue.ended - queue.asked)[queue.outcome == GAVE_UP]
        np.testing.assert_allclose(waits, patience, atol=2 / DAY)


def test_who_stays_away_takes_no_time(replicate: Callable[..., list[Queue]]) -> None:
    # M/G/1 whose service is nothing for those who stay away. If these kept the server busy, the load would be
    # 0.9 and the wait 9: 75 SE.
    rate, come = 0.9, 0.7
    steps = f"{ONCE}{{visit: desk, attend: {come}}}"
    queues = replicate("capacity: 1, lasts: exponential(mean=1 day)", rate, steps)
    wait = rate * come * 2 / 2 / (1 - rate * come)
    _check_waits(queues, wait)
    _check_waits(queues, wait, of=MISSED)
    _check_mean([float((q.outcome == ATTENDED)[q.counted()].mean()) for q in queues], come)
    _check_mean([q.busy() for q in queues], rate * come)


# ---- appointments


def test_appointments_in_demand(replicate: Callable[..., list[Queue]]) -> None:
    # One appointment a day, taken by 0.8: half a day to the next one, and the queue of services of fixed
    # length (M/D/1) on top. That queue alone, served at once, would wait half a day less: 6 SE.
    rate = 0.8
    queues = replicate("capacity: 7 per week", rate, f"{ONCE}{{visit: desk}}")
    _check_waits(queues, 0.5 + rate / 2 / (1 - rate))
    for queue in queues:
        np.testing.assert_allclose(queue.started % 1.0, 0.5, atol=1 / DAY)  # noon
        assert len(np.unique(np.floor(queue.started))) == len(queue.started)
