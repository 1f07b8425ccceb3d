"""What the singular and the odd powers of a kernel are worth within one cell, where Gauss points do not see it."""

from __future__ import annotations

import numpy as np

from ..._typing import Array
from .gauss import GAUSS_POINTS, GAUSS_WEIGHTS
from .line import LineKernel


def own_cell_law(p: float) -> tuple[float, float]:
    """(a, b) such that the double mean of |x - y|^p / p over a cell of width h exceeds that of its Gauss points, pairs of one
    point left out, by a h^p / p, and for p = 0 (the logarithm) by a log h + b.
    """
    apart = np.abs(GAUSS_POINTS[:, None] - GAUSS_POINTS)
    pairs = GAUSS_WEIGHTS[:, None] * GAUSS_WEIGHTS * (apart > 0)
    distances = np.where(apart > 0, apart, 1.0)
    if p == 0:
        return float(1 - pairs.sum()), float(-1.5 - np.sum(pairs * np.log(distances)))
    return float(2 / ((p + 1) * (p + 2)) - np.sum(pairs * distances**p)), 0.0


def own_cell_mean(kernel: LineKernel, masses: Array, widths: Array) -> Array:
    """What has to be added to the cell averages of W * rho, cell by cell; infinite in an atom where W is singular."""
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
