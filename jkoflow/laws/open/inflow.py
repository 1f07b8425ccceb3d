"""A door through which mass enters at a given flux."""

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
class Inflow(Door):
    """Mass enters from a region outside at a given flux, whatever is inside.

    ``region`` is a function of space, or an array over the grid, as for Obstacle. ``flux`` is the mass that comes in per time
    and per area of the faces of the region (on the line: per time): a number, or a function or an array, taken at the centres
    of the cells of the region. The state holds no mass in the region. ``flow.outflow`` tells what came in, by ``name``, as
    negative numbers. A coefficient of the term multiplies the flux.

    ``FiniteVolume`` takes the term, on Density.

    Raises ValueError for a flux that is negative or not finite; in a run as Exit does. A step whose mass does not fit under
    its own bound ends with ``Status.INFEASIBLE``.

    >>> import jkoflow as jf
    >>> grid = jf.Grid.box((-0.1, 1.1), cells=24)                                        # 2 per time enter, and leave at 1
    >>> ends = Inflow(lambda x: x < 0, 2.0) + jf.Exit(lambda x: x > 1)
    >>> end = jf.steady(jf.Entropy() + ends, grid.density(lambda x: 1.0 * (x > 0) * (x < 1)))
    >>> round(end.outflow[""]["exit"], 9), round(float(end.state.mass), 9)                              # rho = 2 (1 - x)
    (2.0, 1.0)
    """

    region: SpaceFunction | Array
    flux: float | SpaceFunction | Array
    species: str = UNNAMED
    name: str = "inflow"

    def __post_init__(self) -> None:
        species_name("species", self.species)
        of_kind("name", self.name, str, "a text")
        if not callable(self.flux) and np.ndim(self.flux) == 0:
            flux = finite("flux", self.flux)
            if flux < 0:
                raise ValueError(f"flux must be >= 0, got {flux!r}: mass leaves by Exit and Reservoir")
            object.__setattr__(self, "flux", flux)

    def fluxes(self, grid: Grid) -> Array:
        """Return the flux at the cells of the region, over the grid. Raises ValueError for a negative one."""
        return self.over_region("flux", self.flux, grid)

    @property
    def form(self) -> Form:
        return Opening(self.species, self.mask, lambda grid: np.zeros(grid.shape), True, self.name, self.fluxes)

    def __repr__(self) -> str:
        return short_repr("Inflow", self.species, self.region, self.flux)
