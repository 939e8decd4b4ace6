"""What an expression says of rows of the record: the language's expressions over many rows at once.

Unknown is NaN, truth 1.0 or 0.0, a category the index of its level. A row was written at a moment: `age`,
`year`, `month` and `today` are those of its time, the states and variables those at its place among the
happenings of the life. Functions are the engine's own, so that the bits are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.engine import elementary, faults, quantiles
from sim.engine.faults import Fault, LifeError
from sim.engine.log import CONDITION, ENCOUNTER, MEDICATION, NULL, OBSERVATION, STATE, VARIABLE, Log, People
from sim.scenario.model import DAYS_PER_YEAR, Expr, Scenario, Span, Table
from sim.scenario.seasons import tables_of, written_out

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.int64]  # positions in a log

SECONDS_PER_DAY = 86_400
ALL = 1.0 + 1e-9  # what probabilities may add up to: 1, but for rounding


class Meanings:
    """What the names in expressions of a scenario stand for in its logs."""

    def __init__(self, scenario: Scenario) -> None:
        axes = [axis for pathway in scenario.pathways for axis in pathway.axes]
        ends = np.cumsum([0, *(len(axis.states) for axis in axes)])
        names = chain.from_iterable((state.name for state in axis.states) for axis in axes)
        numbers = {name: index for index, name in enumerate(names)}
        self.states = {name: [index] for name, index in numbers.items()}  # of a group, all that are in it
        for group, members in chain.from_iterable(axis.groups.items() for axis in axes):
            self.states[group] = [numbers[name] for name in members]
        self.axes = {  # the range of the states beside a state, itself among them
            name: (int(ends[i]), int(ends[i + 1]))
            for i, axis in enumerate(axes)
            for name in (*axis.groups, *(state.name for state in axis.states))
        }
        self.variables = {variable.name: index for index, variable in enumerate(scenario.variables)}
        self.conditions = {condition.name: index for index, condition in enumerate(scenario.conditions)}
        self.drugs = {drug.name: index for index, drug in enumerate(scenario.drugs)}
        self.parameters = {parameter.name: parameter.value for parameter in scenario.parameters}
        self.tables = tables_of(scenario)
        self.biomarkers = len(scenario.biomarkers)


class Lives:
    """The lives of some patients, to be looked at from the rows of their log."""

    def __init__(self, meanings: Meanings, people: People, log: Log) -> None:
        self.meanings = meanings
        self.people = people
        self.log = log

    def value(self, e: Expr, rows: Rows, uniform: Floats | None = None) -> Floats:
        """The value of `e` for each of `rows`; `uniform` are those of its draw, if it has one.

        Raises LifeError where an operation has no result though its operands are known, a key lies outside
        a table, or the parameters of a distribution are impossible.
        """
        return _Look(self, rows, uniform).value(e)

    def probability(self, e: Expr, rows: Rows) -> Floats:
        """The same of a probability. Raises LifeError also where it is unknown, or none."""
        p = self.value(e, rows)
        self.fail(rows, ~((p >= 0.0) & (p <= ALL)), faults.BAD_PROBABILITY, e.span)
        return p

    def fail(self, rows: Rows, wrong: Bools, message: str, span: Span | None) -> None:
        """Raise LifeError for the first of `rows` that is `wrong`, if any is."""
        if wrong.any():
            raise LifeError(Fault(message, span, int(self.log.patient[rows[np.argmax(wrong)]])))

    def last(self, chosen: Bools, rows: Rows) -> Rows:
        """For each of `rows` the last `chosen` row of the same patient before it, -1 where there is none."""
        places = np.flatnonzero(chosen)
        if not len(places):
            return np.full(len(rows), -1)
        before = np.searchsorted(places, rows) - 1
        found = places[np.maximum(before, 0)]
        return np.where((before >= 0) & (self.log.patient[found] == self.log.patient[rows]), found, -1)

    def kind(self, kind: int) -> Bools:
        return self.log.kind == kind

    def person(self, rows: Rows) -> Rows:
        """The place in `people` of each row's patient."""
        return np.searchsorted(self.people.patient, self.log.patient[rows])

    @cached_property
    def encounters(self) -> tuple[NDArray[np.int64], Floats]:
        """The ids of the encounters, sorted, and their providers."""
        places = np.flatnonzero(self.kind(ENCOUNTER))
        places = places[np.argsort(self.log.encounter[places], kind="stable")]
        return self.log.encounter[places], self.log.code[places].astype(np.float64)


