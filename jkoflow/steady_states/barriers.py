"""Barriers that mass cannot be seen to cross: what is behind them is left undetermined by rounding."""

from __future__ import annotations

import numpy as np

from ..proximal.grids.finite_volume import SteadyEquations, Trial


def slowest_rate(equations: SteadyEquations, trial: Trial, k: int) -> float:
    """The slowest rate at which parts of a species with an entropy exchange mass, over the fastest rate of a cell.

    Parts are joined over their widest passes, one after the other: Kruskal's spanning tree of the conductances. Two parts of
    the weights m = sum exp(-Phi / D) exchange mass through a pass of the conductance c at the rate c / m of the lighter one, up
    to a factor of 2. A part with a door has an infinite weight. Rates near 1e-16 drown in the rounding of the others.

    At most 1, which it is for a species without an entropy. Cost: O(n log n).

    Source: Bovier and den Hollander, Metastability (2015), chapter 7, on capacities; Kruskal (1956).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    diffusion, faces, n = equations.local[k].entropy, equations.faces[k], equations.grid.size
    if not diffusion or not len(faces.left):
        return 1.0
    potential = trial.potentials[k] / diffusion
    rise = np.abs(potential[faces.right] - potential[faces.left])
    with np.errstate(divide="ignore", invalid="ignore"):  # of the flux of Scharfetter and Gummel, in exp(Phi / D) rho
        bernoulli = np.where(rise > 1e-8, np.log(rise) - np.log1p(-np.exp(-rise)), 0.0)
    top = np.maximum(potential[faces.right], potential[faces.left])
    log_c = bernoulli - top + np.log(equations.rates[k] * diffusion / faces.widths**2)
    widest = float(log_c.max())
    weights = widest - log_c + 1.0  # positive, and least for the widest pass
    tree = minimum_spanning_tree(coo_array((weights, (faces.left, faces.right)), shape=(n, n)).tocsr()).tocoo()
    order = np.argsort(tree.data)
    log_m = -potential
    log_m[equations.doors[k].cells] = np.inf
    parent, slowest = np.arange(n), 0.0
    for edge in order:
        a, b = _root(parent, int(tree.row[edge])), _root(parent, int(tree.col[edge]))
        pass_ = widest + 1.0 - float(tree.data[edge])
        lighter = float(min(log_m[a], log_m[b]))
        if np.isfinite(lighter):
            slowest = min(slowest, pass_ - lighter)
        parent[b], log_m[a] = a, np.logaddexp(log_m[a], log_m[b])
    return float(np.exp(slowest))


def _root(parent: np.ndarray, node: int) -> int:
    """The root of a node, with its path halved on the way."""
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = int(parent[node])
    return node
