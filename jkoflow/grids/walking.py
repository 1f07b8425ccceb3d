"""How far it is to walk round obstacles."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import Array, SpaceFunction
from .._validate import of_kind
from .box import Grid


def walking_distance(
    grid: Grid, to: SpaceFunction | Any, obstacles: SpaceFunction | Any = None, speed: SpaceFunction | Any = None
) -> Array:
    """Return how far it is from every cell to a region, on the shortest way round the obstacles: an array over the grid.

    It solves the eikonal equation speed |grad d| = 1 with d = 0 on the faces of the region, so with a speed it is the time that
    the way takes. ``Potential(walking_distance(...))`` makes a crowd walk to a door at this speed, each the shortest way.

    ``to`` and ``obstacles`` are functions of space, or arrays over the grid: a cell belongs to them if they are true (not 0) at
    its centre. ``speed`` is a positive number, function or array, 1 if none is given. The distance is 0 in the region, and the
    largest one in obstacles.

    The method is fast marching of second order, by scikit-fmm, which is installed with ``pip install jkoflow[walking]``. The
    error is of order 1 in the cell width near corners of obstacles. Cost: O(n log n).

    Raises ValueError for a region without cells or in an obstacle, a cell that cannot reach it, and a speed that is not
    positive; ImportError without scikit-fmm.

    Source: Sethian, A fast marching level set method for monotonically advancing fronts (1996).

    >>> grid = Grid.box((0, 4), cells=4)
    >>> walking_distance(grid, to=lambda x: x > 3)
    array([2.5, 1.5, 0.5, 0. ])
    """
    try:
        import skfmm
    except ImportError as reason:
        raise ImportError("walking_distance needs scikit-fmm: pip install jkoflow[walking]") from reason
    of_kind("grid", grid, Grid, "a Grid")
    region = grid.field("to", to) != 0
    closed = np.zeros(grid.shape, dtype=bool) if obstacles is None else grid.field("obstacles", obstacles) != 0
    if not region.any() or (region & closed).any():
        raise ValueError(f"to must hold cells of {grid!r} outside of obstacles, got {np.count_nonzero(region & ~closed)}")
    if (region | closed).all():
        return np.zeros(grid.shape)
    level = np.ma.MaskedArray(np.where(region, -1.0, 1.0), closed)
    if speed is None:
        found = skfmm.distance(level, dx=list(grid.spacing), periodic=list(grid.periodic_axes))
    else:
        fast = grid.field("speed", speed if callable(speed) or np.shape(speed) else np.full(grid.shape, speed))
        if fast.min() <= 0:
            raise ValueError(f"speed must be positive, got {fast.min():.6g} at its lowest")
        found = skfmm.travel_time(level, fast, dx=list(grid.spacing), periodic=list(grid.periodic_axes))
    distance = np.ma.filled(np.ma.MaskedArray(found).astype(float), np.nan)
    cut_off = np.isnan(distance) & ~closed
    if cut_off.any():
        raise ValueError(f"every cell must be able to reach the region, and {np.count_nonzero(cut_off)} cells cannot")
    distance = np.where(region, 0.0, np.abs(distance))
    return np.where(closed, np.nanmax(np.where(closed, np.nan, distance)), distance)
