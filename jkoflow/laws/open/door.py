"""What doors and reservoirs share: cells that are outside."""

from __future__ import annotations

import numpy as np

from ..._functions import values_of
from ..._typing import Array, Mask, SpaceFunction
from ...grids import Grid
from ..regions import region_mask
from .zero_energy import ZeroEnergy


class Door(ZeroEnergy):
    """Cells of a grid that are outside: they hold no mass of the state, and mass goes through their faces.

    The energy is 0. ``region`` is a function of space, or an array over the grid: a cell belongs to it if it is true (not 0) at
    the centre of the cell.
    """

    region: SpaceFunction | Array

    def over_region(self, name: str, given: float | SpaceFunction | Array, grid: Grid) -> Array:
        """Return a number, a function or an array in the cells of the region, and 0 in the others.

        Raises ValueError, in the name of the argument, if it is negative somewhere in the region.
        """
        values = grid.field(name, given) if callable(given) or np.ndim(given) else np.full(grid.shape, given)
        inside = np.where(self.mask(grid), values, 0.0)
        if inside.min() < 0:
            raise ValueError(f"{name} of {self!r} must be >= 0 in its region, got {inside.min():g}")
        return inside

    def mask(self, grid: Grid) -> Mask:
        """Return an array over the grid that is True in the cells that are outside.

        Raises ValueError if ``region`` is an array of another shape or contains NaN, or if it holds no cell or all cells.
        """
        return region_mask(self, self.region, grid)

    def contains(self, points: Array) -> Mask:
        """Return for points (n,) or (n, d) whether they are outside.

        Raises ValueError for a region that is an array, which has no values at points.
        """
        if not callable(self.region):
            raise ValueError(f"region of {self!r} must be a function of space for particles, got an array")
        coordinates = (points,) if points.ndim == 1 else tuple(points.T)
        inside = values_of("region", self.region, coordinates)
        if np.isnan(inside).any():
            raise ValueError(f"region of {self!r} must be true or false everywhere, got NaN")
        return np.asarray(inside != 0)
