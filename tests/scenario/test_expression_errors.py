"""Mistakes that authors make: what each is told, at which column, and what would be right."""

# ruff: noqa: E501 - tables of cases, one on a line

from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.scenario.diagnostics import Diagnostic, ScenarioError
from sim.scenario.expressions import parse
from sim.scenario.model import DATE, DURATION, NUMBER, RATE, TRUTH, Expr, Span, Type
from sim.scenario.typing import Context, Scope, Symbol, check

Read = Callable[..., Expr]

MMHG = Type("number", unit="mmHg")


def findings(read: Read, *arguments: object) -> tuple[Diagnostic, ...]:
    with pytest.raises(ScenarioError) as caught:
        read(*arguments)
    return caught.value.diagnostics


# (text, the part of it that is marked, rule, message, fix)
SYNTAX = [
    ("", "", "empty-expression", "the expression is empty", ""),
    ("1 + ", "", "syntax", "a value is missing at the end", ""),
    ("3 +* 4", "*", "syntax", "a value is missing before `*`", ""),
    ("+3", "+", "syntax", "a value is missing before `+`", "leave out the `+`"),
    ("min(1, )", ")", "syntax", "a value is missing before `)`", ""),
    ("(1 + 2", "(", "syntax", "this `(` is never closed", ""),
    ("exp(age", "(", "syntax", "this `(` is never closed", ""),
    ("age)", ")", "syntax", "this `)` closes nothing", ""),
    ("age 3", "3", "syntax", "an operator is missing before `3`", ""),
    ("(age atopic)", "atopic", "syntax", "an operator or `)` is missing before `atopic`", ""),
    ("1, 2", ",", "syntax", "a comma stands only between the arguments of a call", ""),
    ("severity = severe", "=", "syntax", "`=` compares nothing", "write `==`"),
    ("(severity = severe)", "=", "syntax", "`=` compares nothing", "write `==`"),
    ("2 if atopic", "if", "syntax", "this `if` has no `else`", "x if condition else y"),
    ("2 else 3", "else", "syntax", "this `else` has no `if`", "x if condition else y"),
    ("2 * not atopic", "not", "syntax", "`not` binds more loosely", "put it in parentheses: (not x)"),
    ("normal(mean=1, mean=2)", "mean", "syntax", "`mean` is given twice", ""),
    ("normal(mean=1, 2)", "2", "syntax", "an argument without a name stands after one with a name", ""),
    ("atopic && smoker", "&&", "unexpected-character", "`&&` has no meaning here", "write `and`"),
    ("atopic || smoker", "||", "unexpected-character", "`||` has no meaning here", "write `or`"),
    ("!atopic", "!", "unexpected-character", "`!` has no meaning here", "write `not`"),
    ("age ^ 2", "^", "unexpected-character", "`^` has no meaning here", "write `**` for a power"),
    ("age // 2", "//", "unexpected-character", "`//` has no meaning here", "write floor(a / b)"),
    ("age ≥ 40", "≥", "unexpected-character", "`≥` has no meaning here", "write `>=`"),
    ("age => 40", "=>", "unexpected-character", "`=>` has no meaning here", "write `>=`"),
    ("age <> 40", "<>", "unexpected-character", "`<>` has no meaning here", "write `!=`"),
    ("age − 40", "−", "unexpected-character", "`−` has no meaning here", "write `-`, the hyphen of the keyboard"),
    ("age % 2", "%", "unexpected-character", "`%` has no meaning here", "`%` is a unit"),
    ("severity == 'severe'", "'", "unexpected-character", "`'` has no meaning here", "bare names"),
    ("age ? 1 : 2", "?", "unexpected-character", "`?` has no meaning here", "x if condition else y"),
    ("a.b.c", ".", "unexpected-character", "`.` has no meaning here", "a name has one dot at most"),
    ("größe", "ö", "unexpected-character", "`ö` (U+00F6) has no meaning", "names are written in a-z"),
    ("age < 2010-02-30", "2010-02-30", "no-such-date", "there is no day 2010-02-30", ""),
    ("2 per mile", "per mile", "unknown-unit", "`per mile` is not a rate", "did you mean `per minute`?"),
    ("1e999", "1e999", "too-large", "a number beyond 1.8e308", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "marked", "rule", "message", "fix"), SYNTAX)
def test_mistakes_of_spelling(text: str, marked: str, rule: str, message: str, fix: str, read: Read) -> None:
    (found,) = findings(read, text)
    start = found.span.column - 12
    assert found.rule == rule
    assert text[start : start + found.span.length] == marked
    assert message in found.message
    assert fix in found.fix
    assert bool(fix) == bool(found.fix)


