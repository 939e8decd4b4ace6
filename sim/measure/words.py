"""Where things of a scenario stand in the tables, and as which text."""

from __future__ import annotations

from collections.abc import Sequence

from sim.records.names import OTHER, YES_OR_NO, bare
from sim.scenario.model import Allergy, Scenario
from sim.scenario.seasons import tables_of
from sim.scenario.whole import plans


class Texts:
    """The texts of a scenario's tables, by qualified name."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.conditions = _texts([c.name for c in scenario.conditions], [OTHER])
        self.allergies = {c.name for c in scenario.conditions if isinstance(c, Allergy)}
        tests = [x.name for x in scenario.biomarkers] + [x.name for x in scenario.examinations]
        self.observations = _texts(tests)
        self.drugs = _texts([drug.name for drug in scenario.drugs])
        self.procedures = _texts([procedure.name for procedure in scenario.procedures])
        self.vaccines = _texts([vaccine.name for vaccine in scenario.vaccines])
        self.plans = _texts([protocol.name for protocol in plans(scenario)])
        self.providers = {provider.name: provider.name for provider in scenario.providers}
        self.events = _texts([event.name for path in scenario.pathways for event in path.events])
        self.variables = _texts([variable.name for variable in scenario.variables])
        self.levels = {v.name: v.type.levels for v in scenario.variables}
        self.doses = {drug.name: drug.doses for drug in scenario.drugs}
        self.seen = {x.name: x.type.levels or YES_OR_NO for x in scenario.examinations}
        axes = [axis for pathway in scenario.pathways for axis in pathway.axes]
        self.states: dict[str, tuple[str, tuple[str, ...]]] = {}
        """Of a state or a group: the axis, and the states that it is."""
        self.groups: set[str] = set()
        for axis, text in zip(axes, bare([axis.name for axis in axes]), strict=True):
            names = _texts([state.name for state in axis.states])
            self.states |= {name: (text, (state,)) for name, state in names.items()}
            for group, members in axis.groups.items():
                self.states[group] = text, tuple(names[name] for name in members)
                self.groups.add(group)
        self.parameters = {p.name: p.value for p in scenario.parameters if p.value is not None}
        self.tables = tables_of(scenario)


def _texts(names: Sequence[str], reserved: Sequence[str] = ()) -> dict[str, str]:
    return dict(zip(names, bare(names, reserved), strict=True))
