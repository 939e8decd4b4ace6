"""A scenario from lives to Parquet files, in rows of record per second of processor time.

`sim.run` with one thread, in turns with PyArrow alone writing the same tables from memory. Then the stages of
a run are called apart on the same patients, which tells where the time goes.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as parquet
from timing import ROOT, Seconds, in_turns, machine, print_table, ratios, spread

import sim
from sim import engine, program
from sim.records import digest
from sim.records.names import names
from sim.records.tables import tables
from sim.records.writer import Part, write
from sim.scenario.model import Scenario

SCENARIO = "diabetes"
RUN, PYARROW = "sim run, one thread", "PyArrow alone, the same tables"
BATCH = 4_000  # patients: about what a run has in memory at a time
DIGEST = ("row_keys", "float_words", "column_sum", "coded_column_sum", "constant_column_sum")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--scenario", default=SCENARIO, help="a folder of scenarios/")
    arguments.add_argument("--patients", type=int, default=50_000)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    print(machine())
    scenario = sim.load(ROOT / "scenarios" / given.scenario)
    with TemporaryDirectory() as folder:
        taken, made = compare(scenario, given.patients, given.rounds, Path(folder))
        observed, every_row = made.observed_rows, sum(made.rows.values())
        print_table(
            ("", "CPU s", "rows of record/CPU s", "rows with truth/CPU s", "patients/CPU s", "over PyArrow"),
            [
                (
                    name,
                    f"{median(seconds):.2f}",
                    f"{observed / median(seconds):,.0f}",
                    f"{every_row / median(seconds):,.0f}",
                    f"{given.patients / median(seconds):,.0f}",
                    spread(ratios(seconds, taken[PYARROW])),
                )
                for name, seconds in taken.items()
            ],
        )
        print(
            f"{given.patients:,} patients, {observed / given.patients:.1f} rows of record each. Medians; the "
            "last column is CPU time over that of PyArrow (the least to the most)."
        )
        whole = median(taken[RUN]) / given.patients
        report_stages(whole, observed / given.patients, stages(scenario, given.rounds, Path(folder)))


def compare(
    scenario: Scenario, patients: int, rounds: int, folder: Path
) -> tuple[dict[str, Seconds], sim.Run]:
    """The processor time of runs, and of PyArrow; and one of the runs."""
    numbers = count()

    def run(patients: int = patients) -> sim.Run:
        return sim.run(scenario, patients=patients, threads=1, out=folder / f"run-{next(numbers)}")

    run(100)  # compiles
    made = run()
    contents = {name: made.arrow(name) for name in made.rows}

    def write_alone() -> None:
        for name, table in contents.items():
            path = folder / f"{name.replace('/', '-')}.parquet"
            parquet.write_table(table, path, compression="zstd", compression_level=1)

    return in_turns({RUN: run, PYARROW: write_alone}, rounds), made


def stages(scenario: Scenario, rounds: int, folder: Path) -> dict[str, float]:
    """The processor time per patient of each stage of a run, s."""
    lives = engine.Engine(program.compile(scenario), 0)
    vocabulary = names(scenario)
    people, log = lives.simulate(range(BATCH))

    def make_tables() -> dict[str, pa.Table]:
        return {name: table for name, table, _ in tables(vocabulary, people, log)}

    def encode(made: dict[str, pa.Table]) -> dict[str, pa.Buffer]:
        files = {}
        for name, table in made.items():
            part = Part()
            part.add(table)
            files[name] = part.finish()
        return files

    made = make_tables()
    files = encode(made)
    digesting: Seconds = []

    def make_tables_watched() -> None:
        with watched(digest, DIGEST) as seconds:
            make_tables()
        digesting.append(sum(seconds))

    calls: dict[str, Callable[[], Any]] = {
        "simulate": lambda: lives.simulate(range(BATCH)),
        "tables": make_tables_watched,
        "Parquet": lambda: encode(made),
        "SHA-256": lambda: [hashlib.sha256(content) for content in files.values()],
        "files": lambda: [write(folder, f"stage/{name}", content) for name, content in files.items()],
    }
    taken = {name: median(seconds) / BATCH for name, seconds in in_turns(calls, rounds).items()}
    taken["digest"] = median(digesting) / BATCH
    taken["tables"] -= taken["digest"]
    taken["files"] -= taken["SHA-256"]
    return taken


@contextmanager
def watched(module: Any, functions: tuple[str, ...]) -> Iterator[Seconds]:
    """Note the processor time of every call of some functions of a module, s."""
    seconds: Seconds = []

    def watch(function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            began = time.process_time()
            result = function(*arguments)
            seconds.append(time.process_time() - began)
            return result

        return timed

    with ExitStack() as patches:
        for name in functions:
            patches.enter_context(patch.object(module, name, watch(getattr(module, name))))
        yield seconds


def report_stages(whole: float, rows: float, taken: dict[str, float]) -> None:
    taken = {**taken, "other": whole - sum(taken.values()), "the whole run": whole}
    print_table(
        ("stage", "CPU us/patient", "CPU ns/row of record", "share"),
        [
            (name, f"{1e6 * seconds:.1f}", f"{1e9 * seconds / rows:.0f}", f"{seconds / whole:.0%}")
            for name, seconds in taken.items()
        ],
    )


if __name__ == "__main__":
    main()
