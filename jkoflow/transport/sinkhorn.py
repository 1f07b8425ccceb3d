"""The Sinkhorn divergence of clouds and of densities on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from .._blocks import BLOCK, Blocks
from .._typing import Array
from ..grids import Grid, resampled
from ..measures import Density, Measure
from .gibbs import GibbsKernel
from .transforms import upper_transform

_STEPS = 1000
_ANNEALING = 0.7  # factor of the blur from step to step
_RELAXATION = 1.6  # overrelaxation, once the final blur is reached
_FEWEST, _SEEN = 32, 2  # cells along an axis of the coarsest grid; cells that the blur covers on it
_MANY = 1000  # points of both clouds from which on those in a cube are gathered first
_SIDES = ((0, 1), (0, 0), (1, 1))  # between which measures there are costs
_HARD = 1e-8  # share of the squared extent: the epsilon at which a soft minimum is the minimum
_SETTLED = 1e-6  # relative change of the value in all further steps, below which the iteration ends


class Costs(Protocol):
    """The soft minima of a cost |x - y|^2 between two sets of points."""

    def soft_minimum(self, log_weights: Array, epsilon: float, *, back: bool = False) -> Array:
        """Return -epsilon log sum_y exp(log_weights_y - |x - y|^2 / epsilon) for every x.

        With ``back`` the sum is over x, for every y.
        """

    def least(self, values: Array) -> Array:
        """Return at most min_x |x - y|^2 - values_x for every y."""


class PointCosts:
    """The costs between any points, shapes (n, d) and (m, d). Sums are compiled, with no table of all pairs.

    The points are put in the order of the leaves of a tree, so that blocks of them lie together. Blocks that add less than a
    rounding to a sum are left out. So a sum takes O(n m) time for a wide kernel, and less for a narrow one.
    """

    def __init__(self, points: Array, others: Array) -> None:
        self.sides = tuple(Blocks(side) for side in (points, others))

    def soft_minimum(self, log_weights: Array, epsilon: float, *, back: bool = False) -> Array:
        from ._soft_minimum import soft_minima  # compiled

        here, there = self.sides[::-1] if back else self.sides
        weights = log_weights[there.order]
        largest = np.maximum.reduceat(weights, np.arange(0, len(weights), BLOCK))
        out, sums = np.empty(len(here.order)), np.empty(len(here.order))
        soft_minima(len(sums), here.points, there.points, there.low, there.high, weights, largest, epsilon, sums)
        out[here.order] = sums
        return out

    def least(self, values: Array) -> Array:
        points = np.concatenate([side.points for side in self.sides], axis=1)
        epsilon = _HARD * float(np.square(np.ptp(points, axis=1)).sum()) or 1.0
        return self.soft_minimum(values / epsilon, epsilon, back=True)


@dataclass(frozen=True)
class GridCosts:
    """The costs |x - y|^2 between the cell centres of one grid, on a torus the shortest way round.

    Sums go axis by axis. Arrays are flat, shape (cells,).
    """

    grid: Grid

    def soft_minimum(self, log_weights: Array, epsilon: float, *, back: bool = False) -> Array:
        kernel = GibbsKernel(self.grid, epsilon, images=False)
        return -epsilon * kernel.log_apply(log_weights.reshape(self.grid.shape)).ravel()

    def least(self, values: Array) -> Array:
        rows = values.reshape(self.grid.shape)
        return -upper_transform(rows, self.grid.spacing, 0.5, self.grid.periodic_axes).ravel()


class Divergence(NamedTuple):
    """A Sinkhorn divergence for masses scaled to 1, whether the iteration settled, and what W2^2 is at least."""

    value: float
    settled: bool
    lower: float


class Potentials(NamedTuple):
    """The potentials of the transport from a to b, f and g, and of those of a and of b to themselves. Flat arrays."""

    f: Array
    g: Array
    f_self: Array
    g_self: Array


def sinkhorn_divergence(a: Measure, b: Measure, blur: float) -> Divergence:
    """Return the Sinkhorn divergence S(a, b) for masses scaled to 1.

    S(a, b) = OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2, where OT is the entropic transport cost for |x - y|^2 and
    epsilon = blur^2. S is non-negative, it is 0 only for a = b, and it tends to W2^2 as ``blur`` tends to 0.

    OT(a, b) is computed by Sinkhorn's iteration. The blur falls from the extent of the points to ``blur``; then the steps are
    overrelaxed. OT(a, a) and OT(b, b) are computed by averaged steps. A step costs O(n m) for points. It goes axis by axis for
    two densities on one grid.

    The iteration begins with the potentials on cells twice as wide, as long as ``blur`` is at least two of these cells, or
    of the centres of the points in cubes of half of ``blur``. Then a few steps are left to the finest level.

    The lower bound is the dual value of the potential f - f_self, of a with itself, and of its transform
    min_x |x - y|^2 - f(x) + f_self(x), which are feasible.

    Source: Feydy et al. (2019) for the divergence, Thibault et al. (2021) for the overrelaxation.
    """
    if isinstance(a, Density) and isinstance(b, Density) and a.grid == b.grid:
        return _on_grid(a, b, blur)[0]
    clouds = []
    for measure in (a, b):
        masses, points = measure.masses.ravel(), measure.points.reshape(measure.masses.size, -1)
        clouds.append(_Cloud(points[masses > 0], masses[masses > 0] / measure.mass))
    return _between_clouds(clouds, blur)[0]


class _Cloud(NamedTuple):
    """Points (n, d) and their weights (n,), which sum to 1."""

    points: Array
    weights: Array

    def gathered(self, size: float) -> _Cloud:
        """The centres of mass of the points in cubes of this size."""
        cubes = np.floor((self.points - self.points.min(axis=0)) / size)
        groups = np.unique(cubes, axis=0, return_inverse=True)[1].ravel()
        weights = np.bincount(groups, self.weights).astype(np.float64)
        centres = [np.bincount(groups, self.weights * x) / weights for x in self.points.T]
        return _Cloud(np.stack(centres, axis=1), weights)


def _between_clouds(clouds: list[_Cloud], blur: float) -> tuple[Divergence, Potentials]:
    """The divergence of two clouds, and its potentials."""
    start, count = None, sum(len(cloud.weights) for cloud in clouds)
    if count >= _MANY:
        coarse = [cloud.gathered(blur / _SEEN) for cloud in clouds]
        if sum(len(cloud.weights) for cloud in coarse) <= count / 2:
            start = _extended(_between_clouds(coarse, blur)[1], coarse, clouds, blur**2)
    weights = [cloud.weights for cloud in clouds]
    extent = float(np.linalg.norm(np.ptp(np.concatenate([cloud.points for cloud in clouds]), axis=0)))
    return _iterated(weights, [PointCosts(clouds[i].points, clouds[j].points) for i, j in _SIDES], extent, blur, start)


def _extended(potentials: Potentials, coarse: Sequence[_Cloud], fine: Sequence[_Cloud], epsilon: float) -> Potentials:
    """The potentials at the points of the fine clouds, as soft minima over the coarse ones."""
    f, g, f_self, g_self = potentials

    def at(here: int, there: int, values: Array) -> Array:
        costs = PointCosts(fine[here].points, coarse[there].points)
        return costs.soft_minimum(np.log(coarse[there].weights) + values / epsilon, epsilon)

    return Potentials(at(0, 1, g), at(1, 0, f), at(0, 0, f_self), at(1, 1, g_self))


def _on_grid(a: Density, b: Density, blur: float) -> tuple[Divergence, Potentials]:
    """The divergence of two densities on one grid, and its potentials."""
    grid, start = a.grid, None
    coarse = Grid.box(*grid.bounds, cells=tuple(-(-count // 2) for count in grid.shape), periodic=grid.periodic)
    if min(coarse.shape) >= _FEWEST and max(coarse.spacing) <= blur / _SEEN:
        below, above = (Density(coarse, resampled(density.values, coarse.shape)) for density in (a, b))
        potentials = _on_grid(below, above, blur)[1]
        start = Potentials(*(_refined(values.reshape(coarse.shape), coarse, grid).ravel() for values in potentials))
    weights = [density.masses.ravel() / density.mass for density in (a, b)]
    extent = float(np.linalg.norm([length - h for length, h in zip(grid.lengths, grid.spacing, strict=True)]))
    return _iterated(weights, [GridCosts(grid)] * len(_SIDES), extent, blur, start)


def _refined(values: Array, coarse: Grid, fine: Grid) -> Array:
    """The values of a smooth function at the centres of finer cells, by cubic splines along every axis."""
    from scipy.interpolate import make_interp_spline

    for axis, (known, wanted) in enumerate(zip(coarse.axes, fine.axes, strict=True)):
        values = make_interp_spline(known, values, axis=axis)(wanted)
    return values


def _iterated(
    weights: list[Array], costs: Sequence[Costs], extent: float, blur: float, start: Potentials | None = None
) -> tuple[Divergence, Potentials]:
    """The divergence and the potentials. ``costs`` are those between a and b, a and a, b and b.

    From given potentials it is iterated at the last blur.
    """
    blur = min(blur, extent) or 1.0
    with np.errstate(divide="ignore"):
        logs = [np.log(w) for w in weights]
    costs_ab, costs_aa, costs_bb = costs
    nothing = [np.zeros_like(w) for w in weights]
    f, g, f_self, g_self = start or (*nothing, *nothing)
    current_blur, value, change, settled = blur if start else max(extent, blur), np.inf, np.inf, False
    for _ in range(_STEPS):
        epsilon = current_blur**2
        step = _RELAXATION if current_blur == blur else 1.0
        f = (1 - step) * f + step * costs_ab.soft_minimum(logs[1] + g / epsilon, epsilon)
        g = (1 - step) * g + step * costs_ab.soft_minimum(logs[0] + f / epsilon, epsilon, back=True)
        f_self = (f_self + costs_aa.soft_minimum(logs[0] + f_self / epsilon, epsilon)) / 2
        g_self = (g_self + costs_bb.soft_minimum(logs[1] + g_self / epsilon, epsilon)) / 2
        before, value = value, float(weights[0] @ (f - f_self) + weights[1] @ (g - g_self))
        last, change = change, abs(value - before)
        to_come = change / (1 - change / last) if change < last else np.inf  # if changes go on to fall by this factor
        settled = current_blur == blur and (to_come <= _SETTLED * abs(value) or change <= 1e-14 * extent**2)
        if settled:
            break
        current_blur = max(_ANNEALING * current_blur, blur)
    lower = float(weights[0] @ (f - f_self) + weights[1] @ costs_ab.least(f - f_self))
    return Divergence(max(value, 0.0), settled, max(lower, 0.0)), Potentials(f, g, f_self, g_self)
