"""What the tests of a pathway see, and what else the pathway does outside of its own states."""

from __future__ import annotations

from collections.abc import Iterator

from sim.scenario.model import NOT_MEASURED, Expr, Scenario
from sim.scenario.names import Documents
from sim.scenario.schema import Pathway, states_and_groups
from sim.view.diagram.disease import DiseaseDrawer
from sim.view.diagram.glossary import Glossary
from sim.view.diagram.words import Label, Line, cut, signs, spoken

_TRUTH = ("in", "ever", "time_in", "years_in")
COLUMNS = 64


def measurements(scenario: Scenario, author: Pathway) -> tuple[Label, ...]:
    """A label for each biomarker and test of a pathway: which states, drugs and biomarkers it follows."""
    space = author.pathway.text
    found = []
    for biomarker in scenario.biomarkers:
        if biomarker.name.startswith(f"{space}.") and biomarker.value is not NOT_MEASURED:
            written = author.biomarkers[biomarker.name.rpartition(".")[2]]
            tip = [written.about] if written.about else []
            tip += [f"value: {signs(written.value.written)}"] if written.value else []
            error = written.measurement_error
            tip += [f"measurement error: {signs(error.written)}"] if error else []
            found.append(_label(biomarker.name, biomarker.unit, biomarker.value, tip))
    for test in scenario.examinations:
        if test.name.startswith(f"{space}."):
            found.append(_label(test.name, "", test.result, []))
    return tuple(found)


def _label(name: str, unit: str, value: Expr, tip: list[str]) -> Label:
    read = list(dict.fromkeys(_leaves(value)))
    states = [spoken(str(e.value)) for e in read if e.op in _TRUTH]
    parts = [f"follows {', '.join(dict.fromkeys(states))}"] if states else []
    drugs = [spoken(str(e.value)) for e in read if e.op == "taking"]
    parts += [f"moved by {', '.join(drugs)}"] if drugs else []
    usual = [spoken(str(e.value)) for e in read if e.op == "usual"]
    parts += [f"reads {', '.join(usual)}"] if usual else []
    if not parts:
        parts = ["follows age and the person" if any(e.op == "age" for e in read) else "follows the person"]
    of = f" ({unit})" if unit else ""
    first, *others = cut("; ".join(parts), COLUMNS, 3)
    shown = [Line(first, verb=f"{spoken(name)}{of}")]
    return Label((*shown, *(Line(f"  {other}") for other in others)), "\n".join(tip))


def _leaves(e: Expr) -> Iterator[Expr]:
    if not e.args and e.value is not None:
        yield Expr(e.op, (), e.value)
    for arg in e.args:
        yield from _leaves(arg)


def acts_elsewhere(documents: Documents, author: Pathway, glossary: Glossary) -> tuple[Label, ...]:
    """A label for each of a pathway's modifiers that acts on another's rates."""
    own, space = _rated(author), author.pathway.text
    words = DiseaseDrawer(documents, author, glossary)
    found = []
    for modifier in author.modifies:
        if modifier.rate is None:
            continue
        ends = [end.strip() for end in modifier.rate.text.split("->")]
        head = ends[-1].rpartition(".")[0]
        if head == space or (not head and (ends[-1] in own or ends[0] in own)):
            continue
        target = " → ".join(spoken(end) for end in ends)
        label = words.factor_label(modifier, space)
        first, *others = label.lines
        found.append(Label((Line(f"{target}: {first.text}", note=first.note), *others), label.tip))
    return tuple(found)


def _rated(pathway: Pathway) -> set[str]:
    states = {name for axis in pathway.disease.values() for name, _ in states_and_groups(axis)}
    return states | set(pathway.events) | set(pathway.care)
