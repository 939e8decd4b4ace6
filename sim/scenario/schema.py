"""The language as authors write it, as pydantic models: which keys there are, and what shape their values
have.

What the expressions and names inside mean is settled by resolve.py. The text under a key is what editors show
of it (json_schema.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    WrapValidator,
)
from pydantic import ValidatorFunctionWrapHandler as Handler
from pydantic_core import CoreSchema

from sim.scenario.diagnostics import Findings, shown
from sim.scenario.drug_use import with_drug_use
from sim.scenario.hours import EXAMPLE
from sim.scenario.loader import Mapping, Node, Scalar, like, place
from sim.scenario.model import Span
from sim.scenario.scope import did_you_mean
from sim.scenario.shapes import (
    ANYTHING,
    QUALIFIED,
    Expression,
    Items,
    Model,
    Name,
    Section,
    Text,
    Truth,
    Whole,
    describe,
    written,
    wrong,
)
from sim.scenario.tokens import KEYWORDS
from sim.scenario.words import RESERVED, SEX

ENCOUNTER_CLASSES = ("ambulatory", "virtual", "emergency", "inpatient")

T = TypeVar("T")
_THINGS = Section(reserved=KEYWORDS | {"dead", "rest"})
Things = Annotated[dict[str, T], _THINGS, Field(default_factory=dict)]
Values = Annotated[dict[str, T], Section(reserved=RESERVED), Field(default_factory=dict)]
OneOrMore = Annotated[list[T], Items()]
AnyNumber = Annotated[list[T], Items(), Field(default_factory=list)]
Texts = Annotated[dict[str, Text], Section(ANYTHING), Field(default_factory=dict)]


def _like(*examples: str, **more: Any) -> WithJsonSchema:
    """What editors are told of a value: a text, number or truth value that may look like the examples."""
    return WithJsonSchema({"type": ["string", "number", "boolean"], "examples": list(examples), **more})


# One expression is not like another: these tell editors what stands where.
Rate = Annotated[Expression, _like("0.02 per year", "onset * (3 if smoker else 1)")]
Time = Annotated[
    Expression, _like("6 weeks", "uniform(3 days, 10 days)", "lognormal(median=2 years, sigma=0.8)")
]
Whether = Annotated[
    Expression, _like("age >= 50 and female", "last(hba1c) >= 6.5", "in(ill) and not diagnosed(x)")
]
Chance = Annotated[Expression, _like("0.7", "0.9 if age < 70 else 0.6", "rest")]
Factor = Annotated[Expression, _like("1.5 if smoker else 1", "1.02 ** years_in(ill)")]
Amount = Annotated[Expression, _like("5.2 + 2 * in(ill)", "normal(27, 4)", "bernoulli(0.3 if male else 0.2)")]
Draw = Annotated[Expression, _like("normal(0, 0.2)", "beta(mean=0.7, sd=0.2)")]
Noise = Annotated[Expression, _like("ou(sd=0.3, half_life=4 days)")]
Number = Annotated[Expression, _like("0.4", "2 if last(score) < 15 else 1")]
Dose = Annotated[Expression, _like("5 mg")]
First = Annotated[Expression, _like("now", "later", "6 weeks")]
Resolves = Annotated[Expression, _like("after 14 days")]
Anchor = Annotated[Expression, _like("surgery", "pregnant - 14 days")]
Refills = Annotated[Name, _like("2", "until stopped")]
Interval = Annotated[Name, _like("4 to 9", type="string")]
Date = Annotated[
    Name,
    _like(
        "2010-01-01",
        type="string",
        pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        errorMessage="a date belongs here, such as 2010-01-01",
    ),
]
Code = Annotated[Name, _like("44054006", type="string")]
EncounterClass = Annotated[Name, WithJsonSchema({"enum": list(ENCOUNTER_CLASSES)})]
_WRITTEN = WithJsonSchema({"type": "string"})
Hours = Annotated[Scalar, written("hours", EXAMPLE), _WRITTEN]
Class = Annotated[Scalar, written("the names of a module and a class", "my_module:MyBehaviour"), _WRITTEN]
Risk = Annotated[Scalar, written("a probability and its time", "0.02 in 30 days"), _WRITTEN]
Survival = Annotated[Scalar, written("a probability and its time", "0.9 at 5 years"), _WRITTEN]
Settings = Annotated[dict[str, Expression], Section(QUALIFIED)]
Value = Annotated[
    Annotated[Expression, Tag("one")] | Annotated[Settings, Tag("levels")],
    Discriminator(lambda node: "levels" if isinstance(node, Mapping) else "one"),
]


class Named(Model):
    """What every named thing may have: `about` is shown in drawings and docs, `allow` silences a lint rule
    here.
    """

    about: Text = ""
    """a text, shown in drawings and documents"""
    allow: Texts
    """warnings that are silenced here, each with a reason"""

    def allow_place(self, rule: str) -> Span:
        allow = self.node["allow"]
        assert isinstance(allow, Mapping)
        return place(allow[rule])


class Definition(Named):
    """An expression, or `{value: an expression}`."""

    shorthand: ClassVar[str] = "value"
    value: Amount
    """a draw, or an expression of others"""


class Parameter(Named):
    """A value with its unit, which may change on dates, values by the levels of one category, or a table."""

    value: Value | None = None
    """a number with its unit; or, with `by:`, one for each level of a category"""
    changes: Annotated[dict[str, Expression], Section(ANYTHING), Field(default_factory=dict)]
    """what it is from a date on, as long as no later one has come: `{2013-11-12: 5 mmol/L}`"""
    ci95: Interval | None = None
    """its 95 % interval, `0.004 to 0.009`, from which calibration gets a prior"""
    prior: Draw | None = None
    """that prior itself, a distribution"""
    by: AnyNumber[Name]
    """what the values depend on: `sex`, `age`, `year`, a variable that is a category or a number, or a list
    of them
    """
    table: Name | None = None
    """a CSV file with a column for each `by:` and a column `value`"""
    unit: Text = ""
    """of the values `by:` or of the table"""
    clamp: Truth = False
    """`true`: outside the table, take the nearest row"""
    source: Text = ""
    """where the number comes from: a key of `sources:`, or a text of more than one word"""


class Setting(Model):
    """Another value for a parameter: one, or one for each level."""

    shorthand: ClassVar[str] = "value"
    about: Text = ""
    """a text"""
    value: Value
    """the value in place of the parameter's own, or one for each level"""
    source: Text = ""
    """where the number comes from"""


