"""How mass is held."""

from .density import Density
from .species import UNNAMED, Measure, Species

__all__ = ["UNNAMED", "Density", "Measure", "Species"]
