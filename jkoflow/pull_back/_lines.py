"""Masses in cells along lines, moved by affine maps."""

from __future__ import annotations

import numpy as np

from .._compiled import shared
from .._typing import Array


@shared
def move_lines(first: int, last: int, lines: Array, shifts: Array, stretches: Array, out: Array) -> None:
    """Set ``out`` to the masses of the cells of every line after a map whose inverse is y -> shift + stretch y, in cells.

    ``lines`` (L, n) are masses. The mass before an edge is a cubic in every cell: its slopes at the edges are the densities
    there, of fourth order, cut so that it rises. So masses stay positive, and their sum is kept. What a map carries beyond an
    end lies in the last cell there.
    """
    n = lines.shape[1]
    for row in range(first, last):
        f = lines[row]
        before, slopes = np.empty(n + 1), np.empty(n + 1)
        before[0] = 0.0
        for k in range(n):
            before[k + 1] = before[k] + f[k]
        for k in range(n + 1):
            if k == 0 or k == n:
                slope = f[0] if k == 0 else f[n - 1]
            elif k == 1 or k == n - 1:
                slope = 0.5 * (f[k - 1] + f[k])
            else:
                slope = (7 * (f[k - 1] + f[k]) - f[k - 2] - f[k + 1]) / 12
            most = 3 * min(f[max(k - 1, 0)], f[min(k, n - 1)])
            slopes[k] = min(max(slope, 0.0), most)
        held = 0.0  # the mass before the edge at the left of the cell
        for k in range(1, n + 1):
            z = shifts[row] + stretches[row] * k
            mass = 0.0
            if k == n or z >= n:
                mass = float(before[n])
            elif z > 0:
                i = int(z)
                t = z - i
                rise = before[i + 1] - before[i]
                a, b = slopes[i], slopes[i + 1]
                mass = before[i] + t * (a + t * ((3 * rise - 2 * a - b) + t * (a + b - 2 * rise)))
            out[row, k - 1] = max(mass - held, 0.0)
            held = max(mass, held)
