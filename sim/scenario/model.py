"""The resolved scenario: every name qualified, every unit in base form, every expression typed.

This is the one form that both runtimes read. The loader and the checker make it from what an author
wrote; `sim.program` lowers it to flat arrays. Everything here is immutable.

Base units: time in days, rates per day, dates in days since 1970-01-01, truth values 1.0 and 0.0,
categories as the index of their level. Quantities with another unit (mmol/L, mmHg, %) keep the number
in that unit; numbers of one analyte are brought to one unit where they meet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sim.scenario.statistics import Sentence

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a source file; line and column count from 1."""

    file: str
    line: int
    column: int
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


Kind = Literal["number", "duration", "rate", "date", "truth", "category"]


@dataclass(frozen=True, slots=True)
class Type:
    """The type of an expression. `unit` is for numbers ("mmol/L", "years", "" for none), `levels` for
    categories, `analyte` for numbers that convert between units, see analytes.py."""

    kind: Kind
    unit: str = ""
    levels: tuple[str, ...] = ()
    analyte: str = ""


NUMBER = Type("number")
YEARS = Type("number", unit="years")
DURATION = Type("duration")
RATE = Type("rate")
DATE = Type("date")
TRUTH = Type("truth")


@dataclass(frozen=True, slots=True)
class Expr:
    """One node of a typed expression.

    op                      args                     value
    ----------------------  -----------------------  ------------------------------------------
    const                   ()                       float, in base units
    neg not abs exp log     (x,)
    sqrt floor known        (x,)
    add sub mul div pow     (x, y)
    min max                 (x, y)
    lt le gt ge eq ne       (x, y)                   chains `a < b < c` become `and`
    and or                  (x, y)
    if                      (condition, then, else)
    or_else                 (x, default)             x, or default where x is unknown
    age year month today    ()                       clocks: years, calendar year, 1..12, date
    variable                ()                       qualified name; `population.sex` is sex
    parameter               ()                       qualified name of a parameter with a value
    in ever                 ()                       qualified name of a state or a group of states
    time_in years_in        ()                       the same; days / years
    previous_state          ()                       qualified name of the axis whose state is entered
    taking                  ()                       qualified name of a drug: the dose as a share of the
                                                     top dose (1 without doses) while prescribed, else 0
    prescribed top_dose     ()                       qualified name of a drug
    diagnosed               ()                       qualified name of a condition
    running                 ()                       qualified name of a protocol
    last first              ()                       qualified name of a biomarker or examination
    usual                   ()                       qualified name of a biomarker
    mean                    (within,) or ()          qualified name of a biomarker
    tested                  (within,) or ()          qualified name of a biomarker or examination
    count                   (within,) or ()          qualified name of a thing
    since                   ()                       qualified name of a thing; days
    lookup                  (key, ...)               name of a table in Scenario.tables
    season                  (amplitude,)             number of the month of the peak: 1 + amplitude * cosine,
                                                     see seasons.py
    draw                    (parameter, ...)         name of a distribution, see DISTRIBUTIONS;
                                                     at most one is evaluated per expression
    """

    op: str
    args: tuple[Expr, ...] = ()
    value: float | str | None = None
    type: Type = NUMBER
    span: Span | None = field(default=None, compare=False)


# A `draw` and its args, in this order, after the author's spelling has been turned into it.
DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    "uniform": ("low", "high"),
    "normal": ("mean", "sd"),
    "truncated_normal": ("mean", "sd", "low", "high"),
    "lognormal": ("median", "sigma"),
    "exponential": ("mean",),
    "weibull": ("shape", "scale"),
    "gompertz": ("shape", "rate"),  # hazard rate * exp(shape * t); shape and rate per day
    "gamma": ("shape", "scale"),
    "beta": ("a", "b"),
    "poisson": ("mean",),
    "loglogistic": ("shape", "scale"),
    "gengamma": ("shape", "scale", "power"),  # Stacy: scale * gamma(shape) ** (1 / power)
    "bernoulli": ("p",),
    "empirical": (),  # percent, value, percent, value, ...: percents are constants from 0 to 100
    "categorical": (),  # one share per level of its type, in order; one may be the op "rest"
}


