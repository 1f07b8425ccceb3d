"""Steps by finite volumes: implicit Euler for the fluxes through the faces of a grid."""

from .newton import Factors, newton_search
from .problem import FiniteVolumeStep
from .solver import FiniteVolume
from .trial import Trial
from .unknowns import steady_part

__all__ = ["Factors", "FiniteVolume", "FiniteVolumeStep", "Trial", "newton_search", "steady_part"]
