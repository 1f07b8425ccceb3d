"""The step problem, and the solvers of it in rooms by family."""

from .base import ProximalStep, ProxResult, StepSolver
from .clouds import ParticleProximal
from .grids import (
    BackAndForth,
    Convex,
    ConvexDynamic,
    Entropic,
    EquilibriumState,
    FiniteVolume,
    equilibrium,
    freezing_threshold,
)
from .line import NewtonianStep, QuantileNewton
from .ordered import CuttingPlanes, OrderedResolvent
from .radial import RadialNewton

__all__ = [
    "BackAndForth",
    "Convex",
    "ConvexDynamic",
    "CuttingPlanes",
    "Entropic",
    "EquilibriumState",
    "FiniteVolume",
    "NewtonianStep",
    "OrderedResolvent",
    "ParticleProximal",
    "ProxResult",
    "ProximalStep",
    "QuantileNewton",
    "RadialNewton",
    "StepSolver",
    "equilibrium",
    "freezing_threshold",
]
