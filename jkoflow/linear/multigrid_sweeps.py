"""The compiled sweeps of ``Multigrid``. Arrays have three axes; axes that the grid lacks have one cell."""

from __future__ import annotations

from .._compiled import jit, shared
from .._typing import Array
from .stencils import Stencil


@jit
def with_neighbours(x: Array, b: Array, k0: Array, k1: Array, k2: Array, i: int, j: int) -> Array:
    """Return, for every cell of a line, b plus the sum over its faces of the conductance times the value beyond the face.

    Every loop computes one sum over neighbours in memory, so that it becomes vector instructions.
    """
    n = x.shape[2]
    total = b[i, j].copy()
    if x.shape[0] > 1:  # the conductance of a wall is 0, so the value beyond it does not matter
        before, after = x[max(i - 1, 0), j], x[min(i + 1, x.shape[0] - 1), j]
        for k in range(n):
            total[k] += k0[i, j, k] * before[k] + k0[i + 1, j, k] * after[k]
    if x.shape[1] > 1:
        before, after = x[i, max(j - 1, 0)], x[i, min(j + 1, x.shape[1] - 1)]
        for k in range(n):
            total[k] += k1[i, j, k] * before[k] + k1[i, j + 1, k] * after[k]
    for k in range(n - 1):
        total[k] += k2[i, j, k + 1] * x[i, j, k + 1]
    for k in range(1, n):
        total[k] += k2[i, j, k] * x[i, j, k - 1]
    return total


@jit
def relax_line(x: Array, b: Array, matrix: Stencil, color: int, i: int, j: int) -> None:
    """Do a Gauss-Seidel step for the cells of one colour of the chessboard along one line."""
    total = with_neighbours(x, b, matrix.k0, matrix.k1, matrix.k2, i, j)
    for k in range((color + i + j) & 1, x.shape[2], 2):
        x[i, j, k] = total[k] * matrix.inverse[i, j, k]


@jit
def begin_line(x: Array, b: Array, inverse: Array, color: int, i: int, j: int) -> None:
    """Do the step of ``relax_line`` from x = 0."""
    for k in range((color + i + j) & 1, x.shape[2], 2):
        x[i, j, k] = b[i, j, k] * inverse[i, j, k]


@shared
def relax(first: int, last: int, x: Array, b: Array, matrix: Stencil, color: int, fresh: bool) -> None:
    """Do half a sweep: over the cells of one colour, in lines. ``fresh`` begins from x = 0, whatever x is."""
    n1 = x.shape[1]
    for line in range(first, last):
        if fresh:
            begin_line(x, b, matrix.inverse, color, line // n1, line % n1)
        else:
            relax_line(x, b, matrix, color, line // n1, line % n1)


@jit
def relax_small(x: Array, b: Array, matrix: Stencil, first: int, fresh: bool, sweeps: int) -> None:
    """Do sweeps over both colours, beginning with ``first``, on one core: on small grids threads cost more than they save."""
    n0, n1, _ = x.shape
    for half in range(2 * sweeps):
        for line in range(n0 * n1):
            if fresh and half == 0:
                begin_line(x, b, matrix.inverse, first, line // n1, line % n1)
            else:
                relax_line(x, b, matrix, first + half, line // n1, line % n1)


@shared
def restrict(first: int, last: int, x: Array, b: Array, matrix: Stencil, factors: tuple[int, int, int], out: Array) -> None:
    """Set lines of ``out`` to the residual, summed over the fine cells of every coarse cell.

    The sweep before has relaxed the odd cells last, so that their residual is 0: only even cells are summed.
    """
    n0, n1, n2 = x.shape
    f0, f1, f2 = factors
    m1 = out.shape[1]
    for line in range(first, last):
        coarse = out[line // m1, line % m1]
        coarse[:] = 0.0
        for i in range(f0 * (line // m1), min(f0 * (line // m1) + f0, n0)):
            for j in range(f1 * (line % m1), min(f1 * (line % m1) + f1, n1)):
                total = with_neighbours(x, b, matrix.k0, matrix.k1, matrix.k2, i, j)
                for k in range((i + j) & 1, n2, 2):
                    coarse[k // f2] += total[k] - matrix.diagonal[i, j, k] * x[i, j, k]


@jit
def prolong(x: Array, coarse: Array, factors: tuple[int, int, int]) -> None:
    """Add the value of every coarse cell to all fine cells in it."""
    f0, f1, f2 = factors
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            for k in range(x.shape[2]):
                x[i, j, k] += coarse[i // f0, j // f1, k // f2]
