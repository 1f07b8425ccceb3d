"""The faces between the cells of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...._typing import Array, Indices, Mask
from ....grids import Grid
from ..local_energy import Outside


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


class DoorFaces(NamedTuple):
    """The faces between the open cells of a species and cells that are outside."""

    cells: Indices
    """The open cell, by face."""
    beyond: Indices
    """The cell outside."""
    widths: Array
    """The distance of the two centres. The face is half way."""
    doors: Indices
    """The number of the door."""
    densities: Array
    """The density on the face."""

    @classmethod
    def of(cls, grid: Grid, closed: Mask, outside: Sequence[Outside]) -> DoorFaces:
        """The faces of doors. ``closed`` are the cells in obstacles and outside."""
        numbers, which = np.arange(grid.size).reshape(grid.shape), np.full(grid.shape, -1)
        for k, door in enumerate(outside):
            which[door.cells] = k
        cells, beyond, widths = [], [], []
        for axis, h in enumerate(grid.spacing):
            n, shut, number = (grid.along(a, axis) for a in (numbers, closed, which))
            for inner, outer in ((slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1))):
                is_door = ~shut[inner] & (number[outer] >= 0)
                cells.append(n[inner][is_door])
                beyond.append(n[outer][is_door])
                widths.append(np.full(len(cells[-1]), h))
        behind = np.concatenate(beyond)
        doors = which.ravel()[behind]
        densities = np.array([door.density for door in outside] or [0.0])[doors]
        return cls(np.concatenate(cells), behind, np.concatenate(widths), doors, densities)
