"""Interaction kernels and their calculus."""

from .base import CustomKernel, Kernel, RadialKernel
from .gaussian import Gaussian
from .line import LineKernel, on_the_line
from .morse import Morse
from .newtonian import Newtonian
from .pairs import in_pairs, pair_gradients, pair_values
from .power_law import PowerLaw, Quadratic
from .riesz import Riesz

__all__ = [
    "CustomKernel",
    "Gaussian",
    "Kernel",
    "LineKernel",
    "Morse",
    "Newtonian",
    "PowerLaw",
    "Quadratic",
    "RadialKernel",
    "Riesz",
    "in_pairs",
    "on_the_line",
    "pair_gradients",
    "pair_values",
]
