"""Compiled soft minima of |x - y|^2 over all pairs, on all cores, one block of squared distances after another."""

from __future__ import annotations

import numpy as np

from .._compiled import jit, shared
from .._typing import Array
from ..kernels.sums.compiled_pairs import LEAST_EXPONENT, fast_exp, squared_distances

_BLOCK = 256


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


@shared
def soft_minima(first: int, last: int, at: Array, sources: Array, log_weights: Array, epsilon: float, out: Array) -> None:
    """Set ``out`` to -epsilon log sum_j exp(log_weights_j - |x_i - y_j|^2 / epsilon).

    The points have shape (d, n) and (d, m).
    """
    m = sources.shape[1]
    block = np.empty(_BLOCK)
    for i in range(first, last):
        top, total = -np.inf, 0.0
        for start in range(0, m, _BLOCK):
            stop = min(m, start + _BLOCK)
            squared_distances(at, i, sources, start, stop, block)
            block_top = _exponents(block, 1 / epsilon, log_weights[start:stop])
            if block_top > top:
                total *= np.exp(top - block_top)
                top = block_top
            if block_top > top - 40:  # a block below this would not change the sum
                total += _sum_of_exponentials(block, top, stop - start)
        out[i] = -epsilon * (top + np.log(total))


@shared
def log_sums_along(first: int, last: int, lines: Array, stiffness: float, out: Array) -> None:
    """Set ``out`` to log sum_j exp(lines_j - (i - j)^2 stiffness) for every line, (count, n). It is -inf without mass."""
    n = lines.shape[1]
    block = np.empty(n)
    for k in range(first, last):
        for i in range(n):
            top = -np.inf
            for j in range(n):
                block[j] = lines[k, j] - (i - j) * (i - j) * stiffness
                top = max(top, block[j])
            out[k, i] = top + np.log(_sum_of_exponentials(block, top, n)) if top > -np.inf else top
