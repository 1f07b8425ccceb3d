"""Places where no mass may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._typing import Array, SpaceFunction
from ..grids import Grid
from ..measures import UNNAMED, Density, Species
from .base import SpeciesEnergy, short_repr
from .forms import Forbidden, Form


@dataclass(frozen=True, eq=False)
class Obstacle(SpeciesEnergy):
    """E(rho) = 0 if no cell of the obstacle holds mass, +inf otherwise.

    ``where`` is a function of space, or an array over the grid. A cell belongs to the obstacle if ``where`` is true (not 0) at
    the centre of the cell. The first variation is 0 outside the obstacle and +inf inside.

    With ``FiniteVolume``, which ``JKO()`` takes, the faces of the obstacle are closed: mass goes round it whatever dt.
    ``BackAndForth`` takes the Wasserstein distance of the whole box: there mass may pass through an obstacle within a step, but
    it may not rest in it. As dt falls, mass goes round.

    The start of a flow must hold no mass in the obstacle: ``grid.density(lambda x, y: f(x, y) * ~post(x, y))``.

    Raises ValueError at an evaluation on a measure that is not a Density.

    >>> from jkoflow import Grid
    >>> grid = Grid.box((0, 2), cells=10)
    >>> E = Obstacle(lambda x: x > 1)
    >>> E(grid.density(lambda x: x < 1)), E(grid.density(lambda x: x < 1.5))
    (0.0, inf)
    """

    where: SpaceFunction | Array
    species: str = UNNAMED

    def mask(self, grid: Grid) -> NDArray[np.bool_]:
        """Return an array over the grid that is True in the cells of the obstacle.

        Raises ValueError if ``where`` is an array of another shape, or contains NaN.
        """
        return grid.field("where", self.where) != 0

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
