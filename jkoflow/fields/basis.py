"""The basis of the fields on a box: cosines between walls, cosines and sines on a circle, products of them in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .._typing import Array
from ..grids import Grid

_ENTRIES = 1 << 22  # numbers of the largest table that is made at once


@dataclass(frozen=True)
class AxisBasis:
    """Trigonometric functions b_0, ..., b_(n-1) along one axis of a grid of n cells.

    * Between walls: cos(k_j (x - low)) with k_j = pi j / L. Their slope at the walls is 0.
    * On a circle: 1, and cos(k_j (x - first centre)), sin(k_j (x - first centre)) with k_j = 2 pi j / L. If n is even, the last
      one is a cosine.
    """

    low: float
    length: float
    count: int
    periodic: bool

    @cached_property
    def wave_numbers(self) -> Array:
        """k of every function, shape (n,)."""
        j = np.arange(self.count)
        turns = 2 * ((j + 1) // 2) if self.periodic else j
        return np.asarray(np.pi * turns / self.length, dtype=np.float64)

    @cached_property
    def norms(self) -> Array:
        """The integrals of b_j^2 over the axis: L for the constant, L / 2 for the others."""
        return np.where(self.wave_numbers == 0, self.length, self.length / 2)

    @property
    def origin(self) -> float:
        """Where the phase is 0."""
        return self.low + self.length / self.count / 2 if self.periodic else self.low

    def values(self, x: Array) -> Array:
        """b_j(x), shape (points, n)."""
        return self._real(self._turns(x))

    def values_and_slopes(self, x: Array) -> tuple[Array, Array]:
        """b_j(x) and b_j'(x), shape (points, n)."""
        turns = self._turns(x)
        return self._real(turns), self._real(1j * turns) * self.wave_numbers

    def _turns(self, x: Array) -> NDArray[np.complex128]:
        """exp(i k (x - origin)) for the different k, by repeated multiplication: a table twice as wide in every pass."""
        count = self.count // 2 + 1 if self.periodic else self.count
        first = np.exp(1j * (2 if self.periodic else 1) * np.pi / self.length * (x - self.origin))
        table = np.ones((len(x), count), dtype=complex)
        done, power = 1, first  # ``power`` is the turn number ``done``
        while done < count:
            more = min(done, count - done)
            table[:, done : done + more] = table[:, :more] * power[:, None]
            done, power = done + more, power**2
        return table

    def _real(self, turns: NDArray[np.complex128]) -> Array:
        """The cosines and sines in a table of turns."""
        if not self.periodic:
            return np.ascontiguousarray(turns.real)
        out = np.empty((len(turns), self.count))
        out[:, 0] = turns[:, 0].real
        out[:, 1::2] = turns[:, 1 : 1 + self.count // 2].real
        out[:, 2::2] = turns[:, 1 : 1 + (self.count - 1) // 2].imag
        return out

    def means(self, edges: Array) -> Array:
        """The means of b_j over the intervals between edges, shape (intervals, n)."""
        middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
        return np.asarray(self.values(middle) * np.sinc(np.outer(width, self.wave_numbers) / (2 * np.pi)))

    @cached_property
    def at_centres(self) -> Array:
        """b_j at the cell centres, shape (n, n)."""
        return self.values(np.asarray(self.low + self.length / self.count * (np.arange(self.count) + 0.5), dtype=np.float64))


@dataclass(frozen=True)
class Basis:
    """The products of the functions of the axes: an orthogonal basis on a box or a torus.

    Coefficients have the shape of the grid.
    """

    axes: tuple[AxisBasis, ...]

    @classmethod
    def of(cls, grid: Grid) -> Basis:
        """The basis of a grid: as many functions as cells."""
        ends = zip(grid.bounds, grid.lengths, grid.shape, strict=True)
        return cls(tuple(AxisBasis(low, length, n, grid.periodic) for (low, _), length, n in ends))

    @cached_property
    def squares(self) -> Array:
        """|k|^2 of every function."""
        return _combined([axis.wave_numbers**2 for axis in self.axes], np.add)

    @cached_property
    def norms(self) -> Array:
        """The integral of the square of every function."""
        return _combined([axis.norms for axis in self.axes], np.multiply)

    def at_centres(self, coefficients: Array) -> Array:
        """The values of a sum at the cell centres."""
        return _along_axes([axis.at_centres for axis in self.axes], coefficients)

    def of_centres(self, values: Array) -> Array:
        """The coefficients of the sum with the given values at the cell centres."""
        inverses = []
        for axis in self.axes:
            table = axis.at_centres
            inverses.append(table.T / (table**2).sum(axis=0)[:, None])
        return _along_axes(inverses, values)

    def moments_of_centres(self, weights: Array) -> Array:
        """The sums of weights b at the cell centres, for every b."""
        return _along_axes([axis.at_centres.T for axis in self.axes], weights)

    def at(self, coefficients: Array, points: Array) -> Array:
        """The values of a sum at points (n, d), shape (n,). Cost: n times the number of cells."""
        parts = [_contracted(coefficients, self._tables(part)) for part in self._blocks(points)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def gradient_at(self, coefficients: Array, points: Array) -> Array:
        """The gradients of a sum at points (n, d), shape (n, d). Cost: d n times the number of cells."""
        parts = []
        for part in self._blocks(points):
            tables = [axis.values_and_slopes(part[:, k]) for k, axis in enumerate(self.axes)]
            columns = [
                _contracted(coefficients, [pair[derived == k] for k, pair in enumerate(tables)])
                for derived in range(len(tables))
            ]
            parts.append(np.stack(columns, axis=1))
        return np.concatenate(parts) if parts else np.zeros(points.shape)

    def moments(self, points: Array, masses: Array) -> Array:
        """The sums of masses b(points), for every b."""
        total = np.zeros(tuple(axis.count for axis in self.axes))
        start = 0
        for part in self._blocks(points):
            first, *others = self._tables(part)
            weighted = first * masses[start : start + len(part), None]
            if others:
                joined = others[0]
                for table in others[1:]:
                    joined = (joined[:, :, None] * table[:, None, :]).reshape(len(part), -1)
                total += (weighted.T @ joined).reshape(total.shape)
            else:
                total += weighted.sum(axis=0)
            start += len(part)
        return total

    def _tables(self, points: Array) -> list[Array]:
        return [axis.values(points[:, k]) for k, axis in enumerate(self.axes)]

    def _blocks(self, points: Array) -> list[Array]:
        """The points in parts for which the tables are small enough."""
        behind = int(np.prod([axis.count for axis in self.axes[1:]]))
        rows = max(1, _ENTRIES // max(self.axes[0].count, behind))
        return [points[start : start + rows] for start in range(0, len(points), rows)]


def _contracted(coefficients: Array, tables: Sequence[Array]) -> Array:
    """The sum of coefficients times products of tables, one per axis: shape (points,)."""
    first, *others = tables
    total = first @ coefficients.reshape(len(coefficients), -1)
    for table in others:
        total = np.einsum("pj,pjr->pr", table, total.reshape(len(table), table.shape[1], -1))
    return np.asarray(total[:, 0])


def _along_axes(tables: Sequence[Array], array: Array) -> Array:
    """Multiply an array by a matrix along every axis."""
    for axis, table in enumerate(tables):
        array = np.moveaxis(np.tensordot(table, array, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(array)


def _combined(parts: Sequence[Array], join: np.ufunc) -> Array:
    """Join one array per axis to an array over the grid."""
    total = parts[0]
    for part in parts[1:]:
        total = join.outer(total, part)
    return np.asarray(total)
