"""The attractive Morse (exponential) kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import plain_numbers, positive
from .base import RadialKernel


@dataclass(frozen=True)
class Morse(RadialKernel):
    """W(x) = C (1 - exp(-|x| / l)): attractive and pointy, with W(0) = 0.

    ``strength`` is C, an energy. ``length`` is l. W is lambda-convex with lambda = -C / l^2
    (docs/theory/two-species.md, section 4).

    The attractive-repulsive Morse kernel is the difference of two Morse kernels.

    >>> Morse(strength=2.0, length=0.5).convexity
    -8.0
    """

    strength: float = 1.0
    length: float = 1.0

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("strength", self.strength, "a positive finite number (multiply by -1 for repulsion)")
        positive("length", self.length)

    def profile(self, r: Any) -> Array:
        return -self.strength * np.expm1(-np.asarray(r, dtype=np.float64) / self.length)

    def slope(self, r: Any) -> Array:
        return self.strength / self.length * np.exp(-np.asarray(r, dtype=np.float64) / self.length)

    def curvature(self, r: Any) -> Array:
        return -self.slope(r) / self.length

    @property
    def convexity(self) -> float:
        return -self.strength / self.length**2

    @property
    def singular(self) -> bool:
        return False
