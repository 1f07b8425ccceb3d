"""Gaussians under linear drift and diffusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._validate import finite, plain_numbers, positive, positive_integer


@dataclass(frozen=True)
class OrnsteinUhlenbeck:
    """A Gaussian under diffusion D and the potential k |x - centre|^2 / 2: the flow and the exact JKO iterates.

    The law is ``diffusion * Entropy() + Potential(stiffness |x - centre|^2 / 2)``. Stiffness 0 is the heat equation. The
    formulas hold for every axis. The flow and the JKO step keep Gaussians Gaussian:

        flow   mean e^(-k t),               variance D/k + (s0^2 - D/k) e^(-2 k t)     (s0^2 + 2 D t for k = 0)
        JKO    mean / (1 + k dt),           s' = [s + (s^2 + 4 D dt (1 + k dt))^(1/2)] / (2 (1 + k dt))

    In these formulas the mean is measured from the centre, and s is the standard deviation.

    Source: docs/theory/poisson-nernst-planck.md, T3 and T4.

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
        plain_numbers(self)
        for name in ("mean", "stiffness", "centre"):
            finite(name, getattr(self, name))
        positive("variance", self.variance)
        if finite("diffusion", self.diffusion) < 0:
            raise ValueError(f"diffusion must be >= 0, got {self.diffusion!r}")

    def flow(self, t: float) -> tuple[float, float]:
        """Return the mean and the variance of the flow at time t."""
        k, D = self.stiffness, self.diffusion
        mean = self.centre + (self.mean - self.centre) * np.exp(-k * t)
        if k == 0:
            return float(mean), self.variance + 2 * D * t
        return float(mean), float(D / k + (self.variance - D / k) * np.exp(-2 * k * t))

    def jko(self, dt: float, steps: int = 1) -> tuple[float, float]:
        """Return the mean and the variance after ``steps`` exact JKO steps. Raises ValueError unless 1 + k dt > 0."""
        positive("dt", dt)
        k, D = self.stiffness, self.diffusion
        factor = positive("1 + stiffness dt", 1 + k * dt)
        offset, s = self.mean - self.centre, self.variance**0.5
        for _ in range(positive_integer("steps", steps)):
            offset /= factor
            s = (s + np.sqrt(s**2 + 4 * D * dt * factor)) / (2 * factor)
        return float(self.centre + offset), float(s**2)