# (text, expected, context, the part that is marked, rule, message, fix)
MEANING: list[tuple[str, Type | None, Context, str, str, str, str]] = [
    # names
    ("atopik", None, "condition", "atopik", "unknown-name", "there is no `atopik`", "did you mean `atopic`?"),
    ("femal", None, "condition", "femal", "unknown-name", "there is no `femal`", "did you mean `female`?"),
    ("diagnosd(asthma)", None, "condition", "diagnosd", "unknown-name", "no function `diagnosd`", "`diagnosed`"),
    ("in(atack)", None, "condition", "atack", "unknown-name", "there is no state `atack`", "did you mean `attack`?"),
    ("last(spb)", None, "condition", "spb", "unknown-name", "there is no biomarker or test `spb`", "did you mean `sbp`?"),
    ("depression.mood", None, "condition", "depression.mood", "unknown-name", "no `depression.mood`", "episode`?"),
    ("in(flare)", None, "condition", "flare", "ambiguous-name", "`flare` can be state gout.flare, state copd.flare",
     "write the name with its pathway"),
    ("severity == sever", None, "condition", "sever", "unknown-level",
     "`sever` is not a level of this category (mild, moderate, severe)", "did you mean `severe`?"),
    ("severity == active", None, "condition", "active", "unknown-level", "`active` is not a level", ""),
    # a word, or a thing, in the wrong place
    ("active", None, "condition", "active", "wrong-kind", "`active` is a state, not a value", "in(active)?"),
    ("asthma", None, "condition", "asthma", "wrong-kind", "`asthma` is a condition", "diagnosed(asthma)?"),
    ("inhaler > 0", None, "condition", "inhaler", "wrong-kind", "`inhaler` is a drug", "taking(inhaler) or prescribed"),
    ("review", None, "condition", "review", "wrong-kind", "`review` is a protocol", "running(review)?"),
    ("airways", None, "condition", "airways", "wrong-kind", "`airways` is an axis", "in(...) one of its states?"),
    ("in(inhaler)", None, "condition", "inhaler", "wrong-kind", "`in` reads a state, and `inhaler` is a drug",
     "did you mean taking(inhaler) or prescribed(inhaler)?"),
    ("diagnosed(active)", None, "condition", "active", "wrong-kind",
     "`diagnosed` reads a condition, and `active` is a state", "did you mean in(active)?"),
    ("tested(asthma)", None, "condition", "asthma", "wrong-kind", "`tested` reads a biomarker", "diagnosed(asthma)?"),
    ("in(onset)", None, "condition", "onset", "wrong-kind", "`in` reads a state, and `onset` is a parameter", ""),
    ("in(active, attack)", None, "condition", "in(active, attack)", "wrong-arguments", "`in` reads one state",
     "in(state)"),
    ("in(1 + 2)", None, "condition", "1 + 2", "wrong-arguments", "`in` reads a state by its name", "in(state)"),
    ("in(active, within=1 year)", None, "condition", "within", "wrong-arguments", "`in` has no `within`", "in(state)"),
    ("count(attack, whithin=1 year)", None, "condition", "whithin", "wrong-arguments", "`count` has no `whithin`",
     "count(name, within=1 year)"),
    ("count(attack, within=1)", None, "condition", "1", "missing-unit", "a duration belongs here, and 1 has no unit",
     "write 1 day or 1 year"),
    ("mean(sbp, within=-1 days)", None, "condition", "-1 days", "impossible-window", "a time above 0", ""),
    ("last", None, "condition", "last", "wrong-arguments", "`last` needs to be told of what", "last(biomarker)"),
    ("normal", None, "draw", "normal", "wrong-arguments", "`normal` needs arguments", "normal(...)"),
    ("exp(1, 2)", None, "condition", "exp(1, 2)", "wrong-arguments", "`exp` takes one value", "exp(x)"),
    ("max(1)", None, "condition", "max(1)", "wrong-arguments", "`max` takes two values or more", "max(x, y)"),
    ("age(40)", None, "condition", "age", "unknown-name", "`age` is not a function", "without parentheses"),
    ("onset(40)", None, "condition", "onset", "unknown-name", "`onset` is not a function", "without parentheses"),
    ("rest", None, "condition", "rest", "wrong-arguments", "`rest` can only be the last of several shares", ""),
    # units
    ("last(sbp) > 140 mmhg", None, "condition", "mmhg", "unknown-unit", "`mmhg` is not a unit", "`mmHg`"),
    ("3 proneness", None, "condition", "proneness", "unknown-unit", "`proneness` is not a unit", "an operator"),
    ("last(sbp) > 8.5 mmol/L", None, "condition", "last(sbp) > 8.5 mmol/L", "wrong-unit",
     "a number in mmHg and a number in mmol/L cannot be compared", ""),
    ("last(sbp) + last(ldl)", None, "condition", "last(sbp) + last(ldl)", "wrong-unit", "cannot be added", ""),
    ("last(ldl)", MMHG, "condition", "last(ldl)", "wrong-unit", "a number in mmHg belongs here, not one in mmol/L", ""),
    ("70 %", NUMBER, "condition", "70 %", "wrong-unit", "a plain number belongs here, not one in %", "70 % is 0.7"),
    ("0.012", RATE, "rate", "0.012", "missing-unit", "a rate belongs here, and 0.012 has no unit", "0.012 per year"),
    ("onset + 0.5", RATE, "rate", "0.5", "missing-unit", "a rate and a plain number cannot be added",
     "write 0.5 per year"),
    ("proneness * 2", RATE, "rate", "proneness * 2", "missing-unit", "a rate belongs here, and this is a plain number",
     "multiply it with `1 per year`"),
    ("30", DURATION, "draw", "30", "missing-unit", "a duration belongs here, and 30 has no unit",
     "write 30 days or 30 years"),
    ("since(attack) < 5", None, "condition", "5", "missing-unit", "a duration and a plain number cannot be compared",
     "write 5 days or 5 years"),
    ("today + 5", None, "condition", "5", "missing-unit", "a plain number cannot be added to a date", "write 5 days"),
    ("2010", DATE, "condition", "2010", "missing-unit", "a date belongs here, and 2010 has no unit", "2010-01-01"),
    # types
    ("6 weeks", RATE, "rate", "6 weeks", "wrong-type", "a rate belongs here, and this is a duration", "1 / (a duration)"),
    ("onset", DURATION, "draw", "onset", "wrong-type", "a duration belongs here, and this is a rate", "1 / (a rate)"),
    ("first_age", NUMBER, "condition", "first_age", "wrong-type", "this is a duration", "divide it by `1 year`"),
    ("proneness", TRUTH, "condition", "proneness", "wrong-type", "a truth value belongs here", "compare it"),
    ("severity", TRUTH, "condition", "severity", "wrong-type", "a truth value belongs here", "one of its levels"),
    ("not proneness", None, "condition", "proneness", "wrong-type", "`not` needs a truth value", "compare it"),
    ("atopic and 3", None, "condition", "3", "wrong-type", "`and` joins truth values, and this is a plain number",
     "compare it"),
    ("1 if age else 2", None, "condition", "age", "wrong-type", "the condition after `if` is a truth value, and this "
     "is a number of years", "compare it"),
    ("exp(onset)", None, "condition", "onset", "wrong-type", "`exp` needs a plain number, and this is a rate",
     "multiply it with `1 year`"),
    ("2 ** first_age", None, "condition", "first_age", "wrong-type", "`**` needs plain numbers, and this is a duration",
     "divide it by `1 year`"),
    ("onset * onset", None, "condition", "onset * onset", "wrong-type", "a rate cannot be multiplied with a rate", ""),
    ("onset / first_age", None, "condition", "onset / first_age", "wrong-type",
     "a rate cannot be divided by a duration", ""),
    ("today * 2", None, "condition", "today * 2", "wrong-type", "a date cannot be multiplied with a plain number", ""),
    ("today + today", None, "condition", "today + today", "wrong-type", "a date cannot be added to a date", ""),
    ("severity + 1", None, "condition", "severity + 1", "wrong-type", "cannot be added to a category", ""),
    ("severity < severe", None, "condition", "severity < severe", "wrong-type", "the levels of a category have no order",
     "compare with == or !="),
    ("severity == deprivation", None, "condition", "severity == deprivation", "wrong-type", "cannot be compared", ""),
    ("-severity", None, "condition", "-severity", "wrong-type", "has no negative", ""),
    ("6 weeks if atopic else onset", None, "condition", "6 weeks if atopic else onset", "wrong-type",
     "a duration and a rate cannot be alternatives", ""),
    ("age == 40", None, "condition", "age == 40", "never-equal", "`age` runs continuously", "compare with >= and <"),
    # constants
    ("9**9**9**9", None, "condition", "9**9", "exponent-too-large", "an exponent of 387,420,489; 1,000 is the limit", ""),
    ("age / (1 - 1)", None, "condition", "1 - 1", "division-by-zero", "this divides by zero", ""),
    ("sqrt(-1)", None, "condition", "sqrt(-1)", "not-finite", "this has no finite value", ""),
    ("1e200 * 1e200", None, "condition", "1e200 * 1e200", "not-finite", "this has no finite value", ""),
    # distributions
    ("lognormal(6 days, 0.5)", None, "draw", "6 days", "wrong-arguments", "lognormal needs its parameters by name",
     "lognormal(median=..., sigma=...) or lognormal(mean=..., sd=...)"),
    ("gamma(mean=1, scale=2)", None, "draw", "gamma(mean=1, scale=2)", "wrong-arguments", "other parameters than these",
     "gamma(shape=..., scale=...) or gamma(mean=..., sd=...)"),
    ("normal(1)", None, "draw", "normal(1)", "wrong-arguments", "other parameters", "normal(mean, sd)"),
    ("normal(1, sigma=2)", None, "draw", "sigma", "wrong-arguments", "normal has no parameter `sigma`", "normal(mean, sd)"),
    ("normal(1, 2, mean=3)", None, "draw", "mean", "wrong-arguments", "`mean` is given twice", "normal(mean, sd)"),
    ("normal(1 day, 2)", None, "draw", "2", "missing-unit", "cannot be parameters of one distribution", "write 2 days"),
    ("normal(0, -2)", None, "draw", "-2", "impossible-distribution", "`sd` must be 0 or more", ""),
    ("exponential(0 days)", None, "draw", "0 days", "impossible-distribution", "`mean` must be above 0", ""),
    ("bernoulli(1.2)", None, "draw", "1.2", "impossible-distribution", "`p` must be between 0 and 1", ""),
    ("uniform(3, 1)", None, "draw", "uniform(3, 1)", "impossible-distribution", "`low` is above `high`", "swap them"),
    ("beta(mean=0.5, sd=0.6)", None, "draw", "beta(mean=0.5, sd=0.6)", "impossible-distribution",
     "a share with mean 0.5 has an sd below 0.5", ""),
    ("gompertz(0.09, 0.0001 per year)", None, "draw", "0.09", "missing-unit", "a rate belongs here", "0.09 per year"),
    ("categorical(a=0.5, b=0.4)", None, "draw", "categorical(a=0.5, b=0.4)", "impossible-distribution",
     "the shares add up to 0.9, not to 1", "give the last one `rest`"),
    ("categorical(a=0.7, b=0.4)", None, "draw", "categorical(a=0.7, b=0.4)", "impossible-distribution",
     "the shares add up to 1.1, not to 1", ""),
    ("categorical(a=0.9, b=0.4, c=rest)", None, "draw", "categorical(a=0.9, b=0.4, c=rest)",
     "impossible-distribution", "the shares add up to 1.3", ""),
    ("categorical(a=rest, b=0.4)", None, "draw", "rest", "wrong-arguments", "only the last level can take the `rest`", ""),
    ("categorical(0.5, 0.5)", None, "draw", "0.5", "wrong-arguments", "categorical needs the name of each level",
     "categorical(mild=0.7, severe=rest)"),
    ("categorical(a=1)", None, "draw", "categorical(a=1)", "wrong-arguments", "two levels or more", "categorical("),
    # where it stands
    ("sbp > 140", None, "rate", "sbp", "drifting-rate", "a rate reads sbp, which varies from minute to minute",
     "did you mean usual(sbp)?"),
    ("sbp > 140", None, "condition", "sbp", "bare-biomarker", "could be the truth or a result", "last(sbp)"),
    ("45 + 0.25 * sbp", MMHG, "value", "sbp", "bare-biomarker", "could be the truth or a result", "usual(sbp)"),
    ("sbp > 140", None, "watch", "sbp", "bare-biomarker", "could be the truth or a result", "last(sbp)"),
    ("onset * normal(1, 2)", RATE, "rate", "normal(1, 2)", "draw-not-allowed", "a rate cannot draw", "draw a variable"),
    ("normal(1, 2) > 0", None, "condition", "normal(1, 2)", "draw-not-allowed", "a condition cannot draw", "draw a variable"),
    ("uniform(0, 1) > 0.5", None, "watch", "uniform(0, 1)", "draw-not-allowed", "a trigger cannot draw", "draw a variable"),
    ("normal(0, 1)", MMHG, "value", "normal(0, 1)", "draw-not-allowed", "a biomarker's value cannot draw", "draw a variable"),
    ("uniform(0, 1) + normal(0, 1)", None, "draw", "normal(0, 1)", "two-draws", "a second draw", "draw a variable"),
    ("normal(uniform(0, 1), 1)", None, "draw", "uniform(0, 1)", "two-draws", "a second draw", "draw a variable"),
    ("1 if bernoulli(0.5) else normal(0, 1)", None, "draw", "normal(0, 1)", "two-draws", "a second draw", "draw a"),
    ("last(sbp) + 5", MMHG, "value", "last(sbp)", "record-in-truth", "`last` is on the record", ""),
    ("in(active) and diagnosed(asthma)", None, "formula", "diagnosed(asthma)", "truth-and-record",
     "the truth or the record, not both: here `in` and `diagnosed`", "make two formulas"),
    ("today - 2010-01-01 > 1 year", None, "rate", "today", "drifting-rate", "a rate can only compare `today`", "today >="),
    ("today > 2010-01-01 + time_in(active)", None, "rate", "today", "drifting-rate", "a rate can only compare", "today >="),
    ("2 if year == 2020 else 1", None, "rate", "year == 2020", "middle-of-the-year", "the middle of a year",
     "2020 <= year < 2021"),
    ("year <= 2012", None, "rate", "year <= 2012", "middle-of-the-year", "the middle of a year", "year < 2013"),
    ("2012 < year", None, "rate", "2012 < year", "middle-of-the-year", "the middle of a year", "year >= 2013"),
    ("usual(sbp) > 140", None, "watch", "usual(sbp)", "not-exact", "cannot watch `usual`", "watch `last`"),
    ("age * 2 > 80", None, "watch", "age", "not-exact", "here `age` is not alone", "a clock stands alone on one side"),
    ("time_in(active) > since(attack)", None, "watch", "time_in(active)", "not-exact", "`time_in` is not alone", "a clock"),
    ("year == 2010", None, "watch", "year", "not-exact", "here `year` is not alone", "a clock stands alone"),
    ("gestation > 20 weeks", None, "watch", "gestation", "not-exact", "`time_in` is not alone", "a clock stands alone"),
    # to come
    ("positive(sbp)", None, "condition", "sbp", "wrong-kind", "`positive` reads a test, and `sbp` is a biomarker", "did you mean last(sbp)"),
    ("previous_state", None, "draw", "previous_state", "misplaced-word", "in the `set:` of a state", "and read `x`"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "context", "marked", "rule", "message", "fix"), MEANING)
