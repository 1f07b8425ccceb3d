"""The repulsive Riesz kernel."""

from __future__ import annotations

from .._validate import positive
from .base import RadialCombination
from .power_law import PowerLaw


class Riesz(RadialCombination):
    """W(x) = |x|^(-alpha) / alpha with alpha > 0: repulsive and singular.

    It is -PowerLaw(-alpha), and works wherever ``PowerLaw`` works. In R^d it is integrable at the origin for alpha < d. It is
    lambda-convex for no lambda.

    >>> float(Riesz(0.5)(4.0))
    1.0
    """

    alpha: float

    def __init__(self, alpha: float) -> None:
        if alpha == 0:
            raise ValueError("alpha must be positive, got 0: take -PowerLaw(0), the limit -log|x|")
        object.__setattr__(self, "alpha", positive("alpha", alpha))
        super().__init__(((-1.0, PowerLaw(-self.alpha)),))

    def __repr__(self) -> str:
        return f"Riesz(alpha={self.alpha!r})"
