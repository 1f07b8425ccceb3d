"""Steps of densities on a grid: what their solvers share, and a folder for each family of solvers."""

from .charges import EquilibriumState, equilibrium
from .conic import Convex, ConvexDynamic, freezing_threshold
from .entropic import Entropic
from .exact import BackAndForth
from .finite_volume import CurrentVoltage, FiniteVolume, SteadyState, current_voltage, steady

__all__ = [
    "BackAndForth",
    "Convex",
    "ConvexDynamic",
    "CurrentVoltage",
    "Entropic",
    "EquilibriumState",
    "FiniteVolume",
    "SteadyState",
    "current_voltage",
    "equilibrium",
    "freezing_threshold",
    "steady",
]
