"""Kernels that go round: particles on a torus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import of_kind, plain_numbers, positive
from .base import Kernel

Period = float | tuple[float | None, ...]
"""The period of every axis, or one for all; None for an axis that does not close."""


@dataclass(frozen=True)
class Periodic(Kernel):
    """A kernel along the shortest way round a torus: W(x - k L), where k L is the multiple of the periods nearest to x.

    So particles live on a torus. Their coordinates go on beyond a period, and count the turns; ``Particles.wrapped`` brings
    them back into a box. Potentials, Advection and regions are functions of these coordinates: give them the same period.
    ``Alignment`` has a ``period`` of its own. A Density on ``Grid.torus`` needs none of this.

    Only the nearest image acts. A kernel that has not decayed at half a period has a kink there, or a jump of its gradient.

    Parameters
    ----------
    kernel : Kernel
        One that is smooth, for schemes that must know what happens in collisions.
    period : float or tuple
        L, the same along all axes, or one per axis; None for an axis that does not close, as in a channel.

    Cost: sums over pairs in numpy, O(n m). Fast sums do not know of it.

    Raises ValueError for a kernel that is none, and for a period that is not positive.

    >>> import numpy as np, jkoflow as jf
    >>> W = Periodic(jf.Gaussian(1.0, 0.1), 1.0)
    >>> bool(np.isclose(W(0.95), W(-0.05))), W.pointy
    (True, False)
    >>> pair = jf.Particles([0.12, 0.98])                                                  # neighbours across the end
    >>> flow = jf.evolve(jf.Interaction(W), pair, scheme=jf.Overdamped(), dt=0.01, t_end=0.2)
    >>> flow.final.points.round(3), flow.final.wrapped((0.0, 1.0)).points.round(3)
    (array([0.05, 1.05]), array([0.05, 0.05]))
    """

    kernel: Kernel
    period: Period

    def __post_init__(self) -> None:
        plain_numbers(self)
        of_kind("kernel", self.kernel, Kernel, "a Kernel such as Gaussian()")
        object.__setattr__(self, "period", checked_period(self.period))

    @property
    def convexity(self) -> float:
        """-inf: no function on a torus is convex for any lambda that is known from the kernel alone."""
        return -np.inf

    @property
    def pointy(self) -> bool:
        return self.kernel.pointy

    @property
    def singular(self) -> bool:
        return self.kernel.singular

    @property
    def by_value(self) -> bool:
        return self.kernel.by_value

    def __call__(self, *displacement: Any) -> Array:
        return self.kernel(*shortest(displacement, self.period))

    def gradient(self, *displacement: Any) -> Array:
        return self.kernel.gradient(*shortest(displacement, self.period))


def checked_period(period: Any) -> Period:
    """Return a period as it is. Raises ValueError for anything but positive numbers, or None for axes that do not close."""
    if isinstance(period, tuple | list):
        if not period or all(length is None for length in period):
            raise ValueError(f"period must close an axis at least, got {period!r}")
        return tuple(None if length is None else positive("period", length) for length in period)
    return positive("period", period)


def shortest(displacement: tuple[Any, ...], period: Period) -> list[Array]:
    """Return the coordinates of a displacement along the shortest way round. Raises ValueError for another dimension."""
    periods = period if isinstance(period, tuple) else (period,) * len(displacement)
    if len(periods) != len(displacement):
        raise ValueError(f"period must have {len(displacement)} lengths, one per axis, got {period!r}")
    coordinates = [np.asarray(x, dtype=np.float64) for x in displacement]
    return [x if L is None else x - L * np.round(x / L) for x, L in zip(coordinates, periods, strict=True)]
