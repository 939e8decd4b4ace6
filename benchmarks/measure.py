"""Statistics of a large run, beside the same by pandas: processor time, rows a second, peak memory.

The run is one of scenarios/cardiometabolic. Each is timed in a process of its own; pandas reads only the
columns that it needs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from tempfile import TemporaryDirectory

from timing import ROOT, cpu_seconds, fresh_process, machine, print_table, spread

import sim
from sim.measure.measures import measure, of_texts
from sim.measure.overview import overview
from sim.runs.result import Run

SCENARIO = ROOT / "scenarios" / "cardiometabolic"
PATIENTS = 1000  # from whom it is told how many have so many rows
TEXTS = ("mean(sbp)", "sd(sbp)", "median(sbp)", "quantile(sbp, 0.9)")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=10_000_000, help="of observations, about")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--call", choices=CALLS, help=argparse.SUPPRESS)
    arguments.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.call:
        seconds = cpu_seconds(lambda: CALLS[given.call](Run(given.run)))
        print(json.dumps({"seconds": seconds, "peak": getrusage(RUSAGE_SELF).ru_maxrss / 1024}))
        return
    print(machine())
    with TemporaryDirectory() as folder:
        run = many(Path(folder), given.rows)
        rows = run.rows["observations"]
        print(f"{rows:,} observations, {run.manifest['patients']['recorded']:,} patients")
        found: dict[str, list[dict[str, float]]] = {name: [] for name in CALLS}
        for _ in range(given.rounds):
            for name in CALLS:
                command = [__file__, "--call", name, "--run", str(run.folder)]
                found[name].append(json.loads(fresh_process(command, Path(folder)).output))
        pandas = [each["seconds"] for each in found["pandas"]]
        table = []
        for name, each in found.items():
            times = [one["seconds"] for one in each]
            ratios = [a / b for a, b in zip(times, pandas, strict=True)]
            peak = max(one["peak"] for one in each)
            speed = f"{rows / median(times):,.0f}"
            table.append((name, f"{median(times):.2f}", speed, spread(ratios), f"{peak:,.0f}"))
        print_table(("what", "CPU s", "observations per CPU s", "over pandas", "peak MiB"), table)


def many(folder: Path, rows: int) -> Run:
    """A run of about so many observations."""
    few = sim.run(SCENARIO, patients=PATIENTS, out=folder / "few")
    patients = PATIENTS * rows // few.rows["observations"] + 1
    return sim.run(SCENARIO, patients=patients, out=folder / "many")


def of_tests(run: Run) -> None:
    """Mean, sd, median and a quantile of one test, by sex, with their standard errors."""
    measure(run, of_texts({text: text for text in TEXTS}, ["sex"], run.scenario))


def of_time(run: Run) -> None:
    """Person-time by sex and age: a prevalence and a rate."""
    texts = {"diabetes": "prevalence(diabetes)", "visits": "rate(clinic)"}
    measure(run, of_texts(texts, ["sex", "age(40, 60, 80)"], run.scenario))


def of_everything(run: Run) -> None:
    """What `sim measure RUN` tells."""
    overview(run)


def by_pandas(run: Run) -> None:
    """The numbers of `of_tests`, without standard errors."""
    people = run.arrow("patients", ["patient_id", "sex"]).to_pandas()
    people = people.set_index("patient_id")["sex"].astype("category")
    results = run.arrow("observations", ["patient_id", "observation", "value"]).to_pandas()
    results = results[results["observation"] == "sbp"]
    values = results.groupby(results["patient_id"].map(people), observed=True)["value"]
    values.agg(["mean", "std", "median"])
    values.quantile(0.9)


CALLS = {"pandas": by_pandas, "tests": of_tests, "person-time": of_time, "overview": of_everything}


if __name__ == "__main__":
    main()
