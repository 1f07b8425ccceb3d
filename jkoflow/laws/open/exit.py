"""A door through which mass leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._typing import Array, SpaceFunction
from ..._validate import of_kind, species_name
from ...measures import UNNAMED
from ..base import short_repr
from ..forms import Form, Opening
from .door import Door


@dataclass(frozen=True, eq=False)
class Exit(Door):
    """Mass that reaches a region has left: an absorbing door, in a wall or inside.

    ``region`` is a function of space, or an array over the grid, as for Obstacle. The density is 0 on the faces of the region,
    so the mass comes as near to it as it likes, and leaves with the flux of the law. The state holds no mass in the region; it
    must hold none there at the start. ``flow.outflow`` tells what leaves, by ``name``.

    ``FiniteVolume`` takes the term, on Density. Its potentials at the faces of the region are means of those of the two cells.

    ``Splitting`` takes it on Particles and MovingParticles: one that comes into the region during a step is no longer in the
    state after it. ``flow.departures`` tells who left, when and where.

    Raises ValueError in a run for a region that holds no cell or all, that overlaps another one or an Obstacle, or where there
    is mass at the start; for particles if the region is an array.

    Source: absorbing boundaries; for the distance in which mass may be dropped there Figalli and Gigli (2010).

    >>> import numpy as np, jkoflow as jf
    >>> grid = jf.Grid.box((0, 1.1), cells=44)                                     # (0, 1), and an exit beyond
    >>> rho = grid.density(lambda x: (x < 1) * np.cos(np.pi * x / 2))
    >>> flow = jf.evolve(jf.Entropy() + Exit(lambda x: x > 1), rho, dt=0.005, t_end=0.5)
    >>> bool(abs(np.log(flow[50].mass / flow.final.mass) / 0.25 - np.pi**2 / 4) < 0.03)             # the slowest mode
    True
    >>> bool(abs(flow.final.mass + flow.outflow["exit"].sum() - 1) < 1e-12)
    True
    """

    region: SpaceFunction | Array
    species: str = UNNAMED
    name: str = "exit"

    def __post_init__(self) -> None:
        species_name("species", self.species)
        of_kind("name", self.name, str, "a text")

    @property
    def form(self) -> Form:
        return Opening(self.species, self.mask, lambda grid: np.zeros(grid.shape), False, self.name, contains=self.contains)

    def __repr__(self) -> str:
        return short_repr("Exit", self.species, self.region)