class ParameterFile(Model):
    """A file of values for parameters; `source` is that of all that have none of their own."""

    about: Text = ""
    """a text"""
    source: Text = ""
    """where all those numbers come from that name no source of their own"""
    parameters: Annotated[dict[str, Setting], Section(QUALIFIED)]
    """other values for parameters, by their names"""


class Codes(Model):
    """A code in each of some systems."""

    snomed: Code | None = None
    """a SNOMED CT concept, in quotes: `"44054006"`"""
    icd10: Code | None = None
    """an ICD-10 code: `E11.9`"""
    loinc: Code | None = None
    """a LOINC code: `3016-3`"""
    rxnorm: Code | None = None
    """an RxNorm concept, in quotes: `"6809"`"""
    cvx: Code | None = None
    """a CVX code of a vaccine, in quotes: `"140"`"""

    @classmethod
    def example(cls) -> str:
        return 'the system beside the code: {snomed: "44054006"}'


class Coded(Named, Codes):
    """A condition or procedure: codes directly, or under `code`."""

    code: Codes | None = None
    """codes may stand here, or directly"""
    display: Text = ""
    """the text for the table `codes`; without it, it is the name"""


class GivenUp(Model):
    """How a patient quietly stops taking a drug: a rate from its prescription on."""

    rate: Rate
    """a hazard of giving up, from the prescription on"""
    while_: Whether | None = Field(None, alias="while")
    """only as long as this is true"""
    times: Factor | None = None
    """a factor on the rate"""

    @classmethod
    def example(cls) -> str:
        return "{rate: 0.5 per year}"


class Drug(Coded):
    """`adherence`, `works_in` and `given_up` say what taking it means; see drug_use.py."""

    doses: AnyNumber[Dose]
    """from the lowest to the highest, each with its unit"""
    adherence: Draw | None = None
    """the share that is taken, from 0 to 1: a number, or a draw, made once for each life"""
    works_in: Time | None = None
    """a duration: it has no effect before, and its whole effect from then on"""
    given_up: GivenUp | None = None
    """patients quietly stop taking it: at a `rate:`, from the prescription on, `while:` something is true,
    `times:` a factor
    """
    as_needed: Truth = False
    """`true`: it never runs out, whatever `for:` says"""


