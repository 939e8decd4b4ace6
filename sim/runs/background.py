"""Background mortality: the all-cause table less what the model's own causes of death do.

Background mortality is the same whatever disease a person has, so it does not change how disease is spread
among those alive. The modelled causes' mortality, by sex, year and age, is therefore what a run without any
background shows: the cumulative hazard that they put on the people alive, divided by the time alive. That is
the expected number of deaths, not their count, so it needs far fewer people.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.engine import Engine, Ledger
from sim.engine.calendar import civil_year
from sim.program import compile
from sim.records.writer import write
from sim.runs.plan import processors
from sim.scenario import Diagnostic, Parameters, ScenarioError, load
from sim.scenario.fingerprint import fingerprint
from sim.scenario.model import DAYS_PER_YEAR, Axis, Mortality, Scenario, Span, Table

PATIENTS = 400_000
SEED = 0
BATCH = 5_000  # patients
ENOUGH = 200.0  # person-years in a cell; with less, all years of its age are taken together
FILE = "tables/background.csv"


@dataclass(frozen=True)
class Background:
    """What `make` worked out. `rates` and `modelled` (sex, year, age) are per year, `share` is what remains
    of all."""

    path: Path
    patients: int
    years: range
    rates: NDArray[np.float64]
    modelled: NDArray[np.float64]
    least_share: float


def model_hash(scenario: Scenario) -> str:
    """What a background table follows from: the model, the all-cause table, the causes taken out of it.

    BLAKE2b-128 of the resolved scenario, 32 hex digits. What changes no life is left out: places in files,
    texts, the number of patients, and the background itself.
    """
    assert scenario.mortality is not None
    name = scenario.mortality.background
    bare = replace(
        everybody(scenario),
        mortality=replace(scenario.mortality, background=None, background_hash=None),
        tables=tuple(table for table in scenario.tables if table.name != name),
    )
    return fingerprint(bare)


def with_background(scenario: Scenario, findings: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """The findings of a check, and a warning where the stored background is of another model.

    A variant that says nothing of mortality is an intervention under the other causes of death of its base.
    """
    m = scenario.mortality
    if m is None or m.background is None or m.background_hash == model_hash(scenario):
        return findings
    if not (scenario.given or scenario.given_files) and _of_its_base(scenario, m):
        return findings
    message, fix = (
        "the background mortality was worked out for other rates, tables or parameters than these",
        "",
    )
    if scenario.given or scenario.given_files:
        message = "the background mortality is the one for the values in the files, not for those given here"
    else:
        fix = f"run `sim background {scenario.folder}` again"
    return (*findings, Diagnostic("stale-background", message, m.span, fix, "warning"))


def _of_its_base(scenario: Scenario, mortality: Mortality) -> bool:
    """Whether mortality and background are those of the scenario that this one extends, and fit there."""
    base = Path(mortality.span.file).parent
    if base.samefile(scenario.folder) or (Path(scenario.folder) / FILE).is_file():
        return False
    try:
        return model_hash(load(base)) == mortality.background_hash
    except ScenarioError:
        return False


def make(
    path: Path | str,
    *,
    patients: int = PATIENTS,
    threads: int | None = None,
    parameters: Parameters | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,  # patients done, in all; from any thread
) -> Background:
    """Work out and store the background mortality of the scenario at `path`, in its tables/background.csv.

    The table covers every civil year of the window and every age of the all-cause table. Raises ScenarioError
    where the scenario is wrong, has no `less:`, or where its own causes kill more than all causes do.
    """
    scenario = load(path, parameters)
    mortality = scenario.mortality
    if mortality is None or not mortality.less:
        span = mortality.span if mortality else scenario.population.span
        message = "this scenario takes no causes out of its mortality: there is no background to work out"
        raise ScenarioError((Diagnostic("no-less", message, span, "mortality: {..., less: [a condition]}"),))
    table = next(t for t in scenario.tables if t.name == mortality.table)
    ages = next(a for a in table.axes if a.name == "age")
    ledger = Ledger(
        frozenset(i for i, c in enumerate(scenario.conditions) if c.name in mortality.less),
        range(civil_year(first_day(scenario)), civil_year(scenario.window[1]) + 1),
        int(ages.breaks[-2]) + 1,
    )
    days, hazard = account(scenario, ledger, patients, threads or processors(), progress)
    modelled = rates_of(days, hazard)
    all_causes = spread(table, ledger)
    rest = all_causes - modelled
    if rest.min() < 0.0:
        sex, year, age = np.unravel_index(int(rest.argmin()), rest.shape)
        who = f"{('women', 'men')[sex]} of {age} in {ledger.years[year]}"
        message = (
            f"the causes in `less:` kill {1000 * DAYS_PER_YEAR * modelled[sex, year, age]:.3g} of 1000 {who} "
            f"a year, and all causes together only {1000 * DAYS_PER_YEAR * all_causes[sex, year, age]:.3g}"
        )
        raise ScenarioError(
            (Diagnostic("negative-background", message, mortality.span, "lower their rates"),)
        )
    write(Path(scenario.folder), FILE, text_of(scenario, ledger, rest, patients).encode())
    share = np.where(days > ENOUGH * DAYS_PER_YEAR, rest / np.maximum(all_causes, 1e-300), 1.0)
    yearly = DAYS_PER_YEAR
    return Background(
        Path(scenario.folder) / FILE,
        patients,
        ledger.years,
        rest * yearly,
        modelled * yearly,
        float(share.min()),
    )


def everybody(scenario: Scenario) -> Scenario:
    """The scenario with nobody left out of its cohort: the background is that of the population."""
    population = replace(scenario.population, include_at_start=None, include_at_end=None, oversample=None)
    return replace(scenario, population=population)


def first_day(scenario: Scenario) -> float:
    """The first day on which someone may die of background mortality (days since 1970-01-01)."""
    people = scenario.population
    if people.alive_on is not None:
        return people.alive_on
    assert people.born is not None
    return people.born[0]


def account(
    scenario: Scenario,
    ledger: Ledger,
    patients: int,
    threads: int,
    progress: Callable[[int, int], None],
) -> NDArray[np.float64]:
    """Days alive and cumulative hazard (2, sex, year, age) of the model without background mortality."""
    program = compile(replace(everybody(scenario), mortality=None))
    done = 0
    batches = [range(i, min(i + BATCH, patients)) for i in range(0, patients, BATCH)]

    def work(mine: list[range]) -> list[NDArray[np.float64]]:
        nonlocal done
        engine = Engine(program, SEED, ledger)
        ledgers = []
        for batch in mine:
            engine.simulate(batch)
            ledgers.append(engine.ledger())
            done += len(batch)
            progress(done, patients)
        return ledgers

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(work, [batches[i::threads] for i in range(threads)]))
    total = np.zeros(ledger.shape)
    for i in range(len(batches)):  # in order of patients, so that the sum does not depend on the threads
        total += parts[i % threads][i // threads]
    return total


def rates_of(days: NDArray[np.float64], hazard: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deaths per day (sex, year, age); cells with little time take all years of their age, else the age
    below."""
    pooled_days, pooled_hazard = days.sum(axis=1), hazard.sum(axis=1)
    enough = ENOUGH * DAYS_PER_YEAR
    pooled = np.zeros_like(pooled_days)
    for sex in range(2):
        for age in range(pooled.shape[1]):
            if pooled_days[sex, age] >= enough:
                pooled[sex, age] = pooled_hazard[sex, age] / pooled_days[sex, age]
            elif age > 0:
                pooled[sex, age] = pooled[sex, age - 1]
    return np.where(days >= enough, hazard / np.maximum(days, enough), pooled[:, None, :])


