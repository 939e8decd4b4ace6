"""The functions of the engine's arithmetic give the same bits compiled for any processor, and not compiled.

Run as a program, this file prints a digest of each function over a grid, as JSON.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sim.engine import elementary, quantiles, sojourns, special, streams

OF_ONE_REAL = ("log", "exp", "log1p", "expm1", "normal_tail", "normal_cdf", "normal_quantile", "lgamma")

# Over all digests, from x86-64. A change of it changes every record of every seed.
EXPECTED = "405ed585cdd45ed29abd6b1b764fd6c598a8d74f69d0c2ddae23b1bb5c67af6b"


def arguments() -> dict[str, Iterable[tuple[float, ...]]]:
    r = random.Random(1)  # the same for every version of Python, as NumPy's generators are not for theirs
    wild = [struct.unpack("<d", r.randbytes(8))[0] for _ in range(1500)]
    tame = [r.uniform(-40, 40) for _ in range(1500)]
    unit = [(r.getrandbits(52) + 0.5) * 2.0**-52 for _ in range(1500)]
    exponents = [(k + 0.5) * 0.6931471805599453 for k in range(-1075, 1024)]
    powers = [2.0**k for k in range(-1074, 1024)]
    some = [2.0**-53, 1 - 2.0**-53, 0.5 + 2.0**-53, *unit[:40]]
    reals = [*wild, *tame, *unit, *exponents, *powers, 0.0, -0.0, float("inf"), -float("inf")]
    shapes = [0.03, 0.5, 1.0, 2.7, 33.0, 1234.5, 2e5]
    pairs = list(itertools.product(shapes, shapes))
    return {
        **{name: [(x,) for x in reals] for name in OF_ONE_REAL},
        "power": [
            *zip(wild, tame, strict=True),
            *zip(unit, tame, strict=True),
            *zip(tame, map(round, tame), strict=True),
        ],
        "uniform": [(u, low, low + u) for u in unit for low in (-3.0, 1e6)],
        "normal": [(u, 5.5, 0.3) for u in unit],
        "truncated_normal": [
            (u, 0.5, 2.0, *ends) for u in unit for ends in ((-1.0, 2.0), (9.0, 10.0), (-float("inf"), -3.0))
        ],
        "lognormal": [(u, 5.5, 0.3) for u in unit],
        "exponential": [(u, 5.5) for u in unit],
        "weibull": [(u, shape, 7.7) for u in unit for shape in (0.7, 3.3)],
        "gompertz": [(u, shape, 0.01) for u in unit for shape in (-0.02, -1e-9, 0.0, 1e-9, 0.02)],
        "gamma": [(u, shape, 1.7) for u in some for shape in shapes],
        "loglogistic": [(u, shape, 7.7) for u in unit for shape in (0.7, 3.3)],
        "gengamma": [(u, shape, 1.7, 1.3) for u in some for shape in shapes],
        "of_score": [(x,) for x in tame],
        "beta": [(u, a, b) for u in some[::4] for a, b in pairs],
        "poisson": [(u, mean) for u in some for mean in (0.3, 8.0, 31.0, 400.0, 2e6)],
        "exponential_hazard": [(u, 3.3) for u in unit],
        "weibull_hazard": [(u, shape, 7.7) for u in unit for shape in (0.7, 3.3)],
        "gompertz_hazard": [(99 * u, shape, 0.01) for u in unit for shape in (-0.2, -1e-9, 0.0, 1e-9, 0.2)],
        "lognormal_hazard": [(9 * u, 0.7, 0.02) for u in unit],
        "lognormal_time": [(h, 5.5, 0.3) for h in (*unit, 601.0, 5e4)],
        "loglogistic_hazard": [(9 * u, shape, 1.7) for u in unit for shape in (0.7, 3.3)],
        "loglogistic_time": [(9 * u, shape, 1.7) for u in unit for shape in (0.7, 3.3)],
        "gengamma_hazard": [(9 * u * shape, shape, 1.7, 1.3) for u in some for shape in shapes],
        "gengamma_time": [(h, shape, 1.7, 1.3) for h in (*some, 7.0, 800.0) for shape in shapes],
    }


def function(name: str) -> Callable[..., float]:
    return next(
        getattr(module, name)
        for module in (quantiles, sojourns, elementary, special)
        if hasattr(module, name)
    )


def digest(values: Iterable[float]) -> str:
    """A hash of the bits; of a NaN, only that it is one, as its bits differ between processors."""
    total = hashlib.sha256()
    for value in values:
        total.update(b"nan" if value != value else struct.pack("<d", value))
    return total.hexdigest()


@cache
def digests(kind: type) -> dict[str, str]:
    """The digest of each function over its grid, its arguments given as `kind`, a float type."""
    with np.errstate(all="ignore"):
        found = {
            name: digest(function(name)(*map(kind, point)) for point in points)
            for name, points in arguments().items()
        }
    found["streams"] = digest(
        streams.uniform(np.uint64(streams.site_key(seed, "site")), count, seed % 3, seed * 2**29)
        for seed in range(100)
        for count in range(3)
    )
    return found


def in_another_process(kind: str, **environment: str) -> dict[str, str]:
    run = subprocess.run(
        [sys.executable, __file__, kind],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(run.stdout))


def test_compiled_for_this_processor() -> None:
    assert digest_of_all(digests(float)) == EXPECTED


@pytest.mark.slow
def test_compiled_for_a_generic_processor() -> None:
    assert in_another_process("float", NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="") == digests(float)


@pytest.mark.slow
def test_compiled_without_optimisation(tmp_path: Path) -> None:
    assert in_another_process("float", NUMBA_OPT="0", NUMBA_CACHE_DIR=str(tmp_path)) == digests(float)


def test_not_compiled() -> None:
    assert in_another_process("float", NUMBA_DISABLE_JIT="1") == digests(float)
    assert in_another_process("float64", NUMBA_DISABLE_JIT="1") == digests(float)


def digest_of_all(found: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


if __name__ == "__main__":
    print(json.dumps(digests(np.float64 if sys.argv[1] == "float64" else float)))
