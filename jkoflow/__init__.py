"""Gradient flows in Wasserstein space: an energy, a time scheme, a solver of the step."""

import importlib

from ._status import FreezingWarning, Status
from .closed_forms import (
    Barenblatt,
    DiracPair,
    LogarithmicLine,
    OrnsteinUhlenbeck,
    QuadraticPair,
    RepulsiveLine,
    UniformPair,
    collapse_time,
    dirac_rest_time,
    gibbs_state,
    newtonian_limit,
    newtonian_meeting,
    sticky_collapse,
    sticky_collapse_time,
    wasserstein_gaussians,
    wasserstein_uniforms,
)
from .energies import (
    Combination,
    Congestion,
    ConvexFunction,
    CrossInteraction,
    CustomInternalEnergy,
    Drift,
    Energy,
    Entropy,
    Functional,
    Interaction,
    InternalEnergy,
    Law,
    Potential,
    RenyiEntropy,
    newtonian,
)
from .flow import FlowError, evolve, steps
from .grids import Grid
from .kernels import CustomKernel, Gaussian, Kernel, Morse, Newtonian, PowerLaw, Quadratic, RadialKernel, Riesz
from .measures import Density, Measure, OrderedParticles, OrderedPoints, Particles, Quantiles, Species, ghost_place
from .ordered import CrossingGrid, Event, Events, RationalFlow, WorldLines, first_crossing, isotonic_flow, resolvent, velocity
from .proximal import (
    Convex,
    ConvexDynamic,
    CuttingPlanes,
    Entropic,
    NewtonianStep,
    OrderedResolvent,
    ProximalStep,
    ProxResult,
    QuantileNewton,
    StepSolver,
    freezing_threshold,
)
from .schemes import BDF2, JKO, Adaptive, Brezis, Scheme, SemiImplicitJKO, StepInfo, VariationalExtrapolation
from .stopping import EnergyBelow, Steady, WallClock
from .storage import load, save, to_xarray
from .trajectory import Step, Trajectory
from .transport import GibbsKernel, semi_relaxed_step, wasserstein2

__version__ = "0.1.0"

__all__ = [
    "BDF2",
    "JKO",
    "Adaptive",
    "Barenblatt",
    "Brezis",
    "Combination",
    "Congestion",
    "Convex",
    "ConvexDynamic",
    "ConvexFunction",
    "CrossInteraction",
    "CrossingGrid",
    "CustomInternalEnergy",
    "CustomKernel",
    "CuttingPlanes",
    "Density",
    "DiracPair",
    "Drift",
    "Energy",
    "EnergyBelow",
    "Entropic",
    "Entropy",
    "Event",
    "Events",
    "FlowError",
    "FreezingWarning",
    "Functional",
    "Gaussian",
    "GibbsKernel",
    "Grid",
    "Interaction",
    "InternalEnergy",
    "Kernel",
    "Law",
    "LogarithmicLine",
    "Measure",
    "Morse",
    "Newtonian",
    "NewtonianStep",
    "OrderedParticles",
    "OrderedPoints",
    "OrderedResolvent",
    "OrnsteinUhlenbeck",
    "Particles",
    "Potential",
    "PowerLaw",
    "ProxResult",
    "ProximalStep",
    "Quadratic",
    "QuadraticPair",
    "QuantileNewton",
    "Quantiles",
    "RadialKernel",
    "RationalFlow",
    "RenyiEntropy",
    "RepulsiveLine",
    "Riesz",
    "Scheme",
    "SemiImplicitJKO",
    "Species",
    "Status",
    "Steady",
    "Step",
    "StepInfo",
    "StepSolver",
    "Trajectory",
    "UniformPair",
    "VariationalExtrapolation",
    "WallClock",
    "WorldLines",
    "collapse_time",
    "dirac_rest_time",
    "evolve",
    "first_crossing",
    "freezing_threshold",
    "ghost_place",
    "gibbs_state",
    "isotonic_flow",
    "load",
    "newtonian",
    "newtonian_limit",
    "newtonian_meeting",
    "resolvent",
    "save",
    "semi_relaxed_step",
    "steps",
    "sticky_collapse",
    "sticky_collapse_time",
    "to_xarray",
    "velocity",
    "wasserstein2",
    "wasserstein_gaussians",
    "wasserstein_uniforms",
]


def __getattr__(name: str) -> object:
    """``jkoflow.plot`` and ``jkoflow.checks`` are imported when first used, so that matplotlib is not before."""
    if name in ("plot", "checks"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'jkoflow' has no attribute {name!r}")
