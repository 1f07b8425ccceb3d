"""Particles on the line that keep their order, and the species that consist of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from .._arrays import cumulated
from .._typing import Array
from .._validate import finite, positive_integer
from ..kernels import Kernel
from ..kernels.sums import on_the_line
from .density import Density
from .particles import Particles
from .quantiles import Quantiles
from .species import Species

Cloud: TypeAlias = "OrderedPoints | Any"
"""One species of ordered particles: positions, or a pair of positions and masses."""


@dataclass(frozen=True, eq=False, repr=False)
class OrderedPoints(Particles):
    """Indivisible point masses on the line in their order: x_1 <= ... <= x_N. Ties are allowed.

    Attributes
    ----------
    points : array (N,)
        The positions, non-decreasing. They are not sorted here: use ``OrderedParticles.sorted`` for that.
    masses : array (N,), optional
        The masses, positive. By default they are equal and add up to 1.

    Raises ValueError for positions that are not in order, and for masses that are not positive.

    >>> OrderedPoints([0.0, 1.0, 3.0])
    OrderedPoints(3 points, mass=1, from 0 to 3)
    """

    may_leave: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.points.ndim != 1 or not len(self.points):
            raise ValueError(f"points must be on the line, of shape (n,) with n >= 1, got {self.points.shape}")
        falls = np.flatnonzero(np.diff(self.points) < 0)
        if len(falls):
            k = int(falls[0])
            raise ValueError(
                f"points must be non-decreasing, got {self.points[k]:g} before {self.points[k + 1]:g} (number {k}): "
                "OrderedParticles.sorted puts them in order, masses along with them"
            )

    @property
    def equal(self) -> bool:
        """True if all masses are the same, up to rounding."""
        return same_masses(self.masses)

    def reconstruction(self, ghost: float | None = None) -> Quantiles:
        """Return the piecewise constant density with the mass m_i between x_(i-1) and x_i.

        ``ghost`` is x_0, the left end of the cell of the first particle (see :func:`ghost_place`). Without ``ghost`` the
        result has the interior cells alone, of total mass m_2 + ... + m_N. For the interior cells the sums of L^m powers never
        rise.

        Raises ValueError if the ghost lies to the right of x_1, or if it is missing where there is one particle alone.

        Source: Di Francesco, Esposito, Schmidtchen (2021), (66).

        >>> OrderedPoints([0.0, 1.0, 3.0]).reconstruction().values
        array([0.33333333, 0.16666667])
        """
        if ghost is None:
            if len(self.points) < 2:
                raise ValueError("a ghost must be given where there is one particle alone: there are no interior cells")
            return Quantiles(self.points, self.masses[1:])
        if not ghost <= self.points[0]:
            raise ValueError(f"ghost must not lie right of the first particle, at {self.points[0]:g}, got {ghost!r}")
        return Quantiles(np.concatenate([[ghost], self.points]), self.masses)

    def convolve(self, kernel: Kernel) -> Array:
        """Return W * rho at the points.

        The cost is O(N) if W is a sum of |x|, even powers and Morse kernels, and O(N^2) otherwise.
        """
        return self._potential_at(kernel, self.points)

    def pair_expectation(self, kernel: Kernel, other: Particles | None = None) -> float:
        if not isinstance(other, OrderedPoints | None):
            return super().pair_expectation(kernel, other)
        return self.expectation((self if other is None else other)._potential_at(kernel, self.points))

    def _potential_at(self, kernel: Kernel, at: Array) -> Array:
        """Return the potential W * rho of these points at sorted places ``at``."""
        split = on_the_line(kernel)
        below = self.levels
        moments_below = cumulated(self.masses * self.points)
        k = np.searchsorted(self.points, at, side="right")
        total = split.tip * (at * (2 * below[k] - below[-1]) - (2 * moments_below[k] - moments_below[-1]))
        for c, part in split.parts:
            total = total + c * part.values(at, self.points, self.masses)[0]
        return np.asarray(total)

    def __repr__(self) -> str:
        return f"OrderedPoints({len(self.points)} points, mass={self.mass:.6g}, from {self.points[0]:g} to {self.points[-1]:g})"


class OrderedParticles(Species):
    """One or more species of ordered particles: Species of :class:`OrderedPoints`.

    Every species is given by its positions, or by a pair of positions and masses. Without masses they are equal and add up
    to 1. The numbers of particles may differ between species.

    >>> state = OrderedParticles(x=[-1.0, -1.0], y=([1.0, 2.0], [0.25, 0.75]))
    >>> state["y"].masses
    array([0.25, 0.75])
    """

    def __init__(self, species: Mapping[str, Cloud] | None = None, /, **named: Cloud) -> None:
        if not isinstance(species, Mapping | None):
            raise ValueError(f"OrderedParticles must be given a mapping or keywords, got {type(species).__name__}")
        super().__init__({name: _ordered_points(name, given) for name, given in {**(species or {}), **named}.items()})

    @classmethod
    def sorted(cls, **named: Cloud) -> OrderedParticles:
        """Return the ordered particles from positions in any order. They are sorted, and their masses along with them.

        >>> OrderedParticles.sorted(x=([3.0, 1.0], [0.25, 0.75]))["x"].masses
        array([0.75, 0.25])
        """
        sorted_species = {}
        for name, given in named.items():
            positions, masses = (given.points, given.masses) if isinstance(given, Particles) else _positions_and_masses(given)
            cloud = Particles(np.asarray(positions, dtype=np.float64), masses)
            order = np.argsort(cloud.points, kind="stable")
            sorted_species[name] = (cloud.points[order], cloud.masses[order])
        return cls(sorted_species)

    @classmethod
    def from_density(cls, n: int, **measures: Density | Quantiles) -> OrderedParticles:
        """Return ``n`` particles of equal masses per species: x_i is the left quantile at i / n, for i = 1, ..., n.

        They lie half a cell too far to the right; :meth:`midpoints` has no such bias. The ghost of ``reconstruction`` is x_0,
        the left end of the support.

        Source: the atomisation (65) of Di Francesco, Esposito, Schmidtchen (2021).

        >>> import jkoflow as jf
        >>> OrderedParticles.from_density(4, x=jf.Quantiles([0.0, 1.0]))["x"].points
        array([0.25, 0.5 , 0.75, 1.  ])
        """
        return cls._at_levels(np.arange(1, positive_integer("n", n) + 1) / n, measures)

    @classmethod
    def midpoints(cls, n: int, **measures: Density | Quantiles) -> OrderedParticles:
        """Return ``n`` particles of equal masses per species: x_i is the quantile at (i - 1/2) / n.

        The error is of second order in 1/n. The error of :meth:`from_density` is of first order.

        >>> import jkoflow as jf
        >>> OrderedParticles.midpoints(4, x=jf.Quantiles([0.0, 1.0]))["x"].points
        array([0.125, 0.375, 0.625, 0.875])
        """
        return cls._at_levels((np.arange(1, positive_integer("n", n) + 1) - 0.5) / n, measures)

    @classmethod
    def _at_levels(cls, levels: Array, measures: Mapping[str, Any]) -> OrderedParticles:
        """Return particles of equal masses at the quantiles of the measures at ``levels``, shares of the total mass."""
        lines = {name: _on_the_line(name, measure) for name, measure in measures.items()}
        totals = np.array([line.mass for line in lines.values()])
        if len(totals) and np.ptp(totals) <= 1e-14 * totals[0]:  # the same but for the rounding of their sums
            totals[:] = totals[0]
        return cls(
            {
                name: (line.quantile(_masses_at(line, levels)), np.full(len(levels), total / len(levels)))
                for (name, line), total in zip(lines.items(), totals, strict=True)
            }
        )


def ghost_place(start: float, other: OrderedPoints, time: float) -> float:
    """Return the place at ``time`` of the ghost x_0 that starts at ``start`` (docs/theory/newtonian-particles.md, section 2.2).

    The ghost closes the first cell of ``OrderedPoints.reconstruction``. It moves by d x_0 / dt = -(1 + 2 b_0) m. Here b_0 is
    the number of particles of the other species to the left of the ghost, and m is the mass of every particle.

    ``other`` is the other species at time 0. With this ghost the sums of L^m powers over both species never rise.

    Raises ValueError if ``other`` is not OrderedPoints of equal masses, or if ``time`` is negative.

    >>> ghost_place(0.0, OrderedPoints([-1.0, 5.0]), 0.5)                      # 0.5 * 3/2 would pass y_1: they meet at t = 1/2
    -0.75
    """
    if not isinstance(other, OrderedPoints):
        raise ValueError(f"other must be OrderedPoints, got {type(other).__name__}")
    if not finite("time", time) >= 0:
        raise ValueError(f"time must be >= 0, got {time!r}")
    finite("start", start)
    if not other.equal:
        raise ValueError("other must have equal masses, for which the rule of the ghost holds")
    m, place, now = float(other.masses[0]), float(start), 0.0
    for j in range(int(np.searchsorted(other.points, start, side="left")), 0, -1):
        speed, toward = (1 + 2 * j) * m, (2 * j - 1) * m  # y_j runs to the right: it has met nobody yet
        meeting = now + (place - (other.points[j - 1] + toward * now)) / (speed + toward)
        if meeting >= time:
            return place - speed * (time - now)
        place, now = place - speed * (meeting - now), meeting
    return place - m * (time - now)


def same_masses(*masses: Array) -> bool:
    """Return True if all masses are the same number, up to a few roundings."""
    all_masses = np.concatenate(masses)
    return bool(np.ptp(all_masses) <= 8 * np.finfo(float).eps * all_masses[0])


def _ordered_points(name: str, given: Cloud) -> OrderedPoints:
    """Return one species of ordered particles as OrderedPoints. Error messages use its name."""
    if isinstance(given, OrderedPoints):
        return given
    positions, masses = _positions_and_masses(given)
    try:
        return OrderedPoints(positions, masses)
    except ValueError as reason:
        raise ValueError(f"species {name!r}: {reason}") from None


def _positions_and_masses(given: Cloud) -> tuple[Any, Any]:
    """Return the positions and the masses of a species, with None for masses that are not given."""
    return given if isinstance(given, tuple) and len(given) == 2 and np.ndim(given[0]) == 1 else (given, None)


def _masses_at(measure: Quantiles, levels: Array) -> Array:
    """Return the masses below ``levels``, which are shares of the total mass.

    A mass that equals the mass below a node up to rounding is set to the mass below that node: else rounding could carry a
    particle across a gap.
    """
    at_nodes = measure.levels
    masses = np.minimum(levels * measure.mass, at_nodes[-1])
    below = np.clip(np.searchsorted(at_nodes, masses) - 1, 0, None)
    near = np.abs(masses - at_nodes[below]) <= 8 * np.finfo(float).eps * at_nodes[-1]
    return np.where(near, at_nodes[below], masses)


def _on_the_line(name: str, measure: Any) -> Quantiles:
    """Return Quantiles, or a Density on the line, as Quantiles. Error messages use the name of the species."""
    if isinstance(measure, Quantiles):
        return measure
    if isinstance(measure, Density) and measure.grid.dim == 1:
        return measure.quantiles(walls=False)
    raise ValueError(f"species {name!r} must be Quantiles or a Density on the line, got {measure!r}")
