"""Linear systems of nodes with springs of any stiffness between neighbours."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .._typing import Array, Mask

LIFTS = (0.0, 1e-13)  # of the diagonal: stiff springs can hide what holds the nodes behind the rounding


def tridiagonal_solver(diagonal: Array, off_diagonal: Array) -> Callable[[Array], Array] | None:
    """Return a solver with a symmetric tridiagonal matrix, or None if the matrix is not positive definite.

    A matrix that is positive definite only with a diagonal larger by 1e-13 counts as positive definite.
    """
    from scipy.linalg.lapack import dpttrf, dpttrs

    if len(diagonal) == 1:
        return (lambda b: b / diagonal) if diagonal[0] > 0 else None
    for lift in LIFTS:
        factor, beside, failed = dpttrf(diagonal * (1 + lift), off_diagonal)
        if not failed:
            return lambda b: np.asarray(dpttrs(factor, beside, b)[0])
    return None


def chain_solver(diagonal: Array, off_diagonal: Array, stiffness: Array, free: Mask) -> Callable[[Array, Array], Array]:
    """Return a solver for the nodes of a chain with springs.

        N y + D^T s = force,    s = stiffness (D y) + stress,    (D y)_k = y_{k+1} - y_k

    N is the symmetric tridiagonal matrix of ``diagonal`` and ``off_diagonal``. Nodes that are not ``free`` feel no spring.
    The function returned takes force (n,) and stress (n - 1,), and returns y.

    The stresses s are unknowns beside the nodes. So a spring of any stiffness, that of a rod included, leaves the sum of the
    forces on its two nodes exact. In the matrix N + D^T stiffness D it would hide N behind the rounding.

    Cost: O(n), a banded solve with two bands on either side.

    >>> rod = chain_solver(np.ones(2), np.zeros(1), np.array([1e30]), np.ones(2, dtype=bool))
    >>> rod(np.array([1.0, 0.0]), np.zeros(1))
    array([0.5, 0.5])
    """
    from scipy.linalg import solve_banded

    n = len(diagonal)
    own = np.where(free, diagonal, 0.0)
    unit = np.maximum(own[1:], own[:-1])  # of the stress in a gap; 0 only between two nodes that are not free
    unit = np.where(unit > 0, unit, 1.0)
    soft = stiffness / unit
    a, b = 1 / (1 + soft), soft / (1 + soft)  # a s / unit - b D y = a stress / unit
    rows = np.maximum(diagonal, np.maximum(np.append(unit, 0.0), np.append(0.0, unit)))
    banded = np.zeros((5, 2 * n - 1))  # y and s / unit by turns; entry (i, j) stands at [2 + i - j, j]
    banded[2, ::2], banded[2, 1::2] = diagonal / rows, a
    banded[0, 2::2], banded[4, : 2 * n - 2 : 2] = off_diagonal / rows[:-1], off_diagonal / rows[1:]
    banded[3, : 2 * n - 2 : 2], banded[1, 2::2] = b, -b
    banded[1, 1::2] = np.where(free[:-1], -unit / rows[:-1], 0.0)
    banded[3, 1::2] = np.where(free[1:], unit / rows[1:], 0.0)

    def solve(force: Array, stress: Array) -> Array:
        right = np.zeros(2 * n - 1)
        right[::2], right[1::2] = force / rows, a * stress / unit
        return np.asarray(solve_banded((2, 2), banded, right, check_finite=False)[::2])

    return solve


def positive_definite_solver(matrix: Any) -> Callable[[Array], Array] | None:
    """Return a solver with a symmetric sparse matrix in CSC form, or None if the matrix is not positive definite.

    A matrix that is positive definite only with a diagonal larger by 1e-13 counts as positive definite.
    """
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import splu

    for lift in LIFTS:
        lifted = (matrix + diags_array(lift * matrix.diagonal())).tocsc() if lift else matrix
        with contextlib.suppress(RuntimeError):  # a singular factor
            factors = splu(lifted, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
            if np.all(factors.U.diagonal() > 0):
                return lambda b: np.asarray(factors.solve(b))
    return None


def spring_solver(matrix: Any, differences: Any, stiffness: Array, free: Mask) -> Callable[[Array, Array], Array]:
    """Return what ``chain_solver`` returns, for a sparse matrix N and springs between any nodes.

    ``differences`` is D, a sparse matrix with a row for every spring. Nodes that are not ``free`` feel no spring.
    """
    from scipy.sparse import block_array, diags_array
    from scipy.sparse.linalg import splu

    scale = float(matrix.diagonal().max())
    a, b = 1 / (1 + stiffness / scale), scale * stiffness / (scale + stiffness)
    pulls = diags_array(free.astype(float)) @ differences.T
    whole = block_array([[matrix, pulls], [-(diags_array(b) @ differences), diags_array(a)]])
    factors = splu(whole.tocsc())

    def solve(force: Array, stress: Array) -> Array:
        return np.asarray(factors.solve(np.concatenate([force, a * stress]))[: len(free)])

    return solve
