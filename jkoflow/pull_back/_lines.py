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

    At last a share of every mass goes on to the next cell, such that the mean is that of the moved centres of the cells. Where
    the mass is wider than a cell the share is of the order of the error. Where it is narrower, the mass would else stay in its
    cell for ever, however far inside it is moved.
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
        total, gap = 0.0, 0.0
        for k in range(n):
            total += f[k]
            gap += f[k] * min(max((k + 0.5 - shifts[row]) / stretches[row], 0.5), n - 0.5) - out[row, k] * (k + 0.5)
        if total > 0:
            share = min(max(gap / total, -1.0), 1.0)
            for j in range(n - 1):
                k = n - 2 - j if share > 0 else j + 1
                part = abs(share) * out[row, k]
                out[row, k] -= part
                out[row, k + 1 if share > 0 else k - 1] += part
