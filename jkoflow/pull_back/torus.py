"""The pull-back on a torus: in a box with as many further cells beyond its ends as the map reaches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import Array
from .periodic import rolled_up, unrolled
from .plane import PlanePull, PlaneSource
from .space import SpacePull, SpaceSource

_FARTHEST = 0.5  # periods: optimal maps go the shortest way round; what would move farther stays there
_STEP = 4  # cells: sources are kept for maps that reach about as far


@dataclass(frozen=True, eq=False)
class TorusPull:
    """The pull-back in the box with further cells, ``within``, read on the torus."""

    within: PlanePull | SpacePull
    beyond: tuple[int, ...]
    masses: Array

    def derivative(self, change: Array) -> Array:
        """Return the derivative of the masses in the direction of a change of the potential. O(n)."""
        return rolled_up(self.within.derivative(unrolled(change, self.beyond, change.shape)), self.beyond)

    def conductances(self) -> tuple[Array, ...]:
        """Return the conductances of all faces. Those at both ends of a periodic axis are one face."""
        return tuple(rolled_up(across, self.beyond) for across in self.within.conductances())


class TorusSource:
    """A density on a torus, prepared for pull-backs. ``rates`` are tau / dx_i^2."""

    def __init__(self, values: Array, rates: tuple[float, ...], periodic: tuple[bool, ...]) -> None:
        self._values, self._rates, self._periodic = values, rates, periodic
        self._beyond = (0,) * values.ndim
        self._source = box_source(values, rates)

    def pull(self, potential: Array) -> TorusPull:
        """Return the masses of the cells moved by tau grad phi. O(n) (1 + 2 r)^d, if they move by r periods."""
        counts = potential.shape
        beyond = tuple(self._reach(potential, axis) for axis in range(potential.ndim))
        if beyond != self._beyond:
            self._beyond, self._source = beyond, box_source(unrolled(self._values, beyond, counts), self._rates)
        pulled = self._source.pull(unrolled(potential, beyond, counts))
        return TorusPull(pulled, beyond, np.ascontiguousarray(rolled_up(pulled.masses, beyond)))

    def _reach(self, potential: Array, axis: int) -> int:
        if not self._periodic[axis]:
            return 0
        rise = float(np.abs(potential - np.roll(potential, 1, axis)).max())
        far = min(self._rates[axis] * rise, _FARTHEST * potential.shape[axis])
        return _STEP * int(np.ceil((far + 2) / _STEP))


def box_source(values: Array, rates: tuple[float, ...]) -> PlaneSource | SpaceSource:
    """Return a density in a box in the plane or in space, prepared for pull-backs."""
    if values.ndim == 3:
        return SpaceSource(values, (rates[0], rates[1], rates[2]))
    return PlaneSource(values, (rates[0], rates[1]))
