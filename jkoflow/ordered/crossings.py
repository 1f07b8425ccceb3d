"""The grid of crossing times: the flow of equal masses with no queue of events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from .._typing import Array
from ..laws import Law, newtonian_law
from ..measures import OrderedParticles, Species, same_masses
from .events import increasing_times
from .tip_law import TipLaw


@dataclass(frozen=True, eq=False)
class CrossingGrid:
    """When and where x_i meets y_j, for two species of N particles of the same mass under ``newtonian_law()``.

    If x_i < y_i, then x_i meets exactly the y_j with j <= i that lie right of it, in their order. It passes those with j < i,
    and stays with y_i for ever. Between two meetings its velocity is an odd multiple of the mass m. So every meeting
    (t_ij, c_ij) follows from the meeting before of x_i, (t_A, c_A), and of y_j, (t_B, c_B), by one linear equation
    (docs/theory/newtonian-particles.md, section 2.6):

        t_ij = (c_B - c_A + v (t_A + t_B)) / 2v,    c_ij = c_A + v (t_ij - t_A),    v = (2 (i - j) + 1) m

    For a particle that has met nobody, its start at time 0 takes the place of the meeting before.

    Cost: O(N^2) operations in O(N) memory, anti-diagonal by anti-diagonal, with no sorting. :class:`WorldLines` takes any
    masses and laws, and keeps the events.

    Raises ValueError for other laws, for species of different size, and for masses that are not all the same.

    >>> from jkoflow import OrderedParticles
    >>> grid = CrossingGrid(OrderedParticles(x=[-1.0, -1.0], y=[1.0, 1.0]))
    >>> grid.at_rest_from, grid.final["x"].points
    (1.3333333333333333, array([-0.33333333,  0.33333333]))
    """

    start: Species
    law: Law = field(default_factory=newtonian_law)
    _tips: TipLaw = field(init=False, repr=False)
    _speed: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tips, checked_state = TipLaw.on(self.law, self.start)
        object.__setattr__(self, "start", checked_state)
        if not tips.is_newtonian:
            raise ValueError(f"law must be a positive multiple of newtonian_law(), got {self.law!r}: WorldLines takes others")
        x, y = tips.clouds(self.start)
        assert y is not None
        if len(x.points) != len(y.points) or not same_masses(x.masses, y.masses):
            raise ValueError("start must have as many particles in both species, all of one mass: WorldLines takes others")
        object.__setattr__(self, "_tips", tips)
        object.__setattr__(self, "_speed", float(tips.strengths[1] * x.masses[0]))

    def at(self, times: Iterable[float]) -> list[OrderedParticles]:
        """The particles at given times.

        Raises ValueError if the times do not increase from 0.
        """
        checked_times = increasing_times(times)
        X, Y, _ = self._filled(checked_times)
        return [self._particles(x, y) for x, y in zip(X, Y, strict=True)]

    @property
    def final(self) -> OrderedParticles:
        """The particles at rest, x_i = y_i."""
        X, Y, _ = self._filled(np.array([np.inf]))
        return self._particles(X[0], Y[0])

    @property
    def at_rest_from(self) -> float:
        """The time of the last meeting. For masses of 1/N it is at most N/2 max |x_i - y_i|.

        Source: docs/theory/newtonian-particles.md, section 3.8.
        """
        return float(self._filled(np.zeros(0))[2])

    def table(self) -> tuple[Array, Array]:
        """Return the times t_ij and places c_ij of all meetings, (N, N) each, NaN for pairs that never meet."""
        from ._sweeps import family

        x, y = self._points()
        T, C = (np.full((len(x), len(x)), np.nan) for _ in range(2))
        nowhere = np.zeros((0, len(x)))
        family(x, y, self._speed, np.zeros(0), nowhere, nowhere, T, C)
        family(y, x, self._speed, np.zeros(0), nowhere, nowhere, T.T, C.T)
        return T, C

    def _points(self) -> tuple[Array, Array]:
        x, y = self._tips.clouds(self.start)
        assert y is not None
        return x.points, y.points

    def _filled(self, times: Array) -> tuple[Array, Array, float]:
        """The places of both species at the times, a row per time, and the time of the last meeting."""
        from ._sweeps import family

        x, y = self._points()
        X, Y = np.tile(x, (len(times), 1)), np.tile(y, (len(times), 1))
        none = np.zeros((0, 0))
        ends = [family(a, b, self._speed, times, A, B, none, none) for a, b, A, B in ((x, y, X, Y), (y, x, Y, X))]
        return X, Y, max(ends)

    def _particles(self, x: Array, y: Array) -> OrderedParticles:
        names = self._tips.species
        return OrderedParticles({name: (z, self.start[name].masses) for name, z in zip(names, (x, y), strict=True)})
