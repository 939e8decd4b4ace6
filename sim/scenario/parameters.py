"""Parameters: a number with unit, values by the levels of a category, or a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sim.scenario import units
from sim.scenario.dates import date, since
from sim.scenario.diagnostics import Findings, fault, shown
from sim.scenario.expressions import Number, Syntax, Unary, names_in
from sim.scenario.home import Home
from sim.scenario.loader import Scalar
from sim.scenario.model import NUMBER, TRUTH, Axis, Expr, Parameter, Span, Table, Type
from sim.scenario.names import SCENARIO, Documents
from sim.scenario.reader import BROKEN, Reader, from_to
from sim.scenario.schema import Parameter as Author
from sim.scenario.scope import Scope, Symbol, SymbolKind, did_you_mean, is_given
from sim.scenario.settings import Given, Layer
from sim.scenario.shapes import NAME
from sim.scenario.tables import RANGED, Key, read_csv, table_of
from sim.scenario.words import SEX

_NOT_CONSTANT = "a parameter is a number that reads nothing else"
NORMAL_975 = 1.959963984540054  # the 0.975 quantile of the standard normal


def source_text(source: str, sources: dict[str, str], span: Span, findings: Findings) -> str:
    """The text of a source: of its key, or itself. One word alone must be a key: `unknown-source`."""
    if source in sources:
        return sources[source]
    if NAME.fullmatch(source):
        fix = did_you_mean(source, sources) or "define it under `sources:`, or write a sentence"
        findings.error("unknown-source", f"`{shown(source)}` is not a key of `sources:`", span, fix)
    return source


class ParameterReader:
    """Reads one parameter that has a value. `override` is what is given instead of it, on all dates."""

    def __init__(self, name: str, author: Author, reader: Reader, override: Scalar | None):
        self.name = name
        self.author = author
        self.reader = reader
        self.findings = reader.findings
        self.override = override
        self.unit = ""
        self.changes: list[tuple[float, Expr]] = []

    def parameter(self, source: str) -> Parameter:
        author = self.author
        assert isinstance(author.value, Scalar)
        for key in ("by", "table", "unit", "clamp"):
            if author.has(key):
                message = f"`{key}:` goes with values by category or a table"
                self.findings.error(
                    "misplaced-key", message, author.at(key), "write the unit beside the value"
                )
        errors = self.findings.count
        value, of = self.value(author.value)
        if self.findings.count > errors:
            return Parameter(self.name, value, of, None, None, source, author.span)
        ci95 = self.interval(author.ci95, value, of) if author.ci95 else None
        prior = None
        if author.prior is not None:
            prior = self.reader.expression(author.prior, of, "draw")
        elif ci95 is not None:
            prior = prior_of(*ci95, of)
        self.changes = [change for item in author.changes.items() if (change := self.change(*item, of))]
        if self.override is not None:
            value = self.number(self.override, of)
            self.changes = []
        return Parameter(self.name, value, of, ci95, prior, source, author.span)

    def change(self, day: str, text: Scalar, of: Type) -> tuple[float, Expr] | None:
        """A date and the value from then on."""
        begins = self.findings.attempt(lambda: date(day, text.key or text.span))
        value = Expr("const", (), self.number(text, of), of, text.span)
        return None if begins is None else (begins, value)

    def formula(self, parameter: Parameter) -> Expr | None:
        """What the name of a parameter that changes stands for: the latest of its values that has begun."""
        span, of = parameter.span, parameter.type
        read = Expr("parameter", (), parameter.name, of, span)
        for day, value in sorted(self.changes, key=lambda change: change[0]):
            read = Expr("if", (since(day, span), value, read), None, of, span)
        return read if self.changes else None

    def value(self, text: Scalar) -> tuple[float, Type]:
        syntax = self.reader.syntax(text)
        if syntax is None:
            return 0.0, NUMBER
        self.unit = _unit(syntax)
        e = self.checked(syntax, None)
        return self.constant(e, text.span), NUMBER if e.type == TRUTH else e.type

    def number(self, text: Scalar, of: Type) -> float:
        """A constant of type `of`; a bare number is in the parameter's unit."""
        syntax = self.reader.syntax(text)
        if syntax is None:
            return 0.0
        return self.constant(self.checked(_in_unit(syntax, self.unit), of), text.span)

    def checked(self, syntax: Syntax, of: Type | None) -> Expr:
        if names_in(syntax) <= {"true", "false"}:
            return self.reader.checked(syntax, of, "value")
        self.findings.error("not-constant", _NOT_CONSTANT, syntax.span)
        return BROKEN

    def constant(self, e: Expr, span: Span) -> float:
        value = self.reader.known(e)
        if e is not BROKEN and (e.type.kind == "category" or value is None):
            self.findings.error("not-constant", _NOT_CONSTANT, span)
        return value or 0.0

    def interval(self, text: Scalar, value: float, of: Type) -> tuple[float, float] | None:
        ends = self.findings.attempt(lambda: from_to(text))
        if ends is None:
            return None
        errors = self.findings.count
        low, high = self.number(ends[0], of), self.number(ends[1], of)
        if self.findings.count > errors:
            return None
        if low >= high:
            self.findings.error("not-a-range", "the interval's low end is not below its high end", text.span)
            return None
        if not low <= value <= high:
            message = "the value lies outside its own 95% interval"
            self.findings.warning("value-outside-interval", message, text.span)
        return low, high


