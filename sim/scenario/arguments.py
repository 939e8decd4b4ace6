"""Protocols with arguments: one of its own for each set of arguments that anything gives them.

What stands for an argument is known before any life: a name, or a value of numbers and parameters. So
a protocol `treat` that `needs: {drug: drug}` is written out as `treat_with_sertraline` and
`treat_with_citalopram`, in which `drug` means the one or the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from sim.scenario import schema, units
from sim.scenario.diagnostics import Findings, fault, shown
from sim.scenario.expressions import unparse
from sim.scenario.loader import Scalar
from sim.scenario.model import DATE, DURATION, NUMBER, RATE, TRUTH, Expr, Span, Type
from sim.scenario.names import Definition, Documents, every_step, sets
from sim.scenario.reader import BROKEN, Reader
from sim.scenario.scope import Scope, Symbol, SymbolKind, did_you_mean
from sim.scenario.words import READS, VALUES

THINGS: tuple[SymbolKind, ...] = (
    "state",
    "event",
    "condition",
    "drug",
    "ladder",
    "procedure",
    "vaccine",
    "biomarker",
    "test",
    "panel",
    "protocol",
    "provider",
)
TYPES = {"number": NUMBER, "truth": TRUTH, "duration": DURATION, "rate": RATE, "date": DATE}
MOST = 1000  # protocols made of those with arguments, before it counts as endless
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]+", re.ASCII)


@dataclass(frozen=True)
class Instance:
    """A protocol, with what its arguments stand for. `suffix` tells it from others made of the same one.

    `calls` are the protocols that its steps with arguments do and start, qualified, by the step's `id`; ""
    where one is wrong.
    """

    name: str  # qualified
    author: schema.Protocol
    suffix: str
    arguments: dict[str, Symbol]
    starts: tuple[schema.Start, ...]
    calls: dict[int, str] = field(default_factory=dict)


def kind_needed(text: Scalar, known_units: frozenset[str]) -> SymbolKind | Type:
    """What a `needs:` asks for: a kind of thing, or the type of a value. Raises `unknown-type`."""
    for kind in THINGS:
        if text.text == kind:
            return kind
    if text.text in TYPES:
        return TYPES[text.text]
    if units.is_known(text.text) or text.text in known_units:
        return Type("number", unit=text.text)
    message = f"`{shown(text.text)}` is no kind of thing, no type and no unit"
    fix = (
        did_you_mean(text.text, {*THINGS, *TYPES, *units.CLINICAL})
        or f"one of {', '.join(THINGS)}, or a unit"
    )
    raise fault("unknown-type", message, text.span, fix)


class Instances:
    """Finds every protocol that there is to live. `of` are those of each pathway, in the order in which they
    come: where they are written, several of one by name.
    """

    def __init__(
        self,
        documents: Documents,
        symbols: tuple[Symbol, ...],
        findings: Findings,
        values: dict[str, float],
        used: set[str],
    ):
        self.findings = findings
        self.authors = {p.pathway.text: p.care for p in documents.pathways}
        scope = Scope(symbols, "")
        self.readers = {space: Reader(scope.within(space), findings, values, used) for space in self.authors}
        self.needs: dict[str, dict[str, SymbolKind | Type | None]] = {}
        self.found: dict[str, Instance] = {}
        self.made: dict[str, dict[str, Instance]] = {}  # of a protocol with arguments, by name
        self.find()
        self.of = {space: tuple(self._in_order(space)) for space in self.authors}
        self.symbols = (
            *(
                Symbol("protocol with arguments", name, members=tuple(sorted(m)))
                for name, m in self.made.items()
            ),
            *(Symbol("protocol", instance) for made in self.made.values() for instance in made),
        )

    def definitions(self, known: list[Definition]) -> list[Definition]:
        """The variables that only a `set` in a protocol with arguments gives a value."""
        names = {d.name for d in known}
        new: dict[str, Definition] = {}
        for instance in self.found.values():
            space = instance.name.partition(".")[0]
            scope = self.readers[space].scope
            for name, text in sets(instance.author.steps) if instance.arguments else ():
                local = name.removeprefix(f"{space}.")
                qualified = f"{space}.{local}"
                if "." not in local and qualified not in names and not scope.meanings(name, VALUES):
                    definition = Definition("variable", qualified, text, False, "", instance.arguments)
                    new.setdefault(qualified, definition)
        return list(new.values())

    def warn_of_unused(self) -> None:
        """Warn of protocols with arguments that nothing gives any."""
        for name, made in self.made.items():
            if not made:
                space, _, local = name.partition(".")
                message, fix = f"nothing ever starts `{name}`", "give it arguments, by `with:`"
                self.findings.warning("never-started", message, self.authors[space][local].span, fix)

    # ---- finding them

    def find(self) -> None:
        for space, protocols in self.authors.items():
            for name, author in protocols.items():
                if author.needs:
                    self.needs[f"{space}.{name}"] = self._needs(author, self.readers[space])
                    self.made[f"{space}.{name}"] = {}
        for space, protocols in self.authors.items():
            for name, author in protocols.items():
                qualified = f"{space}.{name}"
                if qualified in self.needs:
                    self._starts(qualified, author, self.readers[space])
                else:
                    self.found[qualified] = Instance(qualified, author, "", {}, tuple(author.starts))
                    for start in author.starts:
                        self._refuse(start, name)
        seen = 0
        while seen < len(self.found):  # which grows
            instance = list(self.found.values())[seen]
            reader = self.readers[instance.name.partition(".")[0]].binding(instance.arguments)
            for step in every_step(instance.author.steps):
                if isinstance(step, schema.Do | schema.StartProtocol):
                    self._call(instance, step, reader)
            seen += 1

    def _needs(self, author: schema.Protocol, reader: Reader) -> dict[str, SymbolKind | Type | None]:
        needs = dict[str, SymbolKind | Type | None]()
        for name, text in author.needs.items():
            needs[name] = self.findings.attempt(partial(kind_needed, text, reader.scope.units))
            if any(s.name == f"{reader.scope.pathway}.{name}" for s in reader.scope.symbols):
                message = f"the pathway defines `{name}` as well"
                self.findings.error(
                    "same-name", message, text.key or text.span, "call the argument otherwise"
                )
        if author.while_:
            message = "`while:` starts a protocol by itself, and this one needs arguments"
            self.findings.error(
                "misplaced-key", message, author.at("while"), "start it from another protocol"
            )
        return needs

    def _starts(self, qualified: str, author: schema.Protocol, reader: Reader) -> None:
        """The instances that the starts of a protocol with arguments make."""
        for start in author.starts:
            name = self._made(qualified, start.with_, reader, start.span)
            if name:
                made = self.found[name]
                self._keep(
                    qualified, Instance(name, author, made.suffix, made.arguments, (*made.starts, start))
                )

    def _call(self, instance: Instance, step: schema.Do | schema.StartProtocol, reader: Reader) -> None:
        named = step.do if isinstance(step, schema.Do) else step.start
        if not reader.scope.meanings(named.text, ("protocol with arguments",)):
            if reader.scope.meanings(named.text, ("protocol",)):
                self._refuse(step, named.text)
            return
        wanted = self.findings.attempt(
            lambda: reader.scope.find(named.text, ("protocol with arguments",), named.span)
        )
        instance.calls[id(step)] = self._made(wanted.name, step.with_, reader, named.span) if wanted else ""

    def _refuse(self, giver: schema.Start | schema.Do | schema.StartProtocol, name: str) -> None:
        for text in giver.with_.values():
            message = f"`{shown(name)}` has no arguments"
            self.findings.error("unknown-argument", message, text.key or text.span, "leave out `with:`")

    def _made(self, qualified: str, given: dict[str, Scalar], reader: Reader, span: Span) -> str:
        """The name of `qualified` with the arguments `given`: a protocol that is made if there is none yet;
        "" where they are wrong.
        """
        needs, errors = self.needs[qualified], self.findings.count
        space, _, local = qualified.partition(".")
        for name, text in given.items():
            if name not in needs:
                message = f"`{local}` has no argument `{shown(name)}`"
                fix = did_you_mean(name, needs) or f"it needs {', '.join(needs)}"
                self.findings.error("unknown-argument", message, text.key or text.span, fix)
        if missing := [name for name in needs if name not in given]:
            example = ", ".join(f"{name}: ..." for name in missing)
            message = f"`{local}` needs {' and '.join(f'`{name}`' for name in missing)}"
            self.findings.error("missing-argument", message, span, f"with: {{{example}}}")
        arguments = {
            name: symbol
            for name, kind in needs.items()
            if name in given and (symbol := self._argument(given[name], kind, reader))
        }
        if self.findings.count > errors or len(arguments) < len(needs):
            return ""
        suffix = "with_" + "_and_".join(_spelled(symbol, space) for symbol in arguments.values())
        made = Instance(f"{qualified}_{suffix}", self.authors[space][local], suffix, arguments, ())
        other = self.found.get(made.name)
        if other is not None and (other.author is not made.author or other.arguments != arguments):
            message = f"these arguments make another protocol `{made.name}`"
            self.findings.error("same-name", message, span, "give a value a name: a parameter")
        elif other is None and len(self.found) >= MOST:
            message = (
                f"more than {MOST} protocols: `{local}` starts itself with new arguments again and again"
            )
            self.findings.error("endless-arguments", message, self.authors[space][local].span)
            return ""
        elif other is None:
            self._keep(qualified, made)
        return made.name

    def _keep(self, qualified: str, made: Instance) -> None:
        self.found[made.name] = self.made[qualified][made.name] = made

    def _argument(self, text: Scalar, kind: SymbolKind | Type | None, reader: Reader) -> Symbol | None:
        """What a name means in a protocol for which `text` is given."""
        if kind is None:
            return None
        if not isinstance(kind, Type):
            if reader.is_broken(text.text):
                return None
            return self.findings.attempt(lambda: reader.scope.find(text.text, (kind,), text.span))
        e = reader.expression(text, kind, "condition")
        if e is BROKEN:
            return None
        if not _fixed(e):
            message = "an argument is a number, a parameter, or made of these: the same for everybody"
            self.findings.error("not-constant", message, text.span, "`set` a variable, and read that instead")
            return None
        value = None if _may_vary(e) else reader.known(e)
        e = replace(e, type=kind) if value is None else Expr("const", (), value, kind, e.span)
        named = reader.scope.meanings(text.text, ("parameter", "formula"))
        by_name = len(named) == 1 and (named[0].kind == "parameter" or text.text in reader.scope.arguments)
        return Symbol("formula", named[0].name if by_name else unparse(e), kind, formula=e)

    def _in_order(self, space: str) -> Iterator[Instance]:
        for name in self.authors[space]:
            qualified = f"{space}.{name}"
            if qualified in self.needs:
                yield from (made for _, made in sorted(self.made[qualified].items()))
            else:
                yield self.found[qualified]


def _fixed(e: Expr) -> bool:
    if e.op in ("const", "parameter", "today"):
        return True
    return bool(e.args) and e.op not in READS and e.op not in ("lookup", "draw") and all(map(_fixed, e.args))


def _may_vary(e: Expr) -> bool:
    return e.op in ("parameter", "today") or any(map(_may_vary, e.args))


def _spelled(symbol: Symbol, space: str) -> str:
    """An argument as part of a name."""
    text = symbol.name.replace(f"{space}.", "")
    text = text.replace("-", " minus ") if symbol.kind == "formula" else text
    return _NOT_IN_A_NAME.sub("_", text).strip("_")
