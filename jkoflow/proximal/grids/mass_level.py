"""The constant in a potential that gives a species its mass."""

from __future__ import annotations

import numpy as np

from ..._typing import Array
from .conjugate import Conjugate


def level_of_mass(conjugate: Conjugate, level: Array, total: float) -> float:
    """The constant x for which the densities at level + x add up to ``total`` over the cells.

    Newton's method for the logarithm of the sum finds x, within a bracket. It begins at x = 0, because ``level`` is close to
    the answer of the last call; it begins below 0 if the densities could overflow there.
    """
    low, high = -np.inf, np.inf
    # At start the largest density is ten times the total.
    start = float(conjugate.derivative(np.array([min(10 * total, conjugate.local.cap)]))[0]) - float(level.max())
    x = 0.0 if np.isfinite(conjugate.local.cap) else min(0.0, start)
    within = level[np.isfinite(level)]
    stride = float(np.ptp(within)) or abs(start) or 1.0  # in the unit of the energy, where no density tells the way
    for _ in range(200):
        rho, slopes = conjugate.density(level + x)
        present, slope = float(rho.sum()), float(slopes.sum())
        if abs(present - total) <= 4e-15 * total:
            return x
        if present > total:
            high = x
        else:
            low = x
        if present > 0 and slope > 0 and present < np.inf:
            new = x - np.log(present / total) * present / slope
        else:
            new = x + stride if present < total else x - stride
            stride *= 2
        bounded = 0.5 * (low + high) if low > -np.inf and high < np.inf and not low < new < high else new
        if bounded == x:
            return x
        x = bounded
    return x
