"""The electrostatic energy of charged species, by Poisson's equation."""

from .dirichlet_coupling import DirichletCoupling
from .electrode import Electrode
from .poisson import (
    as_interactions,
    charge_density,
    coupling_energy,
    doping_on,
    energy_of_charge,
    fixed_charge,
    potential_at,
    psi_of_charge,
    sampled_on,
)

__all__ = [
    "DirichletCoupling",
    "Electrode",
    "as_interactions",
    "charge_density",
    "coupling_energy",
    "doping_on",
    "energy_of_charge",
    "fixed_charge",
    "potential_at",
    "psi_of_charge",
    "sampled_on",
]
