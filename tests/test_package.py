"""What `import sim` gives a notebook."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sim


def test_all_names_are_there_and_no_others() -> None:
    for name in sim.__all__:
        assert callable(getattr(sim, name))
        assert name in dir(sim)
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        _ = sim.runn  # type: ignore[attr-defined]


def test_a_function_stays_itself_when_the_packages_are_imported() -> None:
    script = (
        "import sim; run = sim.run; import sim.runs.execute; assert sim.run is run is sim.runs.execute.run"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_importing_costs_nothing() -> None:
    script = "import sys; before = set(sys.modules); import sim; print(sorted({*sys.modules} - before))"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert "'sim'" in loaded
    assert not any(
        f"'{name}'" in loaded for name in ("numpy", "numba", "pyarrow", "pandas", "yaml", "pydantic")
    )
