"""Random numbers as a pure function of (seed, site, count, attempt, patient): nothing stored, nothing shared.

The generator is Philox4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
1, 2, 3", SC'11.
"""

from __future__ import annotations

import hashlib

import numpy as np

from sim.engine.inner import inner

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def site_key(seed: int, site: str) -> int:
    """The key of a site's stream: the first 64 bits of BLAKE2b over seed and site, in [0, 2**64).

    The input is the seed as 8 bytes, little-endian, then the site in UTF-8: the seed's fixed length keeps two
    pairs from meaning the same bytes. The key is the first 8 of the digest's 64 bytes, little-endian.
    ValueError for a seed outside [0, 2**64).
    """
    if not 0 <= seed < 2**64:
        raise ValueError(f"a seed is a whole number from 0 to 2**64 - 1, not {seed}")
    digest = hashlib.blake2b(seed.to_bytes(8, "little") + site.encode()).digest()
    return int.from_bytes(digest[:8], "little")


@inner(forceinline=True)
def philox(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Philox4x32-10: counter words c0 to c3 and key words k0, k1, to four words; all are below 2**32."""
    for _ in range(10):
        p0 = _MULTIPLIER_0 * c0
        p1 = _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (c1 ^ k0) ^ (p1 >> _HALF), p1 & _LOW, (c3 ^ k1) ^ (p0 >> _HALF), p0 & _LOW
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    return c0, c1, c2, c3


@inner(forceinline=True)
def uniform(key: np.uint64, count: int, attempt: int, patient: int) -> float:
    """The uniform in (0, 1) that a patient draws at the site of `key` for this count and attempt at a life.

    It is (52 random bits + 1/2) / 2**52, so 1 - u is exact. `count` and `attempt` are taken modulo 2**32.
    """
    wide = np.uint64(key)
    word0, word1, _, _ = philox(
        np.uint64(count & 0xFFFFFFFF),
        np.uint64(attempt & 0xFFFFFFFF),
        np.uint64(patient & 0xFFFFFFFF),
        np.uint64((patient >> 32) & 0xFFFFFFFF),
        wide & _LOW,
        wide >> _HALF,
    )
    return (float(np.int64((word0 << np.uint64(20)) | (word1 >> np.uint64(12)))) + 0.5) * 2.0**-52


@inner
def identifier(key: np.uint64, count: int, patient: int) -> np.int64:
    """A 63-bit id that carries nothing: the same for the same (key, count, patient), whatever else there is.

    Its counter's word of the attempt is one that no draw uses.
    """
    low, high = np.uint64(patient) & _LOW, np.uint64(patient) >> _HALF
    word0, word1, _, _ = philox(np.uint64(count), _LOW, low, high, key & _LOW, key >> _HALF)
    return np.int64(((word0 << _HALF) | word1) >> np.uint64(1))
