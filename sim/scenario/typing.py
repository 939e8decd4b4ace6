"""Syntax tree -> typed expression.

Interface (stable): `check(syntax, scope, expected, context) -> Expr`, `Context`, `constant(expression)`.
`Symbol`, `SymbolKind` and `Scope` live in scope.py and can be imported from here as well.

`rest` (a share) and `ou(...)` are no expressions: read them before calling `check` (`ou` from the `Call` that
`parse` returns). Names in words.RESERVED cannot be given to a definition: an expression would read the word.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial, reduce

from sim.scenario import algebra, distributions, refusals, units
from sim.scenario.algebra import constant
from sim.scenario.contexts import Context, verify
from sim.scenario.diagnostics import fault, gather, shown
from sim.scenario.expressions import (
    Binary,
    Call,
    Compare,
    Conditional,
    Date,
    Name,
    Number,
    Syntax,
    Unary,
    unparse,
)
from sim.scenario.model import DATE, DISTRIBUTIONS, DURATION, NUMBER, TRUTH, YEARS, Expr, Span, Type
from sim.scenario.scope import Scope, Symbol, SymbolKind, did_you_mean, is_given, with_article
from sim.scenario.tokens import MAX_DEPTH, MAX_LENGTH
from sim.scenario.words import CLOCKS, FUNCTIONS, MONTH, PIECEWISE, PREVIOUS_STATE, READS, SEX, VALUES

__all__ = ["Context", "Scope", "Symbol", "SymbolKind", "check", "constant"]

_ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
_COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
_OF_ANY = {"taking": "max", "prescribed": "or", "top_dose": "or", "diagnosed": "or"}  # of a group
_CONTINUOUS = frozenset({"age", "today", "time_in", "years_in", "since"})


def check(syntax: Syntax, scope: Scope, expected: Type | None, context: Context) -> Expr:
    """The typed expression of `syntax`, of type `expected` (any type where that is None), fit for `context`.

    Names are qualified, quantities in base units, formulas written out: the outermost node of one has the
    place of its name, those below keep their own. Raises ScenarioError, which may carry several diagnostics.
    """
    checker = Checker(scope, context)
    expression = checker.expression(syntax, expected)
    if expected is not None:
        expression = algebra.expect(expression, expected)
    _bound(expression, syntax.span)
    verify(expression, context, checker.formulas)
    return expression


def _bound(expression: Expr, span: Span) -> None:
    """Raise unless `expression`, formulas written out, is small enough to be written and read back."""
    waiting, size = [(expression, 1)], 0
    while waiting and size <= MAX_LENGTH:
        node, depth = waiting.pop()
        size += 1
        if depth > MAX_DEPTH:
            message = f"with its formulas written out this is more than {MAX_DEPTH} levels deep"
            raise fault("too-deep", message, span)
        waiting += ((arg, depth + 1) for arg in node.args)
    if size > MAX_LENGTH or len(unparse(expression)) > MAX_LENGTH:
        message = f"with its formulas written out this is longer than {MAX_LENGTH:,} characters"
        raise fault("too-long", message, span)


class Checker:
    """Checks one expression. `formulas` are those written out in it. statistics.py extends it."""

    def __init__(self, scope: Scope, context: Context):
        self.scope = scope
        self.context = context
        self.formulas: list[Expr] = []

    def expression(self, syntax: Syntax, hint: Type | None = None) -> Expr:
        """The typed expression; where `hint` is a category, bare names are its levels."""
        match syntax:
            case Number():
                return self.number(syntax)
            case Date(value=value, span=span):
                return Expr("const", (), value, DATE, span)
            case Name():
                return self.name(syntax, hint)
            case Call():
                return self.call(syntax, hint)
            case Unary():
                return self.unary(syntax)
            case Binary():
                return self.binary(syntax, hint)
            case Compare():
                return self.compare(syntax)
            case Conditional():
                return self.conditional(syntax, hint)

    def all(self, *parts: Syntax, hint: Type | None = None) -> tuple[Expr, ...]:
        return gather(*(partial(self.expression, part, hint) for part in parts))

    # ---- literals and names

    def number(self, number: Number) -> Expr:
        value, of = units.in_base(number.value, number.unit)
        clinical = of.kind == "number" and of.unit
        if clinical and not units.is_known(of.unit) and of.unit not in self.scope.units:
            raise refusals.unknown_unit(number, self.scope)
        return Expr("const", (), value, of, number.span)

    def name(self, syntax: Name, hint: Type | None) -> Expr:
        name, span = syntax.name, syntax.span
        if hint is not None and name in hint.levels and hint == MONTH:
            return Expr("const", (), hint.levels.index(name) + 1.0, NUMBER, span)
        if hint is not None and name in hint.levels:
            return Expr("const", (), float(hint.levels.index(name)), hint, span)
        if name in CLOCKS:
            return Expr(name, (), None, CLOCKS[name], span)
        if name in ("true", "false"):
            return Expr("const", (), float(name == "true"), TRUTH, span)
        if name in ("sex", *SEX.levels):
            sex = Expr("variable", (), "population.sex", SEX, span)
            if name == "sex":
                return sex
            level = Expr("const", (), float(SEX.levels.index(name)), SEX, span)
            return Expr("eq", (sex, level), None, TRUTH, span)
        if name == PREVIOUS_STATE and self.scope.axis:
            axis = self.scope.axis
            return Expr(name, (), axis.name, axis.type or NUMBER, span)
        if misplaced := refusals.misplaced_word(name, span):
            raise misplaced
        if not self.scope.meanings(name, VALUES):
            if hint is not None and hint.levels:
                raise refusals.unknown_level(name, hint, span)
            raise refusals.no_value(name, self.scope, self.context, span)
        return self.value(self.scope.find(name, VALUES, span), span)

    def value(self, symbol: Symbol, span: Span) -> Expr:
        match symbol.kind:
            case "formula" | "parameter" if symbol.formula is not None or symbol.kind == "formula":
                assert symbol.formula is not None, f"{symbol.name} is read before it has been checked"
                self.formulas.append(replace(symbol.formula, span=span))
                return self.formulas[-1]
            case "table":
                if given := [key for key in symbol.keys if is_given(key)]:
                    message = f"`{symbol.name}` is read by {', '.join(given)}, and nothing here says of what"
                    fix = ", ".join(f"{key}=..." for key in given)
                    raise fault("keys-to-give", message, span, f"lookup({symbol.name}, {fix})")
                keys = gather(*(partial(self.name, Name(key, span), None) for key in symbol.keys))
                return Expr("lookup", keys, symbol.name, symbol.type or NUMBER, span)
            case _:
                return Expr(symbol.kind, (), symbol.name, symbol.type or NUMBER, span)

    # ---- calls

    def call(self, call: Call, hint: Type | None) -> Expr:
        name, span = call.function.name, call.function.span
        if name in READS:
            return self.read(call)
        if name in DISTRIBUTIONS:
            return distributions.draw(call, self.expression)
        if name in FUNCTIONS:
            return self.function(call, hint)
        if name == PIECEWISE:
            raise fault("misplaced-word", "`piecewise` is a hazard, alone in an `after:`", call.span)
        raise refusals.misplaced_word(name, span) or refusals.no_function(name, self.scope, span)

    def read(self, call: Call) -> Expr:
        """A word that reads a thing by name: `last(hba1c)`, `count(attack, within=1 year)`."""
        op, word = call.function.name, READS[call.function.name]
        form = word.form(op)
        if len(call.args) != 1:
            raise fault("wrong-arguments", f"`{op}` reads one {word.wanted}", call.span, form)
        (thing,) = call.args
        if not isinstance(thing, Name):
            message = f"`{op}` reads {with_article(word.wanted)} by its name"
            raise fault("wrong-arguments", message, thing.span, form)
        for keyword, _ in call.keywords:
            if not word.within or keyword.name != "within":
                raise fault("wrong-arguments", f"`{op}` has no `{shown(keyword.name)}`", keyword.span, form)
        if op == "running" and (made := self.scope.meanings(thing.name, ("protocol with arguments",))):
            running = [Expr(op, (), name, TRUTH, call.span) for name in made[0].members]
            no = Expr("const", (), 0.0, TRUTH, call.span)
            return reduce(lambda a, b: Expr("or", (a, b), None, TRUTH, call.span), running or [no])
        if wrong := refusals.wrong_thing(op, thing.name, self.scope, thing.span):
            raise wrong
        found = self.scope.find(thing.name, word.kinds, thing.span)
        if op == "usual" and "value" not in found.keys:
            message = f"`{thing.name}` has no `value:`: it is only ever recorded"
            raise fault("not-measured", message, thing.span, f"last({thing.name})")
        if op == "ever" and found.kind == "vaccine":
            count = Expr("count", (), found.name, NUMBER, call.span)
            return Expr("gt", (count, Expr("const", (), 0.0, NUMBER, call.span)), None, TRUTH, call.span)
        if op == "positive":
            return self.positive(found, call.span)
        windows = tuple(self.within(value) for _, value in call.keywords)
        if found.kind == "panel":
            parts = [Expr(op, windows, biomarker, TRUTH, call.span) for biomarker in found.keys]
            return reduce(lambda one, other: Expr("and", (one, other), None, TRUTH, call.span), parts)
        of = word.type or found.type or NUMBER
        if found.members and op in _OF_ANY:
            members = (self.scope.find(name, word.kinds, thing.span) for name in found.members)
            reads = (self.read_one(op, member, windows, of, call.span) for member in members)
            return reduce(lambda one, other: Expr(_OF_ANY[op], (one, other), None, of, call.span), reads)
        return self.read_one(op, found, windows, of, call.span)

    def read_one(self, op: str, found: Symbol, windows: tuple[Expr, ...], of: Type, span: Span) -> Expr:
        return self.taking(found, span) if op == "taking" else Expr(op, windows, found.name, of, span)

    def taking(self, drug: Symbol, span: Span) -> Expr:
        """The dose times the adherence, from when it works until it is given up."""
        taken = Expr("taking", (), drug.name, NUMBER, span)
        for adherence in self.scope.meanings(f"{drug.name}_adherence", ("variable",)):
            if "adherence" in drug.keys and adherence.type and adherence.type.kind in ("number", "truth"):
                taken = algebra.multiply("mul", taken, self.value(adherence, span), span)
        conditions = []
        for works_in in self.scope.meanings(f"{drug.name}_works_in", ("formula",)):
            if "works_in" in drug.keys and works_in.type == DURATION:
                since = Expr("since", (), drug.name, DURATION, span)
                conditions.append(Expr("ge", (since, self.value(works_in, span)), None, TRUTH, span))
        if "given_up" in drug.keys:
            conditions.append(Expr("in", (), f"{drug.name}_kept", TRUTH, span))
        if not conditions:
            return taken
        condition = reduce(lambda one, other: Expr("and", (one, other), None, TRUTH, span), conditions)
        return Expr("if", (condition, taken, Expr("const", (), 0.0, NUMBER, span)), None, taken.type, span)

    def positive(self, test: Symbol, span: Span) -> Expr:
        """The last result of a test that says yes or no."""
        if test.type != TRUTH:
            name, levels = test.name.rpartition(".")[2], test.type.levels if test.type else ()
            message = f"`{name}` does not say yes or no, but {', '.join(levels)}"
            raise fault("wrong-kind", message, span, f"last({name}) == {levels[0]}" if levels else "")
        return Expr("last", (), test.name, TRUTH, span)

    def within(self, syntax: Syntax) -> Expr:
        window = algebra.expect(self.expression(syntax), DURATION)
        days = constant(window)
        if days is not None and days <= 0:
            raise fault("impossible-window", "`within` looks back over a time above 0", syntax.span)
        return window

    def function(self, call: Call, hint: Type | None) -> Expr:
        name = call.function.name
        if name in ("season", "lookup"):
            return self.season(call) if name == "season" else self.lookup(call)
        several = name in ("min", "max")
        if call.keywords or (len(call.args) < 2 if several else len(call.args) != 1):
            message = f"`{name}` takes {'two values or more' if several else 'one value'}"
            raise fault("wrong-arguments", message, call.span, f"{name}(x, y)" if several else f"{name}(x)")
        if name == "felt":
            return self.felt(call.args[0], hint)
        args = self.all(*call.args)
        if several:
            return reduce(partial(self.extreme, name, call.span), args)
        (arg,) = args
        match name:
            case "known":
                return Expr("known", args, None, TRUTH, call.span)
            case "abs" if arg.type.kind in ("number", "duration", "rate"):
                return Expr("abs", args, None, arg.type, call.span)
            case "floor":
                algebra.plain(arg, "`floor` needs a number")
                return Expr("floor", args, None, NUMBER if arg.type == TRUTH else arg.type, call.span)
        algebra.plain(arg, f"`{name}` needs a plain number")
        return algebra.finite(Expr(name, args, None, NUMBER, call.span))

    def season(self, call: Call) -> Expr:
        """`season(peak=september, amplitude=0.5)`."""
        given = {keyword.name: value for keyword, value in call.keywords}
        form = "season(peak=september, amplitude=0.5)"
        if call.args or given.keys() != {"peak", "amplitude"}:
            message = "a `season` has a month, its `peak`, and an `amplitude` from 0 to 1"
            raise fault("wrong-arguments", message, call.span, form)
        peak = given["peak"]
        if not isinstance(peak, Name):
            raise fault("wrong-arguments", "the `peak` is a month, by its name", peak.span, form)
        if peak.name not in MONTH.levels:
            raise refusals.unknown_level(peak.name, MONTH, peak.span)
        amplitude = algebra.expect(self.expression(given["amplitude"]), NUMBER)
        size = constant(amplitude)
        if size is not None and not 0.0 <= size <= 1.0:
            message = f"the amplitude is {size:.6g}, not from 0 to 1"
            raise fault("impossible-amplitude", message, amplitude.span or call.span, "0 to 1")
        return Expr("season", (amplitude,), MONTH.levels.index(peak.name) + 1.0, NUMBER, call.span)

    def lookup(self, call: Call) -> Expr:
        """`lookup(table, key=EXPR, ...)`: keys that are not given are the patient's own."""
        if not call.args or not isinstance(call.args[0], Name):
            message = "`lookup` reads a table, by its name, and keys"
            raise fault("wrong-arguments", message, call.span, "lookup(table, age=50)")
        name = call.args[0].name
        table = self.scope.find(name, ("table",), call.args[0].span)
        columns = [key.rpartition(".")[2] for key in table.keys]
        given = dict(zip(columns, call.args[1:], strict=False))
        if len(call.args) - 1 > len(columns):
            message = f"`{name}` has no more keys than {', '.join(columns)}"
            raise fault("wrong-arguments", message, call.span)
        for keyword, value in call.keywords:
            if keyword.name not in columns:
                message = f"`{name}` has no key `{shown(keyword.name)}`: it has {', '.join(columns)}"
                raise fault("wrong-arguments", message, keyword.span, did_you_mean(keyword.name, columns))
            if keyword.name in given:
                raise fault("wrong-arguments", f"`{keyword.name}` is given twice", keyword.span)
            given[keyword.name] = value
        pairs = zip(table.keys, columns, strict=True)
        keys = gather(*(partial(self.key, key, given.get(column), call) for key, column in pairs))
        return Expr("lookup", keys, table.name, table.type or NUMBER, call.span)

    def key(self, key: str, syntax: Syntax | None, call: Call) -> Expr:
        """What a key of a table is read by."""
        if syntax is None and is_given(key):
            message = f"the key `{key}` is not given, and is nothing that a patient has"
            raise fault("wrong-arguments", message, call.span, f"{key}=...")
        if syntax is None:
            return self.name(Name(key, call.span), None)
        if key == "age":
            return algebra.expect(self.expression(syntax), YEARS)
        of = NUMBER if key == "year" or is_given(key) else self.name(Name(key, call.span), None).type
        if of.kind == "number":
            e = self.expression(syntax)
            if e.type.kind not in ("number", "truth"):
                message = f"the key `{key}` is a number, and this is {algebra.describe(e.type)}"
                raise fault("wrong-type", message, e.span or call.span)
            return e
        e = self.expression(syntax, of)
        if e.type != of:
            message = f"the key `{key}` is one of {', '.join(of.levels)}"
            raise fault("wrong-type", message, e.span or call.span)
        return e

    def felt(self, syntax: Syntax, hint: Type | None) -> Expr:
        """What the patient can tell: the value itself; the bare name of a state means being in it."""
        if isinstance(syntax, Name) and not self.scope.meanings(syntax.name, VALUES):
            states = self.scope.meanings(syntax.name, ("state",))
            if states and not (hint and syntax.name in hint.levels):
                state = self.scope.find(syntax.name, ("state",), syntax.span)
                return Expr("in", (), state.name, TRUTH, syntax.span)
        return self.expression(syntax, hint)

    def extreme(self, op: str, span: Span, left: Expr, right: Expr) -> Expr:
        (left, right), common = algebra.meet((left, right), span, "compared")
        if common.kind == "category":
            raise fault("wrong-type", "the levels of a category have no order", span)
        return Expr(op, (left, right), None, NUMBER if common == TRUTH else common, span)

    # ---- operators

    def unary(self, syntax: Unary) -> Expr:
        operand = self.expression(syntax.operand)
        if syntax.operator == "not":
            operand = algebra.truth(operand, "`not` needs a truth value")
            return Expr("not", (operand,), None, TRUTH, syntax.span)
        return algebra.negate(operand, syntax.span)

    def binary(self, syntax: Binary, hint: Type | None) -> Expr:
        operator, span = syntax.operator, syntax.span
        if operator == "or_else":
            return self.or_else(syntax, hint)
        left, right = self.all(syntax.left, syntax.right)
        if operator in ("and", "or"):
            need = f"`{operator}` joins truth values"
            parts = gather(partial(algebra.truth, left, need), partial(algebra.truth, right, need))
            return Expr(operator, parts, None, TRUTH, span)
        if operator == "**":
            return algebra.power(left, right, span)
        operation = algebra.add if operator in "+-" else algebra.multiply
        return operation(_ARITHMETIC[operator], left, right, span)

    def or_else(self, syntax: Binary, hint: Type | None) -> Expr:
        hint = hint if hint and hint.levels else self.category(syntax.left, syntax.right)
        parts = self.all(syntax.left, syntax.right, hint=hint)
        parts, common = algebra.meet(parts, syntax.span, "alternatives")
        return Expr("or_else", parts, None, common, syntax.span)

    def conditional(self, syntax: Conditional, hint: Type | None) -> Expr:
        hint = hint if hint and hint.levels else self.category(syntax.then, syntax.otherwise)
        need = "the condition after `if` is a truth value"
        then, condition, otherwise = gather(
            partial(self.expression, syntax.then, hint),
            lambda: algebra.truth(self.expression(syntax.condition), need),
            partial(self.expression, syntax.otherwise, hint),
        )
        branches, common = algebra.meet((then, otherwise), syntax.span, "alternatives")
        return Expr("if", (condition, *branches), None, common, syntax.span)

    def compare(self, syntax: Compare) -> Expr:
        parts = (syntax.first, *(part for _, part in syntax.rest))
        operands = self.all(*parts, hint=self.category(*parts))
        pairs = []
        for i, (operator, _) in enumerate(syntax.rest):
            span = syntax.span if len(parts) == 2 else _join(parts[i], parts[i + 1])
            pairs.append(partial(self.pair, _COMPARISONS[operator], operands[i], operands[i + 1], span))
        return reduce(lambda one, other: Expr("and", (one, other), None, TRUTH, syntax.span), gather(*pairs))

    def pair(self, op: str, left: Expr, right: Expr, span: Span) -> Expr:
        (left, right), common = algebra.meet((left, right), span, "compared")
        if op in ("eq", "ne"):
            for e in (left, right):
                if e.op in _CONTINUOUS:
                    message = f"`{e.op}` runs continuously and is never exactly equal to anything"
                    raise fault("never-equal", message, span, "compare with >= and <")
        elif common.kind == "category":
            raise fault("wrong-type", "the levels of a category have no order", span, "compare with == or !=")
        return Expr(op, (left, right), None, TRUTH, span)

    # ---- categories

    def category(self, *parts: Syntax) -> Type | None:
        """The category that one of `parts` certainly is, so that bare names beside it are its levels."""
        for part in parts:
            match part:
                case Name(name="sex"):
                    return SEX
                case Name(name="month"):
                    return MONTH
                case Name(name="previous_state") if self.scope.axis:
                    return self.scope.axis.type
                case Name(name="month"):
                    return MONTH
                case Name(name=name):
                    found = self.scope.meanings(name, VALUES)
                    of = found[0].type if len(found) == 1 else None
                case Call(function=Name(name="last" | "first"), args=(Name(name=name),)):
                    found = self.scope.meanings(name, ("test", "biomarker"))
                    of = found[0].type if len(found) == 1 else None
                case Call(function=Name(name="felt"), args=(inner,)):
                    of = self.category(inner)
                case Conditional(then=then, otherwise=otherwise):
                    of = self.category(then, otherwise)
                case Binary(operator="or_else", left=left, right=right):
                    of = self.category(left, right)
                case _:
                    of = None
            if of is not None and of.levels:
                return of
        return None


def _join(first: Syntax, last: Syntax) -> Span:
    """From the start of `first` to the end of `last`, where they stand on one line."""
    start, end = first.span, last.span
    same = start.line == end.line
    return replace(start, length=end.column + end.length - start.column if same else start.length)
