"""What a case of the conformance set is: an author's form, its resolved form, and the digest of its lives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from sim import agents
from sim.engine import simulate
from sim.engine.log import Log, People
from sim.program import compile as compiled
from sim.records import digest
from sim.records.imperfections import Spoiler
from sim.records.names import names
from sim.records.tables import tables
from sim.scenario import load, resolved_form
from sim.scenario.documents import examine
from sim.scenario.model import Scenario
from sim.scenario.names import Documents

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/scenario.yaml"))
PATIENTS, SEED = range(100), 0
RESOLVED, DIGEST = "resolved", "digest"
_FILE = re.compile(r"^#### (\S+)\n", re.MULTILINE)

Simulate = Callable[[Scenario], tuple[People, Log]]


def by_kernel(scenario: Scenario) -> tuple[People, Log]:
    """The lives of a case, by the compiled runtime."""
    return simulate(compiled(scenario), PATIENTS, SEED)


def by_agents(scenario: Scenario) -> tuple[People, Log]:
    """The lives of a case, by the readable runtime."""
    return agents.simulate(scenario, PATIENTS, SEED)


def digest_of(scenario: Scenario, lives: tuple[People, Log]) -> str:
    """The digest of a run of these lives."""
    people, log = lives
    spoiled = Spoiler(scenario, SEED).spoil(people, log) if scenario.imperfections else (log, None)
    return digest.run_digest(digest.add(sums for _, _, sums in tables(names(scenario), people, *spoiled)))


def resolved_text(case: Path) -> str:
    """The resolved form of a case, all files in one text."""
    return "".join(f"#### {path}\n{text}" for path, text in resolved_form(case).items())


def write_resolved(case: Path, text: str, folder: Path) -> Path:
    """Lay out a resolved form in a folder, with the tables of its case."""
    parts = _FILE.split(text)[1:]
    files = dict(zip(parts[::2], parts[1::2], strict=True))
    for other in (*case.rglob("*.csv"), *case.rglob("*.py")):
        files.setdefault(other.relative_to(case).as_posix(), other.read_text())
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return folder


def documents(case: Path) -> Documents:
    """What the author of a case wrote."""
    found = examine(case)[1]
    assert found is not None
    return found


def texts(case: Path) -> Iterator[str]:
    """The author's files of a case."""
    for path in sorted(case.rglob("*.yaml")):
        yield path.read_text()


def scenario(case: Path) -> Scenario:
    """The scenario of a case."""
    return load(case)
