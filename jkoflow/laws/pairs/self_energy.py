"""The energy that point masses leave out of a singular interaction: that of a particle with its own cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..._typing import Array, Indices
from ..._validate import positive, species_name
from ...measures import UNNAMED, Species
from ..base import Energy, Law, State, short_repr
from ..forms import Form, Positions


@dataclass(frozen=True)
class RieszSelfEnergy(Energy):
    """What ``Interaction(Riesz(alpha))`` of particles on the line lacks, beside that of the density they stand for.

        E = -zeta(alpha) / alpha sum_i m_i^2 l_i^(-alpha),      l_i = (x_(i+1) - x_(i-1)) / 2,    0 < alpha < 1

    zeta is the Riemann function, which is negative here, and l_i is the length of line that belongs to particle i: at the two
    ends the distance to the one neighbour. The sum over pairs of particles leaves out the pair of a particle with itself.
    So the energy of N particles of mass 1/N is too small by about N^(alpha - 1), and they spread too slowly. With this
    term added the error of the energy falls about like N^(-1.3) (measured for a Gaussian density).

    The measure must be on the line. Schemes for particles (``Overdamped``, ``Inertial``) and ``OrderedParticles`` take it.
    Quantiles and Densities need no correction: their cells have a width.

    Raises ValueError for alpha outside of (0, 1), and for particles in the plane or in space.

    Source: docs/theory/small-inertia.md, T15.

    >>> import numpy as np, jkoflow as jf
    >>> middles = jf.Particles((np.arange(100) + 0.5) / 100)                       # of the uniform law on (0, 1)
    >>> bare = jf.Interaction(jf.Riesz(0.5))
    >>> exact = 2 / (0.5 * 1.5) / 2 / 0.5                                          # 1/2 int int |x - y|^(-1/2) / alpha
    >>> round(bare(middles) / exact - 1, 3), round((bare + RieszSelfEnergy(0.5))(middles) / exact - 1, 3)
    (-0.109, 0.0)
    """

    alpha: float
    species: str = UNNAMED

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", positive("alpha", self.alpha))
        if self.alpha >= 1:
            raise ValueError(f"alpha must be below 1, where the energy on the line is finite, got {self.alpha!r}")
        species_name("species", self.species)

    @property
    def involves(self) -> tuple[str, ...]:
        return (self.species,)

    @property
    def form(self) -> Form:
        return Positions((self.species,), self.value, lambda state: {self.species: self._slopes(state)}, None)

    def value(self, state: Species) -> float:
        _, masses, lengths = self._in_order(state)
        return float(self._factor * np.sum(masses**2 * lengths**-self.alpha))

    def variation(self, state: Species, species: str) -> Array:
        raise ValueError(f"{self!r} is a function of positions and has no first variation in the density")

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        return self

    @cached_property
    def _factor(self) -> float:
        from scipy.special import zeta

        return -float(zeta(self.alpha)) / self.alpha

    def _in_order(self, state: Species) -> tuple[Indices, Array, Array]:
        """The order of the particles on the line, and their masses and lengths in this order."""
        points = state[self.species].points
        if points.ndim != 1 or len(points) < 2:
            raise ValueError(f"{self!r} takes two or more particles on the line, got points of shape {points.shape}")
        order = np.argsort(points, kind="stable")
        gaps = np.diff(points[order])
        lengths = np.concatenate([gaps[:1], (gaps[1:] + gaps[:-1]) / 2, gaps[-1:]])
        return order, state[self.species].masses[order], lengths

    def _slopes(self, state: Species) -> Array:
        """dE / dx_i / m_i."""
        order, masses, lengths = self._in_order(state)
        by_length = -self.alpha * self._factor * masses**2 * lengths ** (-self.alpha - 1)
        by_gap = (by_length[1:] + by_length[:-1]) / 2
        by_gap[0] += by_length[0] / 2
        by_gap[-1] += by_length[-1] / 2
        slopes = np.empty(len(order))
        slopes[order] = -np.diff(by_gap, prepend=0.0, append=0.0) / masses
        return slopes

    def __repr__(self) -> str:
        return short_repr("RieszSelfEnergy", self.species, self.alpha)
