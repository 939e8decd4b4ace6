"""The scenario's frame: window, population, mortality, behaviours."""

from __future__ import annotations

import keyword
import math
from dataclasses import dataclass
from pathlib import Path

from sim.scenario import units
from sim.scenario.dates import WRITTEN, date
from sim.scenario.diagnostics import fault, shown
from sim.scenario.home import Home
from sim.scenario.loader import Scalar
from sim.scenario.model import (
    DURATION,
    NUMBER,
    Behaviour,
    Expr,
    Mortality,
    Oversample,
    Population,
    Span,
    Table,
)
from sim.scenario.reader import Reader
from sim.scenario.schema import Dates, ScenarioFile
from sim.scenario.schema import Mortality as AuthorMortality
from sim.scenario.schema import Population as AuthorPopulation
from sim.scenario.tables import Csv, Key, read_csv, table_of
from sim.scenario.words import SEX

MAX_SIZE = 10**12
_SEX_KEY = Key("sex", SEX.levels)


@dataclass
class FrameReader:
    """Reads scenario.yaml but for its parameters, variables and providers. `tables` grow by those it
    reads.
    """

    file: ScenarioFile
    home: Home
    reader: Reader
    tables: list[Table]
    files: list[Path]

    def dates(self, author: Dates, what: str) -> tuple[float, float] | None:
        findings = self.reader.findings
        start = findings.attempt(lambda: date(author.from_.text, author.from_.span))
        end = findings.attempt(lambda: date(author.to.text, author.to.span))
        if start is None or end is None:
            return None
        if end <= start:
            findings.error("not-a-range", f"{what} ends before it begins", author.to.span)
        return start, end

    def csv(self, name: Scalar) -> Csv:
        path = self.home.path(name)
        table = read_csv(path, name)
        self.files.append(path)
        return table

    # ---- population

    def population(self, window: tuple[float, float] | None) -> Population:
        author, findings = self.file.population, self.reader.findings
        if not 1 <= author.size <= MAX_SIZE:
            findings.error("not-positive", "the size is at least 1, at most 10^12", author.at("size"))
        if (author.alive_on is None) == (author.born is None):
            message = "a population is either `alive_on` a date or `born` between two"
            findings.error("population-kind", message, author.span, "one of the two")
        born = self.dates(author.born, "the time of birth") if author.born else None
        alive_on, ages = None, None
        if author.alive_on:
            on = author.alive_on
            alive_on = findings.attempt(lambda: date(on.date.text, on.date.span))
            if alive_on is not None and window is not None and alive_on > window[0]:
                message = "the date is after the window's start: who died in between would be missing"
                findings.error("immortal-time", message, on.date.span)
            ages = findings.attempt(lambda: self.ages(on.ages))
            if ages:
                self.tables.append(ages)
        female = self.female(author, ages)
        entry, entry_date = None, None
        if author.entry is not None and WRITTEN.fullmatch(author.entry.text):
            text = author.entry
            entry_date = findings.attempt(lambda: date(text.text, text.span))
        elif author.entry is not None:
            entry = self.reader.expression(author.entry, DURATION, "draw")
        name = ages.name if ages else None
        return Population(
            author.size,
            female,
            born,
            alive_on,
            name,
            entry,
            entry_date,
            author.span,
            *self.include(author),
            self.oversample(author),
        )

    def include(self, author: AuthorPopulation) -> tuple[Expr | None, Expr | None]:
        """What must be true at the start and at the end of a record."""
        looks, findings = author.include, self.reader.findings
        if looks is None:
            return None, None
        if looks.at_start is None and looks.at_end is None:
            message = "`include:` has no condition"
            findings.error("missing-key", message, author.at("include"), "{at_start: EXPR, at_end: EXPR}")
        limited = [name for name, p in self.file.providers.items() if p.capacity is not None]
        if looks.at_end is not None and limited:
            message = f"patients wait for each other at `{limited[0]}`: one cannot be drawn again at the end"
            findings.error("include-with-capacity", message, looks.at_end.span, "include: {at_start: ...}")
        start, end = (
            self.reader.truth(look, "condition") if look else None for look in (looks.at_start, looks.at_end)
        )
        return start, end

    def oversample(self, author: AuthorPopulation) -> Oversample | None:
        if author.oversample is None:
            return None
        condition = self.reader.truth(author.oversample.if_, "condition")
        text = author.oversample.times
        times = self.reader.known(self.reader.expression(text, NUMBER, "condition"))
        if times is None:
            message = "how many times as often they are kept is a number"
            self.reader.findings.error("not-constant", message, text.span)
        elif not 1.0 <= times <= MAX_SIZE:
            message = "how many times as often they are kept is a number from 1 up"
            self.reader.findings.error("not-positive", message, text.span)
        return Oversample(condition, times or 1.0, author.oversample.span)

    def ages(self, name: Scalar) -> Table:
        table = self.csv(name)
        keys = (_SEX_KEY, Key("age")) if "sex" in table.columns else (Key("age"),)
        ages = table_of(table, "ages", keys, "population", "", False, self.reader.findings)
        if not any(ages.values):
            raise fault("table-value", "nobody is in this table", table.span(table.header_line))
        if math.isinf(ages.axes[-1].breaks[-1]):
            message = "the last group of ages has no end, so nobody's birth can be drawn in it"
            raise fault("table-key", message, table.span(table.header_line), "give it one: 85-99 for 85+")
        return ages

    def female(self, author: AuthorPopulation, ages: Table | None) -> float | None:
        findings = self.reader.findings
        if ages and len(ages.axes) == 2:
            if author.sex:
                message = "the table of ages gives the sexes already: it has a column `sex`"
                findings.error("misplaced-key", message, author.at("sex"), "leave it out")
            return None
        if author.sex is None:
            if author.born or ages:
                message = "`sex:` is missing here"
                findings.error("missing-key", message, author.span, "sex: {female: 0.51, male: 0.49}")
            return None
        female, male = (
            self.reader.known(self.reader.probability(s)) for s in (author.sex.female, author.sex.male)
        )
        if female is None or male is None:
            findings.error("not-constant", "the shares of the sexes are numbers", author.at("sex"))
        elif abs(female + male - 1.0) > 1e-9:
            findings.error(
                "shares-sum", f"the shares add up to {female + male:.10g}, not to 1", author.at("sex")
            )
        return female

    # ---- mortality

    def mortality(self) -> Mortality | None:
        author = self.file.mortality
        if author is None:
            return None
        table = self.reader.findings.attempt(lambda: self.hazards(author))
        if table:
            self.tables.append(table)
        less = tuple(self.reader.name(name, ("condition",)) for name in author.less)
        if not less and author.background:
            message = "a background is what is left when causes are taken out, and `less:` names none"
            self.reader.findings.error("misplaced-key", message, author.at("background"))
        background = self.reader.findings.attempt(lambda: self.background(author)) if less else None
        if background:
            self.tables.append(background[0])
        name, hash_ = (background[0].name, background[1]) if background else (None, None)
        return Mortality("mortality", less, name, hash_, author.span)

    def hazards(self, author: AuthorMortality) -> Table:
        table = self.csv(author.table)
        keys = tuple(key for key in (_SEX_KEY, Key("year"), Key("age")) if key.column in table.columns)
        if not any(key.column == "age" for key in keys):
            raise fault(
                "table-columns", "a table of mortality has a column `age`", table.span(table.header_line)
            )
        found = [column for column in ("q", "rate") if column in table.columns]
        if len(found) != 1:
            message = "a table of mortality has a column `q` (probability to die within a year) or `rate`"
            raise fault("table-columns", message, table.span(table.header_line))
        (value,) = found
        if value == "rate" and not author.unit.startswith("per "):
            at = author.value_at("unit") if author.unit else author.span
            raise fault("missing-unit", "the table's column `rate` needs a unit", at, "unit: per year")
        if value == "q" and author.unit:
            message = "the table's column `q` is a probability within a year: it has no unit"
            raise fault("misplaced-key", message, author.at("unit"), "leave it out")
        if author.unit:
            self.unit(author.unit, author.at("unit"))
        return table_of(table, "mortality", keys, value, author.unit, author.clamp, self.reader.findings)

    def unit(self, unit: str, span: Span) -> None:
        try:
            units.in_base(1.0, unit)
        except ValueError as error:
            raise fault("unknown-unit", str(error), span) from None

    def background(self, author: AuthorMortality) -> tuple[Table, str | None] | None:
        """The stored table of what remains, and the hash of the program that made it; None where there is
        none.
        """
        name = author.background or self.home.background()
        if name is None:
            message = "what these causes leave of the table has not been worked out yet"
            command = f"sim background {self.home.own}"
            self.reader.findings.warning("no-background", message, author.at("less"), f"run `{command}`")
            return None
        table = self.csv(name)
        keys = (_SEX_KEY, Key("year"), Key("age"))
        made = table_of(table, "background", keys, "rate", "per year", author.clamp, self.reader.findings)
        return made, table.comment("program") or None

    # ---- behaviours

    def behaviours(self) -> tuple[Behaviour, ...]:
        """Classes in Python, known by their names alone: nothing is imported before a run."""
        findings = self.reader.findings
        found: dict[str, Behaviour] = {}
        for text in self.file.behaviours:
            module, _, name = text.text.partition(":")
            names = (*module.split("."), name)
            if not all(part.isidentifier() and not keyword.iskeyword(part) for part in names):
                message = f"a behaviour is written `module:Class`, and this is `{shown(text.text)}`"
                findings.error("wrong-shape", message, text.span, "my_module:MyBehaviour")
            elif text.text in found:
                message = f"`{shown(text.text)}` is here twice"
                findings.error("same-name", message, text.span, "leave out one")
            else:
                found[text.text] = Behaviour(module, name, text.span, str(self.home.folders[text.span.file]))
        return tuple(found.values())
