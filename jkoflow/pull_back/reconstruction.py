"""Reconstruction of a density from its cell averages: linear in every cell, non-negative, with the same averages."""

from __future__ import annotations

import numpy as np

from .._typing import Array


def limited_slopes(values: Array) -> tuple[Array, ...]:
    """Return the slope of every cell along every axis, per cell width.

    A slope is a central difference, limited as by van Leer (1979) so that no new extremes arise. If the density would be
    negative at a corner of the cell, its slopes are scaled down. Next to a wall the slope across the wall is 0.

    >>> limited_slopes(np.array([0.0, 1.0, 2.0, 4.0, 4.0]))[0]
    array([0. , 1. , 1.5, 0. , 0. ])
    """
    slopes = []
    for axis in range(values.ndim):
        v = values.swapaxes(axis, 0)
        slope = np.zeros_like(v)
        rise = np.diff(v, axis=0)
        before, after = rise[:-1], rise[1:]
        bound = 2 * np.minimum(np.abs(before), np.abs(after))
        central = 0.5 * (before + after)
        slope[1:-1] = np.where(before * after > 0, np.sign(central) * np.minimum(np.abs(central), bound), 0.0)
        slopes.append(slope.swapaxes(0, axis))
    drop = 0.5 * sum((np.abs(slope) for slope in slopes), np.zeros_like(values))
    factor = np.where(drop > values, values / np.where(drop > 0, drop, 1.0), 1.0)
    return tuple(np.ascontiguousarray(slope * factor) for slope in slopes)
