"""Motion with a small inertia time: the damped oscillator, and the proved bounds for smooth kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import finite, finite_array, non_negative_array, positive, real_array


def damped_oscillator(t: Any, rate: float, epsilon: float) -> tuple[Array, Array]:
    """Return p(t) and q(t): x = p x_0 + q v_0 solves epsilon x'' + x' + rate x = 0, and v is its derivative.

    The motion is overdamped for 4 epsilon rate < 1, then critical, then oscillating.

    Raises ValueError for t that are no numbers, a rate that is not finite, and epsilon <= 0.

    Source: docs/theory/small-inertia.md, section 6.

    >>> p, q = damped_oscillator(0.9, rate=1.3, epsilon=0.05)
    >>> round(float(0.7 * p - 0.4 * q), 12)                                        # T1
    0.208529414723
    """
    t, eps = real_array("t", t), positive("epsilon", epsilon)
    rate = finite("rate", rate)
    root = np.sqrt(complex(1 - 4 * eps * rate)) / (2 * eps)
    decay = np.exp(-t / (2 * eps))
    if abs(root) * np.max(t, initial=0.0) < 1e-8:  # near the critical rate
        return np.asarray(decay * (1 + t / (2 * eps))), np.asarray(decay * t)
    minus = -1 / (2 * eps) - root
    plus = rate / eps / minus  # their product is rate / epsilon: no cancellation for a small epsilon
    p = (plus * np.exp(minus * t) - minus * np.exp(plus * t)) / (plus - minus)
    q = (np.exp(plus * t) - np.exp(minus * t)) / (plus - minus)
    return np.asarray(p.real), np.asarray(q.real)


@dataclass(frozen=True, eq=False)
class SmallInertiaBounds:
    """What is proved of N species of mass 1 with smooth kernels K_ij, as the inertia time epsilon tends to 0.

    All results are arrays (N,), a bound for every species; m, Dx, Dv are arrays (N,) too. A is the matrix with the entries
    l_ij, plus the diagonal of its row sums.

    Attributes
    ----------
    gradients : array (N, N)
        g_ij, a bound on |grad K_ij|, where species j acts on species i.
    hessians : array (N, N)
        l_ij, a bound on the operator norm of D^2 K_ij.

    Raises ValueError for arrays that are not square, not of one shape, negative or not finite.

    Source: docs/theory/small-inertia.md, section 3: there are the proofs, and the corrections to the statements of Choi,
    Fagioli, Iorio, Small inertia limit for coupled kinetic swarming models.

    >>> bounds = SmallInertiaBounds([[0.0, 1.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]])
    >>> bounds.distance(0.0, 0.1, speeds=[1.0, 0.0])
    array([0.2, 0.1])
    """

    gradients: Array
    hessians: Array

    def __post_init__(self) -> None:
        n = np.shape(self.gradients)[0] if np.ndim(self.gradients) == 2 else 1
        for name in ("gradients", "hessians"):
            object.__setattr__(self, name, non_negative_array(name, getattr(self, name), (n, n)))

    @property
    def A(self) -> Array:
        """diag(sum_j l_ij) + (l_ij)."""
        return np.diag(self.hessians.sum(axis=1)) + self.hessians

    @property
    def G(self) -> Array:
        """sum_j g_ij: the largest speed of first order."""
        return self.gradients.sum(axis=1)

    def distance(self, t: float, epsilon: float, speeds: Any) -> Array:
        """W1(rho_i^epsilon(t), rho_i(t)) <= epsilon exp(A t) (m + G), for equal densities and mean speeds m at the start."""
        from scipy.linalg import expm

        return np.asarray(epsilon * expm(self.A * t) @ (self._each("speeds", speeds) + self.G))

    def defect(self, t: float, epsilon: float, start: Any) -> Array:
        """I(t) <= exp((A - 1/epsilon) t) I(0) + (1/epsilon - A)^(-1) (1 - exp((A - 1/epsilon) t)) A G."""
        from scipy.linalg import expm

        n = len(self.G)
        bordered = np.zeros((n + 1, n + 1))  # its exponential holds that of the block, and the integral of it applied to A G
        bordered[:n, :n] = (self.A - np.eye(n) / epsilon) * t
        bordered[:n, n] = self.A @ self.G * t
        whole = expm(bordered)
        return np.asarray(whole[:n, :n] @ self._each("start", start) + whole[:n, n])

    def stability(self, t: float, epsilon: float, places: Any, velocities: Any) -> Array:
        """W1 of the densities of two solutions at t: <= exp(A t) (Dx + epsilon (1 - exp(-t / epsilon)) Dv).

        Dx and Dv are the mean distances of places and velocities in a coupling of their starts. epsilon = 0 is the flow of
        first order.
        """
        from scipy.linalg import expm

        lag = -epsilon * np.expm1(-t / epsilon) if epsilon > 0 else 0.0
        start = self._each("places", places) + lag * self._each("velocities", velocities)
        return np.asarray(expm(self.A * t) @ start)

    def speed(self, start: Any) -> Array:
        """|V(t)| <= max(|V_0|, G)."""
        return np.maximum(self._each("start", start), self.G)

    def reach(self, t: float, epsilon: float, start: Any) -> Array:
        """|X(t) - X_0| <= epsilon (1 - exp(-t / epsilon)) |V_0| + (t - epsilon (1 - exp(-t / epsilon))) G."""
        lag = -epsilon * np.expm1(-t / epsilon)
        return np.asarray(lag * self._each("start", start) + (t - lag) * self.G)

    def _each(self, name: str, given: Any) -> Array:
        return finite_array(name, given, self.G.shape)
