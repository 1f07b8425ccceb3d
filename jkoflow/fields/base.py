"""The contract of fields."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from .._frozen import ReadOnly
from .._typing import Array
from .._validate import real_array
from ..linear import phi
from .emitters import Emitter
from .profiles import Profile


class Medium(NamedTuple):
    """What a field goes through: its diffusion D and its decay kappa.

    With ``by_cells`` the Laplacian is that of the differences between the cells of the grid.
    """

    diffusion: float
    decay: float
    by_cells: bool = False


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

    @property
    def waves(self) -> Any:
        """The field as a sum of waves, a ``Field``; None if it is none."""
        return None

    @abstractmethod
    def decay_rates(self, medium: Medium) -> Array:
        """Return the rate at which every mode decays."""

    @abstractmethod
    def source(self, emissions: Sequence[Emission], medium: Medium) -> Array:
        """Return the rate at which emissions make every mode."""

    def ready(self, emissions: Sequence[Emission], h: float, medium: Medium) -> Self:
        """Return the same field, able to take emissions up to a time h from now. Raises ValueError for profiles it cannot."""
        return self

    def after(self, h: float, medium: Medium, first: Sequence[Emission], last: Sequence[Emission]) -> Self:
        """Return the field after a time h. Its sources go linearly from ``first`` to ``last``, for which the answer is exact.

        Source: docs/theory/chemotaxis.md, section 2.2 (exponential time differencing of order 2).
        """
        field = self.ready([*first, *last], h, medium)
        e, p1, p2 = phi(3, h * field.decay_rates(medium))
        at_start, at_end = field.source(first, medium), field.source(last, medium)
        return field.like(e * field.modes + h * ((p1 - p2) * at_start + p2 * at_end)).aged(h)

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
