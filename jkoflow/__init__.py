"""Gradient flows in Wasserstein space: an energy, a time scheme, and a solver of the time step.

The names that most users need are in this module. Special subjects have submodules:

* ``closed_forms``: known flows, JKO iterates, distances and steady states
* ``diagnostics``: quantities and checks of a run
* ``ordered``: exact flows of ordered particles on the line
* ``plot``: pictures (imports matplotlib)
* ``study``: many runs, orders and rates
* ``checks``: the laws that your own energies, solvers and schemes must obey, as checks
"""

import importlib
from typing import Any

from . import closed_forms, diagnostics, ordered, study
from ._status import (
    ConcentrationWarning,
    CycleWarning,
    FreezingWarning,
    OrderWarning,
    RoughProfileWarning,
    Status,
    UnresolvedWarning,
)
from ._version import VERSION
from .clouds import Departures
from .fields import (
    BallProfile,
    BumpProfile,
    Field,
    FreeField,
    GaussianProfile,
    Profile,
    QuadraticField,
    QuadraticProfile,
)
from .flow import FlowError, evolve, steps
from .grids import Grid, walking_distance
from .kernels import CustomKernel, Gaussian, Kernel, Morse, Newtonian, Periodic, PowerLaw, Quadratic, RadialKernel, Riesz
from .laws import (
    Advection,
    Alignment,
    Chemotaxis,
    Combination,
    Congestion,
    ConvexFunction,
    CrossInteraction,
    CustomInternalEnergy,
    DirichletCoupling,
    Drift,
    Electrode,
    Energy,
    Entropy,
    Exit,
    FieldEnergy,
    Friction,
    Functional,
    Growth,
    Inflow,
    Interaction,
    InternalEnergy,
    Law,
    Mobility,
    Obstacle,
    PairEnergy,
    Potential,
    RenyiEntropy,
    Reservoir,
    RieszSelfEnergy,
    Secretion,
    UnitMasses,
    gradient_form,
    newtonian_law,
    unit_masses,
)
from .measures import (
    Density,
    Measure,
    MovingParticles,
    OrderedParticles,
    OrderedPoints,
    Particles,
    PhaseDensity,
    Quantiles,
    RadialQuantiles,
    Species,
    State,
)
from .proximal import (
    BackAndForth,
    Convex,
    ConvexDynamic,
    CuttingPlanes,
    Entropic,
    EquilibriumState,
    FiniteVolume,
    NewtonianStep,
    OrderedResolvent,
    ParticleProximal,
    ProximalStep,
    ProxResult,
    QuantileNewton,
    RadialNewton,
    StepSolver,
    equilibrium,
    freezing_threshold,
)
from .pull_back import PullBack
from .schemes import (
    BDF2,
    JKO,
    Adaptive,
    Alternating,
    Brezis,
    ExponentialEuler,
    ImplicitMidpoint,
    Inertial,
    InertialReference,
    Kinetic,
    Langevin,
    Overdamped,
    Problem,
    Scheme,
    SemiImplicitJKO,
    Splitting,
    StepInfo,
    Taken,
    TimeSliced,
    VariationalExtrapolation,
)
from .steady_states import CurrentVoltage, SteadyState, current_voltage, steady
from .stopping import BeforeCrossing, EnergyBelow, Steady, WallClock
from .storage import load, save, to_xarray
from .storage import open_run as open  # noqa: A004 - jkoflow.open, beside jkoflow.save and jkoflow.load
from .trajectory import Step, Trajectory, citation
from .transport import Distance, GibbsKernel, c_transform, semi_relaxed_step, wasserstein, wasserstein2

__version__ = VERSION

__all__ = [
    "BDF2",
    "JKO",
    "Adaptive",
    "Advection",
    "Alignment",
    "Alternating",
    "BackAndForth",
    "BallProfile",
    "BeforeCrossing",
    "Brezis",
    "BumpProfile",
    "Chemotaxis",
    "Combination",
    "ConcentrationWarning",
    "Congestion",
    "Convex",
    "ConvexDynamic",
    "ConvexFunction",
    "CrossInteraction",
    "CurrentVoltage",
    "CustomInternalEnergy",
    "CustomKernel",
    "CuttingPlanes",
    "CycleWarning",
    "Density",
    "Departures",
    "DirichletCoupling",
    "Distance",
    "Drift",
    "Electrode",
    "Energy",
    "EnergyBelow",
    "Entropic",
    "Entropy",
    "EquilibriumState",
    "Exit",
    "ExponentialEuler",
    "Field",
    "FieldEnergy",
    "FiniteVolume",
    "FlowError",
    "FreeField",
    "FreezingWarning",
    "Friction",
    "Functional",
    "Gaussian",
    "GaussianProfile",
    "GibbsKernel",
    "Grid",
    "Growth",
    "ImplicitMidpoint",
    "Inertial",
    "InertialReference",
    "Inflow",
    "Interaction",
    "InternalEnergy",
    "Kernel",
    "Kinetic",
    "Langevin",
    "Law",
    "Measure",
    "Mobility",
    "Morse",
    "MovingParticles",
    "Newtonian",
    "NewtonianStep",
    "Obstacle",
    "OrderWarning",
    "OrderedParticles",
    "OrderedPoints",
    "OrderedResolvent",
    "Overdamped",
    "PairEnergy",
    "ParticleProximal",
    "Particles",
    "Periodic",
    "PhaseDensity",
    "Potential",
    "PowerLaw",
    "Problem",
    "Profile",
    "ProxResult",
    "ProximalStep",
    "PullBack",
    "Quadratic",
    "QuadraticField",
    "QuadraticProfile",
    "QuantileNewton",
    "Quantiles",
    "RadialKernel",
    "RadialNewton",
    "RadialQuantiles",
    "RenyiEntropy",
    "Reservoir",
    "Riesz",
    "RieszSelfEnergy",
    "RoughProfileWarning",
    "Scheme",
    "Secretion",
    "SemiImplicitJKO",
    "Species",
    "Splitting",
    "State",
    "Status",
    "Steady",
    "SteadyState",
    "Step",
    "StepInfo",
    "StepSolver",
    "Taken",
    "TimeSliced",
    "Trajectory",
    "UnitMasses",
    "UnresolvedWarning",
    "VariationalExtrapolation",
    "WallClock",
    "c_transform",
    "checks",
    "citation",
    "closed_forms",
    "current_voltage",
    "diagnostics",
    "equilibrium",
    "evolve",
    "freezing_threshold",
    "gradient_form",
    "load",
    "newtonian_law",
    "open",
    "ordered",
    "plot",
    "save",
    "semi_relaxed_step",
    "steady",
    "steps",
    "study",
    "to_xarray",
    "unit_masses",
    "walking_distance",
    "wasserstein",
    "wasserstein2",
]

_IMPORTED_WHEN_USED = ("checks", "plot")  # so that ``import jkoflow`` does not import matplotlib


def __getattr__(name: str) -> Any:
    """Return a submodule that is imported when first used, or a name of ``closed_forms`` or ``ordered``.

    So scripts may write ``jkoflow.Barenblatt`` or ``jkoflow.WorldLines``.
    """
    if name in _IMPORTED_WHEN_USED:
        return importlib.import_module(f".{name}", __name__)
    for module in (closed_forms, ordered):
        if name in module.__all__:
            return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__", "__doc__"})
