"""The Sinkhorn divergence of clouds and of densities on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .._typing import Array
from ..grids import Grid
from ..measures import Density, Measure

_STEPS = 1000
_ANNEALING = 0.7  # of the blur, from step to step
_RELAXATION = 1.6  # once the blur is reached
_SETTLED = 1e-6  # relative change of the value in a step


class Costs(Protocol):
    """The soft minima of a cost |x - y|^2 between two sets of points."""

    def soft_minimum(self, log_weights: Array, epsilon: float, *, back: bool = False) -> Array:
        """-epsilon log sum_y exp(log_weights_y - |x - y|^2 / epsilon), over y for every x, or over x for every y."""


@dataclass(frozen=True)
class PointCosts:
    """Costs between any points (n, d) and (m, d): O(n m) time, compiled, and no table of all pairs."""

    points: Array
    others: Array

    def soft_minimum(self, log_weights: Array, epsilon: float, *, back: bool = False) -> Array:
        from ._soft_minimum import soft_minima

        here, there = (self.others, self.points) if back else (self.points, self.others)
        return soft_minima(np.ascontiguousarray(here.T), np.ascontiguousarray(there.T), log_weights, epsilon)


@dataclass(frozen=True)
class GridCosts:
    """|x - y|^2 between the centres of one grid, axis by axis. Arrays come flat."""

    grid: Grid

    def soft_minimum(self, log_weights: Array, epsilon: float, *, back: bool = False) -> Array:
        from ._soft_minimum import log_sums_along

        sums = log_weights.reshape(self.grid.shape)
        for axis, h in enumerate(self.grid.spacing):
            lines = np.moveaxis(sums, axis, -1)
            summed = log_sums_along(np.ascontiguousarray(lines).reshape(-1, lines.shape[-1]), h**2 / epsilon)
            sums = np.moveaxis(summed.reshape(lines.shape), -1, axis)
        return -epsilon * sums.ravel()


def sinkhorn_divergence(a: Measure, b: Measure, blur: float) -> tuple[float, bool]:
    """S(a, b) = OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2 of entropic transport with the cost |x - y|^2 and epsilon = blur^2, and
    whether the iterations settled. The masses count as 1.

    Non-negative, 0 for a = b alone, and W2^2 in the limit of small blur (Feydy et al. 2019). Sinkhorn's iteration at a blur
    that falls from the extent, then overrelaxed (Thibault et al. 2021); the two transports of a measure to itself by averaged
    steps. A step costs O(n m) for points; for two densities on one grid it goes axis by axis, N sum_i N_i for N cells.
    """
    on_grid = isinstance(a, Density) and isinstance(b, Density) and a.grid == b.grid
    points, logs, weights = [], [], []
    for measure in (a, b):
        masses = measure.masses.ravel() / measure.mass
        kept = np.ones_like(masses, dtype=bool) if on_grid else masses > 0
        weights.append(masses[kept])
        with np.errstate(divide="ignore"):
            logs.append(np.log(masses[kept]))
        points.append(measure.points[kept].reshape(int(kept.sum()), -1))
    extent = float(np.linalg.norm(np.ptp(np.concatenate(points), axis=0)))
    blur = min(blur, extent) or 1.0
    between, first, second = (
        GridCosts(a.grid) if on_grid else PointCosts(points[i], points[j])  # type: ignore[attr-defined]
        for i, j in ((0, 1), (0, 0), (1, 1))
    )
    f, g, own_f, own_g = (np.zeros_like(w) for w in (weights[0], weights[1], weights[0], weights[1]))
    current, value = max(extent, blur), np.inf
    for _ in range(_STEPS):
        epsilon = current**2
        step = _RELAXATION if current == blur else 1.0
        f = (1 - step) * f + step * between.soft_minimum(logs[1] + g / epsilon, epsilon)
        g = (1 - step) * g + step * between.soft_minimum(logs[0] + f / epsilon, epsilon, back=True)
        own_f = (own_f + first.soft_minimum(logs[0] + own_f / epsilon, epsilon)) / 2
        own_g = (own_g + second.soft_minimum(logs[1] + own_g / epsilon, epsilon)) / 2
        before, value = value, float(weights[0] @ (f - own_f) + weights[1] @ (g - own_g))
        if current == blur and abs(value - before) <= _SETTLED * abs(value) + 1e-14 * extent**2:
            return max(value, 0.0), True
        current = max(_ANNEALING * current, blur)
    return max(value, 0.0), False
