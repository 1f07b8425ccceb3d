"""Point masses brought onto a grid."""

from __future__ import annotations

import numpy as np

from ..._typing import Array
from ...grids import Grid

_CHUNK = 1 << 22  # entries of the largest table in memory
_REACH = 6.0  # widths of a Gaussian beyond which its mass is below 1e-9
_EVEN = 4.0  # sides of the box from which on a Gaussian is even to 1e-34


def cloud_in_cell(points: Array, masses: Array, grid: Grid) -> Array:
    """Return the mass in every cell, where a point is a cloud of the size of a cell: its mass goes to the cells that it covers.

    The part of a cloud beyond a wall is folded back into the cell at the wall; along a periodic axis it goes on at the other
    end. Cost: O(2^d n).
    """
    total = np.zeros(grid.shape)
    shape, periodic = grid.shape, grid.periodic_axes
    places = [
        (points[:, axis] - low) / h - 0.5 for axis, ((low, _), h) in enumerate(zip(grid.bounds, grid.spacing, strict=True))
    ]
    walled = zip(places, shape, periodic, strict=True)
    places = [place if closed else np.clip(place, 0.0, count - 1.0) for place, count, closed in walled]
    first = [np.floor(place).astype(np.intp) for place in places]
    for corner in np.ndindex(*(2,) * grid.dim):
        weights = masses.copy()
        for axis, step in enumerate(corner):
            share = places[axis] - first[axis]
            weights *= share if step else 1 - share
        cells = zip(first, corner, shape, periodic, strict=True)
        into = tuple((c + step) % count if closed else np.minimum(c + step, count - 1) for c, step, count, closed in cells)
        np.add.at(total, into, weights)
    return total


def gaussian_clouds(points: Array, masses: Array, grid: Grid, width: float) -> Array:
    """Return the mass in every cell, where a point is a Gaussian of standard deviation ``width``.

    It is reflected at walls, and goes round periodic axes. Cost: O(n cells), in products of matrices.
    """
    axes = zip(grid.bounds, grid.shape, grid.periodic_axes, strict=True)
    tables = [_shares(points[:, axis], bounds, count, width, periodic) for axis, (bounds, count, periodic) in enumerate(axes)]
    rest = int(np.prod(grid.shape[1:]))
    total = np.zeros((grid.shape[0], rest))
    rows = max(1, _CHUNK // rest)
    for start in range(0, len(masses), rows):
        part = slice(start, start + rows)
        others = masses[part, None]
        for table in tables[1:]:
            others = (others[:, :, None] * table[part, None, :]).reshape(len(others), -1)
        total += tables[0][part].T @ others
    return total.reshape(grid.shape)


def _shares(x: Array, bounds: tuple[float, float], count: int, width: float, periodic: bool) -> Array:
    """Return the share of every Gaussian in every cell of one axis, (n, count). The shares of a Gaussian add up to 1."""
    from scipy.special import ndtr

    low, high = bounds
    edges, side = np.linspace(low, high, count + 1), high - low
    width = min(width, _EVEN * side)
    shares = np.zeros((len(x), count))
    images, turn = ((x,), side) if periodic else ((x, 2 * low - x), 2 * side)
    for period in range(-int(_REACH * width / side) - 1, int(_REACH * width / side) + 2):
        for image in images:
            shares += np.diff(ndtr((edges - image[:, None] - period * turn) / width), axis=1)
    return shares / shares.sum(axis=1, keepdims=True)
