"""The attractive Gaussian kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import plain_numbers, positive
from .base import RadialKernel


@dataclass(frozen=True)
class Gaussian(RadialKernel):
    """W(x) = C (1 - exp(-|x|^2 / l^2)): attractive and smooth, with W(0) = 0.

    ``strength`` is C, an energy. ``length`` is l. W is lambda-convex with lambda = -4 C exp(-3/2) / l^2
    (docs/theory/two-species.md, section 4).

    >>> round(Gaussian().convexity, 6), float(Gaussian().gradient(0.0))
    (-0.892521, 0.0)
    """

    strength: float = 1.0
    length: float = 1.0

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("strength", self.strength, "a positive finite number (multiply by -1 for repulsion)")
        positive("length", self.length)

    def profile(self, r: Any) -> Array:
        return -self.strength * np.expm1(-self._squared(r))

    def slope(self, r: Any) -> Array:
        return 2 * self.strength / self.length**2 * np.asarray(r, dtype=np.float64) * np.exp(-self._squared(r))

    def curvature(self, r: Any) -> Array:
        squared = self._squared(r)
        return 2 * self.strength / self.length**2 * (1 - 2 * squared) * np.exp(-squared)

    def _squared(self, r: Any) -> Array:
        return np.square(np.asarray(r, dtype=np.float64) / self.length)

    @property
    def convexity(self) -> float:
        return -4 * self.strength * float(np.exp(-1.5)) / self.length**2

    @property
    def singular(self) -> bool:
        return False
