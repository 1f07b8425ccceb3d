"""Species that charges couple: their linear systems with psi, screening, and states of rest."""

from .charged import Charged
from .poisson_boltzmann import EquilibriumState, equilibrium
from .screening import Screening

__all__ = ["Charged", "EquilibriumState", "Screening", "equilibrium"]
