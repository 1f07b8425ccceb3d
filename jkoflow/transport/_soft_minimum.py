"""Compiled soft minima of |x - y|^2 over all pairs, on all cores, one block of sources after another."""

from __future__ import annotations

import numpy as np

from .._blocks import BLOCK
from .._compiled import jit, shared
from .._typing import Array
from ..kernels.sums.compiled_pairs import LEAST_EXPONENT, fast_exp, squared_distances


@jit
def _exponents(squares: Array, rate: float, log_weights: Array) -> float:
    """Overwrite the squares |x - y|^2 with log_weights - |x - y|^2 rate. Return the largest of these exponents."""
    n = len(log_weights)
    top = -np.inf
    for j in range(n):
        squares[j] = log_weights[j] - squares[j] * rate
        top = max(top, squares[j])
    return top


@jit
def _sum_of_exponentials(exponents: Array, top: float, n: int) -> float:
    """Return the sum of exp(exponents - top) over the first n exponents, which it overwrites."""
    for j in range(n):
        exponents[j] = fast_exp(max(exponents[j] - top, LEAST_EXPONENT))
    total = 0.0
    for j in range(n):
        total += exponents[j]
    return total


@jit
def _nearest(x: Array, i: int, low: Array, high: Array, largest: Array, rate: float, bounds: Array) -> int:
    """Set ``bounds`` to what the exponents of every block are at most for the target i. Return the block of the largest."""
    best = 0
    for b in range(len(bounds)):
        square = 0.0
        for k in range(len(x)):
            gap = max(low[k, b] - x[k, i], x[k, i] - high[k, b], 0.0)
            square += gap * gap
        bounds[b] = largest[b] - square * rate
        if bounds[b] > bounds[best]:
            best = b
    return best


@shared
def soft_minima(
    first: int,
    last: int,
    at: Array,
    sources: Array,
    low: Array,
    high: Array,
    log_weights: Array,
    largest: Array,
    epsilon: float,
    out: Array,
) -> None:
    """Set ``out`` to -epsilon log sum_j exp(log_weights_j - |x_i - y_j|^2 / epsilon).

    The points have shape (d, n) and (d, m). The sources stand in blocks of 64. ``low`` and ``high`` are the corners of the
    boxes around them, and ``largest`` the largest weights in them.
    """
    m, rate, blocks = sources.shape[1], 1 / epsilon, len(largest)
    block, bounds = np.empty(BLOCK), np.empty(blocks)
    for i in range(first, last):
        best = _nearest(at, i, low, high, largest, rate, bounds)
        top, total = -np.inf, 0.0
        for k in range(blocks):
            b = (best + k) % blocks
            if bounds[b] < top - 40:  # it would not change the sum
                continue
            start, stop = b * BLOCK, min(m, (b + 1) * BLOCK)
            squared_distances(at, i, sources, start, stop, block)
            block_top = _exponents(block, rate, log_weights[start:stop])
            if block_top > top:
                total *= np.exp(top - block_top)
                top = block_top
            if block_top > top - 40:
                total += _sum_of_exponentials(block, top, stop - start)
        out[i] = -epsilon * (top + np.log(total))
