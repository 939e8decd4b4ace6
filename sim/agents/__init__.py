"""The readable runtime: patients as Mesa agents whose lives go by a SimPy clock.

It reads the checked scenario itself, and is what the compiled runtime is held to.
"""

from sim.agents.population import Patient, Population
from sim.agents.runtime import Agents, simulate

__all__ = ["Agents", "Patient", "Population", "simulate"]
