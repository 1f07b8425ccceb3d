"""Kernels on the line: a multiple of |x|, and the sums of the remaining parts over sorted points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from math import comb
from typing import ClassVar

import numpy as np

from ..._arrays import read_only
from ..._typing import Array
from ..base import CustomKernel, Kernel, RadialKernel, terms_of
from ..gaussian import Gaussian
from ..morse import Morse
from ..newtonian import Newtonian
from ..power_law import PowerLaw
from .fourier.nufft import WAVE_ERROR, GaussianWaves, worth_it

_MOST_MOMENTS = 8
_SHORT = 2e-4  # seconds of a sum over pairs, from which on waves are taken: they spare the table of second derivatives too
_TABLE = 1 << 20  # entries of the largest table of pairs in memory


@dataclass(frozen=True)
class LineKernel:
    """A kernel in dimension 1, written as W(x) = tip |x| + sum over the parts of c S(x).

    tip |x| is the tip of W. The functions S are smooth at the origin, or powers |x|^p / p (log|x| for p = 0) that are not.

    Attributes
    ----------
    tip : float
        The coefficient of the tip, which is k'(0+). The double integrals of |x| are exact, by ranks.
    parts : tuple of (c, Sum)
        The coefficients c, and the sums of the functions S over sorted points.
    powers : tuple of (c, p)
        The parts c |x|^p / p (c log|x| for p = 0) that are not smooth at the origin. They are among ``parts`` too. Gauss points
        do not resolve them within a cell: there their exact mean is needed.
    """

    tip: float = 0.0
    parts: tuple[tuple[float, Sum], ...] = ()
    powers: tuple[tuple[float, float], ...] = ()

    def scaled(self, c: float) -> LineKernel:
        """Return the kernel c W."""
        return LineKernel(
            c * self.tip,
            tuple((c * factor, part) for factor, part in self.parts),
            tuple((c * factor, p) for factor, p in self.powers),
        )

    @property
    def only_tip(self) -> bool:
        """True if W is a multiple of |x|."""
        return not self.parts and not self.powers

    @property
    def singular(self) -> bool:
        """True if W is infinite at the origin."""
        return any(p <= 0 for _, p in self.powers)


class Sum:
    """The sums of an even function S over sources y_j of masses m_j, at targets on the line.

    Targets and sources are sorted arrays.
    """

    fast: ClassVar[bool] = False
    """True if the sums cost O(n). False if they go over all pairs."""

    def is_fast(self, at: Array, sources: Array, masses: Array) -> bool:
        """Return True if the sums over these masses cost about O(n)."""
        return self.fast

    def exact(self, c: float, masses: Array, error: float) -> Sum:
        """Return the sum whose slopes, times c, have no error above ``error`` beyond their own rounding."""
        return self

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        """Return the sums over j of m_j S(x - y_j), m_j S'(x - y_j) and m_j S''(x - y_j) at every target x.

        S'(0) counts as 0.
        """
        raise NotImplementedError

    def curvature(self, x: Array) -> Array:
        """Return S''(x), entry by entry. At the origin it is 0 if S is not smooth there."""
        raise NotImplementedError

    def is_convex(self, c: float) -> bool:
        """Return True if c S is known to be convex."""
        return False

    def cautious(self) -> Sum:
        """Return the sum with S'(r) / r in place of S'' if S'' is infinite at the origin, else the sum itself.

        A quadratic model with this second derivative lies above S.
        """
        return self

    def curvature_products(self, at: Array, sources: Array, masses: Array) -> Callable[[Array], Array]:
        """Return the function weights -> :meth:`curvature_product`, for weights of about the masses of the sources."""
        return lambda weights: self.curvature_product(at, sources, weights)

    def curvature_product(self, at: Array, sources: Array, weights: Array) -> Array:
        """Return sum_j S''(x - y_j) weights_j at every target x. The weights may have any sign."""
        out = np.empty(len(at))
        for rows in _row_blocks(at, sources):
            out[rows] = self.curvature(at[rows, None] - sources) @ weights
        return out


def _row_blocks(at: Array, sources: Array) -> list[slice]:
    """Return slices of the targets for which the table of all pairs with the sources stays below ``_TABLE`` entries."""
    count = max(1, _TABLE // max(1, len(sources)))
    return [slice(start, start + count) for start in range(0, len(at), count)]


@dataclass(frozen=True)
class MomentSum(Sum):
    """The sums of S(x) = x^p / p for even p, from p + 1 moments of the sources. They are exact and cost O(p n)."""

    p: int
    fast: ClassVar[bool] = True

    def is_convex(self, c: float) -> bool:
        return c >= 0

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        sizes = np.abs(masses)
        centre = float(sizes @ sources / sizes.sum()) if sizes.any() else 0.0  # little mass far away must not move it
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
    """The sums of S(x) = 1 - exp(-|x| / l) - |x| / l: the Morse kernel minus its tip |x| / l.

    Prefix sums of exponentials give them exactly, in O(n).
    """

    length: float
    fast: ClassVar[bool] = True

    def is_convex(self, c: float) -> bool:
        return c <= 0

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        from .compiled_line import morse_values

        return morse_values(*read_only(at, sources, masses), float(self.length))

    def curvature(self, x: Array) -> Array:
        return np.asarray(-np.exp(-np.abs(x) / self.length) / self.length**2)

    def curvature_product(self, at: Array, sources: Array, weights: Array) -> Array:
        from .compiled_line import morse_curvatures

        return morse_curvatures(*read_only(at, sources, weights), float(self.length))

    def curvature_products(self, at: Array, sources: Array, masses: Array) -> Callable[[Array], Array]:
        from .compiled_line import morse_own_curvatures

        if at is not sources:
            return super().curvature_products(at, sources, masses)
        decays = np.exp(-np.diff(at) / self.length)
        return lambda weights: morse_own_curvatures(decays, weights, self.length)


@dataclass(frozen=True)
class PowerSum(Sum):
    """The sums of S(x) = |x|^p / p, or of log|x| for p = 0, over all pairs that do not coincide: O(n^2), compiled."""

    p: float

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        from .compiled_line import log_values, power_values

        given = read_only(at, sources, masses)
        return log_values(*given) if self.p == 0 else power_values(*given, float(self.p))

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
    """The sums of S(x) = |x|^p / p for 1 < p < 2. In place of the second derivative stands S'(|x|) / |x| = |x|^(p - 2)."""

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        value, slope, curvature = super().values(at, sources, masses)
        return value, slope, curvature / (self.p - 1)

    def curvature(self, x: Array) -> Array:
        return super().curvature(x) / (self.p - 1)


