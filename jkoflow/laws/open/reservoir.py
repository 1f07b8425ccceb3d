"""A region that is held at a given density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._typing import Array, SpaceFunction
from ..._validate import finite, of_kind, species_name
from ...grids import Grid
from ...measures import UNNAMED
from ..base import short_repr
from ..forms import Form, Opening
from .door import Door


@dataclass(frozen=True, eq=False)
class Reservoir(Door):
    """A region outside that is held at a given density: mass enters from it and leaves to it.

    ``region`` is a function of space, or an array over the grid, as for Obstacle. ``density`` is that on the faces of the
    region: a number, or a function or an array, taken at the centres of its cells. The state holds no mass in the region; it
    must hold none there at the start. ``flow.outflow`` tells what leaves, by ``name``; what enters counts negative.

    ``FiniteVolume`` takes the term, on Density. Its potentials at the faces of the region are means of those of the two cells.

    Raises ValueError for a density that is negative or not finite; in a run as Exit does, and for a density above a bound.

    >>> import jkoflow as jf
    >>> grid = jf.Grid.box((-0.1, 1.1), cells=24)                                          # salt from 2 to 1 over a length 1
    >>> ends = Reservoir(lambda x: x < 0, 2.0, name="left") + Reservoir(lambda x: x > 1, 1.0, name="right")
    >>> rho = grid.density(lambda x: 1.0 * (x > 0) * (x < 1))
    >>> flow = jf.evolve(jf.Entropy() + ends, rho, dt=0.2, t_end=4.0)
    >>> round(float(flow.outflow["right"][-1] / 0.2), 6)                                         # the flux D (2 - 1) / 1
    1.0
    """

    region: SpaceFunction | Array
    density: float | SpaceFunction | Array
    species: str = UNNAMED
    name: str = "reservoir"

    def __post_init__(self) -> None:
        species_name("species", self.species)
        of_kind("name", self.name, str, "a text")
        if not callable(self.density) and np.ndim(self.density) == 0:
            density = finite("density", self.density)
            if density < 0:
                raise ValueError(f"density must be >= 0, got {density!r}")
            object.__setattr__(self, "density", density)

    def densities(self, grid: Grid) -> Array:
        """Return the density in the cells of the region, over the grid. Raises ValueError for a negative one."""
        return self.over_region("density", self.density, grid)

    @property
    def form(self) -> Form:
        return Opening(self.species, self.mask, self.densities, True, self.name)

    def __repr__(self) -> str:
        return short_repr("Reservoir", self.species, self.region, self.density)
