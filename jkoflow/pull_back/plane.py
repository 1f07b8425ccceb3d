"""The pull-back in the plane and on the line: moved cells are polygons, summed exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import Array
from .reconstruction import limited_slopes

_ORIGINS = ((0.0, 0.0), (0.0, 0.5), (0.5, 0.0))  # of the corners and of the middles of both kinds of faces


@dataclass(frozen=True, eq=False)
class PlanePull:
    """The moved cells of one potential. All arrays in units of cells; see ``_plane`` for the names."""

    places: tuple[Array, Array, Array]
    weights: tuple[Array, Array]
    rates: tuple[float, float]
    masses: Array

    def derivative(self, change: Array) -> Array:
        """The change of the masses under a small change of the potential. O(n), 30 operations a cell."""
        from ._plane import displacements, face_changes, stay_at_walls

        changes = displacements(np.ascontiguousarray(change), *self.rates)
        for part, places, origin in zip(changes, self.places, _ORIGINS, strict=True):
            stay_at_walls(part, places, *origin, *self.masses.shape)
        return _around(*face_changes(*self.places, *changes, *self.weights))

    def conductances(self) -> tuple[Array, ...]:
        """Per axis and face the mass that crosses it per difference of the potential, not below 0; 0 at the walls."""
        out = []
        for axis in range(2):
            along = 1 - axis
            corners, middles, w = self.places[0][along], self.places[1 + axis][along], self.weights[axis]
            first, second = np.moveaxis(corners, along, 0)[:-1], np.moveaxis(corners, along, 0)[1:]
            first, second = np.moveaxis(first, 0, along), np.moveaxis(second, 0, along)
            widths = (0.5 + middles - first, 0.5 + second - middles)
            k = self.rates[axis] * np.maximum((w[0] + w[1]) * widths[0] + (w[2] + w[3]) * widths[1], 0.0)
            np.moveaxis(k, axis, 0)[[0, -1]] = 0.0
            out.append(k)
        return tuple(out)


class PlaneSource:
    """A density in the plane, prepared for being pulled back. ``rates`` are tau / dx_i^2."""

    def __init__(self, values: Array, rates: tuple[float, float]) -> None:
        slopes = limited_slopes(values)
        rows, tilts = values.mean(axis=0), slopes[1].mean(axis=0)
        self.rates = rates
        self._table = np.empty((*values.shape, 8))
        before = (_before(values - rows), _before(slopes[1] - tilts), _before(rows))
        for k, part in enumerate((values, *slopes, *before, rows, tilts)):
            self._table[..., k] = part

    def pull(self, potential: Array) -> PlanePull:
        """The masses of the cells moved by tau grad phi. O(n): about 6 segments a cell."""
        from ._plane import displacements, face_integrals, keep_inside

        places = displacements(np.ascontiguousarray(potential), *self.rates)
        for part, origin in zip(places, _ORIGINS, strict=True):
            keep_inside(part, *origin, *potential.shape)
        form0, form1, weights0, weights1 = face_integrals(*places, self._table)
        return PlanePull(places, (weights0, weights1), self.rates, _around(form0, form1))


def _before(values: Array) -> Array:
    """Sums over the cells before each, along axis 0."""
    sums = np.cumsum(values, axis=0)
    sums[1:] = sums[:-1].copy()
    sums[0] = 0.0
    return sums


def _around(across0: Array, across1: Array) -> Array:
    return np.diff(across0, axis=0) - np.diff(across1, axis=1)
