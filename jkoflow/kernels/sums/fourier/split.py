"""Whether sums over pairs are split by Ewald's method, with which width of its grid, and which points stand outside.

The cost of the splitting grows with its box. A few points far away would make the box so large that most others are near each
other. They stand outside, and are summed over all pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...._blocks import BLOCK, Blocks
from ...._typing import Array, Mask
from ..kinds import MORSE, POWER
from .ewald import LEAST_Q, REACH, WINDOW, EwaldSums
from .nufft import finufft

_OUTSIDE = (0.0, 0.001, 0.003, 0.01, 0.03)  # shares of the points that stand outside at either end of an axis
_GRIDS = np.array([12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048])  # widths h along the box
_MOST = 12_000_000  # waves
# seconds, of one core: for a pair, for a near pair, for a point and a cell of its spread, for a wave
_PAIR, _NEAR, _SPREAD, _CELLS, _WAVE = 1.3e-9, 3e-9, 1.2e-9, 12, 60e-9
_GAIN = 1.6  # by which the splitting has to be faster
_LONG = 1.0  # seconds: shorter sums over pairs are left as they are
_TARGETS, _SOURCES = 128, 4096  # points whose distances tell how many pairs are near


@dataclass(frozen=True)
class Plan:
    """A box from ``low`` to ``high`` in which sums are split, the width h of its grid, and what that costs in seconds."""

    low: Array
    high: Array
    h: float
    cost: float

    def holds(self, points: Array) -> Mask:
        """Which of the points (d, n) stand in the box."""
        return _held(points, self.low, self.high)


class SplitSums:
    """The sums of m_j K(x_i - y_j), and of its gradient, over points (d, n) and (d, m): split in a box, over pairs outside."""

    def __init__(self, at: Array, sources: Array, masses: Array, kind: int, a: float, plan: Plan) -> None:
        self.at, self.sources, self.masses, self.kernel = at, sources, masses, (kind, a)
        self.targets_in, self.sources_in = plan.holds(at), plan.holds(sources)
        targets, places = (
            Blocks(points[:, inside].T) for points, inside in ((at, self.targets_in), (sources, self.sources_in))
        )
        self.split = EwaldSums(targets, places, masses[self.sources_in], kind, a, plan.h)

    def gradients(self) -> Array:
        """The sums of the gradients, (d, n)."""
        from ..compiled_pairs import gradient_sums

        out = np.zeros_like(self.at)
        out[:, self.targets_in] = self.split.gradients()
        for targets, sources in self._outside():
            out[:, targets] += gradient_sums(self.at[:, targets], self.sources[:, sources], self.masses[sources], *self.kernel)
        return out

    def values(self) -> Array:
        """The sums of the values, (n,)."""
        from ..compiled_pairs import value_sums

        out = np.zeros(self.at.shape[1])
        out[self.targets_in] = self.split.values()
        for targets, sources in self._outside():
            out[targets] += value_sums(self.at[:, targets], self.sources[:, sources], self.masses[sources], *self.kernel)
        return out

    def _outside(self) -> Iterator[tuple[Mask, Mask]]:
        """The targets and the sources of the pairs that are not both in the box."""
        for targets, sources in ((~self.targets_in, np.ones_like(self.sources_in)), (self.targets_in, ~self.sources_in)):
            if targets.any() and sources.any():
                yield targets, sources


def split_sums(at: Array, sources: Array, masses: Array, kind: int, a: float) -> SplitSums | None:
    """Return the sums for points (d, n) and (d, m), or None if all pairs are about as fast or the kernel is not split."""
    d, n = at.shape
    pairs = _PAIR * n * sources.shape[1]
    if d > 3 or pairs < _LONG or finufft() is None or not (kind == MORSE or (kind == POWER and 2 - a >= LEAST_Q)):
        return None
    if not (np.isfinite(at).all() and np.isfinite(sources).all()):
        return None
    plan = min(_plans(at, sources), key=lambda plan: plan.cost, default=None)
    return None if plan is None or _GAIN * plan.cost > pairs else SplitSums(at, sources, masses, kind, a, plan)


def _plans(at: Array, sources: Array) -> Iterator[Plan]:
    """What is tried: boxes that leave few points outside, and widths h."""
    d, n = at.shape
    m, reach = sources.shape[1], REACH[d - 1]
    points = np.concatenate([at, sources], axis=1)
    some_at, some_sources = (
        points[:, :: max(1, points.shape[1] // most)] for points, most in ((at, _TARGETS), (sources, _SOURCES))
    )
    squares = sum((x[:, None] - y) ** 2 for x, y in zip(some_at, some_sources, strict=True))
    for share in _OUTSIDE:
        low, high = np.quantile(points, [share, 1 - share], axis=1) if share else (points.min(axis=1), points.max(axis=1))
        lengths, targets, places = high - low, _held(some_at, low, high), _held(some_sources, low, high)
        if not lengths.max() > 0 or not (targets.any() and places.any()):
            continue
        inside, n_in, m_in = squares[np.ix_(targets, places)], _held(at, low, high).sum(), _held(sources, low, high).sum()
        outside = _PAIR * (n * m - n_in * m_in)
        across = float(np.prod(lengths) * BLOCK / m_in) ** (1 / d)  # of a block: its points are looked at all or none
        for h in lengths.max() / _GRIDS:
            waves = float(np.prod(2 * np.maximum(lengths / h, reach) + 2 * WINDOW))
            if waves > _MOST:
                break
            near = _NEAR * n_in * m_in * float((inside < (reach * h + across) ** 2).mean())
            yield Plan(low, high, h, outside + near + (m_in + (d + 1) * n_in) * _SPREAD * _CELLS**d + _WAVE * waves * (d + 2))


def _held(points: Array, low: Array, high: Array) -> Mask:
    return np.asarray(((points >= low[:, None]) & (points <= high[:, None])).all(axis=0))
