"""Laws on velocities: they act on particles with inertia only."""

from .alignment import Alignment
from .friction import Friction

__all__ = ["Alignment", "Friction"]
