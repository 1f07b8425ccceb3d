"""Places where no mass may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._typing import Array, SpaceFunction
from .._validate import finite_array
from ..grids import Grid
from ..measures import UNNAMED, Density, Species
from .base import SpeciesEnergy, short_repr
from .forms import Forbidden, Form


@dataclass(frozen=True, eq=False)
class Obstacle(SpeciesEnergy):
    """E(rho) = 0 where no cell of the obstacle holds mass, and +inf otherwise.

    ``where`` is a function of space, or an array over the grid; the obstacle is where it is true (not 0) at the cell centre.
    The distance stays that of the whole box: mass may pass through an obstacle within a step, but not rest in it. It
    goes round one as dt falls.

    Acts on Density. The first variation is 0 outside and +inf inside.

    >>> from jkoflow import Grid
    >>> grid = Grid.box((0, 2), cells=10)
    >>> E = Obstacle(lambda x: x > 1)
    >>> E(grid.density(lambda x: x < 1)), E(grid.density(lambda x: x < 1.5))
    (0.0, inf)
    """

    where: SpaceFunction | Array
    species: str = UNNAMED

    def mask(self, grid: Grid) -> NDArray[np.bool_]:
        """True in the cells of the obstacle, over a grid. Raises ValueError for an array of another shape or with NaN."""
        return finite_array("where", grid.sample(self.where) if callable(self.where) else self.where, grid.shape) != 0

    @property
    def form(self) -> Form:
        return Forbidden(self.species, self.mask)

    def value(self, state: Species) -> float:
        density = self._density(state)
        return float(np.inf) if (density.values[self.mask(density.grid)] > 0).any() else 0.0

    def variation(self, state: Species, species: str) -> Array:
        return np.where(self.mask(self._density(state).grid), np.inf, 0.0)

    def _density(self, state: Species) -> Density:
        measure = state[self.species]
        if not isinstance(measure, Density):
            raise ValueError(f"Obstacle acts on a Density, got {type(measure).__name__}")
        return measure

    def __repr__(self) -> str:
        return short_repr("Obstacle", self.species, self.where)
