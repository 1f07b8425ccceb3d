"""What an interaction kernel offers: value, gradient, convexity, and the algebra of sums and multiples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import finite


class Kernel(ABC):
    """An even interaction potential W on R^d.

    Coordinates of the displacement come as separate arguments: ``W(x)``, ``W(x, y)``, ``W(x, y, z)``; arrays broadcast.
    Kernels add, subtract and take real multiples.
    """

    @property
    @abstractmethod
    def convexity(self) -> float:
        """The largest known lambda for which W is lambda-convex (D^2 W >= lambda) in every dimension; -inf if none."""

    @property
    @abstractmethod
    def pointy(self) -> bool:
        """True when W is finite but not differentiable at the origin."""

    @property
    @abstractmethod
    def singular(self) -> bool:
        """True when W is infinite at the origin."""

    @property
    def by_value(self) -> bool:
        """True when the kernel is known by its parameters alone, so that what is computed from it can be kept."""
        return True

    @abstractmethod
    def __call__(self, *displacement: Any) -> Array:
        """The value W(x)."""

    @abstractmethod
    def gradient(self, *displacement: Any) -> Array:
        """grad W(x), 0 at the origin: shape of x in dimension 1, a leading axis of length d otherwise."""

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
    """W(x) = k(|x|), given by its profile k and the derivatives k' and k''."""

    @abstractmethod
    def profile(self, r: Any) -> Array:
        """k(r) for r >= 0."""

    @abstractmethod
    def slope(self, r: Any) -> Array:
        """k'(r) for r > 0, and its limit k'(0+) at r = 0 (which may be infinite)."""

    @abstractmethod
    def curvature(self, r: Any) -> Array:
        """k''(r) for r > 0."""

    def __call__(self, *displacement: Any) -> Array:
        return self.profile(_norm(displacement))

    def gradient(self, *displacement: Any) -> Array:
        """k'(|x|) x / |x|, and 0 at the origin: the minimal selection of the subdifferential of a convex kernel.

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
    """A kernel from your own callables; traits that are not told take the cautious value.

    ``value`` and ``slope`` take the coordinates of the displacement as separate arguments, ``slope`` returns the
    gradient in the convention of :meth:`Kernel.gradient`.

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

    @property
    def by_value(self) -> bool:
        return False

    def __call__(self, *displacement: Any) -> Array:
        return np.asarray(self.value(*displacement), dtype=np.float64)

    def gradient(self, *displacement: Any) -> Array:
        if self.slope is None:
            raise ValueError("slope must be given to CustomKernel where a gradient is needed, got None")
        return np.asarray(self.slope(*displacement), dtype=np.float64)


def _norm(displacement: tuple[Any, ...]) -> Array:
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
    """A linear combination of radial kernels, whose convexity is found from the profile."""

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
    """inf over r > 0 of min(k''(r), k'(r) / r), the lowest eigenvalue of D^2 W; -inf when k'(0+) < 0.

    Found on a logarithmic grid of r from 1e-5 to 1e5 refined by Brent's method: lengths far outside are not seen.

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
        found = minimize_scalar(lowest, bounds=around, method="bounded", options={"xatol": 1e-10})
        limits = [float(kernel.curvature(0.0)), 0.0 if abs(values[-1]) < 1e-9 else np.inf]
    return float(min(found.fun, values[place], *(limit for limit in limits if np.isfinite(limit))))


def terms_of(kernel: Kernel) -> tuple[tuple[float, Any], ...]:
    """The kernel as a linear combination of kernels that are none themselves: pairs (coefficient, kernel)."""
    return kernel.terms if isinstance(kernel, KernelCombination | RadialCombination) else ((1.0, kernel),)


def _combine(terms: tuple[tuple[float, Any], ...]) -> Kernel:
    terms = tuple(term for term in terms if term[0] != 0) or terms[:1]
    if len(terms) == 1 and terms[0][0] == 1.0:
        return terms[0][1]
    if all(isinstance(term, RadialKernel) for _, term in terms):
        return RadialCombination(terms)
    return KernelCombination(terms)