def prior_of(low: float, high: float, of: Type) -> Expr:
    """The prior that a 95% interval stands for, by its support.

    A plain number in (0, 1) is taken for a share: beta with mean at the middle and sd of the interval's
    width over 2 x 1.96. Another interval above zero: the lognormal with these 2.5% and 97.5% quantiles.
    Else the normal one.
    """
    middle, sd = (low + high) / 2, (high - low) / (2 * NORMAL_975)
    if of == NUMBER and low > 0.0 and high < 1.0:
        size = middle * (1.0 - middle) / (sd * sd) - 1.0
        return _draw("beta", ((middle * size, NUMBER), ((1.0 - middle) * size, NUMBER)), of)
    if low > 0.0:
        sigma = math.log(high / low) / (2 * NORMAL_975)
        return _draw("lognormal", ((math.sqrt(low * high), of), (sigma, NUMBER)), of)
    return _draw("normal", ((middle, of), (sd, of)), of)


def _draw(name: str, args: tuple[tuple[float, Type], ...], of: Type) -> Expr:
    return Expr("draw", tuple(Expr("const", (), value, t) for value, t in args), name, of)


def _unit(syntax: Syntax) -> str:
    """The unit in which a value is written."""
    match syntax:
        case Number(unit=unit):
            return unit
        case Unary(operand=operand):
            return _unit(operand)
        case _:
            return ""


def _in_unit(syntax: Syntax, unit: str) -> Syntax:
    match syntax:
        case Number(unit=""):
            return replace(syntax, unit=unit)
        case Unary(operand=operand):
            return replace(syntax, operand=_in_unit(operand, unit))
        case _:
            return syntax


# ---- values by category, and tables


def type_of_unit(unit: str, span: Span, findings: Findings) -> Type:
    """The type of a number in `unit`; the warning `unusual-unit` for one that is not known here.

    Raises ScenarioError `unknown-unit` for what cannot be one.
    """
    try:
        of = units.in_base(1.0, unit)[1]
    except ValueError as error:
        raise fault("unknown-unit", str(error), span) from None
    if of.kind == "number" and unit and not units.is_known(unit):
        if " " in unit:
            raise fault("unknown-unit", f"`{shown(unit)}` is not a unit: it holds a space", span)
        fix = did_you_mean(unit, units.CLINICAL)
        findings.warning("unusual-unit", f"`{shown(unit)}` is not a unit that is known here", span, fix)
    return of


@dataclass(frozen=True, slots=True)
class Keyed:
    """A parameter given by category or table: what it is read by is settled before its cells are read."""

    name: str
    author: Author
    reader: Reader
    keys: tuple[str, ...]
    type: Type
    given: Given | None

    @property
    def symbol(self) -> Symbol:
        return Symbol("table", self.name, self.type, self.keys)


def inline_table(keyed: Keyed, levels: tuple[str, ...], partial: bool) -> Table:
    """Values by the levels of one category. Missing and unknown levels are kept as findings; in a `partial`
    table the value of what is missing is unknown.
    """
    author = keyed.author
    assert isinstance(author.value, dict)
    values = _cells(keyed, author.value, author.at("value"), levels, partial)
    if keyed.given:
        assert isinstance(keyed.given.value, dict)
        values = _cells(keyed, keyed.given.value, keyed.given.value_span, levels, partial)
    column = author.by[0].text.rpartition(".")[2]
    return Table(keyed.name, (Axis(column, levels=levels),), values, False, author.span)


def _cells(
    keyed: Keyed, given: dict[str, Scalar], span: Span, levels: tuple[str, ...], partial: bool
) -> tuple[float, ...]:
    findings = keyed.reader.findings
    for level, text in given.items():
        if level not in levels:
            message = f"`{shown(level)}` is no level of {keyed.keys[0]}: {', '.join(levels)}"
            findings.error("unknown-level", message, text.key or text.span, did_you_mean(level, levels))
    missing = [level for level in levels if level not in given]
    if missing and not partial and given.keys() <= set(levels):
        findings.error("missing-level", f"there is no value for {', '.join(missing)}", span)
    return tuple(_cell(keyed, given[level]) if level in given else math.nan for level in levels)