class Examination(Coded):
    """A test whose result is no number: positive or not, or one of those that are seen under `result`; or a
    panel of biomarkers that are measured together.
    """

    positive: Annotated[dict[str, Chance], Section(ANYTHING), Field(default_factory=dict)]
    """entries with the probability of being positive: the sensitivity in a state, 1 minus the specificity in
    `otherwise:`
    """
    result: Annotated[
        dict[str, Annotated[dict[str, Chance], _THINGS]],
        Section(ANYTHING),
        Field(default_factory=dict),
    ]
    """entries with what is seen, names of your own, each with its share; they add up to 1, by `rest` if you
    like
    """
    takes: Time | None = None
    """how long after the test the result is there; a draw as well"""
    panel: AnyNumber[Name]
    """instead: biomarkers that are measured together"""
    errors_correlate: Number | None = None
    """of a panel: the correlation of each two of their measurement errors, in normal scores as for variables
    """

    @classmethod
    def example(cls) -> str:
        return "{positive: {cancer: 0.8, otherwise: 0.05}}"


class Biomarker(Named):
    code: Codes | None = None
    """codes, LOINC as a rule"""
    analyte: Name | None = None
    """what is measured, so that other units of it may stand beside it"""
    unit: Text
    """of its numbers, as they are recorded"""
    value: Amount | None = None
    """the truth without noise, which `usual(x)` reads; it may not read the record. Left out of what nobody
    measures and steps `record:`: symptoms, answers, scores
    """
    within_person: Noise | None = None
    """how it varies within a person: `ou(sd=, half_life=)`, a noise that forgets half of itself in that time
    """
    measurement_error: Draw | None = None
    """a draw, anew for every test"""
    range: Interval | None = None
    """what an instrument shows at least and at most, `4 to 20`"""
    decimals: Whole = 1
    """of the results; 1 unless given"""


# ---- disease


class Exit(Named):
    """One way out of a state: exactly one of rate, risk, survival, after, share, upon and when. `times` is a
    factor on its hazard.
    """

    one_of: ClassVar = ("rate", "risk", "survival", "after", "share", "upon", "when")
    rate: Rate | None = None
    """a hazard: a number per time, which may change"""
    risk: Risk | None = None
    """`0.02 in 30 days`: the constant hazard under which so many have left by then"""
    survival: Survival | None = None
    """`0.9 at 5 years`: the constant hazard under which so many are still there"""
    after: Time | None = None
    """a time from entering the state. `exponential`, `weibull`, `gompertz`, `gamma`, `lognormal`,
    `loglogistic`, `gengamma` and `piecewise` are hazards, too, and can be modified; any other time is
    fixed when the state is entered
    """
    share: Chance | None = None
    """how likely this exit is when the state's time is over: a probability, or `rest`"""
    upon: Name | None = None
    """a thing that happens; `chance:` is the probability that it has this effect"""
    when: Whether | None = None
    """a truth value: the exit is taken when it turns true, at once if it is true on entering the state;
    `chance:` as with `upon`
    """
    chance: Chance | None = None
    """with `upon:` or `when:`, the probability that it has this effect"""
    while_: Whether | None = Field(None, alias="while")
    """the hazard is zero unless this is true (with `rate`, `risk`, `survival`, `after`)"""
    times: Factor | None = None
    """a factor on the hazard (with the same)"""
    cause: Name | None = None
    """of `-> dead`: a condition"""


class State(Named):
    """A state, or with `states` a group of them; its exits are the keys `-> target`."""

    set: Settings = Field(default_factory=dict)
    """variables that entering the state sets"""
    lasts: Time | None = None
    """how long the state lasts, a duration or a draw; then one of the `share:` exits is taken"""
    exits: Annotated[dict[str, OneOrMore[Exit]], Section(QUALIFIED)] = Field(default_factory=dict, alias="->")
    """an exit: a map, or a list of several"""
    states: Annotated[dict[str, State], _THINGS] = Field(default_factory=dict)
    """makes it a group of states"""

    @property
    def exits_node(self) -> Mapping:
        """The exits as they were read, by target."""
        exits = self.node["->"]
        assert isinstance(exits, Mapping)
        return exits

    @classmethod
    def arranged(cls, node: Mapping, findings: Findings) -> Mapping:
        """The exits together under `->`. (A model inside itself is read twice: then they are already.)"""
        exits, rest = node.like(), node.like()
        for key, value in node.items():
            if key.startswith("-> "):
                exits[key.removeprefix("-> ")] = value
            else:
                rest[key] = value
        kept = super().arranged(rest, findings)
        kept.setdefault("->", exits)
        return kept

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = super().__get_pydantic_json_schema__(core, handler)
        schema["patternProperties"] = {"^->": schema["properties"].pop("->")["additionalProperties"]}
        return schema


def states_and_groups(states: dict[str, State]) -> Iterator[tuple[str, State]]:
    """The states of an axis and its groups, each group before what is in it."""
    for name, state in states.items():
        yield name, state
        yield from states_and_groups(state.states)


