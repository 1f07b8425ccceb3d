"""Energies, drifts, and their algebra: one file each."""

from .base import Combination, Energy, Law, State, known_species, restricted_to
from .congestion import Congestion
from .convex_function import ConvexFunction
from .cross_interaction import CrossInteraction
from .drift import Drift
from .electrostatics import DirichletCoupling, charge_density, doping_on, psi_of_charge
from .entropy import Entropy
from .functional import Functional
from .interaction import Interaction
from .internal import CustomInternalEnergy, InternalEnergy
from .newtonian import newtonian
from .obstacle import Obstacle
from .potential import Potential
from .renyi import RenyiEntropy
from .rewriting import UnitMasses, gradient_form, unit_masses

__all__ = [
    "Combination",
    "Congestion",
    "ConvexFunction",
    "CrossInteraction",
    "CustomInternalEnergy",
    "DirichletCoupling",
    "Drift",
    "Energy",
    "Entropy",
    "Functional",
    "Interaction",
    "InternalEnergy",
    "Law",
    "Obstacle",
    "Potential",
    "RenyiEntropy",
    "State",
    "UnitMasses",
    "charge_density",
    "doping_on",
    "gradient_form",
    "known_species",
    "newtonian",
    "psi_of_charge",
    "restricted_to",
    "unit_masses",
]
