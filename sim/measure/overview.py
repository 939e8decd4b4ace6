"""What there is to say of any run, where nobody has said what to measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sim.measure.measures import Measured, Progress, measure, of_texts
from sim.runs.result import Run
from sim.scenario import whole
from sim.scenario.model import Exit, Scenario
from sim.scenario.scope import Scope, SymbolKind
from sim.scenario.scope_of import scope_of
from sim.scenario.tellable import Tellable

SEXES = ("all", "female", "male")
RESULTS = ("results", "mean", "sd", "10 %", "median", "90 %")

_SHARE, _THOUSAND, _EACH = ("% of the time", 100.0), ("per 1000 person-years", 1e3), ("per person-year", 1.0)


@dataclass(frozen=True, slots=True)
class Part:
    """A table: for each thing, by its name, as many measures as there are `columns`, as texts.

    Numbers are shown times `factor`, which is in `unit`.
    """

    heading: str
    unit: str
    factor: float
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A part, with what the measures of its rows came to."""

    part: Part
    rows: tuple[tuple[str, tuple[Measured, ...]], ...]


def overview(run: Run, progress: Progress | None = None) -> list[Told]:
    """Measure what a run has: states, conditions, tests, visits, drugs and the like, deaths; most by sex.

    Raises ValueError where the run does not hold its scenario.
    """
    asked = parts(run.scenario)
    texts = dict.fromkeys(text for part in asked for _, row in part.rows for text in row)
    measures = of_texts({text: text for text in texts}, (), run.scenario)
    found = dict(zip(texts, measure(run, measures, progress), strict=True))
    return [
        Told(part, tuple((name, tuple(found[text] for text in row)) for name, row in part.rows))
        for part in asked
    ]


def parts(scenario: Scenario) -> list[Part]:
    """The tables of a scenario's overview, without those that would be empty."""
    scope = scope_of(scenario)
    conditions, drugs = [c.name for c in scenario.conditions], [d.name for d in scenario.drugs]
    events = [event.name for path in scenario.pathways for event in path.events]
    of_sexes: list[tuple[str, tuple[str, float], SymbolKind, list[str], str]] = [
        ("in a state", _SHARE, "state", list(_states(scenario)), "prevalence(in({}){})"),
        ("first diagnosed", _THOUSAND, "condition", conditions, "incidence(diagnosed({}){})"),
        ("with a diagnosis", _SHARE, "condition", conditions, "prevalence(diagnosed({}){})"),
        ("visits", _EACH, "provider", [p.name for p in scenario.providers], "rate({}{})"),
        ("prescribed anew", _THOUSAND, "drug", drugs, "rate(prescribed({}){})"),
        ("with a prescription", _SHARE, "drug", drugs, "prevalence(prescribed({}){})"),
        ("procedures", _THOUSAND, "procedure", [p.name for p in scenario.procedures], "rate({}{})"),
        ("vaccines", _THOUSAND, "vaccine", [v.name for v in scenario.vaccines], "rate({}{})"),
        ("events", _THOUSAND, "event", events, "rate({}{})"),
    ]
    found = []
    for heading, unit, kind, names, form in of_sexes:
        rows = tuple((name, _by_sex(form, name)) for name in (_short(n, kind, scope) for n in names))
        found.append(Part(heading, *unit, SEXES, rows))
    fatal = {exit_.cause for exit_ in whole.parts(scenario.pathways, Exit) if exit_.cause}
    short = [_short(name, "condition", scope) for name in conditions if name in fatal]
    causes = [(name, f"death({name})") for name in short]
    deaths = [(name, _by_sex("rate({}{})", text)) for name, text in [("any cause", "death"), *causes]]
    found[3:3] = [_tests(scenario, scope)]
    found.append(Part("deaths", *_THOUSAND, SEXES, tuple(deaths)))
    return [part for part in found if part.rows]


def _tests(scenario: Scenario, scope: Scope) -> Part:
    forms = ("rate(tested({}))", "mean({})", "sd({})", "quantile({}, 0.1)", "median({})", "quantile({}, 0.9)")
    names = [_short(biomarker.name, "biomarker", scope) for biomarker in scenario.biomarkers]
    rows = tuple((name, tuple(form.format(name) for form in forms)) for name in names)
    return Part("tests", "results per person-year, and what they were", 1.0, RESULTS, rows)


def _by_sex(form: str, name: str) -> tuple[str, ...]:
    return tuple(form.format(name, among) for among in ("", ", among=female", ", among=male"))


def _states(scenario: Scenario) -> Iterator[str]:
    """The states of which the tables tell, but for those of what patients take of a drug."""
    told, uses = Tellable(scenario), {f"{drug.name}_persistence" for drug in scenario.drugs}
    for pathway in scenario.pathways:
        for axis in pathway.axes:
            if axis.name not in uses:
                yield from (state.name for state in axis.states if told.tells(state.name))


def _short(name: str, kind: SymbolKind, scope: Scope) -> str:
    """A name without its pathway, where it is that of one thing of its kind."""
    short = name.rpartition(".")[2]
    return short if len(scope.meanings(short, (kind,))) == 1 else name
