"""The contract of fields."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from .._frozen import ReadOnly
from .._typing import Array
from .._validate import real_array
from ..linear import phi
from .emitters import Emitter
from .profiles import Profile

_SMALL = 1.0  # of rate times duration: below, the closed forms of the weights lose digits


class Emission(NamedTuple):
    """``strength`` times ``profile``, at the mass of an emitter."""

    strength: float
    profile: Profile
    emitter: Emitter


class AnyField(ReadOnly, ABC):
    """A function of space that evolves by  dc/dt = D lap c - kappa c + (sources).

    A field is a value: what changes it returns another one. ``modes`` are the numbers that a flow changes.
    """

    modes: Array

    @property
    @abstractmethod
    def dim(self) -> int:
        """The dimension of space."""

    @abstractmethod
    def at(self, points: Any) -> Array:
        """Return the values at points: shape (n,) or (n, d) gives (n,)."""

    @abstractmethod
    def gradient_at(self, points: Any) -> Array:
        """Return the gradients at points, in the shape of the points."""

    @abstractmethod
    def like(self, modes: Array) -> Self:
        """Return the field of the same kind with other modes."""

    @abstractmethod
    def decay_rates(self, diffusion: float, decay: float, by_cells: bool = False) -> Array:
        """Return the rate at which every mode decays. ``by_cells``: with the Laplacian of the cells of the grid."""

    @abstractmethod
    def source(self, emissions: Sequence[Emission], diffusion: float) -> Array:
        """Return the rate at which emissions make every mode."""

    def ready(self, emissions: Sequence[Emission], h: float, diffusion: float, decay: float) -> Self:
        """Return the same field, able to take emissions up to a time h from now."""
        return self

    def after(
        self,
        h: float,
        diffusion: float,
        decay: float,
        first: Sequence[Emission],
        last: Sequence[Emission],
        by_cells: bool = False,
    ) -> Self:
        """Return the field after a time h. Its sources go linearly from ``first`` to ``last``, for which the answer is exact.

        Source: docs/theory/chemotaxis.md, section 2.2 (exponential time differencing of order 2).
        """
        z = h * self.decay_rates(diffusion, decay, by_cells)
        e, p1, p2 = duhamel_weights(z)
        at_start, at_end = self.source(first, diffusion), self.source(last, diffusion)
        return self.like(e * self.modes + h * ((p1 - p2) * at_start + p2 * at_end))

    def aged(self, h: float) -> Self:
        """Return the same field, a time h later: for fields that know how long their sources have been at work."""
        return self

    @property
    def stored(self) -> Mapping[str, Array]:
        """The arrays that a flow changes, by name."""
        return {"modes": self.modes}

    def restored(self, arrays: Mapping[str, Array]) -> Self:
        """Return the field with the arrays that ``stored`` has told."""
        return self.like(arrays["modes"])

    def _as_points(self, points: Any) -> Array:
        """Points as an array (n, d). Raises ValueError for another dimension."""
        array = real_array("points", points)
        array = array.reshape(-1, 1) if array.ndim <= 1 and self.dim == 1 else array
        if array.ndim != 2 or array.shape[1] != self.dim:
            raise ValueError(f"points must have shape (n, {self.dim}) for a field in dimension {self.dim}, got {array.shape}")
        return array


def duhamel_weights(z: Array) -> tuple[Array, Array, Array]:
    """Return exp(-z), (1 - exp(-z)) / z and (z - 1 + exp(-z)) / z^2, to a few roundings."""
    small = z < _SMALL
    safe = np.where(small, 1.0, z)
    e, m = np.exp(-z), -np.expm1(-safe)
    p1, p2 = m / safe, (safe - m) / safe**2
    if small.any():
        p1[small], p2[small] = phi(3, z[small])[1:]
    return e, p1, p2
