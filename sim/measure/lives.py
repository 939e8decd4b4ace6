"""The lives of a shard, as its tables tell them: what happened when, and what lasted from when to when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.engine.log import NULL
from sim.measure.histories import (
    DAY,
    FIRST,
    LAST,
    History,
    Integers,
    Line,
    Values,
    patients,
    stepping,
)
from sim.measure.shards import Shard, Words
from sim.measure.words import Texts
from sim.records.names import DEAD
from sim.scenario.statistics import DEATH, Thing

T = TypeVar("T")
ENDLESS = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a table, in the order of their keys: `row` is the place of each in the table."""

    keys: Integers
    row: Integers


@dataclass(frozen=True, slots=True)
class Stays:
    """Times in something, by patient and start: keys from and to; `to` is ENDLESS where no end is known."""

    start: Integers
    to: Integers


class Lives:
    """The lives of the patients of a shard. Everything is worked out when it is first asked for, once."""

    def __init__(self, shard: Shard, texts: Texts) -> None:
        self.shard, self.texts = shard, texts
        self.ids = shard.whole("patients", "patient_id")
        self.line = Line(shard.whole("patients", "birth_date") * DAY)
        self.entered = shard.whole("patients", "entered")
        self.left = shard.whole("patients", "left")
        self.died = shard.numbers("patients", "died") == 1.0
        weighted = shard.has("patients", "weight")
        self.weight = shard.numbers("patients", "weight") if weighted else np.ones(len(self.ids))
        self._kept: dict[object, object] = {}

    def kept(self, name: object, make: Callable[[], T]) -> T:
        """What `make` returns, made once."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]  # type: ignore[return-value]

    # ---- people

    @cached_property
    def everyone(self) -> Integers:
        """The places of all patients."""
        return np.arange(len(self.ids))

    @cached_property
    def birth(self) -> Integers:
        """The second of birth, which the first row of the truth tells; else 00:00 of the day."""
        found = np.full(len(self.ids), ENDLESS)
        for table in ("truth/variables", "truth/states"):
            ids, times = self.shard.whole(table, "patient_id"), self.shard.whole(table, "time")
            first = np.flatnonzero(np.append(True, ids[1:] != ids[:-1])) if len(ids) else ids
            who = np.searchsorted(self.ids, ids[first])
            found[who] = np.minimum(found[who], times[first])
        return np.where(found == ENDLESS, self.line.origin, found)

    @cached_property
    def sex(self) -> Values:
        """0 female, 1 male."""
        words = self.shard.words("patients", "sex")
        return _levels(words, ("female", "male"))

    @cached_property
    def observed(self) -> History:
        """1 from coming into view to leaving it, else 0."""
        come = self.line.keys(self.everyone, self.entered, FIRST)
        gone = self.line.keys(self.everyone, self.left, FIRST)
        keys, values = np.concatenate([come, gone]), np.repeat([1.0, 0.0], len(come))
        return stepping(self.line, keys, values, 0.0)

    def in_view(self, keys: Integers) -> NDArray[np.bool_]:
        """Whether keys lie between coming into view and leaving it, both included."""
        who, times = patients(keys), self.line.times(keys)
        return (times >= self.entered[who]) & (times <= self.left[who])

    # ---- rows

    def patient(self, table: str) -> Integers:
        """The place of the patient of each row."""
        return self.kept(
            ("patient", table), lambda: np.searchsorted(self.ids, self.shard.whole(table, "patient_id"))
        )

    def times(self, table: str, column: str) -> Integers:
        return self.kept(("times", table, column), lambda: self.shard.whole(table, column))

    def keys(self, table: str, column: str) -> Integers:
        """The keys of rows by a column of times."""

        def make() -> Integers:
            place = self.shard.whole(table, "seq") + 1
            return self.line.keys(self.patient(table), self.times(table, column), place)

        return self.kept(("keys", table, column), make)

    def words(self, table: str, column: str) -> Words:
        return self.kept(("words", table, column), lambda: self.shard.words(table, column))

    def numbers(self, table: str, column: str) -> Values:
        return self.kept(("numbers", table, column), lambda: self.shard.numbers(table, column))

    def _sorted(self, table: str, column: str) -> tuple[Integers, Integers]:
        """The rows of a table sorted by the word in a column, and where each word's begin."""

        def make() -> tuple[Integers, Integers]:
            words = self.words(table, column)
            places = words.places.astype(np.int16) if len(words.texts) < 1 << 15 else words.places
            order = np.argsort(places, kind="stable")
            return order, np.searchsorted(places[order], np.arange(len(words.texts) + 1))

        return self.kept(("sorted", table, column), make)

    def named(self, table: str, column: str, text: str) -> Integers:
        """The rows with a word in a column, in order."""
        order, starts = self._sorted(table, column)
        found = [
            order[starts[i] : starts[i + 1]]
            for i, t in enumerate(self.words(table, column).texts)
            if t == text
        ]
        return np.sort(np.concatenate(found)) if len(found) > 1 else found[0] if found else order[:0]

    def rows(self, table: str, column: str, texts: tuple[str, ...], time: str) -> Rows:
        """The rows with any of some words in a column, in the order of their keys."""

        def make() -> Rows:
            rows = np.concatenate([self.named(table, column, text) for text in texts])
            keys = self.keys(table, time)[rows]
            if len(keys) > 1 and (keys[1:] < keys[:-1]).any():
                order = np.argsort(keys, kind="stable")
                keys, rows = keys[order], rows[order]
            return Rows(keys, rows)

        return self.kept(("rows", table, column, texts, time), make)

    # ---- what lasts

    def stays(self, kind: str, name: str) -> Stays:
        """The times in a state or group, with a diagnosis or prescription, or visits, by qualified name."""
        return self.kept(("stays", kind, name), lambda: self._stays(kind, name))

    def _stays(self, kind: str, name: str) -> Stays:
        match kind:
            case "state":
                return self._in_states(name)
            case "condition":
                table, column = (
                    ("allergies", "allergy") if name in self.texts.allergies else ("conditions", "condition")
                )
                return self._recorded(table, column, self.texts.conditions[name])
            case "drug":
                return joined(self._recorded("medications", "drug", self.texts.drugs[name]), self.line, 0)
            case "protocol":
                return self._recorded("careplans", "plan", self.texts.plans[name])
        return self._recorded("encounters", "provider", name)

    def _recorded(self, table: str, column: str, text: str) -> Stays:
        rows = self.rows(table, column, (text,), "start")
        return Stays(rows.keys, self._ends(table, rows))

    def _ends(self, table: str, rows: Rows) -> Integers:
        """The keys of the ends of rows: at the first place of their seconds, ENDLESS where there is none."""
        ends = self.times(table, "end")[rows.row]
        keys = self.line.keys(patients(rows.keys), np.where(ends == NULL, 0, ends), FIRST)
        return np.where(ends == NULL, ENDLESS, keys)

    def at_dose(self, drug: str, dose: str) -> Stays:
        """The times with a dose of a drug."""
        rows = self.rows("medications", "drug", (self.texts.drugs[drug],), "start")
        words = self.words("medications", "dose")
        chosen = np.isin(words.places[rows.row], [i for i, text in enumerate(words.texts) if text == dose])
        rows = Rows(rows.keys[chosen], rows.row[chosen])
        return Stays(rows.keys, self._ends("medications", rows))

    def _in_states(self, name: str) -> Stays:
        """Each time in a state; of a group from entering it to leaving it. The dead stay where they were."""
        axis, states = self.texts.states[name]
        table = "truth/states"
        rows = self.rows(table, "axis", (axis,), "time")
        to = self.words(table, "to")
        dead = [i for i, text in enumerate(to.texts) if text == DEAD]
        alive = ~np.isin(to.places[rows.row], dead)
        keys, row = rows.keys[alive], rows.row[alive]
        inside = np.isin(to.places[row], [i for i, text in enumerate(to.texts) if text in states])
        who = patients(keys)
        same = np.append(who[1:] == who[:-1], False)  # the next row is the same patient's
        stayed = np.append(False, inside[:-1] & same[:-1]) & (name in self.texts.groups)
        starts = inside & ~stayed
        ends = np.flatnonzero(~inside | starts)  # a row that is none of these goes on in the group
        begin = np.flatnonzero(starts)
        after = np.searchsorted(ends, begin, side="right")
        following = np.append(ends, 0)[after] if len(ends) else after
        known = (after < len(ends)) & (who[np.minimum(following, len(who) - 1)] == who[begin])
        to_keys = np.where(known, keys[np.minimum(following, len(keys) - 1)], ENDLESS)
        return Stays(keys[begin], to_keys)

    # ---- what happens

    def happenings(self, thing: Thing) -> Integers:
        """The keys at which a thing happens, rising: of several things each time that one does."""

        def make() -> Integers:
            if thing.kind == DEATH:
                return self._deaths(thing.names)
            found = [self._happens(thing.kind, name) for name in thing.names]
            return np.sort(np.concatenate(found)) if len(found) > 1 else found[0]

        return self.kept(("happenings", thing.kind, thing.names), make)

    def _happens(self, kind: str, name: str) -> Integers:
        match kind:
            case "event":
                return self.rows("truth/events", "event", (self.texts.events[name],), "time").keys
            case "procedure":
                return self.rows("procedures", "procedure", (self.texts.procedures[name],), "time").keys
            case "vaccine":
                return self.rows("immunizations", "vaccine", (self.texts.vaccines[name],), "time").keys
            case "biomarker" | "test":
                return self.results(name).keys
        return self.stays(kind, name).start

    def _deaths(self, causes: tuple[str, ...]) -> Integers:
        if causes:
            return self.rows("deaths", "cause", tuple(self.texts.conditions[c] for c in causes), "time").keys
        who = self.everyone[self.died]
        return self.line.keys(who, self.left[who], LAST)

    def results(self, name: str) -> Rows:
        """The results of a biomarker or test."""
        return self.rows("observations", "observation", (self.texts.observations[name],), "time")

    def result_values(self, name: str) -> Values:
        """The numbers of these results; of words the place among what can be seen, of yes and no 1 and 0."""
        rows = self.results(name).row
        if name in self.texts.seen:
            words = self.words("observations", "value_text")
            return _levels(words, self.texts.seen[name])[rows]
        return self.numbers("observations", "value")[rows]

    def variable(self, name: str) -> History:
        """The values of a variable; a category as the place of its level."""

        def make() -> History:
            if name == "population.sex":
                return History(self.line.starts, self.sex)
            table = "truth/variables"
            rows = self.rows(table, "variable", (self.texts.variables[name],), "time")
            levels = self.texts.levels[name]
            if levels:
                values = _levels(self.words(table, "category"), levels)[rows.row]
            else:
                values = self.numbers(table, "value")[rows.row]
            return stepping(self.line, rows.keys, values, np.nan)

        return self.kept(("variable", name), make)


