"""Functions of space on the line with their first two derivatives, by differences where they are not given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..._functions import values_of
from ..._typing import Array


class Jet(NamedTuple):
    """The values, slopes and curvatures of a function at points."""

    value: Array
    slope: Array
    curvature: Array


@dataclass(frozen=True, eq=False)
class PointLaw:
    """The function ``factor`` V of the line, with its derivatives at points.

    If the gradient is given, the second derivative is a central difference of the gradient. Otherwise both derivatives are
    central differences of V. The differences are of fourth order.
    """

    V: Callable[..., Any]
    factor: float = 1.0
    gradient: Callable[..., Any] | None = None

    def __call__(self, z: Array, length: float) -> Jet:
        """The jet at points z. ``length`` is one on which V varies little: differences reach about 1e-3 of it."""
        # powers of two, so that z + h is exact
        h = np.ldexp(1.0, np.frexp(1e-3 * length + 1e-4 * np.abs(z - z[len(z) // 2]))[1] - 1)
        value, c = _values(self.V, z), self.factor
        if self.gradient is not None:
            a, b, d, e = (_values(self.gradient, z + k * h, "gradient") for k in (-2, -1, 1, 2))
            curvature = (8 * (d - b) - (e - a)) / (12 * h)
            within = np.where(np.isfinite(curvature), curvature, 0.0)  # it may not reach past a wall
            return Jet(c * value, c * _values(self.gradient, z, "gradient"), c * within)
        a, b, d, e = (_values(self.V, z + k * h) for k in (-2, -1, 1, 2))
        slope = c * (8 * (d - b) - (e - a)) / (12 * h)
        return Jet(c * value, slope, c * (16 * (d + b) - (e + a) - 30 * value) / (12 * h**2))


def _values(f: Callable[..., Any], z: Array, name: str = "V") -> Array:
    return values_of(name, f, [z])
