"""Renyi's entropy, whose flow is the porous-medium or fast-diffusion equation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._typing import Array
from ..._validate import plain_numbers, positive
from ...measures import UNNAMED
from ..base import short_repr
from ..forms import Internal
from .base import InternalEnergy, SpeciesNames


@dataclass(frozen=True)
class RenyiEntropy(InternalEnergy):
    """E(rho) = int rho^m / (m - 1) dx, with first variation m rho^(m-1) / (m - 1), for m > 0, m != 1.

    Its flow is d rho/dt = lap rho^m (Otto 2001):

    * m > 1: the porous-medium equation;
    * m < 1: fast diffusion. The energy is negative, and the first variation is -inf where there is no mass.

    Raises ValueError for m <= 0, and for m = 1, which is Entropy().

    >>> from jkoflow import Grid
    >>> uniform = Grid.box((0, 2), cells=10).density(lambda x: np.ones_like(x))
    >>> round(RenyiEntropy(2)(uniform), 12), round(RenyiEntropy(0.5)(uniform), 6)
    (0.5, -2.828427)
    """

    m: float
    species: SpeciesNames = UNNAMED

    def __post_init__(self) -> None:
        plain_numbers(self)
        super().__post_init__()
        positive("m", self.m, "a positive finite number")
        if self.m == 1:
            raise ValueError("m must not be 1, got 1: the limit of the flows is that of Entropy()")

    @property
    def form_of_sum(self) -> Internal:
        return Internal(UNNAMED, powers=((1.0, self.m),))

    def integrand(self, s: Array) -> Array:
        return s**self.m / (self.m - 1)

    def derivative(self, s: Array) -> Array:
        with np.errstate(divide="ignore"):
            return self.m / (self.m - 1) * s ** (self.m - 1.0)

    def __repr__(self) -> str:
        return short_repr("RenyiEntropy", self.species, self.m)