def _cell(keyed: Keyed, text: Scalar) -> float:
    reader = keyed.reader
    syntax = reader.syntax(text)
    if syntax is None:
        return 0.0
    e = reader.checked(_in_unit(syntax, keyed.author.unit), keyed.type, "value")
    value = reader.known(e)
    if value is None and e is not BROKEN:
        reader.findings.error("not-constant", _NOT_CONSTANT, text.span)
    return value or 0.0


def inline_type(author: Author, reader: Reader) -> Type:
    """The type of values by category: of `unit:`, or of the first value.

    Raises ScenarioError `unknown-unit`.
    """
    assert isinstance(author.value, dict)
    if author.unit:
        return type_of_unit(author.unit, author.value_at("unit"), reader.findings)
    for text in author.value.values():
        syntax = reader.syntax(text)
        return reader.checked(syntax, None, "value").type if syntax else NUMBER
    return NUMBER


class ParametersReader:
    """Reads the parameters of a scenario and its pathways.

    `parameters` are all of them, `values` those that have one that never changes, `symbols` those given, with
    the types of parameters; `used` are the names that keys read.
    """

    def __init__(
        self,
        documents: Documents,
        symbols: tuple[Symbol, ...],
        layers: Iterable[Layer],
        home: Home,
        findings: Findings,
    ):
        self.home = home
        self.findings = findings
        self.used: set[str] = set()
        self.values: dict[str, float] = {}
        self.formulas: dict[str, Expr] = {}
        self.keyed: list[Keyed] = []
        self.given = self.known(layers, symbols)
        spaces: list[tuple[str, dict[str, Author], dict[str, str]]] = [
            (SCENARIO, documents.scenario.parameters, documents.scenario.sources)
        ]
        for pathway in documents.pathways:
            spaces.append((pathway.pathway.text, pathway.parameters, documents.sources(pathway)))
        read, scope = [], Scope(symbols, "")
        for space, authors, sources in spaces:
            reader = Reader(scope.within(space), findings, {}, self.used)
            read += [
                self.read(f"{space}.{name}", author, reader, sources) for name, author in authors.items()
            ]
        self.parameters = tuple(p for p in read if p)
        for p in self.parameters:
            if p.value is not None and p.name not in self.formulas:
                self.values[p.name] = p.value
        typed = {
            p.name: Symbol("parameter", p.name, p.type, formula=self.formulas.get(p.name))
            for p in self.parameters
        }
        typed |= {k.name: k.symbol for k in self.keyed}
        self.symbols = tuple(typed.get(s.name, s) if s.kind in ("parameter", "table") else s for s in symbols)

    def known(self, layers: Iterable[Layer], symbols: tuple[Symbol, ...]) -> dict[str, Given]:
        """What is given for each parameter, by its qualified name: that of the last layer."""
        scope, found = Scope(symbols, SCENARIO), dict[str, Given]()
        for layer in layers:
            here: dict[str, Given] = {}
            for given in layer:
                symbol = self.findings.attempt(partial(_meant, given, scope))
                if symbol and symbol.name in here:
                    message = f"`{symbol.name}` is given twice; first as `{shown(here[symbol.name].name)}`"
                    self.findings.error("same-parameter", message, given.span, "leave out one")
                elif symbol:
                    here[symbol.name] = given
            found |= here
        return found

    def read(self, name: str, author: Author, reader: Reader, sources: dict[str, str]) -> Parameter | None:
        if not author.source:
            message = f"`{name.partition('.')[2]}` has no source"
            self.findings.warning("no-source", message, author.span, "source: where the number comes from")
        source = (
            source_text(author.source, sources, author.value_at("source"), self.findings)
            if author.source
            else ""
        )
        given = self.given.get(name)
        if given and given.source:
            source = source_text(given.source, sources, given.source_span, self.findings)
        if isinstance(author.value, Scalar) and not author.by:
            errors = self.findings.count
            override = given.value if given and isinstance(given.value, Scalar) else None
            one = ParameterReader(name, author, reader, override)
            parameter = one.parameter(source)
            if self.findings.count > errors:
                self.findings.broken.add(name.partition(".")[2])
            elif formula := one.formula(parameter):
                self.formulas[name] = formula
            return parameter
        keyed = self.findings.attempt(lambda: self.keyed_by(name, author, reader))
        if keyed is None:
            self.findings.broken.add(name.partition(".")[2])
            return None
        self.keyed.append(keyed)
        return Parameter(name, None, keyed.type, None, None, source, author.span)

    def keyed_by(self, name: str, author: Author, reader: Reader) -> Keyed:
        """A parameter by category or table. Raises ScenarioError where its keys do not go together."""
        if author.value is None and author.table is None:
            raise fault("missing-key", "`value:` is missing here", author.span, "value: 0.012 per year")
        if author.value is not None and author.table is not None:
            raise fault(
                "misplaced-key", "`table:` stands instead of `value:`", author.at("table"), "leave out one"
            )
        if not author.by:
            fix = "by: sex" if author.value else "by: [age, sex]"
            raise fault("missing-key", "`by:` is missing here: what the values depend on", author.span, fix)
        if isinstance(author.value, Scalar):
            raise fault(
                "wrong-shape", "`by:` goes with a value for each level", author.at("value"), "{a: 1, b: 2}"
            )
        for key in ("ci95", "prior", "changes"):
            if author.has(key):
                fix = "by: year, or a list with it" if key == "changes" else ""
                raise fault("misplaced-key", f"`{key}:` goes with a single value", author.at(key), fix)
        if isinstance(author.value, dict):
            if len(author.by) > 1 or author.by[0].text in RANGED:
                message = "values written here go by one category; ages, and two keys or more, need a table"
                raise fault("misplaced-key", message, author.at("by"), "table: tables/x.csv")
            of = inline_type(author, reader)
        elif author.unit:
            of = type_of_unit(author.unit, author.value_at("unit"), self.findings)
        else:
            of = NUMBER
        given = self.given.get(name)
        if given and author.table:
            message = f"the values of `{shown(given.name)}` are in {author.table.text}, and stay those"
            raise fault("wrong-shape", message, given.span, f"name another table in `{name}`")
        in_file = author.table is not None
        keys = tuple(self.key(text, reader, in_file) for text in author.by)
        return Keyed(name, author, reader, keys, of, given)

    def key(self, text: Scalar, reader: Reader, in_file: bool) -> str:
        if text.text in (*RANGED, "sex"):
            return text.text
        if in_file and not reader.scope.meanings(text.text, ("variable",)) and NAME.fullmatch(text.text):
            return text.text  # for `lookup` to give
        name = reader.scope.find(text.text, ("variable",), text.span).name
        self.used.add(name)
        return name

    # ---- cells, once the levels of categories are known

    def tables(self, symbols: Mapping[tuple[SymbolKind, str], Symbol], files: list[Path]) -> list[Table]:
        """The tables of keyed parameters. `symbols` have types; `files` grow by those that are read."""
        tables = [self.findings.attempt(partial(self.table, keyed, symbols, files)) for keyed in self.keyed]
        return [table for table in tables if table]

    def table(
        self, keyed: Keyed, symbols: Mapping[tuple[SymbolKind, str], Symbol], files: list[Path]
    ) -> Table | None:
        author, keys = keyed.author, []
        for name, text in zip(keyed.keys, author.by, strict=True):
            of = SEX if name == "sex" else None
            if name not in (*RANGED, "sex") and not is_given(name):
                of = symbols["variable", name].type
                if of is None:  # its definition is broken, and reported
                    return None
                if of.kind not in ("category", "number"):
                    message = f"`{shown(text.text)}` is neither a category nor a number: no table goes by it"
                    raise fault("wrong-type", message, text.span)
            keys.append(Key(text.text.rpartition(".")[2], of.levels if of else ()))
        if isinstance(author.value, dict):
            states = any(
                s.kind == "axis" and s.type and s.type.levels == keys[0].levels for s in symbols.values()
            )
            return inline_table(keyed, keys[0].levels, partial=states)
        assert author.table
        path = self.home.path(author.table)
        read = read_csv(path, author.table)
        files.append(path)
        return table_of(read, keyed.name, tuple(keys), "value", author.unit, author.clamp, self.findings)


def _meant(given: Given, scope: Scope) -> Symbol:
    """The parameter that a value is given for. Raises ScenarioError `unknown-name`, `wrong-kind`."""
    by_level = isinstance(given.value, dict)
    other: SymbolKind = "parameter" if by_level else "table"
    if scope.meanings(given.name, (other,)):
        has, wanted = (
            ("one value", "write it alone") if by_level else ("a value for each level", "{a: 1, b: 2}")
        )
        message = f"`{shown(given.name)}` is a {other}: it has {has}"
        raise fault("wrong-kind", message, given.value_span, wanted)
    return scope.find(given.name, ("table",) if by_level else ("parameter",), given.span)
