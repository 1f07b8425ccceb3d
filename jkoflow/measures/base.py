"""What a measure offers: its points and masses, and the integrals that energies are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from .._arrays import cumulated
from .._typing import Array, SpaceFunction
from ..kernels import Kernel


class Measure(ABC):
    """A finite non-negative measure. Every kind holds the points and masses of its quadrature, and reads a field, a function
    on space, as an array of its values at those points (their cell averages, where the points stand for cells).
    """

    moving: ClassVar[str]
    """The attribute that a flow changes, the others staying as they are: values, nodes or points."""

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
    def levels(self) -> Array:
        """The mass before every point and in all, (n + 1,): 0, m_1, m_1 + m_2, ..."""
        return cumulated(self.masses)

    @property
    def places(self) -> Measure:
        """What a law of places sees: the measure itself. One that holds more than places has another."""
        return self

    def like(self, moved: Any) -> Self:
        """The measure after a flow has changed what it changes (``moving``): the same grid, masses or walls with other values,
        nodes or points.
        """
        return replace(self, **{self.moving: moved})  # type: ignore[type-var]

    def moved_from(self, other: Self) -> float:
        """(int |X - Y|^2 ds)^(1/2), a length: how far mass has come from another state of the same masses, part by part.

        W2 for quantiles and for ordered particles, at least W2 for others. Raises ValueError for a measure whose parts are not
        followed.
        """
        raise ValueError(f"parts of mass are not followed in {type(self).__name__}: take wasserstein2")

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
