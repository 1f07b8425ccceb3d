"""Point masses that have velocities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from .._typing import Array, Indices
from .._validate import finite_array
from .base import HoldsPlaces
from .particles import Particles


@dataclass(frozen=True, eq=False)
class MovingParticles(HoldsPlaces):
    """Point masses in R^d with velocities.

    A law of places sees their places (``places``, a measure of ``Particles``). ``Alignment`` and ``Friction`` act on their
    velocities.

    Attributes
    ----------
    points : array (n,) on the line, (n, d) otherwise
        The positions.
    velocities : array of the same shape
    masses : array (n,), optional
        The masses, positive. By default they are equal and add up to 1.

    Raises ValueError for arrays that are not finite or of another shape, and for masses that are not positive.

    >>> pair = MovingParticles([[0.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [0.0, 3.0]])
    >>> pair.momentum, pair.kinetic_energy, pair.temperature
    (array([0., 2.]), 2.5, 0.5)
    """

    moving: ClassVar[str] = "phase"
    may_leave: ClassVar[bool] = True
    points: Array = None  # type: ignore[assignment]
    velocities: Array = None  # type: ignore[assignment]
    masses: Array = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        held = Particles(self.points, self.masses)
        velocities = finite_array("velocities", self.velocities, held.points.shape).copy()
        velocities.setflags(write=False)
        for name, array in (("points", held.points), ("velocities", velocities), ("masses", held.masses)):
            object.__setattr__(self, name, array)
        self.__dict__["places"] = held

    @cached_property
    def places(self) -> Particles:
        """The particles without their velocities."""
        return Particles(self.points, self.masses)

    @property
    def phase(self) -> Array:
        """Positions and velocities together: shape (2, n) on the line, (2, n, d) otherwise."""
        return np.stack([self.points, self.velocities])

    def like(self, moved: Any) -> Self:
        """Return the particles with other positions and velocities, given as ``phase``."""
        points, velocities = moved
        return type(self)(points, velocities, self.masses)

    def chosen(self, which: Indices) -> Self:
        """Return the particles of these numbers, which count from 0."""
        return type(self)(self.points[which], self.velocities[which], self.masses[which])

    def wrapped(self, *bounds: tuple[float, float] | None) -> Self:
        """Return the particles in a box, with their coordinates moved by multiples of its lengths (``Particles.wrapped``)."""
        return type(self)(self.places.wrapped(*bounds).points, self.velocities, self.masses)

    @property
    def dim(self) -> int:
        """The dimension d."""
        return self.places.dim

    @property
    def mass(self) -> float:
        return self.places.mass

    @property
    def momentum(self) -> Array:
        """sum m v: a number on the line, shape (d,) otherwise."""
        return np.asarray(self.masses @ self.velocities)

    @property
    def mean_velocity(self) -> Array:
        """The momentum divided by the mass. NaN without mass."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.momentum / np.float64(self.mass))

    @property
    def angular_momentum(self) -> Array:
        """sum m x ^ v about the origin: a number in the plane, shape (3,) in space. Raises ValueError on the line."""
        if self.dim not in (2, 3):
            raise ValueError(f"the angular momentum is known in the plane and in space, got dimension {self.dim}")
        x, v = self.points.T, self.velocities.T
        if self.dim == 2:
            return np.asarray(self.masses @ (x[0] * v[1] - x[1] * v[0]))
        return np.asarray(self.masses @ np.cross(self.points, self.velocities))

    @property
    def kinetic_energy(self) -> float:
        """sum m |v|^2 / 2."""
        return float(self.masses @ _squares(self.velocities)) / 2

    @property
    def velocity_spread(self) -> float:
        """(sum m |v - mean|^2 / mass)^(1/2): the standard deviation of the velocities."""
        with np.errstate(invalid="ignore"):
            return float(np.sqrt(self.masses @ _squares(self.velocities - self.mean_velocity) / np.float64(self.mass)))

    @property
    def temperature(self) -> float:
        """The squared spread of the velocities, divided by the dimension."""
        return self.velocity_spread**2 / self.dim

    def moved_from(self, other: Self) -> float:
        """Return how far the places have moved, (sum m |x - y|^2)^(1/2)."""
        return self.places.moved_from(other.places)

    @property
    def domain(self) -> int:
        return self.places.domain

    def __repr__(self) -> str:
        return f"MovingParticles({len(self.masses)} points in dimension {self.dim}, mass={self.mass:.6g})"


def _squares(vectors: Array) -> Array:
    return np.asarray((vectors**2).sum(axis=tuple(range(1, vectors.ndim))))
