"""What doors and reservoirs share: cells that are outside."""

from __future__ import annotations

import numpy as np

from ..._typing import Array, Mask, SpaceFunction
from ...grids import Grid
from ...measures import Density, Species
from ..base import SpeciesEnergy


class Door(SpeciesEnergy):
    """Cells of a grid that are outside: they hold no mass of the state, and mass goes through their faces.

    The energy is 0. ``region`` is a function of space, or an array over the grid: a cell belongs to it if it is true (not 0) at
    the centre of the cell.
    """

    region: SpaceFunction | Array

    def mask(self, grid: Grid) -> Mask:
        """Return an array over the grid that is True in the cells that are outside.

        Raises ValueError if ``region`` is an array of another shape or contains NaN, or if it holds no cell or all cells.
        """
        inside = grid.field("region", self.region) == 0
        if inside.all() or not inside.any():
            raise ValueError(f"region of {self!r} must hold some of the cells of {grid!r}, got {np.count_nonzero(~inside)}")
        return np.asarray(~inside)

    def value(self, state: Species) -> float:
        return 0.0

    def variation(self, state: Species, species: str) -> Array:
        measure = state[species]
        if not isinstance(measure, Density):
            raise ValueError(f"{type(self).__name__} acts on a Density, got {type(measure).__name__}")
        return np.zeros(measure.grid.shape)