def states_alone(
    states: dict[str, State], groups: tuple[str, ...] = ()
) -> Iterator[tuple[str, State, tuple[str, ...]]]:
    """The states of an axis, without its groups: name, state, and the groups it is in, the outermost
    first.
    """
    for name, state in states.items():
        if state.states:
            yield from states_alone(state.states, (*groups, name))
        else:
            yield name, state, groups


class Event(Named):
    """Something that happens again and again, and takes no time."""

    rate: Rate
    """how often, a number per time"""
    while_: Whether | None = Field(None, alias="while")
    """it happens only as long as this is true"""
    times: Factor | None = None
    """a factor on the rate"""
    set: Settings = Field(default_factory=dict)
    """variables that it sets"""


class Modifier(Named):
    """A factor on every rate into a state, from one state to another, of an event, or of a protocol's start;
    or what moves a biomarker.
    """

    rate: Name | None = None
    """the rate that is modified: a state (all ways into it), `state -> state`, an event, or a protocol (its
    starts by rate)
    """
    biomarker: Name | None = None
    """instead: the biomarker that is moved"""
    times: Factor | None = None
    """the factor"""
    add: Amount | None = None
    """to a biomarker, so much in its unit"""
    while_: Whether | None = Field(None, alias="while")
    """it acts only as long as this is true"""
    source: Text = ""
    """where the number is from"""


# ---- care


class Start(Named):
    """How a protocol starts: exactly one of upon, when, rate and during."""

    one_of: ClassVar = ("upon", "when", "rate", "during")
    upon: Name | None = None
    """a thing happens"""
    when: Whether | None = None
    """an expression turns true (at once if it is true at first); once for each time"""
    rate: Rate | None = None
    """at random times, `while:` something is true"""
    while_: Whether | None = Field(None, alias="while")
    """with `rate:`, it starts only as long as this is true"""
    during: Name | None = None
    """a provider: in every visit there, before it ends"""
    with_: Settings = Field(default_factory=dict, alias="with")
    """the arguments, beside any of these"""


class Valid(Model):
    """From the start of one day to the start of another, or from or to one alone."""

    from_: Date | None = Field(None, alias="from")
    """from the beginning of this day"""
    to: Date | None = None
    """until the beginning of this day"""

    @classmethod
    def example(cls) -> str:
        return "{from: 2006-07-01}"


class AnyStep(Named):
    """What every step may have: `chance`, its probability, `valid`, the dates between which it is done, and
    `name`, the key of its random stream.
    """

    chance: Chance | None = None
    """the probability that the step is done"""
    valid: Valid | None = None
    """the dates between which the step is done: `from:`, `to:` or both"""
    name: Name | None = None
    """the name of its random stream, by default made of protocol, verb and object"""


class Rebook(Model):
    """Asks again `after` a time, so many `times`; without end where that is left out."""

    after: Time
    """who did not come asks again after so long"""
    times: Whole | None = None
    """at most so often; without end where it is left out"""

    @classmethod
    def example(cls) -> str:
        return "{after: 2 weeks, times: 3}"


class Visit(AnyStep):
    visit: Name
    """an encounter with a provider; its `steps:` happen in it"""
    reason: Name | None = None
    """a condition"""
    lasts: Time | None = None
    """at least so long, instead of its provider's"""
    attend: Chance | None = None
    """the probability of coming when the turn has come, at any provider"""
    rebook: Rebook | None = None
    """`after:` a duration, or a draw of one, who did not come asks again; up to so many `times:`, or without
    end
    """
    priority: Number | None = None
    """a number, looked at when the visit is asked for; 0 unless given"""
    gives_up: Whether | None = None
    """an expression; when it turns true, the patient leaves the queue"""
    missed: Steps = Field(default_factory=list)
    """steps that are done if the visit does not take place in the end"""
    referral: Truth = False
    """`true`: that the visit was asked for is recorded, even where nothing waits"""
    discharge: Things[Chance]
    """the places to which patients go at its end, each with its share"""
    steps: Steps = Field(default_factory=list)
    """what is done in the visit"""


class Test(AnyStep):
    test: OneOrMore[Name]
    """measures a biomarker, does a test, or each of a list"""


class Diagnose(AnyStep):
    diagnose: Name
    """puts a condition on the problem list, or an allergy on the list of these"""
    resolves: Resolves | None = None
    """it leaves the list by itself: `after 14 days`"""


class Resolve(AnyStep):
    resolve: Name
    """takes a condition off the list"""


class Supplied(AnyStep):
    for_: Time | None = Field(None, alias="for")
    """how long it lasts; without it, until stopped"""
    refills: Refills | None = None
    """so many times more, or `until stopped`"""


