"""Care protocols lowered to rows (op, a, b, c, d, e) that a patient's processes walk through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sim.program import layout as at
from sim.program.expressions import Assembler
from sim.scenario import model
from sim.scenario.model import NUMBER, TRUTH, Expr, Step

ANYWHERE = Expr("draw", (Expr("const", (), 0.0), Expr("const", (), 1.0)), "uniform", NUMBER)


class CareAssembler:
    """Collects the rows of all protocols. `index` gives the position of (kind, qualified name), `sessions`
    where the hours of a provider begin in the list of breaks, `watches` the watch of a `wait_until`, by site.
    """

    def __init__(
        self,
        assembler: Assembler,
        index: Mapping[tuple[str, str], int],
        sessions: Mapping[str, int],
        watches: Mapping[str, int],
    ):
        self.assembler = assembler
        self.index = index
        self.sessions = sessions
        self.watches = watches
        self.rows: list[tuple[int, ...]] = []
        self.visits = 0
        self.landings: dict[int, int] = {}  # the row of its own at which a protocol waits for a watch
        self.closing: list[list[int]] = []  # rows that close each of the visits around a step

    def protocol(self, p: model.Protocol) -> int:
        """Append the steps of `p`; the row where they start."""
        first = len(self.rows)
        self.steps(p.steps, self.assembler.cell("count", p.name))
        self.emit(at.END)
        return first

    def steps(self, steps: Sequence[Step], count: int) -> None:
        """`count` is the cell that counts entries into the block around these steps."""
        for step in steps:
            if step.chance is None:
                self.step(step, count)
            else:
                taken = Expr("draw", (step.chance,), "bernoulli", TRUTH, step.chance.span)
                code = self.code(taken, f"{step.site}/chance", count)
                row = self.emit(at.UNLESS, code)
                self.step(step, count)
                self.rows[row] = (at.UNLESS, code, len(self.rows), 0, 0, 0)

    def step(self, step: Step, count: int) -> None:
        match step:
            case model.Visit():
                self.visit(step, count)
            case model.Test():
                self.measure(step.biomarker, step.site, count)
            case model.MeasurePanel():
                for name in step.biomarkers:
                    self.measure(name, f"{step.site}/{name}", count, self.index["panel", step.panel])
            case model.Examine():
                self.examine(step, count)
            case model.Record():
                value = self.code(step.value, step.site, count)
                self.emit(at.TEST, self.index["biomarker", step.biomarker], -1, 0, 1 + value)
            case model.Vaccinate():
                self.emit(at.PERFORM, self.index["vaccine", step.vaccine])
            case model.Diagnose():
                resolves = self.optional(step.resolves_after, step.site, count)
                self.emit(at.DIAGNOSE, self.index["condition", step.condition], resolves)
            case model.Resolve():
                self.emit(at.RESOLVE, self.index["condition", step.condition])
            case model.Prescribe():
                supply = self.optional(step.supply, step.site, count)
                dose = -1
                if step.dose is not None:
                    dose = self.assembler.doses[step.drug].index(step.dose)
                self.emit(at.PRESCRIBE, self.index["drug", step.drug], supply, dose)
            case model.ChangeDose():
                self.emit(at.CHANGE_DOSE, self.index["drug", step.drug], step.by)
            case model.StopDrug():
                self.emit(at.STOP_DRUG, self.index["drug", step.drug])
            case model.StopProtocol():
                self.emit(at.STOP_PROTOCOL, self.index["protocol", step.protocol])
            case model.Perform():
                self.emit(at.PERFORM, self.index["procedure", step.procedure])
            case model.Wait():
                self.emit(at.WAIT, self.code(step.duration, step.site, count))
            case model.WaitUntil():
                at_most = self.optional(step.at_most, step.site, count)
                watch = self.watches[step.site]
                self.emit(at.WAIT_UNTIL, watch, at_most)
                self.landings[watch] = self.emit(at.GO_TO, len(self.rows) + 1)
            case model.At():
                self.at(step)
            case model.Every():
                self.every(step, count)
            case model.If():
                self.branches([(self.code(step.condition), step.then)], step.otherwise, count)
            case model.Choose():
                self.choose(step, count)
            case model.Do():
                self.emit(at.DO, self.index["protocol", step.protocol])
            case model.StartProtocol():
                self.emit(at.START, self.index["protocol", step.protocol])
            case model.Set():
                a = step.assignment
                self.emit(
                    at.ASSIGN, self.index["variable", a.variable], self.code(a.expression, a.site, count)
                )
            case _:
                raise TypeError(step)

    def measure(self, name: str, site: str, count: int, panel: int = -1) -> None:
        error = self.optional(self.assembler.biomarkers[name].measurement_error, site, count)
        self.emit(at.TEST, self.index["biomarker", name], error, 1 + panel)

    def examine(self, step: model.Examine, count: int) -> None:
        """With a result that takes its time, the visits around the step are over before it is waited for."""
        examination = next(x for x in self.assembler.scenario.examinations if x.name == step.test)
        test = self.index["biomarker", step.test]
        result = self.code(examination.result, step.site, count)
        if examination.takes is None:
            self.emit(at.TEST, test, result)
            return
        sample = self.assembler.cell("shown", step.site)
        self.assembler.cell("known at", step.site)
        self.assembler.cell("taken in", step.site)
        takes = self.code(examination.takes, f"{step.site}/takes", count)
        self.emit(at.SAMPLE, test, result, takes, sample)
        for rows in reversed(self.closing):
            rows.append(self.emit(at.CLOSE_VISIT))
        self.emit(at.RESULT, test, sample)

    def visit(self, step: model.Visit, count: int) -> None:
        provider = self.index["provider", step.provider]
        reason = -1 if step.reason is None else self.index["condition", step.reason]
        of = self.assembler.scenario.providers[provider]
        self.assembler.used.add(count)
        visit, self.visits = self.visits, self.visits + 1
        stays_away, attend, asked, ask = -1, -1, -1, len(self.rows)
        if step.asks(of):
            asked = self.assembler.cell("asked", step.site)
            place = self.code(ANYWHERE, f"{step.site}/hours", asked) if of.hours else -1
            self.emit(at.ASK, provider, place, asked, self.sessions[of.name], len(of.hours))
        if step.attend is not None:
            comes = Expr("draw", (step.attend,), "bernoulli", TRUTH, step.attend.span)
            attend = self.code(comes, f"{step.site}/attend", asked)
            stays_away = self.emit(at.UNLESS, attend)
        lasts = step.lasts or of.lasts
        if lasts is not None:
            self.emit(at.LASTS, visit, self.code(lasts, f"{step.site}/lasts", count))
        self.emit(at.OPEN_VISIT, provider, reason, self.assembler.sites(step.site), count, visit)
        self.closing.append([])
        self.steps(step.steps, count)
        end = self.emit(at.CLOSE_VISIT, provider, visit, 1 + self.discharge(step, count))
        for row in self.closing.pop():
            self.rows[row] = self.rows[end]
        if step.attend is not None:
            end = self.emit(at.GO_TO)
            self.rows[stays_away] = (at.UNLESS, attend, len(self.rows), 0, 0, 0)
            again = self.optional(step.rebook_after, f"{step.site}/rebook", asked)
            self.emit(at.MISS, again, -1 if step.rebook_times is None else step.rebook_times, ask)
            self.steps(step.missed, count)
            self.rows[end] = (at.GO_TO, len(self.rows), 0, 0, 0, 0)

    def discharge(self, step: model.Visit, count: int) -> int:
        """Code of where the patient goes at the end of a visit, as its position among all such places, or
        -1."""
        if step.discharge is None:
            return -1
        levels = step.discharge.type.levels
        places = tuple(Expr("const", (), float(self.index["discharge", place])) for place in levels)
        return self.code(chosen(step.discharge, places, 0), f"{step.site}/discharge", count)

    def at(self, step: model.At) -> None:
        loop = self.assembler.cell("round due", step.site)
        self.assembler.cell("variable", f"{step.site}/rounds", 0.0)
        rounds = self.assembler.cell("rounds in life", step.site)
        since = self.assembler.cell("since", step.thing)
        self.assembler.used.add(since)
        self.emit(at.BEGIN_TIMES, loop, since)
        begin = self.emit(at.NEXT_TIME)
        self.steps(step.steps, rounds)
        self.emit(at.GO_TO, begin)
        time = self.code(chosen(Expr("variable", (), f"{step.site}/rounds"), step.times, 1))
        self.rows[begin] = (at.NEXT_TIME, loop, time, len(step.times), len(self.rows), 0)

    def every(self, step: model.Every, count: int) -> None:
        loop = self.assembler.cell("round due", step.site)
        self.assembler.cell("rounds", step.site)
        rounds = self.assembler.cell("rounds in life", step.site)
        until = -1 if step.until is None else self.code(step.until)
        at_most = -1 if step.at_most is None else step.at_most
        self.emit(at.BEGIN_ROUNDS, loop, self.optional(step.first, f"{step.site}/first", count))
        begin = len(self.rows)
        self.emit(at.NEXT_ROUND)
        self.emit(at.START_ROUND)
        self.steps(step.steps, rounds)
        self.emit(at.END_ROUND, loop, self.code(step.interval, step.site, rounds), begin)
        after = len(self.rows)
        for row, op in ((begin, at.NEXT_ROUND), (begin + 1, at.START_ROUND)):
            self.rows[row] = (op, loop, until, at_most, after, 0)

    def choose(self, step: model.Choose, count: int) -> None:
        """One uniform decides among the shares; an `if` before them may be taken first."""
        branches: list[tuple[int, Sequence[Step]]] = []
        otherwise: Sequence[Step] = ()
        shares: list[Expr] = []
        for branch in step.branches:
            if branch.kind == "otherwise" or (
                branch.expression is not None and branch.expression.op == "rest"
            ):
                otherwise = branch.steps
                break
            assert branch.expression is not None
            if branch.kind == "if":
                branches.append((self.code(branch.expression), branch.steps))
                continue
            shares.append(branch.expression)
            # level k of a draw with shares p1 .. pk, rest: true where u falls below p1 + ... + pk
            level = Expr("draw", (*shares, Expr("rest")), "categorical", NUMBER, branch.expression.span)
            below = Expr("lt", (level, Expr("const", (), float(len(shares)))), None, TRUTH, level.span)
            branches.append((self.code(below, step.site, count), branch.steps))
        self.branches(branches, otherwise, count)

    def branches(
        self, branches: Sequence[tuple[int, Sequence[Step]]], otherwise: Sequence[Step], count: int
    ) -> None:
        ends = []
        for code, steps in branches:
            skip = self.emit(at.UNLESS, code)
            self.steps(steps, count)
            ends.append(self.emit(at.GO_TO))
            self.rows[skip] = (at.UNLESS, code, len(self.rows), 0, 0, 0)
        self.steps(otherwise, count)
        for end in ends:
            self.rows[end] = (at.GO_TO, len(self.rows), 0, 0, 0, 0)

    # ---- small pieces

    def emit(self, op: int, *operands: int) -> int:
        self.rows.append((op, *operands, *(0,) * (5 - len(operands))))
        return len(self.rows) - 1

    def code(self, e: Expr, site: str | None = None, count: int | None = None) -> int:
        return self.assembler.lower(e, "exact", site, count).start

    def optional(self, e: Expr | None, site: str, count: int) -> int:
        return -1 if e is None else self.code(e, site, count)


def chosen(number: Expr, options: Sequence[Expr], first: int) -> Expr:
    """The one of `options` that a whole number, counted from `first`, says."""
    found = options[-1]
    for place in range(len(options) - 2, -1, -1):
        below = Expr("lt", (number, Expr("const", (), first + place + 0.5)), None, TRUTH, number.span)
        found = Expr("if", (below, options[place], found), None, found.type, number.span)
    return found
