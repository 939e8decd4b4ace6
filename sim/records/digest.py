"""The digest: one number for what a run's tables say, the same for any sharding, number of threads or order.

All arithmetic is on unsigned 64-bit words, modulo 2^64, but for the sums, which are modulo 2^128.

* mix(x) is the finaliser of SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2714064.2660195; variant 13
  of Stafford): x ^= x >> 30; x *= 0xBF58476D1CE4E5B9; x ^= x >> 27; x *= 0x94D049BB133111EB; x ^= x >> 31.
* A row has the keys k0 = mix(mix(patient + 0x9E3779B97F4A7C15) + seq) and k1 = mix(mix(patient +
  0xD1B54A32D192ED03) + seq). In the table `patients`, seq is 0.
* A cell's word is: of an integer its two's complement; of a date the days, of a time the microseconds since
  1970-01-01, as such an integer; of a truth value 1 or 0; of a float its IEEE 754 bits, those of 0.0 for
  -0.0; of a text the first 8 bytes of the BLAKE2b hash, of digest size 8, of its UTF-8 bytes, read as a
  little-endian number; of null 2^63, which is no number's word.
* A cell's hash is 2^64 mix(k1 + word) + mix(k0 + word).
* A column's sum is that of its cells' hashes modulo 2^128. `patient_id` and `seq`, being in every hash, have
  none.
* The run's digest is the BLAKE2b hash, of digest size 32, of the ASCII lines "TABLE COLUMN SUM\\n", the sum
  in 32 hexadecimal digits, sorted; written in hexadecimal. Tables without rows take part, with sums of 0;
  `codes`, which holds nothing about patients, does not, nor does what is left out of a run.

The hash guards against accidents, not against someone who wants two runs to have the same digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.engine.compilation import jit

NULL_WORD = 1 << 63
MODULUS = 1 << 128

Words = NDArray[np.uint64]
Sums = Mapping[tuple[str, str], int]  # by table and column

_U = np.uint64
_ZERO, _NULL = _U(0), _U(NULL_WORD)
_FIRST, _SECOND = _U(0x9E3779B97F4A7C15), _U(0xD1B54A32D192ED03)
_MULTIPLY_1, _MULTIPLY_2 = _U(0xBF58476D1CE4E5B9), _U(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = _U(30), _U(27), _U(31)
_HALF, _LOWER = _U(32), _U(0xFFFFFFFF)


class Keys(NamedTuple):
    """The two keys of each row, uint64."""

    first: Words
    second: Words


def text_word(text: str) -> int:
    """The word of a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def float_words(values: NDArray[np.float64]) -> Words:
    """The words of float64 values; a NaN stands for null."""
    words = np.empty(len(values), np.uint64)
    _fill_float_words(values, values.view(np.uint64), words)
    return words


def row_keys(patient: NDArray[np.int64], seq: NDArray[np.int32]) -> Keys:
    """The keys of rows, from the patient's number and the row's place in the patient's life."""
    keys = Keys(np.empty(len(patient), np.uint64), np.empty(len(patient), np.uint64))
    _fill_keys(patient, seq, *keys)
    return keys


def column_sum(keys: Keys, words: Words) -> int:
    """A column's sum modulo 2^128, from its cells' words."""
    return _whole(*_sum(*keys, words))


def coded_column_sum(keys: Keys, words: Words, codes: NDArray[np.int32]) -> int:
    """The same of a column whose cells' words are `words[codes]`; a code of -1 means the last of `words`."""
    return _whole(*_sum_coded(*keys, np.append(words[-1:], words), codes))


def constant_column_sum(keys: Keys, word: np.uint64) -> int:
    """The same of a column whose cells all have one word."""
    return _whole(*_sum_constant(*keys, word))


def _whole(high: np.uint64, upper: np.uint64, lower: np.uint64) -> int:
    return ((int(high) << 64) + (int(upper) << 32) + int(lower)) % MODULUS


def add(parts: Iterable[Sums]) -> dict[tuple[str, str], int]:
    """The sums of a whole from those of its parts."""
    total: dict[tuple[str, str], int] = {}
    for part in parts:
        for column, value in part.items():
            total[column] = (total.get(column, 0) + value) % MODULUS
    return total


def run_digest(sums: Sums) -> str:
    """The digest of a run, 64 hexadecimal digits, from the sums of all its columns."""
    lines = sorted(f"{table} {column} {value:032x}\n" for (table, column), value in sums.items())
    return hashlib.blake2b("".join(lines).encode(), digest_size=32).hexdigest()


@jit
def _mix(x: np.uint64) -> np.uint64:
    x = (x ^ (x >> _SHIFT_1)) * _MULTIPLY_1
    x = (x ^ (x >> _SHIFT_2)) * _MULTIPLY_2
    return x ^ (x >> _SHIFT_3)


@jit
def _fill_keys(patient: NDArray[np.int64], seq: NDArray[np.int32], first: Words, second: Words) -> None:
    for i in range(len(patient)):
        number, place = _U(patient[i]), _U(seq[i])
        first[i] = _mix(_mix(number + _FIRST) + place)
        second[i] = _mix(_mix(number + _SECOND) + place)


@jit
def _fill_float_words(values: NDArray[np.float64], bits: Words, words: Words) -> None:
    for i in range(len(values)):
        value = values[i]
        words[i] = _NULL if value != value else _ZERO if value == 0.0 else bits[i]


# The sums of the low words' upper and lower halves are kept apart: a carry from one row to the next would
# keep the compiler from doing several rows at once, in a quarter of the time. Each has room for 2^32 rows.


@jit
def _sum(first: Words, second: Words, words: Words) -> tuple[np.uint64, np.uint64, np.uint64]:
    high, upper, lower = _ZERO, _ZERO, _ZERO
    for i in range(len(words)):
        low = _mix(first[i] + words[i])
        high += _mix(second[i] + words[i])
        upper += low >> _HALF
        lower += low & _LOWER
    return high, upper, lower


@jit
def _sum_coded(
    first: Words, second: Words, words: Words, codes: NDArray[np.int32]
) -> tuple[np.uint64, np.uint64, np.uint64]:
    high, upper, lower = _ZERO, _ZERO, _ZERO
    for i in range(len(codes)):
        word = words[_U(codes[i] + 1)]
        low = _mix(first[i] + word)
        high += _mix(second[i] + word)
        upper += low >> _HALF
        lower += low & _LOWER
    return high, upper, lower


@jit
def _sum_constant(first: Words, second: Words, word: np.uint64) -> tuple[np.uint64, np.uint64, np.uint64]:
    high, upper, lower = _ZERO, _ZERO, _ZERO
    for i in range(len(first)):
        low = _mix(first[i] + word)
        high += _mix(second[i] + word)
        upper += low >> _HALF
        lower += low & _LOWER
    return high, upper, lower
