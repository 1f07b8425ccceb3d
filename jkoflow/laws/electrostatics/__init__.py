"""Poisson's equation for the charge of a state."""

from .dirichlet_coupling import DirichletCoupling
from .poisson import (
    Wall,
    as_interactions,
    charge_density,
    coupling_energy,
    doping_on,
    fixed_charge,
    potential_at,
    psi_of_charge,
)

__all__ = [
    "DirichletCoupling",
    "Wall",
    "as_interactions",
    "charge_density",
    "coupling_energy",
    "doping_on",
    "fixed_charge",
    "potential_at",
    "psi_of_charge",
]
