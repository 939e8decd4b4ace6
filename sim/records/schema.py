"""The tables of a run: which columns, of which type, from which field of the engine's log.

Every table but `codes` is sorted by patient and, within one, by `seq`, the order in which things happened.
Times are civil times without a zone. Tables under `truth/` hold what happened, all others what care has seen
and written down.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from sim.engine.log import (
    ALLERGY,
    APPOINTMENT,
    CAREPLAN,
    CONDITION,
    DEATH,
    ENCOUNTER,
    EVENT,
    IMMUNIZATION,
    MEDICATION,
    OBSERVATION,
    PROCEDURE,
    STATE,
    VARIABLE,
)
from sim.scenario.model import Allergy, Scenario
from sim.scenario.whole import plans

INTEGER = pa.int64()
NUMBER = pa.float64()
TEXT = pa.string()
DATE = pa.date32()
TIME = pa.timestamp("us")
TRUTH = pa.bool_()


@dataclass(frozen=True, slots=True)
class Column:
    """One column, made from a `source`: a field of `Log` or `People`, or what `sim.records.tables` derives.

    For a column of text the source is a code number, looked up in a `vocabulary` of `sim.records.names`.
    """

    name: str
    type: pa.DataType
    source: str
    vocabulary: str = ""
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table; its name is that of its folder."""

    name: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])

    @property
    def observed(self) -> bool:
        """Whether it is part of the patients' record, as opposed to the truth and to explanation."""
        return not self.name.startswith("truth/") and self.name != "codes"


PATIENT = Column("patient_id", INTEGER, "patient")
KEY = (PATIENT, Column("seq", pa.int32(), "seq"))
DURING = Column("encounter_id", INTEGER, "encounter", nullable=True)
AT = Column("time", TIME, "start")
SINCE = Column("start", TIME, "start")
UNTIL = Column("end", TIME, "end", nullable=True)


def _coded(kind: str) -> tuple[Column, ...]:
    """A name and its first declared code: `system` and `code` are null where the scenario gives none."""
    return (
        Column(kind, TEXT, "code", kind),
        Column("system", TEXT, "code", f"{kind}.system", nullable=True),
        Column("code", TEXT, "code", f"{kind}.code", nullable=True),
    )


PATIENTS = Table(
    "patients",
    (
        PATIENT,
        Column("sex", TEXT, "sex", "sex"),
        Column("birth_date", DATE, "birth"),
        Column("entered", TIME, "entered"),
        Column("left", TIME, "left"),
        Column("died", TRUTH, "died"),
    ),
)
WEIGHTED = Table("patients", (*PATIENTS.columns, Column("weight", NUMBER, "weight")))  # of an oversample


def patients(scenario: Scenario) -> Table:
    """The table of patients; with their weights, where a scenario asks for them."""
    return PATIENTS if scenario.population.oversample is None else WEIGHTED