@dataclass(frozen=True)
class GaussianSum(Sum):
    """The sums of S(x) = 1 - exp(-x^2 / l^2): over all pairs, O(n^2) and compiled, or for many points by waves, O(n)."""

    length: float

    by_pairs: bool = False
    """Whether values and slopes are summed over pairs in any case."""

    def is_fast(self, at: Array, sources: Array, masses: Array) -> bool:
        return worth_it(at[None], sources[None], masses, float(self.length), _SHORT)

    def exact(self, c: float, masses: Array, error: float) -> GaussianSum:
        small = abs(c) * WAVE_ERROR * float(masses.sum()) / self.length <= error
        return self if small else GaussianSum(self.length, by_pairs=True)

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        if not self.by_pairs and self.is_fast(at, sources, masses):
            value, slope, curvature = self._waves(at, sources).sums(masses, (0,), (1,), (2,))
            return masses.sum() - value, -slope, -curvature
        from .compiled_line import gaussian_values

        return gaussian_values(*read_only(at, sources, masses), float(self.length))

    def curvature(self, x: Array) -> Array:
        squared = (x / self.length) ** 2
        return np.asarray(2 * (1 - 2 * squared) * np.exp(-squared) / self.length**2)

    def curvature_products(self, at: Array, sources: Array, masses: Array) -> Callable[[Array], Array]:
        if not self.is_fast(at, sources, masses):
            return super().curvature_products(at, sources, masses)
        waves = self._waves(at, sources)
        return lambda weights: -waves.sums(weights, (2,))[0]

    def _waves(self, at: Array, sources: Array) -> GaussianWaves:
        return GaussianWaves(at[None], sources[None], float(self.length))