# The draws whose `after` is a hazard.
SOJOURNS = ("exponential", "weibull", "gompertz", "gamma", "lognormal", "loglogistic", "gengamma")


@dataclass(frozen=True, slots=True)
class Code:
    system: str  # "snomed", "loinc", "rxnorm", "icd10", "cvx"
    code: str


@dataclass(frozen=True, slots=True)
class Axis:
    """One table axis: `levels` for a category, else `breaks`: n + 1 edges of n half-open ranges [a, b)."""

    name: str
    levels: tuple[str, ...] = ()
    breaks: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        return len(self.levels) or len(self.breaks) - 1


@dataclass(frozen=True, slots=True)
class Table:
    """Values over the product of its axes, row-major, in base units. An axis named `age` or `year` has breaks
    in years.

    A key outside the breaks is an error when it is read, unless `clamp` is true: then the nearest range is
    read.
    """

    name: str
    axes: tuple[Axis, ...]
    values: tuple[float, ...]
    clamp: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Variable:
    """Drawn once a life, in the order of `Scenario.variables`; `draw` is None where only a `set` gives it a
    value."""

    name: str
    draw: Expr | None
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Correlation:
    """Of the normal scores of two variables that are drawn; `r` reads parameters alone."""

    between: tuple[str, str]
    r: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Assignment:
    """`set: {variable: expression}`, on a state's entry or as a step. `site` names its random stream."""

    variable: str
    expression: Expr
    site: str


@dataclass(frozen=True, slots=True)
class Exit:
    """One way out of a state.

    kind        expression                      times
    ----------  ------------------------------  --------------------------------------------
    rate        rate per day; `while` and       None
                modifiers already multiplied in
    after       a draw that has a hazard, see   factor on its hazard (`while`, modifiers),
                SOJOURNS                        or None
    fixed       any other time, drawn at entry  None
    share       probability, or op "rest"       None
    upon        probability, or None for 1      None; `thing` is what it waits for
    when        a truth value: left when it     None; `chance` is a probability, or None for 1
                turns true

    `target` is a qualified state, or "dead" with `cause` a qualified condition. `site` names its stream.
    """

    kind: Literal["rate", "after", "fixed", "share", "upon", "when"]
    target: str
    expression: Expr | None
    times: Expr | None
    thing: str | None
    chance: Expr | None
    cause: str | None
    site: str
    span: Span

    @property
    def probability(self) -> Expr | None:
        """That what it waits for (upon, when) has this effect; None for 1."""
        return self.expression if self.kind == "upon" else self.chance


@dataclass(frozen=True, slots=True)
class State:
    """`lasts` (a draw, or None) ends in one of the `share` exits. `groups` are the qualified groups of states
    that it is in, the outermost first; their exits are among its own.
    """

    name: str
    groups: tuple[str, ...]
    sets: tuple[Assignment, ...]
    lasts: Expr | None
    exits: tuple[Exit, ...]
    site: str
    span: Span


@dataclass(frozen=True, slots=True)
class DiseaseAxis:
    """States of which a patient is in exactly one; the first is the state at birth. Those of a group lie
    side by side.
    """

    name: str
    states: tuple[State, ...]

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The names of the states in each group, in the order of the states."""
        names = dict.fromkeys(group for state in self.states for group in state.groups)
        return {group: tuple(s.name for s in self.states if group in s.groups) for group in names}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens again and again and takes no time; `while` and modifiers are multiplied into
    `rate`."""

    name: str
    rate: Expr
    sets: tuple[Assignment, ...]
    site: str
    span: Span


@dataclass(frozen=True, slots=True)
class Biomarker:
    name: str
    codes: tuple[Code, ...]
    unit: str
    value: Expr  # noise-free; what `usual` reads; NOT_MEASURED where steps only ever record it
    noise_sd: Expr | None  # within-person Ornstein-Uhlenbeck noise, stationary sd
    noise_half_life: Expr | None  # days
    measurement_error: Expr | None  # a draw
    low: float
    high: float
    decimals: int
    site: str  # of the within-person noise
    span: Span
    analyte: str = ""


NOT_MEASURED = Expr("const", (), float("nan"))


