"""Compiled upper envelopes of parabolas along the lines of an array."""

from __future__ import annotations

import numpy as np

from .._compiled import shared
from .._typing import Array


@shared
def envelope(first: int, last: int, lines: Array, weight: float, out: Array) -> None:
    """Set ``out``, row by row, to out[y] = max over x of lines[x] - weight (x - y)^2 / 2. Entries -inf are left out.

    First the best node x is found from the envelope of parabolas, in O(n). Then the maximum is moved off the node by at most
    half a cell: ``lines`` is taken as the parabola through the node and its two neighbours.

    Source: Felzenszwalb and Huttenlocher (2012).
    """
    n = lines.shape[1]
    for row in range(first, last):
        f = lines[row]
        best, until = np.empty(n, np.int64), np.empty(n)  # parabola k is the highest up to until[k]
        count = 0
        for x in range(n):
            if f[x] == -np.inf:
                continue
            while count > 0:
                rival = best[count - 1]
                meet = (f[rival] - f[x]) / (weight * (x - rival)) + 0.5 * (x + rival)
                if count > 1 and meet <= until[count - 2]:
                    count -= 1
                else:
                    until[count - 1] = meet
                    break
            best[count], until[count] = x, np.inf
            count += 1
        k = 0
        for y in range(n):
            if count == 0:
                out[row, y] = -np.inf
                continue
            while until[k] < y:
                k += 1
            x = best[k]
            value = f[x] - 0.5 * weight * (x - y) ** 2
            left, right = f[max(x - 1, 0)], f[min(x + 1, n - 1)]
            bend = weight - (right - 2 * f[x] + left)
            if 0.0 < bend < np.inf:
                slope = 0.5 * (right - left) - weight * (x - y)
                move = min(max(slope / bend, -0.5), 0.5)
                value += slope * move - 0.5 * bend * move * move
            out[row, y] = value
