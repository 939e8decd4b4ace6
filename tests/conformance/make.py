"""Writes `resolved` and `digest` of the cases whose folders are named, or of all.

    python tests/conformance/make.py [NAME ...]

To be run after a case has been added, or after a change that is meant to change lives or the resolved form;
what git then shows to differ is what the change means.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sim.scenario.runtimes import only_agents
from tests.conformance import cases


def make(case: Path) -> None:
    """Write what is expected of a case."""
    scenario = cases.scenario(case)
    simulate = cases.by_agents if only_agents(scenario) else cases.by_kernel
    (case / cases.RESOLVED).write_text(cases.resolved_text(case))
    (case / cases.DIGEST).write_text(f"{cases.digest_of(scenario, simulate(scenario))}\n")


if __name__ == "__main__":
    for path in [cases.HERE / name for name in sys.argv[1:]] or cases.CASES:
        make(path)
        print(path.name)
