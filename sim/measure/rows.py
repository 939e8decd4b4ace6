"""Rows of a run's tables as arrays, by provider. Times are whole seconds since 1970-01-01."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.records.names import OUTCOMES
from sim.runs.result import Run

NONE = -1  # no outcome yet, no encounter

Column = NDArray[Any]
Reader = Callable[[pa.Array], Column]


def by_provider(
    run: Run, table: str, columns: Mapping[str, Reader], providers: Sequence[str]
) -> list[tuple[Column, ...]]:
    """For each of `providers` the columns of its rows, each as the function that stands with it makes it."""
    pieces: list[list[list[Column]]] = [[] for _ in providers]
    for batch in run.batches(table, ["provider", *columns]):
        provider = _places(batch.column("provider"), providers)
        arrays = [of(batch.column(name)) for name, of in columns.items()]
        for place in range(len(providers)):
            pieces[place].append([array[provider == place] for array in arrays])
    return [
        tuple(np.concatenate(parts) for parts in zip(*some, strict=True))
        if some
        else (np.empty(0, np.int64),) * len(columns)
        for some in pieces
    ]


def seconds(column: pa.Array, missing: int = 0) -> Column:
    """Times; `missing` where there is none."""
    return column.cast(pa.int64()).fill_null(missing * 1_000_000).to_numpy() // 1_000_000


def numbers(column: pa.Array) -> Column:
    """Numbers of which none is missing."""
    return column.to_numpy()


def identifiers(column: pa.Array) -> Column:
    """Identifiers, or NONE."""
    return column.fill_null(NONE).to_numpy()


def outcomes(column: pa.Array) -> Column:
    """What came of appointments: their places in OUTCOMES, or NONE."""
    return _places(column, OUTCOMES)


def _places(column: pa.DictionaryArray, texts: Sequence[str]) -> Column:
    """The place of each text among `texts`, -1 for one that is not there, and for null."""
    known = column.dictionary.to_pylist()
    places = np.array([*(texts.index(text) if text in texts else -1 for text in known), -1], np.int16)
    return places[column.indices.fill_null(len(known)).to_numpy()]
