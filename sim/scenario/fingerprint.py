"""A hash of all in a scenario that decides a life."""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass

from sim.scenario.model import Scenario

_NO_MATTER = {"span", "name", "about", "folder", "files", "size", "display", "source", "prior", "ci95"}
_NO_MATTER |= {"imperfections", "given", "given_files", "expectations"}
# They joined the model later: a scenario without them has the hash that it had.
_IF_GIVEN = {"valid", "events", "groups", "Exit.chance", "include_at_start", "include_at_end", "oversample"}
_IF_GIVEN |= {"examinations", "panels", "analyte", "plan", "vaccines"}


def fingerprint(scenario: Scenario) -> str:
    """BLAKE2b-128 of the scenario, 32 hex digits.

    What changes no life is left out: places in files, texts, the number of patients.
    """
    return hashlib.blake2b(_text(scenario).encode(), digest_size=16).hexdigest()


def _text(value: object) -> str:
    """A value as text that is equal for equal models; names count but for the scenario's own."""
    if is_dataclass(value):
        left_out = _NO_MATTER if isinstance(value, Scenario) else _NO_MATTER - {"name"}
        kind = type(value).__name__
        kept = [f.name for f in fields(value) if f.name not in left_out]
        kept = [n for n in kept if getattr(value, n) or _IF_GIVEN.isdisjoint((n, f"{kind}.{n}"))]
        return f"{kind}({', '.join(_text(getattr(value, name)) for name in kept)})"
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))})"
    return repr(value)
