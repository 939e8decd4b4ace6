"""Drugs with their doses, and ladders of regimens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

from sim.scenario import schema, units
from sim.scenario.algebra import constant
from sim.scenario.codes import codes_of
from sim.scenario.diagnostics import shown
from sim.scenario.loader import Mapping as Written
from sim.scenario.loader import Scalar, place
from sim.scenario.model import (
    DURATION,
    TRUTH,
    Branch,
    Choose,
    Drug,
    Expr,
    If,
    Prescribe,
    Span,
    Step,
    StopDrug,
    Type,
)
from sim.scenario.names import Definitions, Documents
from sim.scenario.reader import Reader

Rungs = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Pharmacy:
    """All drugs and ladders of a scenario, by their qualified names; `as_needed` are drugs that never run
    out.
    """

    drugs: Mapping[str, Drug]
    ladders: Mapping[str, Rungs]
    as_needed: frozenset[str]

    def dose(self, text: Scalar, drug: str, reader: Reader) -> str | None:
        """One of the doses of a drug, as it is recorded."""
        known = self.drugs.get(drug)
        if known is None:
            return None
        if not known.doses:
            message = f"`{_bare(drug)}` has no doses"
            reader.findings.error("no-doses", message, text.span, f"give it `doses: [{shown(text.text)}]`")
            return None
        amount = _amount(text, reader)
        if amount is None:
            return None
        spelled = units.spell(*amount)
        if spelled not in known.doses:
            message = f"{shown(text.text)} is not one of the doses of `{_bare(drug)}`"
            reader.findings.error("unknown-dose", message, text.span, f"one of {', '.join(known.doses)}")
            return None
        return spelled

    def check_doses(self, name: Scalar, drug: str, reader: Reader) -> None:
        """Report a change of dose where there is only one."""
        if drug in self.drugs and len(self.drugs[drug].doses) < 2:
            message = f"`{_bare(drug)}` has no other dose to change to"
            reader.findings.error("no-doses", message, name.span, "give it `doses: [5 mg, 10 mg]`")


def pharmacy(documents: Documents, readers: Mapping[str, Reader], checked: Definitions) -> Pharmacy:
    """The drugs and ladders of all pathways."""
    drugs: dict[str, Drug] = {}
    ladders: dict[str, Rungs] = {}
    as_needed = set[str]()
    for pathway in documents.pathways:
        reader, prefix = readers[pathway.pathway.text], f"{pathway.pathway.text}."
        for name, author in pathway.drugs.items():
            drugs[prefix + name] = _drug(prefix + name, author, reader)
            _check_use(prefix + name, author, reader, checked)
            as_needed |= {prefix + name} if author.as_needed else set()
        written = pathway.node.get("ladders")
        for name, rungs in pathway.ladders.items():
            assert isinstance(written, Written)
            if not rungs or not all(rungs):
                message = "a ladder has rungs, and each a drug at least"
                reader.findings.error("empty-ladder", message, place(written[name]), "[[a], [a, b]]")
                continue
            ladders[prefix + name] = tuple(tuple(reader.name(d, ("drug",)) for d in rung) for rung in rungs)
    return Pharmacy(drugs, ladders, frozenset(as_needed))


def _drug(name: str, author: schema.Drug, reader: Reader) -> Drug:
    display = author.display or _bare(name).replace("_", " ")
    found = [(text, _amount(text, reader)) for text in author.doses]
    doses = [(text, *amount) for text, amount in found if amount]
    for (_, lower, unit), (text, value, own) in pairwise(doses):
        if not units.same_unit(unit.unit, own.unit):
            message = f"the doses of a drug have one unit, and here are {unit.unit} and {own.unit}"
            reader.findings.error("wrong-unit", message, text.span)
        elif value <= lower:
            message = "doses stand in order, from the lowest to the highest"
            reader.findings.error("not-ascending", message, text.span)
    shares = tuple(value / doses[-1][1] for _, value, _ in doses)
    spelled = tuple(units.spell(value, unit) for _, value, unit in doses)
    return Drug(name, codes_of(author, reader.findings), display, author.span, spelled, shares)


def _amount(text: Scalar, reader: Reader) -> tuple[float, Type] | None:
    """A dose: a number above zero with its unit."""
    e = reader.expression(text, None, "value")
    value = constant(e)
    if not e.span:
        return None  # could not be read, and has been reported
    if e.op != "const" or value is None or e.type.kind != "number" or not e.type.unit or value <= 0:
        message = "a dose is a number above zero with its unit"
        reader.findings.error("not-a-dose", message, text.span, "5 mg")
        return None
    return value, e.type


def _check_use(name: str, author: schema.Drug, reader: Reader, checked: Definitions) -> None:
    """What `adherence` and `works_in` must be, as far as it can be seen."""
    adherence, works_in = (checked.expressions.get(f"{name}_{use}") for use in ("adherence", "works_in"))
    checked.used |= {f"{name}_adherence", f"{name}_works_in"}
    if author.adherence and adherence:
        value = reader.known(adherence)
        if adherence.type.kind not in ("number", "truth") or adherence.type.unit:
            message = "`adherence:` is a number between 0 and 1, or a draw of one"
            reader.findings.error("wrong-type", message, author.adherence.span, "beta(mean=0.7, sd=0.2)")
        elif value is not None and not 0.0 <= value <= 1.0:
            message = f"this adherence is {value:.6g}; it lies between 0 and 1"
            reader.findings.error("not-a-probability", message, author.adherence.span)
    if author.works_in and works_in and works_in.type != DURATION:
        message = "`works_in:` is a duration"
        reader.findings.error("wrong-type", message, author.works_in.span, "2 weeks")


def _bare(name: str) -> str:
    return name.rpartition(".")[2]


# ---- steps made of others


def switch(site: str, chance: Expr | None, span: Span, old: str, new: Prescribe) -> If:
    """If `old` is prescribed: stop it, and prescribe another."""
    stop = StopDrug(f"{site}/stop", None, span, old)
    return If(site, chance, span, _prescribed((old,), span), (stop, new), ())


def climb(
    site: str,
    chance: Expr | None,
    span: Span,
    rungs: Rungs,
    by: int,
    supplies: Mapping[str, Expr | None],
) -> Choose:
    """One rung up or down a ladder. Patients are on the highest rung all of whose drugs are prescribed."""

    def move(to: int) -> tuple[Step, ...]:
        rung, at = rungs[to], f"{site}/rung {to + 1}"
        leave = dict.fromkeys(drug for other in rungs for drug in other if drug not in rung)
        stops = (StopDrug(f"{at}/stop {drug}", None, span, drug) for drug in leave)
        return *stops, *(Prescribe(f"{at}/prescribe {d}", None, span, d, supplies[d]) for d in rung)

    top = len(rungs) - 1
    lowest = 0 if by > 0 else 1
    branches = [
        Branch("if", _prescribed(rungs[on], span), move(on + by) if on + by <= top else ())
        for on in range(top, lowest - 1, -1)
    ]
    last = move(0) if by > 0 and rungs else ()
    return Choose(site, chance, span, (*branches, Branch("otherwise", None, last)))


def _prescribed(drugs: tuple[str, ...], span: Span) -> Expr:
    all_of = (Expr("prescribed", (), drug, TRUTH, span) for drug in drugs)
    return reduce(lambda one, other: Expr("and", (one, other), None, TRUTH, span), all_of)
