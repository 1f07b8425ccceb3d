"""Point masses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from .._typing import Array, SpaceFunction
from .._validate import finite_array
from ..kernels import Kernel
from ..kernels.sums import pair_values
from .base import Measure
from .cloud_potential import CloudPotential
from .quantiles import Quantiles


@dataclass(frozen=True, eq=False)
class Particles(Measure):
    """Point masses in R^d. They may coincide and come in any order.

    Attributes
    ----------
    points : array (n,) on the line, (n, d) otherwise
    masses : array (n,), optional
        Positive; by default equal, adding up to 1.

    >>> pair = Particles([[0.0, 0.0], [2.0, 0.0]])
    >>> pair.mass, pair.mean
    (1.0, array([1., 0.]))
    """

    moving: ClassVar[str] = "points"
    points: Array = None  # type: ignore[assignment]
    masses: Array = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        shape = np.shape(self.points)
        if len(shape) not in (1, 2) or 0 in shape:
            raise ValueError(f"points must have shape (n,) or (n, d) with n >= 1, got {shape}")
        points = finite_array("points", self.points, shape).copy()
        given = np.full(shape[0], 1 / shape[0]) if self.masses is None else self.masses
        masses = finite_array("masses", given, shape[:1]).copy()
        if masses.min() <= 0:
            raise ValueError(f"masses must be positive, got {masses.min():g} at the lowest")
        for name, array in (("points", points), ("masses", masses)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def from_quantiles(cls, measure: Quantiles) -> Particles:
        """The point masses at the midpoints of the cells that hold mass.

        >>> Particles.from_quantiles(Quantiles([0.0, 1.0, 3.0])).points
        array([0.5, 2. ])
        """
        if not isinstance(measure, Quantiles):
            raise ValueError(f"measure must be Quantiles, got {type(measure).__name__}")
        held = measure.masses > 0
        return cls(measure.points[held], measure.masses[held])

    @property
    def dim(self) -> int:
        """The dimension d."""
        return 1 if self.points.ndim == 1 else self.points.shape[1]

    @property
    def mass(self) -> float:
        return float(self.masses.sum())

    @property
    def domain(self) -> int:
        return self.dim

    @property
    def zero_field(self) -> Array:
        return np.zeros(len(self.masses))

    def quantiles(self, *, walls: tuple[float, float] | None = None) -> Quantiles:
        """The same measure on the line as atoms in order, those at one place added up.

        >>> Particles([1.0, 0.0, 1.0]).quantiles().masses
        array([0.33333333, 0.        , 0.66666667])
        """
        if self.dim != 1:
            raise ValueError(f"points must be on the line, of shape (n,), got {self.points.shape}")
        places, which = np.unique(self.points.ravel(), return_inverse=True)
        return Quantiles.atoms(places, np.bincount(which, weights=self.masses), walls=walls)

    def moved_from(self, other: Self) -> float:
        gaps = (self.points - other.points).reshape(len(self.masses), -1)
        return float(np.sqrt(self.masses @ (gaps**2).sum(axis=1)))

    def field(self, name: str, function: SpaceFunction | Any) -> Array:
        """The values at the points."""
        if callable(function):
            coordinates = (self.points,) if self.points.ndim == 1 else tuple(self.points.T)
            function = np.broadcast_to(np.asarray(function(*coordinates), dtype=np.float64), self.masses.shape)
        return finite_array(name, function, self.masses.shape)

    def expectation(self, values: Array) -> float:
        return float(self.masses @ values)

    def integrate_internal(self, U: SpaceFunction) -> float:
        raise ValueError("point masses have no density, so no internal energy: hold the measure as a Density or as Quantiles")

    def convolve(self, kernel: Kernel) -> Array:
        """W * rho at the points (see ``kernels.pair_values`` for the cost). Every point meets itself with W(0), or not at all
        where W is infinite there.
        """
        return pair_values(kernel, self.points, self.points, self.masses)

    def potential(self, kernel: Kernel) -> CloudPotential:
        return CloudPotential(kernel, self.points, self.masses)

    def pair_expectation(self, kernel: Kernel, other: Particles | None = None) -> float:
        """sum_ij m_i n_j W(x_i - y_j); W(0) counts where finite, and where it is not two that meet make it infinite."""
        source = self if other is None else other
        if kernel.singular and _meet(self.points, None if other is None else other.points):
            return float(kernel(*np.zeros(self.dim)))
        return self.expectation(pair_values(kernel, self.points, source.points, source.masses))

    def __repr__(self) -> str:
        return f"Particles({len(self.masses)} points in dimension {self.dim}, mass={self.mass:.6g})"


def _meet(points: Array, others: Array | None) -> bool:
    """Whether two of the points, or one of either kind, are at one place."""
    if others is None:
        return len(np.unique(points, axis=0)) < len(points)
    both = np.concatenate([np.unique(points, axis=0), np.unique(others, axis=0)])
    return len(np.unique(both, axis=0)) < len(both)
