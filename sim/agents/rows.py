"""The rows of one life, as they grow: the fields of `sim.engine.log.Log` but the patient."""

from __future__ import annotations

from typing import Any

Row = list[Any]  # kind, seq, start, end, code, aux, encounter, value
SEQ, END, AUX, OF_ENCOUNTER = 1, 3, 5, 6
