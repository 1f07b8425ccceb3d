"""Steps by finite volumes: implicit Euler for the fluxes through the faces of a grid."""

from .accounts import outflow, rounding_of_outflow
from .newton import Factors, correction, first_search, newton_search, positive_part
from .problem import FiniteVolumeStep
from .solver import FiniteVolume
from .steady_equations import SteadyEquations
from .trial import Trial

__all__ = [
    "Factors",
    "FiniteVolume",
    "FiniteVolumeStep",
    "SteadyEquations",
    "Trial",
    "correction",
    "first_search",
    "newton_search",
    "outflow",
    "positive_part",
    "rounding_of_outflow",
]
