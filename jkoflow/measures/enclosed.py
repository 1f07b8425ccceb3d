"""Newton's theorem: the field of spherically symmetric charges in the whole space from the charge that a sphere encloses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from .._typing import Array, Indices
from .radial import RadialQuantiles, unit_ball

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(6)


class EnclosedCharge:
    """Q(r) = sum_i z_i rho_i(|x| < r), between all radii of all species, and the field Q / (|S| r^(d-1)) that it makes.

    Attributes
    ----------
    spheres : array (K,)
        The radii of all species, in order.
    radii, weights : arrays (K - 1, 6)
        Gauss-Legendre points between them, and their weights divided by |S| r^(d-1).
    charge : array (K - 1, 6)
        Q there.
    total : float
        Of all species.
    """

    def __init__(self, measures: Mapping[str, RadialQuantiles], charges: Mapping[str, float]) -> None:
        self.measures, self.charges = dict(measures), charges
        self.dim = next(iter(self.measures.values())).dim
        self.sphere = self.dim * unit_ball(self.dim)
        self.spheres = np.unique(np.concatenate([[0.0], *(one.nodes for one in self.measures.values())]))
        middle, half = (self.spheres[1:] + self.spheres[:-1]) / 2, np.diff(self.spheres) / 2
        self.radii = middle[:, None] + half[:, None] * _POINTS
        self.weights = half[:, None] * _WEIGHTS / (self.sphere * self.radii ** (self.dim - 1))
        self.charge = self.within(self.radii)
        self.total = sum(charges[name] * one.mass for name, one in self.measures.items())

    def shell_of(self, name: str) -> Indices:
        """The shell of a species for every interval between the spheres: -1 within its first, N beyond its last."""
        middle = (self.spheres[1:] + self.spheres[:-1]) / 2
        return np.searchsorted(self.measures[name].nodes, middle) - 1

    def within(self, radii: Array) -> Array:
        """Q at radii of any shape."""
        total = np.zeros_like(radii)
        for name, one in self.measures.items():
            levels = one.levels
            total += self.charges[name] * np.interp(radii**self.dim, one.nodes**self.dim, levels)
        return total

    @property
    def energy(self) -> float:
        """1/2 int |grad psi|^2 dx at permittivity 1: 1/2 int Q^2 / (|S| r^(d-1)) dr, with what lies beyond all mass."""
        beyond = 0.0
        if self.dim > 2:
            beyond = self.total**2 / (2 * (self.dim - 2) * self.sphere * self.spheres[-1] ** (self.dim - 2))
        return 0.5 * float(np.sum(self.charge**2 * self.weights)) + beyond

    def potential(self, radii: Array) -> Array:
        """psi at radii, at permittivity 1: 0 at infinity, for d = 2 beyond all mass."""
        inner = np.cumsum(np.sum(self.charge * self.weights, axis=1)[::-1])[::-1]
        at_spheres = np.append(inner, 0.0) + self._beyond(self.spheres[-1])
        k = np.searchsorted(self.spheres, radii, side="right") - 1
        within = np.minimum(k, len(self.spheres) - 2)
        a, b = self._linear
        d, top = self.dim, self.spheres[within + 1]
        r = np.minimum(radii, top)
        along = np.log(top / r) if d == 2 else (r ** (2.0 - d) - top ** (2.0 - d)) / (d - 2)
        rest = (np.where(a[within] == 0, 0.0, a[within] * along) + b[within] * (top**2 - r**2) / 2) / self.sphere
        return np.where(
            radii > self.spheres[-1], self._beyond(np.maximum(radii, self.spheres[-1])), at_spheres[within + 1] + rest
        )

    def _beyond(self, r: Array | float) -> Array:
        if self.dim == 2:
            return np.zeros(np.shape(r))
        return np.asarray(self.total / ((self.dim - 2) * self.sphere) * np.asarray(r) ** (2.0 - self.dim))

    @cached_property
    def _linear(self) -> tuple[Array, Array]:
        """Q = a + b r^d between the spheres; exactly without a next to the origin."""
        y = self.radii**self.dim
        b = (self.charge[:, -1] - self.charge[:, 0]) / (y[:, -1] - y[:, 0])
        a = self.charge[:, 0] - b * y[:, 0]
        a[0] = 0.0
        return a, b
