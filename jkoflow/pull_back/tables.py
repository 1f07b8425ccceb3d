"""The tables that the sums over moved cells in space read."""

from __future__ import annotations

from typing import NamedTuple

from .._typing import Array


class Tables(NamedTuple):
    """The density, its limited slopes, and primitives that make a field whose divergence is the density (see ``_space``).

    * ``r``, ``r1``, ``r2`` are the means over x of the density and of its slopes in y and z.
    * ``P``, ``P1``, ``P2`` are the primitives in x of the density minus ``r``, and of these slopes minus ``r1`` and ``r2``.
    * ``m``, ``m2`` are the means over y of ``r`` and ``r2``.
    * ``Q``, ``Q2`` are the primitives in y of ``r`` minus ``m`` and ``r2`` minus ``m2``.
    * ``R`` is the primitive in z of ``m``.
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
