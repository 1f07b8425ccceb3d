"""A density as a linear function in every cell, non-negative and with the given cell averages."""

from __future__ import annotations

import numpy as np

from .._typing import Array


def limited_slopes(values: Array) -> tuple[Array, ...]:
    """The slope along every axis, per cell width: central differences, limited as by van Leer (1979) so that no new
    extremes arise, and scaled down where a corner of the cell would fall below zero. 0 next to a wall.

    >>> limited_slopes(np.array([0.0, 1.0, 2.0, 4.0, 4.0]))[0]
    array([0. , 1. , 1.5, 0. , 0. ])
    """
    slopes = []
    for axis in range(values.ndim):
        v = np.moveaxis(values, axis, 0)
        slope = np.zeros_like(v)
        rise = np.diff(v, axis=0)
        before, after = rise[:-1], rise[1:]
        bound = 2 * np.minimum(np.abs(before), np.abs(after))
        central = 0.5 * (before + after)
        slope[1:-1] = np.where(before * after > 0, np.sign(central) * np.minimum(np.abs(central), bound), 0.0)
        slopes.append(np.moveaxis(slope, 0, axis))
    drop = 0.5 * sum((np.abs(s) for s in slopes), np.zeros_like(values))
    kept = np.where(drop > values, values / np.where(drop > 0, drop, 1.0), 1.0)
    return tuple(np.ascontiguousarray(s * kept) for s in slopes)
