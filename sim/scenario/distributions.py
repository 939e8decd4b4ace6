"""Distributions in an author's spelling -> a `draw` with the parameters of `DISTRIBUTIONS`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce

from sim.scenario import algebra, units
from sim.scenario.algebra import constant, describe
from sim.scenario.diagnostics import fault, gather, shown
from sim.scenario.expressions import Call, Compare, Conditional, Name, Number, Syntax
from sim.scenario.model import DISTRIBUTIONS, DURATION, NUMBER, RATE, TRUTH, Expr, Span, Type
from sim.scenario.scope import did_you_mean

_SHARES_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class _Parameter:
    """`role`: a quantity (those of one distribution have one type, that of the draw), plain number, or rate.

    A constant must lie from `low` to `high`, or strictly above `low` where `positive`.
    """

    name: str
    role: str = "quantity"
    low: float = -math.inf
    high: float = math.inf
    positive: bool = False

    def bounds(self) -> str:
        if self.high < math.inf:
            return f"between {self.low:g} and {self.high:g}"
        return "above 0" if self.positive else "0 or more"

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high and not (self.positive and value <= self.low)


_Q = _Parameter
_positive = partial(_Parameter, low=0.0, positive=True)
_spread = partial(_Parameter, low=0.0)
_share = partial(_Parameter, role="plain", low=0.0, high=1.0)

# Each distribution may be given by any one of these sets of parameters; the first is that of DISTRIBUTIONS.
_SPELLINGS: dict[str, tuple[tuple[_Parameter, ...], ...]] = {
    "uniform": ((_Q("low"), _Q("high")),),
    "normal": ((_Q("mean"), _spread("sd")),),
    "truncated_normal": ((_Q("mean"), _positive("sd"), _Q("low"), _Q("high")),),
    "lognormal": (
        (_positive("median"), _spread("sigma", role="plain")),
        (_positive("mean"), _spread("sd")),
    ),
    "exponential": ((_positive("mean"),),),
    "weibull": ((_positive("shape", role="plain"), _positive("scale")),),
    "gompertz": ((_positive("shape", role="rate"), _positive("rate", role="rate")),),
    "loglogistic": ((_positive("shape", role="plain"), _positive("scale")),),
    "gengamma": ((_positive("shape", role="plain"), _positive("scale"), _positive("power", role="plain")),),
    "gamma": (
        (_positive("shape", role="plain"), _positive("scale")),
        (_positive("mean"), _positive("sd")),
    ),
    "beta": (
        (_positive("a", role="plain"), _positive("b", role="plain")),
        (_share("mean", positive=True), _positive("sd", role="plain")),
    ),
    "poisson": ((_spread("mean", role="plain"),),),
    "bernoulli": ((_share("p"),),),
}


def draw(call: Call, check: Callable[[Syntax], Expr]) -> Expr:
    """The draw that `call` spells; `check` gives the typed expression of an argument.

    Raises ScenarioError: `wrong-arguments`, the errors of types, and `impossible-distribution` where constant
    parameters allow no draw.
    """
    if call.function.name == "categorical":
        return _categorical(call, check)
    if call.function.name == "empirical":
        return _empirical(call, check)
    parameters, given = _bind(call)
    args = gather(*(partial(check, given[p.name]) for p in parameters))
    args, result = _typed(call.function.name, parameters, args, call.span)
    gather(*(partial(_possible, p, a) for p, a in zip(parameters, args, strict=True)))
    _possible_together(call.function.name, [p.name for p in parameters], args, call.span)
    first = _SPELLINGS[call.function.name][0]
    if parameters != first:
        args = _CONVERSIONS[call.function.name](*args)
        result = next((a.type for p, a in zip(first, args, strict=True) if p.role == "quantity"), result)
    return Expr("draw", args, call.function.name, result, call.span)


def _bind(call: Call) -> tuple[tuple[_Parameter, ...], dict[str, Syntax]]:
    """The spelling that `call` uses, and its arguments by name."""
    name = call.function.name
    spellings = _SPELLINGS[name]
    by_name = len(spellings) > 1
    ways = " or ".join(f"{name}({', '.join(p.name + '=...' * by_name for p in s)})" for s in spellings)
    if call.args and by_name:
        raise fault("wrong-arguments", f"{name} needs its parameters by name", call.args[0].span, ways)
    positional = [p.name for p in spellings[0]][: len(call.args)]
    names = {p.name for spelling in spellings for p in spelling}
    for keyword, _ in call.keywords:
        if keyword.name not in names:
            message = f"{name} has no parameter `{shown(keyword.name)}`"
            raise fault("wrong-arguments", message, keyword.span, did_you_mean(keyword.name, names) or ways)
        if keyword.name in positional:
            raise fault("wrong-arguments", f"`{keyword.name}` is given twice", keyword.span, ways)
    given = dict(zip(positional, call.args, strict=False)) | {k.name: value for k, value in call.keywords}
    for spelling in spellings:
        if given.keys() == {p.name for p in spelling} and len(call.args) <= len(spelling):
            return spelling, given
    raise fault("wrong-arguments", f"{name} has other parameters than these", call.span, ways)


def _typed(
    name: str, parameters: tuple[_Parameter, ...], args: tuple[Expr, ...], span: Span
) -> tuple[tuple[Expr, ...], Type]:
    """The arguments with their types settled, and the type of the draw."""
    settled = dict(zip((p.name for p in parameters), args, strict=True))
    for p in parameters:
        if p.role == "plain":
            algebra.plain(settled[p.name], f"`{p.name}` of {name} is a plain number")
        elif p.role == "rate":
            settled[p.name] = algebra.expect(settled[p.name], RATE)
    quantities = [p.name for p in parameters if p.role == "quantity"]
    result = NUMBER
    if quantities:
        given = tuple(settled[q] for q in quantities)
        met, result = algebra.meet(given, span, "parameters of one distribution")
        settled |= zip(quantities, met, strict=True)
        if result.kind == "category" or (result.kind == "date" and name != "uniform"):
            raise fault("wrong-type", f"{name} cannot draw {describe(result)}", span)
        result = NUMBER if result == TRUTH else result
    result = {"gompertz": DURATION, "bernoulli": TRUTH}.get(name, result)
    return tuple(settled.values()), result


def _possible(parameter: _Parameter, arg: Expr) -> Expr:
    value = constant(arg)
    if value is not None and not parameter.holds(value):
        message = f"`{parameter.name}` must be {parameter.bounds()}"
        raise fault("impossible-distribution", message, arg.span or Span("", 1, 1))
    return arg


def _possible_together(name: str, parameters: list[str], args: tuple[Expr, ...], span: Span) -> None:
    known = {p: value for p, a in zip(parameters, args, strict=True) if (value := constant(a)) is not None}
    if known.keys() >= {"low", "high"}:
        if known["low"] > known["high"]:
            raise fault("impossible-distribution", "`low` is above `high`", span, "swap them")
        if name == "truncated_normal" and known["low"] == known["high"]:
            message = "`low` and `high` are the same: nothing is left to draw"
            raise fault("impossible-distribution", message, span)
    if name == "beta" and known.keys() >= {"mean", "sd"}:
        limit = math.sqrt(known["mean"] * (1.0 - known["mean"]))
        if not known["sd"] < limit:
            message = f"a share with mean {known['mean']:g} has an sd below {limit:.4g}"
            raise fault("impossible-distribution", message, span)


# ---- mean and sd turned into the parameters of DISTRIBUTIONS, as arithmetic that the engine does


def _node(op: str, left: Expr, right: Expr | float) -> Expr:
    if not isinstance(right, Expr):
        right = Expr("const", (), right, NUMBER, left.span)
    build = algebra.add if op in ("add", "sub") else algebra.multiply
    return build(op, left, right, left.span or Span("", 1, 1))


def _square(x: Expr) -> Expr:
    """x |x|: the square, but negative where x is, so that a negative sd stays impossible."""
    return _node("mul", x, Expr("abs", (x,), None, NUMBER, x.span))


def _lognormal(mean: Expr, sd: Expr) -> tuple[Expr, ...]:
    """median = mean / sqrt(1 + (sd/mean)^2), sigma = sqrt(log(1 + (sd/mean)^2))."""
    ratio = _node("div", sd, mean)
    spread = _node("add", _square(ratio), 1.0)
    sigma = Expr("sqrt", (Expr("log", (spread,), None, NUMBER, sd.span),), None, NUMBER, sd.span)
    return _node("div", mean, Expr("sqrt", (spread,), None, NUMBER, mean.span)), sigma


def _gamma(mean: Expr, sd: Expr) -> tuple[Expr, ...]:
    """shape = (mean/sd)^2, scale = sd^2/mean."""
    ratio = _node("div", mean, sd)
    return _square(ratio), _node("mul", sd, _node("div", sd, mean))


def _beta(mean: Expr, sd: Expr) -> tuple[Expr, ...]:
    """With n = mean (1 - mean) / sd^2 - 1: a = mean n, b = (1 - mean) n."""
    one = Expr("const", (), 1.0, NUMBER, mean.span)
    rest = _node("sub", one, mean)
    size = _node("sub", _node("div", _node("mul", mean, rest), _square(sd)), 1.0)
    return _node("mul", mean, size), _node("mul", rest, size)


_CONVERSIONS: dict[str, Callable[[Expr, Expr], tuple[Expr, ...]]] = {
    "lognormal": _lognormal,
    "gamma": _gamma,
    "beta": _beta,
}


# ---- categories


def _categorical(call: Call, check: Callable[[Syntax], Expr]) -> Expr:
    """One share per level, in the order written; the last may be `rest`."""
    example = "categorical(mild=0.7, severe=rest)"
    if call.args:
        raise fault("wrong-arguments", "categorical needs the name of each level", call.args[0].span, example)
    if len(call.keywords) < 2:
        raise fault("wrong-arguments", "categorical needs two levels or more", call.span, example)
    *before, (_, last) = call.keywords
    shares = [partial(_level_share, check, syntax) for _, syntax in before]
    shares.append(partial(_rest, last) if _is_rest(last) else partial(_level_share, check, last))
    args = gather(*shares)
    known = [constant(a) for a in args if a.op != "rest"]
    total = reduce(lambda sum_, value: sum_ + (value or 0.0), known, 0.0)
    if None not in known:
        exact = args[-1].op != "rest"
        if total > 1 + _SHARES_TOLERANCE or (exact and total < 1 - _SHARES_TOLERANCE):
            message = f"the shares add up to {total:.10g}, not to 1"
            raise fault(
                "impossible-distribution", message, call.span, "" if total > 1 else "give the last one `rest`"
            )
    levels = tuple(level.name for level, _ in call.keywords)
    return Expr("draw", args, "categorical", Type("category", levels=levels), call.span)


def _is_rest(syntax: Syntax) -> bool:
    return isinstance(syntax, Name) and syntax.name == "rest"


def _rest(syntax: Syntax) -> Expr:
    return Expr("rest", (), None, NUMBER, syntax.span)


def _level_share(check: Callable[[Syntax], Expr], syntax: Syntax) -> Expr:
    if _is_rest(syntax):
        raise fault("wrong-arguments", "only the last level can take the `rest`", syntax.span)
    share = check(syntax)
    algebra.plain(share, "a share is a plain number")
    return _possible(_share("share"), share)


# ---- quantiles

_PERCENTILE = re.compile(r"p(\d{1,3}(?:_\d+)?)", re.ASCII)


def _empirical(call: Call, check: Callable[[Syntax], Expr]) -> Expr:
    """Quantiles by percent, p0 to p100, linear between them."""
    example = "empirical(p0=1 day, p50=3 days, p97_5=2 weeks, p100=6 weeks)"
    if call.args:
        message = "empirical needs the percent of each quantile"
        raise fault("wrong-arguments", message, call.args[0].span, example)
    percents = []
    for name, _ in call.keywords:
        written = _PERCENTILE.fullmatch(name.name)
        if not written:
            message = f"`{shown(name.name)}` is not a percent, such as p25 or p97_5"
            raise fault("wrong-arguments", message, name.span, example)
        percents.append(float(written[1].replace("_", ".")))
        if len(percents) > 1 and percents[-1] <= percents[-2]:
            raise fault("wrong-arguments", "the percents must rise", name.span, example)
    if not percents or percents[0] != 0.0 or percents[-1] != 100.0:
        message = "the first quantile is p0, the least value, and the last p100, the greatest"
        raise fault("wrong-arguments", message, call.span, example)
    args = gather(*(partial(check, syntax) for _, syntax in call.keywords))
    met, result = algebra.meet(args, call.span, "the quantiles of one distribution")
    if result.kind in ("category", "date"):
        raise fault("wrong-type", f"empirical cannot draw {describe(result)}", call.span)
    for (name, _), before, after in zip(call.keywords[1:], met, met[1:], strict=False):
        low, high = constant(before), constant(after)
        if low is not None and high is not None and low > high:
            message = f"`{name.name}` is below the quantile before it"
            raise fault("impossible-distribution", message, after.span or call.span)
    names = [name for name, _ in call.keywords]
    named = [Expr("const", (), p, NUMBER, n.span) for p, n in zip(percents, names, strict=True)]
    pairs = tuple(e for pair in zip(named, met, strict=True) for e in pair)
    return Expr("draw", pairs, "empirical", NUMBER if result == TRUTH else result, call.span)


# ---- hazards in pieces


def piecewise(call: Call, state: Name) -> Syntax:
    """The rate that `piecewise(rate, time, rate, ...)` is while in a state: from each time on, the next."""
    example = "piecewise(0.1 per year, 2 years, 0.3 per year)"
    if call.keywords or len(call.args) < 3 or len(call.args) % 2 == 0:
        message = "piecewise has rates, and between them the times since entry at which the next one begins"
        raise fault("wrong-arguments", message, call.span, example)
    times = [t for t in call.args[1::2] if isinstance(t, Number) and t.unit in units.DURATIONS]
    sizes = [units.in_base(t.value, t.unit) for t in times]
    for earlier, later, syntax in zip(sizes, sizes[1:], times[1:], strict=False):
        if later <= earlier:
            raise fault("impossible-distribution", "the times of piecewise must rise", syntax.span, example)
    *_, rate = call.args
    for before, time in zip(call.args[-3::-2], call.args[-2::-2], strict=True):
        elapsed = Call(Name("time_in", time.span), (state,), (), time.span)
        rate = Conditional(Compare(elapsed, (("<", time),), time.span), before, rate, call.span)
    return rate


assert _SPELLINGS.keys() | {"categorical", "empirical"} == DISTRIBUTIONS.keys()
