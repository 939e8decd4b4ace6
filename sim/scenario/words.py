"""The words of expressions: what each reads, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sim.scenario.model import DATE, DISTRIBUTIONS, DURATION, NUMBER, TRUTH, YEARS, Type
from sim.scenario.scope import SymbolKind
from sim.scenario.seasons import MONTHS
from sim.scenario.tokens import KEYWORDS


@dataclass(frozen=True, slots=True)
class Word:
    """A word that reads something by its name: `in(state)`.

    `type` None is that of the biomarker or test read. `side` is what it looks at: truth, record, or what both
    know.
    """

    kinds: tuple[SymbolKind, ...]
    type: Type | None
    side: Literal["truth", "record", "both"]
    within: bool = False

    @property
    def wanted(self) -> str:
        """What it reads, for messages."""
        return " or ".join(self.kinds) if len(self.kinds) <= 3 else "thing that happens"

    def form(self, name: str) -> str:
        """How it is written, for messages."""
        what = self.kinds[0] if len(self.kinds) <= 3 else "name"
        return f"{name}({what}, within=1 year)" if self.within else f"{name}({what})"


THING: tuple[SymbolKind, ...] = (
    "state",
    "event",
    "condition",
    "drug",
    "procedure",
    "vaccine",
    "provider",
    "protocol",
)
CODED: tuple[SymbolKind, ...] = ("drug", "condition", "procedure")  # of which there are groups
VALUES: tuple[SymbolKind, ...] = ("variable", "parameter", "table", "formula")

READS: dict[str, Word] = {
    "in": Word(("state",), TRUTH, "truth"),
    "ever": Word(("state", "vaccine"), TRUTH, "truth"),
    "time_in": Word(("state",), DURATION, "truth"),
    "years_in": Word(("state",), YEARS, "truth"),
    "taking": Word(("drug",), NUMBER, "truth"),
    "usual": Word(("biomarker",), None, "truth"),
    "diagnosed": Word(("condition",), TRUTH, "record"),
    "prescribed": Word(("drug",), TRUTH, "record"),
    "top_dose": Word(("drug",), TRUTH, "record"),
    "running": Word(("protocol",), TRUTH, "record"),
    "tested": Word(("biomarker", "test", "panel"), TRUTH, "record", within=True),
    "positive": Word(("test",), TRUTH, "record"),
    "last": Word(("biomarker", "test"), None, "record"),
    "first": Word(("biomarker", "test"), None, "record"),
    "mean": Word(("biomarker",), None, "record", within=True),
    "count": Word((*THING, "test"), NUMBER, "both", within=True),
    "since": Word((*THING, "test"), DURATION, "both"),
}

CLOCKS: dict[str, Type] = {"age": YEARS, "year": NUMBER, "month": NUMBER, "today": DATE}

SEX = Type("category", levels=("female", "male"))
MONTH = Type("category", levels=MONTHS)  # as names; `month` itself is a number, 1 to 12

PREVIOUS_STATE = "previous_state"  # of the axis whose state is entered: in the `set:` of a state

FUNCTIONS = ("exp", "log", "sqrt", "floor", "abs", "min", "max", "known", "felt", "season", "lookup")

# What to write instead of a bare name that has no value, or of a word that does not read it.
INSTEAD: dict[SymbolKind, str] = {
    "state": "in({name})",
    "event": "count({name}) > 0",
    "condition": "diagnosed({name})",
    "drug": "taking({name}) or prescribed({name})",
    "ladder": "prescribed(...) one of its drugs",
    "procedure": "count({name}) > 0",
    "vaccine": "ever({name})",
    "biomarker": "last({name}) or usual({name})",
    "test": "last({name})",
    "panel": "last(...) one of its biomarkers",
    "protocol": "running({name})",
    "provider": "count({name}) > 0",
    "axis": "in(...) one of its states",
}

# A distribution that only an `after:` can have.
PIECEWISE = "piecewise"

# Names that a definition cannot have: an expression would read the word instead.
RESERVED: frozenset[str] = (
    KEYWORDS
    | READS.keys()
    | CLOCKS.keys()
    | DISTRIBUTIONS.keys()
    | {*FUNCTIONS, *SEX.levels, PREVIOUS_STATE, "sex", "true", "false", "rest", PIECEWISE}
)
