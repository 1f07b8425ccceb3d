"""Corrections of Gauss quadrature for pairs of points within the same cell, where |x - y|^p is not smooth."""

from __future__ import annotations

import numpy as np

from ..._typing import Array
from .gauss import GAUSS_POINTS, GAUSS_WEIGHTS
from .line import LineKernel


def own_cell_law(p: float) -> tuple[float, float]:
    """Return (a, b), which give the error of Gauss quadrature for the double mean of |x - y|^p / p over a cell of width h.

    The double mean over the cell minus the double sum over its three Gauss points, without the pairs of a point with itself, is

    * a h^p / p for p other than 0, with b = 0;
    * a log h + b for p = 0, where |x - y|^p / p stands for log|x - y|.
    """
    apart = np.abs(GAUSS_POINTS[:, None] - GAUSS_POINTS)
    pairs = GAUSS_WEIGHTS[:, None] * GAUSS_WEIGHTS * (apart > 0)
    distances = np.where(apart > 0, apart, 1.0)
    if p == 0:
        return float(1 - pairs.sum()), float(-1.5 - np.sum(pairs * np.log(distances)))
    return float(2 / ((p + 1) * (p + 2)) - np.sum(pairs * distances**p)), 0.0


def own_cell_mean(kernel: LineKernel, masses: Array, widths: Array) -> Array:
    """Return the correction of the average of W * rho over every cell.

    It is the exact interaction of the cell with itself minus the sum over Gauss points. In an atom it is infinite if W is
    singular.
    """
    total = np.zeros_like(widths)
    for c, p in kernel.powers:
        a, b = own_cell_law(p)
        with np.errstate(divide="ignore", invalid="ignore"):
            if p > 0:
                excess = a * widths**p / p
            elif p == 0:
                excess = np.where(widths > 0, a * np.log(widths) + b, -np.inf)
            else:
                excess = np.where(widths > 0, a * widths**p / p, -np.inf)
        total += np.where(masses > 0, c * masses * np.where(masses > 0, excess, 0.0), 0.0)
    return total
