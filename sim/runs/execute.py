"""Running a scenario: shards over threads, each to files, the whole to a folder."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from sim.records import digest, manifest
from sim.records.schema import CODES, PATIENTS
from sim.records.selection import Selection, select
from sim.records.tables import codes
from sim.records.writer import File, Part, write
from sim.runs.background import with_background
from sim.runs.lives import Source
from sim.runs.output import whole_folder
from sim.runs.parts import join, part_path
from sim.runs.plan import Plan, Shard, free_folder, plan, processors
from sim.runs.result import SCENARIO, Run
from sim.runs.runtime import Name, Progress, choose, start
from sim.scenario import Diagnostic, Parameters, ScenarioError, check
from sim.scenario.model import Scenario
from sim.scenario.stored import stored

Warn = Callable[[tuple[Diagnostic, ...]], None]

POLL = 0.1  # s between looks at the shards under way


def run(
    scenario: Scenario | Path | str,
    *,
    patients: int | range | None = None,
    seed: int = 0,
    out: Path | str | None = None,
    threads: int | None = None,
    shard_size: int | None = None,
    runtime: Name | None = None,
    tables: Iterable[str] | None = None,
    columns: Mapping[str, Iterable[str]] | None = None,
    parameters: Parameters | None = None,
    progress: Progress | None = None,
    warn: Warn | None = None,
) -> Run:
    """Simulate the patients of a scenario and write their records.

    `scenario`: one that is loaded, or its path, to be loaded with `parameters`, see sim.load. `patients`:
    how many, or their numbers as a range (default: the scenario's population). `out`: a folder that is
    missing or empty (default: `outputs/` and the scenario's name, with -2, -3, ... where that is taken).
    `threads`: default all processors. `shard_size`: patients in a file, see `plan`. `runtime`: "kernel" or
    "agents" (default: the kernel where it can). `tables`: those to make (default: all; `patients` always is);
    `columns`: of some tables, by name, the columns to make (others have all). `progress` is called in this
    thread, several times a second; `warn` with what is suspicious about a scenario that is loaded here.

    A patient's rows depend on scenario, seed and patient number alone, and so does the digest. The folder
    appears when the run is complete; whatever stops it before leaves nothing.

    Raises ScenarioError, sim.engine.LifeError, OutputError, and ValueError for numbers that make no sense
    and for tables and columns that the scenario has not.
    """
    clocks = time.perf_counter(), time.process_time()
    if isinstance(scenario, Scenario):
        loaded = scenario
        if parameters:
            raise ValueError("parameters are set when a scenario is loaded: sim.load(path, parameters)")
    else:
        loaded = _load(scenario, parameters, warn)
    if not 0 <= seed < 2**64:
        raise ValueError(f"a seed is a whole number from 0 to 2**64 - 1, not {seed}")
    if threads is not None and threads < 1:
        raise ValueError(f"a run has at least one thread, not {threads}")
    work = plan(loaded.population.size if patients is None else patients, shard_size)
    selection = select(loaded, tables, columns)
    choice = choose(loaded, runtime)
    progress = progress or (lambda done, total: None)
    lives = start(choice.name, loaded, work.patients, seed, progress)
    folder = free_folder(loaded.name) if out is None else Path(out)
    with whole_folder(folder) as aside:
        job = _Job(loaded, Source(loaded, lives, seed, selection), selection, aside)
        shards = _shards(job, work, threads or processors(), progress)
        files = _joined(aside, [file for shard in shards for file in shard.files], threads or processors())
        rest = [*([_codes(job)] if selection.of(CODES) else []), _scenario(job)]
        content = _content(job, work, seed, shards + rest)
        content["files"] = [asdict(file) for file in (*files, *(file for one in rest for file in one.files))]
        content["runtime"] = asdict(choice)
        content["seconds"] = {
            "wall": round(time.perf_counter() - clocks[0], 3),
            "cpu": round(time.process_time() - clocks[1], 3),
        }
        content["created"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        write(aside, manifest.NAME, manifest.encode(content))
    return Run(folder)


def _load(path: Path | str, parameters: Parameters | None, warn: Warn | None) -> Scenario:
    scenario, findings = check(path, parameters)
    if scenario is None:
        raise ScenarioError(findings)
    findings = with_background(scenario, findings)
    if findings and warn:
        warn(findings)
    return scenario


@dataclass(frozen=True, slots=True)
class _Job:
    """What every shard needs."""

    scenario: Scenario
    source: Source
    selection: Selection
    folder: Path


@dataclass(frozen=True, slots=True)
class _Written:
    """What is left to tell of a shard when its files are written; `first` is its first patient."""

    first: int
    files: list[File]
    rows: dict[str, int]
    sums: dict[tuple[str, str], int]
    redrawn: int = 0
    lives: int = 0


class _Watch:
    """What the threads share: how many patients are done, and whether to stop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.done = 0
        self.stop = threading.Event()

    def add(self, patients: int) -> None:
        with self._lock:
            self.done += patients


def _shards(job: _Job, work: Plan, threads: int, progress: Progress) -> list[_Written]:
    """All shards, written, in their order. As many are in memory at a time as there are threads."""
    watch, written, coming = _Watch(), [], work.shards()
    with ThreadPoolExecutor(threads, thread_name_prefix="shard") as pool:
        try:
            pending = {pool.submit(_shard, job, shard, watch) for shard in islice(coming, threads + 1)}
            while pending:
                done, pending = wait(pending, timeout=POLL, return_when=FIRST_COMPLETED)
                for future in done:
                    written.append(future.result())
                    pending |= {pool.submit(_shard, job, shard, watch) for shard in islice(coming, 1)}
                progress(watch.done, len(work.patients))
        except BaseException:
            watch.stop.set()  # what is waiting or under way ends at its next batch
            raise
    return sorted(written, key=lambda shard: shard.first)


def _shard(job: _Job, shard: Shard, watch: _Watch) -> _Written:
    parts = {table.name: Part() for table in job.source.names.tables}
    rows = dict.fromkeys(parts, 0)
    sums: dict[tuple[str, str], int] = {}
    redrawn = lives = 0
    for batch, people, made in job.source.batches(shard.patients, watch.stop):
        redrawn += int((people.attempts > 1).sum())
        lives += int(people.attempts.sum())
        for name, table, part in made:
            parts[name].add(table)
            rows[name] += table.num_rows
            sums = digest.add([sums, part])
        watch.add(len(batch))
    files = [write(job.folder, part_path(name, shard.index), part.finish()) for name, part in parts.items()]
    first, count = shard.patients.start, len(shard.patients)
    files = [replace(file, first=first, count=count) for file in files]
    return _Written(shard.patients.start, files, rows, sums, redrawn, lives)


def _joined(folder: Path, files: list[File], threads: int) -> list[File]:
    """The files of the shards with small ones put together, a table at a time on each thread."""
    tables: dict[str, list[File]] = {}
    for file in files:
        tables.setdefault(file.path.rpartition("/")[0], []).append(file)
    store = _Folder(folder)

    def joined(parts: list[File]) -> list[File]:
        made = join(store, parts)
        for file in set(parts) - set(made):
            (folder / file.path).unlink()
        return made

    pool = ThreadPoolExecutor(threads, thread_name_prefix="join")
    try:
        return [file for parts in pool.map(joined, tables.values()) for file in parts]
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Folder:
    """Files under a folder."""

    folder: Path

    def write(self, path: str, content: pa.Buffer | bytes) -> File:
        return write(self.folder, path, content)

    def open(self, path: str) -> BinaryIO:
        return (self.folder / path).open("rb")


def _codes(job: _Job) -> _Written:
    """The table of codes, of which there is one."""
    table = codes(job.scenario, job.selection)
    part = Part()
    part.add(table)
    return _Written(
        0, [write(job.folder, part_path(CODES.name, 0), part.finish())], {CODES.name: table.num_rows}, {}
    )


def _scenario(job: _Job) -> _Written:
    """What was run, so that the tables can be read without its files."""
    return _Written(0, [write(job.folder, SCENARIO, stored(job.scenario))], {}, {})


def _content(job: _Job, work: Plan, seed: int, written: list[_Written]) -> dict[str, Any]:
    """The manifest, but for the time."""
    scenario = job.scenario
    sums = digest.add(part.sums for part in written)
    rows: dict[str, int] = {}
    for part in written:
        for table, count in part.rows.items():
            rows[table] = rows.get(table, 0) + count
    recorded, lives = rows[PATIENTS.name], sum(part.lives for part in written)
    return {
        "format": manifest.FORMAT,
        "scenario": {
            "name": scenario.name,
            "sources": dict(scenario.files),
            "parameters": {
                "files": dict(scenario.given_files),
                "set": dict(scenario.given),
                "values": {parameter.name: parameter.value for parameter in scenario.parameters},
            },
        },
        "program": job.source.runtime.hash,
        "seed": seed,
        "patients": {
            "first": work.patients.start,
            "count": len(work.patients),
            "recorded": recorded,
            "redrawn": sum(part.redrawn for part in written),
            "lives": lives,
            "acceptance": recorded / lives if scenario.population.conditioned else None,
        },
        "window": [manifest.calendar_date(day) for day in scenario.window],
        "providers": {provider.name: manifest.offer(provider, scenario) for provider in scenario.providers},
        "behaviours": _behaviours(scenario),
        "imperfections": [manifest.spoiling(imperfection) for imperfection in scenario.imperfections],
        "shard_size": work.shard_size,
        "versions": manifest.versions(),
        "rows": rows,
        "left_out": job.selection.left_out(scenario),
        "digest": digest.run_digest(sums),
        "sums": manifest.nested(sums),
    }


def _behaviours(scenario: Scenario) -> list[dict[str, Any]]:
    if not scenario.behaviours:
        return []
    from sim.agents.loading import described

    return described(scenario)
