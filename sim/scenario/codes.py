"""Terminologies: which systems there are, and what their codes look like."""

from __future__ import annotations

import re

from sim.scenario.diagnostics import Findings, shown
from sim.scenario.loader import Scalar
from sim.scenario.model import Code
from sim.scenario.schema import Coded, Codes

# system -> what its codes look like, and an example
SYSTEMS: dict[str, tuple[re.Pattern[str], str]] = {
    "snomed": (re.compile(r"[1-9]\d{5,17}", re.ASCII), "44054006"),
    "icd10": (re.compile(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?", re.ASCII), "E11.9"),
    "loinc": (re.compile(r"\d{1,7}-\d", re.ASCII), "4548-4"),
    "rxnorm": (re.compile(r"[1-9]\d{0,7}", re.ASCII), "860975"),
    "cvx": (re.compile(r"\d{1,3}", re.ASCII), "115"),
}

# Verhoeff's dihedral check (Verhoeff 1969, "Error detecting decimal codes"), as SNOMED CT identifiers use it.
_PRODUCT = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTATION = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def codes_of(model: Coded | Codes | None, findings: Findings) -> tuple[Code, ...]:
    """The codes of a thing, in the order of SYSTEMS.

    Findings: `bad-code` for one that its system cannot have, the warnings `check-digit` and `not-a-concept`.
    """
    if model is None:
        return ()
    holders = (model, model.code) if isinstance(model, Coded) and model.code else (model,)
    codes = []
    for system in SYSTEMS:
        given: list[Scalar] = [code for holder in holders if (code := getattr(holder, system)) is not None]
        if len(given) > 1:
            findings.error("duplicate-key", f"`{system}` is here twice", given[1].key or given[1].span)
        elif given and is_code(system, given[0], findings):
            codes.append(Code(system, given[0].text))
    return tuple(codes)


def is_code(system: str, code: Scalar, findings: Findings) -> bool:
    """Whether `code` can be one of `system`; if not, an error is kept."""
    pattern, example = SYSTEMS[system]
    if not pattern.fullmatch(code.text):
        message = f"`{shown(code.text)}` is not a code of {system}"
        findings.error("bad-code", message, code.span, f'{system}: "{example}"')
        return False
    if not has_check_digit(system, code.text):
        message = f"the last digit of {system} {code.text} does not fit the others: it is mistyped or made up"
        findings.warning("check-digit", message, code.span)
    elif system == "snomed" and code.text[-3:-1] not in ("00", "10"):
        what = {"1": "a description", "2": "a relationship"}.get(code.text[-2], "something else")
        message = f"snomed {code.text} is the identifier of {what}, not of a concept"
        findings.warning(
            "not-a-concept", message, code.span, "two digits before the last, 00 or 10, say that it is one"
        )
    return True


def has_check_digit(system: str, code: str) -> bool:
    """Whether the check digit of a SNOMED CT or LOINC code is right; codes of other systems have none."""
    if system == "snomed":
        check = 0
        for place, digit in enumerate(reversed(code)):
            check = int(_PRODUCT[check][int(_PERMUTATION[place % 8][int(digit)])])
        return check == 0
    if system == "loinc":
        body, digit = code.split("-")
        total = 0
        for place, character in enumerate(reversed(body)):
            doubled = int(character) * (2 if place % 2 == 0 else 1)
            total += doubled - 9 if doubled > 9 else doubled
        return (10 - total % 10) % 10 == int(digit)
    return True
