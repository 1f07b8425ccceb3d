"""Densities on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .._typing import Array, SpaceFunction
from .._validate import non_negative_array, of_kind, positive, positive_integer
from ..grids import Grid, resampled
from ..kernels import Kernel
from .base import Measure
from .quantiles import Quantiles


@dataclass(frozen=True, eq=False)
class Density(Measure):
    """A measure given by its averages over the cells of a grid: mass per unit volume.

    Attributes
    ----------
    grid : Grid
        The box and its cells.
    values : array of the grid's shape
        Cell averages, non-negative and finite. The array is a read-only copy of the given one. It is not rescaled:
        use ``grid.density`` to scale to a mass.

    Examples
    --------
    >>> from jkoflow import Grid
    >>> rho = Grid.box((-4, 4), cells=100).density(lambda x: np.exp(-(x - 1) ** 2))
    >>> round(rho.mass, 12), round(float(rho.mean), 6), round(float(rho.covariance), 6)
    (1.0, 0.999966, 0.499896)
    """

    moving: ClassVar[str] = "values"
    grid: Grid
    values: Array

    def __post_init__(self) -> None:
        of_kind("grid", self.grid, Grid, "a Grid")
        values = non_negative_array("values of a density", self.values, self.grid.shape).copy()
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    @classmethod
    def scaled(cls, grid: Grid, values: Any, mass: float | None = 1.0) -> Density:
        """Return the density that is proportional to ``values`` and has the given mass.

        ``mass=None`` keeps the values as they are. Raises ValueError for values that are negative or not finite, or if they
        have to be scaled and their total is 0.
        """
        values = non_negative_array("values of a density", values, grid.shape)
        if mass is None:
            return cls(grid, values)
        mass = positive("mass", mass, "a positive finite number, or None to keep the values")
        total = grid.integrate(values)
        if not total > 0:
            raise ValueError(f"values of a density must have a positive total to be scaled, got {total:.6g}")
        scaled = cls(grid, values * (mass / total))
        if not np.isfinite(scaled.mass):
            raise ValueError(f"mass must leave room for sums in floating point, got {mass:g}")
        return scaled

    @classmethod
    def from_image(
        cls,
        path: str | Path,
        *,
        grid: Grid | None = None,
        cells: int = 128,
        mass: float | None = 1.0,
        invert: bool = False,
    ) -> Density:
        """Return the density in 2-D that a picture file shows: bright parts have mass, or dark parts with ``invert=True``.

        The first axis of the density runs along the width of the picture, the second axis upwards along its height. The picture
        is resampled by area averages. Transparent parts have no mass.

        Without ``grid`` the box has height 1 and the aspect of the picture, with ``cells`` square cells along the longer side.

        Raises ValueError if the file is no picture, if the grid is not 2-D, or if the picture has no mass.
        """
        from PIL import Image, UnidentifiedImageError

        if grid is not None and grid.dim != 2:
            raise ValueError(f"grid must be 2-D for a picture, got dimension {grid.dim}")
        try:
            with Image.open(path) as picture:
                ink, opacity = _brightness(picture)
        except FileNotFoundError:
            raise ValueError(f"path must name a picture file, and there is none at {str(path)!r}") from None
        except (UnidentifiedImageError, OSError) as reason:
            raise ValueError(f"path must name a picture file, and {str(path)!r} cannot be read: {reason}") from None
        height, width = ink.shape
        if grid is None:
            longest = positive_integer("cells", cells)
            counts = tuple(max(1, round(longest * side / max(width, height))) for side in (width, height))
            grid = Grid.box((0, counts[0] / counts[1]), (0, 1), cells=counts)
        ink = (1 - ink if invert else ink) * opacity
        return cls.scaled(grid, resampled(ink.T[:, ::-1], grid.shape), mass)

    @classmethod
    def from_quantiles(cls, measure: Quantiles, grid: Grid) -> Density:
        """Return the density with the exact cell averages of a measure on the line.

        Raises ValueError if mass lies outside of the grid.

        >>> Density.from_quantiles(Quantiles([0.5, 1.5]), Grid.box((0, 3), cells=3)).values
        array([0.5, 0.5, 0. ])
        """
        if not isinstance(measure, Quantiles):
            raise ValueError(f"measure must be Quantiles, got {type(measure).__name__}")
        if grid.dim != 1:
            raise ValueError(f"grid must be 1-D, got dimension {grid.dim}")
        grid.must_have_walls("from_quantiles")
        (low, high), count = grid.bounds[0], grid.shape[0]
        first, last = measure.nodes[0], measure.nodes[-1]
        if first < low or last > high:
            raise ValueError(f"grid must hold all the mass, from {first:g} to {last:g}, got {grid.bounds[0]}")
        edges = np.linspace(low, high, count + 1)
        below, above = measure.cdf(edges), measure.mass_above(edges)
        below[0], above[0] = 0.0, measure.mass  # an atom at the lower wall belongs to the first cell
        nearer = below[1:] < above[:-1]  # small masses next to either end keep their digits
        return cls(grid, np.where(nearer, np.diff(below), above[:-1] - above[1:]) / grid.spacing[0])

    @property
    def points(self) -> Array:
        """The cell centres: shape (n,) in dimension 1, (n, d) otherwise."""
        return self.grid.points

    @property
    def masses(self) -> Array:
        """The mass of every cell, shape (n,)."""
        return self.values.ravel() * self.grid.cell_volume

    @property
    def mass(self) -> float:
        """The total mass."""
        return self.grid.integrate(self.values)

    @property
    def domain(self) -> Grid:
        return self.grid

    @property
    def zero_field(self) -> Array:
        return np.zeros(self.grid.shape)

    @property
    def mean(self) -> Array:
        """The centre of mass: a number on the line, shape (d,) otherwise. Raises ValueError on a torus, which has none."""
        self.grid.must_have_walls("mean")
        return super().mean

    @property
    def covariance(self) -> Array:
        """The covariance of the mass at the cell centres. Raises ValueError on a torus, where there is no mean."""
        self.grid.must_have_walls("covariance")
        return super().covariance

    def quantiles(self, cells: int | None = None, *, spread: float = 0.5, walls: bool = True) -> Quantiles:
        """Return the same measure on the line, given by its pseudo-inverse.

        Without ``cells`` it is exact, on the cells of the grid. Empty cells become gaps. Empty cells at the ends are left out.
        With ``cells`` it is resampled on about so many cells; ``Quantiles.resampled`` explains this and ``spread``.

        The walls of the box are the walls of the result. With ``walls=False`` the line is free.

        Raises ValueError for a density that is not 1-D or has no mass.

        >>> rho = Grid.box((0, 4), cells=4).density(np.array([1.0, 0.0, 0.0, 3.0]))
        >>> rho.quantiles().nodes, rho.quantiles().masses
        (array([0., 1., 3., 4.]), array([0.25, 0.  , 0.75]))
        """
        if self.grid.dim != 1:
            raise ValueError(f"quantiles need a density on the line, got dimension {self.grid.dim}")
        self.grid.must_have_walls("quantiles")
        if not self.mass > 0:
            raise ValueError("quantiles need a density with mass, got none")
        (low, high), count = self.grid.bounds[0], self.grid.shape[0]
        edges, masses = np.linspace(low, high, count + 1), self.masses
        cells_with_mass = np.flatnonzero(masses > 0)
        first, last = cells_with_mass[0], cells_with_mass[-1] + 1
        inner = np.arange(first + 1, last)
        left_edges = np.concatenate([[first], inner[(masses[inner] > 0) | (masses[inner - 1] > 0)]])
        ends = self.grid.bounds[0] if walls else None
        exact = Quantiles(edges[np.append(left_edges, last)], np.add.reduceat(masses[:last], left_edges), ends)
        return exact if cells is None else exact.resampled(cells, spread=spread)

    def field(self, name: str, function: SpaceFunction | Array) -> Array:
        """Return the values of a function of space at the cell centres, or an array as it is. Error messages use ``name``."""
        return self.grid.field(name, function)

    def expectation(self, values: Array) -> float:
        """Return the integral of a function, given at the cell centres, against the measure.

        In cells without mass the value of the function does not matter: it may be infinite.
        """
        has_mass = self.values > 0
        return float(np.sum(np.where(has_mass, values, 0.0) * self.values)) * self.grid.cell_volume

    def integrate_internal(self, U: SpaceFunction) -> float:
        """Return the integral of U(rho(x)) dx over the box."""
        return self.grid.integrate(U(self.values))

    def convolve(self, kernel: Kernel) -> Array:
        """Return the field W * rho at the cell centres, in free space: without images in the walls."""
        return self.grid.convolve(kernel, self.values)

    def potential(self, kernel: Kernel) -> Array:
        """Return the field W * rho as an array over the grid, which does not move."""
        return self.convolve(kernel)

    def pair_expectation(self, kernel: Kernel, other: Density | None = None) -> float:
        """Return the double integral of kernel(x - y) against this measure and ``other``, a density on the same grid.

        Without ``other`` it is the double integral of this measure with itself.
        """
        return self.expectation((self if other is None else other).convolve(kernel))

    def __repr__(self) -> str:
        cells = " x ".join(str(count) for count in self.grid.shape)
        return f"Density(mass={self.mass:.6g}, {cells} cells on {' x '.join(map(str, self.grid.bounds))})"


def _brightness(picture: Any) -> tuple[Array, Array]:
    """Brightness and opacity between 0 and 1, rows from the top; 16-bit greys keep their depth."""
    if picture.mode.startswith("I;16"):
        grey = np.asarray(picture, dtype=np.float64) / 65535
        return grey, np.ones_like(grey)
    if picture.mode in ("I", "F"):
        raise ValueError(f"pictures must have 8 or 16 bits a channel, got mode {picture.mode!r}: load it as an array")
    layers = picture.convert("RGBA")
    grey = np.asarray(layers.convert("L"), dtype=np.float64) / 255
    return grey, np.asarray(layers.getchannel("A"), dtype=np.float64) / 255
