"""Cumulative sums of arrays that begin or end with 0."""

from __future__ import annotations

import numpy as np

from ._typing import Array


def cumulated(values: Array) -> Array:
    """Return the sums of the first 0, 1, ..., n entries, shape (n + 1,).

    >>> cumulated(np.array([0.5, 0.25, 0.25]))
    array([0.  , 0.5 , 0.75, 1.  ])
    """
    return np.concatenate([[0.0], np.cumsum(values)])


def cumulated_from_right(values: Array) -> Array:
    """Return the sums of the last n, n - 1, ..., 0 entries, shape (n + 1,)."""
    return np.concatenate([np.cumsum(values[::-1])[::-1], [0.0]])