class Prescribe(Supplied):
    prescribe: Name
    """starts a drug, or renews it"""
    dose: Dose | None = None
    """one of its doses"""


class Increase(AnyStep):
    increase: Name
    """the next dose of a drug that is running"""


class Decrease(AnyStep):
    decrease: Name
    """the next lower dose of a drug that is running"""


class Switch(Supplied):
    switch: Name
    """stops a drug that is running, and prescribes another"""
    to: Name
    """the other drug"""
    dose: Dose | None = None
    """one of its doses"""


class StepUp(Supplied):
    step_up: Name
    """the next rung of a ladder"""


class StepDown(Supplied):
    step_down: Name
    """the rung of a ladder before"""


class Stop(AnyStep):
    stop: Name
    """ends a drug, or a protocol"""


class Perform(AnyStep):
    perform: Name
    """does a procedure"""


class Vaccinate(AnyStep):
    vaccinate: Name
    """gives a vaccine"""


class Record(AnyStep):
    record: Name
    """notes a `value:`, which may be drawn, as a result of a biomarker that nobody measured"""
    value: Amount
    """what is noted, in the biomarker's unit"""


class Wait(AnyStep):
    wait: Time
    """waits a duration, or a draw of one"""


class WaitUntil(AnyStep):
    wait_until: Whether
    """goes on when this trigger is true, at once if it is already"""
    at_most: Time | None = None
    """a duration, or a draw of one, after which it goes on in any case"""


class At(AnyStep):
    """Rounds of steps at some times `counted_from` a thing, or the protocol's start."""

    at_: Annotated[list[Time], Items(), Field(alias="at")]
    """`steps:` at a time, or at each of a list, after the protocol's start or something else; a time that
    has gone by is left out
    """
    counted_from: Anchor | None = None
    """what has happened, also `surgery - 2 days`"""
    steps: Steps
    """what is done each time"""


class Every(AnyStep):
    every: Time
    """rounds of `steps:`, from one start to the next"""
    first: First | None = None
    """the first round: `now`, `later` (after one interval), or after a duration"""
    until: Whether | None = None
    """the rounds end when this is true"""
    at_most: Whole | None = None
    """at most so many rounds"""
    steps: Steps
    """what is done in each round"""


class If(AnyStep):
    if_: Whether = Field(alias="if")
    """a look at this moment"""
    then: Steps
    """what is done if it is true"""
    else_: Steps = Field(default_factory=list, alias="else")
    """what is done if it is not"""


class Branch(Named):
    """Exactly one of if, share and otherwise."""

    one_of: ClassVar = ("if", "share", "otherwise")
    if_: Whether | None = Field(None, alias="if")
    """this branch, if this is true and none before it held"""
    share: Chance | None = None
    """this branch with this probability, or the `rest`"""
    otherwise: Steps | None = None
    """what is done if no branch held"""
    then: Steps | None = None
    """what is done"""


class Choose(AnyStep):
    choose: OneOrMore[Branch]
    """the first branch that holds"""


class Do(AnyStep):
    do: Name
    """does a protocol, here, and waits until it ends"""
    with_: Settings = Field(default_factory=dict, alias="with")
    """its arguments"""


class StartProtocol(AnyStep):
    start: Name
    """starts a protocol beside this one"""
    with_: Settings = Field(default_factory=dict, alias="with")
    """its arguments"""


class Set(AnyStep):
    set: Settings
    """gives variables values"""


VERBS: dict[str, type[AnyStep]] = {
    "visit": Visit,
    "test": Test,
    "diagnose": Diagnose,
    "resolve": Resolve,
    "prescribe": Prescribe,
    "increase": Increase,
    "decrease": Decrease,
    "switch": Switch,
    "step_up": StepUp,
    "step_down": StepDown,
    "stop": Stop,
    "perform": Perform,
    "vaccinate": Vaccinate,
    "record": Record,
    "wait": Wait,
    "wait_until": WaitUntil,
    "at": At,
    "every": Every,
    "if": If,
    "choose": Choose,
    "do": Do,
    "start": StartProtocol,
    "set": Set,
}


def _one_verb(node: Node, handler: Handler, info: ValidationInfo) -> Any:
    """A step, once it is a map with exactly one verb."""
    if not isinstance(node, Mapping):
        message = f"a step is a map with one verb, and this is {describe(node)}"
        raise wrong("wrong-shape", message, "{test: x}")
    verbs = [key for key in node if key in VERBS]
    if len(verbs) > 1:
        several = " and ".join(f"`{verb}`" for verb in verbs)
        fix = "put what is to be done under `then:`" if "if" in verbs else "make each a step of its own"
        raise wrong("two-verbs", f"a step has exactly one verb; this one has {several}", fix, verbs[1])
    if not verbs:
        first = next(iter(node), "")
        fix = did_you_mean(first, VERBS) or f"one of {', '.join(VERBS)}"
        raise wrong("no-verb", f"a step has exactly one verb, and `{shown(first)}` is none", fix, first)
    return handler(node)


