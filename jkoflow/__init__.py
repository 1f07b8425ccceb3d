"""Gradient flows in Wasserstein space: an energy, a time scheme, a solver of the step."""

import importlib

from ._status import FreezingWarning, Status
from .closed_forms import (
    Barenblatt,
    LogarithmicLine,
    OrnsteinUhlenbeck,
    QuadraticPair,
    RepulsiveLine,
    UniformPair,
    collapse_time,
    gibbs_state,
    sticky_collapse,
    sticky_collapse_time,
    wasserstein_gaussians,
    wasserstein_uniforms,
)
from .energies import (
    Combination,
    Congestion,
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
)
from .flow import FlowError, evolve, steps
from .grids import Grid
from .kernels import CustomKernel, Gaussian, Kernel, Morse, Newtonian, PowerLaw, Quadratic, RadialKernel, Riesz
from .measures import Density, Measure, Particles, Quantiles, Species
from .proximal import (
    Convex,
    ConvexDynamic,
    Entropic,
    ProximalStep,
    ProxResult,
    QuantileNewton,
    StepSolver,
    freezing_threshold,
)
from .schemes import BDF2, JKO, Adaptive, Scheme, SemiImplicitJKO, StepInfo, VariationalExtrapolation
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
    "Combination",
    "Congestion",
    "Convex",
    "ConvexDynamic",
    "CrossInteraction",
    "CustomInternalEnergy",
    "CustomKernel",
    "Density",
    "Drift",
    "Energy",
    "EnergyBelow",
    "Entropic",
    "Entropy",
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
    "collapse_time",
    "evolve",
    "freezing_threshold",
    "gibbs_state",
    "load",
    "save",
    "semi_relaxed_step",
    "steps",
    "sticky_collapse",
    "sticky_collapse_time",
    "to_xarray",
    "wasserstein2",
    "wasserstein_gaussians",
    "wasserstein_uniforms",
]


def __getattr__(name: str) -> object:
    """``jkoflow.plot`` and ``jkoflow.checks`` are imported when first used, so that matplotlib is not before."""
    if name in ("plot", "checks"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'jkoflow' has no attribute {name!r}")
