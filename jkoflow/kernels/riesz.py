"""The repulsive Riesz kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import positive
from .base import RadialKernel


@dataclass(frozen=True)
class Riesz(RadialKernel):
    """W(x) = |x|^(-alpha) / alpha, alpha > 0: repulsive and singular; integrable in R^d for alpha < d.

    The same as ``-PowerLaw(-alpha)``. lambda-convex for no lambda.

    >>> float(Riesz(0.5)(4.0))
    1.0
    """

    alpha: float

    def __post_init__(self) -> None:
        positive("alpha", self.alpha)

    def profile(self, r: Any) -> Array:
        with np.errstate(divide="ignore"):
            return np.asarray(r, dtype=np.float64) ** (-self.alpha) / self.alpha

    def slope(self, r: Any) -> Array:
        with np.errstate(divide="ignore"):
            return -(np.asarray(r, dtype=np.float64) ** (-self.alpha - 1))

    def curvature(self, r: Any) -> Array:
        return (self.alpha + 1) * np.asarray(r, dtype=np.float64) ** (-self.alpha - 2)

    @property
    def convexity(self) -> float:
        return -np.inf

    @property
    def singular(self) -> bool:
        return True