def _verb_of(node: Any) -> str:
    return next(key for key in node if key in VERBS)


Step = Annotated[
    Annotated[Visit, Tag("visit")]
    | Annotated[Test, Tag("test")]
    | Annotated[Diagnose, Tag("diagnose")]
    | Annotated[Resolve, Tag("resolve")]
    | Annotated[Prescribe, Tag("prescribe")]
    | Annotated[Increase, Tag("increase")]
    | Annotated[Decrease, Tag("decrease")]
    | Annotated[Switch, Tag("switch")]
    | Annotated[StepUp, Tag("step_up")]
    | Annotated[StepDown, Tag("step_down")]
    | Annotated[Stop, Tag("stop")]
    | Annotated[Perform, Tag("perform")]
    | Annotated[Vaccinate, Tag("vaccinate")]
    | Annotated[Record, Tag("record")]
    | Annotated[Wait, Tag("wait")]
    | Annotated[WaitUntil, Tag("wait_until")]
    | Annotated[At, Tag("at")]
    | Annotated[Every, Tag("every")]
    | Annotated[If, Tag("if")]
    | Annotated[Choose, Tag("choose")]
    | Annotated[Do, Tag("do")]
    | Annotated[StartProtocol, Tag("start")]
    | Annotated[Set, Tag("set")],
    Discriminator(_verb_of),
    WrapValidator(_one_verb),
]
Steps = OneOrMore[Step]


class Plan(Coded):
    """A care plan; `reason` is a condition."""

    reason: Name | None = None
    """a condition"""


class Protocol(Named):
    """`needs` are its arguments: their names, and what each is."""

    needs: Values[Name]
    """its arguments"""
    starts: AnyNumber[Start]
    """one start, or a list of them; none where another protocol does or starts it"""
    while_: Whether | None = Field(None, alias="while")
    """instead of `starts:`: it starts when this turns true and ends when it turns false, and so again"""
    until: Whether | None = None
    """ends it when this is true; a visit under way is finished"""
    valid: Valid | None = None
    """`from:` a date, `to:` a date, or both: only between them, and before the second, does it start"""
    plan: Plan | None = None
    """also recorded as a care plan while it runs: its codes, `display:`, and as `reason:` a condition"""
    steps: Steps
    """what is done"""


class Correlation(Model):
    """`r` between two variables, or a `matrix` among several."""

    between: AnyNumber[Name]
    """two variables"""
    r: Number | None = None
    """their correlation, above -1 and below 1; it may read parameters"""
    among: AnyNumber[Name]
    """instead, several variables"""
    matrix: AnyNumber[OneOrMore[Number]]
    """the correlations among them, row by row, with 1 on the diagonal"""
    source: Text = ""
    """where the numbers come from"""

    @classmethod
    def example(cls) -> str:
        return "{between: [x, y], r: 0.4}"


# ---- files


class Pathway(Named):
    """A pathway file."""

    pathway: Name
    """its name; others write `name.thing`, or `thing` alone where no other pathway has one"""
    needs: Annotated[dict[str, Name], Section(QUALIFIED), Field(default_factory=dict)]
    """what others must define"""
    uses: AnyNumber[Name]
    """other files that this one builds on"""
    sources: Texts
    """names for texts that a `source:` may refer to; the scenario's are known too"""
    parameters: Values[Parameter]
    """numbers with unit and source"""
    variables: Values[Definition]
    """what is drawn once a life"""
    correlations: AnyNumber[Correlation]
    """which variables go together"""
    formulas: Values[Definition]
    """names for expressions"""
    disease: Things[Annotated[dict[str, State], _THINGS]]
    """axes of states, the truth"""
    events: Things[Event]
    """what happens again and again"""
    biomarkers: Values[Biomarker]
    """what can be measured"""
    tests: Things[Examination]
    """what can be seen otherwise, and what is measured together"""
    modifies: AnyNumber[Modifier]
    """factors on rates, and what moves biomarkers, of this pathway or another"""
    conditions: Things[Coded]
    """what a record can say: diagnoses"""
    allergies: Things[Coded]
    """what a record can say: allergies"""
    procedures: Things[Coded]
    """what a record can say: procedures"""
    vaccines: Things[Coded]
    """what a record can say: vaccines"""
    drugs: Things[Drug]
    """what a record can say: drugs, and what taking them means"""
    ladders: Things[OneOrMore[OneOrMore[Name]]]
    """regimens in order"""
    groups: Things[OneOrMore[Name]]
    """several of these under one name"""
    care: Things[Protocol]
    """protocols"""
    expect: AnyNumber[Expectation]
    """sentences that are to hold"""

    @classmethod
    def arranged(cls, node: Mapping, findings: Findings) -> Mapping:
        return super().arranged(with_drug_use(node, findings), findings)


