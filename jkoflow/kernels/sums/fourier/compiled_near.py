"""Compiled sums over near pairs of points of what a kernel is more than its smooth part."""

from __future__ import annotations

import numpy as np

from ...._blocks import BLOCK
from ...._compiled import jit, shared
from ...._typing import Array, Indices
from ..compiled_pairs import kernel_values, squared_distances, weigh


@jit
def _less_smooth(squares: Array, reach: float, table: Array, out: Array) -> None:
    """Subtract the smooth part from ``out``: a cubic polynomial of r^2 on every interval of the table, shape (intervals, 4)."""
    rate = len(table) / (reach * reach)
    for j in range(len(squares)):
        place = squares[j] * rate
        k = int(place)
        v = place - k
        out[j] -= ((table[k, 3] * v + table[k, 2]) * v + table[k, 1]) * v + table[k, 0]


@jit
def _within(squares: Array, size: int, most: float, found: Indices) -> int:
    """Bring the squares below ``most`` to the front, and their numbers to ``found``. Return how many they are."""
    count = 0
    for j in range(size):
        square = squares[j]
        squares[count], found[count] = square, j
        count += square < most
    return count


@jit
def _gap(low: Array, high: Array, b: int, others_low: Array, others_high: Array, c: int) -> float:
    """The square of the distance of two boxes. A point is a box whose corners are equal."""
    square = 0.0
    for k in range(len(low)):
        gap = max(low[k, b] - others_high[k, c], others_low[k, c] - high[k, b], 0.0)
        square += gap * gap
    return square


@shared
def near_sums(
    first: int,
    last: int,
    at: Array,
    low: Array,
    high: Array,
    sources: Array,
    sources_low: Array,
    sources_high: Array,
    masses: Array,
    kind: int,
    a: float,
    reach: float,
    slopes: Array,
    heights: Array,
    gradients: Array,
    values: Array,
) -> None:
    """Add to ``gradients`` (d, n), or to ``values`` (n,), the sums over sources within the reach, for blocks of targets.

    Targets (d, n) and sources (d, m) stand in blocks of 64, with boxes around them. What has no entries is not summed.
    """
    m, blocks = sources.shape[1], sources_low.shape[1]
    squares, weights, ones, found = np.empty(BLOCK), np.empty(BLOCK), np.ones(BLOCK), np.empty(BLOCK, np.int64)
    most = reach * reach * (1 - 1e-12)
    for b in range(first, last):
        for c in range(blocks):
            if _gap(low, high, b, sources_low, sources_high, c) >= most:
                continue
            start, stop = c * BLOCK, min(m, (c + 1) * BLOCK)
            for i in range(b * BLOCK, min(at.shape[1], (b + 1) * BLOCK)):
                if _gap(at, at, i, sources_low, sources_high, c) >= most:
                    continue
                squared_distances(at, i, sources, start, stop, squares)
                count = _within(squares, stop - start, most, found)
                if count > 0 and gradients.size > 0:
                    weigh(kind, a, squares[:count], ones[:count], weights)
                    _less_smooth(squares[:count], reach, slopes, weights)
                    for k in range(len(at)):
                        total = 0.0
                        for j in range(count):
                            source = start + found[j]
                            total += masses[source] * weights[j] * (at[k, i] - sources[k, source])
                        gradients[k, i] += total
                if count > 0 and values.size > 0:
                    kernel_values(kind, a, squares[:count], weights)
                    _less_smooth(squares[:count], reach, heights, weights)
                    for j in range(count):
                        values[i] += masses[start + found[j]] * weights[j]
