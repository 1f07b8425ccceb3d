"""The points that carry mass."""

from __future__ import annotations

import numpy as np

from .._typing import Array
from ..measures import Density, Measure, Quantiles

_TRACE = 1e-8  # of the largest density: a cell below it counts as empty


def support(measure: Measure) -> Array:
    """The places (n, d) at which a measure holds mass: particles, the ends of the cells of quantiles, the centres of the cells
    of a grid with more than 1e-8 of the largest density.
    """
    if isinstance(measure, Quantiles):
        held = measure.masses > 0
        ends = np.stack([measure.nodes[:-1][held], measure.nodes[1:][held]])
        return np.asarray(np.unique(ends)[:, None])
    held = measure.masses > 0
    if isinstance(measure, Density):
        held = measure.values.ravel() > _TRACE * measure.values.max()
    return np.asarray(measure.points[held].reshape(int(held.sum()), -1))
