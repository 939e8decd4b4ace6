"""Biomarkers: a noise-free value, variation within a person, and error of measurement."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from sim.scenario import algebra
from sim.scenario.analytes import ANALYTES, difference, measured
from sim.scenario.codes import codes_of
from sim.scenario.diagnostics import Findings, fault, shown
from sim.scenario.disease import otherwise
from sim.scenario.expressions import Call, Syntax
from sim.scenario.loader import Scalar
from sim.scenario.model import DURATION, NOT_MEASURED, NUMBER, Biomarker, Expr, Type
from sim.scenario.parameters import type_of_unit
from sim.scenario.reader import BROKEN, Reader, from_to
from sim.scenario.schema import Biomarker as Author
from sim.scenario.schema import Modifier, Pathway
from sim.scenario.scope import did_you_mean

MAX_DECIMALS = 12
_OU = ("sd", "half_life")
_OU_EXAMPLE = "ou(sd=0.2, half_life=30 days)"


class BiomarkerReader:
    """Reads the biomarkers of one pathway."""

    def __init__(self, pathway: Pathway, reader: Reader):
        self.pathway = pathway
        self.prefix = pathway.pathway.text
        self.reader = reader
        self.findings = reader.findings

    def biomarkers(self) -> tuple[Biomarker, ...]:
        return tuple(self.biomarker(name, author) for name, author in self.pathway.biomarkers.items())

    def biomarker(self, name: str, author: Author) -> Biomarker:
        at = author.value_at("unit")
        of = self.findings.attempt(lambda: type_of_unit(author.unit, at, self.findings)) or Type("number")
        if of.kind != "number":
            message = f"`{author.unit}` is not a unit of a measurement"
            self.findings.error("unknown-unit", message, at)
            of = Type("number", unit=author.unit)
        of = self.measured(author, of)
        more = difference(of)
        noise = author.within_person
        sd, half_life = self.noise(noise, more) if noise else (None, None)
        error = author.measurement_error
        low, high = self.range(author.range, of) if author.range else (-math.inf, math.inf)
        if not 0 <= author.decimals <= MAX_DECIMALS:
            message = f"results have 0 to {MAX_DECIMALS} decimals"
            self.findings.error("not-positive", message, author.at("decimals"))
        return Biomarker(
            f"{self.prefix}.{name}",
            codes_of(author.code, self.findings),
            author.unit,
            self.value(author, of),
            sd,
            half_life,
            self.reader.expression(error, more, "draw") if error else None,
            low,
            high,
            author.decimals,
            f"{self.prefix}/biomarkers/{name}",
            author.span,
            of.analyte,
        )

    def value(self, author: Author, of: Type) -> Expr:
        """The truth; of what is only ever recorded there is none, and nothing that is about measuring it."""
        if author.value is not None:
            return self.reader.expression(author.value, of, "value")
        for key in ("within_person", "measurement_error"):
            if author.has(key):
                message = f"`{key}:` is of what is measured, and this has no `value:`"
                self.findings.error("misplaced-key", message, author.at(key), "value: what it truly is")
        return NOT_MEASURED

    def measured(self, author: Author, of: Type) -> Type:
        """`of`, with what is measured, where the author says so."""
        if author.analyte is None:
            return of
        name = author.analyte.text
        found = measured(of.unit, name)
        if name not in ANALYTES:
            fix = did_you_mean(name, ANALYTES) or f"one of {', '.join(ANALYTES)}"
            message = f"`{shown(name)}` is no analyte whose units are known"
            self.findings.error("unknown-analyte", message, author.analyte.span, fix)
        elif not found.analyte:
            message = f"{name} is not measured in {of.unit}"
            fix = f"one of {', '.join(ANALYTES[name])}"
            self.findings.error("wrong-unit", message, author.value_at("unit"), fix)
        return found

    def noise(self, text: Scalar, of: Type) -> tuple[Expr | None, Expr | None]:
        """`ou(sd=, half_life=)`: Ornstein-Uhlenbeck noise."""
        syntax = self.reader.syntax(text)
        parts = self.findings.attempt(lambda: _ou(syntax, text)) if syntax else None
        if parts is None:
            return None, None
        sd = self.reader.checked(parts["sd"], of, "value")
        half_life = self.reader.checked(parts["half_life"], DURATION, "value")
        for what, e in (("sd", sd), ("half_life", half_life)):
            value = self.reader.known(e)
            if value is not None and value <= 0:
                self.findings.error("not-positive", f"`{what}` must be above zero", parts[what].span)
        return sd, half_life

    def range(self, text: Scalar, of: Type) -> tuple[float, float]:
        ends = self.findings.attempt(lambda: from_to(text))
        if ends is None:
            return -math.inf, math.inf
        values = [self.reader.known(self.reader.expression(end, of, "value")) for end in ends]
        low, high = values
        if low is None or high is None:
            self.findings.error("not-constant", "the ends of a range are numbers", text.span)
            return -math.inf, math.inf
        if low >= high:
            self.findings.error("not-a-range", "the range ends before it begins", text.span)
        return low, high


def _ou(syntax: Syntax, text: Scalar) -> dict[str, Syntax]:
    """The two parameters of `ou(...)`. Raises ScenarioError `wrong-arguments`."""
    if not isinstance(syntax, Call) or syntax.function.name != "ou" or syntax.args:
        message = "variation within a person is an `ou(sd=, half_life=)`"
        raise fault("wrong-arguments", message, text.span, _OU_EXAMPLE)
    given = {keyword.name: value for keyword, value in syntax.keywords}
    for keyword, _ in syntax.keywords:
        if keyword.name not in _OU:
            fix = did_you_mean(keyword.name, _OU)
            raise fault("wrong-arguments", f"`ou` has no parameter `{keyword.name}`", keyword.span, fix)
    for name in _OU:
        if name not in given:
            raise fault("wrong-arguments", f"`ou` needs its `{name}`", syntax.span, _OU_EXAMPLE)
    return given


# ---- modifies


def moved(
    biomarkers: Sequence[Biomarker], modifiers: Iterable[tuple[Modifier, Reader]], findings: Findings
) -> tuple[Biomarker, ...]:
    """The biomarkers with the modifiers that name them: the value, times every `times:`, plus every `add:`.

    So the order of the files does not matter: a factor scales what a person has anyway, whatever is added.
    """
    found: dict[str, dict[str, list[Expr]]] = {b.name: {"times": [], "add": []} for b in biomarkers}
    types = {b.name: difference(measured(b.unit, b.analyte)) for b in biomarkers}
    for modifier, reader in modifiers:
        if modifier.biomarker is None:
            continue
        name = reader.name(modifier.biomarker, ("biomarker",))
        how = _how(modifier, reader)
        if name and how:
            found[name][how].append(_modification(modifier, how, types[name], reader))
    return tuple(findings.attempt(partial(_moved, b, **found[b.name])) or b for b in biomarkers)


def _how(modifier: Modifier, reader: Reader) -> str | None:
    """Whether a modifier of a biomarker multiplies or adds."""
    if modifier.has("rate"):
        message = "one modifier acts on a rate or on a biomarker"
        reader.findings.error("misplaced-key", message, modifier.at("rate"), "make two of it")
    given = [key for key in ("times", "add") if modifier.has(key)]
    if len(given) == 2:
        message = "one modifier multiplies or adds; this one has both"
        reader.findings.error("misplaced-key", message, modifier.at("add"), "make two of it")
    if not given:
        reader.findings.error("missing-key", "`times:` or `add:` is missing here", modifier.span)
    return given[0] if len(given) == 1 else None


def _modification(modifier: Modifier, how: str, of: Type, reader: Reader) -> Expr:
    text = getattr(modifier, how)
    e = reader.expression(text, of if how == "add" else NUMBER, "value")
    if modifier.while_:
        e = otherwise(reader.truth(modifier.while_, "value"), e, 0.0 if how == "add" else 1.0)
    return e


def _moved(b: Biomarker, times: list[Expr], add: list[Expr]) -> Biomarker:
    value = b.value
    if any(e is BROKEN for e in (value, *times, *add)):
        return b
    for factor in times:
        value = algebra.multiply("mul", value, factor, factor.span or b.span)
    for shift in add:
        value = algebra.add("add", value, shift, shift.span or b.span)
    return replace(b, value=value)
