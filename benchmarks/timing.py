"""What the benchmarks share: timing in turns, fresh processes, tables."""

from __future__ import annotations

import gc
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

Seconds = list[float]


class Process(NamedTuple):
    """A process that has ended: its wall and processor time, s, and what it printed."""

    wall: float
    cpu: float
    output: str


def cpu_seconds(call: Callable[[], object]) -> float:
    """The processor time of a call, s, of all threads: what else the machine does distorts it little."""
    gc.collect()
    began = time.process_time()
    call()
    return time.process_time() - began


def in_turns(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Seconds]:
    """The processor time of each call, A B C A B C ..., so that a machine that slows down is fair to all."""
    found: dict[str, Seconds] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            found[name].append(cpu_seconds(call))
    return found


def fresh_process(arguments: Sequence[str], cache: Path) -> Process:
    """A new Python process from start to end, with Numba's cache in `cache`. If it fails, so does this."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT / "benchmarks")}
    command = [sys.executable, *arguments]
    began, used = time.perf_counter(), getrusage(RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    wall, after = time.perf_counter() - began, getrusage(RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr)
    return Process(wall, after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime, done.stdout)


def cold_and_warm(arguments: Sequence[str], rounds: int) -> tuple[list[Process], list[Process]]:
    """New processes, in turns without anything compiled and with what the one before has compiled."""
    cold, warm = [], []
    for _ in range(rounds):
        with TemporaryDirectory() as cache:
            cold.append(fresh_process(arguments, Path(cache)))
            warm.append(fresh_process(arguments, Path(cache)))
    return cold, warm


def ratios(dividends: Seconds, divisors: Seconds) -> Seconds:
    """The ratio in each round."""
    return [a / b for a, b in zip(dividends, divisors, strict=True)]


def spread(values: Seconds, digits: str = ".2f") -> str:
    """The median, and from what to what."""
    return f"{median(values):{digits}} ({min(values):{digits}} to {max(values):{digits}})"


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table in Markdown, with numbers to the right."""
    lines = [headings, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headings))]
    print()
    for number, line in enumerate(lines):
        cells = [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
        print(f"| {' | '.join(cells)} |")
        if number == 0:
            print(f"| {'-' * widths[0]} | {' | '.join('-' * (w - 1) + ':' for w in widths[1:])} |")
    print()


def machine() -> str:
    """What the figures were measured on."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    packages = ", ".join(f"{name} {version(name)}" for name in ("numba", "numpy", "pyarrow"))
    processor = models[0] if models else platform.processor() or platform.machine()
    return f"{processor}, {os.cpu_count()} processors; Python {platform.python_version()}, {packages}"
