"""The places that hold mass."""

from __future__ import annotations

import numpy as np

from .._typing import Array
from ..measures import Density, Measure, Quantiles

_TRACE = 1e-8  # of the largest density: a cell of a grid below this counts as empty


def support(measure: Measure) -> Array:
    """Return the places at which a measure holds mass, an array (n, d).

    * Particles: the particles with mass.
    * Quantiles: the ends of the cells with mass.
    * Density: the centres of the cells whose density is more than 1e-8 of the largest density.
    """
    if isinstance(measure, Quantiles):
        has_mass = measure.masses > 0
        ends = np.stack([measure.nodes[:-1][has_mass], measure.nodes[1:][has_mass]])
        return np.asarray(np.unique(ends)[:, None])
    has_mass = measure.masses > 0
    if isinstance(measure, Density):
        has_mass = measure.values.ravel() > _TRACE * measure.values.max()
    points = measure.points[has_mass]
    return np.asarray(points[:, None] if points.ndim == 1 else points)
