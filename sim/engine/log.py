"""What the engine hands to the records: one long log of rows, and one row a person.

Both are structures of NumPy arrays of equal length, in simulation order: patient by patient, `seq` rising
within one. Codes are positions in the resolved scenario's tuples (`conditions`, `drugs`, ...); states are
counted through all pathways, axes and states in order, doses
through all drugs. A time is whole seconds since 1970-01-01 00:00.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NULL = np.iinfo(np.int64).min  # a time not known, an encounter that is none

#                 code                     aux                        value
ENCOUNTER = 0  #  provider                 reason, discharge: below   second it was asked for
CONDITION = 1  #  condition                -1                         -
OBSERVATION = 2  # biomarker, or test      unit, panel: below         the result, or number of what is seen
MEDICATION = 3  # drug                     dose, -1 without doses     -
PROCEDURE = 4  #  procedure                -1                         -
DEATH = 5  #      cause: condition or -1   -1                         -
STATE = 6  #      state entered, -1 dead   state left, -1 at birth    cause: condition, else -1
VARIABLE = 7  #   variable                 -1                         the value, or index of its level
APPOINTMENT = 8  # provider                 what came of it, below     priority
EVENT = 9  #      event                    -1                         -
IMMUNIZATION = 10  # vaccine                 -1                         -
ALLERGY = 12  #   condition                -1                         - (the engine logs it as CONDITION)
CAREPLAN = 11  #  plan: protocols with one  reason: condition or -1    -

# The `aux` of an encounter is reason + DISCHARGES * (1 + discharge): a condition or -1, and where the patient
# went at the end of the visit or -1.
DISCHARGES = 1 << 16

# The `aux` of an observation is unit + PANELS * (1 + panel): the unit that an imperfection writes or -1, and
# the panel that it was measured with or -1.
PANELS = 1 << 16

# What came of an appointment; `end` is when that was decided.
WAITING, ATTENDED, MISSED, GAVE_UP, CANCELLED, DIED = range(-1, 5)


class Log(NamedTuple):
    """One row per thing that happened; `end` is NULL while a condition, prescription, care plan or encounter
    is open.
    """

    kind: NDArray[np.int8]
    patient: NDArray[np.int64]
    seq: NDArray[np.int32]
    start: NDArray[np.int64]  # s
    end: NDArray[np.int64]  # s, or NULL
    code: NDArray[np.int32]
    aux: NDArray[np.int32]
    encounter: NDArray[
        np.int64
    ]  # own id for an encounter, else that of the encounter it happened in, or NULL
    value: NDArray[np.float64]


class People(NamedTuple):
    """One row per patient who was alive at some time of the window."""

    patient: NDArray[np.int64]
    sex: NDArray[np.int8]  # 0 female, 1 male
    birth: NDArray[np.float64]  # days since 1970-01-01
    entered: NDArray[np.int64]  # s: the window's start, or birth or entry if later
    left: NDArray[np.int64]  # s: death, or the window's end
    died: NDArray[np.bool_]
    attempts: NDArray[np.int32]  # how many lives were drawn until one met the population's conditions
    weight: NDArray[np.float64]  # for how many the patient stands: 1, or more where others are oversampled
