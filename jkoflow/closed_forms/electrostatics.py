"""Charges whose energies, fields, steady states or rates are known in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, expm1, gamma, hypot, log, log1p, pi, sqrt

import numpy as np

from .._typing import Array
from .._validate import finite, in_floating_point, plain_numbers, positive, positive_integer


@in_floating_point
def gaussian_coupling(one: float, other: float, dim: int, apart: float = 0.0) -> float:
    """Return the field energy 1/2 int |grad psi|^2 of two unit charges of opposite sign in R^d, with permittivity 1.

    The charges are isotropic Gaussians of standard deviations ``one`` and ``other``. Their centres coincide. On the line the
    centres may be at a distance ``apart``; for dim > 1 another distance than 0 raises ValueError.

    Source: docs/theory/poisson-nernst-planck.md, T1.

    >>> round(gaussian_coupling(1.0, 1.5, 3), 12)
    0.002194051464
    """
    one, other = positive("one", one), positive("other", other)
    joint_deviation = hypot(one, other)
    if positive_integer("dim", dim) == 1:
        self_term = sqrt(2) / 4 * (one + other)
        if apart == 0:
            return sqrt(2 / pi) * (one - other) ** 2 / (4 * (joint_deviation + 2 * self_term))
        d = finite("apart", apart)
        between = sqrt(2 / pi) * joint_deviation * np.exp(-(d**2) / (2 * joint_deviation**2)) + d * erf(
            d / (joint_deviation * sqrt(2))
        )
        return float(between / 2 - sqrt(2 / pi) * self_term)
    if apart != 0:
        raise ValueError(f"apart must be 0 for dim={dim}, got {apart!r}")
    if dim == 2:
        return log1p((one - other) ** 2 / (2 * one * other)) / (4 * pi)
    unit_ball_volume = pi ** (dim / 2) / gamma(dim / 2 + 1)

    k, squares = (dim - 2) / 2, one**2 + other**2
    between = float((2 * squares) ** -k / (gamma(dim / 2) * dim * (dim - 2) * unit_ball_volume))
    apart_by = (other - one) * (other + one) / squares
    return between * (expm1(-k * log1p(-apart_by)) + expm1(-k * log1p(apart_by))) / 2


@in_floating_point
def debye_rates(
    wave_number: float, *, density: float = 1.0, m: float = 1.0, diffusion: float = 1.0, permittivity: float = 1.0
) -> tuple[float, float]:
    """Return the decay rates (neutral, charge) of small waves of two species u, v with unit charges of opposite sign.

    The waves have the wave number k, about the uniform state u = v = density:

    | wave | rate |
    |---|---|
    | neutral, u + v | D m density^(m-1) k^2 |
    | charge, u - v | D m density^(m-1) k^2 + 2 density / permittivity |

    A JKO step of size dt multiplies a wave by 1 / (1 + dt rate). The two rates give the Debye length:
    (charge - neutral) / neutral = (k length)^-2.

    Source: Debye and Hueckel (1923); docs/theory/poisson-nernst-planck.md, T9.

    >>> neutral, charge = debye_rates(np.pi)
    >>> round(1 / (1 + 0.02 * neutral), 6), round(1 / (1 + 0.02 * charge), 6)
    (0.835148, 0.808151)
    """
    density, m = positive("density", density), positive("m", m)
    neutral = positive("diffusion", diffusion) * m * density ** (m - 1) * finite("wave_number", wave_number) ** 2
    return neutral, neutral + 2 * density / positive("permittivity", permittivity)


@dataclass(frozen=True)
class GroundedSlab:
    """The state of rest of one charged species with an entropy, between grounded walls at 0 and 1.

        rho = 2 a^2 / cos^2(a (x - 1/2)),   psi = 2 log(cos(a (x - 1/2)) / cos(a / 2)),   a tan(a / 2) = mass / 4

    The law is Entropy() + DirichletCoupling({"": 1}, boundary="dirichlet").

    Source: docs/theory/poisson-nernst-planck.md, T14.

    >>> round(float(GroundedSlab(1.0).density(0.0)), 9)
    1.084689449
    """

    mass: float

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("mass", self.mass)

    @property
    def a(self) -> float:
        """The root of a tan(a / 2) = mass / 4 below pi."""
        from scipy.optimize import brentq

        return float(brentq(lambda a: a * np.tan(a / 2) - self.mass / 4, 0.0, pi - 1e-12, xtol=1e-15, rtol=1e-15))

    def density(self, x: Array | float) -> Array:
        """Return rho at the places x."""
        return np.asarray(2 * self.a**2 / np.cos(self.a * (np.asarray(x) - 0.5)) ** 2)

    def potential(self, x: Array | float) -> Array:
        """Return psi at the places x."""
        return np.asarray(2 * np.log(np.cos(self.a * (np.asarray(x) - 0.5)) / np.cos(self.a / 2)))


@dataclass(frozen=True)
class CosineIons:
    """Two ions on (0, 1), in potentials U and V that make their state of rest a cosine.

        u = 1 + a cos(pi x),      v = 1 - a cos(pi x),      psi = 2 a / pi^2 cos(pi x)

    The law has an entropy for each ion and a DirichletCoupling with unit charges of opposite sign and permittivity 1.

    Source: docs/theory/poisson-nernst-planck.md, T12.

    >>> ions = CosineIons(0.5)
    >>> round(ions.energy, 12), round(ions.energy_of_uniform, 8)
    (-0.025330295911, 0.13867293)
    """

    a: float

    def __post_init__(self) -> None:
        plain_numbers(self)
        if not 0 < positive("a", self.a) < 1:
            raise ValueError(f"a must lie between 0 and 1, got {self.a!r}")

    def u(self, x: Array) -> Array:
        """Return the density of the positive ions at rest."""
        return 1 + self.a * np.cos(pi * np.asarray(x))

    def v(self, x: Array) -> Array:
        """Return the density of the negative ions at rest."""
        return 1 - self.a * np.cos(pi * np.asarray(x))

    def psi(self, x: Array) -> Array:
        """Return the electric potential at rest."""
        return 2 * self.a / pi**2 * np.cos(pi * np.asarray(x))

    def U(self, x: Array) -> Array:
        """Return the external potential of the positive ions."""
        return np.asarray(-np.log(self.u(x)) - self.psi(x))

    def V(self, x: Array) -> Array:
        """Return the external potential of the negative ions."""
        return np.asarray(-np.log(self.v(x)) + self.psi(x))

    @property
    def energy(self) -> float:
        """The energy at rest, -a^2 / pi^2."""
        return -((self.a / pi) ** 2)

    @property
    def energy_of_uniform(self) -> float:
        """The energy if both densities are 1 everywhere."""
        return -2 * log((1 + sqrt(1 - self.a**2)) / 2)


@dataclass(frozen=True)
class ChargedBall:
    """A uniform ball of one charged species in R^3, which spreads by the repulsion of its charge.

    There is no diffusion. The permittivity is 1 / c.

    Source: docs/theory/poisson-nernst-planck.md, T24.

    >>> ball = ChargedBall(radius=0.5)
    >>> round(ball.after_step(0.1), 10), round(ball.at(0.1), 10)
    (0.5284914294, 0.5299955399)
    """

    radius: float
    mass: float = 1.0
    c: float = 1.0

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name in ("radius", "mass", "c"):
            positive(name, getattr(self, name))

    @property
    def _radial_push(self) -> float:
        """c M / (4 pi): the speed of the surface times the square of the radius."""
        return self.c * self.mass / (4 * pi)

    def at(self, t: float) -> float:
        """Return the radius R of the flow at time t: R^3 = R0^3 + 3 c M t / (4 pi)."""
        return float((self.radius**3 + 3 * self._radial_push * finite("t", t)) ** (1 / 3))

    def after_step(self, dt: float) -> float:
        """Return the radius R after one JKO step: R - dt c M / (4 pi R^2) = R0."""
        from scipy.optimize import brentq

        push = positive("dt", dt) * self._radial_push / self.radius**3
        return float(self.radius * brentq(lambda x: x - push / x**2 - 1, 1.0, 1.0 + push, xtol=1e-15, rtol=1e-15))
