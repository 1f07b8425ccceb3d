"""The hard bound on a density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._typing import Array
from ..._validate import plain_numbers, positive
from ...measures import UNNAMED
from ..base import short_repr
from ..forms import Bound
from .base import InternalEnergy, SpeciesNames


@dataclass(frozen=True)
class Congestion(InternalEnergy):
    """E(rho) = 0 if rho <= bound everywhere, +inf otherwise.

    The energy models crowd motion (Maury, Roudneff-Chupin, Santambrogio 2010). It is the limit of RenyiEntropy(m) of
    rho / bound as m grows.

    The first variation is 0 in cells where the bound holds, and +inf in cells where it is broken. The 0 is one element of the
    subdifferential. The pressure, which is non-negative and lives in the saturated cells, comes out of the step, not out of
    the energy. A density above the bound by less than 1e-6 of the bound counts as equal to the bound.

    With several species the bound is that of the sum of their densities: they share the room.

    Raises ValueError for a bound that is not a positive finite number.

    >>> from jkoflow import Grid
    >>> uniform = Grid.box((0, 2), cells=10).density(lambda x: np.ones_like(x))
    >>> Congestion(1.0)(uniform), Congestion(0.4)(uniform)
    (0.0, inf)
    """

    bound: float
    species: SpeciesNames = UNNAMED

    def __post_init__(self) -> None:
        plain_numbers(self)
        super().__post_init__()
        positive("bound", self.bound)

    @property
    def form_of_sum(self) -> Bound:
        return Bound(UNNAMED, self.bound)

    def integrand(self, s: Array) -> Array:
        return np.where(s <= self.bound * (1 + 1e-6), 0.0, np.inf)

    def derivative(self, s: Array) -> Array:
        return self.integrand(s)

    def __repr__(self) -> str:
        return short_repr("Congestion", self.species, self.bound)
