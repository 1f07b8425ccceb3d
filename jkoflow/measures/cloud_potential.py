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
    """The function x -> sum_j m_j W(x - y_j) for point masses m_j at y_j.

    Call it, or its ``gradient``, on coordinates of any shape, one argument for each coordinate.

    A source at x itself adds W(0) to the value, or nothing if W(0) is infinite. It adds 0 to the gradient.
    """

    kernel: Kernel
    points: Array
    masses: Array

    def __call__(self, *x: Any) -> Array:
        at, shape = _flat_points(x)
        return pair_values(self.kernel, at, self.points, self.masses).reshape(shape)

    def gradient(self, *x: Any) -> Array:
        """Return the gradient in the convention of ``Kernel.gradient``.

        In dimension 1 it has the shape of x. In higher dimensions it has a leading axis of length d.
        """
        at, shape = _flat_points(x)
        pulls = pair_gradients(self.kernel, at, self.points, self.masses)
        return pulls.reshape(shape) if at.ndim == 1 else pulls.T.reshape(len(x), *shape)


def _flat_points(coordinates: tuple[Any, ...]) -> tuple[Array, tuple[int, ...]]:
    """Return the coordinates as points of shape (n,) or (n, d), and the shape that the coordinates came in."""
    arrays = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in coordinates))
    flat = [coordinate.ravel() for coordinate in arrays]
    return (flat[0] if len(flat) == 1 else np.stack(flat, axis=1)), arrays[0].shape