@dataclass(frozen=True)
class RadialSum(Sum):
    """The sums of a radial kernel that is finite at the origin, minus its tip k'(0+) |x|, over all pairs: O(n^2), in blocks."""

    kernel: RadialKernel

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        tip = float(self.kernel.slope(0.0))
        out = np.empty((3, len(at)))
        for rows in _row_blocks(at, sources):
            x = at[rows, None] - sources
            r = np.abs(x)
            out[0, rows] = (self.kernel.profile(r) - tip * r) @ masses
            out[1, rows] = (np.sign(x) * (self.kernel.slope(r) - tip)) @ masses
            out[2, rows] = self.curvature(x) @ masses
        return out[0], out[1], out[2]

    def curvature(self, x: Array) -> Array:
        return np.asarray(self.kernel.curvature(np.abs(x)))


@dataclass(frozen=True)
class CallableSum(Sum):
    """The sums of a smooth kernel that is given by its value and gradient, over all pairs: O(n^2), in blocks.

    S'' is computed by central differences of the gradient.
    """

    kernel: CustomKernel

    def values(self, at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
        out = np.empty((3, len(at)))
        for rows in _row_blocks(at, sources):
            x = at[rows, None] - sources
            out[0, rows] = self.kernel(x) @ masses
            out[1, rows] = self.kernel.gradient(x) @ masses
            out[2, rows] = self.curvature(x) @ masses
        return out[0], out[1], out[2]

    def curvature(self, x: Array) -> Array:
        h = 2.0**-10 * (float(np.abs(x).max()) or 1.0)
        near = self.kernel.gradient(x + h) - self.kernel.gradient(x - h)
        far = self.kernel.gradient(x + 2 * h) - self.kernel.gradient(x - 2 * h)
        return np.asarray((8 * near - far) / (12 * h))


@singledispatch
def on_the_line(kernel: Kernel) -> LineKernel:
    """Return the kernel as a ``LineKernel``: its multiple of |x|, and the other parts.

    For a new kind of kernel, register a function with ``on_the_line.register``.

    Raises ValueError for a kernel that cannot be summed on the line: one that is pointed or singular and has no known profile,
    or one that is not integrable.

    >>> from jkoflow import Morse, PowerLaw
    >>> on_the_line(Morse(2.0, 0.5) + PowerLaw(1)).tip
    5.0
    """
    terms = terms_of(kernel)
    if terms == ((1.0, kernel),):
        raise ValueError(f"{kernel!r} is not known on the line: register it with jkoflow.kernels.sums.on_the_line.register")
    line_kernels = [on_the_line(term).scaled(c) for c, term in terms]
    return LineKernel(
        sum(line_kernel.tip for line_kernel in line_kernels),
        tuple(part for line_kernel in line_kernels for part in line_kernel.parts),
        tuple(power for line_kernel in line_kernels for power in line_kernel.powers),
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
        return LineKernel(tip=1.0)
    if kernel.p % 2 == 0 and 2 <= kernel.p <= _MOST_MOMENTS:
        return LineKernel(parts=((1.0, MomentSum(int(kernel.p))),))
    return LineKernel(parts=((1.0, PowerSum(kernel.p)),), powers=((1.0, kernel.p),))


@on_the_line.register
def _(kernel: Newtonian) -> LineKernel:
    if kernel.d == 1:
        return LineKernel(tip=-0.5)
    if kernel.d == 2:
        return on_the_line(PowerLaw(0)).scaled(-1 / (2 * np.pi))
    raise ValueError(f"{kernel!r} is not integrable on the line: d must be 1 or 2")


@on_the_line.register
def _(kernel: Morse) -> LineKernel:
    return LineKernel(kernel.strength / kernel.length, ((kernel.strength, MorseSum(kernel.length)),))


@on_the_line.register
def _(kernel: Gaussian) -> LineKernel:
    return LineKernel(parts=((kernel.strength, GaussianSum(kernel.length)),))
