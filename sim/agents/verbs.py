"""What is done in a protocol: tests, diagnoses, prescriptions, procedures, assignments.

A second diagnosis of a listed problem, a second prescription of a running drug, change no record.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.agents.faults import Failure
from sim.agents.rows import AUX
from sim.engine import elementary, faults, streams
from sim.engine.log import CAREPLAN, CONDITION, IMMUNIZATION, MEDICATION, OBSERVATION, PANELS, PROCEDURE
from sim.scenario.model import (
    Biomarker,
    ChangeDose,
    Diagnose,
    Examination,
    Expr,
    Perform,
    Prescribe,
    Record,
    Resolve,
    Set,
    Step,
    StopDrug,
    Test,
    Vaccinate,
)

if TYPE_CHECKING:
    from sim.agents.care import Activation
    from sim.agents.life import Life
    from sim.agents.rows import Row

LN_2 = 0.6931471805599453


def perform(life: Life, step: Step, encounter: int, count: int) -> None:
    """Do what a step says, in an encounter or (NULL) outside one; `count` is that of its draws."""
    match step:
        case Test():
            take_test(life, life.world.biomarkers[step.biomarker], step.site, encounter, count)
        case Diagnose():
            diagnose(life, step, encounter, count)
        case Resolve():
            resolve(life, step.condition)
        case Prescribe():
            prescribe(life, step, encounter, count)
        case ChangeDose():
            change_dose(life, step, encounter)
        case StopDrug():
            stop_drug(life, step.drug)
        case Perform():
            life.happen(step.procedure)
            number = life.world.numbers["procedure", step.procedure]
            row = life.record(PROCEDURE, number, encounter=encounter)
            life.tell("procedure", procedure=step.procedure, row=row)
        case Vaccinate():
            life.happen(step.vaccine)
            number = life.world.numbers["vaccine", step.vaccine]
            row = life.record(IMMUNIZATION, number, encounter=encounter)
            life.tell("vaccinate", vaccine=step.vaccine, row=row)
        case Record():
            value = life.look(step.value, step.site, count)
            note_result(life, life.world.biomarkers[step.biomarker], value, encounter, step.value)
        case Set():
            life.assign(step.assignment, count)
        case _:
            raise TypeError(step)


def take_test(
    life: Life, biomarker: Biomarker, site: str, encounter: int, count: int, panel: str = ""
) -> None:
    """Measure: the truth now, within-person noise and measurement error added."""
    truth = life.look(biomarker.value)
    noise = error = 0.0
    value = truth
    if biomarker.noise_sd is not None:
        noise = life.look(biomarker.noise_sd) * within_person(life, biomarker)
        value += noise
    if biomarker.measurement_error is not None:
        error = life.look(biomarker.measurement_error, site, count)
        value += error
    parts = {"truth": truth, "noise": noise, "error": error}
    note_result(life, biomarker, value, encounter, biomarker.value, panel, **parts)


def note_result(
    life: Life,
    biomarker: Biomarker,
    value: float,
    encounter: int,
    said: Expr,
    panel: str = "",
    **facts: float,
) -> None:
    """A test finds, or a step records, `value`: the result is clipped, rounded half up.

    `said` is the expression to blame where that is no number, `facts` are for the teller.
    """
    clipped = biomarker.low if value < biomarker.low else value
    clipped = biomarker.high if clipped > biomarker.high else clipped
    scale = 10.0**biomarker.decimals
    result = float(np.floor(clipped * scale + 0.5)) / scale
    if not abs(result) < math.inf:
        raise Failure(faults.UNKNOWN_RESULT, said.span)
    row = _note(life, "biomarker", biomarker.name, result, encounter)
    if row and panel:
        row[AUX] += PANELS * (1 + life.world.numbers["panel", panel])
    life.tell("test", biomarker=biomarker, value=value, result=result, row=row, **facts)


def note_finding(life: Life, test: Examination, shown: float, site: str, encounter: int) -> None:
    """The result of a test that was taken in an `encounter` is there: a truth, or the number of a level."""
    row = _note(life, "test", test.name, shown, encounter)
    life.tell("examine", test=test, result=shown, site=site, row=row)


def _note(life: Life, kind: str, name: str, result: float, encounter: int) -> Row | None:
    if life.last.get(name) != result:
        life.last[name] = result
        life.touch("last", name)
    if name not in life.first:
        life.first[name] = result
        life.touch("first", name)
    life.happen(name, result)
    return life.record(OBSERVATION, life.world.numbers[kind, name], encounter=encounter, value=result)


def within_person(life: Life, biomarker: Biomarker) -> float:
    """Stationary Ornstein-Uhlenbeck noise of sd 1 now: a dyadic bridge between keyed normal draws."""
    assert biomarker.noise_half_life is not None
    half_life = life.look(biomarker.noise_half_life)
    grid = 2.0 ** math.floor(math.log2(half_life / 16))
    levels = math.ceil(math.log2(16 * half_life / grid))
    key = life.streams.key(biomarker.site)

    def z(index: int) -> float:
        return elementary.normal_quantile(streams.uniform(key, index, life.attempt, life.patient))

    index = math.floor(life.now / grid)
    step = 2**levels
    low = index - index % step
    at_low = z(low)
    if index == low:
        return at_low
    at_high = z(low + step)
    while True:
        step //= 2
        r = elementary.exp(-LN_2 * (grid * step) / half_life)
        weight, sd = r / (1.0 + r * r), math.sqrt((1.0 - r * r) / (1.0 + r * r))
        at_middle = weight * (at_low + at_high) + sd * z(low + step)
        if index == low + step:
            return at_middle
        if index < low + step:
            at_high = at_middle
        else:
            low, at_low = low + step, at_middle


# ---- the problem list, and drugs


def diagnose(life: Life, step: Diagnose, encounter: int, count: int) -> None:
    name = step.condition
    if name in life.diagnosed:
        life.tell("diagnose", condition=name, listed=True, row=None)
        return
    life.diagnosed[name] = None
    life.touch("diagnosed", name)
    life.happen(name)
    number = life.world.numbers["condition", name]
    life.diagnosed[name] = life.record(CONDITION, number, encounter=encounter)
    if step.resolves_after is not None:
        days = life.days(step.resolves_after, step.site, count)
        life.schedule(life.world.resolutions[name], life.now + days)
    life.tell("diagnose", condition=name, listed=False, row=life.diagnosed[name])


def resolve(life: Life, condition: str) -> None:
    """Take a condition off the list, if it is on it."""
    life.tell("resolve", condition=condition, listed=condition in life.diagnosed)
    if condition in life.diagnosed:
        life.schedule(life.world.resolutions[condition], math.inf)
        life.close(life.diagnosed.pop(condition))
        life.touch("diagnosed", condition)


def prescribe(life: Life, step: Prescribe, encounter: int, count: int) -> None:
    """Start a drug, or renew it: its supply lasts from now on."""
    name = step.drug
    until = math.inf
    if step.supply is not None:
        until = life.now + life.days(step.supply, step.site, count)
    life.schedule(life.world.supplies[name], until)
    renewed = name in life.prescribed
    if not renewed:
        life.prescribed[name] = None
        life.touch("prescribed", name)
        life.happen(name)
    doses = life.world.drugs[name].doses
    dose = doses.index(step.dose) if step.dose else life.doses.get(name, 0)
    row = None
    if not renewed or (doses and dose != life.doses[name]):
        row = give(life, name, dose, encounter)
    life.tell("prescribe", step=step, renewed=renewed, until=until, row=row)


def change_dose(life: Life, step: ChangeDose, encounter: int) -> None:
    """Go one dose up or down, where the drug is prescribed and has one."""
    drug = step.drug
    dose = life.doses[drug] + step.by if drug in life.doses else -1
    changed = 0 <= dose < len(life.world.drugs[drug].doses)
    row = give(life, drug, dose, encounter) if changed else None
    life.tell("change dose", step=step, changed=changed, row=row)


def give(life: Life, drug: str, dose: int, encounter: int) -> Row | None:
    """A drug that is prescribed is taken in a dose from now on: a row of its own in the record."""
    listed = -1
    if life.world.drugs[drug].doses:
        life.doses[drug], life.dosed_since[drug] = dose, life.now
        life.touch("taking", drug)
        listed = life.world.first_dose[drug] + dose
    life.close(life.prescribed[drug])
    number = life.world.numbers["drug", drug]
    row = life.prescribed[drug] = life.record(MEDICATION, number, aux=listed, encounter=encounter)
    return row


def stop_drug(life: Life, drug: str) -> None:
    """Stop a drug, if it is running: as a step says, or because its supply has ended."""
    life.tell("stop drug", drug=drug, running=drug in life.prescribed)
    if drug in life.prescribed:
        life.schedule(life.world.supplies[drug], math.inf)
        life.close(life.prescribed.pop(drug))
        life.touch("prescribed", drug)
        if life.doses.pop(drug, None) is not None:
            life.touch("taking", drug)


def write_plan(life: Life, activation: Activation, since: float | None = None) -> None:
    """The row of a protocol that is a care plan, from `since` (default: now) on."""
    name, plan = activation.protocol.name, activation.protocol.plan
    if plan:
        numbers = life.world.numbers
        reason = numbers["condition", plan.reason] if plan.reason else -1
        activation.plan = life.write(CAREPLAN, numbers["plan", name], start=since, aux=reason)


def open_window(life: Life) -> None:
    """The record begins, with the conditions listed and the drugs running, each from its own start on."""
    life.recording = True
    life.tell("record begins")
    for kind, name, rows in ((CONDITION, "condition", life.diagnosed), (MEDICATION, "drug", life.prescribed)):
        numbers = {thing: life.world.numbers[name, thing] for thing in rows}
        for thing in sorted(numbers, key=numbers.__getitem__):
            start, dose = life.since[thing], -1
            if kind == MEDICATION and thing in life.doses:
                start, dose = life.dosed_since[thing], life.world.first_dose[thing] + life.doses[thing]
            row = rows[thing] = life.write(kind, numbers[thing], start=start, aux=dose)
            life.tell("carried over", thing=thing, row=row)
    for protocol in life.world.protocols:
        if protocol in life.running and life.world.protocols[protocol].plan:
            activation = life.running[protocol]
            write_plan(life, activation, life.since[protocol])
            assert activation.plan
            life.tell("carried over", thing=protocol, row=activation.plan)