class Dates(Model):
    from_: Date = Field(alias="from")
    """from the beginning of this day"""
    to: Date
    """until the beginning of this day"""


class Sex(Model):
    female: Chance
    """the share of women and girls"""
    male: Chance
    """the share of men and boys"""


class AliveOn(Model):
    date: Date
    """the day on which all of them are alive"""
    ages: Name
    """a CSV file of their ages: columns `age`, `population` and, if you like, `sex`"""


class Include(Model):
    """Which lives make the cohort, by looks at the start and at the end of their record."""

    shorthand: ClassVar[str] = "at_end"
    at_start: Whether | None = None
    """what must be true when the record begins: at the window's start, or entry or birth if later"""
    at_end: Whether | None = None
    """what must be true when the record ends: at death or the window's end"""


class Oversample(Model):
    """All of whom `if` is true are kept, of the others one in `times`."""

    if_: Whether = Field(alias="if")
    """of whom this is true when the record ends, all are kept"""
    times: Number
    """of the others, one in so many"""


class Population(Named):
    size: Whole
    """how many people there are unless the command says otherwise"""
    include: Include | None = None
    """a condition: only people for whom it is true"""
    oversample: Oversample | None = None
    """keeps more of the rare, with weights"""
    sex: Sex | None = None
    """the shares `female:` and `male:`; left out where the table of ages has a column `sex`"""
    alive_on: AliveOn | None = None
    """they are alive on a `date:`, with the ages of the table `ages:`"""
    born: Dates | None = None
    """they are born evenly `from:` a date `to:` another"""
    entry: Time | None = None
    """an age, a draw of one or a date, before which nothing happens to a person"""
    variables: Values[Definition]
    """drawn once for each person, for all pathways to read"""
    correlations: AnyNumber[Correlation]
    """which variables go together"""


class Mortality(Named):
    table: Name
    """a CSV file of all-cause mortality: columns `age`, `sex`, `year` and `q` (within a year) or `rate`"""
    unit: Text = ""
    """of a column `rate`"""
    less: AnyNumber[Name]
    """conditions that pathways model as causes of death themselves"""
    clamp: Truth = False
    """`true`: outside the table, take the nearest row"""
    background: Name | None = None
    """another file for what `sim background` works out; `tables/background.csv` unless given"""
    source: Text = ""
    """where the table is from"""


class Provider(Named):
    """Where visits take place. `capacity` is a number of patients at a time, or of appointments per time."""

    class_: EncounterClass = Field(alias="class")
    """ambulatory, virtual, emergency or inpatient"""
    capacity: Number | None = None
    """a number: so many patients at a time, each for as long as the visit lasts; or a number per time: so
    many appointments, evenly spread over the hours
    """
    hours: AnyNumber[Hours]
    """when it is open: `always`, or days and times, or a list of them. Days are `weekdays`, `weekends`,
    `daily`, or `monday` to `sunday`; a day ends at `24:00`.
    """
    lasts: Time | None = None
    """how long a visit takes at least, a duration or a draw of one; nothing unless given"""


class Imperfection(Named):
    """One way in which the record is spoiled: exactly one of the kinds, with the names of what it spoils."""

    missing: AnyNumber[Name]
    """not there"""
    late: AnyNumber[Name]
    """written with a later time"""
    duplicated: AnyNumber[Name]
    """there once more"""
    rounded: AnyNumber[Name]
    """a result rounded, halves up"""
    wrong_unit: AnyNumber[Name]
    """a result in another unit"""
    wrong_code: AnyNumber[Name]
    """another thing"""
    chance: Chance | None = None
    """the probability that a row is touched; 1 without it"""
    by: Time | None = None
    """with `late:`, how much later, a duration that may be drawn"""
    to: Number | None = None
    """with `rounded:`, a multiple of this number"""
    factor: Number | None = None
    """with `wrong_unit:`, on the value"""
    unit: Text | None = None
    """with `wrong_unit:`, the unit that is written"""
    decimals: Whole | None = None
    """with `wrong_unit:`, of the value; else those of the biomarker"""
    becomes: AnyNumber[Name]
    """with `wrong_code:`, this, or one of a list, each as likely"""


