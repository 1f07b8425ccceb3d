"""The step problem and the solvers of it, one file each."""

from .base import ProximalStep, ProxResult, StepSolver, complete_mobilities
from .convex import Convex, freezing_threshold
from .convex_dynamic import ConvexDynamic
from .entropic import Entropic

__all__ = [
    "Convex",
    "ConvexDynamic",
    "Entropic",
    "ProxResult",
    "ProximalStep",
    "StepSolver",
    "complete_mobilities",
    "freezing_threshold",
]
