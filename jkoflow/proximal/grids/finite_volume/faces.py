"""The faces between the cells of a grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...._typing import Array, Indices, Mask
from ....grids import Grid


class Faces(NamedTuple):
    """The open faces between neighbouring cells, along all axes: from cell ``left`` to cell ``right``."""

    left: Indices
    right: Indices
    widths: Array
    """The distance of the two centres, by face."""

    @classmethod
    def of(cls, grid: Grid, closed: Mask) -> Faces:
        """The faces of a grid between cells of which neither is ``closed``."""
        numbers = np.arange(grid.size).reshape(grid.shape)
        left, right, widths = [], [], []
        for axis, h in enumerate(grid.spacing):
            cells = np.moveaxis(numbers, axis, 0)
            shut = np.moveaxis(closed, axis, 0)
            is_open = ~(shut[:-1] | shut[1:])
            left.append(cells[:-1][is_open])
            right.append(cells[1:][is_open])
            widths.append(np.full(len(left[-1]), h))
        return cls(np.concatenate(left), np.concatenate(right), np.concatenate(widths))
