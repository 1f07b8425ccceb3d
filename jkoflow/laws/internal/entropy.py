"""Boltzmann's entropy, whose flow is the heat equation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._typing import Array
from ...measures import UNNAMED
from ..base import short_repr
from ..forms import Internal
from .base import InternalEnergy, SpeciesNames


@dataclass(frozen=True)
class Entropy(InternalEnergy):
    """E(rho) = int rho log rho dx, with first variation log rho + 1, which is -inf where there is no mass.

    Its flow is the heat equation d rho/dt = lap rho. With a Potential the flow is the Fokker-Planck equation (Jordan,
    Kinderlehrer, Otto 1998).

    >>> from jkoflow import Grid
    >>> uniform = Grid.box((0, 2), cells=10).density(lambda x: np.ones_like(x))
    >>> bool(np.isclose(Entropy()(uniform), -np.log(2)))
    True
    """

    species: SpeciesNames = UNNAMED

    @property
    def form_of_sum(self) -> Internal:
        return Internal(UNNAMED, entropy=1.0)

    def integrand(self, s: Array) -> Array:
        return s * np.log(np.where(s > 0, s, 1.0))

    def derivative(self, s: Array) -> Array:
        with np.errstate(divide="ignore"):
            return np.log(s) + 1

    def __repr__(self) -> str:
        return short_repr("Entropy", self.species)
