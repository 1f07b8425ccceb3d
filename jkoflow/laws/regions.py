"""Regions of a grid, as functions of space or arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import Array, Mask, SpaceFunction
from ..grids import Grid


def region_mask(term: Any, region: SpaceFunction | Array, grid: Grid) -> Mask:
    """Return an array over the grid that is True in the cells at whose centres ``region`` is true (not 0).

    Raises ValueError, in the name of the ``term``, for an array of another shape or with NaN, and for no cell or all cells.
    """
    inside = grid.field("region", region) != 0
    if inside.all() or not inside.any():
        raise ValueError(f"region of {term!r} must hold some of the cells of {grid!r}, got {np.count_nonzero(inside)}")
    return np.asarray(inside)
