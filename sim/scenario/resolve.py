"""What the author wrote -> a checked, resolved `Scenario`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sim.scenario import schema
from sim.scenario.arguments import Instances
from sim.scenario.biomarkers import BiomarkerReader, moved
from sim.scenario.care import CareReader
from sim.scenario.codes import codes_of
from sim.scenario.correlations import CorrelationReader
from sim.scenario.diagnostics import Findings
from sim.scenario.disease import DiseaseReader, apply_modifier
from sim.scenario.drugs import pharmacy
from sim.scenario.events import EventReader
from sim.scenario.examinations import ExaminationReader
from sim.scenario.expectations import expectations
from sim.scenario.imperfections import ImperfectionReader
from sim.scenario.lint import warn
from sim.scenario.model import Allergy, Coded, Group, Pathway, Scenario, Variable
from sim.scenario.names import (
    POPULATION,
    SCENARIO,
    SEX_NAME,
    Definitions,
    Documents,
    definitions,
    draw_order,
    places,
    undefined_symbols,
)
from sim.scenario.needs import check_needs
from sim.scenario.parameters import ParametersReader
from sim.scenario.population import FrameReader
from sim.scenario.providers import provider
from sim.scenario.scope import Symbol
from sim.scenario.settings import Layer
from sim.scenario.whole import check_whole
from sim.scenario.words import SEX


def resolve(documents: Documents, files: list[Path], layers: Sequence[Layer], findings: Findings) -> Scenario:
    """The scenario that `documents` describe; it is whole only if `findings` hold no error afterwards.

    `files` are those read so far; tables are added. `layers` are other values for parameters; the later
    wins.
    """
    file, home = documents.scenario, documents.home
    symbols = undefined_symbols(documents, findings)
    found = definitions(documents, symbols)
    symbols = tuple(dict.fromkeys((*symbols, *(Symbol(d.kind, d.name) for d in found))))
    parameters = ParametersReader(documents, symbols, layers, home, findings)
    instances = Instances(documents, parameters.symbols, findings, parameters.values, parameters.used)
    only_set = instances.definitions(found)
    found += only_set
    symbols = (*parameters.symbols, *instances.symbols, *(Symbol(d.kind, d.name) for d in only_set))
    checked = Definitions(symbols, found, findings, parameters.values, parameters.used)
    spaces = (SCENARIO, POPULATION, *(p.pathway.text for p in documents.pathways))
    readers = {space: checked.reader(space) for space in spaces}
    tables = parameters.tables(checked.symbols, files)

    frame = FrameReader(file, home, readers[POPULATION], tables, files)
    window = frame.dates(file.window, "the window")
    population, mortality = frame.population(window), frame.mortality()

    diseases = {p.pathway.text: DiseaseReader(p, readers[p.pathway.text]) for p in documents.pathways}
    limited = frozenset(name for name, author in file.providers.items() if author.has("capacity"))
    drugs = pharmacy(documents, readers, checked)
    cares = {space: CareReader(instances.of[space], readers[space], limited, drugs) for space in spaces[2:]}
    events = {p.pathway.text: EventReader(p, readers[p.pathway.text]) for p in documents.pathways}
    for disease in diseases.values():
        disease.read()
    for care in cares.values():
        care.read()
    repeated = {name: drafts for care in cares.values() for name, drafts in care.drafts.items()}
    repeated |= {name: [draft] for event in events.values() for name, draft in event.drafts.items()}
    modifiers = [(m, readers[p.pathway.text]) for p in documents.pathways for m in p.modifies]
    for modifier, reader in modifiers:
        apply_modifier(modifier, reader, diseases, repeated)
    biomarkers = [
        b for p in documents.pathways for b in BiomarkerReader(p, readers[p.pathway.text]).biomarkers()
    ]

    where = places(documents, found)
    variables = draw_order(found, checked.expressions, where)
    drawn = {v.name: v for v in variables}
    correlated = [
        (file.correlations, SCENARIO, file.sources),
        (file.population.correlations, POPULATION, file.sources),
        *((p.correlations, p.pathway.text, documents.sources(p)) for p in documents.pathways),
    ]
    correlations = tuple(
        c
        for authors, space, sources in correlated
        for c in CorrelationReader(readers[space], drawn, sources).correlations(authors)
    )
    CorrelationReader(readers[SCENARIO], drawn, file.sources).check(correlations)
    examinations = [ExaminationReader(p, readers[p.pathway.text]) for p in documents.pathways]
    scenario = Scenario(
        name=file.scenario,
        about=file.about,
        folder=str(home.own),
        window=window or (0.0, 0.0),
        population=population,
        mortality=mortality,
        parameters=parameters.parameters,
        tables=tuple(tables),
        variables=(Variable(SEX_NAME, None, SEX, file.population.span), *variables),
        biomarkers=moved(biomarkers, modifiers, findings),
        conditions=_conditions(documents, findings),
        procedures=_coded(documents, "procedures", findings),
        drugs=tuple(drugs.drugs.values()),
        groups=_groups(documents, symbols),
        providers=tuple(provider(*item, readers[SCENARIO]) for item in file.providers.items()),
        pathways=tuple(
            Pathway(name, diseases[name].axes(), cares[name].protocols(), events[name].events())
            for name in spaces[2:]
        ),
        behaviours=frame.behaviours(),
        imperfections=ImperfectionReader(documents, readers[POPULATION]).imperfections(),
        files=tuple(
            (os.path.relpath(f, home.own), hashlib.sha256(f.read_bytes()).hexdigest()) for f in files
        ),
        correlations=correlations,
        vaccines=_coded(documents, "vaccines", findings),
        examinations=tuple(x for tests in examinations for x in tests.examinations()),
        panels=tuple(panel for tests in examinations for panel in tests.panels(biomarkers)),
    )
    scenario = replace(scenario, expectations=expectations(documents, readers, scenario))
    for pathway in documents.pathways:
        check_needs(pathway, readers[pathway.pathway.text], findings)
    check_whole(scenario, findings)
    if findings.count == 0:
        instances.warn_of_unused()
        warn(scenario, checked.symbols.values(), parameters.used, where, drugs.as_needed, findings)
    return scenario


def _groups(documents: Documents, symbols: tuple[Symbol, ...]) -> tuple[Group, ...]:
    spans = {
        f"{pathway.pathway.text}.{name}": members[0].span
        for pathway in documents.pathways
        for name, members in pathway.groups.items()
        if members
    }
    return tuple(Group(s.name, s.members, spans[s.name]) for s in symbols if s.name in spans and s.members)


def _conditions(documents: Documents, findings: Findings) -> tuple[Coded, ...]:
    """Conditions and allergies, pathway by pathway."""
    found = _coded(documents, "conditions", findings)
    allergies = tuple(
        Allergy(a.name, a.codes, a.display, a.span) for a in _coded(documents, "allergies", findings)
    )
    return tuple(
        thing
        for pathway in documents.pathways
        for thing in (*found, *allergies)
        if thing.name.startswith(f"{pathway.pathway.text}.")
    )


def _coded(documents: Documents, section: str, findings: Findings) -> tuple[Coded, ...]:
    coded = []
    for pathway in documents.pathways:
        things: dict[str, schema.Coded] = getattr(pathway, section)
        for name, thing in things.items():
            display = thing.display or name.replace("_", " ")
            coded.append(
                Coded(f"{pathway.pathway.text}.{name}", codes_of(thing, findings), display, thing.span)
            )
    return tuple(coded)
