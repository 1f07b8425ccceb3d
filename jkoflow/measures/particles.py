"""Point masses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from .._functions import values_of
from .._typing import Array, Indices, SpaceFunction
from .._validate import finite_array, positive
from ..grids import Grid
from ..kernels import Kernel
from ..kernels.sums import pair_values
from .base import Measure
from .cloud_potential import CloudPotential
from .data import cloud_in_cell, columns_of, gaussian_clouds
from .quantiles import Quantiles

if TYPE_CHECKING:
    from .density import Density


@dataclass(frozen=True, eq=False)
class Particles(Measure):
    """Point masses in R^d. They may coincide, and they may come in any order.

    There may be none left: those that ``Exit`` has let out are no longer in the state.

    Attributes
    ----------
    points : array (n,) on the line, (n, d) otherwise
        The positions.
    masses : array (n,), optional
        The masses, positive. By default they are equal and add up to 1.

    Raises ValueError for positions that are not finite or of another shape, and for masses that are not positive.

    >>> pair = Particles([[0.0, 0.0], [2.0, 0.0]])
    >>> pair.mass, pair.mean
    (1.0, array([1., 0.]))
    """

    moving: ClassVar[str] = "points"
    may_leave: ClassVar[bool] = True
    points: Array = None  # type: ignore[assignment]
    masses: Array = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        shape = np.shape(self.points)
        if len(shape) not in (1, 2) or 0 in shape[1:] or (shape[0] == 0 and self.masses is None):
            raise ValueError(f"points must have shape (n,) or (n, d) with n >= 1, got {shape}")
        points = finite_array("points", self.points, shape).copy()
        given = np.full(shape[0], 1 / shape[0]) if self.masses is None else self.masses
        masses = finite_array("masses", given, shape[:1]).copy()
        if masses.min(initial=1.0) <= 0:
            raise ValueError(f"masses must be positive, got {masses.min():g} at the lowest")
        for name, array in (("points", points), ("masses", masses)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def from_quantiles(cls, measure: Quantiles) -> Particles:
        """Return the cells that have mass as point masses at the midpoints of the cells.

        >>> Particles.from_quantiles(Quantiles([0.0, 1.0, 3.0])).points
        array([0.5, 2. ])
        """
        if not isinstance(measure, Quantiles):
            raise ValueError(f"measure must be Quantiles, got {type(measure).__name__}")
        has_mass = measure.masses > 0
        return cls(measure.points[has_mass], measure.masses[has_mass])

    @classmethod
    def from_table(cls, source: Any, points: str | Sequence[str], mass: str | None = None) -> Particles:
        """Return the rows of a table as point masses.

        The table is a CSV file with a header, a data frame, or a mapping from names to columns.

        ``points`` names the columns with the coordinates, ``mass`` that with the masses. Without ``mass`` all masses are equal
        and add up to 1. Masses are taken as they are.

        Raises ValueError for a file that cannot be read, a column that is missing, or an entry that is no finite number. The
        message names the line.

        >>> Particles.from_table({"x": [0.0, 1.0], "m": [2.0, 1.0]}, points="x", mass="m")
        Particles(2 points in dimension 1, mass=3)
        """
        names = [points] if isinstance(points, str) else list(points)
        columns = columns_of(source, names if mass is None else [*names, mass])
        masses = np.full(len(columns[0]), 1 / len(columns[0])) if mass is None else columns.pop()
        return cls(columns[0] if isinstance(points, str) else np.stack(columns, axis=1), masses)

    def wrapped(self, *bounds: tuple[float, float] | None) -> Self:
        """Return the particles in a box, with their coordinates moved by multiples of its lengths: particles on a torus.

        ``bounds`` are the ends of the box along every axis; None for an axis that does not close.

        Raises ValueError for ends that are not in order, or another number of axes.

        >>> Particles([-0.25, 0.5, 3.75]).wrapped((0.0, 1.0)).points
        array([0.75, 0.5 , 0.75])
        """
        if len(bounds) != self.dim:
            raise ValueError(f"bounds must be {self.dim} pairs of ends or None, one per axis, got {bounds!r}")
        points = self.points.reshape(len(self.masses), self.dim).copy()
        for axis, ends in enumerate(bounds):
            if ends is not None:
                grid = Grid.box(ends, cells=1)  # checks the ends
                low, length = grid.bounds[0][0], grid.lengths[0]
                turned = np.mod(points[:, axis] - low, length)
                points[:, axis] = low + np.where(turned < length, turned, 0.0)  # of -1e-20 it is the length
        return replace(self, points=points.reshape(self.points.shape))

    def density(self, grid: Grid, width: float | None = None) -> Density:
        """Return the point masses as a Density on a grid. The total mass is kept, up to rounding.

        Without ``width`` a point is a cloud of the size of a cell (cloud in cell): its mass goes to the cells that the cloud
        covers, at most 2^d. With ``width`` a point is a Gaussian of this standard deviation, a length, reflected at the walls.
        Along a periodic axis of the grid points go round it, and so do clouds and Gaussians.

        Raises ValueError for points outside of the box, another dimension, or a width that is not positive.

        >>> from jkoflow import Grid
        >>> Particles([0.5, 1.0]).density(Grid.box((0, 2), cells=2)).values
        array([0.75, 0.25])
        """
        from .density import Density

        if not isinstance(grid, Grid) or grid.dim != self.dim:
            raise ValueError(f"grid must be a Grid of dimension {self.dim}, got {grid!r}")
        turns = [ends if closed else None for ends, closed in zip(grid.bounds, grid.periodic_axes, strict=True)]
        points = self.wrapped(*turns).points.reshape(len(self.masses), grid.dim)
        low, high = np.array(grid.bounds).T
        outside = int(np.count_nonzero(((points < low) | (points > high)).any(axis=1)))
        if outside:
            raise ValueError(f"points must lie in the box {grid.bounds}, and {outside} of {len(points)} lie outside of it")
        if width is None:
            in_cells = cloud_in_cell(points, self.masses, grid)
        else:
            in_cells = gaussian_clouds(points, self.masses, grid, positive("width", width))
        return Density(grid, in_cells / grid.cell_volume)

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

    def chosen(self, which: Indices) -> Self:
        """Return the particles of these numbers, which count from 0.

        >>> Particles([0.0, 1.0, 3.0]).chosen([0, 2]).points
        array([0., 3.])
        """
        return replace(self, points=self.points[which], masses=self.masses[which])

    def quantiles(self, *, walls: tuple[float, float] | None = None) -> Quantiles:
        """Return the same measure on the line as atoms in increasing order. Masses at the same place are added up.

        Raises ValueError for points that are not on the line.

        >>> Particles([1.0, 0.0, 1.0]).quantiles().masses
        array([0.33333333, 0.        , 0.66666667])
        """
        if self.dim != 1:
            raise ValueError(f"points must be on the line, of shape (n,), got {self.points.shape}")
        if not len(self.masses):
            raise ValueError("there must be particles to become quantiles, and none are left")
        places, which = np.unique(self.points.ravel(), return_inverse=True)
        return Quantiles.atoms(places, np.bincount(which, weights=self.masses), walls=walls)

    def moved_from(self, other: Self) -> float:
        gaps = self.points - other.points
        return float(np.sqrt(self.masses @ (gaps**2).sum(axis=tuple(range(1, gaps.ndim)))))

    def field(self, name: str, function: SpaceFunction | Any) -> Array:
        """Return the values of a function of space at the points, or an array as it is. Error messages use ``name``."""
        if callable(function):
            coordinates = (self.points,) if self.points.ndim == 1 else tuple(self.points.T)
            function = values_of(name, function, coordinates)
        return finite_array(name, function, self.masses.shape)

    def expectation(self, values: Array) -> float:
        return float(self.masses @ values)

    def integrate_internal(self, U: SpaceFunction) -> float:
        raise ValueError("point masses have no density, so no internal energy: hold the measure as a Density or as Quantiles")

    def convolve(self, kernel: Kernel) -> Array:
        """Return W * rho at the points; ``kernels.sums.pair_values`` tells the cost.

        Every point acts on itself with W(0). If W(0) is infinite, it does not act on itself.
        """
        return pair_values(kernel, self.points, self.points, self.masses)

    def potential(self, kernel: Kernel) -> CloudPotential:
        return CloudPotential(kernel, self.points, self.masses)

    def pair_expectation(self, kernel: Kernel, other: Particles | None = None) -> float:
        """Return sum_ij m_i n_j W(x_i - y_j).

        If W(0) is finite, pairs at the same place count W(0), also a point with itself. If W(0) is infinite, a point with
        itself counts nothing, and the sum is W(0) as soon as two different points are at the same place.
        """
        source = self if other is None else other
        if kernel.singular and _meet(self.points, None if other is None else other.points):
            return float(kernel(*np.zeros(self.dim)))
        return self.expectation(pair_values(kernel, self.points, source.points, source.masses))

    def __repr__(self) -> str:
        return f"Particles({len(self.masses)} points in dimension {self.dim}, mass={self.mass:.6g})"


def _meet(points: Array, others: Array | None) -> bool:
    """Return True if two of the points are at the same place or, with ``others``, a point and one of the others."""
    if others is None:
        return len(np.unique(points, axis=0)) < len(points)
    all_places = np.concatenate([np.unique(points, axis=0), np.unique(others, axis=0)])
    return len(np.unique(all_places, axis=0)) < len(all_places)
