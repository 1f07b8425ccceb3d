"""What the sums over moved cells in space look up."""

from __future__ import annotations

from typing import NamedTuple

from .._typing import Array


class Tables(NamedTuple):
    """The density, its limited slopes, and the primitives of the field whose divergence it is (see ``_space``).

    ``P``, ``P1``, ``P2`` are primitives in x of the density and of its slopes in y and z, less their means over x, which
    ``r``, ``r1``, ``r2`` hold; ``Q``, ``Q2`` primitives in y of ``r`` and ``r2`` less their means ``m``, ``m2``; ``R`` the
    primitive in z of ``m``.
    """

    density: Array
    slope0: Array
    slope1: Array
    slope2: Array
    P: Array
    P1: Array
    P2: Array
    r: Array
    r1: Array
    r2: Array
    Q: Array
    Q2: Array
    R: Array
    m: Array
    m2: Array
