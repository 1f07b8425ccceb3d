"""Spherically symmetric measures, given by the radii of their shells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import gamma, pi
from typing import Any, ClassVar

import numpy as np

from ..._arrays import cumulated, cumulated_from_right
from ..._functions import values_of
from ..._typing import Array, SpaceFunction
from ..._validate import finite_array, non_negative_array, positive, positive_integer, same_total
from ...kernels import Kernel
from ...kernels.sums import GAUSS_POINTS, GAUSS_WEIGHTS
from ..base import Measure
from .pairs import ShellPairs

_FINE = 20_000  # equal cells, and as many in geometric progression, in which a density is summed before it is cut into shells
_CORE = 1e-8  # of the radius, the least of the cells in geometric progression


def unit_ball(dim: int) -> float:
    """The volume of the unit ball in R^dim."""
    return float(pi ** (dim / 2) / gamma(dim / 2 + 1))


def shell_radii(nodes: Array, dim: int) -> Array:
    """Return three radii in every shell, shape (N, 3): the Gauss-Legendre points of the volume."""
    volumes = nodes**dim
    return np.asarray((volumes[:-1, None] + np.diff(volumes)[:, None] * GAUSS_POINTS) ** (1 / dim))


@dataclass(frozen=True, eq=False)
class RadialQuantiles(Measure):
    """A spherically symmetric measure in R^d, d >= 2, given by N + 1 radii and the masses of the N shells between them.

    The density is constant in every shell. This is the setting of docs/theory/poisson-nernst-planck.md, T16:

    * The optimal map between two such measures moves every radius to the radius that encloses the same mass. So
      W2^2 = int |R - R'|^2 ds, as on the line.
    * Poisson's equation in the whole space is local in the enclosed charge.

    Attributes
    ----------
    nodes : array (N + 1,)
        The radii, increasing. The first is >= 0.
    masses : array (N,)
        The masses of the shells, positive. By default they are equal and add up to 1.
    dim : int
        The dimension d.

    Raises ValueError for radii that do not increase or are negative, for masses that are not positive, or for d < 2.

    Examples
    --------
    >>> ball = RadialQuantiles([0.0, 1.0])
    >>> round(float(ball.values[0]) * 4 * np.pi / 3, 12), round(ball.second_moment, 3)         # 3/5
    (1.0, 0.6)
    """

    moving: ClassVar[str] = "nodes"
    nodes: Array
    masses: Array = None  # type: ignore[assignment]
    dim: int = 3

    def __post_init__(self) -> None:
        count = np.size(self.nodes)
        if count < 2:
            raise ValueError(f"nodes must be at least 2, the radii of one shell, got {count}")
        nodes = non_negative_array("nodes", self.nodes, (count,)).copy()
        if np.any(np.diff(nodes) <= 0):
            k = int(np.argmax(np.diff(nodes) <= 0))
            raise ValueError(f"nodes must increase, got {nodes[k]!r} before {nodes[k + 1]!r} at place {k}")
        given = np.full(count - 1, 1 / (count - 1)) if self.masses is None else self.masses
        masses = finite_array("masses", given, (count - 1,)).copy()
        if masses.min() <= 0:
            raise ValueError(f"masses must be positive, got {masses.min():g} at the lowest")
        if positive_integer("dim", self.dim) < 2:
            raise ValueError(f"dim must be at least 2, got {self.dim}: on the line take Quantiles")
        for name, array in (("nodes", nodes), ("masses", masses)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def from_density(
        cls, density: Callable[[Any], Any], *, radius: float, shells: int, mass: float = 1.0, dim: int = 3
    ) -> RadialQuantiles:
        """Return the measure whose density is proportional to a function of the radius, and 0 beyond ``radius``.

        Half of the nodes are spread evenly over the mass, the other half evenly over the radius.

        Raises ValueError for a density that is negative, not finite, or without mass.

        >>> normal = RadialQuantiles.from_density(lambda r: np.exp(-r**2 / 2), radius=9.0, shells=400)
        >>> round(normal.second_moment, 3)
        3.0
        """
        farthest = positive("radius", radius)
        edges = np.union1d(np.linspace(0.0, farthest, _FINE + 1), np.geomspace(_CORE * farthest, farthest, _FINE))
        middle = (edges[1:] + edges[:-1]) / 2
        fine_masses = non_negative_array("density", values_of("density", density, [middle]), middle.shape)
        fine_masses = fine_masses * np.diff(edges**dim)
        if not fine_masses.sum() > 0:
            raise ValueError(f"density must hold mass within radius={radius!r}, got none")
        fine_masses *= positive("mass", mass) / fine_masses.sum()
        below, above = cumulated(fine_masses), cumulated_from_right(fine_masses)
        rank = below / mass + edges / radius
        nodes = np.interp(np.linspace(0.0, 2.0, positive_integer("shells", shells) + 1), rank, edges)
        from_centre, from_far = (np.interp(nodes**dim, edges**dim, sums) for sums in (below, above))
        masses = np.where(from_centre[1:] < from_far[:-1], np.diff(from_centre), -np.diff(from_far))  # keeps small masses exact
        return cls(nodes, masses, dim)

    @property
    def points(self) -> Array:
        """The radii that halve the volume of every shell, shape (N,)."""
        return np.asarray(((self.nodes[1:] ** self.dim + self.nodes[:-1] ** self.dim) / 2) ** (1 / self.dim))

    @cached_property
    def volumes(self) -> Array:
        """The volumes of the shells, shape (N,)."""
        return unit_ball(self.dim) * np.diff(self.nodes**self.dim)

    @property
    def values(self) -> Array:
        """The density in every shell, shape (N,)."""
        return np.asarray(self.masses / self.volumes)

    @property
    def mass(self) -> float:
        return float(self.masses.sum())

    @property
    def mean(self) -> Array:
        """The centre of mass: the origin."""
        return np.zeros(self.dim)

    @property
    def second_moment(self) -> float:
        """The second moment int |x|^2 d rho, exact for the piecewise constant density."""
        d, r = self.dim, self.nodes
        return float(self.values @ np.diff(r ** (d + 2))) * unit_ball(d) * d / (d + 2)

    @property
    def covariance(self) -> Array:
        """The covariance matrix, shape (d, d)."""
        return np.eye(self.dim) * (self.second_moment / (self.dim * self.mass))

    @property
    def atomic(self) -> Array:
        """The mask of the shells that are atoms, shape (N,): False everywhere."""
        return np.zeros(len(self.masses), dtype=bool)

    @property
    def domain(self) -> tuple[str, int]:
        return ("radial", self.dim)

    @property
    def zero_field(self) -> Array:
        return np.zeros(len(self.masses))

    def wasserstein(self, other: RadialQuantiles) -> float:
        """Return W2 to another measure of the same mass, a length: (int |R - R'|^2 ds)^(1/2).

        The integral is taken over three Gauss points between neighbouring mass levels, as in the steps of RadialNewton. They
        do not resolve a shell whose radii differ by more than a factor of 2: of a ball of one shell the distance is right
        to 1e-3, of 20 shells to 1e-8.

        Raises ValueError if ``other`` is of another kind or dimension, or if its mass differs by more than 1e-6 of the mass.

        >>> round(RadialQuantiles([0.0, 1.0]).wasserstein(RadialQuantiles([0.0, 1.0, 2.0], [0.125, 0.875])), 3)     # R' = 2 R
        0.775
        """
        if not isinstance(other, RadialQuantiles) or self.dim != other.dim:
            raise ValueError(f"other must be RadialQuantiles in R^{self.dim}, got {other!r}")
        if not same_total(self.mass, other.mass):
            raise ValueError(f"other must have the same mass {self.mass:.12g}, got {other.mass:.12g}")
        if np.array_equal(self.masses, other.masses):
            apart = shell_radii(self.nodes, self.dim) - shell_radii(other.nodes, self.dim)
            return float(np.sqrt(self.masses @ (apart**2 @ GAUSS_WEIGHTS)))
        levels = [measure.levels / measure.mass for measure in (self, other)]
        edges = np.unique(np.concatenate(levels))
        at = edges[:-1, None] + np.diff(edges)[:, None] * GAUSS_POINTS
        radii = [
            np.interp(at, level, measure.nodes**self.dim) ** (1 / self.dim)
            for level, measure in zip(levels, (self, other), strict=True)
        ]
        squares = (radii[0] - radii[1]) ** 2 @ GAUSS_WEIGHTS
        return float(np.sqrt(self.mass * (np.diff(edges) @ squares)))

    def field(self, name: str, function: SpaceFunction | Any) -> Array:
        """Return the averages over the shells of a function of the radius, or an array as it is. Error messages use ``name``.

        The averages are taken over three Gauss points of the volume of every shell.
        """
        if not callable(function):
            return finite_array(name, function, self.masses.shape)
        at = shell_radii(self.nodes, self.dim)
        return np.asarray(finite_array(name, values_of(name, function, [at]), at.shape) @ GAUSS_WEIGHTS)

    def expectation(self, values: Array) -> float:
        return float(np.sum(values * self.masses))

    def integrate_internal(self, U: SpaceFunction) -> float:
        return float(np.sum(self.volumes * U(self.values)))

    def convolve(self, kernel: Kernel) -> Array:
        return ShellPairs.of(kernel, self.dim, len(self.masses)).field(self.nodes, self.masses)

    def potential(self, kernel: Kernel) -> Array:
        raise ValueError(
            f"RadialQuantiles do not tell the potential of {kernel!r} in the whole space: take JKO(), which takes interactions "
            "jointly, or a Density on a grid"
        )

    def pair_expectation(self, kernel: Kernel, other: RadialQuantiles | None = None) -> float:
        if other is not None:
            raise ValueError(
                f"RadialQuantiles take interactions of a species with itself, got one between species by {kernel!r}: take "
                "a Density on a grid"
            )
        return float(self.masses @ self.convolve(kernel))

    def __repr__(self) -> str:
        return (
            f"RadialQuantiles(mass={self.mass:.6g}, {len(self.masses)} shells in R^{self.dim}, "
            f"from {self.nodes[0]:.6g} to {self.nodes[-1]:.6g})"
        )
