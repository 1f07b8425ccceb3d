"""The compiled sweeps of ``CoupledMultigrid``. Arrays have the shape (unknowns, n0, n1, n2), the potential psi last."""

from __future__ import annotations

import numpy as np

from .._compiled import jit, shared
from .._typing import Array, Whole
from .multigrid_sweeps import with_neighbours
from .stencils import CoupledStencil


@jit
def relax_line(x: Array, b: Array, matrix: CoupledStencil, color: int, line: Whole) -> None:
    """Solve for all unknowns of every cell of one colour along a line.

    In every cell the species are eliminated, psi is computed first, and the species follow from psi.
    """
    last, i, j = x.shape[0] - 1, line // x.shape[2], line % x.shape[2]
    totals = np.empty((last + 1, x.shape[3]))
    for f in range(last + 1):
        totals[f] = with_neighbours(x[f], b[f], matrix.k0[f], matrix.k1[f], matrix.k2[f], i, j)
    ties, inverse = matrix.ties, matrix.inverse
    for k in range((color + i + j) & 1, x.shape[3], 2):
        right = totals[last, k]
        for f in range(last):
            right += ties[f, i, j, k] * totals[f, k] * inverse[f, i, j, k]
        psi = right * inverse[last, i, j, k]
        x[last, i, j, k] = psi
        for f in range(last):
            x[f, i, j, k] = (totals[f, k] + ties[f, i, j, k] * psi) * inverse[f, i, j, k]


@shared
def relax(first: int, last: int, x: Array, b: Array, matrix: CoupledStencil, color: int) -> None:
    """Do half a sweep: over the cells of one colour, in lines."""
    for line in range(first, last):
        relax_line(x, b, matrix, color, line)


@jit
def relax_small(x: Array, b: Array, matrix: CoupledStencil, first: int, sweeps: int) -> None:
    """Do sweeps over both colours, beginning with the colour ``first``, on one core."""
    for half in range(2 * sweeps):
        for line in range(x.shape[1] * x.shape[2]):
            relax_line(x, b, matrix, first + half, line)


@jit
def restrict(x: Array, b: Array, matrix: CoupledStencil, factors: tuple[int, int, int], out: Array) -> None:
    """Set ``out`` to the residual, summed over the fine cells of every coarse cell.

    The sweep before has relaxed the odd cells last, so that their residual is 0: only even cells are summed.
    """
    last, (f0, f1, f2) = x.shape[0] - 1, factors
    diagonal, ties = matrix.diagonal, matrix.ties
    out[:] = 0.0
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            totals = np.empty((last + 1, x.shape[3]))
            for f in range(last + 1):
                totals[f] = with_neighbours(x[f], b[f], matrix.k0[f], matrix.k1[f], matrix.k2[f], i, j)
            for k in range((i + j) & 1, x.shape[3], 2):
                psi = x[last, i, j, k]
                left = totals[last, k] - diagonal[last, i, j, k] * psi
                for f in range(last):
                    tie = ties[f, i, j, k]
                    out[f, i // f0, j // f1, k // f2] += totals[f, k] + tie * psi - diagonal[f, i, j, k] * x[f, i, j, k]
                    left += tie * x[f, i, j, k]
                out[last, i // f0, j // f1, k // f2] += left


@jit
def prolong(x: Array, coarse: Array, factors: tuple[int, int, int]) -> None:
    """Add the value of every coarse cell to all fine cells in it."""
    f0, f1, f2 = factors
    for f in range(x.shape[0]):
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                for k in range(x.shape[3]):
                    x[f, i, j, k] += coarse[f, i // f0, j // f1, k // f2]