class _Look:
    """Evaluates for some rows."""

    def __init__(self, lives: Lives, rows: Rows, uniform: Floats | None) -> None:
        self.lives, self.rows, self.uniform = lives, rows, uniform
        self.log, self.meanings = lives.log, lives.meanings

    def value(self, e: Expr) -> Floats:
        if e.op in _UNARY or e.op in _BINARY:
            operands = [self.value(arg) for arg in e.args]
            with np.errstate(all="ignore"):
                result: Floats = (_UNARY.get(e.op) or _BINARY[e.op])(*operands)
            known = ~np.logical_or.reduce([np.isnan(operand) for operand in operands])
            self.lives.fail(self.rows, np.isnan(result) & known, faults.NOT_A_NUMBER, e.span)
            return result
        method: Callable[[Expr], Floats] = getattr(self, f"_{e.op}")
        return method(e)

    def all(self, value: float) -> Floats:
        return np.full(len(self.rows), value)

    # ---- constants, choices

    def _const(self, e: Expr) -> Floats:
        assert isinstance(e.value, float | int)
        return self.all(float(e.value))

    def _parameter(self, e: Expr) -> Floats:
        value = self.meanings.parameters[str(e.value)]
        assert value is not None
        return self.all(value)

    def where(self, chosen: Bools, e: Expr, otherwise: Floats) -> Floats:
        """The value of `e` where `chosen`; elsewhere it is not looked at."""
        uniform = None if self.uniform is None else self.uniform[chosen]
        result = otherwise.copy()
        result[chosen] = _Look(self.lives, self.rows[chosen], uniform).value(e)
        return result

    def _if(self, e: Expr) -> Floats:
        condition, then, otherwise = e.args
        holds = self.value(condition) == 1.0
        return self.where(holds, then, self.where(~holds, otherwise, self.all(np.nan)))

    def _and(self, e: Expr) -> Floats:
        a, b = e.args
        return _truth(self.where(self.value(a) == 1.0, b, self.all(0.0)) == 1.0)

    def _or(self, e: Expr) -> Floats:
        a, b = e.args
        return _truth(self.where(self.value(a) != 1.0, b, self.all(1.0)) == 1.0)

    def _not(self, e: Expr) -> Floats:
        return _truth(self.value(e.args[0]) != 1.0)

    def _known(self, e: Expr) -> Floats:
        return _truth(~np.isnan(self.value(e.args[0])))

    def _or_else(self, e: Expr) -> Floats:
        first, second = map(self.value, e.args)
        return np.where(np.isnan(first), second, first)

    # ---- the row

    @property
    def seconds(self) -> NDArray[np.int64]:
        return self.log.start[self.rows]

    def _age(self, e: Expr) -> Floats:
        """At the end of the second that is written, so that what happens on a birthday is on it."""
        births = self.lives.people.birth[self.lives.person(self.rows)]
        return ((self.seconds + 1) / SECONDS_PER_DAY - births) / DAYS_PER_YEAR

    def _year(self, e: Expr) -> Floats:
        return self.civil("Y").astype(np.float64) + 1970.0

    def _month(self, e: Expr) -> Floats:
        return (self.civil("M") % 12).astype(np.float64) + 1.0

    def _season(self, e: Expr) -> Floats:
        return self.value(written_out(e))

    def civil(self, unit: str) -> NDArray[np.int64]:
        """Years or months since 1970 began."""
        return self.seconds.astype("datetime64[s]").astype(f"datetime64[{unit}]").astype(np.int64)

    def _today(self, e: Expr) -> Floats:
        return self.seconds / SECONDS_PER_DAY

    def _variable(self, e: Expr) -> Floats:
        match e.value:
            case "record.value":
                measured = self.lives.kind(OBSERVATION) & (self.log.code < self.meanings.biomarkers)
                return np.where(measured[self.rows], self.log.value[self.rows], np.nan)
            case "record.provider":
                return self.provider()
            case "population.sex":
                return self.lives.people.sex[self.lives.person(self.rows)].astype(np.float64)
        code = self.meanings.variables[str(e.value)]
        found = self.lives.last(self.lives.kind(VARIABLE) & (self.log.code == code), self.rows)
        return np.where(found >= 0, self.log.value[found], np.nan)

    def provider(self) -> Floats:
        """The provider of the encounter to which a row belongs, or that it is."""
        ids, providers = self.lives.encounters
        if not len(ids):
            return self.all(np.nan)
        own = self.log.encounter[self.rows]
        found = np.minimum(np.searchsorted(ids, own), len(ids) - 1)
        return np.where((own != NULL) & (ids[found] == own), providers[found], np.nan)

    # ---- the life

    def _in(self, e: Expr) -> Floats:
        """The state entered last; the dead are in the one that they died in."""
        first, end = self.meanings.axes[str(e.value)]
        entered = self.lives.kind(STATE) & (self.log.code >= first) & (self.log.code < end)
        found = self.lives.last(entered, self.rows)
        return _truth((found >= 0) & np.isin(self.log.code[found], self.meanings.states[str(e.value)]))

    def _ever(self, e: Expr) -> Floats:
        entered = np.isin(self.log.code, self.meanings.states[str(e.value)])
        return _truth(self.lives.last(self.lives.kind(STATE) & entered, self.rows) >= 0)

    def _diagnosed(self, e: Expr) -> Floats:
        return self.running(CONDITION, self.meanings.conditions[str(e.value)])

    def _prescribed(self, e: Expr) -> Floats:
        return self.running(MEDICATION, self.meanings.drugs[str(e.value)])

    def running(self, kind: int, code: int) -> Floats:
        """Whether the last such row before has no end, or a later one."""
        found = self.lives.last(self.lives.kind(kind) & (self.log.code == code), self.rows)
        end = self.log.end[found]
        return _truth((found >= 0) & ((end == NULL) | (end > self.seconds)))

    # ---- tables and draws

    def _lookup(self, e: Expr) -> Floats:
        table = self.meanings.tables[str(e.value)]
        found = look_up(table, [self.value(key) for key in e.args], len(self.rows))
        self.lives.fail(self.rows, np.isnan(found), faults.OUTSIDE_TABLE, e.span)
        return found

    def _draw(self, e: Expr) -> Floats:
        assert self.uniform is not None, "a draw needs uniforms"
        if e.value == "bernoulli":
            return _truth(self.uniform < self.lives.probability(e.args[0], self.rows))
        quantile: Callable[..., float] = getattr(quantiles, str(e.value))
        parameters = [self.value(arg) for arg in e.args]
        found = _each(quantile, self.uniform, *parameters)
        self.lives.fail(self.rows, np.isnan(found), faults.BAD_DISTRIBUTION, e.span)
        return found


