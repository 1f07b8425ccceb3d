"""Cumulative sums of arrays that begin or end with 0; arrays as inputs of compiled functions."""

from __future__ import annotations

from typing import TypeVarTuple, cast

import numpy as np

from ._typing import Array

Arrays = TypeVarTuple("Arrays")


def cumulated(values: Array) -> Array:
    """Return the sums of the first 0, 1, ..., n entries, shape (n + 1,).

    >>> cumulated(np.array([0.5, 0.25, 0.25]))
    array([0.  , 0.5 , 0.75, 1.  ])
    """
    return np.concatenate([[0.0], np.cumsum(values)])


def cumulated_from_right(values: Array) -> Array:
    """Return the sums of the last n, n - 1, ..., 0 entries, shape (n + 1,)."""
    return np.concatenate([np.cumsum(values[::-1])[::-1], [0.0]])


def read_only(*arrays: *Arrays) -> tuple[*Arrays]:
    """Return read-only views of the arrays.

    numba compiles a function once for every combination of writable and read-only arguments. So a function with several
    arrays as inputs is called with views of one kind.

    >>> read_only(np.zeros(2))[0].flags.writeable
    False
    """
    views = tuple(cast(Array, array).view() for array in arrays)
    for view in views:
        view.setflags(write=False)
    return cast("tuple[*Arrays]", views)
