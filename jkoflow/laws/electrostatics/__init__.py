"""The electrostatic energy of charged species, by Poisson's equation."""

from .dirichlet_coupling import DirichletCoupling
from .poisson import (
    as_interactions,
    charge_density,
    coupling_energy,
    doping_on,
    fixed_charge,
    potential_at,
    psi_of_charge,
    sampled_on,
)

__all__ = [
    "DirichletCoupling",
    "as_interactions",
    "charge_density",
    "coupling_energy",
    "doping_on",
    "fixed_charge",
    "potential_at",
    "psi_of_charge",
    "sampled_on",
]
