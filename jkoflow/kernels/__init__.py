"""Interaction kernels, their sums and multiples. Fast sums over points are in ``kernels.sums``."""

from .base import CustomKernel, Kernel, RadialKernel
from .gaussian import Gaussian
from .morse import Morse
from .newtonian import Newtonian
from .periodic import Periodic
from .power_law import PowerLaw, Quadratic
from .riesz import Riesz

__all__ = [
    "CustomKernel",
    "Gaussian",
    "Kernel",
    "Morse",
    "Newtonian",
    "Periodic",
    "PowerLaw",
    "Quadratic",
    "RadialKernel",
    "Riesz",
]
