"""How long a user waits for a first patient: `sim run scenarios/diabetes --patients 1`, from start to end.

Cold, with nothing compiled, and warm, with what the cold start has left on the disk, in turns. Then the
stages of such a run, timed in new processes, cold and warm.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from timing import ROOT, Process, cold_and_warm, machine, print_table, spread

SCENARIO = ROOT / "scenarios" / "diabetes"
COLD_TARGET, WARM_TARGET = 15, 2  # s
RUN = f"""
from pathlib import Path
from tempfile import TemporaryDirectory
from sim.cli import main
with TemporaryDirectory() as folder:
    main(["run", {str(SCENARIO)!r}, "--patients", "1", "--out", str(Path(folder) / "run")])
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--stages", action="store_true", help="print the stages of this process, as JSON")
    given = arguments.parse_args()
    if given.stages:
        print(json.dumps(stages()))
        return
    print(machine())
    cold, warm = cold_and_warm(["-c", RUN], given.rounds)
    print_table(
        ("sim run scenarios/diabetes --patients 1", "wall s", "CPU s", "target s"),
        [(*figures("cold", cold), str(COLD_TARGET)), (*figures("warm", warm), str(WARM_TARGET))],
    )
    report_stages(*cold_and_warm([__file__, "--stages"], given.rounds))


def figures(name: str, processes: list[Process]) -> tuple[str, str, str]:
    return name, spread([p.wall for p in processes]), spread([p.cpu for p in processes])


def stages() -> dict[str, float]:
    """The wall time of each stage of a first patient in this process, s."""
    taken = {}
    before = time.perf_counter()

    def done(stage: str) -> None:
        nonlocal before
        taken[stage] = time.perf_counter() - before
        before = time.perf_counter()

    import sim.cli
    import sim.runs.execute
    from sim import engine, program
    from sim.records.names import names
    from sim.records.tables import tables
    from sim.records.writer import Part, write

    done("imports")
    scenario = sim.load(SCENARIO)
    done("read and check the scenario")
    lives = engine.Engine(program.compile(scenario), 0)
    done("make the program and load it")
    lives.simulate(range(1))
    done("first life, and get the kernel")
    people, log = lives.simulate(range(1, 2))
    done("second life")
    made = list(tables(names(scenario), people, log))
    done("tables and digest, and get their kernels")
    with TemporaryDirectory() as folder:
        for name, table, _ in made:
            part = Part()
            part.add(table)
            write(Path(folder), f"{name}.parquet", part.finish())
    done("Parquet files")
    return taken


def report_stages(cold: list[Process], warm: list[Process]) -> None:
    """The median of each stage; what is left of the wall time is the start and the end of Python."""

    def medians(processes: list[Process]) -> dict[str, float]:
        taken = [json.loads(process.output) for process in processes]
        found = {stage: median(each[stage] for each in taken) for stage in taken[0]}
        whole = median(process.wall for process in processes)
        return {**found, "start and end of Python": whole - sum(found.values()), "the whole": whole}

    first, second = medians(cold), medians(warm)
    print_table(
        ("stage", "cold, wall s", "warm, wall s"),
        [(stage, f"{first[stage]:.4f}", f"{second[stage]:.4f}") for stage in first],
    )


if __name__ == "__main__":
    main()
