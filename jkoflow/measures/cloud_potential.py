"""The potential that point masses generate, as a function of space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from ..kernels import Kernel
from ..kernels.sums import pair_gradients, pair_values


@dataclass(frozen=True, eq=False)
class CloudPotential:
    """x -> sum_j m_j W(x - y_j). Call it, or its ``gradient``, on coordinates of any shape, one argument for each.

    A source at the place counts W(0), or nothing where W is infinite there, and pulls by 0.
    """

    kernel: Kernel
    points: Array
    masses: Array

    def __call__(self, *x: Any) -> Array:
        at, shape = _points(x)
        return pair_values(self.kernel, at, self.points, self.masses).reshape(shape)

    def gradient(self, *x: Any) -> Array:
        """The gradient in the convention of ``Kernel.gradient``: coordinates first, unless there is one alone."""
        at, shape = _points(x)
        pulls = pair_gradients(self.kernel, at, self.points, self.masses)
        return pulls.reshape(shape) if at.ndim == 1 else pulls.T.reshape(len(x), *shape)


def _points(coordinates: tuple[Any, ...]) -> tuple[Array, tuple[int, ...]]:
    """Coordinates as points (n,) or (n, d), and the shape that they came in."""
    arrays = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in coordinates))
    flat = [a.ravel() for a in arrays]
    return (flat[0] if len(flat) == 1 else np.stack(flat, axis=1)), arrays[0].shape
