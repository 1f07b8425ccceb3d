"""Compiled log-sum-exp along lines, for entries where a scaled product has underflowed."""

from __future__ import annotations

import numpy as np

from .._compiled import jit
from .._typing import Array

_BLOCK = 8


@jit
def sum_again(out: Array, lines: Array, doubtful: Array, log_factor: Array, negligible: float) -> None:
    """Set out[k, i] = log sum_j exp(lines[k, j] + log_factor[i, j]) wherever ``doubtful[k, i]`` is True.

    A block of sources is skipped if its largest value plus its largest logarithm of the factor is negligible.

    It runs on one thread. A second thread would fight the threads of the matrix products around it, at five times the cost
    (measured).
    """
    number_of_lines, count = lines.shape
    blocks = (count + _BLOCK - 1) // _BLOCK
    factor_top = np.empty((count, blocks))
    for i in range(count):
        for b in range(blocks):
            factor_top[i, b] = log_factor[i, b * _BLOCK : (b + 1) * _BLOCK].max()
    for k in range(number_of_lines):
        line = lines[k]
        block_top = np.empty(blocks)
        for b in range(blocks):
            block_top[b] = line[b * _BLOCK : (b + 1) * _BLOCK].max()
        best = 0  # the source of the largest term, the first guess for the next target
        for i in range(count):
            if not doubtful[k, i]:
                continue
            top = line[best] + log_factor[i, best]
            for b in range(blocks):
                if block_top[b] + factor_top[i, b] > top:
                    for j in range(b * _BLOCK, min(count, (b + 1) * _BLOCK)):
                        term = line[j] + log_factor[i, j]
                        if term > top:
                            top, best = term, j
            if top == -np.inf:
                out[k, i] = top
                continue
            total = 0.0
            for b in range(blocks):
                if block_top[b] + factor_top[i, b] > top - negligible:
                    for j in range(b * _BLOCK, min(count, (b + 1) * _BLOCK)):
                        term = line[j] + log_factor[i, j] - top
                        if term > -negligible:
                            total += np.exp(term)
            out[k, i] = top + np.log(total)
