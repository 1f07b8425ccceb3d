"""The distance of two densities from their marginals."""

from __future__ import annotations

import numpy as np

from ....measures import Density
from ....measures.line_distance import quantile_distance
from ....transport.circle import Turn, circle_distance

_SEEN = 1e-7  # of the longest axis, root mean square: less is the rounding of mass levels


def distance_of_marginals(first: Density, second: Density) -> float:
    """The root of the sum over the axes of the squares of W2 between the marginals: at most W2, and in one dimension W2 itself.

    A distance that rounding may have made counts 0.
    """
    grid, square = first.grid, 0.0
    for axis, (low, high) in enumerate(grid.bounds):
        others = tuple(k for k in range(grid.dim) if k != axis)
        edges = np.linspace(low, high, grid.shape[axis] + 1)
        a, b = (density.values.sum(axis=others) * grid.cell_volume for density in (first, second))
        if grid.periodic_axes[axis]:
            square += circle_distance(Turn(edges, a), Turn(edges, b), high - low, 2) ** 2
        else:
            square += quantile_distance(edges, a, edges, b, 2) ** 2
    seen = square > _SEEN**2 * max(grid.lengths) ** 2 * first.mass
    return float(np.sqrt(square)) if seen else 0.0
