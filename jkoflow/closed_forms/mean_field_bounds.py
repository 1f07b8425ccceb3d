"""Bounds for cells with alignment and chemotaxis, and for their limit of many particles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from .._typing import Array
from .._validate import finite, in_floating_point, plain_numbers, positive, positive_integer
from ..fields import Profile
from ..linear import phi

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(64)


@in_floating_point
def cucker_smale_lipschitz(beta: float, radius: float, sigma: float, speed: float) -> float:
    """Return the Lipschitz constant of psi(y) w for |w| <= 2 speed, with psi(y) = beta (1 + |y|^2 / radius^2)^(-sigma).

    It is (beta^2 + (2 speed)^2 max|psi'|^2)^(1/2). Source: docs/theory/chemotaxis.md, section 4.

    Raises ValueError for beta, radius or sigma that is not positive, or a negative speed.

    >>> round(cucker_smale_lipschitz(1.0, 1.0, 0.5, 1.0), 6)
    1.26198
    """
    beta, radius, sigma = positive("beta", beta), positive("radius", radius), positive("sigma", sigma)
    speed = finite("speed", speed)
    if speed < 0:
        raise ValueError(f"speed must be >= 0, got {speed!r}")
    steepest = 2 * beta * sigma / radius * (2 * sigma + 1) ** (sigma + 0.5) / (2 * sigma + 2) ** (sigma + 1)
    return float(np.hypot(beta, 2 * speed * steepest))


@dataclass(frozen=True)
class MeanFieldBounds:
    """Bounds on particles and field of  x' = v, v' = (alignment) + eta grad c + F,  c' = D lap c - kappa c + chi * rho.

    The mass of the particles is 1. They are the bounds of Natalini and Paul with their misprints and gaps corrected. A bound on
    the rate of growth comes as its logarithm too, as it may overflow.

    Attributes
    ----------
    decay : float
        kappa, 1 / time.
    eta : float
        The sensitivity; at least 0.
    source : float
        sup |grad chi| (``Profile.sup_gradient``).
    source_lipschitz : float
        The Lipschitz constant of grad chi (``Profile.lipschitz_gradient``).
    alignment : float
        The Lipschitz constant of the force of a pair, jointly in place and velocity (``cucker_smale_lipschitz``).
    start, start_lipschitz : float
        sup |grad c| of the field at the start, and its Lipschitz constant.
    force, force_lipschitz : float
        sup |F| of the external force, and its Lipschitz constant.

    Raises ValueError for numbers that are negative or not finite.

    Source: docs/theory/chemotaxis.md, section 3. Natalini and Paul, The mean-field limit for hybrid models of collective
    motions with chemotaxis (2023): Theorems 2.1, 7.1, 7.3 and 8.1.

    >>> from jkoflow import GaussianProfile
    >>> bounds = MeanFieldBounds.of(GaussianProfile(1.0), dim=1, decay=0.5, eta=1.0, alignment=0.3)
    >>> round(bounds.memory(2.0), 6), round(bounds.speed(2.0, 0.1), 6)
    (1.264241, 0.456064)
    """

    decay: float
    eta: float
    source: float
    source_lipschitz: float
    alignment: float = 0.0
    start: float = 0.0
    start_lipschitz: float = 0.0
    force: float = 0.0
    force_lipschitz: float = 0.0

    def __post_init__(self) -> None:
        plain_numbers(self)
        for field in fields(self):
            if finite(field.name, getattr(self, field.name)) < 0:
                raise ValueError(f"{field.name} must be >= 0, got {getattr(self, field.name)!r}")

    @classmethod
    def of(cls, chi: Profile, *, dim: int, decay: float, eta: float, alignment: float = 0.0) -> MeanFieldBounds:
        """The bounds for a profile of secretion, without external force, from a field that is 0 at the start."""
        return cls(decay, eta, chi.sup_gradient(dim), chi.lipschitz_gradient(dim), alignment)

    def memory(self, t: float) -> float:
        """k(t) = (1 - exp(-kappa t)) / kappa, and t if kappa = 0: how much of its sources the field remembers."""
        return self._memory(1, t)

    def field_gradient(self, t: float) -> float:
        """|grad c| at time t is at most  exp(-kappa t) start + source k(t)."""
        return float(np.exp(-self.decay * t) * self.start + self.source * self.memory(t))

    def field_distance(self, t: float, distance: float) -> float:
        """|grad c - grad c'| is at most  source_lipschitz k(t) sup W1  for two histories of the masses, W1 apart at most."""
        return self.source_lipschitz * self.memory(t) * distance

    def speed(self, t: float, first: float, growth: float = 0.0) -> float:
        """The largest speed at time t, if it was ``first``. With true alignment (psi >= 0) ``growth`` is 0.

        For a pair force of size growth |w| of any sign it is  exp(2 growth t) first + int exp(2 growth (t - s)) b(s) ds.
        """
        if growth == 0:
            pushed = self.eta * (self.start * self.memory(t) + self.source * self._memory(2, t)) + self.force * t
            return first + pushed
        return float(np.exp(2 * growth * t) * (first + self._integral(t, lambda s: np.exp(-2 * growth * s) * self._push(s))))

    def distance(self, t: float, first: float) -> float:
        """How far a particle goes until t at most, with true alignment, if the largest speed was ``first``."""
        pushed = self.eta * (self.start * self._memory(2, t) + self.source * self._memory(3, t)) + self.force * t**2 / 2
        return first * t + pushed

    def log_support(self, t: float, radius: float) -> float:
        """The logarithm of a bound on |(x, v)| of all particles at t, if it was ``radius``."""
        a = 0.5 + 2 * self.alignment
        pushed = self._integral(t, lambda s: np.exp(-a * s) * self._push(s))
        return float(a * t + np.log(positive("radius", radius) + pushed))

    def log_jacobian(self, t: float) -> float:
        """The logarithm of a bound on |d z_i(t) / d z_j(0)| over all pairs of particles."""
        return (0.5 + 2 * self.alignment + self.force_lipschitz) * t + self._growth(t)

    def log_stability(self, t: float) -> float:
        """Lambda(t): for two solutions of the Vlasov equation W2(t) <= exp(Lambda(t)) W2(0) (Dobrushin)."""
        return (0.5 + np.sqrt(2) * self.alignment + self.force_lipschitz) * t + self._growth(t)

    def stability(self, t: float, distance: float, field_difference: float = 0.0) -> float:
        """A bound on W2 of two solutions at t, from that at 0 and from the sup of the difference of grad c at 0."""
        start = distance + self.eta * self.memory(t) * field_difference
        return float(np.exp(self.log_stability(t)) * start)

    def mean_field(self, t: float, n: int, pair_force: float | Callable[[Array], Array] = 0.0) -> float:
        """A bound on E|z_1 - z|^2: n particles against the characteristics of the Vlasov equation that start alike.

        So W2^2 between the law of one particle and the Vlasov solution is at most that, in every dimension (Sznitman). It falls
        like 1 / n.

        ``pair_force`` bounds the root mean square of the force of a pair, or is its function of the time.
        """
        positive_integer("n", n)
        force = pair_force if callable(pair_force) else (lambda s: np.full_like(s, pair_force))

        def grown(s: Array) -> Array:
            memory = np.array([self.memory(time) for time in s])
            left = np.array([self.log_stability(t) - self.log_stability(time) for time in s])
            return np.asarray((force(s) + self.eta * self.source * memory * np.sqrt(1 + 3 / n)) * np.exp(left))

        return self._integral(t, grown) ** 2 / n

    def _push(self, s: Array) -> Array:
        """A bound on the force on a particle that is not of a pair."""
        return np.array([self.eta * self.field_gradient(time) + self.force for time in s])

    def _growth(self, t: float) -> float:
        """The integral of the Lipschitz constant of eta grad c, twice for the sources."""
        return self.eta * (self.start_lipschitz * self.memory(t) + 2 * self.source_lipschitz * self._memory(2, t))

    def _memory(self, order: int, t: float) -> float:
        """The integral of order ``order - 1`` of k: t^order phi_order(-kappa t)."""
        return float(t**order * phi(order + 1, self.decay * t)[order])

    @staticmethod
    def _integral(t: float, function: Callable[[Array], Array]) -> float:
        """int_0^t, by Gauss points."""
        return float(t / 2 * _WEIGHTS @ function(t * (_POINTS + 1) / 2))
