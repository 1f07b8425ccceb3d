"""Densities on phase space: of places and velocities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np

from .._functions import values_of
from .._typing import Array, SpaceFunction
from .._validate import finite, non_negative_array, of_kind, positive
from ..grids import Grid
from .base import HoldsPlaces
from .density import Density
from .moving import MovingParticles


@dataclass(frozen=True, eq=False)
class PhaseDensity(HoldsPlaces):
    """A density f(x, v) on a grid of places times a grid of velocities.

    A law of places sees the density of places, rho = int f dv (``places``).

    Attributes
    ----------
    space, velocity : Grid
        The grids, of the same dimension.
    values : array of the shape of ``space`` followed by that of ``velocity``
        The averages of f over the cells.

    Raises ValueError for grids of different dimensions, and for values that are negative, not finite or of another shape.

    >>> space, velocity = Grid.box((-4, 4), cells=40), Grid.box((-5, 5), cells=50)
    >>> f = PhaseDensity.of(space, velocity, lambda x, v: np.exp(-x**2 / 2 - (v - 1) ** 2))
    >>> round(f.mass, 12), bool(abs(f.momentum - 1) < 1e-6), bool(abs(f.places.covariance - 1) < 1e-2)
    (1.0, True, True)
    """

    moving: ClassVar[str] = "values"
    space: Grid = None  # type: ignore[assignment]
    velocity: Grid = None  # type: ignore[assignment]
    values: Array = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        of_kind("space", self.space, Grid, "a Grid")
        of_kind("velocity", self.velocity, Grid, "a Grid")
        self.space.must_have_walls("PhaseDensity")
        self.velocity.must_have_walls("PhaseDensity")
        if self.space.dim != self.velocity.dim:
            raise ValueError(f"velocity must have the dimension of space ({self.space.dim}), got {self.velocity.dim}")
        values = non_negative_array("values", self.values, self.space.shape + self.velocity.shape).copy()
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    @classmethod
    def of(cls, space: Grid, velocity: Grid, f: SpaceFunction, mass: float | None = 1.0) -> Self:
        """Return the density that is proportional to f(x, v), or f(x, y, v, w), and has the given mass (None: as it is)."""
        meshes = np.meshgrid(*space.axes, *velocity.axes, indexing="ij")
        values = values_of("f", f, meshes)
        found = cls(space, velocity, values)
        if mass is None:
            return found
        if not found.mass > 0:
            raise ValueError("f must have mass to be scaled, got none")
        return cls(space, velocity, values * (positive("mass", mass) / found.mass))

    @property
    def dim(self) -> int:
        """The dimension d of space."""
        return self.space.dim

    @property
    def cell_volume(self) -> float:
        """The volume of a cell of phase space."""
        return self.space.cell_volume * self.velocity.cell_volume

    @property
    def _velocity_axes(self) -> tuple[int, ...]:
        return tuple(range(self.dim, 2 * self.dim))

    @cached_property
    def places(self) -> Density:
        """The density of places, int f dv."""
        return Density(self.space, self.values.sum(axis=self._velocity_axes) * self.velocity.cell_volume)

    @cached_property
    def velocities(self) -> Density:
        """The density of velocities, int f dx."""
        return Density(self.velocity, self.values.sum(axis=tuple(range(self.dim))) * self.space.cell_volume)

    @property
    def points(self) -> Array:
        return self.places.points

    @property
    def masses(self) -> Array:
        return self.places.masses

    @property
    def mass(self) -> float:
        return float(self.values.sum()) * self.cell_volume

    @property
    def momentum_density(self) -> Array:
        """int v f dv: shape (d, ...) over the grid of places."""
        meshes = np.meshgrid(*self.velocity.axes, indexing="ij")
        moments = [(self.values * v).sum(axis=self._velocity_axes) for v in meshes]
        return np.stack(moments) * self.velocity.cell_volume

    @property
    def momentum(self) -> Array:
        """int v f dx dv: a number on the line, shape (d,) otherwise."""
        total = self.momentum_density.reshape(self.dim, -1).sum(axis=1) * self.space.cell_volume
        return np.asarray(total[0] if self.dim == 1 else total)

    @property
    def mean_velocity(self) -> Array:
        """int v f dv / rho, shape (d, ...); 0 where there is no mass."""
        rho = self.places.values
        return np.asarray(np.divide(self.momentum_density, rho, out=np.zeros((self.dim, *rho.shape)), where=rho > 0))

    @property
    def kinetic_energy(self) -> float:
        """int |v|^2 f dx dv / 2."""
        squares = np.sum([v**2 for v in np.meshgrid(*self.velocity.axes, indexing="ij")], axis=0)
        return float(np.sum(self.velocities.values * squares)) * self.velocity.cell_volume / 2

    @property
    def temperature(self) -> Array:
        """int |v - u|^2 f dv / (d rho) with the mean velocity u, over the grid of places; 0 where there is no mass."""
        rho, u = self.places.values, self.mean_velocity
        squares = np.sum([v**2 for v in np.meshgrid(*self.velocity.axes, indexing="ij")], axis=0)
        second = (self.values * squares).sum(axis=self._velocity_axes) * self.velocity.cell_volume
        spread = np.maximum(second - rho * (u**2).sum(axis=0), 0.0)
        return np.asarray(np.divide(spread, self.dim * rho, out=np.zeros_like(rho), where=rho > 0))

    def norm(self, p: float) -> float:
        """The L^p norm of f; p = inf gives its largest value."""
        if np.isinf(p):
            return float(self.values.max())
        return float((self.values**p).sum() * self.cell_volume) ** (1 / p)

    def particles(self, trace: float = 1e-12) -> MovingParticles:
        """Return point masses at the centres of the cells, with the masses of the cells: characteristics for ``Inertial``.

        Cells with less than ``trace`` times the largest value are left out, and the others are scaled to the whole mass.

        Raises ValueError for a trace that is not in [0, 1), and without mass.

        >>> grid = Grid.box((-1, 1), cells=4)
        >>> PhaseDensity.of(grid, grid, lambda x, v: 1.0 * (x > 0) * (v < 0)).particles()
        MovingParticles(4 points in dimension 1, mass=1)
        """
        if not 0 <= finite("trace", trace) < 1:
            raise ValueError(f"trace must be in [0, 1), got {trace!r}")
        if not self.mass > 0:
            raise ValueError("the density must have mass to become particles, got none")
        filled = self.values > trace * self.values.max()
        meshes = [mesh[filled] for mesh in np.meshgrid(*self.space.axes, *self.velocity.axes, indexing="ij")]
        x, v = np.stack(meshes[: self.dim], axis=-1), np.stack(meshes[self.dim :], axis=-1)
        masses = self.values[filled] * (self.mass / self.values[filled].sum())
        return MovingParticles(x[:, 0], v[:, 0], masses) if self.dim == 1 else MovingParticles(x, v, masses)

    @property
    def domain(self) -> tuple[Grid, Grid]:
        return self.space, self.velocity

    def __repr__(self) -> str:
        cells = " x ".join(map(str, self.values.shape))
        return f"PhaseDensity(mass={self.mass:.6g}, {cells} cells on {self.space.bounds} x {self.velocity.bounds})"
