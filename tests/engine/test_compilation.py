"""The compiler's cache: used again, never stale, and not needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core import caching

import sim.engine.compilation
from sim.engine.compilation import jit

CALLER = """
from sim.engine.callee import callee
from sim.engine.compilation import jit

@jit
def caller(x):
    return 10 * callee(x)
"""
CALLEE = """
from sim.engine.compilation import jit

@jit
def callee(x):
    return x + {}
"""
RUN = """
from sim.engine.caller import caller
print(caller(1), caller(1.5), sum(caller.stats.cache_hits.values()))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a package `sim.engine` of its own: the real compiler, a function and one it calls."""
    engine = tmp_path / "sim" / "engine"
    engine.mkdir(parents=True)
    (tmp_path / "sim" / "program").mkdir()
    for folder in (engine, engine.parent, engine.parent / "program"):
        (folder / "__init__.py").touch()
    shutil.copy(sim.engine.compilation.__file__, engine)
    (engine / "caller.py").write_text(CALLER)
    (engine / "callee.py").write_text(CALLEE.format(1))
    return tmp_path


def start(package: Path, code: str = RUN, **environment: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=package,
        env={**clean, "PYTHONPATH": str(package), **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> list[str]:
    output, _ = process.communicate()
    assert process.returncode == 0
    return output.split()


def cached(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.nbc"))


def test_a_second_process_compiles_nothing_until_any_source_changes(package: Path) -> None:
    assert finish(start(package)) == ["20", "25.0", "0"]
    assert len(cached(package / "sim" / "engine" / "__pycache__")) == 4  # two functions of two signatures
    assert finish(start(package)) == ["20", "25.0", "2"]

    callee = package / "sim" / "engine" / "callee.py"
    before = callee.stat()
    callee.write_text(CALLEE.format(2))
    os.utime(callee, ns=(before.st_atime_ns, before.st_mtime_ns))
    for stale in (callee.parent / "__pycache__").glob("callee*.pyc"):
        stale.unlink()  # Python itself goes by the time of the file
    assert finish(start(package)) == ["30", "35.0", "0"]

    (package / "sim" / "program" / "layout.py").touch()
    assert finish(start(package)) == ["30", "35.0", "0"]
    assert finish(start(package)) == ["30", "35.0", "2"]


def test_a_damaged_file_is_compiled_again(package: Path) -> None:
    finish(start(package))
    for path in cached(package):
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert finish(start(package)) == ["20", "25.0", "0"]
    assert finish(start(package)) == ["20", "25.0", "2"]


def test_processes_that_compile_at_once_leave_a_whole_cache(package: Path) -> None:
    for process in [start(package) for _ in range(3)]:
        assert finish(process)[:2] == ["20", "25.0"]
    assert finish(start(package)) == ["20", "25.0", "2"]
    assert all(path.suffix in (".nbc", ".pyc") for path in (package / "sim/engine/__pycache__").iterdir())


def test_the_cache_goes_where_numba_is_told(package: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    finish(start(package, NUMBA_CACHE_DIR=str(elsewhere)))
    assert finish(start(package, NUMBA_CACHE_DIR=str(elsewhere))) == ["20", "25.0", "2"]
    assert len(cached(package)) == len(cached(elsewhere)) == 4


def test_without_compilation_functions_stay_as_they_are(package: Path) -> None:
    code = """
from sim.engine.compilation import jit
def f(x): return x
print(jit(f) is f, jit(inline="always")(f) is f)
"""
    assert finish(start(package, code, NUMBA_DISABLE_JIT="1")) == ["True", "True"]


def double(x: float) -> float:
    return 2.0 * x


def test_a_package_that_cannot_be_written_is_cached_for_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usual = caching._CacheLocator.ensure_cache_path

    def refuse(locator: caching._CacheLocator) -> None:
        if Path(locator.get_cache_path()).name == "__pycache__":
            raise PermissionError
        usual(locator)

    monkeypatch.setattr(caching._CacheLocator, "ensure_cache_path", refuse)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    assert jit(double)(1.5) == 3.0
    assert len(cached(tmp_path)) == 1


def test_where_nothing_can_be_written_functions_still_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(locator: caching._CacheLocator) -> None:
        raise PermissionError

    monkeypatch.setattr(caching._CacheLocator, "ensure_cache_path", refuse)
    compiled = jit(double)
    assert compiled(1.5) == 3.0
    assert compiled.stats.cache_path is None


def test_a_full_disk_costs_only_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(source: object, target: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(os, "replace", full)
    assert jit(double)(1.5) == 3.0
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_recompiling_empties_the_cache_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    compiled = jit(double)
    compiled(1.5)
    (before,) = cached(tmp_path)
    written = before.stat().st_mtime_ns
    compiled.recompile()
    assert cached(tmp_path) == [before]
    assert before.stat().st_mtime_ns > written


def test_division_by_zero_and_overflow_follow_ieee() -> None:
    @jit
    def divide(a: float, b: float) -> float:
        return a / b

    assert divide(1.0, 0.0) == np.inf
    assert np.isnan(divide(0.0, 0.0))


def test_options_reach_numba() -> None:
    assert jit(boundscheck=True)(double).targetoptions["boundscheck"] is True
    assert jit(double).targetoptions["nogil"] is True
