"""The streams: the published vectors of the generator, the written rule for a uniform, and independence."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sim.engine.compilation import jit
from sim.engine.streams import philox, site_key, uniform

SIDE = 32
PAIRS = 2**20

whole64 = st.integers(0, 2**64 - 1)
count32 = st.integers(0, 2**32 - 1)


def words(numbers: str) -> list[np.uint64]:
    return [np.uint64(int(number, 16)) for number in numbers.split()]


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # the known answers of Random123 for philox4x32-10
        ("0 0 0 0", "0 0", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (
            "ffffffff ffffffff ffffffff ffffffff",
            "ffffffff ffffffff",
            "408f276d 41c83b0e a20bc7c6 6d5451fd",
        ),
        (
            "243f6a88 85a308d3 13198a2e 03707344",
            "a4093822 299f31d0",
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_the_generator_gives_the_published_answers(counter: str, key: str, expected: str) -> None:
    assert list(philox(*words(counter), *words(key))) == words(expected)


@settings(deadline=None)
@given(whole64, count32, count32, st.integers(0, 2**63 - 1))
def test_a_uniform_is_the_first_52_bits_of_its_counter_and_key(
    key: int, count: int, attempt: int, patient: int
) -> None:
    counter = [count, attempt, patient % 2**32, patient >> 32]
    word0, word1, _, _ = philox(*map(np.uint64, [*counter, key % 2**32, key >> 32]))
    bits = int(word0) << 20 | int(word1) >> 12
    u = uniform(np.uint64(key), count, attempt, patient)
    assert Fraction(u) == (bits + Fraction(1, 2)) / 2**52
    assert Fraction(1.0 - u) == 1 - Fraction(u)
    assert 0.0 < u < 1.0


def test_a_key_is_64_bits_of_blake2b_over_seed_and_site() -> None:
    digest = hashlib.blake2b(bytes([0x2A, 1, 0, 0, 0, 0, 0, 0]) + "asthma/naïve/onset".encode()).digest()
    assert site_key(0x12A, "asthma/naïve/onset") == int.from_bytes(digest[:8], "little")
    assert site_key(0, "") != site_key(0, "\0") != site_key(1, "")


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match="seed"):
        site_key(seed, "site")


@jit
def fill(
    key: NDArray[np.uint64], count: NDArray[np.int64], attempt: NDArray[np.int64], patient: NDArray[np.int64]
) -> NDArray[np.float64]:
    u = np.empty(len(key))
    for i in range(len(u)):
        u[i] = uniform(key[i], count[i], attempt[i], patient[i])
    return u


def surprise(counts: NDArray[np.int64]) -> float:
    """How many standard errors a chi-square of equal expectations is above its mean."""
    freedom = counts.size - 1
    expected = counts.sum() / counts.size
    return float((((counts - expected) ** 2 / expected).sum() - freedom) / np.sqrt(2 * freedom))


def draws(**fixed: NDArray[np.int64] | NDArray[np.uint64]) -> NDArray[np.float64]:
    """PAIRS uniforms at one site for patient 0, 1, ..., unless told otherwise."""
    patient = np.arange(PAIRS)
    zero = np.zeros_like(patient)
    key = np.full(PAIRS, site_key(20240229, "population/sex"), np.uint64)
    return fill(**{"key": key, "count": zero, "attempt": zero, "patient": patient, **fixed})


def test_uniforms_are_uniform_in_their_high_and_low_bits() -> None:
    u = draws()
    assert surprise(np.bincount((u * 1024).astype(np.int64), minlength=1024)) < 5
    low = (u * 2.0**52).astype(np.int64) % 1024
    assert surprise(np.bincount(low, minlength=1024)) < 5
    assert abs(u.mean() - 0.5) < 5 * np.sqrt(1 / 12 / PAIRS)
    assert abs(u.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / PAIRS)


KEYS = np.full(PAIRS, site_key(20240229, "population/sex"), np.uint64)
NEIGHBOURS = {
    "the next patient": {"patient": np.arange(PAIRS) + 1},
    "the patient 2**32 on": {"patient": np.arange(PAIRS) + 2**32},
    "the next count": {"count": np.ones(PAIRS, np.int64)},
    "the next attempt": {"attempt": np.ones(PAIRS, np.int64)},
    "the next key": {"key": KEYS + np.uint64(1)},
    "a key of another high bit": {"key": KEYS ^ np.uint64(2**63)},
    "the next seed": {"key": np.full(PAIRS, site_key(20240230, "population/sex"), np.uint64)},
    "other counts and attempts": {"count": np.arange(PAIRS) % 7 + 1, "attempt": np.arange(PAIRS) % 5},
}


@pytest.mark.parametrize("neighbour", NEIGHBOURS)
def test_neighbouring_streams_are_independent(neighbour: str) -> None:
    a = draws()
    b = draws(**NEIGHBOURS[neighbour])
    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(PAIRS)
    cells = (a * SIDE).astype(np.int64) * SIDE + (b * SIDE).astype(np.int64)
    assert surprise(np.bincount(cells, minlength=SIDE * SIDE)) < 5


def test_one_patients_counts_are_independent() -> None:
    """A long history of one patient at one site, against itself one and two steps on."""
    u = draws(count=np.arange(PAIRS), patient=np.full(PAIRS, 12345))
    for lag in (1, 2):
        a, b = u[:-lag], u[lag:]
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(PAIRS)
        cells = (a * SIDE).astype(np.int64) * SIDE + (b * SIDE).astype(np.int64)
        assert surprise(np.bincount(cells, minlength=SIDE * SIDE)) < 5
