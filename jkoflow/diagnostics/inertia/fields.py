"""The velocities of first order that a state drives, at the places of another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..._typing import Array
from ...clouds import CloudLaw, gradient_of
from ...kernels.sums import pair_gradients
from ...laws import Law
from ...laws.forms import Damping, VelocityPull
from ...measures import Density, Measure, MovingParticles, Particles, PhaseDensity, Species
from ...schemes.particles.inertia import force_fields


def first_order_velocities(law: Law, source: Species, at: Species, mobilities: Mapping[str, float]) -> dict[str, Array]:
    """u = -alpha grad dE/d rho of every species, with rho that of ``source``, at the places of ``at``.

    For MovingParticles the shape is that of the points, for PhaseDensity it is (d, ...) over the grid of places.

    Raises ValueError for a law on velocities, for other measures, and if one of the states is on a grid and the other is not.
    """
    for entry in law.forms.entries:
        if isinstance(entry.form, VelocityPull | Damping):
            raise ValueError(f"law must be of places, which has a flow of first order, got {entry.term!r}")
    held = Species({name: measure.places for name, measure in source.items()})
    if issubclass(at.kind, MovingParticles) and issubclass(held.kind, Particles):
        return _at_points(law, held, at, mobilities)
    if issubclass(at.kind, PhaseDensity) and issubclass(held.kind, Density) and held.domain == at.domain[0]:
        return force_fields(law, held, mobilities)
    raise ValueError(
        f"flow and limit must both be of particles, or both on one grid of places, got {at.kind.__name__} and "
        f"{source.kind.__name__}"
    )


def _at_points(law: Law, source: Species, at: Species, mobilities: Mapping[str, float]) -> dict[str, Array]:
    clouds = CloudLaw.of(law, source, mobilities)
    if clouds.positions:
        raise ValueError("law must be of potentials and kernels, got a function of positions, which is known at these alone")
    out = {name: np.zeros_like(measure.points) for name, measure in at.items()}
    for (a, b), kernel in clouds.kernels.items():
        by = source[clouds.names[b]]
        out[clouds.names[a]] -= pair_gradients(kernel, at[clouds.names[a]].points, by.points, by.masses)
    for a, name in enumerate(clouds.names):
        x = at[name].points
        for c, term in clouds.fields[a]:
            out[name] -= c * gradient_of(term, x.reshape(len(x), -1)).reshape(x.shape)
        out[name] *= mobilities[name]
    return out


def spread_about(measure: Measure, velocities: Array, power: int) -> float:
    """int int |v - u(x)|^power df, for the velocities u at the places of f."""
    if isinstance(measure, MovingParticles):
        apart = (measure.velocities - velocities).reshape(len(measure.masses), -1)
        return float(measure.masses @ (apart**2).sum(axis=1) ** (power / 2))
    assert isinstance(measure, PhaseDensity)
    meshes = np.meshgrid(*measure.velocity.axes, indexing="ij")
    fields = [u.reshape(u.shape + (1,) * measure.dim) for u in velocities]
    squares = sum(((v - u) ** 2 for v, u in zip(meshes, fields, strict=True)), np.zeros(measure.values.shape))
    return float((measure.values * squares ** (power / 2)).sum()) * measure.cell_volume
