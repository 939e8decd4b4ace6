"""Programs run: Program + seed + patient numbers -> lives."""

from sim.engine.simulate import Engine, Fault, LifeError, simulate

__all__ = ["Engine", "Fault", "LifeError", "simulate"]
