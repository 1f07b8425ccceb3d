"""The faces between the cells of a grid."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._typing import Array, Indices, Mask
from .box import Grid
from .medium import Medium, axes_of


class Faces(NamedTuple):
    """The open ways between neighbouring cells: from cell ``left`` to cell ``right``. Along an axis, a way crosses a face."""

    left: Indices
    right: Indices
    widths: Array
    """The distance of the two centres, by face."""
    axes: Indices
    """The number of the direction of a way; without directions the axis that a face lies across."""

    @classmethod
    def of(cls, grid: Grid, closed: Mask, directions: tuple[tuple[int, ...], ...] | None = None) -> Faces:
        """The ways along all directions, by default the axes, on which no cell is ``closed``. They do not leave the grid."""
        numbers = np.arange(grid.size).reshape(grid.shape)
        left, right, widths, axes = [], [], [], []
        for number, direction in enumerate(axes_of(grid.dim) if directions is None else directions):
            starts, *_, ends = _cells_along(grid, direction)
            is_open = _is_open(grid, closed, direction)
            left.append(numbers[starts][is_open])
            right.append(numbers[ends][is_open])
            widths.append(np.full(len(left[-1]), float(np.linalg.norm(np.array(direction) * grid.spacing))))
            axes.append(np.full(len(left[-1]), number))
        return cls(np.concatenate(left), np.concatenate(right), np.concatenate(widths), np.concatenate(axes))

    def on_grid(self, values: Array, shape: tuple[int, ...]) -> tuple[Array, ...]:
        """Values by face as arrays over all faces across every axis; 0 on closed faces and walls."""
        arrays = []
        for axis in range(len(shape)):
            across = self.axes == axis
            whole = np.zeros(shape)
            whole.flat[self.left[across]] = values[across]
            cells = np.moveaxis(whole, axis, 0)
            padded = np.concatenate([np.zeros((1, *cells.shape[1:])), cells])
            arrays.append(np.ascontiguousarray(np.moveaxis(padded, 0, axis)))
        return tuple(arrays)


def mobility_on_faces(grid: Grid, closed: Mask, medium: Medium) -> Array:
    """The mobility on the ways of ``Faces.of(grid, closed, medium.directions)``.

    Along axes, of a diagonal tensor, it is the harmonic mean over the two cells, which is exact for layers. Along the
    directions of others, which are not those of every cell, it is the mean over both ends, times the harmonic mean of
    the traces of all cells on the way over the mean trace of both ends. So nothing goes over a layer that lets nothing
    through.
    """
    means = []
    trace = np.sum(medium.values, axis=0)
    for direction, values in zip(medium.directions, medium.values, strict=True):
        cells, is_open = _cells_along(grid, direction), _is_open(grid, closed, direction)
        begin, end = values[cells[0]], values[cells[-1]]
        if medium.is_diagonal:
            mean = 2 * begin * end / (begin + end)
        else:
            harmonic = len(cells) / sum(1 / trace[cell] for cell in cells)
            mean = (begin + end) * harmonic / (trace[cells[0]] + trace[cells[-1]])
        means.append(mean[is_open])
    return np.concatenate(means)


def _is_open(grid: Grid, closed: Mask, direction: tuple[int, ...]) -> Mask:
    """Where no cell along a direction is closed, by the cell in which the way begins."""
    return np.asarray(~np.logical_or.reduce([closed[cell] for cell in _cells_along(grid, direction)]))


def _cells_along(grid: Grid, direction: tuple[int, ...]) -> list[tuple[Any, ...]]:
    """The cells on the ways along a direction that stay on the grid, the first to the last, each as indices of arrays."""
    first = [slice(max(0, -n), count - max(0, n)) for count, n in zip(grid.shape, direction, strict=True)]
    each = [(0,) * grid.dim, *_between(direction), direction]
    if not grid.periodic:
        return [tuple(slice(a.start + n, a.stop + n) for a, n in zip(first, cell, strict=True)) for cell in each]
    sides = list(zip(first, grid.shape, grid.periodic_axes, strict=True))
    starts = [np.arange(count) if periodic else np.arange(a.start, a.stop) for a, count, periodic in sides]
    return [np.ix_(*((a + n) % count for a, n, count in zip(starts, cell, grid.shape, strict=True))) for cell in each]


def _between(direction: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The cells that the straight way between two cells touches, corners included, without these two."""
    if sum(map(abs, direction)) == 1:
        return []
    share = np.linspace(0, 1, 64 * max(map(abs, direction)) + 1)[:, None]
    box = itertools.product(*(range(min(0, n), max(0, n) + 1) for n in direction))
    inner = [cell for cell in box if any(cell) and cell != direction]
    return [cell for cell in inner if np.abs(share * direction - cell).max(axis=1).min() < 0.5 + 1e-9]


def on_faces(grid: Grid, values: Array, axis: int, of: Callable[[Array, Array], Array]) -> Array:
    """Return ``of(before, after)`` of the values of the cells beside every face across an axis: n + 1 entries along it.

    It is 0 at walls. On a torus the first and the last entry are those of one face.

    >>> on_faces(Grid.box((0, 1), cells=3), np.array([1.0, 2.0, 4.0]), 0, lambda before, after: after - before)
    array([0., 1., 2., 0.])
    """
    cells = grid.along(values, axis)
    between = of(cells[:-1], cells[1:])
    faces = np.zeros((grid.shape[axis] + 1, *between.shape[1:]))
    faces[1 : len(between) + 1] = between
    if grid.periodic_axes[axis]:
        faces[0] = faces[-1]
    return np.ascontiguousarray(np.moveaxis(faces, 0, axis))
