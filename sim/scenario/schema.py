"""The language as authors write it, as pydantic models: which keys there are, and what shape their values
have.

What the expressions and names inside mean is settled by resolve.py. Keys listed as `planned` belong to the
language and are not built in this release. A JSON Schema for editors is made from these models.
"""

from __future__ import annotations

import re
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
from sim.scenario.loader import Mapping, Node, Scalar, place
from sim.scenario.model import Span
from sim.scenario.scope import did_you_mean
from sim.scenario.shapes import (
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
from sim.scenario.words import RESERVED

ENCOUNTER_CLASSES = ("ambulatory", "virtual", "emergency", "inpatient")
_ANYTHING = re.compile(r".+")

T = TypeVar("T")
_THINGS = Section(reserved=KEYWORDS | {"dead", "rest"})
Things = Annotated[dict[str, T], _THINGS, Field(default_factory=dict)]
Values = Annotated[dict[str, T], Section(reserved=RESERVED), Field(default_factory=dict)]
OneOrMore = Annotated[list[T], Items()]
AnyNumber = Annotated[list[T], Items(), Field(default_factory=list)]
Texts = Annotated[dict[str, Text], Section(_ANYTHING), Field(default_factory=dict)]
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
    allow: Texts

    def allow_place(self, rule: str) -> Span:
        allow = self.node["allow"]
        assert isinstance(allow, Mapping)
        return place(allow[rule])


class Definition(Named):
    """An expression, or `{value: an expression}`."""

    shorthand: ClassVar[str] = "value"
    value: Expression

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": ["string", "number", "boolean"]}, handler(core)]}


class Parameter(Named):
    """A value with its unit, which may change on dates, values by the levels of one category, or a table."""

    value: Value | None = None
    changes: Annotated[dict[str, Expression], Section(_ANYTHING), Field(default_factory=dict)]
    ci95: Name | None = None
    prior: Expression | None = None
    by: AnyNumber[Name]
    table: Name | None = None
    unit: Text = ""
    clamp: Truth = False
    source: Text = ""


class Setting(Model):
    """Another value for a parameter: one, or one for each level."""

    shorthand: ClassVar[str] = "value"
    about: Text = ""
    value: Value
    source: Text = ""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": ["string", "number", "boolean"]}, handler(core)]}


class ParameterFile(Model):
    """A file of values for parameters; `source` is that of all that have none of their own."""

    about: Text = ""
    source: Text = ""
    parameters: Annotated[dict[str, Setting], Section(QUALIFIED)]


class Codes(Model):
    """A code in each of some systems."""

    snomed: Name | None = None
    icd10: Name | None = None
    loinc: Name | None = None
    rxnorm: Name | None = None
    cvx: Name | None = None

    @classmethod
    def example(cls) -> str:
        return 'the system beside the code: {snomed: "44054006"}'


class Coded(Named, Codes):
    """A condition or procedure: codes directly, or under `code`."""

    code: Codes | None = None
    display: Text = ""


class GivenUp(Model):
    """How a patient quietly stops taking a drug: a rate from its prescription on."""

    rate: Expression
    while_: Expression | None = Field(None, alias="while")
    times: Expression | None = None

    @classmethod
    def example(cls) -> str:
        return "{rate: 0.5 per year}"


class Drug(Coded):
    """`adherence`, `works_in` and `given_up` say what taking it means; see drug_use.py."""

    doses: AnyNumber[Expression]
    adherence: Expression | None = None
    works_in: Expression | None = None
    given_up: GivenUp | None = None
    as_needed: Truth = False


class Examination(Coded):
    """A test whose result is no number: positive or not, or one of those that are seen under `result`; or a
    panel of biomarkers that are measured together.
    """

    positive: Annotated[dict[str, Expression], Section(_ANYTHING), Field(default_factory=dict)]
    result: Annotated[
        dict[str, Annotated[dict[str, Expression], _THINGS]],
        Section(_ANYTHING),
        Field(default_factory=dict),
    ]
    takes: Expression | None = None
    panel: AnyNumber[Name]
    errors_correlate: Expression | None = None

    @classmethod
    def example(cls) -> str:
        return "{positive: {cancer: 0.8, otherwise: 0.05}}"


class Biomarker(Named):
    code: Codes | None = None
    analyte: Name | None = None
    unit: Text
    value: Expression | None = None
    within_person: Expression | None = None
    measurement_error: Expression | None = None
    range: Name | None = None
    decimals: Whole = 1


# ---- disease


class Exit(Named):
    """One way out of a state: exactly one of rate, risk, survival, after, share, upon and when. `times` is a
    factor on its hazard.
    """

    rate: Expression | None = None
    risk: Risk | None = None
    survival: Survival | None = None
    after: Expression | None = None
    share: Expression | None = None
    upon: Name | None = None
    when: Expression | None = None
    chance: Expression | None = None
    while_: Expression | None = Field(None, alias="while")
    times: Expression | None = None
    cause: Name | None = None


class State(Named):
    """A state, or with `states` a group of them; its exits are the keys `-> target`."""

    set: Settings = Field(default_factory=dict)
    lasts: Expression | None = None
    exits: Annotated[dict[str, OneOrMore[Exit]], Section(QUALIFIED)] = Field(default_factory=dict, alias="->")
    states: Annotated[dict[str, State], _THINGS] = Field(default_factory=dict)

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
        schema = handler.resolve_ref_schema(handler(core))
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

    rate: Expression
    while_: Expression | None = Field(None, alias="while")
    times: Expression | None = None
    set: Settings = Field(default_factory=dict)


class Modifier(Named):
    """A factor on every rate into a state, from one state to another, of an event, or of a protocol's start;
    or what moves a biomarker.
    """

    rate: Name | None = None
    biomarker: Name | None = None
    times: Expression | None = None
    add: Expression | None = None
    while_: Expression | None = Field(None, alias="while")
    source: Text = ""


# ---- care


class Start(Named):
    """How a protocol starts: exactly one of upon, when, rate and during."""

    upon: Name | None = None
    when: Expression | None = None
    rate: Expression | None = None
    while_: Expression | None = Field(None, alias="while")
    during: Name | None = None
    with_: Settings = Field(default_factory=dict, alias="with")


class Valid(Model):
    """From the start of one day to the start of another, or from or to one alone."""

    from_: Name | None = Field(None, alias="from")
    to: Name | None = None

    @classmethod
    def example(cls) -> str:
        return "{from: 2006-07-01}"


class AnyStep(Named):
    """What every step may have: `chance`, its probability, `valid`, the dates between which it is done, and
    `name`, the key of its random stream.
    """

    chance: Expression | None = None
    valid: Valid | None = None
    name: Name | None = None


class Rebook(Model):
    """Asks again `after` a time, so many `times`; without end where that is left out."""

    after: Expression
    times: Whole | None = None

    @classmethod
    def example(cls) -> str:
        return "{after: 2 weeks, times: 3}"


class Visit(AnyStep):
    visit: Name
    reason: Name | None = None
    lasts: Expression | None = None
    attend: Expression | None = None
    rebook: Rebook | None = None
    priority: Expression | None = None
    gives_up: Expression | None = None
    missed: Steps = Field(default_factory=list)
    referral: Truth = False
    discharge: Things[Expression]
    steps: Steps = Field(default_factory=list)


class Test(AnyStep):
    test: OneOrMore[Name]


class Diagnose(AnyStep):
    diagnose: Name
    resolves: Expression | None = None


class Resolve(AnyStep):
    resolve: Name


class Supplied(AnyStep):
    for_: Expression | None = Field(None, alias="for")
    refills: Name | None = None


class Prescribe(Supplied):
    prescribe: Name
    dose: Expression | None = None


class Increase(AnyStep):
    increase: Name


class Decrease(AnyStep):
    decrease: Name


class Switch(Supplied):
    switch: Name
    to: Name
    dose: Expression | None = None


class StepUp(Supplied):
    step_up: Name


class StepDown(Supplied):
    step_down: Name


class Stop(AnyStep):
    stop: Name


class Perform(AnyStep):
    perform: Name


class Vaccinate(AnyStep):
    vaccinate: Name


class Record(AnyStep):
    record: Name
    value: Expression


class Wait(AnyStep):
    wait: Expression


class WaitUntil(AnyStep):
    wait_until: Expression
    at_most: Expression | None = None


class At(AnyStep):
    """Rounds of steps at some times `counted_from` a thing, or the protocol's start."""

    at_: Annotated[list[Expression], Items(), Field(alias="at")]
    counted_from: Expression | None = None
    steps: Steps


class Every(AnyStep):
    every: Expression
    first: Expression | None = None
    until: Expression | None = None
    at_most: Whole | None = None
    steps: Steps


class If(AnyStep):
    if_: Expression = Field(alias="if")
    then: Steps
    else_: Steps = Field(default_factory=list, alias="else")


class Branch(Named):
    """Exactly one of if, share and otherwise."""

    if_: Expression | None = Field(None, alias="if")
    share: Expression | None = None
    otherwise: Steps | None = None
    then: Steps | None = None


class Choose(AnyStep):
    choose: OneOrMore[Branch]


class Do(AnyStep):
    do: Name
    with_: Settings = Field(default_factory=dict, alias="with")


class StartProtocol(AnyStep):
    start: Name
    with_: Settings = Field(default_factory=dict, alias="with")


class Set(AnyStep):
    set: Settings


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


class Protocol(Named):
    """`needs` are its arguments: their names, and what each is."""

    needs: Values[Name]
    starts: AnyNumber[Start]
    while_: Expression | None = Field(None, alias="while")
    until: Expression | None = None
    valid: Valid | None = None
    plan: Plan | None = None
    steps: Steps


class Correlation(Model):
    """`r` between two variables, or a `matrix` among several."""

    between: AnyNumber[Name]
    r: Expression | None = None
    among: AnyNumber[Name]
    matrix: AnyNumber[OneOrMore[Expression]]
    source: Text = ""

    @classmethod
    def example(cls) -> str:
        return "{between: [x, y], r: 0.4}"


# ---- files


class Pathway(Named):
    """A pathway file."""

    planned = frozenset({"expect"})
    pathway: Name
    needs: Annotated[dict[str, Name], Section(QUALIFIED), Field(default_factory=dict)]
    uses: AnyNumber[Name]
    sources: Texts
    parameters: Values[Parameter]
    variables: Values[Definition]
    correlations: AnyNumber[Correlation]
    formulas: Values[Definition]
    disease: Things[Annotated[dict[str, State], _THINGS]]
    events: Things[Event]
    biomarkers: Values[Biomarker]
    tests: Things[Examination]
    modifies: AnyNumber[Modifier]
    conditions: Things[Coded]
    allergies: Things[Coded]
    procedures: Things[Coded]
    vaccines: Things[Coded]
    drugs: Things[Drug]
    ladders: Things[OneOrMore[OneOrMore[Name]]]
    groups: Things[OneOrMore[Name]]
    care: Things[Protocol]

    @classmethod
    def arranged(cls, node: Mapping, findings: Findings) -> Mapping:
        return super().arranged(with_drug_use(node, findings), findings)


class Dates(Model):
    from_: Name = Field(alias="from")
    to: Name


class Sex(Model):
    female: Expression
    male: Expression


class AliveOn(Model):
    date: Name
    ages: Name


class Include(Model):
    """Which lives make the cohort, by looks at the start and at the end of their record."""

    shorthand: ClassVar[str] = "at_end"
    at_start: Expression | None = None
    at_end: Expression | None = None

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": ["string", "number", "boolean"]}, handler(core)]}


class Oversample(Model):
    """All of whom `if` is true are kept, of the others one in `times`."""

    if_: Expression = Field(alias="if")
    times: Expression


class Population(Named):
    size: Whole
    include: Include | None = None
    oversample: Oversample | None = None
    sex: Sex | None = None
    alive_on: AliveOn | None = None
    born: Dates | None = None
    entry: Expression | None = None
    variables: Values[Definition]
    correlations: AnyNumber[Correlation]


class Mortality(Named):
    table: Name
    unit: Text = ""
    less: AnyNumber[Name]
    clamp: Truth = False
    background: Name | None = None
    source: Text = ""


class Provider(Named):
    """Where visits take place. `capacity` is a number of patients at a time, or of appointments per time."""

    class_: Name = Field(alias="class")
    capacity: Expression | None = None
    hours: AnyNumber[Hours]
    lasts: Expression | None = None


class Imperfection(Named):
    """One way in which the record is spoiled: exactly one of the kinds, with the names of what it spoils."""

    missing: AnyNumber[Name]
    late: AnyNumber[Name]
    duplicated: AnyNumber[Name]
    rounded: AnyNumber[Name]
    wrong_unit: AnyNumber[Name]
    wrong_code: AnyNumber[Name]
    chance: Expression | None = None
    by: Expression | None = None
    to: Expression | None = None
    factor: Expression | None = None
    unit: Text | None = None
    decimals: Whole | None = None
    becomes: AnyNumber[Name]


class ScenarioFile(Named):
    """scenario.yaml. Its `settings` are those of its `parameters` that are named with their pathway."""

    planned = frozenset({"expect"})
    scenario: Text
    extends: Name | None = None
    without: AnyNumber[Name]
    sources: Texts
    window: Dates
    population: Population
    mortality: Mortality | None = None
    parameters: Values[Parameter]
    settings: Annotated[dict[str, Setting], Section(QUALIFIED)] = Field(default_factory=dict)
    parameter_files: AnyNumber[Name]
    pathways: AnyNumber[Name]
    providers: Things[Provider]
    behaviours: AnyNumber[Class]
    imperfections: Things[Imperfection]
    correlations: AnyNumber[Correlation]

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
        schema = handler.resolve_ref_schema(handler(core))
        setting = schema["properties"].pop("settings")["additionalProperties"]
        parameters = schema["properties"]["parameters"]
        parameters["additionalProperties"] = {"anyOf": [parameters["additionalProperties"], setting]}
        return schema


def json_schema() -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) that every scenario.yaml and every pathway file meets.

    Of a scenario that extends another only the keys are looked at: what they hold may be a part.
    """
    from pydantic.json_schema import models_json_schema

    _, schema = models_json_schema([(ScenarioFile, "validation"), (Pathway, "validation")])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lifecourse scenario or pathway",
        "anyOf": [
            {"$ref": "#/$defs/ScenarioFile"},
            {"$ref": "#/$defs/Pathway"},
            {
                "required": ["scenario", "extends"],
                "propertyNames": {"enum": sorted(ScenarioFile.keys())},
            },
        ],
        **schema,
    }
