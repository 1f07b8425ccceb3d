"""The power laws |x|^p / p, and the quadratic kernel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import finite, plain_numbers
from .base import RadialKernel


@dataclass(frozen=True)
class PowerLaw(RadialKernel):
    """W(x) = |x|^p / p, and log|x| for p = 0. It is attractive for every p.

    * p = 2: W is lambda-convex with lambda = 1. For the other p >= 1: with lambda = 0. For p < 1: for no lambda.
    * 0 < p <= 1: W is pointy.
    * p <= 0: W is singular. In dimension d it is integrable at the origin for p > -d.

    >>> float(PowerLaw(4)(2.0)), PowerLaw(1).pointy, PowerLaw(-1).singular
    (4.0, True, True)
    """

    p: float

    def __post_init__(self) -> None:
        plain_numbers(self)
        finite("p", self.p)

    def profile(self, r: Any) -> Array:
        r = np.asarray(r, dtype=np.float64)
        with np.errstate(divide="ignore"):
            return np.log(r) if self.p == 0 else r**self.p / self.p

    def slope(self, r: Any) -> Array:
        with np.errstate(divide="ignore"):
            return np.asarray(r, dtype=np.float64) ** (self.p - 1)

    def curvature(self, r: Any) -> Array:
        return (self.p - 1) * np.asarray(r, dtype=np.float64) ** (self.p - 2)

    @property
    def convexity(self) -> float:
        if self.p == 2:
            return 1.0
        return 0.0 if self.p >= 1 else -np.inf

    @property
    def singular(self) -> bool:
        return self.p <= 0


@dataclass(frozen=True)
class Quadratic(PowerLaw):
    """W(x) = |x|^2 / 2. It is lambda-convex with lambda = 1.

    >>> float(Quadratic()(3.0, 4.0))
    12.5
    """

    p: float = field(default=2.0, init=False)
