"""Energies and drifts, one file each, and their algebra.

* ``forms``: the forms of terms, which is all that solvers see of a term.
* ``reading``: the terms of a law, sorted by their forms.
"""

from .base import Combination, Energy, Law, State, Term, known_species, restricted_to
from .congestion import Congestion
from .convex_function import ConvexFunction
from .cross_interaction import CrossInteraction
from .drift import Drift
from .electrostatics import DirichletCoupling
from .entropy import Entropy
from .functional import Functional
from .interaction import Interaction, PairEnergy
from .internal import CustomInternalEnergy, InternalEnergy
from .newtonian import newtonian_law
from .obstacle import Obstacle
from .potential import Potential
from .reading import Entry, LawForms
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
    "Entry",
    "Functional",
    "Interaction",
    "InternalEnergy",
    "Law",
    "LawForms",
    "Obstacle",
    "PairEnergy",
    "Potential",
    "RenyiEntropy",
    "State",
    "Term",
    "UnitMasses",
    "gradient_form",
    "known_species",
    "newtonian_law",
    "restricted_to",
    "unit_masses",
]
