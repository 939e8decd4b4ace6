"""The readable runtime's processor time per patient over the compiled one's, in turns, on one thread."""

from __future__ import annotations

import argparse
from functools import partial
from statistics import median

from timing import ROOT, in_turns, machine, print_table, ratios, spread

import sim
from sim import agents, engine, program

SCENARIOS = {
    "illness_death": ROOT / "benchmarks" / "illness_death",
    "diabetes": ROOT / "scenarios" / "diabetes",
}
KERNEL, AGENTS = "kernel", "agents"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--patients", type=int, default=300)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    print(machine())
    rows = []
    for name, path in SCENARIOS.items():
        scenario = sim.load(path)
        kernel, readable = engine.Engine(program.compile(scenario), 0), agents.Agents(scenario, 0)
        lives = range(given.patients)
        tasks = {KERNEL: partial(kernel.simulate, lives), AGENTS: partial(readable.simulate, lives)}
        for task in tasks.values():
            task()  # compiles
        taken = in_turns(tasks, given.rounds)
        patients = given.patients / median(taken[AGENTS])
        rows.append((name, f"{patients:,.0f}", spread(ratios(taken[AGENTS], taken[KERNEL]), ".0f")))
    print_table(("", "agents, patients/CPU s", "agents over kernel"), rows)


if __name__ == "__main__":
    main()
