"""A field that is a quadratic function of space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import finite_array
from ..linear import phi
from .base import AnyField, Emission, Medium
from .emitters import Points
from .profiles import QuadraticProfile


@dataclass(frozen=True, eq=False)
class QuadraticField(AnyField):
    """c(x) = constant + slope . x - curvature |x|^2 / 2, in the whole space: fields whose flows are known in closed form.

    Without sources it decays. With ``QuadraticProfile`` its slope remembers the mean of the particles.

    ``modes`` is the array (constant, slope..., curvature). Source: docs/theory/chemotaxis.md, T4, T5, T10 and T11.

    >>> field = QuadraticField([0.0, 1.0, 3.0, 2.0])
    >>> field.at([[1.0, 1.0]]), field.gradient_at([[1.0, 1.0]])
    (array([2.]), array([[-1.,  1.]]))
    """

    modes: Array = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if np.ndim(self.modes) != 1 or not 3 <= len(self.modes) <= 5:
            raise ValueError(f"modes must be (constant, slope in 1 to 3 dimensions, curvature), got {self.modes!r}")
        modes = finite_array("modes", self.modes, np.shape(self.modes)).copy()
        modes.setflags(write=False)
        object.__setattr__(self, "modes", modes)

    @property
    def dim(self) -> int:
        return len(self.modes) - 2

    def like(self, modes: Array) -> QuadraticField:
        return QuadraticField(modes)

    def at(self, points: Any) -> Array:
        x = self._as_points(points)
        return np.asarray(self.modes[0] + x @ self.modes[1:-1] - self.modes[-1] * (x**2).sum(axis=1) / 2)

    def gradient_at(self, points: Any) -> Array:
        return np.asarray(self.modes[1:-1] - self.modes[-1] * self._as_points(points)).reshape(np.shape(points))

    def decay_rates(self, medium: Medium) -> Array:
        return np.full(len(self.modes), medium.decay)

    def after(self, h: float, medium: Medium, first: Sequence[Emission], last: Sequence[Emission]) -> QuadraticField:
        """As for every field. Diffusion lowers the constant by d D int curvature, which is exact too for linear sources."""
        still = medium._replace(diffusion=0.0)
        modes = super().after(h, still, first, last).modes.copy()
        start, end = self.source(first, still)[-1], self.source(last, still)[-1]
        e, p1, p2, p3 = phi(4, medium.decay * h)
        made = h**2 * (end * (p1 - p2) + (start - end) * (p1 - 2 * p2 + 2 * p3))
        modes[0] -= medium.diffusion * self.dim * (h * e * self.modes[-1] + made)
        return self.like(modes)

    def ready(self, emissions: Sequence[Emission], h: float, medium: Medium) -> QuadraticField:
        for _, profile, emitter in emissions:
            if not isinstance(profile, QuadraticProfile) or not isinstance(emitter, Points):
                raise ValueError(f"a QuadraticField is made by particles with a QuadraticProfile, got {profile!r}")
        return self

    def source(self, emissions: Sequence[Emission], medium: Medium) -> Array:
        total = np.zeros(len(self.modes))
        total[0] = -medium.diffusion * self.dim * self.modes[-1]
        for strength, profile, emitter in emissions:
            assert isinstance(profile, QuadraticProfile)
            assert isinstance(emitter, Points)
            x, m, b = emitter.points, emitter.masses, strength * profile.b
            total += b * np.concatenate([[-m @ (x**2).sum(axis=1) / 2], m @ x, [m.sum()]])
        return total
