"""Cell averages of the same function on another number of cells."""

from __future__ import annotations

import numpy as np

from .._typing import Array


def resampled(values: Array, shape: tuple[int, ...]) -> Array:
    """Return the cell averages on another number of cells of the same box.

    They are exact for the function that is constant on every old cell.

    >>> resampled(np.array([1.0, 2.0, 3.0]), (2,))
    array([1.33333333, 2.66666667])
    """
    for axis, count in enumerate(shape):
        old_edges = np.linspace(0.0, 1.0, values.shape[axis] + 1)
        new_edges = np.linspace(0.0, 1.0, count + 1)
        low = np.maximum.outer(new_edges[:-1], old_edges[:-1])
        high = np.minimum.outer(new_edges[1:], old_edges[1:])
        shares = np.maximum(high - low, 0.0) * count
        values = np.moveaxis(np.tensordot(shares, values, axes=(1, axis)), 0, axis)
    return values