@dataclass(frozen=True, slots=True)
class Coded:
    """A condition, procedure, vaccine or drug: something recorded by name and code."""

    name: str
    codes: tuple[Code, ...]
    display: str
    span: Span


@dataclass(frozen=True, slots=True)
class Allergy(Coded):
    """A condition that the record keeps in a list of its own."""


@dataclass(frozen=True, slots=True)
class Drug(Coded):
    """`doses` as they are recorded, from the lowest to the highest, and `shares`, each by the highest; () of
    a drug without.
    """

    doses: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A value set: drugs, conditions or procedures that together are a thing that happens. What else reads a
    group has been written out for its `members`.
    """

    name: str
    members: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Examination(Coded):
    """A test whose result is no number.

    `type` is a truth or a category. `result` draws: nested `if`s of the truth with a bernoulli or categorical
    draw in each branch. `takes` is how long after the test the result is there, in days, and may draw.
    """

    type: Type
    result: Expr
    takes: Expr | None


@dataclass(frozen=True, slots=True)
class Panel(Coded):
    """Biomarkers that are measured together, at least two, by their qualified names.

    `errors_correlate` is the correlation of the normal scores of each two of their measurement errors; it
    reads parameters alone.
    """

    biomarkers: tuple[str, ...]
    errors_correlate: Expr | None


@dataclass(frozen=True, slots=True)
class Provider:
    """Who is visited.

    `capacity` reads parameters alone: a number is how many patients are seen at a time, a rate how many
    appointments there are, spread evenly over the hours; None: whoever comes is seen. `hours` are the
    sessions of a week, (from, to) in days since Monday 00:00, in order and apart; () is always.
    `lasts` is how long a visit lasts at least, in days, drawn at each; a visit's own `lasts` goes before it.
    """

    name: str  # the author's name: providers belong to the scenario, not to a pathway
    kind: str  # encounter class: ambulatory, virtual, emergency, inpatient
    capacity: Expr | None
    hours: tuple[tuple[float, float], ...]
    lasts: Expr | None
    span: Span

    @property
    def books(self) -> bool:
        """Whether a visit may have to wait for its turn."""
        return self.capacity is not None or bool(self.hours)


# ---- care: a step is exactly one of these


@dataclass(frozen=True, slots=True)
class Step:
    """What every step has. `chance` is its probability of being taken, or None; `site` names its stream."""

    site: str
    chance: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Visit(Step):
    """`lasts` (days) may draw. `attend` is the probability of coming when the turn has come; who does not
    come asks again `rebook_after` (days, may draw), up to `rebook_times` (None: without end). `priority` is
    looked at when the visit is asked for: the higher, the sooner. `gives_up` is a truth value that ends the
    waiting when it turns true. `missed` is done where the visit does not take place in the end. `referral`
    is whether the request is recorded though nothing waits. `discharge` draws a category at the end of the
    visit: where the patient goes.
    """

    provider: str
    reason: str | None  # qualified condition
    lasts: Expr | None
    attend: Expr | None
    rebook_after: Expr | None
    rebook_times: int | None
    priority: Expr | None
    gives_up: Expr | None
    missed: tuple[Step, ...]
    referral: bool
    discharge: Expr | None
    steps: tuple[Step, ...]

    def asks(self, provider: Provider) -> bool:
        """Whether it is asked for, so that there is an appointment."""
        return provider.books or self.attend is not None or self.referral


@dataclass(frozen=True, slots=True)
class Test(Step):
    biomarker: str  # `test: [a, b]` has become two of these


@dataclass(frozen=True, slots=True)
class Examine(Step):
    test: str  # an examination


@dataclass(frozen=True, slots=True)
class MeasurePanel(Step):
    """Measures each of a panel's biomarkers; what each draws is at the site below the step's of its name."""

    panel: str
    biomarkers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagnose(Step):
    condition: str
    resolves_after: Expr | None  # days


@dataclass(frozen=True, slots=True)
class Resolve(Step):
    condition: str


@dataclass(frozen=True, slots=True)
class Prescribe(Step):
    """`supply` in days, refills included; None means until stopped. `dose` is one of the
    drug's doses; None goes on with the dose it has, or begins with the first.
    """

    drug: str
    supply: Expr | None
    dose: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeDose(Step):
    """The next dose up (`by` 1) or down (-1) of a drug that is prescribed, as far as there is one."""

    drug: str
    by: int


@dataclass(frozen=True, slots=True)
class StopDrug(Step):
    drug: str


@dataclass(frozen=True, slots=True)
class StopProtocol(Step):
    protocol: str


@dataclass(frozen=True, slots=True)
class Perform(Step):
    procedure: str


@dataclass(frozen=True, slots=True)
class Vaccinate(Step):
    vaccine: str


@dataclass(frozen=True, slots=True)
class Record(Step):
    """Writes down a value (which may draw) as a result of the biomarker, which nobody measured."""

    biomarker: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Wait(Step):
    duration: Expr  # may draw


@dataclass(frozen=True, slots=True)
class WaitUntil(Step):
    """Goes on when `condition` is true, or `at_most` days (may draw) after it was reached; None: whenever."""

    condition: Expr
    at_most: Expr | None


@dataclass(frozen=True, slots=True)
class At(Step):
    """Rounds of `steps` at `times`, days after the `thing` last happened, but for those that have gone by."""

    times: tuple[Expr, ...]
    thing: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Every(Step):
    """`first` is the wait before the first round: None for now, else days (`later` has become `interval`)."""

    interval: Expr
    first: Expr | None
    until: Expr | None
    at_most: int | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class If(Step):
    condition: Expr
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """`kind` if: `expression` is a truth value; share: a probability or op "rest"; otherwise: None."""

    kind: Literal["if", "share", "otherwise"]
    expression: Expr | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Choose(Step):
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Do(Step):
    protocol: str


@dataclass(frozen=True, slots=True)
class StartProtocol(Step):
    protocol: str


@dataclass(frozen=True, slots=True)
class Set(Step):
    assignment: Assignment


@dataclass(frozen=True, slots=True)
class Start:
    """How a protocol starts. upon: `thing`; when: a truth `expression`; rate: a rate `expression` with
    `while` and modifiers multiplied in; during: `thing` is a provider."""

    kind: Literal["upon", "when", "rate", "during"]
    thing: str | None
    expression: Expr | None
    site: str
    span: Span


@dataclass(frozen=True, slots=True)
class Plan:
    """What the record calls a protocol that runs: a care plan."""

    codes: tuple[Code, ...]
    display: str
    reason: str | None  # qualified condition


@dataclass(frozen=True, slots=True)
class Protocol:
    """`valid` are the dates between which it may start, (from, to); None: at any time."""

    name: str
    starts: tuple[Start, ...]
    while_: Expr | None
    until: Expr | None
    steps: tuple[Step, ...]
    site: str
    span: Span
    valid: tuple[float, float] | None = None
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class Pathway:
    name: str
    axes: tuple[DiseaseAxis, ...]
    protocols: tuple[Protocol, ...]
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number an author may vary. `value` is in base units; None where a table holds it.

    `prior` is a draw expression (given, or made from ci95), kept for calibration; `source` is text.
    """

    name: str
    value: float | None
    type: Type
    ci95: tuple[float, float] | None
    prior: Expr | None
    source: str
    span: Span


