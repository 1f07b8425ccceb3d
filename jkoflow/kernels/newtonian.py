"""The Newtonian potential, fundamental solution of minus the Laplacian."""

from __future__ import annotations

from dataclasses import dataclass
from math import gamma, pi
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import plain_numbers, positive_integer
from .base import RadialKernel


@dataclass(frozen=True)
class Newtonian(RadialKernel):
    """The kernel G with -lap G = delta in R^d. It is repulsive; ``-Newtonian(d)`` is attractive.

    * d = 1: G = -|x| / 2, pointy;
    * d = 2: G = -log|x| / (2 pi), singular;
    * d >= 3: G = |x|^(2-d) / (d (d-2) omega_d), singular. Here omega_d is the volume of the unit ball, so that
      G = 1 / (4 pi |x|) for d = 3.

    G is lambda-convex for no lambda.

    Source: Kinderlehrer, Monsaingeon, Xu (2017), (1.2).

    >>> float(Newtonian(1)(3.0)), round(4 * pi * float(Newtonian(3)(2.0, 0.0, 0.0)), 12)
    (-1.5, 0.5)
    """

    d: int

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive_integer("d", self.d)

    def profile(self, r: Any) -> Array:
        r = np.asarray(r, dtype=np.float64)
        with np.errstate(divide="ignore"):
            if self.d == 2:
                return -np.log(r) / (2 * pi)
            return r ** (2.0 - self.d) / ((self.d - 2) * self._sphere)

    def slope(self, r: Any) -> Array:
        with np.errstate(divide="ignore"):
            return -(np.asarray(r, dtype=np.float64) ** (1.0 - self.d)) / self._sphere

    def curvature(self, r: Any) -> Array:
        return (self.d - 1) * np.asarray(r, dtype=np.float64) ** (-float(self.d)) / self._sphere

    @property
    def _sphere(self) -> float:
        """The surface of the unit sphere in R^d."""
        return 2 * pi ** (self.d / 2) / gamma(self.d / 2)

    @property
    def convexity(self) -> float:
        return -np.inf

    @property
    def singular(self) -> bool:
        return self.d >= 2