class Given(Population):
    """Who a sentence is about, where they are others than the scenario's population: what differs in that, or
    somebody made by hand: of one `age` at the window's start, `in` some states then.
    """

    size: Whole = 1
    """how many people there are unless the command says otherwise"""
    age: Expression | None = None
    """how old everybody is at the window's start; nothing has happened to them before"""
    in_: AnyNumber[Name] = Field(default_factory=list, alias="in")
    """a state, or a list of states of several axes, that everybody enters on entry into the population"""
    variables: Annotated[dict[str, Definition], Section(QUALIFIED), Field(default_factory=dict)]
    """other definitions of variables, of the population or of a pathway (`heart.frail`)"""

    @classmethod
    def arranged(cls, node: Mapping, findings: Findings) -> Mapping:
        """`sex: female` is everybody's."""
        arranged = super().arranged(node, findings)
        sex = arranged.get("sex")
        if isinstance(sex, Scalar) and sex.text in SEX.levels:
            shares = Mapping(sex.span, sex.span.line)
            shares.key = sex.key
            for level in SEX.levels:
                shares[level] = like(sex, str(int(sex.text == level)))
            arranged["sex"] = shares
        return arranged

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core))
        schema["properties"]["sex"] = {"anyOf": [{"enum": list(SEX.levels)}, schema["properties"]["sex"]]}
        return schema


class Expectation(Named):
    """A sentence that is to hold, of the scenario or `with` other parameters, of others than its people."""

    shorthand: ClassVar[str] = "that"
    that: Expression
    """the sentence; where there is nothing else, it may stand alone"""
    with_: Settings = Field(default_factory=dict, alias="with")
    """other values for parameters, `{onset: 0.02 per year}`"""
    given: Given | None = None
    """whom it is about, where they are not the scenario's people"""
    source: Text = ""
    """where its numbers come from"""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, handler(core)]}


class ScenarioFile(Named):
    """scenario.yaml. Its `settings` are those of its `parameters` that are named with their pathway."""

    scenario: Text
    """its name; the folder of a run is called after it"""
    extends: Name | None = None
    """another scenario, of which only the differences are stated"""
    without: AnyNumber[Name]
    """what of it is left out"""
    sources: Texts
    """names for texts that a `source:` may refer to: `{trial: "Smith 2010, doi:..."}`"""
    window: Dates
    """`from:` and `to:`, two dates. The record is kept from the first to the second."""
    population: Population
    """who they are"""
    mortality: Mortality | None = None
    """how they die of what no pathway tells"""
    parameters: Values[Parameter]
    """parameters that several pathways read; or other values for those of a pathway"""
    settings: Annotated[dict[str, Setting], Section(QUALIFIED)] = Field(default_factory=dict)
    """other values for parameters, by their qualified names"""
    parameter_files: AnyNumber[Name]
    """files of other values for parameters"""
    pathways: AnyNumber[Name]
    """the pathway files, in this folder"""
    providers: Things[Provider]
    """where visits take place"""
    behaviours: AnyNumber[Class]
    """a class in Python that follows each patient, `module:Class`, or a list of them. It is imported when a
    run begins, never by a check.
    """
    imperfections: Things[Imperfection]
    """what spoils the record"""
    correlations: AnyNumber[Correlation]
    """between variables of any pathway or the population"""
    expect: AnyNumber[Expectation]
    """sentences that are to hold"""

    @classmethod
    def arranged(cls, node: Mapping, findings: Findings) -> Mapping:
        kept = node.like()
        for key, value in node.items():
            if key in Pathway.keys() - cls.keys():
                message = f"`{key}:` belongs in a pathway file, named under `pathways:`"
                findings.error("unknown-key", message, place(value))
            else:
                kept[key] = value
        settings, parameters = node.like(), kept.get("parameters")
        if isinstance(parameters, Mapping):
            kept["parameters"] = own = parameters.like()
            for name, value in parameters.items():
                (settings if "." in name else own)[name] = value
        arranged = super().arranged(kept, findings)
        arranged["settings"] = settings
        return arranged

    @classmethod
    def keys(cls) -> frozenset[str]:
        return super().keys() - {"settings"}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = super().__get_pydantic_json_schema__(core, handler)
        setting = schema["properties"].pop("settings")["additionalProperties"]
        parameters = schema["properties"]["parameters"]
        parameters["additionalProperties"] = {"anyOf": [parameters["additionalProperties"], setting]}
        parameters["propertyNames"] = {"pattern": f"^{QUALIFIED.pattern}$"}
        return schema
