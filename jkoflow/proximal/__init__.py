"""The step problem and the solvers of it, one file each."""

from .base import ProximalStep, ProxResult, StepSolver, complete_mobilities
from .convex import Convex, freezing_threshold
from .convex_dynamic import ConvexDynamic
from .entropic import Entropic
from .quantile_newton import QuantileNewton

__all__ = [
    "Convex",
    "ConvexDynamic",
    "Entropic",
    "ProxResult",
    "ProximalStep",
    "QuantileNewton",
    "StepSolver",
    "complete_mobilities",
    "freezing_threshold",
]
