"""Products of gradients on measures that hold densities."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from .._typing import Array
from ..measures import Density, Measure, RadialQuantiles, unit_ball


@singledispatch
def gradient_product(measure: Measure, f: Array, g: Array, weight: Array | float = 1.0) -> float:
    """int weight grad f . grad g dx for fields at the points of a measure, by differences between neighbours.

    Without the faces beyond which a field is not finite or the weight is 0: those of empty cells.
    """
    raise ValueError(f"gradients of a density are known for Density and RadialQuantiles, got {type(measure).__name__}")


@gradient_product.register
def _(measure: Density, f: Array, g: Array, weight: Array | float = 1.0) -> float:
    total, w = 0.0, np.broadcast_to(weight, f.shape)
    counts = np.isfinite(f) & np.isfinite(g) & (w > 0)
    f, g, w = (np.where(counts, one, 0.0) for one in (f, g, w))
    for axis, h in enumerate(measure.grid.spacing):
        held, across = np.moveaxis(counts, axis, 0), np.moveaxis(w, axis, 0)
        rise = np.diff(np.moveaxis(f, axis, 0), axis=0) * np.diff(np.moveaxis(g, axis, 0), axis=0) / h**2
        total += float(np.sum((held[1:] & held[:-1]) * (across[1:] + across[:-1]) / 2 * rise)) * measure.grid.cell_volume
    return total


@gradient_product.register
def _(measure: RadialQuantiles, f: Array, g: Array, weight: Array | float = 1.0) -> float:
    r, inner = measure.points, measure.nodes[1:-1]
    w = np.broadcast_to(weight, f.shape)
    area = measure.dim * unit_ball(measure.dim) * inner ** (measure.dim - 1)
    return float(np.sum(area * (w[1:] + w[:-1]) / 2 * np.diff(f) * np.diff(g) / np.diff(r)))
