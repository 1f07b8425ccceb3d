"""Energies and drifts, one file each, and their algebra.

* ``internal``: energies of the density, and the bound on it.
* ``pairs``: interactions and drifts.
* ``electrostatics``: the coupling of charges by Poisson's equation.
* ``signals``: fields with their own energy, secretion and chemotaxis; ``signalling`` reads them.
* ``rewriting``: a law with mobilities, or for unit masses.
* ``forms``: the forms of terms, which is all that solvers see of a term.
* ``reading``: the terms of a law, sorted by their forms.
"""

from .base import Combination, Energy, Law, State, Term, known_species, restricted_to
from .convex_function import ConvexFunction
from .electrostatics import DirichletCoupling, Electrode
from .functional import Functional
from .internal import Congestion, CustomInternalEnergy, Entropy, InternalEnergy, RenyiEntropy
from .obstacle import Obstacle
from .open import Advection, Exit, Growth, Inflow, Mobility, Reservoir
from .pairs import CrossInteraction, Drift, Interaction, PairEnergy, RieszSelfEnergy, newtonian_law
from .potential import Potential
from .reading import Entry, LawForms
from .rewriting import UnitMasses, gradient_form, unit_masses
from .signalling import Signal, Signals, emitter_of
from .signals import Chemotaxis, FieldEnergy, FieldsAfter, Secretion
from .velocity import Alignment, Friction

__all__ = [
    "Advection",
    "Alignment",
    "Chemotaxis",
    "Combination",
    "Congestion",
    "ConvexFunction",
    "CrossInteraction",
    "CustomInternalEnergy",
    "DirichletCoupling",
    "Drift",
    "Electrode",
    "Energy",
    "Entropy",
    "Entry",
    "Exit",
    "FieldEnergy",
    "FieldsAfter",
    "Friction",
    "Functional",
    "Growth",
    "Inflow",
    "Interaction",
    "InternalEnergy",
    "Law",
    "LawForms",
    "Mobility",
    "Obstacle",
    "PairEnergy",
    "Potential",
    "RenyiEntropy",
    "Reservoir",
    "RieszSelfEnergy",
    "Secretion",
    "Signal",
    "Signals",
    "State",
    "Term",
    "UnitMasses",
    "emitter_of",
    "gradient_form",
    "known_species",
    "newtonian_law",
    "restricted_to",
    "unit_masses",
]
