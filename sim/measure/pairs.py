"""Where two lives of the same people come from: two scenarios, lived here, or two runs on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from heapq import merge
from itertools import groupby, pairwise

from sim.measure.queues import MeasureError
from sim.measure.shards import Files, Shard, of_lives, of_tables
from sim.records.names import names
from sim.runs.result import Run
from sim.runs.runtime import choose, start
from sim.scenario.model import Scenario

SOME = 2000  # patients at a time

Progress = Callable[[int, int], None]  # patients done, patients in all


def of_scenarios(
    a: Scenario, b: Scenario, patients: int, seed: int, progress: Progress = lambda done, total: None
) -> Iterator[tuple[Shard, Shard]]:
    """Patients 0, 1, ... of both scenarios, lived with one seed, some at a time. Nothing is written.

    The record is what care saw, without `imperfections:`, and of everybody, without `oversample:`. Raises
    MeasureError where the windows differ, ScenarioError, and sim.engine.LifeError.
    """
    _same("windows", a.window, b.window)
    whole = range(patients)
    everybody = [replace(s, population=replace(s.population, oversample=None)) for s in (a, b)]
    runtimes = [start(choose(s).name, s, whole, seed, progress) for s in everybody]
    words = [names(s) for s in everybody]
    for first in whole[::SOME]:
        some = whole[first : first + SOME]
        lived = (of_lives(word, *one.simulate(some)) for word, one in zip(words, runtimes, strict=True))
        here, there = (next(iter(shards), of_tables({})) for shards in lived)
        yield here, there
        progress(some.stop, patients)


def of_runs(a: Run, b: Run) -> Iterator[tuple[Shard, Shard]]:
    """The patients of two runs. Raises MeasureError where these are not the same people."""
    _same("seeds", a.manifest["seed"], b.manifest["seed"])
    first, count = (a.manifest["patients"][key] for key in ("first", "count"))
    _same("patients", [first, count], [b.manifest["patients"][key] for key in ("first", "count")])
    _same("windows", a.manifest["window"], b.manifest["window"])
    for run in (a, b):
        if "weight" in run.manifest["sums"]["patients"]:
            message = f"{run.folder} holds a sample (oversample:), which is not of the same people as another"
            raise MeasureError(f"{message}; compare the scenarios")
    files = [Files(run) for run in (a, b)]
    cuts = (cut for cut, _ in groupby(merge(*(one.cuts() for one in files))))
    for low, high in pairwise(cuts):
        here, there = (one.shard(range(low, high)) for one in files)
        yield here, there


def _same(what: str, a: object, b: object) -> None:
    if a != b:
        raise MeasureError(f"these are not the same people: the {what} differ, {a} and {b}")
