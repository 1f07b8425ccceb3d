"""The basis of the fields on a box: cosines between walls, cosines and sines on a circle, products of them in the plane."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._typing import Array
from ..grids import Grid

_ENTRIES = 1 << 22  # numbers of the largest table that is made at once
_KEPT = 3  # sets of points whose tables are kept: the places before and after a step, and those of its predictor


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
        return self.real(self.turns(x))

    def turns(self, x: Array) -> NDArray[np.complex128]:
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

    def real(self, turns: NDArray[np.complex128]) -> Array:
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

    def at_centres(self, coefficients: Array, axis: int) -> Array:
        """The values at the cell centres of sums along an axis of an array. Cost: O(n log n) a line, as for its inverse."""
        from scipy.fft import dct, irfft

        c = np.moveaxis(coefficients, axis, -1)
        if not self.periodic:
            halved = np.where(self.wave_numbers == 0, 1.0, 0.5) * c
            return np.moveaxis(dct(halved, type=3, axis=-1), -1, axis)
        waves = np.zeros((*c.shape[:-1], self.count // 2 + 1), dtype=complex)
        waves[..., 0], last = c[..., 0], self.count // 2 if self.count % 2 == 0 else None
        waves[..., 1:] = c[..., 1::2] / 2
        waves[..., 1:last] -= 0.5j * c[..., 2::2]
        if last is not None:
            waves[..., last] *= 2
        return np.moveaxis(irfft(self.count * waves, self.count, axis=-1), -1, axis)

    def moments_of_centres(self, weights: Array, axis: int) -> Array:
        """The sums of weights b_j at the cell centres, along an axis of an array."""
        from scipy.fft import dct, rfft

        w = np.moveaxis(weights, axis, -1)
        if not self.periodic:
            return np.moveaxis(dct(w, type=2, axis=-1) / 2, -1, axis)
        waves = rfft(w, axis=-1)
        out = np.empty_like(w)
        out[..., 0], out[..., 1::2] = waves[..., 0].real, waves[..., 1:].real
        out[..., 2::2] = -waves[..., 1 : 1 + (self.count - 1) // 2].imag
        return np.moveaxis(out, -1, axis)

    @property
    def squares_at_centres(self) -> Array:
        """The sums of b_j^2 over the cell centres: n / 2, and n for the constant and the shortest wave of a circle."""
        whole = self.wave_numbers == 0
        if self.periodic and self.count % 2 == 0:
            whole[-1] = True
        return np.where(whole, self.count, self.count / 2)


class _Tables:
    """The functions of all axes at points: their values and slopes, one table (points, n) per axis."""

    def __init__(self, axes: tuple[AxisBasis, ...], points: Array) -> None:
        self.points, self._axes = points.copy(), axes  # the caller may change its array
        self._turns = [axis.turns(points[:, k]) for k, axis in enumerate(axes)]

    @cached_property
    def values(self) -> list[Array]:
        return [axis.real(turns) for axis, turns in zip(self._axes, self._turns, strict=True)]

    @cached_property
    def slopes(self) -> list[Array]:
        return [axis.real(1j * turns) * axis.wave_numbers for axis, turns in zip(self._axes, self._turns, strict=True)]


@dataclass(frozen=True)
class Basis:
    """The products of the functions of the axes: an orthogonal basis on a box or a torus.

    Coefficients have the shape of the grid.
    """

    axes: tuple[AxisBasis, ...]
    _recent: list[_Tables] = field(default_factory=list, init=False, compare=False, repr=False)
    _cache: dict[Hashable, Array] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied: not the tables, which are computed again."""
        return self.__dict__ | {"_recent": [], "_cache": {}}

    def once(self, key: Hashable, make: Callable[[], Array]) -> Array:
        """Return ``make()``, and call it only at the first time for a key; every time for what cannot be a key."""
        try:
            if key not in self._cache:
                self._cache[key] = make()
            return self._cache[key]
        except TypeError:
            return make()

    @classmethod
    def of(cls, grid: Grid) -> Basis:
        """The basis of a grid: as many functions as cells."""
        ends = zip(grid.bounds, grid.lengths, grid.shape, grid.periodic_axes, strict=True)
        return cls(tuple(AxisBasis(low, length, n, closed) for (low, _), length, n, closed in ends))

    @cached_property
    def squares(self) -> Array:
        """|k|^2 of every function."""
        return _combined([axis.wave_numbers**2 for axis in self.axes], np.add)

    def squares_by_cells(self, spacing: tuple[float, ...]) -> Array:
        """The eigenvalues of minus the Laplacian by differences between cells: sums of 2 (1 - cos(k h)) / h^2."""

        def eigenvalues() -> Array:
            ways = zip(self.axes, spacing, strict=True)
            return _combined([(2 - 2 * np.cos(axis.wave_numbers * h)) / h**2 for axis, h in ways], np.add)

        return self.once(("squares by cells", spacing), eigenvalues)

    @cached_property
    def norms(self) -> Array:
        """The integral of the square of every function."""
        return _combined([axis.norms for axis in self.axes], np.multiply)

    def at_centres(self, coefficients: Array) -> Array:
        """The values of a sum at the cell centres."""
        for k, axis in enumerate(self.axes):
            coefficients = axis.at_centres(coefficients, k)
        return np.ascontiguousarray(coefficients)

    def of_centres(self, values: Array) -> Array:
        """The coefficients of the sum with the given values at the cell centres."""
        squares = _combined([axis.squares_at_centres for axis in self.axes], np.multiply)
        return self.moments_of_centres(values) / squares

    def moments_of_centres(self, weights: Array) -> Array:
        """The sums of weights b at the cell centres, for every b."""
        for k, axis in enumerate(self.axes):
            weights = axis.moments_of_centres(weights, k)
        return np.ascontiguousarray(weights)

    def at(self, coefficients: Array, points: Array) -> Array:
        """The values of a sum at points (n, d), shape (n,). Cost: n times the number of cells."""
        parts = [_contracted(coefficients, tables.values) for tables in self._tables(points)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def gradient_at(self, coefficients: Array, points: Array) -> Array:
        """The gradients of a sum at points (n, d), shape (n, d). Cost: d n times the number of cells."""
        parts = []
        for tables in self._tables(points):
            columns = []
            for derived in range(len(self.axes)):
                mixed = [
                    slope if derived == k else v for k, (v, slope) in enumerate(zip(tables.values, tables.slopes, strict=True))
                ]
                columns.append(_contracted(coefficients, mixed))
            parts.append(np.stack(columns, axis=1))
        return np.concatenate(parts) if parts else np.zeros(points.shape)

    def moments(self, points: Array, masses: Array) -> Array:
        """The sums of masses b(points), for every b."""
        total = np.zeros(tuple(axis.count for axis in self.axes))
        start = 0
        for tables in self._tables(points):
            first, *others = tables.values
            weighted = first * masses[start : start + len(first), None]
            if others:
                joined = others[0]
                for table in others[1:]:
                    joined = (joined[:, :, None] * table[:, None, :]).reshape(len(first), -1)
                total += (weighted.T @ joined).reshape(total.shape)
            else:
                total += weighted.sum(axis=0)
            start += len(first)
        return total

    def _tables(self, points: Array) -> Iterator[_Tables]:
        """The functions at points, in blocks. Those of the last few sets of points are kept: a step asks for them again."""
        for tables in self._recent:
            if np.array_equal(tables.points, points):
                yield tables
                return
        blocks = self._blocks(points)
        for block in blocks:
            tables = _Tables(self.axes, block)
            if len(blocks) == 1:
                self._recent[:] = [tables, *self._recent[: _KEPT - 1]]
            yield tables

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


def _combined(parts: Sequence[Array], join: np.ufunc) -> Array:
    """Join one array per axis to an array over the grid."""
    total = parts[0]
    for part in parts[1:]:
        total = join.outer(total, part)
    return np.asarray(total)
