"""Two pseudo-inverses on the line, on the intervals of levels between the nodes of both: one compiled pass."""

from __future__ import annotations

import numpy as np

from .._compiled import jit
from .._typing import Array


@jit
def merged(levels_x: Array, x: Array, levels_y: Array, y: Array) -> tuple[Array, Array, Array]:
    """Return the lengths of the intervals, and X - Y at their left and right ends.

    X has the nodes x at its levels, which do not fall, and is linear between them; Y likewise. Both begin and end at the same
    levels. Cells of no length, which are jumps, have no interval.
    """
    n, m = len(x) - 1, len(y) - 1
    lengths, left, right = np.empty(n + m), np.empty(n + m), np.empty(n + m)
    i, j, count, s = 0, 0, 0, levels_x[0]
    while i < n and j < m:
        end_x, end_y = levels_x[i + 1], levels_y[j + 1]
        if end_x <= s:
            i += 1
            continue
        if end_y <= s:
            j += 1
            continue
        end = min(end_x, end_y)
        slope_x = (x[i + 1] - x[i]) / (end_x - levels_x[i])
        slope_y = (y[j + 1] - y[j]) / (end_y - levels_y[j])
        lengths[count] = end - s
        left[count] = x[i] - y[j] + (s - levels_x[i]) * slope_x - (s - levels_y[j]) * slope_y
        right[count] = x[i + 1] - y[j + 1] - (end_x - end) * slope_x + (end_y - end) * slope_y
        count += 1
        s = end
    return lengths[:count], left[:count], right[:count]
