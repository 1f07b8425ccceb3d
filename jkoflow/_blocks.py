"""Points in blocks that lie together."""

from __future__ import annotations

import numpy as np

from ._typing import Array

BLOCK = 64  # points


class Blocks:
    """Points in an order in which blocks of 64 lie together, and the boxes around the blocks.

    Attributes
    ----------
    order : array (n,)
        The numbers of the points, in the order of the leaves of a tree.
    points : array (d, n)
        The points in this order.
    low, high : arrays (d, blocks)
        The corners of the boxes.

    >>> blocks = Blocks(np.random.default_rng(0).random((1000, 2)))
    >>> blocks.points.shape, blocks.low.shape
    ((2, 1000), (2, 16))
    """

    def __init__(self, points: Array) -> None:
        from scipy.spatial import cKDTree

        self.order = cKDTree(points, leafsize=BLOCK).indices
        self.points = np.ascontiguousarray(points[self.order].T)
        starts = np.arange(0, len(points), BLOCK)
        self.low, self.high = (bound.reduceat(self.points, starts, axis=1) for bound in (np.minimum, np.maximum))
