"""Kernels on the line: what is pointed at the origin, and the sums over sorted points of what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from math import comb
from typing import ClassVar

import numpy as np

from ..._typing import Array
from ..base import CustomKernel, Kernel, RadialKernel, terms_of
from ..gaussian import Gaussian
from ..morse import Morse
from ..newtonian import Newtonian
from ..power_law import PowerLaw

_MOST_MOMENTS = 8
_TABLE = 1 << 20  # entries of a table of pairs held at a time


@dataclass(frozen=True)
class LineKernel:
    """A kernel in dimension 1, W(x) = pointed |x| + sum of c S(x), with parts S that are smooth at the origin or singular.

    Attributes
    ----------
    pointed : float
        k'(0+), the coefficient of |x|: its double integrals are exact by ranks.
    parts : tuple of (c, Sum)
        Each sums c S over sorted points; see :class:`Sum`.
    powers : tuple of (c, p)
        The homogeneous parts c |x|^p / p (log for p = 0) among them that are not smooth at the origin: within a cell they
        need their exact mean.
    """

    pointed: float = 0.0
    parts: tuple[tuple[float, Sum], ...] = ()
    powers: tuple[tuple[float, float], ...] = ()

    def scaled(self, c: float) -> LineKernel:
        """The multiple c W."""
        return LineKernel(
            c * self.pointed,
            tuple((c * factor, part) for factor, part in self.parts),
            tuple((c * factor, p) for factor, p in self.powers),
        )

    @property
    def only_tip(self) -> bool:
        """True for a multiple of |x|."""
        return not self.parts and not self.powers

    @property
    def singular(self) -> bool:
        """True when W is infinite at the origin."""
        return any(p <= 0 for _, p in self.powers)


class Sum:
    """Sums of an even function S over sources on the line: targets and sources are sorted arrays, masses weigh the sources.

    ``fast`` tells those that cost O(n) from those that go over all pairs.
    """

    fast: ClassVar[bool] = False

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        """sum_j m_j S(at - y_j), and the same of S' (0 at the origin) and S''."""
        raise NotImplementedError

    def curvature(self, x: Array) -> Array:
        """S''(x), entry by entry; 0 at the origin where S is not smooth there."""
        raise NotImplementedError

    def is_convex(self, c: float) -> bool:
        """Whether c S is known to be convex."""
        return False

    def cautious(self) -> Sum:
        """The same with S'(r) / r in the place of S'' where that is infinite at the origin, for a model that lies above."""
        return self

    def curvature_products(self, at: Array, sources: Array) -> Callable[[Array], Array]:
        """A function of the weights that gives :meth:`curvature_product`, for when there are many of them."""
        return lambda weights: self.curvature_product(at, sources, weights)

    def curvature_product(self, at: Array, sources: Array, weights: Array) -> Array:
        """sum_j S''(at - y_j) weights_j, for weights of any sign."""
        out = np.empty(len(at))
        for part in _blocks(at, sources):
            out[part] = self.curvature(at[part, None] - sources) @ weights
        return out


