"""Spherically symmetric measures, and what acts between their shells: enclosed charge, kernels."""

from .enclosed import EnclosedCharge
from .pairs import ShellPairs
from .radial import RadialQuantiles, shell_radii, unit_ball

__all__ = ["EnclosedCharge", "RadialQuantiles", "ShellPairs", "shell_radii", "unit_ball"]
