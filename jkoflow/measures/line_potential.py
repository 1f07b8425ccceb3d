"""The potential that a measure on the line generates, as a function of space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._arrays import read_only
from .._typing import Array
from ..kernels.sums import GAUSS_WEIGHTS, LineKernel, at_gauss_points, over_gauss_points


@dataclass(frozen=True, eq=False)
class LinePotential:
    """The function x -> int W(x - y) d nu(y) for a measure nu on the line, given by its quantiles: ``nodes`` and ``masses``.

    The part of W that is a multiple of |x| is integrated exactly. The rest is summed over three Gauss points in every cell.

    Call it, or its ``gradient`` or ``curvature``, on an array of any shape. Where nu has an atom and W a tip, the gradient is
    the mean of the limits from the two sides.
    """

    kernel: LineKernel
    nodes: Array
    masses: Array

    def __call__(self, x: Any) -> Array:
        return self._derivative(x, 0)

    def gradient(self, x: Any) -> Array:
        """Return the first derivative."""
        return self._derivative(x, 1)

    def curvature(self, x: Any) -> Array:
        """Return the second derivative, without the Dirac masses that a tip of W makes at an atom."""
        return self._derivative(x, 2)

    @cached_property
    def sources(self) -> tuple[Array, Array]:
        """The Gauss points of the cells, and the masses of these points."""
        return at_gauss_points(self.nodes), over_gauss_points(self.masses)

    def at_sorted(self, x: Array) -> tuple[Array, Array, Array]:
        """Return value, first and second derivative at sorted points, without the part of W that is a multiple of |x|."""
        total = np.zeros((3, len(x)))
        for c, part in self.kernel.parts:
            total += c * np.stack(part.values(x, *self.sources))
        return total[0], total[1], total[2]

    def over_cells(self, nodes: Array) -> Array:
        """Return the mean over every cell between ``nodes``, which may be the nodes of another measure or of this one."""
        from ..kernels.sums.tips import abs_over_cells

        means = self.at_sorted(at_gauss_points(nodes))[0].reshape(-1, 3) @ GAUSS_WEIGHTS
        if self.kernel.tip != 0:
            means += self.kernel.tip * abs_over_cells(*read_only(nodes, self.nodes, self.masses))[0]
        return np.asarray(means)

    def _derivative(self, x: Any, derivative: int) -> Array:
        """Return the derivative of order 0, 1 or 2 at x, an array of any shape."""
        from ..kernels.sums.tips import abs_potential

        x = np.asarray(x, dtype=np.float64)
        order = np.argsort(x, axis=None)
        sorted_x = x.ravel()[order]
        out = np.empty(x.size)
        out[order] = self.at_sorted(sorted_x)[derivative]
        if self.kernel.tip != 0:
            out[order] += self.kernel.tip * abs_potential(*read_only(sorted_x, self.nodes, self.masses))[derivative]
        return out.reshape(x.shape)
