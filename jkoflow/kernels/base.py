"""The classes of interaction kernels: value, gradient, convexity, and linear combinations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._functions import called
from .._typing import Array
from .._validate import finite, function, plain_numbers


class Kernel(ABC):
    """An even interaction potential W on R^d.

    The coordinates of the displacement are separate arguments: ``W(x)``, ``W(x, y)``, ``W(x, y, z)``. Arrays broadcast.

    Sums, differences and real multiples of kernels are kernels.

    >>> import jkoflow as jf
    >>> W = 2 * jf.Gaussian(1.0, 0.5) - jf.Morse()
    >>> float(W(0.0)), W.pointy, float(W.gradient(0.0))
    (0.0, True, 0.0)
    """

    @property
    @abstractmethod
    def convexity(self) -> float:
        """The largest known lambda for which W is lambda-convex (D^2 W >= lambda) in every dimension; -inf if there is none."""

    @property
    @abstractmethod
    def pointy(self) -> bool:
        """True if W is finite but not differentiable at the origin."""

    @property
    @abstractmethod
    def singular(self) -> bool:
        """True if W is infinite at the origin."""

    @property
    def by_value(self) -> bool:
        """True if the parameters alone determine the kernel, so that results computed from it can be cached."""
        return True

    @abstractmethod
    def __call__(self, *displacement: Any) -> Array:
        """Return W(x)."""

    @abstractmethod
    def gradient(self, *displacement: Any) -> Array:
        """Return grad W(x), and 0 at the origin.

        In dimension 1 the result has the shape of x. In higher dimensions it has a leading axis of length d.
        """

    def __add__(self, other: object) -> Kernel:
        if not isinstance(other, Kernel):
            return NotImplemented
        return _combine(terms_of(self) + terms_of(other))

    def __sub__(self, other: object) -> Kernel:
        if not isinstance(other, Kernel):
            return NotImplemented
        return self + (-1.0) * other

    def __mul__(self, factor: float) -> Kernel:
        number = finite("factor of a kernel", factor)
        return _combine(tuple((number * c, term) for c, term in terms_of(self)))

    __rmul__ = __mul__

    def __neg__(self) -> Kernel:
        return (-1.0) * self


class RadialKernel(Kernel):
    """A kernel W(x) = k(|x|), given by its profile k and the derivatives k' and k''.

    >>> import jkoflow as jf
    >>> kernel = jf.Gaussian(1.0, 1.0)
    >>> isinstance(kernel, RadialKernel), float(kernel.profile(0.0)), float(kernel.slope(0.0))
    (True, 0.0, 0.0)
    """

    @abstractmethod
    def profile(self, r: Any) -> Array:
        """Return k(r) for r >= 0."""

    @abstractmethod
    def slope(self, r: Any) -> Array:
        """Return k'(r) for r > 0. At r = 0 return the limit k'(0+), which may be infinite."""

    @abstractmethod
    def curvature(self, r: Any) -> Array:
        """Return k''(r) for r > 0."""

    def __call__(self, *displacement: Any) -> Array:
        return self.profile(_norm(displacement))

    def gradient(self, *displacement: Any) -> Array:
        """Return k'(|x|) x / |x|, and 0 at the origin.

        For a convex kernel this is the minimal selection: the shortest vector of the subdifferential.

        >>> from jkoflow import PowerLaw
        >>> PowerLaw(1).gradient(np.array([-2.0, 0.0, 3.0]))
        array([-1.,  0.,  1.])
        """
        r = _norm(displacement)
        safe = np.where(r > 0, r, 1.0)
        slope = np.where(r > 0, self.slope(safe), 0.0)
        parts = [slope * (np.asarray(x, dtype=np.float64) / safe) for x in displacement]
        return parts[0] if len(parts) == 1 else np.stack(np.broadcast_arrays(*parts))

    @property
    def pointy(self) -> bool:
        return not self.singular and float(self.slope(0.0)) != 0.0


@dataclass(frozen=True)
class CustomKernel(Kernel):
    """A kernel given by your own functions.

    ``value`` returns W and ``slope`` returns grad W, in the convention of :meth:`Kernel.gradient`. Both take the coordinates of
    the displacement as separate arguments.

    ``convexity``, ``pointy`` and ``singular`` are taken as given. Without ``convexity`` the kernel counts as convex for no
    lambda. Without ``slope``, asking for a gradient raises ValueError.

    >>> from jkoflow import CustomKernel
    >>> W = CustomKernel(lambda x: np.cosh(x) - 1, np.sinh, convexity=1.0)
    >>> float(W(0.0)), W.convexity, W.pointy
    (0.0, 1.0, False)
    """

    value: Callable[..., Any]
    slope: Callable[..., Any] | None = None
    convexity: float = -np.inf
    pointy: bool = False
    singular: bool = False

    def __post_init__(self) -> None:
        plain_numbers(self)
        function("value", self.value, "a function of the displacement")
        if self.slope is not None:
            function("slope", self.slope, "a function of the displacement, or None")

    @property
    def by_value(self) -> bool:
        return False

    def __call__(self, *displacement: Any) -> Array:
        return _numbers("value", self.value, displacement)

    def gradient(self, *displacement: Any) -> Array:
        if self.slope is None:
            raise ValueError("slope must be given to CustomKernel where a gradient is needed, got None")
        return _numbers("slope", self.slope, displacement)


def _norm(displacement: tuple[Any, ...]) -> Array:
    """Return |x| from the coordinates of x."""
    if len(displacement) == 1:
        return np.asarray(np.abs(displacement[0]), dtype=np.float64)
    return np.sqrt(sum(np.square(np.asarray(x, dtype=np.float64)) for x in displacement))


@dataclass(frozen=True)
class KernelCombination(Kernel):
    """A linear combination of kernels."""

    terms: tuple[tuple[float, Kernel], ...]

    def __call__(self, *displacement: Any) -> Array:
        return sum((c * term(*displacement) for c, term in self.terms), np.zeros(()))

    def gradient(self, *displacement: Any) -> Array:
        return sum((c * term.gradient(*displacement) for c, term in self.terms), np.zeros(()))

    @property
    def convexity(self) -> float:
        return float(sum(c * term.convexity if c > 0 else (0.0 if c == 0 else -np.inf) for c, term in self.terms))

    @property
    def pointy(self) -> bool:
        return not self.singular and any(c != 0 and term.pointy for c, term in self.terms)

    @property
    def singular(self) -> bool:
        return any(c != 0 and term.singular for c, term in self.terms)

    @property
    def by_value(self) -> bool:
        return all(term.by_value for _, term in self.terms)


@dataclass(frozen=True)
class RadialCombination(RadialKernel):
    """A linear combination of radial kernels. Its convexity is computed from the profile."""

    terms: tuple[tuple[float, RadialKernel], ...]

    def profile(self, r: Any) -> Array:
        return sum((c * term.profile(r) for c, term in self.terms), np.zeros(()))

    def slope(self, r: Any) -> Array:
        return sum((c * term.slope(r) for c, term in self.terms), np.zeros(()))

    def curvature(self, r: Any) -> Array:
        return sum((c * term.curvature(r) for c, term in self.terms), np.zeros(()))

    @property
    def singular(self) -> bool:
        return any(c != 0 and term.singular for c, term in self.terms)

    @cached_property
    def convexity(self) -> float:
        if len(self.terms) == 1 and self.terms[0][0] >= 0:
            factor, term = self.terms[0]
            return factor * term.convexity if factor > 0 else 0.0
        return radial_convexity(self)


def radial_convexity(kernel: RadialKernel) -> float:
    """Return the infimum over r > 0 of min(k''(r), k'(r) / r), which is the lowest eigenvalue of D^2 W.

    It is -inf if k'(0+) < 0 or if the kernel is singular.

    The infimum is searched on a logarithmic grid of r from 1e-5 to 1e5 and refined by Brent's method. Features of the kernel at
    lengths far outside of this range are not seen.

    >>> from jkoflow import Morse
    >>> round((Morse(2.0, 1.0) - Morse(0.6, 0.5)).convexity, 6)     # -5/12 (docs/theory/two-species.md, section 4)
    -0.416667
    """
    from scipy.optimize import minimize_scalar

    def lowest(log_r: Any) -> Array:
        r = np.exp(log_r)
        return np.minimum(kernel.curvature(r), kernel.slope(r) / r)

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        at_origin = float(kernel.slope(0.0))
        if kernel.singular or np.isnan(at_origin) or at_origin < 0:
            return -np.inf
        log_r = np.linspace(np.log(1e-5), np.log(1e5), 8001)
        values = lowest(log_r)
        place = int(np.argmin(values))
        for end, beyond in ((0, log_r[0] - 5), (len(log_r) - 1, log_r[-1] + 5)):
            if place == end and float(lowest(beyond)) < 2 * values[end] - 1e-9:  # still falling without bound
                return -np.inf
        around = (log_r[max(place - 1, 0)], log_r[min(place + 1, len(log_r) - 1)])
        minimum = minimize_scalar(lowest, bounds=around, method="bounded", options={"xatol": 1e-10})
        limits = [float(kernel.curvature(0.0)), 0.0 if abs(values[-1]) < 1e-9 else np.inf]
    return float(min(minimum.fun, values[place], *(limit for limit in limits if np.isfinite(limit))))


def terms_of(kernel: Kernel) -> tuple[tuple[float, Any], ...]:
    """Return the kernel as a linear combination: pairs (coefficient, kernel), where no kernel is a combination itself."""
    return kernel.terms if isinstance(kernel, KernelCombination | RadialCombination) else ((1.0, kernel),)


def _combine(terms: tuple[tuple[float, Any], ...]) -> Kernel:
    """Return the sum of the terms (coefficient, kernel) as the simplest kernel. Terms with the coefficient 0 are left out."""
    terms = tuple(term for term in terms if term[0] != 0) or terms[:1]
    if len(terms) == 1 and terms[0][0] == 1.0:
        return terms[0][1]
    if all(isinstance(term, RadialKernel) for _, term in terms):
        return RadialCombination(terms)
    return KernelCombination(terms)


def _numbers(name: str, formula: Callable[..., Any], displacement: tuple[Any, ...]) -> Array:
    """Return the values of a function. Raises ValueError if it is NaN away from the origin; 0 / 0 there is for others."""
    values = called(name, formula, displacement)
    if np.isnan(values).any() and np.any(np.isnan(values) & (sum(np.square(x) for x in displacement) > 0)):
        raise ValueError(f"{name} of a kernel must be a number away from the origin, and it is NaN at some displacements")
    return values
