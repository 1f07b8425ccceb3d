"""A field on a box with walls, or on a torus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._typing import Array, SpaceFunction
from .._validate import finite_array, of_kind
from ..grids import Grid
from .base import AnyField, Emission, Medium
from .basis import Basis
from .profiles import Profile

_ROUNDING = 4 * np.finfo(float).eps  # share of the largest mode, times the number of cells along an axis: not known better


@dataclass(frozen=True, eq=False, init=False)
class Field(AnyField):
    """A function of space on a grid: a concentration, a signal. It carries no mass, and its metric is L2.

    It is the sum of cosines (between walls) or of cosines and sines (on ``Grid.torus``) through its values at the cell centres.
    So it is known between the cells too, with its gradient, and diffuses exactly. Its slope at walls is 0.

    Parameters
    ----------
    grid : Grid
    values : array of the grid's shape, a function of space, or a number
        The values at the cell centres.

    Attributes
    ----------
    values : array of the grid's shape
        The values at the cell centres.
    modes : array of the grid's shape
        The coefficients of the sum.

    Raises ValueError for values that are not finite or have another shape.

    >>> field = Field(Grid.torus((0, 2 * np.pi), cells=16), lambda x: np.cos(x))
    >>> field.at([0.3]).round(6), field.gradient_at([0.3]).round(6)
    (array([0.955336]), array([-0.29552]))
    >>> Field(Grid.box((0, 2), cells=8), 3.0).integral
    6.0
    """

    grid: Grid
    modes: Array

    def __init__(self, grid: Grid, values: SpaceFunction | Any = 0.0) -> None:
        of_kind("grid", grid, Grid, "a Grid")
        object.__setattr__(self, "grid", grid)
        given = np.full(grid.shape, values) if not callable(values) and np.ndim(values) == 0 else values
        array = grid.field("values of a field", given).copy()
        modes = self.basis.of_centres(array)
        modes[np.abs(modes) <= _ROUNDING * max(grid.shape) * np.abs(modes).max(initial=0.0)] = 0.0
        self._hold(modes)
        array.setflags(write=False)
        self.__dict__["values"] = array

    def _hold(self, modes: Array) -> None:
        modes.setflags(write=False)
        object.__setattr__(self, "modes", modes)

    @cached_property
    def values(self) -> Array:
        """The values at the cell centres."""
        values = self.basis.at_centres(self.modes)
        values.setflags(write=False)
        return values

    @cached_property
    def basis(self) -> Basis:
        """The functions of which the field is a sum."""
        return Basis.of(self.grid)

    @property
    def dim(self) -> int:
        return self.grid.dim

    def like(self, modes: Array) -> Field:
        modes = finite_array("modes of a field", modes, self.grid.shape).copy()
        other = object.__new__(type(self))
        object.__setattr__(other, "grid", self.grid)
        other.__dict__["basis"] = self.basis
        other._hold(modes)
        return other

    def at(self, points: Any) -> Array:
        return self.basis.at(self.modes, self._as_points(points))

    def gradient_at(self, points: Any) -> Array:
        gradient = self.basis.gradient_at(self.modes, self._as_points(points))
        return gradient.reshape(np.shape(points))

    @property
    def integral(self) -> float:
        """The integral of the field."""
        return float(self.modes.flat[0] * self.grid.volume)

    @property
    def square(self) -> float:
        """int c^2 dx."""
        return float(np.sum(self.basis.norms * self.modes**2))

    @property
    def gradient_square(self) -> float:
        """int |grad c|^2 dx."""
        return float(np.sum(self.basis.norms * self.basis.squares * self.modes**2))

    @property
    def waves(self) -> Field:
        return self

    def decay_rates(self, medium: Medium) -> Array:
        squares = self.basis.squares_by_cells(self.grid.spacing) if medium.by_cells else self.basis.squares
        return np.asarray(medium.decay + medium.diffusion * squares)

    def source(self, emissions: Sequence[Emission], medium: Medium) -> Array:
        total = np.zeros(self.grid.shape)
        for strength, profile, emitter in emissions:
            total += strength * self.transform(profile) * emitter.moments(self.basis)
        return total / self.basis.norms

    def ready(self, emissions: Sequence[Emission], h: float, medium: Medium) -> Field:
        for _, profile, _ in emissions:
            self.transform(profile)
        return self

    def transform(self, profile: Profile) -> Array:
        """The transform of a profile at the wave numbers of the modes. Between walls the profile is reflected."""
        k, name = np.sqrt(self.basis.squares), f"transform of {profile!r}"
        return self.basis.once(profile, lambda: finite_array(name, profile.transform(k, self.dim), k.shape))

    def holds(self, bounds: Array) -> bool:
        """Return True if a part of space, given by its least and largest coordinates (2, d), lies in the domain."""
        low, high = np.array(self.grid.bounds).T
        slack = 1e-12 * (high - low)
        inside = (bounds[0] >= low - slack) & (bounds[1] <= high + slack)
        return bool((inside | self.grid.periodic_axes).all())

    def __repr__(self) -> str:
        kind = "torus" if self.grid.periodic else "box"
        cells = "x".join(map(str, self.grid.shape))
        return f"Field({kind} of {cells} cells, integral={self.integral:.6g})"
