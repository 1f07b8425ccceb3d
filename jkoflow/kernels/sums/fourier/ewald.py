"""Sums of power laws and of Morse over pairs by Ewald's splitting: a smooth part by non-uniform FFT, the rest over near pairs.

With g(r) = k'(r) / r both kernels are mixtures of Gaussians,

    r^-q = 2 / Gamma(q / 2) int exp(-r^2 e^(2 t) + q t) dt,
    exp(-r / l) / r = 2 / sqrt(pi) int exp(-r^2 e^(2 t) - e^(-2 t) / (4 l^2) + t) dt.

By the trapezoidal rule they are sums of Gaussians. Those that a grid of width h resolves, of width 3 h at least, are the smooth
part. The others are negligible from a distance of 15 h on.

Source: Ewald (1921) for the splitting; Beylkin and Monzon (2005) for the sums of Gaussians; Potts, Steidl and Nieslony (2004)
for sums by non-uniform FFT.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...._blocks import Blocks
from ...._threads import in_parts
from ...._typing import Array, Indices
from ..kinds import MORSE
from .nufft import finufft

_STEP = 0.2  # of t
# widths h by dimension, of the narrowest smooth Gaussian, and from where on the others are negligible: in space, where waves
# are dear, 2e-9 of the largest sum is good enough, else 1e-10
_FINEST, REACH = (3.0, 3.0, 2.8), (15.0, 15.0, 13.0)
_NEGLIGIBLE = 32.0  # exp(-32)
LEAST_Q = 0.25  # below it the mixture has too many terms
WINDOW, _SHARPNESS = 16, 1.45  # widths h in which the smooth part is brought to 0 beyond the box; of its Kaiser-Bessel window
_EPS = (1e-10, 1e-10, 1e-9)  # what finufft is asked for, by dimension
_FINER = (2.0, 2.0, 1.25)  # its grid, as a multiple of ours: in space a finer one takes three times as long
_INTERVALS = 4096  # of the tables of the smooth part


class EwaldSums:
    """The sums of m_j K(x_i - y_j), and of its gradient, by Ewald's splitting, for a power law or Morse.

    ``h`` is the width of the grid. The errors are mostly 1e-10, in space 2e-9, at most 3e-8, of the largest sums of the smooth
    part. A transform takes one thread, so the number of threads changes no result.
    """

    def __init__(self, at: Blocks, sources: Blocks, masses: Array, kind: int, a: float, h: float) -> None:
        self.at, self.sources, self.masses, self.kind, self.a = at, sources, masses, kind, a
        low = np.minimum(at.points.min(axis=1), sources.points.min(axis=1))
        lengths = np.maximum(at.points.max(axis=1), sources.points.max(axis=1)) - low
        self.reach = REACH[len(low) - 1] * h
        self.mixture = Mixture.of(kind, a, _FINEST[len(low) - 1] * h, self.reach)
        lengths = np.maximum(lengths, self.reach)  # within the reach the smooth part is too steep to be brought to 0
        self.counts = tuple(_even(2 * length / h + 2 * WINDOW) for length in lengths)
        self.periods = [n * h for n in self.counts]
        self.angles = [
            [2 * np.pi * ((x - first) / period % 1) for x, first, period in zip(side.points, low, self.periods, strict=True)]
            for side in (at, sources)
        ]
        self.constant = float(self.mixture.smooth(np.array([np.linalg.norm(lengths)]))[0])
        self.transform = self._transform(h, lengths)

    def _transform(self, h: float, lengths: Array) -> Array:
        """The Fourier coefficients of the smooth part between -L and L, less the constant, brought to 0 beyond.

        It is even along every axis, so cosines of one half tell them.
        """
        from scipy.fft import dctn

        places = [h * np.arange(n // 2 + 1) for n in self.counts]
        values = self.mixture.smooth(np.sqrt(sum(np.square(x) for x in np.ix_(*places)))) - self.constant
        for window in np.ix_(*(_window((x - length) / h) for x, length in zip(places, lengths, strict=True))):
            values = values * window
        half = dctn(values, type=1) / float(np.prod(self.counts))
        return np.asarray(half[np.ix_(*(np.abs(numbers) for numbers in self._numbers))])

    def gradients(self) -> Array:
        """The sums of the gradients, (d, n)."""
        amplitudes, out = self._amplitudes, np.empty_like(self.at.points)
        waves = np.ix_(*(2 * np.pi / period * k for k, period in zip(self._numbers, self.periods, strict=True)))

        def along(first: int, last: int) -> None:
            for axis in range(first, last):
                out[axis] = self._at_targets(1j * waves[axis] * amplitudes)

        in_parts(along, len(out), ())
        self._add_near(out, np.empty(0))
        return self._in_order(out)

    def values(self) -> Array:
        """The sums of the values, (n,)."""
        out = self._at_targets(self._amplitudes) + self.constant * self.masses.sum()
        self._add_near(np.empty((len(self.at.points), 0)), out)
        return self._in_order(out)

    @cached_property
    def _amplitudes(self) -> Array:
        weights = self.masses[self.sources.order].astype(complex)
        counts = self.counts if len(self.counts) > 1 else self.counts[0]
        return np.asarray(self._call(1)(*self.angles[1], weights, counts, isign=-1, **self._options) * self.transform)

    def _at_targets(self, amplitudes: Any) -> Array:
        found = self._call(2)(*self.angles[0], np.ascontiguousarray(amplitudes), isign=1, **self._options)
        return np.ascontiguousarray(found.real)

    @property
    def _numbers(self) -> list[Indices]:
        """The whole numbers of the waves along the axes, in the order of finufft."""
        return [np.arange(n) - n // 2 for n in self.counts]

    @property
    def _options(self) -> dict[str, Any]:
        d = len(self.counts)
        return {"eps": _EPS[d - 1], "upsampfac": _FINER[d - 1], "nthreads": 1}

    def _call(self, kind: int) -> Any:
        return getattr(finufft(), f"nufft{len(self.counts)}d{kind}")

    def _add_near(self, gradients: Array, values: Array) -> None:
        from .compiled_near import near_sums

        at, sources = self.at, self.sources
        near_sums(
            at.low.shape[1], at.points, at.low, at.high, sources.points, sources.low, sources.high,
            self.masses[sources.order], self.kind, self.a, self.reach, *self._tables, gradients, values,
        )  # fmt: skip

    @cached_property
    def _tables(self) -> tuple[Array, Array]:
        """The smooth parts of k'(r) / r and of k(r) in r^2, as cubic polynomials."""
        edges = np.linspace(0.0, self.reach**2, _INTERVALS + 1)
        slope, bend, height = self.mixture.near(edges)
        tables = []
        for f, derivative in ((slope, bend), (height, slope / 2)):
            df, rise = derivative * edges[1], np.diff(f)
            tables.append(np.stack([f[:-1], df[:-1], 3 * rise - 2 * df[:-1] - df[1:], df[:-1] + df[1:] - 2 * rise], axis=1))
        return tables[0], tables[1]

    def _in_order(self, values: Array) -> Array:
        out = np.empty_like(values)
        out[..., self.at.order] = values
        return out


