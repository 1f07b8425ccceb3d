"""Gauss-Legendre quadrature in the cells of quantiles: three points, exact to degree 5."""

from __future__ import annotations

import numpy as np

from ..._typing import Array

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(3)
GAUSS_POINTS, GAUSS_WEIGHTS = 0.5 + _POINTS / 2, _WEIGHTS / 2  # of the cell (0, 1)


def at_gauss_points(nodes: Array) -> Array:
    """The three Gauss-Legendre points of every cell, in order, flat: (3 n,)."""
    return np.asarray((nodes[:-1, None] + np.diff(nodes)[:, None] * GAUSS_POINTS).ravel())


def over_gauss_points(masses: Array) -> Array:
    """The masses of the cells spread over their Gauss points, flat: (3 n,)."""
    return np.asarray((masses[:, None] * GAUSS_WEIGHTS).ravel())
