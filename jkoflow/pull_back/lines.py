"""Arrays of cells moved along one axis by affine maps."""

from __future__ import annotations

import numpy as np

from .._typing import Array


def moved_along(values: Array, axis: int, shifts: Array, stretch: Array | float) -> Array:
    """Return cell averages after a map along one axis whose inverse is y -> shift + stretch y, in cells from the low end.

    ``shifts`` and ``stretch`` broadcast over the other axes. The sum and the mean are kept, and values stay
    positive. What the map carries
    beyond an end lies in the last cell there. Cost: O(n).

    >>> moved_along(np.array([0.0, 1.0, 0.0, 0.0]), 0, np.array(-1.0), 1.0)
    array([0., 0., 1., 0.])
    """
    from ._lines import move_lines

    lines = np.moveaxis(values, axis, -1)
    rows = np.ascontiguousarray(lines).reshape(-1, lines.shape[-1])
    shift, scale = (np.broadcast_to(each, lines.shape[:-1]).reshape(-1).copy() for each in (shifts, stretch))
    out = np.empty_like(rows)
    move_lines(len(rows), rows, shift, scale, out)
    return np.ascontiguousarray(np.moveaxis(out.reshape(lines.shape), -1, axis))