def look_up(table: Table, keys: list[Floats], count: int) -> Floats:
    """The values of a table for `count` combinations of keys; NaN outside one that does not clamp."""
    where, inside = np.zeros(count, np.int64), np.ones(count, np.bool_)
    for axis, key in zip(table.axes, keys, strict=True):
        if axis.levels:
            inside &= (key >= 0.0) & (key < axis.size)
            here = np.where(inside, key, 0.0).astype(np.int64)
        else:
            inside &= ~np.isnan(key) if table.clamp else (key >= axis.breaks[0]) & (key < axis.breaks[-1])
            here = np.clip(np.searchsorted(axis.breaks, key, side="right") - 1, 0, axis.size - 1)
        where = where * axis.size + here
    return np.where(inside, np.array(table.values)[where], np.nan)


def _truth(holds: Bools) -> Floats:
    return holds.astype(np.float64)


def _each(function: Callable[..., float], *operands: Floats) -> Floats:
    values = (function(*row) for row in zip(*(operand.tolist() for operand in operands), strict=True))
    return np.fromiter(values, np.float64, len(operands[0]))


def _quotient(p: Floats, q: Floats) -> Floats:
    infinite = np.where((p == 0.0) | np.isnan(p), np.nan, np.copysign(np.inf, p))
    return np.where(q == 0.0, infinite, p / q)


_UNARY: dict[str, Callable[[Any], Floats]] = {
    "neg": np.negative,
    "abs": np.abs,
    "exp": lambda p: _each(elementary.exp, p),
    "log": lambda p: _each(elementary.log, p),
    "sqrt": np.sqrt,
    "floor": np.floor,
}
_BINARY: dict[str, Callable[[Any, Any], Floats]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": _quotient,
    "pow": lambda p, q: _each(elementary.power, p, q),
    "min": np.minimum,
    "max": np.maximum,
    "eq": lambda p, q: _truth(p == q),
    "ne": lambda p, q: _truth((p < q) | (p > q)),
    "lt": lambda p, q: _truth(p < q),
    "le": lambda p, q: _truth(p <= q),
    "gt": lambda p, q: _truth(p > q),
    "ge": lambda p, q: _truth(p >= q),
}
