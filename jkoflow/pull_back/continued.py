"""A pull-back on the line whose mass goes on beyond the support, so that moved cells that have left it can come back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import Array
from .plane import PlanePull, PlaneSource


@dataclass(frozen=True, eq=False)
class ContinuedPull:
    """The pull-back of one row, ``within``, plus the mass beyond the ends of the support.

    ``outside`` has one entry per face: the density at the end that the face has passed, 0 for a face within the support.
    """

    within: PlanePull
    outside: Array
    masses: Array

    def derivative(self, change: Array) -> Array:
        """Return the derivative of the pull-back within, plus the derivative of the mass beyond the ends."""
        flow = np.zeros_like(self.outside)
        flow[:, 1:-1] = self._rate * self.outside[:, 1:-1] * np.diff(change, axis=1)
        return self.within.derivative(change) + np.diff(flow, axis=1)

    def conductances(self) -> tuple[Array, ...]:
        """Return the conductances of the pull-back within, plus the conductances of the mass beyond the ends."""
        across, along = self.within.conductances()
        return across, along + self._rate * self.outside

    @property
    def _rate(self) -> float:
        return self.within.rates[1]


class ContinuedSource:
    """A density on the line, shape (1, n), whose mass to the left of a place goes on linearly beyond the ends of its support.

    If all moved cells stay within the support, this is the plain pull-back. If a face has left the support, the plain pull-back
    has no derivative. Here the interval between the face and the support has the density at that end: its mass is
    added to the cell on one side of the face and subtracted from the cell on the other side.
    """

    def __init__(self, within: PlaneSource, values: Array) -> None:
        cells_with_mass = np.flatnonzero(values[0] > 0)
        self._within = within
        self._ends = float(cells_with_mass[0]), float(cells_with_mass[-1] + 1)
        self._densities = float(values[0, cells_with_mass[0]]), float(values[0, cells_with_mass[-1]])

    def pull(self, potential: Array) -> ContinuedPull:
        """Return the masses of the cells moved by tau grad phi, with the mass beyond the ends. O(n)."""
        pulled = self._within.pull(potential)
        count = potential.shape[1]
        places = np.arange(1.0, count) + self._within.rates[1] * np.diff(potential, axis=1)
        beyond = np.zeros((1, count + 1))
        outside = np.zeros((1, count + 1))
        low, high = self._ends
        beyond[:, 1:-1] = np.where(places < low, places - low, np.maximum(places - high, 0.0))
        outside[:, 1:-1] = np.where(places < low, self._densities[0], np.where(places > high, self._densities[1], 0.0))
        return ContinuedPull(pulled, outside, pulled.masses + np.diff(outside * beyond, axis=1))
