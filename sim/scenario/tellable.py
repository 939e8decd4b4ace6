"""What the tables of a run can tell, of all that an expression may read.

They hold what happened and what was recorded, not what runs in between: nothing of `usual`, of what was taken
of a drug, of states that are passed at once, of protocols that are no care plan.
"""

from __future__ import annotations

from collections.abc import Iterator

from sim.scenario.algebra import constant
from sim.scenario.constants import with_values
from sim.scenario.diagnostics import Diagnostic, ScenarioError
from sim.scenario.model import Expr, Scenario, Span, State
from sim.scenario.whole import plans
from sim.scenario.words import READS

CLOCKS = frozenset({"age", "today", "time_in", "years_in", "since"})
"""The words whose value runs all the time; `year` and `month` change in steps."""
_ORDERINGS = frozenset({"lt", "le", "gt", "ge"})
_INSTEAD = {
    "usual": "last(x), the latest result; or the statistic mean(x)",
    "taking": "prescribed(x)",
    "mean": "last(x), the latest result; or the statistic mean(x)",
}


class Tellable:
    """What the tables of a scenario's runs tell."""

    def __init__(self, scenario: Scenario) -> None:
        protocols = (protocol for pathway in scenario.pathways for protocol in pathway.protocols)
        states = (s for pathway in scenario.pathways for axis in pathway.axes for s in axis.states)
        self._untold = frozenset(p.name for p in protocols) - {p.name for p in plans(scenario)}
        self._passed = frozenset(state.name for state in states if _is_passed(state))
        self._values = {p.name: p.value for p in scenario.parameters if p.value is not None}

    def check(self, expression: Expr) -> None:
        """Raise ScenarioError with everything in `expression` that the tables cannot tell."""
        if found := tuple(self._wrong(expression)):
            raise ScenarioError(found)

    def check_thing(self, names: tuple[str, ...], span: Span) -> None:
        """The same of a thing that happens."""
        if found := tuple(finding for name in names for finding in self._thing(name, span)):
            raise ScenarioError(found)

    def tells(self, name: str) -> bool:
        """Whether the tables tell of a thing."""
        return name not in self._untold | self._passed

    def _thing(self, name: str, span: Span) -> Iterator[Diagnostic]:
        short = name.rpartition(".")[2]
        if name in self._untold:
            message = f"the tables do not tell of `{short}`: it is a protocol without a `plan:`"
            yield Diagnostic("not-in-tables", message, span, f"give `{short}` a `plan:`")
        if name in self._passed:
            message = f"the tables do not tell of `{short}`, which is passed at once"
            yield Diagnostic("not-in-tables", message, span, "name what it leads to, or comes from")

    def _wrong(self, e: Expr, alone: bool = True) -> Iterator[Diagnostic]:
        """What is wrong with a node and those below; `alone` is whether it may run all the time."""
        span = e.span or Span("", 1, 1)
        if e.op in CLOCKS and not alone:
            message = f"`{e.op}` runs all the time, and is not alone in a comparison here"
            fix = f"{e.op} alone on one side of <, <=, > or >=, and no such clock on the other"
            yield Diagnostic("not-exact", message, span, fix)
        if e.op in _INSTEAD:
            yield Diagnostic(
                "not-in-tables", f"the tables do not tell `{e.op}` at a time", span, _INSTEAD[e.op]
            )
        elif e.op in READS and isinstance(e.value, str):
            yield from self._thing(e.value, span)
        if e.op in ("count", "tested") and e.args and constant(with_values(e.args[0], self._values)) is None:
            yield Diagnostic("not-a-constant", "`within` is the same for everybody", span, "within=1 year")
        clocks = [arg.op in CLOCKS for arg in e.args]
        compared = e.op in _ORDERINGS and sum(clocks) == 1
        for arg in e.args:
            yield from self._wrong(arg, compared)


def _is_passed(state: State) -> bool:
    return state.lasts is None and any(way.kind == "share" for way in state.exits)
