"""The digest, against its definition in whole Python numbers."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sim.records import digest

WORD = 2**64

patients = st.integers(0, 2**63 - 1)
places = st.integers(0, 2**31 - 1)
words = st.integers(0, WORD - 1)


def mix(x: int) -> int:
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB % WORD
    return x ^ (x >> 31)


def cell(patient: int, seq: int, word: int) -> int:
    low = mix((mix((patient + 0x9E3779B97F4A7C15) % WORD) + seq) % WORD)
    high = mix((mix((patient + 0xD1B54A32D192ED03) % WORD) + seq) % WORD)
    return (mix((high + word) % WORD) << 64) + mix((low + word) % WORD)


def test_mix_gives_the_published_splitmix64_sequence() -> None:
    steps = [mix((1234567 + k * 0x9E3779B97F4A7C15) % WORD) for k in range(1, 6)]
    assert steps == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@settings(deadline=None)  # the first example compiles
@given(st.lists(st.tuples(patients, places, words), max_size=60), st.randoms())
def test_column_sum_is_the_sum_of_the_cells_in_any_order(
    rows: list[tuple[int, int, int]], random: object
) -> None:
    expected = sum(cell(*row) for row in rows) % 2**128
    assert column_sum(rows) == expected
    random.shuffle(rows)  # type: ignore[attr-defined]
    assert column_sum(rows) == expected
    middle = len(rows) // 2
    parts = [{("t", "c"): column_sum(rows[:middle])}, {("t", "c"): column_sum(rows[middle:])}]
    assert digest.add(parts) == {("t", "c"): expected}


def column_sum(rows: list[tuple[int, int, int]]) -> int:
    keys = digest.row_keys(
        np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.int32)
    )
    return digest.column_sum(keys, np.array([row[2] for row in rows], np.uint64))


@settings(deadline=None)
@given(st.lists(words, min_size=1, max_size=5), st.data())
def test_coded_sum_looks_up_each_code_and_the_last_for_none(table: list[int], data: st.DataObject) -> None:
    codes = data.draw(st.lists(st.integers(-1, len(table) - 1), max_size=20))
    keys = digest.row_keys(np.arange(len(codes)), np.arange(len(codes), dtype=np.int32))
    by_word = digest.column_sum(keys, np.array([table[code] for code in codes], np.uint64))
    by_code = digest.coded_column_sum(keys, np.array(table, np.uint64), np.array(codes, np.int32))
    assert by_code == by_word


@settings(deadline=None)
@given(words, st.integers(0, 20))
def test_the_sum_of_a_constant_is_that_of_its_word_in_every_row(word: int, rows: int) -> None:
    keys = digest.row_keys(np.arange(rows), np.arange(rows, dtype=np.int32))
    expected = sum(cell(row, row, word) for row in range(rows)) % 2**128
    assert digest.constant_column_sum(keys, np.uint64(word)) == expected


@given(arrays(np.float64, st.integers(0, 20)))
def test_words_of_floats_are_their_bits(values: np.ndarray) -> None:
    expected = [
        digest.NULL_WORD if value != value else struct.unpack("<Q", struct.pack("<d", value or 0.0))[0]
        for value in values.tolist()
    ]
    assert digest.float_words(values).tolist() == expected


def test_minus_zero_is_zero_and_unknown_is_null() -> None:
    assert digest.float_words(np.array([-0.0, np.nan])).tolist() == [0, 2**63]


@pytest.mark.parametrize("text", ["", "hba1c", "é ü"])
def test_word_of_a_text_depends_on_all_of_it(text: str) -> None:
    assert (
        digest.text_word(text)
        == struct.unpack("<Q", hashlib.blake2b(text.encode(), digest_size=8).digest())[0]
    )


def test_run_digest_is_the_hash_of_sorted_lines() -> None:
    sums = {("t", "b"): 255, ("t", "a"): 2**127, ("s", "z"): 0}
    lines = "s z " + "0" * 32 + "\nt a 8" + "0" * 31 + "\nt b " + "0" * 30 + "ff\n"
    assert digest.run_digest(sums) == hashlib.blake2b(lines.encode(), digest_size=32).hexdigest()
    assert digest.run_digest(dict(reversed(sums.items()))) == digest.run_digest(sums)