@dataclass(frozen=True)
class Mixture:
    """The smooth part of a kernel: k'(r) / r is the sum of slopes exp(-rates r^2). From ``reach`` on it is the kernel."""

    kind: int
    a: float
    reach: float
    rates: Array
    slopes: Array

    @classmethod
    def of(cls, kind: int, a: float, finest: float, reach: float) -> Mixture:
        """The Gaussians of width ``finest`` at least, down to those that do not count within the reach."""
        from scipy.special import gamma

        last = -np.log(finest)
        if kind == MORSE:
            t = np.arange(last, -np.log(2 * a * np.sqrt(_NEGLIGIBLE)), -_STEP)
            slopes = 2 / np.sqrt(np.pi) / a * np.exp(t - np.exp(-2 * t) / (4 * a * a))
        else:
            q = 2 - a
            t = np.arange(last, -np.log(reach) - _NEGLIGIBLE / q, -_STEP)
            slopes = 2 / gamma(q / 2) * np.exp(q * t)
        return cls(kind, a, reach, np.exp(2 * t), _STEP * slopes)

    def near(self, squares: Array) -> tuple[Array, Array, Array]:
        """The smooth parts of g = k'(r) / r, of dg / d(r^2) and of k(r) within the reach, from r^2."""
        bells = np.exp(-np.multiply.outer(squares, self.rates))
        ends = np.exp(-self.rates * self.reach**2)
        heights = ends * np.expm1(np.multiply.outer(self.reach**2 - squares, self.rates)) @ (-self.slopes / (2 * self.rates))
        return bells @ self.slopes, -(bells @ (self.slopes * self.rates)), self._exact(np.array(self.reach)) + heights

    def smooth(self, r: Array) -> Array:
        """The smooth part of k(r)."""
        out = self._exact(np.maximum(r, self.reach))
        inner = r < self.reach
        out[inner] = self.near(np.square(r[inner]))[2]
        return out

    def _exact(self, r: Array) -> Array:
        if self.kind == MORSE:
            return np.asarray(-np.expm1(-r / self.a))
        return np.asarray(np.log(r) if self.a == 0 else r**self.a / self.a)


def _window(beyond: Array) -> Array:
    """1 inside of the box, and falling to 0 within 16 widths beyond it: the integral of a Kaiser-Bessel window."""
    from scipy.interpolate import CubicHermiteSpline

    s = np.linspace(-1, 1, 4001)
    bell = np.i0(_SHARPNESS * WINDOW * np.sqrt(1 - s**2))
    bell /= bell.sum() * (s[1] - s[0])
    fallen = np.concatenate([[0.0], np.cumsum((bell[1:] + bell[:-1]) / 2)]) * (s[1] - s[0])
    return np.asarray(1 - CubicHermiteSpline(s, fallen, bell)(np.clip(2 * beyond / WINDOW - 1, -1, 1)))


def _even(count: float) -> int:
    """The least even number that is not below ``count`` and whose factors are 2, 3 and 5."""
    from scipy.fft import next_fast_len

    return 2 * int(next_fast_len(int(np.ceil(count / 2)), real=True))
