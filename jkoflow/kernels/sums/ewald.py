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

from ..._blocks import BLOCK, Blocks
from ..._typing import Array
from .kinds import MORSE, POWER
from .nufft import finufft

_STEP = 0.2  # of t
_FINEST, _REACH = 3.0, 15.0  # widths h: of the narrowest smooth Gaussian; from where on the others are negligible
_NEGLIGIBLE = 32.0  # exp(-32)
_LEAST_Q = 0.25  # below it the mixture has too many terms
_WINDOW, _SHARPNESS = 16, 1.45  # widths h in which the smooth part is brought to 0 beyond the box; of its Kaiser-Bessel window
_EPS = 1e-10  # what finufft is asked for
_INTERVALS = 4096  # of the tables of the smooth part
_GRIDS = np.array([12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048])  # widths h along the box
_MOST = 10_000_000  # waves
# seconds, of one core: for a pair, for a near pair, for a point and a cell of its spread, for a wave
_PAIR, _NEAR, _SPREAD, _CELLS, _WAVE = 0.9e-9, 1.1e-9, 1.2e-9, 12, 60e-9
_LONG = 0.5  # seconds: shorter sums over pairs are left as they are
_SAMPLED = 64  # blocks of targets whose neighbours are counted


class EwaldSums:
    """The sums of m_j K(x_i - y_j), and of its gradient, by Ewald's splitting, for a power law or Morse.

    ``h`` is the width of the grid. The errors are mostly 1e-10, at most 3e-8, of the largest sums of the smooth part. The
    transforms take one thread, so the number of threads changes no result.
    """

    def __init__(self, at: Blocks, sources: Blocks, masses: Array, kind: int, a: float, h: float) -> None:
        self.at, self.sources, self.masses, self.kind, self.a = at, sources, masses, kind, a
        low = np.minimum(at.points.min(axis=1), sources.points.min(axis=1))
        lengths = np.maximum(at.points.max(axis=1), sources.points.max(axis=1)) - low
        self.reach = _REACH * h
        self.mixture = Mixture.of(kind, a, _FINEST * h, self.reach)
        lengths = np.maximum(lengths, self.reach)  # within the reach the smooth part is too steep to be brought to 0
        self.counts = tuple(_even(2 * length / h + 2 * _WINDOW) for length in lengths)
        self.periods = [n * h for n in self.counts]
        self.angles = [
            [2 * np.pi * ((x - first) / period % 1) for x, first, period in zip(side.points, low, self.periods, strict=True)]
            for side in (at, sources)
        ]
        self.constant = float(self.mixture.smooth(np.array([np.linalg.norm(lengths)]))[0])
        self.transform = self._transform(h, lengths)

    def _transform(self, h: float, lengths: Array) -> Array:
        """The Fourier coefficients of the smooth part between -L and L, less the constant, brought to 0 beyond."""
        places = [h * (np.arange(n) - n // 2) for n in self.counts]
        values = self.mixture.smooth(np.sqrt(sum(np.square(x) for x in np.ix_(*places)))) - self.constant
        for window in np.ix_(*(_window((np.abs(x) - length) / h) for x, length in zip(places, lengths, strict=True))):
            values = values * window
        return np.asarray(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(values))) / values.size)

    def gradients(self) -> Array:
        """The sums of the gradients, (d, n)."""
        amplitudes, out = self._amplitudes, np.empty_like(self.at.points)
        numbers = [np.arange(n) - n // 2 for n in self.counts]
        waves = [2 * np.pi / period * k for k, period in zip(numbers, self.periods, strict=True)]
        for axis, wave in enumerate(np.ix_(*waves)):
            out[axis] = self._at_targets(1j * wave * amplitudes)
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
        return np.asarray(self._call(1)(*self.angles[1], weights, counts, eps=_EPS, isign=-1, nthreads=1) * self.transform)

    def _at_targets(self, amplitudes: Any) -> Array:
        found = self._call(2)(*self.angles[0], np.ascontiguousarray(amplitudes), eps=_EPS, isign=1, nthreads=1)
        return np.ascontiguousarray(found.real)

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
    bell = np.i0(_SHARPNESS * _WINDOW * np.sqrt(1 - s**2))
    bell /= bell.sum() * (s[1] - s[0])
    fallen = np.concatenate([[0.0], np.cumsum((bell[1:] + bell[:-1]) / 2)]) * (s[1] - s[0])
    return np.asarray(1 - CubicHermiteSpline(s, fallen, bell)(np.clip(2 * beyond / _WINDOW - 1, -1, 1)))


def _even(count: float) -> int:
    """The least even number that is not below ``count`` and whose factors are 2, 3 and 5."""
    from scipy.fft import next_fast_len

    return 2 * int(next_fast_len(int(np.ceil(count / 2)), real=True))


def ewald_sums(at: Array, sources: Array, masses: Array, kind: int, a: float) -> EwaldSums | None:
    """Return the sums for points (n, d) and (m, d), or None if all pairs are about as fast or the kernel is not split."""
    d, pairs = at.shape[1], _PAIR * len(at) * len(sources)
    if d > 3 or pairs < _LONG or finufft() is None or not (kind == MORSE or (kind == POWER and 2 - a >= _LEAST_Q)):
        return None
    if not (np.isfinite(at).all() and np.isfinite(sources).all()):
        return None
    targets, places = Blocks(at), Blocks(sources)
    h = _best_width(targets, places)
    return None if h is None else EwaldSums(targets, places, masses, kind, a, h)


def _best_width(at: Blocks, sources: Blocks) -> float | None:
    """The width h with which the sums are fastest, or None if that is not twice as fast as all pairs."""
    from .compiled_near import near_blocks

    d, n = at.points.shape
    m = sources.points.shape[1]
    lengths = np.ptp(np.concatenate([at.points, sources.points], axis=1), axis=1)
    if not lengths.max() > 0:
        return None
    best, least = None, _PAIR * n * m / 2
    chosen = np.linspace(0, at.low.shape[1] - 1, _SAMPLED).astype(int)
    for along in _GRIDS:
        h = float(lengths.max()) / along
        waves = float(np.prod(2 * np.maximum(lengths / h, _REACH) + 2 * _WINDOW))
        if waves > _MOST:
            break
        near = np.empty(len(chosen))
        near_blocks(len(chosen), chosen, at.low, at.high, sources.low, sources.high, _REACH * h, near)
        cost = n * float(near.mean()) * BLOCK * _NEAR + (m + (d + 1) * n) * _SPREAD * _CELLS**d + _WAVE * waves * (d + 2)
        if cost < least:
            best, least = h, cost
    return best