def _blocks(at: Array, sources: Array) -> list[slice]:
    """Stretches of the targets such that the table against all sources stays small."""
    rows = max(1, _TABLE // max(1, len(sources)))
    return [slice(start, start + rows) for start in range(0, len(at), rows)]


@dataclass(frozen=True)
class MomentSum(Sum):
    """S(x) = x^p / p for even p by p + 1 moments of the sources: O(p n), exact."""

    p: int
    fast: ClassVar[bool] = True

    def is_convex(self, c: float) -> bool:
        return c >= 0

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        centre = float(sources.mean())
        x, y = at - centre, sources - centre
        moments = [float(masses @ y**k) for k in range(self.p + 1)]

        def shifted(power: int) -> Array:
            terms = (comb(power, k) * (-1) ** k * moments[k] * x ** (power - k) for k in range(power + 1))
            return sum(terms, np.zeros_like(x))

        return shifted(self.p) / self.p, shifted(self.p - 1), (self.p - 1) * shifted(self.p - 2)

    def curvature(self, x: Array) -> Array:
        return np.asarray((self.p - 1) * x ** (self.p - 2))

    def curvature_product(self, at: Array, sources: Array, weights: Array) -> Array:
        return np.full_like(at, weights.sum()) if self.p == 2 else self.values(at, sources, weights)[2]


@dataclass(frozen=True)
class MorseSum(Sum):
    """S(x) = 1 - exp(-|x| / l) - |x| / l, the Morse kernel less its tip, by prefix sums of exponentials: O(n), exact."""

    length: float
    fast: ClassVar[bool] = True

    def is_convex(self, c: float) -> bool:
        return c <= 0

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        from .compiled_line import morse_values

        return morse_values(at, sources, masses, self.length)

    def curvature(self, x: Array) -> Array:
        return np.asarray(-np.exp(-np.abs(x) / self.length) / self.length**2)

    def curvature_product(self, at: Array, sources: Array, weights: Array) -> Array:
        from .compiled_line import morse_curvatures

        return morse_curvatures(at, sources, weights, self.length)

    def curvature_products(self, at: Array, sources: Array) -> Callable[[Array], Array]:
        from .compiled_line import morse_own_curvatures

        if at is not sources:
            return super().curvature_products(at, sources)
        decays = np.exp(-np.diff(at) / self.length)
        return lambda weights: morse_own_curvatures(decays, weights, self.length)


@dataclass(frozen=True)
class PowerSum(Sum):
    """S(x) = |x|^p / p, log|x| for p = 0, over all pairs that do not coincide: O(n^2), compiled."""

    p: float

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        from .compiled_line import log_values, power_values

        return log_values(at, sources, masses) if self.p == 0 else power_values(at, sources, masses, float(self.p))

    def curvature(self, x: Array) -> Array:
        r = np.abs(x)
        apart = r > 0
        r = np.where(apart, r, 1.0)
        return np.where(apart, -1 / r**2 if self.p == 0 else (self.p - 1) * r ** (self.p - 2), 0.0)

    def is_convex(self, c: float) -> bool:
        return c >= 0 and self.p >= 1

    def cautious(self) -> Sum:
        return SecantPowerSum(self.p) if 1 < self.p < 2 else self


@dataclass(frozen=True)
class SecantPowerSum(PowerSum):
    """The sum of |x|^p / p, 1 < p < 2, with |x|^(p - 2) for its second derivative."""

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        value, slope, curvature = super().values(at, sources, masses)
        return value, slope, curvature / (self.p - 1)

    def curvature(self, x: Array) -> Array:
        return super().curvature(x) / (self.p - 1)


@dataclass(frozen=True)
class GaussianSum(Sum):
    """S(x) = 1 - exp(-x^2 / l^2) over all pairs: O(n^2), compiled."""

    length: float

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        from .compiled_line import gaussian_values

        return gaussian_values(at, sources, masses, self.length)

    def curvature(self, x: Array) -> Array:
        squared = (x / self.length) ** 2
        return np.asarray(2 * (1 - 2 * squared) * np.exp(-squared) / self.length**2)


@dataclass(frozen=True)
class RadialSum(Sum):
    """Any radial kernel that is finite at the origin, less its tip, over all pairs: O(n^2), in blocks."""

    kernel: RadialKernel

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        tip = float(self.kernel.slope(0.0))
        out = np.empty((3, len(at)))
        for part in _blocks(at, sources):
            x = at[part, None] - sources
            r = np.abs(x)
            out[0, part] = (self.kernel.profile(r) - tip * r) @ masses
            out[1, part] = (np.sign(x) * (self.kernel.slope(r) - tip)) @ masses
            out[2, part] = self.curvature(x) @ masses
        return out[0], out[1], out[2]

    def curvature(self, x: Array) -> Array:
        return np.asarray(self.kernel.curvature(np.abs(x)))


@dataclass(frozen=True)
class CallableSum(Sum):
    """A smooth kernel known by its value and gradient, over all pairs: O(n^2), in blocks; S'' by central differences."""

    kernel: CustomKernel

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        out = np.empty((3, len(at)))
        for part in _blocks(at, sources):
            x = at[part, None] - sources
            out[0, part] = self.kernel(x) @ masses
            out[1, part] = self.kernel.gradient(x) @ masses
            out[2, part] = self.curvature(x) @ masses
        return out[0], out[1], out[2]

    def curvature(self, x: Array) -> Array:
        h = 2.0**-10 * (float(np.abs(x).max()) or 1.0)
        near = self.kernel.gradient(x + h) - self.kernel.gradient(x - h)
        far = self.kernel.gradient(x + 2 * h) - self.kernel.gradient(x - 2 * h)
        return np.asarray((8 * near - far) / (12 * h))


@singledispatch
def on_the_line(kernel: Kernel) -> LineKernel:
    """The kernel split for the line. For a new kind of kernel register a function with ``on_the_line.register``.

    Raises ValueError for one that cannot be summed on the line: pointed or singular with no known profile, or not
    integrable.

    >>> from jkoflow import Morse, PowerLaw
    >>> on_the_line(Morse(2.0, 0.5) + PowerLaw(1)).pointed
    5.0
    """
    terms = terms_of(kernel)
    if terms == ((1.0, kernel),):
        raise ValueError(f"{kernel!r} is not known on the line: register it with jkoflow.kernels.sums.on_the_line.register")
    split = [on_the_line(term).scaled(c) for c, term in terms]
    return LineKernel(
        sum(part.pointed for part in split),
        tuple(pair for part in split for pair in part.parts),
        tuple(pair for part in split for pair in part.powers),
    )


@on_the_line.register
def _(kernel: RadialKernel) -> LineKernel:
    terms = terms_of(kernel)
    if terms != ((1.0, kernel),):
        return on_the_line.dispatch(Kernel)(kernel)
    if kernel.singular or not np.isfinite(float(kernel.slope(0.0))):
        raise ValueError(f"{kernel!r} is singular and not known on the line: PowerLaw, Riesz and Newtonian are")
    return LineKernel(float(kernel.slope(0.0)), ((1.0, RadialSum(kernel)),))


@on_the_line.register
def _(kernel: CustomKernel) -> LineKernel:
    if kernel.pointy or kernel.singular:
        raise ValueError(
            f"{kernel!r} is pointed or singular at the origin, and only its values are known: "
            "subclass RadialKernel, which tells k'(0+)"
        )
    return LineKernel(parts=((1.0, CallableSum(kernel)),))


@on_the_line.register
def _(kernel: PowerLaw) -> LineKernel:
    if kernel.p <= -1:
        raise ValueError(f"{kernel!r} is not integrable on the line: p must be > -1")
    if kernel.p == 1:
        return LineKernel(pointed=1.0)
    if kernel.p % 2 == 0 and 2 <= kernel.p <= _MOST_MOMENTS:
        return LineKernel(parts=((1.0, MomentSum(int(kernel.p))),))
    return LineKernel(parts=((1.0, PowerSum(kernel.p)),), powers=((1.0, kernel.p),))


@on_the_line.register
def _(kernel: Newtonian) -> LineKernel:
    if kernel.d == 1:
        return LineKernel(pointed=-0.5)
    if kernel.d == 2:
        return on_the_line(PowerLaw(0)).scaled(-1 / (2 * np.pi))
    raise ValueError(f"{kernel!r} is not integrable on the line: d must be 1 or 2")


@on_the_line.register
def _(kernel: Morse) -> LineKernel:
    return LineKernel(kernel.strength / kernel.length, ((kernel.strength, MorseSum(kernel.length)),))


@on_the_line.register
def _(kernel: Gaussian) -> LineKernel:
    return LineKernel(parts=((kernel.strength, GaussianSum(kernel.length)),))
