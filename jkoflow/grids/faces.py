"""The faces between the cells of a grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._typing import Array, Indices, Mask
from .box import Grid


class Faces(NamedTuple):
    """The open faces between neighbouring cells, along all axes: from cell ``left`` to cell ``right``."""

    left: Indices
    right: Indices
    widths: Array
    """The distance of the two centres, by face."""
    axes: Indices
    """The axis that a face lies across."""

    @classmethod
    def of(cls, grid: Grid, closed: Mask) -> Faces:
        """The faces of a grid between cells of which neither is ``closed``."""
        numbers = np.arange(grid.size).reshape(grid.shape)
        left, right, widths, axes = [], [], [], []
        for axis, h in enumerate(grid.spacing):
            cells, shut = grid.along(numbers, axis), grid.along(closed, axis)
            is_open = ~(shut[:-1] | shut[1:])
            left.append(cells[:-1][is_open])
            right.append(cells[1:][is_open])
            widths.append(np.full(len(left[-1]), h))
            axes.append(np.full(len(left[-1]), axis))
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
