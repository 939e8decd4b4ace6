"""Programs run: Program + seed + patient numbers -> lives."""

from sim.engine.load import Ledger
from sim.engine.simulate import Engine, Fault, LifeError, simulate

__all__ = ["Engine", "Fault", "Ledger", "LifeError", "simulate"]
