"""A scenario's pathways as charts, which are drawn as SVG or written as Mermaid."""

from __future__ import annotations

from sim.measure.flows import Flows
from sim.scenario.model import Scenario
from sim.scenario.names import Documents
from sim.scenario.schema import Pathway
from sim.view.diagram.care import CareDrawer
from sim.view.diagram.counts import Counts, counted, counts
from sim.view.diagram.disease import DiseaseDrawer
from sim.view.diagram.glossary import Glossary
from sim.view.diagram.measurements import acts_elsewhere, measurements
from sim.view.diagram.page import Chart
from sim.view.diagram.words import spoken


def charts(
    scenario: Scenario, documents: Documents, flows: Flows | None = None, window: str = ""
) -> tuple[Chart, ...]:
    """A chart for each pathway, in the order of the scenario; with `flows` what a run counted in `window`.

    Raises MeasureError where the run is one of another scenario.
    """
    glossary = Glossary(documents, scenario)
    found = counts(scenario, flows) if flows else None
    return tuple(_chart(scenario, documents, p, glossary, found, window) for p in documents.pathways)


def _chart(
    scenario: Scenario,
    documents: Documents,
    pathway: Pathway,
    glossary: Glossary,
    found: Counts | None,
    window: str,
) -> Chart:
    axes, along = DiseaseDrawer(documents, pathway, glossary).axes(), dict[str, dict[str, int]]()
    run = ""
    if found:
        pairs = [counted(axis, found) for axis in axes]
        axes = tuple(axis for axis, _ in pairs)
        along = {axis.name: steps for axis, steps in pairs if steps}
        run = f"{found.flows.people:,} people, {window}; {found.flows.alive:,} of them alive at the end"
    return Chart(
        pathway.pathway.text,
        spoken(pathway.pathway.text),
        pathway.about,
        axes,
        CareDrawer(documents, pathway, glossary).flows(),
        measurements(scenario, pathway),
        acts_elsewhere(documents, pathway, glossary),
        run,
        along if found else None,
    )
