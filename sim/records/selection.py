"""Which tables and columns of a run are made: what is not asked for is not computed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from sim.records.schema import KEY, PATIENTS, Table, tables_of
from sim.scenario.model import Scenario
from sim.scenario.scope import did_you_mean

_KEYS = frozenset(column.name for column in KEY)


class SelectionError(ValueError):
    """A selection of what is not there; the message is one sentence."""


class LeftOutError(FileNotFoundError):
    """A run was made without a table or column that is asked of it; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Of all tables those of these names, None for all; of some tables those `columns`, of others all.

    The table `patients` is always there, and so are `patient_id` and `seq` in each that has them.
    """

    tables: frozenset[str] | None = None
    columns: tuple[tuple[str, frozenset[str]], ...] = ()

    def of(self, table: Table) -> Table | None:
        """A table with those of its columns that are wanted; None where it is not wanted itself."""
        if self.tables is not None and table.name not in self.tables and table.name != PATIENTS.name:
            return None
        wanted = dict(self.columns).get(table.name)
        if wanted is None:
            return table
        return replace(table, columns=tuple(c for c in table.columns if c.name in wanted | _KEYS))

    def left_out(self, scenario: Scenario) -> list[str]:
        """What a run of the scenario does without: tables by name, columns as TABLE.COLUMN."""
        missing = []
        for table in tables_of(scenario):
            made = self.of(table)
            if made is None:
                missing.append(table.name)
            else:
                missing += [f"{table.name}.{c.name}" for c in table.columns if c not in made.columns]
        return missing


EVERYTHING = Selection()


def select(
    scenario: Scenario,
    tables: Iterable[str] | None = None,
    columns: Mapping[str, Iterable[str]] | None = None,
) -> Selection:
    """The selection of `tables` (None for all) and, of the tables that are its keys, of `columns`.

    Raises SelectionError for a name that the scenario's tables do not have, and for columns of a table that
    is not selected.
    """
    known = {table.name: {column.name: column for column in table.columns} for table in tables_of(scenario)}
    wanted = None if tables is None else frozenset(tables)
    chosen = {table: frozenset(names) for table, names in (columns or {}).items()}
    for table in sorted(wanted or ()):
        _check(table, known, f"there is no table `{table}`", "the tables")
    for table, names in sorted(chosen.items()):
        _check(table, known, f"there is no table `{table}`", "the tables")
        if wanted is not None and table not in wanted | {PATIENTS.name}:
            raise SelectionError(
                f"columns of `{table}` are asked for, which is not among the tables asked for"
            )
        for name in sorted(names):
            _check(name, known[table], f"the table `{table}` has no column `{name}`", "its columns")
    return Selection(wanted, tuple(sorted((table, names) for table, names in chosen.items())))


def need(left_out: Collection[str], table: str, column: str | None = None) -> None:
    """Raises LeftOutError where a run that does without `left_out` has not this table or column."""
    for name in (table, f"{table}.{column}"):
        if name in left_out:
            message = f"this needs {name}, which the run was made without; run it again with --tables or "
            raise LeftOutError(f"{message}--columns that have it, or without these options")


def _check(name: str, known: Collection[str], message: str, these: str) -> None:
    if name not in known:
        fix = did_you_mean(name, known)
        rest = f"{fix} {these.capitalize()}" if fix else these
        raise SelectionError(f"{message}; {rest} are {', '.join(known)}")
