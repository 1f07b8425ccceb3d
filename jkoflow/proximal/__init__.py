"""The step problem, and the solvers of it in rooms by family."""

from .base import ProximalStep, ProxResult, StepSolver
from .clouds import ParticleProximal
from .grids import (
    BackAndForth,
    Convex,
    ConvexDynamic,
    CurrentVoltage,
    Entropic,
    EquilibriumState,
    FiniteVolume,
    SteadyState,
    current_voltage,
    equilibrium,
    freezing_threshold,
    steady,
)
from .line import NewtonianStep, QuantileNewton
from .ordered import CuttingPlanes, OrderedResolvent
from .radial import RadialNewton

__all__ = [
    "BackAndForth",
    "Convex",
    "ConvexDynamic",
    "CurrentVoltage",
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
    "SteadyState",
    "StepSolver",
    "current_voltage",
    "equilibrium",
    "freezing_threshold",
    "steady",
]
