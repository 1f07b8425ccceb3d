"""A pull-back on the line whose mass goes on beyond the support: a way back for moved cells that have left it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import Array
from .plane import PlanePull, PlaneSource


@dataclass(frozen=True, eq=False)
class ContinuedPull:
    """A pull of one row with the mass beyond the ends added. ``outside`` is the density beyond, per face, 0 within."""

    within: PlanePull
    outside: Array
    masses: Array

    def derivative(self, change: Array) -> Array:
        """As of the pull within, and of the mass beyond the ends."""
        flow = np.zeros_like(self.outside)
        flow[:, 1:-1] = self._rate * self.outside[:, 1:-1] * np.diff(change, axis=1)
        return self.within.derivative(change) + np.diff(flow, axis=1)

    def conductances(self) -> tuple[Array, ...]:
        """As of the pull within, and of the mass beyond the ends."""
        across, along = self.within.conductances()
        return across, along + self._rate * self.outside

    @property
    def _rate(self) -> float:
        return self.within.rates[1]


class ContinuedSource:
    """A density on the line, shape (1, n), whose mass to the left of a place goes on linearly beyond the ends of its support.

    Where all moved cells stay within the support this is the plain pull-back. Where a face has left it, the plain one has no
    derivative; here the mass between the face and the support is counted with the density at that end, as a debt of the one
    cell and a credit of the other.
    """

    def __init__(self, within: PlaneSource, values: Array) -> None:
        held = np.flatnonzero(values[0] > 0)
        self._within = within
        self._ends = float(held[0]), float(held[-1] + 1)
        self._densities = float(values[0, held[0]]), float(values[0, held[-1]])

    def pull(self, potential: Array) -> ContinuedPull:
        """The masses of the cells moved by tau grad phi, and their debts. O(n)."""
        pulled = self._within.pull(potential)
        count = potential.shape[1]
        places = np.arange(1.0, count) + self._within.rates[1] * np.diff(potential, axis=1)
        beyond = np.zeros((1, count + 1))
        outside = np.zeros((1, count + 1))
        low, high = self._ends
        beyond[:, 1:-1] = np.where(places < low, places - low, np.maximum(places - high, 0.0))
        outside[:, 1:-1] = np.where(places < low, self._densities[0], np.where(places > high, self._densities[1], 0.0))
        return ContinuedPull(pulled, outside, pulled.masses + np.diff(outside * beyond, axis=1))
