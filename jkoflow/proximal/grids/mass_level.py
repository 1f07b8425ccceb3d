"""The constant in a potential that gives a species its mass."""

from __future__ import annotations

import numpy as np

from ..._typing import Array
from .conjugate import Conjugate


def level_of_mass(conjugate: Conjugate, level: Array, total: float) -> float:
    """The constant x for which the densities at level + x add up to ``total``: Newton on the logarithm, within a bracket.

    It begins at 0, where the last level was; below that where the densities could overflow.
    """
    low, high = -np.inf, np.inf
    start = float(conjugate.derivative(np.array([min(10 * total, conjugate.local.cap)]))[0]) - float(
        level.max()
    )  # one cell, ten times all
    x = 0.0 if np.isfinite(conjugate.local.cap) else min(0.0, start)
    for _ in range(200):
        rho, slopes = conjugate.density(level + x)
        held, slope = float(rho.sum()), float(slopes.sum())
        if abs(held - total) <= 4e-15 * total:
            return x
        if held > total:
            high = x
        else:
            low = x
        if held > 0 and slope > 0 and held < np.inf:
            new = x - np.log(held / total) * held / slope
        else:
            new = x + 1.0 if held < total else x - 1.0
        bounded = 0.5 * (low + high) if low > -np.inf and high < np.inf and not low < new < high else new
        if bounded == x:
            return x
        x = bounded
    return x
