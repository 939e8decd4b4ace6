"""The language of statistics: `prevalence(diabetes, among=age >= 40)`, and sentences about them.

A *statistic* is a call, see FORMS; it speaks of a condition, of a thing that happens or of numbers. A
*sentence* is arithmetic and comparisons over statistics, parameters and constants:

    0.03 < prevalence(advanced, among=60 <= age < 70) < 0.12

Interface (stable): `sentence(text, scope, scenario, expected) -> Sentence`, `split(text, scope, scenario) ->
Split`, the models `Sentence`, `Statistic`, `Thing`, `Numbers`, `Split`, and `scope_of(scenario)` in
scope_of.py, the names of a resolved scenario. `sim.measure` evaluates them: an
`accumulator.Accumulator(scenario, statistics, splits=())` takes the lives of any patients by `add(shard)`,
each patient once, in any order, and tells by `estimates()` of each statistic what there is so far: value,
standard error, 95% interval, people, happenings. A shard is one of a `Run` on the disk, or lives in memory,
see sim/measure/shards.py.

A `Sentence` is an `Expr` in which the op `statistic` stands for one of `Sentence.statistics`, its value being
the place of it as text: so types, units and messages are those of all expressions. Equal statistics are kept
once. Everything here is immutable and compares by what it means, not by where it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from sim.scenario import algebra
from sim.scenario.contexts import verify
from sim.scenario.diagnostics import ScenarioError, fault, gather, shown
from sim.scenario.expressions import Call, Date, Name, Number, Syntax, parse
from sim.scenario.loader import Scalar
from sim.scenario.model import DURATION, NUMBER, RATE, TRUTH, YEARS, Expr, Scenario, Span, Type
from sim.scenario.scope import Scope, Symbol, SymbolKind, did_you_mean
from sim.scenario.tellable import Tellable
from sim.scenario.typing import Checker
from sim.scenario.words import CLOCKS, READS, VALUES

DEATH = "death"
HAPPENS: tuple[SymbolKind, ...] = (
    *("state", "event", "condition", "drug", "procedure", "vaccine", "provider", "protocol"),
    *("biomarker", "test"),
)
HOLDS: dict[SymbolKind, str] = {"state": "in", "condition": "diagnosed", "drug": "prescribed"}
"""What lasts, and the word that says that it is so."""
_BARE: dict[SymbolKind, str] = {**HOLDS, "vaccine": "ever", "test": "positive"}
_SAYS_WHICH = ("in", "ever", "diagnosed", "prescribed", "running", "tested")
_LASTING: tuple[SymbolKind, ...] = ("state", "condition", "drug", "provider")


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that happens: of a kind, by its qualified name; several names are a group's members.

    The kind `death` has the conditions that are its cause, or none for any cause.
    """

    kind: str
    names: tuple[str, ...]
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Many numbers, each with a moment at which `among` is looked at.

    of        things   the numbers                                        that moment
    --------  -------  -------------------------------------------------  ---------------------------------
    results   (x,)     results of a test; 1 and 0 of positive, negative   when it is known
    waited    (x,)     from request to start of visits                    the request
    between   (x, y)   from an x to the next y                            x
    lasted    (x,)     of stays in x that have ended                      its start
    age_at    (x,)     the age at each x, in years                        x
    """

    of: str
    things: tuple[Thing, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Statistic:
    """One statistic; `name` is that of its form, whose arguments are where FORMS puts them.

    `conditions` are truth values looked at over time, `things` what happens, `numbers` those of mean, sd,
    median and quantile. `among` is None for everyone. `after` is what starts the clock of those who are
    followed, or at which `share` looks. `time` (of within=, at=, later=, gap=; by their names) are durations
    that read parameters alone. `date` is in days since 1970-01-01, `p` a probability.
    """

    name: str
    conditions: tuple[Expr, ...] = ()
    things: tuple[Thing, ...] = ()
    numbers: Numbers | None = None
    among: Expr | None = None
    after: Thing | None = None
    times: tuple[tuple[str, Expr], ...] = ()
    date: float | None = None
    p: float | None = None
    type: Type = NUMBER
    span: Span | None = field(default=None, compare=False)

    def time(self, name: str) -> Expr | None:
        """The duration given as `name`, if there is one."""
        return dict(self.times).get(name)


@dataclass(frozen=True, slots=True)
class Sentence:
    """`expression` reads `statistics` by the op `statistic`; it is a truth value, or a number of any type."""

    expression: Expr
    statistics: tuple[Statistic, ...]
    text: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Split:
    """What a statistic is told apart by: the value of an expression, in ranges or as it is.

    `breaks` are the edges between n + 1 ranges [a, b); () where every value is a class of its own: `levels`
    are then the names of 0, 1, ... (of a truth value no, yes), () of years.
    """

    name: str
    expression: Expr
    breaks: tuple[float, ...]
    levels: tuple[str, ...]


# ---- the forms


@dataclass(frozen=True, slots=True)
class Form:
    """How a statistic is written.

    `of` are its arguments without names, `needs` and `may` those with, each with what it is: condition,
    thing, drug, test, numbers, p; among, date, duration, until (a thing), to (a drug), anchor.
    """

    form: str
    of: tuple[str, ...]
    needs: dict[str, str] = field(default_factory=dict)
    may: dict[str, str] = field(default_factory=dict)
    type: Type | None = NUMBER  # None: that of its numbers


_AMONG = {"among": "among"}
_WITHIN = {"after": "anchor", "within": "duration"}
FORMS: dict[str, Form] = {
    "prevalence": Form("prevalence(condition)", ("condition",), {}, {**_AMONG, "at": "date"}),
    "incidence": Form("incidence(thing)", ("thing",), {}, _AMONG, RATE),
    "rate": Form("rate(thing)", ("thing",), {}, _AMONG, RATE),
    "cumulative_incidence": Form(
        "cumulative_incidence(thing, after=thing, within=5 years)", ("thing",), _WITHIN, _AMONG
    ),
    "survival": Form(
        "survival(after=thing, until=death, at=5 years)",
        (),
        {"after": "anchor", "until": "thing", "at": "duration"},
        _AMONG,
    ),
    "restricted_mean": Form(
        "restricted_mean(after=thing, until=death, within=5 years)",
        (),
        {"after": "anchor", "until": "thing", "within": "duration"},
        _AMONG,
        DURATION,
    ),
    "share": Form(
        "share(condition, at=thing, later=6 months)",
        ("condition",),
        {"at": "anchor"},
        {**_AMONG, "later": "duration"},
    ),
    "mean": Form("mean(test)", ("numbers",), {}, _AMONG, None),
    "sd": Form("sd(test)", ("numbers",), {}, _AMONG, None),
    "median": Form("median(test)", ("numbers",), {}, _AMONG, None),
    "quantile": Form("quantile(test, 0.9)", ("numbers", "p"), {}, _AMONG, None),
    "persistence": Form(
        "persistence(drug, at=1 year)", ("drug",), {"at": "duration"}, {**_AMONG, "gap": "duration"}
    ),
    "switching": Form(
        "switching(drug, to=drug, within=1 year)", ("drug",), {"to": "drug", "within": "duration"}, _AMONG
    ),
    "odds_ratio": Form(
        "odds_ratio(condition, condition)", ("condition", "condition"), {}, {**_AMONG, "at": "date"}
    ),
    "relative_risk": Form(
        "relative_risk(condition, condition)", ("condition", "condition"), {}, {**_AMONG, "at": "date"}
    ),
    "correlation": Form("correlation(test, test)", ("test", "test"), {}, _AMONG),
}
_NUMBERS = {
    "waited": "waited(provider)",
    "between": "between(thing, thing)",
    "lasted": "lasted(thing)",
    "age_at": "age_at(thing)",
}


# ---- reading


def sentence(text: Scalar, scope: Scope, scenario: Scenario, expected: Type | None) -> Sentence:
    """The sentence that a text is, of type `expected` (TRUTH; or None for any number).

    Raises ScenarioError with everything that is wrong, each with its place.
    """
    syntax = parse(text.written, text.origin)
    checker = _OfMany(scope, scenario)
    expression = checker.expression(syntax, expected)
    if expected is not None:
        expression = algebra.expect(expression, expected)
    elif expression.type.kind in ("truth", "category", "date"):
        message = f"a measure is a number, and this is {algebra.describe(expression.type)}"
        raise fault("wrong-type", message, syntax.span, "prevalence(...), rate(...), mean(...)")
    if not checker.statistics:
        message = "there is no statistic in this"
        raise fault("no-statistic", message, syntax.span, ", ".join(f"{name}(...)" for name in FORMS))
    return Sentence(expression, tuple(checker.statistics), " ".join(text.written.split()))


def split(text: Scalar, scope: Scope, scenario: Scenario) -> Split:
    """What a statistic is told apart by: `sex`, `year`, `age(20, 40, 60)`, a variable or a condition.

    Raises ScenarioError.
    """
    syntax = parse(text.written, text.origin)
    name, span = " ".join(text.written.split()), syntax.span
    breaks: tuple[float, ...] = ()
    if isinstance(syntax, Call) and _has_ranges(syntax, scope):
        breaks, name = _breaks(syntax), syntax.function.name
        expression = _condition(syntax.function, scope, scenario, None)
    else:
        expression = _condition(syntax, scope, scenario, None)
    of = expression.type
    if breaks:
        if of.kind != "number":
            raise fault("wrong-type", f"ranges are of a number, and this is {algebra.describe(of)}", span)
        return Split(name, expression, breaks, ())
    if of == TRUTH:
        return Split(name, expression, (), ("no", "yes"))
    if of.levels or expression.op in ("year", "month"):
        return Split(name, expression, (), of.levels)
    message = f"{algebra.describe(of)} has too many values to tell apart"
    raise fault("needs-ranges", message, span, f"{name}(20, 40, 60), with the edges between ranges")


def _has_ranges(call: Call, scope: Scope) -> bool:
    name = call.function.name
    return name in CLOCKS or bool(scope.meanings(name, VALUES))


def _breaks(call: Call) -> tuple[float, ...]:
    edges = [arg.value for arg in call.args if isinstance(arg, Number)]
    if call.keywords or len(edges) < len(call.args) or not edges or sorted(set(edges)) != edges:
        message = "ranges are told by the numbers between them, rising"
        raise fault("wrong-arguments", message, call.span, f"{call.function.name}(20, 40, 60)")
    return tuple(edges)


class _OfOne(Checker):
    """Conditions: of one patient at one time. Bare names of states and the like are what they are."""

    def name(self, syntax: Name, hint: Type | None) -> Expr:
        bare = not self.scope.meanings(syntax.name, VALUES) and not (hint and syntax.name in hint.levels)
        meant = self.scope.meanings(syntax.name, tuple(_BARE)) if bare else ()
        if not meant:
            return super().name(syntax, hint)
        if len(meant) > 1:
            forms = " or ".join(f"{_BARE[symbol.kind]}({syntax.name})" for symbol in meant)
            several = ", ".join(f"{symbol.kind} {symbol.name}" for symbol in meant)
            raise fault("ambiguous-name", f"`{shown(syntax.name)}` can be {several}", syntax.span, forms)
        word = Name(_BARE[meant[0].kind], syntax.span)
        return self.read(Call(word, (syntax,), (), syntax.span))

    def call(self, call: Call, hint: Type | None) -> Expr:
        if call.function.name in FORMS and call.function.name not in READS:
            message = f"`{call.function.name}` is a statistic of many patients, and this is about one"
            raise fault("misplaced-word", message, call.function.span, "a condition: diagnosed(x), age >= 40")
        return super().call(call, hint)


def _condition(syntax: Syntax, scope: Scope, scenario: Scenario, expected: Type | None) -> Expr:
    """An expression about one patient at one time, that the tables can tell."""
    checker = _OfOne(scope, "condition")
    expression = checker.expression(syntax, expected)
    if expected is not None:
        expression = algebra.expect(expression, expected)
    verify(expression, "condition", checker.formulas)
    Tellable(scenario).check(expression)
    return expression


class _OfMany(Checker):
    """Sentences: statistics, parameters, constants. `statistics` grows by those that are read."""

    def __init__(self, scope: Scope, scenario: Scenario):
        super().__init__(scope, "condition")
        self.scenario = scenario
        self.statistics: list[Statistic] = []

    def name(self, syntax: Name, hint: Type | None) -> Expr:
        meant = self.scope.meanings(syntax.name, VALUES)
        if syntax.name in ("true", "false") or any(s.kind == "parameter" for s in meant):
            return super().name(syntax, hint)
        message = f"`{shown(syntax.name)}` is about one patient, and a sentence about many"
        if syntax.name in CLOCKS or syntax.name == "sex" or meant:
            raise fault("about-one", message, syntax.span, f"prevalence(..., among={syntax.name} ...)")
        if self.scope.meanings(syntax.name, (*HAPPENS, "biomarker")):
            fix = f"prevalence({syntax.name}), rate({syntax.name}), ..."
            raise fault("about-one", message, syntax.span, fix)
        return super().name(syntax, hint)

    def call(self, call: Call, hint: Type | None) -> Expr:
        name = call.function.name
        if name in FORMS:
            statistic = _Reader(self.scope, self.scenario, call).statistic()
            if statistic not in self.statistics:
                self.statistics.append(statistic)
            place = str(self.statistics.index(statistic))
            return Expr("statistic", (), place, statistic.type, call.span)
        if name in _NUMBERS:
            message = f"`{name}` is many numbers"
            raise fault("about-one", message, call.span, f"mean({_NUMBERS[name]}), median(...)")
        if name in READS:
            message = f"`{name}` is about one patient, and a sentence about many"
            raise fault("about-one", message, call.span, f"prevalence({name}(...))")
        if name in ("min", "max", "abs", "exp", "log", "sqrt"):
            return super().call(call, hint)
        fix = did_you_mean(name, FORMS)
        message = f"there is no statistic `{shown(name)}`"
        raise fault("unknown-name", message, call.function.span, fix or f"one of {', '.join(FORMS)}")


class _Reader:
    """Reads one statistic."""

    def __init__(self, scope: Scope, scenario: Scenario, call: Call):
        self.scope, self.scenario, self.call = scope, scenario, call
        self.form = FORMS[call.function.name]

    def fault(self, message: str, span: Span) -> ScenarioError:
        return fault("wrong-arguments", message, span, self.form.form)

    def statistic(self) -> Statistic:
        name, form = self.call.function.name, self.form
        known = form.needs | form.may
        for keyword, _ in self.call.keywords:
            if keyword.name not in known:
                fix = did_you_mean(keyword.name, known) or f"{form.form}; it knows {', '.join(known)}"
                message = f"`{name}` has no `{shown(keyword.name)}`"
                raise fault("wrong-arguments", message, keyword.span, fix)
        given = {keyword.name: value for keyword, value in self.call.keywords}
        if len(self.call.args) != len(form.of):
            counts = ("no argument", "one argument", "two arguments")
            raise self.fault(f"`{name}` has {counts[len(form.of)]} without a name", self.call.span)
        if missing := [argument for argument in form.needs if argument not in given]:
            raise self.fault(f"`{name}` needs {' and '.join(f'`{m}=`' for m in missing)}", self.call.span)
        parts: list[tuple[str, str, Syntax]] = [
            *(("", of, syntax) for of, syntax in zip(form.of, self.call.args, strict=True)),
            *((key, known[key], syntax) for key, syntax in given.items()),
        ]
        made = Statistic(name, type=form.type or NUMBER, span=self.call.span)
        steps = gather(*(partial(self.part, *part) for part in parts))
        for step in steps:
            made = step(made)
        return made

    def part(self, key: str, of: str, syntax: Syntax) -> Callable[[Statistic], Statistic]:
        """What reads one argument does to the statistic."""
        match of:
            case "condition":
                condition = self.condition(syntax)
                return lambda s: replace(s, conditions=(*s.conditions, condition))
            case "among":
                among = self.condition(syntax)
                return lambda s: replace(s, among=among)
            case "thing" | "drug":
                thing = self.thing(syntax, ("drug",) if of == "drug" else HAPPENS)
                return lambda s: replace(s, things=(*s.things, thing))
            case "anchor":
                anchor = self.thing(syntax, HAPPENS)
                if anchor.kind == DEATH:
                    raise fault("wrong-kind", "nothing comes after death", syntax.span)
                return lambda s: replace(s, after=anchor)
            case "test":
                numbers = self.results(syntax)
                if numbers.type == TRUTH:
                    message = "a correlation is of numbers; yes and no go into odds_ratio"
                    raise fault("wrong-type", message, syntax.span)
                return lambda s: replace(s, things=(*s.things, *numbers.things))
            case "numbers":
                many = self.numbers(syntax)
                return lambda s: replace(s, numbers=many, type=NUMBER if many.type == TRUTH else many.type)
            case "p":
                p = self.probability(syntax)
                return lambda s: replace(s, p=p)
            case "date":
                date = self.date(syntax)
                return lambda s: replace(s, date=date)
        time = self.duration(syntax)
        return lambda s: replace(s, times=(*s.times, (key, time)))

    def condition(self, syntax: Syntax) -> Expr:
        return _condition(syntax, self.scope, self.scenario, TRUTH)

    def date(self, syntax: Syntax) -> float:
        if not isinstance(syntax, Date):
            raise fault("wrong-type", "a date belongs here", syntax.span, "at=2010-01-01")
        first, last = self.scenario.window
        if not first <= syntax.value <= last:
            message = "this date is not in the window: nobody is observed then"
            raise fault("outside-window", message, syntax.span)
        return syntax.value

    def duration(self, syntax: Syntax) -> Expr:
        found = _OfMany(self.scope, self.scenario)
        expression = algebra.expect(found.expression(syntax), DURATION)
        if found.statistics:
            raise fault("misplaced-word", "a time is no statistic", syntax.span, "5 years")
        value = algebra.constant(expression)
        if value is not None and value < 0:
            raise fault("impossible-window", "a time is 0 or more", syntax.span)
        return expression

    def probability(self, syntax: Syntax) -> float:
        if not isinstance(syntax, Number) or syntax.unit or not 0.0 <= syntax.value <= 1.0:
            raise fault("not-a-probability", "a quantile is told by a number from 0 to 1", syntax.span, "0.9")
        return syntax.value

    # ---- things and numbers

    def thing(self, syntax: Syntax, kinds: tuple[SymbolKind, ...]) -> Thing:
        """`x`, `diagnosed(x)` where a name alone could be several, `death`, `death(x)`."""
        if isinstance(syntax, Name) and syntax.name == DEATH and not self.scope.meanings(DEATH, kinds):
            return self.death((), syntax.span, kinds)
        if isinstance(syntax, Call) and syntax.function.name == DEATH:
            return self.death(syntax.args, syntax.span, kinds)
        said = _kinds_of(syntax, kinds)
        if isinstance(syntax, Call) and said and len(syntax.args) == 1 and not syntax.keywords:
            (syntax,), kinds = syntax.args, said
        if not isinstance(syntax, Name):
            message = "what happens is told by its name"
            raise fault("wrong-arguments", message, syntax.span, self.form.form)
        symbol = self.find(syntax, kinds)
        thing = Thing(symbol.kind, symbol.members or (symbol.name,), syntax.span)
        Tellable(self.scenario).check_thing(thing.names, syntax.span)
        return thing

    def find(self, name: Name, kinds: tuple[SymbolKind, ...]) -> Symbol:
        meant = self.scope.meanings(name.name, kinds)
        if len(meant) > 1 and len({symbol.kind for symbol in meant}) > 1:
            words = {**HOLDS, "biomarker": "tested", "test": "tested"}
            forms = [f"{words[s.kind]}({name.name})" for s in meant if s.kind in words]
            several = ", ".join(f"{symbol.kind} {symbol.name}" for symbol in meant)
            message = f"`{shown(name.name)}` can be {several}"
            raise fault("ambiguous-name", message, name.span, " or ".join(forms))
        if kinds == HAPPENS and not meant and not self.scope.meanings(name.name, VALUES):
            fix = did_you_mean(name.name, [*self.scope.names(HAPPENS), DEATH])
            message = f"there is nothing called `{shown(name.name)}` that happens"
            raise fault("unknown-name", message, name.span, fix)
        return self.scope.find(name.name, kinds, name.span)

    def death(self, causes: tuple[Syntax, ...], span: Span, kinds: tuple[SymbolKind, ...]) -> Thing:
        if kinds != HAPPENS:
            raise fault("wrong-kind", f"`{DEATH}` is no {' or '.join(kinds)}", span)
        found = tuple(name for cause in causes for name in self.thing(cause, ("condition",)).names)
        return Thing(DEATH, found, span)

    def results(self, syntax: Syntax) -> Numbers:
        if not isinstance(syntax, Name):
            raise fault("wrong-arguments", "a test is told by its name", syntax.span, self.form.form)
        symbol = self.scope.find(syntax.name, ("biomarker", "test"), syntax.span)
        of = symbol.type or NUMBER
        if of.levels:
            message = f"`{shown(syntax.name)}` is no number, but one of {', '.join(of.levels)}"
            fix = f"prevalence(last({syntax.name}) == {of.levels[0]})"
            raise fault("wrong-type", message, syntax.span, fix)
        return Numbers("results", (Thing(symbol.kind, (symbol.name,), syntax.span),), of)

    def numbers(self, syntax: Syntax) -> Numbers:
        if not isinstance(syntax, Call):
            return self.results(syntax)
        name, things = syntax.function.name, tuple(syntax.args)
        if name not in _NUMBERS:
            message = f"there are no numbers `{shown(name)}`"
            fix = did_you_mean(name, _NUMBERS) or f"a test, or {', '.join(_NUMBERS.values())}"
            raise fault("unknown-name", message, syntax.function.span, fix)
        if syntax.keywords or len(things) != (2 if name == "between" else 1):
            raise fault("wrong-arguments", f"`{name}` is told wrongly", syntax.span, _NUMBERS[name])
        kinds = {"waited": ("provider",), "lasted": _LASTING}.get(name, HAPPENS)
        found = gather(*(partial(self.thing, thing, kinds) for thing in things))
        if name == "between" and found[0].kind == DEATH:
            raise fault("wrong-kind", "nothing comes after death", things[0].span)
        return Numbers(name, found, YEARS if name == "age_at" else DURATION)


def _kinds_of(syntax: Syntax, kinds: tuple[SymbolKind, ...]) -> tuple[SymbolKind, ...]:
    """The kinds that a word around a name leaves: `diagnosed(x)` is a condition."""
    if not isinstance(syntax, Call) or syntax.function.name not in _SAYS_WHICH:
        return ()
    return tuple(kind for kind in READS[syntax.function.name].kinds if kind in kinds)
