"""What happens in lives, row by row, in a form in which two runs can be laid side by side.

A row of a table is something that begins, and, where it lasts, something that ends. It has a time, a name,
and a hash of all that it says; what it says of a row's number or an encounter's is left out, since they shift
when something else comes before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.engine.log import NULL
from sim.measure.shards import Shard

Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Kind:
    """A table of things that happen: the columns that name them, that say when, and what else is said at the
    start and at the end; the column of the end, "" for what takes no time.
    """

    name: str
    table: str
    names: tuple[str, ...]
    time: str
    words: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    end: str = ""
    end_words: tuple[str, ...] = ()


KINDS = (
    Kind("state", "truth/states", ("axis", "to"), "time", words=("from", "cause")),
    Kind("event", "truth/events", ("event",), "time"),
    Kind("variable", "truth/variables", ("variable",), "time", words=("category",), numbers=("value",)),
    Kind(
        "visit",
        "encounters",
        ("provider",),
        "start",
        words=("reason",),
        times=("requested",),
        end="end",
        end_words=("discharge",),
    ),
    Kind(
        "appointment",
        "appointments",
        ("provider",),
        "requested",
        numbers=("priority",),
        end="ended",
        end_words=("outcome",),
    ),
    Kind("condition", "conditions", ("condition",), "start", end="end"),
    Kind("allergy", "allergies", ("allergy",), "start", end="end"),
    Kind(
        "test",
        "observations",
        ("observation",),
        "time",
        words=("unit", "value_text", "panel"),
        numbers=("value",),
    ),
    Kind("drug", "medications", ("drug",), "start", words=("dose",), end="end"),
    Kind("procedure", "procedures", ("procedure",), "time"),
    Kind("vaccine", "immunizations", ("vaccine",), "time"),
    Kind("plan", "careplans", ("plan",), "start", words=("reason",), end="end"),
    Kind("death", "deaths", ("cause",), "time"),
)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one kind, in the table's order: the place of the patient, -1 for one who is left out, the time
    in seconds, the number of the name, and the hash.
    """

    kind: Kind
    ends: bool
    who: Integers
    time: Integers
    label: Integers
    seq: Integers
    hash: Hashes


@dataclass
class Labels:
    """Numbers for texts, the same for all shards."""

    texts: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        if text not in self.numbers:
            self.numbers[text] = len(self.texts)
            self.texts.append(text)
        return self.numbers[text]


class Reader:
    """Reads the rows of shards. `names` are the numbers of (kind, name), `words` those of all other texts."""

    def __init__(self) -> None:
        self.names, self.words = Labels(), Labels()

    def rows(self, shard: Shard, patients: Integers) -> Iterator[Rows]:
        """What happens to `patients`, whose numbers are sorted."""
        for kind in KINDS:
            if not shard.has(kind.table, "patient_id"):
                continue
            who = places(patients, shard.whole(kind.table, "patient_id"))
            seq = shard.whole(kind.table, "seq")
            label, said = self._labels(shard, kind)
            start = shard.whole(kind.table, kind.time)
            hashed = self._hash(shard, kind, kind.words, kind.numbers, kind.times, mixed(said, start))
            yield Rows(kind, False, who, start, label, seq, hashed)
            if kind.end:
                end = shard.whole(kind.table, kind.end)
                kept = end != NULL
                hashed = self._hash(shard, kind, kind.end_words, (), (), mixed(~said, end))
                yield Rows(kind, True, who[kept], end[kept], label[kept], seq[kept], hashed[kept])

    def _labels(self, shard: Shard, kind: Kind) -> tuple[Integers, Hashes]:
        """The number of each row's name, and a hash of it."""
        columns = [shard.words(kind.table, name) for name in kind.names]
        code = np.zeros(len(columns[0].places), np.int64)
        for column in columns:
            code = code * (len(column.texts) + 1) + column.places + 1
        distinct, inverse = np.unique(code, return_inverse=True)
        found = []
        for one in distinct.tolist():
            parts = list[str]()
            for column in reversed(columns):
                one, place = divmod(one, len(column.texts) + 1)
                parts += [column.texts[place - 1]] if place else []
            found.append(self.names.number(f"{kind.name} {': '.join(reversed(parts))}"))
        label = np.array(found, np.int64)[inverse] if found else np.empty(0, np.int64)
        return label, mixed(np.uint64(0), label)

    def _hash(
        self,
        shard: Shard,
        kind: Kind,
        words: tuple[str, ...],
        numbers: tuple[str, ...],
        times: tuple[str, ...],
        hashed: Hashes,
    ) -> Hashes:
        for name in words:
            column = shard.words(kind.table, name)
            table = np.array([self.words.number(text) + 1 for text in column.texts] + [0], np.int64)
            hashed = mixed(hashed, table[column.places])
        for name in numbers:
            value = shard.numbers(kind.table, name) + 0.0  # so that there is one zero
            hashed = mixed(hashed, np.where(np.isnan(value), np.nan, value).view(np.int64))
        for name in times:
            hashed = mixed(hashed, shard.whole(kind.table, name))
        return hashed


def mixed(hashed: Hashes | np.uint64, value: Integers) -> Hashes:
    """A hash that depends on all that it is made of: the finaliser of SplitMix64 (Steele, Lea and Flood 2014,
    doi:10.1145/2714064.2660195) of one xor the other.
    """
    x = hashed ^ value.view(np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: Hashes = x ^ (x >> np.uint64(31))
    return found


def places(patients: Integers, ids: Integers) -> Integers:
    """Where each of `ids` is among `patients`, which are sorted; -1 for those who are not."""
    at = np.minimum(np.searchsorted(patients, ids), max(len(patients) - 1, 0))
    return np.where(patients[at] == ids, at, -1) if len(patients) else np.full(len(ids), -1)
