"""Arrow arrays over NumPy's memory, without a copy.

Not by `pyarrow.array`, which imports pandas to find out whether it was given some of its objects.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.engine.compilation import jit


def text_array(texts: Sequence[str | None]) -> pa.StringArray:
    """An array of strings, null for None."""
    encoded = [b"" if text is None else text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    known = np.array([text is not None for text in texts], np.bool_)
    content = pa.py_buffer(b"".join(encoded))
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(offsets), content, _validity(known))


def number_array(
    values: NDArray[np.generic], kind: pa.DataType, known: NDArray[np.bool_] | None = None
) -> pa.Array:
    """An array of a type as wide as the values', null where not `known`."""
    return pa.Array.from_buffers(kind, len(values), [_validity(known), pa.py_buffer(values)])


def truth_array(values: NDArray[np.bool_]) -> pa.BooleanArray:
    """An array of truth values (which Arrow packs into bits)."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])


def positions_of(codes: NDArray[np.int32], by_code: NDArray[np.signedinteger]) -> NDArray[np.signedinteger]:
    """`by_code[codes]`; a code of -1 means the last."""
    positions = np.empty(len(codes), by_code.dtype)
    _look_up(codes, np.append(by_code[-1:], by_code), positions)
    return positions


def coded_array(positions: NDArray[np.signedinteger], texts: pa.StringArray) -> pa.DictionaryArray:
    """The strings `texts[positions]`, null where the position is -1, kept as positions."""
    known = positions >= 0 if len(positions) and positions.min() < 0 else None
    kind = pa.from_numpy_dtype(positions.dtype)
    return pa.DictionaryArray.from_arrays(number_array(positions, kind, known), texts)


def _validity(known: NDArray[np.bool_] | None) -> pa.Buffer | None:
    return None if known is None or known.all() else _bits(known)


def _bits(values: NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(values, bitorder="little"))


@jit
def _look_up(
    codes: NDArray[np.int32], from_none: NDArray[np.signedinteger], positions: NDArray[np.signedinteger]
) -> None:
    for i in range(len(codes)):
        positions[i] = from_none[np.uint64(codes[i] + 1)]
