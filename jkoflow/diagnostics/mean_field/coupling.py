"""Distances between particles and the characteristics of their limit, and between two fields."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._validate import of_kind
from ...fields import AnyField
from ...measures import MovingParticles

_FINER = 4  # points at which fields are compared, per cell and axis


def coupling_error(particles: MovingParticles, others: MovingParticles) -> float:
    """Return the mean of |x - x'|^2 + |v - v'|^2 over particles that started alike (synchronous coupling).

    It is at least W2^2 between the two clouds in phase space. Compare particles with the characteristics of the Vlasov
    equation from the same points: it falls like 1 / N.

    Raises ValueError for clouds of different shapes or masses.

    Source: Sznitman, Topics in propagation of chaos (1991); docs/theory/chemotaxis.md, section 3.

    >>> pair, moved = MovingParticles([0.0, 1.0], [0.0, 0.0]), MovingParticles([0.0, 1.0], [0.0, 2.0])
    >>> coupling_error(pair, moved)
    2.0
    """
    for name, cloud in (("particles", particles), ("others", others)):
        of_kind(name, cloud, MovingParticles, "MovingParticles")
    if particles.points.shape != others.points.shape or not np.array_equal(particles.masses, others.masses):
        raise ValueError(
            f"others must be particles of the same masses, got shape {others.points.shape}, not {particles.points.shape}"
        )
    gaps = (particles.phase - others.phase) ** 2
    squares = gaps.reshape(2, len(particles.masses), -1).sum(axis=(0, 2))
    return float(particles.masses @ squares / particles.mass)


def field_gradient_distance(field: AnyField, other: AnyField, points: Any = None) -> float:
    """Return the largest |grad c - grad c'| over points.

    By default they are a lattice four times as fine as the cells of ``field``.

    Raises ValueError if there are no cells and no points are given.

    >>> from jkoflow import Field, Grid
    >>> grid = Grid.torus((0, 2 * np.pi), cells=16)
    >>> round(field_gradient_distance(Field(grid, lambda x: np.sin(x)), Field(grid)), 3)
    0.999
    """
    if points is None:
        held = field.waves
        if held is None:
            raise ValueError(f"points must be given for {field!r}, which has no cells")
        axes = [
            low + (high - low) * (np.arange(_FINER * n) + 0.5) / (_FINER * n)
            for (low, high), n in zip(held.grid.bounds, held.grid.shape, strict=True)
        ]
        points = np.stack([x.ravel() for x in np.meshgrid(*axes, indexing="ij")], axis=1)
    gap = field.gradient_at(points) - other.gradient_at(points)
    return float(np.sqrt((gap.reshape(len(gap), -1) ** 2).sum(axis=1).max()))
