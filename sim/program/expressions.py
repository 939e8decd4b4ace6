"""Expressions lowered to code: rows (op, to, a, b, c) over cells, evaluated by `sim.engine.evaluate`.

The order of operations is that of the expression tree, so that any two runtimes agree to the bit. What
differs between contexts is how clocks are read (see `Reading`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sim.program import layout as at
from sim.scenario.copula import scores
from sim.scenario.diagnostics import Diagnostic, ScenarioError
from sim.scenario.model import DAYS_PER_YEAR, Expr, Scenario, Span
from sim.scenario.seasons import tables_of, written_out

Reading = Literal["exact", "watch", "rate"]
"""exact: clocks as they stand. watch: exact, and NEXT says when a comparison with a clock turns. rate: age
and year in the middle of their grid's piece, years in a state or since something likewise, comparisons as in
a watch."""

UNARY = {
    "neg": at.NEGATE,
    "not": at.NOT,
    "abs": at.ABSOLUTE,
    "exp": at.EXP,
    "log": at.LOG,
    "sqrt": at.SQRT,
    "floor": at.FLOOR,
    "known": at.KNOWN,
}
BINARY = {
    "add": at.ADD,
    "sub": at.SUBTRACT,
    "mul": at.MULTIPLY,
    "div": at.DIVIDE,
    "pow": at.POWER,
    "min": at.MINIMUM,
    "max": at.MAXIMUM,
    "lt": at.LESS,
    "le": at.LESS_EQUAL,
    "eq": at.EQUAL,
    "ne": at.NOT_EQUAL,
    "or_else": at.OR_ELSE,
}
MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
SENSES = {"ge": at.AT_LEAST, "gt": at.MORE_THAN, "le": at.AT_MOST, "lt": at.LESS_THAN}
CROSSINGS = {"ge": at.CROSSED, "gt": at.CROSSED, "le": at.NOT_CROSSED, "lt": at.NOT_CROSSED}
DRAWS = {
    "uniform": at.DRAW_UNIFORM,
    "normal": at.DRAW_NORMAL,
    "truncated_normal": at.DRAW_TRUNCATED_NORMAL,
    "lognormal": at.DRAW_LOGNORMAL,
    "exponential": at.DRAW_EXPONENTIAL,
    "weibull": at.DRAW_WEIBULL,
    "gompertz": at.DRAW_GOMPERTZ,
    "gamma": at.DRAW_GAMMA,
    "beta": at.DRAW_BETA,
    "poisson": at.DRAW_POISSON,
    "loglogistic": at.DRAW_LOGLOGISTIC,
    "gengamma": at.DRAW_GENGAMMA,
    "empirical": at.DRAW_EMPIRICAL,
}
CLOCK_OPS = frozenset({*range(at.AGE, at.LAST_CLOCK + 1), at.COUNT_WITHIN, at.MEAN_WITHIN})
CLOCKS = ("age", "year", "today", "time_in", "years_in", "since")


@dataclass(frozen=True, slots=True)
class Lowered:
    """Where code starts, and what it reads: cells that change at events, grids, other clocks."""

    start: int
    cells: frozenset[int]
    grids: int
    clocks: bool


@dataclass
class Assembler:
    """Collects code, constants and cells while a program is made.

    Constants are held apart (as negative operands) until `finish` puts them behind the cells of a life.
    """

    scenario: Scenario
    cells: list[float]
    names: dict[tuple[str, str], int]  # (what, qualified name) -> cell
    sites: Callable[[str], int]
    lookups: Callable[[str], int]
    rows: list[list[int]] = field(default_factory=list)
    spans: list[Span | None] = field(default_factory=list)
    constants: dict[float | str, int] = field(default_factory=dict)
    temporaries: int = 0
    used: set[int] = field(default_factory=set)  # cells that some code reads
    states: dict[str, tuple[str, int]] = field(default_factory=dict)  # name -> axis, index over all states
    groups: dict[str, tuple[str, int, int]] = field(default_factory=dict)  # name -> axis, first and last

    def __post_init__(self) -> None:
        self.parameters = {p.name: p.value for p in self.scenario.parameters}
        self.biomarkers = {b.name: b for b in self.scenario.biomarkers}
        self.doses = {d.name: d.doses for d in self.scenario.drugs}
        self.tables = tables_of(self.scenario)
        self.scores = scores(self.scenario)

    def cell(self, what: str, name: str, initial: float = 0.0) -> int:
        key = (what, name)
        if key not in self.names:
            self.names[key] = len(self.cells)
            self.cells.append(initial)
        return self.names[key]

    def constant(self, value: float) -> int:
        key = value.hex()
        return self.constants.setdefault(key, -1 - len(self.constants))

    def lower(
        self, expression: Expr, reading: Reading, site: str | None = None, count: int | None = None
    ) -> Lowered:
        """Code that leaves the value of `expression`; `site` and the cell `count` key its draw, if it has
        one."""
        work = _Expression(self, reading, site, count)
        start = len(self.rows)
        result = work.value(expression)
        work.emit(at.RETURN, 0, result, span=expression.span)
        self.temporaries = max(self.temporaries, work.temporaries)
        self.used |= work.reads
        if count is not None:
            self.used.add(count)
        return Lowered(start, frozenset(work.reads), work.grids, work.clocks)


TEMPORARY = 1 << 24  # operands from here on are temporaries, numbered when the program is finished


class _Expression:
    def __init__(self, assembler: Assembler, reading: Reading, site: str | None, count: int | None):
        self.assembler = assembler
        self.reading = reading
        self.site = site
        self.count = count
        self.reads: set[int] = set()
        self.grids = 0
        self.clocks = False
        self.temporaries = 0

    # ---- small pieces

    def emit(self, op: int, to: int, a: int = 0, b: int = 0, c: int = 0, span: Span | None = None) -> int:
        self.clocks |= op in CLOCK_OPS
        self.assembler.rows.append([op, to, a, b, c])
        self.assembler.spans.append(span)
        return to

    def fresh(self) -> int:
        self.temporaries += 1
        return TEMPORARY + self.temporaries - 1

    def here(self) -> int:
        return len(self.assembler.rows)

    def patch(self, row: int) -> None:
        self.assembler.rows[row][1] = self.here()

    def read(self, what: str, name: str | float | None, initial: float = 0.0) -> int:
        cell = self.assembler.cell(what, str(name), initial)
        self.reads.add(cell)
        return cell

    def constant(self, value: float) -> int:
        return self.assembler.constant(value)

    # ---- values

    def value(self, e: Expr) -> int:
        """The cell that holds the value of `e` once the code emitted so far has run."""
        if e.op == "const":
            assert isinstance(e.value, float | int)
            return self.constant(float(e.value))
        if e.op == "parameter":
            value = self.assembler.parameters[str(e.value)]
            assert value is not None
            return self.constant(value)
        if e.op in ("lt", "le", "gt", "ge"):
            return self.comparison(e)
        if e.op in UNARY:
            return self.emit(UNARY[e.op], self.fresh(), self.value(e.args[0]), span=e.span)
        if e.op in BINARY:
            a, b = self.value(e.args[0]), self.value(e.args[1])
            return self.emit(BINARY[e.op], self.fresh(), a, b, span=e.span)
        return getattr(self, f"_{e.op}")(e)

    def choice(self, condition: int, then: Callable[[], int], otherwise: Callable[[], int]) -> int:
        to = self.fresh()
        skip = self.here()
        self.emit(at.JUMP_UNLESS, 0, condition)
        self.emit(at.MOVE, to, then())
        end = self.here()
        self.emit(at.JUMP, 0)
        self.patch(skip)
        self.emit(at.MOVE, to, otherwise())
        self.patch(end)
        return to

    def _if(self, e: Expr) -> int:
        condition, then, otherwise = e.args
        return self.choice(self.value(condition), lambda: self.value(then), lambda: self.value(otherwise))

    def _and(self, e: Expr) -> int:
        a, b = e.args
        return self.choice(self.value(a), lambda: self.truth(b), lambda: self.constant(0.0))

    def _or(self, e: Expr) -> int:
        a, b = e.args
        return self.choice(self.value(a), lambda: self.constant(1.0), lambda: self.truth(b))

    def truth(self, e: Expr) -> int:
        """`e` as 1 or 0: unknown counts as false."""
        return self.emit(at.EQUAL, self.fresh(), self.value(e), self.constant(1.0))

    # ---- clocks

    def _age(self, e: Expr) -> int:
        if self.reading == "rate":
            self.grids |= at.AGE_GRID
            return at.GRID_AGE
        return self.emit(at.AGE, self.fresh())

    def _year(self, e: Expr) -> int:
        if self.reading == "rate":
            self.grids |= at.YEAR_GRID
            return at.GRID_YEAR
        return self.emit(at.YEAR, self.fresh())

    def exact_only(self, e: Expr) -> None:
        if self.reading != "exact":
            message = f"`{e.op}` is read here by a rate or a trigger, through what it depends on"
            fix = "compare `today` with a date, or read `age` or `year`"
            raise ScenarioError((Diagnostic("not-exact", message, e.span or Span("", 0, 0), fix),))

    def _month(self, e: Expr) -> int:
        return self.emit(at.MONTH, self.fresh())

    def _today(self, e: Expr) -> int:
        self.exact_only(e)
        return self.emit(at.TODAY, self.fresh())

    def _time_in(self, e: Expr) -> int:
        op = at.GRID_ELAPSED if self.reading == "rate" else at.ELAPSED
        return self.while_in(e, op)

    def _years_in(self, e: Expr) -> int:
        op = at.GRID_YEARS_ELAPSED if self.reading == "rate" else at.YEARS_ELAPSED
        return self.while_in(e, op)

    def while_in(self, e: Expr, op: int) -> int:
        entered = self.read("since", e.value, float("nan"))
        return self.choice(
            self._in(e),
            lambda: self.emit(op, self.fresh(), entered, span=e.span),
            lambda: self.constant(0.0),
        )

    def _since(self, e: Expr) -> int:
        op = at.GRID_ELAPSED if self.reading == "rate" else at.ELAPSED
        return self.emit(op, self.fresh(), self.read("since", e.value, float("nan")), span=e.span)

    def comparison(self, e: Expr) -> int:
        op, (a, b) = e.op, e.args
        if _clock(b) is not None and _clock(a) is None:
            op, a, b = MIRRORED[op], b, a
        clock = _clock(a)
        gridded = self.reading == "rate" and clock is not None and clock.op in ("age", "year")
        if clock is None or _clock(b) is not None or gridded:
            if op in ("gt", "ge"):
                op, a, b = MIRRORED[op], b, a
            left, right = self.value(a), self.value(b)
            return self.emit(BINARY[op], self.fresh(), left, right, span=e.span)
        if clock.op == "year" and self.reading == "exact":
            pair = (self._year(clock), self.value(b))
            left, right = pair if op in ("lt", "le") else pair[::-1]
            return self.emit(
                BINARY[op if op in BINARY else MIRRORED[op]], self.fresh(), left, right, span=e.span
            )
        bound = self.value(b)
        if a.type.unit == "years":
            bound = self.emit(at.MULTIPLY, self.fresh(), bound, self.constant(DAYS_PER_YEAR))
        return self.reached(clock, op, bound, e)

    def reached(self, clock: Expr, op: str, bound: int, e: Expr) -> int:
        sense = (SENSES if self.reading == "exact" else CROSSINGS)[op]

        def since(anchor: int, days: int) -> int:
            return self.emit(at.REACHED, self.fresh(), anchor, days, sense, span=e.span)

        if clock.op == "age":
            return since(self.constant(0.0), bound)
        if clock.op == "today":
            return since(self.constant(0.0), self.emit(at.SUBTRACT, self.fresh(), bound, at.BIRTH))
        if clock.op == "year":
            start = self.emit(at.YEAR_START, self.fresh(), bound, self.constant(float(op in ("gt", "le"))))
            return since(self.constant(0.0), self.emit(at.SUBTRACT, self.fresh(), start, at.BIRTH))
        anchor = self.read("since", clock.value, float("nan"))
        if clock.op == "since":
            return since(anchor, bound)
        zero = self.constant(0.0)
        outside = {"ge": (at.LESS_EQUAL, bound, zero), "gt": (at.LESS, bound, zero)}
        outside |= {"le": (at.LESS_EQUAL, zero, bound), "lt": (at.LESS, zero, bound)}
        relation, left, right = outside[op]
        return self.choice(
            self._in(clock),
            lambda: since(anchor, bound),
            lambda: self.emit(relation, self.fresh(), left, right),
        )

    # ---- facts

    def _variable(self, e: Expr) -> int:
        if e.value == "population.sex":
            return at.SEX
        return self.read("variable", e.value, float("nan"))

    def _in(self, e: Expr) -> int:
        if e.value in self.assembler.groups:
            axis, first, last = self.assembler.groups[str(e.value)]
            state = self.read("axis", axis)
            above = self.emit(at.LESS_EQUAL, self.fresh(), self.constant(float(first)), state)
            below = self.emit(at.LESS_EQUAL, self.fresh(), state, self.constant(float(last)))
            return self.emit(at.MULTIPLY, self.fresh(), above, below)
        axis, index = self.assembler.states[str(e.value)]
        state = self.read("axis", axis)
        return self.emit(at.EQUAL, self.fresh(), state, self.constant(float(index)))

    def _previous_state(self, e: Expr) -> int:
        return self.read("previous", e.value, float("nan"))

    def _ever(self, e: Expr) -> int:
        return self.emit(at.LESS, self.fresh(), self.constant(0.0), self.read("count", e.value))

    def _prescribed(self, e: Expr) -> int:
        return self.read("prescribed", e.value)

    def _taking(self, e: Expr) -> int:
        return self.read("taking" if self.assembler.doses[str(e.value)] else "prescribed", e.value)

    def _top_dose(self, e: Expr) -> int:
        return self.emit(at.EQUAL, self.fresh(), self._taking(e), self.constant(1.0))

    def _diagnosed(self, e: Expr) -> int:
        return self.read("diagnosed", e.value)

    def _running(self, e: Expr) -> int:
        return self.read("running", e.value)

    def _last(self, e: Expr) -> int:
        return self.read("last", e.value, float("nan"))

    def _first(self, e: Expr) -> int:
        return self.read("first", e.value, float("nan"))

    def _usual(self, e: Expr) -> int:
        biomarker = self.assembler.biomarkers[str(e.value)]
        value = self.value(biomarker.value)
        raised = self.emit(at.MAXIMUM, self.fresh(), value, self.constant(biomarker.low))
        return self.emit(at.MINIMUM, self.fresh(), raised, self.constant(biomarker.high))

    def _tested(self, e: Expr) -> int:
        if not e.args:
            return self._ever(e)
        within = self.value(e.args[0])
        anchor = self.read("since", e.value, float("nan"))
        return self.emit(at.REACHED, self.fresh(), anchor, within, self.still(), span=e.span)

    def _count(self, e: Expr) -> int:
        count = self.read("count", e.value)
        if not e.args:
            return count
        head = self.assembler.cell("history", str(e.value), -1.0)
        days = self.value(e.args[0])
        return self.emit(at.COUNT_WITHIN, self.fresh(), head, days, self.still(), span=e.span)

    def _mean(self, e: Expr) -> int:
        self.read("count", e.value)
        head = self.assembler.cell("history", str(e.value), -1.0)
        within = self.value(e.args[0]) if e.args else self.constant(float("inf"))
        return self.emit(at.MEAN_WITHIN, self.fresh(), head, within, self.still(), span=e.span)

    def still(self) -> int:
        """The sense of "not longer ago than"."""
        return at.AT_MOST if self.reading == "exact" else at.NOT_CROSSED

    def _lookup(self, e: Expr) -> int:
        table = self.assembler.tables[str(e.value)]
        keys = self.neighbours([self.value(key) for key in e.args])
        return self.emit(at.LOOKUP, self.fresh(), self.assembler.lookups(table.name), keys, span=e.span)

    def _season(self, e: Expr) -> int:
        return self.value(written_out(e))

    def neighbours(self, values: list[int]) -> int:
        """The values moved to temporaries that lie side by side; the first of them."""
        places = [self.fresh() for _ in values]
        for place, value in zip(places, values, strict=True):
            self.emit(at.MOVE, place, value)
        return places[0]

    # ---- draws

    def _draw(self, e: Expr) -> int:
        assert self.site is not None, "a draw needs a site"
        assert self.count is not None
        u = self.uniform(self.site, self.count)
        if e.value == "bernoulli":
            p = self.emit(at.PROBABILITY, self.fresh(), self.value(e.args[0]), span=e.args[0].span)
            return self.emit(at.LESS, self.fresh(), u, p)
        if e.value == "categorical":
            return self.categorical(u, e)
        first = self.neighbours([self.value(a) for a in e.args])
        return self.emit(DRAWS[str(e.value)], self.fresh(), u, first, len(e.args), span=e.span)

    def uniform(self, site: str, count: int) -> int:
        """The uniform of a site; of a correlated variable, that of its score, a sum of independent ones."""
        weights = self.assembler.scores.get(site)
        if weights is None:
            return self.emit(at.UNIFORM, self.fresh(), self.assembler.sites(site), count)
        standard = self.neighbours([self.constant(0.0), self.constant(1.0)])
        score = -1
        for other, weight in weights:
            u = self.emit(at.UNIFORM, self.fresh(), self.assembler.sites(other), count)
            z = self.emit(at.DRAW_NORMAL, self.fresh(), u, standard)
            term = self.emit(at.MULTIPLY, self.fresh(), self.constant(weight), z)
            score = term if other == weights[0][0] else self.emit(at.ADD, self.fresh(), score, term)
        return self.emit(at.OF_SCORE, self.fresh(), score, score)

    def categorical(self, u: int, e: Expr) -> int:
        last = next((i for i, share in enumerate(e.args) if share.op == "rest"), len(e.args) - 1)
        to = self.emit(at.MOVE, self.fresh(), self.constant(float(last)))
        ends = []
        total = self.constant(0.0)
        for level, share in enumerate(e.args):
            if level == last:
                continue
            p = self.emit(at.PROBABILITY, self.fresh(), self.value(share), span=share.span)
            total = self.emit(at.ADD, self.fresh(), total, p)
            total = self.emit(at.PROBABILITY, self.fresh(), total, span=e.span)
            below = self.emit(at.LESS, self.fresh(), u, total)
            skip = self.here()
            self.emit(at.JUMP_UNLESS, 0, below)
            self.emit(at.MOVE, to, self.constant(float(level)))
            ends.append(self.here())
            self.emit(at.JUMP, 0)
            self.patch(skip)
        for end in ends:
            self.patch(end)
        return to


def _clock(e: Expr) -> Expr | None:
    """The clock that `e` is, allowing for a conversion between years and days."""
    if e.op in CLOCKS:
        return e
    if e.op == "mul" and e.args[0].op in CLOCKS and e.args[1].op == "const" and e.type.kind == "duration":
        return e.args[0]
    return None
