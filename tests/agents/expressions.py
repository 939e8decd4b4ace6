"""Expressions in the author's form, well typed by construction, as texts.

`draw` is that of a hypothesis composite strategy, `n` the names that there are. In every list of alternatives
the simplest comes first, to which examples shrink.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hypothesis import strategies as st

Draw = Any
Where = Literal["look", "rate", "trigger", "value"]

# Few and round, so that what comes of them often falls on the same instant.
DURATIONS = ("30 days", "10 days", "1 year", "6 months", "2 weeks", "1 hour", "365.25 days")
AGES = ("20", "30", "35.5", "40", "50")
DATES = ("1990-01-01", "1985-06-15", "1995-01-01", "2000-01-01")
YEARS = ("1990", "1985", "1995.5", "2000")
LEVELS = ("low", "middle", "top")


@dataclass
class Names:
    """What an expression may read. `numbers`, `truths` and `categories` are variables; groups of states are
    among `states`.
    """

    states: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    drugs: list[str] = field(default_factory=list)
    procedures: list[str] = field(default_factory=list)
    vaccines: list[str] = field(default_factory=list)
    biomarkers: list[str] = field(default_factory=list)
    protocols: list[str] = field(default_factory=list)
    providers: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    truths: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)  # how many a table has
    doses: dict[str, list[str]] = field(default_factory=dict)
    ladders: list[str] = field(default_factory=list)
    drug_groups: list[str] = field(default_factory=list)
    condition_groups: list[str] = field(default_factory=list)
    procedure_groups: list[str] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)  # of states, by axis
    panels: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)  # yes or no
    sights: list[str] = field(default_factory=list)  # tests that show LEVELS
    arguments: dict[str, dict[str, str]] = field(default_factory=dict)  # of protocols that need them

    @property
    def things(self) -> list[str]:
        return [
            *self.states,
            *self.events,
            *self.conditions,
            *self.drugs,
            *self.procedures,
            *self.vaccines,
            *self.protocols,
            *self.providers,
            *self.drug_groups,
            *self.condition_groups,
            *self.procedure_groups,
        ]

    @property
    def counted(self) -> list[str]:
        return [*self.things, *self.examinations]

    @property
    def examinations(self) -> list[str]:
        return [*self.tests, *self.sights]


def one(draw: Draw, options: Sequence[str]) -> str:
    return draw(st.sampled_from(options))


def chance(draw: Draw) -> str:
    return one(draw, ("0.5", "1", "0.2", "0.9", "0"))


def duration(draw: Draw) -> str:
    return one(draw, DURATIONS)


def truth(draw: Draw, n: Names, where: Where, depth: int = 2) -> str:
    """A truth value."""
    kinds = ["sex", "constant"]
    kinds += ["variable"] * bool(n.truths) + ["level"] * bool(n.categories)
    kinds += ["in", "ever"] * bool(n.states) + ["taking"] * bool(n.drugs)
    if where != "value":
        kinds += ["diagnosed"] * bool(n.conditions) + ["prescribed", "top dose"] * bool(n.drugs)
        kinds += ["running"] * bool(n.protocols) + ["count", "count within", "since"] * bool(n.counted)
        kinds += ["tested", "tested within", "last", "mean"] * bool(n.biomarkers)
        kinds += ["positive"] * bool(n.tests) + ["seen"] * bool(n.sights)
    kinds += ["age", "today", "year", "month"] + ["time in", "years in"] * bool(n.states)
    if depth:
        kinds += ["not", "and", "or"]
        kinds += ["compare"] * (where != "trigger")
        kinds += ["if"]
    kind = one(draw, kinds)
    more = one(draw, (">=", "<")) if where != "look" else one(draw, (">=", "<", ">", "<="))
    match kind:
        case "sex":
            return one(draw, ("female", "male", "sex == male"))
        case "constant":
            return one(draw, ("true", "false"))
        case "variable":
            return one(draw, n.truths)
        case "level":
            return f"{one(draw, n.categories)} {one(draw, ('==', '!='))} {one(draw, LEVELS)}"
        case "in" | "ever":
            return f"{kind}({one(draw, n.states)})"
        case "taking":
            return f"taking({one(draw, n.drugs + n.drug_groups)}) > 0"
        case "diagnosed":
            return f"diagnosed({one(draw, n.conditions + n.condition_groups)})"
        case "top dose":
            return f"top_dose({one(draw, n.drugs + n.drug_groups)})"
        case "prescribed":
            return f"prescribed({one(draw, n.drugs + n.drug_groups)})"
        case "running":
            return f"running({one(draw, n.protocols)})"
        case "count":
            return (
                f"count({one(draw, n.counted)}) {one(draw, ('>=', '==', '<'))} {one(draw, ('1', '2', '3'))}"
            )
        case "count within":
            return f"count({one(draw, n.counted)}, within={duration(draw)}) {more} {one(draw, ('1', '2'))}"
        case "since":
            return f"since({one(draw, n.counted)}) {more} {duration(draw)}"
        case "tested":
            return f"tested({one(draw, [*n.biomarkers, *n.examinations, *n.panels])})"
        case "tested within":
            return (
                f"tested({one(draw, [*n.biomarkers, *n.examinations, *n.panels])}, within={duration(draw)})"
            )
        case "last":
            return f"{one(draw, ('last', 'first'))}({one(draw, n.biomarkers)}) {more} {one(draw, ('5', '6'))}"
        case "positive":
            return f"positive({one(draw, n.tests)})"
        case "seen":
            word, test = one(draw, ("last", "first")), one(draw, n.sights)
            return f"{word}({test}) {one(draw, ('==', '!='))} {one(draw, LEVELS)}"
        case "mean":
            return f"mean({one(draw, n.biomarkers)}, within={duration(draw)}) {more} 5"
        case "age":
            return f"age {more} {one(draw, AGES)}"
        case "today":
            return f"today {more} {one(draw, DATES)}"
        case "year":
            sign = one(draw, (">=", "<")) if where in ("rate", "value") else more
            return f"year {sign} {one(draw, YEARS[:2])}"
        case "month":
            return f"month {one(draw, ('==', '>=', '!='))} {one(draw, ('january', 'june', 'december'))}"
        case "time in":
            return f"time_in({one(draw, n.states)}) {more} {duration(draw)}"
        case "years in":
            return f"years_in({one(draw, n.states)}) {more} {one(draw, ('1', '2'))}"
        case "not":
            return f"not ({truth(draw, n, where, depth - 1)})"
        case "and" | "or":
            return f"({truth(draw, n, where, depth - 1)}) {kind} ({truth(draw, n, where, depth - 1)})"
        case "if":
            parts = [truth(draw, n, where, depth - 1) for _ in range(3)]
            return f"(({parts[0]}) if ({parts[1]}) else ({parts[2]}))"
    sign = one(draw, ("<", ">="))
    return f"{number(draw, n, where, depth - 1)} {sign} {number(draw, n, where, depth - 1)}"


def number(draw: Draw, n: Names, where: Where, depth: int = 2) -> str:
    """A plain number, which may be unknown."""
    kinds = ["constant"]
    kinds += ["variable"] * bool(n.numbers) + ["parameter"] * bool(n.parameters)
    kinds += ["table", "lookup"] * bool(n.tables and where in ("look", "rate"))
    kinds += ["season"] * (where != "value")
    kinds += ["in", "years in", "ever"] * bool(n.states) + ["taking"] * bool(n.drugs)
    if where != "value":
        kinds += ["count", "count within"] * bool(n.counted)
    kinds += ["year"] * (where in ("look", "value"))
    if depth:
        kinds += ["arithmetic", "if", "or else", "min", "exp", "power", "abs", "sqrt", "known"]
        kinds += ["divide"]
    kind = one(draw, kinds)
    match kind:
        case "constant":
            return one(draw, ("1", "0", "2", "0.5", "-1", "1.5"))
        case "variable":
            return one(draw, n.numbers)
        case "parameter":
            return one(draw, n.parameters)
        case "table":
            return one(draw, n.tables)
        case "lookup":
            table = one(draw, n.tables)
            key = one(draw, ("33", "2 * age", f"abs({number(draw, n, where, 0)})"))
            return f"lookup({table}, {', '.join([*['sex'] * (n.keys[table] - 1), key])})"
        case "season":
            return season(draw)
        case "in" | "ever":
            return f"{kind}({one(draw, n.states)})"
        case "years in":
            return f"years_in({one(draw, n.states)})"
        case "taking":
            return f"taking({one(draw, n.drugs + n.drug_groups)})"
        case "count":
            return f"count({one(draw, n.counted)})"
        case "count within":
            return f"count({one(draw, n.counted)}, within={duration(draw)})"
        case "year":
            return "(year - 1990)"
        case "if":
            a, b = number(draw, n, where, depth - 1), number(draw, n, where, depth - 1)
            return f"({a} if {truth(draw, n, where, depth - 1)} else {b})"
        case "or else":
            return f"({number(draw, n, where, depth - 1)} or_else {number(draw, n, where, depth - 1)})"
        case "min":
            a, b = number(draw, n, where, depth - 1), number(draw, n, where, depth - 1)
            return f"{one(draw, ('min', 'max'))}({a}, {b})"
        case "exp":
            return f"exp(min(1, {number(draw, n, where, depth - 1)}))"
        case "power":
            return f"{one(draw, ('1.5', '0.5'))} ** min(2, {number(draw, n, where, depth - 1)})"
        case "abs":
            return f"{one(draw, ('abs', 'floor'))}({number(draw, n, where, depth - 1)})"
        case "sqrt":
            return f"{one(draw, ('sqrt', 'log'))}(abs({number(draw, n, where, depth - 1)}) + 1)"
        case "known":
            return f"(1 if known({number(draw, n, where, depth - 1)}) else 2)"
        case "divide":
            # by what is no constant, for a constant zero would be an error
            a, b = number(draw, n, where, depth - 1), number(draw, n, where, depth - 1)
            return f"({a}) / ({b} * (2 - male))"
    sign = one(draw, ("+", "-", "*"))
    return f"({number(draw, n, where, depth - 1)} {sign} {number(draw, n, where, depth - 1)})"


def season(draw: Draw) -> str:
    return (
        f"season(peak={one(draw, ('january', 'june', 'october'))}, amplitude={one(draw, ('0.5', '1', '0'))})"
    )


def factor(draw: Draw, n: Names, where: Where = "rate") -> str:
    """A number that is known and not below zero, on the whole."""
    kinds = ["constant", "by truth", "by age", "known", "season"]
    kinds += ["usual"] * bool(n.biomarkers) + ["last"] * bool(n.biomarkers)
    kinds += ["years in"] * bool(n.states) + ["anything"]
    match one(draw, kinds):
        case "constant":
            return one(draw, ("2", "0.5", "0", "1.3"))
        case "by truth":
            return f"({one(draw, ('2', '0', '0.3'))} if {truth(draw, n, where)} else 1)"
        case "season":
            return season(draw)
        case "by age":
            return one(draw, ("exp(0.02 * (age - 40))", "1.01 ** (year - 1990)", "(1 + 0.01 * age)"))
        case "usual":
            return f"(1 + 0.1 * usual({one(draw, n.biomarkers)}))"
        case "last":
            return f"(1 + 0.1 * ({one(draw, ('last', 'mean'))}({one(draw, n.biomarkers)}) or_else 5))"
        case "years in":
            return f"(1 + 0.1 * years_in({one(draw, n.states)}))"
        case "anything":
            return f"max(0, {number(draw, n, where)})"
    return f"min(5, abs({number(draw, n, where)}) or_else 1)"


def rate(draw: Draw, n: Names) -> str:
    base = one(draw, ("0.2 per year", "0.05 per year", "3 per 100 person-years", "1 per year"))
    factors = [factor(draw, n) for _ in range(draw(st.integers(0, 2)))]
    if n.tables and draw(st.booleans()):
        factors.append(one(draw, n.tables))
    return " * ".join([base, *factors])


def time(draw: Draw, n: Names) -> str:
    """A duration that may be drawn."""
    return one(
        draw,
        (
            "30 days",
            "1 year",
            "10 days",
            "uniform(1 day, 30 days)",
            "exponential(mean=60 days)",
            "truncated_normal(20 days, 10 days, low=1 day, high=60 days)",
            "lognormal(median=30 days, sigma=0.5)",
            "gamma(mean=60 days, sd=30 days)",
            "weibull(shape=1.5, scale=90 days)",
            "loglogistic(shape=2, scale=30 days)",
            "gengamma(shape=2, scale=30 days, power=0.7)",
            "empirical(p0=0 days, p25=3 days, p97_5=60 days, p100=90 days)",
        ),
    )


def variable(draw: Draw, n: Names) -> str:
    """A number drawn for life."""
    mean = one(draw, ["1", *n.numbers]) if n.numbers else "1"
    spreads = (
        f"normal({mean}, 0.5)",
        f"uniform(0, abs({mean}) + 1)",
        "lognormal(median=1, sigma=0.3)",
        "gamma(mean=1, sd=0.5)",
        "beta(mean=0.3, sd=0.1)",
        "poisson(mean=2)",
        f"poisson(mean=abs({mean}) + 0.5)",
        "exponential(mean=1)",
        "weibull(shape=1.5, scale=1)",
        "loglogistic(shape=3, scale=1)",
        "gengamma(shape=2, scale=1, power=1.5)",
        f"empirical(p0=0, p50=0.5, p100=abs({mean}) + 1)",
        "truncated_normal(1, 0.5, low=0, high=3)",
    )
    return one(draw, ("1", *spreads))
