"""Forms of terms that move mass by other mass, by velocities, or make it grow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..._functions import called
from ..._typing import Array
from ...kernels import Kernel
from ...kernels.periodic import Period
from ..time_functions import fixed_at
from .base import Form


@dataclass(frozen=True, eq=False)
class Pair(Form):
    """Species ``a`` moves with -grad K * rho_b, and ``b`` with -grad K * rho_a. ``a`` and ``b`` may be the same species.

    The energy is int int K(x - y) d rho_a d rho_b, with a factor 1/2 if a and b are the same species.
    """

    label: ClassVar[str] = "pair interactions"
    kernel: Kernel
    a: str
    b: str

    @property
    def is_self(self) -> bool:
        """True if a and b are the same species."""
        return self.a == self.b

    @property
    def motions(self) -> tuple[tuple[str, str, Kernel], ...]:
        of_a, of_b = (self.a, self.b, self.kernel), (self.b, self.a, self.kernel)
        return (of_a,) if self.is_self else (of_a, of_b)


@dataclass(frozen=True, eq=False)
class OneWay(Form):
    """Species ``moves`` moves with -grad K * rho_by, and nothing acts back on ``by``. There is no energy."""

    label: ClassVar[str] = "drifts"
    has_energy: ClassVar[bool] = False
    kernel: Kernel
    moves: str
    by: str

    @property
    def motions(self) -> tuple[tuple[str, str, Kernel], ...]:
        return ((self.moves, self.by, self.kernel),)


@dataclass(frozen=True, eq=False)
class VelocityPull(Form):
    """Species ``moves`` is accelerated by sum_j m_j psi(|x - y_j|) (w_j - v) over the particles of ``by``: no energy.

    With ``groups`` the sum is over the particles of the same group, and their masses are multiplied by the number of groups.
    With ``period`` distances go the shortest way round.
    """

    label: ClassVar[str] = "alignments of velocities"
    has_energy: ClassVar[bool] = False
    psi: Callable[[Any], Any]
    moves: str
    by: str
    groups: int = 1
    period: Period | None = None


@dataclass(frozen=True, eq=False)
class Damping(Form):
    """One species is accelerated by -rate v. There is no energy."""

    label: ClassVar[str] = "frictions"
    has_energy: ClassVar[bool] = False
    species: str
    rate: float


@dataclass(frozen=True, eq=False)
class Carrying(Form):
    """Species ``species`` is carried by a velocity v(x): d rho / dt = -factor div(rho v). There is no energy."""

    label: ClassVar[str] = "velocity fields"
    has_energy: ClassVar[bool] = False
    is_outer: ClassVar[bool] = True
    species: str
    velocity: Callable[..., Any]

    def at(self, points: Array, time: float) -> Array:
        """The velocity at points (n, d), shape (n, d). Raises ValueError for a function that returns anything else."""
        count, dim = points.shape
        function = fixed_at(self.velocity, time)

        def components(*coordinates: Array) -> Array:
            parts = function(*coordinates)
            return np.stack([np.broadcast_to(p, count) for p in parts]) if isinstance(parts, tuple | list) else parts

        returned = called("velocity", components, list(points.T))
        if returned.shape != (dim, count) and not (dim == 1 and returned.shape in ((), (count,))):
            raise ValueError(f"velocity must return {dim} components for every point, got shape {returned.shape}")
        if not np.isfinite(returned).all():
            raise ValueError(f"velocity must be finite everywhere, and it is not at some of {count} points")
        return np.asarray(np.broadcast_to(returned, (dim, count)).T)


@dataclass(frozen=True, eq=False)
class Reacting(Form):
    """d rho / dt = factor rate(...) rho of one species. There is no energy.

    ``rate`` is a number, or a function of densities, places and the time, whose arguments are told apart by their names.
    """

    label: ClassVar[str] = "growth"
    has_energy: ClassVar[bool] = False
    is_outer: ClassVar[bool] = True
    species: str
    rate: float | Callable[..., Any]
