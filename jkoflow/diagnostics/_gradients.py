"""Products of gradients on measures that hold densities."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from .._typing import Array
from ..measures import Density, Measure, RadialQuantiles, unit_ball


@singledispatch
def gradient_product(measure: Measure, f: Array, g: Array, weight: Array | float = 1.0) -> float:
    """Return int weight grad f . grad g dx, for fields f and g at the points of a measure.

    The gradients are differences between neighbours. On a grid, the faces next to empty cells are left out (see
    ``Grid.dirichlet``). Raises ValueError for other measures than Density and RadialQuantiles.
    """
    raise ValueError(f"gradients of a density are known for Density and RadialQuantiles, got {type(measure).__name__}")


@gradient_product.register
def _(measure: Density, f: Array, g: Array, weight: Array | float = 1.0) -> float:
    return measure.grid.dirichlet(f, weight, g)


@gradient_product.register
def _(measure: RadialQuantiles, f: Array, g: Array, weight: Array | float = 1.0) -> float:
    r, inner = measure.points, measure.nodes[1:-1]
    w = np.broadcast_to(weight, f.shape)
    area = measure.dim * unit_ball(measure.dim) * inner ** (measure.dim - 1)
    return float(np.sum(area * (w[1:] + w[:-1]) / 2 * np.diff(f) * np.diff(g) / np.diff(r)))