def spread(table: Table, ledger: Ledger) -> NDArray[np.float64]:
    """The all-cause table as (sex, year, age); a year outside a table that clamps takes the nearest."""
    values = np.array(table.values).reshape([a.size for a in table.axes])
    order = {axis.name: i for i, axis in enumerate(table.axes)}
    indices = []
    for name, keys in (("sex", range(2)), ("year", ledger.years), ("age", range(ledger.ages))):
        if name not in order:
            values, here = values[..., None], np.zeros(len(keys), np.int64)
            order[name] = values.ndim - 1
        elif name == "sex":
            here = np.arange(2)
        else:
            here = _ranges(table.axes[order[name]], keys, table.clamp, table.span)
        indices.append(here)
    values = np.transpose(values, [order["sex"], order["year"], order["age"]])
    return values[np.ix_(*indices)]


def _ranges(axis: Axis, keys: range, clamp: bool, span: Span) -> NDArray[np.int64]:
    here = np.searchsorted(axis.breaks, np.array(keys) + 0.5, side="right") - 1
    if not clamp and (here.min() < 0 or here.max() >= axis.size):
        message = f"the table of mortality has not every {axis.name} from {keys.start} to {keys.stop - 1}"
        raise ScenarioError((Diagnostic("outside-table", message, span, "extend it, or say `clamp: true`"),))
    return np.clip(here, 0, axis.size - 1)


def text_of(scenario: Scenario, ledger: Ledger, rest: NDArray[np.float64], patients: int) -> str:
    """The table as CSV, rates per year with 9 digits."""
    assert isinstance(scenario.mortality, Mortality)
    less = ", ".join(c.partition(".")[2] for c in scenario.mortality.less)
    lines = [
        f"# program: {model_hash(scenario)}",
        f"# All-cause mortality less what the model does itself by {less};",
        f"# worked out by `sim background` from {patients} simulated people, seed {SEED}.",
        "# Not to be edited: make it again when the model changes.",
        "sex,year,age,rate",
    ]
    for s, sex in enumerate(("female", "male")):
        for y, year in enumerate(ledger.years):
            for age in range(ledger.ages):
                key = f"{age}+" if age == ledger.ages - 1 else f"{age}"
                lines.append(f"{sex},{year},{key},{float(rest[s, y, age]) * DAYS_PER_YEAR:.9g}")
    return "\n".join(lines) + "\n"
