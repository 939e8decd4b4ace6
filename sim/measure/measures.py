"""Measures of a run: from measures.yaml, or as texts; each told apart by what it says.

A file:

    measures:
      visits: rate(clinic)
      diabetes_by_age: {measure: prevalence(diabetes, at=2010-01-01), by: [sex, age(20, 40, 60)]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from sim.measure.accumulator import (
    Accumulator,
    Classes,
    Estimate,
    TooManyClassesError,
    classes_of_all,
    value_of,
)
from sim.measure.lives import Lives
from sim.measure.shards import of_run
from sim.measure.words import Texts
from sim.runs.result import Run
from sim.scenario.diagnostics import Findings, ScenarioError, fault, gather
from sim.scenario.loader import Scalar, read_map
from sim.scenario.model import DAYS_PER_YEAR, Scenario, Span, Type
from sim.scenario.schema import AnyNumber, Expression, Text
from sim.scenario.scope_of import scope_of
from sim.scenario.shapes import Model, Section, model_of
from sim.scenario.statistics import Sentence, Split, Statistic, sentence, split

if TYPE_CHECKING:
    import pandas

Progress = Callable[[int, int], None]


class MeasureOfFile(Model):
    """A statistic, or arithmetic with several, told apart by classes of patients or times."""

    shorthand = "measure"
    measure: Expression
    """a statistic: prevalence(...), incidence(...), rate(...), mean(...), ..."""
    by: AnyNumber[Expression]
    """what it is told apart by: sex, year, age(20, 40, 60), a variable, a condition"""
    about: Text = ""
    """a text"""


class MeasuresFile(Model):
    """Measures of a run, by the names that they have in the results."""

    about: Text = ""
    """a text"""
    measures: Annotated[dict[str, MeasureOfFile], Section()]
    """each by its name"""


@dataclass(frozen=True, slots=True)
class Measure:
    """What is to be measured, checked. `name` is the author's, or the text itself."""

    name: str
    sentence: Sentence
    splits: tuple[Split, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A measure in one class: `labels` are those of its splits, in their order."""

    labels: tuple[str, ...]
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure and what it came to. Rates are per person-year, durations in days, `unit` says so."""

    measure: Measure
    unit: str
    rows: tuple[Row, ...]


def of_file(path: Path, scenario: Scenario) -> list[Measure]:
    """The measures in a file. Raises ScenarioError with everything that is wrong in it."""
    findings, names = Findings(), _Names(scenario)
    node = read_map(path, None, [], findings)
    # A comma inside of parentheses has been put right by the reader: here it is no fault.
    findings.diagnostics = [d for d in findings.diagnostics if d.rule != "comma-in-braces"]
    file = None if node is None else model_of(node, MeasuresFile, findings)
    found = []
    for name, written in (file.measures if file else {}).items():
        made = findings.attempt(partial(names.measure, name, written.measure, written.by))
        if made:
            found.append(made)
    if findings.diagnostics:
        raise ScenarioError(findings.sorted())
    if not found:
        raise fault("no-measures", "there are no measures in this file", Span(str(path), 1, 1), "measures:")
    return found


def of_texts(texts: Mapping[str, str], by: Sequence[str], scenario: Scenario) -> list[Measure]:
    """The measures that texts say, by their names, all told apart by the same.

    Raises ScenarioError with everything that is wrong.
    """
    names = _Names(scenario)
    splits = [_scalar(each) for each in by]
    return list(
        gather(*(partial(names.measure, name, _scalar(text), splits) for name, text in texts.items()))
    )


def _scalar(text: str) -> Scalar:
    place = Span(text, 1, 1, max(len(text), 1))
    return Scalar(text, text, place, text, place)


class _Names:
    """Reads measures with the names of a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.scope = scenario, scope_of(scenario)

    def measure(self, name: str, text: Scalar, by: Sequence[Scalar]) -> Measure:
        """The measure that texts say. Raises ScenarioError with everything that is wrong."""
        findings = Findings()
        read = findings.attempt(partial(sentence, text, self.scope, self.scenario, None))
        splits = [findings.attempt(partial(split, each, self.scope, self.scenario)) for each in by]
        if read is None or None in splits:
            raise ScenarioError(findings.sorted())
        found = Measure(name, read, tuple(each for each in splits if each))
        try:
            classes_of_all(found.splits, self.scenario)
        except TooManyClassesError as error:
            raise fault("too-many-classes", str(error), by[-1].span, "fewer, or wider, ranges") from None
        return found


def measure(run: Run, measures: Sequence[Measure], progress: Progress | None = None) -> list[Measured]:
    """What measures of a run come to, in their order. Its tables are read once, some patients at a time.

    `progress` is called with the patients done, and all. Raises ValueError where the run does not hold its
    scenario.
    """
    scenario, texts = run.scenario, Texts(run.scenario)
    asked: dict[tuple[Split, ...], dict[Statistic, None]] = {}
    for m in measures:
        asked.setdefault(m.splits, {}).update(dict.fromkeys(m.sentence.statistics))
    made = {splits: Accumulator(scenario, tuple(every), splits) for splits, every in asked.items()}
    done, total = 0, int(run.manifest["patients"]["recorded"])
    for shard in of_run(run):
        lives = Lives(shard, texts)
        for accumulator in made.values():
            accumulator.add_lives(lives)
        done += len(lives.ids)
        if progress:
            progress(done, total)
    found = {
        splits: dict(zip(accumulator.statistics, accumulator.estimates(), strict=True))
        for splits, accumulator in made.items()
    }
    return [_measured(m, found[m.splits], made[m.splits].classes, scenario) for m in measures]


def _measured(
    m: Measure,
    estimates: Mapping[Statistic, Sequence[Estimate]],
    classes: Sequence[Classes],
    scenario: Scenario,
) -> Measured:
    factor, unit = _unit(m.sentence.expression.type)
    labels = product(*(of.labels for of in classes))
    cells = zip(*(estimates[statistic] for statistic in m.sentence.statistics), strict=True)
    rows = []
    for label, statistics in zip(labels, cells, strict=True):
        found = value_of(m.sentence.expression, statistics, scenario)
        rows.append(Row(label, _times(found, factor, m)))
    return Measured(m, unit, tuple(rows))


def _unit(of: Type) -> tuple[float, str]:
    """What a number in base units is multiplied with, and in which unit it then is."""
    match of.kind:
        case "rate":
            return DAYS_PER_YEAR, "per person-year"
        case "duration":
            return 1.0, "days"
    return 1.0, of.unit


_PERSON_TIME = ("incidence", "rate", "prevalence", "odds_ratio", "relative_risk")


def _times(found: Estimate, factor: float, m: Measure) -> Estimate:
    """An estimate in another unit; person-time is in years."""
    statistic = m.sentence.statistics[0]
    timed = statistic.name in _PERSON_TIME and statistic.date is None
    over = DAYS_PER_YEAR if timed else 1.0
    return Estimate(
        found.value * factor,
        found.error * factor,
        found.low * factor,
        found.high * factor,
        found.numerator / (1.0 if statistic.name in ("incidence", "rate") else over),
        found.denominator / over,
        found.people,
        found.influence * factor,
    )


# ---- as a table


def frame(measured: Sequence[Measured]) -> pandas.DataFrame:
    """A row for each measure and class; a column for each thing that any of them is told apart by."""
    import pandas

    return pandas.DataFrame(list(_records(measured)))


def _records(measured: Sequence[Measured]) -> Iterator[dict[str, object]]:
    splits = list(dict.fromkeys(split.name for found in measured for split in found.measure.splits))
    for found in measured:
        names = [split.name for split in found.measure.splits]
        for row in found.rows:
            labels = dict(zip(names, row.labels, strict=True))
            e = row.estimate
            yield {
                "measure": found.measure.name,
                "statistic": found.measure.sentence.text,
                **{name: labels.get(name) for name in splits},
                "value": e.value,
                "standard_error": e.error,
                "low": e.low,
                "high": e.high,
                "unit": found.unit,
                "numerator": e.numerator,
                "denominator": e.denominator,
                "people": e.people,
            }


def measures(
    run: Run | Path | str, what: str | Mapping[str, str] | Path, by: Sequence[str] = ()
) -> pandas.DataFrame:
    """Measure a run, or the one in a folder.

    `what`: a statistic as text, `"prevalence(diabetes, among=age >= 40)"`; several by their names; or the
    path of a file of measures. `by`: what each is told apart by, `["sex", "age(20, 40, 60)"]`; not of a file,
    which says so itself.

    One row for each measure and class: `measure`, `statistic`, a column for each of `by`, `value`,
    `standard_error`, `low` and `high` (95% interval), `unit`, `numerator`, `denominator`, `people`.

    Raises ScenarioError with everything that is wrong, and ValueError where the run does not hold its
    scenario.
    """
    run = run if isinstance(run, Run) else Run(run)
    if isinstance(what, Path):
        wanted = of_file(what, run.scenario)
    else:
        texts = {what: what} if isinstance(what, str) else what
        wanted = of_texts(texts, by, run.scenario)
    return frame(measure(run, wanted))
