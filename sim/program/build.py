"""A checked scenario compiled to a Program."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.program import layout as at
from sim.program.care import CareAssembler
from sim.program.expressions import TEMPORARY, Assembler, Lowered
from sim.program.program import Program, Tables
from sim.scenario.dates import watched
from sim.scenario.diagnostics import Diagnostic, ScenarioError
from sim.scenario.hazards import split_rate
from sim.scenario.model import (
    NUMBER,
    RATE,
    TRUTH,
    Assignment,
    Biomarker,
    Event,
    Examination,
    Exit,
    Expr,
    Pathway,
    Protocol,
    Scenario,
    Span,
    State,
    WaitUntil,
)
from sim.scenario.runtimes import only_agents
from sim.scenario.whole import discharges, parts, plans

NAN = float("nan")
ALWAYS = Expr("const", (), 1.0)
MAYBE_SILENT = ("biomarker", "procedure", "vaccine", "protocol", "provider")
FAR = 2**31 - 1  # a date that comes before or after all others
FORMS = {
    "weibull": at.WEIBULL,
    "gompertz": at.GOMPERTZ,
    "exponential": at.EXPONENTIAL,
    "lognormal": at.LOGNORMAL,
    "loglogistic": at.LOGLOGISTIC,
    "gamma": at.GAMMA,
    "gengamma": at.GAMMA,
}


def compile(scenario: Scenario) -> Program:
    """Compile `scenario`; the Program says the same, flat.

    Two programs with the same `hash` give the same lives for the same seed and patient numbers. Raises
    ScenarioError `agents-only` where the scenario has what only the agents runtime can live.
    """
    if reasons := only_agents(scenario):
        fix = "run it with `--runtime agents`"
        raise ScenarioError(
            tuple(
                Diagnostic("agents-only", f"the kernel cannot run this yet: {r.message}", r.span, fix)
                for r in reasons
            )
        )
    return _Compiler(scenario).program()


@dataclass
class _Compiler:
    scenario: Scenario
    sites: dict[str, int] = field(default_factory=dict)
    rows: dict[str, list[tuple[int, ...]]] = field(default_factory=dict)
    breaks: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    readers: dict[int, list[int]] = field(
        default_factory=dict
    )  # cell -> hazards; watches are added at the end

    def __post_init__(self) -> None:
        cells = [0.0] * at.FIRST_FREE_CELL
        self.assembler = Assembler(self.scenario, cells, {}, self.site, self.lookup)
        self.plans = plans(self.scenario)
        self.lookup_rows: dict[str, int] = {}
        self.bridges = 0
        self.ranges: list[tuple[float, ...]] = []
        self.things: dict[str, int] = {}
        self.listeners: dict[str, list[tuple[int, ...]]] = {}
        self.slots: list[tuple[tuple[Any, ...], int, int]] = []  # (tie order, kind, argument)
        self.watch_reads: list[frozenset[int]] = []
        self.waits: dict[str, int] = {}  # the watch of each `wait_until`, by site
        for name in Tables._fields:
            self.rows[name] = []

    # ---- the parts

    def program(self) -> Program:
        scenario = self.scenario
        self.number_everything()
        self.variables()
        for biomarker in scenario.biomarkers:
            self.biomarker(biomarker)
        for examination in scenario.examinations:
            self.examination(examination)
        self.background()
        for pathway in scenario.pathways:
            self.disease(pathway)
        sessions: dict[str, int] = {}  # where they begin
        for provider in scenario.providers:
            sessions[provider.name] = len(self.breaks)
            self.breaks += [time for session in provider.hours for time in session]
        care = CareAssembler(self.assembler, self.index, sessions, self.waits)
        for p in self.protocols:
            self.protocol(p, care)
        self.rows["steps"] = care.rows
        for watch, row in care.landings.items():
            found = self.rows["watches"][watch]
            self.rows["watches"][watch] = (*found[: at.WATCH_STEP], row, *found[at.WATCH_STEP + 1 :])
        self.visits = care.visits
        for provider in scenario.providers:
            riders = [i for i, p in enumerate(self.protocols) if self.rides(p, provider.name)]
            thing = self.thing(provider.name)
            self.rows["providers"].append((thing, len(self.rows["riders"]), len(riders)))
            self.rows["riders"] += [(r,) for r in riders]
        entry = scenario.population.entry
        entry_code = -1
        if entry is not None:
            entry_code = self.lower(entry, "exact", "population/entry", self.assembler.constant(0.0)).start
        return self.finish(entry_code, self.cohort())

    def cohort(self) -> tuple[int, int, int]:
        """Code of who is included, at the start and at the end of a record, and of the weight; -1: none."""
        p = self.scenario.population
        weight = None
        if p.oversample is not None:
            times = Expr("const", (), p.oversample.times)
            kept = Expr("draw", (Expr("const", (), 1.0 / p.oversample.times),), "bernoulli", TRUTH)
            weight = Expr("if", (p.oversample.condition, ALWAYS, Expr("mul", (times, kept))))
        start, end = (
            -1 if e is None else self.lower(e, "exact").start for e in (p.include_at_start, p.include_at_end)
        )
        if weight is None:
            return start, end, -1
        once = self.assembler.constant(0.0)
        return start, end, self.lower(weight, "exact", "population/oversample", once).start

    def number_everything(self) -> None:
        """Give every name its position, and every thing its cells, before any expression asks for them."""
        s = self.scenario
        self.protocols = [p for pathway in s.pathways for p in pathway.protocols]
        states = [(axis, state) for pathway in s.pathways for axis in pathway.axes for state in axis.states]
        self.assembler.states = {state.name: (axis.name, i) for i, (axis, state) in enumerate(states)}
        self.assembler.groups = {
            group: (axis.name, self.assembler.states[names[0]][1], self.assembler.states[names[-1]][1])
            for pathway in s.pathways
            for axis in pathway.axes
            for group, names in axis.groups.items()
        }
        self.index: dict[tuple[str, str], int] = {}
        kinds: list[tuple[str, list[str]]] = [
            ("variable", [v.name for v in s.variables]),
            ("state", [state.name for _, state in states]),
            ("axis", [a.name for pathway in s.pathways for a in pathway.axes]),
            ("event", [e.name for pathway in s.pathways for e in pathway.events]),
            ("condition", [c.name for c in s.conditions]),
            ("drug", [d.name for d in s.drugs]),
            ("procedure", [p.name for p in s.procedures]),
            ("vaccine", [v.name for v in s.vaccines]),
            ("biomarker", [b.name for b in s.biomarkers] + [x.name for x in s.examinations]),
            ("protocol", [p.name for p in self.protocols]),
            ("provider", [p.name for p in s.providers]),
            ("discharge", list(discharges(s))),
            ("panel", [p.name for p in s.panels]),
        ]
        for kind, names in kinds:
            self.index |= {(kind, name): i for i, name in enumerate(names)}
            if kind not in ("variable", "axis", "discharge", "panel"):
                for name in names:
                    self.thing(name)
        self.groups_of: dict[str, list[tuple[str, int, int]]] = {}  # thing -> its groups, innermost first
        for _, state in states:
            found = [(group, *self.assembler.groups[group][1:]) for group in reversed(state.groups)]
            self.groups_of[state.name] = found
        for group_ in s.groups:
            for member in group_.members:
                self.groups_of.setdefault(member, []).append((group_.name, 0, -1))
        for group in dict.fromkeys(g for found in self.groups_of.values() for g, _, _ in found):
            self.thing(group)
        for i, condition in enumerate(s.conditions):
            slot = self.slot((0, pathway_of(condition.name), 2, i), at.RESOLUTION, i)
            cell = self.assembler.cell("diagnosed", condition.name)
            self.rows["conditions"].append((cell, self.thing(condition.name), slot))
        first_dose = 0
        for i, drug in enumerate(s.drugs):
            slot = self.slot((0, pathway_of(drug.name), 1, i), at.SUPPLY, i)
            cell = self.assembler.cell("prescribed", drug.name)
            taking = -1
            if drug.doses:
                taking = self.assembler.cell("taking", drug.name)
                self.assembler.cell("dose since", drug.name)
            doses = (taking, first_dose, len(drug.doses), len(self.values))
            self.rows["drugs"].append((cell, self.thing(drug.name), slot, *doses))
            self.values += drug.shares
            first_dose += len(drug.doses)
        for procedure in s.procedures:
            row = (self.thing(procedure.name), at.NO, len(self.rows["procedures"]))
            self.rows["procedures"].append(row)
        for code, vaccine in enumerate(s.vaccines):
            self.index["vaccine", vaccine.name] = len(self.rows["procedures"])
            self.rows["procedures"].append((self.thing(vaccine.name), at.YES, code))
        for pathway in s.pathways:
            for axis in pathway.axes:
                self.assembler.cell("axis", axis.name, -1.0)  # in no state yet
        self.slot((0, "", 0, 0), at.WINDOW, 0)

    def variables(self) -> None:
        once = self.assembler.constant(0.0)
        for v in self.scenario.variables:
            if v.name == "population.sex":
                self.rows["variables"].append((at.SEX, -1))
                continue
            pathway, _, bare = v.name.partition(".")
            code = -1
            if v.draw is not None:
                code = self.lower(v.draw, "exact", f"{pathway}/variables/{bare}", once).start
            self.rows["variables"].append((self.assembler.cell("variable", v.name, NAN), code))

    def biomarker(self, b: Biomarker) -> None:
        code = self.lower(b.value, "exact").start
        cells = [self.assembler.cell(what, b.name, NAN) for what in ("last", "first")]
        site, levels, sd, grid, half_life = -1, 0, -1, 1.0, 1.0
        if b.noise_sd is not None and b.noise_half_life is not None:
            sd, half_life = self.lower(b.noise_sd, "exact").start, self.number(b.noise_half_life)
            site = self.site(b.site)
            # the grid is the power of two at most a sixteenth of the half-life, the bridge 16 half-lives or
            # more
            grid = 2.0 ** math.floor(math.log2(half_life / 16))
            levels = math.ceil(math.log2(16 * half_life / grid))
        self.rows["biomarkers"].append((code, *cells, self.thing(b.name), site, levels, self.bridges, sd))
        self.bridges += 2 * levels
        self.ranges.append((b.low, b.high, 10.0**b.decimals, grid, half_life))

    def examination(self, x: Examination) -> None:
        """As a biomarker of value 0, of which a test shows its draw."""
        code = self.lower(Expr("const", (), 0.0), "exact").start
        cells = [self.assembler.cell(what, x.name, NAN) for what in ("last", "first")]
        self.rows["biomarkers"].append((code, *cells, self.thing(x.name), -1, 0, self.bridges, -1))
        self.ranges.append((-math.inf, math.inf, 1.0, 1.0, 1.0))

    def background(self) -> None:
        m = self.scenario.mortality
        if m is None:
            return
        table = self.assembler.tables[m.background or m.table]
        sex = next(v.type for v in self.scenario.variables if v.name == "population.sex")
        keys = {"sex": Expr("variable", (), "population.sex", sex), "age": Expr("age"), "year": Expr("year")}
        rate = Expr("lookup", tuple(keys[a.name] for a in table.axes), table.name, RATE, m.span)
        slot = self.slot((1, "", 0, 0), at.BACKGROUND, len(self.rows["hazards"]))
        self.hazard(rate, slot, "population/mortality", self.assembler.constant(0.0), -1, -1, -1, -1)

    def disease(self, pathway: Pathway) -> None:
        for axis in pathway.axes:
            axis_index = self.index["axis", axis.name]
            first = self.index["state", axis.states[0].name]
            for state in axis.states:
                self.state(pathway, axis_index, state)
            previous = self.assembler.names.get(("previous", axis.name), -1)
            self.rows["axes"].append((first, self.assembler.cell("axis", axis.name), previous))
        for event in pathway.events:
            self.event(pathway, event)

    def state(self, pathway: Pathway, axis: int, state: State) -> None:
        index = self.index["state", state.name]
        count = self.assembler.cell("count", state.name)
        since = self.assembler.cell("since", state.name, NAN)
        kinds = ("hazards", "timers", "shares", "watches")
        first = {name: len(self.rows[name]) for name in kinds}
        first_assignment = self.assignments(state.sets, count)
        for e in state.exits:
            cause = -1 if e.cause is None else self.index["condition", e.cause]
            target = -1 if e.target == "dead" else self.index["state", e.target]
            if e.kind in ("rate", "after"):
                self.exit(pathway, e, count, since, axis, target, cause)
            elif e.kind == "fixed":
                assert e.expression is not None
                slot = self.slot((1, pathway.name, len(self.slots)), at.SOJOURN, len(self.rows["timers"]))
                code = self.lower(e.expression, "exact", e.site, count).start
                self.rows["timers"].append((slot, code, target, cause, index))
            elif e.kind == "share":
                assert e.expression is not None
                rest = e.expression.op == "rest"
                code = -1 if rest else self.lower(e.expression, "exact").start
                self.rows["shares"].append((code, target, cause))
            else:
                times = ("count", e.thing) if e.thing else ("drawn", e.site)
                counted = self.assembler.cell(*times)
                chance = -1 if e.probability is None else self.chance(e.probability, e.site, counted)
                row = (-1, axis, index, chance, target, cause)
                if e.thing:
                    self.listeners.setdefault(e.thing, []).append(row)
                else:
                    assert e.expression is not None
                    leaves = (len(self.rows["listeners"]), counted)
                    self.watch(e.expression, at.LEAVE, -1, pathway.name, leaves)
                    self.rows["listeners"].append(row)
        if state.lasts is not None:
            slot = self.slot((1, pathway.name, len(self.slots)), at.SOJOURN, len(self.rows["timers"]))
            code = self.lower(state.lasts, "exact", f"{state.site}/lasts", count).start
            self.rows["timers"].append((slot, code, -2, -1, index))
        shares = len(self.rows["shares"]) - first["shares"]
        self.rows["states"].append(
            (
                axis,
                self.thing(state.name),
                *(
                    v
                    for name in ("hazards", "timers")
                    for v in (first[name], len(self.rows[name]) - first[name])
                ),
                first["shares"],
                shares,
                first_assignment,
                len(state.sets),
                self.site(f"{state.site}/share"),
                int(shares > 0 and state.lasts is None),
                first["watches"],
                len(self.rows["watches"]) - first["watches"],
            )
        )

    def assignments(self, sets: tuple[Assignment, ...], count: int) -> int:
        """The first row of the assignments `sets`, whose draws `count` counts."""
        first = len(self.rows["assignments"])
        for a in sets:
            code = self.lower(a.expression, "exact", a.site, count).start
            cell = self.assembler.cell("variable", a.variable, NAN)
            self.rows["assignments"].append((cell, code, self.index["variable", a.variable]))
        return first

    def event(self, pathway: Pathway, e: Event) -> None:
        count, index = self.assembler.cell("count", e.name), len(self.rows["events"])
        slot = self.slot((1, pathway.name, len(self.slots)), at.EVENT, len(self.rows["hazards"]))
        self.hazard(e.rate, slot, e.site, count, -1, index, -1, -1)
        self.rows["events"].append((self.thing(e.name), self.assignments(e.sets, count), len(e.sets)))

    def exit(
        self, pathway: Pathway, e: Exit, count: int, since: int, axis: int, target: int, cause: int
    ) -> None:
        assert e.expression is not None
        slot = self.slot((1, pathway.name, len(self.slots)), at.EXIT, len(self.rows["hazards"]))
        rate, form, first, second, third = e.expression, at.CONSTANT, -1, -1, -1
        if e.kind == "after":
            rate = e.times or ALWAYS
            name = str(e.expression.value)
            form = FORMS[name]
            codes = [self.lower(a, "exact").start for a in e.expression.args]
            first, second, *more = codes if len(codes) > 1 else (-1, codes[0])
            third = more[0] if more else -1
        row = (axis, target, cause, since)
        self.hazard(rate, slot, e.site, count, *row, form=form, first=first, second=second, third=third)

    def hazard(
        self,
        rate: Expr,
        slot: int,
        site: str,
        count: int,
        axis: int,
        target: int,
        cause: int,
        entry: int,
        form: int = at.CONSTANT,
        first: int = -1,
        second: int = -1,
        third: int = -1,
    ) -> None:
        tabular, rest = split_rate(rate)
        tabulation, code, grids, varying, gate = -1, -1, 0, 0, -1
        if tabular is not None:
            lowered = self.lower(tabular, "rate")
            grids = lowered.grids & ~at.SEX_ROWS
            tabulation = len(self.rows["tabulations"])
            rows = at.SEX_ROWS if reads_sex(tabular) else 0
            self.rows["tabulations"].append((lowered.start, grids | rows))
        if rest is not None:
            lowered = self.lower(rest, "rate")
            code, varying = lowered.start, int(lowered.grids != 0)
            grids |= lowered.grids
            gate = self.gate(rest)
            for cell in lowered.cells:
                self.readers.setdefault(cell, []).append(len(self.rows["hazards"]))
        row = [0] * at.HAZARD_COLUMNS
        row[at.HAZARD_SLOT], row[at.HAZARD_FORM] = slot, form
        row[at.HAZARD_TABLE], row[at.HAZARD_CODE] = tabulation, code
        row[at.HAZARD_GRIDS], row[at.HAZARD_VARYING] = grids, varying
        row[at.HAZARD_FIRST], row[at.HAZARD_SECOND], row[at.HAZARD_GATE] = first, second, gate
        row[at.HAZARD_THIRD] = third
        row[at.HAZARD_SITE], row[at.HAZARD_COUNT], row[at.HAZARD_ENTRY] = self.site(site), count, entry
        row[at.HAZARD_AXIS], row[at.HAZARD_TARGET], row[at.HAZARD_CAUSE] = axis, target, cause
        self.rows["hazards"].append(tuple(row))

    def gate(self, rest: Expr) -> int:
        """Code of a `while` around what is not tabulated, if no clock changes it, else -1."""
        if rest.op != "if" or rest.args[2].op != "const" or rest.args[2].value != 0.0:
            return -1
        lowered = self.lower(rest.args[0], "rate")
        return -1 if lowered.grids or lowered.clocks else lowered.start

    def protocol(self, p: Protocol, care: CareAssembler) -> None:
        index, pathway = self.index["protocol", p.name], pathway_of(p.name)
        until = -1
        if p.while_ is not None:
            self.watch(watched(p, p.while_), at.WHILE, index, pathway)
        if p.until is not None:
            until = self.watch(p.until, at.UNTIL, index, pathway)
        for start in p.starts:
            if start.kind == "when":
                assert start.expression is not None
                self.watch(watched(p, start.expression), at.WHEN, index, pathway)
            elif start.kind == "upon":
                assert start.thing is not None
                self.listeners.setdefault(start.thing, []).append((index, -1, -1, -1, -1, -1))
            elif start.kind == "rate":
                assert start.expression is not None
                slot = self.slot((2, pathway, len(self.slots)), at.TRIGGER, len(self.rows["hazards"]))
                drawn = self.assembler.cell("drawn", start.site)
                self.hazard(start.expression, slot, start.site, drawn, -1, index, -1, -1)
        for step in parts(p.steps, WaitUntil):
            self.waits[step.site] = self.watch(step.condition, at.GO_ON, index, pathway)
        slot = self.slot((2, pathway, len(self.slots)), at.PROTOCOL, index)
        running = self.assembler.cell("running", p.name)
        first = care.protocol(p)
        dates = (min(max(day, -FAR), FAR) for day in p.valid or (-FAR, FAR))
        row = (slot, running, first, until, self.thing(p.name), *map(int, dates), self.plan(p))
        self.rows["protocols"].append(row)

    def plan(self, p: Protocol) -> int:
        if p.plan is None:
            return -1
        self.assembler.used.add(self.assembler.cell("since", p.name))  # a plan goes on when the record begins
        reason = -1 if p.plan.reason is None else self.index["condition", p.plan.reason]
        return self.plans.index(p) * at.PLAN_REASONS + 1 + reason

    def watch(
        self, e: Expr, action: int, protocol: int, pathway: str, leaves: tuple[int, int] = (-1, -1)
    ) -> int:
        watch = len(self.rows["watches"])
        slot = self.slot((0, pathway, 0, watch), at.WATCH, watch)
        lowered = self.lower(e, "watch")
        self.watch_reads.append(lowered.cells)
        self.rows["watches"].append((lowered.start, action, protocol, slot, -1, *leaves))
        return watch

    # ---- small pieces

    def lower(self, e: Expr, reading: Any, site: str | None = None, count: int | None = None) -> Lowered:
        return self.assembler.lower(e, reading, site, count)

    def chance(self, p: Expr, site: str, count: int) -> int:
        """Code that is true with probability `p`."""
        draw = Expr("draw", (p,), "bernoulli", NUMBER, p.span)
        return self.lower(draw, "exact", site, count).start

    def site(self, name: str) -> int:
        return self.sites.setdefault(name, len(self.sites))

    def slot(self, order: tuple[Any, ...], kind: int, argument: int) -> int:
        self.slots.append((order, kind, argument))
        return len(self.slots) - 1

    def thing(self, name: str) -> int:
        self.assembler.cell("count", name)
        self.assembler.cell("since", name, NAN)
        return self.things.setdefault(name, len(self.things))

    def rides(self, p: Protocol, provider: str) -> bool:
        return any(s.kind == "during" and s.thing == provider for s in p.starts)

    def number(self, e: Expr) -> float:
        """The value of a number or a parameter. Raises ScenarioError for anything else."""
        value = self.assembler.parameters[str(e.value)] if e.op == "parameter" else e.value
        if isinstance(value, float | int):
            return float(value)
        message = "the half-life of noise must be a number or a parameter"
        raise ScenarioError((Diagnostic("not-constant", message, e.span or Span("", 0, 0)),))

    def lookup(self, name: str) -> int:
        if name not in self.lookup_rows:
            table = self.assembler.tables[name]
            row = [len(self.values), int(table.clamp), len(table.axes)]
            for axis in table.axes:
                row += [axis.size, -1 if axis.levels else len(self.breaks)]
                self.breaks += axis.breaks
            row += [0] * (at.LOOKUP_COLUMNS - len(row))
            self.values += table.values
            self.lookup_rows[name] = len(self.rows["lookups"])
            self.rows["lookups"].append(tuple(row))
        return self.lookup_rows[name]

    # ---- putting it together

    def finish(self, entry_code: int, cohort: tuple[int, int, int]) -> Program:
        self.rows["things"] = self.thing_rows()
        slot_of = self.order_slots()
        fixed = len(self.assembler.cells)
        cells = self.assembler.cells + [float.fromhex(str(c)) for c in self.assembler.constants]
        first_temporary = len(cells)
        cells += [0.0] * (self.assembler.temporaries + 4)  # a draw may look at up to four parameters
        self.rows["dependents"], starts = self.dependency_rows(fixed)

        def place(operand: int) -> int:
            if operand >= TEMPORARY:
                return first_temporary + operand - TEMPORARY
            return fixed - 1 - operand if operand < 0 else operand

        code = [[row[0], *(place(o) for o in row[1:])] for row in self.assembler.rows]
        arrays: dict[str, Any] = {}
        for name, rows in self.rows.items():
            width = len(rows[0]) if rows else WIDTHS.get(name, 1)
            arrays[name] = np.array(rows, np.int32).reshape(len(rows), width)
        arrays |= {
            "code": np.array(code, np.int32).reshape(len(code), 5),
            "cells": np.array(cells, np.float64),
            "ranges": np.array(self.ranges, np.float64).reshape(-1, 5),
            "breaks": np.array(self.breaks, np.float64),
            "values": np.array(self.values, np.float64),
            "readers": np.array(starts, np.int32),
            "dependents": arrays["dependents"].reshape(-1),
            "riders": arrays["riders"].reshape(-1),
        }
        for name, column in (
            ("hazards", at.HAZARD_SLOT),
            ("timers", at.TIMER_SLOT),
            ("watches", at.WATCH_SLOT),
        ):
            arrays[name][:, column] = slot_of[arrays[name][:, column]]
        for name, column in (("protocols", at.PROTOCOL_SLOT), ("conditions", 2), ("drugs", 2)):
            arrays[name][:, column] = slot_of[arrays[name][:, column]]
        for table, columns in CELL_COLUMNS.items():
            for column in columns:
                arrays[table][:, column] = [place(int(v)) for v in arrays[table][:, column]]
        tables = Tables(**{name: np.ascontiguousarray(arrays[name]) for name in Tables._fields})
        spans: tuple[Span | None, ...] = tuple(self.assembler.spans)
        return Program(
            self.scenario, tables, tuple(self.sites), spans, fixed, entry_code, self.visits, cohort
        )

    def thing_rows(self) -> list[tuple[int, ...]]:
        rows: list[tuple[int, ...]] = []
        for name in self.things:
            heard = self.listeners.get(name, [])
            history = self.assembler.names.get(("history", name), -1)
            cells = [self.assembler.names["count", name], self.assembler.names["since", name]]
            silent = any((kind, name) in self.index for kind in MAYBE_SILENT)
            if silent and not heard and history < 0 and self.assembler.used.isdisjoint(cells):
                cells = [-1, -1]  # nobody asks whether, when or how often it happens
            groups = [(self.things[group], *ends) for group, *ends in self.groups_of.get(name, ())]
            listeners, memberships = self.rows["listeners"], self.rows["memberships"]
            rows.append((*cells, history, len(listeners), len(heard), len(memberships), len(groups)))
            listeners += heard
            memberships += groups
        return rows

    def order_slots(self) -> np.ndarray[Any, np.dtype[np.int32]]:
        """Sort the calendar into tie order; the new place of each slot."""
        order = sorted(range(len(self.slots)), key=lambda i: self.slots[i][0])
        self.rows["slots"] = [self.slots[i][1:] for i in order]
        place = np.empty(len(order), np.int32)
        place[order] = np.arange(len(order))
        return place

    def dependency_rows(self, cells: int) -> tuple[list[tuple[int, ...]], list[int]]:
        hazards = len(self.rows["hazards"])
        for watch, reads in enumerate(self.watch_reads):
            for cell in reads:
                self.readers.setdefault(cell, []).append(hazards + watch)
        starts, dependents = [0], list[tuple[int, ...]]()
        for cell in range(cells):
            dependents += [(d,) for d in sorted(self.readers.get(cell, []))]
            starts.append(len(dependents))
        return dependents, starts


# Widths of tables that may be empty, and columns that hold a cell which may be a constant.
WIDTHS = {
    "steps": 6,
    "slots": 2,
    "hazards": at.HAZARD_COLUMNS,
    "timers": 5,
    "states": 14,
    "axes": 3,
    "shares": 3,
    "assignments": 3,
    "things": 7,
    "listeners": 6,
    "memberships": 3,
    "watches": 7,
    "protocols": 8,
    "providers": 3,
    "biomarkers": 8,
    "conditions": 3,
    "drugs": 7,
    "procedures": 3,
    "variables": 2,
    "events": 3,
    "lookups": at.LOOKUP_COLUMNS,
    "tabulations": 2,
}
CELL_COLUMNS = {"hazards": (at.HAZARD_COUNT,)}


def pathway_of(name: str) -> str:
    return name.partition(".")[0]


def reads_sex(e: Expr) -> bool:
    return e.value == "population.sex" or any(reads_sex(a) for a in e.args)
