"""The separable Gibbs kernel of entropic transport on a grid with no-flux walls, applied to logarithms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._typing import Array
from .._validate import positive
from ..grids import Grid

_TRUSTED = 1e-250  # sums above this have lost no digit to terms that underflow below 1e-308
_NEGLIGIBLE = 40.0  # exp(-40) is below the rounding of the sum it would join


@dataclass(frozen=True)
class GibbsKernel:
    """K(x, y) = sum over the images y' of y in the walls of exp(-|x - y'|^2 / epsilon), between the cell centres of a grid.

    ``epsilon`` has the unit of a length squared. Away from the walls this is exp(-|x - y|^2 / epsilon); the images, which cost
    more than the straight way and vanish in the limit, make it a multiple of the heat kernel with no-flux walls, so that the
    blur is a diffusion there too and an entropy takes it away.

    The kernel is a product over the axes, so it is applied axis after axis and no n x n matrix is formed: for N cells, N_i
    along axis i, one application costs N sum_i N_i multiply-adds in matrix products, d exponentials and d logarithms per
    cell, and memory for three arrays of N numbers.

    Each line is scaled by its own largest entry before the product. A sum that comes out below 1e-250 may have lost
    terms to underflow: such entries are summed again one by one in the log domain, so the answer is right to rounding
    for every epsilon and every range of values.

    >>> kernel = GibbsKernel(Grid.box((0, 1), cells=50), epsilon=1e-6)
    >>> lone = np.full(50, -np.inf); lone[0] = 0.0
    >>> round(float(kernel.log_apply(lone)[49]), 6)             # -(49 / 50)^2 / epsilon
    -960400.0
    """

    grid: Grid
    epsilon: float

    def __post_init__(self) -> None:
        positive("epsilon", self.epsilon)

    @cached_property
    def _log_factors(self) -> tuple[Array, ...]:
        return tuple(_log_factor(count, h, self.epsilon) for count, h in zip(self.grid.shape, self.grid.spacing, strict=True))

    @cached_property
    def _factors(self) -> tuple[Array, ...]:
        return tuple(np.exp(factor) for factor in self._log_factors)

    def log_apply(self, log_values: Array) -> Array:
        """log sum_j K(x_i, x_j) exp(log_values_j), with -inf for no mass."""
        for axis in range(self.grid.dim):
            log_values = self._along(axis, log_values)
        return log_values

    def _along(self, axis: int, log_values: Array) -> Array:
        lines = np.ascontiguousarray(np.moveaxis(log_values, axis, -1))
        shape = lines.shape
        lines = lines.reshape(-1, shape[-1])
        top = lines.max(axis=1, keepdims=True)
        top[np.isneginf(top)] = 0.0
        sums = np.exp(lines - top) @ self._factors[axis]
        doubtful = sums < _TRUSTED
        with np.errstate(divide="ignore"):
            out = np.log(sums)
        out += top
        if doubtful.any():
            from ._log_sum import sum_again

            sum_again(out, lines, doubtful, self._log_factors[axis], _NEGLIGIBLE)
        return np.moveaxis(out.reshape(shape), -1, axis)


def _log_factor(count: int, spacing: float, epsilon: float) -> Array:
    """The logarithm of the kernel along one axis, shape (count, count): images 2 k length + y and 2 k length - y."""
    stiffness = spacing**2 / epsilon
    i, j = np.arange(count)[:, None], np.arange(count)[None, :]
    reach = int(np.ceil(np.sqrt(_NEGLIGIBLE / stiffness) / (2 * count)))
    exponents = [
        -stiffness * np.square(distance + 2.0 * k * count) for k in range(-reach, reach + 1) for distance in (i - j, i + j + 1)
    ]
    total = exponents[0]
    for exponent in exponents[1:]:
        total = np.logaddexp(total, exponent)
    return np.asarray(total)
