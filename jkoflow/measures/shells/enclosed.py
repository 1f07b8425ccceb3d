"""The field of spherically symmetric charges in the whole space, from the charge that a sphere encloses (Newton's theorem)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from ..._typing import Array, Indices
from .radial import RadialQuantiles, unit_ball

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(6)


class EnclosedCharge:
    """The enclosed charge Q(r) = sum_i z_i rho_i(|x| < r) of several species, and the field Q / (|S| r^(d-1)) that it makes.

    |S| is the surface of the unit sphere in R^d.

    Attributes
    ----------
    spheres : array (K,)
        0 and the radii of all species, increasing, with radii between those that are farther apart than a factor of 1.5. So
        the quadrature has twelve digits for every field between two spheres.
    radii, weights : arrays (K - 1, 6)
        Gauss-Legendre points between neighbouring spheres, and their weights divided by |S| r^(d-1).
    charge : array (K - 1, 6)
        Q at ``radii``.
    total : float
        The total charge of all species.
    """

    def __init__(self, measures: Mapping[str, RadialQuantiles], charges: Mapping[str, float]) -> None:
        self.measures, self.charges = dict(measures), charges
        self.dim = next(iter(self.measures.values())).dim
        self.sphere = self.dim * unit_ball(self.dim)
        self.spheres = _no_wide_gaps(np.unique(np.concatenate([[0.0], *(measure.nodes for measure in self.measures.values())])))
        middle, half = (self.spheres[1:] + self.spheres[:-1]) / 2, np.diff(self.spheres) / 2
        self.radii = middle[:, None] + half[:, None] * _POINTS
        self.weights = half[:, None] * _WEIGHTS / (self.sphere * self.radii ** (self.dim - 1))
        self.charge = self.within(self.radii)
        self.total = sum(charges[name] * measure.mass for name, measure in self.measures.items())

    def shell_of(self, name: str) -> Indices:
        """Return, for every interval between neighbouring spheres, the number of the shell of a species that it lies in.

        It is -1 inside the first radius of the species, and N beyond the last radius.
        """
        middle = (self.spheres[1:] + self.spheres[:-1]) / 2
        return np.searchsorted(self.measures[name].nodes, middle) - 1

    def within(self, radii: Array) -> Array:
        """Return Q at radii, an array of any shape."""
        total = np.zeros_like(radii)
        for name, measure in self.measures.items():
            levels = measure.levels
            total += self.charges[name] * np.interp(radii**self.dim, measure.nodes**self.dim, levels)
        return total

    @property
    def energy(self) -> float:
        """The energy 1/2 int |grad psi|^2 dx at permittivity 1, which is 1/2 int Q^2 / (|S| r^(d-1)) dr.

        For d > 2 it includes the field beyond all mass.
        """
        beyond = 0.0
        if self.dim > 2:
            beyond = self.total**2 / (2 * (self.dim - 2) * self.sphere * self.spheres[-1] ** (self.dim - 2))
        return 0.5 * float(np.sum(self.charge**2 * self.weights)) + beyond

    def potential(self, radii: Array) -> Array:
        """Return the potential psi at radii, at permittivity 1.

        For d > 2 psi is 0 at infinity. For d = 2 psi is 0 beyond all mass.
        """
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

    def mean_potential(self, name: str) -> Array:
        """Return the averages of psi over the shells of a species by volume, at permittivity 1."""
        half = np.diff(self.spheres)[:, None] / 2
        volumes = half * _WEIGHTS * self.radii ** (self.dim - 1)
        shell = self.shell_of(name)
        within = (shell >= 0) & (shell < len(self.measures[name].masses))
        psi, weight = self.potential(self.radii[within]), volumes[within]
        sums = (np.bincount(shell[within], (part * weight).sum(axis=1)) for part in (psi, np.ones_like(psi)))
        return np.asarray(np.divide(*sums))

    def _beyond(self, r: Array | float) -> Array:
        if self.dim == 2:
            return np.zeros(np.shape(r))
        return np.asarray(self.total / ((self.dim - 2) * self.sphere) * np.asarray(r) ** (2.0 - self.dim))

    @cached_property
    def _linear(self) -> tuple[Array, Array]:
        """The coefficients of Q = a + b r^d between neighbouring spheres. In the interval at the origin a is exactly 0."""
        y = self.radii**self.dim
        b = (self.charge[:, -1] - self.charge[:, 0]) / (y[:, -1] - y[:, 0])
        a = self.charge[:, 0] - b * y[:, 0]
        a[0] = 0.0
        return a, b


def _no_wide_gaps(spheres: Array) -> Array:
    """Increasing radii from 0 on, with radii in geometric progression between positive neighbours of a ratio above 1.5."""
    low, high = spheres[1:-1], spheres[2:]
    pieces = np.ceil(np.log(high / low) / np.log(1.5)).astype(int)
    between = [np.geomspace(low[k], high[k], pieces[k] + 1)[1:-1] for k in np.flatnonzero(pieces > 1)]
    return np.sort(np.concatenate([spheres, *between]))