def _levels(words: Words, levels: tuple[str, ...]) -> Values:
    """The place of each word among levels, NaN for null and any other."""
    places = [float(levels.index(text)) if text in levels else np.nan for text in words.texts]
    return np.array([*places, np.nan])[words.places]


def joined(stays: Stays, line: Line, gap: int) -> Stays:
    """Stays of which one that begins at most `gap` seconds after the end of those before goes on with them.

    A drug whose dose changes has a row for each, of which one ends in the second in which the next begins.
    """
    if not len(stays.start):
        return stays
    who, start = patients(stays.start), line.times(stays.start)
    endless = stays.to == ENDLESS
    end = np.where(endless, ENDLESS >> 1, line.times(np.where(endless, 0, stays.to)))
    span = np.int64(1) << 48  # more than the seconds of any life: patients apart, so that one maximum does
    until = np.maximum.accumulate(
        np.where(endless, (1 << 36) + who * span, end - line.origin[who] + who * span)
    )
    begin = start - line.origin[who] + who * span
    new = np.append(True, begin[1:] > until[:-1] + gap)
    group = np.cumsum(new) - 1
    to = np.full(int(new.sum()), np.iinfo(np.int64).min)
    np.maximum.at(to, group, stays.to)
    return Stays(stays.start[new], to)
