"""What a measure offers: its points and masses, and the integrals that energies are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Any

import numpy as np

from .._typing import Array, SpaceFunction
from ..kernels import Kernel


class Measure(ABC):
    """A finite non-negative measure. Every kind holds the points and masses of its quadrature, and reads a field, a function
    on space, as an array of its values at those points (their cell averages, where the points stand for cells).
    """

    @property
    @abstractmethod
    def points(self) -> Array:
        """(n,) on the line, (n, d) otherwise."""

    @property
    @abstractmethod
    def masses(self) -> Array:
        """The mass at every point, (n,)."""

    @property
    @abstractmethod
    def mass(self) -> float:
        """The total mass."""

    @property
    def mean(self) -> Array:
        """The centre of mass: a number on the line, shape (d,) otherwise."""
        return np.asarray(self.masses @ self.points / self.mass)

    @property
    def covariance(self) -> Array:
        """The covariance of the point masses at the points: the variance on the line, (d, d) otherwise."""
        centred = self.points - self.mean
        if self.points.ndim == 1:
            return np.asarray(self.masses @ centred**2 / self.mass)
        return np.asarray((centred.T * self.masses) @ centred / self.mass)

    @property
    @abstractmethod
    def domain(self) -> Hashable:
        """Where the mass may go; species that interact share it."""

    @property
    @abstractmethod
    def zero_field(self) -> Array:
        """The field that vanishes, in the shape in which fields come."""

    @abstractmethod
    def field(self, name: str, function: SpaceFunction | Any) -> Array:
        """A function of space, or an array, as a field; ``name`` is for the error."""

    @abstractmethod
    def expectation(self, values: Array) -> float:
        """The integral of a field against the measure."""

    @abstractmethod
    def integrate_internal(self, U: SpaceFunction) -> float:
        """The integral of U(density) over space."""

    @abstractmethod
    def convolve(self, kernel: Kernel) -> Array:
        """The field W * rho."""

    @abstractmethod
    def potential(self, kernel: Kernel) -> SpaceFunction | Array:
        """W * rho in the form in which a Potential on the same kind of measure can hold it once this measure has moved on."""

    @abstractmethod
    def pair_expectation(self, kernel: Kernel, other: Any = None) -> float:
        """The double integral of kernel(x - y) against this measure and another on the same domain (or itself)."""