CODES = Table(
    "codes",
    (
        Column("kind", TEXT, "kind"),
        Column("name", TEXT, "name"),
        Column("system", TEXT, "system", nullable=True),
        Column("code", TEXT, "code", nullable=True),
        Column("display", TEXT, "display", nullable=True),
        Column("unit", TEXT, "unit", nullable=True),
    ),
)
LOGGED = {  # by the kind of the log's rows
    ENCOUNTER: Table(
        "encounters",
        (
            *KEY,
            Column("encounter_id", INTEGER, "encounter"),
            Column("provider", TEXT, "code", "provider"),
            Column("class", TEXT, "code", "provider.class"),
            Column("requested", TIME, "requested"),
            SINCE,
            UNTIL,
            Column("reason", TEXT, "reason", "condition", nullable=True),
            Column("discharge", TEXT, "discharge", "discharge", nullable=True),
        ),
    ),
    APPOINTMENT: Table(
        "appointments",
        (
            *KEY,
            DURING,
            Column("provider", TEXT, "code", "provider"),
            Column("class", TEXT, "code", "provider.class"),
            Column("requested", TIME, "start"),
            Column("ended", TIME, "end", nullable=True),
            Column("outcome", TEXT, "aux", "outcome", nullable=True),
            Column("priority", NUMBER, "value"),
        ),
    ),
    CONDITION: Table("conditions", (*KEY, DURING, *_coded("condition"), SINCE, UNTIL)),
    OBSERVATION: Table(
        "observations",
        (
            *KEY,
            DURING,
            *_coded("observation"),
            AT,
            Column("value", NUMBER, "measured", nullable=True),
            Column("unit", TEXT, "unit", "observation.unit", nullable=True),
            Column("value_text", TEXT, "seen", "seen", nullable=True),
            Column("panel", TEXT, "panel", "panel", nullable=True),
        ),
    ),
    MEDICATION: Table(
        "medications",
        (*KEY, DURING, *_coded("drug"), SINCE, UNTIL, Column("dose", TEXT, "aux", "dose", nullable=True)),
    ),
    PROCEDURE: Table("procedures", (*KEY, DURING, *_coded("procedure"), AT)),
    IMMUNIZATION: Table("immunizations", (*KEY, DURING, *_coded("vaccine"), AT)),
    ALLERGY: Table("allergies", (*KEY, DURING, *_coded("allergy"), SINCE, UNTIL)),
    CAREPLAN: Table(
        "careplans",
        (*KEY, *_coded("plan"), SINCE, UNTIL, Column("reason", TEXT, "aux", "condition", nullable=True)),
    ),
    DEATH: Table("deaths", (*KEY, AT, Column("cause", TEXT, "code", "cause"))),
    STATE: Table(
        "truth/states",
        (
            *KEY,
            AT,
            Column("axis", TEXT, "moved", "axis", nullable=True),
            Column("from", TEXT, "aux", "state", nullable=True),
            Column("to", TEXT, "code", "state entered"),
            Column("cause", TEXT, "cause", "condition", nullable=True),
        ),
    ),
    VARIABLE: Table(
        "truth/variables",
        (
            *KEY,
            AT,
            Column("variable", TEXT, "code", "variable"),
            Column("value", NUMBER, "number", nullable=True),
            Column("category", TEXT, "level", "level", nullable=True),
        ),
    ),
    EVENT: Table("truth/events", (*KEY, AT, Column("event", TEXT, "code", "event"))),
}
IMPERFECTIONS = Table(  # there only where a scenario has some
    "truth/imperfections",
    (
        *KEY,
        Column("table", TEXT, "kind", "table"),
        Column("imperfection", TEXT, "imperfection", "imperfection"),
        Column("kind", TEXT, "imperfection", "imperfection.kind"),
        DURING,
        Column("name", TEXT, "thing", "thing"),
        SINCE,
        UNTIL,
        Column("value", NUMBER, "result", nullable=True),
        Column("value_text", TEXT, "result seen", "seen", nullable=True),
        Column("panel", TEXT, "measured with", "panel", nullable=True),
        Column("requested", TIME, "asked", nullable=True),
        Column("reason", TEXT, "given reason", "condition", nullable=True),
        Column("discharge", TEXT, "discharged", "discharge", nullable=True),
        Column("dose", TEXT, "dosed", "dose", nullable=True),
    ),
)
SOMETIMES = {
    EVENT,
    ALLERGY,
    IMMUNIZATION,
    CAREPLAN,
}  # kinds whose tables are there only where a scenario has such things
ALWAYS = tuple(table for kind, table in LOGGED.items() if kind not in SOMETIMES)
TABLES = (PATIENTS, *ALWAYS, CODES)  # of every run


def logged(scenario: Scenario) -> dict[int, Table]:
    """The tables of the log's rows, by their kind: those of every run, and those that the scenario has things
    for."""
    allergies = any(isinstance(condition, Allergy) for condition in scenario.conditions)
    things = {
        EVENT: any(path.events for path in scenario.pathways),
        IMMUNIZATION: bool(scenario.vaccines),
        CAREPLAN: bool(plans(scenario)),
        ALLERGY: allergies,
    }
    return {kind: table for kind, table in LOGGED.items() if kind not in SOMETIMES or things[kind]}


def tables_of(scenario: Scenario) -> tuple[Table, ...]:
    """All tables of a run of the scenario, as they are without a selection."""
    spoiled = (IMPERFECTIONS,) if scenario.imperfections else ()
    return (patients(scenario), *logged(scenario).values(), *spoiled, CODES)
