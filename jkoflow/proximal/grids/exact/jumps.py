"""Jumps of densities between neighbouring cells."""

from __future__ import annotations

import numpy as np

from ...._typing import Array


def has_unresolved_jump(mu: Array) -> bool:
    """Return True if the density of a cell above 1e-2 of the largest one drops to a neighbour by more than a factor of 4."""
    return _drops(mu, 1e-2, 0.25)


def has_jump_to_vacuum(mu: Array) -> bool:
    """Return True if the density of a cell above 1e-6 of the largest one drops to almost 0: by more than a factor of 1e9."""
    return _drops(mu, 1e-6, 1e-9)


def _drops(mu: Array, share: float, ratio: float) -> bool:
    """Return True if a cell above ``share`` of the largest density has a neighbour below ``ratio`` times its own density.

    Cells with NaN do not count.
    """
    top = float(np.nanmax(mu))
    for axis in range(mu.ndim):
        v = mu.swapaxes(axis, 0)
        low, high = np.minimum(v[1:], v[:-1]), np.maximum(v[1:], v[:-1])
        if ((high > share * top) & (low < ratio * high)).any():
            return True
    return False
