"""What the names in an author's texts stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sim.scenario import units
from sim.scenario.loader import Scalar
from sim.scenario.model import Scenario
from sim.scenario.names import SCENARIO, Documents
from sim.scenario.schema import Definition, Parameter
from sim.view.diagram.words import signs

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?", re.ASCII)
MOST = 44  # characters of a value behind its name
Meaning = tuple[str, Parameter | Definition]  # qualified name, what the author wrote of it


class Glossary:
    """The parameters, formulas and variables of a scenario, by the names that a pathway may call them."""

    def __init__(self, documents: Documents, scenario: Scenario) -> None:
        file = documents.scenario
        spaces: dict[str, list[Mapping[str, Parameter | Definition]]] = {
            p.pathway.text: [p.parameters, p.formulas, p.variables] for p in documents.pathways
        }
        spaces[SCENARIO] = [file.parameters, file.population.variables]
        self.known: dict[str, Meaning] = {}
        self.bare: dict[str, list[str]] = {}
        for space, sections in spaces.items():
            for section in sections:
                for name, author in section.items():
                    self.known[f"{space}.{name}"] = (f"{space}.{name}", author)
                    self.bare.setdefault(name, []).append(f"{space}.{name}")
        self.given = {name for name, _ in scenario.given} | set(file.settings)
        self.all_given = bool(scenario.given_files or file.parameter_files)
        self.values = {
            p.name: units.spell(p.value, p.type) for p in scenario.parameters if p.value is not None
        }

    def meaning(self, name: str, space: str) -> Meaning | None:
        """What a name means in a pathway; None of what is none of these, or cannot be told."""
        if f"{space}.{name}" in self.known:
            return self.known[f"{space}.{name}"]
        if name in self.known:
            return self.known[name]
        several = self.bare.get(name, [])
        return self.known[several[0]] if len(several) == 1 else None

    def value(self, name: str, space: str) -> str:
        """The value of a parameter in the author's words, or ""."""
        found = self.meaning(name, space)
        if found is None or not isinstance(found[1], Parameter):
            return ""
        qualified, author = found[0], found[1]
        short = qualified.rpartition(".")[2]
        if self.all_given or {qualified, short} & self.given:
            if qualified in self.values:
                return self.values[qualified]
            of = {n.rpartition(".")[2]: v for n, v in self.values.items() if n.startswith(f"{qualified}.")}
            return ", ".join(f"{value} ({level})" for level, value in of.items())
        if isinstance(author.value, Scalar):
            later = "".join(f", from {date} {signs(v.written)}" for date, v in author.changes.items())
            return signs(author.value.written) + later
        if author.value is not None:
            return ", ".join(f"{signs(v.written)} ({level})" for level, v in author.value.items())
        if author.table is not None:
            by = " and ".join(key.text for key in author.by)
            return f"by {by}, from {author.table.text}"
        return ""

    def names(self, text: str, space: str) -> Iterator[str]:
        """The names in an expression that stand for something, each once, in its order."""
        for name in dict.fromkeys(_NAME.findall(text)):
            if self.meaning(name, space):
                yield name

    def rates(self, text: str, space: str) -> list[str]:
        """`name = value` of each parameter in an expression whose value is a rate, and of the only one,
        unless that is the whole.
        """
        found = [(n, v) for n in self.names(text, space) if (v := self.value(n, space))]
        if len(found) == 1:
            return [] if found[0][0] == text.strip() else [_equals(*found[0])]
        return [_equals(n, v) for n, v in found if " per " in v or v.startswith("by ")]

    def alone(self, text: str, space: str) -> str:
        """An expression that is one parameter as `name = value`; "" of any other."""
        name = text.strip()
        value = self.value(name, space) if _NAME.fullmatch(name) else ""
        return _equals(name, value) if value else ""

    def note(self, text: str, space: str) -> str:
        """The value of the one parameter of an expression, to stand behind it; "" of more, or none."""
        found = [v for n in self.names(text, space) if (v := self.value(n, space))]
        return f"({found[0]})" if len(found) == 1 and len(found[0]) <= MOST else ""

    def explained(self, text: str, space: str) -> list[str]:
        """A line for each name in an expression: what it stands for, and what the author says about it."""
        return [line for name in self.names(text, space) if (line := self._line(name, space))]

    def _line(self, name: str, space: str) -> str:
        found = self.meaning(name, space)
        assert found
        author = found[1]
        value = signs(author.value.written) if isinstance(author, Definition) else self.value(name, space)
        about = f" ({author.about})" if author.about else ""
        return f"{_equals(name, value)}{about}" if value else ""


def _equals(name: str, value: str) -> str:
    return f"{name} {value}" if value.startswith("by ") else f"{name} = {value}"
