"""A velocity field that carries mass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..._validate import species_name
from ...measures import UNNAMED
from ..base import short_repr
from ..forms import Carrying, Form
from ..time_functions import fixed_at, name_of, takes_time
from .outer import OuterTerm


@dataclass(frozen=True, eq=False)
class Advection(OuterTerm):
    """A species is carried by a velocity field: d rho / dt = -div(rho v). A rotation, a wind, a stream in a channel.

    ``velocity`` is a function of the coordinates, v(x), v(x, y) or v(x, y, z), that computes with arrays. In more than one
    dimension it returns one array or number per axis. An argument ``t`` is the time. At the walls of a box the velocity must be
    along the wall; on a torus it must have the period of the grid.

    There is no energy. ``Splitting`` takes the term, on Density, Quantiles, OrderedParticles and Particles.

    Raises ValueError for a velocity that is not a function; in a run for one that returns other shapes, that goes through a
    wall, or that is not periodic on a torus.

    >>> import numpy as np, jkoflow as jf
    >>> start = jf.Particles([[1.0, 0.0]])
    >>> flow = jf.evolve(Advection(lambda x, y: (-y, x)), start, scheme=jf.Splitting(jf.Overdamped()), dt=0.1, t_end=np.pi / 2)
    >>> bool(np.allclose(flow.final.points, [[0.0, 1.0]]))
    True
    """

    velocity: Callable[..., Any]
    species: str = UNNAMED

    def __post_init__(self) -> None:
        if not callable(self.velocity):
            raise ValueError(f"velocity must be a function of space, got {self.velocity!r}")
        species_name("species", self.species)

    @property
    def form(self) -> Form:
        return Carrying(self.species, self.velocity)

    @cached_property
    def depends_on_time(self) -> bool:
        return takes_time(self.velocity)

    def at(self, time: float) -> Advection:
        """Return the velocity field of one instant: itself if it does not depend on time."""
        return Advection(fixed_at(self.velocity, time), self.species) if self.depends_on_time else self

    def __repr__(self) -> str:
        return short_repr("Advection", self.species, name_of(self.velocity))
