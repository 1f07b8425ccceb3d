"""Flows and JKO iterates known in closed form, for tests, checks and teaching."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import gamma, pi
from typing import Any

import numpy as np

from ._typing import Array
from ._validate import finite, positive, positive_integer
from .grids import Grid
from .measures import Density


@dataclass(frozen=True)
class OrnsteinUhlenbeck:
    """A Gaussian under diffusion D and the potential k |x - centre|^2 / 2, axis by axis: flow and exact JKO iterates.

    The law is ``diffusion * Entropy() + Potential(stiffness |x - centre|^2 / 2)``; stiffness 0 is the heat equation. Means
    are measured from the centre; the JKO step keeps Gaussians Gaussian (paper note 2, T3 and T4):

        flow   mean e^(-k t),               variance D/k + (s0^2 - D/k) e^(-2 k t)     (s0^2 + 2 D t for k = 0)
        JKO    mean / (1 + k dt),           s' = [s + (s^2 + 4 D dt (1 + k dt))^(1/2)] / (2 (1 + k dt))

    >>> heat = OrnsteinUhlenbeck(mean=0.0, variance=1.0, stiffness=0.0)
    >>> round(heat.jko(0.1, steps=10)[1], 12), heat.flow(1.0)[1]                       # T3
    (2.947516154697, 3.0)
    >>> round(OrnsteinUhlenbeck(0.0, 4.0).jko(0.1, steps=10)[1], 12)                   # T4
    1.464164590049
    """

    mean: float
    variance: float
    stiffness: float = 1.0
    diffusion: float = 1.0
    centre: float = 0.0

    def __post_init__(self) -> None:
        for name in ("mean", "stiffness", "centre"):
            finite(name, getattr(self, name))
        positive("variance", self.variance)
        if finite("diffusion", self.diffusion) < 0:
            raise ValueError(f"diffusion must be >= 0, got {self.diffusion!r}")

    def flow(self, t: float) -> tuple[float, float]:
        """Mean and variance of the flow at time t."""
        k, D = self.stiffness, self.diffusion
        mean = self.centre + (self.mean - self.centre) * np.exp(-k * t)
        if k == 0:
            return float(mean), self.variance + 2 * D * t
        return float(mean), float(D / k + (self.variance - D / k) * np.exp(-2 * k * t))

    def jko(self, dt: float, steps: int = 1) -> tuple[float, float]:
        """Mean and variance after exact JKO steps; needs 1 + k dt > 0."""
        positive("dt", dt)
        k, D = self.stiffness, self.diffusion
        factor = positive("1 + stiffness dt", 1 + k * dt)
        offset, s = self.mean - self.centre, self.variance**0.5
        for _ in range(positive_integer("steps", steps)):
            offset /= factor
            s = (s + np.sqrt(s**2 + 4 * D * dt * factor)) / (2 * factor)
        return float(self.centre + offset), float(s**2)


@dataclass(frozen=True)
class Barenblatt:
    """The self-similar solution of d rho/dt = lap rho^m in R^d, and its exact JKO iterates (paper note 2, T7).

    rho(x) = mass lambda^(-d) B(x / lambda) with B(y) = (A - b |y|^2)_+^(1/(m-1)), lambda = (c t)^alpha, c = mass^(m-1),
    alpha = 1 / (d (m-1) + 2), b = (m-1) alpha / (2 m). For (d-2)/d < m < 1 (fast diffusion) b < 0 and the tails are
    algebraic. The exact JKO step of RenyiEntropy(m), with Potential(stiffness |x|^2 / 2) where one is given, keeps the family:

        (1 + k dt) lambda' = lambda + c dt alpha lambda'^(1 - 1/alpha)

    Raises ValueError for m = 1 (use OrnsteinUhlenbeck with stiffness 0) and for m <= (d - 2) / d, where mass is lost.

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
        positive("m", self.m)
        positive_integer("d", self.d)
        positive("mass", self.mass)
        if self.m == 1 or self.m <= (self.d - 2) / self.d:
            raise ValueError(f"m must be > (d - 2) / d and not 1, got m={self.m!r} with d={self.d}")

    @property
    def alpha(self) -> float:
        """The exponent of the spreading."""
        return 1 / (self.d * (self.m - 1) + 2)

    @property
    def b(self) -> float:
        """The curvature of the profile's pressure."""
        return (self.m - 1) * self.alpha / (2 * self.m)

    @property
    def A(self) -> float:
        """The height of the pressure, which sets the mass of B to 1."""
        half, q = self.d / 2, 1 / (self.m - 1)
        if self.m > 1:
            integral = pi**half * self.b ** (-half) * gamma(q + 1) / gamma(q + 1 + half)
        else:
            integral = pi**half * (-self.b) ** (-half) * gamma(-q - half) / gamma(-q)
        return float(integral ** (-1 / (q + half)))

    @property
    def second_moment(self) -> float:
        """int |y|^2 B(y) dy = M2: W2 between scales lambda and lambda' is |lambda - lambda'| (mass M2)^(1/2).

        Infinite for m <= d / (d + 2).
        """
        half, q = self.d / 2, 1 / (self.m - 1)
        if self.m > 1:
            value = half * pi**half * self.b ** (-half - 1) * self.A ** (q + half + 1) * gamma(q + 1) / gamma(q + half + 2)
        elif self.m > self.d / (self.d + 2):
            value = half * pi**half * (-self.b) ** (-half - 1) * self.A ** (q + half + 1) * gamma(-q - half - 1) / gamma(-q)
        else:
            value = np.inf
        return float(value)

    def scale(self, t: float) -> float:
        """lambda at time t > 0."""
        return float((self.mass ** (self.m - 1) * positive("t", t)) ** self.alpha)

    def radius(self, t: float) -> float:
        """The radius of the support at time t; inf for m < 1."""
        return self.scale(t) * float(np.sqrt(self.A / self.b)) if self.m > 1 else np.inf

    def at_scale(self, scale: float) -> Callable[..., Array]:
        """The density with the given lambda, as a function of the coordinates."""
        positive("scale", scale)

        def density(*x: Any) -> Array:
            squared = sum(np.square(np.asarray(xi, dtype=np.float64)) for xi in x) / scale**2
            pressure = np.maximum(self.A - self.b * squared, 0.0)
            return np.asarray(self.mass * scale ** (-self.d) * pressure ** (1 / (self.m - 1)))

        return density

    def density(self, t: float) -> Callable[..., Array]:
        """The solution at time t, as a function of the coordinates."""
        return self.at_scale(self.scale(t))

    def jko(self, scale: float, dt: float, steps: int = 1, stiffness: float = 0.0) -> float:
        """lambda after exact JKO steps from the given lambda, by a bracketed root of the recursion."""
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
            scale = brentq(lambda s, old=scale: factor * s - old - push * s**power, low, high, xtol=1e-15, rtol=1e-14)
        return float(scale)


