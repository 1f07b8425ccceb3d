"""What makes a field: points, densities on cells, and intervals with mass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from .._typing import Array
from ..grids import Grid
from .basis import Basis


class Emitter(ABC):
    """A distribution of mass, as a field sees it."""

    @abstractmethod
    def moments(self, basis: Basis) -> Array:
        """The integrals of all functions of a basis against the mass."""

    @property
    @abstractmethod
    def bounds(self) -> Array:
        """The least and the largest coordinates of the mass, shape (2, d)."""


@dataclass(frozen=True, eq=False)
class Points(Emitter):
    """Point masses: ``points`` (n, d) with ``masses`` (n,)."""

    points: Array
    masses: Array

    def moments(self, basis: Basis) -> Array:
        return basis.moments(self.points, self.masses)

    @property
    def bounds(self) -> Array:
        """The empty range from inf to -inf if there are no points."""
        return np.stack([self.points.min(axis=0, initial=np.inf), self.points.max(axis=0, initial=-np.inf)])


@dataclass(frozen=True, eq=False)
class Cells(Emitter):
    """A density on the cells of the grid of the field."""

    grid: Grid
    values: Array

    def moments(self, basis: Basis) -> Array:
        return basis.moments_of_centres(self.values) * self.grid.cell_volume

    @property
    def bounds(self) -> Array:
        return np.array(self.grid.bounds).T


@dataclass(frozen=True, eq=False)
class Intervals(Emitter):
    """Masses spread evenly between nodes on the line. An interval without width is a point mass."""

    nodes: Array
    masses: Array

    def moments(self, basis: Basis) -> Array:
        return np.asarray(basis.axes[0].means(self.nodes).T @ self.masses)

    @property
    def bounds(self) -> Array:
        return np.array([[self.nodes[0]], [self.nodes[-1]]])
