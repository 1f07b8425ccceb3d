"""Models of particles whose limit of many is known in closed form: Gaussians stay Gaussians."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import Array
from .._validate import finite_array, in_floating_point, positive, positive_integer


@in_floating_point
def wasserstein_normals(covariance: Array, other: Array, shift: Array | float = 0.0) -> float:
    """Return W2 between two Gaussians in R^m, from their covariances and the difference of their means.

        W2^2 = |shift|^2 + tr A + tr B - 2 tr (A^(1/2) B A^(1/2))^(1/2)

    Raises ValueError for covariances that are not symmetric and positive semidefinite, or differ in shape.

    Source: Givens and Shortt, A class of Wasserstein metrics for probability distributions (1984).

    >>> round(wasserstein_normals(np.eye(2), 4 * np.eye(2), np.array([1.0, 1.0])) ** 2, 12)
    4.0
    """
    A, B = _covariance("covariance", covariance), _covariance("other", other)
    if A.shape != B.shape:
        raise ValueError(f"other must have the shape of covariance {A.shape}, got {B.shape}")
    root = _root(A)
    other_root = _root(B)
    left, _, right = np.linalg.svd(root @ other_root)
    gap = root - left @ right @ other_root  # with the best rotation: W2^2 = |gap|^2, without differences of equal numbers
    return float(np.sqrt(np.sum(np.square(shift)) + np.sum(gap**2)))


@dataclass(frozen=True, eq=False)
class AlignedGaussians:
    """Particles on the line with constant alignment: x' = v, v' = rate (mean v - v), from a Gaussian of mean 0.

    The law of one of N particles is a Gaussian, and so is its limit, the solution of the Vlasov equation.

    Attributes
    ----------
    rate : float
        The strength of alignment, 1 / time.
    covariance : array (2, 2)
        Of place and velocity at the start.

    Source: docs/theory/chemotaxis.md, T9.

    >>> model = AlignedGaussians(0.8, np.diag([0.49, 1.44]))
    >>> round(model.distance(1.3, 4), 7), round(model.coupling_error(1.3, 4), 6)
    (0.3158248, 0.237566)
    """

    rate: float
    covariance: Array

    def __post_init__(self) -> None:
        positive("rate", self.rate)
        object.__setattr__(self, "covariance", _covariance("covariance", self.covariance, 2))

    def vlasov(self, t: float) -> Array:
        """The covariance of the Vlasov solution at t."""
        return _moved(self._flow(self.rate, t), self.covariance)

    def marginal(self, t: float, n: int) -> Array:
        """The covariance of one of n particles at t: the mean moves freely."""
        return _mixed(1 / positive_integer("n", n), _moved(self._flow(0.0, t), self.covariance), self.vlasov(t))

    def distance(self, t: float, n: int) -> float:
        """W2 between one of n particles and the Vlasov solution; about a constant over n."""
        return wasserstein_normals(self.marginal(t, n), self.vlasov(t))

    def coupling_error(self, t: float, n: int) -> float:
        """E|z_1 - z|^2 of particles and Vlasov characteristics that start alike, per coordinate: exactly a constant over n."""
        slow = -np.expm1(-self.rate * t)
        variance = self.covariance[1, 1]
        return float(variance / positive_integer("n", n) * ((t - slow / self.rate) ** 2 + slow**2))

    @staticmethod
    def _flow(rate: float, t: float) -> Array:
        reach = t if rate == 0 else -np.expm1(-rate * t) / rate
        return np.array([[1.0, reach], [0.0, np.exp(-rate * t)]])


@dataclass(frozen=True, eq=False)
class ThreeLevels:
    """Particles on the line with constant alignment and a quadratic field, at three levels, all of them Gaussians of mean 0.

        x' = v,   v' = alignment (mean v - v) + eta grad c,   c' = -decay c + chi * rho,   chi = -b y^2 / 2,
        c(0) = -(b / decay) x^2 / 2

    Levels: N particles and their field; N particles in the field of all replicas (Liouville-Vlasov); the Vlasov equation.

    Attributes
    ----------
    b, decay, eta, alignment : float
    covariance : array (2, 2)
        Of place and velocity at the start.

    ``QuadraticField`` and ``QuadraticProfile`` run the same model. Source: docs/theory/chemotaxis.md, T10.

    >>> model = ThreeLevels(1.1, 0.9, 0.6, 0.5, np.array([[0.5, 0.1], [0.1, 0.8]]))
    >>> round(wasserstein_normals(model.particles(1.7, 16), model.common_field(1.7, 16)), 7)
    0.0344382
    """

    b: float
    decay: float
    eta: float
    alignment: float
    covariance: Array

    def __post_init__(self) -> None:
        for name in ("b", "decay", "eta", "alignment"):
            positive(name, getattr(self, name))
        object.__setattr__(self, "covariance", _covariance("covariance", self.covariance, 2))

    def vlasov(self, t: float) -> Array:
        """The covariance of the Vlasov solution."""
        return _moved(self._exponential([[0, 1], [-self._square, -self.alignment]], t), self.covariance)

    def particles(self, t: float, n: int) -> Array:
        """The covariance of one of n particles that have a field of their own."""
        return _mixed(1 / positive_integer("n", n), self._mean_of_particles(t), self.vlasov(t))

    def common_field(self, t: float, n: int, replicas: float = np.inf) -> Array:
        """The covariance of one of n particles in a field that so many replicas make together."""
        free = _moved(self._exponential([[0, 1], [-self._square, 0]], t), self.covariance)
        of_mean = _mixed(1 / replicas, self._mean_of_particles(t), free)
        return _mixed(1 / positive_integer("n", n), of_mean, self.vlasov(t))

    @property
    def _square(self) -> float:
        """The squared frequency, eta b / decay."""
        return self.eta * self.b / self.decay

    def _mean_of_particles(self, t: float) -> Array:
        """n times the covariance of the mean of n particles: it oscillates with the slope of the field."""
        system = [[0.0, 1.0, 0.0], [-self._square, 0.0, self.eta * self.b], [1.0, 0.0, -self.decay]]
        return _moved(self._exponential(system, t)[:2, :2], self.covariance)

    @staticmethod
    def _exponential(matrix: list[list[float]], t: float) -> Array:
        from scipy.linalg import expm

        return np.asarray(expm(t * np.array(matrix, dtype=float)))


def _mixed(share: float, first: Array, second: Array) -> Array:
    return share * first + (1 - share) * second


def _moved(flow: Array, covariance: Array) -> Array:
    return np.asarray(flow @ covariance @ flow.T)


def _root(covariance: Array) -> Array:
    eigenvalues, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(eigenvalues, 0.0)) @ vectors.T)


def _covariance(name: str, value: Array, size: int | None = None) -> Array:
    """Return a covariance. Raises ValueError for a matrix that is not symmetric and positive semidefinite."""
    rows = size or np.shape(value)[0] if np.ndim(value) == 2 else size or 1
    matrix = finite_array(name, value, (rows, rows))
    scale = float(np.abs(matrix).max(initial=0.0))
    if np.abs(matrix - matrix.T).max() > 1e-12 * scale or np.linalg.eigvalsh(matrix).min() < -1e-12 * scale:
        raise ValueError(f"{name} must be symmetric and positive semidefinite, got {matrix.tolist()}")
    return matrix
