"""Sums of Gaussians over many points by the fast Fourier transform of points that are not on a grid (finufft, an extra).

On a box whose images are out of reach, exp(-|x|^2 / l^2) is a sum of waves. So a sum over all pairs is a transform of the
sources, a product, and a transform back to the targets.

Source: Barnett, Magland, af Klinteberg, A parallel nonuniform fast Fourier transform library (2019).
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from ...._typing import Array

_REACH = 6.3  # lengths l behind which the Gaussian is below 1e-17; its transform is below that behind 2 * 6.3 / l
_EPS = 1e-13  # what finufft is asked for
WAVE_ERROR = 1e-13  # of a sum, a share of all weights
_WIDEST = 3.0  # standard deviations of the masses: a wider kernel is summed over pairs
_MOST_ALONG = 4_000  # waves along an axis: places have a rounding of 1e-16 of the box, which more would make larger than _EPS
_MOST = 8_000_000  # waves
# seconds, of one core: for a pair of points, for a point and a cell of its spread, of which there are 14 an axis, for a wave
_PAIR, _SPREAD, _WIDTH, _WAVE = 0.9e-9, 1.2e-9, 14, 60e-9
_SHORT = 0.01  # seconds: shorter sums over pairs are left as they are


class GaussianWaves:
    """Sums of exp(-|x_i - y_j|^2 / l^2) over sources y_j, and of its derivatives, for many weights at the same places.

    The targets are (d, n), the sources (d, m); ``scale`` is l. The error is about 1e-13 of the sum of the weights, over l for
    every derivative. There is one thread, so the number of threads changes no result.
    """

    def __init__(self, at: Array, sources: Array, scale: float) -> None:
        low, lengths = _box(at, sources, scale)
        self.counts = tuple(int(count) for count in _counts(lengths, scale))
        numbers = (np.linspace(-(count // 2), count // 2, count) for count in self.counts)
        self.waves = [2 * np.pi / length * k for length, k in zip(lengths, np.ix_(*numbers), strict=True)]
        self.transform: Array = np.ones(self.counts)
        for k, length in zip(self.waves, lengths, strict=True):
            self.transform = self.transform * (np.sqrt(np.pi) * scale / length * np.exp(-((scale * k / 2) ** 2)))
        self.targets, self.places = (
            [2 * np.pi * ((x - first) / length % 1) for x, first, length in zip(points, low, lengths, strict=True)]
            for points in (at, sources)
        )

    def sums(self, weights: Array, *derivatives: tuple[int, ...]) -> list[Array]:
        """Return the sums of some derivatives, (n,) each. A derivative is told by its order along every axis."""
        amplitudes = self._amplitudes(weights)
        out = []
        for orders in derivatives:
            turned = amplitudes
            for k, order in zip(self.waves, orders, strict=True):
                turned = turned * (1j * k) ** order if order else turned
            out.append(self._at_targets(turned))
        return out

    def curvatures(self, vectors: Array) -> Array:
        """Return the sums of the second derivative times vectors at the sources, (d, n) from (d, m)."""
        amplitudes = [self._amplitudes(component) for component in vectors]
        divergence = sum(1j * k * amplitude for k, amplitude in zip(self.waves, amplitudes, strict=True))
        return np.stack([self._at_targets(1j * k * divergence) for k in self.waves])

    def _amplitudes(self, weights: Array) -> Array:
        sums = self._call(1)(*self.places, weights.astype(complex), self._shape, eps=_EPS, isign=-1, nthreads=1)
        return np.asarray(sums * self.transform)

    def _at_targets(self, amplitudes: Array) -> Array:
        found = self._call(2)(*self.targets, np.ascontiguousarray(amplitudes), eps=_EPS, isign=1, nthreads=1)
        return np.ascontiguousarray(found.real)

    @property
    def _shape(self) -> int | tuple[int, ...]:
        return self.counts[0] if len(self.counts) == 1 else self.counts

    def _call(self, kind: int) -> Any:
        return getattr(finufft(), f"nufft{len(self.counts)}d{kind}")


def worth_it(at: Array, sources: Array, masses: Array, scale: float, short: float = _SHORT) -> bool:
    """Return True if finufft is installed, and waves are right enough and faster than all pairs by two. Points are (d, n).

    The error of waves is a share of all masses. So the kernel may not be much wider than the masses are spread: there
    1 - exp(-|x|^2 / l^2) and its slope are small everywhere. Sums over pairs that take less than ``short`` seconds are left as
    they are.
    """
    d, n = at.shape
    m = sources.shape[1]
    pairs = _PAIR * n * m
    if d > 3 or pairs < short or finufft() is None:
        return False
    if not (np.isfinite(at).all() and np.isfinite(sources).all()):
        return False
    if not scale <= _WIDEST * _spread(sources, np.abs(masses)):
        return False
    counts = _counts(_box(at, sources, scale)[1], scale)
    waves = float(np.prod(counts))
    transforms = (m + (d + 1) * n) * _SPREAD * _WIDTH**d + _WAVE * waves * (d + 2)
    return bool((counts <= _MOST_ALONG).all()) and waves <= _MOST and 2 * transforms < pairs


@cache
def finufft() -> ModuleType | None:
    """The module finufft, or None if it is not installed."""
    try:
        import finufft as module
    except ImportError:
        return None
    return module


def _spread(points: Array, masses: Array) -> float:
    """The largest standard deviation of the masses along an axis."""
    with np.errstate(over="ignore", invalid="ignore"):
        shares = masses / masses.sum()
        means = points @ shares
        return float(np.sqrt(((points - means[:, None]) ** 2 @ shares).max()))


def _box(at: Array, sources: Array, scale: float) -> tuple[Array, Array]:
    """The lower ends and the lengths of a box whose images are out of reach."""
    low, high = np.minimum(at.min(axis=1), sources.min(axis=1)), np.maximum(at.max(axis=1), sources.max(axis=1))
    return low, high - low + _REACH * scale


def _counts(lengths: Array, scale: float) -> Array:
    """The numbers of waves along the axes, odd, as floats: they may be too many to be built."""
    return 2 * np.ceil(_REACH * lengths / (np.pi * scale)) + 1
