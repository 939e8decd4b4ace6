"""The imperfections of scenario.yaml: what spoils the record, never the truth."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from sim.scenario import units
from sim.scenario.diagnostics import fault, shown
from sim.scenario.expressions import names_in
from sim.scenario.loader import Scalar
from sim.scenario.model import DURATION, NUMBER, Expr, Imperfection, Target, Type
from sim.scenario.names import RECORD, Documents
from sim.scenario.reader import BROKEN, Reader
from sim.scenario.schema import Imperfection as Author
from sim.scenario.scope import Scope, Symbol, SymbolKind, did_you_mean

# Tables that can be spoiled, and the kind of thing that stands in each.
TABLES: dict[str, SymbolKind] = {
    "observations": "biomarker",
    "conditions": "condition",
    "medications": "drug",
    "procedures": "procedure",
    "encounters": "provider",
    "deaths": "condition",
}
NEVER = ("immunizations", "careplans")
_TABLE_OF: dict[SymbolKind, str] = {kind: name for name, kind in TABLES.items() if name != "deaths"}
_TABLE_OF["test"] = "observations"
_THINGS = tuple(_TABLE_OF)

# The options that each kind has beside `chance`; those it cannot be without have an example.
OPTIONS: dict[str, dict[str, str]] = {
    "missing": {},
    "late": {"by": "by: exponential(3 days)"},
    "duplicated": {},
    "rounded": {"to": "to: 10"},
    "wrong_unit": {"factor": "", "unit": "", "decimals": ""},
    "wrong_code": {"becomes": "becomes: another_condition"},
}
_OF_RESULTS = ("rounded", "wrong_unit")
_OPTIONS = tuple(dict.fromkeys(name for options in OPTIONS.values() for name in options))
MOST_DECIMALS = 12


class ImperfectionReader:
    """Reads them all. `reader` is one that sees the names of every pathway."""

    def __init__(self, documents: Documents, reader: Reader) -> None:
        self.authors = documents.scenario.imperfections
        self.providers = tuple(documents.scenario.providers)
        self.reader, self.findings = reader, reader.findings
        self.tests = {f"{p.pathway.text}.{name}" for p in documents.pathways for name in p.tests}
        self.units = {
            f"{p.pathway.text}.{name}": biomarker.unit
            for p in documents.pathways
            for name, biomarker in p.biomarkers.items()
        }

    def imperfections(self) -> tuple[Imperfection, ...]:
        found = (self.findings.attempt(partial(self.imperfection, *item)) for item in self.authors.items())
        return tuple(imperfection for imperfection in found if imperfection)

    def imperfection(self, name: str, author: Author) -> Imperfection:
        kind = self.kind(author)
        targets = tuple(dict.fromkeys(t for text in getattr(author, kind) for t in self.targets(kind, text)))
        rows = self.of_rows(targets)
        imperfection = Imperfection(
            name,
            kind,
            targets,
            self.chance(author.chance, rows) if author.chance else None,
            rows.expression(author.by, DURATION, "row draw") if author.by else None,
            self.positive(author.to, rows, self.unit(targets)) if author.to else None,
            self.positive(author.factor, rows, "") if author.factor else None,
            author.unit,
            author.decimals,
            self.becomes(author, targets),
            f"imperfections/{name}",
            author.span,
        )
        if kind == "wrong_unit":
            self.check_unit(author)
        return imperfection

    def kind(self, author: Author) -> Any:
        """The kind that an imperfection is of; its options are checked."""
        given = [kind for kind in OPTIONS if author.has(kind)]
        if len(given) != 1:
            message = f"an imperfection is of one kind, and this has {' and '.join(given) or 'none'}"
            raise fault("imperfection-kind", message, author.span, f"one of {', '.join(OPTIONS)}")
        (kind,) = given
        if author.node[kind] == []:
            message = f"`{kind}:` names what is spoiled"
            raise fault("wrong-shape", message, author.at(kind), f"a table ({', '.join(TABLES)}) or a thing")
        for option in _OPTIONS:
            if author.has(option) and option not in OPTIONS[kind]:
                message = f"`{option}:` does not belong to `{kind}:`"
                fix = ", ".join(("chance", *OPTIONS[kind]))
                self.findings.error("misplaced-key", message, author.at(option), f"it has {fix}")
        for option, example in OPTIONS[kind].items():
            if example and not author.has(option):
                raise fault("missing-key", f"`{option}:` is missing here", author.span, example)
        return kind

    def targets(self, kind: str, text: Scalar) -> tuple[Target, ...]:
        """What a name means: a table, a thing, or each thing of a group."""
        things: tuple[str | None, ...]
        if text.text in TABLES:
            table, things = text.text, (None,)
        else:
            symbol = self.thing(text, _THINGS)
            table, things = _TABLE_OF[symbol.kind], _each(symbol)
        if kind in _OF_RESULTS and (table != "observations" or self.tests.intersection(filter(None, things))):
            message = f"`{kind}:` spoils results that are numbers, and `{shown(text.text)}` is none"
            raise fault("wrong-kind", message, text.span, "a biomarker, or `observations`")
        if kind == "wrong_code" and self.tests.intersection(filter(None, things)):
            message = f"what `{shown(text.text)}` shows has no meaning under another name"
            raise fault("wrong-kind", message, text.span, "a biomarker, or another kind of thing")
        return tuple(Target(table, thing) for thing in things)

    def thing(self, text: Scalar, kinds: tuple[SymbolKind, ...]) -> Symbol:
        scope = self.reader.scope
        if text.text in NEVER or scope.meanings(text.text, ("vaccine",)):
            message = f"`{shown(text.text)}`: the tables {' and '.join(NEVER)} are never spoiled"
            raise fault("never-spoiled", message, text.span, f"one of {', '.join(TABLES)}")
        if len(kinds) > 1 and not scope.meanings(text.text, kinds):
            message = f"there is no table and no thing on record called `{shown(text.text)}`"
            fix = did_you_mean(text.text, [*TABLES, *scope.names(kinds)])
            raise fault("unknown-name", message, text.span, fix)
        return scope.find(text.text, kinds, text.span)

    # ---- what a row is read by

    def unit(self, targets: tuple[Target, ...]) -> str | None:
        """The unit of all results among the targets; None where there are several, or no results."""
        found = set[str | None]()
        for target in targets:
            if target.table == "observations":
                found |= {self.units.get(target.thing)} if target.thing else set(self.units.values())
        return found.pop() if len(found) == 1 else None

    def of_rows(self, targets: tuple[Target, ...]) -> Reader:
        """A reader that knows `value`, where results have one unit, and `provider`."""
        outer = self.reader
        symbols = list(outer.scope.symbols)
        unit = self.unit(targets)
        if unit is not None:
            symbols.append(Symbol("variable", f"{RECORD}.value", Type("number", unit=unit)))
        if self.providers:
            levels = Type("category", levels=self.providers)
            symbols.append(Symbol("variable", f"{RECORD}.provider", levels))
        return Reader(Scope(tuple(symbols), RECORD), outer.findings, outer.values, outer.used)

    def chance(self, text: Scalar, rows: Reader) -> Expr:
        syntax = rows.syntax(text)
        if syntax is None:
            return BROKEN
        if "value" in names_in(syntax) and not rows.scope.meanings("value", ("variable",)):
            message = "`value` is a result, and what is spoiled here are not results of one unit"
            raise fault("no-value", message, text.span, "spoil one biomarker at a time")
        return rows.probability(text, "row")

    def positive(self, text: Scalar, rows: Reader, unit: str | None) -> float:
        """A number above 0, known beforehand."""
        e = rows.expression(text, Type("number", unit=unit) if unit else NUMBER, "row draw")
        if e is BROKEN:
            return 1.0
        value = rows.known(e)
        if value is None:
            raise fault("not-constant", "this is a number, the same for all rows", text.span)
        if not 0.0 < value < math.inf:
            raise fault("not-positive", "this is above zero", text.span)
        return value

    # ---- options

    def check_unit(self, author: Author) -> None:
        if author.factor is None and author.unit is None:
            message = "a wrong unit has a `factor:` on the value, another `unit:`, or both"
            raise fault("missing-key", message, author.span, "factor: 18.016, unit: mg/dL")
        if author.decimals is not None and not 0 <= author.decimals <= MOST_DECIMALS:
            message = f"decimals are a number from 0 to {MOST_DECIMALS}"
            self.findings.error("not-a-range", message, author.at("decimals"))
        if author.unit and not units.is_known(author.unit):
            message = f"`{shown(author.unit)}` is not in the list of known units"
            fix = did_you_mean(author.unit, units.CLINICAL)
            self.findings.warning("unusual-unit", message, author.value_at("unit"), fix)

    def becomes(self, author: Author, targets: tuple[Target, ...]) -> tuple[str, ...]:
        if not author.becomes:
            return ()
        kinds = tuple({TABLES[target.table]: None for target in targets})
        tables = {target.table for target in targets}
        if len(tables) > 1:
            message = f"one kind of thing is written for another, and here are {' and '.join(sorted(tables))}"
            raise fault("wrong-kind", message, author.at("wrong_code"), "make one imperfection for each")
        found = [(text, name) for text in author.becomes for name in _each(self.thing(text, kinds))]
        for text, name in found:
            if any(target.thing == name for target in targets):
                message = f"`{shown(text.text)}` is what is spoiled: written for itself it would not be wrong"
                raise fault("same-name", message, text.span, f"another {kinds[0]}")
        return tuple(dict.fromkeys(name for _, name in found))


def _each(symbol: Symbol) -> tuple[str, ...]:
    """The thing, or those in a group."""
    return symbol.members or (symbol.name,)
