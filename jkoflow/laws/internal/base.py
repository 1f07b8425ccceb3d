"""Internal energies: integrals of a function of the density."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._functions import values_of
from ..._typing import Array
from ...measures import UNNAMED, Species
from ..base import SpeciesEnergy, short_repr
from ..forms import Form, Internal


class InternalEnergy(SpeciesEnergy):
    """E(rho) = int U(rho(x)) dx, with first variation U'(rho)."""

    @abstractmethod
    def integrand(self, s: Array) -> Array:
        """U(s) for s >= 0."""

    @abstractmethod
    def derivative(self, s: Array) -> Array:
        """U'(s) for s >= 0; -inf at s = 0 if the slope there is infinite."""

    @property
    def form(self) -> Form:
        return Internal(self.species, others=((1.0, self),))

    def value(self, state: Species) -> float:
        energy = state[self.species].integrate_internal(self.integrand)
        if np.isnan(energy):
            raise ValueError(f"U of {self!r} must return a number at every density, 0 included, got NaN")
        return energy

    def variation(self, state: Species, species: str) -> Array:
        return self.derivative(state[species].values)


@dataclass(frozen=True)
class CustomInternalEnergy(InternalEnergy):
    """E(rho) = int U(rho) dx for a convex U of your own, with derivative dU. Both are functions of an array of densities.

    The energy is displacement convex in R^d if s -> s^d U(s^-d) is convex and non-increasing (McCann 1997).

    >>> import numpy as np
    >>> from jkoflow import Grid
    >>> grid = Grid.box((0, 1), cells=10)
    >>> E = CustomInternalEnergy(lambda s: s**2, lambda s: 2 * s)
    >>> round(E(grid.density(lambda x: np.ones_like(x))), 12)
    1.0
    """

    U: Callable[[Any], Any]
    dU: Callable[[Any], Any]
    species: str = UNNAMED

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.U) or not callable(self.dU):
            raise ValueError(f"U and dU must be functions, got {self.U!r} and {self.dU!r}")

    def integrand(self, s: Array) -> Array:
        return values_of("U", self.U, [s])

    def derivative(self, s: Array) -> Array:
        return values_of("dU", self.dU, [s])

    def __repr__(self) -> str:
        return short_repr("CustomInternalEnergy", self.species, self.U, self.dU)
