"""Sums of Gaussians over many points by the fast Fourier transform of points that are not on a grid (finufft, an extra)."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import NamedTuple

import numpy as np

from ..._typing import Array

# Beyond 6.3 lengths a Gaussian is below 1e-17, so an image of the box may be there; so is a wave behind 6.2 in its transform.
_REACH = 6.3
_EPS = 1e-13  # what finufft is asked for
_PAIR, _SPREAD, _WAVE = 0.9e-9, 1.2e-9, 60e-9  # seconds for a pair of points, for a point and cell of its spread, for a wave
_SPREAD_WIDTH, _MOST_WAVES = 14, 8_000_000
_SHORT = 0.01  # seconds


class Waves(NamedTuple):
    """exp(-|x|^2 / l^2) on a box whose images do not matter, as the sum of its waves."""

    low: Array
    lengths: Array
    counts: tuple[int, ...]
    """The number of waves along every axis: odd."""
    scale: float
    """l."""

    @classmethod
    def between(cls, at: Array, sources: Array, scale: float) -> Waves:
        low, high = np.minimum(at.min(axis=1), sources.min(axis=1)), np.maximum(at.max(axis=1), sources.max(axis=1))
        lengths = high - low + _REACH * scale
        with np.errstate(over="ignore"):
            highest = np.ceil(np.minimum(_REACH * lengths / (np.pi * scale), float(_MOST_WAVES)))
        return cls(low, lengths, tuple(int(2 * k + 1) for k in highest), scale)

    def numbers(self, axis: int) -> Array:
        """The wave numbers along an axis, from the least to the largest."""
        half = self.counts[axis] // 2
        return np.linspace(-half, half, self.counts[axis])

    def transform(self) -> Array:
        """The coefficient of every wave."""
        out: Array = np.ones(self.counts)
        for axis, length in enumerate(self.lengths):
            k = self.numbers(axis)
            factor = np.sqrt(np.pi) * self.scale / length * np.exp(-((np.pi * self.scale * k / length) ** 2))
            out = out * factor.reshape([-1 if a == axis else 1 for a in range(len(self.counts))])
        return out

    def angles(self, points: Array) -> list[Array]:
        return [2 * np.pi * ((x - low) / length % 1) for x, low, length in zip(points, self.low, self.lengths, strict=True)]


def worth_it(at: Array, sources: Array, scale: float, short: float = _SHORT) -> bool:
    """Return True if finufft is installed, and is expected to be faster than all pairs by two. Points are (d, n).

    A sum over all pairs that takes less than ``short`` seconds is left as it is.
    """
    d, n = at.shape
    m = sources.shape[1]
    pairs = _PAIR * n * m
    if d > 3 or pairs < short or finufft() is None:
        return False
    if not (np.isfinite(at).all() and np.isfinite(sources).all()):
        return False
    counts = Waves.between(at, sources, scale).counts
    waves = float(np.prod(np.array(counts, dtype=float)))
    transforms = (m + (d + 1) * n) * _SPREAD * _SPREAD_WIDTH**d + _WAVE * waves * (d + 2)
    return waves <= _MOST_WAVES and 2 * transforms < pairs


def gaussian_sums(at: Array, sources: Array, masses: Array, scale: float, *, gradient: bool) -> Array:
    """Return sum_j m_j exp(-|x_i - y_j|^2 / l^2), (n,), or its gradient in x_i, (d, n).

    Points are (d, n) and (d, m). ``scale`` is l.

    The error is about 1e-13 of the sum of the masses, over l for the gradient. The result does not depend on the number of
    threads: there is one.
    """
    waves = Waves.between(at, sources, scale)
    amplitudes = _from_points(waves.angles(sources), masses, waves.counts) * waves.transform()
    targets = waves.angles(at)
    if not gradient:
        return _at_points(targets, amplitudes)
    out = np.empty_like(at)
    for axis, length in enumerate(waves.lengths):
        turned = 2j * np.pi / length * waves.numbers(axis)
        shape = [-1 if a == axis else 1 for a in range(len(waves.counts))]
        out[axis] = _at_points(targets, amplitudes * turned.reshape(shape))
    return out


class LineWaves:
    """Sums of exp(-(x_i - y_j)^2 / l^2) and of its derivatives on the line, for many weights at the same places."""

    def __init__(self, at: Array, sources: Array, scale: float) -> None:
        waves = Waves.between(at[None], sources[None], scale)
        self.counts, self.transform = waves.counts, waves.transform()
        self.turned = 2j * np.pi / waves.lengths[0] * waves.numbers(0)
        self.targets, self.places = waves.angles(at[None]), waves.angles(sources[None])

    def derivatives(self, weights: Array, orders: tuple[int, ...]) -> list[Array]:
        """The sums of the derivatives of some orders, each (n,)."""
        amplitudes = _from_points(self.places, weights, self.counts) * self.transform
        return [_at_points(self.targets, amplitudes * self.turned**order) for order in orders]


@cache
def finufft() -> ModuleType | None:
    """The module finufft, or None if it is not installed."""
    try:
        import finufft as module
    except ImportError:
        return None
    return module


def _from_points(angles: list[Array], masses: Array, counts: tuple[int, ...]) -> Array:
    call = getattr(finufft(), f"nufft{len(angles)}d1")
    shape = counts[0] if len(counts) == 1 else counts
    return call(*angles, masses.astype(complex), shape, eps=_EPS, isign=-1, nthreads=1)


def _at_points(angles: list[Array], amplitudes: Array) -> Array:
    call = getattr(finufft(), f"nufft{len(angles)}d2")
    return np.ascontiguousarray(call(*angles, np.ascontiguousarray(amplitudes), eps=_EPS, isign=1, nthreads=1).real)
