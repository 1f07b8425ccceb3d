"""The ball that spreads by its own repulsion under a Riesz kernel, with and without inertia."""

from __future__ import annotations

from dataclasses import dataclass
from math import gamma, pi
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import finite, plain_numbers, positive, positive_integer


@dataclass(frozen=True)
class RieszBall:
    """The flow of Interaction(strength |x|^(-alpha)) in R^d from its self-similar profile, of mass 1: rho = R^(-d) U(x / R).

        U(y) = c_U (1 - |y|^2)_+^((alpha + 2 - d) / 2),      max(0, d - 2) <= alpha < d, alpha > 0
        strength |x|^(-alpha) * U = k_0 (1 - alpha |y|^2 / d) in the ball,      kappa = 2 k_0 alpha / d

        first order:   R^(alpha + 2) = R_0^(alpha + 2) + kappa (alpha + 2) t
        with inertia:  epsilon R'' + R' = kappa R^(-alpha - 1),      v = (R' / R) x
        a JKO step:    R' = R + dt kappa R'^(-alpha - 1)

    It is the Barenblatt solution of the porous medium equation with fractional pressure. In jkoflow the kernel is
    ``strength * alpha * Riesz(alpha)``.

    Raises ValueError for alpha outside of its range.

    Source: Biler, Imbert, Karch (2015) for the profile; docs/theory/small-inertia.md, T12 and T13.

    >>> ball = RieszBall(d=2, alpha=1.0)
    >>> round(ball.kappa, 12), round(ball.radius(0.5), 12), round(ball.inertial_radius(0.5, epsilon=0.1), 9)
    (2.356194490192, 1.655146676703, 1.755440833)
    """

    d: int
    alpha: float
    strength: float = 1.0

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive_integer("d", self.d)
        positive("alpha", self.alpha)
        positive("strength", self.strength)
        if not max(0, self.d - 2) <= self.alpha < self.d:
            raise ValueError(f"alpha must be in [d - 2, d) for d={self.d}, got {self.alpha!r}")

    @property
    def _b(self) -> float:
        """|y|^2 has the law Beta(d / 2, b) under U."""
        return 2 - (self.d - self.alpha) / 2

    @property
    def k0(self) -> float:
        """The potential at the centre of the ball of radius 1."""
        return self.strength * gamma(2 + self.alpha / 2) * gamma((self.d - self.alpha) / 2) / gamma(self.d / 2)

    @property
    def kappa(self) -> float:
        """The speed of the surface of the ball of radius 1."""
        return 2 * self.k0 * self.alpha / self.d

    @property
    def second_moment(self) -> float:
        """int |y|^2 U."""
        return self.d / (self.alpha + 4)

    @property
    def mean_radius(self) -> float:
        """int |y| U."""
        half = self.d / 2
        return gamma(half + 0.5) * gamma(half + self._b) / (gamma(half) * gamma(half + 0.5 + self._b))

    def density(self, *x: Any, radius: float = 1.0) -> Array:
        """The density at places x of the ball of a radius: a function of space for ``grid.density``."""
        inside = 1 - sum(np.square(c) for c in x) / radius**2
        c_U = gamma(2 + self.alpha / 2) / (pi ** (self.d / 2) * gamma(self._b))
        power = (self.alpha + 2 - self.d) / 2
        return np.where(inside > 0, c_U * np.maximum(inside, 1e-300) ** power, 0.0) / radius**self.d

    def enclosing(self, shares: Any, radius: float = 1.0) -> Array:
        """The radii that enclose shares of the mass between 0 and 1: nodes for RadialQuantiles."""
        from scipy.stats import beta

        return np.asarray(radius * np.sqrt(beta.ppf(shares, self.d / 2, self._b)))

    def radius(self, t: float, start: float = 1.0) -> float:
        """The radius at time t, of first order."""
        return float((start ** (self.alpha + 2) + self.kappa * (self.alpha + 2) * t) ** (1 / (self.alpha + 2)))

    def inertial_radius(self, t: float, epsilon: float, start: float = 1.0, speed: float | None = None) -> float:
        """The radius at time t with the inertia time epsilon. ``speed`` is R' at the start, by default that of first order."""
        return self._inertial(t, epsilon, start, speed)[0]

    def inertial_speed(self, t: float, epsilon: float, start: float = 1.0, speed: float | None = None) -> float:
        """R' at time t with the inertia time epsilon."""
        return self._inertial(t, epsilon, start, speed)[1]

    def first_correction(self, t: float, start: float = 1.0, speed: float | None = None) -> float:
        """r_1 in R_epsilon = R + epsilon r_1 + O(epsilon^2), behind the layer."""
        slowest = self.kappa * start ** (-self.alpha - 1)
        first = slowest if speed is None else finite("speed", speed)
        ratio = self.radius(t, start) / start
        return float(ratio ** (-self.alpha - 1) * (first - slowest + slowest * (self.alpha + 1) * np.log(ratio)))

    def jko(self, radius: float, dt: float, steps: int = 1) -> float:
        """The radius after exact JKO steps of size dt."""
        from scipy.optimize import brentq

        for _ in range(steps):
            push = dt * self.kappa * radius ** (-self.alpha - 2)  # in units of the radius before
            growth = brentq(lambda g, push=push: g - push * (1 + g) ** (-self.alpha - 1), 0.0, push, xtol=1e-15 * push)
            radius *= 1 + float(growth)
        return radius

    def energy_distance(self, one: float, other: float) -> float:
        """int int strength |x - y|^(-alpha) of the difference of the balls of two radii with itself (T13)."""
        a = self.alpha
        small, large = sorted((positive("one", one), positive("other", other)))
        both = 4 / (4 + a) * (small**-a + large**-a)
        return float(self.k0 * (both - 2 * large**-a * (1 - a / (4 + a) * (small / large) ** 2)))

    def _inertial(self, t: float, epsilon: float, start: float, speed: float | None) -> tuple[float, float]:
        from scipy.integrate import solve_ivp

        eps = positive("epsilon", epsilon)
        first = self.kappa * start ** (-self.alpha - 1) if speed is None else finite("speed", speed)

        def moved(_: float, y: Array) -> list[float]:
            return [y[1], (self.kappa * y[0] ** (-self.alpha - 1) - y[1]) / eps]

        end = solve_ivp(moved, (0.0, t), [start, first], method="Radau", rtol=1e-12, atol=1e-13).y[:, -1]
        return float(end[0]), float(end[1])
