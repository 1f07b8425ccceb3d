"""The Sinkhorn divergence of clouds and of densities on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .._typing import Array
from ..grids import Grid
from ..measures import Density, Measure

_STEPS = 1000
_ANNEALING = 0.7  # factor of the blur from step to step
_RELAXATION = 1.6  # overrelaxation, once the final blur is reached
_SETTLED = 1e-6  # relative change of the value in a step, below which the iteration ends


class Costs(Protocol):
    """The soft minima of a cost |x - y|^2 between two sets of points."""

    def soft_minimum(self, log_weights: Array, epsilon: float, *, back: bool = False) -> Array:
        """Return -epsilon log sum_y exp(log_weights_y - |x - y|^2 / epsilon) for every x.

        With ``back`` the sum is over x, for every y.
        """


@dataclass(frozen=True)
class PointCosts:
    """The costs between any points, shapes (n, d) and (m, d). Sums take O(n m) time, compiled, and no table of all pairs."""

    points: Array
    others: Array

    def soft_minimum(self, log_weights: Array, epsilon: float, *, back: bool = False) -> Array:
        from ._soft_minimum import soft_minima

        here, there = (self.others, self.points) if back else (self.points, self.others)
        out = np.empty(len(here))
        soft_minima(len(here), np.ascontiguousarray(here.T), np.ascontiguousarray(there.T), log_weights, epsilon, out)
        return out


@dataclass(frozen=True)
class GridCosts:
    """The costs |x - y|^2 between the cell centres of one grid. Sums go axis by axis. Arrays are flat, shape (cells,)."""

    grid: Grid

    def soft_minimum(self, log_weights: Array, epsilon: float, *, back: bool = False) -> Array:
        from ._soft_minimum import log_sums_along

        sums = log_weights.reshape(self.grid.shape)
        for axis, h in enumerate(self.grid.spacing):
            lines = np.moveaxis(sums, axis, -1)
            rows = np.ascontiguousarray(lines).reshape(-1, lines.shape[-1])
            summed = np.empty_like(rows)
            log_sums_along(len(rows), rows, h**2 / epsilon, summed)
            sums = np.moveaxis(summed.reshape(lines.shape), -1, axis)
        return -epsilon * sums.ravel()


def sinkhorn_divergence(a: Measure, b: Measure, blur: float) -> tuple[float, bool]:
    """Return the Sinkhorn divergence S(a, b) for masses scaled to 1, and True if the iteration settled.

    S(a, b) = OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2, where OT is the entropic transport cost for |x - y|^2 and
    epsilon = blur^2. S is non-negative, it is 0 only for a = b, and it tends to W2^2 as ``blur`` tends to 0.

    OT(a, b) is computed by Sinkhorn's iteration. The blur falls from the extent of the points to ``blur``; then the steps are
    overrelaxed. OT(a, a) and OT(b, b) are computed by averaged steps. A step costs O(n m) for points. For two densities on one
    grid it goes axis by axis and costs N sum_i N_i for N cells.

    Source: Feydy et al. (2019) for the divergence, Thibault et al. (2021) for the overrelaxation.
    """
    on_grid = isinstance(a, Density) and isinstance(b, Density) and a.grid == b.grid
    points, logs, weights = [], [], []
    for measure in (a, b):
        masses = measure.masses.ravel() / measure.mass
        used = np.ones_like(masses, dtype=bool) if on_grid else masses > 0
        weights.append(masses[used])
        with np.errstate(divide="ignore"):
            logs.append(np.log(masses[used]))
        points.append(measure.points[used].reshape(int(used.sum()), -1))
    extent = float(np.linalg.norm(np.ptp(np.concatenate(points), axis=0)))
    blur = min(blur, extent) or 1.0
    costs_ab, costs_aa, costs_bb = (
        GridCosts(a.grid) if on_grid else PointCosts(points[i], points[j])  # type: ignore[attr-defined]
        for i, j in ((0, 1), (0, 0), (1, 1))
    )
    f, g, f_self, g_self = (np.zeros_like(w) for w in (weights[0], weights[1], weights[0], weights[1]))
    current_blur, value = max(extent, blur), np.inf
    for _ in range(_STEPS):
        epsilon = current_blur**2
        step = _RELAXATION if current_blur == blur else 1.0
        f = (1 - step) * f + step * costs_ab.soft_minimum(logs[1] + g / epsilon, epsilon)
        g = (1 - step) * g + step * costs_ab.soft_minimum(logs[0] + f / epsilon, epsilon, back=True)
        f_self = (f_self + costs_aa.soft_minimum(logs[0] + f_self / epsilon, epsilon)) / 2
        g_self = (g_self + costs_bb.soft_minimum(logs[1] + g_self / epsilon, epsilon)) / 2
        before, value = value, float(weights[0] @ (f - f_self) + weights[1] @ (g - g_self))
        if current_blur == blur and abs(value - before) <= _SETTLED * abs(value) + 1e-14 * extent**2:
            return max(value, 0.0), True
        current_blur = max(_ANNEALING * current_blur, blur)
    return max(value, 0.0), False
