"""The pull-back in space: moved cells are polyhedra of 24 triangles, summed exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import Array
from .reconstruction import limited_slopes
from .tables import Tables

Moves = tuple[Array, tuple[Array, Array, Array]]  # of the corners, (3, n + 1), and across the faces, one array per axis


@dataclass(frozen=True, eq=False)
class SpacePull:
    """The moved cells of one potential. All arrays in units of cells; see ``_space`` for the names."""

    places: Moves
    weights: tuple[Array, ...]
    rates: tuple[float, float, float]
    masses: Array

    def derivative(self, change: Array) -> Array:
        """The change of the masses under a small change of the potential. O(n), 900 operations a cell."""
        return _around(self._swept(*_moves(change, self.rates), stiffness=False))

    def conductances(self) -> tuple[Array, ...]:
        """Per axis and face the mass that crosses it per difference of the potential, not below 0; 0 at the walls."""
        out = []
        for axis, swept in enumerate(self._swept(*self.places, stiffness=True)):
            k = self.rates[axis] * np.maximum(swept, 0.0)
            np.moveaxis(k, axis, 0)[[0, -1]] = 0.0
            out.append(k)
        return tuple(out)

    def _swept(self, corners: Array, across: tuple[Array, ...], stiffness: bool) -> list[Array]:
        from ._space import face_changes

        out = [np.empty(a.shape) for a in across]
        for axis in range(3):
            here = self.places[0], self.places[1][axis]
            face_changes(*here, axis, self.weights[axis], corners, across[axis], out[axis], stiffness)
        return out


class SpaceSource:
    """A density in space, prepared for being pulled back. ``rates`` are tau / dx_i^2."""

    def __init__(self, values: Array, rates: tuple[float, float, float]) -> None:
        mu = np.ascontiguousarray(values)
        s0, s1, s2 = limited_slopes(mu)
        r, r1, r2 = mu.mean(axis=0), s1.mean(axis=0), s2.mean(axis=0)
        m, m2 = r.mean(axis=0), r2.mean(axis=0)
        self.rates = rates
        over_x = (_primitive(mu - r), _primitive(s1 - r1), _primitive(s2 - r2), r, r1, r2)
        over_y = (_primitive(r - m), _primitive(r2 - m2), _primitive(m, False), m, m2)
        self._tables = Tables(mu, s0, s1, s2, *over_x, *over_y)

    def pull(self, potential: Array) -> SpacePull:
        """The masses of the cells moved by tau grad phi. O(n): 12 triangles a cell, each cut where it leaves a cell."""
        from ._space import face_integrals

        corners, across = _moves(potential, self.rates)
        fluxes = [np.empty(a.shape) for a in across]
        weights = tuple(np.empty((*a.shape, 4, 3)) for a in across)
        for axis in range(3):
            face_integrals(corners, across[axis], axis, self._tables, fluxes[axis], weights[axis])
        return SpacePull((corners, across), weights, self.rates, _around(fluxes))


def _moves(potential: Array, rates: tuple[float, float, float]) -> Moves:
    from ._space import normal_moves, to_corners

    phi = np.ascontiguousarray(potential)
    corners = np.empty((3, *(count + 1 for count in phi.shape)))
    across = []
    for axis in range(3):
        normal = np.empty(tuple(count + (c == axis) for c, count in enumerate(phi.shape)))
        normal_moves(phi, rates[axis], axis, normal)
        to_corners(normal, axis, corners[axis])
        across.append(normal)
    return corners, (across[0], across[1], across[2])


def _primitive(values: Array, closed: bool = True) -> Array:
    """Sums from the first wall on along axis 0; exactly 0 at the last where they must be."""
    sums = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    if closed:
        sums[-1] = 0.0
    return sums


def _around(fluxes: list[Array]) -> Array:
    return sum((np.diff(flux, axis=axis) for axis, flux in enumerate(fluxes)), np.zeros(1))
