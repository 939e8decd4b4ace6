"""What is wrong with a name, a word or a unit that means nothing where it stands, and what would be right."""

from __future__ import annotations

from dataclasses import replace

from sim.scenario import units
from sim.scenario.contexts import Context
from sim.scenario.diagnostics import ScenarioError, fault, shown
from sim.scenario.expressions import Number
from sim.scenario.model import DISTRIBUTIONS, Span, Type
from sim.scenario.scope import Scope, SymbolKind, did_you_mean, with_article
from sim.scenario.words import FUNCTIONS, INSTEAD, PREVIOUS_STATE, READS, RESERVED, VALUES

ANY: tuple[SymbolKind, ...] = (*VALUES, *INSTEAD)


def unknown_unit(number: Number, scope: Scope) -> ScenarioError:
    length = len(number.unit)
    start = max(number.span.column, number.span.column + number.span.length - length)
    span = replace(number.span, column=start, length=length)
    if scope.meanings(number.unit, ANY) or number.unit in RESERVED:
        fix = "an operator is missing before it, `*` perhaps"
    else:
        durations = [*units.DURATIONS, *(f"{name}s" for name in units.DURATIONS)]
        fix = did_you_mean(number.unit, {*units.CLINICAL, *scope.units, *durations})
    return fault("unknown-unit", f"`{shown(number.unit)}` is not a unit", span, fix)


def misplaced_word(name: str, span: Span) -> ScenarioError | None:
    """The error of a word of the language that stands alone, where it cannot; None for any other name."""
    if name == PREVIOUS_STATE:
        message = f"`{name}` is known where a state is entered: in the `set:` of a state"
        return fault("misplaced-word", message, span, f"set: {{x: {name}}}, and read `x` here")
    if name in READS:
        return fault("wrong-arguments", f"`{name}` needs to be told of what", span, READS[name].form(name))
    if name in DISTRIBUTIONS or name in FUNCTIONS:
        return fault("wrong-arguments", f"`{name}` needs arguments in parentheses", span, f"{name}(...)")
    if name == "rest":
        return fault("wrong-arguments", "`rest` can only be the last of several shares", span)
    return None


def unknown_level(name: str, category: Type, span: Span) -> ScenarioError:
    message = f"`{shown(name)}` is not a level of this category ({', '.join(category.levels)})"
    return fault("unknown-level", message, span, did_you_mean(name, category.levels))


def no_value(name: str, scope: Scope, context: Context, span: Span) -> ScenarioError:
    """The error of a name that stands for something without a value of its own, or for nothing."""
    short = shown(name)
    for kind, instead in INSTEAD.items():
        if not scope.meanings(name, (kind,)):
            continue
        if kind != "biomarker":
            fix = f"did you mean {instead.format(name=short)}?"
            return fault("wrong-kind", f"`{short}` is {with_article(kind)}, not a value", span, fix)
        if context == "rate":
            message = f"a rate reads {short}, which varies from minute to minute"
            return fault("drifting-rate", message, span, f"did you mean usual({short})?")
        message = f"`{short}` alone could be the truth or a result"
        fix = {
            "value": f"usual({short}), the truth without its noise",
            "watch": f"last({short}), the latest result",
        }.get(context, f"last({short}) for the latest result, usual({short}) for the truth")
        return fault("bare-biomarker", message, span, fix)
    if name.removesuffix("s") in units.DURATIONS:
        fix = f"a unit stands after its number: 4 {name}, or 4 per {name.removesuffix('s')}"
    else:
        fix = did_you_mean(name, [*scope.names(ANY), *RESERVED])
        fix = fix or "define it under `parameters:`, `variables:` or `formulas:`"
    return fault("unknown-name", f"there is no `{short}`", span, fix)


def wrong_thing(word: str, name: str, scope: Scope, span: Span) -> ScenarioError | None:
    """The error of a word that reads a name of another kind; None where the kind is right, or unknown."""
    if scope.meanings(name, READS[word].kinds):
        return None
    wanted = with_article(READS[word].wanted)
    for kind in ANY:
        if scope.meanings(name, (kind,)):
            message = f"`{word}` reads {wanted}, and `{shown(name)}` is {with_article(kind)}"
            fix = f"did you mean {INSTEAD[kind].format(name=shown(name))}?" if kind in INSTEAD else ""
            return fault("wrong-kind", message, span, fix)
    return None


def no_function(name: str, scope: Scope, span: Span) -> ScenarioError:
    if scope.meanings(name, ANY) or name in RESERVED:
        message = f"`{shown(name)}` is not a function"
        return fault("unknown-name", message, span, "it stands without parentheses")
    fix = did_you_mean(name, [*READS, *DISTRIBUTIONS, *FUNCTIONS])
    return fault("unknown-name", f"there is no function `{shown(name)}`", span, fix)
