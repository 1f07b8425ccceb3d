"""Gauss-Legendre quadrature in the cells of quantiles: three points per cell, exact for polynomials of degree 5."""

from __future__ import annotations

import numpy as np

from ..._typing import Array

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(3)
GAUSS_POINTS, GAUSS_WEIGHTS = 0.5 + _POINTS / 2, _WEIGHTS / 2  # of the cell (0, 1)


def at_gauss_points(nodes: Array) -> Array:
    """Return the three Gauss-Legendre points of every cell, in increasing order, shape (3 n,)."""
    out = _multiples(np.diff(nodes), GAUSS_POINTS)
    for column in out.T:
        column += nodes[:-1]
    return out.ravel()


def over_gauss_points(masses: Array) -> Array:
    """Return the masses of the cells, spread over the Gauss points of the cells, shape (3 n,)."""
    return _multiples(masses, GAUSS_WEIGHTS).ravel()


def _multiples(values: Array, factors: Array) -> Array:
    """The products of n values and a few factors, shape (n, k). Column by column it is ten times as fast as by broadcasting."""
    out = np.empty((len(values), len(factors)))
    for k, factor in enumerate(factors):
        np.multiply(values, factor, out=out[:, k])
    return out
