"""The constant in a potential that gives a species its mass."""

from __future__ import annotations

import numpy as np

from ..._typing import Array
from .conjugate import Conjugate

_ITERATIONS, _SLOW = 200, 2  # at most; those without a gain of a half after which the bracket is


def level_of_mass(conjugate: Conjugate, level: Array, total: float) -> float:
    """The constant x for which the densities at level + x add up to ``total`` over the cells.

    With r = total / number of cells, the sum is at most ``total`` if level + x <= U'(r) in every cell, and at least ``total``
    if level + x >= U'(r) in every cell. This is a bracket. Newton's method for the logarithm of the sum finds x within it.
    Where Newton's method does not halve the error of the mass in two iterations, the bracket is halved.

    The iteration begins at x = 0, because ``level`` is close to the answer of the last call. It begins below 0 if the
    densities could overflow there.
    """
    within = level[np.isfinite(level)]
    top = float(within.max())
    mean, heap = (float(conjugate.derivative(np.array([s]))[0]) for s in (total / within.size, 10 * total))
    low, high = mean - top, mean - float(within.min())
    x = 0.0 if np.isfinite(conjugate.local.cap) else min(0.0, heap - top)  # there the largest density is ten times the total
    x = x if low < x < high else 0.5 * (low + high)
    least, slow = np.inf, 0
    for _ in range(_ITERATIONS):
        rho, slopes = conjugate.density(level + x)
        present, slope = float(rho.sum()), float(slopes.sum())
        if abs(present - total) <= 4e-15 * total:
            return x
        low, high = (low, x) if present > total else (x, high)
        least, slow = (error, 0) if (error := abs(present - total)) < 0.5 * least else (least, slow + 1)
        new = x - np.log(present / total) * present / slope if 0 < present < np.inf and slope > 0 else np.nan
        new = new if low < new < high and slow < _SLOW else 0.5 * (low + high)
        slow = 0 if slow == _SLOW else slow
        if new == x:
            return x
        x = float(new)
    return x
