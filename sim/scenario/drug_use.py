"""What a patient makes of a prescription, in the words of the rest of the language.

`adherence:` of a drug x is the variable `x_adherence`, `works_in:` the formula `x_works_in`, and `given_up:`
an axis `x_persistence` with the states `x_kept` and `x_given_up`. They are ordinary definitions, which other
parts of a scenario may read and modify; `taking(x)` reads them all.
"""

from __future__ import annotations

from dataclasses import replace

from sim.scenario.diagnostics import Findings
from sim.scenario.loader import Mapping, Node, Scalar, place

USES = ("adherence", "works_in", "given_up")


def with_drug_use(pathway: Mapping, findings: Findings) -> Mapping:
    """A pathway as it was read, with what its drugs define."""
    drugs = pathway.get("drugs")
    made = pathway.like()
    made.update(pathway)
    for name, drug in drugs.items() if isinstance(drugs, Mapping) else ():
        if not isinstance(drug, Mapping):
            continue
        adherence, works_in, given_up = (drug.get(use) for use in USES)
        if isinstance(adherence, Scalar) and adherence.text:
            _define(made, "variables", f"{name}_adherence", adherence, findings)
        if isinstance(works_in, Scalar) and works_in.text:
            _define(made, "formulas", f"{name}_works_in", works_in, findings)
        if isinstance(given_up, Mapping):
            _define(made, "disease", f"{name}_persistence", _persistence(name, given_up), findings)
    return made


def _define(pathway: Mapping, section: str, name: str, node: Node, findings: Findings) -> None:
    old = pathway.get(section)
    if old is None or (isinstance(old, Scalar) and not old.text):
        old = pathway.like()
    if not isinstance(old, Mapping):
        return
    if name in old:
        message = f"`{name}` is what a drug calls this itself"
        findings.error("same-name", message, place(old[name]), "call it otherwise")
        return
    new = old.like()
    new.update(old)
    new[name] = node
    pathway[section] = new


def _persistence(drug: str, given_up: Mapping) -> Mapping:
    """Kept until it is given up, at a rate while it is prescribed; kept again once it is prescribed anew."""
    leaves, returns, kept, left, axis = (given_up.like() for _ in range(5))
    leaves.update((key, value) for key, value in given_up.items() if key in ("rate", "times"))
    leaves["while"] = _while(drug, given_up)
    at = place(given_up)
    returns["upon"] = Scalar(drug, drug, at, drug, at)
    kept[f"-> {drug}_given_up"] = leaves
    left[f"-> {drug}_kept"] = returns
    axis[f"{drug}_kept"], axis[f"{drug}_given_up"] = kept, left
    return axis


def _while(drug: str, given_up: Mapping) -> Scalar:
    """`prescribed(drug) and (while)`, its parts at their places."""
    author = given_up.get("while")
    if not isinstance(author, Scalar) or not author.text:
        at, text = place(given_up), f"prescribed({drug})"
        return Scalar(text, text, at, text, at)
    before = f"prescribed({drug}) and ("
    text = f"{before}{author.written})"
    origin = replace(author.origin, column=author.origin.column - len(before))
    return Scalar(text, text, author.span, text, origin, author.key)
