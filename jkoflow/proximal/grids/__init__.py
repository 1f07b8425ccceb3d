"""Steps of densities on a grid: what their solvers share, and a folder for each family of solvers."""

from .charges import EquilibriumState, equilibrium
from .conic import Convex, ConvexDynamic, freezing_threshold
from .entropic import Entropic
from .exact import BackAndForth
from .finite_volume import FiniteVolume
from .local_energy import NoRoom

__all__ = [
    "BackAndForth",
    "Convex",
    "ConvexDynamic",
    "Entropic",
    "EquilibriumState",
    "FiniteVolume",
    "NoRoom",
    "equilibrium",
    "freezing_threshold",
]