def gibbs_state(
    grid: Grid, V: Callable[..., Any] | Any, *, diffusion: float = 1.0, m: float = 1.0, mass: float = 1.0
) -> Density:
    """The stationary density of ``diffusion * Entropy() + Potential(V)``, or of RenyiEntropy(m) in its place.

        m = 1:   exp(-V / D), scaled to the mass;      m != 1:   [(m-1) (mu - V) / (m D)]_+^(1/(m-1)), mu set by the mass

    (paper note 2, 3.10). For m < 1 the constant mu lies below min V.

    >>> grid = Grid.box((-5, 5), cells=500)
    >>> round(float(gibbs_state(grid, lambda x: x**2 / 2, diffusion=0.5).covariance), 6)
    0.5
    """
    from scipy.optimize import brentq

    values = grid.field("V", V)
    positive("diffusion", diffusion)
    positive("m", m)
    positive("mass", mass)
    if m == 1:
        return grid.density(np.exp((values.min() - values) / diffusion), mass=mass)

    def profile(shift: float) -> Array:
        pressure = (m - 1) / (m * diffusion) * (values.min() + shift - values)
        return np.maximum(pressure, 0.0) ** (1 / (m - 1))

    def excess(log_shift: float) -> float:
        return grid.integrate(profile(np.sign(m - 1) * np.exp(log_shift))) - mass

    edge = brentq(excess, *_bracket(excess), xtol=1e-14)
    return grid.density(profile(np.sign(m - 1) * np.exp(edge)), mass=mass)


def _bracket(function: Callable[[float], float]) -> tuple[float, float]:
    """Two points where a monotone function of the logarithm differs in sign."""
    low, high = -1.0, 1.0
    while function(low) * function(high) > 0 and high < 600:
        low, high = 2 * low, 2 * high
    return low, high