@dataclass(frozen=True, slots=True)
class Population:
    """Born uniformly between two dates, or alive on a date with an age structure.

    `born` is (from, to) in days since 1970-01-01. `alive_on` is the date; `ages` names a table over (sex,
    age) of relative numbers. `sex` is P(female), or None where the table of ages gives it. `entry` holds
    every rate at zero before: an expression in days of age (may draw), or `entry_date` a date.

    A life for which `include_at_start` is not true when its record starts, or `include_at_end` when it ends,
    is drawn again.
    """

    size: int
    female: float | None
    born: tuple[float, float] | None
    alive_on: float | None
    ages: str | None
    entry: Expr | None
    entry_date: float | None
    span: Span
    include_at_start: Expr | None = None
    include_at_end: Expr | None = None
    oversample: Oversample | None = None

    @property
    def conditioned(self) -> bool:
        """Whether every patient is of the record, since other lives are drawn again."""
        return self.include_at_start is not None or self.include_at_end is not None


@dataclass(frozen=True, slots=True)
class Oversample:
    """All of whom `condition` is true at the end of their record are kept, of others one in `times`."""

    condition: Expr
    times: float
    span: Span


@dataclass(frozen=True, slots=True)
class Mortality:
    """All-cause mortality: a table over some of (sex, year, age) of hazards per day.

    `less` are the qualified conditions that pathways model as causes of death; `background` names the stored
    table of what remains, None where `less` is empty or it has not been made yet.
    """

    table: str
    less: tuple[str, ...]
    background: str | None
    background_hash: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A class in Python that hears what happens to each patient; loaded when a run begins, never before.

    `folder` is where its module is looked for first.
    """

    module: str
    name: str
    span: Span
    folder: str


@dataclass(frozen=True, slots=True)
class Target:
    """What an imperfection spoils: the rows of one `thing` (a qualified name) in a `table`, or all (None)."""

    table: str
    thing: str | None


@dataclass(frozen=True, slots=True)
class Imperfection:
    """One way in which the record is spoiled, row by row, after the lives are lived.

    kind        what it does to a row              options
    ----------  ---------------------------------  ----------------------------------------------
    missing     it is not there
    late        it says a later time               `by`: days, may draw
    duplicated  it is there once more
    rounded     its value is a multiple            `to`: of this number
    wrong_unit  its value, unit or both are wrong  `factor` on the value, `unit` written, `decimals`
    wrong_code  it is another thing                `becomes`: one of these

    `chance` is its probability, or None for 1. It and `by` read a row, see `ROW` in contexts.py, and two more
    variables, `record.value` and `record.provider`. `site` names its streams.
    """

    name: str
    kind: Literal["missing", "late", "duplicated", "rounded", "wrong_unit", "wrong_code"]
    targets: tuple[Target, ...]
    chance: Expr | None
    by: Expr | None
    to: float | None
    factor: float | None
    unit: str | None
    decimals: int | None  # None: those of what was measured
    becomes: tuple[str, ...]
    site: str
    span: Span


@dataclass(frozen=True, slots=True)
class Claim:
    """That a quantity lies between two bounds, neither included; None where there is none.

    The quantity reads statistics, by the op `statistic`, see statistics.py; the bounds read parameters alone.
    """

    quantity: Expr
    low: Expr | None
    high: Expr | None


@dataclass(frozen=True, slots=True)
class Expectation:
    """A sentence that is to hold; it changes no life.

    `space` is the pathway that it stands in, or `scenario`; `claims` is what it says, `text` how it is
    written, without formulas. `with_` are other values for parameters, by qualified name, and `given` is who
    it is about where that is not the population, as JSON ("" where it is).
    """

    space: str
    sentence: Sentence
    claims: tuple[Claim, ...]
    text: str
    with_: tuple[tuple[str, str], ...]
    given: str
    about: str
    source: str
    span: Span


@dataclass(frozen=True, slots=True)
class Scenario:
    """A checked scenario. `files` are its sources (relative path, SHA-256).

    `given` are values that it was loaded with, as they were written by name, and `given_files` the files of
    such values (path, SHA-256).
    """

    name: str
    about: str
    folder: str
    window: tuple[float, float]
    population: Population
    mortality: Mortality | None
    parameters: tuple[Parameter, ...]
    tables: tuple[Table, ...]
    variables: tuple[Variable, ...]
    biomarkers: tuple[Biomarker, ...]
    conditions: tuple[Coded, ...]
    procedures: tuple[Coded, ...]
    drugs: tuple[Drug, ...]
    groups: tuple[Group, ...]
    providers: tuple[Provider, ...]
    pathways: tuple[Pathway, ...]
    behaviours: tuple[Behaviour, ...]
    imperfections: tuple[Imperfection, ...]
    files: tuple[tuple[str, str], ...]
    correlations: tuple[Correlation, ...] = ()
    vaccines: tuple[Coded, ...] = ()
    given: tuple[tuple[str, str], ...] = ()
    given_files: tuple[tuple[str, str], ...] = ()
    examinations: tuple[Examination, ...] = ()
    panels: tuple[Panel, ...] = ()
    expectations: tuple[Expectation, ...] = ()
