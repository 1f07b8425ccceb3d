"""The step problem and the solvers of it, one file each."""

from .back_and_forth import BackAndForth
from .base import ProximalStep, ProxResult, StepSolver, complete_mobilities
from .convex import Convex, freezing_threshold
from .convex_dynamic import ConvexDynamic
from .cutting_planes import CuttingPlanes
from .entropic import Entropic
from .equilibrium import Equilibrium, equilibrium
from .newtonian_step import NewtonianStep
from .ordered_resolvent import OrderedResolvent
from .particle_proximal import ParticleProximal
from .quantile_newton import QuantileNewton
from .radial_newton import RadialNewton

__all__ = [
    "BackAndForth",
    "Convex",
    "ConvexDynamic",
    "CuttingPlanes",
    "Entropic",
    "Equilibrium",
    "NewtonianStep",
    "OrderedResolvent",
    "ParticleProximal",
    "ProxResult",
    "ProximalStep",
    "QuantileNewton",
    "RadialNewton",
    "StepSolver",
    "complete_mobilities",
    "equilibrium",
    "freezing_threshold",
]
