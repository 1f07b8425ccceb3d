"""The self-similar solution of the porous-medium and fast-diffusion equations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, lgamma, pi
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import finite, plain_numbers, positive, positive_integer
from ..measures import Quantiles


@dataclass(frozen=True)
class Barenblatt:
    """The self-similar solution of d rho/dt = lap rho^m in R^d, and its exact JKO iterates.

    The solution at time t is

        rho(x) = mass lambda^(-d) B(x / lambda),      B(y) = (A - b |y|^2)_+^(1/(m-1)),      lambda = (c t)^alpha,
        c = mass^(m-1),      alpha = 1 / (d (m-1) + 2),      b = (m-1) alpha / (2 m).

    For (d-2)/d < m < 1 (fast diffusion), b < 0 and the tails are algebraic.

    The energy is RenyiEntropy(m), or RenyiEntropy(m) + Potential(k |x|^2 / 2), where k is ``stiffness``. An exact JKO step
    of size dt changes lambda to lambda', the solution of

        (1 + k dt) lambda' = lambda + c dt alpha lambda'^(1 - 1/alpha)

    Raises ValueError for m = 1 (use OrnsteinUhlenbeck with stiffness 0) and for m <= (d - 2) / d, where mass is lost.

    Source: docs/theory/poisson-nernst-planck.md, T7.

    >>> B = Barenblatt(m=2, d=1)
    >>> round(B.A, 10), round(B.radius(1.0), 10)
    (0.3605623926, 2.0800838231)
    >>> round(B.jko(B.scale(0.5), dt=0.05, steps=10), 9)
    0.996270913
    """

    m: float
    d: int
    mass: float = 1.0

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("m", self.m)
        positive_integer("d", self.d)
        positive("mass", self.mass)
        if self.m == 1 or self.m <= (self.d - 2) / self.d:
            raise ValueError(f"m must be > (d - 2) / d and not 1, got m={self.m!r} with d={self.d}")

    @property
    def alpha(self) -> float:
        """The exponent of time in lambda = (c t)^alpha."""
        return 1 / (self.d * (self.m - 1) + 2)

    @property
    def b(self) -> float:
        """The coefficient of |y|^2 in the pressure A - b |y|^2 of the profile B."""
        return (self.m - 1) * self.alpha / (2 * self.m)

    @property
    def A(self) -> float:
        """The maximum of the pressure A - b |y|^2 of the profile B. It makes the mass of B equal to 1."""
        half, q = self.d / 2, 1 / (self.m - 1)
        if self.m > 1:
            integral = pi**half * self.b ** (-half) * exp(lgamma(q + 1) - lgamma(q + 1 + half))
        else:
            integral = pi**half * (-self.b) ** (-half) * exp(lgamma(-q - half) - lgamma(-q))
        return float(integral ** (-1 / (q + half)))

    @property
    def second_moment(self) -> float:
        """The second moment of the profile, M2 = int |y|^2 B(y) dy. It is infinite for m <= d / (d + 2).

        The W2 distance between the scales lambda and lambda' is |lambda - lambda'| (mass M2)^(1/2).
        """
        half, q = self.d / 2, 1 / (self.m - 1)
        if self.m > 1:
            ratio = exp(lgamma(q + 1) - lgamma(q + half + 2))
            value = half * pi**half * self.b ** (-half - 1) * self.A ** (q + half + 1) * ratio
        elif self.m > self.d / (self.d + 2):
            ratio = exp(lgamma(-q - half - 1) - lgamma(-q))
            value = half * pi**half * (-self.b) ** (-half - 1) * self.A ** (q + half + 1) * ratio
        else:
            value = np.inf
        return float(value)

    def scale(self, t: float) -> float:
        """Return lambda at time t > 0."""
        return float((self.mass ** (self.m - 1) * positive("t", t)) ** self.alpha)

    def radius(self, t: float) -> float:
        """Return the radius of the support at time t; inf for m < 1."""
        return self.scale(t) * float(np.sqrt(self.A / self.b)) if self.m > 1 else np.inf

    def at_scale(self, scale: float) -> Callable[..., Array]:
        """Return the density with lambda = ``scale``, as a function of the coordinates."""
        positive("scale", scale)

        def density(*x: Any) -> Array:
            squared = sum(np.square(np.asarray(xi, dtype=np.float64)) for xi in x) / scale**2
            pressure = np.maximum(self.A - self.b * squared, 0.0)
            return np.asarray(self.mass * scale ** (-self.d) * pressure ** (1 / (self.m - 1)))

        return density

    def density(self, t: float) -> Callable[..., Array]:
        """Return the solution at time t, as a function of the coordinates."""
        return self.at_scale(self.scale(t))

    def quantiles(self, t: float, cells: int) -> Quantiles:
        """Return the solution at time t as Quantiles, for d = 1 and m > 1. Raises ValueError otherwise.

        The nodes are x_i = -radius cos(i pi / cells). The width of the cells is proportional to the square root of the
        distance from the free boundary. At the boundary it is about 5 radius / cells^2.

        >>> Barenblatt(m=2, d=1).quantiles(1.0, cells=4).masses.round(6)
        array([0.058058, 0.441942, 0.441942, 0.058058])
        """
        if self.d != 1 or self.m <= 1:
            raise ValueError(f"m and d must be > 1 and 1 for a front on the line, got m={self.m!r}, d={self.d!r}")
        from scipy.special import betainc

        n, q = positive_integer("cells", cells), 1 / (self.m - 1)
        nodes = -np.cos(np.pi * np.arange(n + 1) / n)
        nodes = (nodes - nodes[::-1]) / 2
        level = betainc(q + 1, q + 1, (1 + nodes) / 2)  # the mass of (1 - y^2)^q below y
        return Quantiles(self.radius(t) * nodes, self.mass * np.diff(level))

    def jko(self, scale: float, dt: float, steps: int = 1, stiffness: float = 0.0) -> float:
        """Return lambda after ``steps`` exact JKO steps from lambda = ``scale``: a bracketed root of the recursion."""
        from scipy.optimize import brentq

        positive("scale", scale)
        positive("dt", dt)
        factor = positive("1 + stiffness dt", 1 + finite("stiffness", stiffness) * dt)
        push = self.mass ** (self.m - 1) * dt * self.alpha
        power = 1 - 1 / self.alpha
        for _ in range(positive_integer("steps", steps)):
            low, high = scale / factor, scale / factor
            while factor * high - scale - push * high**power < 0:
                high *= 2
            xtol = 1e-15 * high
            scale = brentq(lambda s, old=scale: factor * s - old - push * s**power, low, high, xtol=xtol, rtol=1e-14)
        return float(scale)
