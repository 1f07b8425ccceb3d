"""A point of the iteration for an exact step on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...._typing import Array
from ....pull_back import Pulled


@dataclass(frozen=True, eq=False)
class Trial:
    """Potentials of all species, and what follows from them.

    Every array has the shape (species, *grid).

    Attributes
    ----------
    phi : array
        The potentials: minus the Kantorovich potentials, over tau alpha.
    rho : array
        The densities (U*)'(levels), one of the two sides of the equations.
    slopes : array
        (U*)''(levels).
    levels : array
        phi - V - fields; -inf where there is an obstacle.
    pulled : tuple of Pulled
        The anchors pulled back through x + tau alpha grad phi, by species: the other side.
    residual : float
        The L1 distance between the two sides over the mass, the largest over the species.
    """

    phi: Array
    rho: Array
    slopes: Array
    levels: Array
    pulled: tuple[Pulled, ...]
    residual: float

    @cached_property
    def masses(self) -> Array:
        """The pulled-back densities of all species in one array."""
        return np.stack([pulled.values for pulled in self.pulled])