def test_mistakes_of_meaning(
    text: str,
    expected: Type | None,
    context: Context,
    marked: str,
    rule: str,
    message: str,
    fix: str,
    read: Read,
) -> None:
    found = findings(read, text, expected, context)[0]
    start = found.span.column - 12
    assert (found.rule, found.span.line) == (rule, 7)
    assert text[start : start + found.span.length] == marked
    assert message in found.message
    assert fix in found.fix
    assert bool(fix) == bool(found.fix)


def test_every_mistake_of_an_expression_is_told_at_once(read: Read) -> None:
    found = findings(read, "atopik * exp(in(inhaler), 2) + (3 if agee else 7 mmhg)", None, "condition")
    assert [d.rule for d in found] == ["unknown-name", "wrong-arguments", "unknown-name", "unknown-unit"]


def generations(first: str, next_: str, most: int) -> tuple[int, str]:
    """How many formulas, each made of the one before, are accepted; and the rule that refuses the next."""
    here = Span("x.yaml", 1, 1)
    symbols: tuple[Symbol, ...] = ()
    for generation in range(most):
        text = next_.format(f"f{generation - 1}") if generation else first
        try:
            formula = check(parse(text, here), Scope(symbols, "p"), None, "formula")
        except ScenarioError as error:
            return generation, error.diagnostics[0].rule
        symbols += (Symbol("formula", f"p.f{generation}", formula.type, formula=formula),)
    return most, ""


def test_formulas_that_double_are_refused_before_they_fill_the_memory() -> None:
    accepted, rule = generations("age", "{0} + {0}", 40)
    assert rule == "too-long"
    assert 10 <= accepted <= 13  # 2**12 times `age + ` is the first text beyond 20,000 characters


def test_formulas_of_formulas_are_bounded_in_depth() -> None:
    assert generations("age", "{0} + 1", 100) == (64, "too-deep")
