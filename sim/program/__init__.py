"""A checked scenario -> a Program: flat arrays that a machine can run."""

from sim.program.build import compile
from sim.program.program import Program

__all__ = ["Program", "compile"]
