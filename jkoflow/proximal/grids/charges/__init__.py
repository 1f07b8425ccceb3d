"""Species that charges couple: the linear systems with the potential, screening, equilibria."""

from .charged import Charged
from .poisson_boltzmann import EquilibriumState, equilibrium
from .screening import Screening

__all__ = ["Charged", "EquilibriumState", "Screening", "equilibrium"]
