"""Gauss-Legendre quadrature in the cells of quantiles: three points per cell, exact for polynomials of degree 5."""

from __future__ import annotations

import numpy as np

from ..._typing import Array

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(3)
GAUSS_POINTS, GAUSS_WEIGHTS = 0.5 + _POINTS / 2, _WEIGHTS / 2  # of the cell (0, 1)


def at_gauss_points(nodes: Array) -> Array:
    """Return the three Gauss-Legendre points of every cell, in increasing order, shape (3 n,)."""
    return np.asarray((nodes[:-1, None] + np.diff(nodes)[:, None] * GAUSS_POINTS).ravel())


def over_gauss_points(masses: Array) -> Array:
    """Return the masses of the cells, spread over the Gauss points of the cells, shape (3 n,)."""
    return np.asarray((masses[:, None] * GAUSS_WEIGHTS).ravel())
