"""What a measure offers: its points and masses, and the integrals that energies are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from .._arrays import cumulated
from .._frozen import ReadOnly
from .._typing import Array, SpaceFunction
from ..kernels import Kernel


class Measure(ReadOnly, ABC):
    """A finite non-negative measure.

    Every kind of measure has a quadrature: points, and the mass at every point. A field is a function on space, given as the
    array of its values at the points. Where the points stand for cells, a field is the array of its averages over the cells.

    >>> import jkoflow as jf
    >>> kinds = jf.Quantiles([0.0, 1.0]), jf.Particles([0.0, 1.0]), jf.Grid.box((0, 1), cells=4).density(lambda x: 1 + 0 * x)
    >>> [float(measure.mean) for measure in kinds]
    [0.5, 0.5, 0.5]
    """

    moving: ClassVar[str]
    """The name of the attribute that a flow changes: "values", "nodes" or "points". The other attributes stay the same."""
    may_leave: ClassVar[bool] = False
    """True if its points may leave one by one, through doors."""

    @property
    @abstractmethod
    def points(self) -> Array:
        """The points of the quadrature: shape (n,) on the line, (n, d) otherwise."""

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
        """The mass before every point, then the total mass, shape (n + 1,): 0, m_1, m_1 + m_2, ..."""
        return cumulated(self.masses)

    @property
    def places(self) -> Measure:
        """The measure as a law that depends on places alone sees it: the measure itself.

        A kind of measure that has more than places overrides this.
        """
        return self

    def like(self, moved: Any) -> Self:
        """Return the measure after a flow has changed the attribute that ``moving`` names.

        ``moved`` is the new value of this attribute: values, nodes or points. The grid, the masses and the walls stay the same.
        """
        return replace(self, **{self.moving: moved})  # type: ignore[type-var]

    def moved_from(self, other: Self) -> float:
        """Return (int |X - Y|^2 ds)^(1/2), a length: how far the parts of the mass have moved from ``other`` to here.

        ``other`` is a state with the same masses. The result is W2 for quantiles and for ordered particles. For other measures
        it is at least W2.

        Raises ValueError for a kind of measure whose parts of mass are not followed.
        """
        raise ValueError(f"parts of mass are not followed in {type(self).__name__}: take wasserstein2")

    @property
    def mean(self) -> Array:
        """The centre of mass: a number on the line, shape (d,) otherwise. NaN without mass."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.masses @ self.points / np.float64(self.mass))

    @property
    def covariance(self) -> Array:
        """The covariance of the point masses at the points: the variance on the line, (d, d) otherwise. NaN without mass."""
        centred, mass = self.points - self.mean, np.float64(self.mass)
        with np.errstate(invalid="ignore"):
            if self.points.ndim == 1:
                return np.asarray(self.masses @ centred**2 / mass)
            return np.asarray((centred.T * self.masses) @ centred / mass)

    @property
    @abstractmethod
    def domain(self) -> Hashable:
        """What tells where the mass may go: a grid, walls or a dimension. Species that interact have the same domain."""

    @property
    @abstractmethod
    def zero_field(self) -> Array:
        """The field that is 0 everywhere, in the shape of the fields of this measure."""

    @abstractmethod
    def field(self, name: str, function: SpaceFunction | Any) -> Array:
        """Return a function of space, or an array, as a field of this measure. Error messages use ``name``."""

    @abstractmethod
    def expectation(self, values: Array) -> float:
        """Return the integral of a field against the measure."""

    @abstractmethod
    def integrate_internal(self, U: SpaceFunction) -> float:
        """Return the integral of U(density) over space."""

    @abstractmethod
    def convolve(self, kernel: Kernel) -> Array:
        """Return the field W * rho."""

    @abstractmethod
    def potential(self, kernel: Kernel) -> SpaceFunction | Array:
        """Return W * rho in a form that ``Potential`` takes on a measure of the same kind.

        The result stays valid after this measure has moved on.
        """

    @abstractmethod
    def pair_expectation(self, kernel: Kernel, other: Any = None) -> float:
        """Return the double integral of kernel(x - y) against this measure and ``other``, a measure on the same domain.

        Without ``other`` it is the double integral of this measure with itself.
        """


class HoldsPlaces(Measure):
    """A measure that has velocities too: its fields and integrals over space are those of ``places``."""

    @property
    @abstractmethod
    def places(self) -> Measure:
        """The measure without its velocities."""

    @property
    def zero_field(self) -> Array:
        return self.places.zero_field

    def field(self, name: str, function: SpaceFunction | Any) -> Array:
        return self.places.field(name, function)

    def expectation(self, values: Array) -> float:
        return self.places.expectation(values)

    def integrate_internal(self, U: SpaceFunction) -> float:
        return self.places.integrate_internal(U)

    def convolve(self, kernel: Kernel) -> Array:
        return self.places.convolve(kernel)

    def potential(self, kernel: Kernel) -> SpaceFunction | Array:
        return self.places.potential(kernel)

    def pair_expectation(self, kernel: Kernel, other: Any = None) -> float:
        return self.places.pair_expectation(kernel, None if other is None else other.places)
