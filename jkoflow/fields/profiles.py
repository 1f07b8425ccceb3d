"""Profiles of secretion: what a unit mass produces per unit time, as a function of the distance from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from .._typing import Array
from .._validate import plain_numbers, positive


class Profile(ABC):
    """chi(|y|): what a unit mass at the origin secretes per unit volume and time.

    >>> import jkoflow as jf
    >>> isinstance(jf.GaussianProfile(0.3), Profile)
    True
    """

    is_lipschitz: bool = True
    """Whether the gradient is Lipschitz, as the theorems on mean-field limits ask."""
    is_positive: bool = False
    """Whether the transform is positive everywhere: then chi = zeta * zeta, and masses and field may be one gradient flow."""

    @abstractmethod
    def __call__(self, r: Array, dim: int) -> Array:
        """Return chi at distances r in dimension ``dim``."""

    @abstractmethod
    def transform(self, k: Array, dim: int) -> Array:
        """Return int chi(|y|) exp(-i k.y) dy at wave numbers |k|."""

    def sup_gradient(self, dim: int) -> float:
        """The largest |grad chi|; inf if there is none."""
        return np.inf

    def lipschitz_gradient(self, dim: int) -> float:
        """The Lipschitz constant of grad chi; inf if there is none."""
        return np.inf


@dataclass(frozen=True)
class PointProfile(Profile):
    """A point source of the given mass per unit time. On grids it is spread over the cell."""

    mass: float = 1.0
    is_lipschitz = False
    is_positive = True

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("mass", self.mass)

    def __call__(self, r: Array, dim: int) -> Array:
        return np.where(np.asarray(r) == 0, np.inf, 0.0)

    def transform(self, k: Array, dim: int) -> Array:
        return np.full(np.shape(k), self.mass)


@dataclass(frozen=True)
class GaussianProfile(Profile):
    """mass (2 pi s^2)^(-d/2) exp(-|y|^2 / (2 s^2)): a Gaussian of standard deviation s in every coordinate.

    Raises ValueError for s or mass that is not positive.

    >>> bool(np.isclose(GaussianProfile(2.0)(np.zeros(1), 1)[0], 1 / (2 * np.sqrt(2 * np.pi))))
    True
    """

    s: float
    mass: float = 1.0
    is_positive = True

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("s", self.s)
        positive("mass", self.mass)

    def __call__(self, r: Array, dim: int) -> Array:
        return np.asarray(self._top(dim) * np.exp(-(np.asarray(r) ** 2) / (2 * self.s**2)))

    def transform(self, k: Array, dim: int) -> Array:
        return np.asarray(self.mass * np.exp(-((self.s * np.asarray(k)) ** 2) / 2))

    def sup_gradient(self, dim: int) -> float:
        return float(self._top(dim) * np.exp(-0.5) / self.s)

    def lipschitz_gradient(self, dim: int) -> float:
        return float(self._top(dim) / self.s**2)

    def _top(self, dim: int) -> float:
        return float(self.mass * (2 * np.pi * self.s**2) ** (-dim / 2))


@dataclass(frozen=True)
class BumpProfile(Profile):
    """c (1 - |y|^2 / R^2)^2 for |y| < R, with c such that the integral is ``mass``: a smooth cell of radius R.

    Its gradient is Lipschitz, and its support is compact, as the theorems ask. Its transform changes sign, so that masses and
    field are no gradient flow. Raises ValueError for R or mass that is not
    positive. Source: docs/theory/chemotaxis.md, section 2.3.

    >>> r = np.linspace(0, 1, 10001)
    >>> bool(np.isclose(2 * np.trapezoid(BumpProfile(1.0)(r, 1), r), 1.0))
    True
    """

    radius: float
    mass: float = 1.0

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("radius", self.radius)
        positive("mass", self.mass)

    def height(self, dim: int) -> float:
        """c, the value in the centre."""
        from scipy.special import gamma

        return float(self.mass * gamma(dim / 2 + 3) / (2 * np.pi ** (dim / 2) * self.radius**dim))

    def __call__(self, r: Array, dim: int) -> Array:
        return np.asarray(self.height(dim) * np.maximum(1 - (np.asarray(r) / self.radius) ** 2, 0.0) ** 2)

    def transform(self, k: Array, dim: int) -> Array:
        return np.asarray(self.mass * _bessel(dim / 2 + 2, self.radius * np.asarray(k)))

    def sup_gradient(self, dim: int) -> float:
        return 8 * self.height(dim) / (3 * np.sqrt(3) * self.radius)

    def lipschitz_gradient(self, dim: int) -> float:
        return 8 * self.height(dim) / self.radius**2


@dataclass(frozen=True)
class BallProfile(Profile):
    """The indicator of a ball of radius R, with the integral ``mass``: the cell of uniform production.

    It is not Lipschitz: mean-field theorems do not cover it. ``BumpProfile`` is its smooth relative.

    >>> import warnings, jkoflow as jf
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", jf.RoughProfileWarning)
    ...     print(2.0 * jf.Secretion(BallProfile(0.5), by="cells", into="c"))
    2 * Secretion(BallProfile(radius=0.5, mass=1.0), by='cells', into='c')
    """

    radius: float
    mass: float = 1.0
    is_lipschitz = False

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("radius", self.radius)
        positive("mass", self.mass)

    def __call__(self, r: Array, dim: int) -> Array:
        volume = np.pi ** (dim / 2) / {1: np.sqrt(np.pi) / 2, 2: 1.0, 3: 0.75 * np.sqrt(np.pi)}[dim] * self.radius**dim
        return np.asarray(np.where(np.asarray(r) < self.radius, self.mass / volume, 0.0))

    def transform(self, k: Array, dim: int) -> Array:
        return np.asarray(self.mass * _bessel(dim / 2, self.radius * np.asarray(k)))


@dataclass(frozen=True)
class QuadraticProfile(Profile):
    """chi(y) = -b |y|^2 / 2, for a ``QuadraticField``: the model whose particle limits are known in closed form.

    Source: docs/theory/chemotaxis.md, T10 and T11.

    >>> import jkoflow as jf
    >>> jf.Secretion(QuadraticProfile(0.5), into="c")
    Secretion(QuadraticProfile(b=0.5), by='', into='c')
    """

    b: float

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("b", self.b)

    def __call__(self, r: Array, dim: int) -> Array:
        return np.asarray(-self.b * np.asarray(r) ** 2 / 2)

    def transform(self, k: Array, dim: int) -> Array:
        raise ValueError(f"{self!r} has no transform, as it grows without bound: take a QuadraticField")

    def lipschitz_gradient(self, dim: int) -> float:
        return self.b


def _bessel(order: float, z: Array) -> Array:
    """Gamma(order + 1) (2 / z)^order J_order(z), which is 1 at z = 0."""
    from scipy.special import gamma, jv

    small = z < 1e-4
    safe = np.where(small, 1.0, z)
    return np.where(small, 1 - z**2 / (4 * (order + 1)), gamma(order + 1) * (2 / safe) ** order * jv(order, safe))
