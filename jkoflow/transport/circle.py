"""Exact Wasserstein distances on a circle."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._arrays import cumulated
from .._typing import Array
from ..measures import Density, Particles
from ..measures.line_distance import one_sided, quantile_distance

_SHIFT = 1e-13  # of the mass: how exactly the best cut is looked for
_KINK = 1e-6  # of the mass: a kink that is nearer to a cut that was found is tried too


class Turn(NamedTuple):
    """A measure on a circle along one turn, as a pseudo-inverse: the mass of a cell lies evenly between its nodes."""

    nodes: Array
    masses: Array

    @classmethod
    def of(cls, measure: Density | Particles) -> Turn:
        """The turn of a density on a circle, or of points within one turn."""
        if isinstance(measure, Density):
            low, high = measure.grid.bounds[0]
            return cls(np.linspace(low, high, measure.grid.shape[0] + 1), measure.masses)
        places = measure.points.ravel()
        order = np.argsort(places, kind="stable")
        masses = np.zeros(2 * len(order) - 1)  # points are cells without width, the gaps between them have no mass
        masses[::2] = measure.masses[order]
        return cls(np.repeat(places[order], 2), masses)


def circle_distance(a: Turn, b: Turn, length: float, p: float) -> float:
    """Return W_p of two measures of the same mass on a circle of a length, a length.

    It is the least distance of the pseudo-inverses X(s) and Y(s + theta) on the line, over the cuts theta. Its p-th power is
    convex in theta.

    Cost: O(n log n) for each of some forty cuts.

    Source: Delon, Salomon, Sobolevski, Fast transport optimization for Monge costs on the circle (2010).

    >>> from jkoflow import Grid
    >>> grid = Grid.torus((0, 1), cells=10)
    >>> near_end, near_start = (Turn.of(grid.density(np.eye(10)[k])) for k in (9, 0))
    >>> round(circle_distance(near_end, near_start, 1.0, 2), 9)
    0.1
    """
    from scipy.optimize import minimize_scalar

    total = float(a.masses.sum())
    shares = a.masses / total

    def distance(theta: float) -> float:
        nodes, masses = _from_level(b, length, theta)
        return quantile_distance(a.nodes, shares, nodes, masses, p)

    found = minimize_scalar(distance, bounds=(-1.0, 1.0), method="bounded", options={"xatol": _SHIFT, "maxiter": 200})
    kinks = _meetings(cumulated(shares), cumulated(b.masses / b.masses.sum()), float(found.x))
    return float(min([found.fun, *map(distance, kinks)]) * total ** (1 / p))


def _meetings(levels_a: Array, levels_b: Array, theta: float) -> Array:
    """The cuts next to theta at which edges of cells of both densities meet: there the distance may have a kink."""
    copies = np.concatenate([levels_b[:-1] - 1, levels_b[:-1], levels_b + 1])
    after = np.clip(np.searchsorted(copies, levels_a + theta), 1, len(copies) - 1)
    cuts = np.concatenate([copies[after] - levels_a, copies[after - 1] - levels_a])
    return np.unique(cuts[np.abs(cuts - theta) < _KINK].round(14))


def _from_level(turn: Turn, length: float, theta: float) -> tuple[Array, Array]:
    """The nodes and shares of one turn of a pseudo-inverse that begins at the level theta of the mass."""
    levels = cumulated(turn.masses)
    levels = levels / levels[-1]
    all_levels = np.concatenate([levels - 1, levels, levels + 1])
    all_nodes = np.concatenate([turn.nodes - length, turn.nodes, turn.nodes + length])
    inner = (all_levels > theta) & (all_levels < theta + 1)
    ends = zip((theta, theta + 1), ("right", "left"), strict=True)
    start, end = (float(one_sided(all_levels, all_nodes, np.array([level]), side)[0]) for level, side in ends)
    nodes = np.concatenate([[start], all_nodes[inner], [end, start + length]])  # a gap at the cut holds no mass
    return nodes, np.append(np.diff(np.concatenate([[theta], all_levels[inner], [theta + 1]])), 0.0)
