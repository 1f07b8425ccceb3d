"""The pull-back in space: moved cells are polyhedra with 24 triangles, and their masses are summed exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import Array
from .reconstruction import limited_slopes
from .tables import Tables

Moves = tuple[
    Array, tuple[Array, Array, Array]
]  # displacements of the corners, (3, n + 1), and of the middles across their faces, one array per axis


@dataclass(frozen=True, eq=False)
class SpacePull:
    """The cells moved by one potential. Lengths are in units of cells; ``_space`` explains the names.

    ``places`` are the displacements of the corners and of the middles of the faces. ``weights`` belong to the vertices of the
    triangles, one array per axis. ``rates`` are tau / dx_i^2. ``masses`` are the masses of the moved cells.
    """

    places: Moves
    weights: tuple[Array, ...]
    rates: tuple[float, float, float]
    masses: Array

    def derivative(self, change: Array) -> Array:
        """Return the derivative of the masses in the direction of a change of the potential. O(n): 900 operations per cell."""
        return _around(self._swept(*_moves(change, self.rates), stiffness=False))

    def conductances(self) -> tuple[Array, ...]:
        """Return, per axis, the mass that crosses every face per difference of the potential.

        Negative values are set to 0. The value at a wall is 0.
        """
        conductances = []
        for axis, swept in enumerate(self._swept(*self.places, stiffness=True)):
            k = self.rates[axis] * np.maximum(swept, 0.0)
            k.swapaxes(axis, 0)[[0, -1]] = 0.0
            conductances.append(k)
        return tuple(conductances)

    def _swept(self, corners: Array, across: tuple[Array, ...], stiffness: bool) -> list[Array]:
        """Return, per axis, the mass that every face sweeps as its points move by ``corners`` and ``across``."""
        from ._space import face_changes

        swept = [np.empty(moves.shape) for moves in across]
        for axis in range(3):
            places = self.places[0], self.places[1][axis]
            moves = corners, across[axis]
            face_changes(len(swept[axis]), *places, axis, self.weights[axis], *moves, swept[axis], stiffness)
        return swept


class SpaceSource:
    """A density in space, prepared for pull-backs. ``rates`` are tau / dx_i^2."""

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
        """Return the masses of the cells moved by tau grad phi. O(n): 12 triangles per cell, each cut at the grid planes."""
        return self.moved(*_moves(potential, self.rates))

    def moved(self, corners: Array, across: tuple[Array, Array, Array]) -> SpacePull:
        """Return the masses of the cells whose points move by ``corners`` and ``across``."""
        from ._space import face_integrals

        fluxes = [np.empty(moves.shape) for moves in across]
        weights = tuple(np.empty((*moves.shape, 4, 3)) for moves in across)
        for axis in range(3):
            face_integrals(len(fluxes[axis]), corners, across[axis], axis, self._tables, fluxes[axis], weights[axis])
        return SpacePull((corners, across), weights, self.rates, _around(fluxes))


def _moves(potential: Array, rates: tuple[float, float, float]) -> Moves:
    """Return tau grad phi, in cells: at the corners, and across their faces at the middles of the faces."""
    from ._space import normal_moves, to_corners

    phi = np.ascontiguousarray(potential)
    corners = np.empty((3, *(count + 1 for count in phi.shape)))
    across = []
    for axis in range(3):
        normal = np.empty(tuple(count + (c == axis) for c, count in enumerate(phi.shape)))
        normal_moves(len(normal), phi, rates[axis], axis, normal)
        to_corners(len(corners[axis]), normal, axis, corners[axis])
        across.append(normal)
    return corners, (across[0], across[1], across[2])


def _primitive(values: Array, closed: bool = True) -> Array:
    """Return the sums from the first wall on, along axis 0. With ``closed`` the sum at the last wall is exactly 0."""
    sums = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    if closed:
        sums[-1] = 0.0
    return sums


def _around(fluxes: list[Array]) -> Array:
    """Return the flux out of every cell, from the fluxes through its faces."""
    return sum((np.diff(flux, axis=axis) for axis, flux in enumerate(fluxes)), np.zeros(1))
