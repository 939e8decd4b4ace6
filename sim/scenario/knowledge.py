"""What care may decide by: what it has tested, diagnosed and prescribed, and what a patient can feel."""

from __future__ import annotations

from collections.abc import Iterator

from sim.scenario.contexts import Context
from sim.scenario.expressions import Call, Name, Syntax, children
from sim.scenario.loader import Scalar
from sim.scenario.model import TRUTH, Expr
from sim.scenario.reader import BROKEN, Reader
from sim.scenario.scope import Scope
from sim.scenario.words import READS

HIDDEN = "hidden"
"""The key of a formula's symbol that says that the formula reads what care cannot know."""


def decided(reader: Reader, text: Scalar, context: Context) -> Expr:
    """The truth value by which care decides; the warning `care-reads-truth` where it cannot know it."""
    syntax = reader.syntax(text)
    if syntax is None:
        return BROKEN
    e = reader.checked(syntax, TRUTH, context)
    if e is not BROKEN:
        for hidden in hidden_reads(syntax, reader.scope):
            message = f"care cannot see `{hidden.name}`: this reads the truth"
            fix = "test it, diagnose it, or `felt(...)` if the patient can tell"
            reader.findings.warning("care-reads-truth", message, hidden.span, fix)
            break
    return e


def hidden_reads(syntax: Syntax, scope: Scope) -> Iterator[Name]:
    """What an expression reads of the truth, but for what is `felt`."""
    match syntax:
        case Call(function=Name(name="felt")):
            return
        case Call(function=Name(name=word), args=(Name() as thing, *_)) if word in READS:
            kinds = {s.kind for s in scope.meanings(thing.name, READS[word].kinds)}
            if (READS[word].side == "truth" and kinds != {"vaccine"}) or kinds & {"state", "event"}:
                yield thing
        case Name(name=name):
            if any(HIDDEN in s.keys for s in scope.meanings(name, ("formula",))):
                yield syntax
        case _:
            for child in children(syntax):
                yield from hidden_reads(child, scope)
