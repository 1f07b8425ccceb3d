"""The Gibbs kernel of entropic transport on a grid, applied to logarithms axis by axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._typing import Array, Indices, Mask
from .._validate import of_kind, plain_numbers, positive
from ..grids import Grid
from .absorbed import Images, absorbed_log_sum, narrow

_TRUSTED = 1e-250  # a sum above this has lost no digit to terms that underflow below 1e-308
_LEAST = np.finfo(float).tiny  # smaller numbers make products of matrices slow, and are below what is trusted
_BELOW_TRUST = 620.0  # exp(-620): a factor that adds nothing to a trusted sum of values up to 1
_NEGLIGIBLE = 40.0  # exp(-40) is below the rounding of a sum of order 1
_MANY = 0.05  # share of doubtful entries above which tiles are faster than summing the doubtful entries again
_BAND = 64  # targets that share a band of sources


@dataclass(frozen=True)
class GibbsKernel:
    """The Gibbs kernel K(x, y) = sum over y' of exp(-|x - y'|^2 / epsilon) between the cell centres of a grid.

    y' runs over y and its images in the walls, on a torus over its repetitions. ``epsilon`` has the unit of a length squared.

    Away from the walls K is exp(-|x - y|^2 / epsilon). With the images K is a multiple of the heat kernel with no-flux walls:
    the blur is a diffusion at the walls too, and an entropy can remove it. The path to an image costs more than the straight
    path, so that the images vanish in the limit of small epsilon. With ``images=False`` there are none in the walls.

    K is a product over the axes. It is applied one axis after another, and no n x n matrix is formed. :meth:`log_apply` tries
    three methods, in this order.

    1. Matrix products with the exponentials of the values, scaled by the largest value. For N cells, N_i of them along axis i,
       this costs N sum_i min(N_i, R_i) multiply-adds, and one exponential and one logarithm per cell. Here
       R_i = 64 + 2 sqrt(620 epsilon) / dx_i is the width in cells of the band of the factor that matters. If a sum is below
       1e-250, it may have lost terms to underflow, and the second method follows.
    2. The same products with every line scaled by its own largest entry. Doubtful entries are summed again one by one in the
       log domain if at most 5 % of the entries are doubtful, or if the third method does not apply.
    3. Tiles with the tilt of the values absorbed into the kernel (``absorbed_log_sum``). This applies in the plane if
       sqrt(epsilon) is far less than the box. It costs six to ten exponentials per cell: 15 to 40 times the time of the first
       method.

    The result is accurate to rounding for every epsilon and every range of values.

    >>> kernel = GibbsKernel(Grid.box((0, 1), cells=50), epsilon=1e-6)
    >>> lone = np.full(50, -np.inf); lone[0] = 0.0
    >>> round(float(kernel.log_apply(lone)[49]), 6)             # -(49 / 50)^2 / epsilon
    -960400.0
    """

    grid: Grid
    epsilon: float
    images: bool = True

    def __post_init__(self) -> None:
        plain_numbers(self)
        of_kind("grid", self.grid, Grid, "a Grid")
        positive("epsilon", self.epsilon)

    @cached_property
    def _images(self) -> tuple[Images, ...]:
        """Those along every axis."""
        at_walls: Images = "mirrored" if self.images else "none"
        return tuple("repetitions" if periodic else at_walls for periodic in self.grid.periodic_axes)

    @cached_property
    def _log_factors(self) -> tuple[Array, ...]:
        axes = zip(self.grid.shape, self.grid.spacing, self._images, strict=True)
        return tuple(_log_factor(count, h, self.epsilon, images) for count, h, images in axes)

    @cached_property
    def _factors(self) -> tuple[Array, ...]:
        factors = [np.exp(factor) for factor in self._log_factors]
        return tuple(np.where(factor < _LEAST, 0.0, factor) for factor in factors)

    @property
    def _stiffness(self) -> tuple[float, ...]:
        return tuple(h**2 / self.epsilon for h in self.grid.spacing)

    def log_apply(self, log_values: Array) -> Array:
        """Return log sum_j K(x_i, x_j) exp(log_values_j) at every cell i.

        -inf stands for no mass. If a value is NaN or +inf, the result is NaN everywhere.
        """
        top = float(log_values.max())
        if not np.isfinite(top):
            return log_values if np.isneginf(top) else np.full_like(log_values, np.nan)
        sums = log_values - top
        np.exp(sums, out=sums)
        for axis in range(self.grid.dim):
            sums = self._product(axis, sums)
        if sums.min() > _TRUSTED:
            np.log(sums, out=sums)
            sums += top
            return sums
        lines = log_values
        for axis in range(self.grid.dim):
            sums, doubtful = self._along(axis, lines)
            if doubtful.any():
                if doubtful.mean() > _MANY and narrow(self.grid.shape, self._stiffness, self._images):
                    return absorbed_log_sum(log_values, self._stiffness, self._images)
                self._sum_again(axis, lines, sums, doubtful)
            lines = sums
        return lines

    def _product(self, axis: int, values: Array) -> Array:
        """Return the factor of one axis times the values. Terms that are too small for any trusted sum are left out."""
        factor, shape = self._factors[axis], values.shape
        count = shape[axis]
        lines = values.reshape(-1, count, int(np.prod(shape[axis + 1 :])))
        reach = int(np.sqrt(_BELOW_TRUST / self._stiffness[axis])) + 1
        banded = count > 2 * reach + _BAND and self._images[axis] != "repetitions"
        step = _BAND if banded else count
        out = np.empty_like(lines)
        for first in range(0, count, step):
            targets = slice(first, first + step)
            sources = slice(max(0, first - reach), first + step + reach)
            if lines.shape[2] == 1:  # the last axis: the lines are the rows of a matrix
                np.matmul(lines[:, sources, 0], factor[sources, targets], out=out[:, targets, 0])
            else:
                np.matmul(factor[targets, sources], lines[:, sources], out=out[:, targets])
        return out.reshape(shape)

    def _along(self, axis: int, log_values: Array) -> tuple[Array, Mask]:
        """Return the log-sums along one axis, and the mask of those that cannot be trusted.

        Every line is scaled by its largest entry.
        """
        top = log_values.max(axis=axis, keepdims=True)
        top[np.isneginf(top)] = 0.0
        sums = log_values - top
        sums = self._product(axis, np.exp(sums, out=sums))
        doubtful = sums < _TRUSTED
        with np.errstate(divide="ignore"):
            np.log(sums, out=sums)
        sums += top
        return sums, doubtful

    def _sum_again(self, axis: int, log_values: Array, sums: Array, doubtful: Mask) -> None:
        """Overwrite the doubtful log-sums along one axis by sums in the log domain."""
        from ._log_sum import sum_again  # compiled

        def as_rows(values: Any) -> Any:
            return np.ascontiguousarray(np.moveaxis(values, axis, -1)).reshape(-1, values.shape[axis])

        log_sums = as_rows(sums)
        sum_again(log_sums, as_rows(log_values), as_rows(doubtful), self._log_factors[axis], _NEGLIGIBLE)
        np.moveaxis(sums, axis, -1)[...] = log_sums.reshape(np.moveaxis(sums, axis, -1).shape)


def _log_factor(count: int, spacing: float, epsilon: float, images: Images) -> Array:
    """Return the logarithm of the kernel along one axis, shape (count, count).

    The images of y in the walls are 2 k length + y and 2 k length - y, its repetitions k length + y, for all integers k.
    """
    stiffness = spacing**2 / epsilon
    i, j = np.arange(count)[:, None], np.arange(count)[None, :]
    if images == "none":
        return np.asarray(-stiffness * np.square(i - j))
    if images == "repetitions":  # a function of i - j alone
        return _log_sum((np.arange(1 - count, count),), count, stiffness)[i - j + count - 1]
    return _log_sum((i - j, i + j + 1), 2 * count, stiffness)


def _log_sum(distances: Sequence[Indices], period: int, stiffness: float) -> Array:
    """Return the logarithm of the sum of the kernel at all distances, and at these plus all multiples of the period."""
    reach = int(np.ceil(np.sqrt(_NEGLIGIBLE / stiffness) / period))
    total = np.full(distances[0].shape, -np.inf)
    for k in range(-reach, reach + 1):
        for distance in distances:
            total = np.logaddexp(total, -stiffness * np.square(distance + float(k) * period))
    return total
